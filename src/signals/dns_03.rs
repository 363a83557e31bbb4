//! DNS-03, data in names: a tunnel, or theft of data, through questions for subdomains of one domain.
//!
//! Sees: many different, long or encoded subdomains of one registrable domain by one host within an hour (or five minutes,
//! or a day), or mostly TXT and NULL questions.
//! Why: resolvers pass questions on even where nothing else may leave; each unique name carries bytes out, TXT and NULL
//! records carry bytes in.
//! Benign: antivirus and block-list lookups, reverse lookups, service discovery, the organisation's own domain and content
//! networks (all left out: a tunnel needs the name server of its domain), telemetry with long names.
//! Sources: RITA v5 (subdomain bands), ibHH (arXiv 2307.02614: 0.7 B/s), Elastic excessive_dns_queries (chunk index), common
//! hunting values 52 and 40 for lengths.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::questions::{self, is_popular, on_internet, own_domains, process_first};
use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, Signal, Threshold};
use crate::base::ip::{self, Ip};
use crate::base::text::truncate_chars;
use crate::base::time::{SECOND, format_rfc3339};
use crate::knowledge::domains;
use crate::lake::frame::{Row, StrId};
use crate::rules::text_stats::{base32_share, entropy, hex_share};
use crate::schema::{common, dns, network, process};

/// The signal.
pub struct Dns03;

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;
const CHUNK_S: i64 = 300;
const UNIQUE: usize = 100;
const UNIQUE_SHARE: f64 = 0.7;
const LONG_NAME: usize = 52;
const LONG_LABEL: usize = 40;
const LONG_NAMES: usize = 20;
const BYTES_HOUR: usize = 10 * 1024;
const BYTES_SECOND: f64 = 0.7;
const TXT_SHARE: f64 = 0.5;
const TXT_QUESTIONS: usize = 50;
const ENTROPY: f64 = 4.0;
const ALPHABET: f64 = 0.95;
const ENCODED_CHARS: usize = 400;
const CHUNKS: usize = 30;
const CHUNK_PAYLOAD: usize = 20;
const POPULAR_FACTOR: f64 = 0.25;
const EVIDENCE: usize = 15;

static META: Meta = Meta {
    id: "DNS-03",
    title: "DNS tunnelling",
    sees: "many unique, long or encoded subdomains of one registrable domain, or mostly TXT and NULL questions, by one \
           host within an hour (numbered chunks: five minutes; slow: a day with two conditions)",
    why: "names carry data past every firewall that lets the resolver ask",
    techniques: &["T1071.004", "T1572", "T1048.003"],
    stage: "command-and-control",
    family: "dns",
    key: Key::Host,
    reads: &[
        Reads {
            table: &dns::TABLE,
            columns: questions::DNS,
        },
        Reads {
            table: &process::TABLE,
            columns: questions::PROCESS,
        },
        Reads {
            table: &network::TABLE,
            columns: &[network::DST_IP, network::DST_PORT],
        },
        Reads {
            table: &dns::TABLE,
            columns: &[dns::ANSWERS],
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "unique",
            value: UNIQUE as f64,
            unit: "subdomains",
            source: "RITA v5: first band of DNS command channels",
        },
        Threshold {
            name: "unique_share",
            value: UNIQUE_SHARE,
            unit: "of questions",
            source: "[J]",
        },
        Threshold {
            name: "long_name",
            value: LONG_NAME as f64,
            unit: "characters, p90",
            source: "common hunting value",
        },
        Threshold {
            name: "long_label",
            value: LONG_LABEL as f64,
            unit: "characters",
            source: "[J] limit is 63",
        },
        Threshold {
            name: "long_names",
            value: LONG_NAMES as f64,
            unit: "unique names for the lengths to count",
            source: "[J]",
        },
        Threshold {
            name: "bytes_hour",
            value: BYTES_HOUR as f64,
            unit: "bytes of unique subdomains",
            source: "[J]",
        },
        Threshold {
            name: "bytes_second",
            value: BYTES_SECOND,
            unit: "B/s over the hour",
            source: "ibHH, arXiv 2307.02614",
        },
        Threshold {
            name: "txt_share",
            value: TXT_SHARE,
            unit: "of questions",
            source: "[J]",
        },
        Threshold {
            name: "txt_questions",
            value: TXT_QUESTIONS as f64,
            unit: "questions",
            source: "[J]",
        },
        Threshold {
            name: "entropy",
            value: ENTROPY,
            unit: "bits per character of all labels",
            source: "[J] long text only",
        },
        Threshold {
            name: "alphabet",
            value: ALPHABET,
            unit: "share of base32 or hexadecimal",
            source: "[J]",
        },
        Threshold {
            name: "encoded_chars",
            value: ENCODED_CHARS as f64,
            unit: "characters for the entropy to count",
            source: "[J]",
        },
        Threshold {
            name: "chunks",
            value: CHUNKS as f64,
            unit: "different leading numbers in 5 min",
            source: "Elastic excessive_dns_queries",
        },
        Threshold {
            name: "chunk_payload",
            value: CHUNK_PAYLOAD as f64,
            unit: "characters, mean",
            source: "Elastic excessive_dns_queries",
        },
        Threshold {
            name: "no_contact",
            value: 0.15,
            unit: "quality",
            source: "RITA v5: no direct connections",
        },
        Threshold {
            name: "popular_factor",
            value: POPULAR_FACTOR,
            unit: "x quality",
            source: "[J] domains of 5 % of hosts",
        },
    ],
    benign: &[
        "antivirus and telemetry lookups with long names",
        "block lists asked by mail servers",
        "service discovery in the own domain",
    ],
};

