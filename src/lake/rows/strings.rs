//! Texts stored one after the other, and a dictionary that stores each once.

use crate::base::text_table::TextTable;

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

/// Texts stored once, with codes in order of first appearance. A text behind 4 GiB is not found again, and gets another code.
#[derive(Debug, Default)]
pub struct Dict {
    values: Strings,
    table: TextTable,
}

impl Dict {
    /// The code of a text, new or known.
    #[inline]
    pub fn intern(&mut self, text: &[u8]) -> u32 {
        let Self { values, table } = self;
        let hash = table.hash(text);
        if let Some((code, _)) = table.find(&values.bytes, text, hash) {
            return code;
        }
        let start = values.bytes.len();
        let code = values.push(text);
        table.insert(hash, code, start, text.len());
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
        self.table.clear();
        std::mem::take(&mut self.values)
    }

    /// Removes all texts and keeps the room.
    pub fn clear(&mut self) {
        self.values.clear();
        self.table.clear();
    }

    /// Bytes held, roughly.
    pub fn memory(&self) -> usize {
        self.values.memory() + self.table.room()
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
