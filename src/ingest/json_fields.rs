//! The members of one JSON object or list, in order and as the source wrote them, without building a tree.
//!
//! Only one level is read: a nested object or list is handed over as its text. So nothing here recurses, whatever the
//! depth of hostile input.

use super::json::Json;
use super::json_object::fields;
use super::raw::{Field, Value};

/// The members of the object in `text`; `None` if it holds no whole object.
pub fn object(text: &str) -> Option<Vec<Field<'_>>> {
    fields(text).ok()
}

/// The items of the list in `text`; `None` if it holds no whole list.
pub fn list(text: &str) -> Option<Vec<Value<'_>>> {
    let items = Json::parse(text)?.array()?;
    Some(items.into_iter().map(Json::value).collect())
}

/// The text of the first member with this name.
pub fn member<'f>(fields: &'f [Field<'_>], name: &str) -> Option<&'f str> {
    fields.iter().find(|f| f.name == name).and_then(|f| f.value.text())
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
        assert_eq!(member(&fields, "a"), Some("\u{FFFD}"), "no text, but the record stays");
    }
}
