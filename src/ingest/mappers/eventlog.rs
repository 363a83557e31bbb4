//! The event log about itself. Verbs: `clear` (1102, 104), `stop` (1100), `fail` (1101 events dropped, 1104 log full,
//! 1108 a record could not be written).

use super::{Claim, Mapper};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{SUBJECT, first, set, unmapped, verb};
use crate::schema::builder::TableSet;
use crate::schema::posture as t;

/// Logs cleared, stopped, full.
pub struct Eventlog;

const VERBS: &[(i32, &str)] = &[
    (104, "clear"),
    (1100, "stop"),
    (1101, "fail"),
    (1102, "clear"),
    (1104, "fail"),
    (1108, "fail"),
];

impl Mapper for Eventlog {
    fn id(&self) -> &'static str {
        "eventlog"
    }

    // Where the provider is not given, the channel is all that tells these from other events.
    fn claims(&self) -> &'static [Claim] {
        &[
            Claim::Windows(Source::Eventlog, &[104, 1100, 1101, 1102, 1104, 1108]),
            Claim::Windows(Source::Security, &[1100, 1101, 1102, 1104, 1108]),
            Claim::Windows(Source::System, &[104]),
        ]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let kind = &*raw.kind;
        if raw.code == Some(104) && !kind.is_empty() && !kind.to_ascii_lowercase().contains("eventlog") {
            return unmapped(raw, out, cx);
        }
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&SUBJECT);
        let verb = verb(VERBS, raw);
        row.action(verb);
        row.cells
            .text(t::KIND, if verb == "clear" { "log_cleared" } else { "log_stopped" });
        // 104 names the log that was cleared; the others are about the Security log.
        match first(&row, &["Channel", "LogFileCleared.Channel"]).filter(|_| raw.code == Some(104)) {
            Some(cleared) => set(&mut row, t::SETTING, cleared),
            None if raw.code == Some(104) => {}
            None => row.cells.text(t::SETTING, "Security"),
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
    fn a_cleared_log_says_which_and_by_whom() {
        let f = [("SubjectUserName", "ann"), ("SubjectLogonId", "0xa52480")];
        let s = run(&event("Microsoft-Windows-Eventlog", "Security", 1102, &f));
        assert_eq!(
            (s.table, s.text(t::KIND), s.action(), s.text(t::SETTING)),
            ("posture", "log_cleared", "clear", "Security")
        );
        assert_eq!((s.text(common::USER), s.int(common::LOGON_ID)), ("ann", Some(0xa52480)));
        let f = [("SubjectUserName", "ann"), ("Channel", "Windows PowerShell")];
        let s = run(&event("Microsoft-Windows-Eventlog", "System", 104, &f));
        assert_eq!((s.action(), s.text(t::SETTING)), ("clear", "Windows PowerShell"));
    }

    #[test]
    fn the_channel_speaks_where_the_provider_is_missing() {
        assert_eq!(run(&event("", "Security", 1102, &[])).mapper, "eventlog");
        assert_eq!(run(&event("", "System", 104, &[])).table, "posture");
        assert_eq!(run(&event("Other-Provider", "System", 104, &[])).table, "event");
    }
}
