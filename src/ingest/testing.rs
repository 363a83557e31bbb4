//! One mapped row, read back: what the tests of mappers share.

use super::mappers;
use super::raw::{Raw, Value};
use super::sink::RecordContext;
use crate::base::ip;
use crate::schema::builder::{Cells, NULL_CODE, NULL_INT, TableSet};
use crate::schema::{Col, Table, common};

/// The only row that a record became.
#[derive(Debug)]
pub struct Mapped {
    /// Its table.
    pub table: &'static Table,
    cells: Vec<Cells>,
}

/// Maps one record of a log with these text fields.
pub fn map<V: AsRef<str>>(kind: &str, fields: &[(&'static str, V)]) -> Mapped {
    let mut raw = Raw::log(kind, 0);
    for (name, value) in fields {
        raw.push(*name, Value::Str(value.as_ref().to_owned().into()));
    }
    map_raw(&raw)
}

/// Maps one record.
pub fn map_raw(raw: &Raw<'_>) -> Mapped {
    let cx = RecordContext {
        input: 1,
        format: "test",
        fallback_time: 7,
        zone: None,
        input_host: None,
    };
    let mut out = TableSet::default();
    mappers::find(raw).map(raw, &mut out, &cx);
    only(out)
}

/// The row of a set that has only one.
pub fn only(out: TableSet) -> Mapped {
    let mut builders: Vec<_> = out.into_builders().collect();
    assert_eq!(builders.len(), 1, "one record becomes rows of one table");
    let (table, rows, cells) = builders.pop().unwrap().finish();
    assert_eq!(rows, 1, "one record becomes one row");
    Mapped { table, cells }
}

/// The text of a dictionary or text column.
pub fn text(row: &Mapped, col: Col) -> Option<String> {
    match &row.cells[col.0 as usize] {
        Cells::Dict { codes, values } => (codes[0] != NULL_CODE).then(|| values.get(codes[0]).to_owned()),
        Cells::Text { bytes, ends } => ends[0].map(|end| bytes.get(..end).unwrap().to_owned()),
        _ => panic!("not a text column"),
    }
}

/// The value of an integer column.
pub fn int(row: &Mapped, col: Col) -> Option<i64> {
    match &row.cells[col.0 as usize] {
        Cells::Int(values) => Some(values[0]).filter(|v| *v != NULL_INT),
        _ => panic!("not an integer column"),
    }
}

/// The value of an address column as text.
pub fn address(row: &Mapped, col: Col) -> Option<String> {
    match &row.cells[col.0 as usize] {
        Cells::Fixed { bytes, valid, .. } => valid[0].then(|| ip::display(&bytes[..16].try_into().unwrap())),
        _ => panic!("not an address column"),
    }
}

/// The items of a list column.
pub fn list(row: &Mapped, col: Col) -> Vec<String> {
    match &row.cells[col.0 as usize] {
        Cells::List { items, values, .. } => items.iter().map(|i| values.get(*i).to_owned()).collect(),
        _ => panic!("not a list column"),
    }
}

/// The fields that no column holds.
pub fn extra(row: &Mapped) -> Option<String> {
    text(row, common::EXTRA)
}