impl Signal for Dns03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut own = None;
        for (e2ld, asked) in by_domain(rows) {
            if asked.len() < (cx.number(&META, "chunks") as usize).min(cx.number(&META, "txt_questions") as usize)
                || own.get_or_insert_with(|| own_domains(rows)).contains(e2ld)
            {
                continue;
            }
            let popular = is_popular(cx, e2ld);
            let hour = best_window(cx, &asked, HOUR_S);
            let chunks = best_window(cx, &asked, CHUNK_S);
            let day = best_window(cx, &asked, DAY_S).filter(|w| w.conditions.len() >= 2);
            // A single condition under a domain that many know is what telemetry looks like.
            let strong = |w: &Window<'_>| w.conditions.len() >= 2 || !popular;
            let best = [hour, chunks, day]
                .into_iter()
                .flatten()
                .filter(strong)
                .reduce(|a, b| if b.rank() > a.rank() { b } else { a });
            hits.extend(best.and_then(|w| hit(cx, rows, e2ld, w, popular)));
        }
    }
}

#[derive(Clone, Copy)]
struct Question<'a> {
    row: Row<'a>,
    sub: &'a str,
}

/// Questions by registrable domain in time order, without what asks for many names by nature.
fn by_domain<'a>(rows: &KeyRows<'a>) -> BTreeMap<&'a str, Vec<Question<'a>>> {
    let mut parts: HashMap<StrId, Option<(&'a str, &'a str)>> = HashMap::new();
    let mut out: BTreeMap<&str, Vec<Question<'_>>> = BTreeMap::new();
    for row in rows.table(&dns::TABLE).iter() {
        let part = *parts.entry(row.id(dns::QNAME)).or_insert_with(|| {
            let name = row.text(dns::QNAME)?;
            let e2ld = domains::registrable(name).filter(|d| on_internet(d))?;
            let ordinary = domains::is_bulk_lookup(name) || domains::cdn_or_cloud(name);
            (!ordinary).then(|| (e2ld, domains::subdomain(name).unwrap_or("")))
        });
        if let Some((e2ld, sub)) = part {
            out.entry(e2ld).or_default().push(Question { row, sub });
        }
    }
    out
}

struct Window<'a> {
    rows: Vec<Row<'a>>,
    unique: usize,
    conditions: Vec<(char, String)>,
}

impl Window<'_> {
    fn rank(&self) -> (usize, usize) {
        (self.conditions.len(), self.unique)
    }

    fn meets(&self, condition: char) -> bool {
        self.conditions.iter().any(|(c, _)| *c == condition)
    }
}

