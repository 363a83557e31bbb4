//! DNS-02, a burst of generated domains: many registrable domains within minutes that do not exist.
//!
//! Sees: within ten minutes at least ten different registrable domains answered NXDOMAIN by one host, at least half of
//! all it asked for, that look random or were cut to one shape.
//! Why: a domain generation algorithm tries its list until one name answers.
//! Benign: search suffixes and Chrome's probes (names without registrable domain are left out), block-list lookups of mail
//! servers, typing errors, resolvers that block advertising with NXDOMAIN.
//! Sources: detection notes family 4 \[J\]; Splunk's excessive DNS failures uses 50 failures.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::questions::{self, on_internet, process_first};
use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, Signal, Threshold};
use crate::base::time::format_rfc3339;
use crate::knowledge::{bigram, domains};
use crate::lake::frame::{Row, StrId};
use crate::schema::dns;

/// The signal.
pub struct Dns02;

const MIN_DOMAINS: usize = 10;
const MIN_SHARE: f64 = 0.5;
const SAME_SHAPE: f64 = 0.6;
const LENGTH_SLACK: usize = 2;
const MIN_LENGTH: usize = 7;
const FULL_QUALITY: f64 = 30.0;
const EVIDENCE: usize = 15;

static META: Meta = Meta {
    id: "DNS-02",
    title: "DGA burst",
    sees: "ten or more registrable domains without existence within ten minutes, half of what the host asked for, that \
           look random or share length and top-level domain",
    why: "malware with a domain generation algorithm tries name after name until one answers",
    techniques: &["T1568.002"],
    stage: "command-and-control",
    family: "dns",
    key: Key::Host,
    reads: &[Reads {
        table: &dns::TABLE,
        columns: questions::DNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "window",
            value: 600.0,
            unit: "s",
            source: "[J]",
        },
        Threshold {
            name: "domains",
            value: MIN_DOMAINS as f64,
            unit: "registrable domains",
            source: "[J]",
        },
        Threshold {
            name: "share",
            value: MIN_SHARE,
            unit: "of all domains asked for",
            source: "[J]",
        },
        Threshold {
            name: "surprise",
            value: bigram::THRESHOLD,
            unit: "bits per step, median",
            source: "[M] see DNS-01",
        },
        Threshold {
            name: "same_shape",
            value: SAME_SHAPE,
            unit: "share with the median length ±2 and one top-level domain",
            source: "[J]",
        },
        Threshold {
            name: "min_length",
            value: MIN_LENGTH as f64,
            unit: "characters",
            source: "[J] shorter names collide with brands",
        },
        Threshold {
            name: "full_quality",
            value: FULL_QUALITY,
            unit: "domains",
            source: "[J]",
        },
    ],
    benign: &[
        "DNS block lists asked by mail servers",
        "advertising blockers",
        "search suffixes",
    ],
};

impl Signal for Dns02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let questions = questions_of(rows);
        let window = (cx.number(&META, "window") * 1e6) as i64;
        let mut from = 0;
        let (mut all, mut failed) = (Counts::default(), Counts::default());
        let mut burst: Option<Burst<'_>> = None;
        // The size at which the window is judged next: judging is linear, so not at every row.
        let mut judge_at = cx.number(&META, "domains") as usize;
        for q in &questions {
            while let Some(old) = questions.get(from).filter(|o| q.ts - o.ts > window) {
                all.remove(old.domain);
                if old.failed {
                    failed.remove(old.domain);
                }
                from += 1;
            }
            all.add(q.domain);
            if q.failed {
                failed.add(q.domain);
            }
            let enough = failed.len() >= (cx.number(&META, "domains") as usize)
                && failed.len() as f64 >= cx.number(&META, "share") * all.len() as f64;
            if !enough {
                judge_at = cx.number(&META, "domains") as usize;
                // What is asked right behind a burst is the name that answered.
                if burst.as_ref().is_some_and(|b| q.ts - b.last > window) {
                    hits.extend(burst.take().and_then(|b| hit(cx, b)));
                }
            } else if burst.is_none() && failed.len() >= judge_at {
                judge_at = failed.len() + failed.len().div_ceil(4);
                if let Some(why) = generated(cx, &failed.domains()) {
                    burst = Some(Burst::of(questions.get(from..).unwrap_or_default(), q.at, why, window));
                    continue;
                }
            }
            if let Some(b) = &mut burst {
                b.add(q, enough, window);
            }
        }
        hits.extend(burst.and_then(|b| hit(cx, b)));
    }
}

