//! One syslog prefix: RFC 5424, RFC 3164, and what devices make of them.

use super::{Peeled, SyslogTime};
use crate::base::time::{Ts, Zone, rfc3164_prefix, rfc3339_prefix};

/// Longest host name and tag, in bytes.
const LONGEST_WORD: usize = 255;

/// Year with which a time without one is only checked, never stored: a leap year, so that 29 February passes.
const ANY_YEAR: i64 = 2000;

/// The first prefix of a line; `None` if there is none.
pub(super) fn layer(line: &[u8]) -> Option<Peeled<'_>> {
    match priority(line) {
        Some(rest) => Some(rfc5424(rest).or_else(|| timed(rest, true)).unwrap_or(Peeled {
            // Some devices send the priority and nothing else of the prefix.
            payload: rest.trim_ascii_start(),
            ..Peeled::default()
        })),
        None => rfc5424(line).or_else(|| timed(line, false)),
    }
}

/// What stands behind `<PRI>`, also behind the octet count of RFC 6587.
fn priority(line: &[u8]) -> Option<&[u8]> {
    let line = match line.iter().take_while(|b| b.is_ascii_digit()).count() {
        0 => line,
        count => line.get(count..)?.strip_prefix(b" ")?,
    };
    let rest = line.strip_prefix(b"<")?;
    let digits = rest.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    rest.get(digits..)?.strip_prefix(b">")
}

/// `1 TIME HOST APP PROCID MSGID SD MESSAGE`; the blank behind the version may be missing.
fn rfc5424(rest: &[u8]) -> Option<Peeled<'_>> {
    let rest = rest.trim_ascii_start().strip_prefix(b"1")?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let (time, rest) = match rest.strip_prefix(b"- ") {
        Some(rest) => (None, rest),
        None => {
            let (ts, zone, rest) = iso_time(rest)?;
            (Some(SyslogTime::Full(ts, zone)), rest.strip_prefix(b" ")?)
        }
    };
    let (host, rest) = word(rest)?;
    let (app, rest) = word(rest)?;
    let (process, rest) = word(rest)?;
    let (_, rest) = word(rest)?;
    let message = structured_data(rest)?;
    let message = message.strip_prefix(b" ").unwrap_or(message);
    let message = message.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(message);
    let text = |word| std::str::from_utf8(word).ok().filter(|w| *w != "-");
    let pid = text(process).and_then(|p| p.parse().ok());
    Some(Peeled {
        payload: message.trim_ascii_start(),
        tag: text(app),
        pid,
        host: text(host),
        time,
    })
}

/// A word and what stands behind the blank after it.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(LONGEST_WORD + 1).position(|&b| b == b' ')?;
    let (word, rest) = bytes.split_at_checked(end)?;
    (!word.is_empty()).then_some((word, rest.get(1..)?))
}

/// What stands behind `-` or `[id name="value" …]…`, where `]`, `"` and `\` are escaped in values.
fn structured_data(bytes: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = bytes.strip_prefix(b"-") {
        return (rest.is_empty() || rest.starts_with(b" ")).then_some(rest);
    }
    let mut rest = bytes;
    while rest.first() == Some(&b'[') {
        rest = rest.get(element_len(rest)?..)?;
    }
    (rest.len() < bytes.len()).then_some(rest)
}

fn element_len(bytes: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// `TIME HOST TAG: message` with any part after the time missing. With a time in ISO form and no priority it could be any
/// log, so the rest must look like a prefix too.
fn timed(line: &[u8], has_priority: bool) -> Option<Peeled<'_>> {
    let start = if has_priority {
        sequence(line.trim_ascii_start())
    } else {
        line
    };
    let (time, rest, is_certain) = if let Some((ts, zone, rest)) = iso_time(start) {
        (SyslogTime::Full(ts, zone), rest, has_priority)
    } else {
        let (ts, zone, used, has_year) = rfc3164_prefix(start, ANY_YEAR)?;
        let (text, rest) = start.split_at_checked(used)?;
        (
            if has_year {
                SyslogTime::Full(ts, zone)
            } else {
                SyslogTime::NoYear(text)
            },
            rest,
            true,
        )
    };
    if !matches!(rest.first(), None | Some(b' ' | b':')) {
        return None;
    }
    let rest = rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start();
    let (host, rest) = host(rest).map_or((None, rest), |(host, rest)| (Some(host), rest));
    let (tag, pid, payload) = tag(rest).unwrap_or((None, None, rest));
    if !is_certain && tag.is_none() && (host.is_none() || !begins_like_a_payload(payload)) {
        return None;
    }
    let host = host.filter(|host| !SEVERITIES.contains(host));
    Some(Peeled {
        payload,
        tag,
        pid,
        host,
        time: Some(time),
    })
}

