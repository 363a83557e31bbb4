//! Exports of Splunk searches as JSON: the event stands in `_raw` as XML, JSON or `Key=value` text, or its fields stand
//! side by side. Rows of a preview and rows without a result are not records.

use std::borrow::Cow;

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::time;
use crate::ingest::encoding;
use crate::ingest::event::{Reason, flat, kv, object, xml};
use crate::ingest::framing::{Framing, JsonObjects, Piece};
use crate::ingest::json::{Json, Object};
use crate::ingest::name::Name;
use crate::ingest::raw::{Field, Raw};
use crate::ingest::sink::Sink;

/// The format.
pub struct Splunk;

impl Format for Splunk {
    fn id(&self) -> &'static str {
        "splunk"
    }

    fn about(&self) -> &'static str {
        "Splunk search exports as JSON (rows with result._raw, or fields and rows)"
    }

    fn framing(&self) -> Framing {
        Framing::Json
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let start = head.bytes.trim_ascii_start();
        if !start.starts_with(b"{") && !start.starts_with(b"[") {
            return Sniff::No("not JSON");
        }
        for piece in JsonObjects::new(head.bytes).take(20) {
            let (Piece::Record(_, bytes) | Piece::Damaged(_, bytes)) = piece;
            let Some(o) = std::str::from_utf8(bytes).ok().and_then(Object::parse) else {
                continue;
            };
            if o.object("result").is_some() && (o.has("preview") || o.has("offset") || o.has("lastrow")) {
                return Sniff::Yes(90, "rows with `result`".into());
            }
            if o.has("_raw") && (o.has("sourcetype") || o.has("_time")) {
                return Sniff::Yes(90, "rows with `_raw`".into());
            }
            if is_table(&o) {
                return Sniff::Yes(80, "`fields` and `rows`".into());
            }
        }
        Sniff::No("no Splunk result among the first objects")
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codepage = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        for piece in JsonObjects::at(block.bytes, block.place) {
            match piece {
                Piece::Record(at, bytes) => {
                    let (text, _) = encoding::fallback(bytes, codepage);
                    row(&text, block.offset + at as u64, bytes, sink);
                }
                Piece::Damaged(at, bytes) => {
                    sink.reject(
                        block.offset + at as u64,
                        "not a whole JSON object; cut off or damaged",
                        bytes,
                    );
                }
            }
        }
    }
}

fn row(text: &str, offset: u64, bytes: &[u8], sink: &mut Sink<'_>) {
    let Some(o) = Object::parse(text) else {
        return sink.reject(offset, "not a JSON object", bytes);
    };
    if is_table(&o) {
        return table(&o, offset, bytes, sink);
    }
    if o.text("preview").as_deref() == Some("true") {
        return;
    }
    let result = match o.object("result") {
        Some(result) => result,
        None if o.has("preview") || o.has("lastrow") || o.has("messages") => return,
        None => o,
    };
    take(result, offset, bytes, sink);
}

fn take(result: Object<'_>, offset: u64, bytes: &[u8], sink: &mut Sink<'_>) {
    let raw_text = result.text("_raw");
    match record(&result, raw_text.as_deref(), offset) {
        Ok(raw) => sink.event(&raw),
        Err(reason) => sink.reject(offset, reason, bytes),
    }
}

fn record<'r>(result: &Object<'r>, body: Option<&'r str>, offset: u64) -> Result<Raw<'r>, Reason> {
    let Some(body) = body.map(str::trim_start) else {
        return without_body(result, offset);
    };
    let mut raw = if body.starts_with("<Event") {
        xml::parse(body, offset)?
    } else if body.starts_with('{') && Object::parse(body).is_some_and(|o| object::is_windows(&o).is_some()) {
        object::read(body, offset)?
    } else if kv::is_event(body) {
        let mut raw = kv::parse(body, offset)?;
        // The agent's own date has no zone; Splunk's has.
        set_time(&mut raw, result);
        raw
    } else {
        return Ok(other(result, offset));
    };
    for name in ["index", "sourcetype", "source"] {
        if let Some(value) = result.get(name) {
            raw.envelope.push(Field::new(name, value.value()));
        }
    }
    Ok(raw)
}

/// A table of extracted fields.
fn without_body<'r>(result: &Object<'r>, offset: u64) -> Result<Raw<'r>, Reason> {
    if !flat::is_windows(&|name| result.has(name)) {
        return Ok(other(result, offset));
    }
    let mut raw = flat::read_object(Raw::windows(offset), result.clone())?;
    if raw.time.is_none() {
        set_time(&mut raw, result);
    }
    if raw.host.is_none() {
        raw.host = result.text("host");
    }
    Ok(raw)
}

