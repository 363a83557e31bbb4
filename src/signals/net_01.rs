//! NET-01, a program that calls home: connections to one place outside at the intervals of a sleeping program.
//!
//! Sees: a series of connections or web requests to one destination (or, against rotating names, to one registrable
//! domain by one process) whose intervals are regular once bursts, nights and missing beats are taken out.
//! Why: implants sleep and ask for orders; with jitter and pauses the rhythm stays.
//! Benign: updaters, telemetry, push services, monitoring and remote-management agents are as regular. Timing never tells
//! them apart: rarity of the destination, the process and the rest of the chain do.
//! Sources: [`crate::rules::beacon`] (own simulation), RITA v5 for bytes and modifiers, ATT&CK T1071.001.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::contacts::{self, Contact, contacts, image, odd_process, spread_out};
use super::questions::POPULAR_HOSTS;
use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, Signal, Threshold};
use crate::base::text::basename;
use crate::base::time::{DAY, format_rfc3339};
use crate::entity::fleet::Thing;
use crate::knowledge::domains;
use crate::lake::frame::{NO_STR, Row};
use crate::rules::beacon::{self, Beacon, Kernel};
use crate::schema::{dns, http, network};

/// The signal.
pub struct Net01;

const EVERYWHERE_FACTOR: f64 = 0.25;
const MODIFIER: f64 = 0.10;
const RARE_HOSTS: u32 = 2;
const NEW_DAYS: i64 = 7;
const EVIDENCE: usize = 12;

static META: Meta = Meta {
    id: "NET-01",
    title: "Sleep-type beacon",
    sees: "connections from one host to one external destination (name, else address, port and protocol), or to one \
           registrable domain by one process, with the timing of a program that sleeps between check-ins",
    why: "implants ask for orders at intervals; jitter, nights and lost packets do not hide the rhythm",
    techniques: &["T1071.001", "T1573", "T1571", "T1095"],
    stage: "command-and-control",
    family: "periodicity",
    key: Key::Host,
    reads: &[
        Reads {
            table: &network::TABLE,
            columns: contacts::NETWORK,
        },
        Reads {
            table: &http::TABLE,
            columns: contacts::HTTP,
        },
        Reads {
            table: &dns::TABLE,
            columns: contacts::DNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "timing",
            value: beacon::TIMING_FIRES,
            unit: "0-1",
            source: "[M] 500 simulated series per case: every sleeper, no Poisson or browsing series",
        },
        Threshold {
            name: "min_events",
            value: beacon::MIN_EVENTS as f64,
            unit: "check-ins",
            source: "[J]",
        },
        Threshold {
            name: "min_span",
            value: beacon::MIN_SPAN_S,
            unit: "s",
            source: "[J]",
        },
        Threshold {
            name: "max_per_day",
            value: beacon::MAX_EVENTS_PER_DAY,
            unit: "connections",
            source: "RITA v5",
        },
        Threshold {
            name: "everywhere_factor",
            value: EVERYWHERE_FACTOR,
            unit: "x quality",
            source: "[J] destination of at least half of the hosts",
        },
        Threshold {
            name: "modifier",
            value: MODIFIER,
            unit: "quality",
            source: "RITA v5: modifiers of 0.10 to 0.15",
        },
        Threshold {
            name: "new_days",
            value: NEW_DAYS as f64,
            unit: "d",
            source: "RITA v5: first seen",
        },
        Threshold {
            name: "rare_hosts",
            value: RARE_HOSTS as f64,
            unit: "hosts",
            source: "[J]",
        },
    ],
    benign: &[
        "software updates and telemetry",
        "push and presence services",
        "monitoring, EDR and remote-management agents",
        "time service (ports 53 and 123 are left out)",
    ],
};

