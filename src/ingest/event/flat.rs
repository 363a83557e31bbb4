//! Events as one flat list of names: NXLog and its exports, PowerShell's `Get-WinEvent` as JSON or CSV, the tables
//! `SecurityEvent`, `Event` and `WindowsEvent` of Microsoft Sentinel, Velociraptor's event artifacts.
//!
//! Header and event data share one level here, so names collide. NXLog compares names without case: the `ProcessID` of
//! the logging process replaces the `ProcessId` of the event, its `EventType` ("INFO") the one of Sysmon. What was lost
//! that way is read from the rendered message by `finish`.

use std::borrow::Cow;

use super::{Reason, finish, head, moment, system, xml};
use crate::base::time::{self, DateOrder, TimeQuality, Ts};
use crate::ingest::json::{Json, Object};
use crate::ingest::raw::{Field, Raw, Value};

/// Who wrote the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// NXLog: `EventTime` is local time without a zone.
    Nxlog,
    /// NXLog with the header's process under `ExecutionProcessID`, so that `ProcessId` is the event's own.
    NxlogRenamed,
    /// An export script in PowerShell. Its `TimeCreated` is local time even where a `Z` stands behind it: measured
    /// against Sysmon's own UtcTime, such exports are off by whole hours.
    PsExport,
    /// Microsoft Sentinel and Log Analytics.
    Sentinel,
    /// `Get-WinEvent` and anything else.
    Other,
}

/// Whether a list with these names is a Windows event.
pub fn is_windows(has_name: &dyn Fn(&str) -> bool) -> bool {
    let has = |names: &[&str]| names.iter().any(|n| has_name(n));
    let code = has(&["EventID", "EventId", "EventCode"]) || (has_name("Id") && has(&["LogName", "ProviderName"]));
    code && (has(&[
        "Channel",
        "SourceName",
        "LogName",
        "ProviderName",
        "Provider",
        "Provider_Name",
        "EventLog",
    ]) || (has(&["EventSourceName", "Account", "SubjectUserName", "TargetUserName"])
        && has(&["Computer", "TimeGenerated"])))
}

/// Reads a flat JSON object.
pub fn read_object<'a>(raw: Raw<'a>, o: Object<'a>) -> Result<Raw<'a>, Reason> {
    let mut nested = Vec::new();
    let mut fields = Vec::with_capacity(o.0.len());
    for (name, value) in o.0 {
        match &*name {
            "EventData" | "UserData" if value.lexeme().starts_with('{') => nested.push((name, value)),
            "UserId" | "UserID" if value.object().is_some() => {
                // Get-WinEvent writes the SID as an object with its binary length.
                if let Some(sid) = value.object().and_then(|u| u.text("Value")) {
                    fields.push(Field {
                        name,
                        value: Value::Str(sid),
                    });
                }
            }
            "Properties" if value.lexeme().starts_with('[') => {}
            _ => fields.push(Field {
                name,
                value: value.value(),
            }),
        }
    }
    let mut raw = raw;
    for (name, value) in nested {
        if name == "EventData" {
            system::event_data(&mut raw, value);
        } else {
            system::user_data(&mut raw, value);
        }
    }
    read(raw, fields, DateOrder::Unknown)
}

/// Reads a flat list. What `raw` already holds is from a nested object and goes before columns of the same name; `order`
/// is for dates of a culture that writes numbers only.
pub fn read<'a>(mut raw: Raw<'a>, fields: Vec<Field<'a>>, order: DateOrder) -> Result<Raw<'a>, Reason> {
    let writer = writer(&fields);
    let mut nested = !raw.fields.is_empty();
    let mut message = None;
    let mut times = Times::default();
    let scm = fields.iter().any(|f| f.value.text() == Some("Service Control Manager"));
    let one_provider = fields
        .iter()
        .any(|f| f.name == "SourceName" && f.value.text().is_some());
    for field in fields {
        let Field { name, value } = field;
        if value.text().is_none_or(str::is_empty) && writer == Writer::Sentinel {
            continue; // the 200 columns of SecurityEvent that this event does not use
        }
        match role(writer, &name, one_provider, scm, &value) {
            Role::Head(canonical) => head(&mut raw, canonical, value),
            Role::Time(rank) => times.add(rank, &value, order),
            Role::Message => message = into_text(value),
            Role::EventData => {
                nested_text(&mut raw, &value);
                nested = true;
            }
            Role::HostId => raw.host_id = into_text(value),
            Role::Observer => raw.observer = into_text(value),
            Role::Around => raw.envelope.push(Field { name, value }),
            Role::Drop => {}
            Role::Data => {
                let repeats = nested && raw.get(&name) == value.text();
                if !repeats {
                    raw.fields.push(Field { name, value });
                }
            }
        }
    }
    if let Some((ts, quality)) = times.best {
        raw.time = Some(ts);
        raw.quality = match (writer, quality) {
            (Writer::PsExport, _) => TimeQuality::Assumed,
            // TimeGenerated is UTC by definition, whether the export prints the Z or not.
            (Writer::Sentinel, TimeQuality::Assumed) => TimeQuality::Utc,
            _ => quality,
        };
    }
    finish(raw, message)
}

