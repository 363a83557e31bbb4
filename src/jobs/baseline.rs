//! What changed since an earlier run: ids go on, and every finding is new, changed, ongoing or gone.
//!
//! A finding is the one of then with which it shares most: rows of evidence, then signals by host and key. It takes over
//! that finding's id, so that tickets stay right when a night adds evidence, even where another signal now leads. Chains
//! that grew together name what they took in (`merged_from`), chains that parted name where from (`split_from`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::report::Results;
use crate::report::run::BaselineReport;
use crate::score::finding::Finding;

/// Longest line of an earlier `findings.jsonl` that is read.
const MAX_LINE: usize = 64 << 20;

/// The findings of an earlier run, to compare with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baseline {
    findings: Vec<Finding>,
    report: BaselineReport,
}

/// The run whose outputs lie in `dir`.
///
/// # Errors
/// [`Error::Usage`] where there are none or they cannot be read.
pub fn load(dir: &Path) -> Result<Baseline> {
    let path = dir.join("findings.jsonl");
    let usage = |e: &dyn std::fmt::Display| {
        Error::Usage(format!(
            "{}: {e}; --baseline wants the output folder of an earlier hunt",
            path.display()
        ))
    };
    let mut reader = BufReader::new(File::open(&path).map_err(|e| usage(&e))?);
    let mut findings: Vec<Finding> = Vec::new();
    let mut line = String::new();
    while read_line(&mut reader, &mut line).map_err(|e| usage(&e))? {
        let at = findings.len() + 1;
        let finding = serde_json::from_str(&line).map_err(|e| usage(&format!("line {at}: {e}")))?;
        findings.push(finding);
    }
    // What was gone then is no part of the comparison.
    findings.retain(|f| !f.is_gone());
    Ok(Baseline {
        findings,
        report: BaselineReport {
            dir: dir.display().to_string(),
            finished: finished(dir),
            ..BaselineReport::default()
        },
    })
}

/// As [`load`], but a folder without an earlier run is an empty one: the first night.
///
/// # Errors
/// [`Error::Usage`] where there are outputs that cannot be read.
pub fn load_last(dir: &Path) -> Result<Baseline> {
    if dir.join("findings.jsonl").exists() {
        return load(dir);
    }
    Ok(Baseline {
        report: BaselineReport {
            dir: dir.display().to_string(),
            ..BaselineReport::default()
        },
        ..Baseline::default()
    })
}

/// The next line that is not blank, of bounded length.
fn read_line(reader: &mut impl BufRead, line: &mut String) -> std::io::Result<bool> {
    loop {
        line.clear();
        let n = std::io::Read::take(&mut *reader, MAX_LINE as u64).read_line(line)?;
        if n >= MAX_LINE {
            return Err(std::io::Error::other("a line is too long"));
        }
        if n == 0 || !line.trim().is_empty() {
            return Ok(n > 0);
        }
    }
}

/// When the earlier run finished; empty where its `run.json` does not say.
fn finished(dir: &Path) -> String {
    let Ok(bytes) = std::fs::read(dir.join("run.json")) else {
        return String::new();
    };
    let run: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    run.get("finished")
        .and_then(|t| t.as_str())
        .unwrap_or_default()
        .to_owned()
}

