//! Script text as signals look at it: the parts of one block joined, everything else as logged.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ahash::RandomState;

use super::meta::Reads;
use super::rows::View;
use super::starts;
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::schema::{Col, common, process, script as t};

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
    t::CONTEXT,
    t::PID,
    t::PROC_GUID,
];

/// What signals over commands read, typed or scripted: starts of processes and script blocks.
pub const WITH_STARTS: &[Reads] = &[
    Reads {
        table: &process::TABLE,
        columns: starts::COLUMNS,
    },
    Reads {
        table: &t::TABLE,
        columns: COLUMNS,
    },
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
    let mut told: HashSet<&str, RandomState> = HashSet::default();
    groups.into_iter().filter_map(|parts| join(parts, &mut told)).collect()
}

/// The command line of a pipeline record (event 800, 4103), whose own text names only one command of it.
fn pipeline(context: &str) -> Option<&str> {
    let line = context.lines().find_map(|l| l.trim().strip_prefix("CommandLine="))?;
    let line = line.trim();
    (!line.is_empty()).then_some(line)
}

/// `told` holds the command lines of pipelines that a block carries already: each is looked at once.
fn join<'a>(mut parts: Vec<Row<'a>>, told: &mut HashSet<&'a str, RandomState>) -> Option<Block<'a>> {
    let first = *parts.first()?;
    if parts.len() == 1 {
        let text = first.str(t::TEXT);
        let line = pipeline(first.str(t::CONTEXT)).filter(|l| told.insert(l));
        return Some(Block {
            row: first,
            text: match line {
                Some(line) => Cow::Owned(format!("{text}\n{line}")),
                None => Cow::Borrowed(text),
            },
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