impl Signal for Net01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let all = contacts(rows);
        let mut owners = BTreeSet::new();
        let mut kernel = Kernel::default();
        for contact in &all {
            if let Some((series, beat)) = best(cx, &mut kernel, contact) {
                owners.extend(contact.e2ld.clone());
                hits.extend(hit(cx, contact, &series, beat));
            }
        }
        for contact in rotating(&all, &owners) {
            if let Some((series, beat)) = best(cx, &mut kernel, &contact) {
                hits.extend(hit(cx, &contact, &series, beat));
            }
        }
    }
}

/// The most regular series among those of the sensors that saw the destination.
fn best<'a>(cx: &Cx<'_>, kernel: &mut Kernel, contact: &Contact<'a>) -> Option<(Vec<Row<'a>>, Beacon)> {
    if contact.rows.len() < beacon::MIN_EVENTS {
        return None;
    }
    let mut best: Option<(Vec<Row<'a>>, Beacon)> = None;
    for series in contact.sensors() {
        let times: Vec<i64> = series.iter().map(|r| r.ts()).collect();
        let sizes: Option<Vec<u64>> = series.iter().map(|r| bytes_out(*r)).collect();
        let enough = |b: &Beacon| {
            b.fires()
                && b.timing >= cx.number(&META, "timing")
                && b.n as f64 >= cx.number(&META, "min_events")
                && (b.last - b.first) as f64 / 1e6 >= cx.number(&META, "min_span")
        };
        let Some(beat) = kernel.best_horizon(&times, sizes.as_deref()).filter(enough) else {
            continue;
        };
        if best.as_ref().is_none_or(|(_, known)| beat.b > known.b) {
            best = Some((series, beat));
        }
    }
    best
}

fn bytes_out(row: Row<'_>) -> Option<u64> {
    let col = if row.table().ix() == http::TABLE.ix() {
        http::BYTES_OUT
    } else {
        network::BYTES_OUT
    };
    row.int(col).and_then(|b| u64::try_from(b).ok())
}

/// Series over all names of one registrable domain by one process, for domains with several names of which none is
/// regular by itself.
fn rotating<'a>(all: &[Contact<'a>], done: &BTreeSet<String>) -> Vec<Contact<'a>> {
    let mut names: BTreeMap<&str, Vec<&Contact<'a>>> = BTreeMap::new();
    for contact in all {
        if let Some(owner) = contact.e2ld.as_deref().filter(|d| !done.contains(*d)) {
            names.entry(owner).or_default().push(contact);
        }
    }
    let mut out = Vec::new();
    for (owner, members) in names {
        if members.len() < 2 || domains::cdn_or_cloud(owner) {
            continue;
        }
        let mut by_process: BTreeMap<String, Vec<Row<'a>>> = BTreeMap::new();
        for row in members.iter().flat_map(|c| &c.rows) {
            by_process
                .entry(image(*row).unwrap_or("").to_lowercase())
                .or_default()
                .push(*row);
        }
        for (_, mut rows) in by_process {
            rows.sort_by_key(|r| (r.table().ix(), r.ts()));
            out.push(Contact {
                key: format!("*.{owner}"),
                e2ld: Some(owner.to_owned()),
                address: None,
                port: members.first().and_then(|c| c.port),
                rows,
            });
        }
    }
    out
}

