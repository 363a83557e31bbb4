//! Zeek logs as JSON: one object a record, keys dotted or underscored, sometimes wrapped in the name of the log.

use std::borrow::Cow;

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::framing::{Framing, JsonObjects, Piece};
use crate::ingest::json::records;
use crate::ingest::json_object;
use crate::ingest::raw::{Field, Raw, Value};
use crate::ingest::sink::Sink;
use crate::ingest::zeek;

/// Zeek's JSON writer, Corelight's streaming export and the Kafka wrapper.
pub struct ZeekJson;

impl Format for ZeekJson {
    fn id(&self) -> &'static str {
        "zeek-json"
    }

    fn about(&self) -> &'static str {
        "Zeek logs as JSON (LogAscii::use_json, Corelight streaming, Kafka wrapper)"
    }

    fn framing(&self) -> Framing {
        Framing::Json
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        if !matches!(head.bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
            return Sniff::No("not JSON");
        }
        let mut seen = 0;
        for object in JsonObjects::new(head.bytes).take(15).filter_map(Piece::record) {
            let object = String::from_utf8_lossy(object);
            let Ok(fields) = json_object::fields(&object) else {
                continue;
            };
            seen += 1;
            if let Some(sure) = confidence(&fields) {
                return Sniff::Yes(sure, "JSON objects with Zeek's ts, uid and id keys".to_string());
            }
        }
        match seen {
            0 => Sniff::No("no whole JSON object in the first 256 KiB"),
            _ => Sniff::No("JSON, but without Zeek's keys (ts with uid, id.orig_h, _path …)"),
        }
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        records::each(block, carry, sink, |object, offset, sink| {
            emit(object.into_fields(), offset, carry, sink);
            Ok(())
        });
    }
}

fn emit(fields: Vec<Field<'_>>, offset: u64, carry: &Carry, sink: &mut Sink<'_>) {
    // {"http": {...}}: the key is the log's name.
    if let Some((name, inner)) = wrapped(&fields) {
        let kind = format!("zeek.{name}");
        if let Ok(inner) = json_object::fields(inner) {
            sink.event(&record(inner, &kind, offset));
            return;
        }
    }
    let path = zeek::named_path(&fields)
        .or_else(|| zeek::path_of_keys(&fields))
        .or_else(|| zeek::path_of_name(&carry.name));
    let kind = format!("zeek.{}", path.unwrap_or("unknown"));
    sink.event(&record(fields, &kind, offset));
}

fn record<'a>(fields: Vec<Field<'a>>, kind: &'a str, offset: u64) -> Raw<'a> {
    let mut raw = Raw::log(kind, offset);
    raw.fields.reserve(fields.len());
    for field in fields {
        zeek::push_field(&mut raw, field);
    }
    raw
}

fn wrapped<'f>(fields: &'f [Field<'_>]) -> Option<(&'f str, &'f str)> {
    match fields {
        [
            Field {
                name,
                value: Value::Raw(Cow::Borrowed(inner)),
            },
        ] if inner.starts_with('{') => Some((name, inner)),
        _ => None,
    }
}

fn confidence(fields: &[Field<'_>]) -> Option<u8> {
    if let Some((_, inner)) = wrapped(fields) {
        return json_object::fields(inner)
            .ok()
            .and_then(|f| confidence(&f).filter(|_| !f.is_empty()));
    }
    let has = |name: &str| fields.iter().any(|f| f.name == name);
    if !has("ts") {
        return None;
    }
    let address = has("id.orig_h") || has("id_orig_h");
    match (
        has("_path") || (has("@stream") && has("@proc")),
        address && has("uid"),
        zeek::path_of_keys(fields),
    ) {
        (true, ..) => Some(95),
        (_, true, Some(_)) => Some(95),
        (_, true, None) => Some(85),
        (_, false, Some(_)) => Some(75),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::sink::RecordContext;

    fn run(text: &str) -> Sink<'static> {
        let cx = RecordContext {
            input: 1,
            format: "zeek-json",
            fallback_time: 7,
            zone: None,
            input_host: None,
        };
        let mut sink = Sink::new(cx);
        ZeekJson.decode(
            &Block {
                bytes: text.as_bytes(),
                offset: 0,
                ..Block::default()
            },
            &Carry::default(),
            &mut sink,
        );
        sink
    }

    #[test]
    fn logs_are_told_by_path_wrapper_or_keys() {
        let sink = run(concat!(
            "{\"@stream\":\"x509\",\"@system\":\"sensor1\",\"@proc\":\"zeek\",\"ts\":1.5,\"id\":\"F1\"}\n",
            "{\"_path\":\"dns\",\"ts\":\"2018-03-24T17:15:20.865716Z\",\"uid\":\"C1\",\"query\":\"A.Example\"}\n",
            "{\"http\":{\"ts\":1402307733,\"uid\":\"C2\",\"host\":\"www.example\",\"uri\":\"/\"}}\n",
            "{\"ts\":1.5,\"uid\":\"C3\",\"id.orig_h\":\"10.0.0.1\",\"conn_state\":\"SF\"}\n",
            "{\"ts\":1.5,\"nothing\":\"known\"}\n",
        ));
        let tables: Vec<_> = sink.rows.into_builders().map(|b| (b.table().name, b.rows())).collect();
        assert_eq!(tables, [("network", 1), ("dns", 1), ("http", 1), ("event", 2)]);
    }

    #[test]
    fn foreign_json_is_not_claimed() {
        let sniff = |s: &str| ZeekJson.sniff(&Head::new(s.as_bytes(), "x"));
        assert!(matches!(
            sniff("{\"ts\":1.5,\"uid\":\"C\",\"id.orig_h\":\"1.1.1.1\",\"conn_state\":\"SF\"}\n"),
            Sniff::Yes(95, _)
        ));
        assert!(matches!(
            sniff("{\"@stream\":\"x509\",\"@proc\":\"zeek\",\"ts\":1.5,\"id\":\"F1\"}\n"),
            Sniff::Yes(95, _)
        ));
        for other in [
            "{\"Event\":{\"System\":{\"EventID\":1}}}\n",
            "{\"ts\":1,\"EventID\":4624,\"Channel\":\"Security\"}\n",
            "{\"timestamp\":\"2024-01-01T00:00:00Z\",\"event_type\":\"dns\",\"src_ip\":\"1.1.1.1\"}\n",
            "plain text\n",
        ] {
            assert!(matches!(sniff(other), Sniff::No(_)), "{other}");
        }
    }

    #[test]
    fn a_cut_object_is_a_reject() {
        let sink = run("{\"ts\":1.5,\"uid\":\"C3\",\"conn_state\":\"SF\"}\n{\"ts\":1.6,\"uid\":\"C");
        assert_eq!((sink.records, sink.rejects.len()), (2, 1));
    }
}
