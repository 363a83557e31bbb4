//! Which fields the `extra` column of a file has, told in the footer: who looks for a field that is in none of the rows
//! need not read the column, the largest of many files.

use std::collections::HashSet;

use ahash::RandomState;
use parquet::file::metadata::KeyValue;

use super::super::merge::{Pick, View};
use super::super::rows::{Column, Strings};
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
}

impl ExtraNames {
    /// Adds the names of picked rows.
    pub fn append(&mut self, slots: &View, picks: &[Pick]) {
        if self.bytes > MAX_BYTES {
            return;
        }
        let from = slots.column(common::EXTRA);
        let texts: Vec<Option<(&[u32], &Strings)>> = from
            .iter()
            .map(|(c, _)| match c {
                Column::Text { codes, values } => Some((codes.as_slice(), values)),
                _ => None,
            })
            .collect();
        for p in picks {
            let Some(Some((codes, values))) = texts.get(p.slot as usize) else {
                continue;
            };
            match codes.get(p.at as usize) {
                None | Some(&NULL_CODE) => {}
                Some(code) => {
                    if let Ok(json) = std::str::from_utf8(values.get(*code)) {
                        self.add(json);
                    }
                }
            }
        }
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
