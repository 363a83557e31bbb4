//! Typed edges between hits and processes, with a strength λ (detection.md 4). Each kind of edge is one function.

mod context;
mod files;
mod injected;
mod network;
mod script;
mod session;

pub use context::context;
pub(super) use session::root as session_root;

use std::collections::{BTreeMap, BTreeSet};

use super::lineage::{Lineage, NodeId};
use crate::lake::frame::Row;
use crate::schema::{auth, common, process_access};
use crate::signals::{Cx, Hit, Level};

/// Rows of a hit that are looked at; the first one leads.
pub const MAX_ROWS: usize = 32;
/// An edge of at least this strength joins two hits into one chain.
pub const STRONG: f64 = 0.7;
/// Lineage, sessions and files join over this time at most.
pub const LONG_US: i64 = 30 * 24 * 3_600_000_000;

/// One end of an edge: a hit by its place in the canonical order, or a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// Hit.
    Hit(usize),
    /// Process.
    Process(NodeId),
}

/// Why two ends belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The process acts in a row of the hit.
    Acts,
    /// Parent and child.
    Lineage,
    /// One logon session.
    Session,
    /// A name was resolved, then its address was connected to.
    Dns,
    /// A request at the proxy and a connection of a process.
    Proxy,
    /// A file was dropped, then executed.
    Dropped,
    /// A configured command was executed.
    Persisted,
    /// Code was put into a process, which then acted.
    Injected,
}

/// An edge.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// One end.
    pub a: End,
    /// The other.
    pub b: End,
    /// Strength, 0 to 1.
    pub strength: f64,
    /// Why.
    pub kind: Kind,
    /// When the earlier and the later end happened, microseconds UTC.
    pub span: (i64, i64),
}

/// What is linked: the hits in canonical order.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// All hits.
    pub hits: &'a [Hit],
    /// Indices into `hits` in canonical order, without suppressed ones.
    pub order: &'a [usize],
    /// The hunt.
    pub cx: &'a Cx<'a>,
}

/// Edges, and the processes of each hit by its place in the canonical order (leading row first).
#[derive(Debug, Default)]
pub struct Graph {
    /// Edges.
    pub edges: Vec<Edge>,
    /// Processes of each hit.
    pub processes: Vec<Vec<NodeId>>,
}

impl<'a> Input<'a> {
    /// The hit at a place of the canonical order.
    pub fn hit(&self, place: usize) -> Option<&'a Hit> {
        self.hits.get(*self.order.get(place)?)
    }

    /// All places with their hits.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &'a Hit)> + use<'a> {
        let hits = self.hits;
        self.order
            .iter()
            .enumerate()
            .filter_map(move |(p, i)| Some((p, hits.get(*i)?)))
    }

    /// The first rows of a hit that lie on its own host.
    pub fn rows(&self, hit: &'a Hit) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let frames = self.cx.frames;
        let host = hit.host;
        hit.rows
            .iter()
            .take(MAX_ROWS)
            .map(move |r| frames.row(r.table, r.at))
            .filter(move |r| r.id(common::HOST) == host)
    }
}

/// Finds all strong edges.
pub fn collect(input: Input<'_>, lineage: &mut Lineage) -> Graph {
    let mut graph = Graph::default();
    let open = acts(input, lineage, &mut graph);
    let mut around = BTreeSet::new();
    for node in graph.processes.iter().flatten() {
        around.extend(climb(lineage, &open, *node));
    }
    let droppers = files::dropped(input, lineage, &around, &mut graph);
    for node in droppers {
        around.extend(climb(lineage, &open, node));
    }
    ancestry(lineage, &open, &around, &mut graph);
    session::sessions(input, &mut graph);
    injected::injected(input, lineage, &mut graph);
    files::dropped_by_hits(input, lineage, &around, &mut graph);
    files::persisted(input, lineage, &around, &mut graph);
    network::resolved(input, lineage, &mut graph);
    network::proxied(input, lineage, &mut graph);
    graph
}

