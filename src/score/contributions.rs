//! From plain numbers to a score and what each term adds to it (detection.md 7).
//!
//! Evidence adds up, so every term can be shown; saturation and caps come last. Adding a signal never lowers a score:
//! sorted geometric weights, a maximum over subsequences and set sizes only grow.

use std::collections::BTreeMap;

use super::gates::{self, Cap, Cover};

/// The n-th signal of a family counts this much to the power of n − 1.
const FAMILY_DECAY: f64 = 0.5;
/// Evidence for a further stage.
const STAGE_BONUS: f64 = 6.0;
/// Evidence for a step in kill-chain order within no time.
const ORDER_BONUS: f64 = 6.0;
/// A step's worth halves with this time between its ends, microseconds.
const ORDER_HALF_US: f64 = 24.0 * 3_600.0 * 1e6;
/// Evidence for a further independent source class.
const SOURCE_BONUS: f64 = 6.0;
/// Evidence at which a score reaches 63.
const SATURATION: f64 = 50.0;
/// Signals worth less before decay open no bonus and no gate.
const LIVE: f64 = 1.0;
/// The stage of command and control.
const C2_STAGE: u8 = 7;

/// One signal as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Term<'a> {
    /// Evidence before decay: weight × quality × rarity × allowance × link.
    pub evidence: f64,
    /// Family.
    pub family: &'a str,
    /// Stage 1 to 10; `None` opens none.
    pub stage: Option<u8>,
    /// Source class.
    pub source: &'a str,
    /// When, microseconds UTC.
    pub time: i64,
    /// Whether it may be high alone.
    pub decisive: bool,
}

/// A score and its terms. Points are tenths, so that they add up exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakdown<'a> {
    /// Evidence of each term after decay.
    pub evidence: Vec<f64>,
    /// Evidence for the diversity of stages.
    pub stages: f64,
    /// Evidence for order and density.
    pub order: f64,
    /// Evidence for independent sources.
    pub sources: f64,
    /// What the asset's factor adds or takes.
    pub asset: f64,
    /// All evidence.
    pub total: f64,
    /// Score without a cap.
    pub raw: f64,
    /// Score in tenths of points, 0 to 1000.
    pub score: i64,
    /// Points of the terms, then stages, order, sources, asset; in tenths.
    pub points: Vec<i64>,
    /// What the live terms cover.
    pub cover: Cover<'a>,
    /// The cap.
    pub cap: Cap,
}

/// Scores the terms of one chain on a host with asset factor `asset`.
pub fn score<'a>(terms: &[Term<'a>], asset: f64) -> Breakdown<'a> {
    let evidence = decayed(terms);
    let live: Vec<&Term<'a>> = terms.iter().filter(|t| t.evidence >= LIVE).collect();
    let cover = Cover {
        families: live.iter().map(|t| t.family).collect(),
        sources: live.iter().map(|t| t.source).collect(),
        stages: live.iter().filter_map(|t| t.stage).collect(),
        decisive: live.iter().filter(|t| t.decisive).map(|t| t.family).collect(),
    };
    let further = |n: usize| n.saturating_sub(1) as f64;
    let stages = STAGE_BONUS * further(cover.stages.len());
    let sources = SOURCE_BONUS * further(cover.sources.len());
    let order = order_bonus(&live);
    let base = evidence.iter().sum::<f64>() + stages + order + sources;
    let extra = base * (asset - 1.0);
    let total = base + extra;
    let raw = 100.0 * (1.0 - (-total / SATURATION).exp());
    let cap = gates::cap(&cover);
    let score = (raw.min(cap.limit()) * 10.0).round() as i64;
    let mut items = evidence.clone();
    items.extend([stages, order, sources, extra]);
    let points = shares(&items, score);
    Breakdown {
        evidence,
        stages,
        order,
        sources,
        asset: extra,
        total,
        raw,
        score,
        points,
        cover,
        cap,
    }
}

