//! Hunt: the lake → rows → entities → facts → signals → chains → scores → findings.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use ahash::RandomState;

use super::filters;
use super::looked::{Looked, Task};
use super::progress::Progress;
use crate::base::error::{Error, Result};
use crate::base::time::{self, Ts};
use crate::chain;
use crate::entity::lists::{ListFiles, Lists};
use crate::knowledge::Knowledge;
use crate::knowledge::attack::AttackTable;
use crate::knowledge::bigram::Bigram;
use crate::knowledge::rmm::RmmTable;
use crate::lake::Lake;
use crate::lake::frame::{Frames, NO_STR};
use crate::lake::scan::TimeRange;
use crate::report::Results;
use crate::report::lang::Lang;
use crate::report::run::RunSummary;
use crate::rules::sigma::load::{RuleSet, Selection};
use crate::schema::TABLES;
use crate::score::{self, allow::Allowlist};
use crate::signals::{Hit, Level, Overrides};

use super::suppressed;

/// What to hunt for and with what knowledge.
#[derive(Debug, Clone, Default)]
pub struct HuntOptions {
    /// Only events in this range.
    pub range: TimeRange,
    /// Nothing that happened from this time on is known, whatever the lake holds.
    pub as_of: Option<Ts>,
    /// `--hosts` globs; empty for all.
    pub hosts: Vec<String>,
    /// `--exclude-hosts` globs.
    pub exclude_hosts: Vec<String>,
    /// Only hits seen in these kinds of logs; empty for all.
    pub sources: Vec<String>,
    /// Only findings of this severity or above.
    pub min_severity: Option<Level>,
    /// The user's lists.
    pub lists: ListFiles,
    /// `--allow`.
    pub allow: Option<std::path::PathBuf>,
    /// `--attack-table`.
    pub attack_table: Option<std::path::PathBuf>,
    /// `--rmm`.
    pub rmm: Vec<std::path::PathBuf>,
    /// `--sigma`; empty for none.
    pub sigma: Vec<std::path::PathBuf>,
    /// `--sigma-vars`: values of placeholders.
    pub sigma_vars: Vec<std::path::PathBuf>,
    /// Which of the rules.
    pub sigma_selection: Selection,
    /// `--threshold` and the configuration's `[signals.ID]`.
    pub overrides: Overrides,
    /// Bytes of memory that the hunt may take, roughly: where all rows would take more, hosts are looked at in parts, with the same
    /// outcome. `None`: as many as it wants.
    pub memory_limit: Option<u64>,
}

/// Lists and tables of a hunt, read before any work begins.
pub struct Prepared {
    knowledge: Knowledge,
    lists: Lists,
    allow: Allowlist,
    hosts: Option<globset::GlobSet>,
    exclude: globset::GlobSet,
    sigma: RuleSet,
}

impl Prepared {
    /// The Sigma rules.
    pub fn sigma(&self) -> &RuleSet {
        &self.sigma
    }
}

/// Reads every file that the options name; allowlist entries that expired before `now` do not apply.
///
/// # Errors
/// [`Error::Usage`] naming the file, the line and the next step.
pub fn prepare(options: &HuntOptions, now: Ts) -> Result<Prepared> {
    let now = options.as_of.unwrap_or(now);
    let usage = |e: &dyn std::fmt::Display| Error::Usage(e.to_string());
    let attack = match &options.attack_table {
        Some(path) => std::borrow::Cow::Owned(AttackTable::from_file(path).map_err(|e| usage(&e))?),
        None => std::borrow::Cow::Borrowed(AttackTable::builtin()),
    };
    let rmm = match options.rmm.is_empty() {
        false => std::borrow::Cow::Owned(RmmTable::from_files(&options.rmm).map_err(|e| usage(&e))?),
        true => std::borrow::Cow::Borrowed(RmmTable::builtin()),
    };
    let allow = match &options.allow {
        Some(path) => Allowlist::load(path, now)?,
        None => Allowlist::default(),
    };
    Ok(Prepared {
        knowledge: Knowledge {
            attack,
            rmm,
            bigram: Bigram::builtin(),
        },
        lists: Lists::load(&options.lists)?,
        allow,
        hosts: match options.hosts.is_empty() {
            true => None,
            false => Some(filters::globs(&options.hosts)?),
        },
        exclude: filters::globs(&options.exclude_hosts)?,
        sigma: crate::rules::sigma::load::load(&options.sigma, &options.sigma_vars, &options.sigma_selection)?,
    })
}

