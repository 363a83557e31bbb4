//! Texts stored once: the dictionaries of columns under construction.

use std::ops::Range;

use super::builder::NULL_CODE;
use crate::base::text_table::TextTable;

/// Texts stored once, addressed by a code in order of first appearance. A text behind 4 GiB is not found again, and gets
/// another code.
#[derive(Debug, Clone)]
pub struct Interner {
    bytes: String,
    ends: Vec<usize>,
    table: TextTable,
    /// Escaped forms that were met, with the code of their text; kept apart because few columns need them.
    escaped: Option<Box<EscapedForms>>,
    /// The code given last, and where its text stands: neighbouring records often agree.
    last: (u32, Range<usize>),
    /// Texts of the program that came last, told by where they stand, and their codes.
    fixed: [(usize, usize, u32); FIXED],
}

/// Texts of the program that are kept by address.
const FIXED: usize = 4;

#[derive(Debug, Clone, Default)]
struct EscapedForms {
    bytes: String,
    /// Finds the code of a form's text.
    table: TextTable,
    scratch: String,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            bytes: String::new(),
            ends: Vec::new(),
            table: TextTable::default(),
            escaped: None,
            last: NONE,
            fixed: [(0, 0, NULL_CODE); FIXED],
        }
    }
}

/// No text came last: none is so long.
const NONE: (u32, Range<usize>) = (NULL_CODE, 0..usize::MAX);

impl Interner {
    /// The code of `text`, new or known.
    #[inline]
    pub fn intern(&mut self, text: &str) -> u32 {
        // Compared as bytes, so that no cut between characters is checked.
        let (bytes, text_bytes) = (self.bytes.as_bytes(), text.as_bytes());
        let (last, place) = &self.last;
        if place.len() == text.len() && bytes.get(place.clone()) == Some(text_bytes) {
            return *last;
        }
        let hash = self.table.hash(text_bytes);
        match self.table.find(bytes, text_bytes, hash) {
            Some(found) => {
                self.last = found;
                self.last.0
            }
            None => self.add(text, hash),
        }
    }

    fn add(&mut self, text: &str, hash: u32) -> u32 {
        let (code, start) = (self.ends.len() as u32, self.bytes.len());
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        self.table.insert(hash, code, start, text.len());
        self.last = (code, start..self.bytes.len());
        code
    }

    /// [`intern`](Self::intern) of a text in the program, which comes again and again.
    #[inline]
    pub fn intern_fixed(&mut self, text: &'static str) -> u32 {
        let place = (text.as_ptr().addr(), text.len());
        let known = self.fixed.iter().find(|(address, len, _)| (*address, *len) == place);
        if let Some((_, _, code)) = known {
            return *code;
        }
        let code = self.intern(text);
        self.fixed.rotate_right(1);
        if let Some(first) = self.fixed.first_mut() {
            *first = (place.0, place.1, code);
        }
        code
    }

    /// The code of the text behind an escaped form. `unescape` appends the text; it is called only for forms that were
    /// not met before.
    #[inline]
    pub fn intern_escaped(&mut self, form: &str, unescape: impl FnOnce(&mut String)) -> u32 {
        let forms = self.escaped.get_or_insert_default();
        let hash = forms.table.hash(form.as_bytes());
        if let Some((code, _)) = forms.table.find(forms.bytes.as_bytes(), form.as_bytes(), hash) {
            return code;
        }
        let mut text = std::mem::take(&mut forms.scratch);
        text.clear();
        unescape(&mut text);
        let code = self.intern(&text);
        let forms = self.escaped.get_or_insert_default();
        forms.scratch = text;
        forms.table.insert(hash, code, forms.bytes.len(), form.len());
        forms.bytes.push_str(form);
        code
    }

    /// The code of `text` if it is known.
    pub fn code(&self, text: &str) -> Option<u32> {
        let hash = self.table.hash(text.as_bytes());
        self.table
            .find(self.bytes.as_bytes(), text.as_bytes(), hash)
            .map(|f| f.0)
    }

    /// The text behind a code; empty for a code that was never given out.
    #[inline]
    pub fn get(&self, code: u32) -> &str {
        self.bytes.get(range(&self.ends, code)).unwrap_or("")
    }

    /// Number of distinct texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing was interned.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All texts in code order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len() as u32).map(|c| self.get(c))
    }

    /// Bytes of the texts and of what finds them, roughly; room that is not used is not counted.
    pub(super) fn memory(&self) -> usize {
        let escaped = |e: &EscapedForms| e.bytes.len() + e.table.memory();
        let own = self.bytes.len() + self.ends.len() * 8 + self.table.memory();
        own + self.escaped.as_deref().map_or(0, escaped)
    }

    /// Forgets all texts and keeps the room.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.table.clear();
        self.last = NONE;
        self.fixed = [(0, 0, NULL_CODE); FIXED];
        if let Some(e) = &mut self.escaped {
            e.bytes.clear();
            e.table.clear();
        }
    }
}

/// Where the text of a code lies.
#[inline]
fn range(ends: &[usize], code: u32) -> Range<usize> {
    let code = code as usize;
    let end = ends.get(code).copied().unwrap_or(0);
    let start = code.checked_sub(1).and_then(|c| ends.get(c)).copied().unwrap_or(0);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_form_has_the_code_of_its_text() {
        let mut i = Interner::default();
        let a = i.intern("a\\b");
        let mut asked = 0;
        for _ in 0..3 {
            let code = i.intern_escaped("a\\\\b", |out| {
                asked += 1;
                out.push_str("a\\b");
            });
            assert_eq!(code, a);
        }
        assert_eq!(i.intern_escaped("\\u0061\\\\b", |out| out.push_str("a\\b")), a);
        assert_eq!((asked, i.len()), (1, 1));
    }

    #[test]
    fn interner_gives_codes_in_order_of_appearance() {
        let mut i = Interner::default();
        assert_eq!((i.intern("x"), i.intern(""), i.intern("x")), (0, 1, 0));
        assert_eq!(i.iter().collect::<Vec<_>>(), ["x", ""]);
        assert_eq!(i.code("y"), None);
    }
}