/// The window of this length with the most conditions. Windows begin with a question and do not overlap.
fn best_window<'a>(cx: &Cx<'_>, asked: &[Question<'a>], seconds: i64) -> Option<Window<'a>> {
    let mut best: Option<Window<'a>> = None;
    let mut from = 0;
    while let Some(first) = asked.get(from) {
        let rest = asked.get(from..).unwrap_or_default();
        let n = rest
            .partition_point(|q| q.row.ts() - first.row.ts() < seconds * SECOND)
            .max(1);
        let window = judge(cx, rest.get(..n).unwrap_or_default(), seconds);
        if !window.conditions.is_empty() && best.as_ref().is_none_or(|b| window.rank() > b.rank()) {
            best = Some(window);
        }
        from += n;
    }
    best
}

fn judge<'a>(cx: &Cx<'_>, asked: &[Question<'a>], seconds: i64) -> Window<'a> {
    let mut names: Vec<&'a str> = Vec::new();
    let mut seen = HashSet::new();
    for q in asked.iter().filter(|q| !q.sub.is_empty()) {
        if seen.insert(q.sub) {
            names.push(q.sub);
        }
    }
    let mut window = Window {
        rows: asked.iter().map(|q| q.row).collect(),
        unique: names.len(),
        conditions: Vec::new(),
    };
    let conditions = if seconds == CHUNK_S {
        vec![('g', chunked(cx, &names))]
    } else {
        vec![
            ('a', many(cx, asked, names.len())),
            ('b', long(cx, asked, &names)),
            ('c', (seconds == HOUR_S).then(|| volume(cx, asked, &names)).flatten()),
            ('d', records(cx, asked)),
            ('e', encoded(cx, &names)),
        ]
    };
    window.conditions = conditions
        .into_iter()
        .filter_map(|(c, text)| Some((c, text?)))
        .collect();
    window
}

fn many(cx: &Cx<'_>, asked: &[Question<'_>], unique: usize) -> Option<String> {
    if (unique as f64) < cx.number(&META, "unique") {
        return None;
    }
    // One question is one (name, second) of one sensor: A and AAAA, or two sensors, are no repetition.
    let mut per_sensor: HashMap<StrId, HashSet<(&str, i64)>> = HashMap::new();
    for q in asked {
        per_sensor
            .entry(q.row.id(common::SOURCE))
            .or_default()
            .insert((q.sub, q.row.ts().div_euclid(SECOND)));
    }
    let questions = per_sensor.values().map(HashSet::len).max().unwrap_or(1).max(1);
    let share = unique as f64 / questions as f64;
    (share >= cx.number(&META, "unique_share"))
        .then(|| format!("{unique} different subdomains in {questions} questions"))
}

fn long(cx: &Cx<'_>, asked: &[Question<'_>], names: &[&str]) -> Option<String> {
    if (names.len() as f64) < cx.number(&META, "long_names") {
        return None;
    }
    let suffix = asked
        .first()
        .map_or(0, |q| q.row.str(dns::QNAME).len().saturating_sub(q.sub.len()));
    let mut lengths: Vec<usize> = names.iter().map(|n| n.len() + suffix).collect();
    lengths.sort_unstable();
    let p90 = lengths.get(lengths.len() * 9 / 10).copied().unwrap_or(0);
    let label = names.iter().flat_map(|n| n.split('.')).map(str::len).max().unwrap_or(0);
    (p90 as f64 >= cx.number(&META, "long_name") || label as f64 >= cx.number(&META, "long_label"))
        .then(|| format!("names up to {p90} characters (p90), labels up to {label}"))
}

fn volume(cx: &Cx<'_>, asked: &[Question<'_>], names: &[&str]) -> Option<String> {
    let bytes: usize = names.iter().map(|n| n.len()).sum();
    let (first, last) = (asked.first()?.row.ts(), asked.last()?.row.ts());
    // Sustained: the hour is filled, not touched.
    let filled = last - first >= HOUR_S * SECOND * 5 / 6 && names.len() as f64 >= cx.number(&META, "unique") / 2.0;
    let rate = bytes as f64 / HOUR_S as f64;
    (bytes >= (cx.number(&META, "bytes_hour") as usize) || filled && rate >= cx.number(&META, "bytes_second"))
        .then(|| format!("{bytes} bytes in unique names"))
}

fn records(cx: &Cx<'_>, asked: &[Question<'_>]) -> Option<String> {
    let n = asked
        .iter()
        .filter(|q| matches!(q.row.str(dns::QTYPE), "TXT" | "NULL"))
        .count();
    let enough = asked.len() >= (cx.number(&META, "txt_questions") as usize)
        && n as f64 >= cx.number(&META, "txt_share") * asked.len() as f64;
    enough.then(|| format!("{n} of {} questions for TXT or NULL", asked.len()))
}

