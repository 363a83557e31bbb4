//! Squid's access log, native and combined, and the native log of Cisco's web appliance with its extra columns.

mod native;

use std::borrow::Cow;

use native::{NO_VALUES, Native};

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::columns::Columns;
use crate::base::time::{self, DateOrder};
use crate::ingest::framing::Framing;
use crate::ingest::lines::{Line, peel, texts, vote};
use crate::ingest::raw::{Raw, Value};
use crate::ingest::sink::Sink;

/// Squid and Cisco WSA.
pub struct Squid;

impl Format for Squid {
    fn id(&self) -> &'static str {
        "squid"
    }

    fn about(&self) -> &'static str {
        "Squid access.log (native, combined) and Cisco Secure Web Appliance access logs"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let (hits, of) = vote(head, 15, |l| {
            let is_native = Native::read(l, &mut { NO_VALUES }, &mut Raw::log("squid", 0)).is_some();
            is_native || combined(l, 0, DateOrder::Unknown).is_some()
        });
        if hits == 0 || hits * 5 < of * 2 {
            return Sniff::No("lines are not `epoch elapsed client CODE/status bytes METHOD url …`");
        }
        Sniff::Yes(50 + (hits * 40 / of) as u8, format!("{hits} of {of} lines are Squid's"))
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let order = carry.date_order.unwrap_or(DateOrder::Dmy);
        let native = Native::new();
        for (offset, bytes, decoded) in texts(block, carry.codepage) {
            let line = peel(&decoded, carry);
            let (mut raw, mut values) = (Raw::log("squid", offset), NO_VALUES);
            if Native::read(&line, &mut values, &mut raw).is_some() {
                raw.placed = Some(native.placed(&values));
                sink.event(&raw);
                continue;
            }
            match combined(&line, offset, order).or_else(|| service(&line, offset)) {
                Some(raw) => sink.event(&raw),
                None => sink.reject(
                    offset,
                    "not a line of Squid's native or combined format; it may be cut",
                    bytes,
                ),
            }
        }
    }
}

/// `client - user [time] "METHOD url HTTP/1.1" status bytes "referer" "agent" CODE:HIERARCHY`
fn combined<'a>(line: &Line<'a>, offset: u64, order: DateOrder) -> Option<Raw<'a>> {
    let (client, rest) = line.payload.trim_start().split_once(' ')?;
    let (who, rest) = rest.split_once('[')?;
    let (when, rest) = rest.split_once("] ")?;
    let mut cells = Cells::of(rest);
    let request = cells.quoted()?;
    let (method, rest) = request.split_once(' ')?;
    let (url, version) = rest.rsplit_once(' ').unwrap_or((rest, ""));
    let (status, bytes) = (cells.next()?, cells.next()?);
    // A web server's own log has paths here; a proxy's has whole URLs, or Squid's code at the end.
    let squid = url.contains("://") || method == "CONNECT" || line.payload.contains(" TCP_");
    if !squid || !status.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut raw = Raw::log("squid", offset);
    raw.observer = line.host.map(Cow::Borrowed);
    if let Some((ts, zone)) = time::apache(when.as_bytes()).or_else(|| time::us_datetime(when.as_bytes(), order)) {
        (raw.time, raw.quality) = (Some(ts), zone.quality());
    }
    raw.push("time", Value::str(when));
    let user = who.split_whitespace().last().unwrap_or("-");
    let cells_of = [
        ("remotehost", client),
        ("rfc931", user),
        ("method", method),
        ("url", url),
        ("version", version),
        ("status", status),
        ("bytes", bytes),
    ];
    for (name, cell) in cells_of {
        put(&mut raw, name, cell);
    }
    if let Some(referer) = cells.quoted() {
        put(&mut raw, "referer", referer);
        put(&mut raw, "user_agent", cells.quoted().unwrap_or("-"));
    }
    if let Some((code, hierarchy)) = cells.next().and_then(|c| c.split_once(':')) {
        put(&mut raw, "code", code);
        put(&mut raw, "peerstatus", hierarchy);
    }
    Some(raw)
}

/// The appliance's own messages between the requests.
fn service<'a>(line: &Line<'a>, offset: u64) -> Option<Raw<'a>> {
    let known =
        line.payload.contains("Info: ") || line.payload.contains("Warning: ") || line.payload.contains("Critical: ");
    if !known {
        return None;
    }
    let mut raw = Raw::log("squid.service", offset);
    raw.observer = line.host.map(Cow::Borrowed);
    if let Some((ts, quality)) = line.time {
        (raw.time, raw.quality) = (Some(ts), quality);
    }
    raw.push("message", Value::str(line.payload));
    Some(raw)
}

/// Adds a field unless it is Squid's null.
fn put<'a>(raw: &mut Raw<'a>, name: &'static str, cell: &'a str) {
    if !is_null(cell) {
        raw.push(name, Value::str(cell));
    }
}

#[inline]
fn is_null(cell: &str) -> bool {
    matches!(cell, "-" | "")
}

/// Cells between blanks; a cell that begins with a quote ends with one.
struct Cells<'a>(Columns<'a>);

