//! The duplicates' rule: which rows of a day of a table are the same record.
//!
//! A record with an id or with a sub-second time is a duplicate when it is the same again. Lines with whole-second
//! times repeat for real: within one input repeats stay, between inputs the n-th copy of one equals the n-th of
//! another. Which copy stays is decided by the format's rank, then by the content's id, then by the place in the
//! input: never by the order in which inputs were met.
//!
//! Copies have the same host and the same millisecond, so they meet within one group of the merge.

use ahash::RandomState;

use super::rows::Rows;
use crate::base::error::Result;
use crate::ingest::formats::FORMATS;
use crate::schema::builder::NULL_INT;
use crate::schema::common;

/// A row's identity within its group, and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Equal for copies.
    pub key: u128,
    /// Rank of the format: the smallest stays.
    pub rank: u8,
    /// Input.
    pub file_id: u64,
    /// Place in the input.
    pub row: u64,
    /// Place in the group.
    pub at: u64,
    /// Repeats within one input are real.
    pub repeats: bool,
}

/// How copies of a row are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// By channel and record id. Collectors cut the time to milliseconds; an id repeats only after a log was cleared.
    Record(u128),
    /// By everything it says; whether repeats within one input are real.
    Whole(bool),
}

/// How copies of a row are told.
pub fn identity(rows: &Rows, at: usize) -> Identity {
    let id = rows.int(common::RECORD_ID, at);
    match (id, rows.text(common::CHANNEL, at)) {
        (NULL_INT, _) => Identity::Whole(rows.int(common::TS, at).rem_euclid(1_000_000) == 0),
        (_, None) => Identity::Whole(false),
        (id, Some(channel)) => {
            let hasher = RandomState::with_seeds(9, 2, 3, 4);
            let channel = hasher.hash_one(channel.to_ascii_lowercase());
            Identity::Record(u128::from(channel) << 64 | u128::from(id as u64))
        }
    }
}

/// The entry of a row; `whole` tells what it says where that counts.
///
/// # Errors
/// Those of `whole`.
pub fn entry(rows: &Rows, at: usize, place: u64, whole: impl FnOnce() -> Result<u128>) -> Result<Entry> {
    let (key, repeats) = match identity(rows, at) {
        // One bit apart, so that the two kinds never meet.
        Identity::Record(key) => (key | 1 << 127, false),
        Identity::Whole(repeats) => (whole()? & !(1 << 127), repeats),
    };
    Ok(Entry {
        key,
        rank: rank(rows.text(common::FORMAT, at)),
        file_id: rows.int(common::FILE_ID, at) as u64,
        row: rows.int(common::ROW, at) as u64,
        at: place,
        repeats,
    })
}

fn rank(format: Option<&[u8]>) -> u8 {
    let position = FORMATS.iter().position(|f| Some(f.id().as_bytes()) == format);
    position.map_or(u8::MAX, |p| p as u8)
}

/// Says of one entry after the other whether it stays. Entries come sorted.
#[derive(Debug, Default)]
pub struct Judge {
    last: Option<Entry>,
    /// Copies kept by the inputs before: an input adds those beyond that number.
    kept: u64,
    /// Copies met in this input.
    met: u64,
    /// Copies of this input that count.
    counted: u64,
}

impl Judge {
    /// Whether the next entry stays.
    pub fn keeps(&mut self, e: &Entry) -> bool {
        match self.last {
            Some(l) if l.key == e.key && (l.rank, l.file_id) == (e.rank, e.file_id) => {}
            Some(l) if l.key == e.key => {
                self.kept = self.kept.max(self.counted);
                (self.met, self.counted) = (0, 0);
            }
            _ => (self.kept, self.met, self.counted) = (0, 0, 0),
        }
        self.last = Some(*e);
        let counts = e.repeats || self.met == 0;
        let keep = counts && self.met >= self.kept;
        self.met += 1;
        self.counted += u64::from(counts);
        keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(entries: &[(u128, u8, u64, bool)]) -> Vec<usize> {
        let mut all: Vec<Entry> = entries
            .iter()
            .enumerate()
            .map(|(i, (key, rank, file_id, repeats))| Entry {
                key: *key,
                rank: *rank,
                file_id: *file_id,
                row: i as u64,
                at: i as u64,
                repeats: *repeats,
            })
            .collect();
        all.sort_unstable();
        let mut judge = Judge::default();
        let mut out: Vec<usize> = all.iter().filter(|e| judge.keeps(e)).map(|e| e.at as usize).collect();
        out.sort_unstable();
        out
    }

    #[test]
    fn of_a_record_the_copy_of_the_best_format_stays() {
        assert_eq!(
            kept(&[
                (1, 5, 10, false),
                (1, 2, 99, false),
                (1, 2, 50, false),
                (2, 9, 1, false)
            ]),
            [2, 3]
        );
    }

    #[test]
    fn a_record_twice_in_one_input_is_one() {
        assert_eq!(kept(&[(1, 0, 7, false), (1, 0, 7, false)]), [0]);
    }

    #[test]
    fn whole_second_lines_repeat_for_real_and_an_input_adds_what_it_has_beyond_the_others() {
        let twice = [(1, 0, 7, true), (1, 0, 7, true)];
        assert_eq!(kept(&twice), [0, 1]);
        let thrice_elsewhere = [(1, 0, 8, true), (1, 0, 8, true), (1, 0, 8, true)];
        assert_eq!(kept(&[&twice[..], &thrice_elsewhere[..]].concat()), [0, 1, 4]);
        let once_elsewhere = [(1, 0, 9, true)];
        assert_eq!(kept(&[&twice[..], &once_elsewhere[..]].concat()), [0, 1]);
    }
}
