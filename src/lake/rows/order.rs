//! The order of rows: by day, host, time, input, place in the input.

use std::ops::Range;

use super::{Column, Ints, Rows};
use crate::lake::staging::day_of;
use crate::schema::builder::{NULL_CODE, NULL_INT};
use crate::schema::common;

/// The rows of each day, days ascending.
pub type Days = Vec<(i64, Range<u32>)>;

/// The cells that rows are ordered by.
pub struct Keys<'k> {
    /// Number of rows.
    pub rows: usize,
    /// Times.
    pub ts: &'k [i64],
    /// Codes of the hosts.
    pub hosts: &'k [u32],
    /// Names of the hosts, by code.
    pub names: Vec<&'k [u8]>,
    /// Inputs.
    pub files: &'k [i64],
    /// Places in the inputs.
    pub places: &'k [i64],
}

impl Keys<'_> {
    /// The rows' places in order, and the days. Logs are written in order of time: rows are dealt out to days and hosts, and
    /// those of one day and host are sorted only where they did not come so.
    pub fn by_day(&self) -> (Vec<u32>, Days) {
        let ranks = self.ranks();
        let rank = |i: u32| match self.hosts.get(i as usize) {
            None | Some(&NULL_CODE) => 0,
            Some(c) => ranks.get(*c as usize).copied().unwrap_or(0) as usize,
        };
        let int = |v: &[i64], i: u32| v.get(i as usize).copied().unwrap_or(NULL_INT);
        let origin = |i: u32| (int(self.files, i) as u64, int(self.places, i) as u64, i);
        let days: Vec<i64> = (0..self.rows as u32).map(|i| day_of(int(self.ts, i))).collect();
        let day = |i: u32| days.get(i as usize).copied().unwrap_or(0);
        let first = days.iter().min().copied().unwrap_or(0);
        let span = days.iter().max().map_or(0, |last| last - first) as usize;
        let mut order = dealt(0..self.rows as u32, self.names.len() + 1, rank);
        match span {
            0 => {}
            n if n < self.rows => order = dealt(order.into_iter(), n + 1, |i| (day(i) - first) as usize),
            _ => order.sort_by_key(|i| day(*i)),
        }
        for group in order.chunk_by_mut(|a, b| rank(*a) == rank(*b) && day(*a) == day(*b)) {
            let before = |a: (i64, u32), b: (i64, u32)| a.0.cmp(&b.0).then_with(|| origin(a.1).cmp(&origin(b.1)));
            let key = |i: &u32| (int(self.ts, *i), *i);
            if !group.is_sorted_by(|a, b| before(key(a), key(b)).is_le()) {
                let mut keys: Vec<(i64, u32)> = group.iter().map(key).collect();
                keys.sort_unstable_by(|a, b| before(*a, *b));
                group.iter_mut().zip(keys).for_each(|(place, (_, i))| *place = i);
            }
        }
        let mut of_days: Days = Vec::new();
        for (at, i) in (0..).zip(&order) {
            match of_days.last_mut() {
                Some((of, range)) if *of == day(*i) => range.end = at + 1,
                _ => of_days.push((day(*i), at..at + 1)),
            }
        }
        (order, of_days)
    }

    /// The rank of each host among the hosts here, from 1.
    fn ranks(&self) -> Vec<u32> {
        let mut codes: Vec<u32> = (0..self.names.len() as u32).collect();
        codes.sort_unstable_by_key(|c| self.names.get(*c as usize));
        let mut ranks = vec![0; codes.len()];
        for (rank, code) in codes.into_iter().enumerate() {
            if let Some(slot) = ranks.get_mut(code as usize) {
                *slot = rank as u32 + 1;
            }
        }
        ranks
    }
}

/// Rows dealt out to `n` heaps, one heap after the other; in each they stand as they came.
fn dealt(rows: impl ExactSizeIterator<Item = u32> + Clone, n: usize, heap: impl Fn(u32) -> usize) -> Vec<u32> {
    let mut ends = vec![0; n];
    for i in rows.clone() {
        if let Some(end) = ends.get_mut(heap(i)) {
            *end += 1;
        }
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += std::mem::replace(end, sum);
    }
    let mut out = vec![0; rows.len()];
    for i in rows {
        let place = ends.get_mut(heap(i));
        if let Some(slot) = place.and_then(|p| out.get_mut(std::mem::replace(p, *p + 1))) {
            *slot = i;
        }
    }
    out
}

impl Rows {
    /// Replaces the run's numbers of inputs by content ids; rows of inputs that add nothing get none.
    pub fn number(&mut self, ids: &[Option<u64>]) {
        let id = |n: i64| usize::try_from(n).ok().and_then(|n| ids.get(n).copied().flatten());
        if let Column::Int(numbers) = self.column(common::FILE_ID)
            && let Some(number) = numbers.all()
        {
            return self.number_as(id(number));
        }
        let numbers = (0..self.len()).map(|i| self.int(common::FILE_ID, i));
        let ids: Vec<i64> = numbers.map(|n| id(n).map_or(NULL_INT, |id| id as i64)).collect();
        let ids = Ints::new(&ids).map_or(Column::Null, Column::Int);
        self.set(common::FILE_ID, ids);
    }

