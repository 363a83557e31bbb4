//! PowerShell's operational log. Verbs: `block` (4104, one part of a script block), `module` (4103, a pipeline's
//! details), `start` and `stop` of a block (4105, 4106), `error` (4100), `engine_start`, `engine_ready`, `ipc` (40961,
//! 40962, 53504).
//!
//! The acting user is the record's own SID; 4103 and 4100 also name it in their context lines.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{context_value, set, set_user, verb};
use crate::schema::builder::TableSet;
use crate::schema::{common, script as t};

/// Script blocks, pipelines, engine life.
pub struct PowerShell;

static FIELDS: FieldMap = FieldMap::new(&[
    ("ScriptBlockText", t::TEXT, Dec::Text),
    ("ScriptBlockId", t::BLOCK_ID, Dec::Text),
    ("MessageNumber", t::PART, Dec::Int),
    ("MessageTotal", t::PARTS, Dec::Int),
    ("Path", t::PATH, Dec::Text),
    ("Payload", t::TEXT, Dec::Text),
    ("ContextInfo", t::CONTEXT, Dec::Text),
    // Fields of some collectors that take the context apart.
    ("HostApplication", t::HOST_APP, Dec::Text),
    ("EngineVersion", t::ENGINE_VER, Dec::Text),
    ("ScriptName", t::PATH, Dec::Text),
]);

const VERBS: &[(i32, &str)] = &[
    (4100, "error"),
    (4103, "module"),
    (4104, "block"),
    (4105, "start"),
    (4106, "stop"),
    (40961, "engine_start"),
    (40962, "engine_ready"),
    (53504, "ipc"),
];

impl Mapper for PowerShell {
    fn id(&self) -> &'static str {
        "powershell"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::PowerShell,
            &[4100, 4103, 4104, 4105, 4106, 40961, 40962, 53504],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        row.cells.text(t::ENGINE, "powershell");
        // PowerShell itself logs a block as a warning when it looks suspicious.
        let level = raw
            .envelope
            .iter()
            .find(|f| f.name == "Level")
            .and_then(|f| f.value.text());
        if let Some(level) = level {
            set(&mut row, t::LEVEL, level);
        }
        if let Some(context) = row.peek("ContextInfo") {
            from_context(&mut row, context);
        }
        if raw.code == Some(4100) {
            row.cells.text(common::OUTCOME, "failure");
        }
        if raw.code == Some(53504) {
            row.field("param1", t::PID, Dec::Int);
        } else if let Some(pid) = execution_pid(raw) {
            row.cells.int(t::PID, pid);
        }
        row.finish();
    }
}

/// The process that wrote the record: PowerShell logs from within, so it is the one that runs the script.
fn execution_pid(raw: &Raw<'_>) -> Option<i64> {
    let field = raw.envelope.iter().find(|f| f.name == "Execution_ProcessID")?;
    let pid: u32 = field.value.text()?.trim().parse().ok()?;
    (pid > 0).then_some(i64::from(pid))
}

fn from_context(row: &mut Row<'_, '_>, context: &str) {
    for (key, col) in [
        ("Host Application", t::HOST_APP),
        ("Engine Version", t::ENGINE_VER),
        ("Script Name", t::PATH),
    ] {
        if let Some(v) = context_value(context, key) {
            row.cells.text(col, v);
        }
    }
    if let Some(user) = context_value(context, "User") {
        set_user(row, user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::raw::Field;
    use crate::ingest::windows_fields::testing::{event, run};

    const CHANNEL: &str = "Microsoft-Windows-PowerShell/Operational";

    #[test]
    fn a_script_block_keeps_text_id_and_part() {
        let f = [
            ("MessageNumber", "2"),
            ("MessageTotal", "3"),
            ("ScriptBlockText", "IEX $x"),
            ("ScriptBlockId", "43ef2ded-714e-4930-a9aa-917a26e8536c"),
            ("Path", "C:\\s.ps1"),
        ];
        let mut raw = event("Microsoft-Windows-PowerShell", CHANNEL, 4104, &f);
        raw.envelope.push(Field::str("Level", "3"));
        let s = run(&raw);
        assert_eq!(
            (s.table, s.action(), s.text(t::TEXT), s.text(t::LEVEL)),
            ("script", "block", "IEX $x", "3")
        );
        assert_eq!(
            (s.int(t::PART), s.int(t::PARTS), s.text(t::PATH)),
            (Some(2), Some(3), "C:\\s.ps1")
        );
        assert_eq!(s.text(t::BLOCK_ID), "43ef2ded-714e-4930-a9aa-917a26e8536c");
    }

    #[test]
    fn the_writing_process_is_the_one_that_runs_the_script() {
        let mut raw = event(
            "Microsoft-Windows-PowerShell",
            CHANNEL,
            4104,
            &[("ScriptBlockText", "x")],
        );
        raw.envelope.push(Field::str("Execution_ProcessID", "1152"));
        assert_eq!(run(&raw).int(t::PID), Some(1152));
        let bare = event(
            "Microsoft-Windows-PowerShell",
            CHANNEL,
            4104,
            &[("ScriptBlockText", "x")],
        );
        assert_eq!(run(&bare).int(t::PID), None);
    }

    #[test]
    fn a_pipeline_names_host_application_and_user_from_its_context() {
        let context = "        Severity = Informational\r\n        Host Application = powershell.exe -enc AAA=\r\n        \
            Engine Version = 5.1\r\n        Script Name = \r\n        User = CORP\\ann\r\n";
        let f = [("ContextInfo", context), ("Payload", "CommandInvocation(IEX): \"IEX\"")];
        let s = run(&event("PowerShellCore", "PowerShellCore/Operational", 4103, &f));
        assert_eq!(
            (s.action(), s.text(t::HOST_APP)),
            ("module", "powershell.exe -enc AAA=")
        );
        assert_eq!((s.text(common::USER), s.text(t::ENGINE_VER)), ("ann", "5.1"));
        assert_eq!(
            (s.text(t::TEXT), s.text(t::CONTEXT)),
            ("CommandInvocation(IEX): \"IEX\"", context)
        );
        assert!(s.is_null(t::PATH) && s.is_null(common::EXTRA));
    }
}
