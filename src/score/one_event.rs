//! Several rules on one event are one piece of evidence, worth the strongest: five Sigma rules and our own signal on one
//! encoded command are still one encoded command.

use std::collections::BTreeMap;

use super::SIGMA_PREFIX;
use super::weigh::Piece;

/// Corrects the evidence of the pieces of one chain. Where Sigma rules and our own signals hit one event, the strongest
/// own signal takes the larger value and the rules count nothing; of rules alone the strongest counts.
pub(super) fn fold(pieces: &[Piece<'_>], evidence: &mut [f64]) {
    let mut events: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, piece) in pieces.iter().enumerate() {
        if let Some(event) = piece.event.as_deref() {
            events.entry(event).or_default().push(i);
        }
    }
    let is_sigma = |i: &usize| pieces.get(*i).is_some_and(|p| p.signal.starts_with(SIGMA_PREFIX));
    for on_it in events.into_values().filter(|e| e.len() > 1) {
        let (rules, own): (Vec<usize>, Vec<usize>) = on_it.into_iter().partition(is_sigma);
        let worth = |evidence: &[f64], i: &usize| evidence.get(*i).copied().unwrap_or(0.0);
        let strongest = |of: &[usize], evidence: &[f64]| {
            of.iter()
                .copied()
                .min_by(|a, b| worth(evidence, b).total_cmp(&worth(evidence, a)).then(a.cmp(b)))
        };
        let Some(rule) = strongest(&rules, evidence) else {
            continue;
        };
        let value = worth(evidence, &rule);
        let keeper = strongest(&own, evidence).unwrap_or(rule);
        for i in &rules {
            set(evidence, *i, 0.0);
        }
        let kept = if keeper == rule {
            value
        } else {
            worth(evidence, &keeper).max(value)
        };
        set(evidence, keeper, kept);
    }
}

fn set(evidence: &mut [f64], i: usize, value: f64) {
    if let Some(slot) = evidence.get_mut(i) {
        *slot = value;
    }
}
