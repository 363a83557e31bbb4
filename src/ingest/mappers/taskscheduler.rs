//! The task scheduler's log. Verbs: `create` (106), `update` (140), `delete` (141), `disable` (142), `start` (100, 107,
//! 108, 110, 118, 119, by what triggered it), `run` (129, 200), `end` (102, 201), `fail` (101), `queue` (325).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{first, set_user, verb};
use crate::schema::builder::TableSet;
use crate::schema::{common, persist as t};

/// Tasks registered, changed and run.
pub struct TaskScheduler;

static FIELDS: FieldMap = FieldMap::new(&[
    ("TaskName", t::NAME, Dec::Text),
    ("Name", t::NAME, Dec::Text),
    ("ActionName", t::COMMAND, Dec::Text),
    ("Path", t::COMMAND, Dec::Text),
    ("ProcessID", t::CLIENT_PID, Dec::Int),
    ("EnginePID", t::CLIENT_PID, Dec::Int),
    ("EnginePid", t::CLIENT_PID, Dec::Int),
]);

const VERBS: &[(i32, &str)] = &[
    (100, "start"),
    (101, "fail"),
    (102, "end"),
    (106, "create"),
    (107, "start"),
    (108, "start"),
    (110, "start"),
    (118, "start"),
    (119, "start"),
    (129, "run"),
    (140, "update"),
    (141, "delete"),
    (142, "disable"),
    (200, "run"),
    (201, "end"),
    (325, "queue"),
];

impl Mapper for TaskScheduler {
    fn id(&self) -> &'static str {
        "taskscheduler"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::TaskScheduler,
            &[
                100, 101, 102, 106, 107, 108, 110, 118, 119, 129, 140, 141, 142, 200, 201, 325,
            ],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        row.cells.text(t::KIND, "task");
        if raw.code == Some(129) {
            // Here the field is the process that was started; elsewhere some collectors mean the logging one.
            row.field("ProcessId", t::CLIENT_PID, Dec::Int);
        }
        if let Some(user) = first(&row, &["UserContext", "UserName"]) {
            set_user(&mut row, user);
        }
        if raw.code == Some(101) {
            row.cells.text(common::OUTCOME, "failure");
        }
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{Seen, event, run};

    fn task(code: i32, fields: &[(&str, &str)]) -> Seen {
        let channel = "Microsoft-Windows-TaskScheduler/Operational";
        run(&event("Microsoft-Windows-TaskScheduler", channel, code, fields))
    }

    #[test]
    fn a_task_is_registered_by_a_user_and_runs_a_program() {
        let s = task(106, &[("TaskName", "\\upd"), ("UserContext", "CORP\\ann")]);
        assert_eq!(
            (s.table, s.text(t::KIND), s.action(), s.text(t::NAME)),
            ("persist", "task", "create", "\\upd")
        );
        assert_eq!((s.text(common::USER), s.text(common::USER_DOMAIN)), ("ann", "CORP"));
        let s = task(200, &[("TaskName", "\\upd"), ("ActionName", "C:\\x.exe")]);
        assert_eq!((s.action(), s.text(t::COMMAND)), ("run", "C:\\x.exe"));
        let s = task(
            129,
            &[("TaskName", "\\upd"), ("Path", "C:\\x.exe"), ("ProcessID", "6812")],
        );
        assert_eq!((s.text(t::COMMAND), s.int(t::CLIENT_PID)), ("C:\\x.exe", Some(6812)));
    }
}
