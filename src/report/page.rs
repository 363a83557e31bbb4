//! The report in words and numbers, before any markup: what `report.html` and `report.md` both say.
//!
//! Every text that came from a log goes through [`shown`] here, once, so that a template can only ever hold text without
//! control characters and direction overrides. Escaping for the markup stays with the output.

mod cases;
mod charts;
mod coverage;
mod finding;
mod first;
mod matrix;
mod processes;

use std::collections::{BTreeMap, BTreeSet};

use super::Results;
use super::charts::DRAWN;
use super::lang::Lang;
use super::run::{InputReport, RunSummary};
use crate::base::text::{for_terminal, truncate_chars};
use crate::score::finding::{Finding, SignalHit};

pub use cases::CasePath;
pub use coverage::Seen;
pub use finding::{Depth, Told};
pub use first::First;
pub use matrix::TacticColumn;

/// Findings told at all; the others stand in `findings.jsonl`.
const TOLD: usize = 5_000;
/// Inputs named.
const INPUTS: usize = 500;
/// Suppressed hits named.
const SUPPRESSED: usize = 100;
/// Characters of one text of a log.
const MAX_TEXT: usize = 2_000;

/// The whole report.
pub struct Page {
    /// Its language.
    pub lang: Lang,
    /// What was read and what came of it, sentence by sentence.
    pub lead: Vec<String>,
    /// Hosts to look at first.
    pub first: Vec<First>,
    /// Findings by severity, most severe first.
    pub severities: Vec<(String, String)>,
    /// Findings, best first.
    pub findings: Vec<Told>,
    /// Findings that are left out.
    pub told_more: usize,
    /// What happened since the run of the baseline; empty without one.
    pub since: Vec<String>,
    /// Cases over several hosts.
    pub cases: Vec<CasePath>,
    /// The ATT&CK matrix, tactic by tactic.
    pub matrix: Vec<TacticColumn>,
    /// What could be seen.
    pub seen: Seen,
    /// What could not, and why.
    pub unseen: Vec<Unseen>,
    /// Allowlist entries.
    pub allowed: Vec<(String, String, String)>,
    /// Hits that the allowlist silenced.
    pub suppressed: Vec<Suppressed>,
    /// Hits that the list above leaves out.
    pub suppressed_more: usize,
    /// Inputs.
    pub inputs: Vec<InputLine>,
    /// Inputs that the list leaves out.
    pub inputs_more: usize,
    /// Facts of the run: version, command line, settings, times.
    pub run: Vec<(String, String)>,
}

/// A thing that could not be seen.
pub struct Unseen {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
    /// Where: hosts, addresses or files.
    pub whom: String,
}

/// A silenced hit.
pub struct Suppressed {
    /// When.
    pub time: String,
    /// Where.
    pub host: String,
    /// What.
    pub title: String,
    /// By which entry.
    pub entry: String,
}

/// An input.
pub struct InputLine {
    /// Path.
    pub path: String,
    /// Format.
    pub format: String,
    /// Records.
    pub records: String,
    /// New, duplicate and rejected records in words.
    pub fate: String,
    /// First to last event.
    pub span: String,
    /// How its times are known, and notes.
    pub notes: String,
}

impl Page {
    /// Says what a hunt found.
    pub fn new(results: &Results) -> Self {
        let (findings, run, lang) = (&results.findings, &results.run, results.lang);
        let silenced: Vec<&SignalHit> = results.signals.iter().filter(|s| s.suppressed_by.is_some()).collect();
        let by_id: BTreeMap<&str, &Finding> = findings.iter().map(|f| (f.finding_id.as_str(), f)).collect();
        let told = |(i, f): (usize, &Finding)| {
            let depth = if i < DRAWN { Depth::Full } else { Depth::Brief };
            finding::told(f, results.charts.get(&f.finding_id), &by_id, depth, lang)
        };
        Self {
            lang,
            lead: lead(results),
            first: first::first(findings, &results.cases, lang),
            severities: severities(findings),
            findings: findings.iter().take(TOLD).enumerate().map(told).collect(),
            told_more: findings.len().saturating_sub(TOLD),
            since: since(results),
            cases: cases::cases(&results.cases, findings, lang),
            matrix: matrix::matrix(findings, &run.coverage.blind, lang),
            seen: coverage::seen(&run.coverage, lang),
            unseen: coverage::unseen(run, lang),
            allowed: run
                .suppressions
                .iter()
                .map(|s| (shown(&s.entry), shown(&s.reason), count(s.hits)))
                .collect(),
            suppressed: silenced.iter().take(SUPPRESSED).map(|s| suppressed(s)).collect(),
            suppressed_more: silenced.len().saturating_sub(SUPPRESSED),
            inputs: run.inputs.iter().take(INPUTS).map(|i| input(i, lang)).collect(),
            inputs_more: run.inputs.len().saturating_sub(INPUTS),
            run: facts(run, lang),
        }
    }
}

