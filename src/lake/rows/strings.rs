//! Texts stored one after the other, and a dictionary that stores each once.

use ahash::RandomState;
use hashbrown::HashTable;

/// Texts one after the other, addressed by their number.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    /// Empty, with room.
    pub fn with_capacity(texts: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(texts),
        }
    }

    /// From texts one after the other and where each ends.
    pub fn from_parts(bytes: Vec<u8>, ends: Vec<usize>) -> Self {
        Self { bytes, ends }
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all texts.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each text ends.
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The text behind a code; empty for a code that was never given out.
    #[inline]
    pub fn get(&self, code: u32) -> &[u8] {
        let code = code as usize;
        let end = self.ends.get(code).copied().unwrap_or(0);
        let start = code.checked_sub(1).and_then(|c| self.ends.get(c)).copied().unwrap_or(0);
        self.bytes.get(start..end).unwrap_or(&[])
    }

    /// Adds a text; its code.
    #[inline]
    pub fn push(&mut self, text: &[u8]) -> u32 {
        let code = self.ends.len() as u32;
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        code
    }

    /// All texts in code order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|c| self.get(c as u32))
    }

    /// Removes all texts and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Gives back the room that is not used.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 8
    }
}

/// Texts stored once, with codes in order of first appearance.
#[derive(Debug)]
pub struct Dict {
    values: Strings,
    hashes: Vec<u64>,
    table: HashTable<u32>,
    hasher: RandomState,
}

impl Default for Dict {
    fn default() -> Self {
        Self {
            values: Strings::default(),
            hashes: Vec::new(),
            table: HashTable::new(),
            hasher: RandomState::with_seeds(11, 12, 13, 14),
        }
    }
}

impl Dict {
    /// The code of a text, new or known.
    pub fn intern(&mut self, text: &[u8]) -> u32 {
        match self.find(text) {
            Ok(code) => code,
            Err(hash) => self.insert(hash, text),
        }
    }

    /// The code of a known text, or the hash under which a new one is to be inserted.
    pub fn find(&self, text: &[u8]) -> Result<u32, u64> {
        let hash = self.hasher.hash_one(text);
        let (values, hashes) = (&self.values, &self.hashes);
        let same = |c: &u32| hashes.get(*c as usize) == Some(&hash) && values.get(*c) == text;
        self.table.find(hash, same).copied().ok_or(hash)
    }

    /// Adds a text that [`Dict::find`] did not find; its code.
    pub fn insert(&mut self, hash: u64, text: &[u8]) -> u32 {
        let code = self.values.push(text);
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.table
            .insert_unique(hash, code, |c| hashes.get(*c as usize).copied().unwrap_or(0));
        code
    }

    /// The texts.
    pub fn values(&self) -> &Strings {
        &self.values
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes the texts out and leaves an empty dictionary.
    pub fn take(&mut self) -> Strings {
        self.hashes.clear();
        self.table.clear();
        std::mem::take(&mut self.values)
    }

    /// Removes all texts and keeps the room.
    pub fn clear(&mut self) {
        self.values.clear();
        self.hashes.clear();
        self.table.clear();
    }

    /// Bytes held, roughly.
    pub fn memory(&self) -> usize {
        self.values.memory() + self.hashes.capacity() * 8 + self.table.capacity() * 5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_in_order_of_appearance_and_the_room_is_reused() {
        let mut d = Dict::default();
        assert_eq!((d.intern(b"x"), d.intern(b""), d.intern(b"x")), (0, 1, 0));
        assert_eq!(d.values().iter().collect::<Vec<_>>(), [&b"x"[..], b""]);
        d.clear();
        assert_eq!((d.intern(b"y"), d.intern(b"x")), (0, 1));
        let taken = d.take();
        assert_eq!((taken.len(), d.len()), (2, 0));
        assert_eq!(d.intern(b"x"), 0);
    }

    #[test]
    fn an_unknown_code_is_an_empty_text() {
        let mut s = Strings::default();
        s.push(b"a");
        assert_eq!((s.get(0), s.get(1), s.get(u32::MAX)), (&b"a"[..], &b""[..], &b""[..]));
    }
}
