//! Events as one flat list of names: NXLog and its exports, PowerShell's `Get-WinEvent` as JSON or CSV, the tables
//! `SecurityEvent`, `Event` and `WindowsEvent` of Microsoft Sentinel, Velociraptor's event artifacts.
//!
//! Header and event data share one level here, so names collide. NXLog compares names without case: the `ProcessID` of
//! the logging process replaces the `ProcessId` of the event, its `EventType` ("INFO") the one of Sysmon. What was lost
//! that way is read from the rendered message by `finish`.

use std::sync::LazyLock;

use super::{Reason, finish_value, head, moment, system, xml};
use crate::base::names::Names;
use crate::base::time::{self, DateOrder, TimeQuality, Ts};
use crate::ingest::json::{Json, Object};
use crate::ingest::name::Name;
use crate::ingest::raw::{Field, Raw, Value};

mod plan;

pub use plan::Plan;

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
    let mut fields = Vec::with_capacity(o.len());
    for (name, value) in o.into_members() {
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
    let writer = writer_of(fields.iter().map(|f| (&f.name, !matches!(f.value, Value::Null))));
    let roles = Roles::of(writer);
    let mut nested = !raw.fields.is_empty();
    let one_provider = fields
        .iter()
        .any(|f| f.name == "SourceName" && !matches!(f.value, Value::Null));
    raw.fields.reserve(fields.len());
    let scm = fields.iter().any(|f| is_scm(&f.value));
    let mut reading = Reading::new(raw, writer, scm, order);
    for field in fields {
        if writer == Writer::Sentinel && field.value.text().is_none_or(str::is_empty) {
            continue; // the 200 columns of SecurityEvent that this event does not use
        }
        let role = match roles.role(writer, &field.name) {
            Role::ProviderUnlessNamed if !one_provider => Head("Provider"),
            Role::EventData => {
                nested_text(&mut reading.raw, &field.value);
                nested = true;
                continue;
            }
            role => role,
        };
        let Some(field) = reading.take(role, field) else {
            continue;
        };
        let repeats = nested && reading.raw.get(&field.name) == field.value.text();
        if !repeats {
            reading.raw.fields.push(field);
        }
    }
    reading.end()
}

/// The Service Control Manager, as JSON writes it: whether it may be the provider is told by any value.
const SCM: &str = r#""Service Control Manager""#;

fn is_scm(value: &Value<'_>) -> bool {
    matches!(value, Value::Str(s) if s == SCM.trim_matches('"'))
}

/// What the members of a list have told so far.
struct Reading<'a> {
    raw: Raw<'a>,
    writer: Writer,
    scm: bool,
    order: DateOrder,
    times: Times,
    message: Option<Value<'a>>,
}

impl<'a> Reading<'a> {
    fn new(raw: Raw<'a>, writer: Writer, scm: bool, order: DateOrder) -> Self {
        Self {
            raw,
            writer,
            scm,
            order,
            times: Times::default(),
            message: None,
        }
    }

    /// Takes a member by its role, or hands it back where it is data of the event.
    #[inline]
    fn take(&mut self, role: Role, field: Field<'a>) -> Option<Field<'a>> {
        let Field { name, value } = field;
        match role {
            Role::Head(canonical) => head(&mut self.raw, canonical, value),
            Role::Sid if value.text().is_some_and(|t| t.starts_with("S-1-")) => head(&mut self.raw, "UserID", value),
            Role::Level if is_level(&value) => {}
            Role::Time(rank) => self.times.add(rank, &value, self.order),
            Role::Message => self.message = Some(value),
            Role::HostId => self.raw.host_id = value.into_text(),
            Role::Observer => self.raw.observer = value.into_text(),
            Role::Around => self.raw.envelope.push(Field { name, value }),
            Role::Account if !self.scm => self.raw.envelope.push(Field { name, value }),
            Role::Drop => {}
            Role::Data | Role::EventData | Role::ProviderUnlessNamed | Role::Sid | Role::Level | Role::Account => {
                return Some(Field { name, value });
            }
        }
        None
    }

    fn end(mut self) -> Result<Raw<'a>, Reason> {
        self.times.set(&mut self.raw, self.writer);
        finish_value(self.raw, self.message)
    }
}

/// Who wrote a list with these names; whether they have values.
fn writer_of<'n>(names: impl Iterator<Item = (&'n Name<'n>, bool)>) -> Writer {
    let (mut event_time, mut nxlog, mut source, mut host) = (false, false, false, false);
    let (mut renamed, mut sentinel) = (false, false);
    for (name, there) in names {
        match &**name {
            "EventTime" => event_time |= there,
            "SourceName" => source |= there,
            "SourceModuleName" | "EventReceivedTime" => nxlog |= there,
            "ExecutionProcessID" => renamed |= there,
            "Hostname" => host |= there,
            name => sentinel |= name == "TimeGenerated" || name.starts_with("TimeGenerated ["),
        }
    }
    if event_time && (source || nxlog) {
        if renamed { Writer::NxlogRenamed } else { Writer::Nxlog }
    } else if source && host {
        Writer::PsExport
    } else if sentinel {
        Writer::Sentinel
    } else {
        Writer::Other
    }
}

