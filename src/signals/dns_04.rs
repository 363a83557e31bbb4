//! DNS-04, a young or short-lived domain: registered, or first seen here, only days before it was used.
//!
//! Sees: a registrable domain that a host asked for or connected to within 30 days of its registration (dates from the
//! user's WHOIS list); without a date, a domain that at most two hosts know and that was first seen within the last
//! seven days of at least three weeks of logs.
//! Why: infrastructure of attackers is registered shortly before it is used and dropped soon after.
//! Benign: new campaigns and services, links in mail. Without a date, what people browse to and what a mail server looks
//! up is left out: the question must come from a program that is no browser.
//! Sources: detection notes family 4 \[J\]; vendors' category "newly registered domain" uses 30 days.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::contacts::spread_out;
use super::questions::{self, on_internet};
use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, Signal, Threshold};
use crate::base::text::basename;
use crate::base::time::{DAY, day_string};
use crate::entity::fleet::Thing;
use crate::knowledge::domains;
use crate::knowledge::programs::{self, BROWSERS};
use crate::lake::frame::{Row, StrId};
use crate::schema::{Col, common, dns, http, network};

/// The signal.
pub struct Dns04;

const AGES: [(i64, f64); 3] = [(7, 1.0), (14, 0.8), (30, 0.5)];
const FIRST_SEEN_DAYS: i64 = 7;
const BASELINE_DAYS: i64 = 14;
const FEW_HOSTS: u32 = 2;
const FIRST_SEEN_QUALITY: f64 = 0.4;
const SHORT_TTL_S: i64 = 60;
const SHORT_TTL_BONUS: f64 = 0.1;
const LIFETIME_DAYS: i64 = 3;
const LIFETIME_QUESTIONS: u64 = 5;
const LIFETIME_BONUS: f64 = 0.2;
const EVIDENCE: usize = 10;

const NETWORK: &[Col] = &[
    common::USER,
    network::DST_HOST,
    network::TLS_SNI,
    network::DIRECTION,
    network::PID,
    network::PROC_GUID,
    network::IMAGE,
];
const HTTP: &[Col] = &[common::USER, http::URL_HOST, http::IMAGE];

static META: Meta = Meta {
    id: "DNS-04",
    title: "Young or short-lived domain",
    sees: "use of a domain within 30 days of its registration, or of a domain new to the whole fleet and known to two \
           hosts at most",
    why: "attackers register domains shortly before they use them",
    techniques: &["T1568", "T1071.001", "T1071.004"],
    stage: "command-and-control",
    family: "dns",
    key: Key::Host,
    reads: &[
        Reads {
            table: &dns::TABLE,
            columns: questions::DNS,
        },
        Reads {
            table: &http::TABLE,
            columns: HTTP,
        },
        Reads {
            table: &network::TABLE,
            columns: NETWORK,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "age",
            value: 30.0,
            unit: "d since registration; quality 1 to 7, 0.8 to 14, 0.5 to 30",
            source: "common hunting query; bands [J]",
        },
        Threshold {
            name: "first_seen",
            value: FIRST_SEEN_DAYS as f64,
            unit: "d before the end of the logs",
            source: "[J]",
        },
        Threshold {
            name: "baseline",
            value: BASELINE_DAYS as f64,
            unit: "d of logs before the first sighting",
            source: "[J]",
        },
        Threshold {
            name: "hosts",
            value: FEW_HOSTS as f64,
            unit: "hosts",
            source: "[J]",
        },
        Threshold {
            name: "first_seen_quality",
            value: FIRST_SEEN_QUALITY,
            unit: "quality",
            source: "[J]",
        },
        Threshold {
            name: "short_ttl",
            value: SHORT_TTL_S as f64,
            unit: "s; adds 0.1, never alone",
            source: "[J] content networks use 60 s",
        },
        Threshold {
            name: "lifetime",
            value: LIFETIME_DAYS as f64,
            unit: "d from first to last sighting with 5 questions; adds 0.2",
            source: "[J]",
        },
    ],
    benign: &["new marketing campaigns and services", "links in mail"],
};

