//! Where to look first, and why, in plain words.

use super::{cases, counted, cut, finding, listed, shown, when};
use crate::base::text::truncate_chars;
use crate::report::lang::Lang;
use crate::score::finding::{Finding, SignalHit};
use crate::score::rank::Case;

/// Hosts named.
const HOSTS: usize = 6;
/// Accounts named of a case.
const ACCOUNTS: usize = 5;
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
    /// Where its case begins.
    pub entry: String,
    /// The way of its case from host to host, and with which accounts.
    pub way: String,
    /// Hosts it is linked with beside that way.
    pub linked: String,
}

/// The hosts of the critical and high findings, best first; where there are none, of the best three.
pub fn first(findings: &[Finding], cases: &[Case], lang: Lang) -> Vec<First> {
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
            out.push(one(f, findings, of(f, cases), lang));
        }
    }
    out
}

/// The case of a finding.
fn of<'a>(f: &Finding, cases: &'a [Case]) -> Option<&'a Case> {
    let id = f.case_id.as_deref()?;
    cases.iter().find(|c| c.case_id == id)
}

fn one(f: &Finding, all: &[Finding], case: Option<&Case>, lang: Lang) -> First {
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
        entry: case.map(|c| entry(f, all, c, lang)).unwrap_or_default(),
        way: case.map(|c| way(c, lang)).unwrap_or_default(),
        linked: linked(f, all, case, lang),
    }
}

/// The host on which the case begins, and with what.
fn entry(f: &Finding, all: &[Finding], case: &Case, lang: Lang) -> String {
    if case.entry_host == f.host {
        return lang.t("The case begins here.").to_owned();
    }
    // Findings come best first.
    let there = |o: &&Finding| o.host == case.entry_host && o.case_id.as_deref() == Some(&case.case_id);
    let Some(signal) = all.iter().find(there).and_then(onset) else {
        return String::new();
    };
    lang.fill(
        "The case begins on {} at {} UTC: {}.",
        &[
            &cut(&case.entry_host, 100),
            &when(&signal.time),
            &cut(&signal.title, 160),
        ],
    )
}

/// From host to host, where steps between them were seen.
fn way(case: &Case, lang: Lang) -> String {
    let route = cases::route(case);
    if route.is_empty() {
        return String::new();
    }
    let path = lang.n("Path: {}.", route);
    let accounts = cases::accounts(case, ACCOUNTS, lang);
    if accounts.is_empty() {
        return path;
    }
    format!("{path} {}", lang.n("Accounts used: {}.", accounts))
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

/// Other hosts of its case beside the way that is told, or of the findings it is linked with.
fn linked(f: &Finding, all: &[Finding], case: Option<&Case>, lang: Lang) -> String {
    let told = |host: &String| case.is_some_and(|c| !c.path.is_empty() && c.route.contains(host));
    let of_case = |o: &&Finding| o.case_id.is_some() && o.case_id == f.case_id;
    let related = |o: &&Finding| f.related.iter().any(|r| r.finding_id == o.finding_id);
    let mut hosts: Vec<String> = Vec::new();
    for o in all.iter().filter(|o| of_case(o) || related(o)) {
        if o.host != f.host && !told(&o.host) && !hosts.contains(&o.host) {
            hosts.push(o.host.clone());
        }
    }
    listed(lang, &hosts, 6)
}
