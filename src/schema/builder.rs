//! Typed column builders: what mappers write into and the lake writes out.
//!
//! A row is written cell by cell; cells that are not set are null. Columns are padded lazily, so a row costs only
//! the cells that it has. Integers of every width, times and booleans share one representation: `i64` with
//! [`NULL_INT`] for null (no source has that value; `u64` is stored by its bits).

use ahash::RandomState;
use hashbrown::HashTable;

use super::{Col, Kind, TABLES, Table};
use crate::base::ip::Ip;

/// The null of integer cells.
pub const NULL_INT: i64 = i64::MIN;
/// The null of dictionary codes.
pub const NULL_CODE: u32 = u32::MAX;

/// Texts stored once, addressed by a code in order of first appearance.
#[derive(Debug)]
pub struct Interner {
    bytes: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: RandomState,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            bytes: String::new(),
            ends: Vec::new(),
            table: HashTable::new(),
            hasher: RandomState::with_seeds(1, 2, 3, 4),
        }
    }
}

impl Interner {
    /// The code of `text`, new or known.
    pub fn intern(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        let found = self.table.find(hash, |&c| slot(bytes, ends, c) == text);
        if let Some(&code) = found {
            return code;
        }
        let code = ends.len() as u32;
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        let (bytes, ends) = (&self.bytes, &self.ends);
        self.table
            .insert_unique(hash, code, |&c| hasher.hash_one(slot(bytes, ends, c)));
        code
    }

    /// The code of `text` if it is known.
    pub fn code(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        self.table.find(hash, |&c| self.get(c) == text).copied()
    }

    /// The text behind a code; empty for a code that was never given out.
    pub fn get(&self, code: u32) -> &str {
        slot(&self.bytes, &self.ends, code)
    }

    /// Number of distinct texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing was interned.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All texts in code order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len() as u32).map(|c| self.get(c))
    }

    /// Bytes held, roughly.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 8 + self.table.capacity() * 5
    }
}

fn slot<'a>(bytes: &'a str, ends: &[usize], code: u32) -> &'a str {
    let code = code as usize;
    let end = ends.get(code).copied().unwrap_or(0);
    let start = code.checked_sub(1).and_then(|c| ends.get(c)).copied().unwrap_or(0);
    bytes.get(start..end).unwrap_or("")
}

/// The cells of one column.
#[derive(Debug)]
pub enum Cells {
    /// Integers, times, booleans; floats by their bits.
    Int(Vec<i64>),
    /// Dictionary codes.
    Dict {
        /// One code a row.
        codes: Vec<u32>,
        /// The texts.
        values: Interner,
    },
    /// Plain text: end offsets (a null row has `None`).
    Text {
        /// All texts one after the other.
        bytes: String,
        /// End of each row's text; `None` for null.
        ends: Vec<Option<usize>>,
    },
    /// Fixed-width bytes.
    Fixed {
        /// Width of a cell.
        width: usize,
        /// All cells one after the other.
        bytes: Vec<u8>,
        /// Which rows hold a value.
        valid: Vec<bool>,
    },
    /// Lists of texts.
    List {
        /// End of each row's items in `items`; `None` for null.
        ends: Vec<Option<usize>>,
        /// Codes of all items one after the other.
        items: Vec<u32>,
        /// The texts.
        values: Interner,
    },
}

impl Cells {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Dict => Cells::Dict {
                codes: Vec::new(),
                values: Interner::default(),
            },
            Kind::Text => Cells::Text {
                bytes: String::new(),
                ends: Vec::new(),
            },
            Kind::List => Cells::List {
                ends: Vec::new(),
                items: Vec::new(),
                values: Interner::default(),
            },
            _ => match kind.width() {
                Some(width) => Cells::Fixed {
                    width,
                    bytes: Vec::new(),
                    valid: Vec::new(),
                },
                None => Cells::Int(Vec::new()),
            },
        }
    }

    fn pad(&mut self, rows: usize) {
        match self {
            Cells::Int(v) => v.resize(rows, NULL_INT),
            Cells::Dict { codes, .. } => codes.resize(rows, NULL_CODE),
            Cells::Text { ends, .. } | Cells::List { ends, .. } => ends.resize(rows, None),
            Cells::Fixed { width, bytes, valid } => {
                bytes.resize(rows * *width, 0);
                valid.resize(rows, false);
            }
        }
    }

    fn memory(&self) -> usize {
        match self {
            Cells::Int(v) => v.capacity() * 8,
            Cells::Dict { codes, values } => codes.capacity() * 4 + values.memory(),
            Cells::Text { bytes, ends } => bytes.capacity() + ends.capacity() * 16,
            Cells::Fixed { bytes, valid, .. } => bytes.capacity() + valid.capacity(),
            Cells::List { ends, items, values } => ends.capacity() * 16 + items.capacity() * 4 + values.memory(),
        }
    }
}

