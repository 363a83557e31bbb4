//! The last line of a log that was copied while it was written ends anywhere. It is kept, as nobody knows what it lacks; where
//! a later copy of the log has more of it, it gives way.
//!
//! That is told by the place: rows of one host, millisecond and format that stand at one place of two inputs are one line, if
//! the one of them is the end of its input.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Input;
use super::dedup;
use super::rows::Rows;
use crate::schema::common;

/// The inputs that end within a line.
#[derive(Debug, Default)]
pub struct Torn {
    /// By content id: where the line begins, and the size of the input in bytes.
    ends: BTreeMap<u64, (u64, u64)>,
    /// All those places.
    places: BTreeSet<u64>,
}

impl Torn {
    /// Those among inputs.
    pub fn of<'i>(inputs: impl Iterator<Item = &'i Input>) -> Self {
        let ends: BTreeMap<_, _> = inputs.filter_map(|i| Some((i.file_id(), (i.torn?, i.bytes)))).collect();
        Self {
            places: ends.values().map(|(at, _)| *at).collect(),
            ends,
        }
    }

    /// How much of a line a row has: all of it, unless it is the end of its input, of which the larger has more.
    fn extent(&self, file_id: u64, row: u64) -> u64 {
        let end = self.ends.get(&file_id).filter(|(at, _)| *at == row);
        end.map_or(u64::MAX, |(_, bytes)| *bytes)
    }
}

/// The rows of one host and millisecond that may be one line.
#[derive(Debug)]
pub struct Lines<'t> {
    torn: &'t Torn,
    /// Rank of the format, place, extent, content id.
    met: Vec<(u8, u64, u64, u64)>,
}

impl<'t> Lines<'t> {
    /// None yet.
    pub fn new(torn: &'t Torn) -> Self {
        Self { torn, met: Vec::new() }
    }

    /// Looks at a row.
    pub fn meet(&mut self, rows: &Rows, at: usize) {
        if self.torn.places.is_empty() {
            return;
        }
        let (file_id, row) = place(rows, at);
        if self.torn.places.contains(&row) {
            let rank = dedup::rank(rows.text(common::FORMAT, at));
            self.met.push((rank, row, self.torn.extent(file_id, row), file_id));
        }
    }

    /// Content id and place of those that are a part of another.
    pub fn parts(mut self) -> BTreeSet<(u64, u64)> {
        self.met.sort_unstable();
        let mut out = BTreeSet::new();
        for line in self.met.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let most = line.last().map_or(0, |l| l.2);
            let parts = line.iter().filter(|l| l.2 < most);
            out.extend(parts.map(|(_, row, _, file_id)| (*file_id, *row)));
        }
        out
    }
}

/// Content id of a row's input, and its place there.
pub fn place(rows: &Rows, at: usize) -> (u64, u64) {
    let int = |col| rows.int(col, at) as u64;
    (int(common::FILE_ID), int(common::ROW))
}