/// Compares, passes ids on, and puts what is gone behind the last finding.
pub fn compare(results: &mut Results, baseline: Baseline) {
    let Baseline {
        findings: old,
        mut report,
    } = baseline;
    let shared = overlaps(&old, &results.findings);
    let heir = heirs(&old, &results.findings, &shared);
    let inherited: BTreeMap<usize, usize> = heir.iter().map(|(o, n)| (*n, *o)).collect();
    for (n, f) in results.findings.iter_mut().enumerate() {
        let from = |o: &usize| old.get(*o).map(|f| f.finding_id.clone());
        let mut others = shared.iter().filter(|s| s.new == n);
        match inherited.get(&n) {
            Some(o) => {
                f.merged_from = others
                    .filter(|s| s.old != *o && !heir.contains_key(&s.old) && best_of(&shared, s.old) == Some(n))
                    .filter_map(|s| from(&s.old))
                    .collect();
                f.merged_from.sort();
                let then = old.get(*o);
                let changed = !f.merged_from.is_empty() || then.is_none_or(|then| differs(then, f));
                f.status = Some(if changed { "changed" } else { "ongoing" }.to_owned());
            }
            None => {
                f.split_from = others.next().and_then(|s| from(&s.old));
                f.status = Some("new".to_owned());
            }
        }
    }
    rename(results, &inherited, &old);
    let found: BTreeSet<usize> = shared.iter().map(|s| s.old).collect();
    let gone = old
        .into_iter()
        .enumerate()
        .filter(|(o, _)| !found.contains(o))
        .map(|(_, f)| f);
    append(results, gone);
    let count = |status: &str| {
        let with = |f: &&Finding| f.status.as_deref() == Some(status);
        results.findings.iter().filter(with).count() as u64
    };
    report.new = count("new");
    report.changed = count("changed");
    report.ongoing = count("ongoing");
    report.gone = count("gone");
    results.run.baseline = Some(report);
}

/// What a finding of then and one of now have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shared {
    rows: usize,
    signals: usize,
    old: usize,
    new: usize,
}

/// A row of evidence, whatever its file is called tonight; or a signal with its host and key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mark<'a> {
    Row(&'a str, &'a str, Option<u64>, u64),
    Signal(&'a str, &'a str, &'a str),
}

fn marks(f: &Finding) -> BTreeSet<Mark<'_>> {
    let rows = f.signals.iter().flat_map(|s| &s.evidence);
    let rows = rows.map(|e| Mark::Row(&e.table, &e.time, e.record, e.offset));
    let signals = f.signals.iter().map(|s| Mark::Signal(&f.host, &s.signal, &s.key));
    rows.chain(signals).collect()
}

/// All pairs with common rows, or with half of the signals of then; most in common first.
fn overlaps(old: &[Finding], new: &[Finding]) -> Vec<Shared> {
    let mut holders: BTreeMap<Mark<'_>, Vec<usize>> = BTreeMap::new();
    for (o, f) in old.iter().enumerate() {
        for mark in marks(f) {
            holders.entry(mark).or_default().push(o);
        }
    }
    let mut pairs: BTreeMap<(usize, usize), (usize, usize)> = BTreeMap::new();
    for (n, f) in new.iter().enumerate() {
        for mark in marks(f) {
            let row = matches!(mark, Mark::Row(..));
            for o in holders.get(&mark).into_iter().flatten() {
                let (rows, signals) = pairs.entry((*o, n)).or_default();
                *if row { rows } else { signals } += 1;
            }
        }
    }
    let enough = |o: usize, rows: usize, signals: usize| {
        let all = old.get(o).map_or(0, |f| f.signals.len());
        rows > 0 || 2 * signals >= all.max(1)
    };
    let mut out: Vec<Shared> = pairs
        .into_iter()
        .filter(|((o, _), (rows, signals))| enough(*o, *rows, *signals))
        .map(|((old, new), (rows, signals))| Shared {
            rows,
            signals,
            old,
            new,
        })
        .collect();
    out.sort_by(|a, b| {
        (b.rows, b.signals)
            .cmp(&(a.rows, a.signals))
            .then((a.old, a.new).cmp(&(b.old, b.new)))
    });
    out
}

/// Which finding of now takes over which of then: each once. Equal ids go before equal shares.
fn heirs(old: &[Finding], new: &[Finding], shared: &[Shared]) -> BTreeMap<usize, usize> {
    let id = |all: &[Finding], i: usize| all.get(i).map(|f| f.finding_id.clone());
    let mut order: Vec<&Shared> = shared.iter().collect();
    order.sort_by_key(|s| std::cmp::Reverse((s.rows, s.signals, id(old, s.old) == id(new, s.new))));
    let (mut out, mut taken) = (BTreeMap::new(), BTreeSet::new());
    for s in order {
        if !out.contains_key(&s.old) && taken.insert(s.new) {
            out.insert(s.old, s.new);
        }
    }
    out
}

