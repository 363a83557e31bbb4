//! Sigma rules within a hunt: over the lake, into hits, and what is said about them.

use std::collections::BTreeSet;

use crate::base::error::Result;
use crate::lake::Lake;
use crate::lake::frame::Frames;
use crate::lake::scan::TimeRange;
use crate::report::run::{SigmaBlind, SigmaReport, SigmaRule};
use crate::rules::sigma::hunt::{self, Found, ShapeKey};
use crate::rules::sigma::load::RuleSet;
use crate::rules::sigma::model::Header;
use crate::schema::{Col, common};
use crate::signals::sigma::Rules;
use crate::signals::{Cx, Hit};

/// Runs the rules over the rows of `range` (as stored), which must be those of the hunt's frames: all of the lake's, in its order.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub(super) fn run(lake: &Lake, cx: &Cx<'_>, set: &RuleSet, range: TimeRange) -> Result<(Vec<Hit>, SigmaReport)> {
    let mut shapes = Shapes::default();
    shapes.add(set, cx.frames);
    let found = shapes.find(lake, set, range)?;
    let mut rules = Rules::new(set, &found, &cx.knowledge.attack);
    let mut hits = rules.singles(cx, cx.frames);
    let correlations = rules.correlations(cx, cx.frames);
    hits.extend(correlations.hits);
    Ok((hits, report(set, &found, &correlations.correlated)))
}

/// Columns that shapes are made of, beside those that tell whose a row is.
pub(super) const SHAPE: &[Col] = &[common::SOURCE, common::PROVIDER, common::ACTION];

/// Shapes of the rows of a hunt, from which rules choose what to look at.
#[derive(Default)]
pub(super) struct Shapes(BTreeSet<ShapeKey>);

impl Shapes {
    /// Adds those of some rows.
    pub(super) fn add(&mut self, set: &RuleSet, frames: &Frames) {
        if set.loaded > 0 {
            self.0.extend(hunt::shapes_of(frames));
        }
    }

    /// What the rules find in rows of these shapes.
    pub(super) fn find(self, lake: &Lake, set: &RuleSet, range: TimeRange) -> Result<Found> {
        let shapes: Vec<ShapeKey> = self.0.into_iter().collect();
        match set.loaded {
            0 => Ok(Found::default()),
            _ => hunt::hunt(lake, set, &shapes, range, false),
        }
    }
}

pub(super) fn report(set: &RuleSet, found: &Found, correlated: &[u64]) -> SigmaReport {
    let blind = found.blind.iter().filter_map(|(rule, why)| {
        let header = &set.program.rule(*rule)?.header;
        Some(SigmaBlind {
            rule_id: header.id.clone(),
            title: header.title.clone(),
            why: why.clone(),
        })
    });
    let used = |h: &Header, rows: u64, candidates: u64, matches: u64| SigmaRule {
        rule_id: h.id.clone(),
        title: h.title.clone(),
        level: h.level.name().to_owned(),
        author: h.author.clone(),
        rows,
        candidates,
        matches,
    };
    let rules = found
        .tallies
        .iter()
        .filter(|(_, t)| t.matches > 0)
        .filter_map(|(rule, t)| {
            let header = &set.program.rule(*rule)?.header;
            Some(used(header, t.rows, t.candidates, t.matches))
        });
    let correlations = set
        .correlations
        .iter()
        .zip(correlated)
        .filter(|(_, n)| **n > 0)
        .map(|(l, n)| used(&l.correlation.header, 0, 0, *n));
    let mut rules: Vec<SigmaRule> = rules.chain(correlations).collect();
    rules.sort_by(|a, b| b.matches.cmp(&a.matches).then_with(|| a.rule_id.cmp(&b.rule_id)));
    SigmaReport {
        loaded: set.loaded,
        rejected: set.rejected.iter().map(ToString::to_string).collect(),
        deselected: set.deselected,
        could_not_match: blind.collect(),
        notes: set
            .program
            .rules()
            .iter()
            .flat_map(|r| {
                r.header
                    .notes
                    .iter()
                    .map(|n| format!("{}: {}: {n}", r.header.place, r.header.title))
            })
            .collect(),
        rules,
    }
}
