//! Audit log of the Windows DHCP server: a text preamble, a header with commas, then rows of unequal length.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::places;
use crate::base::time::{self, DateOrder, Ts, Zone};
use crate::ingest::framing::Framing;
use crate::ingest::lines::{Line, lines, peel, text, texts, vote};
use crate::ingest::name::Name;
use crate::ingest::raw::{Raw, Value};
use crate::ingest::sink::Sink;

/// `DhcpSrvLog-Thu.log` and its IPv6 sibling.
pub struct DhcpWindows;

/// The header of the current servers, for files that lost theirs.
const HEADER: &str = "ID,Date,Time,Description,IP Address,Host Name,MAC Address,User Name,TransactionID,QResult,Probationtime,\
    CorrelationID,Dhcid,VendorClass(Hex),VendorClass(ASCII),UserClass(Hex),UserClass(ASCII),RelayAgentInformation,DnsRegError.";

impl Format for DhcpWindows {
    fn id(&self) -> &'static str {
        "dhcp-windows"
    }

    fn about(&self) -> &'static str {
        "Windows DHCP server audit logs (DhcpSrvLog-*.log)"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let (preamble, _) = vote(head, 15, |l| {
            l.payload.contains("Microsoft DHCP") || is_header(l.payload)
        });
        if preamble > 0 {
            return Sniff::Yes(97, "preamble or header of the DHCP audit log".to_string());
        }
        let (rows, of) = vote(head, 15, |l| is_row(l.payload));
        if rows == 0 || rows * 2 < of {
            return Sniff::No("no DHCP audit header and no `id,MM/DD/YY,hh:mm:ss,…` rows");
        }
        Sniff::Yes(85, format!("{rows} of {of} lines are DHCP audit rows"))
    }

    fn carry(&self, block: &Block<'_>, carry: &mut Carry) {
        for (_, line) in lines(block) {
            let line = text(line, carry.codepage);
            if is_header(&line) {
                carry.header = Arc::from(line.trim().as_bytes());
            } else if carry.header.is_empty() && is_row(&line) {
                carry.header = Arc::from(HEADER.as_bytes());
            }
        }
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let mut header = names(&text(&carry.header, None));
        for (offset, bytes, decoded) in texts(block, carry.codepage) {
            let line = peel(&decoded, carry);
            if is_header(line.payload) {
                header = names(line.payload.trim());
                continue;
            }
            if is_row(line.payload) {
                if header.is_empty() {
                    header = names(HEADER);
                }
                sink.event(&record(&line, &header, offset));
            } else if !header.is_empty() && !is_preamble(line.payload) {
                sink.reject(
                    offset,
                    "not a row `id,MM/DD/YY,hh:mm:ss,…`; the line is cut or damaged",
                    bytes,
                );
            }
        }
    }
}

/// The names of the columns; none of a header that is missing.
fn names(header: &str) -> Vec<Name<'static>> {
    let name = |name: &str| name.trim().to_owned().into();
    match header.is_empty() {
        true => Vec::new(),
        false => header.split(',').map(name).collect(),
    }
}

fn is_header(line: &str) -> bool {
    line.trim_start().starts_with("ID,Date,Time,Description")
}

/// Lines of the preamble, which comes again where the log was restarted.
fn is_preamble(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("Microsoft DHCP")
        || line.starts_with("Event ID")
        || line.starts_with("QResult")
        || line
            .split_once('\t')
            .is_some_and(|(id, _)| id.trim_end_matches('+').bytes().all(|b| b.is_ascii_digit()))
}

/// `id,date,time,…` with at least the fourth column begun.
fn is_row(line: &str) -> bool {
    let mut cells = line.split(',');
    let id = cells
        .next()
        .is_some_and(|c| (1..=5).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_digit()));
    let (date, clock) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
    let twice = |text: &str, byte| text.bytes().filter(|b| *b == byte).count() == 2;
    id && twice(date, b'/') && twice(clock, b':') && cells.next().is_some()
}