/// Rows of one table under construction.
#[derive(Debug)]
pub struct TableBuilder {
    table: &'static Table,
    cells: Vec<Cells>,
    rows: usize,
}

impl TableBuilder {
    /// An empty builder.
    pub fn new(table: &'static Table) -> Self {
        let cells = table.all_columns().map(|(_, c)| Cells::new(c.kind)).collect();
        Self { table, cells, rows: 0 }
    }

    /// The table.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Finished rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes held, roughly.
    pub fn memory(&self) -> usize {
        self.cells.iter().map(Cells::memory).sum()
    }

    /// Sets a text cell (dictionary or plain) of the current row; other kinds ignore it.
    pub fn text(&mut self, col: Col, value: &str) {
        let rows = self.rows;
        match self.cell(col) {
            Some(Cells::Dict { codes, values }) => {
                codes.resize(rows, NULL_CODE);
                codes.push(values.intern(value));
            }
            Some(Cells::Text { bytes, ends }) => {
                ends.resize(rows, None);
                bytes.push_str(value);
                ends.push(Some(bytes.len()));
            }
            _ => {}
        }
    }

    /// Sets an integer, time or boolean cell of the current row.
    pub fn int(&mut self, col: Col, value: i64) {
        let rows = self.rows;
        if let Some(Cells::Int(v)) = self.cell(col) {
            v.resize(rows, NULL_INT);
            v.push(value);
        }
    }

    /// Sets a float cell of the current row.
    pub fn float(&mut self, col: Col, value: f32) {
        self.int(col, i64::from(value.to_bits()));
    }

    /// Sets a fixed-width cell of the current row; a value of another width is ignored.
    pub fn fixed(&mut self, col: Col, value: &[u8]) {
        let rows = self.rows;
        if let Some(Cells::Fixed { width, bytes, valid }) = self.cell(col)
            && value.len() == *width
        {
            bytes.resize(rows * *width, 0);
            valid.resize(rows, false);
            bytes.extend_from_slice(value);
            valid.push(true);
        }
    }

    /// Sets an address cell of the current row.
    pub fn ip(&mut self, col: Col, value: &Ip) {
        self.fixed(col, value);
    }

    /// Sets a list cell of the current row.
    pub fn list<'a>(&mut self, col: Col, items_in: impl IntoIterator<Item = &'a str>) {
        let rows = self.rows;
        if let Some(Cells::List { ends, items, values }) = self.cell(col) {
            ends.resize(rows, None);
            for item in items_in {
                items.push(values.intern(item));
            }
            ends.push(Some(items.len()));
        }
    }

    /// The integers of a column so far; shorter than the rows where the last ones are null.
    pub fn ints(&self, col: Col) -> &[i64] {
        match self.cells.get(col.0 as usize) {
            Some(Cells::Int(v)) => v,
            _ => &[],
        }
    }

    /// The codes and texts of a dictionary column so far.
    pub fn dict(&self, col: Col) -> Option<(&[u32], &Interner)> {
        match self.cells.get(col.0 as usize) {
            Some(Cells::Dict { codes, values }) => Some((codes, values)),
            _ => None,
        }
    }

    /// Whether the current row has this cell already.
    pub fn is_set(&self, col: Col) -> bool {
        let n = self.rows;
        match self.cells.get(col.0 as usize) {
            Some(Cells::Int(v)) => v.len() > n,
            Some(Cells::Dict { codes, .. }) => codes.len() > n,
            Some(Cells::Text { ends, .. } | Cells::List { ends, .. }) => ends.len() > n,
            Some(Cells::Fixed { valid, .. }) => valid.len() > n,
            None => false,
        }
    }

    /// The text in a dictionary cell of the current row.
    pub fn current_text(&self, col: Col) -> Option<&str> {
        match self.cells.get(col.0 as usize) {
            Some(Cells::Dict { codes, values }) => {
                let code = *codes.get(self.rows)?;
                (code != NULL_CODE).then(|| values.get(code))
            }
            _ => None,
        }
    }

    /// The integer in a cell of the current row.
    pub fn current_int(&self, col: Col) -> Option<i64> {
        match self.cells.get(col.0 as usize) {
            Some(Cells::Int(v)) => v.get(self.rows).copied().filter(|v| *v != NULL_INT),
            _ => None,
        }
    }

    /// The address in a cell of the current row.
    pub fn current_ip(&self, col: Col) -> Option<Ip> {
        match self.cells.get(col.0 as usize) {
            Some(Cells::Fixed { width, bytes, valid }) if valid.get(self.rows).copied().unwrap_or(false) => {
                bytes.get(self.rows * width..)?.get(..16)?.try_into().ok()
            }
            _ => None,
        }
    }

    /// Ends the current row: cells that were not set are null.
    pub fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Pads every column to the number of rows and hands the cells over, in column order.
    pub fn finish(mut self) -> (&'static Table, usize, Vec<Cells>) {
        for c in &mut self.cells {
            c.pad(self.rows);
        }
        (self.table, self.rows, self.cells)
    }

    /// The cells of a column that the current row does not hold yet; `None` where it holds them (first wins).
    fn cell(&mut self, col: Col) -> Option<&mut Cells> {
        debug_assert!(
            self.table.column(col).is_some(),
            "{} has no column {}",
            self.table.name,
            col.0
        );
        if self.is_set(col) {
            return None;
        }
        self.cells.get_mut(col.0 as usize)
    }
}

