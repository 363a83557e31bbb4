//! Best first, and what belongs together over hosts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::build::Built;
use super::finding::{Finding, Related};
use super::{route, severity};
use crate::chain::Link;
use crate::signals::Level;

/// Links of at least this strength make a case; weaker ones are only named.
const CASE: f64 = 0.5;
/// Related findings named per finding, strongest first.
const MAX_RELATED: usize = 20;
/// A campaign gains this per doubling of its hosts (detection.md 7).
const PER_DOUBLING: f64 = 3.0;

/// Findings that belong together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Case {
    /// Id: that of its best finding, with a prefix.
    pub case_id: String,
    /// Best score + 3·log2(1 + other hosts), within the band of the best.
    pub score: f64,
    /// Hosts, sorted.
    pub hosts: Vec<String>,
    /// Findings by rank.
    pub findings: Vec<String>,
    /// Title of the best finding.
    pub title: String,
    /// Severity of the score.
    pub severity: String,
    /// RFC 3339 UTC.
    pub first_seen: String,
    /// RFC 3339 UTC.
    pub last_seen: String,
    /// Where it began as far as the logs show: the host from which the earliest step leads, else that of the earliest finding.
    pub entry_host: String,
    /// The steps between hosts in the order of time, each pair of hosts once.
    pub path: Vec<Step>,
    /// The hosts in the order in which the path meets them: `a → b → c`.
    pub route: Vec<String>,
    /// Accounts with which the steps were made; without steps those of the findings.
    pub accounts: Vec<String>,
    /// Tactics of all findings, in the matrix' order of the first that names them.
    pub tactics: Vec<String>,
}

/// A step of a case from one host to another.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Step {
    /// RFC 3339 UTC.
    pub time: String,
    /// Host where it began.
    pub from: String,
    /// Host where it led.
    pub to: String,
    /// How, in words.
    pub how: String,
    /// The account it was made with.
    pub user: Option<String>,
    /// Finding on the host where it began.
    pub from_finding: String,
    /// Finding on the host where it led.
    pub to_finding: String,
}

/// Orders by score, evidence, host and id; numbers, relates and groups. `built` is by chain, as the links are.
pub(super) fn rank(built: Vec<Option<Built>>, links: &[Link]) -> (Vec<Finding>, Vec<Case>) {
    let mut order: Vec<usize> = (0..built.len())
        .filter(|i| built.get(*i).is_some_and(Option::is_some))
        .collect();
    let get = |i: &usize| built.get(*i).and_then(Option::as_ref);
    order.sort_by(|a, b| match (get(a), get(b)) {
        (Some(a), Some(b)) => (b.finding.score.total_cmp(&a.finding.score))
            .then(b.total.total_cmp(&a.total))
            .then_with(|| a.finding.host.cmp(&b.finding.host))
            .then_with(|| a.finding.finding_id.cmp(&b.finding.finding_id)),
        _ => std::cmp::Ordering::Equal,
    });
    let rank_of: BTreeMap<usize, usize> = order.iter().enumerate().map(|(rank, chain)| (*chain, rank)).collect();
    let links: Vec<(usize, usize, &Link)> = links
        .iter()
        .filter_map(|l| Some((*rank_of.get(&l.a)?, *rank_of.get(&l.b)?, l)))
        .collect();
    let mut by_chain: BTreeMap<usize, Finding> = built
        .into_iter()
        .enumerate()
        .filter_map(|(i, b)| Some((i, b?.finding)))
        .collect();
    let mut findings: Vec<Finding> = order.iter().filter_map(|i| by_chain.remove(i)).collect();
    for (i, f) in findings.iter_mut().enumerate() {
        f.rank = i as u32 + 1;
    }
    relate(&mut findings, &links);
    let cases = cases(&mut findings, &links);
    (findings, cases)
}

fn relate(findings: &mut [Finding], links: &[(usize, usize, &Link)]) {
    let mut related: BTreeMap<usize, Vec<(f64, usize, &str)>> = BTreeMap::new();
    for (a, b, link) in links {
        related.entry(*a).or_default().push((link.strength, *b, &link.reason));
        related.entry(*b).or_default().push((link.strength, *a, &link.reason));
    }
    let ids: Vec<String> = findings.iter().map(|f| f.finding_id.clone()).collect();
    for (of, mut list) in related {
        list.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let named = list.iter().take(MAX_RELATED).filter_map(|(_, other, reason)| {
            Some(Related {
                finding_id: ids.get(*other)?.clone(),
                reason: (*reason).to_owned(),
            })
        });
        if let Some(f) = findings.get_mut(of) {
            f.related = named.collect();
        }
    }
}

/// Connected components over strong links; a finding alone is no case. Noise joins nothing: both ends must be at
/// least low, or the link a remote logon.
fn cases(findings: &mut [Finding], links: &[(usize, usize, &Link)]) -> Vec<Case> {
    let mut root: Vec<usize> = (0..findings.len()).collect();
    fn find(root: &[usize], mut i: usize) -> usize {
        while let Some(&up) = root.get(i).filter(|up| **up != i) {
            i = up;
        }
        i
    }
    for (a, b, link) in links.iter().filter(|(.., l)| l.strength >= CASE) {
        let low = |i: &usize| findings.get(*i).is_some_and(|f| f.score >= 20.0);
        if !(low(a) && low(b)) && link.strength < 0.9 {
            continue;
        }
        let (a, b) = (find(&root, *a), find(&root, *b));
        // The best finding stays the root: ranks fall along the way up.
        if let Some(slot) = root.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in 0..findings.len() {
        groups.entry(find(&root, i)).or_default().push(i);
    }
    let mut out: Vec<Case> = Vec::new();
    for (best, members) in groups.into_iter().filter(|(_, m)| m.len() > 1) {
        let Some(lead) = findings.get(best) else { continue };
        let case_id = format!("case-{}", lead.finding_id);
        let score = lead.score;
        let mut hosts: Vec<String> = members
            .iter()
            .filter_map(|i| findings.get(*i))
            .map(|f| f.host.clone())
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        let path = route::path(findings, &members, links);
        let told = route::Told::new(findings, &members, &path);
        for i in &members {
            if let Some(f) = findings.get_mut(*i) {
                f.case_id = Some(case_id.clone());
            }
        }
        let score = campaign_score(score, hosts.len());
        out.push(Case {
            score,
            severity: severity::band(score).name().to_owned(),
            case_id,
            hosts,
            findings: told.findings,
            title: told.title,
            first_seen: told.first_seen,
            last_seen: told.last_seen,
            entry_host: told.entry_host,
            route: told.route,
            accounts: told.accounts,
            tactics: told.tactics,
            path,
        });
    }
    out.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.case_id.cmp(&b.case_id)));
    out
}

fn campaign_score(best: f64, hosts: usize) -> f64 {
    let others = hosts.saturating_sub(1) as f64;
    let level: Level = severity::band(best);
    let score = (best + PER_DOUBLING * (1.0 + others).log2()).min(severity::top(level));
    (score * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_gains_by_hosts_but_stays_in_its_band() {
        assert_eq!(campaign_score(70.0, 1), 70.0);
        assert_eq!(campaign_score(70.0, 2), 73.0);
        assert_eq!(campaign_score(84.0, 9), 84.9);
    }
}
