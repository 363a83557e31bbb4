//! The last line of a log that was copied while it was written ends anywhere. It is kept, as nobody knows what it lacks; where
//! a later copy of the log has more of it, it gives way.
//!
//! Lines are told by their places: rows of one host, millisecond and format that stand at one place of two inputs are one line, if
//! the one of them is the end of its input and says nothing that the other does not say, too.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Input;
use super::dedup;
use super::merge::{Gather, Pick, View};
use super::rows::{Column, Rows};
use crate::base::error::Result;
use crate::base::ip::{self, Ip};
use crate::schema::builder::NULL_INT;
use crate::schema::{Col, common, extra};

/// Rows of one host and millisecond that are compared: more of them stand at places of torn lines only where that is meant.
const MOST: usize = 64;
/// Longest texts of a row that is compared, in bytes.
const MOST_BYTES: usize = 64 << 10;

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
    met: Vec<Line>,
    too_many: bool,
}

#[derive(Debug)]
struct Line {
    /// Rank of the format, and place in the input.
    key: (u8, u64),
    extent: u64,
    file_id: u64,
    /// The row alone.
    row: Rows,
}

impl<'t> Lines<'t> {
    /// None yet.
    pub fn new(torn: &'t Torn) -> Self {
        Self {
            torn,
            met: Vec::new(),
            too_many: false,
        }
    }

    /// Looks at a row.
    ///
    /// # Errors
    /// Where the whole of an old row cannot be read.
    pub fn meet(&mut self, slots: &View, pick: Pick) -> Result<()> {
        if self.torn.places.is_empty() || self.too_many {
            return Ok(());
        }
        let (slot, at) = (slots.held(pick)?, pick.at as usize);
        let (file_id, place) = place(&slot.rows, at);
        if !self.torn.places.contains(&place) {
            return Ok(());
        }
        let row = match &slot.old {
            Some(old) => old.whole(at)?,
            None => Gather::new(slot.rows.table()).rows(slots, &[pick]),
        };
        if text_bytes(&row) > MOST_BYTES {
            return Ok(());
        }
        self.met.push(Line {
            key: (dedup::rank(row.text(common::FORMAT, 0)), place),
            extent: self.torn.extent(file_id, place),
            file_id,
            row,
        });
        if self.met.len() > MOST {
            self.met.clear();
            self.too_many = true;
        }
        Ok(())
    }

    /// Content id and place of those of which another has more.
    pub fn parts(&self) -> BTreeSet<(u64, u64)> {
        let has_more = |line: &Line| {
            let mut more = self.met.iter().filter(|m| m.key == line.key && m.extent > line.extent);
            more.any(|m| is_part(&line.row, &m.row))
        };
        let parts = self.met.iter().filter(|line| has_more(line));
        parts.map(|line| (line.file_id, line.key.1)).collect()
    }
}

/// Content id of a row's input, and its place there.
pub fn place(rows: &Rows, at: usize) -> (u64, u64) {
    let int = |col| rows.int(col, at) as u64;
    (int(common::FILE_ID), int(common::ROW))
}

fn text_bytes(row: &Rows) -> usize {
    columns(row).filter_map(|col| row.text(col, 0)).map(<[u8]>::len).sum()
}

fn columns(row: &Rows) -> impl Iterator<Item = Col> {
    (0..row.table().width() as u16).map(Col)
}

/// Whether all that a row says the other says, too: what is cut off there goes on, and at most one field became another.
pub fn is_part(part: &Rows, whole: &Rows) -> bool {
    /// Where they stand, what is left over, and what follows from other fields.
    const ASIDE: [Col; 5] = [
        common::FILE_ID,
        common::ROW,
        common::EXTRA,
        common::ACTION,
        common::OUTCOME,
    ];
    let mut compared = columns(part).filter(|col| !ASIDE.contains(col));
    compared.all(|col| goes_on(part, whole, col)) && others_of_extra(part, whole) <= 1
}

fn goes_on(part: &Rows, whole: &Rows, col: Col) -> bool {
    let (p, w) = (part.column(col), whole.column(col));
    match p {
        Column::Null => true,
        Column::Int(_) => match (part.int(col, 0), whole.int(col, 0)) {
            (NULL_INT, _) => true,
            (_, NULL_INT) => false,
            (p, w) => p == w || w.to_string().starts_with(&p.to_string()),
        },
        Column::Fixed { .. } => p
            .fixed(0)
            .is_none_or(|p| w.fixed(0).is_some_and(|w| p == w || is_cut_address(p, w))),
        Column::Text { .. } => {
            let text = part.text(col, 0);
            text.is_none_or(|text| whole.text(col, 0).is_some_and(|w| w.starts_with(text)))
        }
        Column::List { .. } => {
            let starts = |p: Vec<&[u8]>| w.list(0).is_some_and(|w| w.take(p.len()).eq(p));
            p.list(0).is_none_or(|items| starts(items.collect()))
        }
    }
}

/// Whether one address, as it is written, begins another.
fn is_cut_address(part: &[u8], whole: &[u8]) -> bool {
    let text = |bytes: &[u8]| bytes.try_into().ok().map(|a: Ip| ip::display(&a));
    match (text(part), text(whole)) {
        (Some(part), Some(whole)) => whole.starts_with(&part),
        _ => false,
    }
}

/// How many fields without a column are other ones. One that the whole row has in a column counts once: it may be the one that
/// was cut. One that says something else is never the same line.
fn others_of_extra(part: &Rows, whole: &Rows) -> usize {
    let json = [part, whole].map(|row| row.text(common::EXTRA, 0).unwrap_or_default());
    let [part, whole] = json.map(String::from_utf8_lossy);
    let other = |(name, value): (&str, &str)| match extra::members(&whole).find(|(n, _)| *n == name) {
        None => 1,
        Some((_, w)) => 2 * usize::from(!w.starts_with(value.strip_suffix('"').unwrap_or(value))),
    };
    extra::members(&part).map(other).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::builder::TableSet;
    use crate::schema::http;

    fn row(host: &str, bytes: i64, extra: &str) -> Rows {
        let mut set = TableSet::default();
        let b = set.table(&http::TABLE);
        b.text(http::URL_HOST, host);
        b.int(http::BYTES_IN, bytes);
        if !extra.is_empty() {
            b.text(common::EXTRA, extra);
        }
        b.end_row();
        Rows::from_builder(&mut set.into_builders().next().unwrap()).0
    }

    #[test]
    fn a_cut_line_says_nothing_that_the_whole_one_does_not_say() {
        let whole = row("www.example", 1200, r#"{"a":"one two","b":"3"}"#);
        for part in [
            whole.clone(),
            row("www.ex", 1200, ""),
            row("www.example", 12, r#"{"a":"one two"}"#),
            row("www.example", 1200, r#"{"a":"one t"}"#),
            row("www.example", 1200, r#"{"a":"one two","peer":"203."}"#),
            row("", 120, ""),
        ] {
            assert!(is_part(&part, &whole), "{part:?}");
        }
        for other in [
            row("w3.example", 1200, ""),
            row("www.example", 13, ""),
            row("www.example", 1200, r#"{"a":"two"}"#),
            row("www.example", 1200, r#"{"c":"1","d":"2"}"#),
        ] {
            assert!(!is_part(&other, &whole), "{other:?}");
        }
    }
}
