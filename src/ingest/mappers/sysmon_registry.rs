//! Sysmon 12 to 14. Verbs: `create_key`, `delete_key`, `create_value`, `delete_value`, `set_value`, `rename_key`,
//! `rename_value`.
//!
//! Where `TargetObject` joins key and value name they are split; the two columns joined by a backslash are the text.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{split_registry_value, sysmon_fields};
use crate::schema::builder::TableSet;
use crate::schema::registry as t;

/// Registry changes as Sysmon sees them.
pub struct SysmonRegistry;

static FIELDS: FieldMap = sysmon_fields!(t; ("Details", t::DATA, Dec::Text),);

impl Mapper for SysmonRegistry {
    fn id(&self) -> &'static str {
        "sysmon_registry"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Sysmon, &[12, 13, 14])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        // One forwarder's own EventType displaces Sysmon's, which it then misspells.
        let kind = ["EventType", "EventTypeOrignal", "EventTypeOriginal"]
            .iter()
            .find_map(|n| row.peek(n).and_then(verb_of));
        let verb = kind.unwrap_or(match raw.code {
            Some(13) => "set_value",
            Some(14) => "rename_key",
            _ => key_verb(row.peek("Message")),
        });
        row.action(verb);
        match raw.code {
            Some(14) => renamed(&mut row),
            _ if verb.ends_with("_value") => key_and_value(&mut row),
            _ => {
                row.field("TargetObject", t::KEY, Dec::Text);
            }
        }
        row.finish();
    }
}

fn verb_of(event_type: &str) -> Option<&'static str> {
    Some(match event_type {
        "CreateKey" => "create_key",
        "DeleteKey" => "delete_key",
        "CreateValue" => "create_value",
        "DeleteValue" => "delete_value",
        "SetValue" => "set_value",
        "RenameKey" => "rename_key",
        "RenameValue" => "rename_value",
        _ => return None,
    })
}

/// Event 12 without its type: only the rendered message may still say it.
fn key_verb(message: Option<&str>) -> &'static str {
    let says = |word: &str| message.is_some_and(|m| m.contains(word));
    if says("EventType: DeleteValue") {
        "delete_value"
    } else if says("EventType: DeleteKey") {
        "delete_key"
    } else {
        "create_key"
    }
}

fn key_and_value(row: &mut Row<'_, '_>) {
    let Some(joined) = row.take("TargetObject") else {
        return;
    };
    match split_registry_value(joined) {
        Some((key, name)) => {
            row.cells.text(t::KEY, key);
            row.cells.text(t::VALUE_NAME, name);
        }
        None => row.cells.text(t::KEY, joined),
    }
}

/// The key is the new name; both texts stay in `extra` too, because rules look for the old one under `TargetObject`.
fn renamed(row: &mut Row<'_, '_>) {
    if let Some(new) = row.peek("NewName") {
        row.cells.text(t::KEY, new);
    }
    if let Some(old) = row.peek("TargetObject") {
        row.cells.text(t::PREV_KEY, old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::sysmon;
    use crate::schema::common;

    const RUN: &str = "HKU\\S-1-5-21-1\\Software\\Microsoft\\Windows\\CurrentVersion\\Run";

    #[test]
    fn a_value_set_is_split_at_its_name_and_leaves_extra() {
        let joined = format!("{RUN}\\upd");
        let s = sysmon(13, &[("TargetObject", &joined), ("Details", "C:\\x.exe")]);
        assert_eq!((s.table, s.action()), ("registry", "set_value"));
        assert_eq!(
            (s.text(t::KEY), s.text(t::VALUE_NAME), s.text(t::DATA)),
            (RUN, "upd", "C:\\x.exe")
        );
        assert!(s.is_null(common::EXTRA));
    }

    #[test]
    fn a_created_key_stays_whole_and_a_deleted_value_is_split() {
        let s = sysmon(12, &[("EventType", "CreateKey"), ("TargetObject", RUN)]);
        assert_eq!((s.action(), s.text(t::KEY)), ("create_key", RUN));
        assert!(s.is_null(t::VALUE_NAME));
        let joined = format!("{RUN}\\upd");
        let s = sysmon(12, &[("EventType", "DeleteValue"), ("TargetObject", &joined)]);
        assert_eq!(
            (s.action(), s.text(t::KEY), s.text(t::VALUE_NAME)),
            ("delete_value", RUN, "upd")
        );
    }

    #[test]
    fn a_rename_keeps_both_names() {
        let s = sysmon(
            14,
            &[
                ("EventType", "RenameKey"),
                ("TargetObject", "HKLM\\a"),
                ("NewName", "HKLM\\b"),
            ],
        );
        assert_eq!(
            (s.action(), s.text(t::KEY), s.text(t::PREV_KEY)),
            ("rename_key", "HKLM\\b", "HKLM\\a")
        );
    }

    #[test]
    fn a_displaced_event_type_is_found_again() {
        let f = [
            ("EventType", "INFO"),
            ("EventTypeOrignal", "DeleteKey"),
            ("TargetObject", "HKLM\\a"),
        ];
        assert_eq!(sysmon(12, &f).action(), "delete_key");
    }
}
