//! Fields of events that have no table of their own: the JSON object in `extra`.

use serde_json::{Map, Value};

use super::View;
use crate::lake::frame::Row;
use crate::schema::{Col, common};

/// Columns of `event` that signals read.
pub const COLUMNS: &[Col] = &[
    common::CHANNEL,
    common::EVENT_CODE,
    common::EXTRA,
    common::OUTCOME,
    common::PROVIDER,
    common::USER,
    common::USER_SID,
];

/// The fields of one event.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// The fields of a row; empty where `extra` is no JSON object.
    pub fn of(row: Row<'_>) -> Self {
        match serde_json::from_str(row.str(common::EXTRA)) {
            Ok(Value::Object(fields)) => Self(fields),
            _ => Self(Map::new()),
        }
    }

    /// A field as text; empty where it is missing or no text.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or("").trim()
    }
}

/// The events with one of these codes whose provider or channel contains `name` (lower case), with their fields.
pub fn events<'a>(view: View<'a>, name: &str, codes: &[i64]) -> Vec<(Row<'a>, Fields)> {
    let named = |row: Row<'_>| {
        [common::PROVIDER, common::CHANNEL]
            .iter()
            .any(|c| row.str(*c).to_lowercase().contains(name))
    };
    view.iter()
        .filter(|r| codes.contains(&r.code()) && named(*r))
        .map(|r| (r, Fields::of(r)))
        .collect()
}
