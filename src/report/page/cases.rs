//! Cases over several hosts as a path: a box per host in the order of time, an arc per link.

use std::collections::BTreeMap;

use super::{cut, first, when};
use crate::report::lang::Lang;
use crate::score::finding::Finding;

/// Cases drawn.
const CASES: usize = 8;
/// Hosts drawn per case.
const HOSTS: usize = 12;
/// Links drawn per case.
const LINKS: usize = 24;
/// Vertical distance of two boxes, and their height.
const STEP: i64 = 62;
const BOX: i64 = 46;
/// Left edge of the boxes; the arcs have the room before it.
const LEFT: i64 = 96;
/// Characters of a box's second line, so that it stays within.
const LINE: usize = 38;

/// A case as a path.
pub struct CasePath {
    /// Id.
    pub id: String,
    /// In words.
    pub words: String,
    /// Boxes from above.
    pub hosts: Vec<CaseHost>,
    /// Hosts left out.
    pub hosts_more: usize,
    /// Arcs.
    pub links: Vec<CaseLink>,
    /// Height of the drawing.
    pub height: i64,
}

/// A box.
pub struct CaseHost {
    /// Rank of its best finding.
    pub rank: u32,
    /// Name.
    pub host: String,
    /// Severity of its best finding.
    pub severity: String,
    /// When its story begins.
    pub time: String,
    /// With what it begins, cut to the box.
    pub what: String,
    /// Upper edge.
    pub y: i64,
}

/// An arc with its number.
pub struct CaseLink {
    /// Number, from 1.
    pub number: usize,
    /// Path.
    pub path: String,
    /// Path of its arrow head.
    pub tip: String,
    /// Where the number stands.
    pub x: i64,
    /// Where the number stands.
    pub y: i64,
    /// Earlier host.
    pub from: String,
    /// Later host.
    pub to: String,
    /// Why they belong together.
    pub reason: String,
}

/// The cases with their best finding's rank as order.
pub fn cases(findings: &[Finding], lang: Lang) -> Vec<CasePath> {
    let mut order: Vec<&str> = Vec::new();
    let mut members: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for f in findings.iter().filter(|f| !f.is_gone()) {
        let Some(id) = f.case_id.as_deref() else { continue };
        let list = members.entry(id).or_default();
        if list.is_empty() {
            order.push(id);
        }
        list.push(f);
    }
    let several = |id: &&str| {
        members
            .get(*id)
            .is_some_and(|m| m.iter().any(|f| Some(&f.host) != m.first().map(|f| &f.host)))
    };
    order
        .into_iter()
        .filter(several)
        .take(CASES)
        .filter_map(|id| Some(case(id, members.get(id)?, lang)))
        .collect()
}

fn case(id: &str, members: &[&Finding], lang: Lang) -> CasePath {
    let mut by_host: BTreeMap<&str, &Finding> = BTreeMap::new();
    for f in members {
        // Members come best first.
        by_host.entry(&f.host).or_insert(f);
    }
    let all = by_host.len();
    // The best stay; they stand in the order of time.
    let mut hosts: Vec<&Finding> = by_host.into_values().collect();
    hosts.sort_by_key(|best| best.rank);
    hosts.truncate(HOSTS);
    hosts.sort_by(|a, b| begin(a).cmp(begin(b)).then(a.rank.cmp(&b.rank)));
    let place: BTreeMap<&str, i64> = hosts
        .iter()
        .enumerate()
        .map(|(i, f)| (f.host.as_str(), i as i64))
        .collect();
    let boxes: Vec<CaseHost> = hosts.iter().enumerate().map(|(i, f)| host(i as i64, f)).collect();
    let first = boxes.first().map_or("", |b| b.host.as_str());
    CasePath {
        id: cut(id, 60),
        words: lang.fill("{} hosts; it begins on {}.", &[&all, &first]),
        hosts_more: all - boxes.len(),
        links: links(members, &place),
        height: boxes.len() as i64 * STEP + 4,
        hosts: boxes,
    }
}

fn begin(f: &Finding) -> &str {
    first::onset(f).map_or(f.first_seen.as_str(), |s| s.time.as_str())
}

fn host(i: i64, f: &Finding) -> CaseHost {
    let what = first::onset(f).map_or("", |s| s.title.as_str());
    CaseHost {
        rank: f.rank,
        host: cut(&f.host, 28),
        severity: cut(&f.severity, 20),
        time: when(begin(f)),
        what: cut(what, LINE),
        y: i * STEP + 2,
    }
}

/// The strongest link of each pair of hosts, from the earlier to the later one.
fn links(members: &[&Finding], place: &BTreeMap<&str, i64>) -> Vec<CaseLink> {
    let host_of: BTreeMap<&str, &str> = members
        .iter()
        .map(|f| (f.finding_id.as_str(), f.host.as_str()))
        .collect();
    let mut pairs: BTreeMap<(i64, i64), (&str, &str, &str)> = BTreeMap::new();
    for f in members {
        for r in &f.related {
            let Some(other) = host_of.get(r.finding_id.as_str()) else {
                continue;
            };
            let (Some(a), Some(b)) = (place.get(f.host.as_str()), place.get(other)) else {
                continue;
            };
            let ends = if a < b {
                (f.host.as_str(), *other)
            } else {
                (*other, f.host.as_str())
            };
            if a != b {
                pairs
                    .entry(((*a).min(*b), (*a).max(*b)))
                    .or_insert((ends.0, ends.1, &r.reason));
            }
        }
    }
    pairs
        .into_iter()
        .take(LINKS)
        .enumerate()
        .map(|(i, ((a, b), (from, to, reason)))| link(i + 1, (a, b), (from, to, reason)))
        .collect()
}

fn link(number: usize, (a, b): (i64, i64), (from, to, reason): (&str, &str, &str)) -> CaseLink {
    // Arcs leave a box below its middle and enter above it, so that both can be told apart.
    let (y1, y2) = (a * STEP + 2 + BOX * 2 / 3, b * STEP + 2 + BOX / 3);
    let reach = (22 + 12 * (b - a)).min(LEFT - 10);
    let x = LEFT - reach;
    CaseLink {
        number,
        path: format!("M{LEFT} {y1}C{x} {y1} {x} {y2} {} {y2}", LEFT - 6),
        tip: format!("M{} {y2}l-8-4v8z", LEFT - 1),
        // A cubic curve is at three quarters of its reach in the middle.
        x: LEFT - reach * 3 / 4,
        y: (y1 + y2) / 2,
        from: cut(from, 100),
        to: cut(to, 100),
        reason: cut(reason, 300),
    }
}
