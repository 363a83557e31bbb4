//! A Windows event as a JSON object: which of the shapes it has, and what stands around it.

use std::borrow::Cow;

use std::sync::LazyLock;

use super::{Reason, beats, finish, flat, moment, system, xml};
use crate::base::names::Names;
use crate::ingest::json::{Json, Object};
use crate::ingest::name::Name;
use crate::ingest::raw::{Field, Raw};

/// Wrappers inside wrappers are followed this far.
const MAX_WRAPPERS: usize = 4;

/// A shape of formats that carry Windows events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `Event.System`: evtx_dump, chainsaw, python-evtx, xmltodict.
    Event,
    /// `System` beside `EventData` or `UserData`: Velociraptor.
    System,
    /// Winlogbeat 7 and 8.
    Winlog,
    /// Winlogbeat 7 and 8 with dotted names.
    WinlogDotted,
    /// Winlogbeat 6.
    Winlogbeat6,
    /// Azure diagnostics extension, table WindowsEventLogsTable.
    AzureDiagnostics,
    /// Wazuh's `data.win`.
    Wazuh,
    /// An event as XML text in one member.
    XmlText(&'static str),
    /// One flat object: NXLog, PowerShell exports, Microsoft Sentinel.
    Flat,
    /// An Elasticsearch hit: the event is in `_source`.
    Source,
}

/// Names by which, with their values, shapes other than [`Shape::Flat`] are told.
const OTHERS: &[&str] = &[
    "Event",
    "System",
    "winlog",
    "winlog.event_id",
    "winlog.channel",
    "event_id",
    "log_name",
    "category",
    "properties",
    "data",
    "win",
    "xml_string",
    "RawXml",
    "SyslogMessage",
    "EventXml",
    "event",
    "_source",
];

/// Names that tell a flat one.
const FLAT: &[&str] = &[
    "EventID",
    "EventId",
    "EventCode",
    "Id",
    "LogName",
    "ProviderName",
    "Channel",
    "SourceName",
    "Provider",
    "Provider_Name",
    "EventLog",
    "EventSourceName",
    "Account",
    "SubjectUserName",
    "TargetUserName",
    "Computer",
    "TimeGenerated",
];

/// The shape of an object; `None` if it is no Windows event.
pub fn shape(o: &Object<'_>) -> Option<Shape> {
    // Presence is kept in as many bits.
    static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new([OTHERS, FLAT].concat()));
    let there = o
        .iter()
        .filter(|(_, value)| !value.is_null())
        .filter_map(|(name, _)| NAMES.find_hashed(name, name.hash()))
        .fold(0u64, |bits, at| bits | 1 << at);
    let has = |name: &str| NAMES.find(name).is_some_and(|at| there >> at & 1 == 1);
    let get = |name: &str| o.get(name).filter(|_| has(name));
    if let Some(event) = get("Event") {
        return match event.object() {
            Some(e) if e.has("System") => Some(Shape::Event),
            None if event.lexeme().starts_with("\"<Event") => Some(Shape::XmlText("Event")),
            _ => None,
        };
    }
    if get("System")
        .and_then(Json::object)
        .is_some_and(|s| s.has("EventID") || s.has("Provider"))
    {
        return Some(Shape::System);
    }
    if get("winlog").is_some_and(|w| w.lexeme().starts_with('{')) {
        return Some(Shape::Winlog);
    }
    if has("winlog.event_id") || has("winlog.channel") {
        return Some(Shape::WinlogDotted);
    }
    if has("event_id") && has("log_name") {
        return Some(Shape::Winlogbeat6);
    }
    if has("properties") && o.text("category").as_deref() == Some("WindowsEventLogsTable") {
        return Some(Shape::AzureDiagnostics);
    }
    if (has("data") || has("win")) && wazuh(o).is_some() {
        return Some(Shape::Wazuh);
    }
    for name in ["xml_string", "RawXml", "SyslogMessage", "EventXml", "event"] {
        if get(name).is_some_and(|v| v.lexeme().starts_with("\"<Event")) {
            return Some(Shape::XmlText(name));
        }
    }
    if get("_source").is_some_and(|s| s.lexeme().starts_with('{')) {
        return Some(Shape::Source);
    }
    flat::is_windows(&has).then_some(Shape::Flat)
}

