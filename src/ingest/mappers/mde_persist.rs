//! Services, scheduled tasks and WMI bindings of Defender for Endpoint.
//!
//! Verbs: `create`, `update`, `delete`, `enable`, `disable`.

use super::{Claim, Mapper};
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor, join};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::persist;

/// ServiceInstalled, ScheduledTask*, WmiBind*.
pub struct MdePersist;

impl Mapper for MdePersist {
    fn id(&self) -> &'static str {
        "mde_persist"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::PERSIST)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &persist::TABLE, raw, cx);
        let more = Additional::of(&row);
        let action = row.peek("ActionType").unwrap_or("");
        if action.starts_with("ScheduledTask") {
            row.action(task_verb(action));
            task(&mut row, &more);
        } else if action.starts_with("WmiBind") {
            row.action("create");
            row.cells.text(persist::KIND, "wmi_binding");
            more.text(&mut row, "Consumer", persist::CONSUMER);
            more.text(&mut row, "ESS", persist::FILTER);
            more.text(&mut row, "ESS", persist::NAME);
            more.text(&mut row, "PossibleCause", persist::CONTENT);
        } else {
            row.action("create");
            service(&mut row, &more);
        }
        actor(&mut row, persist::PID, persist::PROC_START, persist::IMAGE);
        row.finish();
    }
}

fn task_verb(action: &str) -> &'static str {
    match action {
        "ScheduledTaskUpdated" => "update",
        "ScheduledTaskDeleted" => "delete",
        "ScheduledTaskEnabled" => "enable",
        "ScheduledTaskDisabled" => "disable",
        _ => "create",
    }
}

fn service(row: &mut Row<'_, '_>, more: &Additional<'_>) {
    // 1 kernel driver, 2 file system driver, 8 recognizer (winsvc.h).
    let driver = matches!(more.get("ServiceType"), Some("1" | "2" | "8"));
    row.cells
        .text(persist::KIND, if driver { "driver_service" } else { "service" });
    more.text(row, "ServiceName", persist::NAME);
    more.text(row, "ServiceAccount", persist::ACCOUNT);
    more.text(row, "ServiceStartType", persist::START_TYPE);
    more.text(row, "ServiceType", persist::SERVICE_TYPE);
    match row.peek("ProcessCommandLine") {
        Some(command) => row.cells.text(persist::COMMAND, command),
        None => {
            if let Some(path) = join(row.peek("FolderPath"), row.peek("FileName")) {
                row.cells.text(persist::COMMAND, &path);
            }
        }
    }
}

fn task(row: &mut Row<'_, '_>, more: &Additional<'_>) {
    row.cells.text(persist::KIND, "task");
    more.text(row, "TaskName", persist::NAME);
    let content = more.get("TaskContent").or_else(|| more.get("TaskContentNew"));
    let Some(xml) = content else { return };
    row.cells.text(persist::CONTENT, xml);
    for (tag, col) in [
        ("Command", persist::COMMAND),
        ("Arguments", persist::ARGS),
        ("UserId", persist::ACCOUNT),
    ] {
        if let Some(text) = element(xml, tag) {
            row.cells.text(col, &text);
        }
    }
}

/// The text of the first element with this name, entities resolved.
fn element(xml: &str, tag: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
    let (text, _) = rest.split_once(&format!("</{tag}>"))?;
    let text = text
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    Some(text.replace("&amp;", "&").trim().to_owned()).filter(|t| !t.is_empty())
}
