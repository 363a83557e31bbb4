//! What mappers of Windows events share: the acting user, outcomes, names derived from paths, small texts taken apart.

use super::decode::{Dec, parse_int, split_user};
use super::raw::Raw;
use super::row::{FieldMap, Row};
use super::sink::RecordContext;
use crate::base::text::basename;
use crate::schema::builder::TableSet;
use crate::schema::{Col, Table, common, event, file};

/// Makes the field map of a Sysmon event: its clock, user and acting process, then the event's own fields.
macro_rules! sysmon_fields {
    ($t:ident; $($own:tt)*) => {
        $crate::ingest::row::FieldMap::new(&[
            ("UtcTime", $crate::schema::common::UTC_TIME, $crate::ingest::decode::Dec::Time),
            ("User", $crate::schema::common::USER, $crate::ingest::decode::Dec::User),
            ("ProcessGuid", $t::PROC_GUID, $crate::ingest::decode::Dec::Guid),
            ("ProcessGUID", $t::PROC_GUID, $crate::ingest::decode::Dec::Guid),
            ("ProcessId", $t::PID, $crate::ingest::decode::Dec::Int),
            ("Image", $t::IMAGE, $crate::ingest::decode::Dec::Text),
            $($own)*
        ])
    };
}
pub(crate) use sysmon_fields;

/// The acting user of Security and Eventlog events.
pub static SUBJECT: FieldMap = FieldMap::new(&[
    ("SubjectUserName", common::USER, Dec::Text),
    ("SubjectDomainName", common::USER_DOMAIN, Dec::Text),
    ("SubjectUserSid", common::USER_SID, Dec::Sid),
    ("SubjectLogonId", common::LOGON_ID, Dec::Session),
]);

/// Begins the row of a Security event: common columns and the acting user.
pub fn security_row<'b, 'r>(
    out: &'b mut TableSet,
    table: &'static Table,
    raw: &'r Raw<'r>,
    cx: &RecordContext<'_>,
) -> Row<'b, 'r> {
    let mut row = Row::begin(out, table, raw, cx);
    row.fields(&SUBJECT);
    row
}

/// Ends the row of a Security event; its audit keyword is the outcome where nothing more exact was known.
pub fn finish_security(row: Row<'_, '_>, raw: &Raw<'_>) {
    if let Some(outcome) = audit_outcome(raw) {
        row.cells.text(common::OUTCOME, outcome);
    }
    row.finish();
}

/// Writes an event of a claimed id that belongs to another provider of the same log: one row of `event`.
pub fn unmapped(raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
    let mut row = Row::begin(out, &event::TABLE, raw, cx);
    row.action("event");
    row.finish();
}

/// The verb of an event id; `event` for an id that the list does not hold.
pub fn verb(verbs: &[(i32, &'static str)], raw: &Raw<'_>) -> &'static str {
    let found = verbs.iter().find(|(code, _)| Some(*code) == raw.code);
    found.map_or("event", |(_, verb)| verb)
}

/// `success` for status 0, else `failure`.
pub fn status_outcome(status: Option<&str>) -> Option<&'static str> {
    match parse_int(status?)? {
        0 => Some("success"),
        _ => Some("failure"),
    }
}

/// Outcome from the Security log's own keyword, in any of its spellings: the bit mask (also as signed decimal),
/// `Audit Success`, `AUDIT_FAILURE`.
fn audit_outcome(raw: &Raw<'_>) -> Option<&'static str> {
    let names = ["Keywords", "EventType", "keywords", "Keyword"];
    let fields = || raw.envelope.iter().chain(&raw.fields);
    names.iter().find_map(|n| {
        let text = fields().find(|f| f.name == *n)?.value.text()?;
        keyword_outcome(text)
    })
}

fn keyword_outcome(text: &str) -> Option<&'static str> {
    const FAILURE: i64 = 1 << 52;
    const SUCCESS: i64 = 1 << 53;
    if let Some(bits) = parse_int(text) {
        return match (bits & SUCCESS != 0, bits & FAILURE != 0) {
            (true, false) => Some("success"),
            (false, true) => Some("failure"),
            _ => None,
        };
    }
    let lower = text.to_ascii_lowercase().replace('_', " ");
    match (lower.contains("audit success"), lower.contains("audit failure")) {
        (true, false) => Some("success"),
        (false, true) => Some("failure"),
        _ => None,
    }
}

/// Lets a field leave `extra` where a column re-creates exactly this text.
pub fn hold(row: &mut Row<'_, '_>, name: &'static str, text: &str) {
    if row.peek(name) == Some(text) {
        row.take(name);
    }
}