    /// Gives all rows the content id of one input, or none where it adds nothing.
    pub fn number_as(&mut self, id: Option<u64>) {
        let ids = id.map_or(Column::Null, |id| Column::Int(Ints::alike(id as i64, self.len())));
        self.set(common::FILE_ID, ids);
    }

    /// The order of some rows after inputs got their ids: rows without one fall out, and rows of equal (host, time) stand
    /// by (input, place) again. `None` where they stand as they should.
    pub fn settle(&self, range: Range<u32>) -> Option<Vec<u32>> {
        let key = |i: u32| (self.code(common::HOST, i as usize), self.int(common::TS, i as usize));
        let origin = |i: u32| {
            let file = self.int(common::FILE_ID, i as usize);
            (file as u64, self.int(common::ROW, i as usize) as u64)
        };
        let numbered = |i: &u32| self.int(common::FILE_ID, *i as usize) != NULL_INT;
        let in_order = |a: u32, b: u32| key(a) != key(b) || origin(a) <= origin(b);
        if range
            .clone()
            .all(|i| numbered(&i) && (i == range.start || in_order(i - 1, i)))
        {
            return None;
        }
        let mut order: Vec<u32> = range.filter(numbered).collect();
        for tie in order.chunk_by_mut(|a, b| key(*a) == key(*b)) {
            tie.sort_by_key(|i| origin(*i));
        }
        Some(order)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::builder::TableBuilder;
    use crate::schema::process;

    fn rows(cells: &[(i64, Option<&str>, i64, i64)]) -> (Rows, Days) {
        let mut b = TableBuilder::new(&process::TABLE);
        for (i, (ts, host, file, row)) in cells.iter().enumerate() {
            b.int(common::TS, *ts);
            if let Some(h) = host {
                b.text(common::HOST, h);
            }
            b.int(common::FILE_ID, *file);
            b.int(common::ROW, *row);
            b.int(process::PID, i as i64);
            b.end_row();
        }
        Rows::from_builder(&mut b)
    }

    #[test]
    fn days_come_apart_and_a_row_without_host_comes_first() {
        let day = 86_400_000_000;
        let (r, days) = rows(&[
            (day + 5, Some("b"), 0, 0),
            (7, Some("b"), 0, 1),
            (7, Some("a"), 0, 2),
            (9, None, 0, 3),
            (-1, Some("a"), 0, 4),
            (7, Some("a"), 0, 1),
        ]);
        assert_eq!(days, [(-1, 0..1), (0, 1..5), (1, 5..6)]);
        let came: Vec<i64> = (0..6).map(|i| r.int(process::PID, i)).collect();
        assert_eq!(came, [4, 3, 5, 2, 1, 0]);
    }

    #[test]
    fn new_numbers_of_inputs_only_move_rows_of_one_host_and_time() {
        let (mut r, _) = rows(&[
            (1, Some("a"), 0, 9),
            (1, Some("a"), 1, 2),
            (1, Some("a"), 1, 3),
            (2, Some("a"), 0, 1),
        ]);
        r.number(&[Some(80), Some(20)]);
        assert_eq!(r.settle(0..4), Some(vec![1, 2, 0, 3]));
        r.number(&[Some(80), Some(90)]);
        assert_eq!(r.settle(0..4), Some(Vec::new()), "numbers are given once");
    }

    #[test]
    fn rows_of_inputs_that_add_nothing_fall_out() {
        let cells = [(1, Some("a"), 0, 9), (1, Some("a"), 1, 2), (2, Some("a"), 0, 1)];
        let (mut r, _) = rows(&cells);
        r.number(&[Some(7), None]);
        assert_eq!(r.settle(0..3), Some(vec![0, 2]));
        let (mut r, _) = rows(&cells);
        r.number(&[Some(7), Some(8)]);
        assert_eq!(r.settle(0..3), None);
    }

    proptest! {
        #[test]
        fn rows_stand_by_day_host_time_input_and_place(
            cells in proptest::collection::vec((-3i64..40, proptest::option::of(0usize..4), 0i64..3, 0i64..9), 0..60),
            apart in prop_oneof![Just(1i64), Just(1_000), Just(20_000_000_000), Just(9_000_000_000_000_000)],
        ) {
            let host = |h: &Option<usize>| h.map(|h| ["b", "a", "", "c"][h]);
            let cells: Vec<_> = cells.iter().map(|(ts, h, file, row)| (ts * apart, host(h), *file, *row)).collect();
            let (r, days) = rows(&cells);
            let mut want: Vec<usize> = (0..cells.len()).collect();
            want.sort_by_key(|i| (day_of(cells[*i].0), cells[*i].1, cells[*i].0, cells[*i].2, cells[*i].3));
            let came: Vec<usize> = (0..cells.len()).map(|i| r.int(process::PID, i) as usize).collect();
            prop_assert_eq!(&came, &want);
            let told = days.iter().flat_map(|(day, range)| range.clone().map(move |_| *day));
            prop_assert!(told.eq(want.iter().map(|i| day_of(cells[*i].0))));
        }
    }
}