/// A record of another kind of log: kept whole, so that nothing of the export is lost.
fn other<'r>(result: &Object<'r>, offset: u64) -> Raw<'r> {
    let mut raw = Raw::log("splunk", offset);
    if let Some(sourcetype) = result.text("sourcetype") {
        raw.kind = Cow::Owned(format!("splunk.{sourcetype}"));
    }
    set_time(&mut raw, result);
    raw.host = result.text("host");
    for (name, value) in result.iter() {
        raw.push(name.clone(), value.value());
    }
    raw
}

/// `_time` with its offset, as `2026-06-05T19:30:00.000+00:00`, with a zone's name behind it, or as an epoch number.
fn set_time(raw: &mut Raw<'_>, result: &Object<'_>) {
    let Some(text) = result.text("_time") else {
        return;
    };
    let found = time::rfc3339(text.as_bytes())
        .map(|(ts, zone)| (ts, zone.quality()))
        .or_else(|| time::epoch(text.as_bytes()).map(|ts| (ts, time::TimeQuality::Utc)));
    if let Some((ts, quality)) = found {
        raw.time = Some(ts);
        raw.quality = quality;
    }
}

fn is_table(o: &Object<'_>) -> bool {
    let is_array = |name: &str| o.get(name).is_some_and(|v| v.lexeme().starts_with('['));
    is_array("fields") && is_array("rows")
}

/// `{"fields":[…],"rows":[[…]]}`.
fn table(o: &Object<'_>, offset: u64, bytes: &[u8], sink: &mut Sink<'_>) {
    let names: Vec<Name<'_>> = o
        .get("fields")
        .and_then(Json::array)
        .unwrap_or_default()
        .into_iter()
        .map(|f| {
            f.object()
                .and_then(|f| f.text("name"))
                .or_else(|| f.text())
                .unwrap_or_default()
                .into()
        })
        .collect();
    for row in o.get("rows").and_then(Json::array).unwrap_or_default() {
        let Some(cells) = row.array() else {
            sink.reject(offset, "a row that is no array", bytes);
            continue;
        };
        let (names, cells) = names.iter().cloned().zip(cells).unzip();
        take(Object::new(names, cells), offset, bytes, sink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::TimeQuality;
    use crate::ingest::formats::testing;

    const XML: &str = "<Event><System><Provider Name='P'/><EventID>1</EventID></System></Event>";

    #[test]
    fn previews_and_empty_rows_are_no_records() {
        let text = format!(
            "{{\"preview\":true,\"offset\":0,\"result\":{{\"_raw\":\"{XML}\"}}}}\n{{\"preview\":false,\"offset\":0,\"result\":{{\"_raw\":\"{XML}\"}}}}\n{{\"preview\":false,\"lastrow\":true}}\n"
        );
        assert!(matches!(testing::sniff(&Splunk, text.as_bytes()), Sniff::Yes(90, _)));
        let got = testing::decode(&Splunk, text.as_bytes());
        assert_eq!((got.records, got.rejects.len()), (1, 0));
    }

    #[test]
    fn the_body_is_read_by_what_it_is() {
        let json = r#"{"Event":{"System":{"EventID":5}}}"#;
        let kv = "10/07/2016 06:38:24 PM\nLogName=Security\nEventCode=4688\nMessage=x";
        for (body, code) in [
            (XML, Some(1)),
            (json, Some(5)),
            (kv, Some(4688)),
            ("Jan 1 sshd: x", None),
        ] {
            let mut quoted = String::new();
            crate::base::text::push_json_str(&mut quoted, body);
            let text =
                format!("{{\"_raw\":{quoted},\"_time\":\"2026-06-05T19:30:00.000+09:00\",\"sourcetype\":\"s\"}}");
            let o = Object::parse(&text).unwrap();
            let body = o.text("_raw");
            let raw = record(&o, body.as_deref(), 0).unwrap();
            assert_eq!(raw.code, code);
            if code == Some(4688) {
                assert_eq!(
                    (raw.time, raw.quality),
                    (Some(1_780_655_400_000_000), TimeQuality::Offset)
                );
            }
        }
    }

    #[test]
    fn fields_and_rows_become_rows() {
        let text = r#"{"preview":false,"fields":["_time","EventID","Channel","host"],"rows":[["2026-10-08 13:48:34.000 GMT","4624","Security","dc1"],["2026-10-08 13:48:35.000 GMT","4625","Security","dc1"]]}"#;
        let got = testing::decode(&Splunk, text.as_bytes());
        assert_eq!((got.records, got.rejects.len()), (2, 0));
        assert!(matches!(testing::sniff(&Splunk, text.as_bytes()), Sniff::Yes(80, _)));
    }
}