/// Cisco puts `:` or a message number behind the priority, and `*` or `.` before an unsynchronised time.
fn sequence(bytes: &[u8]) -> &[u8] {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = bytes
        .get(digits..)
        .and_then(|rest| rest.strip_prefix(b":"))
        .unwrap_or(bytes);
    let rest = rest.trim_ascii_start();
    rest.strip_prefix(b"*")
        .or_else(|| rest.strip_prefix(b"."))
        .unwrap_or(rest)
}

/// An ISO time with `T` and a zone, as relays write it.
fn iso_time(bytes: &[u8]) -> Option<(Ts, Zone, &[u8])> {
    if bytes.get(10) != Some(&b'T') {
        return None;
    }
    let (ts, zone, used) = rfc3339_prefix(bytes)?;
    (zone != Zone::None).then_some((ts, zone, bytes.get(used..)?))
}

/// Some systems write the severity where the host belongs.
const SEVERITIES: [&str; 12] = [
    "EMERG", "ALERT", "CRIT", "CRITICAL", "ERR", "ERROR", "WARN", "WARNING", "NOTICE", "INFO", "DEBUG", "TRACE",
];

/// A host name or address (maybe in brackets) before a blank. A word that ends with a colon is the tag of a prefix without
/// host, unless a lone colon stands behind it.
fn host(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (word, rest) = word(bytes).unwrap_or((bytes, b""));
    let is_host = |b: &u8| b.is_ascii_alphanumeric() || b"._-:".contains(b) || *b >= 0x80;
    let inner = word
        .strip_prefix(b"[")
        .and_then(|w| w.strip_suffix(b"]"))
        .unwrap_or(word);
    if inner.is_empty() || inner.len() > LONGEST_WORD || !inner.iter().all(is_host) || inner.last() == Some(&b':') {
        return None;
    }
    let rest = rest.trim_ascii_start();
    // "host : %ASA-…"
    let rest = rest.strip_prefix(b": ").unwrap_or(rest);
    Some((std::str::from_utf8(inner).ok()?, rest))
}

/// `name: `, `name[pid]: `, or `name[pid] <Info>: ` of macOS.
fn tag(bytes: &[u8]) -> Option<(Option<&str>, Option<u32>, &[u8])> {
    let is_tag = |b: &&u8| b.is_ascii_alphanumeric() || b"._-/@".contains(b);
    let (name, rest) = bytes.split_at_checked(bytes.iter().take(LONGEST_WORD).take_while(is_tag).count())?;
    if name.is_empty() {
        return None;
    }
    let (pid, rest) = match rest.strip_prefix(b"[") {
        Some(inner) => {
            let end = inner.iter().take(12).position(|&b| b == b']')?;
            let (pid, rest) = inner.split_at_checked(end)?;
            (
                std::str::from_utf8(pid).ok().and_then(|p| p.parse().ok()),
                rest.get(1..)?,
            )
        }
        None => (None, rest),
    };
    let rest = match rest.strip_prefix(b" <").filter(|_| pid.is_some()) {
        Some(level) => level.get(level.iter().take(16).position(|&b| b == b'>')? + 1..)?,
        None => rest,
    };
    let rest = rest.strip_prefix(b":")?;
    // Behind a real tag there is a blank: `CEF:0|` and `LEEF:1.0|` belong to the payload, `a:b` is a value.
    let is_end = rest.is_empty() || rest.starts_with(b" ") || (pid.is_some() && !rest.starts_with(b":"));
    is_end.then_some((std::str::from_utf8(name).ok(), pid, rest.trim_ascii_start()))
}

/// Payloads that carry their own mark, or their own time.
fn begins_like_a_payload(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(b'#' | b'{' | b'<' | b'%'))
        || [&b"CEF:"[..], b"LEEF:", b"MSWinEventLog", b"date="]
            .iter()
            .any(|mark| bytes.starts_with(mark))
        || rfc3339_prefix(bytes).is_some()
        || rfc3164_prefix(bytes, ANY_YEAR).is_some()
}