#[derive(Clone, Copy)]
struct Question<'a> {
    at: usize,
    ts: i64,
    domain: &'a str,
    failed: bool,
    row: Row<'a>,
}

/// The questions that can count, in time order.
fn questions_of<'a>(rows: &KeyRows<'a>) -> Vec<Question<'a>> {
    let mut domain_of: HashMap<StrId, Option<&'a str>> = HashMap::new();
    let mut out = Vec::new();
    for row in rows.table(&dns::TABLE).iter() {
        let domain = *domain_of.entry(row.id(dns::QNAME)).or_insert_with(|| {
            let name = row.text(dns::QNAME)?;
            let domain = domains::registrable(name).filter(|d| on_internet(d))?;
            (!domains::is_bulk_lookup(name)).then_some(domain)
        });
        if let Some(domain) = domain {
            let failed = row.str(dns::RCODE).eq_ignore_ascii_case("NXDOMAIN");
            out.push(Question {
                at: out.len(),
                ts: row.ts(),
                domain,
                failed,
                row,
            });
        }
    }
    out
}

/// How often each domain lies in the window.
#[derive(Default)]
struct Counts<'a>(HashMap<&'a str, usize>);

impl<'a> Counts<'a> {
    fn add(&mut self, domain: &'a str) {
        *self.0.entry(domain).or_insert(0) += 1;
    }

    fn remove(&mut self, domain: &'a str) {
        if let Some(n) = self.0.get_mut(domain) {
            *n -= 1;
            if *n == 0 {
                self.0.remove(domain);
            }
        }
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn domains(&self) -> Vec<&'a str> {
        let mut all: Vec<&str> = self.0.keys().copied().collect();
        all.sort_unstable();
        all
    }
}

/// Why a set of domains looks generated.
fn generated(cx: &Cx<'_>, domains: &[&str]) -> Option<String> {
    let labels: Vec<&str> = domains.iter().filter_map(|d| d.split('.').next()).collect();
    let mut surprise: Vec<f64> = labels.iter().map(|l| cx.knowledge.bigram.nll(l)).collect();
    surprise.sort_unstable_by(f64::total_cmp);
    let median = surprise.get(surprise.len() / 2).copied()?;
    if median >= cx.knowledge.bigram.threshold() {
        return Some(format!("their letters are random (median {median:.1} bits per step)"));
    }
    let mut lengths: Vec<usize> = labels.iter().map(|l| l.len()).collect();
    lengths.sort_unstable();
    let length = lengths.get(lengths.len() / 2).copied()?;
    let mut tlds: BTreeMap<&str, usize> = BTreeMap::new();
    for d in domains.iter().filter(|d| shaped(d, length)) {
        *tlds.entry(d.rsplit('.').next().unwrap_or("")).or_insert(0) += 1;
    }
    let (tld, n) = tlds.into_iter().max_by_key(|(_, n)| *n)?;
    let same = n as f64 >= cx.number(&META, "same_shape") * domains.len() as f64;
    (same && length >= (cx.number(&META, "min_length") as usize)).then(|| {
        format!(
            "{n} of {} have {length} ±{LENGTH_SLACK} letters and end in .{tld}",
            domains.len()
        )
    })
}

fn shaped(domain: &str, length: usize) -> bool {
    domain
        .split('.')
        .next()
        .is_some_and(|l| l.len().abs_diff(length) <= LENGTH_SLACK)
}

struct Burst<'a> {
    why: String,
    failed: BTreeMap<&'a str, Row<'a>>,
    answered: BTreeSet<&'a str>,
    asked: u64,
    last: i64,
}

