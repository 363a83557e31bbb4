//! Events as Splunk's agent for Windows renders them: a line with the date, `LogName=…` on the next, further `Key=value` lines, and a
//! message of any number of lines at the end.

use super::Piece;
use crate::base::time::{self, DateOrder};

/// What stands behind the line with the date.
const SECOND_LINE: &[u8] = b"\nLogName=";

/// The events of a block.
pub struct RenderedEvents<'a> {
    block: &'a [u8],
    at: usize,
    /// Where the next event begins.
    next: Option<usize>,
}

impl<'a> RenderedEvents<'a> {
    /// Iterates over a block that begins where an event begins, or where the input does.
    pub fn new(block: &'a [u8]) -> Self {
        Self {
            block,
            at: 0,
            next: begin(block, 0),
        }
    }
}

impl<'a> Iterator for RenderedEvents<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        self.block.get(start..).filter(|rest| !rest.is_empty())?;
        let is_event = self.next == Some(start);
        if is_event {
            self.next = begin(self.block, start + 1);
        }
        self.at = self.next.unwrap_or(self.block.len());
        let bytes = self.block.get(start..self.at)?;
        match is_event {
            true => Some(Piece::Record(start, bytes)),
            false if bytes.trim_ascii().is_empty() => self.next(),
            false => Some(Piece::Damaged(start, bytes)),
        }
    }
}

/// Where the first event at or behind a place begins.
fn begin(block: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = memchr::memmem::find(block.get(at..)?, SECOND_LINE)? + at;
        match first_line(block, found).filter(|start| *start >= from) {
            Some(start) => return Some(start),
            None => at = found + 1,
        }
    }
}

/// Where the line that ends at a place begins, if it is a date.
fn first_line(block: &[u8], end: usize) -> Option<usize> {
    let before = block.get(..end)?;
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let line = before.get(start..)?.trim_ascii_end();
    // A message may hold such lines, too; who can write those can write any event.
    (line.len() < 40 && time::us_datetime(line, DateOrder::Mdy).is_some()).then_some(start)
}

/// Up to the last event that begins, which may go on.
pub(super) fn boundary(block: &[u8]) -> usize {
    let mut before = block;
    while let Some(found) = memchr::memmem::rfind(before, SECOND_LINE) {
        if let Some(start) = first_line(block, found) {
            return start;
        }
        before = before.get(..found).unwrap_or_default();
    }
    0
}

/// Where the first event begins, its own start aside where `is_first`.
pub(super) fn resync(window: &[u8], is_first: bool) -> Option<usize> {
    let own = begin(window, 0).filter(|_| is_first);
    begin(window, own.map_or(0, |at| at + 1))
}
