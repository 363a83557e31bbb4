//! Reading single fields out of `extra`, the JSON object of the fields that no column holds, without parsing the rest.

use std::borrow::Cow;

use crate::base::text::json_plain_len;

/// Levels of objects that a name with dots leads through.
const MAX_LEVELS: usize = 8;

/// The members of an object: raw keys (between their quotes, still escaped) and raw values. Ends where the text is no
/// object any more.
pub fn members(json: &str) -> Members<'_> {
    let rest = json.trim_start();
    let object = rest.starts_with('{');
    Members {
        json: if object { rest } else { "" },
        at: usize::from(object),
    }
}

/// See [`members`].
pub struct Members<'j> {
    json: &'j str,
    /// Where the next one begins, or the blanks or the comma in front of it.
    at: usize,
}

impl<'j> Iterator for Members<'j> {
    type Item = (&'j str, &'j str);

    fn next(&mut self) -> Option<Self::Item> {
        // By bytes: all that is looked for is ASCII, so that no cut can be in the middle of a character.
        let bytes = self.json.as_bytes();
        let key = after(bytes, behind(bytes, self.at, b", \n\r\t"), b'"')?;
        let key_end = string_end(bytes, key)?;
        let colon = behind(bytes, key_end + 1, BLANKS);
        let value = behind(bytes, after(bytes, colon, b':')?, BLANKS);
        let value_end = value_end(bytes, value)?;
        self.at = value_end;
        let value = self.json.get(value..value_end)?;
        Some((self.json.get(key..key_end)?, value.trim_ascii_end()))
    }
}

const BLANKS: &[u8] = b" \n\r\t";

/// The first place from `at` on that holds no byte of a set (of ASCII).
#[inline]
fn behind(bytes: &[u8], at: usize, set: &[u8]) -> usize {
    let mut at = at;
    while bytes.get(at).is_some_and(|b| set.contains(b)) {
        at += 1;
    }
    at
}

/// The place behind this byte, if it stands at `at`.
#[inline]
fn after(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    (bytes.get(at) == Some(&byte)).then_some(at + 1)
}

/// The place of the quote that closes the string whose text begins at `at`.
#[inline]
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        at += json_plain_len(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The end of the value that begins at `at`, whatever it is.
#[inline]
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => Some(string_end(bytes, at + 1)? + 1),
        b'{' | b'[' => nested_end(bytes, at),
        _ => {
            let rest = bytes.get(at..)?;
            let len = rest.iter().position(|b| matches!(b, b',' | b'}' | b']'));
            Some(at + len.unwrap_or(rest.len()))
        }
    }
}

/// The end of the object or list that begins at `at`.
fn nested_end(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, 0usize);
    while let Some(b) = bytes.get(at) {
        match b {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => at = string_end(bytes, at + 1)?,
            _ => {}
        }
        at += 1;
    }
    None
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
                let end = value_end(rest.as_bytes(), 0).filter(|e| *e > 0);
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
