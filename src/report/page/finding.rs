//! One finding, told in the order of time.

use std::collections::BTreeMap;

use serde_json::Value;

use super::charts::{self, Drawn};
use super::processes::{self, Decoded, Process};
use super::{TOLD, count, counted, cut, listed, shown, when};
use crate::report::charts::FindingCharts;
use crate::report::lang::Lang;
use crate::score::finding::{Evidence, Finding, Iocs, SignalHit};

/// Steps of a story.
const STEPS: usize = 60;
/// Evidence rows of a step.
const POINTERS: usize = 3;
/// Values of one kind of indicator.
const IOCS: usize = 50;
/// Characters of a field's value.
const FIELD: usize = 600;
/// Technique ids in the line of a finding.
const IDS: usize = 8;
/// Steps of a finding that is told in short.
const BRIEF_STEPS: usize = 4;
/// Characters of an explanation that is told in short.
const BRIEF_TEXT: usize = 240;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Everything.
    Full,
    /// The strongest signals, where their rows are, the score.
    Brief,
}

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
    /// Whether everything is told.
    pub full: bool,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub first: String,
    /// Users, in a row.
    pub users: String,
    /// Technique ids, in a row.
    pub ids: String,
    /// new, ongoing, changed, gone; empty without a baseline.
    pub status: String,
    /// Users, time, sources, case, status.
    pub facts: Vec<(String, String)>,
    /// What is drawn.
    pub drawn: Option<Drawn>,
    /// Steps by time.
    pub steps: Vec<Step>,
    /// Steps left out.
    pub steps_more: usize,
    /// Encoded commands of the evidence that no process of the tree has, and what they say.
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
    /// What to do: phase, its steps.
    pub next_steps: Vec<(String, Vec<String>)>,
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
    /// Tactic in words.
    pub tactic: String,
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

/// Tells a finding; `all` by id, to name the linked ones.
pub fn told(
    f: &Finding,
    charts: Option<&FindingCharts>,
    all: &BTreeMap<&str, &Finding>,
    depth: Depth,
    lang: Lang,
) -> Told {
    let full = depth == Depth::Full;
    let (processes, processes_more) = if full {
        processes::tree(&f.processes, lang)
    } else {
        (Vec::new(), 0)
    };
    let steps = if full { steps(f, lang) } else { brief_steps(f, lang) };
    Told {
        rank: f.rank,
        id: shown(&f.finding_id),
        severity: cut(&f.severity, 20),
        score: format!("{:.1}", f.score),
        host: cut(&f.host, 100),
        title: cut(&f.title, 300),
        open: f.rank == 1,
        full,
        first: when(&f.first_seen),
        users: listed(lang, &f.users, 3),
        ids: ids(f),
        status: f.status.as_deref().map(shown).unwrap_or_default(),
        facts: facts(f, lang),
        drawn: charts.filter(|_| full).map(|c| charts::draw(f, c, lang)),
        steps_more: f.signals.len().saturating_sub(steps.len()),
        steps,
        decoded: if full { processes::decoded(f) } else { Vec::new() },
        processes,
        processes_more,
        terms: terms(f),
        gate: format!("{}: {}.", shown(&f.gate.id), shown(f.gate.why.trim_end_matches('.'))),
        techniques: if full { techniques(f, lang) } else { Vec::new() },
        iocs: if full { iocs(&f.iocs, lang) } else { Vec::new() },
        related: f
            .related
            .iter()
            .map(|r| related(&r.finding_id, &r.reason, all, lang))
            .collect(),
        next_steps: if full { phases(&f.next_steps) } else { Vec::new() },
    }
}

/// Some technique ids, the rest counted.
fn ids(f: &Finding) -> String {
    let mut out: Vec<String> = f.techniques.iter().take(IDS).map(|t| shown(&t.id)).collect();
    if f.techniques.len() > IDS {
        out.push(format!("+{}", f.techniques.len() - IDS));
    }
    out.join(" ")
}

/// `command-and-control` as `command and control`.
pub fn words(tactic: &str, lang: Lang) -> String {
    lang.tell(&cut(&tactic.replace('-', " "), 60))
}

fn techniques(f: &Finding, lang: Lang) -> Vec<(String, String, String)> {
    let one = |t: &crate::score::finding::TechniqueRef| {
        let tactics: Vec<String> = t.tactics.iter().map(|t| words(t, lang)).collect();
        (shown(&t.id), shown(&t.name), tactics.join(lang.t(", ")))
    };
    f.techniques.iter().map(one).collect()
}

