//! DNS-05: a host asks for many names in one day that nobody here ever asked for.
//!
//! Sees: a day on which a host asks for thirty or more registrable domains that are new to the whole fleet, far above its own two weeks
//! before.
//! Why: generated names, scanning from inside and fresh malware all meet new domains in numbers.
//! Benign causes: crawlers, mail servers, security research, a holiday catalogue of links.
//! Sources: judgement; the robust z-score after Iglewicz and Hoaglin.

use std::collections::{BTreeMap, HashSet};

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::questions::{self, on_internet, process_first};
use super::windows::median_and_mad;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::time::DAY;
use crate::entity::fleet::Thing;
use crate::knowledge::domains;
use crate::lake::frame::{Row, StrId};
use crate::schema::dns as t;

/// See the module.
pub struct Dns05;

/// What makes a median absolute deviation comparable to a standard deviation.
const NORMAL: f64 = 0.6745;
const EVIDENCE: usize = 10;

static META: Meta = Meta {
    id: "DNS-05",
    title: "Many new domains in one day",
    sees: "Thirty or more registrable domains in a day that no host of the fleet had asked for before, with a robust z-score of six or more \
           against the host's own days, of which there are at least fourteen.",
    why: "Generated names and fresh malware meet domains that nobody here met before.",
    techniques: &["T1568"],
    stage: "command-and-control",
    family: "dns",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: questions::DNS,
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "new",
            value: 30.0,
            unit: "domains new to the fleet in a day",
            source: "detection notes DNS-05 [J]",
        },
        Threshold {
            name: "z",
            value: 6.0,
            unit: "robust z-score",
            source: "detection notes DNS-05 [J]",
        },
        Threshold {
            name: "days",
            value: 14.0,
            unit: "earlier days of the host",
            source: "detection notes DNS-05 [J]",
        },
    ],
    benign: &[
        "crawlers and mail servers",
        "research",
        "many links followed on one day",
    ],
};

impl Signal for Dns05 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut days: BTreeMap<i64, Vec<Row<'_>>> = BTreeMap::new();
        let mut looked: HashSet<StrId> = HashSet::new();
        let mut counted: HashSet<String> = HashSet::new();
        for row in rows.table(&t::TABLE).iter() {
            let day = row.ts().div_euclid(DAY);
            let of_day = days.entry(day).or_default();
            if !looked.insert(row.id(t::QNAME)) {
                continue;
            }
            let name = row.str(t::QNAME).to_ascii_lowercase();
            let Some(e2ld) = domains::registrable(&name).filter(|d| on_internet(d)) else {
                continue;
            };
            // New to the fleet: nobody asked on an earlier day.
            let new = cx.facts.seen(Thing::Domain, e2ld).first.div_euclid(DAY) == day;
            if new && counted.insert(e2ld.to_owned()) {
                of_day.push(row);
            }
        }
        let mut history: Vec<f64> = Vec::new();
        for of_day in days.into_values() {
            let count = of_day.len() as f64;
            if count >= cx.number(&META, "new") && history.len() as f64 >= cx.number(&META, "days") {
                hits.extend(judge(cx, of_day, &history));
            }
            history.push(count);
        }
    }
}

fn judge(cx: &Cx<'_>, of_day: Vec<Row<'_>>, history: &[f64]) -> Option<Hit> {
    let count = of_day.len();
    let (usual, spread) = median_and_mad(history);
    let z = NORMAL * (count as f64 - usual) / spread.max(1.0);
    if z < cx.number(&META, "z") {
        return None;
    }
    let (begin, end) = (of_day.first()?.ts(), of_day.last()?.ts());
    let rows = process_first(of_day);
    let explain = format!(
        "{count} domains that nobody here had asked for before, on one day; usually {usual:.0} (z-score {z:.0} over {} days)",
        history.len()
    );
    let mut hit = Hit::at(&META, *rows.first()?, "many new domains", explain);
    for row in rows.iter().take(EVIDENCE) {
        hit.iocs.push(Ioc::Domain(row.str(t::QNAME).to_owned()));
    }
    for row in rows.iter().take(EVIDENCE).skip(1) {
        hit.add_row(*row);
    }
    (hit.time, hit.last, hit.count) = (begin, end, count as u64);
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn hits(history: &[usize], last: usize) -> usize {
        let mut s = Sample::default();
        let mut n = 0;
        for (day, count) in history.iter().chain([&last]).enumerate() {
            for _ in 0..*count {
                n += 1;
                let ts = 1_772_442_000_000_000 + day as i64 * DAY + n;
                s.row_us(&t::TABLE, "ws01", ts, |b| b.text(t::QNAME, &format!("name{n}.com")));
            }
        }
        s.hits(&Dns05).len()
    }

    #[test]
    fn a_day_of_new_names_fires_against_two_quiet_weeks() {
        assert_eq!(hits(&[5; 20], 80), 1);
        assert_eq!(hits(&[3, 4, 6, 3, 4, 6, 3, 4, 6, 3, 4, 6, 3, 4, 6], 45), 1);
    }

    #[test]
    fn first_weeks_small_days_and_crawlers_stay_quiet() {
        assert_eq!(hits(&[5; 3], 80), 0);
        assert_eq!(hits(&[5; 20], 12), 0);
        assert_eq!(
            hits(&[85, 90, 95, 85, 90, 95, 85, 90, 95, 85, 90, 95, 85, 90, 95], 90),
            0
        );
    }
}
