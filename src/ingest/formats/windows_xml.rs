//! Windows events as XML text: `wevtutil qe /f:xml`, `ToXml()`, Splunk's XmlWinEventLog, a copy from the Event Viewer.

use std::ops::Range;

use encoding_rs::Encoding;

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::encoding;
use crate::ingest::event::xml;
use crate::ingest::framing::{Framing, Piece, RenderedEvents, XmlEvents};
use crate::ingest::rendered;
use crate::ingest::sink::Sink;

/// The format.
pub struct WindowsXml;

impl Format for WindowsXml {
    fn id(&self) -> &'static str {
        "windows_xml"
    }

    fn about(&self) -> &'static str {
        "Windows events as XML: wevtutil, Get-WinEvent ToXml(), Splunk XmlWinEventLog"
    }

    fn framing(&self) -> Framing {
        Framing::Xml
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let start = head.bytes.trim_ascii_start();
        if start.starts_with(b"{") || start.starts_with(b"[") {
            return Sniff::No("JSON");
        }
        let Some(event) = XmlEvents::new(head.bytes).next() else {
            return Sniff::No("no <Event> element");
        };
        let (Piece::Record(at, bytes) | Piece::Damaged(at, bytes)) = event;
        if memchr::memmem::find(bytes, b"<System>").is_none() && memchr::memmem::find(bytes, b"<System ").is_none() {
            return Sniff::No("<Event> without <System>");
        }
        // Behind other text it may be a relay's prefix, or what somebody wrote into a log of another kind.
        let before = head.bytes.get(..at).unwrap_or_default();
        let sure = if is_markup(before) { 95 } else { 40 };
        Sniff::Yes(sure, "<Event> with <System>".into())
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codepage = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        let mut end = 0;
        for piece in XmlEvents::new(block.bytes) {
            let (Piece::Record(at, bytes) | Piece::Damaged(at, bytes)) = piece;
            between(block, end..at, codepage, sink);
            end = at + bytes.len();
            let offset = block.offset + at as u64;
            let (text, _) = encoding::fallback(bytes, codepage);
            match xml::parse(&text, offset) {
                Ok(raw) => sink.event(&raw),
                Err(reason) => sink.reject(offset, reason, bytes),
            }
        }
        between(block, end..block.bytes.len(), codepage, sink);
    }
}

/// Raw exports of Splunk mix rendered events (`LogName=…` lines) among those in XML.
fn between(block: &Block<'_>, range: Range<usize>, codepage: &'static Encoding, sink: &mut Sink<'_>) {
    let first = block.offset + range.start as u64;
    let is_last = range.end == block.bytes.len();
    let Some(gap) = block.bytes.get(range) else { return };
    for piece in RenderedEvents::new(gap) {
        match piece {
            Piece::Record(at, bytes) => rendered::event(bytes, first + at as u64, codepage, sink),
            // It comes first, and a rendered event behind it begins on a line of its own.
            Piece::Damaged(_, text) => {
                if let Some((at, lines)) = foreign(text, first == 0, is_last || text.len() < gap.len()) {
                    sink.reject(first + at as u64, "text between events that is no Windows event", lines);
                }
            }
        }
    }
}

/// The lines of a gap between events that are neither blank nor markup, from the first to the last of them. What stands on the
/// lines of the events before and behind belongs to those: prefixes of relays, cells of a table.
fn foreign(gap: &[u8], is_first: bool, is_last: bool) -> Option<(usize, &[u8])> {
    let from = match is_first {
        true => 0,
        false => memchr::memchr(b'\n', gap)? + 1,
    };
    let to = match is_last {
        true => gap.len(),
        false => memchr::memrchr(b'\n', gap)? + 1,
    };
    let mut place: Option<(usize, usize)> = None;
    let mut at = from;
    for line in gap.get(from..to)?.split_inclusive(|b| *b == b'\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        if !is_markup_line(line) {
            place = Some((place.map_or(start, |(first, _)| first), end));
        }
    }
    let (start, end) = place?;
    Some((start, gap.get(start..end)?))
}

