//! BIND, Infoblox and Microsoft's DNS debug log → dns.
//!
//! Actions: `query` a client asks; `response` the server answers a client; `recurse` the server asks another;
//! `recurse_response` that one answers; `update`, `notify`, `transfer`. Only rows of the client side carry a host.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::{dns_outcome, qname};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{common, dns};

/// DNS servers' own logs.
pub struct DnsText;

static BIND: FieldMap = FieldMap::new(&[
    ("client", dns::CLIENT_IP, Dec::Ip),
    ("client_port", dns::CLIENT_PORT, Dec::Int),
    ("server", dns::SERVER_IP, Dec::Ip),
    ("type", dns::QTYPE, Dec::Text),
    ("rcode", dns::RCODE, Dec::Text),
    ("flags", dns::FLAGS, Dec::Text),
    ("proto", dns::PROTO, Dec::Lower),
]);

static MSDNS: FieldMap = FieldMap::new(&[
    ("type", dns::QTYPE, Dec::Text),
    ("rcode", dns::RCODE, Dec::Text),
    ("flags", dns::FLAGS, Dec::Text),
    ("protocol", dns::PROTO, Dec::Lower),
]);

impl Mapper for DnsText {
    fn id(&self) -> &'static str {
        "dns_text"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("bind"), Claim::Log("msdns")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &dns::TABLE, raw, cx);
        match &*raw.kind {
            "msdns" => msdns(&mut row),
            _ => bind(&mut row),
        }
        dns_outcome(&mut row);
        row.finish();
    }
}

fn bind(row: &mut Row<'_, '_>) {
    let verb = row.take("verb").unwrap_or("query");
    row.action(match verb {
        "response" => "response",
        "zone transfer" | "bad zone transfer" => "transfer",
        "update" => "update",
        _ => "query",
    });
    let what = row.peek("what").unwrap_or("");
    let rewritten = verb == "rpz" && !what.contains("PASSTHRU");
    if what.contains("denied") || rewritten {
        row.cells.text(common::OUTCOME, "blocked");
    }
    if rewritten {
        row.cells.int(dns::BLOCKED, 1);
    }
    row.fields(&BIND);
    qname(row, "query");
    if let Some(client) = row.cells.current_ip(dns::CLIENT_IP) {
        row.host_is_ip(&client);
    }
    // BIND marks TCP by a T among the flags; the letters before it are + or -, S and E(0).
    if let Some(flags) = row
        .peek("flags")
        .filter(|_| row.peek("answers").is_none() && row.peek("rcode").is_none())
    {
        row.cells
            .text(dns::PROTO, if flags.contains('T') { "tcp" } else { "udp" });
    }
    infoblox_answers(row);
}

/// `name ttl IN TYPE data; …`
fn infoblox_answers(row: &mut Row<'_, '_>) {
    let Some(text) = row.peek("answers") else { return };
    let mut items = Vec::new();
    let mut least: Option<u32> = None;
    for record in text.split(';') {
        let Some((before, after)) = record.split_once(" IN ") else {
            continue;
        };
        if let Some(ttl) = before.rsplit(' ').next().and_then(|t| t.parse::<u32>().ok()) {
            least = Some(least.map_or(ttl, |l| l.min(ttl)));
        }
        if let Some((_, data)) = after.trim().split_once(' ') {
            items.push(data.trim().trim_end_matches('.'));
        }
    }
    row.cells.list(dns::ANSWERS, items);
    if let Some(ttl) = least {
        row.cells.int(dns::TTL_MIN, i64::from(ttl));
    }
}

fn msdns(row: &mut Row<'_, '_>) {
    let received = row.peek("direction") == Some("Rcv");
    let answer = row.peek("qr") == Some("R");
    let (action, from_client) = match (row.peek("opcode"), received, answer) {
        (Some("U"), ..) => ("update", received != answer),
        (Some("N"), ..) => ("notify", false),
        (_, true, false) => ("query", true),
        (_, false, true) => ("response", true),
        (_, false, false) => ("recurse", false),
        (_, true, true) => ("recurse_response", false),
    };
    row.action(action);
    row.fields(&MSDNS);
    row.field(
        "peer",
        if from_client { dns::CLIENT_IP } else { dns::SERVER_IP },
        Dec::Ip,
    );
    if let Some(client) = row.cells.current_ip(dns::CLIENT_IP) {
        row.host_is_ip(&client);
    }
    if let Some(id) = row.peek("xid").and_then(|x| u16::from_str_radix(x, 16).ok()) {
        row.cells.int(dns::TXID, i64::from(id));
        row.take("xid");
    }
    let Some(raw) = row.peek("name") else { return };
    let (name, exact) = labels(raw);
    row.cells.text(dns::QNAME, &name);
    if exact {
        row.take("name");
    }
}

/// `(5)login(4)live(3)com(0)` by its lengths; whether the name re-creates the text. A name that is dotted already is
/// taken as it is.
fn labels(text: &str) -> (String, bool) {
    match plain_labels(text) {
        Some(name) => (name, true),
        None => any_labels(text),
    }
}

/// [`labels`] of what re-creates itself: true lengths, small letters, no dots.
fn plain_labels(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.strip_suffix("(0)").filter(|labels| !labels.is_empty())?;
    while !rest.is_empty() {
        let (length, after) = match *rest.as_bytes() {
            [b'(', n @ b'1'..=b'9', b')', ..] => (n - b'0', 3),
            [b'(', n @ b'1'..=b'9', m @ b'0'..=b'9', b')', ..] => ((n - b'0') * 10 + (m - b'0'), 4),
            _ => return None,
        };
        let (label, next) = rest.get(after..)?.split_at_checked(length.into())?;
        if label.bytes().any(|b| b == b'.' || b.is_ascii_uppercase()) {
            return None;
        }
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(label);
        rest = next;
    }
    Some(out)
}

