//! The ranked table for the terminal.

use std::fmt::{Display, Write};

use super::Results;
use super::lang::Lang;
use super::page::counted;
use crate::base::text::{cells, cut_cells, for_terminal, pad_cells};
use crate::score::finding::Finding;

/// Findings shown.
const SHOWN: usize = 20;
/// Narrower than this, the year and the seconds go.
const WIDE: usize = 110;
/// Narrower than this, the time goes altogether.
const NARROW: usize = 80;
/// Columns that a title needs to say anything.
const MIN_TITLE: usize = 16;
/// Between columns.
const GAP: usize = 2;

/// The table in the language of the results, at most `width` columns wide (60 at least); `colour` only for terminals that want it.
pub fn table(results: &Results, width: usize, colour: bool) -> String {
    let mut out = String::new();
    let (findings, lang) = (&results.findings, results.lang);
    if findings.is_empty() {
        // With --since-last what goes on is not shown.
        let ongoing = results.run.baseline.as_ref().is_some_and(|b| b.ongoing > 0);
        let none = match ongoing {
            true => lang.t("No new or changed findings."),
            false => lang.t("No findings."),
        };
        let _ = writeln!(out, "{none}");
        blind(&mut out, results);
        return out;
    }
    let shape = Shape::new(findings, width, lang);
    out.push_str(&shape.right(lang.t("RANK"), shape.rank));
    out.push_str(&shape.right(lang.t("SCORE"), shape.score));
    out.push_str(&shape.left(lang.t("SEVERITY"), shape.severity));
    out.push_str(&shape.left(lang.t("HOST"), shape.host));
    if shape.time > 0 {
        out.push_str(&shape.left(lang.t("FIRST (UTC)"), shape.time));
    }
    let _ = writeln!(out, "{}", lang.t("FINDING"));
    for f in findings.iter().take(SHOWN) {
        line(&mut out, f, &shape, colour, lang);
    }
    if findings.len() > SHOWN {
        let _ = writeln!(out, "{}", lang.n("… and {} more", findings.len() - SHOWN));
    }
    blind(&mut out, results);
    out
}

/// How the findings compare with an earlier run, in one line; empty without one.
pub fn since(results: &Results) -> String {
    results.run.baseline.as_ref().map_or_else(String::new, |b| {
        let counts: [&dyn Display; 4] = [&b.new, &b.changed, &b.ongoing, &b.gone];
        let told = "since the last run: {} new, {} changed, {} ongoing, {} gone";
        results.lang.fill(told, &counts) + "\n"
    })
}

/// Widths of the columns.
struct Shape {
    rank: usize,
    score: usize,
    severity: usize,
    host: usize,
    time: usize,
    title: usize,
}

impl Shape {
    fn new(findings: &[Finding], width: usize, lang: Lang) -> Self {
        let time = match width {
            w if w >= WIDE => 16,
            w if w >= NARROW => 11,
            _ => 0,
        };
        let longest = findings.iter().take(SHOWN).map(|f| cells(&for_terminal(&f.host))).max();
        let at_least = |least: usize, head: &'static str| cells(lang.t(head)).max(least);
        let mut shape = Self {
            rank: at_least(4, "RANK"),
            score: at_least(5, "SCORE"),
            severity: at_least(8, "SEVERITY"),
            host: longest
                .unwrap_or(0)
                .clamp(at_least(4, "HOST"), if width >= WIDE { 28 } else { 15 }),
            time,
            title: 0,
        };
        let before = [shape.rank, shape.score, shape.severity, shape.host, shape.time];
        let used: usize = before.iter().filter(|w| **w > 0).map(|w| w + GAP).sum();
        shape.title = width.saturating_sub(used).max(MIN_TITLE.min(width));
        shape
    }

    fn left(&self, text: &str, width: usize) -> String {
        pad_cells(&cut_cells(text, width), width + GAP)
    }

    fn right(&self, text: &str, width: usize) -> String {
        format!(
            "{}{text}{}",
            " ".repeat(width.saturating_sub(cells(text))),
            " ".repeat(GAP)
        )
    }
}

fn line(out: &mut String, f: &Finding, shape: &Shape, colour: bool, lang: Lang) {
    out.push_str(&shape.right(&f.rank.to_string(), shape.rank));
    out.push_str(&shape.right(&format!("{:.1}", f.score), shape.score));
    let severity = for_terminal(&lang.tell(&f.severity)).into_owned();
    let severity = pad_cells(&cut_cells(&severity, shape.severity), shape.severity);
    let paint = match (colour, f.severity.as_str()) {
        (true, "critical") => "\x1b[1;31m",
        (true, "high") => "\x1b[31m",
        (true, "medium") => "\x1b[33m",
        _ => "",
    };
    let plain = if paint.is_empty() { "" } else { "\x1b[0m" };
    let _ = write!(out, "{paint}{severity}{plain}{:GAP$}", "");
    out.push_str(&shape.left(&for_terminal(&f.host), shape.host));
    if shape.time > 0 {
        let first = for_terminal(&f.first_seen).replacen('T', " ", 1);
        let from = if shape.time < 16 { 5 } else { 0 };
        let first: String = first.chars().skip(from).take(shape.time).collect();
        out.push_str(&shape.left(&first, shape.time));
    }
    let techniques: Vec<&str> = f.techniques.iter().map(|t| t.id.as_str()).collect();
    let title = format!("{} [{}]", for_terminal(&f.title), for_terminal(&techniques.join(" ")));
    let _ = writeln!(out, "{}", cut_cells(&title, shape.title));
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
        let told = counted(
            results.lang,
            signals as u64,
            "{} signal could not look at some or all hosts; report.html says which and why.",
            "{} signals could not look at some or all hosts; report.html says which and why.",
        );
        let _ = writeln!(out, "{told}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::run::BaselineReport;
    use crate::report::testing::{hostile, nasty};

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut results = hostile();
        results.findings[1].host = nasty().repeat(4);
        for width in [60, 79, 80, 100, 110, 200] {
            for lang in [Lang::En, Lang::Ja] {
                results.lang = lang;
                let ranked = results.findings.len() + 1;
                for l in table(&results, width, false).lines().take(ranked) {
                    assert!(cells(l) <= width, "{width}: {l}");
                }
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
    fn columns_stay_below_their_heads_in_both_languages() {
        let mut results = hostile();
        for (lang, head, severity) in [(Lang::En, "SEVERITY", "critical"), (Lang::Ja, "重大度", "緊急")] {
            results.lang = lang;
            let text = table(&results, 120, false);
            let at = |line: usize, word: &str| {
                let line = text.lines().nth(line).unwrap();
                cells(line.split_once(word).unwrap_or_else(|| panic!("{line}")).0)
            };
            assert_eq!(at(0, head), at(1, severity), "{text}");
            assert_eq!(at(0, lang.t("HOST")), at(1, "pc-1"), "{text}");
        }
    }

    #[test]
    fn an_empty_table_says_what_could_not_be_seen() {
        let mut results = hostile();
        results.findings.clear();
        let text = table(&results, 80, false);
        assert!(text.starts_with("No findings.") && text.contains("could not look"));
        results.run.baseline = Some(BaselineReport {
            ongoing: 3,
            ..BaselineReport::default()
        });
        assert!(table(&results, 80, false).starts_with("No new or changed findings."));
    }
}
