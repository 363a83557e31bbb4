//! Which fields the `extra` column of a file has, told in the footer: who looks for a field that is in none of the rows
//! need not read the column, the largest of many files.

use parquet::file::metadata::KeyValue;

use super::super::merge::{Remaps, Span, View};
use super::super::rows::{Column, Dict};
use crate::schema::builder::NULL_CODE;
use crate::schema::{common, extra};

/// The key of the footer's metadata; its value is a JSON list of names in byte order.
pub const KEY: &str = "coldtrail.extra_names";
/// Bytes of names that a footer tells; where there are more it tells none.
const MAX_BYTES: usize = 64 << 10;

/// The names met so far.
#[derive(Default)]
pub struct ExtraNames {
    known: Dict,
    bytes: usize,
    /// The last two names that came behind each name, the first of all for those that begin a text: mostly one comes again.
    next: Vec<[u32; 2]>,
    /// Texts that were looked at.
    texts: Remaps,
}

impl ExtraNames {
    /// Adds the names of picked rows.
    pub fn append(&mut self, slots: &View, parts: &[Vec<Span>]) {
        if self.bytes > MAX_BYTES {
            return;
        }
        let from = slots.column(common::EXTRA);
        let mut met = std::mem::take(&mut self.texts);
        for (slot, (column, serial)) in from.iter().enumerate() {
            if let Column::Text { values, .. } = column {
                met.open(slot as u32, *serial, values.len());
            }
        }
        let mut places = Vec::new();
        for s in parts.iter().flatten() {
            let Some((Column::Text { codes, values }, _)) = from.get(s.slot as usize) else {
                continue;
            };
            let mut met = met.of(s.slot);
            places.clear();
            codes.append_codes(s.places(), &mut places);
            for code in places.iter().filter(|c| **c != NULL_CODE) {
                met.code(*code, || {
                    if let Ok(json) = std::str::from_utf8(values.get(*code)) {
                        self.add(json);
                    }
                    0
                });
            }
        }
        self.texts = met;
    }

    fn add(&mut self, json: &str) {
        let mut behind = 0;
        for (name, _) in extra::members(json) {
            let known = self.next.get(behind).copied().unwrap_or([NULL_CODE; 2]);
            let same = |code: &u32| *code != NULL_CODE && self.known.values().get(*code) == name.as_bytes();
            let code = match known.into_iter().find(same) {
                Some(code) => code,
                None => self.met(name, behind),
            };
            behind = code as usize + 1;
        }
    }

    /// Keeps a name, new or known, that came behind another.
    fn met(&mut self, name: &str, behind: usize) -> u32 {
        let plain = extra::unescape(name);
        let before = self.known.len();
        let code = self.known.intern(plain.as_bytes());
        if self.known.len() > before {
            self.bytes += plain.len() + 1;
        }
        if self.next.len() <= behind {
            self.next.resize(behind + 1, [NULL_CODE; 2]);
        }
        // What is escaped in one text may be the plain name of another field.
        if let Some([last, before]) = self.next.get_mut(behind).filter(|_| !plain.contains('\\')) {
            (*last, *before) = (code, *last);
        }
        code
    }

    /// What the footer says; nothing where there are too many names.
    pub fn finish(self) -> Option<KeyValue> {
        if self.bytes > MAX_BYTES {
            return None;
        }
        let names = self.known.values().iter().map(|name| std::str::from_utf8(name));
        let mut names: Vec<&str> = names.collect::<Result<_, _>>().ok()?;
        names.sort_unstable();
        Some(KeyValue::new(KEY.to_owned(), serde_json::to_string(&names).ok()))
    }
}
