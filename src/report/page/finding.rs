//! One finding, told in the order of time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{count, counted, cut, listed, shown, when};
use crate::base::text::basename;
use crate::rules::encoded::decode_layers;
use crate::score::finding::{Evidence, Finding, Iocs, ProcessNode, SignalHit};

/// Steps of a story.
const STEPS: usize = 60;
/// Evidence rows of a step.
const POINTERS: usize = 3;
/// Processes of a tree.
const PROCESSES: usize = 80;
/// Deepest indentation of a tree.
const MAX_DEPTH: usize = 12;
/// Decoded commands.
const DECODED: usize = 20;
/// Values of one kind of indicator.
const IOCS: usize = 50;
/// Characters of a field's value.
const FIELD: usize = 600;

/// A finding in full.
pub struct Told {
    /// Rank.
    pub rank: u32,
    /// Id.
    pub id: String,
    /// Severity.
    pub severity: String,
    /// One decimal.
    pub score: String,
    /// Host.
    pub host: String,
    /// Title.
    pub title: String,
    /// Whether it starts unfolded.
    pub open: bool,
    /// Users, time, sources, case, status.
    pub facts: Vec<(String, String)>,
    /// Steps by time.
    pub steps: Vec<Step>,
    /// Steps left out.
    pub steps_more: usize,
    /// Encoded commands and what they say.
    pub decoded: Vec<Decoded>,
    /// Process tree, parents before children.
    pub processes: Vec<Process>,
    /// Processes left out.
    pub processes_more: usize,
    /// Terms of the score.
    pub terms: Vec<Term>,
    /// The cap in words.
    pub gate: String,
    /// Id, name, tactics.
    pub techniques: Vec<(String, String, String)>,
    /// Kind, values, how many are left out.
    pub iocs: Vec<(String, Vec<String>, usize)>,
    /// Linked findings: rank if known, host or id, reason.
    pub related: Vec<(u32, String, String)>,
    /// What to do: phase, step.
    pub next_steps: Vec<(String, String)>,
}

/// A step of the story.
pub struct Step {
    /// When.
    pub time: String,
    /// Until when, if it lasted.
    pub last: String,
    /// Level.
    pub level: String,
    /// Signal id.
    pub signal: String,
    /// Title.
    pub title: String,
    /// ATT&CK ids.
    pub techniques: String,
    /// What was seen.
    pub explain: String,
    /// `12 events`, empty for one.
    pub times: String,
    /// Points, one decimal.
    pub points: String,
    /// Rows.
    pub evidence: Vec<Pointer>,
    /// Rows left out.
    pub evidence_more: usize,
}

/// Where a row is found again.
pub struct Pointer {
    /// Table.
    pub table: String,
    /// When.
    pub time: String,
    /// Input.
    pub file: String,
    /// Record and byte.
    pub place: String,
    /// Fields.
    pub fields: Vec<(String, String)>,
}

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
    /// User and pid.
    pub who: String,
    /// Signals that fired on it.
    pub signals: String,
}

/// A term of the score.
pub struct Term {
    /// What.
    pub item: String,
    /// Points, one decimal.
    pub points: String,
    /// Where it begins on a bar of 0 to 100.
    pub x: String,
    /// How much of the bar it takes.
    pub width: String,
    /// `s0`, `s1` (signals, in turns) or `b` (bonus).
    pub class: &'static str,
}

/// Tells a finding; `all` to name the linked ones.
pub fn told(f: &Finding, all: &[Finding]) -> Told {
    let (processes, processes_more) = tree(&f.processes);
    Told {
        rank: f.rank,
        id: shown(&f.finding_id),
        severity: cut(&f.severity, 20),
        score: format!("{:.1}", f.score),
        host: cut(&f.host, 100),
        title: cut(&f.title, 300),
        open: matches!(f.severity.as_str(), "critical" | "high"),
        facts: facts(f),
        steps: f.signals.iter().take(STEPS).map(step).collect(),
        steps_more: f.signals.len().saturating_sub(STEPS),
        decoded: decoded(f),
        processes,
        processes_more,
        terms: terms(f),
        gate: format!("{}: {}.", shown(&f.gate.id), shown(f.gate.why.trim_end_matches('.'))),
        techniques: f
            .techniques
            .iter()
            .map(|t| {
                let tactics: Vec<String> = t.tactics.iter().map(|t| words(t)).collect();
                (shown(&t.id), shown(&t.name), tactics.join(", "))
            })
            .collect(),
        iocs: iocs(&f.iocs),
        related: f
            .related
            .iter()
            .map(|r| related(&r.finding_id, &r.reason, all))
            .collect(),
        next_steps: f.next_steps.iter().map(|s| next_step(s)).collect(),
    }
}

/// `command-and-control` as `command and control`.
pub fn words(tactic: &str) -> String {
    cut(&tactic.replace('-', " "), 60)
}

fn facts(f: &Finding) -> Vec<(String, String)> {
    let mut out = vec![
        (
            "Time".to_owned(),
            format!("{} to {} UTC", when(&f.first_seen), when(&f.last_seen)),
        ),
        ("Users".to_owned(), listed(&f.users, 10)),
        ("Sources".to_owned(), listed(&f.sources, 20)),
        ("Case".to_owned(), f.case_id.as_deref().map(shown).unwrap_or_default()),
        ("Status".to_owned(), f.status.as_deref().map(shown).unwrap_or_default()),
        ("Took in".to_owned(), listed(&f.merged_from, 10)),
        (
            "Parted from".to_owned(),
            f.split_from.as_deref().map(shown).unwrap_or_default(),
        ),
    ];
    out.retain(|(_, v)| !v.is_empty());
    out
}