/// Process ↔ hit. Returns the hubs that carry a signal about themselves, through which a chain may pass.
fn acts(input: Input<'_>, lineage: &mut Lineage, graph: &mut Graph) -> BTreeSet<NodeId> {
    let mut open = BTreeSet::new();
    let hosting = script::Hosting::new(input, lineage);
    for (place, hit) in input.iter() {
        let mut nodes: Vec<NodeId> = Vec::new();
        for (i, row) in input.rows(hit).enumerate() {
            let logon = row.table().ix() == auth::TABLE.ix() && row.text(common::ACTION) != Some("explicit");
            if logon {
                // The process of a logon is the one that asked for it: lsass, services, winlogon.
                continue;
            }
            for (node, strength) in reached(input, lineage, &hosting, row) {
                let itself = i == 0 && row.table().ix() == crate::schema::process::TABLE.ix();
                if itself && lineage.is_hub(node) && hit.level >= Level::Medium {
                    open.insert(node);
                }
                if !nodes.contains(&node) {
                    nodes.push(node);
                    graph.edges.push(Edge {
                        a: End::Hit(place),
                        b: End::Process(node),
                        strength,
                        kind: Kind::Acts,
                        span: (row.ts(), row.ts()),
                    });
                }
            }
        }
        graph.processes.push(nodes);
    }
    graph.edges.retain(|e| match e.b {
        End::Process(node) => !lineage.is_hub(node) || open.contains(&node),
        End::Hit(_) => true,
    });
    open
}

/// The processes that act in a row, or are reached into.
fn reached(input: Input<'_>, lineage: &mut Lineage, hosting: &script::Hosting, row: Row<'_>) -> Vec<(NodeId, f64)> {
    let frames = input.cx.frames;
    let acting = lineage.acting(frames, row).or_else(|| hosting.of(frames, row));
    acting.into_iter().chain(target(lineage, row)).collect()
}

/// The process that is reached into.
fn target(lineage: &Lineage, row: Row<'_>) -> Option<(NodeId, f64)> {
    if row.table().ix() != process_access::TABLE.ix() {
        return None;
    }
    let host = row.id(common::HOST);
    if let Some(node) = lineage.by_guid(host, row.id(process_access::TARGET_GUID)) {
        return Some((node, 1.0));
    }
    let pid = row
        .int(process_access::TARGET_PID)
        .and_then(|p| u32::try_from(p).ok())?;
    lineage.by_pid(host, pid, row.ts()).map(|n| (n, 0.7))
}

/// A process and its ancestors up to the first hub, which is left out.
fn climb(lineage: &Lineage, open: &BTreeSet<NodeId>, node: NodeId) -> Vec<NodeId> {
    lineage
        .upwards(node)
        .take_while(|n| !lineage.is_hub(*n) || open.contains(n))
        .collect()
}

/// Parent → child among the processes around the hits.
fn ancestry(lineage: &Lineage, open: &BTreeSet<NodeId>, around: &BTreeSet<NodeId>, graph: &mut Graph) {
    for node in around {
        let Some(p) = lineage.get(*node) else { continue };
        let Some(parent) = p.parent.filter(|up| around.contains(up)) else {
            continue;
        };
        let hub = lineage.is_hub(parent) && !open.contains(&parent);
        let from = lineage.get(parent).and_then(|up| up.start);
        let to = p.start.or(from).unwrap_or(0);
        let from = from.unwrap_or(to);
        if !hub && p.parent_strength >= STRONG && to - from <= LONG_US {
            graph.edges.push(Edge {
                a: End::Process(*node),
                b: End::Process(parent),
                strength: p.parent_strength,
                kind: Kind::Lineage,
                span: (from, to),
            });
        }
    }
}

/// Processes by their path and the telling paths of their command lines, per host.
fn processes_by_path(
    input: Input<'_>,
    lineage: &Lineage,
    around: &BTreeSet<NodeId>,
) -> BTreeMap<(u32, String), Vec<NodeId>> {
    let mut out: BTreeMap<(u32, String), Vec<NodeId>> = BTreeMap::new();
    for node in around {
        // A hub runs what everything configures.
        let Some(p) = lineage.get(*node).filter(|p| !p.hub) else {
            continue;
        };
        let text = |id| input.cx.frames.text(id).unwrap_or("");
        let mut paths = super::paths::in_command(text(p.cmdline));
        paths.push(super::paths::normal(text(p.image)));
        paths.retain(|path| super::paths::is_telling(path));
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            out.entry((p.host, path)).or_default().push(*node);
        }
    }
    out
}
