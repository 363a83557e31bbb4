//! Zeek `dns` → dns: one row holds question and answer.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::log_rows::{answered, qname};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row, Spot};
use crate::ingest::sink::RecordContext;
use crate::ingest::zeek;
use crate::knowledge::services;
use crate::schema::builder::TableSet;
use crate::schema::dns;

/// Queries seen on the wire.
pub struct ZeekDns;

static FIELDS: FieldMap = FieldMap::new(&[
    ("uid", dns::CONN_UID, Dec::Text),
    ("id.orig_h", dns::CLIENT_IP, Dec::Ip),
    ("id_orig_h", dns::CLIENT_IP, Dec::Ip),
    ("id.orig_p", dns::CLIENT_PORT, Dec::Int),
    ("id_orig_p", dns::CLIENT_PORT, Dec::Int),
    ("id.resp_h", dns::SERVER_IP, Dec::Ip),
    ("id_resp_h", dns::SERVER_IP, Dec::Ip),
    ("id.resp_p", dns::SERVER_PORT, Dec::Int),
    ("id_resp_p", dns::SERVER_PORT, Dec::Int),
    ("proto", dns::PROTO, Dec::Lower),
    ("qtype_name", dns::QTYPE, Dec::Text),
    ("rcode_name", dns::RCODE, Dec::Text),
    ("trans_id", dns::TXID, Dec::Int),
    ("rtt", dns::RTT_US, Dec::SecondsUs),
    ("qclass", dns::QCLASS, Dec::Int),
    ("Z", dns::Z, Dec::Int),
]);

/// Zeek's names of classes by number.
const CLASSES: [(i64, &str); 5] = [
    (1, "C_INTERNET"),
    (3, "C_CHAOS"),
    (4, "C_HESIOD"),
    (254, "C_NONE"),
    (255, "C_ANY"),
];

/// Flags in the order in which `flags` joins them; a flag that is not set is left out.
const FLAGS: [&str; 4] = ["AA", "TC", "RD", "RA"];

/// [`FLAGS`] joined, by a number with a bit for each that is set, the first one lowest.
const JOINED: [&str; 16] = [
    "",
    "AA",
    "TC",
    "AA,TC",
    "RD",
    "AA,RD",
    "TC,RD",
    "AA,TC,RD",
    "RA",
    "AA,RA",
    "TC,RA",
    "AA,TC,RA",
    "RD,RA",
    "AA,RD,RA",
    "TC,RD,RA",
    "AA,TC,RD,RA",
];

impl Mapper for ZeekDns {
    fn id(&self) -> &'static str {
        "zeek_dns"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("zeek.dns")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &dns::TABLE, raw, cx);
        row.action("query");
        row.fields(&FIELDS);
        if let Some(client) = row.cells.current_ip(dns::CLIENT_IP) {
            row.host_is_ip(&client);
        }
        qname(&mut row, "query");
        answers(&mut row);
        flags(&mut row);
        repeated(&mut row);
        rejected(&mut row);
        answered(&mut row);
        row.finish();
    }
}

/// Zeek writes types, codes and classes by number and by name: one of the two is enough where they agree.
fn repeated(row: &mut Row<'_, '_>) {
    if let Some((spot, n)) = number(row, "qtype")
        && row.cells.current_text(dns::QTYPE).is_some_and(|name| is_type(n, name))
    {
        row.take_spot(spot);
    }
    if let Some((spot, n)) = number(row, "rcode")
        && row
            .cells
            .current_text(dns::RCODE)
            .is_some_and(|name| services::rcode_name(n) == Some(name))
    {
        row.take_spot(spot);
    }
    let class = row.cells.current_int(dns::QCLASS);
    let known = |name: &str| CLASSES.iter().any(|(n, c)| class == Some(*n) && *c == name);
    if let Some(spot) = row.spot("qclass_name").filter(|s| known(s.text)) {
        row.take_spot(spot);
    }
}

#[inline(always)]
fn number<'r>(row: &Row<'_, 'r>, name: &'static str) -> Option<(Spot<'r>, u16)> {
    let spot = row.spot(name)?;
    Some((spot, spot.text.parse().ok()?))
}

/// Whether a name is that of a type: most are written as the list has them, where the number finds them at once.
fn is_type(number: u16, name: &str) -> bool {
    services::qtype_name(number) == Some(name) || services::qtype_number(name) == Some(number)
}

fn rejected(row: &mut Row<'_, '_>) {
    let Some(spot) = row.spot("rejected") else { return };
    let Some(rejected) = is_true(spot.text) else { return };
    row.cells.int(dns::REJECTED, rejected.into());
    row.take_spot(spot);
}

/// `T` and `F` of text logs, `true` and `false` of JSON.
fn is_true(text: &str) -> Option<bool> {
    match text {
        "T" | "true" => Some(true),
        "F" | "false" => Some(false),
        _ => None,
    }
}

