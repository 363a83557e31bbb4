//! One pass over a JSON text: finds the members of an object or the elements of an array without a tree.
//!
//! Everything that decides whether the text is JSON is checked (strings, escapes, numbers, nesting), so a lexeme can be
//! copied into other JSON as it is. A text that this scanner does not take is not necessarily wrong: it goes to the
//! library, which decides.

use super::Json;
use crate::base::text::{JSON_CHUNK, json_specials};
use crate::ingest::name::Name;

/// Deepest nesting taken here.
const DEEPEST: u32 = 100;

/// Members of the object at the start of `text`, and the length of the object. `out` is emptied first.
pub fn members<'a>(text: &'a str, out: &mut Vec<(Name<'a>, Json<'a>)>) -> Option<usize> {
    out.clear();
    let mut c = Cursor::new(text);
    c.blanks();
    c.expect(b'{')?;
    c.blanks();
    if c.peek()? == b'}' {
        return Some(c.at + 1);
    }
    loop {
        c.expect(b'"')?;
        let start = c.at;
        let escaped = c.string()?;
        let name = text.get(start..c.at - 1)?;
        let name = if escaped {
            Name::from(serde_json::from_str::<String>(text.get(start - 1..c.at)?).ok()?)
        } else {
            Name::from(name)
        };
        c.blanks();
        c.expect(b':')?;
        c.blanks();
        let start = c.at;
        let escaped = c.value()?;
        out.push((name, Json::new(text.get(start..c.at)?, escaped)));
        c.blanks();
        match c.peek()? {
            b',' => c.at += 1,
            b'}' => return Some(c.at + 1),
            _ => return None,
        }
        c.blanks();
    }
}

/// Elements of the array at the start of `text`, and the length of the array. `out` is emptied first.
pub fn elements<'a>(text: &'a str, out: &mut Vec<Json<'a>>) -> Option<usize> {
    out.clear();
    let mut c = Cursor::new(text);
    c.blanks();
    c.expect(b'[')?;
    c.blanks();
    if c.peek()? == b']' {
        return Some(c.at + 1);
    }
    loop {
        let start = c.at;
        let escaped = c.value()?;
        out.push(Json::new(text.get(start..c.at)?, escaped));
        c.blanks();
        match c.peek()? {
            b',' => c.at += 1,
            b']' => return Some(c.at + 1),
            _ => return None,
        }
        c.blanks();
    }
}

/// The extent of one value at the start of `text`.
pub fn value(text: &str) -> Option<usize> {
    let mut c = Cursor::new(text);
    c.value()?;
    Some(c.at)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    #[inline]
    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// From behind the opening quote to behind the closing one; whether there were escapes.
    #[inline]
    fn string(&mut self) -> Option<bool> {
        let mut escaped = false;
        while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            let mut specials = json_specials(chunk);
            let mut step = JSON_CHUNK;
            while specials != 0 {
                let at = specials.trailing_zeros() as usize;
                match chunk.get(at)? {
                    b'"' => {
                        self.at += at + 1;
                        return Some(escaped);
                    }
                    b'\\' => {
                        escaped = true;
                        let behind = at + self.escape(self.at + at)?;
                        step = step.max(behind);
                        specials &= u32::MAX.checked_shl(behind as u32).unwrap_or(0);
                    }
                    _ => return None,
                }
            }
            self.at += step;
        }
        self.short_string(escaped)
    }

    /// [`string`](Self::string) where the text ends soon.
    fn short_string(&mut self, mut escaped: bool) -> Option<bool> {
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(escaped);
                }
                b'\\' => {
                    escaped = true;
                    self.at += self.escape(self.at)?;
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    /// Length of the escape that begins at `at`.
    #[inline]
    fn escape(&self, at: usize) -> Option<usize> {
        match *self.bytes.get(at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
            b'u' => {
                let hex = self.bytes.get(at + 2..at + 6)?;
                hex.iter().all(u8::is_ascii_hexdigit).then_some(6)
            }
            _ => None,
        }
    }

    /// Whether the value is a string with escapes in it.
    #[inline]
    fn value(&mut self) -> Option<bool> {
        match self.peek()? {
            b'{' | b'[' => self.nested().map(|()| false),
            first => self.scalar(first),
        }
    }

    #[inline]
    fn scalar(&mut self, first: u8) -> Option<bool> {
        match first {
            b'"' => {
                self.at += 1;
                return self.string();
            }
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }?;
        Some(false)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes
            .get(self.at..)?
            .starts_with(word)
            .then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let zero = self.peek()? == b'0';
        let whole = self.digits();
        if whole == 0 || (zero && whole > 1) {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return None;
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return None;
            }
        }
        Some(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn key(&mut self) -> Option<()> {
        self.expect(b'"')?;
        self.string()?;
        self.blanks();
        self.expect(b':')?;
        self.blanks();
        Some(())
    }

    /// An object or array, whatever is in it. One bit for each open container, the innermost lowest: set for an array.
    fn nested(&mut self) -> Option<()> {
        let (mut arrays, mut depth) = (0u128, 0);
        loop {
            let first = self.peek()?;
            if matches!(first, b'{' | b'[') {
                if depth == DEEPEST {
                    return None;
                }
                let array = first == b'[';
                arrays = arrays << 1 | u128::from(array);
                depth += 1;
                self.at += 1;
                self.blanks();
                if self.peek()? != if array { b']' } else { b'}' } {
                    if !array {
                        self.key()?;
                    }
                    continue;
                }
            } else {
                self.scalar(first)?;
                self.blanks();
            }
            // Behind a value, or at the end of an empty container.
            loop {
                let next = self.peek()?;
                let array = arrays & 1 == 1;
                self.at += 1;
                match next {
                    b',' => {
                        self.blanks();
                        if !array {
                            self.key()?;
                        }
                        break;
                    }
                    b']' | b'}' if array == (next == b']') => {
                        arrays >>= 1;
                        depth -= 1;
                        if depth == 0 {
                            return Some(());
                        }
                        self.blanks();
                    }
                    _ => return None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What the scanner takes, the library takes, with the same members; of valid JSON the scanner takes all.
        #[test]
        fn the_library_agrees(text in "[\\{\\}\\[\\]:,\"\\\\a0-9.eE+ntu\\- \n\u{1}é]{0,24}") {
            for text in [text.clone(), format!("{{\"k\":{text}}}"), format!("{{\"k\":\"{text}\"}}")] {
                let mut out = Vec::new();
                let ours = members(&text, &mut out).filter(|n| text.get(*n..).is_some_and(|t| t.trim_matches([' ', '\t', '\n', '\r']).is_empty()));
                let theirs = serde_json::from_str::<super::super::Library<'_>>(&text);
                prop_assert_eq!(ours.is_some(), theirs.is_ok(), "{}", text);
                if let Ok(theirs) = theirs {
                    prop_assert_eq!(out, theirs.0);
                }
            }
        }
    }
}