fn encoded(cx: &Cx<'_>, names: &[&str]) -> Option<String> {
    let text: String = names
        .iter()
        .flat_map(|n| n.chars())
        .filter(|c| *c != '.')
        .take(200_000)
        .collect();
    if (text.len() as f64) < cx.number(&META, "encoded_chars") || (names.len() as f64) < cx.number(&META, "long_names")
    {
        return None;
    }
    let bits = entropy(&text);
    // Sixteen digits hold four bits at most; a real hexadecimal text stays just below.
    let (alphabet, least) = (cx.number(&META, "alphabet"), cx.number(&META, "entropy"));
    let hex = hex_share(&text) >= alphabet && bits >= least - 0.1;
    let base32 = base32_share(&text) >= alphabet && bits >= least && digits(&text);
    (hex || base32).then(|| {
        format!(
            "labels are {} with {bits:.1} bits per character",
            if hex { "hexadecimal" } else { "base32" }
        )
    })
}

/// Words are of the base32 alphabet too, but without its digits.
fn digits(text: &str) -> bool {
    let n = text.bytes().filter(u8::is_ascii_digit).count();
    n * 20 >= text.len()
}

/// Names that begin with a running number: `17-payload`.
fn chunked(cx: &Cx<'_>, names: &[&str]) -> Option<String> {
    let mut indexes = HashSet::new();
    let mut payload = 0usize;
    for name in names {
        let Some((index, rest)) = name.split_once('-') else {
            continue;
        };
        if (1..=5).contains(&index.len()) && index.bytes().all(|b| b.is_ascii_digit()) && indexes.insert(index) {
            payload += rest.len();
        }
    }
    let enough = indexes.len() >= (cx.number(&META, "chunks") as usize)
        && payload / indexes.len().max(1) >= cx.number(&META, "chunk_payload") as usize;
    enough.then(|| {
        format!(
            "{} numbered chunks with {} characters each",
            indexes.len(),
            payload / indexes.len().max(1)
        )
    })
}

/// Whether the questions were answered with addresses, the host's connections are logged, and none goes to any of them: the
/// names themselves were the message. Name servers are not counted as contacts.
fn never_contacted(rows: &KeyRows<'_>, asked: &[Row<'_>]) -> bool {
    let answers: HashSet<Ip> = asked
        .iter()
        .flat_map(|r| r.str(dns::ANSWERS).lines())
        .filter_map(ip::parse)
        .filter(|a| !ip::is_internal(a))
        .collect();
    let mut contacts = rows
        .table(&network::TABLE)
        .iter()
        .filter(|r| r.int(network::DST_PORT) != Some(53))
        .filter_map(|r| r.ip(network::DST_IP))
        .peekable();
    !answers.is_empty() && contacts.peek().is_some() && !contacts.any(|a| answers.contains(&a))
}

