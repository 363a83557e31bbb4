//! What named (BIND, Infoblox) writes on a line: queries, answers and notes about itself.

use std::borrow::Cow;

use super::lines::Line;
use super::raw::{Field, Raw, Value};
use crate::base::text::{Words, cut, cut_pair, words};
use crate::base::time;

/// Whether a syslog tag is named's.
pub fn is_named(tag: Option<&str>) -> bool {
    tag.is_some_and(|t| t.starts_with("named"))
}

/// Whether a line without a tag is a query, an answer or what named says about itself.
pub fn is_ours(payload: &str) -> bool {
    client(payload).is_some() || is_service(payload)
}

fn is_service(payload: &str) -> bool {
    const BEGIN: &[&str] = &[
        "validating ",
        "lame server resolving '",
        "transfer of '",
        "rpz: ",
        "xfer-in: ",
        "xfer-out: ",
        "general: info: zone ",
    ];
    BEGIN.iter().any(|b| payload.starts_with(b))
        || (payload.starts_with("view ") && payload.contains(" validating "))
        || (payload.starts_with("zone ") && payload.contains("/IN: "))
        || (payload.contains(" resolving '") && payload.contains("/IN': "))
}

/// Reads one line of named; `room` is that of its fields.
pub fn record<'a>(line: &Line<'a>, offset: u64, room: Vec<Field<'a>>) -> Raw<'a> {
    let (when, payload) = strip_time(line.payload);
    let mut raw = Raw::log("bind.service", offset);
    raw.fields = room;
    raw.observer = line.host.map(Cow::Borrowed);
    if let Some((ts, zone)) = when {
        (raw.time, raw.quality) = (Some(ts), zone.quality());
    } else if let Some((ts, quality)) = line.time {
        (raw.time, raw.quality) = (Some(ts), quality);
    }
    if let Some(tag) = line.tag.filter(|t| !is_named(Some(t))) {
        raw.push("tag", Value::str(tag));
    }
    if let Some(c) = client(payload)
        && question(&mut raw, c.what).is_some()
    {
        raw.kind = Cow::Borrowed("bind");
        let name = Some(c.name).filter(|name| raw.get("query") != Some(name));
        put(&mut raw, "category", c.category);
        put(&mut raw, "client_ptr", c.pointer);
        put(&mut raw, "client", c.address);
        put(&mut raw, "client_port", c.port);
        put(&mut raw, "name", name.unwrap_or(""));
        put(&mut raw, "view", c.view);
        return raw;
    }
    raw.push("message", Value::str(payload));
    raw
}

/// Adds a field that is not empty.
#[inline(always)]
fn put<'a>(raw: &mut Raw<'a>, name: &'static str, cell: &'a str) {
    if !cell.is_empty() {
        raw.push(name, Value::Str(cell.into()));
    }
}

/// `05-Feb-2025 11:30:29.123 ` in front, if it is there.
pub fn strip_time(text: &str) -> (Option<(time::Ts, time::Zone)>, &str) {
    let text = text.trim();
    let Some(end) = memchr::memchr_iter(b' ', text.as_bytes()).nth(1) else {
        return (None, text);
    };
    let Some((when, rest)) = text.split_at_checked(end) else {
        return (None, text);
    };
    match time::bind(when.as_bytes()) {
        Some(t) => (Some(t), rest.trim_start()),
        None => (None, text),
    }
}

/// `[category: ][severity: ]client [@0x… ]ADDRESS#PORT[ (name)]: [view x: ]what`
struct Client<'a> {
    category: &'a str,
    pointer: &'a str,
    address: &'a str,
    port: &'a str,
    name: &'a str,
    view: &'a str,
    what: &'a str,
}

/// Most bytes before the word `client`.
const MOST_CATEGORY: usize = 40;

