//! Chains that say too much are cut: at a day of silence, and where hundreds of hits hang together.

use std::collections::BTreeMap;

use super::build::Group;
use super::lineage::Lineage;
use super::links::{Graph, Input, Kind, session_root};
use crate::lake::frame::StrId;

/// No hit for this long cuts, unless a file or a configured command bridges the gap (detection.md 4). Sessions bridge
/// no more than this by themselves.
const SILENCE_US: i64 = 24 * 3_600_000_000;
/// More hits than this: the chain is split by session, then by its processes' top ancestor.
const MAX_HITS: usize = 500;

/// Cuts groups where nothing happens for a day and nothing bridges it.
pub(super) fn at_silence(input: Input<'_>, graph: &Graph, groups: Vec<Group>) -> Vec<Group> {
    let mut bridges: BTreeMap<StrId, Vec<(i64, i64)>> = BTreeMap::new();
    for edge in &graph.edges {
        let long = edge.span.1 - edge.span.0 >= SILENCE_US;
        if long
            && matches!(edge.kind, Kind::Dropped | Kind::Persisted)
            && let Some(host) = host_of_end(input, graph, edge)
        {
            bridges.entry(host).or_default().push(edge.span);
        }
    }
    let mut out = Vec::new();
    for group in groups {
        let host = group.members.first().and_then(|(p, _)| input.hit(*p)).map(|h| h.host);
        let bridges = host.and_then(|h| bridges.get(&h)).map_or(&[][..], Vec::as_slice);
        let mut part = Group::default();
        let mut last: Option<i64> = None;
        for member in group.members {
            let Some(hit) = input.hit(member.0) else { continue };
            if let Some(before) = last.filter(|l| hit.time - l >= SILENCE_US) {
                // The file was dropped, or the command configured, within a day of the one side and ran within a day
                // of the other.
                let near = |a: i64, b: i64| (a - b).abs() < SILENCE_US;
                if !bridges
                    .iter()
                    .any(|(from, to)| near(*from, before) && near(*to, hit.time))
                {
                    out.push(std::mem::take(&mut part));
                }
            }
            last = Some(last.map_or(hit.last, |l| l.max(hit.last)).max(hit.time));
            part.members.push(member);
        }
        out.push(part);
    }
    out.retain(|g| !g.members.is_empty());
    out
}

/// Splits groups of more than [`MAX_HITS`] hits by the session of the leading row and the top ancestor.
pub(super) fn too_big(input: Input<'_>, lineage: &Lineage, graph: &Graph, groups: Vec<Group>) -> Vec<Group> {
    let mut out = Vec::new();
    for group in groups {
        if group.members.len() <= MAX_HITS {
            out.push(group);
            continue;
        }
        let by_session = parts(&group, |place| input.hit(place).and_then(|h| session_root(input, h)));
        for part in by_session {
            if part.members.len() <= MAX_HITS {
                out.push(part);
                continue;
            }
            out.extend(parts(&part, |place| {
                let node = *graph.processes.get(place)?.first()?;
                lineage.upwards(node).take_while(|n| !lineage.is_hub(*n)).last()
            }));
        }
    }
    out
}

/// Parts of a group by a property, in the order of their first hit.
fn parts<K: Ord>(group: &Group, key: impl Fn(usize) -> K) -> Vec<Group> {
    let mut by_key: BTreeMap<K, Group> = BTreeMap::new();
    for member in &group.members {
        by_key.entry(key(member.0)).or_default().members.push(*member);
    }
    let mut out: Vec<Group> = by_key.into_values().collect();
    out.sort_by_key(|g| g.members.first().map(|(p, _)| *p));
    out
}

fn host_of_end(input: Input<'_>, graph: &Graph, edge: &super::links::Edge) -> Option<StrId> {
    use super::links::End;
    let place = match (edge.a, edge.b) {
        (End::Hit(p), _) | (_, End::Hit(p)) => p,
        // Writer and runner are processes of one host; any hit of either tells which.
        (End::Process(a), End::Process(b)) => graph
            .processes
            .iter()
            .position(|nodes| nodes.contains(&a) || nodes.contains(&b))?,
    };
    input.hit(place).map(|h| h.host)
}
