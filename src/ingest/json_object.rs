//! One JSON object as fields: keys unescaped, numbers, arrays and objects as the lexemes they were written with.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::raw::{Field, Value};

/// The fields of the object in `text`, in order; nested values stay lexemes. The error says what is wrong with it.
pub fn fields(text: &str) -> Result<Vec<Field<'_>>, String> {
    let mut de = serde_json::Deserializer::from_str(text);
    let fields = de.deserialize_map(Fields).map_err(|e| e.to_string())?;
    de.end().map_err(|e| e.to_string())?;
    Ok(fields)
}

/// The items of a JSON array of scalars as text; `None` if it is no array.
pub fn items(array: &str) -> Option<Vec<Cow<'_, str>>> {
    let raw: Vec<&RawValue> = serde_json::from_str(array).ok()?;
    raw.into_iter()
        .map(|r| match value(r) {
            Value::Null => Some(Cow::Borrowed("")),
            Value::Str(s) | Value::Raw(s) => Some(s),
        })
        .collect()
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Vec<Field<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut out = Vec::with_capacity(24);
        while let Some((name, raw)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            out.push(Field {
                name: name.0,
                value: value(raw),
            });
        }
        Ok(out)
    }
}

/// A key that borrows where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The value behind a lexeme.
pub(super) fn value(raw: &RawValue) -> Value<'_> {
    let lexeme = raw.get();
    if lexeme == "null" {
        return Value::Null;
    }
    let Some(inner) = lexeme.strip_prefix('"').and_then(|l| l.strip_suffix('"')) else {
        return Value::Raw(Cow::Borrowed(lexeme));
    };
    if !inner.contains('\\') {
        return Value::str(inner);
    }
    match serde_json::from_str::<String>(lexeme) {
        Ok(text) => Value::Str(Cow::Owned(text)),
        // A lone surrogate is no text; its lexeme is kept.
        Err(_) => Value::Raw(Cow::Borrowed(lexeme)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lexemes_survive_and_strings_are_unescaped() {
        let f = fields(r#"{"ts": 1.50, "a\u0062": "x\ny", "l": ["p", 1], "n": null}"#).unwrap();
        assert_eq!(f[0].value, Value::Raw("1.50".into()));
        assert_eq!((&*f[1].name, f[1].value.text()), ("ab", Some("x\ny")));
        assert_eq!(f[2].value, Value::Raw(r#"["p", 1]"#.into()));
        assert_eq!(f[3].value, Value::Null);
        assert_eq!(items(r#"["p", 1, "q\""]"#).unwrap(), ["p", "1", "q\""]);
    }

    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            "\\PC{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                    .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn fields_are_those_that_simd_json_reads(map in prop::collection::btree_map("\\PC{0,8}", json(), 0..8)) {
            let text = serde_json::to_string(&map).unwrap();
            let mut bytes = text.clone().into_bytes();
            let oracle = simd_json::to_owned_value(&mut bytes).unwrap();
            let fields = fields(&text).unwrap();
            prop_assert_eq!(fields.len(), map.len());
            for f in &fields {
                use simd_json::prelude::*;
                let wanted = oracle.get(&*f.name).unwrap();
                match &f.value {
                    Value::Null => prop_assert!(wanted.is_null()),
                    Value::Str(s) => prop_assert_eq!(Some(&**s), wanted.as_str()),
                    Value::Raw(lexeme) => {
                        let mut lexeme = lexeme.to_string().into_bytes();
                        prop_assert_eq!(&simd_json::to_owned_value(&mut lexeme).unwrap(), wanted);
                    }
                }
            }
        }
    }

    #[test]
    fn broken_objects_are_errors_and_deep_ones_do_not_recurse() {
        assert!(fields("{\"a\":1").is_err());
        assert!(fields("[1]").is_err());
        assert!(fields("{\"a\":1} x").is_err());
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(&fields(&deep).unwrap()[0].value, Value::Raw(lexeme) if lexeme.len() == 200_001));
    }
}
