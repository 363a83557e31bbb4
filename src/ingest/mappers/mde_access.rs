//! One process reaching into another, as Defender for Endpoint sees it: the `*ApiCall` actions, tokens, DPAPI.
//!
//! Verbs: `open`, `read_mem`, `write_mem`, `alloc_mem`, `remote_thread`, `inject`, `token`, `dpapi`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor, path};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::process_access as access;

/// Access to processes.
pub struct MdeAccess;

impl Mapper for MdeAccess {
    fn id(&self) -> &'static str {
        "mde_access"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::ACCESS)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &access::TABLE, raw, cx);
        row.action(verb(row.peek("ActionType").unwrap_or("")));
        let more = Additional::of(&row);
        row.field("ProcessId", access::TARGET_PID, Dec::Int);
        path(&mut row, "FolderPath", "FileName", access::TARGET_IMAGE);
        row.field("AccountName", access::TARGET_USER, Dec::Text);
        more.int(&mut row, "DesiredAccess", access::ACCESS, i64::from(u32::MAX));
        actor(&mut row, access::PID, access::PROC_START, access::IMAGE);
        row.finish();
    }
}

fn verb(action: &str) -> &'static str {
    const VERBS: &[(&str, &str)] = &[
        ("ReadProcessMemory", "read_mem"),
        ("Write", "write_mem"),
        ("CreateRemoteThread", "remote_thread"),
        ("QueueUserApc", "inject"),
        ("SetThreadContext", "inject"),
        ("NtMapViewOfSection", "inject"),
        ("NtAllocateVirtualMemory", "alloc_mem"),
        ("NtProtectVirtualMemory", "alloc_mem"),
        ("MemoryRemoteProtect", "alloc_mem"),
        ("ProcessPrimaryToken", "token"),
        ("Dpapi", "dpapi"),
    ];
    VERBS
        .iter()
        .find(|(a, _)| action.starts_with(a))
        .map_or("open", |(_, v)| v)
}