/// What a name means to the writer of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Head(&'static str),
    /// The provider, unless another column names it better.
    ProviderUnlessNamed,
    /// The user's SID if it is one, else data.
    Sid,
    /// The level of the log's own header if it is one, else data.
    Level,
    /// A time; the lowest rank counts.
    Time(u8),
    Message,
    EventData,
    HostId,
    Observer,
    Around,
    /// Around the event, but data of the Service Control Manager, which has such fields of its own.
    Account,
    Drop,
    Data,
}

use Role::{Drop, Head};

/// Names that mean the same whoever wrote the list.
const EVERY: &[(&str, Role)] = &[
    ("EventID", Head("EventID")),
    ("EventId", Head("EventID")),
    ("EventCode", Head("EventID")),
    ("Channel", Head("Channel")),
    ("LogName", Head("Channel")),
    ("SourceName", Head("Provider")),
    ("Provider_Name", Head("Provider")),
    ("Hostname", Head("Computer")),
    ("MachineName", Head("Computer")),
    ("Message", Role::Message),
    ("Keywords", Head("Keywords")),
    ("Version", Head("Version")),
    ("Task", Head("Task")),
    ("Level", Head("Level")),
    ("ActivityID", Head("ActivityID")),
    ("RelatedActivityID", Head("RelatedActivityID")),
    ("Qualifiers", Head("Qualifiers")),
    ("OpcodeValue", Head("Opcode")),
    ("ExecutionProcessID", Head("Execution_ProcessID")),
    ("ProviderGuid", Drop),
    ("@version", Drop),
    ("", Drop),
    ("ContainerLog", Drop),
    ("MatchedQueryIds", Drop),
    ("Bookmark", Drop),
    ("LevelDisplayName", Drop),
    ("OpcodeDisplayName", Drop),
    ("TaskDisplayName", Drop),
    ("KeywordsDisplayNames", Drop),
    ("ProviderId", Drop),
];

const THREAD: &[(&str, Role)] = &[
    ("ExecutionThreadID", Head("Execution_ThreadID")),
    ("ThreadID", Head("Execution_ThreadID")),
];

const NXLOG: &[(&str, Role)] = &[
    ("EventTime", Role::Time(0)),
    ("@timestamp", Role::Time(2)),
    ("EventReceivedTime", Role::Time(1)),
    ("RecordNumber", Head("EventRecordID")),
    ("EventRecordID", Head("EventRecordID")),
    ("UserID", Role::Sid),
    ("EventType", Role::Level),
    ("Opcode", Drop),
    ("EventTypeOrignal", Drop),
    ("SourceModuleName", Drop),
    ("SourceModuleType", Drop),
    ("Severity", Drop),
    ("SeverityValue", Drop),
    ("Category", Drop),
    ("port", Drop),
    ("host", Role::Observer),
    ("AccountName", Role::Account),
    ("Domain", Role::Account),
    ("AccountType", Role::Account),
    ("tags", Role::Around),
];

/// Where the header's process has no name of its own, this is it.
const LOGGING_PROCESS: &[(&str, Role)] = &[("ProcessID", Head("Execution_ProcessID"))];

const PS_EXPORT: &[(&str, Role)] = &[
    ("Opcode", Head("Opcode")),
    ("TimeCreated", Role::Time(0)),
    ("@timestamp", Role::Time(1)),
    ("RecordNumber", Head("EventRecordID")),
    ("EventRecordID", Head("EventRecordID")),
    ("RecordId", Head("EventRecordID")),
];

const SENTINEL: &[(&str, Role)] = &[
    ("Opcode", Head("Opcode")),
    ("Computer", Head("Computer")),
    ("EventSourceName", Head("Provider")),
    ("Provider", Head("Provider")),
    ("Source", Head("Provider")),
    ("EventLog", Head("Channel")),
    ("EventRecordId", Head("EventRecordID")),
    ("EventRecordID", Head("EventRecordID")),
    ("SystemUserId", Head("UserID")),
    ("SystemProcessId", Head("Execution_ProcessID")),
    ("SystemThreadId", Head("Execution_ThreadID")),
    ("EventData", Role::EventData),
    ("UserData", Role::EventData),
    ("RenderedDescription", Role::Message),
    ("SourceComputerId", Role::HostId),
    ("_ResourceId", Role::Around),
    ("UserName", Role::Around),
    ("TenantId", Drop),
    ("MG", Drop),
    ("ManagementGroupName", Drop),
    ("SourceSystem", Drop),
    ("Type", Drop),
    ("Activity", Drop),
    ("EventOriginId", Drop),
    ("EventLevel", Drop),
    ("EventLevelName", Drop),
    ("ParameterXml", Drop),
    ("TimeCollected", Drop),
    ("TimeCollected [UTC]", Drop),
    ("LogonTypeName", Drop),
    ("EventCategory", Drop),
    ("TimeGenerated", Role::Time(0)),
    ("TimeGenerated [UTC]", Role::Time(0)),
];

