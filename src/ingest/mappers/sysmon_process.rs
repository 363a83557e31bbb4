//! Sysmon 1 and 5: a process starts (`start`) and ends (`end`).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::sysmon_fields;
use crate::schema::builder::TableSet;
use crate::schema::{common, process as t};

/// Start and end of a process as Sysmon sees it.
pub struct SysmonProcess;

static FIELDS: FieldMap = sysmon_fields!(t;
    ("CommandLine", t::CMDLINE, Dec::Text),
    ("CurrentDirectory", t::CWD, Dec::Text),
    ("OriginalFileName", t::ORIG_NAME, Dec::Text),
    ("Company", t::COMPANY, Dec::Text),
    ("Product", t::PRODUCT, Dec::Text),
    ("Description", t::DESCR, Dec::Text),
    ("FileVersion", t::FILEVER, Dec::Text),
    ("Hashes", t::SHA1, Dec::Hashes),
    ("Hash", t::SHA1, Dec::Hashes),
    ("IntegrityLevel", t::INTEGRITY, Dec::Text),
    ("LogonGuid", t::LOGON_GUID, Dec::Guid),
    ("LogonId", common::LOGON_ID, Dec::Session),
    ("TerminalSessionId", t::TERMINAL_SESSION, Dec::Int),
    ("ParentProcessGuid", t::PARENT_GUID, Dec::Guid),
    ("ParentProcessGUID", t::PARENT_GUID, Dec::Guid),
    ("ParentProcessId", t::PPID, Dec::Int),
    ("ParentImage", t::PARENT_IMAGE, Dec::Text),
    ("ParentCommandLine", t::PARENT_CMDLINE, Dec::Text),
    ("ParentUser", t::PARENT_USER, Dec::Text),
);

impl Mapper for SysmonProcess {
    fn id(&self) -> &'static str {
        "sysmon_process"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Sysmon, &[1, 5])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(if raw.code == Some(1) { "start" } else { "end" });
        row.base_name(t::IMAGE, t::IMAGE_NAME);
        row.base_name(t::PARENT_IMAGE, t::PARENT_NAME);
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::sysmon;

    #[test]
    fn a_process_start_fills_its_columns_and_leaves_nothing_but_the_rule_in_extra() {
        let s = sysmon(
            1,
            &[
                ("RuleName", "-"),
                ("UtcTime", "2025-03-22 10:14:03.512"),
                ("ProcessGuid", "{A23EAE89-BD56-67E0-0000-0010E9D95E01}"),
                ("ProcessId", "4812"),
                ("Image", "C:\\Windows\\System32\\CMD.exe"),
                ("CommandLine", "cmd.exe /c whoami"),
                ("User", "CORP\\ann"),
                ("LogonId", "0x7eb05"),
                ("Hashes", "MD5=D41D8CD98F00B204E9800998ECF8427E"),
                ("ParentProcessId", "7620"),
                ("ParentImage", "C:\\Windows\\Explorer.EXE"),
            ],
        );
        assert_eq!((s.table, s.action()), ("process", "start"));
        assert_eq!(
            (s.text(t::IMAGE_NAME), s.text(t::PARENT_NAME)),
            ("cmd.exe", "explorer.exe")
        );
        assert_eq!(
            (s.int(t::PID), s.int(t::PPID), s.int(common::LOGON_ID)),
            (Some(4812), Some(7620), Some(0x7eb05))
        );
        assert_eq!((s.text(common::USER), s.text(common::USER_DOMAIN)), ("ann", "CORP"));
        assert_eq!(s.int(common::UTC_TIME), Some(1_742_638_443_512_000));
        assert!(!s.is_null(t::MD5) && s.is_null(t::SHA1));
        assert_eq!(s.text(common::EXTRA), r#"{"RuleName":"-"}"#);
    }

    #[test]
    fn an_old_sysmon_without_newer_fields_still_gives_a_row() {
        let s = sysmon(5, &[("ProcessId", "12"), ("Image", "C:\\a.exe")]);
        assert_eq!((s.action(), s.int(t::PID)), ("end", Some(12)));
        assert!(s.is_null(common::UTC_TIME) && s.is_null(common::USER));
    }
}
