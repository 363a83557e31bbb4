//! Picks of a merge to rows of their own.

use super::super::rows::{Column, Dict, Ints, Packed, Rows, Strings};
use super::slots::{Pick, Remaps, Span, View};
use crate::schema::builder::{NULL_CODE, NULL_INT};
use crate::schema::{Col, Table};

/// Copies picked rows together; keeps what it learns about the slots between calls.
#[derive(Debug)]
pub struct Gather {
    table: &'static Table,
    columns: Vec<(Dict, Remaps)>,
}

impl Gather {
    /// For rows of a table.
    pub fn new(table: &'static Table) -> Self {
        let mut columns = Vec::new();
        columns.resize_with(table.width(), Default::default);
        Self { table, columns }
    }

    /// The picked rows, in order.
    pub fn rows(&mut self, slots: &View, picks: &[Pick]) -> Rows {
        let spans = Span::all(picks);
        let columns = self
            .columns
            .iter_mut()
            .enumerate()
            .map(|(i, (dict, remaps))| column(&slots.column(Col(i as u16)), &spans, dict, remaps))
            .collect();
        Rows::new(self.table, picks.len(), columns)
    }
}

fn column(from: &[(&Column, u64)], spans: &[Span], dict: &mut Dict, remaps: &mut Remaps) -> Column {
    match from.iter().map(|(c, _)| *c).find(|c| **c != Column::Null) {
        None | Some(Column::Null) => Column::Null,
        Some(Column::Int(_)) => ints(from, spans),
        Some(Column::Fixed { width, .. }) => fixed(from, spans, *width),
        Some(Column::Text { .. }) => {
            open(from, remaps);
            texts(from, spans, dict, remaps)
        }
        Some(Column::List { .. }) => {
            open(from, remaps);
            lists(from, spans, dict, remaps)
        }
    }
}

fn rows(spans: &[Span]) -> usize {
    spans.iter().map(|s| s.rows()).sum()
}

/// The column of a span's slot.
fn source<'c>(from: &[(&'c Column, u64)], s: Span) -> &'c Column {
    from.get(s.slot as usize).map_or(&Column::Null, |c| c.0)
}

fn ints(from: &[(&Column, u64)], spans: &[Span]) -> Column {
    let mut out = Vec::with_capacity(rows(spans));
    for s in spans {
        let end = out.len() + s.rows();
        if let Column::Int(v) = source(from, *s) {
            v.append(s.places(), &mut out);
        }
        out.resize(end, NULL_INT);
    }
    Ints::new(&out).map_or(Column::Null, Column::Int)
}

fn fixed(from: &[(&Column, u64)], spans: &[Span], width: usize) -> Column {
    let mut out = Vec::with_capacity(rows(spans) * width);
    let mut there = Vec::with_capacity(rows(spans));
    for s in spans {
        let end = there.len() + s.rows();
        if let Column::Fixed { bytes, valid, .. } = source(from, *s) {
            let places = s.places();
            out.extend_from_slice(bytes.get(places.start * width..places.end * width).unwrap_or(&[]));
            there.extend_from_slice(s.of(valid));
        }
        there.resize(end, false);
        out.resize(end * width, 0);
    }
    match there.contains(&true) {
        true => Column::Fixed {
            width,
            bytes: out,
            valid: there,
        },
        false => Column::Null,
    }
}

fn texts(from: &[(&Column, u64)], spans: &[Span], dict: &mut Dict, remaps: &mut Remaps) -> Column {
    // Texts of one source are not compared with each other: it stores each once already.
    let mut alone = Strings::default();
    let one = from.len() == 1 && dict.is_empty();
    let mut out = Vec::with_capacity(rows(spans));
    for s in spans {
        let (start, end) = (out.len(), out.len() + s.rows());
        if let Column::Text { codes, values } = source(from, *s) {
            codes.append_codes(s.places(), &mut out);
            let mut known = remaps.of(s.slot);
            for code in out.iter_mut().skip(start).filter(|c| **c != NULL_CODE) {
                *code = match one {
                    true => known.code(*code, || alone.push(values.get(*code))),
                    false => known.code(*code, || dict.intern(values.get(*code))),
                };
            }
        }
        out.resize(end, NULL_CODE);
    }
    let values = if one { alone } else { dict.take() };
    match values.is_empty() {
        true => Column::Null,
        false => Column::Text {
            codes: Packed::codes(values.len(), out.into_iter()),
            values,
        },
    }
}

fn open(from: &[(&Column, u64)], remaps: &mut Remaps) {
    remaps.forget();
    for (slot, (c, serial)) in from.iter().enumerate() {
        if let Column::Text { values, .. } | Column::List { values, .. } = c {
            remaps.open(slot as u32, *serial, values.len());
        }
    }
}

fn lists(from: &[(&Column, u64)], spans: &[Span], dict: &mut Dict, remaps: &mut Remaps) -> Column {
    let (mut ends, mut valid, mut out) = (vec![0u32], Vec::with_capacity(rows(spans)), Vec::new());
    for s in spans {
        let (start, rows) = (out.len() as u32, valid.len() + s.rows());
        if let Column::List {
            offsets,
            valid: there,
            items,
            values,
        } = source(from, *s)
        {
            let places = s.places();
            let first = offsets.code(places.start);
            let items_of = first as usize..offsets.code(places.end) as usize;
            let place = out.len();
            items.append_codes(items_of, &mut out);
            let mut known = remaps.of(s.slot);
            let new = out.iter_mut().skip(place);
            new.for_each(|c| *c = known.code(*c, || dict.intern(values.get(*c))));
            valid.extend_from_slice(s.of(there));
            offsets.append(places.start + 1..places.end + 1, &mut ends, |n| {
                start + (n as u32).saturating_sub(first)
            });
        }
        valid.resize(rows, false);
        ends.resize(rows + 1, out.len() as u32);
    }
    match valid.contains(&true) {
        true => Column::List {
            offsets: Packed::codes(out.len(), ends.into_iter()),
            valid,
            items: Packed::codes(dict.len(), out.into_iter()),
            values: dict.take(),
        },
        false => Column::Null,
    }
}