/// Text of a log as it may be shown: one line, nothing invisible, not endless.
pub fn shown(text: &str) -> String {
    cut(text, MAX_TEXT)
}

/// As [`shown`], with at most `max` characters of the text.
pub fn cut(text: &str, max: usize) -> String {
    let kept = truncate_chars(text, max);
    let mut out = for_terminal(kept).into_owned();
    if kept.len() < text.len() {
        out.push('…');
    }
    out
}

/// `2025-09-20 11:07:30` of an RFC 3339 time.
pub fn when(time: &str) -> String {
    match time.split_at_checked(19) {
        Some((head, _)) => for_terminal(&head.replacen('T', " ", 1)).into_owned(),
        None => shown(time),
    }
}

/// A number with thousands separated.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 host` by the first text, `2 hosts` by the second.
pub fn counted(lang: Lang, n: u64, one: &'static str, many: &'static str) -> String {
    lang.fill(if n == 1 { one } else { many }, &[&count(n)])
}

/// Some texts of logs in a row, the rest counted.
pub fn listed(lang: Lang, items: &[String], max: usize) -> String {
    let mut out: Vec<String> = items.iter().take(max).map(|i| cut(i, 200)).collect();
    if items.len() > max {
        out.push(lang.fill("{} more", &[&(items.len() - max)]));
    }
    out.join(", ")
}

fn lead(results: &Results) -> Vec<String> {
    let (run, lang) = (&results.run, results.lang);
    let days: BTreeSet<&str> = run.coverage.host_days.iter().map(|d| d.day.as_str()).collect();
    let hosts: BTreeSet<&str> = run.coverage.host_days.iter().map(|d| d.host.as_str()).collect();
    let hosts = hosts.into_iter().filter(|h| coverage::is_host(h)).count() as u64;
    let mut out = vec![read(run, lang)];
    if let (Some(from), Some(to)) = (days.first(), days.last()) {
        let hosts = counted(lang, hosts, "{} host", "{} hosts");
        out.push(lang.fill(
            "They cover {} from {} to {} (UTC).",
            &[&hosts, &shown(from), &shown(to)],
        ));
    }
    let alive = || results.findings.iter().filter(|f| !f.is_gone());
    let hit: BTreeSet<&str> = alive().map(|f| f.host.as_str()).collect();
    out.push(match alive().count() as u64 {
        0 => lang
            .t("Nothing was found. That is no proof that nothing happened: see what could not be seen.")
            .to_owned(),
        n => lang.fill(
            "{} on {}.",
            &[
                &counted(lang, n, "{} finding", "{} findings"),
                &counted(lang, hit.len() as u64, "{} host", "{} hosts"),
            ],
        ),
    });
    out
}

