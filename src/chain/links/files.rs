//! Files and configured commands that were executed later.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ahash::RandomState;

use super::super::lineage::{Lineage, NodeId};
use super::super::paths;
use super::{Edge, End, Graph, Input, Kind, LONG_US, processes_by_path};
use crate::knowledge::programs;
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::schema::{common, file, persist, process, registry};

/// Programs that write executables all day: what they drop says nothing about them.
const INSTALLERS: &[&str] = &[
    "mpsigstub",
    "msiexec",
    "onedrivesetup",
    "poqexec",
    "tiworker",
    "trustedinstaller",
    "usoclient",
    "wuauclt",
];
/// Latest writers of a file that are linked to its execution.
const MAX_WRITERS: usize = 4;
/// A remote write of a file and its start.
const DAY_US: i64 = 24 * 3_600_000_000;
/// A configured command shorter than this, or without an argument, is told apart from nothing.
const MIN_COMMAND: usize = 12;
/// Characters of a command that are compared.
const SPELT: usize = 1024;
/// A tool creates a service or task and the record of it.
const CREATED_US: i64 = 120 * 1_000_000;

/// Writer → process that runs the file, by path (λ 1) or by hash (λ .9). Returns the writers.
pub(super) fn dropped(
    input: Input<'_>,
    lineage: &mut Lineage,
    around: &BTreeSet<NodeId>,
    graph: &mut Graph,
) -> Vec<NodeId> {
    let frames = input.cx.frames;
    let mut writers: BTreeMap<(NodeId, NodeId), (i64, f64)> = BTreeMap::new();
    for (row, targets) in written(input, lineage, around) {
        let Some((writer, _)) = lineage
            .acting(frames, row)
            .filter(|(w, _)| !is_installer(input, lineage, *w))
        else {
            continue;
        };
        for (target, strength) in targets.into_iter().filter(|(t, _)| *t != writer) {
            let best = writers.entry((target, writer)).or_insert((row.ts(), strength));
            *best = (best.0.max(row.ts()), best.1.max(strength));
        }
    }
    keep_latest(lineage, writers, graph)
}

/// Rows that write a file which one of these processes is made of or names and later runs with; those processes, with the strength.
pub(super) fn written<'a>(
    input: Input<'a>,
    lineage: &Lineage,
    around: &BTreeSet<NodeId>,
) -> Vec<(Row<'a>, Vec<(NodeId, f64)>)> {
    let frames = input.cx.frames;
    let by_path = processes_by_path(input, lineage, around);
    let by_hash = processes_by_hash(input, lineage, around);
    let hosts: HashSet<StrId, RandomState> = around.iter().filter_map(|n| lineage.get(*n)).map(|p| p.host).collect();
    let mut spelling: HashMap<StrId, Option<String>, RandomState> = HashMap::default();
    let mut out = Vec::new();
    for at in crate::entity::resolve::order_of(frames, &file::TABLE) {
        let row = frames.row(&file::TABLE, at);
        let host = row.id(common::HOST);
        if !hosts.contains(&host) || matches!(row.text(common::ACTION), Some("delete" | "read" | "access" | "open")) {
            continue;
        }
        let path = spelling
            .entry(row.id(file::PATH))
            .or_insert_with(|| row.text(file::PATH).map(paths::normal).filter(|p| paths::is_telling(p)));
        let mut targets: Vec<(NodeId, f64)> = Vec::new();
        if let Some(nodes) = path.clone().and_then(|p| by_path.get(&(host, p))) {
            targets.extend(nodes.iter().map(|n| (*n, 1.0)));
        }
        for hash in [row.id(file::SHA256), row.id(file::SHA1)] {
            if let Some(nodes) = by_hash.get(&(host, hash)) {
                targets.extend(nodes.iter().map(|n| (*n, 0.9)));
            }
        }
        targets.retain(|(n, _)| ran_within(lineage, *n, row.ts(), LONG_US));
        if !targets.is_empty() {
            out.push((row, targets));
        }
    }
    out
}

