//! A finding in words.

use super::finding::{Finding, SignalHit};
use crate::base::text::truncate_chars;

/// Signals named in a title.
const IN_TITLE: usize = 3;
/// Signals told in a summary.
const IN_SUMMARY: usize = 8;
/// Characters of one explanation in a summary.
const MAX_SENTENCE: usize = 300;

/// The strongest signals by name.
pub(super) fn title(finding: &Finding) -> String {
    let mut names: Vec<&str> = Vec::new();
    for s in strongest(finding) {
        if !names.contains(&s.title.as_str()) {
            names.push(&s.title);
        }
    }
    let more = names.len().saturating_sub(IN_TITLE);
    let mut out = names.iter().take(IN_TITLE).copied().collect::<Vec<_>>().join(" + ");
    if more > 0 {
        out.push_str(&format!(" and {more} more"));
    }
    out
}

/// What happened, in the order of time.
pub(super) fn summary(finding: &Finding) -> String {
    let told: Vec<&SignalHit> = {
        let mut top: Vec<&SignalHit> = strongest(finding).into_iter().take(IN_SUMMARY).collect();
        top.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.signal.cmp(&b.signal)));
        top
    };
    let n = finding.signals.len();
    let mut out = format!(
        "{} {} on {} from {}, first {}, last {}.",
        n,
        if n == 1 { "signal" } else { "signals" },
        finding.host,
        finding.sources.join(", "),
        finding.first_seen,
        finding.last_seen,
    );
    for s in told {
        let text = s.explain.trim();
        let cut = truncate_chars(text, MAX_SENTENCE);
        let end = if cut.len() < text.len() {
            "…"
        } else if cut.ends_with(['.', '!', '?']) {
            ""
        } else {
            "."
        };
        let times = if s.count > 1 {
            format!(" ({} times)", s.count)
        } else {
            String::new()
        };
        out.push_str(&format!(" {}: {cut}{end}{times}", s.time));
    }
    if n > IN_SUMMARY {
        out.push_str(&format!(" {} more signals add less.", n - IN_SUMMARY));
    }
    out
}

fn strongest(finding: &Finding) -> Vec<&SignalHit> {
    let mut all: Vec<&SignalHit> = finding.signals.iter().collect();
    // The sort is stable: equal points stay in the order of time.
    all.sort_by(|a, b| b.points.total_cmp(&a.points));
    all
}
