//! Rows whose place in the lake is known, so that some of them can be copied, put together again and still be found.

use arrow_array::RecordBatch;

use super::{ALWAYS, Column, Frame, Frames, NO_STR, StrId};
use crate::schema::builder::{Interner, NULL_INT};
use crate::schema::{Col, TABLES, Table};

/// Rows of a lake, and the number of each: its place among the rows of its table within the range that is looked at, in the
/// order of the lake.
#[derive(Debug)]
pub struct Numbered {
    /// The rows.
    pub frames: Frames,
    numbers: Vec<Vec<u64>>,
}

impl Numbered {
    /// No rows, but texts that are known already.
    pub fn new(texts: Interner) -> Self {
        Self {
            frames: Frames::with_texts(texts),
            numbers: vec![Vec::new(); TABLES.len()],
        }
    }

    /// Adds the rows of batches, which have these numbers.
    pub fn add(&mut self, table: &'static Table, columns: &[Col], batches: &[RecordBatch], numbers: &[u64]) {
        self.frames.add(table, columns, batches);
        if let Some(of_table) = self.numbers.get_mut(table.ix()) {
            of_table.extend_from_slice(numbers);
        }
    }

    /// The numbers of the rows of a table.
    pub fn numbers(&self, table: &'static Table) -> &[u64] {
        self.numbers.get(table.ix()).map_or(&[], Vec::as_slice)
    }

    /// The number of a row.
    pub fn number(&self, table: &'static Table, at: u32) -> Option<u64> {
        self.numbers(table).get(at as usize).copied()
    }

    /// The row of a number, where it is here. Only while rows lie in the order of the lake.
    pub fn at(&self, table: &'static Table, number: u64) -> Option<u32> {
        self.numbers(table).binary_search(&number).ok().map(|at| at as u32)
    }

    /// Puts all rows into the order of the lake.
    pub fn sort(&mut self) {
        for (frame, numbers) in self.frames.frames.iter_mut().zip(&mut self.numbers) {
            if numbers.is_sorted() {
                continue;
            }
            let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
            order.sort_by_key(|at| numbers.get(*at as usize).copied());
            permute(numbers, &order);
            for column in frame.columns.iter_mut().flatten() {
                match column {
                    Column::Str(v) => permute(v, &order),
                    Column::Int(v) => permute(v, &order),
                    Column::Ip(v) => permute(v, &order),
                }
            }
        }
    }
}

fn permute<T: Copy>(values: &mut Vec<T>, order: &[u32]) {
    *values = order
        .iter()
        .filter_map(|at| values.get(*at as usize).copied())
        .collect();
}

/// Copies rows from one to another, every text once.
pub struct Copier<'a> {
    from: &'a Numbered,
    texts: Vec<StrId>,
}

impl<'a> Copier<'a> {
    /// A copier of rows of `from`, for one target only.
    pub fn new(from: &'a Numbered) -> Self {
        Self {
            from,
            texts: vec![NO_STR; from.frames.strings.len()],
        }
    }

    /// Adds rows of a table with all that is known of them.
    pub fn copy(&mut self, table: &'static Table, rows: &[u32], to: &mut Numbered) {
        let source = self.from.frames.frame(table);
        let Frames { strings, frames } = &mut to.frames;
        let (Some(target), Some(numbers)) = (frames.get_mut(table.ix()), to.numbers.get_mut(table.ix())) else {
            return;
        };
        numbers.extend(rows.iter().filter_map(|at| self.from.number(table, *at)));
        let before = target.rows;
        for (i, (column, slot)) in source.columns.iter().zip(&mut target.columns).enumerate() {
            let always = ALWAYS.contains(&Col(i as u16));
            let Some(column) = column else { continue };
            if slot.is_none() && !always && says_nothing(column, rows) {
                continue;
            }
            let out = slot.get_or_insert_with(|| {
                let mut empty = match column {
                    Column::Str(_) => Column::Str(Vec::new()),
                    Column::Int(_) => Column::Int(Vec::new()),
                    Column::Ip(_) => Column::Ip(Vec::new()),
                };
                super::pad(&mut empty, before);
                empty
            });
            match (column, out) {
                (Column::Str(from), Column::Str(to)) => {
                    let texts = &mut self.texts;
                    let known = &self.from.frames.strings;
                    to.extend(picked(from, rows).map(|id| match texts.get_mut(id as usize) {
                        None => NO_STR,
                        Some(new) => {
                            if *new == NO_STR {
                                *new = strings.intern(known.get(id));
                            }
                            *new
                        }
                    }));
                }
                (Column::Int(from), Column::Int(to)) => to.extend(picked(from, rows)),
                (Column::Ip(from), Column::Ip(to)) => to.extend(picked(from, rows)),
                _ => {}
            }
        }
        close(target, before + rows.len());
    }
}

fn picked<'v, T: Copy>(values: &'v [T], rows: &'v [u32]) -> impl Iterator<Item = T> + 'v {
    rows.iter().filter_map(|at| values.get(*at as usize).copied())
}

fn says_nothing(column: &Column, rows: &[u32]) -> bool {
    match column {
        Column::Str(v) => picked(v, rows).all(|id| id == NO_STR),
        Column::Int(v) => picked(v, rows).all(|n| n == NULL_INT),
        Column::Ip(v) => picked(v, rows).all(|a| a.is_none()),
    }
}

/// Makes every column as long as the frame.
fn close(frame: &mut Frame, rows: usize) {
    frame.columns.iter_mut().flatten().for_each(|c| super::pad(c, rows));
    frame.rows = rows;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::batch;
    use crate::schema::builder::TableSet;
    use crate::schema::{common, process};

    fn some(lines: &[&str]) -> Vec<RecordBatch> {
        let mut set = TableSet::default();
        for (n, line) in lines.iter().enumerate() {
            let b = set.table(&process::TABLE);
            b.int(common::TS, n as i64);
            b.text(common::HOST, "pc");
            b.text(process::CMDLINE, line);
            b.end_row();
        }
        set.into_builders().map(|b| batch::from_builder(b).unwrap()).collect()
    }

    #[test]
    fn copied_rows_keep_their_cells_and_numbers_and_find_the_order_of_the_lake_again() {
        let columns: Vec<Col> = process::TABLE.all_columns().map(|(c, _)| c).collect();
        let mut texts = Interner::default();
        let pc = texts.intern("pc");
        let mut later = Numbered::new(texts.clone());
        later.add(&process::TABLE, &columns, &some(&["d", "e", ""]), &[7, 8, 9]);
        let mut earlier = Numbered::new(texts.clone());
        earlier.add(&process::TABLE, &columns, &some(&["a", "b"]), &[2, 3]);
        let mut kept = Numbered::new(texts);
        Copier::new(&later).copy(&process::TABLE, &[1, 2], &mut kept);
        Copier::new(&earlier).copy(&process::TABLE, &[0], &mut kept);
        kept.sort();
        assert_eq!(kept.numbers(&process::TABLE), [2, 8, 9]);
        let line = |at| kept.frames.row(&process::TABLE, at).str(process::CMDLINE);
        assert_eq!([line(0), line(1), line(2)], ["a", "e", ""]);
        assert_eq!(kept.frames.row(&process::TABLE, 1).ts(), 1);
        assert_eq!(kept.frames.row(&process::TABLE, 1).id(common::HOST), pc);
        assert_eq!(kept.at(&process::TABLE, 8), Some(1));
        assert_eq!(kept.at(&process::TABLE, 7), None);
    }
}