fn step(s: &SignalHit) -> Step {
    Step {
        time: when(&s.time),
        last: if s.last == s.time { String::new() } else { when(&s.last) },
        level: cut(&s.level, 20),
        signal: cut(&s.signal, 100),
        title: cut(&s.title, 200),
        techniques: s.techniques.iter().map(|t| cut(t, 20)).collect::<Vec<_>>().join(" "),
        explain: shown(&s.explain),
        times: if s.count > 1 {
            format!("{} events", count(s.count))
        } else {
            String::new()
        },
        points: format!("{:.1}", s.points),
        evidence: s.evidence.iter().take(POINTERS).map(pointer).collect(),
        evidence_more: s.evidence.len().saturating_sub(POINTERS),
    }
}

fn pointer(e: &Evidence) -> Pointer {
    let record = e.record.map(|r| format!("record {r}, ")).unwrap_or_default();
    Pointer {
        table: cut(&e.table, 60),
        time: when(&e.time),
        file: cut(&e.source_file, 300),
        place: format!("{record}byte {}", e.offset),
        fields: e
            .fields
            .iter()
            .map(|(k, v)| (cut(k, 60), cut(&plain(v), FIELD)))
            .collect(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

/// Commands of the tree and of the evidence that hide another one.
fn decoded(f: &Finding) -> Vec<Decoded> {
    let of_tree = f.processes.iter().map(|p| (p.cmdline.as_str(), basename(&p.image)));
    let rows = f.signals.iter().flat_map(|s| &s.evidence);
    let of_rows = rows.flat_map(|e| {
        let text = |k: &str| e.fields.get(k).and_then(Value::as_str);
        let image = basename(text("image").unwrap_or_default());
        ["cmdline", "command", "args", "data", "text"]
            .into_iter()
            .filter_map(move |k| Some((text(k)?, image)))
    });
    let mut out: Vec<Decoded> = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (command, image) in of_tree.chain(of_rows) {
        if out.len() >= DECODED || !seen.insert(command) {
            continue;
        }
        let layers: Vec<String> = decode_layers(command, image).iter().map(|l| shown(&l.text)).collect();
        if !layers.is_empty() {
            out.push(Decoded {
                command: shown(command),
                layers,
            });
        }
    }
    out
}

/// The tree from the top, children by number, which is the order of time. A node in a circle is shown once.
fn tree(nodes: &[ProcessNode]) -> (Vec<Process>, usize) {
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
        out.push(process(node, depth));
        for child in children.get(&id).into_iter().flatten().rev() {
            stack.push((*child, (depth + 1).min(MAX_DEPTH)));
        }
    }
    let more = out.len().saturating_sub(PROCESSES);
    out.truncate(PROCESSES);
    (out, more)
}

fn process(n: &ProcessNode, depth: usize) -> Process {
    let pid = n.pid.map(|p| format!("pid {p}"));
    let user = Some(cut(&n.user, 80)).filter(|u| !u.is_empty());
    Process {
        depth,
        time: when(&n.time),
        name: cut(basename(&n.image), 100),
        cmdline: cut(if n.cmdline.is_empty() { &n.image } else { &n.cmdline }, 400),
        who: [user, pid].into_iter().flatten().collect::<Vec<_>>().join(", "),
        signals: listed(&n.signals, 20),
    }
}

fn terms(f: &Finding) -> Vec<Term> {
    let mut x = 0.0;
    let mut turn = false;
    let mut out = Vec::new();
    for c in &f.contributions {
        let of_signal = f.signals.iter().any(|s| c.item.starts_with(s.signal.as_str()));
        turn = of_signal && !turn;
        let width = c.points.clamp(0.0, 100.0);
        out.push(Term {
            item: cut(&c.item, 200),
            points: format!("{:+.1}", c.points),
            x: format!("{x:.1}"),
            width: format!("{width:.1}"),
            class: match (of_signal, turn) {
                (false, _) => "b",
                (true, true) => "s0",
                (true, false) => "s1",
            },
        });
        x += width;
    }
    out
}

fn iocs(i: &Iocs) -> Vec<(String, Vec<String>, usize)> {
    [
        ("Domains", &i.domains),
        ("Addresses", &i.ips),
        ("URLs", &i.urls),
        ("Files", &i.files),
        ("SHA-256", &i.sha256),
        ("Accounts", &i.accounts),
    ]
    .into_iter()
    .filter(|(_, values)| !values.is_empty())
    .map(|(kind, values)| {
        let kept = values.iter().take(IOCS).map(|v| cut(v, 500)).collect();
        (kind.to_owned(), kept, values.len().saturating_sub(IOCS))
    })
    .collect()
}

fn related(id: &str, reason: &str, all: &[Finding]) -> (u32, String, String) {
    let reason = cut(reason, 300);
    match all.iter().find(|f| f.finding_id == id) {
        Some(f) => (
            f.rank,
            format!(
                "{} ({})",
                cut(&f.host, 100),
                counted(f.signals.len() as u64, "signal", "signals")
            ),
            reason,
        ),
        None => (0, shown(id), reason),
    }
}

/// `Contain: isolate …` as phase and step.
fn next_step(text: &str) -> (String, String) {
    match text.split_once(": ") {
        Some((phase, step)) if !phase.contains(' ') => (shown(phase), shown(step)),
        _ => (String::new(), shown(text)),
    }
}
