//! Texts found by their hash: what all dictionaries look in.
//!
//! A dictionary with more texts than fit the caches waits for memory at each look. So a slot holds all that leads to a text,
//! and the next slots stand beside it: two places in memory a look, the second of which is the text itself.

use std::ops::Range;
use std::sync::LazyLock;

use ahash::RandomState;

/// Keys of this process: texts are an attacker's, who must not know which of them meet in one slot. What is written does
/// not depend on them.
static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Slots of the first table.
const FIRST: usize = 16;

/// Finds texts that stand one after the other in a buffer of the caller's.
#[derive(Debug, Clone)]
pub struct TextTable {
    /// As many as a power of two, or none; at most five eighths hold a text.
    slots: Vec<Slot>,
    texts: usize,
    keys: RandomState,
}

/// A text: a half of its hash, its number, and where it stands.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    number: u32,
    start: u32,
    len: u32,
}

impl Slot {
    /// Texts that end at 4 GiB are not held.
    const FREE: Self = Self {
        hash: 0,
        number: 0,
        start: u32::MAX,
        len: u32::MAX,
    };

    #[inline]
    fn is_free(self) -> bool {
        self.len == u32::MAX
    }
}

impl Default for TextTable {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            texts: 0,
            keys: KEYS.clone(),
        }
    }
}

impl TextTable {
    /// The hash under which a text is held; another one in each run of the program.
    #[inline]
    pub fn hash(&self, text: &[u8]) -> u32 {
        self.keys.hash_one(text) as u32
    }

    /// The number of a text with this hash, if it is held, and where it stands in `bytes`, the buffer of all texts.
    #[inline]
    pub fn find(&self, bytes: &[u8], text: &[u8], hash: u32) -> Option<(u32, Range<usize>)> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots.get(at)?;
            if slot.is_free() {
                return None;
            }
            let place = slot.start as usize..slot.start as usize + slot.len as usize;
            if slot.hash == hash && bytes.get(place.clone()) == Some(text) {
                return Some((slot.number, place));
            }
            at = (at + 1) & mask;
        }
    }

    /// Holds the text with this hash that stands in `len` bytes from `start` of the buffer. One that ends behind 4 GiB is not
    /// held: it will not be found.
    #[inline]
    pub fn insert(&mut self, hash: u32, number: u32, start: usize, len: usize) {
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(start + len)) else {
            return;
        };
        if (self.texts + 1) * 8 > self.slots.len() * 5 {
            self.grow();
        }
        self.texts += 1;
        self.put(Slot {
            hash,
            number,
            start,
            len: end - start,
        });
    }

    fn put(&mut self, slot: Slot) {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = slot.hash as usize & mask;
        while let Some(other) = self.slots.get_mut(at) {
            if other.is_free() {
                *other = slot;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let larger = vec![Slot::FREE; (self.slots.len() * 2).max(FIRST)];
        let before = std::mem::replace(&mut self.slots, larger);
        for slot in before.into_iter().filter(|s| !s.is_free()) {
            self.put(slot);
        }
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.texts
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts == 0
    }

    /// Forgets all texts and keeps the room.
    pub fn clear(&mut self) {
        if self.texts > 0 {
            self.slots.fill(Slot::FREE);
            self.texts = 0;
        }
    }

    /// Bytes of all slots.
    pub fn room(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }

    /// Bytes that the texts take here, roughly; room that is not used is not counted.
    pub fn memory(&self) -> usize {
        self.texts * size_of::<Slot>() * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Also where all texts have one hash, and after a table was emptied.
        #[test]
        fn what_is_held_is_found(texts in prop::collection::vec("[ab]{0,4}", 0..100), one_hash: bool) {
            let mut table = TextTable::default();
            for _ in 0..2 {
                let (mut bytes, mut held) = (Vec::new(), Vec::<&str>::new());
                for text in &texts {
                    let hash = if one_hash { 7 } else { table.hash(text.as_bytes()) };
                    let known = held.iter().position(|h| h == text);
                    let found = table.find(&bytes, text.as_bytes(), hash).map(|f| f.0);
                    prop_assert_eq!(found, known.map(|n| n as u32));
                    if known.is_none() {
                        table.insert(hash, held.len() as u32, bytes.len(), text.len());
                        bytes.extend_from_slice(text.as_bytes());
                        held.push(text);
                    }
                }
                prop_assert_eq!(table.len(), held.len());
                table.clear();
                prop_assert!(table.is_empty());
            }
        }
    }

    #[test]
    fn a_text_behind_4_gib_is_not_held() {
        let mut table = TextTable::default();
        table.insert(7, 0, u32::MAX as usize, 1);
        table.insert(7, 0, usize::MAX >> 1, 1);
        assert!(table.is_empty());
    }
}