/// [`labels`] of any text.
fn any_labels(text: &str) -> (String, bool) {
    let mut out = String::new();
    let mut rest = text;
    while let Some((length, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
        let Ok(length) = length.parse::<usize>() else { break };
        if length == 0 {
            rest = after;
            break;
        }
        let Some((label, next)) = after.split_at_checked(length) else {
            break;
        };
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(label);
        rest = next;
    }
    if !rest.is_empty() {
        // Lengths that do not fit (another encoding, a cut name): numbers in brackets separate the labels.
        out = loose(text);
    }
    let lower = out.to_ascii_lowercase();
    let exact = rest.is_empty() && lower == out && text.ends_with("(0)") && !lower.split('.').any(str::is_empty);
    (lower, exact && encode(&out) == text)
}

fn loose(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('(') {
        let digits = |d: &str| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit());
        let Some((_, next)) = after.split_once(')').filter(|(d, _)| digits(d)) else {
            break;
        };
        out.push_str(before);
        out.push('.');
        rest = next;
    }
    out.push_str(rest);
    out.trim_matches('.').to_owned()
}

fn encode(name: &str) -> String {
    let mut out: String = name.split('.').map(|l| format!("({}){l}", l.len())).collect();
    out.push_str("(0)");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_labels_are_those_of_any_reader(
            text in "(\\(3\\)(abc|aéx|a.b|aBc|\\(1\\))|\\(02\\)ab|\\(1\\)a|\\(12\\)abcdefghijkl){0,4}(\\(0\\)){0,2}",
        ) {
            if let Some(name) = plain_labels(&text) {
                prop_assert_eq!((name, true), any_labels(&text));
            }
        }
    }
    use crate::ingest::testing::{address, extra, int, list, map, text};

    #[test]
    fn names_are_cut_by_length() {
        assert!(plain_labels("(5)login(4)live(12)abcdefghijkl(0)").is_some());
        assert_eq!(labels("(5)login(4)live(3)com(0)"), ("login.live.com".into(), true));
        assert_eq!(labels("(5)LOGIN(3)com(0)"), ("login.com".into(), false));
        assert_eq!(labels("(6)a(b) c(3)com(0)"), ("a(b) c.com".into(), true));
        assert_eq!(labels("(9)short(3)com(0)").0, "short.com");
        assert_eq!(labels(".ns1.example.com."), ("ns1.example.com".into(), false));
        assert_eq!(labels("(0)").0, "");
        assert_eq!(labels("(99999999999999999999)x(").0, "x(");
    }

    #[test]
    fn four_packets_of_one_question() {
        let of = |direction, qr: Option<&'static str>| {
            let mut fields = vec![
                ("direction", direction),
                ("peer", "10.1.1.5"),
                ("xid", "5b47"),
                ("rcode", "NOERROR"),
                ("type", "A"),
                ("name", "(1)a(0)"),
                ("opcode", "Q"),
            ];
            fields.extend(qr.map(|q| ("qr", q)));
            map("msdns", &fields)
        };
        let (query, recurse, answer, reply) = (
            of("Rcv", None),
            of("Snd", None),
            of("Rcv", Some("R")),
            of("Snd", Some("R")),
        );
        let actions: Vec<_> = [&query, &recurse, &answer, &reply]
            .iter()
            .map(|r| text(r, common::ACTION).unwrap())
            .collect();
        assert_eq!(actions, ["query", "recurse", "recurse_response", "response"]);
        assert_eq!(
            (text(&query, common::HOST).as_deref(), text(&recurse, common::HOST)),
            (Some("ip:10.1.1.5"), None)
        );
        assert_eq!(
            (address(&answer, dns::SERVER_IP).as_deref(), int(&query, dns::TXID)),
            (Some("10.1.1.5"), Some(0x5b47))
        );
        assert_eq!(
            (text(&query, common::OUTCOME), text(&reply, common::OUTCOME).as_deref()),
            (None, Some("success"))
        );
    }

    #[test]
    fn bind_queries_refusals_and_answers() {
        let out = map(
            "bind",
            &[
                ("verb", "query"),
                ("client", "10.1.1.5"),
                ("query", "A.example."),
                ("type", "A"),
                ("flags", "+E(0)TDC"),
            ],
        );
        assert_eq!(
            (text(&out, dns::QNAME).as_deref(), text(&out, dns::PROTO).as_deref()),
            (Some("a.example"), Some("tcp"))
        );
        let out = map(
            "bind",
            &[
                ("verb", "query"),
                ("query", "a.b"),
                ("what", "query (cache) 'a.b/A/IN' denied"),
            ],
        );
        assert_eq!(text(&out, common::OUTCOME).as_deref(), Some("blocked"));
        let out = map(
            "bind",
            &[
                ("verb", "query"),
                ("query", "a.b"),
                ("rcode", "NOERROR"),
                ("answers", "a.b. 60 IN CNAME c.d.; c.d. 5 IN A 192.0.2.1;"),
            ],
        );
        assert_eq!(
            (list(&out, dns::ANSWERS), int(&out, dns::TTL_MIN)),
            (vec!["c.d".to_string(), "192.0.2.1".into()], Some(5))
        );
        assert!(extra(&out).unwrap().contains("answers"));
    }
}
