//! Microsoft DNS server debug log: one line a packet, times in the server's own locale.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::text::{Words, cut, words};
use crate::base::time::{self, DAY, DateOrder, DateOrderVote, Ts, Zone};
use crate::ingest::framing::Framing;
use crate::ingest::lines::{Line, emptied, peel, texts, vote};
use crate::ingest::raw::{Field, Raw, Value};
use crate::ingest::sink::Sink;

/// The debug log of the Windows DNS service.
pub struct MsDns;

impl Format for MsDns {
    fn id(&self) -> &'static str {
        "msdns"
    }

    fn about(&self) -> &'static str {
        "Microsoft DNS server debug log (dns.log)"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let (preamble, _) = vote(head, 15, |l| {
            l.payload.contains("DNS Server log file creation") || l.payload.contains("Message logging key")
        });
        let (packets, of) = vote(head, 60, |l| packet(l.payload).is_some());
        match (preamble, packets) {
            (0, 0) => Sniff::No("no `PACKET … UDP|TCP Rcv|Snd` line and no preamble of the DNS service"),
            (0, _) => Sniff::Yes(85, format!("{packets} of {of} lines are DNS packets")),
            _ => Sniff::Yes(97, "preamble of the DNS service's debug log".to_string()),
        }
    }

    fn open(&self, head: &Head<'_>, carry: &mut Carry) {
        if carry.date_order.is_none() {
            carry.date_order = Some(date_order(head, carry.input_time));
        }
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let order = carry.date_order.unwrap_or_default();
        let (mut clock, mut room) = (Clock::new(order), Vec::new());
        for (offset, bytes, decoded) in texts(block, carry.codepage) {
            let line = peel(&decoded, carry);
            if is_detail(line.payload) {
                continue;
            }
            match record(&line, offset, &mut clock, std::mem::take(&mut room)) {
                Ok(Some(raw)) => {
                    sink.event(&raw);
                    room = emptied(raw.fields);
                }
                Ok(None) => sink.reject(offset, "neither a packet nor an event of the DNS service", bytes),
                Err(reason) => sink.reject(offset, reason, bytes),
            }
        }
    }
}

/// Preamble and details of a packet are indented or begin with a word.
fn is_detail(payload: &str) -> bool {
    let first = payload.as_bytes().first();
    first.is_none_or(|b| b.is_ascii_alphabetic() || b.is_ascii_whitespace() || !b.is_ascii())
}

/// Day or month first: by vote; else the reading that does not lie after the file's own time; else by the clock, since
/// AM and PM belong to the American form.
fn date_order(head: &Head<'_>, input_time: Ts) -> DateOrder {
    let carry = Carry::default();
    let lines = head.lines(20_000);
    let dated: Vec<_> = lines
        .iter()
        .filter_map(|l| packet(peel(l, &carry).payload))
        .map(|p| p.when)
        .collect();
    let mut vote = DateOrderVote::default();
    dated.iter().for_each(|d| vote.add(d.as_bytes()));
    let decided = vote.decide();
    let Some(last) = dated.last().filter(|_| decided == DateOrder::Unknown) else {
        return decided;
    };
    let in_past = |order| {
        time::us_datetime(last.as_bytes(), order).is_some_and(|(ts, _)| input_time == 0 || ts <= input_time + DAY)
    };
    match (in_past(DateOrder::Dmy), in_past(DateOrder::Mdy)) {
        (true, false) => DateOrder::Dmy,
        (false, true) => DateOrder::Mdy,
        _ if last.ends_with('M') => DateOrder::Mdy,
        _ => DateOrder::Dmy,
    }
}

struct Packet<'a> {
    when: &'a str,
    thread: &'a str,
    rest: &'a str,
}

/// `<date> <time> <thread> PACKET  <pointer> UDP|TCP Rcv|Snd …`
fn packet(text: &str) -> Option<Packet<'_>> {
    static PACKET: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(" PACKET "));
    let (before, rest) = text.split_at_checked(PACKET.find(text.as_bytes())?)?;
    let rest = rest.get(" PACKET ".len()..)?;
    let (when, thread) = before.trim().rsplit_once(' ')?;
    let hex = !thread.is_empty() && thread.as_bytes().iter().all(u8::is_ascii_hexdigit);
    let sent = words(rest).take(4).any(|c| matches!(c, "Rcv" | "Snd"));
    (hex && sent && when.starts_with(|c: char| c.is_ascii_digit())).then_some(Packet {
        when: when.trim(),
        thread,
        rest,
    })
}

/// Reads times, the last one from memory: servers write many packets a second.
struct Clock {
    order: DateOrder,
    last: String,
    read: Option<(Ts, Zone)>,
}