impl Signal for Dns04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        for (e2ld, uses) in uses(rows) {
            let Some(first) = uses.iter().map(|r| r.ts()).min() else {
                continue;
            };
            let verdict = registered(cx, e2ld, first).or_else(|| first_seen(cx, e2ld, &uses));
            if let Some((quality, why)) = verdict {
                hits.extend(hit(cx, e2ld, uses, quality, why));
            }
        }
    }
}

/// Rows by registrable domain: questions, then requests, then connections, each in time order.
fn uses<'a>(rows: &KeyRows<'a>) -> BTreeMap<&'a str, Vec<Row<'a>>> {
    let mut known: HashMap<StrId, Option<&'a str>> = HashMap::new();
    let mut out: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for table in [&dns::TABLE, &http::TABLE, &network::TABLE] {
        for row in rows.table(table).iter() {
            let col = name_column(row);
            let domain = *known.entry(row.id(col)).or_insert_with(|| {
                let name = row.text(col)?;
                let lower = !name.bytes().any(|b| b.is_ascii_uppercase());
                let domain = domains::registrable(name).filter(|d| lower && on_internet(d))?;
                (!domains::is_bulk_lookup(name)).then_some(domain)
            });
            if let Some(domain) = domain {
                out.entry(domain).or_default().push(row);
            }
        }
    }
    out
}

fn name_column(row: Row<'_>) -> Col {
    let t = row.table().ix();
    if t == dns::TABLE.ix() {
        dns::QNAME
    } else if t == http::TABLE.ix() {
        http::URL_HOST
    } else {
        network::DST_HOST
    }
}

fn registered(cx: &Cx<'_>, e2ld: &str, first: i64) -> Option<(f64, String)> {
    let created = cx.lists.registered(e2ld)?;
    // A date behind the use is that of a later owner.
    let age = (first - created).div_euclid(DAY);
    let (_, quality) = AGES.into_iter().find(|(days, _)| (0..=*days).contains(&age))?;
    Some((
        quality,
        format!("was registered on {}, {age} days before", day_string(created)),
    ))
}

fn first_seen(cx: &Cx<'_>, e2ld: &str, uses: &[Row<'_>]) -> Option<(f64, String)> {
    // A date that is known and old is an answer.
    if cx.lists.registered(e2ld).is_some() || domains::cdn_or_cloud(e2ld) {
        return None;
    }
    let seen = cx.facts.seen(Thing::Domain, e2ld);
    let (_, end) = cx.facts.range()?;
    let new = end - seen.first <= (cx.number(&META, "first_seen") as i64) * DAY
        && cx.facts.baseline_days(seen.first) >= cx.number(&META, "baseline") as i64;
    if !new || seen.hosts > (cx.number(&META, "hosts") as u32) {
        return None;
    }
    let by_program = uses
        .iter()
        .any(|r| image(*r).is_some_and(|i| !programs::contains(BROWSERS, basename(i)) && !is_resolver(i)));
    if !by_program {
        return None;
    }
    let mut quality = cx.number(&META, "first_seen_quality");
    let gone = end - seen.last > (cx.number(&META, "lifetime") as i64) * DAY;
    if gone && seen.last - seen.first <= (cx.number(&META, "lifetime") as i64) * DAY && seen.count >= LIFETIME_QUESTIONS
    {
        quality += LIFETIME_BONUS;
    }
    Some((
        quality,
        format!(
            "was first seen in these logs on {}, by {} hosts",
            day_string(seen.first),
            seen.hosts
        ),
    ))
}

/// The service that asks for everybody.
fn is_resolver(image: &str) -> bool {
    basename(image).eq_ignore_ascii_case("svchost.exe")
}

fn image<'a>(row: Row<'a>) -> Option<&'a str> {
    let t = row.table().ix();
    row.text(if t == dns::TABLE.ix() {
        dns::IMAGE
    } else if t == http::TABLE.ix() {
        http::IMAGE
    } else {
        network::IMAGE
    })
}

