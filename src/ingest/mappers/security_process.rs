//! Security 4688 (`start`), 4689 (`end`), 4696 (`token`: a primary token is given to a process).
//!
//! In 4688 the field `ProcessId` is the creator; its user is the acting user, the new process's own user (where it
//! differs) stands in the `target_` columns.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row};
use crate::schema::builder::TableSet;
use crate::schema::process as t;

/// Start and end of a process as the Security log sees them.
pub struct SecurityProcess;

static START: FieldMap = FieldMap::new(&[
    ("NewProcessId", t::PID, Dec::Hex),
    ("NewProcessName", t::IMAGE, Dec::Text),
    ("CommandLine", t::CMDLINE, Dec::Text),
    ("ProcessId", t::PPID, Dec::Hex),
    ("ParentProcessName", t::PARENT_IMAGE, Dec::Text),
    ("CreatorProcessName", t::PARENT_IMAGE, Dec::Text),
    ("TokenElevationType", t::ELEVATION, Dec::Text),
    ("MandatoryLabel", t::INTEGRITY, Dec::Text),
    ("TargetUserName", t::TARGET_USER, Dec::Text),
    ("TargetDomainName", t::TARGET_DOMAIN, Dec::Text),
    ("TargetUserSid", t::TARGET_SID, Dec::Sid),
    ("TargetLogonId", t::TARGET_LOGON_ID, Dec::Session),
]);

static END: FieldMap = FieldMap::new(&[
    ("ProcessId", t::PID, Dec::Hex),
    ("ProcessName", t::IMAGE, Dec::Text),
    ("Status", t::EXIT_STATUS, Dec::Hex),
]);

static TOKEN: FieldMap = FieldMap::new(&[
    ("TargetProcessId", t::PID, Dec::Hex),
    ("TargetProcessName", t::IMAGE, Dec::Text),
    ("ProcessId", t::PPID, Dec::Hex),
    ("ProcessName", t::PARENT_IMAGE, Dec::Text),
    ("TargetUserName", t::TARGET_USER, Dec::Text),
    ("TargetDomainName", t::TARGET_DOMAIN, Dec::Text),
    ("TargetUserSid", t::TARGET_SID, Dec::Sid),
    ("TargetLogonId", t::TARGET_LOGON_ID, Dec::Session),
]);

impl Mapper for SecurityProcess {
    fn id(&self) -> &'static str {
        "security_process"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Security, &[4688, 4689, 4696])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        let (map, verb) = match raw.code {
            Some(4688) => (&START, "start"),
            Some(4689) => (&END, "end"),
            _ => (&TOKEN, "token"),
        };
        row.fields(map);
        row.action(verb);
        row.base_name(t::IMAGE, t::IMAGE_NAME);
        row.base_name(t::PARENT_IMAGE, t::PARENT_NAME);
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;
    use crate::schema::common;

    #[test]
    fn the_creator_is_the_parent_and_an_empty_target_is_null() {
        let s = security(
            4688,
            &[
                ("SubjectUserSid", "S-1-5-21-1"),
                ("SubjectUserName", "ann"),
                ("SubjectDomainName", "CORP"),
                ("SubjectLogonId", "0x7eb05"),
                ("NewProcessId", "0x1a4c"),
                ("NewProcessName", "C:\\Tmp\\Payload.EXE"),
                ("TokenElevationType", "%%1937"),
                ("ProcessId", "0x1234"),
                ("CommandLine", "payload.exe --x"),
                ("TargetUserSid", "S-1-0-0"),
                ("TargetUserName", "-"),
                ("TargetDomainName", "-"),
                ("TargetLogonId", "0x0"),
                ("ParentProcessName", "C:\\Windows\\System32\\wscript.exe"),
                ("MandatoryLabel", "S-1-16-8192"),
            ],
        );
        assert_eq!((s.table, s.action()), ("process", "start"));
        assert_eq!((s.int(t::PID), s.int(t::PPID)), (Some(0x1a4c), Some(0x1234)));
        assert_eq!(
            (s.text(t::IMAGE_NAME), s.text(t::PARENT_NAME)),
            ("payload.exe", "wscript.exe")
        );
        assert_eq!((s.text(common::USER), s.int(common::LOGON_ID)), ("ann", Some(0x7eb05)));
        assert_eq!((s.text(t::ELEVATION), s.text(t::INTEGRITY)), ("%%1937", "S-1-16-8192"));
        for col in [t::TARGET_USER, t::TARGET_DOMAIN, t::TARGET_SID, t::TARGET_LOGON_ID] {
            assert!(s.is_null(col));
        }
        assert_eq!(s.extra("TargetUserSid").as_deref(), Some("S-1-0-0"));
    }

    #[test]
    fn the_process_that_ends_is_the_process_itself() {
        let s = security(
            4689,
            &[("ProcessId", "0x10"), ("ProcessName", "C:\\a.exe"), ("Status", "0x1")],
        );
        assert_eq!(
            (s.action(), s.int(t::PID), s.int(t::EXIT_STATUS)),
            ("end", Some(16), Some(1))
        );
        assert!(s.is_null(t::PPID));
    }
}
