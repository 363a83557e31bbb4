//! Lines of a block: their bytes, their text, and what syslog relays put in front of them.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::formats::{Block, Carry, Head};
use super::syslog::{self, SyslogTime};
use crate::base::places::Places;
use crate::base::time::{self, DAY, TimeQuality, Ts};

/// The lines of a block that are not blank, without line end, each with its offset in the input.
pub fn lines<'a>(block: &Block<'a>) -> impl Iterator<Item = (u64, &'a [u8])> + use<'a> {
    let (bytes, first) = (block.bytes, block.offset);
    let mut ends = Places::new(b'\n', bytes);
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let end = ends.next().unwrap_or(bytes.len());
            let line = bytes.get(at..end)?;
            let offset = first + at as u64;
            at = end + 1;
            let line = match line {
                [line @ .., b'\r'] => line,
                line => line,
            };
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some((offset, line));
            }
        }
        None
    })
}

/// [`lines`] with the [`text`] of each. Blocks are UTF-8 as a whole, or looked at line by line.
pub fn texts<'a>(
    block: &Block<'a>,
    codepage: Option<&'static Encoding>,
) -> impl Iterator<Item = (u64, &'a [u8], Cow<'a, str>)> + use<'a> {
    let whole = simdutf8::basic::from_utf8(block.bytes).ok();
    let first = block.offset;
    lines(block).map(move |(offset, line)| {
        let at = (offset - first) as usize;
        let text = match whole.and_then(|whole| whole.get(at..at + line.len())) {
            // Few lines begin with a mark of their order of bytes.
            Some(text) if line.first() != Some(&0xEF) => Cow::Borrowed(text),
            _ => text(line, codepage),
        };
        (offset, line, text)
    })
}

/// The room of one record's fields or cells for those of the next, which borrow from another line.
#[inline]
pub fn emptied<A, B>(mut items: Vec<A>) -> Vec<B> {
    items.clear();
    // The library keeps the allocation of a vector whose items become others of the same size.
    items.into_iter().filter_map(|_| None).collect()
}

/// The text of a record: UTF-8, or the code page (windows-1252 if none is set) where it is not.
#[inline]
pub fn text<'a>(bytes: &'a [u8], codepage: Option<&'static Encoding>) -> Cow<'a, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let codepage = codepage.unwrap_or(encoding_rs::WINDOWS_1252);
            codepage.decode_without_bom_handling(bytes).0
        }
    }
}

/// A line without the prefixes of syslog relays.
#[derive(Debug)]
pub struct Line<'a> {
    /// What the program wrote.
    pub payload: &'a str,
    /// Program name (`named`), if a prefix had one.
    pub tag: Option<&'a str>,
    /// Host that a prefix names: the reporter.
    pub host: Option<&'a str>,
    /// Time of the prefix.
    pub time: Option<(Ts, TimeQuality)>,
}

/// Peels the prefixes of syslog relays off a line that begins like one; any other line is returned as it is.
pub fn peel<'a>(line: &'a str, carry: &Carry) -> Line<'a> {
    if !looks_wrapped(line.as_bytes()) {
        return Line {
            payload: line,
            tag: None,
            host: None,
            time: None,
        };
    }
    syslog_line(line, carry)
}

/// How many of the first `n` lines of an input pass a test, and how many lines there are. Syslog prefixes are peeled.
pub fn vote(head: &Head<'_>, n: usize, test: impl Fn(&Line<'_>) -> bool) -> (usize, usize) {
    let carry = Carry::default();
    let lines = head.lines(n);
    let hits = lines.iter().filter(|l| test(&peel(l, &carry))).count();
    (hits, lines.len())
}

/// A syslog line begins with `<PRI>`, a month's name, or an ISO time with `T`.
fn looks_wrapped(line: &[u8]) -> bool {
    match line {
        [b'<', b'0'..=b'9', ..] => true,
        [a, b, c, b' ', ..] => a.is_ascii_uppercase() && b.is_ascii_lowercase() && c.is_ascii_lowercase(),
        _ => line.get(10) == Some(&b'T') && time::rfc3339_prefix(line).is_some(),
    }
}

fn syslog_line<'a>(line: &'a str, carry: &Carry) -> Line<'a> {
    let peeled = syslog::peel(line.as_bytes());
    // A cut at ASCII bytes leaves UTF-8 whole.
    let payload = std::str::from_utf8(peeled.payload).unwrap_or(line);
    let time = peeled.time.and_then(|t| resolve(t, carry.input_time));
    Line {
        payload,
        tag: peeled.tag,
        host: peeled.host,
        time,
    }
}

/// The year that a prefix lacks is the input's own, or the one before where the time would lie in the input's future.
fn resolve(time: SyslogTime<'_>, input_time: Ts) -> Option<(Ts, TimeQuality)> {
    if let SyslogTime::Full(ts, zone) = time {
        return Some((ts, zone.quality()));
    }
    let (year, _, _) = time::date(input_time);
    let ts = match time.resolve(year) {
        Some((ts, _)) if ts <= input_time + DAY => ts,
        _ => time.resolve(year - 1)?.0,
    };
    Some((ts, TimeQuality::YearInferred))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept() {
        let line = String::from("text");
        let mut cells = Vec::with_capacity(40);
        cells.push(&*line);
        let room: Vec<&'static str> = emptied(cells);
        assert_eq!((room.len(), room.capacity()), (0, 40));
    }

    #[test]
    fn lines_have_offsets_and_blank_ones_are_passed_over() {
        let block = Block {
            bytes: b"a\r\n\n  \nbc",
            offset: 10,
            ..Block::default()
        };
        let all: Vec<_> = lines(&block).collect();
        assert_eq!(all, [(10, &b"a"[..]), (17, &b"bc"[..])]);
    }

    #[test]
    fn texts_are_those_of_single_lines() {
        let blocks: [&[u8]; 3] = [
            b"\xEF\xBB\xBFa\r\n\xC3\xA9\n\n\xEF\xBB\xBFb",
            b"Syst\xE8me\n\xC3\xA9\nb\n",
            b"\n",
        ];
        for bytes in blocks {
            let block = Block {
                bytes,
                offset: 7,
                ..Block::default()
            };
            let single: Vec<_> = lines(&block).map(|(at, line)| (at, line, text(line, None))).collect();
            assert_eq!(texts(&block, None).collect::<Vec<_>>(), single);
        }
    }

    #[test]
    fn only_lines_that_look_wrapped_are_peeled() {
        // 2 March 2024.
        let carry = Carry {
            input_time: 1_709_337_600_000_000,
            ..Carry::default()
        };
        let line = peel("Feb  5 11:30:29 ns1 named[7]: client x", &carry);
        assert_eq!(
            (line.payload, line.tag, line.host),
            ("client x", Some("named"), Some("ns1"))
        );
        assert_eq!(line.time, Some((1_707_132_629_000_000, TimeQuality::YearInferred)));
        let december = peel("Dec  5 11:30:29 ns1 named[7]: x", &carry).time.unwrap().0;
        assert_eq!(time::date(december), (2023, 12, 5));
        let plain = "2005-05-04 17:16:12 1 45.110.2.82 200";
        assert_eq!(peel(plain, &carry).payload, plain);
        assert_eq!(
            peel("<134>1 2025-11-03T14:05:09Z h sq - - - 1.5 x", &carry).payload,
            "1.5 x"
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_read_with_the_code_page() {
        assert_eq!(text(b"Syst\xE8me", None), "Système");
        assert_eq!(text(b"\x93\xFA\x96\x7B", Some(encoding_rs::SHIFT_JIS)), "日本");
    }
}
