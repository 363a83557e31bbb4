//! Squid's access log, native and combined, and the native log of Cisco's web appliance with its extra columns.

use std::borrow::Cow;

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::text::{cut, trim_start};
use crate::base::time::{self, DateOrder, TimeQuality};
use crate::ingest::framing::Framing;
use crate::ingest::lines::{Line, lines, peel, text, vote};
use crate::ingest::raw::{Raw, Value};
use crate::ingest::sink::Sink;

/// Squid and Cisco WSA.
pub struct Squid;

/// Columns of the native format after the time, `code/status` cut in two.
const NATIVE: [&str; 6] = ["bytes", "method", "url", "rfc931", "peerstatus", "type"];

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
            native(l, 0).is_some() || combined(l, 0, DateOrder::Unknown).is_some()
        });
        if hits == 0 || hits * 5 < of * 2 {
            return Sniff::No("lines are not `epoch elapsed client CODE/status bytes METHOD url …`");
        }
        Sniff::Yes(50 + (hits * 40 / of) as u8, format!("{hits} of {of} lines are Squid's"))
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let order = carry.date_order.unwrap_or(DateOrder::Dmy);
        for (offset, bytes) in lines(block) {
            let decoded = text(bytes, carry.codepage);
            let line = peel(&decoded, carry);
            match native(&line, offset)
                .or_else(|| combined(&line, offset, order))
                .or_else(|| service(&line, offset))
            {
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

/// `epoch.ms elapsed client CODE/status bytes METHOD url user HIERARCHY/peer mime …`
fn native<'a>(line: &Line<'a>, offset: u64) -> Option<Raw<'a>> {
    let payload = line.payload.trim_start();
    let payload = payload.strip_prefix("Info: ").unwrap_or(payload);
    let mut cells = Cells(payload);
    let when = cells.next()?;
    let (_, decimals) = cut(when, b'.').filter(|_| when.len() >= 12)?;
    let ts = time::epoch(when.as_bytes())?;
    let (elapsed, first) = (cells.next()?, cells.next()?);
    // The appliance's W3C-like layout puts a dash before the client, and other columns behind the url.
    let shifted = first == "-";
    let client = if shifted { cells.next()? } else { first };
    let code = cells.next()?;
    let (code, status) = cut(code, b'/')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let plausible = (digits(elapsed) || elapsed.parse::<f64>().is_ok())
        && code
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && digits(status);
    if !plausible {
        return None;
    }
    let mut raw = Raw::log("squid", offset);
    raw.observer = line.host.map(Cow::Borrowed);
    (raw.time, raw.quality) = (Some(ts), TimeQuality::Utc);
    if decimals.len() != 3 {
        raw.push("time", Value::str(when));
    }
    for (name, cell) in [
        ("elapsed", elapsed),
        ("remotehost", client),
        ("code", code),
        ("status", status),
    ] {
        put(&mut raw, name, cell);
    }
    for (i, name) in NATIVE.iter().enumerate() {
        if shifted && i == 3 {
            put(&mut raw, "tail", cells.0.trim());
            return Some(raw);
        }
        match cells.next() {
            Some(cell) if *name == "peerstatus" => peer(&mut raw, cell),
            Some(cell) => put(&mut raw, name, cell),
            // The url at least must be there; relays cut long lines behind it.
            None if i < 3 => return None,
            None => break,
        }
    }
    tail(&mut raw, cells.0.trim());
    Some(raw)
}

/// `client - user [time] "METHOD url HTTP/1.1" status bytes "referer" "agent" CODE:HIERARCHY`
fn combined<'a>(line: &Line<'a>, offset: u64, order: DateOrder) -> Option<Raw<'a>> {
    let (client, rest) = line.payload.trim_start().split_once(' ')?;
    let (who, rest) = rest.split_once('[')?;
    let (when, rest) = rest.split_once("] ")?;
    let mut cells = Cells(rest);
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

/// `HIER_DIRECT/1.2.3.4`
fn peer<'a>(raw: &mut Raw<'a>, cell: &'a str) {
    match cut(cell, b'/') {
        Some((hierarchy, peer)) => {
            put(raw, "peerstatus", hierarchy);
            put(raw, "peerhost", peer);
        }
        None => put(raw, "peerstatus", cell),
    }
}

