//! Starts, stops and restarts in the System log. Verbs: `start` (6005, 6009, 12), `stop` (6006, 13), `crash` (6008: the
//! last shutdown was not expected), `restart` (1074: a process asked for it).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{set, set_user, unmapped};
use crate::schema::builder::TableSet;
use crate::schema::posture as t;

/// Life of the system.
pub struct System;

/// Event id, part of the provider's name in lower case, verb, setting.
const MEANING: &[(i32, &str, &str, &str)] = &[
    (12, "kernel-general", "start", "Windows"),
    (13, "kernel-general", "stop", "Windows"),
    (1074, "user32", "restart", "Windows"),
    (6005, "eventlog", "start", "event log"),
    (6006, "eventlog", "stop", "event log"),
    (6008, "eventlog", "crash", "Windows"),
    (6009, "eventlog", "start", "Windows"),
];

impl Mapper for System {
    fn id(&self) -> &'static str {
        "system"
    }

    fn claims(&self) -> &'static [Claim] {
        &[
            Claim::Windows(Source::System, &[12, 13, 1074, 6005, 6006, 6008, 6009]),
            Claim::Windows(Source::Eventlog, &[6005, 6006, 6008, 6009]),
        ]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let provider = raw.kind.to_ascii_lowercase();
        let meaning = MEANING
            .iter()
            .find(|m| Some(m.0) == raw.code && (provider.is_empty() || provider.contains(m.1)));
        let Some((_, _, verb, setting)) = meaning else {
            return unmapped(raw, out, cx);
        };
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.action(verb);
        row.cells.text(t::KIND, "system");
        row.cells.text(t::SETTING, setting);
        if raw.code == Some(1074) {
            // param1 process, param2 host, param3 reason, param4 its code, param5 restart or power off, param7 user.
            if let Some(process) = row.peek("param1") {
                let image = process.split(" (").next().unwrap_or(process).trim();
                set(&mut row, t::IMAGE, image);
            }
            row.field("param5", t::NEW, Dec::Text);
            if let Some(user) = row.peek("param7") {
                set_user(&mut row, user);
            }
        }
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};
    use crate::schema::common;

    #[test]
    fn an_id_counts_only_from_its_own_provider() {
        assert_eq!(run(&event("EventLog", "System", 6006, &[])).action(), "stop");
        assert_eq!(
            run(&event("Microsoft-Windows-Kernel-General", "System", 12, &[])).table,
            "posture"
        );
        assert_eq!(run(&event("Vendor-Driver", "System", 12, &[])).table, "event");
    }

    #[test]
    fn a_restart_names_who_asked() {
        let f = [
            ("param1", "C:\\Windows\\system32\\shutdown.exe (WS01)"),
            ("param5", "restart"),
            ("param7", "CORP\\ann"),
        ];
        let s = run(&event("User32", "System", 1074, &f));
        assert_eq!(
            (s.action(), s.text(t::IMAGE)),
            ("restart", "C:\\Windows\\system32\\shutdown.exe")
        );
        assert_eq!((s.text(t::NEW), s.text(common::USER)), ("restart", "ann"));
    }
}
