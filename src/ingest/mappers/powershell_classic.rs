//! The classic "Windows PowerShell" log. Verbs: `engine_start` (400), `engine_stop` (403), `provider_start` (600),
//! `command_start` and `command_stop` (500, 501), `module` (800).
//!
//! Its data is unnamed: the item with `HostApplication=` is the context, of 800 the last other item is the text.

use super::{Claim, Mapper};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{context_value, set, set_user, unnamed, verb};
use crate::schema::builder::TableSet;
use crate::schema::script as t;

/// Engine life and pipelines of the classic log.
pub struct PowerShellClassic;

const VERBS: &[(i32, &str)] = &[
    (400, "engine_start"),
    (403, "engine_stop"),
    (500, "command_start"),
    (501, "command_stop"),
    (600, "provider_start"),
    (800, "module"),
];

impl Mapper for PowerShellClassic {
    fn id(&self) -> &'static str {
        "powershell_classic"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::PowerShellClassic,
            &[400, 403, 500, 501, 600, 800],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.action(verb(VERBS, raw));
        row.cells.text(t::ENGINE, "powershell");
        let is_context = |text: &str| text.contains("HostApplication=");
        if let Some((name, context)) = unnamed(raw).find(|(_, text)| is_context(text)) {
            row.cells.text(t::CONTEXT, context);
            row.hold(name);
            from_context(&mut row, context);
        }
        if raw.code == Some(800) {
            let text = unnamed(raw)
                .filter(|(_, text)| !is_context(text) && !text.trim().is_empty())
                .last();
            if let Some((name, text)) = text {
                row.cells.text(t::TEXT, text);
                row.hold(name);
            }
        }
        row.finish();
    }
}

fn from_context(row: &mut Row<'_, '_>, context: &str) {
    for (key, col) in [
        ("HostApplication", t::HOST_APP),
        ("EngineVersion", t::ENGINE_VER),
        ("ScriptName", t::PATH),
        // Filled in 500, 501 and 800; a command line typed in.
        ("CommandLine", t::TEXT),
    ] {
        let value = context_value(context, key).unwrap_or("");
        // 800 has its text in an item of its own.
        if col != t::TEXT || !row.cells.is_set(t::TEXT) && row.peek("Data_3").is_none() {
            set(row, col, value);
        }
    }
    if let Some(user) = context_value(context, "UserId") {
        set_user(row, user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};
    use crate::schema::common;

    #[test]
    fn the_context_is_found_among_unnamed_items() {
        let context = "\tNewEngineState=Available\n\tHostName=ConsoleHost\n\tHostApplication=powershell.exe -nop -w hidden\n\
            \tEngineVersion=2.0\n\tScriptName=\n";
        let f = [("Data_1", "Available"), ("Data_2", "None"), ("Data_3", context)];
        let s = run(&event("PowerShell", "Windows PowerShell", 400, &f));
        assert_eq!((s.table, s.action()), ("script", "engine_start"));
        assert_eq!(
            (s.text(t::HOST_APP), s.text(t::ENGINE_VER)),
            ("powershell.exe -nop -w hidden", "2.0")
        );
        assert_eq!(
            (s.extra("Data_1").as_deref(), s.extra("Data_3")),
            (Some("Available"), None)
        );
    }

    #[test]
    fn a_pipeline_keeps_its_details_as_text() {
        let context =
            "\tDetailSequence=1\n\tUserId=CORP\\ann\n\tHostApplication=powershell.exe\n\tCommandLine=iex $x\n";
        let details = "CommandInvocation(Invoke-Expression): \"Invoke-Expression\"";
        let f = [("Data_1", "iex $x"), ("Data_2", context), ("Data_3", details)];
        let s = run(&event("PowerShell", "Windows PowerShell", 800, &f));
        assert_eq!(
            (s.action(), s.text(t::TEXT), s.text(common::USER)),
            ("module", details, "ann")
        );
        assert_eq!(s.extra("Data_1").as_deref(), Some("iex $x"));
    }
}
