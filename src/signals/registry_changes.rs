//! Registry changes as signals look at them: canonical keys, each distinct key judged once.

use std::collections::HashMap;

use ahash::RandomState;

use super::rows::View;
use crate::knowledge::programs::{base_name, stem};
use crate::lake::frame::{Row, StrId};
use crate::rules::registry_path::canonical;
use crate::schema::{Col, common, registry as t};

/// Columns of `registry` that the functions here read.
pub const COLUMNS: &[Col] = &[
    common::ACTION,
    common::USER,
    t::KEY,
    t::VALUE_NAME,
    t::DATA,
    t::PREV_DATA,
    t::IMAGE,
    t::PID,
    t::PROC_GUID,
];

/// One change.
pub struct Change<'a> {
    /// Its row.
    pub row: Row<'a>,
    /// Canonical key (see [`canonical`]).
    pub key: String,
    /// Lower-case name of the value; empty for the key itself and for its default value.
    pub value: String,
    /// Data after the change.
    pub data: &'a str,
}

impl Change<'_> {
    /// Lower-case stem of the program that wrote.
    pub fn writer(&self) -> String {
        stem(base_name(self.row.str(t::IMAGE))).to_lowercase()
    }

    /// Whether a value was set, not deleted, renamed or merely opened.
    pub fn is_set(&self) -> bool {
        self.row.str(common::ACTION) == "set_value"
    }

    /// Whether the key or value was deleted.
    pub fn is_deleted(&self) -> bool {
        self.row.str(common::ACTION).starts_with("delete")
    }

    /// Key and value.
    pub fn path(&self) -> String {
        match self.value.as_str() {
            "" => self.key.clone(),
            value => format!("{}\\{value}", self.key),
        }
    }
}

/// The changes below keys that `wanted` accepts (given canonical), in time order.
pub fn changes<'a>(rows: View<'a>, wanted: impl Fn(&str) -> bool) -> Vec<Change<'a>> {
    let mut keys: HashMap<StrId, Option<String>, RandomState> = HashMap::default();
    let mut out = Vec::new();
    for row in rows.iter().filter(|r| r.str(common::ACTION) != "access") {
        let key = keys.entry(row.id(t::KEY)).or_insert_with(|| {
            let key = canonical(row.str(t::KEY));
            wanted(&key).then_some(key)
        });
        if let Some(key) = key {
            let value = row.str(t::VALUE_NAME).to_lowercase();
            out.push(Change {
                row,
                key: key.clone(),
                value: if matches!(value.as_str(), "(default)" | "{default}") {
                    String::new()
                } else {
                    value
                },
                data: row.str(t::DATA),
            });
        }
    }
    out
}

/// Programs whose writing of an autostart or protection setting is itself odd: consoles, script hosts, documents.
pub fn is_scripted_writer(writer: &str) -> bool {
    use crate::knowledge::programs::{DOCUMENT_APPLICATIONS, SCRIPT_HOSTS, SHELLS, contains};
    matches!(writer, "reg" | "regedit" | "regsvr32" | "rundll32" | "wmic" | "regini")
        || contains(SHELLS, writer)
        || contains(SCRIPT_HOSTS, writer)
        || contains(DOCUMENT_APPLICATIONS, writer)
}