/// The first of these fields that is there and not `-` or empty.
pub fn first<'r>(row: &Row<'_, 'r>, names: &[&'static str]) -> Option<&'r str> {
    names
        .iter()
        .find_map(|n| row.peek(n).filter(|v| !v.is_empty() && *v != "-"))
}

/// Writes `DOMAIN\user` into the acting user's columns, leaving the field where it is.
pub fn set_user(row: &mut Row<'_, '_>, text: &str) {
    let (user, domain) = split_user(text.trim());
    if user.is_empty() || user == "-" || row.cells.is_set(common::USER) {
        return;
    }
    row.cells.text(common::USER, user);
    if let Some(d) = domain {
        row.cells.text(common::USER_DOMAIN, d);
    }
}

/// Derives the lower-case name and extension of the `file` table from its path. The extension is that of the file,
/// also where the path names a stream of it (`a.exe:Zone.Identifier`).
pub fn file_names(row: &mut Row<'_, '_>) {
    row.base_name(file::PATH, file::NAME);
    let Some(path) = row.cells.current_text(file::PATH) else {
        return;
    };
    let name = basename(path);
    let name = name.split(':').next().unwrap_or(name);
    if let Some((_, ext)) = name.rsplit_once('.').filter(|(_, e)| !e.is_empty() && e.len() <= 32) {
        let ext = ext.to_lowercase();
        row.cells.text(file::EXT, &ext);
    }
}

/// Splits a joined registry path into key and value name: at the last backslash, or before a drive letter where the
/// value's name is itself a path (`…\Exclusions\Paths\C:\Temp`). Joined by a backslash they are the text again.
pub fn split_registry_value(joined: &str) -> Option<(&str, &str)> {
    let drive = joined.match_indices(":\\").find_map(|(colon, _)| {
        let at = colon.checked_sub(2)?;
        let (key, rest) = joined.split_at_checked(at)?;
        let name = rest.strip_prefix('\\')?;
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            .then_some((key, name))
    });
    drive
        .or_else(|| joined.rsplit_once('\\'))
        .filter(|(key, _)| !key.is_empty())
}

/// The value of `key = value` (or `key=value`) on a line of its own.
pub fn context_value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(k, _)| k.trim() == key)
        .map(|(_, v)| v.trim())
        .filter(|v| !v.is_empty())
}

/// The unnamed `<Data>` items of a classic event, in order: (field name, text).
pub fn unnamed<'r>(raw: &'r Raw<'_>) -> impl Iterator<Item = (&'r str, &'r str)> {
    raw.fields
        .iter()
        .filter(|f| {
            f.name == "Data"
                || f.name
                    .strip_prefix("Data_")
                    .is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
        })
        .filter_map(|f| Some((&*f.name, f.value.text()?)))
}