fn client(text: &str) -> Option<Client<'_>> {
    let at = if text.starts_with("client ") {
        0
    } else {
        let bytes = text.as_bytes();
        let head = bytes.get(..MOST_CATEGORY - 1).unwrap_or(bytes);
        let is_it = |at: &usize| bytes.get(*at..).is_some_and(|rest| rest.starts_with(b": client "));
        memchr::memchr_iter(b':', head).find(is_it)? + 2
    };
    let (category, rest) = text.split_at_checked(at)?;
    let rest = rest.strip_prefix("client ")?.trim_start();
    let (pointer, rest) = if rest.starts_with('@') {
        cut(rest, b' ')?
    } else {
        ("", rest)
    };
    let (address, rest) = cut(rest.trim_start(), b'#')?;
    let digits = rest.as_bytes().iter().position(|b| !b.is_ascii_digit())?;
    let (port, rest) = rest.split_at_checked(digits)?;
    if port.is_empty() || address.as_bytes().contains(&b' ') {
        return None;
    }
    let (name, rest) = match rest.trim_start().strip_prefix('(') {
        Some(inner) => cut_pair(inner, *b"):")?,
        None => ("", rest.strip_prefix(':')?),
    };
    let rest = rest.trim_start();
    let (view, what) = match rest.strip_prefix("view ") {
        Some(inner) => cut_pair(inner, *b": ")?,
        None => ("", rest),
    };
    Some(Client {
        category: category.trim_end_matches([' ', ':']),
        pointer,
        address,
        port,
        name,
        view,
        what,
    })
}

/// Reads what a client did into fields; `None` if it is not about a name.
fn question<'a>(raw: &mut Raw<'a>, what: &'a str) -> Option<()> {
    let (proto, asked) = match cut_pair(what, *b": ") {
        Some((p @ ("UDP" | "TCP"), rest)) => (p, rest),
        _ => ("", what),
    };
    if let Some(rest) = asked.strip_prefix("query: ") {
        // A colon is rarer than a blank, and mostly there is none.
        let colon = memchr::memchr(b':', rest.as_bytes());
        match colon.and_then(|_| rest.split_once(" response: ")) {
            Some((question, answer)) => {
                triple(raw, question)?;
                response(raw, answer);
            }
            None => {
                let rest = triple(raw, rest)?;
                flags_and_server(raw, rest);
            }
        }
        raw.push("verb", Value::str("query"));
    } else if let Some(rest) = asked.strip_prefix("answer: ") {
        let (question, rcode) = rest.rsplit_once(" -> ")?;
        let rest = triple(raw, question)?;
        flags_and_server(raw, rest);
        raw.push("rcode", Value::str(rcode.trim()));
        raw.push("verb", Value::str("response"));
    } else {
        refusal(raw, asked)?;
        raw.push("what", Value::str(asked));
    }
    if !proto.is_empty() {
        raw.push("proto", Value::str(proto));
    }
    Some(())
}

/// `name IN TYPE …`; the words behind.
fn triple<'a>(raw: &mut Raw<'a>, text: &'a str) -> Option<Words<'a>> {
    let mut cells = words(text);
    let (name, class, kind) = (cells.next()?, cells.next()?, cells.next()?);
    put(raw, "query", name);
    put(raw, "class", class);
    put(raw, "type", kind);
    Some(cells)
}

/// `+E(0)DC (server)`
fn flags_and_server<'a>(raw: &mut Raw<'a>, mut cells: Words<'a>) {
    if let Some(flags) = cells.next().filter(|f| f.starts_with(['+', '-'])) {
        raw.push("flags", Value::str(flags));
    }
    if let Some(server) = cells.next().and_then(|s| s.strip_prefix('(')?.strip_suffix(')')) {
        raw.push("server", Value::str(server));
    }
}

/// Infoblox: `NOERROR +A name ttl IN TYPE data; …`
fn response<'a>(raw: &mut Raw<'a>, text: &'a str) {
    let (rcode, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (flags, answers) = rest.split_once(' ').unwrap_or((rest, ""));
    for (name, cell) in [("rcode", rcode), ("flags", flags), ("answers", answers.trim())] {
        if !cell.is_empty() {
            raw.push(name, Value::str(cell));
        }
    }
}

