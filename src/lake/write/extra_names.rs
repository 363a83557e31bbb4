//! Which fields the `extra` column of a file has, told in the footer: who looks for a field that is in none of the rows
//! need not read the column, the largest of many files.

use std::collections::HashSet;

use ahash::RandomState;
use parquet::file::metadata::KeyValue;

use super::super::merge::{Remaps, Span, View};
use super::super::rows::Column;
use crate::schema::builder::NULL_CODE;
use crate::schema::{common, extra};

/// The key of the footer's metadata; its value is a JSON list of names in byte order.
pub const KEY: &str = "coldtrail.extra_names";
/// Bytes of names that a footer tells; where there are more it tells none.
const MAX_BYTES: usize = 64 << 10;

/// The names met so far.
#[derive(Default)]
pub struct ExtraNames {
    known: HashSet<Box<str>, RandomState>,
    bytes: usize,
    /// The names of the row before, in its order: those of the next row are mostly the same.
    last: Vec<Box<str>>,
    /// Texts that were looked at.
    met: Remaps,
}

impl ExtraNames {
    /// Adds the names of picked rows.
    pub fn append(&mut self, slots: &View, parts: &[Vec<Span>]) {
        if self.bytes > MAX_BYTES {
            return;
        }
        let from = slots.column(common::EXTRA);
        let mut met = std::mem::take(&mut self.met);
        for (slot, (column, serial)) in from.iter().enumerate() {
            if let Column::Text { values, .. } = column {
                met.open(slot as u32, *serial, values.len());
            }
        }
        for s in parts.iter().flatten() {
            let Some((Column::Text { codes, values }, _)) = from.get(s.slot as usize) else {
                continue;
            };
            let mut met = met.of(s.slot);
            for code in s.of(codes).iter().filter(|c| **c != NULL_CODE) {
                met.code(*code, || {
                    if let Ok(json) = std::str::from_utf8(values.get(*code)) {
                        self.add(json);
                    }
                    0
                });
            }
        }
        self.met = met;
    }

    fn add(&mut self, json: &str) {
        for (i, (name, _)) in extra::members(json).enumerate() {
            if self.last.get(i).is_some_and(|n| **n == *name) {
                continue;
            }
            if self.known.contains(name) && !name.contains('\\') {
                continue;
            }
            let name = extra::unescape(name);
            if !self.known.contains(&*name) {
                self.bytes += name.len() + 1;
                self.known.insert((*name).into());
            }
            let name = name.into_owned().into_boxed_str();
            match self.last.get_mut(i) {
                Some(n) => *n = name,
                None => self.last.push(name),
            }
        }
    }

    /// What the footer says; nothing where there are too many names.
    pub fn finish(self) -> Option<KeyValue> {
        if self.bytes > MAX_BYTES {
            return None;
        }
        let mut names: Vec<Box<str>> = self.known.into_iter().collect();
        names.sort_unstable();
        Some(KeyValue::new(KEY.to_owned(), serde_json::to_string(&names).ok()))
    }
}
