//! A JSON object as a list of names and lexemes, borrowed from the text it stands in.
//!
//! Log records are read once and mostly thrown into columns, so nothing is turned into a tree: a value stays the
//! bytes it was written with (a large integer keeps every digit) and is opened only where a reader asks. [`scan`] reads
//! what is plain JSON in one pass; what it does not take goes to `serde_json`, which has the last word.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::name::Name;
use super::raw::{Escaped, Field, Value};
use crate::base::names::hash;
use crate::base::text::cut;
use outline::Outline;

pub mod outline;
pub mod records;
pub mod scan;
mod strings;

/// A value that has not been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<'a> {
    lexeme: &'a str,
    /// Whether it is a string with escapes in it.
    escaped: bool,
}

/// Names and values in the order of the text; names can repeat.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    names: Names<'a>,
    values: Vec<Json<'a>>,
    outline: Option<&'a Outline>,
}

#[derive(Debug, Clone)]
enum Names<'a> {
    Known(&'a [Name<'a>]),
    Own(Vec<Name<'a>>),
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self::Known(&[])
    }
}

impl<'a> Json<'a> {
    #[inline]
    fn new(lexeme: &'a str, escaped: bool) -> Self {
        Self { lexeme, escaped }
    }

    /// Of a lexeme that nobody has looked into.
    fn of(lexeme: &'a str) -> Self {
        let escaped = lexeme.starts_with('"') && memchr::memchr(b'\\', lexeme.as_bytes()).is_some();
        Self { lexeme, escaped }
    }

    /// A whole JSON text, blanks around it allowed.
    pub fn parse(text: &'a str) -> Option<Self> {
        let trimmed = text.trim_matches(BLANKS);
        if scan::value(trimmed) == Some(trimmed.len()) {
            return Some(Self::of(trimmed));
        }
        let raw: &'a RawValue = serde_json::from_str(text).ok()?;
        Some(Self::of(raw.get()))
    }

    /// The bytes as written.
    #[inline]
    pub fn lexeme(self) -> &'a str {
        self.lexeme
    }

    /// Whether it is `null`.
    #[inline]
    pub fn is_null(self) -> bool {
        self.lexeme == "null"
    }

    /// Whether it is a string, number or boolean.
    pub fn is_scalar(self) -> bool {
        !self.is_null() && !self.lexeme.starts_with(['{', '['])
    }

    /// The text of a string without its escapes, or the lexeme of a number or boolean.
    pub fn text(self) -> Option<Cow<'a, str>> {
        if let Some(inner) = self.inner() {
            return Some(if self.escaped {
                unescape(inner)
            } else {
                Cow::Borrowed(inner)
            });
        }
        self.is_scalar().then_some(Cow::Borrowed(self.lexeme))
    }

    /// What stands between the quotes of a string.
    #[inline]
    fn inner(self) -> Option<&'a str> {
        match self.lexeme.as_bytes() {
            [b'"', .., b'"'] => self.lexeme.get(1..self.lexeme.len() - 1),
            _ => None,
        }
    }

    /// The object's members.
    pub fn object(self) -> Option<Object<'a>> {
        if !self.lexeme.starts_with('{') {
            return None;
        }
        Object::parse(self.lexeme)
    }

    /// The array's elements.
    pub fn array(self) -> Option<Vec<Json<'a>>> {
        if !self.lexeme.starts_with('[') {
            return None;
        }
        let mut elements = Vec::new();
        if scan::elements(self.lexeme, &mut elements) == Some(self.lexeme.len()) {
            return Some(elements);
        }
        serde_json::from_str::<Array<'a>>(self.lexeme).ok().map(|a| a.0)
    }

    /// The value of a field.
    #[inline]
    pub fn value(self) -> Value<'a> {
        if self.is_null() {
            Value::Null
        } else if let Some(inner) = self.inner() {
            match self.escaped {
                false => Value::Str(Cow::Borrowed(inner)),
                true => Value::Escaped(Escaped::new(inner)),
            }
        } else {
            Value::Raw(Cow::Borrowed(self.lexeme))
        }
    }
}

impl<'a> Object<'a> {
    /// Of as many names as values.
    pub fn new(names: Vec<Name<'a>>, values: Vec<Json<'a>>) -> Self {
        Self {
            names: Names::Own(names),
            values,
            outline: None,
        }
    }

    /// Of values whose names came before.
    pub fn outlined(outline: &'a Outline, values: Vec<Json<'a>>) -> Self {
        Self {
            names: Names::Known(outline.names()),
            values,
            outline: Some(outline),
        }
    }

