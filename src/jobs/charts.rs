//! Charts of the findings that are told in full: rows per source around the finding, check-ins, questions.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::ip;
use crate::base::time::{self, Ts};
use crate::knowledge::domains;
use crate::lake::frame::{Frames, Row, StrId};
use crate::report::charts::{self, Charts, DRAWN, DnsVolume, FindingCharts, Lane};
use crate::schema::{Col, TABLES, Table, common, dns, http, network};
use crate::score::finding::{Finding, SignalHit};
use crate::signals::{Cx, Hit};

/// Sources with a lane of their own; the others share one.
const LANES: usize = 12;
/// Series drawn per finding.
const SERIES: usize = 4;
/// Domains drawn per finding.
const DOMAINS: usize = 4;
/// Shown before and after a finding, at least.
const MARGIN_US: Ts = 10 * 60 * 1_000_000;

/// Columns that charts count by, beside those that every table is loaded with.
pub const READS: &[(&Table, &[Col])] = &[
    (&network::TABLE, &[common::ACTION, network::DST_IP, network::DST_HOST]),
    (&http::TABLE, &[common::ACTION, http::URL_HOST]),
    (&dns::TABLE, &[dns::QNAME]),
];

/// Counts the charts of those of the first [`DRAWN`] findings that `which` names, over `all` rows of their hosts, which lie in the order of
/// host and time; `cx` has the rows of the hits.
pub fn charts(
    findings: &[Finding],
    hits: &[Hit],
    cx: &Cx<'_>,
    all: &Frames,
    which: impl Fn(&Finding) -> bool,
) -> Charts {
    let mut by_host: BTreeMap<&str, Vec<&Hit>> = BTreeMap::new();
    for h in hits {
        by_host.entry(cx.frames.text(h.host).unwrap_or("")).or_default().push(h);
    }
    let told = findings.iter().take(DRAWN).filter(|f| which(f));
    told.map(|f| {
        let hits = by_host.get(f.host.as_str()).map_or(&[][..], Vec::as_slice);
        (f.finding_id.clone(), of_finding(f, hits, cx.frames, all))
    })
    .collect()
}

fn of_finding(f: &Finding, hits: &[&Hit], frames: &Frames, all: &Frames) -> FindingCharts {
    let at = |text: &str| time::rfc3339(text.as_bytes()).map_or(0, |(t, _)| t);
    let (first, last) = (at(&f.first_seen), at(&f.last_seen));
    let margin = (last.saturating_sub(first) / 20).max(MARGIN_US);
    let (from, to) = (first.saturating_sub(margin), last.saturating_add(margin));
    let series = f.signals.iter().filter(|s| s.signal.starts_with("NET-0"));
    FindingCharts {
        from,
        to,
        lanes: lanes(&f.host, from, to, all),
        beacons: series
            .filter_map(|s| beacon(f, s, hits, frames, all))
            .take(SERIES)
            .collect(),
        dns: dns_volumes(f, hits, (from, to), frames, all),
    }
}

/// The rows of a host in a span of time.
fn rows<'a>(frames: &'a Frames, table: &'static Table, host: &str, from: Ts, to: Ts) -> impl Iterator<Item = Row<'a>> {
    let order = frames.frame(table).order();
    let key = |at: &u32| {
        let row = frames.row(table, *at);
        (row.host(), row.ts())
    };
    let begin = order.partition_point(|at| key(at) < (host, from));
    let end = order.partition_point(|at| key(at) <= (host, to)).max(begin);
    order
        .get(begin..end)
        .unwrap_or(&[])
        .iter()
        .map(move |at| frames.row(table, *at))
}

fn lanes(host: &str, from: Ts, to: Ts, frames: &Frames) -> Vec<Lane> {
    let mut times: BTreeMap<StrId, Vec<Ts>> = BTreeMap::new();
    for table in TABLES.iter().copied() {
        for row in rows(frames, table, host, from, to) {
            times.entry(row.id(common::SOURCE)).or_default().push(row.ts());
        }
    }
    let mut all: Vec<(&str, Vec<Ts>)> = times
        .into_iter()
        .map(|(id, times)| (frames.text(id).unwrap_or(""), times))
        .collect();
    all.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(b.0)));
    let rest: Vec<Ts> = all
        .split_off(all.len().min(LANES))
        .into_iter()
        .flat_map(|l| l.1)
        .collect();
    if !rest.is_empty() {
        all.push(("…", rest));
    }
    all.into_iter()
        .map(|(source, times)| Lane {
            source: source.to_owned(),
            total: times.len() as u64,
            cells: charts::cells(times, from, to),
        })
        .collect()
}

