//! A finding's score, computed again from the table of hits alone.

use super::past::{Past, PastFinding, PastHit};
use crate::base::error::{Error, Result};
use crate::score::gates;
use crate::score::severity;
use crate::score::weigh::{Piece, weigh};

/// One term of a score: a signal's strongest hit.
#[derive(Debug, Clone, PartialEq)]
pub struct TermLine {
    /// Signal id.
    pub signal: String,
    /// Title.
    pub title: String,
    /// What happened.
    pub explain: String,
    /// Level.
    pub level: &'static str,
    /// W, the level's weight.
    pub weight: f64,
    /// q.
    pub quality: f64,
    /// R.
    pub rarity: f64,
    /// Hosts with the key.
    pub hosts: u32,
    /// A.
    pub allow: f64,
    /// λ.
    pub link: f64,
    /// Evidence before the decay within its family; differs from the product where several rules hit one event.
    pub evidence: f64,
    /// Family.
    pub family: String,
    /// Evidence after the decay.
    pub counted: f64,
    /// Hits told as this one.
    pub hits: usize,
    /// Points, tenths.
    pub points: i64,
    /// Whether it may be high alone.
    pub decisive: bool,
}

/// A score and everything it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The finding, with the score as stored.
    pub finding: PastFinding,
    /// Terms in the order of time.
    pub terms: Vec<TermLine>,
    /// Bonuses: name, evidence, points in tenths.
    pub bonuses: Vec<(String, f64, i64)>,
    /// All evidence.
    pub total: f64,
    /// Score without a cap.
    pub raw: f64,
    /// The cap: name, limit, in words.
    pub gate: (String, f64, String),
    /// Score computed again, tenths.
    pub score: i64,
}

impl Explanation {
    /// Whether the stored score is the one computed.
    pub fn agrees(&self) -> bool {
        (self.finding.score * 10.0).round() as i64 == self.score
    }
}

/// Explains the finding that a word names.
///
/// # Errors
/// [`Error::Usage`] where there is no such finding.
pub fn explain(past: &Past, word: &str) -> Result<Explanation> {
    let finding = past.finding(word)?;
    let hits: Vec<PastHit<'_>> = past.of_finding(&finding.finding_id).collect();
    let pieces: Vec<Piece<'_>> = hits.iter().map(PastHit::piece).collect();
    let asset = hits.first().map_or(1.0, |h| h.number("asset"));
    let weighed = weigh(&pieces, asset);
    if pieces.is_empty() {
        return Err(Error::Usage(format!(
            "finding {} has no hits in signals.parquet; the files in the folder come from different hunts, hunt again",
            finding.finding_id
        )));
    }
    let score = &weighed.score;
    let points = |i: usize| score.points.get(i).copied().unwrap_or(0);
    let mut terms = Vec::new();
    for (i, fold) in weighed.folds.iter().enumerate() {
        let (Some(piece), Some(hit)) = (pieces.get(fold.best), hits.get(fold.best)) else {
            continue;
        };
        terms.push(TermLine {
            signal: piece.signal.to_owned(),
            title: hit.text("title").to_owned(),
            explain: hit.text("explain").to_owned(),
            level: piece.level.name(),
            weight: severity::weight(piece.level),
            quality: piece.quality,
            rarity: piece.rarity,
            hosts: hit.number("hosts_with_key") as u32,
            allow: piece.allow,
            link: piece.link,
            evidence: fold.evidence,
            family: piece.family.to_owned(),
            counted: score.evidence.get(i).copied().unwrap_or(0.0),
            hits: fold.places.len(),
            points: points(i),
            decisive: fold.places.iter().filter_map(|p| pieces.get(*p)).any(|p| p.decisive),
        });
    }
    let n = weighed.folds.len();
    let bonuses = vec![
        (
            format!("stage diversity ({} stages)", score.cover.stages.len()),
            score.stages,
            points(n),
        ),
        ("kill-chain order and density".to_owned(), score.order, points(n + 1)),
        (
            format!("independent sources ({})", score.cover.sources.len()),
            score.sources,
            points(n + 2),
        ),
        (format!("asset criticality (× {asset})"), score.asset, points(n + 3)),
    ];
    let gate = gates::explain(&score.cover, score.raw);
    Ok(Explanation {
        terms,
        bonuses,
        total: score.total,
        raw: score.raw,
        gate: (gate.id, gate.cap, gate.why),
        score: score.score,
        finding,
    })
}
