//! Typed column builders: what mappers write into and the lake writes out.
//!
//! A row is written cell by cell; cells that are not set are null. Columns are padded lazily, so a row costs only
//! the cells that it has. Integers of every width, times and booleans share one representation: `i64` with
//! [`NULL_INT`] for null (no source has that value; `u64` is stored by its bits).

use std::collections::HashMap;

use ahash::RandomState;

pub use super::interner::Interner;
use super::{Col, Kind, TABLES, Table, common};
use crate::base::ip::Ip;

/// The null of integer cells.
pub const NULL_INT: i64 = i64::MIN;
/// The null of dictionary codes.
pub const NULL_CODE: u32 = u32::MAX;
/// A code that was not worked out yet.
const UNKNOWN: u32 = NULL_CODE - 1;

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
            Cells::Int(v) => v.len() * 8,
            Cells::Dict { codes, values } => codes.len() * 4 + values.memory(),
            Cells::Text { bytes, ends } => bytes.len() + ends.len() * 16,
            Cells::Fixed { bytes, valid, .. } => bytes.len() + valid.len(),
            Cells::List { ends, items, values } => ends.len() * 16 + items.len() * 4 + values.memory(),
        }
    }

    fn clear(&mut self) {
        match self {
            Cells::Int(v) => v.clear(),
            Cells::Dict { codes, values } => {
                codes.clear();
                values.clear();
            }
            Cells::Text { bytes, ends } => {
                bytes.clear();
                ends.clear();
            }
            Cells::Fixed { bytes, valid, .. } => {
                bytes.clear();
                valid.clear();
            }
            Cells::List { ends, items, values } => {
                ends.clear();
                items.clear();
                values.clear();
            }
        }
    }
}

/// Rows of one table under construction.
#[derive(Debug)]
pub struct TableBuilder {
    table: &'static Table,
    cells: Vec<Cells>,
    rows: usize,
    derived: Vec<Derived>,
    hashes: [Option<Col>; 4],
    /// Smallest and largest integer of each column.
    bounds: Vec<(i64, i64)>,
    /// Codes in the column `host` of addresses that hosts are named by.
    addresses: HashMap<Ip, u32, RandomState>,
}

/// A dictionary column whose text follows from that of another: worked out once per distinct text.
#[derive(Debug)]
struct Derived {
    from: Col,
    to: Col,
    /// By code of `from`: the code in `to`, [`NULL_CODE`] for none, `UNKNOWN` where it was not worked out yet.
    codes: Vec<u32>,
}

impl TableBuilder {
    /// An empty builder.
    pub fn new(table: &'static Table) -> Self {
        let cells = table.all_columns().map(|(_, c)| Cells::new(c.kind)).collect();
        let column = |name| table.find(name).map(|(col, _)| col);
        Self {
            table,
            cells,
            rows: 0,
            derived: Vec::new(),
            hashes: ["sha1", "md5", "sha256", "imphash"].map(column),
            bounds: table.all_columns().map(|(_, c)| c.kind.bounds()).collect(),
            addresses: HashMap::with_hasher(RandomState::with_seeds(5, 6, 7, 8)),
        }
    }

    /// The table.
    #[inline]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// The column of a hash: SHA-1, MD5, SHA-256, import hash in this order.
    pub fn hash_column(&self, algorithm: usize) -> Option<Col> {
        self.hashes.get(algorithm).copied().flatten()
    }

    /// Finished rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the rows, roughly; room that is not used is not counted.
    pub fn memory(&self) -> usize {
        let derived: usize = self.derived.iter().map(|d| d.codes.len() * 4).sum();
        self.cells.iter().map(Cells::memory).sum::<usize>() + derived + self.addresses.len() * 24
    }

    /// Sets a text cell (dictionary or plain) of the current row; other kinds ignore it.
    #[inline]
    pub fn text(&mut self, col: Col, value: &str) {
        self.text_if_free(col, value);
    }

    /// [`text`](Self::text); whether the cell was free and took it.
    #[inline]
    pub fn text_if_free(&mut self, col: Col, value: &str) -> bool {
        let rows = self.rows;
        match self.cells.get_mut(col.0 as usize) {
            Some(Cells::Dict { codes, values }) if codes.len() <= rows => {
                let code = values.intern(value);
                put(codes, rows, NULL_CODE, code);
                true
            }
            Some(Cells::Text { bytes, ends }) if ends.len() <= rows => {
                bytes.push_str(value);
                put(ends, rows, None, Some(bytes.len()));
                true
            }
            _ => false,
        }
    }

    /// [`text`](Self::text) of a text in the program, which comes row after row.
    #[inline]
    pub fn fixed_text(&mut self, col: Col, value: &'static str) {
        let rows = self.rows;
        match self.cells.get_mut(col.0 as usize) {
            Some(Cells::Dict { codes, values }) if codes.len() <= rows => {
                let code = values.intern_fixed(value);
                put(codes, rows, NULL_CODE, code);
            }
            _ => self.text(col, value),
        }
    }

