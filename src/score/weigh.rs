//! From the hits of a chain to its score. A hunt and `coldtrail explain`, which reads `signals.parquet`, weigh alike: both
//! hand over the same pieces.

use std::collections::BTreeMap;

use super::contributions::{self, Breakdown, Term};
use super::{one_event, severity};
use crate::knowledge::attack::stage_of;
use crate::signals::Level;

/// One hit of a chain as what its score is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece<'a> {
    /// Signal id.
    pub signal: &'a str,
    /// What repeats fold by.
    pub key: &'a str,
    /// Family for decay and gates.
    pub family: &'a str,
    /// Tactic that is its stage.
    pub stage: &'a str,
    /// Source class.
    pub source: &'a str,
    /// When, microseconds UTC.
    pub time: i64,
    /// Level.
    pub level: Level,
    /// Strength of the statistic, 0 to 1.
    pub quality: f64,
    /// Rarity factor.
    pub rarity: f64,
    /// Allowlist factor.
    pub allow: f64,
    /// Link factor.
    pub link: f64,
    /// Whether it may be high alone.
    pub decisive: bool,
    /// The event it stands on, where there is one.
    pub event: Option<String>,
}

impl Piece<'_> {
    /// c = W · q · R · A · λ.
    pub fn evidence(&self) -> f64 {
        severity::weight(self.level) * self.quality.clamp(0.0, 1.0) * self.rarity * self.allow * self.link
    }
}

/// Hits of one signal and key in a chain, told as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Fold {
    /// The strongest, which the score counts.
    pub best: usize,
    /// Its evidence, after several rules on one event were taken as one.
    pub evidence: f64,
    /// Places of all among the pieces, in canonical order.
    pub places: Vec<usize>,
}

/// A chain weighed: its folds in the order of their first pieces, which is the order of the breakdown's terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed<'a> {
    /// Folds.
    pub folds: Vec<Fold>,
    /// The score.
    pub score: Breakdown<'a>,
}

/// Weighs the pieces of a chain, in canonical order, on a host with asset factor `asset`.
pub fn weigh<'a>(pieces: &[Piece<'a>], asset: f64) -> Weighed<'a> {
    let mut counted: Vec<f64> = pieces.iter().map(Piece::evidence).collect();
    one_event::fold(pieces, &mut counted);
    let folds = folds(pieces, &counted);
    let terms: Vec<Term<'a>> = folds.iter().filter_map(|f| term(pieces, f)).collect();
    Weighed {
        score: contributions::score(&terms, asset),
        folds,
    }
}

/// In the order of their first pieces.
fn folds(pieces: &[Piece<'_>], evidence: &[f64]) -> Vec<Fold> {
    let mut by_key: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut out: Vec<Fold> = Vec::new();
    for (place, (piece, worth)) in pieces.iter().zip(evidence).enumerate() {
        let at = *by_key.entry((piece.signal, piece.key)).or_insert_with(|| {
            out.push(Fold {
                best: place,
                evidence: *worth,
                places: Vec::new(),
            });
            out.len() - 1
        });
        let Some(fold) = out.get_mut(at) else { continue };
        fold.places.push(place);
        if *worth > fold.evidence {
            (fold.best, fold.evidence) = (place, *worth);
        }
    }
    out
}

fn term<'a>(pieces: &[Piece<'a>], fold: &Fold) -> Option<Term<'a>> {
    let best = pieces.get(fold.best)?;
    let all = || fold.places.iter().filter_map(|p| pieces.get(*p));
    Some(Term {
        evidence: fold.evidence,
        family: best.family,
        stage: stage_of(best.stage),
        source: best.source,
        time: all().map(|p| p.time).min().unwrap_or(best.time),
        decisive: all().any(|p| p.decisive),
    })
}