fn hit(cx: &Cx<'_>, contact: &Contact<'_>, series: &[Row<'_>], beat: Beacon) -> Option<Hit> {
    let within: Vec<Row<'_>> = series
        .iter()
        .filter(|r| (beat.first..=beat.last).contains(&r.ts()))
        .copied()
        .collect();
    let lead = contact.process_row(beat.first, beat.last).or(within.first().copied())?;
    let program = image(lead);
    let (hosts, population) = contact.spread(cx);
    let reasons = reasons(cx, contact, &within, hosts);
    let odd = program.and_then(odd_process);
    let mut quality = beat.strength() + cx.number(&META, "modifier") * reasons.len() as f64;
    if contact.is_everywhere(cx) {
        quality = quality.min(1.0) * cx.number(&META, "everywhere_factor");
    }
    let mut explain = format!(
        "{} called {} every {} s: {} check-ins from {} to {}, timing {:.2} (fires at {:.2})",
        program.map_or("an unnamed program", basename),
        contact.key,
        rounded(beat.period_s),
        beat.n,
        format_rfc3339(beat.first),
        format_rfc3339(beat.last),
        beat.timing,
        beacon::TIMING_FIRES,
    );
    if let Some(size) = beat.size {
        explain += &format!(", regularity of bytes sent {size:.2}");
    }
    explain += &format!("; {hosts} of {population} hosts go there");
    for reason in odd.iter().chain(&reasons) {
        explain += "; ";
        explain += reason;
    }
    let level = if odd.is_some() { META.level.raised() } else { META.level };
    let mut hit = Hit::at(&META, lead, contact.key.clone(), explain)
        .level(level)
        .quality(quality)
        .prevalence(contact.prevalence(cx))
        .ioc(match contact.key.strip_prefix("*.") {
            Some(owner) => Ioc::Domain(owner.to_owned()),
            None => contact.ioc(),
        });
    hit.techniques = contact.techniques().into_iter().map(Cow::Borrowed).collect();
    (hit.time, hit.last, hit.count) = (beat.first, beat.last, within.len() as u64);
    for row in spread_out(&within, EVIDENCE) {
        if (row.table().ix(), row.at()) != (lead.table().ix(), lead.at()) {
            hit.add_row(row);
        }
    }
    Some(hit)
}

fn rounded(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.1}")
    } else {
        format!("{seconds:.0}")
    }
}