fn hit(cx: &Cx<'_>, rows: &KeyRows<'_>, e2ld: &str, window: Window<'_>, popular: bool) -> Option<Hit> {
    let (first, last) = (window.rows.first()?.ts(), window.rows.last()?.ts());
    let level = if window.conditions.len() >= 2 {
        META.level
    } else {
        Level::Medium
    };
    let mut techniques = vec!["T1071.004"];
    if window.meets('a') || window.meets('e') || window.meets('g') {
        techniques.push("T1572");
    }
    if window.meets('c') || window.meets('g') {
        techniques.push("T1048.003");
    }
    let mut evidence = super::contacts::spread_out(&window.rows, EVIDENCE);
    if let Some(process) = window.rows.iter().find(|r| r.text(dns::IMAGE).is_some()) {
        evidence.retain(|r| r.at() != process.at());
        evidence.insert(0, *process);
    }
    let shown = process_first(evidence);
    let lead = *shown.first()?;
    let reasons: Vec<&str> = window.conditions.iter().map(|(_, text)| text.as_str()).collect();
    let explain = format!(
        "{} questions under {e2ld} from {} to {}: {}; such as {}",
        window.rows.len(),
        format_rfc3339(first),
        format_rfc3339(last),
        reasons.join("; "),
        truncate_chars(lead.str(dns::QNAME), 120),
    );
    let mut hit = Hit::at(&META, lead, e2ld, explain)
        .level(level)
        .quality(if popular {
            cx.number(&META, "popular_factor")
        } else {
            1.0
        })
        .prevalence(questions::prevalence(cx, e2ld))
        .ioc(Ioc::Domain(e2ld.to_owned()));
    hit.techniques = techniques.into_iter().map(Cow::Borrowed).collect();
    (hit.time, hit.last, hit.count) = (first, last, window.rows.len() as u64);
    for row in shown.iter().skip(1) {
        hit.add_row(*row);
    }
    if never_contacted(rows, &window.rows) {
        let quality = hit.quality + cx.number(&META, "no_contact");
        hit = hit.quality(quality);
        hit.explain += "; no address of the answers was ever connected to";
    }
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn base32(i: u64, len: usize) -> String {
        let mut x = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        (0..len)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                char::from(b"abcdefghijklmnopqrstuvwxyz234567"[((x >> 20) % 32) as usize])
            })
            .collect()
    }

    fn ask(s: &mut Sample, ms: i64, name: &str, kind: &str) {
        s.row_us(&dns::TABLE, "ws01", T0 + ms * 1_000, |b| {
            b.text(dns::QNAME, name);
            b.text(dns::QTYPE, kind);
            b.text(common::HOST_RAW, "WS01.firm-own.com");
        });
    }

    #[test]
    fn a_tunnel_in_names_is_high() {
        let mut s = Sample::default();
        for i in 0..500 {
            let n = base32(i + 1, 48);
            ask(&mut s, i as i64 * 7_000, &format!("{n}.kx-sync.top"), "A");
        }
        let hits = s.hits(&Dns03);
        assert_eq!(
            (hits.len(), hits[0].level, hits[0].key.as_str()),
            (1, Level::High, "kx-sync.top")
        );
        assert_eq!(hits[0].techniques, ["T1071.004", "T1572", "T1048.003"]);
    }

    #[test]
    fn txt_questions_and_numbered_chunks_fire() {
        let mut s = Sample::default();
        for i in 0..300 {
            ask(
                &mut s,
                i * 12_000,
                &format!("{}.a-sync.top", base32(i as u64, 40)),
                "TXT",
            );
        }
        for i in 0..35 {
            ask(
                &mut s,
                i * 8_000,
                &format!("{i}-{}.b-sync.top", base32(i as u64, 40)),
                "A",
            );
        }
        let hits = s.hits(&Dns03);
        assert_eq!(
            hits.iter().map(|h| h.key.as_str()).collect::<Vec<_>>(),
            ["a-sync.top", "b-sync.top"]
        );
    }

    #[test]
    fn own_names_block_lists_repeats_and_words_stay_quiet() {
        let mut s = Sample::default();
        for i in 0..600 {
            ask(
                &mut s,
                i * 5_000,
                &format!("{}.firm-own.com", base32(i as u64 + 5, 50)),
                "A",
            );
            ask(
                &mut s,
                i * 5_000,
                &format!("{}.{}.2.0.192.zen.spamhaus.org", i % 250, i / 250),
                "TXT",
            );
            ask(&mut s, i * 5_000, &format!("api{}.ordinary.com", i % 4), "A");
        }
        let hits = s.hits(&Dns03);
        assert!(hits.is_empty(), "{hits:?}");
    }

    #[test]
    fn names_that_lead_nowhere_are_told() {
        let run = |dst: &str| {
            let mut s = Sample::default();
            for i in 0..200 {
                let name = format!("{}.tunnel.top", base32(i, 56));
                s.row_us(&dns::TABLE, "ws01", T0 + i as i64 * 5_000_000, |b| {
                    b.text(dns::QNAME, &name);
                    b.list(dns::ANSWERS, ["198.51.100.9"]);
                });
            }
            s.row_us(&network::TABLE, "ws01", T0, |b| {
                b.ip(network::DST_IP, &ip::parse(dst).unwrap());
                b.int(network::DST_PORT, 443);
            });
            s.hits(&Dns03)[0].explain.contains("ever connected to")
        };
        assert!(run("203.0.113.7"));
        assert!(!run("198.51.100.9"));
    }
}
