//! Security 4698 to 4702: scheduled tasks. Verbs: `create`, `delete`, `enable`, `disable`, `update`.
//!
//! `content` holds the task's XML as logged; `command`, `args` and `account` are taken out of it.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::task_xml::TaskXml;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row, set, verb};
use crate::schema::builder::TableSet;
use crate::schema::persist as t;

/// Scheduled tasks as the Security log sees them.
pub struct SecurityTask;

static FIELDS: FieldMap = FieldMap::new(&[
    ("TaskName", t::NAME, Dec::Text),
    ("TaskContent", t::CONTENT, Dec::Text),
    ("TaskContentNew", t::CONTENT, Dec::Text),
    ("ClientProcessId", t::CLIENT_PID, Dec::Int),
]);

const VERBS: &[(i32, &str)] = &[
    (4698, "create"),
    (4699, "delete"),
    (4700, "enable"),
    (4701, "disable"),
    (4702, "update"),
];

impl Mapper for SecurityTask {
    fn id(&self) -> &'static str {
        "security_task"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Security, &[4698, 4699, 4700, 4701, 4702])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        row.cells.text(t::KIND, "task");
        if let Some(xml) = row.peek("TaskContent").or(row.peek("TaskContentNew")) {
            let task = TaskXml::read(xml);
            set(&mut row, t::COMMAND, &task.command);
            set(&mut row, t::ARGS, &task.args);
            set(&mut row, t::ACCOUNT, &task.account);
        }
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;

    const XML: &str = "<?xml version=\"1.0\"?><Task><Principals><Principal id=\"A\"><UserId>S-1-5-18</UserId>\
        </Principal></Principals><Actions><Exec><Command>cmd.exe</Command><Arguments>/c a &amp;&amp; b</Arguments>\
        </Exec></Actions></Task>";

    #[test]
    fn command_and_arguments_come_out_of_the_xml() {
        let s = security(
            4698,
            &[("TaskName", "\\x"), ("TaskContent", XML), ("SubjectUserName", "ann")],
        );
        assert_eq!((s.table, s.action(), s.text(t::KIND)), ("persist", "create", "task"));
        assert_eq!(
            (s.text(t::COMMAND), s.text(t::ARGS), s.text(t::ACCOUNT)),
            ("cmd.exe", "/c a && b", "S-1-5-18")
        );
        assert_eq!(s.text(t::CONTENT), XML);
        let s = security(4702, &[("TaskContentNew", XML)]);
        assert_eq!((s.action(), s.text(t::COMMAND)), ("update", "cmd.exe"));
    }
}
