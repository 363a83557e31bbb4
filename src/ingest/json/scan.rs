//! One pass over a JSON text: finds the members of an object or the elements of an array without a tree.
//!
//! Everything that decides whether the text is JSON is checked (strings, escapes, numbers, nesting), so a lexeme can be
//! copied into other JSON as it is. A text that this scanner does not take is not necessarily wrong: it goes to the
//! library, which decides.

use super::Json;
use super::strings::Strings;
use crate::ingest::name::Name;

/// Deepest nesting taken here.
const DEEPEST: u32 = 100;

/// Who is told the names of an object in their order.
pub trait Names<'a> {
    /// Length of the key at `at`, if it is known here: the name with its quotes, and the colon. It is told so.
    fn known(&mut self, bytes: &[u8], at: usize) -> Option<usize>;
    /// Is told a name that is not known here, and how its key is written.
    fn unknown(&mut self, name: Name<'a>, key: &'a str);
}

impl<'a> Names<'a> for Vec<Name<'a>> {
    #[inline]
    fn known(&mut self, _: &[u8], _: usize) -> Option<usize> {
        None
    }

    #[inline]
    fn unknown(&mut self, name: Name<'a>, _: &'a str) {
        self.push(name);
    }
}

/// Names and values of the object at the start of `text`, and the length of the object. `values` is emptied first.
pub fn object<'a>(text: &'a str, names: &mut impl Names<'a>, values: &mut Vec<Json<'a>>) -> Option<usize> {
    values.clear();
    let bytes = text.as_bytes();
    let mut strings = Strings::new(bytes);
    let mut at = behind(bytes, 0, b'{')?;
    if *bytes.get(at)? == b'}' {
        return Some(at + 1);
    }
    loop {
        at += match names.known(bytes, at) {
            Some(len) => len,
            None => {
                let (name, key) = key(text, at, &mut strings)?;
                names.unknown(name, key);
                key.len()
            }
        };
        let start = blanks(bytes, at);
        let (end, escaped) = strings.value(bytes, start)?;
        values.push(Json::new(text.get(start..end)?, escaped));
        at = blanks(bytes, end);
        match *bytes.get(at)? {
            b',' => at = blanks(bytes, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Elements of the array at the start of `text`, and the length of the array. `out` is emptied first.
pub fn elements<'a>(text: &'a str, out: &mut Vec<Json<'a>>) -> Option<usize> {
    out.clear();
    let bytes = text.as_bytes();
    let mut strings = Strings::new(bytes);
    let mut at = behind(bytes, 0, b'[')?;
    if *bytes.get(at)? == b']' {
        return Some(at + 1);
    }
    loop {
        let start = at;
        let (end, escaped) = strings.value(bytes, at)?;
        out.push(Json::new(text.get(start..end)?, escaped));
        at = blanks(bytes, end);
        match *bytes.get(at)? {
            b',' => at = blanks(bytes, at + 1),
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The extent of one value at the start of `text`.
pub fn value(text: &str) -> Option<usize> {
    let (end, _) = Strings::new(text.as_bytes()).value(text.as_bytes(), 0)?;
    Some(end)
}

/// A name, and how it and the colon behind it are written.
fn key<'a>(text: &'a str, at: usize, strings: &mut Strings<'_>) -> Option<(Name<'a>, &'a str)> {
    let bytes = text.as_bytes();
    if *bytes.get(at)? != b'"' {
        return None;
    }
    let (end, escaped) = strings.end(at + 1)?;
    let name = match escaped {
        true => Name::from(serde_json::from_str::<String>(text.get(at..end)?).ok()?),
        false => Name::from(text.get(at + 1..end - 1)?),
    };
    let colon = blanks(bytes, end);
    (*bytes.get(colon)? == b':').then_some((name, text.get(at..=colon)?))
}

/// Behind a byte and the blanks around it.
#[inline]
fn behind(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    let at = blanks(bytes, at);
    (*bytes.get(at)? == byte).then(|| blanks(bytes, at + 1))
}

/// Behind blanks.
#[inline]
fn blanks(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(0..=b' ') => some_blanks(bytes, at),
        _ => at,
    }
}

fn some_blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

impl Strings<'_> {
    /// Behind a name and its colon.
    fn key(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        if *bytes.get(at)? != b'"' {
            return None;
        }
        let (end, _) = self.end(at + 1)?;
        behind(bytes, end, b':')
    }

    /// Behind a value; whether it is a string with escapes in it.
    #[inline]
    fn value(&mut self, bytes: &[u8], at: usize) -> Option<(usize, bool)> {
        match *bytes.get(at)? {
            b'"' => self.end(at + 1),
            b'{' | b'[' => Some((nested(bytes, at)?, false)),
            first => Some((plain(bytes, at, first)?, false)),
        }
    }
}

/// Behind a number or a word.
fn plain(bytes: &[u8], at: usize, first: u8) -> Option<usize> {
    let word: &[u8] = match first {
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return number(bytes, at),
    };
    bytes.get(at..)?.starts_with(word).then_some(at + word.len())
}

fn number(bytes: &[u8], mut at: usize) -> Option<usize> {
    at += usize::from(bytes.get(at) == Some(&b'-'));
    let zero = bytes.get(at) == Some(&b'0');
    let whole = at;
    at = digits(bytes, whole)?;
    if zero && at > whole + 1 {
        return None;
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
        at = digits(bytes, at + 1 + usize::from(sign))?;
    }
    Some(at)
}

/// Behind one digit or more.
#[inline]
fn digits(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    (at > from).then_some(at)
}

/// Behind an object or array, whatever is in it. One bit for each open container, the innermost lowest: set for an array.
fn nested(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut strings = Strings::new(bytes);
    let (mut arrays, mut depth) = (0u128, 0);
    loop {
        let first = *bytes.get(at)?;
        if matches!(first, b'{' | b'[') {
            if depth == DEEPEST {
                return None;
            }
            let array = first == b'[';
            arrays = arrays << 1 | u128::from(array);
            depth += 1;
            at = blanks(bytes, at + 1);
            if *bytes.get(at)? != if array { b']' } else { b'}' } {
                if !array {
                    at = strings.key(bytes, at)?;
                }
                continue;
            }
        } else {
            (at, _) = match first {
                b'"' => strings.end(at + 1)?,
                _ => (plain(bytes, at, first)?, false),
            };
            at = blanks(bytes, at);
        }
        // Behind a value, or at the end of an empty container.
        loop {
            let next = *bytes.get(at)?;
            let array = arrays & 1 == 1;
            at += 1;
            match next {
                b',' => {
                    at = blanks(bytes, at);
                    if !array {
                        at = strings.key(bytes, at)?;
                    }
                    break;
                }
                b']' | b'}' if array == (next == b']') => {
                    arrays >>= 1;
                    depth -= 1;
                    if depth == 0 {
                        return Some(at);
                    }
                    at = blanks(bytes, at);
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::json::Object;
    use proptest::prelude::*;

    proptest! {
        /// What the scanner takes, the library takes, with the same members; of valid JSON the scanner takes all.
        #[test]
        fn the_library_agrees(text in "[\\{\\}\\[\\]:,\"\\\\a0-9.eE+ntu\\- \n\u{1}é]{0,24}") {
            for text in [text.clone(), format!("{{\"k\":{text}}}"), format!("{{\"k\":\"{text}\"}}")] {
                let (mut names, mut values) = (Vec::new(), Vec::new());
                let ours = object(&text, &mut names, &mut values).filter(|n| text.get(*n..).is_some_and(|t| t.trim_matches([' ', '\t', '\n', '\r']).is_empty()));
                let theirs = serde_json::from_str::<super::super::Library<'_>>(&text);
                prop_assert_eq!(ours.is_some(), theirs.is_ok(), "{}", text);
                if let Ok(theirs) = theirs {
                    let ours = Object::new(names, values);
                    prop_assert_eq!(ours.into_members().collect::<Vec<_>>(), theirs.0);
                }
            }
        }
    }
}
