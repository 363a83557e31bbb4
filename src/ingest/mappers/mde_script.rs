//! Script text of Defender for Endpoint: PowerShellCommand, AMSI, script content.
//!
//! Verbs: `pipeline` (one command of a pipeline), `block` (script text).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor, path};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::script;

/// Script text.
pub struct MdeScript;

impl Mapper for MdeScript {
    fn id(&self) -> &'static str {
        "mde_script"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::SCRIPT)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &script::TABLE, raw, cx);
        let more = Additional::of(&row);
        let command = row.peek("ActionType") == Some("PowerShellCommand");
        row.action(if command { "pipeline" } else { "block" });
        row.cells
            .text(script::ENGINE, if command { "powershell" } else { "amsi" });
        for name in ["Command", "ScriptContent", "Content", "Description"] {
            more.text(&mut row, name, script::TEXT);
        }
        path(&mut row, "FolderPath", "FileName", script::PATH);
        row.field("InitiatingProcessCommandLine", script::HOST_APP, Dec::Text);
        actor(&mut row, script::PID, script::PROC_START, script::IMAGE);
        row.finish();
    }
}
