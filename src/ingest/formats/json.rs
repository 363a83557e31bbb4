//! Any other JSON log whose objects carry a time: kept whole in the `event` table, so that nothing is lost and queries
//! reach it, until a format of its own maps it.

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::time;
use crate::ingest::framing::{Framing, JsonObjects, Piece};
use crate::ingest::json::records;
use crate::ingest::json_object;
use crate::ingest::raw::{Field, Raw};
use crate::ingest::sink::Sink;

/// Objects with a time.
pub struct Json;

/// Names of a record's own time, surest first.
const TIMES: &[&str] = &[
    "@timestamp",
    "timestamp",
    "Timestamp",
    "TimeGenerated",
    "time",
    "Time",
    "eventTime",
    "EventTime",
    "CreationTime",
    "createdDateTime",
    "activityDateTime",
    "ts",
    "date",
    "datetime",
    "query_timestamp",
    "start_time",
    "event_time",
];
/// Names of the host it happened on.
const HOSTS: &[&str] = &[
    "Computer",
    "computer",
    "hostname",
    "Hostname",
    "host",
    "DeviceName",
    "@system",
];

impl Format for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "Any other JSON objects with a time: kept whole in the table event, no signal reads them"
    }

    fn framing(&self) -> Framing {
        Framing::Json
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        if !matches!(head.bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
            return Sniff::No("not JSON");
        }
        let objects = JsonObjects::new(head.bytes).filter_map(Piece::record).take(15);
        let (mut seen, mut timed) = (0, 0);
        for object in objects {
            let object = String::from_utf8_lossy(object);
            let Ok(fields) = json_object::fields(&object) else {
                continue;
            };
            seen += 1;
            timed += u32::from(time_of(&fields).is_some());
        }
        match (seen, timed) {
            (0, _) => Sniff::No("no whole JSON object in the first 256 KiB"),
            (_, 0) => Sniff::No("JSON objects without a time that is known as one (timestamp, time, TimeGenerated …)"),
            _ => Sniff::Yes(
                1,
                format!("{timed} of {seen} JSON objects with a time, of no known log"),
            ),
        }
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        records::each(block, carry, sink, |object, offset, sink| {
            sink.event(&record(object.into_fields(), offset));
            Ok(())
        });
    }
}

fn record(fields: Vec<Field<'_>>, offset: u64) -> Raw<'_> {
    let mut raw = Raw::log("json", offset);
    if let Some((t, zone)) = time_of(&fields) {
        raw.time = Some(t);
        raw.quality = zone.quality();
    }
    raw.host = HOSTS
        .iter()
        .find_map(|name| fields.iter().find(|f| f.name == *name))
        .and_then(|f| f.value.text())
        .filter(|h| !h.is_empty() && !h.starts_with('{'))
        .map(|h| h.to_owned().into());
    raw.fields = fields;
    raw
}

fn time_of(fields: &[Field<'_>]) -> Option<(time::Ts, time::Zone)> {
    TIMES
        .iter()
        .filter_map(|name| fields.iter().find(|f| f.name == *name)?.value.text())
        .find_map(|t| {
            let t = t.as_bytes();
            time::rfc3339(t).or_else(|| time::epoch(t).map(|ts| (ts, time::Zone::Utc)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_with_a_time_are_taken_last_and_others_refused() {
        let head = |bytes| Head::new(bytes, "x");
        assert!(matches!(
            Json.sniff(&head(br#"{"TimeGenerated":"2021-08-02T13:32:07Z","a":1}"#)),
            Sniff::Yes(1, _)
        ));
        assert!(matches!(Json.sniff(&head(br#"{"a":1}"#)), Sniff::No(_)));
    }

    #[test]
    fn the_time_is_the_records_own() {
        let fields = json_object::fields(r#"{"time":"2021-08-02T13:32:07Z","Computer":"WS1.corp"}"#).unwrap();
        let raw = record(fields, 0);
        assert_eq!(
            raw.time.map(time::format_rfc3339).as_deref(),
            Some("2021-08-02T13:32:07Z")
        );
        assert_eq!(raw.host.as_deref(), Some("WS1.corp"));
    }
}
