//! Where the values of a record stand whose columns are known: in the cells of its line, or among its fields.
//!
//! A field has a name of its own and may own its text; making one for every cell of a line, and giving it up again, took an eighth of
//! what reading a line takes.

use super::layout::Layout;

/// A cell of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Text that is the value as it stands.
    Text(&'a str),
    /// The value is that of the field with this number.
    Field(usize),
}

impl Cell<'_> {
    /// Of a column without a value.
    pub const NONE: Self = Cell::Field(usize::MAX);
}

/// Where the values of a record stand whose columns a [`Layout`] names.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    layout: &'a Layout,
    /// By column; `None` where every column has its field, in order.
    cells: Option<&'a [Cell<'a>]>,
}

impl<'a> Placed<'a> {
    /// Every column has its field, in order.
    pub fn straight(layout: &'a Layout) -> Self {
        Self { layout, cells: None }
    }

    /// Every column has a cell, and so has every field; cells behind those of the columns are fields with names of their own.
    pub fn cells(layout: &'a Layout, cells: &'a [Cell<'a>]) -> Self {
        Self {
            layout,
            cells: Some(cells),
        }
    }

    /// The key of the value at a place, if it is known: its name as JSON and a colon.
    #[inline]
    pub fn key(&self, place: usize) -> Option<&'a str> {
        self.layout.key(place)
    }

    /// The layout.
    pub fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// The cells, where the record has some.
    #[inline]
    pub fn line(&self) -> Option<&'a [Cell<'a>]> {
        self.cells
    }

    /// Place of the value with this name in the program's text, whose hash is known: its column.
    #[inline]
    pub fn of_known(&self, name: &'static str, hash: u32) -> Option<usize> {
        self.layout.column(name, hash).map(usize::from)
    }

    /// Place of the value with this name, whose hash is known.
    #[inline]
    pub fn of_name(&self, name: &str, hash: u32) -> Option<usize> {
        self.layout.find(name, hash)
    }
}

impl PartialEq for Placed<'_> {
    /// Where names stand says nothing that the names do not say.
    fn eq(&self, other: &Self) -> bool {
        self.cells == other.cells
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::name::Name;
    use crate::ingest::raw::{Raw, Value};
    use crate::ingest::testing::{extra, int, map_raw, text};
    use crate::schema::dns;

    const COLUMNS: [&str; 6] = ["query", "qtype_name", "AA", "trans_id", "answers", "vendor"];

    proptest! {
        /// Whether its values stand in cells or among its fields, a record becomes the same row.
        #[test]
        fn cells_say_what_fields_would_say(
            values in prop::array::uniform6(prop::option::of(("[a-z0-9.\"]{0,4}|-|é", any::<bool>()))),
            unnamed in prop::option::of("[a-z]{1,3}"),
        ) {
            let layout = Layout::new(COLUMNS.map(Name::from).iter()).unwrap();
            let mut raw = Raw::log("zeek.dns", 7);
            let mut cell = |(value, name): (&Option<(String, bool)>, &'static str)| match value {
                None => Cell::NONE,
                Some((value, true)) => Cell::Text(value.clone().leak()),
                Some((value, false)) => {
                    raw.push(name, Value::Raw(format!("[\"{value}\"]").into()));
                    Cell::Field(raw.fields.len() - 1)
                }
            };
            let mut cells: Vec<_> = values.iter().zip(COLUMNS).map(&mut cell).collect();
            if let Some(value) = &unnamed {
                cells.push(Cell::Field(raw.fields.len()));
                raw.push("column_7", Value::str(value));
            }
            raw.placed = Some(Placed::cells(&layout, &cells));
            let plain = raw.clone().into_owned();
            prop_assert_eq!(plain.fields.len(), cells.iter().filter(|c| **c != Cell::NONE).count());
            prop_assert_eq!(plain.get("column_7"), unnamed.as_deref());
            for name in COLUMNS {
                prop_assert_eq!(raw.get(name), plain.get(name));
                prop_assert_eq!(raw.has(name), plain.has(name));
            }
            let (placed, plain) = (map_raw(&raw), map_raw(&plain));
            prop_assert_eq!(extra(&placed), extra(&plain));
            prop_assert_eq!(text(&placed, dns::QNAME), text(&plain, dns::QNAME));
            prop_assert_eq!(int(&placed, dns::TXID), int(&plain, dns::TXID));
        }
    }
}
