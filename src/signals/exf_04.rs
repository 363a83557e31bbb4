//! EXF-04: file sharing with the internet.
//!
//! Sees: a connection of a host to ports 445 or 139 of an address outside.
//! Why: a link to a share outside makes Windows send the user's password hash there, and carries files past the proxy.
//! Benign causes: shares of a cloud provider mounted directly, wrong addresses in scripts.
//! Sources: Elastic (SMB to the internet); ATT&CK T1048, T1187.

use std::collections::BTreeMap;

use super::contacts::spread_out;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, Ioc, KeyRows, Prevalence, Signal};
use crate::base::ip::{self, Ip};
use crate::base::text::basename;
use crate::entity::fleet::Thing;
use crate::lake::frame::Row;
use crate::schema::{common, network as t};

/// See the module.
pub struct Exf04;

const EVIDENCE: usize = 8;

static META: Meta = Meta {
    id: "EXF-04",
    title: "SMB to the internet",
    sees: "A connection of a host to port 445 or 139 of an address outside.",
    why: "A link to a share outside gives away the user's password hash, and carries files past the proxy.",
    techniques: &["T1048", "T1187"],
    stage: "exfiltration",
    family: "exfiltration",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::OUTCOME,
            common::USER,
            t::DIRECTION,
            t::DST_IP,
            t::DST_PORT,
            t::CONN_STATE,
            t::PID,
            t::PROC_GUID,
            t::IMAGE,
        ],
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "refused_quality",
        value: 0.4,
        unit: "quality where nothing answered",
        source: "[J] the firewall did its work",
    }],
    benign: &["shares of a cloud provider", "wrong addresses in scripts"],
};

impl Signal for Exf04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut targets: BTreeMap<Ip, Vec<Row<'_>>> = BTreeMap::new();
        for row in rows.table(&t::TABLE).iter().filter(is_outgoing) {
            if let Some(address) = row.ip(t::DST_IP).filter(|a| !ip::is_internal(a)) {
                targets.entry(address).or_default().push(row);
            }
        }
        let population = cx.facts.hosts_with(&t::TABLE).max(1);
        for (address, of_target) in targets {
            let Some(first) = of_target.first().copied() else {
                continue;
            };
            let shown = ip::display(&address);
            let refused = of_target.iter().all(|r| is_refused(*r));
            let by = first.text(t::IMAGE).map_or("A program", basename);
            let explain = format!(
                "{by} connected to file sharing at {shown} outside{}",
                if refused { "; nothing answered" } else { "" }
            );
            let hosts = cx.facts.seen(Thing::Address, &shown).hosts.max(1);
            let mut hit = Hit::at(&META, first, shown.clone(), explain)
                .quality(if refused {
                    cx.number(&META, "refused_quality")
                } else {
                    1.0
                })
                .prevalence(Prevalence::Hosts {
                    hosts,
                    population: population.max(hosts),
                })
                .ioc(Ioc::Ip(shown));
            for row in spread_out(&of_target, EVIDENCE).into_iter().skip(1) {
                hit.add_row(row);
            }
            hit.last = of_target.last().map_or(hit.time, |r| r.ts());
            hit.count = of_target.len() as u64;
            hits.push(hit);
        }
    }
}

fn is_outgoing(row: &Row<'_>) -> bool {
    matches!(row.int(t::DST_PORT), Some(139 | 445))
        && row.str(t::DIRECTION) != "in"
        && !matches!(row.str(common::ACTION), "accept" | "listen" | "bind")
        && row.str(common::OUTCOME) != "blocked"
}

/// States of Zeek in which the other side never answered.
fn is_refused(row: Row<'_>) -> bool {
    matches!(row.str(t::CONN_STATE), "S0" | "REJ" | "RSTOS0" | "SH")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn hits(address: &str, port: i64) -> usize {
        let mut s = Sample::default();
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.ip(t::DST_IP, &ip::parse(address).unwrap());
            b.int(t::DST_PORT, port);
        });
        s.hits(&Exf04).len()
    }

    #[test]
    fn only_addresses_outside_fire() {
        assert_eq!(hits("203.0.113.9", 445), 1);
        assert_eq!(hits("2001:4860::1", 445), 1);
        assert_eq!(hits("8.8.8.8", 139), 1);
        assert_eq!(hits("10.0.0.5", 445), 0);
        assert_eq!(hits("172.20.1.1", 445), 0);
        assert_eq!(hits("fd00::1", 445), 0);
    }
}