fn hit(cx: &Cx<'_>, e2ld: &str, uses: Vec<Row<'_>>, quality: f64, why: String) -> Option<Hit> {
    let ttl = uses
        .iter()
        .filter(|r| r.table().ix() == dns::TABLE.ix())
        .filter_map(|r| r.int(dns::TTL_MIN))
        .min();
    let short = ttl.is_some_and(|t| t <= (cx.number(&META, "short_ttl") as i64));
    let by_time = |r: &&Row<'_>| (r.ts(), r.table().ix(), r.at());
    let first = *uses.iter().min_by_key(by_time)?;
    let last = *uses.iter().max_by_key(by_time)?;
    let lead = uses
        .iter()
        .filter(|r| image(**r).is_some())
        .min_by_key(by_time)
        .copied()
        .unwrap_or(first);
    let contacted = uses.iter().any(|r| r.table().ix() != dns::TABLE.ix());
    let mut explain = format!("{} {why}", lead.text(name_column(lead)).unwrap_or(e2ld));
    if let Some(program) = image(lead) {
        explain += &format!("; used by {}", basename(program));
    }
    if short {
        explain += &format!("; its answers live {} s only", ttl.unwrap_or(0));
    }
    let mut hit = Hit::at(&META, lead, e2ld, explain)
        .quality(quality + if short { SHORT_TTL_BONUS } else { 0.0 })
        .prevalence(questions::prevalence(cx, e2ld))
        .ioc(Ioc::Domain(e2ld.to_owned()));
    hit.techniques = vec![
        Cow::Borrowed("T1568"),
        Cow::Borrowed(if contacted { "T1071.001" } else { "T1071.004" }),
    ];
    (hit.time, hit.last, hit.count) = (first.ts(), last.ts(), uses.len() as u64);
    for row in spread_out(&uses, EVIDENCE) {
        if (row.table().ix(), row.at()) != (lead.table().ix(), lead.at()) {
            hit.add_row(row);
        }
    }
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn ask(s: &mut Sample, host: &str, days: i64, name: &str, ttl: i64, image: &str) {
        s.row_us(&dns::TABLE, host, T0 + days * DAY, |b| {
            b.text(dns::QNAME, name);
            b.int(dns::TTL_MIN, ttl);
            b.text(dns::IMAGE, image);
        });
    }

    fn aged(days: i64) -> Vec<f64> {
        let mut s = Sample::default();
        s.lists.add_registration("young-place.top", T0 - days * DAY);
        ask(&mut s, "ws01", 0, "ajk.young-place.top", 600, "");
        s.hits(&Dns04).iter().map(|h| h.quality).collect()
    }

    #[test]
    fn age_gives_the_quality_and_old_domains_are_quiet() {
        assert_eq!(aged(5), [1.0]);
        assert_eq!(aged(12), [0.8]);
        assert_eq!(aged(20), [0.5]);
        assert!(aged(400).is_empty() && aged(-3).is_empty());
    }

    #[test]
    fn a_domain_new_to_the_fleet_needs_a_baseline_few_hosts_and_a_program() {
        let run = |start: i64, hosts: usize, image: &str| {
            let mut s = Sample::default();
            ask(&mut s, "ws01", -start, "www.microsoft.com", 60, "");
            for h in 0..hosts {
                ask(&mut s, &format!("ws{h:02}"), 0, "cdn.fresh-name.com", 60, image);
            }
            ask(&mut s, "ws01", 3, "www.microsoft.com", 60, "");
            s.hits(&Dns04).len()
        };
        assert_eq!(run(30, 1, r"C:\Users\a\x.exe"), 1);
        assert_eq!(run(30, 1, r"C:\Program Files\Mozilla Firefox\firefox.exe"), 0);
        assert_eq!(run(5, 1, r"C:\Users\a\x.exe"), 0);
        assert_eq!(run(30, 30, r"C:\Users\a\x.exe"), 0);
    }
}
