//! Sysmon events in which one process reaches into another or beneath the file system. Verbs: `remote_thread` (8),
//! `raw_disk` (9, the device is the target), `open` (10), `tamper` (25, the acting process is the one tampered with).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{sysmon_fields, verb};
use crate::schema::builder::TableSet;
use crate::schema::{common, process_access as t};

/// Access between processes as Sysmon sees it.
pub struct SysmonAccess;

// The spelling of GUID differs between events and between versions.
static FIELDS: FieldMap = sysmon_fields!(t;
    ("SourceProcessGuid", t::PROC_GUID, Dec::Guid),
    ("SourceProcessGUID", t::PROC_GUID, Dec::Guid),
    ("SourceProcessId", t::PID, Dec::Int),
    ("SourceThreadId", t::THREAD_ID, Dec::Int),
    ("SourceImage", t::IMAGE, Dec::Text),
    ("SourceUser", common::USER, Dec::User),
    ("TargetProcessGuid", t::TARGET_GUID, Dec::Guid),
    ("TargetProcessGUID", t::TARGET_GUID, Dec::Guid),
    ("TargetProcessId", t::TARGET_PID, Dec::Int),
    ("TargetImage", t::TARGET_IMAGE, Dec::Text),
    ("TargetUser", t::TARGET_USER, Dec::Text),
    ("Device", t::TARGET_IMAGE, Dec::Text),
    ("GrantedAccess", t::ACCESS, Dec::Hex),
    ("CallTrace", t::CALL_TRACE, Dec::Text),
    ("StartAddress", t::START_ADDRESS, Dec::Text),
    ("StartModule", t::START_MODULE, Dec::Text),
    ("StartFunction", t::START_FUNCTION, Dec::Text),
    ("NewThreadId", t::NEW_THREAD_ID, Dec::Int),
);

const VERBS: &[(i32, &str)] = &[(8, "remote_thread"), (9, "raw_disk"), (10, "open"), (25, "tamper")];

impl Mapper for SysmonAccess {
    fn id(&self) -> &'static str {
        "sysmon_access"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Sysmon, &[8, 9, 10, 25])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::sysmon;

    #[test]
    fn both_spellings_of_guid_reach_the_same_column() {
        for name in ["SourceProcessGuid", "SourceProcessGUID"] {
            let s = sysmon(
                10,
                &[
                    (name, "{B669E388-A0F3-5EDF-5D00-000000000300}"),
                    ("SourceImage", "C:\\a.exe"),
                    ("SourceUser", "CORP\\ann"),
                    ("TargetImage", "C:\\Windows\\system32\\lsass.exe"),
                    ("GrantedAccess", "0x1010"),
                ],
            );
            assert_eq!(
                (s.table, s.action(), s.int(t::ACCESS)),
                ("process_access", "open", Some(0x1010))
            );
            assert!(!s.is_null(t::PROC_GUID), "{name}");
            assert_eq!((s.text(common::USER), s.text(t::IMAGE)), ("ann", "C:\\a.exe"));
        }
    }

    #[test]
    fn a_raw_read_names_the_device() {
        let s = sysmon(9, &[("Image", "C:\\n.exe"), ("Device", "\\Device\\HarddiskVolume3")]);
        assert_eq!(
            (s.action(), s.text(t::TARGET_IMAGE)),
            ("raw_disk", "\\Device\\HarddiskVolume3")
        );
    }
}
