//! Process trees: the ancestors and descendants of processes on a host.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;

use super::timeline::rows_of_host;
use crate::base::error::{Error, Result};
use crate::base::text::basename;
use crate::base::time::{self, Ts};
use crate::chain::lineage::{Lineage, NodeId};
use crate::entity::resolve;
use crate::lake::Lake;
use crate::lake::frame::Frames;
use crate::lake::scan::TimeRange;
use crate::report::line::decoded;
use crate::schema::process;

/// Deepest line that is shown.
const MAX_DEPTH: usize = 64;

/// A line of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Branch {
    /// Steps from the root.
    pub depth: usize,
    /// Per step from the second on, whether more siblings follow; what lines are drawn from.
    pub more: Vec<bool>,
    /// Whether it was asked for.
    pub asked: bool,
    /// Start, microseconds UTC; none where only others name it.
    pub start: Option<Ts>,
    /// End, where it was logged.
    pub end: Option<Ts>,
    /// Process id.
    pub pid: Option<u32>,
    /// Sysmon's GUID.
    pub guid: String,
    /// Process id of its parent.
    pub parent_pid: Option<u32>,
    /// User.
    pub user: String,
    /// Executable.
    pub image: String,
    /// Command line.
    pub cmdline: String,
    /// What encoded parts of it say.
    pub decoded: Vec<String>,
}

/// A forest of processes.
#[derive(Debug, Default)]
pub struct Tree {
    /// Canonical name of the host.
    pub host: String,
    /// In the order of printing.
    pub branches: Vec<Branch>,
    /// What the analyst should know.
    pub warnings: Vec<String>,
}

/// The tree of a host, or of one process of it.
///
/// # Errors
/// [`Error::Usage`] where there is no such host or process.
pub fn tree(lake: &Lake, host: &str, asked: Option<&str>, range: TimeRange) -> Result<Tree> {
    let mut out = Tree::default();
    let found = rows_of_host(lake, host, &[&process::TABLE], range, &mut out.warnings)?;
    out.host = found.host;
    let mut frames = found.frames;
    resolve::resolve(&mut frames);
    let lineage = Lineage::new(&frames);
    let within = |n: NodeId| lineage.get(n).and_then(|p| p.start).is_none_or(|t| range.holds(t));
    let chosen: BTreeSet<NodeId> = match asked {
        Some(text) => select(&frames, &lineage, text)?
            .into_iter()
            .filter(|n| within(*n))
            .collect(),
        None => lineage.iter().map(|(n, _)| n).filter(|n| within(*n)).collect(),
    };
    if let (true, Some(text)) = (chosen.is_empty(), asked) {
        return Err(Error::Usage(format!(
            "{}: no process '{text}' among {}; give a GUID, PID@TIME, a pid or a program's name (globs)",
            out.host,
            lineage.iter().count()
        )));
    }
    let children = children(&lineage);
    let shown = relatives(&lineage, &children, &chosen);
    let roots: Vec<NodeId> = shown
        .iter()
        .copied()
        .filter(|n| parent(&lineage, *n).is_none_or(|p| !shown.contains(&p)))
        .collect();
    let mut open: Vec<(NodeId, Vec<bool>)> = sorted(&lineage, roots)
        .into_iter()
        .rev()
        .map(|n| (n, Vec::new()))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some((node, more)) = open.pop() {
        if !seen.insert(node) || more.len() > MAX_DEPTH {
            continue;
        }
        let below = children
            .get(&node)
            .into_iter()
            .flatten()
            .copied()
            .filter(|c| shown.contains(c));
        let below = sorted(&lineage, below.collect());
        let last = below.len();
        for (i, c) in below.into_iter().enumerate().rev() {
            let mut deeper = more.clone();
            deeper.push(i + 1 < last);
            open.push((c, deeper));
        }
        out.branches.extend(branch(
            &frames,
            &lineage,
            node,
            more,
            asked.is_some() && chosen.contains(&node),
        ));
    }
    Ok(out)
}

fn select(frames: &Frames, lineage: &Lineage, asked: &str) -> Result<BTreeSet<NodeId>> {
    let plain = asked.trim_matches(['{', '}']).to_lowercase();
    if let Some((pid, at)) = asked.split_once('@') {
        let wrong = || {
            Error::Usage(format!(
                "--process {asked}: write PID@TIME like 4312@2025-09-20T10:12:00Z"
            ))
        };
        let pid: u32 = pid.trim().parse().map_err(|_| wrong())?;
        let (ts, _) = time::rfc3339(at.trim().as_bytes()).ok_or_else(wrong)?;
        let hosts: BTreeSet<_> = lineage.iter().map(|(_, p)| p.host).collect();
        return Ok(hosts.into_iter().filter_map(|h| lineage.by_pid(h, pid, ts)).collect());
    }
    let pid: Option<u32> = asked.parse().ok();
    let glob = GlobBuilder::new(asked)
        .case_insensitive(true)
        .backslash_escape(false)
        .build();
    let glob = glob
        .map_err(|e| Error::Usage(format!("--process {asked}: {e}")))?
        .compile_matcher();
    let fits = |p: &crate::chain::lineage::Process| {
        let text = |id| frames.text(id).unwrap_or("");
        (pid.is_some() && p.pid == pid)
            || text(p.guid).trim_matches(['{', '}']).eq_ignore_ascii_case(&plain)
            || glob.is_match(basename(text(p.image)))
            || glob.is_match(text(p.image))
    };
    Ok(lineage.iter().filter(|(_, p)| fits(p)).map(|(n, _)| n).collect())
}

fn parent(lineage: &Lineage, node: NodeId) -> Option<NodeId> {
    lineage.get(node).and_then(|p| p.parent)
}

fn children(lineage: &Lineage) -> BTreeMap<NodeId, Vec<NodeId>> {
    let mut out: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (n, p) in lineage.iter() {
        if let Some(parent) = p.parent {
            out.entry(parent).or_default().push(n);
        }
    }
    out
}

/// The chosen ones with all above and all below them.
fn relatives(
    lineage: &Lineage,
    children: &BTreeMap<NodeId, Vec<NodeId>>,
    chosen: &BTreeSet<NodeId>,
) -> BTreeSet<NodeId> {
    let mut out = BTreeSet::new();
    for n in chosen {
        let mut at = Some(*n);
        while let Some(node) = at.filter(|n| out.insert(*n)) {
            at = parent(lineage, node);
        }
    }
    let mut open: Vec<NodeId> = chosen.iter().copied().collect();
    let mut below = BTreeSet::new();
    while let Some(n) = open.pop() {
        if below.insert(n) {
            open.extend(children.get(&n).into_iter().flatten());
        }
    }
    out.extend(below);
    out
}

fn sorted(lineage: &Lineage, mut nodes: Vec<NodeId>) -> Vec<NodeId> {
    nodes.sort_by_key(|n| (lineage.get(*n).and_then(|p| p.start), *n));
    nodes
}

fn branch(frames: &Frames, lineage: &Lineage, node: NodeId, more: Vec<bool>, asked: bool) -> Option<Branch> {
    let p = lineage.get(node)?;
    let text = |id| frames.text(id).unwrap_or("").to_owned();
    let (image, cmdline) = (text(p.image), text(p.cmdline));
    Some(Branch {
        depth: more.len(),
        more,
        asked,
        start: p.start,
        end: p.end,
        pid: p.pid,
        guid: text(p.guid),
        parent_pid: p.parent.and_then(|n| lineage.get(n)).and_then(|p| p.pid),
        user: text(p.user),
        decoded: decoded(&cmdline, &image),
        image,
        cmdline,
    })
}
