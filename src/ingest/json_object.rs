//! One JSON object as fields: keys unescaped, numbers, arrays and objects as the lexemes they were written with.

use std::borrow::Cow;

use super::json::{Json, Object};
use super::raw::Field;

/// The fields of the object in `text`, in order; nested values stay lexemes. The error says what is wrong with it.
pub fn fields(text: &str) -> Result<Vec<Field<'_>>, String> {
    let Some(object) = Object::parse(text) else {
        let library = serde_json::from_str::<serde::de::IgnoredAny>(text);
        return Err(library.err().map_or("not an object".to_owned(), |e| e.to_string()));
    };
    Ok(object.into_fields())
}

/// The items of a JSON array of scalars as text; `None` if it is no array.
pub fn items(array: &str) -> Option<Vec<Cow<'_, str>>> {
    let items = Json::parse(array)?.array()?;
    Some(
        items
            .into_iter()
            .map(|i| i.value().into_text().unwrap_or_default())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::raw::Value;

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
                    v @ (Value::Str(_) | Value::Escaped(_)) => prop_assert_eq!(v.text(), wanted.as_str()),
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