/// What follows the content type: Cisco's policy and verdicts, or referer and agent.
fn tail<'a>(raw: &mut Raw<'a>, rest: &'a str) {
    if rest.is_empty() {
        return;
    }
    let verdict = ["<", "&lt;"]
        .iter()
        .find_map(|open| rest.find(open))
        .and_then(|at| rest.split_at_checked(at));
    if let Some((before, block)) = verdict {
        if let Some(tag) = before.split_whitespace().last() {
            put(raw, "acl_tag", tag);
        }
        if let Some(other) = before.trim_end().rsplit_once(' ').map(|(o, _)| o) {
            put(raw, "before_acl_tag", other);
        }
        put(raw, "verdict", block);
        return;
    }
    let mut cells = Cells(rest);
    if let (Some(referer), Some(agent)) = (cells.quoted(), cells.quoted()) {
        put(raw, "referer", referer);
        put(raw, "user_agent", agent);
        put(raw, "tail", cells.0.trim());
        return;
    }
    put(raw, "tail", rest);
}

/// Adds a field unless it is Squid's null.
fn put<'a>(raw: &mut Raw<'a>, name: &'static str, cell: &'a str) {
    if !matches!(cell, "-" | "") {
        raw.push(name, Value::str(cell));
    }
}

/// Cells between blanks; a cell that begins with a quote ends with one.
struct Cells<'a>(&'a str);

impl<'a> Cells<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.strip_prefix(' ').unwrap_or(self.0);
        let rest = trim_start(rest);
        if rest.starts_with('"') {
            self.0 = rest;
            if let Some(cell) = self.quoted() {
                return Some(cell);
            }
        }
        let (cell, after) = cut(rest, b' ').unwrap_or((rest, ""));
        self.0 = after;
        (!cell.is_empty()).then_some(cell)
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let inner = self.0.trim_start().strip_prefix('"')?;
        let end = inner
            .match_indices('"')
            .map(|(i, _)| i)
            .find(|i| inner.as_bytes().get(i + 1).is_none_or(|b| *b == b' '))?;
        let (cell, after) = inner.split_at_checked(end)?;
        self.0 = after.get(1..).unwrap_or("");
        Some(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(payload: &str) -> Line<'_> {
        Line {
            payload,
            tag: None,
            host: None,
            time: None,
        }
    }

    #[test]
    fn native_lines_with_wide_elapsed_and_short_tails() {
        let raw = native(
            &line(
                "1737983758.627    207 10.2.3.4 TCP_TUNNEL/200 4047 CONNECT a.example:443 - HIER_DIRECT/192.0.2.8 - ",
            ),
            0,
        )
        .unwrap();
        assert_eq!(raw.time, Some(1_737_983_758_627_000));
        assert_eq!(
            (raw.get("code"), raw.get("peerhost"), raw.get("type")),
            (Some("TCP_TUNNEL"), Some("192.0.2.8"), None)
        );
        let raw = native(&line("1761121144.919 0 10.2.3.4 NONE_NONE/000 0 - error:transaction-end-before-headers - HIER_NONE/- - \"-\" \"UA 1\""), 0).unwrap();
        assert_eq!(
            (raw.get("status"), raw.get("user_agent"), raw.get("method")),
            (Some("000"), Some("UA 1"), None)
        );
    }

    #[test]
    fn the_appliances_verdict_block_is_kept_whole() {
        let raw = native(&line("1278096903.150 97 10.1.2.3 TCP_MISS/200 8187 GET http://a.example/ \"DOM\\ann b@r\" DIRECT/a.example text/plain DEFAULT_CASE_11-P-I <IW_comp,6.9,\"x y\"> - \"Mozilla\""), 0).unwrap();
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
        assert!(native(&line("1737983758.627 207 10.2.3.4 TCP_TUNNEL/200 4047 CONN"), 0).is_none());
        let raw = native(&line("1762178709.123 374.156 - 10.1.0.9 TCP_DENIED/403 298 CONNECT tunnel://a.example:443/ - - BLOCK_X \"10.2.0.3\""), 0).unwrap();
        assert_eq!(
            (raw.get("remotehost"), raw.get("url"), raw.get("tail")),
            (
                Some("10.1.0.9"),
                Some("tunnel://a.example:443/"),
                Some("- - BLOCK_X \"10.2.0.3\"")
            )
        );
        assert!(native(&line("1379288667.706265\tCoyZ\t192.0.2.1\t80"), 0).is_none());
    }
}