    /// Sets a text cell by an escaped form of its text; `unescape` appends the text.
    #[inline]
    pub fn escaped_text(&mut self, col: Col, form: &str, unescape: impl FnOnce(&mut String)) {
        let rows = self.rows;
        match self.cells.get_mut(col.0 as usize) {
            Some(Cells::Dict { codes, values }) if codes.len() <= rows => {
                let code = values.intern_escaped(form, unescape);
                put(codes, rows, NULL_CODE, code);
            }
            Some(Cells::Text { .. }) => self.append_text(col, unescape),
            _ => {}
        }
    }

    /// Sets a plain text cell to what `write` appends; null if that is nothing.
    #[inline]
    pub fn append_text(&mut self, col: Col, write: impl FnOnce(&mut String)) {
        let rows = self.rows;
        if let Some(Cells::Text { bytes, ends }) = self.cells.get_mut(col.0 as usize)
            && ends.len() <= rows
        {
            let before = bytes.len();
            write(bytes);
            if bytes.len() > before {
                put(ends, rows, None, Some(bytes.len()));
            }
        }
    }

    /// Sets a dictionary cell to what `text` makes of the current row's text in `from`; `None` or an empty text leave
    /// it null. `text` must be the same function each time: it is asked once per distinct text.
    #[inline]
    pub fn derive(&mut self, from: Col, to: Col, text: impl FnOnce(&str) -> Option<String>) {
        let rows = self.rows;
        let Some(code) = self.current_code(from) else { return };
        if self.is_set(to) {
            return;
        }
        let place = match self.derived.iter().position(|d| d.from == from && d.to == to) {
            Some(place) => place,
            None => {
                let codes = Vec::new();
                self.derived.push(Derived { from, to, codes });
                self.derived.len() - 1
            }
        };
        let known = self
            .derived
            .get(place)
            .and_then(|d| d.codes.get(code as usize).copied());
        let derived = match known {
            Some(c) if c != UNKNOWN => c,
            _ => {
                let made = match self.cells.get(from.0 as usize) {
                    Some(Cells::Dict { values, .. }) => text(values.get(code)).filter(|t| !t.is_empty()),
                    _ => None,
                };
                let made = match (self.cells.get_mut(to.0 as usize), made) {
                    (Some(Cells::Dict { values, .. }), Some(t)) => values.intern(&t),
                    _ => NULL_CODE,
                };
                if let Some(d) = self.derived.get_mut(place) {
                    let len = d.codes.len().max(code as usize + 1);
                    d.codes.resize(len, UNKNOWN);
                    if let Some(slot) = d.codes.get_mut(code as usize) {
                        *slot = made;
                    }
                }
                made
            }
        };
        if let (true, Some(Cells::Dict { codes, .. })) = (derived != NULL_CODE, self.cells.get_mut(to.0 as usize)) {
            put(codes, rows, NULL_CODE, derived);
        }
    }

    /// Sets an integer, time or boolean cell of the current row.
    #[inline]
    pub fn int(&mut self, col: Col, value: i64) {
        let rows = self.rows;
        if let Some(Cells::Int(v)) = self.cells.get_mut(col.0 as usize)
            && v.len() <= rows
        {
            put(v, rows, NULL_INT, value);
        }
    }

    /// Sets an integer cell of the current row unless the column cannot hold the value; whether the cell was free and took it.
    #[inline]
    pub fn int_if_it_fits(&mut self, col: Col, value: i64) -> bool {
        let (least, most) = self.bounds.get(col.0 as usize).copied().unwrap_or((0, -1));
        let rows = self.rows;
        match self.cells.get_mut(col.0 as usize) {
            Some(Cells::Int(v)) if v.len() <= rows && (least..=most).contains(&value) => {
                put(v, rows, NULL_INT, value);
                true
            }
            _ => false,
        }
    }

    /// Names the host of the current row by an address, unless it has a name; `text` is asked once per address.
    #[inline]
    pub fn host_of(&mut self, address: &Ip, text: impl FnOnce(&Ip) -> String) {
        let rows = self.rows;
        if let Some(Cells::Dict { codes, values }) = self.cells.get_mut(common::HOST.0 as usize)
            && codes.len() <= rows
        {
            let code = *self
                .addresses
                .entry(*address)
                .or_insert_with(|| values.intern(&text(address)));
            put(codes, rows, NULL_CODE, code);
        }
    }

    /// Sets a float cell of the current row.
    pub fn float(&mut self, col: Col, value: f32) {
        self.int(col, i64::from(value.to_bits()));
    }

    /// Sets a fixed-width cell of the current row; a value of another width is ignored.
    #[inline]
    pub fn fixed(&mut self, col: Col, value: &[u8]) {
        self.fixed_if_free(col, value);
    }

    /// [`fixed`](Self::fixed); whether the cell was free and took it.
    #[inline]
    pub fn fixed_if_free(&mut self, col: Col, value: &[u8]) -> bool {
        let rows = self.rows;
        match self.cells.get_mut(col.0 as usize) {
            Some(Cells::Fixed { width, bytes, valid }) if valid.len() <= rows && value.len() == *width => {
                if valid.len() < rows {
                    bytes.resize(rows * *width, 0);
                }
                bytes.extend_from_slice(value);
                put(valid, rows, false, true);
                true
            }
            _ => false,
        }
    }