/// The finding of now with which one of then shares most.
fn best_of(shared: &[Shared], old: usize) -> Option<usize> {
    shared.iter().find(|s| s.old == old).map(|s| s.new)
}

/// Whether an analyst would look again: more of the same is no change.
fn differs(then: &Finding, now: &Finding) -> bool {
    let signals = |f: &Finding| -> BTreeSet<(String, String)> {
        f.signals.iter().map(|s| (s.signal.clone(), s.key.clone())).collect()
    };
    let techniques = |f: &Finding| -> BTreeSet<String> { f.techniques.iter().map(|t| t.id.clone()).collect() };
    then.severity != now.severity
        || then.host != now.host
        || then.iocs != now.iocs
        || signals(then) != signals(now)
        || techniques(then) != techniques(now)
}

/// Puts the inherited ids wherever an id stands. An id that another finding inherited is no longer free for its own.
fn rename(results: &mut Results, inherited: &BTreeMap<usize, usize>, old: &[Finding]) {
    let of = |n: usize| {
        inherited
            .get(&n)
            .and_then(|o| old.get(*o))
            .map(|f| f.finding_id.clone())
    };
    let mut used: BTreeSet<String> = inherited
        .values()
        .filter_map(|o| Some(old.get(*o)?.finding_id.clone()))
        .collect();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (n, f) in results.findings.iter().enumerate() {
        let id = of(n).unwrap_or_else(|| free(&f.finding_id, &mut used));
        names.insert(f.finding_id.clone(), id);
    }
    let put = |id: &mut String| {
        if let Some(name) = names.get(id) {
            id.clone_from(name);
        }
    };
    let put_case = |case: &mut String| {
        if let Some(name) = case.strip_prefix("case-").and_then(|id| names.get(id)) {
            *case = format!("case-{name}");
        }
    };
    for f in &mut results.findings {
        put(&mut f.finding_id);
        f.related.iter_mut().for_each(|r| put(&mut r.finding_id));
        f.signals.iter_mut().filter_map(|s| s.finding_id.as_mut()).for_each(put);
        f.case_id.iter_mut().for_each(put_case);
    }
    for case in &mut results.cases {
        put_case(&mut case.case_id);
        case.findings.iter_mut().for_each(put);
        for step in &mut case.path {
            put(&mut step.from_finding);
            put(&mut step.to_finding);
        }
    }
    results
        .signals
        .iter_mut()
        .filter_map(|s| s.finding_id.as_mut())
        .for_each(put);
    results.charts = std::mem::take(&mut results.charts)
        .into_iter()
        .map(|(mut id, charts)| {
            put(&mut id);
            (id, charts)
        })
        .collect();
}

/// The id itself, or where another one holds it, one made of it.
fn free(id: &str, used: &mut BTreeSet<String>) -> String {
    let mut out = id.to_owned();
    let mut n = 1u32;
    while !used.insert(out.clone()) {
        n += 1;
        out = blake3::hash(format!("{id}\u{1f}{n}").as_bytes())
            .to_hex()
            .chars()
            .take(16)
            .collect();
    }
    out
}

fn append(results: &mut Results, gone: impl Iterator<Item = Finding>) {
    for mut f in gone {
        f.rank = results.findings.len() as u32 + 1;
        f.status = Some("gone".to_owned());
        f.related.clear();
        f.case_id = None;
        (f.merged_from, f.split_from) = (Vec::new(), None);
        results.findings.push(f);
    }
}

#[cfg(test)]
#[path = "baseline_tests.rs"]
mod tests;