fn facts(f: &Finding, lang: Lang) -> Vec<(String, String)> {
    let option = |text: &Option<String>| text.as_deref().map(shown).unwrap_or_default();
    [
        (
            "Time",
            lang.fill("{} to {} UTC", &[&when(&f.first_seen), &when(&f.last_seen)]),
        ),
        ("Users", listed(lang, &f.users, 10)),
        ("Sources", listed(lang, &f.sources, 20)),
        ("Case", option(&f.case_id)),
        (
            "Status",
            f.status.as_deref().map(|s| lang.tell(&shown(s))).unwrap_or_default(),
        ),
        ("Took in", listed(lang, &f.merged_from, 10)),
        ("Parted from", option(&f.split_from)),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (lang.t(name).to_owned(), value))
    .collect()
}

fn steps(f: &Finding, lang: Lang) -> Vec<Step> {
    f.signals.iter().take(STEPS).map(|s| step(s, lang)).collect()
}

/// The strongest signals, in the order of time.
fn brief_steps(f: &Finding, lang: Lang) -> Vec<Step> {
    let mut strongest: Vec<&SignalHit> = f.signals.iter().collect();
    strongest.sort_by(|a, b| b.points.total_cmp(&a.points));
    strongest.truncate(BRIEF_STEPS);
    strongest.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.signal.cmp(&b.signal)));
    let brief = |s: &SignalHit| {
        let mut step = step(s, lang);
        step.explain = cut(&s.explain, BRIEF_TEXT);
        step.evidence.truncate(1);
        for e in &mut step.evidence {
            e.fields.clear();
        }
        step.evidence_more = s.evidence.len().saturating_sub(1);
        step
    };
    strongest.into_iter().map(brief).collect()
}

fn step(s: &SignalHit, lang: Lang) -> Step {
    Step {
        time: when(&s.time),
        last: if s.last == s.time { String::new() } else { when(&s.last) },
        level: cut(&s.level, 20),
        signal: cut(&s.signal, 100),
        tactic: words(&s.stage, lang),
        title: cut(&s.title, 200),
        techniques: s.techniques.iter().map(|t| cut(t, 20)).collect::<Vec<_>>().join(" "),
        explain: shown(&s.explain),
        times: if s.count > 1 {
            lang.fill("{} events", &[&count(s.count)])
        } else {
            String::new()
        },
        points: format!("{:.1}", s.points),
        evidence: s.evidence.iter().take(POINTERS).map(|e| pointer(e, lang)).collect(),
        evidence_more: s.evidence.len().saturating_sub(POINTERS),
    }
}

fn pointer(e: &Evidence, lang: Lang) -> Pointer {
    Pointer {
        table: cut(&e.table, 60),
        time: when(&e.time),
        file: cut(&e.source_file, 300),
        place: match e.record {
            Some(record) => lang.fill("record {}, byte {}", &[&record, &e.offset]),
            None => lang.fill("byte {}", &[&e.offset]),
        },
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

fn iocs(i: &Iocs, lang: Lang) -> Vec<(String, Vec<String>, usize)> {
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
        (lang.t(kind).to_owned(), kept, values.len().saturating_sub(IOCS))
    })
    .collect()
}

fn related(id: &str, reason: &str, all: &BTreeMap<&str, &Finding>, lang: Lang) -> (u32, String, String) {
    let reason = cut(reason, 300);
    match all.get(id) {
        Some(f) => {
            let signals = counted(lang, f.signals.len() as u64, "{} signal", "{} signals");
            let rank = if f.rank as usize <= TOLD { f.rank } else { 0 };
            (rank, format!("{} ({signals})", cut(&f.host, 100)), reason)
        }
        None => (0, shown(id), reason),
    }
}

/// `Contain: isolate …`, steps of one phase together, phases in the order of their first step.
fn phases(steps: &[String]) -> Vec<(String, Vec<String>)> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for text in steps {
        let (phase, step) = match text.split_once(": ") {
            Some((phase, step)) if !phase.contains(' ') => (shown(phase), shown(step)),
            _ => (String::new(), shown(text)),
        };
        match out.iter_mut().find(|(p, _)| *p == phase) {
            Some((_, steps)) => steps.push(step),
            None => out.push((phase, vec![step])),
        }
    }
    out
}
