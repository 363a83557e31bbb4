//! Squid's access log, native and combined, and the native log of Cisco's web appliance with its extra columns.

use std::borrow::Cow;

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::columns::Columns;
use crate::base::text::trim_start;
use crate::base::time::{self, DateOrder, TimeQuality};
use crate::ingest::framing::Framing;
use crate::ingest::layout::{Layout, Placed};
use crate::ingest::lines::{Line, emptied, peel, texts, vote};
use crate::ingest::name::Name;
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
        let native = Native::new();
        let (hits, of) = vote(head, 15, |l| {
            native.read(l, &mut Raw::log("squid", 0)).is_some() || combined(l, 0, DateOrder::Unknown).is_some()
        });
        if hits == 0 || hits * 5 < of * 2 {
            return Sniff::No("lines are not `epoch elapsed client CODE/status bytes METHOD url …`");
        }
        Sniff::Yes(50 + (hits * 40 / of) as u8, format!("{hits} of {of} lines are Squid's"))
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let order = carry.date_order.unwrap_or(DateOrder::Dmy);
        let native = Native::new();
        let mut room = Vec::new();
        for (offset, bytes, decoded) in texts(block, carry.codepage) {
            let line = peel(&decoded, carry);
            let mut raw = Raw::log("squid", offset);
            raw.fields = std::mem::take(&mut room);
            let read = native.read(&line, &mut raw);
            if read.is_some() {
                sink.event(&raw);
            }
            room = emptied(raw.fields);
            if read.is_some() {
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

/// `epoch.ms elapsed client CODE/status bytes METHOD url user HIERARCHY/peer mime …`
struct Native {
    /// By [`Column`].
    names: [Name<'static>; NAMES.len()],
    layout: Option<Layout>,
}

/// The fields of the native format.
#[derive(Clone, Copy)]
enum Column {
    Time,
    Elapsed,
    RemoteHost,
    Code,
    Status,
    Bytes,
    Method,
    Url,
    User,
    PeerStatus,
    PeerHost,
    Type,
    AclTag,
    BeforeAclTag,
    Verdict,
    Referer,
    UserAgent,
    Tail,
}

/// Their names.
const NAMES: [&str; 18] = [
    "time",
    "elapsed",
    "remotehost",
    "code",
    "status",
    "bytes",
    "method",
    "url",
    "rfc931",
    "peerstatus",
    "peerhost",
    "type",
    "acl_tag",
    "before_acl_tag",
    "verdict",
    "referer",
    "user_agent",
    "tail",
];

impl Native {
    fn new() -> Self {
        let names = NAMES.map(Name::from);
        let layout = Layout::new(names.iter());
        Self { names, layout }
    }

    /// Reads a line into an empty record; `None` if it is none of this format.
    fn read<'r>(&'r self, line: &Line<'r>, raw: &mut Raw<'r>) -> Option<()> {
        let payload = trim_start(line.payload);
        let payload = match payload.as_bytes() {
            [b'I', ..] => payload.strip_prefix("Info: ").unwrap_or(payload),
            _ => payload,
        };
        let mut cells = Cells::of(payload);
        let when = cells.next().filter(|when| when.len() >= 12)?;
        let ts = time::epoch(when.as_bytes())?;
        let decimals = when.len() - 1 - when.as_bytes().iter().position(|b| *b == b'.')?;
        let (elapsed, first) = (cells.next()?, cells.next()?);
        // The appliance's W3C-like layout puts a dash before the client, and other columns behind the url.
        let shifted = first == "-";
        let client = if shifted { cells.next()? } else { first };
        let (code, status) = at_slash(cells.next()?)?;
        let digits = |text: &str| !text.is_empty() && text.as_bytes().iter().all(u8::is_ascii_digit);
        let of_code = |b: &u8| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_');
        let plausible = (digits(elapsed) || elapsed.parse::<f64>().is_ok())
            && code.as_bytes().iter().all(of_code)
            && digits(status);
        if !plausible {
            return None;
        }
        raw.observer = line.host.map(Cow::Borrowed);
        (raw.time, raw.quality) = (Some(ts), TimeQuality::Utc);
        raw.placed = self.layout.as_ref().map(Placed::new);
        raw.fields.reserve(NAMES.len());
        if decimals != 3 {
            self.put(raw, Column::Time, when);
        }
        self.put(raw, Column::Elapsed, elapsed);
        self.put(raw, Column::RemoteHost, client);
        self.put(raw, Column::Code, code);
        self.put(raw, Column::Status, status);
        // The url at least must be there; relays cut long lines behind it.
        for column in [Column::Bytes, Column::Method, Column::Url] {
            self.put(raw, column, cells.next()?);
        }
        if shifted {
            self.put(raw, Column::Tail, cells.rest());
            return Some(());
        }
        if let Some(user) = cells.next() {
            self.put(raw, Column::User, user);
        }
        if let Some(peer) = cells.next() {
            let (hierarchy, host) = at_slash(peer).unwrap_or((peer, ""));
            self.put(raw, Column::PeerStatus, hierarchy);
            self.put(raw, Column::PeerHost, host);
        }
        if let Some(mime) = cells.next() {
            self.put(raw, Column::Type, mime);
        }
        self.tail(raw, cells.rest());
        Some(())
    }

    /// Adds a field unless it is Squid's null.
    #[inline(always)]
    fn put<'r>(&'r self, raw: &mut Raw<'r>, column: Column, cell: &'r str) {
        let Some(name) = self.names.get(column as usize).filter(|_| !is_null(cell)) else {
            return;
        };
        if let Some(placed) = &mut raw.placed {
            placed.put(column as usize, raw.fields.len());
        }
        raw.push(name.borrowed(), Value::Str(cell.into()));
    }

    /// What follows the content type: Cisco's policy and verdicts, or referer and agent.
    fn tail<'r>(&'r self, raw: &mut Raw<'r>, rest: &'r str) {
        if rest.is_empty() {
            return;
        }
        let verdict = ["<", "&lt;"]
            .iter()
            .find_map(|open| rest.find(open))
            .and_then(|at| rest.split_at_checked(at));
        if let Some((before, block)) = verdict {
            if let Some(tag) = before.split_whitespace().last() {
                self.put(raw, Column::AclTag, tag);
            }
            if let Some(other) = before.trim_end().rsplit_once(' ').map(|(o, _)| o) {
                self.put(raw, Column::BeforeAclTag, other);
            }
            self.put(raw, Column::Verdict, block);
            return;
        }
        let mut cells = Cells::of(rest);
        if let (Some(referer), Some(agent)) = (cells.quoted(), cells.quoted()) {
            self.put(raw, Column::Referer, referer);
            self.put(raw, Column::UserAgent, agent);
            self.put(raw, Column::Tail, cells.rest());
            return;
        }
        self.put(raw, Column::Tail, rest);
    }
}

/// `TCP_MISS/200`, `HIER_DIRECT/1.2.3.4`: both sides of the first slash, which is near.
fn at_slash(cell: &str) -> Option<(&str, &str)> {
    let at = cell.as_bytes().iter().position(|b| *b == b'/')?;
    Some((cell.get(..at)?, cell.get(at + 1..)?))
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

    fn line(payload: &str) -> Line<'_> {
        Line {
            payload,
            tag: None,
            host: None,
            time: None,
        }
    }

    fn native(payload: &str) -> Option<Raw<'static>> {
        let native = Native::new();
        let mut raw = Raw::log("squid", 0);
        native.read(&line(payload), &mut raw)?;
        Some(raw.into_owned())
    }

    /// [`Cells::next`] as it would be written without care for speed.
    fn plain_next<'a>(rest: &mut &'a str) -> Option<&'a str> {
        let text = rest.trim_start();
        let quoted = text.strip_prefix('"').and_then(|inner| {
            let ends = |i: &usize| inner[i + 1..].is_empty() || inner[i + 1..].starts_with(' ');
            let end = inner.match_indices('"').map(|(i, _)| i).find(ends)?;
            Some((&inner[..end], &inner[end + 1..]))
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