/// Whether a line is blank or begins with a tag, perhaps behind the dash of a tree view.
fn is_markup_line(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    let line = line.strip_prefix(b"-").unwrap_or(line).trim_ascii();
    match line {
        [] => true,
        [b'<', b'/' | b'?' | b'!', ..] => true,
        [b'<', first, ..] => first.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Whether only a prolog, a root element, blanks and tree-view dashes stand there.
fn is_markup(before: &[u8]) -> bool {
    let before = before.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(before);
    let mut in_tag = false;
    before.iter().all(|b| {
        match b {
            b'<' => in_tag = true,
            b'>' => {
                in_tag = false;
                return true;
            }
            _ => {}
        }
        in_tag || b.is_ascii_whitespace() || *b == b'-'
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::formats::testing;

    const EVENT: &str = "<Event xmlns='x'><System><Provider Name='P'/><EventID>1</EventID></System><EventData><Data Name='a'>1</Data></EventData></Event>";

    #[test]
    fn rendered_events_among_those_in_xml_are_not_lost() {
        let rendered = "01/14/2021 11:41:39 PM\nLogName=Security\nEventCode=4104\nComputerName=ws1\nMessage=x\n";
        let text = format!("{EVENT}\n{rendered}{EVENT}\n{rendered}{rendered}");
        let sink = testing::decode(&WindowsXml, text.as_bytes());
        assert_eq!((sink.records, sink.rejects.len()), (5, 0));
        // The end of a document is markup in front of them, too, and another log is none.
        let text = format!("<Events>{EVENT},cell\n</Events>\n{rendered}");
        let sink = testing::decode(&WindowsXml, text.as_bytes());
        assert_eq!((sink.records, sink.rejects.len()), (2, 0));
        let text = format!("{EVENT}\nanother log\n{rendered}{EVENT}\n");
        let sink = testing::decode(&WindowsXml, text.as_bytes());
        assert_eq!((sink.records, sink.rejects.len()), (4, 1));
    }

    #[test]
    fn lines_of_another_log_between_events_are_rejected_and_markup_is_not() {
        let squid = "1505.1 2 10.0.0.1 TCP_MISS/200 5 GET http://x/ - DIRECT/1.1.1.1 -\n".repeat(3);
        let markup = "<?xml version='1.0'?>\n<Events>\n- \n";
        let text = format!("{squid}{markup}<13>Jan 1 h {EVENT},cell\n{squid}{EVENT}\n</Events>\n{squid}");
        let sink = testing::decode(&WindowsXml, text.as_bytes());
        assert_eq!((sink.records, sink.rejects.len()), (5, 3));
        assert_eq!(sink.rejected_bytes, 3 * squid.len() as u64);
        let clean = format!("{markup}<13>Jan 1 h {EVENT},cell\n<13>Jan 1 h {EVENT}\n</Events>\n");
        assert_eq!(testing::decode(&WindowsXml, clean.as_bytes()).rejects.len(), 0);
    }

    #[test]
    fn events_are_found_with_any_root_and_between_them() {
        for text in [
            format!("{EVENT}{EVENT}"),
            format!("<?xml version=\"1.0\"?><Events>\n{EVENT}\n{EVENT}\n</Events>"),
            format!("{EVENT}\r\n{EVENT}\r\n"),
            format!("- {}- {}", EVENT.replace("<System>", "- <System>"), EVENT),
        ] {
            let got = testing::decode(&WindowsXml, text.as_bytes());
            assert_eq!((got.records, got.rejects.len()), (2, 0), "{text}");
            assert!(matches!(
                testing::sniff(&WindowsXml, text.as_bytes()),
                Sniff::Yes(95, _)
            ));
        }
    }

    #[test]
    fn a_cut_record_is_read_and_does_not_swallow_the_next() {
        let cut = EVENT.split("</Data>").next().unwrap();
        let text = format!("{cut}\n{EVENT}\n<Event");
        let got = testing::decode(&WindowsXml, text.as_bytes());
        assert_eq!((got.records, got.rejects.len()), (2, 0));
    }

    #[test]
    fn other_xml_is_not_claimed() {
        for text in [
            "<Events><Event>x</Event></Events>",
            "<html>",
            "{\"a\":\"<Event><System>\"}",
            "",
        ] {
            assert!(
                matches!(testing::sniff(&WindowsXml, text.as_bytes()), Sniff::No(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_do_not_cost_the_record() {
        let text = EVENT.replace(">1</Data>", ">caf\u{e9}</Data>");
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        let got = testing::decode(&WindowsXml, &latin);
        assert_eq!((got.records, got.rejects.len()), (1, 0));
    }
}