fn writer(fields: &[Field<'_>]) -> Writer {
    let has = |name: &str| fields.iter().any(|f| f.name == name && f.value.text().is_some());
    if has("EventTime") && (has("SourceName") || has("SourceModuleName") || has("EventReceivedTime")) {
        if has("ExecutionProcessID") {
            Writer::NxlogRenamed
        } else {
            Writer::Nxlog
        }
    } else if has("SourceName") && has("Hostname") {
        Writer::PsExport
    } else if fields
        .iter()
        .any(|f| f.name == "TimeGenerated" || f.name.starts_with("TimeGenerated ["))
    {
        Writer::Sentinel
    } else {
        Writer::Other
    }
}

enum Role {
    Head(&'static str),
    /// A time; the lowest rank counts.
    Time(u8),
    Message,
    EventData,
    HostId,
    Observer,
    Around,
    Drop,
    Data,
}

fn role(writer: Writer, name: &str, one_provider: bool, scm: bool, value: &Value<'_>) -> Role {
    match name {
        "EventID" | "EventId" | "EventCode" => Role::Head("EventID"),
        "Channel" | "LogName" => Role::Head("Channel"),
        "SourceName" | "Provider_Name" => Role::Head("Provider"),
        "Hostname" | "MachineName" => Role::Head("Computer"),
        "Message" => Role::Message,
        "Keywords" | "Version" | "Task" | "Level" | "ActivityID" | "RelatedActivityID" | "Qualifiers" => {
            Role::Head(header_name(name))
        }
        "Opcode" if !matches!(writer, Writer::Nxlog | Writer::NxlogRenamed) => Role::Head("Opcode"),
        "ProviderGuid"
        | "@version"
        | ""
        | "ContainerLog"
        | "MatchedQueryIds"
        | "Bookmark"
        | "LevelDisplayName"
        | "OpcodeDisplayName"
        | "TaskDisplayName"
        | "KeywordsDisplayNames"
        | "ProviderId" => Role::Drop,
        "OpcodeValue" => Role::Head("Opcode"),
        "ExecutionProcessID" => Role::Head("Execution_ProcessID"),
        "ExecutionThreadID" | "ThreadID" if writer != Writer::Sentinel => Role::Head("Execution_ThreadID"),
        _ => match writer {
            Writer::Nxlog | Writer::NxlogRenamed => nxlog(writer, name, scm, value),
            Writer::PsExport => ps_export(name),
            Writer::Sentinel => sentinel(name),
            Writer::Other => other(name, one_provider),
        },
    }
}

fn header_name(name: &str) -> &'static str {
    const NAMES: [&str; 7] = [
        "Keywords",
        "Version",
        "Task",
        "Level",
        "ActivityID",
        "RelatedActivityID",
        "Qualifiers",
    ];
    NAMES.iter().find(|n| **n == name).copied().unwrap_or("Keywords")
}

fn nxlog(writer: Writer, name: &str, scm: bool, value: &Value<'_>) -> Role {
    match name {
        "EventTime" => Role::Time(0),
        "@timestamp" => Role::Time(2),
        "EventReceivedTime" => Role::Time(1),
        "RecordNumber" | "EventRecordID" => Role::Head("EventRecordID"),
        "ProcessID" if writer == Writer::Nxlog => Role::Head("Execution_ProcessID"),
        "UserID" if value.text().is_some_and(|t| t.starts_with("S-1-")) => Role::Head("UserID"),
        "EventType" if is_level(value) => Role::Drop,
        "Opcode" | "EventTypeOrignal" | "SourceModuleName" | "SourceModuleType" | "Severity" | "SeverityValue"
        | "Category" | "port" => Role::Drop,
        "host" => Role::Observer,
        // The account of the header. The Service Control Manager has an AccountName of its own in its event data.
        "AccountName" | "Domain" | "AccountType" if !scm => Role::Around,
        "tags" => Role::Around,
        _ => Role::Data,
    }
}

/// NXLog's own EventType; Sysmon's is `SetValue`, `CreateKey` and the like.
fn is_level(value: &Value<'_>) -> bool {
    matches!(
        value.text(),
        Some("INFO" | "WARNING" | "ERROR" | "CRITICAL" | "VERBOSE" | "DEBUG" | "AUDIT_SUCCESS" | "AUDIT_FAILURE")
    )
}

fn ps_export(name: &str) -> Role {
    match name {
        "TimeCreated" => Role::Time(0),
        "@timestamp" => Role::Time(1),
        "RecordNumber" | "EventRecordID" | "RecordId" => Role::Head("EventRecordID"),
        _ => Role::Data,
    }
}

fn sentinel(name: &str) -> Role {
    match name {
        "Computer" => Role::Head("Computer"),
        "EventSourceName" | "Provider" | "Source" => Role::Head("Provider"),
        "EventLog" => Role::Head("Channel"),
        "EventRecordId" | "EventRecordID" => Role::Head("EventRecordID"),
        "SystemUserId" => Role::Head("UserID"),
        "SystemProcessId" => Role::Head("Execution_ProcessID"),
        "SystemThreadId" => Role::Head("Execution_ThreadID"),
        "EventData" | "UserData" => Role::EventData,
        "RenderedDescription" => Role::Message,
        "SourceComputerId" => Role::HostId,
        "_ResourceId" | "UserName" => Role::Around,
        "TenantId"
        | "MG"
        | "ManagementGroupName"
        | "SourceSystem"
        | "Type"
        | "Activity"
        | "EventOriginId"
        | "EventLevel"
        | "EventLevelName"
        | "ParameterXml"
        | "TimeCollected"
        | "TimeCollected [UTC]"
        | "LogonTypeName"
        | "EventCategory" => Role::Drop,
        _ if name.starts_with("TimeGenerated") => Role::Time(0),
        _ => Role::Data,
    }
}

fn other(name: &str, one_provider: bool) -> Role {
    match name {
        "Computer" | "ComputerName" | "computer_name" | "HostName" => Role::Head("Computer"),
        "Id" => Role::Head("EventID"),
        "ProviderName" | "Provider" if !one_provider => Role::Head("Provider"),
        "RecordId" | "EventRecordID" | "EventRecordId" | "RecordNumber" => Role::Head("EventRecordID"),
        "UserId" | "UserSID" => Role::Head("UserID"),
        "ThreadId" => Role::Head("Execution_ThreadID"),
        "Description" => Role::Message,
        "EventData" | "UserData" => Role::EventData,
        "SystemTime" => Role::Time(0),
        "TimeCreated" => Role::Time(1),
        "EventTime" => Role::Time(2),
        "@timestamp" => Role::Time(3),
        "Timestamp" | "timestamp" | "_time" => Role::Time(4),
        "_ts" => Role::Time(5),
        _ => Role::Data,
    }
}

#[derive(Default)]
struct Times {
    rank: u8,
    best: Option<(Ts, TimeQuality)>,
}

impl Times {
    fn add(&mut self, rank: u8, value: &Value<'_>, order: DateOrder) {
        if self.best.is_some() && rank >= self.rank {
            return;
        }
        let Some(text) = value.text() else {
            return;
        };
        let local = || time::us_datetime(text.as_bytes(), order).map(|(ts, zone)| (ts, zone.quality()));
        if let Some(found) = moment(text).or_else(local) {
            self.best = Some(found);
            self.rank = rank;
        }
    }
}

/// The `EventData` column: XML in `SecurityEvent` and `Event`, JSON text in `WindowsEvent`.
fn nested_text<'a>(raw: &mut Raw<'a>, value: &Value<'a>) {
    let Some(text) = value.text() else {
        return;
    };
    let holder = Raw::windows(raw.offset);
    let parsed = if text.trim_start().starts_with('<') {
        xml::parse_data(text, holder)
    } else if let Some(json) = Json::parse(text).filter(|j| j.lexeme().starts_with('{')) {
        let mut holder = holder;
        system::event_data(&mut holder, json);
        holder
    } else {
        raw.push("EventData", value.clone());
        return;
    };
    // Before the flat columns, which repeat a part of it under the same names.
    let flat: Vec<Field<'a>> = std::mem::take(&mut raw.fields);
    raw.fields
        .extend(parsed.fields.into_iter().map(|f| -> Field<'a> { f.into_owned() }));
    for field in flat {
        if raw.get(&field.name) != field.value.text() {
            raw.fields.push(field);
        }
    }
}

fn into_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::Str(s) | Value::Raw(s) => Some(s),
    }
}

#[cfg(test)]
mod tests;