const OTHER: &[(&str, Role)] = &[
    ("Opcode", Head("Opcode")),
    ("Computer", Head("Computer")),
    ("ComputerName", Head("Computer")),
    ("computer_name", Head("Computer")),
    ("HostName", Head("Computer")),
    ("Id", Head("EventID")),
    ("ProviderName", Role::ProviderUnlessNamed),
    ("Provider", Role::ProviderUnlessNamed),
    ("RecordId", Head("EventRecordID")),
    ("EventRecordID", Head("EventRecordID")),
    ("EventRecordId", Head("EventRecordID")),
    ("RecordNumber", Head("EventRecordID")),
    ("UserId", Head("UserID")),
    ("UserSID", Head("UserID")),
    ("ThreadId", Head("Execution_ThreadID")),
    ("Description", Role::Message),
    ("EventData", Role::EventData),
    ("UserData", Role::EventData),
    ("SystemTime", Role::Time(0)),
    ("TimeCreated", Role::Time(1)),
    ("EventTime", Role::Time(2)),
    ("@timestamp", Role::Time(3)),
    ("Timestamp", Role::Time(4)),
    ("timestamp", Role::Time(4)),
    ("_time", Role::Time(4)),
    ("_ts", Role::Time(5)),
];

/// The names of one writer.
struct Roles {
    names: Names,
    roles: Vec<Role>,
}

impl Roles {
    /// Of a name in several lists the last one counts.
    fn new(lists: &[&[(&'static str, Role)]]) -> Self {
        let all = || lists.iter().flat_map(|l| l.iter());
        Self {
            names: Names::new(all().map(|r| r.0)),
            roles: all().map(|r| r.1).collect(),
        }
    }

    fn of(writer: Writer) -> &'static Self {
        static NXLOG_ROLES: LazyLock<Roles> = LazyLock::new(|| Roles::new(&[NXLOG, LOGGING_PROCESS, THREAD, EVERY]));
        static RENAMED_ROLES: LazyLock<Roles> = LazyLock::new(|| Roles::new(&[NXLOG, THREAD, EVERY]));
        static PS_ROLES: LazyLock<Roles> = LazyLock::new(|| Roles::new(&[PS_EXPORT, THREAD, EVERY]));
        static SENTINEL_ROLES: LazyLock<Roles> = LazyLock::new(|| Roles::new(&[SENTINEL, EVERY]));
        static OTHER_ROLES: LazyLock<Roles> = LazyLock::new(|| Roles::new(&[OTHER, THREAD, EVERY]));
        match writer {
            Writer::Nxlog => &NXLOG_ROLES,
            Writer::NxlogRenamed => &RENAMED_ROLES,
            Writer::PsExport => &PS_ROLES,
            Writer::Sentinel => &SENTINEL_ROLES,
            Writer::Other => &OTHER_ROLES,
        }
    }

    fn role(&self, writer: Writer, name: &Name<'_>) -> Role {
        match self.names.find_hashed(name, name.hash()) {
            Some(at) => self.roles.get(at).copied().unwrap_or(Role::Data),
            None if writer == Writer::Sentinel && name.starts_with("TimeGenerated") => Role::Time(0),
            None => Role::Data,
        }
    }
}

/// NXLog's own EventType; Sysmon's is `SetValue`, `CreateKey` and the like.
fn is_level(value: &Value<'_>) -> bool {
    matches!(
        value.text(),
        Some("INFO" | "WARNING" | "ERROR" | "CRITICAL" | "VERBOSE" | "DEBUG" | "AUDIT_SUCCESS" | "AUDIT_FAILURE")
    )
}

#[derive(Default)]
struct Times {
    rank: u8,
    best: Option<(Ts, TimeQuality)>,
}

impl Times {
    /// Whether a time of this rank would count.
    #[inline]
    fn wants(&self, rank: u8) -> bool {
        self.best.is_none() || rank < self.rank
    }

    fn add(&mut self, rank: u8, value: &Value<'_>, order: DateOrder) {
        if !self.wants(rank) {
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

    /// Makes the best one the time of the event.
    fn set(&self, raw: &mut Raw<'_>, writer: Writer) {
        let Some((ts, quality)) = self.best else {
            return;
        };
        raw.time = Some(ts);
        raw.quality = match (writer, quality) {
            (Writer::PsExport, _) => TimeQuality::Assumed,
            // TimeGenerated is UTC by definition, whether the export prints the Z or not.
            (Writer::Sentinel, TimeQuality::Assumed) => TimeQuality::Utc,
            _ => quality,
        };
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

#[cfg(test)]
mod tests;
