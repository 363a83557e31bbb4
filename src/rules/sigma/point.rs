//! From the values of one field to the rows worth a closer look.

use std::collections::HashMap;

use ahash::RandomState;
use arrow_array::{Array, StringArray};

use super::access::Access;
use super::answers::Answers;
use super::cells::{Cells, NONE};
use super::matcher::{Matcher, Scratch};
use super::memory::Memory;
use super::plan::{AnchorField, Slot};
use super::program::{LeafId, seeds};
use crate::schema::extra;

/// One field that points out rows.
pub struct Pointing<'p> {
    /// The field.
    pub slot: &'p Slot,
    /// What its answers point out.
    pub anchor: &'p AnchorField,
    /// Its questions.
    pub matcher: &'p Matcher,
    /// What its texts answered before.
    pub memory: Option<&'p Memory>,
    /// Buffers.
    pub scratch: &'p mut Scratch,
    /// Row and place of the rule, in no order, some twice.
    pub candidates: &'p mut Vec<(u32, u32)>,
    /// Whether the field has a value anywhere.
    pub seen: bool,
}

impl Pointing<'_> {
    /// By the values of a column.
    pub fn by_column(&mut self, cells: &Cells, answers: &mut Answers, rows: &[u32]) {
        answers.meet(cells);
        // Kept from field to field: a fresh table for each would cost more than the rows.
        let mut pointed = std::mem::take(&mut self.scratch.pointed);
        self.scratch.pointing = self.scratch.pointing.wrapping_add(1);
        if self.scratch.pointing == 0 {
            pointed.clear();
            self.scratch.pointing = 1;
        }
        let turn = self.scratch.pointing;
        if pointed.len() < cells.len() {
            pointed.resize(cells.len(), (0, 0, 0));
        }
        let mut pool = std::mem::take(&mut self.scratch.places);
        pool.clear();
        for row in rows {
            let code = cells.code(*row as usize);
            if code == NONE {
                if !self.anchor.extra {
                    self.candidates.extend(self.anchor.nothing.iter().map(|p| (*row, *p)));
                }
                continue;
            }
            self.seen = true;
            let Some(place) = pointed.get_mut(code as usize) else {
                continue;
            };
            if place.0 != turn {
                let begin = pool.len();
                for leaf in answers.of(code, cells, self.matcher, self.scratch, self.memory) {
                    pool.extend(self.anchor.rules.get(leaf).into_iter().flatten());
                }
                *place = (turn, begin as u32, (pool.len() - begin) as u32);
            }
            if place.2 > 0 {
                let begin = place.1 as usize;
                let places = pool.get(begin..begin + place.2 as usize).unwrap_or(&[]);
                self.candidates.extend(places.iter().map(|p| (*row, *p)));
            }
        }
        self.scratch.pointed = pointed;
        self.scratch.places = pool;
    }

    /// By the values in `extra` of rows whose columns have none.
    pub fn by_extra(&mut self, extra: &StringArray, cells: &Cells, rows: &[u32]) {
        let everything = self.slot.reach.columns == Some(Access::Everything);
        let forms = self.slot.reach.columns.as_ref().is_some_and(Access::has_forms);
        let beside = self.slot.reach.each || forms;
        let mut known: HashMap<&str, Vec<u32>, RandomState> = HashMap::with_hasher(seeds());
        for row in rows {
            let at = *row as usize;
            if !extra.is_valid(at) || !beside && cells.code(at) != NONE {
                continue;
            }
            let json = extra.value(at);
            for (k, raw) in extra::members(json) {
                let Some(raw) = self.wanted(json, k, raw, everything) else {
                    continue;
                };
                self.seen = true;
                if !known.contains_key(raw) {
                    let places = self.places(raw);
                    known.insert(raw, places);
                }
                let places = known.get(raw).map_or(&[][..], Vec::as_slice);
                self.candidates.extend(places.iter().map(|p| (*row, *p)));
            }
        }
    }

    /// The raw value to look at where a member is one that the field means.
    fn wanted<'j>(&self, json: &'j str, key: &str, raw: &'j str, everything: bool) -> Option<&'j str> {
        let names = &self.slot.reach.extra;
        if everything || names.iter().any(|n| extra::same(key, n)) {
            return Some(raw);
        }
        let leads = raw.starts_with('{') && names.iter().any(|n| n.starts_with(key));
        leads.then(|| names.iter().find_map(|n| extra::get(json, n))).flatten()
    }

    fn places(&mut self, raw: &str) -> Vec<u32> {
        let mut leaves: Vec<LeafId> = Vec::new();
        for text in extra::texts(raw) {
            match self.memory {
                Some(m) => m.recall(&text, &mut leaves, |out| self.matcher.ask(&text, self.scratch, out)),
                None => self.matcher.ask(&text, self.scratch, &mut leaves),
            }
        }
        let mut out = Vec::new();
        for leaf in &leaves {
            out.extend(self.anchor.rules.get(leaf).into_iter().flatten().copied());
        }
        out
    }
}