/// Sets a text cell unless the text is empty.
pub fn set(row: &mut Row<'_, '_>, col: Col, text: &str) {
    if !text.is_empty() {
        row.cells.text(col, text);
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! One record through its mapper, and the cells of the row.

    use crate::base::ip::{self, Ip};
    use crate::ingest::mappers;
    use crate::ingest::raw::{Field, Raw, Value};
    use crate::ingest::sink::RecordContext;
    use crate::schema::builder::{Cells, NULL_CODE, NULL_INT, TableSet};
    use crate::schema::{Col, common};

    /// The row that came out.
    pub struct Seen {
        pub table: &'static str,
        pub mapper: &'static str,
        cells: Vec<Cells>,
    }

    /// A Windows event with these data fields.
    pub fn event<'a>(provider: &'a str, channel: &'a str, code: i32, fields: &[(&'a str, &'a str)]) -> Raw<'a> {
        let mut raw = Raw::windows(0);
        raw.kind = provider.into();
        raw.channel = Some(channel.into());
        raw.code = Some(code);
        raw.host = Some("WS01.corp.example".into());
        raw.fields = fields.iter().map(|(n, v)| Field::str(n, v)).collect();
        raw
    }

    pub fn sysmon<'a>(code: i32, fields: &[(&'a str, &'a str)]) -> Seen {
        run(&event(
            "Microsoft-Windows-Sysmon",
            "Microsoft-Windows-Sysmon/Operational",
            code,
            fields,
        ))
    }

    pub fn security<'a>(code: i32, fields: &[(&'a str, &'a str)]) -> Seen {
        run(&event("Microsoft-Windows-Security-Auditing", "Security", code, fields))
    }

    /// Maps one record and checks that exactly one row came out.
    pub fn run(raw: &Raw<'_>) -> Seen {
        let cx = RecordContext {
            input: 1,
            format: "test",
            fallback_time: 0,
            zone: None,
            input_host: None,
        };
        let mut out = TableSet::default();
        let mapper = mappers::find(raw);
        mapper.map(raw, &mut out, &cx);
        assert_eq!(out.rows(), 1);
        let (table, _, cells) = out.into_builders().next().unwrap().finish();
        Seen {
            table: table.name,
            mapper: mapper.id(),
            cells,
        }
    }

    impl Seen {
        pub fn text(&self, col: Col) -> &str {
            match &self.cells[col.0 as usize] {
                Cells::Dict { codes, values } if codes[0] != NULL_CODE => values.get(codes[0]),
                Cells::Text { bytes, ends } if ends[0].is_some() => bytes,
                _ => "",
            }
        }

        pub fn int(&self, col: Col) -> Option<i64> {
            match &self.cells[col.0 as usize] {
                Cells::Int(v) => Some(v[0]).filter(|v| *v != NULL_INT),
                _ => None,
            }
        }

        pub fn ip(&self, col: Col) -> String {
            match &self.cells[col.0 as usize] {
                Cells::Fixed { bytes, valid, .. } if valid[0] => {
                    let ip: Ip = bytes.as_slice().try_into().unwrap();
                    ip::display(&ip)
                }
                _ => String::new(),
            }
        }

        pub fn list(&self, col: Col) -> Vec<&str> {
            match &self.cells[col.0 as usize] {
                Cells::List { items, values, .. } => items.iter().map(|c| values.get(*c)).collect(),
                _ => Vec::new(),
            }
        }

        pub fn is_null(&self, col: Col) -> bool {
            match &self.cells[col.0 as usize] {
                Cells::Int(v) => v[0] == NULL_INT,
                Cells::Dict { codes, .. } => codes[0] == NULL_CODE,
                Cells::Text { ends, .. } | Cells::List { ends, .. } => ends[0].is_none(),
                Cells::Fixed { valid, .. } => !valid[0],
            }
        }

        pub fn action(&self) -> &str {
            self.text(common::ACTION)
        }

        pub fn outcome(&self) -> &str {
            self.text(common::OUTCOME)
        }

        /// A field in `extra`.
        pub fn extra(&self, name: &str) -> Option<String> {
            let text = self.text(common::EXTRA);
            if text.is_empty() {
                return None;
            }
            let v: serde_json::Value = serde_json::from_str(text).unwrap();
            v.get(name).map(|v| v.as_str().map_or(v.to_string(), str::to_owned))
        }
    }

    #[test]
    fn the_value_helper_reads_json_lexemes() {
        let mut raw = event("Nonesuch", "Application", 1, &[]);
        raw.push("n", Value::Raw("5".into()));
        assert_eq!(run(&raw).extra("n").as_deref(), Some("5"));
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{event, run};
    use super::*;
    use crate::ingest::raw::Field;

    #[test]
    fn audit_keywords_are_read_in_every_spelling() {
        assert_eq!(keyword_outcome("0x8020000000000000"), Some("success"));
        assert_eq!(keyword_outcome("-9218868437227405312"), Some("failure"));
        assert_eq!(keyword_outcome("[\"Audit Success\"]"), Some("success"));
        assert_eq!(keyword_outcome("AUDIT_FAILURE"), Some("failure"));
        assert_eq!(keyword_outcome("INFO"), None);
    }

    #[test]
    fn registry_paths_split_before_a_value_name_that_is_a_path() {
        let s = "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Exclusions\\Paths\\C:\\Temp";
        let (key, name) = split_registry_value(s).unwrap();
        assert!(key.ends_with("\\Paths"));
        assert_eq!(name, "C:\\Temp");
        assert_eq!(split_registry_value("HKLM\\Run\\x"), Some(("HKLM\\Run", "x")));
        assert_eq!(split_registry_value("HKLM"), None);
    }

    #[test]
    fn the_header_sid_is_the_user_only_where_no_field_says_otherwise() {
        let mut raw = event("Microsoft-Windows-PowerShell", "x", 4104, &[]);
        raw.user_sid = Some("S-1-5-21-1".into());
        assert_eq!(run(&raw).text(common::USER_SID), "S-1-5-21-1");

        let mut raw = event("Microsoft-Windows-Sysmon", "x", 1, &[("User", "CORP\\ann")]);
        raw.user_sid = Some("S-1-5-18".into());
        let seen = run(&raw);
        assert!(seen.is_null(common::USER_SID) && seen.is_null(common::EXTRA));

        let mut raw = event("Microsoft-Windows-Security-Auditing", "Security", 4672, &[]);
        raw.fields.push(Field::str("SubjectUserSid", "S-1-5-21-2"));
        raw.user_sid = Some("S-1-5-20".into());
        let seen = run(&raw);
        assert_eq!(seen.text(common::USER_SID), "S-1-5-21-2");
        assert_eq!(seen.extra("Security_UserID").as_deref(), Some("S-1-5-20"));
    }
}