/// The evidence rows of the hits that a told signal stands for.
fn evidence<'a>(s: &SignalHit, hits: &[&Hit], frames: &'a Frames) -> Vec<Row<'a>> {
    let same = |h: &&&Hit| h.meta.id == s.signal && h.key == s.key;
    let refs = hits.iter().filter(same).flat_map(|h| &h.rows);
    refs.map(|r| frames.row(r.table, r.at)).collect()
}

/// The series behind a signal: its rows name the sensor and the destination, the frame has all the others.
fn beacon(f: &Finding, s: &SignalHit, hits: &[&Hit], frames: &Frames, all: &Frames) -> Option<charts::Beacon> {
    let rows_of = evidence(s, hits, frames);
    let mut sensors: BTreeMap<(usize, &str, &str), Vec<Row<'_>>> = BTreeMap::new();
    for row in rows_of.into_iter().filter(|r| place(*r).is_some()) {
        let key = (row.table().ix(), row.source(), row.str(common::ACTION));
        sensors.entry(key).or_default().push(row);
    }
    let ((_, source, action), seen) = sensors.into_iter().max_by_key(|(_, rows)| rows.len())?;
    let places: BTreeSet<String> = seen.iter().filter_map(|r| place(*r)).collect();
    let table = seen.first()?.table();
    let at = |text: &str| time::rfc3339(text.as_bytes()).map(|(t, _)| t);
    let owner = s.key.strip_prefix("*.");
    let same = |row: &Row<'_>| {
        row.source() == source
            && row.str(common::ACTION) == action
            && place(*row)
                .is_some_and(|p| places.contains(&p) || (owner.is_some() && domains::registrable(&p) == owner))
    };
    let times: Vec<Ts> = rows(all, table, &f.host, at(&s.time)?, at(&s.last)?)
        .filter(same)
        .map(|r| r.ts())
        .collect();
    charts::beacon(&s.key, source, &times)
}

/// Where a connection or request went.
fn place(row: Row<'_>) -> Option<String> {
    if row.table().ix() == http::TABLE.ix() {
        return Some(row.text(http::URL_HOST)?.to_lowercase());
    }
    if row.table().ix() != network::TABLE.ix() {
        return None;
    }
    match row.ip(network::DST_IP) {
        Some(address) => Some(ip::display(&address)),
        None => Some(row.text(network::DST_HOST)?.to_lowercase()),
    }
}

fn dns_volumes(f: &Finding, hits: &[&Hit], (from, to): (Ts, Ts), frames: &Frames, all: &Frames) -> Vec<DnsVolume> {
    let mut wanted: Vec<&str> = Vec::new();
    for s in f.signals.iter().filter(|s| s.signal.starts_with("DNS-")) {
        for row in evidence(s, hits, frames) {
            if row.table().ix() == dns::TABLE.ix()
                && let Some(domain) = domains::registrable(row.str(dns::QNAME))
                && !wanted.contains(&domain)
            {
                wanted.push(domain);
            }
        }
    }
    wanted.truncate(DOMAINS);
    let one = |domain: &&str| {
        let of_domain = |r: &Row<'_>| domains::registrable(r.str(dns::QNAME)) == Some(*domain);
        let asked: Vec<Row<'_>> = rows(all, &dns::TABLE, &f.host, from, to).filter(of_domain).collect();
        let (first, last) = (asked.first()?.ts(), asked.last()?.ts());
        let names: BTreeSet<&str> = asked.iter().map(|r| r.str(dns::QNAME)).collect();
        Some(DnsVolume {
            domain: (*domain).to_owned(),
            total: asked.len() as u64,
            longest: names.iter().map(|n| n.chars().count()).max().unwrap_or(0),
            names: names.len() as u64,
            first,
            last,
            cells: charts::cells(asked.iter().map(|r| r.ts()), first, last),
        })
    };
    wanted.iter().filter_map(one).collect()
}