/// One builder per table, made when the first row comes.
#[derive(Debug, Default)]
pub struct TableSet {
    builders: Vec<Option<Box<TableBuilder>>>,
}

impl TableSet {
    /// The builder of a table.
    pub fn table(&mut self, table: &'static Table) -> &mut TableBuilder {
        if self.builders.len() < TABLES.len() {
            self.builders.resize_with(TABLES.len(), || None);
        }
        match self.builders.get_mut(table.ix()) {
            Some(slot) => slot.get_or_insert_with(|| Box::new(TableBuilder::new(table))),
            None => unreachable!("ix is the place in TABLES, by a test of this floor"),
        }
    }

    /// Bytes held, roughly.
    pub fn memory(&self) -> usize {
        self.builders.iter().flatten().map(|b| b.memory()).sum()
    }

    /// Finished rows of all tables.
    pub fn rows(&self) -> usize {
        self.builders.iter().flatten().map(|b| b.rows()).sum()
    }

    /// The builders that exist, in table order.
    pub fn iter(&self) -> impl Iterator<Item = &TableBuilder> {
        self.builders.iter().flatten().map(AsRef::as_ref)
    }

    /// The builders that have rows, in table order.
    pub fn into_builders(self) -> impl Iterator<Item = TableBuilder> {
        self.builders.into_iter().flatten().map(|b| *b).filter(|b| b.rows() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{common, process};

    #[test]
    fn unset_cells_are_null_and_first_value_wins() {
        let mut b = TableBuilder::new(&process::TABLE);
        b.end_row();
        b.text(process::IMAGE, "a");
        b.text(process::IMAGE, "b");
        b.int(process::PID, 7);
        b.fixed(process::MD5, &[1; 16]);
        b.fixed(process::SHA1, &[1; 3]);
        b.end_row();
        let (_, rows, cells) = b.finish();
        assert_eq!(rows, 2);
        let Cells::Dict { codes, values } = &cells[process::IMAGE.0 as usize] else {
            panic!()
        };
        assert_eq!(codes, &[NULL_CODE, 0]);
        assert_eq!(values.get(0), "a");
        let Cells::Int(v) = &cells[process::PID.0 as usize] else {
            panic!()
        };
        assert_eq!(v, &[NULL_INT, 7]);
        let Cells::Fixed { valid, .. } = &cells[process::SHA1.0 as usize] else {
            panic!()
        };
        assert_eq!(valid, &[false, false]);
        let Cells::Text { ends, .. } = &cells[common::EXTRA.0 as usize] else {
            panic!()
        };
        assert_eq!(ends.len(), 2);
    }

    #[test]
    fn interner_gives_codes_in_order_of_appearance() {
        let mut i = Interner::default();
        assert_eq!((i.intern("x"), i.intern(""), i.intern("x")), (0, 1, 0));
        assert_eq!(i.iter().collect::<Vec<_>>(), ["x", ""]);
        assert_eq!(i.code("y"), None);
    }
}
