//! Objects opened, touched and shared, by their type: processes go to `process_access`, registry keys to `registry`,
//! everything else to `file`.
//!
//! Verbs in `file`: `access` (4656 a handle is asked for; 4663 without a clearer right), `read`, `write`, `delete`
//! (4663 by the right used, 4660), `link` (4664), `close` (4658), `permissions` (4670), `transaction` (4985),
//! `share_access` (5140, 5145), `share_create`, `share_change`, `share_delete` (5142 to 5144), `share_permissions` (5143
//! with another security descriptor), `spn_check` (5168).

use super::{Claim, Mapper};
use crate::ingest::decode::{Dec, parse_int};
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{file_names, finish_security, security_row, verb};
use crate::schema::builder::TableSet;
use crate::schema::{common, file, process_access, registry};

/// Access to objects and shares.
pub struct SecurityObject;

static FILE: FieldMap = FieldMap::new(&[
    ("ObjectName", file::PATH, Dec::Text),
    ("FileName", file::PATH, Dec::Text),
    ("LinkName", file::PREV_PATH, Dec::Text),
    ("RelativeTargetName", file::PATH, Dec::Text),
    ("ShareName", file::SHARE, Dec::Text),
    ("AccessMask", file::ACCESS_MASK, Dec::Hex),
    ("AccessList", file::ACCESS_LIST, Dec::Text),
    ("IpAddress", file::CLIENT_IP, Dec::Ip),
    ("IpPort", file::CLIENT_PORT, Dec::Int),
    ("ProcessId", file::PID, Dec::Hex),
    ("ProcessName", file::IMAGE, Dec::Text),
]);

static PROCESS: FieldMap = FieldMap::new(&[
    ("ObjectName", process_access::TARGET_IMAGE, Dec::Text),
    ("AccessMask", process_access::ACCESS, Dec::Hex),
    ("ProcessId", process_access::PID, Dec::Hex),
    ("ProcessName", process_access::IMAGE, Dec::Text),
]);

static KEY: FieldMap = FieldMap::new(&[
    ("ObjectName", registry::KEY, Dec::Text),
    ("ProcessId", registry::PID, Dec::Hex),
    ("ProcessName", registry::IMAGE, Dec::Text),
]);

const VERBS: &[(i32, &str)] = &[
    (4656, "access"),
    (4658, "close"),
    (4660, "delete"),
    (4664, "link"),
    (4670, "permissions"),
    (4985, "transaction"),
    (5140, "share_access"),
    (5142, "share_create"),
    (5143, "share_change"),
    (5144, "share_delete"),
    (5145, "share_access"),
    (5168, "spn_check"),
];

impl Mapper for SecurityObject {
    fn id(&self) -> &'static str {
        "security_object"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Security,
            &[
                4656, 4658, 4660, 4663, 4664, 4670, 4985, 5140, 5142, 5143, 5144, 5145, 5168,
            ],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let typed = matches!(raw.code, Some(4656 | 4663));
        match raw.get("ObjectType").filter(|_| typed) {
            Some(t) if t.eq_ignore_ascii_case("process") => process(raw, out, cx),
            Some(t) if t.eq_ignore_ascii_case("key") => key(raw, out, cx),
            _ => object(raw, out, cx),
        }
    }
}

fn process(raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
    let mut row = security_row(out, &process_access::TABLE, raw, cx);
    row.fields(&PROCESS);
    row.action("open");
    finish_security(row, raw);
}

fn key(raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
    let mut row = security_row(out, &registry::TABLE, raw, cx);
    row.fields(&KEY);
    row.action("access");
    finish_security(row, raw);
}

fn object(raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
    let mut row = security_row(out, &file::TABLE, raw, cx);
    if matches!(raw.code, Some(5142..=5144)) {
        row.field("ShareLocalPath", file::PATH, Dec::Text);
        row.field("NewShareLocalPath", file::PATH, Dec::Text);
    }
    row.fields(&FILE);
    let used = row.peek("AccessMask").and_then(parse_int);
    row.action(match raw.code {
        Some(4663) => right_used(used.unwrap_or(0)),
        Some(5143) if raw.get("OldSD") != raw.get("NewSD") => "share_permissions",
        _ => verb(VERBS, raw),
    });
    let kind = kind(raw);
    if !kind.is_empty() {
        row.cells.text(file::KIND, &kind);
    }
    if raw.code == Some(5168) {
        row.cells.text(common::OUTCOME, "failure");
    }
    file_names(&mut row);
    finish_security(row, raw);
}

