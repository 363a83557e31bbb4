//! Strong edges become components, components become chains.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::lineage::{Lineage, NodeId};
use super::links::{self, End, Graph, Input, STRONG};
use super::union::Union;
use super::{Chain, ChainProcess, Chains, Member, cross_host, split, weak};
use crate::entity::address::AddressMap;
use crate::schema::{common, process};
use crate::signals::{Cx, Hit};

/// Processes kept per chain; the rest is counted (detection.md 4).
const MAX_PROCESSES: usize = 200;

/// A set of hits under construction: places in the canonical order, sorted, with their link factor.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub members: Vec<(usize, f64)>,
}

/// Chains of the hits for which `keep` (of their index) is true. The result depends on the set of hits, not on
/// their order, except that members name hits by index.
pub fn build(hits: &[Hit], keep: &dyn Fn(usize) -> bool, cx: &Cx<'_>, addresses: &AddressMap) -> Chains {
    let order = canonical_order(hits, keep, cx);
    let input = Input {
        hits,
        order: &order,
        cx,
    };
    let mut lineage = Lineage::new(cx.frames);
    let graph = links::collect(input, &mut lineage);
    let groups = components(input, &graph);
    let groups = split::at_silence(input, &graph, groups);
    let groups = split::too_big(input, &lineage, &graph, groups);
    let groups = weak::attach(input, groups);
    let chains: Vec<Chain> = groups
        .iter()
        .filter_map(|g| chain(input, &lineage, &graph, g))
        .collect();
    let links = cross_host::links(hits, cx, addresses, &chains);
    Chains { chains, links }
}

/// Indices of the kept hits by host name, time, signal, key, words and row.
pub fn canonical_order(hits: &[Hit], keep: &dyn Fn(usize) -> bool, cx: &Cx<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..hits.len()).filter(|i| keep(*i)).collect();
    let key = |i: &usize| {
        hits.get(*i).map(|h| {
            let row = h.rows.first().map(|r| {
                let row = cx.frames.row(r.table, r.at);
                (
                    r.table.ix(),
                    row.int(common::FILE_ID),
                    row.int(common::ROW),
                    row.int(common::RECORD_ID),
                )
            });
            let host = cx.frames.text(h.host).unwrap_or("");
            (
                host,
                h.time,
                h.meta.id,
                h.key.as_str(),
                h.explain.as_str(),
                row,
                h.last,
                h.count,
            )
        })
    };
    order.sort_by(|a, b| key(a).cmp(&key(b)));
    order
}

/// Union-find over the strong edges. Groups are in the order of their first hit.
fn components(input: Input<'_>, graph: &Graph) -> Vec<Group> {
    let n = input.order.len();
    let mut union = Union::new(n);
    let mut of_process: HashMap<NodeId, u32> = HashMap::new();
    for edge in graph.edges.iter().filter(|e| e.strength >= STRONG) {
        let mut element = |end: End| match end {
            End::Hit(place) => place as u32,
            End::Process(node) => *of_process.entry(node).or_insert_with(|| union.add()),
        };
        let (a, b) = (element(edge.a), element(edge.b));
        union.join(a, b);
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    let mut first: HashMap<u32, usize> = HashMap::new();
    for place in 0..n {
        let root = union.find(place as u32);
        let group = *first.entry(root).or_insert(place);
        groups.entry(group).or_default().members.push((place, 1.0));
    }
    groups.into_values().collect()
}

fn chain(input: Input<'_>, lineage: &Lineage, graph: &Graph, group: &Group) -> Option<Chain> {
    let host = host_of(input, group)?;
    let mut places: Vec<(usize, f64)> = group.members.clone();
    places.sort_by_key(|(p, _)| *p);
    let (processes, numbers, more_processes) = tree(input, lineage, graph, &places);
    let members = places
        .iter()
        .filter_map(|(place, link)| {
            let hit = input.hit(*place)?;
            let itself = hit.rows.first().is_some_and(|r| r.table.ix() == process::TABLE.ix());
            let lead = graph.processes.get(*place).and_then(|n| n.first());
            Some(Member {
                hit: *input.order.get(*place)?,
                link: *link,
                started: lead.filter(|_| itself).and_then(|n| numbers.get(n)).copied(),
            })
        })
        .collect();
    Some(Chain {
        host,
        members,
        processes,
        more_processes,
    })
}

/// The host of the backbone: what is attached from elsewhere follows it.
fn host_of(input: Input<'_>, group: &Group) -> Option<u32> {
    let own = group
        .members
        .iter()
        .find(|(_, link)| *link >= 1.0)
        .or(group.members.first())?;
    input.hit(own.0).map(|h| h.host)
}

/// The processes of the hits and their ancestors up to the first hub, numbered with parents first.
fn tree(
    input: Input<'_>,
    lineage: &Lineage,
    graph: &Graph,
    places: &[(usize, f64)],
) -> (Vec<ChainProcess>, BTreeMap<NodeId, u32>, usize) {
    let mut hits: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
    let mut wanted: BTreeSet<NodeId> = BTreeSet::new();
    for (place, _) in places {
        for node in graph.processes.get(*place).into_iter().flatten() {
            let index = input.order.get(*place).copied().unwrap_or(0);
            hits.entry(*node).or_default().push(index);
            wanted.extend(up_to_hub(lineage, *node));
        }
    }
    let mut nodes: Vec<(usize, i64, NodeId)> = wanted
        .iter()
        .map(|n| {
            let start = lineage.get(*n).and_then(|p| p.start).unwrap_or(i64::MIN);
            (depth(lineage, &wanted, *n), start, *n)
        })
        .collect();
    nodes.sort_unstable();
    let more = nodes.len().saturating_sub(MAX_PROCESSES);
    nodes.truncate(MAX_PROCESSES);
    let numbers: BTreeMap<NodeId, u32> = nodes.iter().enumerate().map(|(i, n)| (n.2, i as u32)).collect();
    let processes = nodes
        .iter()
        .enumerate()
        .filter_map(|(i, (_, _, node))| {
            let p = lineage.get(*node)?;
            let parent = p.parent.filter(|_| !p.hub).and_then(|up| numbers.get(&up)).copied();
            Some(ChainProcess {
                parent: parent.filter(|up| *up < i as u32),
                start: p.start,
                image: p.image,
                cmdline: p.cmdline,
                user: p.user,
                pid: p.pid,
                hits: hits.get(node).cloned().unwrap_or_default(),
            })
        })
        .collect();
    (processes, numbers, more)
}

fn up_to_hub(lineage: &Lineage, node: NodeId) -> Vec<NodeId> {
    let mut out = Vec::new();
    for n in lineage.upwards(node) {
        out.push(n);
        if lineage.is_hub(n) && n != node {
            break;
        }
    }
    out
}

fn depth(lineage: &Lineage, wanted: &BTreeSet<NodeId>, node: NodeId) -> usize {
    let above = lineage.upwards(node).skip(1);
    above
        .take_while(|n| wanted.contains(n))
        .take_while(|n| !lineage.is_hub(*n))
        .count()
        + usize::from(!lineage.is_hub(node))
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
