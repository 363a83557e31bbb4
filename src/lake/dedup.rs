//! The duplicates' rule: which rows of a day of a table are the same record.
//!
//! A record with an id or with a sub-second time is a duplicate when it is the same again. Lines with whole-second
//! times repeat for real: within one input repeats stay, between inputs the n-th copy of one equals the n-th of
//! another. So the copies of the input that has most of them stay, and of several such inputs those of the one whose format
//! has the best rank, then of the one with the smallest content id. What stays of what stayed before and of others is what
//! would have stayed of all: neither the order in which inputs were met counts, nor how often rows were merged.
//!
//! Copies have the same host and the same millisecond, so they meet within one group of the merge.

use ahash::RandomState;

use super::rows::Rows;
use crate::base::bits::Bits;
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

/// Rank of a format by its id: the smaller one stays.
pub fn rank(format: Option<&[u8]>) -> u8 {
    let position = FORMATS.iter().position(|f| Some(f.id().as_bytes()) == format);
    position.map_or(u8::MAX, |p| p as u8)
}

/// Looks at all entries, which come sorted, before it says of any whether it stays.
#[derive(Debug, Default)]
pub struct Judge {
    walk: Walk,
    /// Most copies of the record under way in one input, and the number of their run.
    most: Option<(u64, u64)>,
    stay: Bits,
}

/// Says of the same entries, one after the other, whether they stay.
#[derive(Debug)]
pub struct Verdicts {
    walk: Walk,
    /// By number: runs of copies that stay.
    stay: Bits,
}

/// A way through sorted entries, in runs of copies of one record in one input.
#[derive(Debug, Default)]
struct Walk {
    last: Option<Entry>,
    run: u64,
    /// Copies of the run that were met.
    met: u64,
}

impl Walk {
    /// Goes on to an entry; whether it is of another record than the one before.
    fn step(&mut self, e: &Entry) -> bool {
        let last = self.last.replace(*e);
        let is_new = last.is_none_or(|l| l.key != e.key);
        match last {
            Some(l) if !is_new && (l.rank, l.file_id) == (e.rank, e.file_id) => self.met += 1,
            _ => (self.run, self.met) = (self.run + 1, 1),
        }
        is_new
    }

    /// Which of the copies that count the entry is, from 1 on.
    fn copy(&self) -> Option<u64> {
        let repeats = self.last.is_some_and(|e| e.repeats);
        Some(self.met).filter(|n| repeats || *n == 1)
    }
}

impl Judge {
    /// Looks at the next entry.
    pub fn look(&mut self, e: &Entry) {
        if self.walk.step(e) {
            self.decide();
        }
        let most = self.most.map_or(0, |(n, _)| n);
        if let Some(n) = self.walk.copy().filter(|n| *n > most) {
            self.most = Some((n, self.walk.run));
        }
    }

    fn decide(&mut self) {
        if let Some((_, run)) = self.most.take() {
            self.stay.set(run);
        }
    }

    /// The verdicts over all that was looked at.
    pub fn verdicts(mut self) -> Verdicts {
        self.decide();
        Verdicts {
            walk: Walk::default(),
            stay: self.stay,
        }
    }
}

impl Verdicts {
    /// Whether the next entry stays.
    pub fn keeps(&mut self, e: &Entry) -> bool {
        self.walk.step(e);
        self.stay.get(self.walk.run) && self.walk.copy().is_some()
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
        all.iter().for_each(|e| judge.look(e));
        let mut verdicts = judge.verdicts();
        let mut out: Vec<usize> = all
            .iter()
            .filter(|e| verdicts.keeps(e))
            .map(|e| e.at as usize)
            .collect();
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
    fn whole_second_lines_repeat_for_real_and_the_input_with_most_of_them_counts() {
        let twice = [(1, 0, 7, true), (1, 0, 7, true)];
        assert_eq!(kept(&twice), [0, 1]);
        let thrice_elsewhere = [(1, 0, 8, true), (1, 0, 8, true), (1, 0, 8, true)];
        assert_eq!(kept(&[&twice[..], &thrice_elsewhere[..]].concat()), [2, 3, 4]);
        let once_elsewhere = [(1, 0, 9, true)];
        assert_eq!(kept(&[&twice[..], &once_elsewhere[..]].concat()), [0, 1]);
        let of_a_better_format = [(1, 0, 5, true), (1, 1, 2, true), (1, 1, 2, true), (2, 1, 2, true)];
        assert_eq!(kept(&of_a_better_format), [1, 2, 3]);
    }

    #[test]
    fn a_repeated_line_is_not_lost_when_its_day_is_merged_again() {
        let all = [(1, 0, 7, true), (1, 0, 8, true), (1, 0, 8, true), (1, 0, 9, true)];
        let stayed: Vec<_> = kept(&all).into_iter().map(|i| all[i]).collect();
        assert_eq!(stayed.len(), 2);
        assert_eq!(kept(&stayed), [0, 1]);
        assert_eq!(kept(&[&stayed[..], &all[3..]].concat()), [0, 1]);
    }
}
