//! Windows events as JSON, in every shape that shippers and tools write. `ingest::event::object` tells the shapes apart.

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::event::object;
use crate::ingest::framing::{Framing, JsonObjects, Piece};
use crate::ingest::json::{Object, records};
use crate::ingest::sink::Sink;

/// The format.
pub struct WindowsJson;

/// Objects that are looked at before an input is given up: exports mix tables.
const LOOK_AT: usize = 20;

impl Format for WindowsJson {
    fn id(&self) -> &'static str {
        "windows_json"
    }

    fn about(&self) -> &'static str {
        "Windows events as JSON: evtx_dump, Winlogbeat, NXLog, Sentinel, Azure diagnostics, Velociraptor, Wazuh"
    }

    fn framing(&self) -> Framing {
        Framing::Json
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let start = head.bytes.trim_ascii_start();
        if !start.starts_with(b"{") && !start.starts_with(b"[") {
            return Sniff::No("not JSON");
        }
        for piece in JsonObjects::new(head.bytes).take(LOOK_AT) {
            let (Piece::Record(_, bytes) | Piece::Damaged(_, bytes)) = piece;
            let Some(o) = std::str::from_utf8(bytes).ok().and_then(Object::parse) else {
                continue;
            };
            if o.has("RuleTitle") || o.has("detections") {
                return Sniff::No("results of a detection tool, not events; give the logs they were made from");
            }
            if o.has("result") {
                return Sniff::No("a Splunk export");
            }
            if let Some(shape) = object::is_windows(&o) {
                return Sniff::Yes(90, format!("Windows event as JSON ({shape:?})"));
            }
        }
        let finds = |what: &str| memchr::memmem::find(head.bytes, what.as_bytes()).is_some();
        if finds("\"winlog\"") || (finds("\"Event\"") && finds("\"System\"") && finds("\"EventRecordID\"")) {
            return Sniff::Yes(50, "the beginning of a large Windows event as JSON".into());
        }
        Sniff::No("no Windows event among the first objects")
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        records::each(block, carry, sink, |object, offset, sink| {
            object::read_object(object, offset).map(|raw| sink.event(&raw))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::formats::testing;

    const EVENT: &str = r#"{"Event":{"System":{"Provider":{"Name":"P"},"EventID":1},"EventData":{"a":1}}}"#;

    #[test]
    fn arrays_wrappers_and_pretty_prints_are_streams_of_events() {
        let pretty = EVENT.replace(",", ",\n  ").replace(":{", ": {\n    ");
        for text in [
            format!("{EVENT}\n{EVENT}\n"),
            format!("[{EVENT},\n{EVENT}]"),
            format!("{pretty}\n{pretty}"),
            format!("{{\"records\":[{EVENT},{EVENT}]}}"),
            format!("{{\"hits\":{{\"hits\":[{{\"_source\":{EVENT}}},{{\"_source\":{EVENT}}}]}}}}"),
        ] {
            let got = testing::decode(&WindowsJson, text.as_bytes());
            assert_eq!((got.records, got.rejects.len()), (2, 0), "{text}");
            assert!(
                matches!(testing::sniff(&WindowsJson, text.as_bytes()), Sniff::Yes(90, _)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_broken_object_is_one_reject_and_every_record_counts_once() {
        let text = format!("{EVENT}\n{{\"Event\":{{\"System\n{EVENT}\n{{\"a\":1}}\n");
        let got = testing::decode(&WindowsJson, text.as_bytes());
        assert_eq!((got.records, got.rejects.len()), (4, 2));
        assert_eq!(got.rejects.first().map(|r| r.offset), Some(EVENT.len() as u64 + 1));
    }

    #[test]
    fn findings_of_other_tools_are_refused_with_a_hint() {
        let text = br#"{"Timestamp":"2024-01-01","RuleTitle":"x","Computer":"c","Channel":"Sec","EventID":4624}"#;
        assert!(matches!(testing::sniff(&WindowsJson, text), Sniff::No(why) if why.contains("logs")));
    }
}