impl Clock {
    fn new(order: DateOrder) -> Self {
        Self {
            order,
            last: String::new(),
            read: None,
        }
    }

    fn read(&mut self, text: &str) -> Option<(Ts, Zone)> {
        if self.last != text {
            self.last.clear();
            self.last.push_str(text);
            let bytes = text.as_bytes();
            self.read = time::us_datetime(bytes, self.order).or_else(|| time::rfc3339(bytes));
        }
        self.read
    }
}

fn record<'a>(
    line: &Line<'a>,
    offset: u64,
    clock: &mut Clock,
    room: Vec<Field<'a>>,
) -> Result<Option<Raw<'a>>, Cow<'static, str>> {
    let Some(p) = packet(line.payload) else {
        if line.payload.contains(" PACKET ") {
            return Err("a PACKET line that is cut or damaged".into());
        }
        return Ok(event(line, offset, clock.order));
    };
    let mut raw = Raw::log("msdns", offset);
    raw.fields = room;
    raw.observer = line.host.map(Cow::Borrowed);
    let (ts, zone) = clock
        .read(p.when)
        .ok_or("its date could be day or month first; give --date-order")?;
    (raw.time, raw.quality) = (Some(ts), zone.quality());
    raw.push("thread", Value::str(p.thread));
    fields(&mut raw, p.rest).ok_or("a PACKET line that is cut or damaged")?;
    Ok(Some(raw))
}

/// A dated line that is no packet: the service's own events, if debug logging is set to include them.
fn event<'a>(line: &Line<'a>, offset: u64, order: DateOrder) -> Option<Raw<'a>> {
    let ends = line.payload.match_indices(' ').map(|(i, _)| i).skip(1).take(2);
    let (ts, zone) = ends
        .filter_map(|end| line.payload.get(..end))
        .filter_map(|head| time::us_datetime(head.as_bytes(), order))
        .last()?;
    let mut raw = Raw::log("msdns.service", offset);
    raw.observer = line.host.map(Cow::Borrowed);
    (raw.time, raw.quality) = (Some(ts), zone.quality());
    raw.push("message", Value::str(line.payload));
    Some(raw)
}

/// `[pointer] UDP Rcv 10.1.2.3 5b47 R Q [8081 DR NOERROR] A (1)a(0)`
fn fields<'a>(raw: &mut Raw<'a>, rest: &'a str) -> Option<()> {
    let (before, after) = cut(rest, b'[')?;
    let (flags, after) = cut(after, b']')?;
    let mut cells = words(before);
    let mut cell = cells.next()?;
    if !matches!(cell, "UDP" | "TCP") {
        raw.push("pointer", Value::str(cell));
        cell = cells.next()?;
    }
    raw.push("protocol", Value::str(cell));
    raw.push("direction", Value::str(cells.next()?));
    raw.push("peer", Value::str(cells.next()?));
    raw.push("xid", Value::str(cells.next()?));
    for cell in cells {
        raw.push(if cell == "R" { "qr" } else { "opcode" }, Value::str(cell));
    }
    let mut words = words(flags);
    raw.push("flags_hex", Value::str(words.next()?));
    if let Some((rcode, chars)) = last_and_others(words) {
        raw.push("rcode", Value::str(rcode));
        if !chars.is_empty() {
            raw.push("flags", Value::Str(chars));
        }
    }
    let (kind, name) = after.trim_start().split_once(' ').unwrap_or((after.trim(), ""));
    raw.push("type", Value::str(kind));
    raw.push("name", Value::str(name.trim()));
    (!kind.is_empty() && !name.trim().is_empty()).then_some(())
}

