//! Events as Winlogbeat ships them: version 7 and 8 (`winlog` beside ECS fields), version 6 (`event_id`, `event_data` at
//! the top), and either with dotted names.
//!
//! The modules of Winlogbeat move values of `event_data` into ECS fields and take them away where they were. What is
//! missing is read from the rendered message, then from the ECS fields.

use std::sync::LazyLock;

use super::{Reason, finish_value, head, moment, system};
use crate::base::names::Names;
use crate::ingest::json::{Json, Object};
use crate::ingest::raw::{Field, Raw, Value};

/// Reads one record. `winlog` is its `winlog` object, or the record itself for version 6.
pub fn read<'a>(mut raw: Raw<'a>, record: &Object<'a>, winlog: &Object<'a>) -> Result<Raw<'a>, Reason> {
    for (name, value) in winlog.iter() {
        member(&mut raw, name, value);
    }
    if let Some((ts, quality)) = record.text("@timestamp").and_then(|t| moment(&t)) {
        raw.time = Some(ts);
        raw.quality = quality;
    }
    let host = record.object("host").unwrap_or_default();
    if raw.host.is_none() {
        raw.host = host
            .text("name")
            .or_else(|| host.text("hostname"))
            .or_else(|| record.text("host.name"));
    }
    raw.host_id = host.text("id").or_else(|| record.text("host.id"));
    if raw.code.is_none() {
        let code = record
            .object("event")
            .and_then(|e| e.get("code"))
            .or_else(|| record.get("event.code"));
        if let Some(code) = code {
            head(&mut raw, "EventID", code.value());
        }
    }
    around(&mut raw, record);
    let message = record.get("message").map(Json::value);
    if super::message::is_needed(&raw) || raw.fields.is_empty() {
        if let Some(message) = message.as_ref().and_then(Value::text) {
            super::message::fill(&mut raw, message);
        }
        from_ecs(&mut raw, record);
    }
    finish_value(raw, message)
}

fn member<'a>(raw: &mut Raw<'a>, name: &str, value: Json<'a>) {
    if let Some(data) = name
        .strip_prefix("event_data.")
        .or_else(|| name.strip_prefix("user_data."))
    {
        raw.push(data.to_owned(), value.value());
        return;
    }
    let canonical = match name {
        "event_data" => return system::event_data(raw, value),
        "user_data" => {
            for (name, value) in value.object().unwrap_or_default().into_members() {
                if name != "xml_name" {
                    raw.push(name, value.value());
                }
            }
            return;
        }
        "user" => {
            if let Some(sid) = value.object().and_then(|u| u.get("identifier")) {
                head(raw, "UserID", sid.value());
            }
            return;
        }
        "process" => {
            let process = value.object().unwrap_or_default();
            if let Some(pid) = process.get("pid") {
                head(raw, "Execution_ProcessID", pid.value());
            }
            if let Some(tid) = process.object("thread").and_then(|t| t.get("id")) {
                head(raw, "Execution_ThreadID", tid.value());
            }
            return;
        }
        "event_id" => "EventID",
        "channel" | "log_name" => "Channel",
        "computer_name" => "Computer",
        "provider_name" | "source_name" => "Provider",
        "record_id" | "record_number" => "EventRecordID",
        "user.identifier" => "UserID",
        "process.pid" | "process_id" => "Execution_ProcessID",
        "process.thread.id" | "thread_id" => "Execution_ThreadID",
        "activity_id" => "ActivityID",
        "related_activity_id" => "RelatedActivityID",
        "version" if !value.lexeme().contains('.') => "Version",
        "keywords" => "Keywords",
        "opcode" => "Opcode",
        "task" => "Task",
        _ => return,
    };
    head(raw, canonical, value.value());
}

