//! Process starts of Defender for Endpoint: DeviceProcessEvents and the raw schema.
//!
//! Verbs: `start`, `stop`. There is no process GUID: a process is its device, id and creation time. The creator
//! (`InitiatingProcess*`) is the parent, its parent the grandparent. `user` is the creator's account, `target_user` the
//! account of the new process.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{acting_user, path, start_time, volume};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{common, process};

/// DeviceProcessEvents.
pub struct MdeProcess;

static FIELDS: FieldMap = FieldMap::new(&[
    ("ProcessId", process::PID, Dec::Int),
    ("ProcessCommandLine", process::CMDLINE, Dec::Text),
    ("MD5", process::MD5, Dec::Hash),
    ("SHA1", process::SHA1, Dec::Hash),
    ("SHA256", process::SHA256, Dec::Hash),
    ("ProcessIntegrityLevel", process::INTEGRITY, Dec::Text),
    ("ProcessTokenElevation", process::ELEVATION, Dec::Text),
    ("ProcessVersionInfoCompanyName", process::COMPANY, Dec::Text),
    ("ProcessVersionInfoProductName", process::PRODUCT, Dec::Text),
    ("ProcessVersionInfoProductVersion", process::FILEVER, Dec::Text),
    ("ProcessVersionInfoOriginalFileName", process::ORIG_NAME, Dec::Text),
    ("ProcessVersionInfoFileDescription", process::DESCR, Dec::Text),
    ("ProcessSignatureStatus", process::SIG_STATUS, Dec::Text),
    ("AccountName", process::TARGET_USER, Dec::Text),
    ("AccountDomain", process::TARGET_DOMAIN, Dec::Text),
    ("AccountSid", process::TARGET_SID, Dec::Text),
    ("LogonId", process::TARGET_LOGON_ID, Dec::Int),
    ("InitiatingProcessId", process::PPID, Dec::Int),
    ("InitiatingProcessCommandLine", process::PARENT_CMDLINE, Dec::Text),
]);

impl Mapper for MdeProcess {
    fn id(&self) -> &'static str {
        "mde_process"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::PROCESS)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &process::TABLE, raw, cx);
        let stop = row
            .peek("ActionType")
            .is_some_and(|a| a.starts_with("ProcessTerminated"));
        row.action(if stop { "stop" } else { "start" });
        row.fields(&FIELDS);
        start_time(&mut row, "ProcessCreationTime", process::PROC_START);
        start_time(&mut row, "InitiatingProcessCreationTime", process::PARENT_START);
        path(&mut row, "FolderPath", "FileName", process::IMAGE);
        path(
            &mut row,
            "InitiatingProcessFolderPath",
            "InitiatingProcessFileName",
            process::PARENT_IMAGE,
        );
        row.base_name(process::IMAGE, process::IMAGE_NAME);
        row.base_name(process::PARENT_IMAGE, process::PARENT_NAME);
        grandparent(&mut row);
        users(&mut row);
        row.finish();
    }
}

fn grandparent(row: &mut Row<'_, '_>) {
    const NAME: &str = "InitiatingProcessParentFileName";
    let Some(name) = row.peek(NAME) else { return };
    let path = volume(name);
    row.cells.text(process::GPARENT_IMAGE, &path);
    if path == name {
        row.take(NAME);
    }
}

fn users(row: &mut Row<'_, '_>) {
    acting_user(row);
    let user = row.peek("InitiatingProcessAccountName");
    match (row.peek("InitiatingProcessAccountDomain"), user) {
        (Some(domain), Some(user)) => row.cells.text(process::PARENT_USER, &format!("{domain}\\{user}")),
        (None, Some(user)) => row.cells.text(process::PARENT_USER, user),
        // The creator is not known: the new process's own account acts.
        (_, None) => {
            for (name, col) in [
                ("AccountName", common::USER),
                ("AccountDomain", common::USER_DOMAIN),
                ("AccountSid", common::USER_SID),
            ] {
                if let Some(text) = row.peek(name) {
                    row.cells.text(col, text);
                }
            }
        }
    }
}
