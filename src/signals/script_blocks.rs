//! Script text as signals look at it: the parts of one block joined, everything else as logged.

use std::borrow::Cow;
use std::collections::HashMap;

use ahash::RandomState;

use super::rows::View;
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::schema::{Col, common, script as t};

/// Columns of `script` that are read here.
pub const COLUMNS: &[Col] = &[
    common::ACTION,
    common::USER,
    t::ENGINE,
    t::BLOCK_ID,
    t::PART,
    t::PARTS,
    t::TEXT,
    t::PATH,
    t::HOST_APP,
    t::PID,
    t::PROC_GUID,
];

/// Most bytes of one joined block; PowerShell splits blocks into parts of about 16 KiB, and detection needs the
/// beginning. \[J\]
const MAX_BLOCK: usize = 1 << 20;

/// One block of script text.
pub struct Block<'a> {
    /// Its first part.
    pub row: Row<'a>,
    /// All its parts that were logged, in order, at most 20.
    pub rows: Vec<Row<'a>>,
    /// The text.
    pub text: Cow<'a, str>,
}

/// The blocks of a host in the order of their first records. A block that was logged twice appears once.
pub fn blocks<'a>(rows: View<'a>) -> Vec<Block<'a>> {
    let mut place: HashMap<StrId, usize, RandomState> = HashMap::default();
    let mut groups: Vec<Vec<Row<'a>>> = Vec::new();
    for row in rows.iter().filter(|r| r.id(t::TEXT) != NO_STR) {
        let id = row.id(t::BLOCK_ID);
        if id == NO_STR {
            groups.push(vec![row]);
            continue;
        }
        let at = *place.entry(id).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.push(row);
        }
    }
    groups.into_iter().filter_map(join).collect()
}

fn join(mut parts: Vec<Row<'_>>) -> Option<Block<'_>> {
    let first = *parts.first()?;
    if parts.len() == 1 {
        return Some(Block {
            row: first,
            text: Cow::Borrowed(first.str(t::TEXT)),
            rows: parts,
        });
    }
    parts.sort_by_key(|r| r.int(t::PART).unwrap_or(0));
    parts.dedup_by_key(|r| (r.int(t::PART), r.id(t::TEXT)));
    let mut text = String::new();
    for part in &parts {
        let part = part.str(t::TEXT);
        if text.len() + part.len() > MAX_BLOCK {
            break;
        }
        text.push_str(part);
    }
    let row = *parts.first()?;
    parts.truncate(20);
    Some(Block {
        row,
        rows: parts,
        text: Cow::Owned(text),
    })
}