/// `query (cache) 'n/T/C' denied`, `zone transfer 'n/T/C' denied`, `query failed (SERVFAIL) for n/C/T at …`,
/// `rpz QNAME NXDOMAIN rewrite n/T/C via …`
fn refusal<'a>(raw: &mut Raw<'a>, what: &'a str) -> Option<()> {
    let verb = [
        "query failed",
        "query",
        "zone transfer",
        "bad zone transfer",
        "rpz",
        "update",
    ]
    .into_iter()
    .find(|v| what.starts_with(v))?;
    let quoted = || what.split_once('\'')?.1.split_once('\'').map(|(n, _)| n);
    let named = match verb {
        "query failed" => what.split_once(" for ")?.1.split_whitespace().next()?,
        "rpz" => what.split_once(" rewrite ")?.1.split_whitespace().next()?,
        _ => quoted()?,
    };
    let mut parts = named.rsplitn(3, '/');
    let (last, middle, name) = (parts.next()?, parts.next(), parts.next());
    // query failed and zone lines write class before type.
    let (name, kind) = match (name, middle, last) {
        (Some(n), Some("IN" | "CH" | "HS"), kind) => (n, Some(kind)),
        (Some(n), Some(kind), _) => (n, Some(kind)),
        (None, Some(n), _) => (n, None),
        (_, None, n) => (n, None),
    };
    raw.push("query", Value::str(name));
    if let Some(kind) = kind {
        raw.push("type", Value::str(kind));
    }
    let code = what
        .split_once('(')
        .and_then(|(_, r)| r.split_once(')'))
        .map_or("", |(c, _)| c);
    if verb == "query failed" && code.bytes().all(|b| b.is_ascii_uppercase()) {
        raw.push("rcode", Value::str(code));
    }
    raw.push("verb", Value::str(verb));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &str) -> Raw<'_> {
        record(
            &Line {
                payload,
                tag: None,
                host: Some("ns1"),
                time: None,
            },
            0,
            Vec::new(),
        )
    }

    #[test]
    fn query_lines_of_all_ages() {
        let r = read(
            "05-Feb-2025 11:30:29.123 queries: info: client @0x7f62 10.1.2.3#5557 (A.example): view internal: query: A.example IN AAAA +E(0)TDC (10.0.0.2)",
        );
        let of = |n: &str| r.get(n).unwrap_or("");
        assert_eq!(
            (&*r.kind, of("query"), of("type"), of("flags"), of("server")),
            ("bind", "A.example", "AAAA", "+E(0)TDC", "10.0.0.2")
        );
        assert_eq!(
            (of("client"), of("client_port"), of("view"), of("category")),
            ("10.1.2.3", "5557", "internal", "queries: info")
        );
        assert_eq!(
            (r.time, r.quality.as_str(), r.get("name")),
            (Some(1_738_755_029_123_000), "assumed", None)
        );
        assert_eq!(
            read("client 2001:db8::1#80 (a.b): query: a.b IN PTR + (::1)").get("client"),
            Some("2001:db8::1")
        );
    }

    #[test]
    fn infoblox_answers_and_bind_answers() {
        let r = read(
            "client 10.1.2.3#36615: UDP: query: A.b IN A response: NOERROR +A a.b. 3600 IN A 10.56.12.201; a.b. 60 IN A 10.1.1.1;",
        );
        assert_eq!(
            (r.get("rcode"), r.get("proto"), r.get("flags")),
            (Some("NOERROR"), Some("UDP"), Some("+A"))
        );
        assert!(r.get("answers").unwrap().starts_with("a.b. 3600 IN A"));
        let r = read("client @0x1 10.1.2.3#54 (a.b): answer: a.b IN HTTPS +EDC (10.0.0.2) -> NOERROR");
        assert_eq!(
            (r.get("rcode"), r.get("verb"), r.get("server")),
            (Some("NOERROR"), Some("response"), Some("10.0.0.2"))
        );
    }

    #[test]
    fn refusals_name_what_was_asked() {
        let r = read("client 10.1.2.3#1036 (a.b): query (cache) 'a.b/ANY/IN' denied");
        assert_eq!(
            (&*r.kind, r.get("query"), r.get("type")),
            ("bind", Some("a.b"), Some("ANY"))
        );
        let r = read("client @0x7 10.1.2.3#55 (a.b): query failed (SERVFAIL) for a.b/IN/PTR at query.c:6922");
        assert_eq!((r.get("rcode"), r.get("type")), (Some("SERVFAIL"), Some("PTR")));
        for service in [
            "zone 10.in-addr.arpa/IN: Transfer started.",
            "client 10.1.2.3#1036: query (cache) denied",
            "x",
        ] {
            let r = read(service);
            assert_eq!((&*r.kind, r.get("message")), ("bind.service", Some(service)));
        }
    }
}
