//! Names, addresses and requests that belong to a process.

use std::collections::{BTreeMap, BTreeSet};

use super::super::lineage::{Lineage, NodeId};
use super::{Edge, End, Graph, Input, Kind};
use crate::base::ip::{self, Ip};
use crate::entity::resolve::order_of;
use crate::knowledge::domains;
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::schema::{common, dns, http, network};
use crate::signals::Hit;

/// An answer is used for its TTL, at least this long …
const TTL_MIN_S: i64 = 60;
/// … and at most this long …
const TTL_MAX_S: i64 = 3600;
/// … and a minute of slack (detection.md 4).
const TTL_SLACK_S: i64 = 60;
/// λ of an answer that was connected to.
const ANSWERED: f64 = 0.9;
/// A DNS log without answers and a connection of a process with a signal this soon after: λ .7 like proxy → process,
/// which joins by host and time in the same way.
const ASKED_US: i64 = 5_000_000;
/// λ of joins by host and a few seconds.
const NEAR: f64 = 0.7;
/// A request at the proxy and the connection to it (detection.md 4).
const PROXY_US: i64 = 5_000_000;
/// Ports on which proxies listen.
const PROXY_PORTS: &[i64] = &[3128, 8000, 8080, 8081, 8088, 8888, 9090];

/// A time in which a connection would belong to a hit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Window {
    from: i64,
    until: i64,
    place: usize,
}

/// DNS hit ↔ connection to one of its answers (λ .9), or without answers ↔ the connection that a process with a signal
/// makes within seconds (λ .7).
pub(super) fn resolved(input: Input<'_>, lineage: &mut Lineage, graph: &mut Graph) {
    let Questions { answered, asked } = Questions::of(input);
    if answered.is_empty() && asked.is_empty() {
        return;
    }
    let owners = Owners::new(input, graph);
    let mut seen = BTreeSet::new();
    for at in order_of(input.cx.frames, &network::TABLE) {
        let row = input.cx.frames.row(&network::TABLE, at);
        let (host, Some(dst)) = (row.id(common::HOST), row.ip(network::DST_IP)) else {
            continue;
        };
        if let Some(windows) = answered.get(&(host, dst)) {
            let windows = at_time(windows, |w| w, row.ts());
            let ends = owners.ends(input, lineage, row, true);
            join(graph, &mut seen, windows, row.ts(), &ends, (ANSWERED, Kind::Dns));
        }
        if let Some(windows) = asked.get(&host).filter(|_| !ip::is_internal(&dst)) {
            let windows = at_time(windows, |w| w, row.ts());
            let ends = owners.ends(input, lineage, row, false);
            join(graph, &mut seen, windows, row.ts(), &ends, (NEAR, Kind::Dns));
        }
    }
}

/// When a connection of a host would belong to a DNS hit: by answer, and by host where there was none.
struct Questions {
    answered: BTreeMap<(StrId, Ip), Vec<Window>>,
    asked: BTreeMap<StrId, Vec<Window>>,
}

impl Questions {
    fn of(input: Input<'_>) -> Self {
        let mut answered: BTreeMap<(StrId, Ip), Vec<Window>> = BTreeMap::new();
        let mut asked: BTreeMap<StrId, Vec<Window>> = BTreeMap::new();
        for (place, hit) in input.iter() {
            for row in input.rows(hit).filter(|r| r.table().ix() == dns::TABLE.ix()) {
                if row.id(dns::PROC_GUID) != NO_STR || row.int(dns::PID).is_some() {
                    continue;
                }
                let answers: Vec<Ip> = row.str(dns::ANSWERS).lines().filter_map(ip::parse).collect();
                let ttl = row.int(dns::TTL_MIN).unwrap_or(0).clamp(TTL_MIN_S, TTL_MAX_S) + TTL_SLACK_S;
                for answer in answers.iter().take(64) {
                    let window = Window {
                        place,
                        from: row.ts(),
                        until: row.ts() + ttl * 1_000_000,
                    };
                    answered.entry((hit.host, *answer)).or_default().push(window);
                }
                if answers.is_empty() {
                    let window = Window {
                        place,
                        from: row.ts(),
                        until: row.ts() + ASKED_US,
                    };
                    asked.entry(hit.host).or_default().push(window);
                }
            }
        }
        answered
            .values_mut()
            .chain(asked.values_mut())
            .for_each(|w| w.sort_unstable());
        Self { answered, asked }
    }

    fn concern(&self, row: Row<'_>) -> bool {
        let (host, Some(dst)) = (row.id(common::HOST), row.ip(network::DST_IP)) else {
            return false;
        };
        let near = |windows: &Vec<Window>| at_time(windows, |w| w, row.ts()).next().is_some();
        self.answered.get(&(host, dst)).is_some_and(near) || self.asked.get(&host).is_some_and(near)
    }
}

/// Connections of processes near a question or request of a hit: [`resolved`] and [`proxied`] may go over them.
pub(super) fn near_hits<'a>(input: Input<'a>) -> Vec<Row<'a>> {
    let (questions, requests) = (Questions::of(input), requests(input));
    if questions.answered.is_empty() && questions.asked.is_empty() && requests.is_empty() {
        return Vec::new();
    }
    let requested = |row: Row<'_>| {
        let list = requests.get(&row.id(common::HOST));
        list.is_some_and(|list| ways(list, row).next().is_some())
    };
    let all = order_of(input.cx.frames, &network::TABLE).into_iter();
    let rows = all.map(|at| input.cx.frames.row(&network::TABLE, at));
    rows.filter(|r| r.id(network::PROC_GUID) != NO_STR || r.int(network::PID).is_some())
        .filter(|r| questions.concern(*r) || requested(*r))
        .collect()
}

