//! A JSON object as a list of names and lexemes, borrowed from the text it stands in.
//!
//! Log records are read once and mostly thrown into columns, so nothing is turned into a tree: a value stays the
//! bytes it was written with (a large integer keeps every digit) and is opened only where a reader asks. `serde_json`
//! checks the syntax, so a lexeme can be copied into other JSON as it is.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::raw::Value;

/// A value that has not been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

/// Names and values in the order of the text; names can repeat.
#[derive(Debug, Clone, Default)]
pub struct Object<'a>(pub Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Json<'a> {
    /// A whole JSON text, blanks around it allowed.
    pub fn parse(text: &'a str) -> Option<Self> {
        let raw: &'a RawValue = serde_json::from_str(text).ok()?;
        Some(Self(raw.get()))
    }

    /// The bytes as written.
    pub fn lexeme(self) -> &'a str {
        self.0
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Whether it is a string, number or boolean.
    pub fn is_scalar(self) -> bool {
        !self.is_null() && !self.0.starts_with(['{', '['])
    }

    /// The text of a string without its escapes, or the lexeme of a number or boolean.
    pub fn text(self) -> Option<Cow<'a, str>> {
        if let Some(inner) = self.0.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
            return Some(unescape(self.0, inner));
        }
        self.is_scalar().then_some(Cow::Borrowed(self.0))
    }

    /// The object's members.
    pub fn object(self) -> Option<Object<'a>> {
        if !self.0.starts_with('{') {
            return None;
        }
        serde_json::from_str(self.0).ok()
    }

    /// The array's elements.
    pub fn array(self) -> Option<Vec<Json<'a>>> {
        if !self.0.starts_with('[') {
            return None;
        }
        serde_json::from_str::<Array<'a>>(self.0).ok().map(|a| a.0)
    }

    /// The value of a field.
    pub fn value(self) -> Value<'a> {
        if self.is_null() {
            Value::Null
        } else if self.0.starts_with('"') {
            self.text().map_or(Value::Null, Value::Str)
        } else {
            Value::Raw(Cow::Borrowed(self.0))
        }
    }
}

impl<'a> Object<'a> {
    /// Reads one object.
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The first member with this name.
    pub fn get(&self, name: &str) -> Option<Json<'a>> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
    }

    /// Whether there is a member with this name that is not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| !v.is_null())
    }

    /// The text of the first member with this name.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.text()
    }

    /// The members of the first member with this name.
    pub fn object(&self, name: &str) -> Option<Object<'a>> {
        self.get(name)?.object()
    }
}

struct Array<'a>(Vec<Json<'a>>);

struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::with_capacity(32);
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    let value: &'de RawValue = map.next_value()?;
                    members.push((name.0, Json(value.get())));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'de> Deserialize<'de> for Array<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Array<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
                let mut elements = Vec::new();
                while let Some(value) = seq.next_element::<&'de RawValue>()? {
                    elements.push(Json(value.get()));
                }
                Ok(Array(elements))
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

fn unescape<'a>(quoted: &'a str, inner: &'a str) -> Cow<'a, str> {
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    match serde_json::from_str::<String>(quoted) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Owned(unescape_lossy(inner)),
    }
}

/// Half of a surrogate pair is no character, but Windows strings may hold one (file names are any 16-bit units).
fn unescape_lossy(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        if !before.is_empty() {
            flush(&mut units, &mut out);
            out.push_str(before);
        }
        let mut chars = after.chars();
        let escape = chars.next();
        rest = chars.as_str();
        match escape {
            Some('u') => {
                let (hex, behind) = rest.split_at_checked(4).unwrap_or((rest, ""));
                units.push(u16::from_str_radix(hex, 16).unwrap_or(0xFFFD));
                rest = behind;
                continue;
            }
            Some(c) => {
                flush(&mut units, &mut out);
                out.push(match c {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    other => other,
                });
            }
            None => {}
        }
    }
    flush(&mut units, &mut out);
    out.push_str(rest);
    out
}

fn flush(units: &mut Vec<u16>, out: &mut String) {
    out.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or('\u{FFFD}')));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_lexemes() {
        let o =
            Object::parse(r#" {"a":18446744073709551616, "b":1.50, "c":"x\\y", "d":[1, {"e":"\u00e9"}], "f":null} "#)
                .unwrap();
        assert_eq!(o.text("a").unwrap(), "18446744073709551616");
        assert_eq!(o.get("b").unwrap().value(), Value::Raw("1.50".into()));
        assert_eq!(o.text("c").unwrap(), "x\\y");
        let d = o.get("d").unwrap().array().unwrap();
        assert_eq!(d[1].object().unwrap().text("e").unwrap(), "é");
        assert_eq!(o.get("f").unwrap().value(), Value::Null);
        assert!(!o.has("f") && !o.has("g"));
    }

    #[test]
    fn half_a_surrogate_pair_loses_one_character_not_the_record() {
        let o = Object::parse(r#"{"name":"C:\\a\ud800b\n\ud83d\ude00"}"#).unwrap();
        assert_eq!(o.text("name").unwrap(), "C:\\a\u{FFFD}b\n😀");
    }

    #[test]
    fn broken_json_is_none_and_depth_is_no_danger() {
        for text in ["", "{", r#"{"a":tru}"#, r#"{"a":1}}"#, "[1]", r#"{"a":01}"#] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
        let _ = Object::parse(&deep).map(|o| o.get("a").and_then(Json::array));
    }
}
