//! Rows of one table in columns, as they travel through staging, merge and writer: integers, and texts stored once.

mod build;
mod bytes;
mod found;
mod identity;
mod order;
mod packed;
mod strings;

pub use order::Days;
pub use packed::{Ints, Packed};
pub use strings::{Dict, Strings};

use crate::schema::builder::{NULL_CODE, NULL_INT};
use crate::schema::{Col, Table};

/// One column of some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// Null in every row.
    Null,
    /// Integers, times, booleans, floats by their bits; [`NULL_INT`] for null.
    Int(Ints),
    /// Fixed-width bytes.
    Fixed {
        /// Width of a cell in bytes.
        width: usize,
        /// All cells one after the other.
        bytes: Vec<u8>,
        /// Which rows hold a value.
        valid: Vec<bool>,
    },
    /// Texts: one code a row, [`NULL_CODE`] for null. In a dictionary column every text stands once.
    Text {
        /// One code a row.
        codes: Packed,
        /// The texts.
        values: Strings,
    },
    /// Lists of texts.
    List {
        /// Where each row's items begin; one more than rows.
        offsets: Packed,
        /// Which rows hold a list; the others have no items.
        valid: Vec<bool>,
        /// Codes of all items one after the other.
        items: Packed,
        /// The texts.
        values: Strings,
    },
}

impl Column {
    /// Bytes held.
    pub fn memory(&self) -> usize {
        match self {
            Column::Null => 0,
            Column::Int(v) => v.memory(),
            Column::Fixed { bytes, valid, .. } => bytes.capacity() + valid.capacity(),
            Column::Text { codes, values } => codes.memory() + values.memory(),
            Column::List {
                offsets,
                valid,
                items,
                values,
            } => offsets.memory() + items.memory() + valid.capacity() + values.memory(),
        }
    }

    /// The texts of one row's list.
    pub fn list(&self, at: usize) -> Option<impl ExactSizeIterator<Item = &[u8]>> {
        match self {
            Column::List {
                offsets,
                valid,
                items,
                values,
            } if valid.get(at).copied().unwrap_or(false) => {
                let places = offsets.get(at) as usize..offsets.get(at + 1) as usize;
                Some(places.map(|i| values.get(items.code(i))))
            }
            _ => None,
        }
    }

    /// The bytes of one row's fixed-width cell.
    #[inline]
    pub fn fixed(&self, at: usize) -> Option<&[u8]> {
        match self {
            Column::Fixed { width, bytes, valid } if valid.get(at).copied().unwrap_or(false) => {
                bytes.get(at * width..(at + 1) * width)
            }
            _ => None,
        }
    }
}

/// Rows of one table; columns by their [`Col`].
#[derive(Debug, Clone)]
pub struct Rows {
    table: &'static Table,
    len: usize,
    columns: Vec<Column>,
}

static NULL: Column = Column::Null;

impl Rows {
    /// Rows from their columns, in column order; columns beyond those given are null.
    pub fn new(table: &'static Table, len: usize, columns: Vec<Column>) -> Self {
        Self { table, len, columns }
    }

    /// The table.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A column.
    #[inline]
    pub fn column(&self, col: Col) -> &Column {
        self.columns.get(col.0 as usize).unwrap_or(&NULL)
    }

    /// Replaces a column.
    pub fn set(&mut self, col: Col, column: Column) {
        if let Some(slot) = self.columns.get_mut(col.0 as usize) {
            *slot = column;
        }
    }

    /// An integer cell; [`NULL_INT`] for null.
    #[inline]
    pub fn int(&self, col: Col, at: usize) -> i64 {
        match self.column(col) {
            Column::Int(v) => v.get(at),
            _ => NULL_INT,
        }
    }

    /// The code of a text cell; [`NULL_CODE`] for null.
    #[inline]
    pub fn code(&self, col: Col, at: usize) -> u32 {
        match self.column(col) {
            Column::Text { codes, .. } => codes.code(at),
            _ => NULL_CODE,
        }
    }

    /// A text cell.
    #[inline]
    pub fn text(&self, col: Col, at: usize) -> Option<&[u8]> {
        match self.column(col) {
            Column::Text { codes, values } => match codes.code(at) {
                NULL_CODE => None,
                code => Some(values.get(code)),
            },
            _ => None,
        }
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.columns.iter().map(Column::memory).sum::<usize>() + self.columns.capacity() * std::mem::size_of::<Column>()
    }
}
