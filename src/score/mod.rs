//! Floor 9: chains become findings: rarity, allowlist, contributions, gates, ranking (detection.md 5 to 7).

pub mod allow;
mod build;
pub mod contributions;
pub mod evidence;
pub mod finding;
pub mod gates;
mod one_event;
pub mod rank;
pub mod rarity;
mod route;
pub mod severity;
pub mod source_class;
mod steps;
mod story;
pub mod weigh;

use crate::chain::{Chains, build::canonical_order};
use crate::signals::{Cx, Hit};

use allow::{Suppression, Verdicts};
use build::Scorer;
use finding::{Finding, SignalHit};
use rank::Case;

/// Ids of Sigma rules as signals begin so; the rule's own id follows.
pub const SIGMA_PREFIX: &str = "sigma:";

/// What a hunt found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scored {
    /// Findings, best first.
    pub findings: Vec<Finding>,
    /// All hits, suppressed ones too, by host and time.
    pub signals: Vec<SignalHit>,
    /// What the allowlist took.
    pub suppressions: Vec<Suppression>,
    /// Findings that belong together, best first.
    pub cases: Vec<Case>,
}

/// Scores the chains of the hits. `source_path` names the input of a `file_id`. Suppressed hits should not have been
/// chained (`Verdicts::keeps`); where they were, they count nothing.
pub fn score(
    chains: &Chains,
    hits: &[Hit],
    cx: &Cx<'_>,
    verdicts: &Verdicts,
    source_path: &dyn Fn(u64) -> String,
) -> Scored {
    let scorer = Scorer::new(hits, cx, verdicts, source_path);
    let mut built: Vec<_> = chains.chains.iter().map(|c| scorer.finding(c)).collect();
    build::make_ids_unique(&mut built);
    let mut place = vec![None; hits.len()];
    for b in built.iter().flatten() {
        for (member, points) in &b.members {
            if let Some(slot) = place.get_mut(member.hit) {
                *slot = Some((b.finding.finding_id.clone(), (member.link, member.started), *points));
            }
        }
    }
    let signals = canonical_order(hits, &|_| true, cx)
        .into_iter()
        .filter_map(|i| {
            let (id, link, points) = match place.get_mut(i).and_then(Option::take) {
                Some((id, link, points)) => (Some(id), link, points),
                None => (None, (1.0, None), 0),
            };
            scorer.signal_hit(i, id, link, points)
        })
        .collect();
    let (findings, cases) = rank::rank(built, &chains.links);
    Scored {
        findings,
        signals,
        suppressions: verdicts.suppressions.clone(),
        cases,
    }
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