/// Objects and fields that repeat the event or describe the agent.
const KNOWN: &[&str] = &[
    "@timestamp",
    "@version",
    "agent",
    "beat",
    "computer_name",
    "destination",
    "dns",
    "ecs",
    "event",
    "event_data",
    "event_id",
    "file",
    "group",
    "hash",
    "host",
    "input",
    "keywords",
    "level",
    "log",
    "log_name",
    "message",
    "network",
    "opcode",
    "powershell",
    "process",
    "process_id",
    "provider_guid",
    "record_number",
    "registry",
    "related",
    "rule",
    "activity_id",
    "service",
    "source",
    "source_name",
    "task",
    "thread_id",
    "type",
    "user",
    "user_data",
    "version",
    "winlog",
    "sysmon",
];

/// What a pipeline added: enrichment goes to the fields, tags and the like around the event.
fn around<'a>(raw: &mut Raw<'a>, record: &Object<'a>) {
    static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new(KNOWN.iter().copied()));
    let known = &*NAMES;
    for (name, value) in record.iter() {
        let root = name.split('.').next().unwrap_or(name);
        if matches!(root, "source" | "client" | "geo" | "geoip") {
            super::object::geo(raw, name, value, 3);
        } else if known.find(root).is_some() {
            // Most members, and none of them is enrichment.
        } else if super::object::is_enrichment(name) && value.is_scalar() {
            raw.fields.push(Field {
                name: name.clone(),
                value: value.value(),
            });
        } else if !value.is_null() {
            raw.envelope.push(Field {
                name: name.clone(),
                value: value.value(),
            });
        }
    }
}

/// ECS paths and the event data they were made from, for the events that the modules rewrite.
const ECS: &[(&[i32], &str, &str)] = &[
    (&[4104], "powershell.file.script_block_text", "ScriptBlockText"),
    (&[4104], "powershell.file.script_block_id", "ScriptBlockId"),
    (&[4104], "powershell.sequence", "MessageNumber"),
    (&[4104], "powershell.total", "MessageTotal"),
    (&[4104], "file.path", "Path"),
    (&[1, 5], "process.executable", "Image"),
    (&[1], "process.command_line", "CommandLine"),
    (&[1], "process.working_directory", "CurrentDirectory"),
    (&[1], "process.parent.executable", "ParentImage"),
    (&[1], "process.parent.command_line", "ParentCommandLine"),
    (&[1], "process.parent.pid", "ParentProcessId"),
    (&[1], "process.parent.entity_id", "ParentProcessGuid"),
    (
        &[1, 2, 3, 5, 6, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 23, 26],
        "process.pid",
        "ProcessId",
    ),
    (
        &[1, 2, 3, 5, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 23, 26],
        "process.entity_id",
        "ProcessGuid",
    ),
    (
        &[2, 3, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 23, 26],
        "process.executable",
        "Image",
    ),
    (&[2, 11, 15, 23, 26], "file.path", "TargetFilename"),
    (&[6, 7], "file.path", "ImageLoaded"),
    (&[3], "network.transport", "Protocol"),
    (&[3], "source.ip", "SourceIp"),
    (&[3], "source.port", "SourcePort"),
    (&[3], "destination.ip", "DestinationIp"),
    (&[3], "destination.port", "DestinationPort"),
    (&[22], "dns.question.name", "QueryName"),
];

fn from_ecs<'a>(raw: &mut Raw<'a>, record: &Object<'a>) {
    let module = record.object("event").and_then(|e| e.text("module"));
    if !matches!(module.as_deref(), Some("sysmon" | "powershell")) {
        return;
    }
    let code = raw.code.unwrap_or_default();
    for (codes, path, name) in ECS {
        if codes.contains(&code)
            && raw.get(name).is_none()
            && let Some(value) = lookup(record, path)
        {
            raw.push(*name, value.value());
        }
    }
}

/// The value at a dotted path, the objects nested or their names dotted.
fn lookup<'a>(record: &Object<'a>, path: &str) -> Option<Json<'a>> {
    if let Some(value) = record.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    lookup(&record.object(first)?, rest)
}