fn keep_latest(lineage: &Lineage, writers: BTreeMap<(NodeId, NodeId), (i64, f64)>, graph: &mut Graph) -> Vec<NodeId> {
    let mut all: Vec<_> = writers.into_iter().collect();
    all.sort_by_key(|((target, writer), (ts, _))| (*target, std::cmp::Reverse(*ts), *writer));
    let mut out = Vec::new();
    for group in all.chunk_by(|a, b| a.0.0 == b.0.0) {
        for ((target, writer), (ts, strength)) in group.iter().take(MAX_WRITERS) {
            let start = lineage.get(*target).and_then(|p| p.start).unwrap_or(*ts);
            graph.edges.push(Edge {
                a: End::Process(*writer),
                b: End::Process(*target),
                strength: *strength,
                kind: Kind::Dropped,
                span: (*ts, start.max(*ts)),
            });
            out.push(*writer);
        }
    }
    out
}

/// Hit on a file (written over the network, by a hub) → process of that file name within a day, λ .9.
pub(super) fn dropped_by_hits(input: Input<'_>, lineage: &Lineage, around: &BTreeSet<NodeId>, graph: &mut Graph) {
    let mut by_name: BTreeMap<(StrId, String), Vec<NodeId>> = BTreeMap::new();
    for node in around {
        let Some(p) = lineage.get(*node) else { continue };
        let name = programs::base_name(input.cx.frames.text(p.image).unwrap_or("")).to_lowercase();
        if paths::is_telling(&name) {
            by_name.entry((p.host, name)).or_default().push(*node);
        }
    }
    for (place, hit) in input.iter() {
        for row in input.rows(hit).filter(|r| r.table().ix() == file::TABLE.ix()) {
            let name = programs::base_name(row.str(file::PATH)).to_lowercase();
            let Some(nodes) = by_name.get(&(hit.host, name)) else {
                continue;
            };
            for node in nodes.iter().filter(|n| ran_within(lineage, **n, row.ts(), DAY_US)) {
                graph.edges.push(edge(lineage, place, *node, row.ts(), Kind::Dropped));
            }
        }
    }
}

/// Hit on a service, task, subscription or autostart value → process that runs its command (λ .9, within 30 days), and
/// ← process whose command line names it while it was created.
pub(super) fn persisted(input: Input<'_>, lineage: &Lineage, around: &BTreeSet<NodeId>, graph: &mut Graph) {
    let by_path = processes_by_path(input, lineage, around);
    let mut by_command: BTreeMap<(StrId, String), Vec<NodeId>> = BTreeMap::new();
    for node in around {
        let Some(p) = lineage.get(*node).filter(|p| p.cmdline != NO_STR && !p.hub) else {
            continue;
        };
        let command = one_spelling(input.cx.frames.text(p.cmdline).unwrap_or(""));
        by_command.entry((p.host, command)).or_default().push(*node);
    }
    let mut starts: Vec<(StrId, i64, NodeId)> = around
        .iter()
        .filter_map(|n| {
            lineage
                .get(*n)
                .filter(|p| !p.hub)
                .and_then(|p| Some((p.host, p.start?, *n)))
        })
        .collect();
    starts.sort_unstable();
    for (place, hit) in input.iter() {
        for row in input.rows(hit) {
            let (command, name) = match row.table().ix() {
                t if t == persist::TABLE.ix() => {
                    let command = [row.str(persist::COMMAND), row.str(persist::ARGS)].join(" ");
                    (command, row.str(persist::NAME))
                }
                t if t == registry::TABLE.ix() => (row.str(registry::DATA).to_owned(), ""),
                _ => continue,
            };
            let mut nodes: BTreeSet<NodeId> = BTreeSet::new();
            for path in paths::in_command(&command).into_iter().filter(|p| paths::is_telling(p)) {
                nodes.extend(by_path.get(&(hit.host, path)).into_iter().flatten());
            }
            let spelt = one_spelling(&command);
            if spelt.contains(' ') && spelt.len() >= MIN_COMMAND {
                nodes.extend(by_command.get(&(hit.host, spelt)).into_iter().flatten());
            }
            nodes.retain(|n| ran_within(lineage, *n, row.ts(), LONG_US));
            nodes.extend(creators(input, lineage, &starts, (hit.host, row.ts()), name));
            for node in nodes {
                graph.edges.push(edge(lineage, place, node, row.ts(), Kind::Persisted));
            }
        }
    }
}

