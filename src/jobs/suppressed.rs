//! What the allowlist took from a hunt, and what the hunt would have said without it.

use std::collections::BTreeMap;

use crate::report::run::{SilencedHit, Suppression, WithoutEntry};
use crate::score::Scored;
use crate::score::allow::Allowlist;
use crate::score::finding::Finding;
use crate::signals::Level;

/// Silenced hits listed per entry; all of them are in `signals.jsonl`.
const LISTED: usize = 20;
/// Reasons that are tried without: each costs the building of all chains.
const TRIED: usize = 12;
/// Findings listed per entry.
const FINDINGS: usize = 20;

/// Tells of each entry that matched; `hunt` gives the findings under another allowlist. Entries with one reason (a dismissed finding is
/// several entries) are tried without together, and the first of them says what came of it.
pub fn tell(scored: &Scored, allow: &Allowlist, hunt: &dyn Fn(&Allowlist) -> Vec<Finding>) -> Vec<Suppression> {
    let now: BTreeMap<&str, &Finding> = scored.findings.iter().map(|f| (f.finding_id.as_str(), f)).collect();
    let mut groups: Vec<(&str, Vec<usize>, &str)> = Vec::new();
    for s in &scored.suppressions {
        match groups.iter_mut().find(|(reason, ..)| *reason == s.reason) {
            Some((_, indices, _)) => indices.push(s.index),
            None => groups.push((&s.reason, vec![s.index], &s.entry)),
        }
    }
    let mut tried: BTreeMap<usize, (Option<Vec<WithoutEntry>>, String)> = BTreeMap::new();
    for (n, (_, indices, first)) in groups.iter().enumerate() {
        let without = (n < TRIED).then(|| worse(&hunt(&allow.without(indices)), &now));
        let words = words(first, indices.len(), without.as_deref());
        for (place, index) in indices.iter().enumerate() {
            let told = match place {
                0 => (without.clone(), words.clone()),
                _ => (None, format!("tried together with {first}, which has the same reason")),
            };
            tried.insert(*index, told);
        }
    }
    let mut out = Vec::new();
    for s in &scored.suppressions {
        let silenced = scored
            .signals
            .iter()
            .filter(|h| h.suppressed_by.as_deref() == Some(&s.entry))
            .take(LISTED)
            .map(|h| SilencedHit {
                signal: h.signal.clone(),
                host: h.host.clone(),
                time: h.time.clone(),
                explain: h.explain.clone(),
            });
        let (without, effect_in_words) = tried.remove(&s.index).unwrap_or_default();
        out.push(Suppression {
            entry: s.entry.clone(),
            reason: s.reason.clone(),
            effect: s.effect.to_owned(),
            hits: s.hits,
            silenced: silenced.collect(),
            without,
            effect_in_words,
        });
    }
    out
}

/// Findings that are low or above and more severe than now, best first.
fn worse(then: &[Finding], now: &BTreeMap<&str, &Finding>) -> Vec<WithoutEntry> {
    let level = |f: &Finding| Level::parse(&f.severity).unwrap_or(Level::Info);
    then.iter()
        .filter(|f| {
            let today = now.get(f.finding_id.as_str()).map(|n| level(n));
            level(f) > Level::Info && today.is_none_or(|today| level(f) > today)
        })
        .take(FINDINGS)
        .map(|f| WithoutEntry {
            finding_id: f.finding_id.clone(),
            host: f.host.clone(),
            title: f.title.clone(),
            score: f.score,
            severity: f.severity.clone(),
            severity_now: now.get(f.finding_id.as_str()).map(|n| n.severity.clone()),
        })
        .collect()
}

/// `without allow.toml:3 these 3 findings would be 2 high, 1 medium`.
fn words(first: &str, entries: usize, without: Option<&[WithoutEntry]>) -> String {
    let entry = match entries {
        1 => first.to_owned(),
        n => format!("{first} and {} more entries with its reason", n - 1),
    };
    let Some(without) = without else {
        return format!("{entry}: not tried without, too many reasons matched");
    };
    if without.is_empty() {
        return format!("without {entry} no finding would be more severe");
    }
    let count = |level: &str| without.iter().filter(|w| w.severity == level).count();
    let parts: Vec<String> = ["critical", "high", "medium", "low"]
        .into_iter()
        .filter(|l| count(l) > 0)
        .map(|l| format!("{} {l}", count(l)))
        .collect();
    let n = without.len();
    let findings = if n == 1 {
        "this finding".to_owned()
    } else {
        format!("these {n} findings")
    };
    format!("without {entry} {findings} would be {}", parts.join(", "))
}