fn answers(row: &mut Row<'_, '_>) {
    let mut answers = 0;
    if let Some(spot) = row.spot("answers") {
        let items = zeek::items(spot.text);
        answers = row.cells.list(dns::ANSWERS, items.iter());
        if items.recreate() {
            row.take_spot(spot);
        }
    }
    let Some(spot) = row.spot("TTLs") else { return };
    let text = spot.text;
    let items = zeek::items(text);
    let first = items.iter().next().unwrap_or_default();
    let (n, alike) = items
        .iter()
        .fold((0, true), |(n, alike), t| (n + 1, alike && t == first));
    if let Some(all) = whole(first).filter(|_| alike) {
        row.cells.int(dns::TTL_MIN, all);
        if n == answers && text.as_bytes().first() != Some(&b'[') {
            row.take_spot(spot);
        }
    } else if let Some(least) = items.iter().filter_map(ttl).min() {
        row.cells.int(dns::TTL_MIN, least);
    }
}

/// Whole seconds of an interval as Zeek writes them.
fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_suffix(".000000")?;
    let plain = digits == "0" || digits.starts_with(|c: char| matches!(c, '1'..='9'));
    digits.parse::<u32>().ok().filter(|_| plain).map(i64::from)
}

/// Whole seconds of an interval.
fn ttl(text: &str) -> Option<i64> {
    // Zeek writes six decimals, which say nothing.
    let whole = text.strip_suffix(".000000").unwrap_or(text);
    if let Ok(seconds) = whole.parse::<u32>() {
        return Some(seconds.into());
    }
    let seconds = text.parse::<f64>().ok()?;
    (0.0..=4_294_967_295.0).contains(&seconds).then_some(seconds as i64)
}

/// Joins the four flags into one column, where the record has all four.
fn flags(row: &mut Row<'_, '_>) {
    let spots = FLAGS.map(|flag| row.spot(flag));
    let mut set = 0;
    for (i, spot) in spots.iter().enumerate() {
        match spot.and_then(|s| is_true(s.text)) {
            Some(is_set) => set |= usize::from(is_set) << i,
            None => return,
        }
    }
    row.cells.text(dns::FLAGS, JOINED.get(set).copied().unwrap_or_default());
    spots.into_iter().flatten().for_each(|spot| row.take_spot(spot));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_one_number() {
        for number in 0..=u16::MAX {
            if let Some(name) = services::qtype_name(number) {
                assert_eq!(services::qtype_number(name), Some(number));
            }
        }
        assert!(is_type(28, "AAAA") && is_type(28, "aaaa") && is_type(65_333, "TYPE65333"));
        assert!(!is_type(28, "A") && !is_type(1, ""));
    }
    use crate::ingest::testing::{extra, int, list, map, text};
    use crate::schema::common;

    #[test]
    fn question_answers_and_flags() {
        let out = map(
            "zeek.dns",
            &[
                ("id.orig_h", "10.47.1.100"),
                ("query", "ISE.Example.ORG"),
                ("qtype_name", "A"),
                ("rcode_name", "NOERROR"),
                ("AA", "F"),
                ("TC", "F"),
                ("RD", "T"),
                ("RA", "T"),
                ("qtype", "1"),
                ("rcode", "3"),
                ("qclass", "1"),
                ("qclass_name", "C_INTERNET"),
                ("rtt", "0.575397"),
                ("Z", "2"),
                ("rejected", "F"),
                ("answers", "x.example,192.0.2.16"),
                ("TTLs", "2230.000000,36.000000"),
            ],
        );
        assert_eq!(text(&out, dns::QNAME).as_deref(), Some("ise.example.org"));
        assert_eq!(list(&out, dns::ANSWERS), ["x.example", "192.0.2.16"]);
        assert_eq!(int(&out, dns::TTL_MIN), Some(36));
        assert_eq!(text(&out, dns::FLAGS).as_deref(), Some("RD,RA"));
        let ints = [dns::RTT_US, dns::QCLASS, dns::Z, dns::REJECTED].map(|c| int(&out, c));
        assert_eq!(ints, [Some(575_397), Some(1), Some(2), Some(0)]);
        assert_eq!(text(&out, common::OUTCOME).as_deref(), Some("success"));
        assert_eq!(text(&out, common::HOST).as_deref(), Some("ip:10.47.1.100"));
        assert_eq!(
            extra(&out).as_deref(),
            Some(r#"{"query":"ISE.Example.ORG","rcode":"3","TTLs":"2230.000000,36.000000"}"#),
            "a code that its name contradicts is kept"
        );
    }

    #[test]
    fn lives_of_answers_are_kept_where_the_shortest_does_not_tell_all() {
        let kept = |answers: &str, ttls: &str| {
            let out = map("zeek.dns", &[("answers", answers), ("TTLs", ttls)]);
            assert!(int(&out, dns::TTL_MIN).is_some());
            extra(&out).is_some()
        };
        for (answers, ttls) in [("a", "0.000000"), ("a,b,c", "60.000000,60.000000,60.000000")] {
            assert!(!kept(answers, ttls), "{ttls}");
        }
        for (answers, ttls) in [
            ("a", "60"),
            ("a", "060.000000"),
            ("a", "+60.000000"),
            ("a", "60.500000"),
            ("a,b", "60.000000"),
            ("a,b", "60.000000,61.000000"),
            ("a", "[60.000000]"),
        ] {
            assert!(kept(answers, ttls), "{ttls}");
        }
    }
}