/// Processes around a time on a host whose command line names the service or task. `starts` is sorted.
fn creators(
    input: Input<'_>,
    lineage: &Lineage,
    starts: &[(StrId, i64, NodeId)],
    (host, ts): (StrId, i64),
    name: &str,
) -> Vec<NodeId> {
    let name = name.trim_start_matches('\\').to_lowercase();
    if name.chars().count() < 4 {
        return Vec::new();
    }
    let names_it = |n: &NodeId| {
        let command = lineage.get(*n).and_then(|p| input.cx.frames.text(p.cmdline));
        command.is_some_and(|c| c.to_lowercase().contains(&name))
    };
    let from = starts.partition_point(|s| (s.0, s.1) < (host, ts - CREATED_US));
    let until = starts.partition_point(|s| (s.0, s.1) <= (host, ts + CREATED_US));
    let near = starts.get(from..until).unwrap_or(&[]);
    near.iter().map(|s| s.2).filter(names_it).collect()
}

fn edge(lineage: &Lineage, place: usize, node: NodeId, ts: i64, kind: Kind) -> Edge {
    let start = lineage.get(node).and_then(|p| p.start).unwrap_or(ts);
    Edge {
        a: End::Hit(place),
        b: End::Process(node),
        strength: 0.9,
        kind,
        span: (ts.min(start), ts.max(start)),
    }
}

/// Whether a process started after `ts`, within `window`.
fn ran_within(lineage: &Lineage, node: NodeId, ts: i64, window: i64) -> bool {
    let start = lineage.get(node).and_then(|p| p.start);
    start.is_some_and(|s| s >= ts && s - ts <= window)
}

fn is_installer(input: Input<'_>, lineage: &Lineage, node: NodeId) -> bool {
    lineage.get(node).is_none_or(|p| {
        let base = programs::base_name(input.cx.frames.text(p.image).unwrap_or(""));
        p.hub || programs::contains(INSTALLERS, base)
    })
}

fn processes_by_hash(
    input: Input<'_>,
    lineage: &Lineage,
    around: &BTreeSet<NodeId>,
) -> HashMap<(StrId, StrId), Vec<NodeId>, RandomState> {
    let mut out: HashMap<(StrId, StrId), Vec<NodeId>, RandomState> = HashMap::default();
    for node in around {
        let Some((p, at)) = lineage.get(*node).and_then(|p| Some((p, p.row?))) else {
            continue;
        };
        if !paths::is_telling(input.cx.frames.text(p.image).unwrap_or("")) {
            continue;
        }
        let row = input.cx.frames.row(&process::TABLE, at);
        for hash in [row.id(process::SHA256), row.id(process::SHA1)] {
            if hash != NO_STR {
                out.entry((p.host, hash)).or_default().push(*node);
            }
        }
    }
    out
}

/// The beginning of a command in one spelling: lower case, single blanks, no quotes, the shell spelt out. Logs cut long
/// commands at different lengths, so what follows [`SPELT`] characters does not tell two apart.
pub(super) fn one_spelling(command: &str) -> String {
    let cut = crate::base::text::truncate_chars(command, 2 * SPELT).to_lowercase();
    let cut = cut
        .replace("%%", "%")
        .replace("%comspec%", "c:\\windows\\system32\\cmd.exe");
    let words: Vec<&str> = cut
        .split(|c: char| c.is_whitespace() || c == '"')
        .filter(|w| !w.is_empty())
        .collect();
    crate::base::text::truncate_chars(&words.join(" "), SPELT).to_owned()
}
