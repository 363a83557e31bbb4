//! IOC-01, a listed domain or address was asked for or contacted.
//!
//! Sees: names asked, requested or connected to that are, or lie under, a domain of the user's indicator list, and external or
//! internal addresses on it or in one of its networks.
//! Why: the user knows these to be bad; the list is as good as its source.
//! Benign: indicators that are too broad (shared hosting, a sinkhole, a resolver); blocked requests.
//! Sources: the user's list (`--iocs`).

use std::collections::BTreeMap;

use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Prevalence, Reads, Signal, Threshold};
use crate::base::ip;
use crate::lake::frame::Row;
use crate::schema::{Col, common, dns, http, network};

/// The signal.
pub struct Ioc01;

const EVIDENCE: usize = 10;
const BLOCKED_QUALITY: f64 = 0.4;

static META: Meta = Meta {
    id: "IOC-01",
    title: "Listed domain or address contacted",
    sees: "a question for, a request to or a connection with a domain, address or network of the user's indicator list",
    why: "the user knows these to be bad",
    techniques: &["T1071"],
    stage: "command-and-control",
    family: "indicators",
    key: Key::Host,
    reads: &[
        Reads {
            table: &dns::TABLE,
            columns: &[dns::QNAME, dns::ANSWERS, dns::IMAGE, dns::PROC_GUID, dns::PID],
        },
        Reads {
            table: &http::TABLE,
            columns: &[
                http::URL_HOST,
                http::DST_IP,
                http::VERDICT,
                http::IMAGE,
                http::PROC_GUID,
                http::PID,
            ],
        },
        Reads {
            table: &network::TABLE,
            columns: &[
                network::DST_HOST,
                network::TLS_SNI,
                network::DST_IP,
                network::SRC_IP,
                network::IMAGE,
                network::PROC_GUID,
                network::PID,
            ],
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "blocked_quality",
        value: BLOCKED_QUALITY,
        unit: "quality where every contact was blocked",
        source: "[J]",
    }],
    benign: &["indicators that are too broad", "blocked requests"],
};

impl Signal for Ioc01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        if !cx.lists.has_network_indicators() {
            return;
        }
        let mut found: BTreeMap<String, (Hit, bool)> = BTreeMap::new();
        for row in rows.table(&dns::TABLE).iter() {
            name(cx, row, dns::QNAME, "asked for", &mut found);
            for answer in row.str(dns::ANSWERS).lines().filter_map(ip::parse) {
                address(cx, row, Some(answer), "was led to", &mut found);
            }
        }
        for row in rows.table(&http::TABLE).iter() {
            name(cx, row, http::URL_HOST, "requested", &mut found);
            address(cx, row, row.ip(http::DST_IP), "requested from", &mut found);
        }
        for row in rows.table(&network::TABLE).iter() {
            name(cx, row, network::DST_HOST, "connected to", &mut found);
            name(cx, row, network::TLS_SNI, "connected to", &mut found);
            address(cx, row, row.ip(network::DST_IP), "connected to", &mut found);
            address(cx, row, row.ip(network::SRC_IP), "was contacted by", &mut found);
        }
        hits.extend(found.into_values().map(|(hit, passed)| match passed {
            true => hit,
            false => hit.quality(cx.number(&META, "blocked_quality")),
        }));
    }
}

fn name(cx: &Cx<'_>, row: Row<'_>, col: Col, verb: &str, found: &mut BTreeMap<String, (Hit, bool)>) {
    let Some(text) = row.text(col) else { return };
    let lower = text.to_ascii_lowercase();
    if let Some(note) = cx.lists.bad_domain(&lower) {
        let ioc = Ioc::Domain(lower.clone());
        add(row, lower, note, verb, ioc, found);
    }
}

fn address(cx: &Cx<'_>, row: Row<'_>, a: Option<ip::Ip>, verb: &str, found: &mut BTreeMap<String, (Hit, bool)>) {
    let Some(a) = a else { return };
    if let Some(note) = cx.lists.bad_address(&a) {
        let text = ip::display(&a);
        add(row, text.clone(), note, verb, Ioc::Ip(text), found);
    }
}

fn add(row: Row<'_>, key: String, note: &str, verb: &str, ioc: Ioc, found: &mut BTreeMap<String, (Hit, bool)>) {
    let passed = row.table().ix() != http::TABLE.ix() || row.text(http::VERDICT) != Some("blocked");
    if let Some((hit, any)) = found.get_mut(&key) {
        hit.count += 1;
        hit.last = hit.last.max(row.ts());
        *any |= passed;
        if hit.rows.len() < EVIDENCE {
            hit.add_row(row);
        }
        return;
    }
    let note = if note.is_empty() {
        String::new()
    } else {
        format!(" ({note})")
    };
    let explain = format!(
        "{} {verb} {key}, which is on the indicator list{note}",
        row.str(common::HOST)
    );
    let hit = Hit::at(&META, row, key.clone(), explain)
        .prevalence(Prevalence::Neutral)
        .ioc(ioc);
    found.insert(key, (hit, passed));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn asked(name: &str) -> Vec<Hit> {
        let mut s = Sample::default();
        s.lists.add_domain("evil.example", "c2");
        s.row(&dns::TABLE, "ws1", "2026-03-02T09:00:00Z", |b| b.text(dns::QNAME, name));
        s.hits(&Ioc01)
    }

    #[test]
    fn listed_domains_and_what_lies_under_them_fire() {
        let hits = asked("a.evil.example");
        assert_eq!(hits.len(), 1);
        assert!(
            hits[0].explain.contains("asked for a.evil.example"),
            "{}",
            hits[0].explain
        );
        assert!(asked("notevil.example").is_empty());
    }
}
