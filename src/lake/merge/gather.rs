//! Picks of a merge to rows of their own.

use super::super::rows::{Column, Dict, Rows, Strings};
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
            out.extend_from_slice(s.of(v));
        }
        out.resize(end, NULL_INT);
    }
    match out.iter().all(|v| *v == NULL_INT) {
        true => Column::Null,
        false => Column::Int(out),
    }
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
        let end = out.len() + s.rows();
        if let Column::Text { codes, values } = source(from, *s) {
            let mut known = remaps.of(s.slot);
            out.extend(s.of(codes).iter().map(|code| match (*code, one) {
                (NULL_CODE, _) => NULL_CODE,
                (code, true) => known.code(code, || alone.push(values.get(code))),
                (code, false) => known.code(code, || dict.intern(values.get(code))),
            }));
        }
        out.resize(end, NULL_CODE);
    }
    let values = if one { alone } else { dict.take() };
    match values.is_empty() {
        true => Column::Null,
        false => Column::Text { codes: out, values },
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
    let (mut offsets, mut valid, mut items) = (vec![0], Vec::with_capacity(rows(spans)), Vec::new());
    for s in spans {
        let column = source(from, *s);
        let mut known = remaps.of(s.slot);
        for at in s.places() {
            let list = column.list(at);
            valid.push(list.is_some());
            if let (Some(list), Column::List { values, .. }) = (list, column) {
                let code = |code: &u32| known.code(*code, || dict.intern(values.get(*code)));
                items.extend(list.iter().map(code));
            }
            offsets.push(items.len() as u32);
        }
    }
    match valid.contains(&true) {
        true => Column::List {
            offsets,
            valid,
            items,
            values: dict.take(),
        },
        false => Column::Null,
    }
}
