//! Peeling syslog prefixes off a line: what a relay put in front of the device's own record.

mod header;

use std::borrow::Cow;

use memchr::memmem;

use crate::base::time::{Ts, Zone, rfc3164};

/// Relays that put their prefix in front of another are peeled this often.
const MOST_LAYERS: usize = 4;

/// A line without its syslog prefixes. Host and time are those of the innermost prefix that has them, the one nearest to
/// the device. The host is the reporter, which for proxies, firewalls and DNS servers is not the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peeled<'a> {
    /// What is left. Empty if the line is only a prefix.
    pub payload: &'a [u8],
    /// Program name, `postfix/smtpd` of `postfix/smtpd[123]:`, or the APP-NAME of RFC 5424. Some formats are only
    /// recognisable by it.
    pub tag: Option<&'a str>,
    /// Process id behind the tag.
    pub pid: Option<u32>,
    /// Host name or address.
    pub host: Option<&'a str>,
    /// Time of the prefix.
    pub time: Option<SyslogTime<'a>>,
}

/// The time in a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyslogTime<'a> {
    /// With its year; with [`Zone::None`] it is a local reading.
    Full(Ts, Zone),
    /// `Mmm dd hh:mm:ss`, the year is missing.
    NoYear(&'a [u8]),
}

impl SyslogTime<'_> {
    /// The time stamp, the year taken from the hint where the text has none; `None` for 29 February in a common year.
    pub fn resolve(self, year_hint: i64) -> Option<(Ts, Zone)> {
        match self {
            Self::Full(ts, zone) => Some((ts, zone)),
            Self::NoYear(text) => rfc3164(text, year_hint),
        }
    }
}

/// Peels all prefixes off a line. A line without one comes back whole.
pub fn peel(line: &[u8]) -> Peeled<'_> {
    let mut all = Peeled {
        payload: line,
        ..Peeled::default()
    };
    for _ in 0..MOST_LAYERS {
        let Some(layer) = header::layer(all.payload) else {
            break;
        };
        if layer.payload.len() >= all.payload.len() {
            break;
        }
        if layer.tag.is_some() {
            (all.tag, all.pid) = (layer.tag, layer.pid);
        }
        all.host = layer.host.or(all.host);
        all.time = layer.time.or(all.time);
        all.payload = layer.payload;
    }
    all
}

/// Turns rsyslog's `#011`, `#012` and `#015` back into TAB, LF and CR.
pub fn unescape_controls(payload: &[u8]) -> Cow<'_, [u8]> {
    if memmem::find(payload, b"#01").is_none() {
        return Cow::Borrowed(payload);
    }
    let mut out = Vec::with_capacity(payload.len());
    let mut rest = payload;
    while let Some((before, found)) = memmem::find(rest, b"#01").and_then(|at| rest.split_at_checked(at)) {
        out.extend_from_slice(before);
        let control = match found.get(3) {
            Some(b'1') => Some(b'\t'),
            Some(b'2') => Some(b'\n'),
            Some(b'5') => Some(b'\r'),
            _ => None,
        };
        let used = if control.is_some() { 4 } else { 3 };
        match control {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(b"#01"),
        }
        rest = found.get(used..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