    /// Bytes of a fixed-width cell.
    #[inline]
    pub fn width(&self, col: Col) -> Option<usize> {
        match self.cells.get(col.0 as usize) {
            Some(Cells::Fixed { width, .. }) => Some(*width),
            _ => None,
        }
    }

    /// Sets an address cell of the current row.
    #[inline]
    pub fn ip(&mut self, col: Col, value: &Ip) {
        self.fixed(col, value);
    }

    /// Sets a list cell of the current row; how many items were added.
    pub fn list<'a>(&mut self, col: Col, items_in: impl IntoIterator<Item = &'a str>) -> usize {
        let rows = self.rows;
        match self.cells.get_mut(col.0 as usize) {
            Some(Cells::List { ends, items, values }) if ends.len() <= rows => {
                let before = items.len();
                for item in items_in {
                    items.push(values.intern(item));
                }
                put(ends, rows, None, Some(items.len()));
                items.len() - before
            }
            _ => 0,
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
    #[inline]
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
    #[inline]
    pub fn current_text(&self, col: Col) -> Option<&str> {
        match self.cells.get(col.0 as usize) {
            Some(Cells::Dict { values, .. }) => self.current_code(col).map(|code| values.get(code)),
            _ => None,
        }
    }

    #[inline]
    fn current_code(&self, col: Col) -> Option<u32> {
        match self.cells.get(col.0 as usize) {
            Some(Cells::Dict { codes, .. }) => codes.get(self.rows).copied().filter(|c| *c != NULL_CODE),
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
    #[inline]
    pub fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Pads every column to the number of rows. The cells, in column order.
    pub fn padded(&mut self) -> &[Cells] {
        for c in &mut self.cells {
            c.pad(self.rows);
        }
        &self.cells
    }

    /// Pads every column to the number of rows and hands the cells over, in column order.
    pub fn finish(mut self) -> (&'static Table, usize, Vec<Cells>) {
        self.padded();
        (self.table, self.rows, self.cells)
    }

    /// Removes all rows and keeps the room for as many again: growing anew costs more than filling.
    fn clear(&mut self) {
        self.cells.iter_mut().for_each(Cells::clear);
        self.derived.iter_mut().for_each(|d| d.codes.clear());
        self.addresses.clear();
        self.rows = 0;
    }
}

/// Puts the value of row `rows` behind nulls for the rows that have none.
#[inline]
fn put<T: Copy>(cells: &mut Vec<T>, rows: usize, null: T, value: T) {
    if cells.len() < rows {
        cells.resize(rows, null);
    }
    cells.push(value);
}

/// A builder with more than one in so many bytes of its set is used again.
const KEEP: usize = 32;

/// One builder per table, made when the first row comes.
#[derive(Debug, Default)]
pub struct TableSet {
    builders: Vec<Option<Box<TableBuilder>>>,
}

impl TableSet {
    /// The builder of a table.
    #[inline]
    pub fn table(&mut self, table: &'static Table) -> &mut TableBuilder {
        if self.builders.len() < TABLES.len() {
            self.builders.resize_with(TABLES.len(), || None);
        }
        match self.builders.get_mut(table.ix()) {
            Some(slot) => slot.get_or_insert_with(|| Box::new(TableBuilder::new(table))),
            None => unreachable!("ix is the place in TABLES, by a test of this floor"),
        }
    }

    /// Bytes of the rows of all tables, roughly; room that is not used is not counted.
    pub fn memory(&self) -> usize {
        self.builders.iter().flatten().map(|b| b.memory()).sum()
    }

    /// Removes all rows. Builders that hold a good part of them keep their room; that of the others is given back, so that
    /// tables which came once do not hold memory for ever.
    pub fn clear(&mut self) {
        let all = self.memory();
        for slot in &mut self.builders {
            match slot {
                Some(b) if b.memory() * KEEP > all => b.clear(),
                _ => *slot = None,
            }
        }
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
    pub fn builders(&mut self) -> impl Iterator<Item = &mut TableBuilder> {
        let all = self.builders.iter_mut().flatten().map(AsMut::as_mut);
        all.filter(|b| b.rows() > 0)
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
    fn derived_columns_are_worked_out_once_per_text() {
        let mut b = TableBuilder::new(&process::TABLE);
        let mut asked = 0;
        for image in ["A\\x", "b", "A\\x", ""] {
            b.text(process::IMAGE, image);
            b.derive(process::IMAGE, process::IMAGE_NAME, |t| {
                asked += 1;
                Some(t.to_lowercase())
            });
            b.end_row();
        }
        b.derive(process::IMAGE, process::IMAGE_NAME, |_| Some("no row".into()));
        assert_eq!(asked, 3);
        let (codes, values) = b.dict(process::IMAGE_NAME).unwrap();
        let texts: Vec<_> = codes.iter().map(|c| values.get(*c)).collect();
        assert_eq!(texts, ["a\\x", "b", "a\\x"]);
    }
}