/// The verb of the strongest right in a file's access mask.
fn right_used(mask: i64) -> &'static str {
    const DELETE: i64 = 0x1_0000;
    const DELETE_CHILD: i64 = 0x40;
    const WRITE_DATA: i64 = 0x2;
    const APPEND_DATA: i64 = 0x4;
    const READ_DATA: i64 = 0x1;
    if mask & (DELETE | DELETE_CHILD) != 0 {
        "delete"
    } else if mask & (WRITE_DATA | APPEND_DATA) != 0 {
        "write"
    } else if mask & READ_DATA != 0 {
        "read"
    } else {
        "access"
    }
}

fn kind(raw: &Raw<'_>) -> String {
    let pipe = raw
        .get("ShareName")
        .is_some_and(|s| s.to_ascii_uppercase().ends_with("\\IPC$"));
    match raw.code {
        Some(5145) if pipe => "pipe".into(),
        Some(5140 | 5142..=5144) => "share".into(),
        _ => raw.get("ObjectType").filter(|t| *t != "-").unwrap_or("").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;

    #[test]
    fn the_type_of_the_object_decides_the_table() {
        let f = |kind| {
            [
                ("ObjectType", kind),
                ("ObjectName", "\\Device\\HarddiskVolume2\\Windows\\System32\\lsass.exe"),
                ("AccessMask", "0x10"),
                ("ProcessName", "C:\\a.exe"),
                ("ProcessId", "0x4d2"),
            ]
        };
        let s = security(4656, &f("Process"));
        assert_eq!(
            (s.table, s.action(), s.int(process_access::ACCESS)),
            ("process_access", "open", Some(0x10))
        );
        assert_eq!(
            (s.int(process_access::PID), s.text(process_access::IMAGE)),
            (Some(0x4d2), "C:\\a.exe")
        );
        assert_eq!(security(4663, &f("Key")).table, "registry");
        assert_eq!(security(4663, &f("File")).table, "file");
        assert_eq!(security(4658, &f("Process")).table, "file");
    }

    #[test]
    fn a_file_is_read_written_or_deleted_by_the_right_used() {
        for (mask, verb) in [
            ("0x1", "read"),
            ("0x6", "write"),
            ("0x10000", "delete"),
            ("0x80", "access"),
        ] {
            let s = security(
                4663,
                &[
                    ("ObjectType", "File"),
                    ("ObjectName", "C:\\A.TXT"),
                    ("AccessMask", mask),
                ],
            );
            assert_eq!(s.action(), verb, "{mask}");
            assert_eq!((s.text(file::NAME), s.text(file::EXT)), ("a.txt", "txt"));
        }
    }

    #[test]
    fn a_share_member_names_client_share_and_path() {
        let s = security(
            5145,
            &[
                ("SubjectUserName", "ann"),
                ("SubjectLogonId", "0xa62b3a8ae"),
                ("ObjectType", "File"),
                ("IpAddress", "10.0.0.5"),
                ("IpPort", "51042"),
                ("ShareName", "\\\\*\\IPC$"),
                ("RelativeTargetName", "svcctl"),
                ("AccessMask", "0x12019f"),
            ],
        );
        assert_eq!(
            (s.action(), s.text(file::KIND), s.text(file::PATH)),
            ("share_access", "pipe", "svcctl")
        );
        assert_eq!(
            (s.ip(file::CLIENT_IP).as_str(), s.int(file::ACCESS_MASK)),
            ("10.0.0.5", Some(0x12019f))
        );
        assert_eq!(s.int(common::LOGON_ID), Some(0xa_62b3_a8ae));
        assert_eq!(security(5140, &[("ShareName", "\\\\*\\C$")]).text(file::KIND), "share");
    }

    #[test]
    fn a_changed_descriptor_of_a_share_has_a_verb_of_its_own() {
        let run = |new| {
            let f = [
                ("ShareName", "\\\\*\\x"),
                ("OldSD", "O:BAD:(A;;FA;;;BA)"),
                ("NewSD", new),
            ];
            security(5143, &f).action().to_owned()
        };
        assert_eq!(run("O:BAD:(A;;FA;;;WD)"), "share_permissions");
        assert_eq!(run("O:BAD:(A;;FA;;;BA)"), "share_change");
    }
}
