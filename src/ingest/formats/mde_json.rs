//! Defender for Endpoint as JSON: the streaming API (Event Hub, storage), replies of the hunting API, rows one per line, and
//! Log Analytics tables.

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::encoding::fallback;
use crate::ingest::framing::{Framing, JsonObjects, Piece};
use crate::ingest::json_fields::{list, member, object};
use crate::ingest::mde;
use crate::ingest::raw::{Field, Raw, Value};
use crate::ingest::sink::Sink;

/// Streaming and API JSON.
pub struct MdeJson;

impl Format for MdeJson {
    fn id(&self) -> &'static str {
        "mde_json"
    }

    fn about(&self) -> &'static str {
        "Microsoft Defender for Endpoint: streaming API, hunting API, Log Analytics JSON"
    }

    fn framing(&self) -> Framing {
        Framing::Json
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        sniff(head.bytes)
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let page = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        for piece in JsonObjects::at(block.bytes, block.place) {
            match piece {
                Piece::Record(at, bytes) => {
                    let (text, _) = fallback(bytes, page);
                    let offset = block.offset + at as u64;
                    if record(&text, offset, sink).is_none() {
                        sink.reject(offset, "no valid JSON object", bytes);
                    }
                }
                Piece::Damaged(at, bytes) => {
                    sink.reject(block.offset + at as u64, "no complete JSON object", bytes);
                }
            }
        }
    }
}

fn sniff(head: &[u8]) -> Sniff {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    if !matches!(head.first(), Some(b'{' | b'[')) {
        return Sniff::No("no JSON");
    }
    let head = head.get(..64 << 10).unwrap_or(head);
    // A quote that is escaped inside a text has a backslash, so these find keys (and short values) only.
    let has = |key: &str| memchr::memmem::find(head, format!("\"{key}\"").as_bytes()).is_some();
    let device = has("DeviceId") || has("DeviceName");
    if memchr::memmem::find(head, b"\"AdvancedHunting-").is_some() {
        return Sniff::Yes(95, "streaming API".into());
    }
    let found = match () {
        () if device && has("ActionType") => "rows with ActionType and a device",
        () if device && has("ConfigurationId") && has("IsCompliant") => "secure configuration assessment",
        () if device && has("InitiatingProcessFileName") => "rows of a hunting query",
        () if device && has("OnboardingStatus") => "DeviceInfo",
        () if device && has("NetworkAdapterName") => "DeviceNetworkInfo",
        () if has("AlertId") && has("ServiceSource") => "alerts",
        () if has("ActionType") && has("LogonType") && has("AccountUpn") => "IdentityLogonEvents",
        () => return Sniff::No("no keys of a Defender table"),
    };
    Sniff::Yes(90, found.into())
}

/// One object of the stream: a record around properties, a table, or a row. `None` if it is no object.
fn record(text: &str, offset: u64, sink: &mut Sink<'_>) -> Option<()> {
    let fields = object(text)?;
    if let Some(tables) = member(&fields, "tables")
        .or_else(|| member(&fields, "Tables"))
        .and_then(list)
    {
        for table in &tables {
            rows_of(table.text()?, text, offset, sink);
        }
        return Some(());
    }
    let Some(inner) = member(&fields, "properties").and_then(object) else {
        let table = member(&fields, "Type")
            .or_else(|| member(&fields, "$table"))
            .map(str::to_owned);
        row(fields, table.as_deref(), offset, sink);
        return Some(());
    };
    let mut raw = Raw::log(mde::kind::EVENT, offset);
    raw.fields = inner.into_iter().filter(is_there).collect();
    let (table, delivered) = (member(&fields, "category"), member(&fields, "time"));
    mde::settle(&mut raw, table, delivered);
    raw.envelope = fields
        .iter()
        .filter(|f| f.name != "properties" && is_there(f))
        .cloned()
        .collect();
    sink.event(&raw);
    Some(())
}

fn row(fields: Vec<Field<'_>>, table: Option<&str>, offset: u64, sink: &mut Sink<'_>) {
    let mut raw = Raw::log(mde::kind::EVENT, offset);
    raw.fields = fields.into_iter().filter(is_there).collect();
    mde::settle(&mut raw, table, None);
    sink.event(&raw);
}

/// The rows of `{"name":…,"columns":[{"name":…}],"rows":[[…]]}`; each has the offset of its own list.
fn rows_of(table: &str, whole: &str, offset: u64, sink: &mut Sink<'_>) {
    let Some(parts) = object(table) else { return };
    let columns = member(&parts, "columns").and_then(list).unwrap_or_default();
    let names: Vec<String> = columns
        .iter()
        .map(|c| {
            c.text()
                .and_then(object)
                .and_then(|o| member(&o, "name").map(str::to_owned))
                .unwrap_or_default()
        })
        .collect();
    let rows = member(&parts, "rows").and_then(list).unwrap_or_default();
    for (i, cells) in rows.iter().enumerate() {
        let text = cells.text().unwrap_or("");
        // The list borrows from the whole record, so the distance of the pointers is its place there.
        let at = (text.as_ptr() as usize)
            .checked_sub(whole.as_ptr() as usize)
            .filter(|at| *at < whole.len());
        let offset = offset + at.unwrap_or(i) as u64;
        let Some(values) = list(text) else {
            sink.reject(offset, "a row of the table is no list", text.as_bytes());
            continue;
        };
        let fields: Vec<Field<'_>> = names
            .iter()
            .zip(values)
            .map(|(n, value)| Field::new(mde::canonical(n), value))
            .collect();
        let table = member(&fields, "Type").map(str::to_owned);
        row(fields, table.as_deref(), offset, sink);
    }
}

/// Null and the empty text are how Defender writes "nothing".
fn is_there(field: &Field<'_>) -> bool {
    !matches!(&field.value, Value::Null) && field.value.text() != Some("") && !field.name.is_empty()
}

#[cfg(test)]
mod tests;
