//! `extra` of one row.

use std::borrow::Cow;

use arrow_array::{Array, StringArray};

use super::plan::SlotId;
use crate::schema::extra;

/// `extra` of one row, read when first needed.
pub struct RowView<'j> {
    /// The row.
    pub row: usize,
    json: Option<&'j str>,
    members: Option<Vec<(&'j str, &'j str)>>,
    /// Whether `extra` has a field: asked once a row, however many questions there are about it.
    known: Vec<(SlotId, bool)>,
}

impl<'j> RowView<'j> {
    /// Of a row of the `extra` column.
    pub fn new(row: usize, extra: Option<&'j StringArray>) -> Self {
        Self {
            row,
            json: extra.filter(|e| e.is_valid(row)).map(|e| e.value(row)),
            members: None,
            known: Vec::new(),
        }
    }

    fn members(&mut self) -> &[(&'j str, &'j str)] {
        let json = self.json;
        self.members
            .get_or_insert_with(|| json.map_or_else(Vec::new, |j| extra::members(j).collect()))
    }

    fn raw(&mut self, name: &str) -> Option<&'j str> {
        let direct = self
            .members()
            .iter()
            .find(|(k, _)| extra::same(k, name))
            .map(|(_, v)| *v);
        match direct {
            None if name.contains('.') => extra::get(self.json?, name),
            found => found,
        }
    }

    /// Whether one of the names of a field is there.
    pub fn has(&mut self, slot: SlotId, names: &[String]) -> bool {
        if self.json.is_none() {
            return false;
        }
        if let Some((_, has)) = self.known.iter().find(|(s, _)| *s == slot) {
            return *has;
        }
        let has = names.iter().any(|n| self.raw(n).is_some());
        self.known.push((slot, has));
        has
    }

    /// The texts under the first of these names that has any, or under all of them; whether there was one.
    pub fn texts(&mut self, names: &[String], each: bool, see: &mut dyn FnMut(&str)) -> bool {
        if self.json.is_none() {
            return false;
        }
        let mut any = false;
        for name in names {
            let texts: Vec<Cow<'_, str>> = self.raw(name).map_or_else(Vec::new, extra::texts);
            any |= !texts.is_empty();
            texts.iter().for_each(|t| see(t));
            if any && !each {
                break;
            }
        }
        any
    }

    /// All texts.
    pub fn all(&mut self, see: &mut dyn FnMut(&str)) -> bool {
        let mut any = false;
        for (_, raw) in self.members().to_vec() {
            for t in extra::texts(raw) {
                any = true;
                see(&t);
            }
        }
        any
    }
}