/// Whether objects with these names, all of them with values, have the shape [`Shape::Flat`] whatever the values are.
fn is_flat(names: &[Name<'static>]) -> bool {
    let has = |name: &str| names.iter().any(|n| n == name);
    !OTHERS.iter().copied().any(has) && flat::is_windows(&has)
}

/// Whether the object, or the one it wraps, is a Windows event.
pub fn is_windows(o: &Object<'_>) -> Option<Shape> {
    match shape(o)? {
        Shape::Source => shape(&o.object("_source")?).filter(|s| *s != Shape::Source),
        shape => Some(shape),
    }
}

/// Reads the text of one object.
pub fn read(text: &str, offset: u64) -> Result<Raw<'_>, Reason> {
    let object = Object::parse(text).ok_or("not a JSON object; the record is cut off or not JSON")?;
    read_object(object, offset)
}

/// Reads one object.
pub fn read_object(object: Object<'_>, offset: u64) -> Result<Raw<'_>, Reason> {
    unwrapped(object, offset, MAX_WRAPPERS)
}

fn unwrapped<'a>(o: Object<'a>, offset: u64, wrappers: usize) -> Result<Raw<'a>, Reason> {
    let plan = o
        .outline()
        .and_then(|o| o.noted(|names| flat::Plan::new(names, is_flat)));
    let (raw, o) = match plan {
        Some(Some(plan)) => match plan.read(Raw::windows(offset), o) {
            Ok(read) => return read,
            Err(o) => (Raw::windows(offset), o),
        },
        _ => (Raw::windows(offset), o),
    };
    match shape(&o) {
        Some(Shape::Event) => event(raw, &o),
        Some(Shape::System) => with_system(raw, &o, &o, "EventData"),
        Some(Shape::Winlog) => beats::read(raw, &o, &o.object("winlog").unwrap_or_default()),
        Some(Shape::WinlogDotted) => {
            let members = o
                .iter()
                .filter_map(|(n, v)| Some((n.strip_prefix("winlog.")?.to_owned().into(), v)));
            let (names, values) = members.unzip();
            beats::read(raw, &o, &Object::new(names, values))
        }
        Some(Shape::Winlogbeat6) => beats::read(raw, &o, &o),
        Some(Shape::AzureDiagnostics) => azure(raw, &o),
        Some(Shape::Wazuh) => {
            let mut raw = raw;
            let win = wazuh(&o).unwrap_or_default();
            system::wazuh(&mut raw, &win);
            let message = win.object("system").and_then(|s| s.text("message"));
            around(
                &mut raw,
                &o,
                &[
                    "data",
                    "win",
                    "timestamp",
                    "id",
                    "full_log",
                    "decoder",
                    "input",
                    "manager",
                ],
            );
            finish(raw, message)
        }
        Some(Shape::XmlText(name)) => {
            let mut raw = from_xml(&o.text(name).unwrap_or_default(), offset)?;
            around(&mut raw, &o, &[name, "message"]);
            Ok(raw)
        }
        Some(Shape::Source) if wrappers > 0 => {
            let inner = o.object("_source").ok_or("no object in _source")?;
            let mut raw = unwrapped(inner, offset, wrappers - 1)?;
            around(
                &mut raw,
                &o,
                &["_source", "_type", "_score", "_version", "sort", "fields", "_ignored"],
            );
            Ok(raw)
        }
        Some(Shape::Flat) => flat::read_object(raw, o),
        Some(Shape::Source) | None => other(o, offset),
    }
}

fn wazuh<'a>(o: &Object<'a>) -> Option<Object<'a>> {
    let win = o
        .object("data")
        .and_then(|d| d.object("win"))
        .or_else(|| o.object("win"))?;
    win.has("system").then_some(win)
}

fn event<'a>(mut raw: Raw<'a>, o: &Object<'a>) -> Result<Raw<'a>, Reason> {
    let event = o.object("Event").ok_or("no object in Event")?;
    around(&mut raw, o, &["Event", "@timestamp", "timestamp"]);
    with_system(raw, o, &event, "EventData")
}

