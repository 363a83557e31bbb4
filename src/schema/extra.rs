//! Reading single fields out of `extra`, the JSON object of the fields that no column holds, without parsing the rest.

use std::borrow::Cow;

use crate::base::text::json_plain_len;

/// Levels of objects that a name with dots leads through.
const MAX_LEVELS: usize = 8;

/// The members of an object: raw keys (between their quotes, still escaped) and raw values. Ends where the text is no
/// object any more.
pub fn members(json: &str) -> Members<'_> {
    let rest = json.trim_start();
    Members {
        rest: rest.strip_prefix('{').unwrap_or(""),
    }
}

/// See [`members`].
pub struct Members<'j> {
    rest: &'j str,
}

impl<'j> Iterator for Members<'j> {
    type Item = (&'j str, &'j str);

    fn next(&mut self) -> Option<Self::Item> {
        let inside = after(behind(self.rest, b", \n\r\t"), b'"')?;
        let (key, rest) = inside.split_at_checked(string_end(inside)?)?;
        let rest = behind(after(rest, b'"')?, BLANKS);
        let rest = behind(after(rest, b':')?, BLANKS);
        let (value, rest) = rest.split_at_checked(value_end(rest)?)?;
        self.rest = rest;
        Some((key, value.trim_ascii_end()))
    }
}

const BLANKS: &[u8] = b" \n\r\t";

/// The text behind the bytes of a set (of ASCII) that it begins with.
#[inline]
fn behind<'t>(text: &'t str, set: &[u8]) -> &'t str {
    if text.as_bytes().first().is_some_and(|b| !set.contains(b)) {
        return text;
    }
    let n = text.bytes().take_while(|b| set.contains(b)).count();
    text.get(n..).unwrap_or("")
}

/// The text behind this byte, if it begins with it.
#[inline]
fn after(text: &str, byte: u8) -> Option<&str> {
    match text.as_bytes().first() {
        Some(b) if *b == byte => text.get(1..),
        _ => None,
    }
}

/// Length of a string up to its closing quote.
#[inline]
fn string_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += json_plain_len(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Length of a value, whatever it is.
fn value_end(text: &str) -> Option<usize> {
    match text.as_bytes().first()? {
        b'"' => Some(string_end(text.get(1..)?)? + 2),
        b'{' | b'[' => {
            let bytes = text.as_bytes();
            let (mut at, mut depth) = (0, 0usize);
            while let Some(b) = bytes.get(at) {
                match b {
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    b'"' => at += string_end(text.get(at + 1..)?)? + 1,
                    _ => {}
                }
                at += 1;
            }
            None
        }
        _ => Some(
            text.bytes()
                .position(|b| matches!(b, b',' | b'}' | b']'))
                .unwrap_or(text.len()),
        ),
    }
}

/// The raw value of a member; a name with dots also leads through objects.
pub fn get<'j>(json: &'j str, name: &str) -> Option<&'j str> {
    walk(json, name, MAX_LEVELS)
}

fn walk<'j>(json: &'j str, name: &str, levels: usize) -> Option<&'j str> {
    let direct = members(json).find(|(k, _)| same(k, name));
    if let Some((_, value)) = direct {
        return Some(value);
    }
    if levels == 0 || !name.contains('.') {
        return None;
    }
    name.match_indices('.').find_map(|(at, _)| {
        let (first, rest) = (name.get(..at)?, name.get(at + 1..)?);
        let (_, value) = members(json).find(|(k, v)| same(k, first) && v.starts_with('{'))?;
        walk(value, rest, levels - 1)
    })
}

/// Whether a raw key is this name.
pub fn same(raw: &str, name: &str) -> bool {
    raw == name || raw.contains('\\') && unescape(raw) == name
}

/// The texts of a raw value: one of a string, number or boolean, each of a list, the JSON itself of an object, none of null.
pub fn texts(raw: &str) -> Vec<Cow<'_, str>> {
    match raw.as_bytes().first() {
        None => Vec::new(),
        Some(b'"') => vec![string(raw)],
        Some(b'[') => {
            let mut out = Vec::new();
            let mut rest = raw.get(1..).unwrap_or("");
            loop {
                rest = rest.trim_start_matches([' ', '\n', '\r', '\t', ',']);
                if rest.is_empty() || rest.starts_with(']') {
                    return out;
                }
                // A brace that closes nothing is a value of no length.
                let end = value_end(rest).filter(|e| *e > 0);
                let Some((value, after)) = end.and_then(|e| rest.split_at_checked(e)) else {
                    return out;
                };
                match value.as_bytes().first() {
                    Some(b'"') => out.push(string(value)),
                    _ if value.trim() == "null" => {}
                    _ => out.push(Cow::Borrowed(value.trim())),
                }
                rest = after;
            }
        }
        _ if raw == "null" => Vec::new(),
        _ => vec![Cow::Borrowed(raw)],
    }
}

fn string(raw: &str) -> Cow<'_, str> {
    let inner = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).unwrap_or(raw);
    unescape(inner)
}

/// The text of what stands between the quotes of a JSON string.
pub fn unescape(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    match serde_json::from_str::<String>(&format!("\"{inner}\"")) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text::push_json_str;
    use proptest::prelude::*;

    #[test]
    fn members_lists_and_paths() {
        let json = r#"{"a":"x\"}","b":[1,"two",{"c":3},null],"Old Value":null,"o":{"p":{"q":"deep"}},"n":12}"#;
        assert_eq!(texts(get(json, "a").unwrap()), ["x\"}"]);
        assert_eq!(texts(get(json, "b").unwrap()), ["1", "two", r#"{"c":3}"#]);
        assert_eq!(get(json, "Old Value"), Some("null"));
        assert!(texts("null").is_empty());
        assert_eq!(texts(get(json, "o.p.q").unwrap()), ["deep"]);
        assert_eq!(get(json, "n"), Some("12"));
        assert_eq!(get(json, "p"), None);
    }

    #[test]
    fn a_brace_that_closes_nothing_did_not_let_a_list_end() {
        assert_eq!(texts("[1}"), ["1"]);
        assert!(texts("[}").is_empty() && texts("[ ,}]").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_ends(json in "[{}\\[\\]\":,\\\\a ]{0,60}") {
            for (_, v) in members(&json) {
                let _ = texts(v);
            }
            let _ = get(&json, "a.a.a");
        }

        #[test]
        fn what_was_written_is_read(keys in prop::collection::vec(".{0,6}", 1..5), value in "(?s).{0,30}") {
            let mut json = String::from("{");
            for (i, k) in keys.iter().enumerate() {
                if i > 0 { json.push(','); }
                push_json_str(&mut json, k);
                json.push(':');
                push_json_str(&mut json, &value);
            }
            json.push('}');
            for k in &keys {
                let raw = get(&json, k).unwrap();
                prop_assert_eq!(&texts(raw)[0], &value);
            }
        }
    }
}
