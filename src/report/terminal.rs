//! The ranked table for the terminal.

use std::fmt::Write;

use super::Results;
use crate::base::text::for_terminal;
use crate::score::finding::Finding;

/// Findings shown.
const SHOWN: usize = 20;
/// Narrower than this, the year and the seconds go.
const WIDE: usize = 110;
/// Narrower than this, the time goes altogether.
const NARROW: usize = 80;
/// Rank, score and severity with the gaps behind them.
const FIXED: usize = 4 + 2 + 5 + 2 + 8 + 2;
/// Columns that a title needs to say anything.
const MIN_TITLE: usize = 20;

/// The table, at most `width` columns wide (60 at least); `colour` only for terminals that want it.
pub fn table(results: &Results, width: usize, colour: bool) -> String {
    let mut out = String::new();
    let findings = &results.findings;
    if findings.is_empty() {
        out.push_str("No findings.\n");
        blind(&mut out, results);
        return out;
    }
    let shape = Shape::new(findings, width);
    let (host, time) = (shape.host, shape.time);
    let _ = write!(
        out,
        "{:>4}  {:>5}  {:8}  {:host$}  ",
        "RANK", "SCORE", "SEVERITY", "HOST"
    );
    if time > 0 {
        let _ = write!(out, "{:time$}  ", "FIRST (UTC)");
    }
    out.push_str("FINDING\n");
    for f in findings.iter().take(SHOWN) {
        line(&mut out, f, &shape, colour);
    }
    if findings.len() > SHOWN {
        let _ = writeln!(out, "… and {} more", findings.len() - SHOWN);
    }
    blind(&mut out, results);
    out
}

/// How the findings compare with an earlier run, in one line; empty without one.
pub fn since(results: &Results) -> String {
    results.run.baseline.as_ref().map_or_else(String::new, |b| {
        let (new, changed, ongoing, gone) = (b.new, b.changed, b.ongoing, b.gone);
        format!("since the last run: {new} new, {changed} changed, {ongoing} ongoing, {gone} gone\n")
    })
}

/// Widths of the columns that give way.
struct Shape {
    host: usize,
    time: usize,
    title: usize,
}

impl Shape {
    fn new(findings: &[Finding], width: usize) -> Self {
        let time = match width {
            w if w >= WIDE => 16,
            w if w >= NARROW => 11,
            _ => 0,
        };
        let longest = findings
            .iter()
            .take(SHOWN)
            .map(|f| for_terminal(&f.host).chars().count())
            .max();
        let host = longest.unwrap_or(4).clamp(4, if width >= WIDE { 28 } else { 15 });
        let used = FIXED + host + 2 + if time > 0 { time + 2 } else { 0 };
        Self {
            host,
            time,
            title: width.saturating_sub(used).max(MIN_TITLE.min(width)),
        }
    }
}

fn line(out: &mut String, f: &Finding, shape: &Shape, colour: bool) {
    let severity = format!("{:8}", cut(&for_terminal(&f.severity), 8));
    let severity = match (colour, f.severity.as_str()) {
        (true, "critical") => format!("\x1b[1;31m{severity}\x1b[0m"),
        (true, "high") => format!("\x1b[31m{severity}\x1b[0m"),
        (true, "medium") => format!("\x1b[33m{severity}\x1b[0m"),
        _ => severity,
    };
    let (host_width, time_width) = (shape.host, shape.time);
    let host = cut(&for_terminal(&f.host), host_width);
    let _ = write!(out, "{:>4}  {:>5.1}  {severity}  {host:host_width$}  ", f.rank, f.score);
    if time_width > 0 {
        let first = for_terminal(&f.first_seen).replacen('T', " ", 1);
        let from = if time_width < 16 { 5 } else { 0 };
        let first: String = first.chars().skip(from).take(time_width).collect();
        let _ = write!(out, "{first:time_width$}  ");
    }
    let techniques: Vec<&str> = f.techniques.iter().map(|t| t.id.as_str()).collect();
    let title = format!("{} [{}]", for_terminal(&f.title), for_terminal(&techniques.join(" ")));
    let _ = writeln!(out, "{}", cut(&title, shape.title));
}

/// What kept signals from looking: an empty table is no proof.
fn blind(out: &mut String, results: &Results) {
    let blind = &results.run.coverage.blind;
    let signals = blind
        .iter()
        .map(|b| &b.signal)
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    if signals > 0 {
        let noun = if signals == 1 { "signal" } else { "signals" };
        let _ = writeln!(
            out,
            "{signals} {noun} could not look at some or all hosts; report.html says which and why."
        );
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{hostile, nasty};

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut results = hostile();
        results.findings[1].host = nasty().repeat(4);
        for width in [60, 79, 80, 100, 110, 200] {
            for l in table(&results, width, false)
                .lines()
                .filter(|l| !l.contains("could not look"))
            {
                assert!(l.chars().count() <= width, "{width}: {l}");
            }
        }
    }

    #[test]
    fn only_our_own_colours_reach_the_terminal() {
        let text = table(&hostile(), 200, false);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\0']) && text.contains("<script>"));
        let coloured = table(&hostile(), 200, true);
        assert_eq!(coloured.matches('\u{1b}').count(), 4);
        assert!(coloured.contains("\x1b[1;31mcritical\x1b[0m"));
    }

    #[test]
    fn an_empty_table_says_what_could_not_be_seen() {
        let mut results = hostile();
        results.findings.clear();
        let text = table(&results, 80, false);
        assert!(text.starts_with("No findings.") && text.contains("could not look"));
    }
}
