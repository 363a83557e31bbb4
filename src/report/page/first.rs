//! Where to look first, and why, in plain words.

use super::{counted, cut, finding, listed, when};
use crate::score::finding::{Finding, SignalHit};

/// Hosts named.
const HOSTS: usize = 6;
/// Reasons given for one.
const REASONS: usize = 3;

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
    /// Who, when, how far along an attack.
    pub what: String,
    /// The strongest evidence.
    pub reasons: Vec<String>,
    /// Hosts it is linked with.
    pub linked: String,
}

/// The hosts of the critical and high findings, best first; where there are none, of the best three.
pub fn first(findings: &[Finding]) -> Vec<First> {
    let urgent = |f: &&Finding| matches!(f.severity.as_str(), "critical" | "high");
    let mut chosen: Vec<&Finding> = findings.iter().filter(urgent).collect();
    if chosen.is_empty() {
        chosen = findings.iter().take(3).collect();
    }
    let mut out: Vec<First> = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    for f in chosen {
        if !named.contains(&f.host.as_str()) && named.len() < HOSTS {
            named.push(&f.host);
            out.push(one(f, findings));
        }
    }
    out
}

fn one(f: &Finding, all: &[Finding]) -> First {
    let who = if f.users.is_empty() {
        String::new()
    } else {
        format!(" ({})", listed(&f.users, 3))
    };
    let tactics: Vec<String> = f.tactics.iter().map(|t| finding::words(t)).collect();
    First {
        rank: f.rank,
        host: cut(&f.host, 100),
        severity: cut(&f.severity, 20),
        score: format!("{:.1}", f.score),
        what: format!(
            "{}{who} between {} and {} UTC; {}: {}.",
            counted(f.signals.len() as u64, "signal", "signals"),
            when(&f.first_seen),
            when(&f.last_seen),
            counted(tactics.len() as u64, "tactic", "tactics"),
            tactics.join(", ")
        ),
        reasons: reasons(f),
        linked: linked(f, all),
    }
}

/// The strongest signals, one each of a kind.
fn reasons(f: &Finding) -> Vec<String> {
    let mut strongest: Vec<&SignalHit> = f.signals.iter().collect();
    // Stable: equal points stay in the order of time.
    strongest.sort_by(|a, b| b.points.total_cmp(&a.points));
    let mut kinds: Vec<&str> = Vec::new();
    let mut out = Vec::new();
    for s in strongest {
        if out.len() < REASONS && !kinds.contains(&s.signal.as_str()) {
            kinds.push(&s.signal);
            out.push(format!("{}: {}", cut(&s.title, 120), cut(&s.explain, 220)));
        }
    }
    out
}

/// Other hosts of its case, or of the findings it is linked with.
fn linked(f: &Finding, all: &[Finding]) -> String {
    let case = |o: &&Finding| o.case_id.is_some() && o.case_id == f.case_id;
    let related = |o: &&Finding| f.related.iter().any(|r| r.finding_id == o.finding_id);
    let mut hosts: Vec<String> = Vec::new();
    for o in all.iter().filter(|o| case(o) || related(o)) {
        if o.host != f.host && !hosts.contains(&o.host) {
            hosts.push(o.host.clone());
        }
    }
    listed(&hosts, 6)
}
