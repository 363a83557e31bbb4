//! DNS-01, a random-looking label: names that a program made up.
//!
//! Sees: a question for a name whose registrable label, or whose first label, is far more surprising by the letters that
//! follow each other than names people choose.
//! Why: domain generation algorithms and throw-away infrastructure use random names.
//! Benign: machine-made labels of clouds and content networks (left out, as are bulk lookups and domains that many hosts
//! ask for), short brand names in rare spellings. Pronounceable and word-list algorithms are not seen.
//! Sources: [`crate::knowledge::bigram`] (measured thresholds), trained on the organisation's own popular labels.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::questions::{self, is_popular, on_internet, population, process_first};
use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, Signal, Threshold};
use crate::knowledge::bigram::{self, Bigram};
use crate::knowledge::domains;
use crate::lake::frame::{Row, StrId};
use crate::schema::dns;

/// The signal.
pub struct Dns01;

const TRAINING_HOSTS: u32 = 20;
const EVIDENCE: usize = 10;

static META: Meta = Meta {
    id: "DNS-01",
    title: "Random-looking label",
    sees: "a question for a name with a random-looking registrable or first label, under a domain that few hosts ask for",
    why: "generated and throw-away domains have random names; people choose names that can be read",
    techniques: &["T1568.002"],
    stage: "command-and-control",
    family: "dns",
    key: Key::Fleet,
    reads: &[Reads {
        table: &dns::TABLE,
        columns: questions::DNS,
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "surprise",
            value: bigram::THRESHOLD,
            unit: "bits per step",
            source: "[M] 993 labels of the Public Suffix List: p99 5.87",
        },
        Threshold {
            name: "surprise_floor",
            value: bigram::THRESHOLD_FLOOR,
            unit: "bits per step",
            source: "[M] lowest after training on own labels",
        },
        Threshold {
            name: "popular_share",
            value: questions::POPULAR_SHARE,
            unit: "of hosts",
            source: "[J] domains above it are left out and train the model",
        },
        Threshold {
            name: "popular_hosts",
            value: questions::POPULAR_HOSTS as f64,
            unit: "hosts",
            source: "[J]",
        },
        Threshold {
            name: "training_hosts",
            value: TRAINING_HOSTS as f64,
            unit: "hosts",
            source: "[J] smaller fleets keep the shipped model",
        },
    ],
    benign: &[
        "machine-made labels of clouds and content networks",
        "antivirus and block-list lookups",
    ],
};

impl Signal for Dns01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn is_by_host(&self) -> bool {
        true
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let view = rows.table(&dns::TABLE);
        if view.is_empty() {
            return;
        }
        let trained = (population(cx) >= (cx.number(&META, "training_hosts") as u32)).then(|| train(cx));
        let model = trained.as_ref().unwrap_or(cx.knowledge.bigram);
        let mut judged: HashMap<StrId, Option<Finding<'_>>> = HashMap::new();
        let mut groups: BTreeMap<(&str, &str), Group<'_>> = BTreeMap::new();
        for row in view.iter() {
            let id = row.id(dns::QNAME);
            let found = *judged
                .entry(id)
                .or_insert_with(|| judge(cx, model, row.text(dns::QNAME)?));
            let Some(found) = found else { continue };
            let group = groups.entry((row.host(), found.e2ld)).or_insert_with(|| Group {
                best: found,
                names: BTreeSet::new(),
                rows: Vec::new(),
                count: 0,
                first: row.ts(),
                last: row.ts(),
            });
            group.count += 1;
            group.first = group.first.min(row.ts());
            group.last = group.last.max(row.ts());
            if found.surprise > group.best.surprise {
                group.best = found;
            }
            let new = group.names.len() < 1_000 && group.names.insert(row.str(dns::QNAME));
            let process = row.text(dns::IMAGE).is_some() && !group.rows.iter().any(|r| r.text(dns::IMAGE).is_some());
            if process || new && group.rows.len() < EVIDENCE {
                group.rows.push(row);
            }
        }
        hits.extend(groups.into_values().filter_map(|g| hit(cx, model, g)));
    }
}

#[derive(Clone, Copy)]
struct Finding<'a> {
    e2ld: &'a str,
    label: &'a str,
    surprise: f64,
}

