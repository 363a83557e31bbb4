//! Windows events as text: raw exports of Splunk's `WinEventLog` sources.

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::framing::{Framing, Piece, RenderedEvents, XmlEvents};
use crate::ingest::rendered;
use crate::ingest::sink::Sink;

/// The format.
pub struct WindowsText;

impl Format for WindowsText {
    fn id(&self) -> &'static str {
        "windows_text"
    }

    fn about(&self) -> &'static str {
        "Windows events as text: Splunk WinEventLog (a date, LogName=…, EventCode=…, Message=…)"
    }

    fn framing(&self) -> Framing {
        Framing::Rendered
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let mut events = RenderedEvents::new(head.bytes);
        let first = events.next();
        let is_event = first.and_then(Piece::record).is_some();
        if !is_event && !events.any(|e| e.record().is_some()) {
            return Sniff::No("no date with `LogName=` on the next line");
        }
        if XmlEvents::new(head.bytes).next().is_some() {
            return Sniff::No("events in XML among those in text: those are read there");
        }
        Sniff::Yes(if is_event { 95 } else { 50 }, "a date and LogName=".into())
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codepage = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        for piece in RenderedEvents::new(block.bytes) {
            match piece {
                Piece::Record(at, bytes) => rendered::event(bytes, block.offset + at as u64, codepage, sink),
                Piece::Damaged(at, bytes) => {
                    sink.reject(block.offset + at as u64, "text in front of the first event", bytes);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::formats::testing;

    const EVENT: &str = "01/14/2021 11:41:39 PM\r\nLogName=Microsoft-Windows-PowerShell/Operational\r\n\
        SourceName=Microsoft-Windows-PowerShell\r\nEventCode=4104\r\nType=Verbose\r\nComputerName=ws1.example\r\n\
        RecordNumber=168274\r\nMessage=Creating Scriptblock text (1 of 1):\r\ncertutil.exe -p x .\\a.pfx\r\n\
        \r\nLogName=no event\r\n\r\nScriptBlock ID: 5a4fa6b8\r\nPath:\r\n";

    #[test]
    fn events_end_where_the_next_begins_whatever_their_message_says() {
        let sniff = |text: &str| WindowsText.sniff(&Head::new(text.as_bytes(), "x"));
        assert!(matches!(sniff(EVENT), Sniff::Yes(95, _)));
        assert!(matches!(sniff(&format!("header\n{EVENT}")), Sniff::Yes(50, _)));
        assert!(matches!(sniff("LogName=Security\nEventCode=1\n"), Sniff::No(_)));
        assert!(matches!(
            sniff(&format!("{EVENT}<Event xmlns='x'></Event>")),
            Sniff::No(_)
        ));
        let sink = testing::decode(&WindowsText, format!("header\n{EVENT}{EVENT}\n").as_bytes());
        assert_eq!((sink.records, sink.rejects.len()), (3, 1));
    }
}