/// Requests of hits at a proxy, by host: when, its address and its domain.
type Requests = BTreeMap<StrId, Vec<(Window, Option<Ip>, String)>>;

/// Request at the proxy ↔ connection of a process with a signal to the proxy, the same address or the same domain
/// within seconds, λ .7.
pub(super) fn proxied(input: Input<'_>, lineage: &mut Lineage, graph: &mut Graph) {
    let requests = requests(input);
    if requests.is_empty() {
        return;
    }
    let owners = Owners::new(input, graph);
    let mut seen = BTreeSet::new();
    for at in order_of(input.cx.frames, &network::TABLE) {
        let row = input.cx.frames.row(&network::TABLE, at);
        let Some(list) = requests.get(&row.id(common::HOST)) else {
            continue;
        };
        let ways: Vec<Window> = ways(list, row).collect();
        if !ways.is_empty() {
            let ends = owners.ends(input, lineage, row, false);
            join(graph, &mut seen, ways.iter(), row.ts(), &ends, (NEAR, Kind::Proxy));
        }
    }
}

fn requests(input: Input<'_>) -> Requests {
    let mut requests: Requests = BTreeMap::new();
    for (place, hit) in input.iter() {
        for row in input.rows(hit).filter(|r| r.table().ix() == http::TABLE.ix()) {
            if row.id(http::PROC_GUID) != NO_STR || row.int(http::PID).is_some() {
                continue;
            }
            let window = Window {
                place,
                from: row.ts() - PROXY_US,
                until: row.ts() + PROXY_US,
            };
            let request = (window, row.ip(http::DST_IP), domain(row.str(http::URL_HOST)));
            requests.entry(hit.host).or_default().push(request);
        }
    }
    requests.values_mut().for_each(|list| list.sort_unstable());
    requests
}

/// The requests of a host whose way a connection can be.
fn ways(list: &[(Window, Option<Ip>, String)], row: Row<'_>) -> impl Iterator<Item = Window> {
    let near = at_time(list, |r| &r.0, row.ts());
    near.filter(move |(_, address, name)| is_way(row, *address, name))
        .map(|r| r.0)
}

/// Whether a connection can be the way of a request.
fn is_way(row: Row<'_>, address: Option<Ip>, name: &str) -> bool {
    let proxy = row.int(network::DST_PORT).is_some_and(|p| PROXY_PORTS.contains(&p));
    let same_address = address.is_some() && row.ip(network::DST_IP) == address;
    let names = [row.str(network::DST_HOST), row.str(network::TLS_SNI)];
    let same_name = !name.is_empty() && names.iter().any(|n| domain(n) == name);
    proxy || same_address || same_name
}

fn domain(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    domains::registrable(&lower).unwrap_or("").to_owned()
}

/// Which hits and processes a row of the `network` table belongs to.
struct Owners {
    hits_of_row: BTreeMap<u32, Vec<usize>>,
    with_signal: BTreeSet<NodeId>,
}

impl Owners {
    fn new(input: Input<'_>, graph: &Graph) -> Self {
        let mut hits_of_row: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (place, hit) in input.iter() {
            for row in network_rows(hit) {
                hits_of_row.entry(row).or_default().push(place);
            }
        }
        let with_signal = graph
            .edges
            .iter()
            .filter(|e| e.kind == Kind::Acts)
            .filter_map(|e| match e.b {
                End::Process(n) => Some(n),
                End::Hit(_) => None,
            })
            .collect();
        Self {
            hits_of_row,
            with_signal,
        }
    }

    /// `any`: also processes that carry no signal themselves (their parents may).
    fn ends(&self, input: Input<'_>, lineage: &mut Lineage, row: Row<'_>, any: bool) -> Vec<End> {
        let mut out: Vec<End> = Vec::new();
        out.extend(
            self.hits_of_row
                .get(&row.at())
                .into_iter()
                .flatten()
                .map(|p| End::Hit(*p)),
        );
        if let Some((node, _)) = lineage.acting(input.cx.frames, row)
            && !lineage.is_hub(node)
            && (any || self.with_signal.contains(&node))
        {
            out.push(End::Process(node));
        }
        out
    }
}

fn network_rows(hit: &Hit) -> impl Iterator<Item = u32> {
    hit.rows
        .iter()
        .filter(|r| r.table.ix() == network::TABLE.ix())
        .map(|r| r.at)
}

/// The windows that hold `ts`, of a list sorted by window; none is longer than the longest TTL with its slack.
fn at_time<'a, T>(list: &'a [T], window: impl Fn(&T) -> &Window + Copy + 'a, ts: i64) -> impl Iterator<Item = &'a T> {
    const LONGEST_US: i64 = (TTL_MAX_S + TTL_SLACK_S) * 1_000_000;
    let start = list.partition_point(|t| window(t).from < ts - LONGEST_US);
    let end = list.partition_point(|t| window(t).from <= ts);
    let near = list.get(start..end).unwrap_or(&[]);
    near.iter().filter(move |t| ts <= window(t).until)
}

fn join<'a>(
    graph: &mut Graph,
    seen: &mut BTreeSet<(usize, End)>,
    windows: impl Iterator<Item = &'a Window>,
    ts: i64,
    ends: &[End],
    (strength, kind): (f64, Kind),
) {
    for w in windows {
        for end in ends.iter().filter(|e| **e != End::Hit(w.place)) {
            if seen.insert((w.place, *end)) {
                graph.edges.push(Edge {
                    a: End::Hit(w.place),
                    b: *end,
                    strength,
                    kind,
                    span: (w.from.min(ts), ts.max(w.from)),
                });
            }
        }
    }
}