/// Within a family the strongest counts fully, the next half, and so on.
fn decayed(terms: &[Term<'_>]) -> Vec<f64> {
    let mut by_worth: Vec<usize> = (0..terms.len()).collect();
    let worth = |i: &usize| terms.get(*i).map_or(0.0, |t| t.evidence);
    by_worth.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(a.cmp(b)));
    let mut factor: BTreeMap<&str, f64> = BTreeMap::new();
    let mut out = vec![0.0; terms.len()];
    for i in by_worth {
        let (Some(term), Some(slot)) = (terms.get(i), out.get_mut(i)) else {
            continue;
        };
        let f = factor.entry(term.family).or_insert(1.0);
        *slot = term.evidence * *f;
        *f *= FAMILY_DECAY;
    }
    out
}

/// The best chain of steps forward in time and stage. Command and control may also come right after execution: both
/// readings are tried.
fn order_bonus(live: &[&Term<'_>]) -> f64 {
    let best = |c2: f64| {
        let mut events: Vec<(i64, f64)> = live
            .iter()
            .filter_map(|t| t.stage.map(|s| (t.time, if s == C2_STAGE { c2 } else { f64::from(s) })))
            .collect();
        events.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        best_path(&events)
    };
    best(3.5).max(best(f64::from(C2_STAGE)))
}

/// Path ends kept per stage: above what real chains have, so that a chain of a hundred thousand hits stays cheap.
const MAX_ENDS: usize = 512;

/// `events` sorted by time. Per stage only the ends of paths are kept that may still be the best start of a step: those
/// that no later end equals in value.
fn best_path(events: &[(i64, f64)]) -> f64 {
    let mut ends: Vec<(f64, Vec<(i64, f64)>)> = Vec::new();
    let mut best: f64 = 0.0;
    // Events of one moment are no steps between each other, so they become ends together.
    for moment in events.chunk_by(|a, b| a.0 == b.0) {
        let values: Vec<(i64, f64, f64)> = moment.iter().map(|(t, s)| (*t, *s, value_at(&ends, *t, *s))).collect();
        for (time, stage, value) in values {
            best = best.max(value);
            let at = match ends.iter().position(|(s, _)| *s == stage) {
                Some(at) => at,
                None => {
                    ends.push((stage, Vec::new()));
                    ends.len() - 1
                }
            };
            let Some((_, paths)) = ends.get_mut(at) else { continue };
            paths.retain(|(_, worth)| *worth > value);
            if paths.len() < MAX_ENDS {
                paths.push((time, value));
            }
        }
    }
    best
}

/// The best path that ends in an event.
fn value_at(ends: &[(f64, Vec<(i64, f64)>)], time: i64, stage: f64) -> f64 {
    let earlier = ends.iter().filter(|(s, _)| *s < stage).flat_map(|(_, paths)| paths);
    earlier
        .map(|(before, worth)| worth + ORDER_BONUS * (-((time - before) as f64) / ORDER_HALF_US).exp2())
        .fold(0.0, f64::max)
}

/// Shares of `score` (tenths) in proportion to the items, by largest remainder; they add up to it exactly.
fn shares(items: &[f64], score: i64) -> Vec<i64> {
    let total: f64 = items.iter().sum();
    if total <= 0.0 {
        return vec![0; items.len()];
    }
    let exact: Vec<f64> = items.iter().map(|i| score as f64 * i / total).collect();
    let mut out: Vec<i64> = exact.iter().map(|e| e.floor() as i64).collect();
    let mut rest = score - out.iter().sum::<i64>();
    let mut by_remainder: Vec<(usize, f64)> = exact.iter().enumerate().map(|(i, e)| (i, e - e.floor())).collect();
    by_remainder.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    for (i, _) in by_remainder {
        if rest <= 0 {
            break;
        }
        if let Some(slot) = out.get_mut(i) {
            *slot += 1;
            rest -= 1;
        }
    }
    out
}

#[cfg(test)]
#[path = "contributions_tests.rs"]
mod tests;