fn read(run: &RunSummary, lang: Lang) -> String {
    if run.inputs.is_empty() {
        let rows: u64 = run.tables.values().sum();
        let rows = counted(lang, rows, "{} row", "{} rows");
        return lang.fill("No new input; the lake holds {}.", &[&rows]);
    }
    let sum = |f: fn(&InputReport) -> u64| run.inputs.iter().map(f).sum::<u64>();
    let what: [&dyn std::fmt::Display; 3] = [
        &counted(lang, run.inputs.len() as u64, "{} input", "{} inputs"),
        &megabytes(sum(|i| i.bytes)),
        &counted(lang, sum(|i| i.records), "{} record", "{} records"),
    ];
    match sum(|i| i.rejected) {
        0 => lang.fill("Read {} ({}, {}).", &what),
        n => {
            let rejected = counted(lang, n, "{} record", "{} records");
            let read = lang.fill("Read {} ({}, {})", &what);
            lang.fill("{}; {} could not be read.", &[&read, &rejected])
        }
    }
}

/// What is new since the run of the baseline.
fn since(results: &Results) -> Vec<String> {
    let lang = results.lang;
    let Some(b) = &results.run.baseline else {
        return Vec::new();
    };
    let mut out = vec![lang.fill("Compared with the run of {}:", &[&when(&b.finished)])];
    for (n, one, many) in [
        (b.new, "{} new finding", "{} new findings"),
        (b.changed, "{} changed", "{} changed"),
        (b.ongoing, "{} ongoing", "{} ongoing"),
        (b.gone, "{} gone", "{} gone"),
    ] {
        out.push(counted(lang, n, one, many));
    }
    out
}

/// Severities that occur, most severe first.
fn severities(findings: &[Finding]) -> Vec<(String, String)> {
    ["critical", "high", "medium", "low", "info"]
        .iter()
        .filter_map(|s| {
            let n = findings.iter().filter(|f| f.severity == *s && !f.is_gone()).count() as u64;
            (n > 0).then(|| ((*s).to_owned(), count(n)))
        })
        .collect()
}

fn suppressed(s: &SignalHit) -> Suppressed {
    Suppressed {
        time: when(&s.time),
        host: cut(&s.host, 100),
        title: cut(&s.title, 200),
        entry: s.suppressed_by.as_deref().map(shown).unwrap_or_default(),
    }
}

fn input(i: &InputReport, lang: Lang) -> InputLine {
    let span = match (&i.first, &i.last) {
        (Some(a), Some(b)) => lang.fill("{} to {}", &[&when(a), &when(b)]),
        _ => String::new(),
    };
    let mut notes: Vec<String> = i
        .time_quality
        .iter()
        .filter(|(q, n)| **n > 0 && !matches!(q.as_str(), "utc" | "offset"))
        .map(|(q, n)| format!("{}: {}", coverage::time_quality(q, lang), count(*n)))
        .collect();
    notes.extend(i.notes.iter().map(|n| cut(n, 300)));
    InputLine {
        path: cut(&i.path, 300),
        format: if i.format.is_empty() {
            lang.t("not recognised").to_owned()
        } else {
            shown(&i.format)
        },
        records: count(i.records),
        fate: lang.fill(
            "{} new, {} known, {} rejected",
            &[&count(i.stored), &count(i.duplicates), &count(i.rejected)],
        ),
        span,
        notes: notes.join("; "),
    }
}

fn facts(run: &RunSummary, lang: Lang) -> Vec<(String, String)> {
    let utc = |time: &str| format!("{} UTC", when(time));
    let settings = run.settings.iter().map(|(k, v)| format!("{}={}", shown(k), shown(v)));
    let tables = run.tables.iter().map(|(t, n)| format!("{} {}", shown(t), count(*n)));
    let (usable, not) = (count(run.sigma.loaded), count(run.sigma.rejected.len() as u64));
    [
        ("Version", format!("coldtrail {}", shown(&run.tool_version))),
        ("Command line", shown(&run.command_line.join(" "))),
        ("Started", utc(&run.started)),
        ("Finished", utc(&run.finished)),
        ("ATT&CK", lang.fill("version {}", &[&shown(&run.attack_version)])),
        ("Peak memory", run.peak_memory.map(megabytes).unwrap_or_default()),
        ("Settings", settings.collect::<Vec<_>>().join(", ")),
        ("Rows in the lake", tables.collect::<Vec<_>>().join(", ")),
        ("Sigma rules", lang.fill("{} in use, {} not usable", &[&usable, &not])),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (lang.t(name).to_owned(), value))
    .collect()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