fn with_system<'a>(mut raw: Raw<'a>, record: &Object<'a>, event: &Object<'a>, data: &str) -> Result<Raw<'a>, Reason> {
    system::header(&mut raw, &event.object("System").unwrap_or_default());
    if let Some(data) = event.get(data) {
        system::event_data(&mut raw, data);
    }
    if let Some(data) = event.get("UserData") {
        system::user_data(&mut raw, data);
    }
    let rendered = event.object("RenderingInfo").and_then(|r| r.text("Message"));
    let message = rendered
        .or_else(|| event.text("Message"))
        .or_else(|| record.text("Message"));
    finish(raw, message)
}

/// Azure diagnostics: the columns repeat what `RawXml` holds in full.
fn azure<'a>(mut raw: Raw<'a>, o: &Object<'a>) -> Result<Raw<'a>, Reason> {
    let properties = o.object("properties").unwrap_or_default();
    if let Some(text) = properties.text("RawXml")
        && let Ok(mut raw) = from_xml(&text, raw.offset)
    {
        around(&mut raw, o, &["properties", "category", "level", "time"]);
        return Ok(raw);
    }
    if let Some((ts, quality)) = o.text("time").and_then(|t| moment(&t)) {
        raw.time = Some(ts);
        raw.quality = quality;
    }
    flat::read_object(raw, properties)
}

fn from_xml(text: &str, offset: u64) -> Result<Raw<'static>, Reason> {
    xml::parse(text, offset).map(Raw::into_owned)
}

/// Tables of Microsoft Sentinel that are no Windows events stand in the same export; they are kept whole.
fn other<'a>(o: Object<'a>, offset: u64) -> Result<Raw<'a>, Reason> {
    let (Some(table), Some(time)) = (o.text("Type"), o.text("TimeGenerated")) else {
        return Err("a JSON object that is no Windows event");
    };
    let mut raw = Raw::log("", offset);
    raw.kind = Cow::Owned(format!("sentinel.{table}"));
    if let Some((ts, quality)) = moment(&time) {
        raw.time = Some(ts);
        raw.quality = quality;
    }
    raw.host = o.text("Computer").or_else(|| o.text("HostName"));
    raw.fields = o
        .into_members()
        .filter(|(name, value)| !value.is_null() && value.lexeme() != "\"\"" && name != "TimeGenerated")
        .map(|(name, value)| Field {
            name,
            value: value.value(),
        })
        .collect();
    Ok(raw)
}

/// Names under which pipelines put where an address or a person is.
const ENRICHMENT: &[&str] = &[
    "location",
    "country",
    "country_name",
    "country_code",
    "country_iso_code",
    "city",
    "city_name",
    "region",
    "region_name",
    "continent_name",
    "latitude",
    "longitude",
    "lat",
    "lon",
    "asn",
    "as_org",
    "timezone",
];

/// Whether the name says where an address or a person is.
pub(super) fn is_enrichment(name: &str) -> bool {
    let last = name.rsplit(['.', '_']).next().unwrap_or(name);
    ENRICHMENT
        .iter()
        .any(|e| name.eq_ignore_ascii_case(e) || (last.len() > 3 && last.eq_ignore_ascii_case(e)))
}

/// Collects the scalar members of geographic objects under their own names, `source.geo.city_name` as `city_name`.
pub(super) fn geo<'a>(raw: &mut Raw<'a>, name: &str, value: Json<'a>, depth: usize) {
    if let Some(members) = value.object() {
        let inside = members.iter().filter(|_| depth > 0);
        for (name, value) in inside {
            geo(raw, name, value, depth - 1);
        }
        return;
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    if value.is_scalar() && is_enrichment(last) && raw.get(last).is_none() {
        raw.push(last.to_owned(), value.value());
    }
}

/// What stands around an event: enrichment goes to the fields, the rest to the envelope.
pub(super) fn around<'a>(raw: &mut Raw<'a>, o: &Object<'a>, known: &[&str]) {
    for (name, value) in o.iter() {
        if known.contains(&&**name) || value.is_null() {
            continue;
        }
        if matches!(&**name, "geo" | "geoip" | "location") && value.object().is_some() {
            geo(raw, name, value, 2);
        } else {
            let field = Field {
                name: name.clone(),
                value: value.value(),
            };
            if value.is_scalar() && is_enrichment(name) {
                raw.fields.push(field);
            } else {
                raw.envelope.push(field);
            }
        }
    }
}

#[cfg(test)]
mod tests;
