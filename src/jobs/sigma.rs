//! Sigma rules within a hunt: over the lake, into hits, and what is said about them.

use crate::base::error::Result;
use crate::lake::Lake;
use crate::lake::scan::TimeRange;
use crate::report::run::{SigmaBlind, SigmaReport, SigmaRule};
use crate::rules::sigma::hunt::{self, Found};
use crate::rules::sigma::load::RuleSet;
use crate::rules::sigma::model::Header;
use crate::signals::sigma::SigmaHits;
use crate::signals::{Cx, Hit, sigma};

/// Runs the rules over the rows of `range` (as stored), which must be those of the hunt's frames.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub(super) fn run(lake: &Lake, cx: &Cx<'_>, set: &RuleSet, range: TimeRange) -> Result<(Vec<Hit>, SigmaReport)> {
    let found = match set.loaded {
        0 => Found::default(),
        _ => hunt::hunt(lake, set, &hunt::shapes_of(cx.frames), range, false)?,
    };
    let hits = sigma::hits(cx, set, &found);
    let report = report(set, &found, &hits);
    Ok((hits.hits, report))
}

fn report(set: &RuleSet, found: &Found, hits: &SigmaHits) -> SigmaReport {
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
        .zip(&hits.correlated)
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
