//! What a process does after somebody put code into it.

use std::collections::BTreeMap;

use super::super::lineage::{Lineage, NodeId};
use super::{Edge, End, Graph, Input, Kind, target};
use crate::schema::process_access;
use crate::signals::Hit;

/// λ of an act by a process that was injected into.
const STRENGTH: f64 = 0.9;
/// An act longer than this after the injection is not laid to it: services run for months.
const WINDOW_US: i64 = 24 * 3_600_000_000;

/// Injection into a hub (svchost, explorer, lsass) → later hits of which that very process is the actor. Other processes carry the
/// chain by themselves; through a hub it may pass only so, because before the injection it did everybody's work.
pub(super) fn injected(input: Input<'_>, lineage: &mut Lineage, graph: &mut Graph) {
    let mut into: BTreeMap<NodeId, Vec<(i64, usize)>> = BTreeMap::new();
    for (place, hit) in input.iter().filter(|(_, h)| is_injection(h)) {
        for row in input.rows(hit) {
            if let Some((node, _)) = target(lineage, row)
                && lineage.is_hub(node)
            {
                into.entry(node).or_default().push((row.ts(), place));
            }
        }
    }
    if into.is_empty() {
        return;
    }
    into.values_mut().for_each(|times| times.sort_unstable());
    for (place, hit) in input.iter() {
        let Some(lead) = input.rows(hit).next() else { continue };
        let Some(times) = lineage.acting(input.cx.frames, lead).and_then(|(n, _)| into.get(&n)) else {
            continue;
        };
        let before = times.partition_point(|(ts, _)| *ts <= lead.ts());
        let Some((ts, injection)) = before.checked_sub(1).and_then(|i| times.get(i)).copied() else {
            continue;
        };
        if injection != place && lead.ts() - ts <= WINDOW_US {
            graph.edges.push(Edge {
                a: End::Hit(injection),
                b: End::Hit(place),
                strength: STRENGTH,
                kind: Kind::Injected,
                span: (ts, lead.ts()),
            });
        }
    }
}

/// Code was put into another process, as opposed to its memory being read or its image being replaced.
fn is_injection(hit: &Hit) -> bool {
    let reaches = hit.rows.iter().any(|r| r.table.ix() == process_access::TABLE.ix());
    reaches && hit.techniques.iter().any(|t| t == "T1055" || t == "T1055.001")
}
