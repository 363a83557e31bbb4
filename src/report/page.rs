//! The report in words and numbers, before any markup: what `report.html` and `report.md` both say.
//!
//! Every text that came from a log goes through [`shown`] here, once, so that a template can only ever hold text without
//! control characters and direction overrides. Escaping for the markup stays with the output.

mod coverage;
mod finding;
mod first;

use std::collections::BTreeSet;

use super::Results;
use super::run::{InputReport, RunSummary};
use crate::base::text::{for_terminal, truncate_chars};
use crate::score::finding::{Finding, SignalHit};

pub use coverage::Seen;
pub use finding::Told;
pub use first::First;

/// Findings told in full; the others stand in the table and in `findings.jsonl`.
const TOLD: usize = 100;
/// Lines of the ranked table.
const RANKED: usize = 1_000;
/// Inputs named.
const INPUTS: usize = 500;
/// Suppressed hits named.
const SUPPRESSED: usize = 100;
/// Characters of one text of a log.
const MAX_TEXT: usize = 2_000;

/// The whole report.
pub struct Page {
    /// What was read and what came of it, sentence by sentence.
    pub lead: Vec<String>,
    /// Hosts to look at first.
    pub first: Vec<First>,
    /// Findings by severity, most severe first.
    pub severities: Vec<(String, String)>,
    /// The ranked table.
    pub ranked: Vec<Ranked>,
    /// Findings that the table leaves out.
    pub ranked_more: usize,
    /// Findings in full.
    pub findings: Vec<Told>,
    /// Findings that are not told in full.
    pub told_more: usize,
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

/// A line of the ranked table.
pub struct Ranked {
    /// Rank.
    pub rank: u32,
    /// One decimal.
    pub score: String,
    /// Severity.
    pub severity: String,
    /// Host.
    pub host: String,
    /// Title.
    pub title: String,
    /// Users.
    pub users: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub first: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub last: String,
    /// Techniques.
    pub techniques: String,
    /// Whether the finding is told in full further down.
    pub told: bool,
    /// new, ongoing, changed, gone.
    pub status: String,
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
        let (findings, run) = (&results.findings, &results.run);
        let silenced: Vec<&SignalHit> = results.signals.iter().filter(|s| s.suppressed_by.is_some()).collect();
        Self {
            lead: lead(results),
            first: first::first(findings),
            severities: severities(findings),
            ranked: findings
                .iter()
                .take(RANKED)
                .enumerate()
                .map(|(i, f)| ranked(f, i < TOLD))
                .collect(),
            ranked_more: findings.len().saturating_sub(RANKED),
            findings: findings.iter().take(TOLD).map(|f| finding::told(f, findings)).collect(),
            told_more: findings.len().saturating_sub(TOLD),
            seen: coverage::seen(&run.coverage),
            unseen: coverage::unseen(run),
            allowed: run
                .suppressions
                .iter()
                .map(|s| (shown(&s.entry), shown(&s.reason), count(s.hits)))
                .collect(),
            suppressed: silenced.iter().take(SUPPRESSED).map(|s| suppressed(s)).collect(),
            suppressed_more: silenced.len().saturating_sub(SUPPRESSED),
            inputs: run.inputs.iter().take(INPUTS).map(input).collect(),
            inputs_more: run.inputs.len().saturating_sub(INPUTS),
            run: facts(run),
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

/// `1 host`, `2 hosts`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// Some texts of logs in a row, the rest counted.
pub fn listed(items: &[String], max: usize) -> String {
    let mut out: Vec<String> = items.iter().take(max).map(|i| cut(i, 200)).collect();
    if items.len() > max {
        out.push(format!("{} more", items.len() - max));
    }
    out.join(", ")
}

fn lead(results: &Results) -> Vec<String> {
    let run = &results.run;
    let bytes: u64 = run.inputs.iter().map(|i| i.bytes).sum();
    let records: u64 = run.inputs.iter().map(|i| i.records).sum();
    let rejected: u64 = run.inputs.iter().map(|i| i.rejected).sum();
    let days: BTreeSet<&str> = run.coverage.host_days.iter().map(|d| d.day.as_str()).collect();
    let hosts: BTreeSet<&str> = run.coverage.host_days.iter().map(|d| d.host.as_str()).collect();
    let hosts: Vec<&str> = hosts.into_iter().filter(|h| coverage::is_host(h)).collect();
    let mut out = Vec::new();
    if run.inputs.is_empty() {
        let rows: u64 = run.tables.values().sum();
        out.push(format!(
            "No new input; the lake holds {}.",
            counted(rows, "row", "rows")
        ));
    } else {
        out.push(format!(
            "Read {} ({}, {}); {} could not be read.",
            counted(run.inputs.len() as u64, "input", "inputs"),
            megabytes(bytes),
            counted(records, "record", "records"),
            if rejected == 0 {
                "no record".to_owned()
            } else {
                counted(rejected, "record", "records")
            },
        ));
    }
    if let (Some(from), Some(to)) = (days.first(), days.last()) {
        out.push(format!(
            "They cover {} from {} to {} (UTC).",
            counted(hosts.len() as u64, "host", "hosts"),
            shown(from),
            shown(to)
        ));
    }
    let hit: BTreeSet<&str> = results.findings.iter().map(|f| f.host.as_str()).collect();
    let by: Vec<String> = severities(&results.findings)
        .iter()
        .map(|(s, n)| format!("{n} {s}"))
        .collect();
    out.push(match results.findings.len() as u64 {
        0 => "Nothing was found. That is no proof that nothing happened: see what could not be seen.".to_owned(),
        n => format!(
            "{} on {}: {}.",
            counted(n, "finding", "findings"),
            counted(hit.len() as u64, "host", "hosts"),
            by.join(", ")
        ),
    });
    out
}

/// Severities that occur, most severe first.
fn severities(findings: &[Finding]) -> Vec<(String, String)> {
    ["critical", "high", "medium", "low", "info"]
        .iter()
        .filter_map(|s| {
            let n = findings.iter().filter(|f| f.severity == *s).count() as u64;
            (n > 0).then(|| ((*s).to_owned(), count(n)))
        })
        .collect()
}

fn ranked(f: &Finding, told: bool) -> Ranked {
    Ranked {
        rank: f.rank,
        score: format!("{:.1}", f.score),
        severity: shown(&f.severity),
        host: cut(&f.host, 100),
        title: cut(&f.title, 300),
        users: listed(&f.users, 3),
        first: when(&f.first_seen),
        last: when(&f.last_seen),
        techniques: f.techniques.iter().map(|t| shown(&t.id)).collect::<Vec<_>>().join(" "),
        told,
        status: f.status.as_deref().map(shown).unwrap_or_default(),
    }
}

fn suppressed(s: &SignalHit) -> Suppressed {
    Suppressed {
        time: when(&s.time),
        host: cut(&s.host, 100),
        title: cut(&s.title, 200),
        entry: s.suppressed_by.as_deref().map(shown).unwrap_or_default(),
    }
}

fn input(i: &InputReport) -> InputLine {
    let span = match (&i.first, &i.last) {
        (Some(a), Some(b)) => format!("{} to {}", when(a), when(b)),
        _ => String::new(),
    };
    let mut notes: Vec<String> = i
        .time_quality
        .iter()
        .filter(|(q, n)| **n > 0 && !matches!(q.as_str(), "utc" | "offset"))
        .map(|(q, n)| format!("{}: {}", coverage::time_quality(q), count(*n)))
        .collect();
    notes.extend(i.notes.iter().map(|n| cut(n, 300)));
    InputLine {
        path: cut(&i.path, 300),
        format: if i.format.is_empty() {
            "not recognised".to_owned()
        } else {
            shown(&i.format)
        },
        records: count(i.records),
        fate: format!(
            "{} new, {} known, {} rejected",
            count(i.stored),
            count(i.duplicates),
            count(i.rejected)
        ),
        span,
        notes: notes.join("; "),
    }
}

fn facts(run: &RunSummary) -> Vec<(String, String)> {
    let mut out = vec![
        ("Version".to_owned(), format!("coldtrail {}", shown(&run.tool_version))),
        ("Command line".to_owned(), shown(&run.command_line.join(" "))),
        ("Started".to_owned(), format!("{} UTC", when(&run.started))),
        ("Finished".to_owned(), format!("{} UTC", when(&run.finished))),
        ("ATT&CK".to_owned(), format!("version {}", shown(&run.attack_version))),
    ];
    if let Some(bytes) = run.peak_memory {
        out.push(("Peak memory".to_owned(), megabytes(bytes)));
    }
    let settings = run.settings.iter().map(|(k, v)| format!("{}={}", shown(k), shown(v)));
    out.push(("Settings".to_owned(), settings.collect::<Vec<_>>().join(", ")));
    let tables = run.tables.iter().map(|(t, n)| format!("{} {}", shown(t), count(*n)));
    out.push(("Rows in the lake".to_owned(), tables.collect::<Vec<_>>().join(", ")));
    out.push((
        "Sigma rules".to_owned(),
        format!(
            "{} in use, {} not usable",
            count(run.sigma.loaded),
            count(run.sigma.rejected.len() as u64)
        ),
    ));
    out
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