impl<'a> Burst<'a> {
    fn of(window: &[Question<'a>], until: usize, why: String, window_us: i64) -> Self {
        let mut burst = Burst {
            why,
            failed: BTreeMap::new(),
            answered: BTreeSet::new(),
            asked: 0,
            last: i64::MIN,
        };
        for q in window.iter().take_while(|q| q.at <= until) {
            burst.add(q, true, window_us);
        }
        burst
    }

    fn add(&mut self, q: &Question<'a>, within: bool, window: i64) {
        if q.failed && within {
            self.failed.entry(q.domain).or_insert(q.row);
            self.asked += 1;
            self.last = q.ts;
        } else if !q.failed && q.ts - self.last <= window {
            self.answered.insert(q.domain);
        }
    }
}

fn hit(cx: &Cx<'_>, burst: Burst<'_>) -> Option<Hit> {
    let mut rows: Vec<Row<'_>> = burst.failed.values().copied().collect();
    rows.sort_by_key(|r| (r.ts(), r.at()));
    let first = rows.first()?.ts();
    let n = burst.failed.len();
    rows.truncate(EVIDENCE);
    let rows = process_first(rows);
    let lead = *rows.first()?;
    let examples: Vec<&str> = burst.failed.keys().take(4).copied().collect();
    // A name that looks like the failed ones and answered is the meeting point.
    let model = cx.knowledge.bigram;
    let met: Vec<&str> = burst
        .answered
        .iter()
        .filter(|d| d.split('.').next().is_some_and(|l| model.is_random(l)))
        .copied()
        .collect();
    let mut explain = format!(
        "{n} domains that do not exist from {} to {} (such as {}): {}",
        format_rfc3339(first),
        format_rfc3339(burst.last),
        examples.join(", "),
        burst.why,
    );
    if !met.is_empty() {
        explain += &format!(
            "; {} answered",
            met.iter().take(4).copied().collect::<Vec<_>>().join(", ")
        );
    }
    let shape = examples.first().map_or("", |d| d.rsplit('.').next().unwrap_or(""));
    let mut hit =
        Hit::at(&META, lead, format!("dga:.{shape}"), explain).quality(n as f64 / cx.number(&META, "full_quality"));
    hit.techniques = vec![Cow::Borrowed("T1568.002")];
    (hit.time, hit.last, hit.count) = (first, burst.last, burst.asked);
    let named = met
        .iter()
        .take(10)
        .copied()
        .chain(burst.failed.keys().take(10).copied());
    hit.iocs = named.map(|d| Ioc::Domain(d.to_owned())).collect();
    for row in rows.iter().skip(1) {
        hit.add_row(*row);
    }
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn ask(s: &mut Sample, at_s: i64, name: &str, rcode: &str) {
        s.row_us(&dns::TABLE, "ws01", T0 + at_s * 1_000_000, |b| {
            b.text(dns::QNAME, name);
            b.text(dns::RCODE, rcode);
        });
    }

    fn random(i: u64) -> String {
        let mut x = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        (0..12)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                char::from(b'a' + ((x >> 20) % 26) as u8)
            })
            .collect()
    }

    #[test]
    fn thirty_random_names_are_one_burst_and_the_answering_one_is_named() {
        let mut s = Sample::default();
        for i in 0..30 {
            ask(&mut s, i * 20, &format!("{}.com", random(i as u64 + 1)), "NXDOMAIN");
        }
        ask(&mut s, 610, "q7zk2vw9xx.com", "NOERROR");
        let hits = s.hits(&Dns02);
        assert_eq!((hits.len(), hits[0].count, hits[0].quality), (1, 30, 1.0));
        assert!(
            hits[0].explain.contains("q7zk2vw9xx.com answered"),
            "{}",
            hits[0].explain
        );
    }

    #[test]
    fn twelve_names_of_one_shape_fire() {
        let mut s = Sample::default();
        for i in 0..12 {
            ask(&mut s, i * 30, &format!("{}.ru", random(i as u64 + 77)), "NXDOMAIN");
        }
        assert_eq!(s.hits(&Dns02).len(), 1);
    }

    #[test]
    fn one_domain_few_domains_probes_and_block_lists_stay_quiet() {
        let mut s = Sample::default();
        for i in 0..40 {
            ask(&mut s, i * 10, &format!("n{i}.one-domain.com"), "NXDOMAIN");
            ask(&mut s, i * 10, &format!("{i}.2.0.192.zen.spamhaus.org"), "NXDOMAIN");
            ask(&mut s, i * 10, &random(i as u64), "NXDOMAIN");
            ask(&mut s, i * 10, &format!("{}.corp", random(i as u64)), "NXDOMAIN");
        }
        for i in 0..5 {
            ask(&mut s, 500 + i, &format!("{}.com", random(i as u64)), "NXDOMAIN");
        }
        assert!(s.hits(&Dns02).is_empty());
    }
}