/// One row. Rows without an address are the service's own notes.
fn record<'a>(line: &Line<'a>, header: &'a [Name<'_>], offset: u64) -> Raw<'a> {
    let cells = cells(line.payload);
    let address = cells.get(4).is_some_and(|c| crate::base::ip::parse(c).is_some());
    let mut raw = Raw::log(if address { "dhcp.windows" } else { "dhcp.service" }, offset);
    raw.observer = line.host.map(Cow::Borrowed);
    raw.code = cells.first().and_then(|c| c.parse().ok());
    let parsed = cells.get(1).zip(cells.get(2)).and_then(|(day, clock)| when(day, clock));
    if let Some((ts, zone)) = parsed {
        (raw.time, raw.quality) = (Some(ts), zone.quality());
    }
    raw.fields.reserve(cells.len());
    for (i, cell) in cells.iter().enumerate() {
        let held = match i {
            0 => raw.code.is_some() && is_two_digits(cell),
            1 | 2 => parsed.is_some(),
            _ => false,
        };
        if !cell.is_empty() && !held {
            match header.get(i).filter(|name| !name.is_empty()) {
                Some(name) => raw.push(name.borrowed(), Value::str(cell)),
                None => raw.push(format!("_{}", i + 1), Value::str(cell)),
            }
        }
    }
    raw
}

/// What stands between the commas.
fn cells(text: &str) -> Vec<&str> {
    let mut ends = Vec::with_capacity(24);
    places::ends(b',', text, &mut ends);
    let mut from = 0;
    let cell = |end| {
        let cell = text.get(from..end).unwrap_or("");
        from = end + 1;
        cell
    };
    ends.into_iter().map(cell).collect()
}

/// The service writes MM/DD/YY whatever the locale.
fn when(day: &str, clock: &str) -> Option<(Ts, Zone)> {
    time::us_datetime(format!("{day} {clock}").as_bytes(), DateOrder::Mdy)
}

/// Whether a number is written with two digits at least, and no zero in front of them.
fn is_two_digits(text: &str) -> bool {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits && (text.len() == 2 || text.len() > 2 && !text.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cells_and_codes_are_those_of_the_library(text in "[0-9,]{0,100}", code in "[0-9]{1,5}") {
            prop_assert_eq!(cells(&text), text.split(',').collect::<Vec<_>>());
            let number: i32 = code.parse().unwrap();
            prop_assert_eq!(is_two_digits(&code), format!("{number:02}") == code);
        }
    }
    use crate::ingest::sink::RecordContext;

    const FILE: &str = "\u{feff}\t\tMicrosoft DHCP Service Activity Log\n\n\nEvent ID  Meaning\n00\tThe log was started.\n\
        10\tA new IP address was leased to a client.\n50+\tCodes above 50 are used for Rogue Server Detection information.\n\n\
        QResult: 0: NoQuarantine\n\nID,Date,Time,Description,IP Address,Host Name,MAC Address,User Name, TransactionID, QResult\n\
        00,09/29/17,00:00:04,Started,,,,,0,6\n10,09/29/17,00:00:05,Assign,10.0.0.9,pc1.corp.example,00155D010203,,17,0,,,\n";

    fn decode(text: &str, carry: &Carry) -> Sink<'static> {
        let cx = RecordContext {
            input: 1,
            format: "dhcp-windows",
            fallback_time: 7,
            zone: None,
            input_host: None,
        };
        let mut sink = Sink::new(cx);
        DhcpWindows.decode(
            &Block {
                bytes: text.as_bytes(),
                offset: 0,
                ..Block::default()
            },
            carry,
            &mut sink,
        );
        sink
    }

    #[test]
    fn the_preamble_is_no_record_even_when_it_comes_again() {
        let sink = decode(&format!("{FILE}{FILE}"), &Carry::default());
        assert_eq!((sink.records, sink.rejects.len()), (4, 0));
        let tables: Vec<_> = sink.rows.into_builders().map(|b| (b.table().name, b.rows())).collect();
        assert_eq!(tables, [("lease", 2), ("event", 2)]);
    }

    #[test]
    fn rows_of_unequal_length_and_cut_rows() {
        let sink = decode(
            "01,04/19/20,13:11:13,Stopped,,,\n35,01/01/01,01:01:01,DNS update request failed,192.0.2.1,h.test.example,000000000000,\n10,01/0",
            &Carry::default(),
        );
        assert_eq!((sink.records, sink.rejects.len()), (3, 1));
    }

    #[test]
    fn later_blocks_know_the_header() {
        let mut carry = Carry::default();
        DhcpWindows.carry(
            &Block {
                bytes: FILE.as_bytes(),
                offset: 0,
                ..Block::default()
            },
            &mut carry,
        );
        assert!(carry.header.starts_with(b"ID,Date"));
        assert_eq!(decode("garbage\n", &carry).rejects.len(), 1);
    }
}
