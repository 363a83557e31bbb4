//! From the values of one field to the rows worth a closer look.

use super::answers::Answers;
use super::cells::{Cells, NONE};
use super::matcher::{Matcher, Scratch};
use super::memory::Memory;
use super::plan::AnchorField;

/// One field that points out rows.
pub struct Pointing<'p> {
    /// What its answers point out.
    pub anchor: &'p AnchorField,
    /// Its questions.
    pub matcher: &'p Matcher,
    /// What long texts answered before.
    pub memory: &'p Memory,
    /// Buffers.
    pub scratch: &'p mut Scratch,
    /// Row and place of the rule, in no order, some twice.
    pub candidates: &'p mut Vec<(u32, u32)>,
    /// Whether rows without a value may have one in `extra` that means nothing.
    pub nothing: bool,
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
                if self.nothing {
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
                for leaf in answers.of(code, cells, self.matcher, self.scratch, Some(self.memory)) {
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
}