/// Hunts over a lake. The summary holds only what the hunt knows; the caller adds inputs and times.
///
/// # Errors
/// Where the lake cannot be read; [`Error::Usage`] where no host or no log of it can be meant.
pub fn hunt(lake: &Lake, options: &HuntOptions, prepared: &Prepared, progress: &Progress) -> Result<Results> {
    let mut unused = filters::check(lake, &options.hosts, &options.sources)?;
    if !options.sigma.is_empty() && prepared.sigma.loaded == 0 {
        unused.push("--sigma: no rule in these files and folders is used".to_owned());
    }
    let mut timings = BTreeMap::new();
    let mut clock = Instant::now();
    let mut lap = |name: &str| {
        timings.insert(name.to_owned(), clock.elapsed().as_secs_f64());
        clock = Instant::now();
    };
    let task = Task {
        lake,
        range: widened(options.range),
        as_of: options.as_of,
        rules: &prepared.sigma,
        knowledge: &prepared.knowledge,
        lists: &prepared.lists,
        overrides: &options.overrides,
        limit: options.memory_limit,
        progress,
    };
    let mut looked = task.look(&mut lap)?;
    let Looked { frames, hits, .. } = &mut looked;
    hits.retain(|h| {
        let host = frames.text(h.host).unwrap_or("");
        let known = options.as_of.is_none() || h.host != NO_STR;
        known
            && options.range.holds(h.time)
            && prepared.hosts.as_ref().is_none_or(|g| g.is_match(host))
            && !prepared.exclude.is_match(host)
            && seen_in(h, frames, &options.sources)
    });
    progress.stage("building chains");
    let (hits, cx) = (&looked.hits, task.cx(&looked.frames, &looked.facts));
    let addresses = &looked.entities().addresses;
    let verdicts = prepared.allow.judge(hits, &cx);
    let chains = chain::build(hits, &|hit| verdicts.keeps(hit), &cx, addresses);
    lap("chains");
    progress.stage("scoring");
    let paths = input_paths(lake);
    let source = |file_id: u64| paths.get(&file_id).cloned().unwrap_or_default();
    let scored = score::score(&chains, hits, &cx, &verdicts, &source);
    let suppressions = suppressed::tell(&scored, &prepared.allow, &|without| {
        let verdicts = without.judge(hits, &cx);
        let chains = chain::build(hits, &|hit| verdicts.keeps(hit), &cx, addresses);
        score::score(&chains, hits, &cx, &verdicts, &source).findings
    });
    let mut findings = scored.findings;
    if let Some(min) = options.min_severity {
        findings.retain(|f| Level::parse(&f.severity).is_some_and(|l| l >= min));
    }
    let charts = looked.charts(&task, &findings)?;
    lap("scoring");
    let mut by_severity: BTreeMap<String, u64> = ["info", "low", "medium", "high", "critical"]
        .into_iter()
        .map(|s| (s.to_owned(), 0))
        .collect();
    for f in &findings {
        *by_severity.entry(f.severity.clone()).or_default() += 1;
    }
    let run = RunSummary {
        schema_version: score::finding::OUTPUT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        attack_version: prepared.knowledge.attack.version().to_owned(),
        tables: table_rows(lake),
        sigma: looked.sigma,
        coverage: looked.coverage,
        timings,
        findings: by_severity,
        suppressions,
        warnings: [
            &unused[..],
            &prepared.lists.warnings,
            prepared.allow.warnings(),
            &verdicts.refused,
            &looked.warnings,
        ]
        .concat(),
        ..RunSummary::default()
    };
    Ok(Results {
        charts,
        findings,
        signals: scored.signals,
        cases: scored.cases,
        run,
        lang: Lang::default(),
    })
}

/// Whether a hit has a row of one of these kinds of logs.
fn seen_in(hit: &Hit, frames: &Frames, sources: &[String]) -> bool {
    let source = |r: &crate::signals::RowRef| frames.row(r.table, r.at).source();
    sources.is_empty() || hit.rows.iter().any(|r| sources.iter().any(|s| s == source(r)))
}

/// Sources without a zone are stored as written: their true time may be 26 hours away.
fn widened(range: TimeRange) -> TimeRange {
    const SLACK_US: i64 = 26 * 3_600 * 1_000_000;
    TimeRange {
        from: range.from.map(|t| t.saturating_sub(SLACK_US)),
        to: range.to.map(|t| t.saturating_add(SLACK_US)),
    }
}

fn input_paths(lake: &Lake) -> HashMap<u64, String, RandomState> {
    lake.catalogue()
        .inputs
        .iter()
        .map(|i| (i.file_id(), i.path.clone()))
        .collect()
}

fn table_rows(lake: &Lake) -> BTreeMap<String, u64> {
    TABLES
        .iter()
        .map(|t| {
            (
                t.name.to_owned(),
                lake.catalogue().files_of(t.name).map(|f| f.rows).sum(),
            )
        })
        .filter(|(_, n)| *n > 0)
        .collect()
}

/// Reads a time of `--from` or `--to`: RFC 3339, a date, or `-30d`, `-12h`, `-45m` before `now`.
///
/// # Errors
/// [`Error::Usage`] for anything else.
pub fn parse_time(text: &str, now: Ts) -> Result<Ts> {
    let wrong = || {
        Error::Usage(format!(
            "'{text}' is no time; write 2025-09-20, 2025-09-20T11:00:00Z or -30d"
        ))
    };
    if let Some(span) = text.strip_prefix('-') {
        let unit = span.chars().last().ok_or_else(wrong)?;
        let seconds = match unit {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            _ => return Err(wrong()),
        };
        let n: i64 = span.trim_end_matches(unit).parse().map_err(|_| wrong())?;
        return Ok(now.saturating_sub(n.saturating_mul(seconds).saturating_mul(1_000_000)));
    }
    let date = format!("{text}T00:00:00Z");
    time::rfc3339(text.as_bytes())
        .or_else(|| time::rfc3339(date.as_bytes()))
        .map(|(t, zone)| match zone {
            time::Zone::Offset(_) | time::Zone::Utc | time::Zone::None => t,
        })
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_instants_or_spans_before_now() {
        let day = 86_400_000_000;
        assert_eq!(parse_time("1970-01-02", 0).unwrap(), day);
        assert_eq!(parse_time("1970-01-02T00:00:00Z", 0).unwrap(), day);
        assert_eq!(parse_time("-2d", 3 * day).unwrap(), day);
        assert!(parse_time("-xd", 0).is_err());
        assert!(parse_time("yesterday", 0).is_err());
        assert!(parse_time("-", 0).is_err());
    }
}