impl<'a> Cells<'a> {
    fn of(text: &'a str) -> Self {
        Self(Columns::new(text, [b' '; 2]))
    }

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        match self.0.peek()? {
            b'!' | b'#'..=b'~' => Some(self.0.take()),
            _ => self.odd(),
        }
    }

    /// The next cell where it begins with a quote, or with what may be a blank of another alphabet.
    fn odd(&mut self) -> Option<&'a str> {
        self.0.go_on(self.0.rest().trim_start());
        self.quoted()
            .or_else(|| Some(self.0.take()).filter(|cell| !cell.is_empty()))
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let inner = self.0.rest().trim_start().strip_prefix('"')?;
        let end = memchr::memchr_iter(b'"', inner.as_bytes())
            .find(|i| inner.as_bytes().get(i + 1).is_none_or(|b| *b == b' '))?;
        self.0.go_on(inner.get(end + 1..)?);
        inner.get(..end)
    }

    /// What was not read, without the blanks around it.
    fn rest(&self) -> &'a str {
        self.0.rest().trim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::base::time::TimeQuality;

    fn line(payload: &str) -> Line<'_> {
        Line {
            payload,
            tag: None,
            host: None,
            time: None,
        }
    }

    fn native(payload: &str) -> Option<Raw<'static>> {
        let (native, mut values) = (Native::new(), NO_VALUES);
        let mut raw = Raw::log("squid", 0);
        Native::read(&line(payload), &mut values, &mut raw)?;
        raw.placed = Some(native.placed(&values));
        Some(raw.into_owned())
    }

    /// [`Cells::next`] as it would be written without care for speed.
    fn plain_next<'a>(rest: &mut &'a str) -> Option<&'a str> {
        let text = rest.trim_start();
        let quoted = text.strip_prefix('"').and_then(|inner| {
            let ends = |(_, after): &(&str, &str)| after.is_empty() || after.starts_with(' ');
            let cuts = inner.match_indices('"').map(|(i, _)| i);
            cuts.map(|i| (inner.get(..i).unwrap(), inner.get(i + 1..).unwrap()))
                .find(ends)
        });
        let (cell, after) = quoted.unwrap_or_else(|| text.split_once(' ').unwrap_or((text, "")));
        *rest = after;
        (!text.is_empty()).then_some(cell)
    }

    proptest! {
        #[test]
        fn cells_are_those_of_a_plain_reader(text in "([a\"é/ -]| {1,3}\"?|\t|\"[a ]{0,70}){0,30}") {
            let (mut cells, mut rest) = (Cells::of(&text), &*text);
            loop {
                let cell = cells.next();
                prop_assert_eq!(cell, plain_next(&mut rest));
                prop_assert_eq!(cells.rest(), rest.trim());
                if cell.is_none() {
                    break;
                }
            }
        }
    }

    #[test]
    fn native_lines_with_wide_elapsed_and_short_tails() {
        let raw = native(
            "1737983758.627    207 10.2.3.4 TCP_TUNNEL/200 4047 CONNECT a.example:443 - HIER_DIRECT/192.0.2.8 - ",
        )
        .unwrap();
        assert_eq!(raw.time, Some(1_737_983_758_627_000));
        assert_eq!(
            (raw.get("code"), raw.get("peerhost"), raw.get("type")),
            (Some("TCP_TUNNEL"), Some("192.0.2.8"), None)
        );
        let raw = native("1761121144.919 0 10.2.3.4 NONE_NONE/000 0 - error:transaction-end-before-headers - HIER_NONE/- - \"-\" \"UA 1\"").unwrap();
        assert_eq!(
            (raw.get("status"), raw.get("user_agent"), raw.get("method")),
            (Some("000"), Some("UA 1"), None)
        );
    }

    #[test]
    fn the_appliances_verdict_block_is_kept_whole() {
        let raw = native("1278096903.150 97 10.1.2.3 TCP_MISS/200 8187 GET http://a.example/ \"DOM\\ann b@r\" DIRECT/a.example text/plain DEFAULT_CASE_11-P-I <IW_comp,6.9,\"x y\"> - \"Mozilla\"").unwrap();
        assert_eq!(
            (raw.get("acl_tag"), raw.get("rfc931")),
            (Some("DEFAULT_CASE_11-P-I"), Some("DOM\\ann b@r"))
        );
        assert_eq!(raw.get("verdict"), Some("<IW_comp,6.9,\"x y\"> - \"Mozilla\""));
    }

    #[test]
    fn web_server_logs_and_cut_lines_are_not_taken() {
        assert!(
            combined(
                &line("10.0.0.1 - - [05/Feb/2025:11:30:29 +0900] \"GET /index.html HTTP/1.1\" 200 5"),
                0,
                DateOrder::Dmy
            )
            .is_none()
        );
        let raw = combined(
            &line("10.0.0.1 - ann [05/02/2025 11:30:29] \"GET http://a.example/ HTTP/1.1\" 200 -"),
            0,
            DateOrder::Dmy,
        )
        .unwrap();
        assert_eq!(
            (raw.quality, raw.get("rfc931"), raw.get("bytes")),
            (TimeQuality::Assumed, Some("ann"), None)
        );
        assert!(native("1737983758.627 207 10.2.3.4 TCP_TUNNEL/200 4047 CONN").is_none());
        let raw = native("1762178709.123 374.156 - 10.1.0.9 TCP_DENIED/403 298 CONNECT tunnel://a.example:443/ - - BLOCK_X \"10.2.0.3\"").unwrap();
        assert_eq!(
            (raw.get("remotehost"), raw.get("url"), raw.get("tail")),
            (
                Some("10.1.0.9"),
                Some("tunnel://a.example:443/"),
                Some("- - BLOCK_X \"10.2.0.3\"")
            )
        );
        assert!(native("1379288667.706265\tCoyZ\t192.0.2.1\t80").is_none());
    }
}
