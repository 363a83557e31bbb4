//! How a case went from host to host.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use super::rank::Step;
use crate::base::time::format_rfc3339;
use crate::chain::Link;

/// Accounts named per case.
const MAX_ACCOUNTS: usize = 30;

/// The steps between the members of a case (numbers of findings) in the order of time, each pair of hosts once.
pub(super) fn path(findings: &[Finding], members: &[usize], links: &[(usize, usize, &Link)]) -> Vec<Step> {
    let inside: BTreeSet<usize> = members.iter().copied().collect();
    let mut hops: Vec<(i64, usize, usize, &str, Option<&str>)> = links
        .iter()
        .filter(|(a, b, _)| inside.contains(a) && inside.contains(b))
        .filter_map(|(a, b, link)| {
            let hop = link.hop.as_ref()?;
            // A link's ends are chains; `a` and `b` are the findings of its smaller and larger chain.
            let (from, to) = if hop.from == link.a { (*a, *b) } else { (*b, *a) };
            Some((hop.time, from, to, hop.how.as_str(), hop.user.as_deref()))
        })
        .collect();
    hops.sort_unstable();
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for (time, from, to, how, user) in hops {
        let (Some(a), Some(b)) = (findings.get(from), findings.get(to)) else {
            continue;
        };
        if a.host != b.host && seen.insert((a.host.clone(), b.host.clone())) {
            out.push(Step {
                time: format_rfc3339(time),
                from: a.host.clone(),
                to: b.host.clone(),
                how: how.to_owned(),
                user: user.map(str::to_owned),
                from_finding: a.finding_id.clone(),
                to_finding: b.finding_id.clone(),
            });
        }
    }
    out
}

/// What is told of a case beside its path.
pub(super) struct Told {
    pub findings: Vec<String>,
    pub title: String,
    pub first_seen: String,
    pub last_seen: String,
    pub entry_host: String,
    pub route: Vec<String>,
    pub accounts: Vec<String>,
    pub tactics: Vec<String>,
}

impl Told {
    /// From the findings of a case by rank, and its path.
    pub(super) fn new(findings: &[Finding], members: &[usize], path: &[Step]) -> Self {
        let of_case = || members.iter().filter_map(|i| findings.get(*i));
        let earliest = of_case().min_by(|a, b| (&a.first_seen, a.rank).cmp(&(&b.first_seen, b.rank)));
        let entry_host = entry(path)
            .or_else(|| earliest.map(|f| f.host.clone()))
            .unwrap_or_default();
        let mut tactics: Vec<String> = Vec::new();
        for tactic in of_case().flat_map(|f| &f.tactics) {
            if !tactics.contains(tactic) {
                tactics.push(tactic.clone());
            }
        }
        Self {
            findings: of_case().map(|f| f.finding_id.clone()).collect(),
            title: of_case().next().map(|f| f.title.clone()).unwrap_or_default(),
            first_seen: of_case().map(|f| f.first_seen.clone()).min().unwrap_or_default(),
            last_seen: of_case().map(|f| f.last_seen.clone()).max().unwrap_or_default(),
            route: route(&entry_host, path),
            accounts: accounts(of_case(), path),
            entry_host,
            tactics,
        }
    }
}

/// The host from which the earliest step leads that no earlier step had reached.
fn entry(path: &[Step]) -> Option<String> {
    path.first().map(|step| step.from.clone())
}

/// Hosts in the order in which the path meets them, the entry first.
fn route(entry: &str, path: &[Step]) -> Vec<String> {
    let mut out: Vec<String> = vec![entry.to_owned()];
    for host in path.iter().flat_map(|s| [&s.from, &s.to]) {
        if !out.contains(host) {
            out.push(host.clone());
        }
    }
    out
}

/// Accounts of the steps, else of the findings, each once whatever its case. The users of a finding may be victims of guessing.
fn accounts<'a>(findings: impl Iterator<Item = &'a Finding>, path: &[Step]) -> Vec<String> {
    let mut seen: BTreeMap<String, ()> = BTreeMap::new();
    let of_steps: Vec<&String> = path.iter().filter_map(|s| s.user.as_ref()).collect();
    let of_findings: Vec<&String> = match of_steps.is_empty() {
        true => findings.flat_map(|f| &f.users).collect(),
        false => Vec::new(),
    };
    of_steps
        .into_iter()
        .chain(of_findings)
        .filter(|u| seen.insert(u.to_lowercase(), ()).is_none())
        .take(MAX_ACCOUNTS)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(time: &str, from: &str, to: &str, user: &str) -> Step {
        Step {
            time: time.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            how: "remote logon".to_owned(),
            user: Some(user.to_owned()),
            from_finding: String::new(),
            to_finding: String::new(),
        }
    }

    #[test]
    fn a_route_begins_at_the_entry_and_names_every_host_once() {
        let path = [
            step("1", "a", "b", "eve"),
            step("2", "b", "c", "Eve"),
            step("3", "a", "c", "adm"),
        ];
        assert_eq!(entry(&path).as_deref(), Some("a"));
        assert_eq!(route("a", &path), ["a", "b", "c"]);
        assert_eq!(accounts(std::iter::empty(), &path), ["eve", "adm"]);
    }
}
