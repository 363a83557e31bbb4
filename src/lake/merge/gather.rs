//! Picks of a merge to rows of their own.

use super::super::rows::{Column, Dict, Rows, Strings};
use super::slots::{Pick, Remaps, View};
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
        let columns = self
            .columns
            .iter_mut()
            .enumerate()
            .map(|(i, (dict, remaps))| column(&slots.column(Col(i as u16)), picks, dict, remaps))
            .collect();
        Rows::new(self.table, picks.len(), columns)
    }
}

fn column(from: &[(&Column, u64)], picks: &[Pick], dict: &mut Dict, remaps: &mut Remaps) -> Column {
    let kind = from.iter().map(|(c, _)| *c).find(|c| **c != Column::Null);
    let source = |p: &Pick| from.get(p.slot as usize).map(|s| s.0);
    match kind {
        None | Some(Column::Null) => Column::Null,
        Some(Column::Int(_)) => {
            let value = |p: &Pick| match source(p) {
                Some(Column::Int(v)) => v.get(p.at as usize).copied().unwrap_or(NULL_INT),
                _ => NULL_INT,
            };
            let out: Vec<i64> = picks.iter().map(value).collect();
            match out.iter().all(|v| *v == NULL_INT) {
                true => Column::Null,
                false => Column::Int(out),
            }
        }
        Some(Column::Fixed { width, .. }) => {
            let width = *width;
            let mut bytes = Vec::with_capacity(picks.len() * width);
            let mut valid = Vec::with_capacity(picks.len());
            for p in picks {
                let cell = source(p).and_then(|c| c.fixed(p.at as usize));
                valid.push(cell.is_some());
                match cell {
                    Some(v) => bytes.extend_from_slice(v),
                    None => bytes.resize(bytes.len() + width, 0),
                }
            }
            match valid.contains(&true) {
                true => Column::Fixed { width, bytes, valid },
                false => Column::Null,
            }
        }
        Some(Column::Text { .. }) => {
            open(from, remaps);
            if let ([(Column::Text { codes, values }, _)], 0) = (from, dict.len()) {
                return one_source(codes, values, picks, remaps);
            }
            let codes: Vec<u32> = picks.iter().map(|p| text(p, from, dict, remaps)).collect();
            match dict.is_empty() {
                true => Column::Null,
                false => Column::Text {
                    codes,
                    values: dict.take(),
                },
            }
        }
        Some(Column::List { .. }) => {
            open(from, remaps);
            list(from, picks, dict, remaps)
        }
    }
}

/// Texts of one source are not compared with each other: it stores each once already.
fn one_source(codes: &[u32], values: &Strings, picks: &[Pick], remaps: &mut Remaps) -> Column {
    let mut out = Strings::default();
    let code = |p: &Pick| match codes.get(p.at as usize).copied() {
        None | Some(NULL_CODE) => NULL_CODE,
        Some(code) => {
            let make = || Ok::<u32, std::convert::Infallible>(out.push(values.get(code)));
            match remaps.code(p.slot, code, make) {
                Ok(code) => code,
                Err(never) => match never {},
            }
        }
    };
    let codes: Vec<u32> = picks.iter().map(code).collect();
    match out.is_empty() {
        true => Column::Null,
        false => Column::Text { codes, values: out },
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

fn text(p: &Pick, from: &[(&Column, u64)], dict: &mut Dict, remaps: &mut Remaps) -> u32 {
    let Some((Column::Text { codes, values }, _)) = from.get(p.slot as usize) else {
        return NULL_CODE;
    };
    match codes.get(p.at as usize).copied() {
        None | Some(NULL_CODE) => NULL_CODE,
        Some(code) => intern(p.slot, code, values, dict, remaps),
    }
}

fn intern(slot: u32, code: u32, values: &Strings, dict: &mut Dict, remaps: &mut Remaps) -> u32 {
    let make = || Ok::<u32, std::convert::Infallible>(dict.intern(values.get(code)));
    match remaps.code(slot, code, make) {
        Ok(code) => code,
        Err(never) => match never {},
    }
}

fn list(from: &[(&Column, u64)], picks: &[Pick], dict: &mut Dict, remaps: &mut Remaps) -> Column {
    let (mut offsets, mut valid, mut items) = (vec![0], Vec::with_capacity(picks.len()), Vec::new());
    for p in picks {
        let cell = match from.get(p.slot as usize) {
            Some((c @ Column::List { values, .. }, _)) => c.list(p.at as usize).map(|l| (l, values)),
            _ => None,
        };
        valid.push(cell.is_some());
        if let Some((list, values)) = cell {
            items.extend(list.iter().map(|code| intern(p.slot, *code, values, dict, remaps)));
        }
        offsets.push(items.len() as u32);
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
