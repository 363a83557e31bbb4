//! Registry of Defender for Endpoint: DeviceRegistryEvents.
//!
//! Verbs: `create_key`, `delete_key`, `set_value`, `delete_value`, `rename`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::actor;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::registry;

/// DeviceRegistryEvents.
pub struct MdeRegistry;

static FIELDS: FieldMap = FieldMap::new(&[
    ("RegistryKey", registry::KEY, Dec::Text),
    ("RegistryValueName", registry::VALUE_NAME, Dec::Text),
    ("RegistryValueData", registry::DATA, Dec::Text),
    ("RegistryValueType", registry::DATA_TYPE, Dec::Text),
    ("PreviousRegistryKey", registry::PREV_KEY, Dec::Text),
    ("PreviousRegistryValueData", registry::PREV_DATA, Dec::Text),
]);

impl Mapper for MdeRegistry {
    fn id(&self) -> &'static str {
        "mde_registry"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::REGISTRY)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &registry::TABLE, raw, cx);
        row.action(verb(row.peek("ActionType").unwrap_or("")));
        row.fields(&FIELDS);
        // What was deleted stands in the "previous" columns alone.
        for (name, col) in [
            ("PreviousRegistryKey", registry::KEY),
            ("PreviousRegistryValueName", registry::VALUE_NAME),
        ] {
            if let Some(text) = row.peek(name) {
                row.cells.text(col, text);
            }
        }
        actor(&mut row, registry::PID, registry::PROC_START, registry::IMAGE);
        row.finish();
    }
}

fn verb(action: &str) -> &'static str {
    match action {
        "RegistryKeyCreated" => "create_key",
        "RegistryKeyDeleted" => "delete_key",
        "RegistryKeyRenamed" => "rename",
        "RegistryValueDeleted" => "delete_value",
        _ => "set_value",
    }
}
