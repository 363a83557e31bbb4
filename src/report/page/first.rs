//! Where to look first, and why, in plain words.

use std::collections::BTreeMap;

use super::{counted, cut, finding, listed, shown, when};
use crate::base::text::truncate_chars;
use crate::report::lang::Lang;
use crate::score::finding::{Finding, SignalHit};

/// Hosts named.
const HOSTS: usize = 6;
/// Reasons given for one.
const REASONS: usize = 3;
/// Longer words without punctuation are encoded.
const BLOB: usize = 48;
/// Characters of a reason.
const REASON: usize = 140;

/// A host to look at first.
pub struct First {
    /// Rank of its best finding.
    pub rank: u32,
    /// Host.
    pub host: String,
    /// Severity.
    pub severity: String,
    /// One decimal.
    pub score: String,
    /// new, ongoing, changed; empty without a baseline.
    pub status: String,
    /// Who, when, how far along an attack.
    pub what: String,
    /// The strongest evidence: title, explanation.
    pub reasons: Vec<(String, String)>,
    /// Where its case begins, if that is another host.
    pub entry: String,
    /// Hosts it is linked with.
    pub linked: String,
}

/// The hosts of the critical and high findings, best first; where there are none, of the best three.
pub fn first(findings: &[Finding], lang: Lang) -> Vec<First> {
    let alive = || findings.iter().filter(|f| !f.is_gone());
    let urgent = |f: &&Finding| matches!(f.severity.as_str(), "critical" | "high");
    let mut chosen: Vec<&Finding> = alive().filter(urgent).collect();
    if chosen.is_empty() {
        chosen = alive().take(3).collect();
    }
    let mut out: Vec<First> = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    for f in chosen {
        if !named.contains(&f.host.as_str()) && named.len() < HOSTS {
            named.push(&f.host);
            out.push(one(f, findings, lang));
        }
    }
    out
}

fn one(f: &Finding, all: &[Finding], lang: Lang) -> First {
    let who = if f.users.is_empty() {
        String::new()
    } else {
        format!(" ({})", listed(lang, &f.users, 3))
    };
    let tactics: Vec<String> = f.tactics.iter().map(|t| finding::words(t, lang)).collect();
    First {
        rank: f.rank,
        host: cut(&f.host, 100),
        severity: cut(&f.severity, 20),
        score: format!("{:.1}", f.score),
        status: f.status.as_deref().map(shown).unwrap_or_default(),
        what: lang.fill(
            "{}{} between {} and {} UTC; {}: {}.",
            &[
                &counted(lang, f.signals.len() as u64, "{} signal", "{} signals"),
                &who,
                &when(&f.first_seen),
                &when(&f.last_seen),
                &counted(lang, tactics.len() as u64, "{} tactic", "{} tactics"),
                &tactics.join(lang.t(", ")),
            ],
        ),
        reasons: reasons(f),
        entry: entry(f, all, lang),
        linked: linked(f, all, lang),
    }
}

/// The host on which the case begins.
fn entry(f: &Finding, all: &[Finding], lang: Lang) -> String {
    let of_case = |o: &&Finding| o.case_id.is_some() && o.case_id == f.case_id && !o.is_gone();
    let mut best: BTreeMap<&str, &Finding> = BTreeMap::new();
    for o in all.iter().filter(of_case) {
        best.entry(&o.host).or_insert(o);
    }
    let begin = best.values().filter_map(|o| Some((*o, onset(o)?)));
    let Some((begin, signal)) = begin.min_by(|a, b| (&a.1.time, a.0.rank).cmp(&(&b.1.time, b.0.rank))) else {
        return String::new();
    };
    if begin.host == f.host {
        return lang.t("The case begins here.").to_owned();
    }
    lang.fill(
        "The case begins on {} at {} UTC: {}.",
        &[&cut(&begin.host, 100), &when(&signal.time), &cut(&signal.title, 160)],
    )
}

/// Where the story of a finding begins: its first signal that counts, worth a third of the strongest or more.
pub fn onset(f: &Finding) -> Option<&SignalHit> {
    let top = f.signals.iter().map(|s| s.points).fold(0.0, f64::max);
    f.signals.iter().find(|s| s.points * 3.0 >= top)
}

/// The strongest signals, one each of a kind.
fn reasons(f: &Finding) -> Vec<(String, String)> {
    let mut strongest: Vec<&SignalHit> = f.signals.iter().collect();
    // Stable: equal points stay in the order of time.
    strongest.sort_by(|a, b| b.points.total_cmp(&a.points));
    let mut kinds: Vec<&str> = Vec::new();
    let mut out = Vec::new();
    for s in strongest {
        if out.len() < REASONS && !kinds.contains(&s.signal.as_str()) {
            kinds.push(&s.signal);
            out.push((cut(&s.title, 120), cut(&without_blobs(&s.explain), REASON)));
        }
    }
    out
}

/// The text without encoded blobs, which say nothing to a reader; the story has them whole, and decoded.
fn without_blobs(text: &str) -> String {
    let word = |w: &str| {
        let blob = w.len() > BLOB && w.chars().all(|c| c.is_ascii_alphanumeric() || "+/=\"'".contains(c));
        if blob {
            format!("{}…", truncate_chars(w, 12))
        } else {
            w.to_owned()
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Other hosts of its case, or of the findings it is linked with.
fn linked(f: &Finding, all: &[Finding], lang: Lang) -> String {
    let case = |o: &&Finding| o.case_id.is_some() && o.case_id == f.case_id;
    let related = |o: &&Finding| f.related.iter().any(|r| r.finding_id == o.finding_id);
    let mut hosts: Vec<String> = Vec::new();
    for o in all.iter().filter(|o| case(o) || related(o)) {
        if o.host != f.host && !hosts.contains(&o.host) {
            hosts.push(o.host.clone());
        }
    }
    listed(lang, &hosts, 6)
}
