//! Security 4657: a registry value changes. Verbs: `set_value`, `delete_value`. The key stays as logged
//! (`\REGISTRY\MACHINE\…`); it is made canonical when it is read.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row};
use crate::schema::builder::TableSet;
use crate::schema::registry as t;

/// Registry values as the Security log sees them.
pub struct SecurityRegistry;

static FIELDS: FieldMap = FieldMap::new(&[
    ("ObjectName", t::KEY, Dec::Text),
    ("ObjectValueName", t::VALUE_NAME, Dec::Text),
    ("NewValue", t::DATA, Dec::Text),
    ("NewValueType", t::DATA_TYPE, Dec::Text),
    ("OldValue", t::PREV_DATA, Dec::Text),
    ("ProcessId", t::PID, Dec::Hex),
    ("ProcessName", t::IMAGE, Dec::Text),
]);

impl Mapper for SecurityRegistry {
    fn id(&self) -> &'static str {
        "security_registry"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Security, &[4657])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        // %%1904 new value, %%1905 value changed, %%1906 value deleted.
        let deleted = row.peek("OperationType") == Some("%%1906");
        row.action(if deleted { "delete_value" } else { "set_value" });
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;

    #[test]
    fn the_key_stays_as_logged_beside_both_values() {
        let key = "\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run";
        let s = security(
            4657,
            &[
                ("ObjectName", key),
                ("ObjectValueName", "upd"),
                ("OperationType", "%%1904"),
                ("OldValue", "-"),
                ("NewValue", "C:\\x.exe"),
                ("ProcessId", "0x1ef0"),
            ],
        );
        assert_eq!((s.table, s.action(), s.text(t::KEY)), ("registry", "set_value", key));
        assert_eq!(
            (s.text(t::VALUE_NAME), s.text(t::DATA), s.int(t::PID)),
            ("upd", "C:\\x.exe", Some(0x1ef0))
        );
        assert!(s.is_null(t::PREV_DATA));
        assert_eq!(security(4657, &[("OperationType", "%%1906")]).action(), "delete_value");
    }
}