    /// Reads one object, blanks around it allowed.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (mut names, mut values) = (Vec::with_capacity(16), Vec::with_capacity(16));
        let rest = scan::object(text, &mut names, &mut values).and_then(|end| text.get(end..));
        if rest.is_some_and(|r| r.trim_matches(BLANKS).is_empty()) {
            return Some(Self::new(names, values));
        }
        let library: Library<'a> = serde_json::from_str(text).ok()?;
        let (names, values) = library.0.into_iter().unzip();
        Some(Self::new(names, values))
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The names.
    #[inline]
    pub fn names(&self) -> &[Name<'a>] {
        match &self.names {
            Names::Known(names) => names,
            Names::Own(names) => names,
        }
    }

    /// The values.
    #[inline]
    pub fn values(&self) -> &[Json<'a>] {
        &self.values
    }

    /// Where objects with the same names in the same order came before, what is known of them.
    #[inline]
    pub fn outline(&self) -> Option<&'a Outline> {
        self.outline
    }

    /// The members.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&Name<'a>, Json<'a>)> {
        self.names().iter().zip(self.values.iter().copied())
    }

    /// The members, moved out.
    #[inline]
    pub fn into_members(self) -> impl Iterator<Item = (Name<'a>, Json<'a>)> {
        let (known, own) = match self.names {
            Names::Known(names) => (names, Vec::new()),
            Names::Own(names) => (Default::default(), names),
        };
        known.iter().map(Name::borrowed).chain(own).zip(self.values)
    }

    /// The members as fields.
    #[inline]
    pub fn into_fields(self) -> Vec<Field<'a>> {
        self.into_members()
            .map(|(name, value)| Field {
                name,
                value: value.value(),
            })
            .collect()
    }

    /// The first member with this name.
    #[inline(always)]
    pub fn get(&self, name: &str) -> Option<Json<'a>> {
        self.value_of(name, hash(name.as_bytes()))
    }

    fn value_of(&self, name: &str, hash: u32) -> Option<Json<'a>> {
        let at = self.names().iter().position(|n| n.is(name, hash))?;
        self.values.get(at).copied()
    }

    /// Whether there is a member with this name that is not `null`.
    #[inline]
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

/// White space of JSON.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// An object as the library reads it.
struct Library<'a>(Vec<(Name<'a>, Json<'a>)>);

struct Array<'a>(Vec<Json<'a>>);

struct Key<'a>(Name<'a>);

impl<'de> Deserialize<'de> for Library<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Library<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::with_capacity(32);
                while let Some(name) = map.next_key::<Key<'de>>()? {
                    let value: &'de RawValue = map.next_value()?;
                    members.push((name.0, Json::of(value.get())));
                }
                Ok(Library(members))
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
                    elements.push(Json::of(value.get()));
                }
                Ok(Array(elements))
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(text.to_owned().into()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The text of what stands between quotes; half of a surrogate pair becomes U+FFFD (Windows file names are any 16-bit
/// units, and half a pair must not cost the record).
pub fn unescape(inner: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    unescape_into(inner, &mut out);
    Cow::Owned(out)
}

/// Appends the text of what stands between quotes.
pub fn unescape_into(inner: &str, out: &mut String) {
    out.reserve(inner.len());
    let mut high = None;
    let mut rest = inner;
    while let Some((before, after)) = cut(rest, b'\\') {
        if !before.is_empty() {
            flush(&mut high, out);
            out.push_str(before);
        }
        let mut chars = after.chars();
        let Some(escape) = chars.next() else {
            rest = "";
            break;
        };
        rest = chars.as_str();
        if escape == 'u' {
            let (hex, behind) = rest.split_at_checked(4).unwrap_or((rest, ""));
            rest = behind;
            unit(u16::from_str_radix(hex, 16).unwrap_or(0xFFFD), &mut high, out);
            continue;
        }
        flush(&mut high, out);
        out.push(match escape {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            other => other,
        });
    }
    if !rest.is_empty() {
        flush(&mut high, out);
        out.push_str(rest);
    }
    flush(&mut high, out);
}

/// One unit of UTF-16; the first half of a pair waits for the second.
fn unit(unit: u16, high: &mut Option<u16>, out: &mut String) {
    match (high.take(), unit) {
        (Some(first), 0xDC00..=0xDFFF) => out.extend(char::decode_utf16([first, unit]).flatten()),
        (first, _) => {
            *high = first;
            flush(high, out);
            match char::from_u32(u32::from(unit)) {
                Some(c) => out.push(c),
                None if unit < 0xDC00 => *high = Some(unit),
                None => out.push('\u{FFFD}'),
            }
        }
    }
}

#[inline]
fn flush(high: &mut Option<u16>, out: &mut String) {
    if high.take().is_some() {
        out.push('\u{FFFD}');
    }
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

    proptest::proptest! {
        #[test]
        fn escapes_are_read_as_the_library_reads_them(text: String) {
            let quoted = serde_json::to_string(&text).unwrap();
            let inner = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap();
            proptest::prop_assert_eq!(unescape(inner), &*text);
            let ascii: String = text.encode_utf16().map(|u| format!("\\u{u:04x}")).collect();
            proptest::prop_assert_eq!(unescape(&ascii), &*text);
        }
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