/// What makes a regular destination stand out, beside its rarity.
fn reasons(cx: &Cx<'_>, contact: &Contact<'_>, rows: &[Row<'_>], hosts: u32) -> Vec<String> {
    let mut out = Vec::new();
    if contact.address.is_some() {
        out.push("a bare address".to_owned());
    }
    let first = rows.first().map_or(0, |r| r.ts());
    if let Some(domain) = &contact.e2ld {
        let seen = cx.facts.seen(Thing::Domain, domain);
        if cx.facts.baseline_days(seen.first) >= (cx.number(&META, "new_days") as i64)
            && first - seen.first <= (cx.number(&META, "new_days") as i64) * DAY
            && hosts < POPULAR_HOSTS
        {
            out.push(format!(
                "the domain was first seen here on {}",
                format_rfc3339(seen.first)
            ));
        }
        if let Some(days) = cx
            .lists
            .registered(domain)
            .map(|t| (first - t) / DAY)
            .filter(|d| (0..=30).contains(d))
        {
            out.push(format!("the domain was {days} days old"));
        }
    }
    let web: Vec<&Row<'_>> = rows.iter().filter(|r| r.table().ix() == http::TABLE.ix()).collect();
    if let Some(first) = web.first() {
        let tunnel = web.iter().any(|r| r.str(http::METHOD) == "CONNECT");
        let same = |col| web.iter().all(|r| r.id(col) == first.id(col));
        let no_referer = web.iter().all(|r| r.id(http::REFERER) == NO_STR);
        if !tunnel && no_referer && first.text(http::URL_PATH).is_some() && same(http::URL_PATH) {
            out.push(format!(
                "always the same path {} without referer",
                crate::base::text::truncate_chars(first.str(http::URL_PATH), 80)
            ));
        }
        if let Some(agent) = first.text(http::UA).filter(|_| same(http::UA)) {
            let users = cx.facts.seen(Thing::UserAgent, agent).hosts;
            if users <= (cx.number(&META, "rare_hosts") as u32)
                && cx.facts.hosts_with(&http::TABLE) > 4 * (cx.number(&META, "rare_hosts") as u32)
            {
                out.push(format!("the User-Agent is sent by {users} hosts only"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ip;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn sysmon(s: &mut Sample, ts: i64, image: &str, dst: &str) {
        s.row_us(&network::TABLE, "ws01", ts, |b| {
            b.text(network::IMAGE, image);
            b.ip(network::DST_IP, &ip::parse(dst).unwrap());
            b.int(network::DST_PORT, 443);
            b.text(network::PROTO, "tcp");
            b.text(network::DIRECTION, "out");
        });
    }

    /// Intervals of 60 s with up to ±20 %, by a fixed sequence.
    fn sleeper(n: i64) -> Vec<i64> {
        let mut t = T0;
        (0..n)
            .map(|i| {
                t += 60_000_000 + ((i * 7_919) % 241 - 120) * 100_000;
                t
            })
            .collect()
    }

    #[test]
    fn a_sleeping_powershell_is_high_and_anchored_at_its_process() {
        let mut s = Sample::default();
        for t in sleeper(180) {
            sysmon(
                &mut s,
                t,
                r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
                "198.51.100.77",
            );
            s.row_us(&http::TABLE, "ws01", t + 300_000, |b| {
                b.text(http::METHOD, "CONNECT");
                b.text(http::URL_HOST, "198.51.100.77");
                b.int(http::URL_PORT, 443);
            });
        }
        let hits = s.hits(&Net01);
        assert_eq!(hits.len(), 1, "{hits:?}");
        let hit = &hits[0];
        assert_eq!((hit.level, hit.key.as_str()), (Level::High, "198.51.100.77:443/tcp"));
        assert_eq!(hit.rows[0].table.name, "network");
        assert!(
            hit.quality > 0.7 && hit.explain.contains("every 60 s"),
            "{}",
            hit.explain
        );
        assert_eq!(hit.techniques, ["T1071.001", "T1573"]);
    }

    #[test]
    fn seven_events_internal_places_and_incoming_connections_stay_quiet() {
        let mut s = Sample::default();
        for t in sleeper(7) {
            sysmon(&mut s, t, "a.exe", "198.51.100.77");
        }
        for t in sleeper(100) {
            sysmon(&mut s, t, "a.exe", "10.0.0.9");
            s.row_us(&network::TABLE, "ws01", t, |b| {
                b.ip(network::DST_IP, &ip::parse("198.51.100.9").unwrap());
                b.int(network::DST_PORT, 443);
                b.text(network::DIRECTION, "in");
            });
        }
        assert!(s.hits(&Net01).is_empty());
    }

    #[test]
    fn names_from_dns_and_rotating_names_give_one_series() {
        let mut s = Sample::default();
        s.row_us(&dns::TABLE, "ws01", T0, |b| {
            b.text(dns::QNAME, "c2.bad-place.com");
            b.list(dns::ANSWERS, ["198.51.100.77"]);
        });
        for t in sleeper(60) {
            sysmon(&mut s, t, "a.exe", "198.51.100.77");
        }
        for (i, t) in sleeper(60).into_iter().enumerate() {
            s.row_us(&http::TABLE, "ws01", t, |b| {
                b.text(http::URL_HOST, &format!("n{}.turning.com", i % 20))
            });
        }
        let keys: Vec<_> = s.hits(&Net01).into_iter().map(|h| h.key).collect();
        assert_eq!(keys, ["c2.bad-place.com", "*.turning.com"]);
    }

    #[test]
    fn random_traffic_is_no_beacon() {
        let mut s = Sample::default();
        let mut state = 88_172_645_463_325_252_u64;
        let mut t = T0;
        for _ in 0..360 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let u = (state >> 11) as f64 / (1u64 << 53) as f64;
            t += (-(1.0 - u).ln() * 60e6) as i64;
            sysmon(&mut s, t, "a.exe", "198.51.100.77");
        }
        assert!(s.hits(&Net01).is_empty());
    }

    #[test]
    fn a_destination_of_half_the_fleet_counts_little() {
        let mut s = Sample::default();
        for host in 0..12 {
            for t in sleeper(30) {
                s.row_us(&http::TABLE, &format!("ws{host:02}"), t, |b| {
                    b.text(http::URL_HOST, "update.vendor.com")
                });
            }
        }
        let hits = s.hits(&Net01);
        assert_eq!(hits.len(), 12);
        assert!(hits.iter().all(|h| h.quality <= 0.25 && h.level == Level::Medium));
    }
}