struct Group<'a> {
    best: Finding<'a>,
    names: BTreeSet<&'a str>,
    rows: Vec<Row<'a>>,
    count: u64,
    first: i64,
    last: i64,
}

/// The shipped model and the labels of domains that are popular here.
fn train(cx: &Cx<'_>) -> Bigram {
    let popular: BTreeSet<&str> = cx.facts.asked().filter(|d| is_popular(cx, d)).collect();
    cx.knowledge
        .bigram
        .trained_with(popular.iter().filter_map(|d| d.split('.').next()))
}

fn judge<'a>(cx: &Cx<'_>, model: &Bigram, name: &'a str) -> Option<Finding<'a>> {
    let e2ld = domains::registrable(name)?;
    if !on_internet(name) || domains::cdn_or_cloud(name) || domains::is_bulk_lookup(name) || is_popular(cx, e2ld) {
        return None;
    }
    let labels = [e2ld.split('.').next(), name.split('.').next()];
    let random = labels.into_iter().flatten().filter(|l| model.is_random(l));
    let (label, surprise) = random.map(|l| (l, model.nll(l))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Finding { e2ld, label, surprise })
}

fn hit(cx: &Cx<'_>, model: &Bigram, group: Group<'_>) -> Option<Hit> {
    let Group {
        best,
        names,
        rows,
        count,
        first,
        last,
    } = group;
    let rows = process_first(rows);
    let lead = *rows.first()?;
    let explain = format!(
        "asked for {}: the label {} looks random, {:.1} bits of surprise per letter (from {:.1} on; words lie near 4); {} names under {}, {count} questions",
        lead.str(dns::QNAME),
        best.label,
        best.surprise,
        model.threshold(),
        names.len(),
        best.e2ld,
    );
    let mut hit = Hit::at(&META, lead, best.e2ld, explain)
        .quality(0.5 + (best.surprise - model.threshold()) / 2.0)
        .prevalence(questions::prevalence(cx, best.e2ld));
    hit.techniques = vec![Cow::Borrowed("T1568.002")];
    (hit.time, hit.last, hit.count) = (first, last, count);
    hit.iocs = names
        .iter()
        .take(EVIDENCE)
        .map(|n| Ioc::Domain((*n).to_owned()))
        .collect();
    for row in rows.iter().skip(1) {
        hit.add_row(*row);
    }
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn asked(names: &[(&str, &str)]) -> Vec<String> {
        let mut s = Sample::default();
        for (host, name) in names {
            s.row(&dns::TABLE, host, "2026-03-02T09:00:00Z", |b| b.text(dns::QNAME, name));
        }
        s.hits(&Dns01).into_iter().map(|h| h.key).collect()
    }

    #[test]
    fn random_first_and_registrable_labels_fire_once_per_domain() {
        let keys = asked(&[
            ("ws01", "ajk3k9q2x1.command-and-control.top"),
            ("ws01", "q7zk2vw9xx.com"),
            ("ws01", "q7zk2vw9xx.com"),
            ("ws02", "5f3a9c0e1b7d4421.net"),
        ]);
        assert_eq!(
            keys,
            ["command-and-control.top", "q7zk2vw9xx.com", "5f3a9c0e1b7d4421.net"]
        );
    }

    #[test]
    fn names_of_people_clouds_and_the_own_network_stay_quiet() {
        let names = [
            "www.microsoft.com",
            "login-portal.co.jp",
            "d1a2b3c4e5.cloudfront.net",
            "desktop-8kj2lq9.lan",
            "wpad",
            "4.3.2.1.in-addr.arpa",
            "_ldap._tcp.dc._msdcs.corp.local",
            "xn--q9jyb4c.com",
            "",
        ];
        let keys = asked(&names.map(|n| ("ws01", n)));
        assert!(keys.is_empty(), "{keys:?}");
    }

    #[test]
    fn what_many_hosts_ask_for_is_ordinary() {
        let hosts: Vec<String> = (0..30).map(|i| format!("ws{i:02}")).collect();
        let names: Vec<_> = hosts.iter().map(|h| (h.as_str(), "q7zk2vw9xx.com")).collect();
        assert!(asked(&names).is_empty());
    }
}
