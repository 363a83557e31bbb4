//! Texts stored once: the dictionaries of columns under construction.

use ahash::RandomState;
use hashbrown::HashTable;

use super::builder::NULL_CODE;

/// Texts stored once, addressed by a code in order of first appearance.
#[derive(Debug, Clone)]
pub struct Interner {
    bytes: String,
    ends: Vec<usize>,
    table: HashTable<Entry>,
    /// Escaped forms that were met, with the code of their text; kept apart because few columns need them.
    escaped: Option<Box<EscapedForms>>,
    /// The code given last: neighbouring records often agree.
    last: u32,
    /// Texts of the program that came last, told by where they stand, and their codes.
    fixed: [(usize, usize, u32); FIXED],
    hasher: RandomState,
}

/// Texts of the program that are kept by address.
const FIXED: usize = 4;

/// A code with the hash of its text, and where that lies: texts of another hash need not be looked at, a table that
/// grows looks at none. A text behind 4 GiB is not found again, and gets another code.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    code: u32,
    start: u32,
    len: u32,
}

impl Entry {
    /// The table takes its place and its tag from either end.
    #[inline]
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

#[derive(Debug, Clone, Default)]
struct EscapedForms {
    bytes: String,
    /// End of each form in `bytes` and the code of its text.
    forms: Vec<(usize, u32)>,
    table: HashTable<u32>,
    scratch: String,
}

impl EscapedForms {
    #[inline]
    fn get(&self, form: u32) -> &str {
        let form = form as usize;
        let end = self.forms.get(form).map_or(0, |f| f.0);
        let start = form.checked_sub(1).and_then(|f| self.forms.get(f)).map_or(0, |f| f.0);
        self.bytes.get(start..end).unwrap_or("")
    }
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            bytes: String::new(),
            ends: Vec::new(),
            table: HashTable::new(),
            escaped: None,
            last: NULL_CODE,
            fixed: [(0, 0, NULL_CODE); FIXED],
            hasher: RandomState::with_seeds(1, 2, 3, 4),
        }
    }
}

impl Interner {
    /// The code of `text`, new or known.
    #[inline]
    pub fn intern(&mut self, text: &str) -> u32 {
        if self.last != NULL_CODE && self.holds(self.last, text) {
            return self.last;
        }
        let hash = self.hasher.hash_one(text) as u32;
        if let Some(code) = self.find(text, hash) {
            self.last = code;
            return code;
        }
        let code = self.ends.len() as u32;
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (start, len) = (small(self.bytes.len()), small(text.len()));
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        let entry = Entry { hash, code, start, len };
        self.table
            .insert_unique(Entry::spread(hash), entry, |e| Entry::spread(e.hash));
        self.last = code;
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
        let hash = self.hasher.hash_one(form);
        let mut forms = self.escaped.take().unwrap_or_default();
        let known = forms.table.find(hash, |&f| forms.get(f) == form);
        let code = match known.and_then(|&f| forms.forms.get(f as usize)) {
            Some(&(_, code)) => code,
            None => {
                let mut text = std::mem::take(&mut forms.scratch);
                text.clear();
                unescape(&mut text);
                let code = self.intern(&text);
                forms.scratch = text;
                forms.bytes.push_str(form);
                let place = forms.forms.len() as u32;
                forms.forms.push((forms.bytes.len(), code));
                let (bytes, ends, hasher) = (&forms.bytes, &forms.forms, &self.hasher);
                let of = |f: u32| {
                    let f = f as usize;
                    let end = ends.get(f).map_or(0, |e| e.0);
                    let start = f.checked_sub(1).and_then(|f| ends.get(f)).map_or(0, |e| e.0);
                    bytes.get(start..end).unwrap_or("")
                };
                forms.table.insert_unique(hash, place, |&f| hasher.hash_one(of(f)));
                code
            }
        };
        self.escaped = Some(forms);
        code
    }

    /// The code of `text` if it is known.
    pub fn code(&self, text: &str) -> Option<u32> {
        self.find(text, self.hasher.hash_one(text) as u32)
    }

    #[inline]
    fn find(&self, text: &str, hash: u32) -> Option<u32> {
        let bytes = self.bytes.as_bytes();
        let place = |e: &Entry| e.start as usize..e.start as usize + e.len as usize;
        let is_it = |e: &Entry| e.hash == hash && bytes.get(place(e)) == Some(text.as_bytes());
        self.table.find(Entry::spread(hash), is_it).map(|e| e.code)
    }

    /// Whether this is the text behind a code: compared as bytes, so that no cut between characters is checked.
    #[inline]
    fn holds(&self, code: u32, text: &str) -> bool {
        self.bytes.as_bytes().get(range(&self.ends, code)) == Some(text.as_bytes())
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
        let escaped = |e: &EscapedForms| e.bytes.len() + e.forms.len() * 22;
        let own = self.bytes.len() + self.ends.len() * 28;
        own + self.escaped.as_deref().map_or(0, escaped)
    }

    /// Forgets all texts and keeps the room.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.table.clear();
        self.last = NULL_CODE;
        self.fixed = [(0, 0, NULL_CODE); FIXED];
        if let Some(e) = &mut self.escaped {
            e.bytes.clear();
            e.forms.clear();
            e.table.clear();
        }
    }
}

/// Where the text of a code lies.
#[inline]
fn range(ends: &[usize], code: u32) -> std::ops::Range<usize> {
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
