//! The members of one JSON object or list, in order and as the source wrote them, without building a tree.
//!
//! Only one level is read: a nested object or list is handed over as its text. So nothing here recurses, whatever the
//! depth of hostile input.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::raw::{Field, Value};

/// The members of the object in `text`; `None` if it holds no whole object.
pub fn object(text: &str) -> Option<Vec<Field<'_>>> {
    serde_json::from_str::<Members<'_>>(text).ok().map(|m| m.0)
}

/// The items of the list in `text`; `None` if it holds no whole list.
pub fn list(text: &str) -> Option<Vec<Value<'_>>> {
    let items = serde_json::from_str::<Vec<&RawValue>>(text).ok()?;
    Some(items.into_iter().map(value).collect())
}

/// The text of the first member with this name.
pub fn member<'f>(fields: &'f [Field<'_>], name: &str) -> Option<&'f str> {
    fields.iter().find(|f| f.name == name).and_then(|f| f.value.text())
}

struct Members<'a>(Vec<Field<'a>>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Text(name), raw)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    fields.push(Field {
                        name,
                        value: value(raw),
                    });
                }
                Ok(Members(fields))
            }

            // `{}` only: a list is no object.
            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
                Err(serde::de::Error::custom("a list"))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn value(raw: &RawValue) -> Value<'_> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'n') => Value::Null,
        // A lone surrogate is no text; its lexeme is kept.
        Some(b'"') => match serde_json::from_str::<Text<'_>>(text) {
            Ok(Text(s)) => Value::Str(s),
            Err(_) => Value::Raw(Cow::Borrowed(text)),
        },
        _ => Value::Raw(Cow::Borrowed(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_lexemes() {
        let fields = object(r#" {"b":1.50,"a":"x\ny","n":null,"o":{"deep":[1]},"\u0041":true} "#).unwrap();
        let names: Vec<_> = fields.iter().map(|f| &*f.name).collect();
        assert_eq!(names, ["b", "a", "n", "o", "A"]);
        assert_eq!(member(&fields, "b"), Some("1.50"));
        assert_eq!(member(&fields, "a"), Some("x\ny"));
        assert_eq!(member(&fields, "n"), None);
        assert_eq!(member(&fields, "o"), Some(r#"{"deep":[1]}"#));
    }

    #[test]
    fn what_is_no_whole_object_is_none() {
        for text in ["", "[]", "{", "{\"a\":}", "\"text\"", "{} {}", "null"] {
            assert!(object(text).is_none(), "{text}");
        }
        assert!(list("{}").is_none());
        assert_eq!(list("[1,\"a\",null]").unwrap().len(), 3);
    }

    #[test]
    fn depth_does_not_matter_and_lone_surrogates_survive() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(object(&deep).unwrap().len(), 1);
        let fields = object(r#"{"a":"\ud800"}"#).unwrap();
        assert_eq!(member(&fields, "a"), Some(r#""\ud800""#));
    }
}
