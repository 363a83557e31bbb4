//! The process tree of a finding, and what encoded commands say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{cut, listed, shown, when};
use crate::base::text::basename;
use crate::report::lang::Lang;
use crate::rules::encoded::decode_layers;
use crate::score::finding::{Finding, ProcessNode};

/// Processes of a tree.
const PROCESSES: usize = 80;
/// Deepest indentation of a tree.
const MAX_DEPTH: usize = 12;
/// Decoded commands.
const DECODED: usize = 20;

/// A command that hid another.
pub struct Decoded {
    /// As written.
    pub command: String,
    /// What it says, outer layer first.
    pub layers: Vec<String>,
}

/// A process of the tree.
pub struct Process {
    /// Indentation, 0 to 12.
    pub depth: usize,
    /// When it started, if the logs say.
    pub time: String,
    /// Name of the program.
    pub name: String,
    /// Command line, or the path where there is none.
    pub cmdline: String,
    /// What an encoded command says, outer layer first.
    pub layers: Vec<String>,
    /// User and pid.
    pub who: String,
    /// Signals that fired on it.
    pub signals: String,
}

/// Commands of the evidence that hide another one; those of the tree are told there.
pub fn decoded(f: &Finding) -> Vec<Decoded> {
    let rows = f.signals.iter().flat_map(|s| &s.evidence);
    let commands = rows.flat_map(|e| {
        let text = |k: &str| e.fields.get(k).and_then(Value::as_str);
        let image = basename(text("image").unwrap_or_default());
        ["cmdline", "command", "args", "data", "text"]
            .into_iter()
            .filter_map(move |k| Some((text(k)?, image)))
    });
    let mut out: Vec<Decoded> = Vec::new();
    let mut seen: BTreeSet<&str> = f.processes.iter().map(|p| p.cmdline.as_str()).collect();
    for (command, image) in commands {
        if out.len() >= DECODED || !seen.insert(command) {
            continue;
        }
        let layers = layers(command, image);
        if !layers.is_empty() {
            out.push(Decoded {
                command: shown(command),
                layers,
            });
        }
    }
    out
}

fn layers(command: &str, image: &str) -> Vec<String> {
    decode_layers(command, image).iter().map(|l| shown(&l.text)).collect()
}

/// The tree from the top, children by number, which is the order of time. A node in a circle is shown once.
pub fn tree(nodes: &[ProcessNode], lang: Lang) -> (Vec<Process>, usize) {
    let known: BTreeMap<u32, &ProcessNode> = nodes.iter().map(|n| (n.id, n)).collect();
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut waiting: Vec<(u32, usize)> = Vec::new();
    for n in known.values() {
        match n.parent.filter(|p| *p != n.id && known.contains_key(p)) {
            Some(p) => children.entry(p).or_default().push(n.id),
            None => waiting.push((n.id, 0)),
        }
    }
    // Behind the true tops: whatever a circle keeps from being reached.
    let mut stack: Vec<(u32, usize)> = known.keys().rev().map(|id| (*id, 0)).collect();
    stack.extend(waiting.into_iter().rev());
    let mut left = known;
    let mut out = Vec::new();
    while let Some((id, depth)) = stack.pop() {
        let Some(node) = left.remove(&id) else { continue };
        out.push((node, depth));
        for child in children.get(&id).into_iter().flatten().rev() {
            stack.push((*child, (depth + 1).min(MAX_DEPTH)));
        }
    }
    let more = out.len().saturating_sub(PROCESSES);
    let shown = out.into_iter().take(PROCESSES);
    (shown.map(|(node, depth)| process(node, depth, lang)).collect(), more)
}

fn process(n: &ProcessNode, depth: usize, lang: Lang) -> Process {
    let pid = n.pid.map(|p| format!("pid {p}"));
    let user = Some(cut(&n.user, 80)).filter(|u| !u.is_empty());
    Process {
        depth,
        time: when(&n.time),
        name: cut(basename(&n.image), 100),
        cmdline: cut(if n.cmdline.is_empty() { &n.image } else { &n.cmdline }, 400),
        layers: layers(&n.cmdline, basename(&n.image)),
        who: [user, pid].into_iter().flatten().collect::<Vec<_>>().join(", "),
        signals: listed(lang, &n.signals, 20),
    }
}