/// The last word, and those before it with one blank between them.
fn last_and_others<'a>(mut words: Words<'a>) -> Option<(&'a str, Cow<'a, str>)> {
    let mut last = words.next()?;
    let mut others = Cow::Borrowed("");
    for word in words {
        let other = std::mem::replace(&mut last, word);
        if others.is_empty() {
            others = other.into();
        } else {
            let others = others.to_mut();
            others.push(' ');
            others.push_str(other);
        }
    }
    Some((last, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_joined_and_the_code_is_the_last_word() {
        let of = |text| last_and_others(words(text)).map(|(last, others)| (last, others.into_owned()));
        assert_eq!(of("A  T D NOERROR"), Some(("NOERROR", "A T D".to_owned())));
        assert_eq!(of("DR NXDOMAIN"), Some(("NXDOMAIN", "DR".to_owned())));
        assert_eq!(of(" NOERROR "), Some(("NOERROR", String::new())));
        assert_eq!(of("  "), None);
    }
    use crate::ingest::sink::RecordContext;

    const PREAMBLE: &str = "DNS Server log file creation at 6/5/2013 10:00:00 AM\nLog file wrap at 6/5/2013 10:00:00 AM\n\n\
        Message logging key (for packets - other items use a subset of these fields):\n\tField #  Information         Values\n\
        \t   1     Date\n";

    fn decode(text: &str, carry: &Carry) -> Sink<'static> {
        let cx = RecordContext {
            input: 1,
            format: "msdns",
            fallback_time: 7,
            zone: None,
            input_host: None,
        };
        let mut sink = Sink::new(cx);
        MsDns.decode(
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

    fn opened(text: &str, input_time: Ts) -> Carry {
        let mut carry = Carry {
            input_time,
            ..Carry::default()
        };
        MsDns.open(&Head::new(text.as_bytes(), "dns.log"), &mut carry);
        carry
    }

    #[test]
    fn packets_are_records_and_details_are_not() {
        let text = format!(
            "{PREAMBLE}6/25/2013 10:00:32 AM 0E70 PACKET  00000000033397A0 UDP Rcv 10.161.60.71    5b47   Q [0001   D   NOERROR] A      (5)login(4)live(3)com(0)\n\
             UDP question info at 00000000033397A0\n  Socket = 328\n    ANSWER SECTION:\n\n\
             6/25/2013 10:00:33 AM 0E70 PACKET  00000000033397A0 UDP Snd 10.161.60.71    5b47 R Q [8081   DR  NXDOMAIN] A      (5)login(4)live(3)com(0)\n\
             6/25/2013 10:00:34 AM 0E70 EVENT   The DNS server has started.\n\
             6/25/2013 10:00:34 AM 0E70 PACKET  00000000033397A0 UDP Sn"
        );
        let sink = decode(&text, &opened(&text, 0));
        assert_eq!((sink.records, sink.rejects.len()), (4, 1));
        let tables: Vec<_> = sink.rows.into_builders().map(|b| (b.table().name, b.rows())).collect();
        assert_eq!(tables, [("dns", 2), ("event", 1)]);
    }

    #[test]
    fn lines_of_another_log_are_no_details() {
        let text = format!(
            "{PREAMBLE}6/25/2013 10:00:34 AM 0E70 EVENT   The DNS server has started.\n\
             1505.1 2 10.0.0.1 TCP_MISS/200 5 GET http://x/ - DIRECT/1.1.1.1 -\n{{\"a\":1}}\n"
        );
        let sink = decode(&text, &opened(&text, 0));
        assert_eq!((sink.records, sink.rejects.len()), (3, 2));
    }

    #[test]
    fn the_order_of_dates_is_voted_for_the_whole_file() {
        let line = |d: &str| format!("{d} 0D0C PACKET  000000A3 UDP Rcv 10.0.0.1 0001 Q [0001 D NOERROR] A (1)a(0)\n");
        let order = |text: String, t| opened(&text, t).date_order.unwrap();
        assert_eq!(
            order(line("5/6/2021 21:46:04") + &line("22/6/2021 21:46:04"), 0),
            DateOrder::Dmy
        );
        assert_eq!(order(line("6/5/2013 10:00:32 AM"), 0), DateOrder::Mdy);
        assert_eq!(order(line("6/5/2021 21:46:04"), 0), DateOrder::Dmy);
        // 1 March 2021: the sixth of December 2021 has not come yet.
        let march = 1_614_556_800_000_000;
        assert_eq!(order(line("1/2/2021 21:46:04"), march), DateOrder::Dmy);
        assert_eq!(order(line("2/12/2021 21:46:04"), march), DateOrder::Mdy);
        let dotted = line("23.05.2019 11:28:06") + &line("20190523 11:28:06");
        assert_eq!(decode(&dotted, &opened(&dotted, 0)).rows.rows(), 2);
    }

    #[test]
    fn fields_are_cut_with_and_without_response_bit() {
        let p = packet(
            "22/12/2021 21:46:04 0D0C PACKET  00000293 TCP Snd ::1 a86b R U [a8a8 A T NOERROR] SOA    (1)x y(0)",
        )
        .unwrap();
        let mut raw = Raw::log("msdns", 0);
        fields(&mut raw, p.rest).unwrap();
        let of = |n: &str| raw.get(n).unwrap_or("");
        assert_eq!(
            (of("peer"), of("xid"), of("qr"), of("opcode"), of("flags"), of("rcode")),
            ("::1", "a86b", "R", "U", "A T", "NOERROR")
        );
        assert_eq!((of("type"), of("name")), ("SOA", "(1)x y(0)"));
    }
}
