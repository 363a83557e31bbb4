//! Answers per code of one field over the batches of a file.

use arrow_array::{Array, StringArray};

use super::cells::Cells;
use super::matcher::{Matcher, Scratch};
use super::memory::Memory;
use super::program::LeafId;

/// Bytes from which on remembering a text is cheaper than asking it again.
const LONG: usize = 256;

/// Answers per code of one field, kept while the dictionary stays the same.
#[derive(Default)]
pub struct Answers {
    /// Held, so that no other dictionary can take its place in memory.
    dictionary: Option<StringArray>,
    /// Begin and length in `pool`, plus one; 0 where not asked yet.
    places: Vec<(u32, u32)>,
    pool: Vec<LeafId>,
}

impl Answers {
    /// Forgets all: for cells without a dictionary, whose codes mean other texts in every batch.
    pub fn next_batch(&mut self) {
        if self.dictionary.is_none() {
            self.places.clear();
        }
    }

    /// Forgets what was known where these cells have another dictionary.
    pub fn meet(&mut self, cells: &Cells) {
        let dictionary = cells.dictionary();
        let same = match (&self.dictionary, dictionary) {
            (Some(a), Some(b)) => identity(a) == identity(b),
            // `next_batch` has emptied the places of another batch.
            (None, None) => true,
            _ => false,
        };
        if self.places.len() == cells.len() && same {
            return;
        }
        self.dictionary = dictionary.cloned();
        self.places.clear();
        self.places.resize(cells.len(), (0, 0));
        self.pool.clear();
    }

    /// The questions that the texts of a code answer with yes, sorted.
    pub fn of(
        &mut self,
        code: u32,
        cells: &Cells,
        matcher: &Matcher,
        scratch: &mut Scratch,
        memory: Option<&Memory>,
    ) -> &[LeafId] {
        let Some(place) = self.places.get_mut(code as usize) else {
            return &[];
        };
        if place.0 == 0 {
            let begin = self.pool.len();
            let mut texts = 0;
            cells.each(code, |t| {
                match memory.filter(|_| t.len() >= LONG) {
                    Some(m) => m.recall(t, &mut self.pool, |out| matcher.ask(t, scratch, out)),
                    None => matcher.ask(t, scratch, &mut self.pool),
                }
                texts += 1;
            });
            if texts > 1 {
                let mut own = self.pool.split_off(begin);
                own.sort_unstable();
                own.dedup();
                self.pool.extend(own);
            }
            *place = (begin as u32 + 1, (self.pool.len() - begin) as u32);
        }
        let (begin, len) = (place.0 as usize - 1, place.1 as usize);
        self.pool.get(begin..begin + len).unwrap_or(&[])
    }
}

fn identity(a: &StringArray) -> (usize, usize, usize) {
    (
        a.values().as_ptr() as usize,
        a.value_offsets().as_ptr() as usize,
        a.len(),
    )
}
