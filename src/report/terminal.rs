//! The ranked table for the terminal.

use std::fmt::Write;

use super::Results;
use crate::base::text::for_terminal;
use crate::score::finding::Finding;

/// Findings shown.
const SHOWN: usize = 20;

/// The table, at most `width` columns wide; `colour` only for terminals that want it.
pub fn table(results: &Results, width: usize, colour: bool) -> String {
    let mut out = String::new();
    let findings = &results.findings;
    if findings.is_empty() {
        out.push_str("No findings.\n");
        return out;
    }
    let host_width = findings
        .iter()
        .take(SHOWN)
        .map(|f| for_terminal(&f.host).chars().count())
        .max()
        .unwrap_or(4)
        .clamp(4, 28);
    let _ = writeln!(out, "{:>4}  {:>5}  {:8}  {:host_width$}  {:16}  FINDING", "RANK", "SCORE", "SEVERITY", "HOST", "FIRST SEEN");
    for f in findings.iter().take(SHOWN) {
        line(&mut out, f, host_width, width, colour);
    }
    if findings.len() > SHOWN {
        let _ = writeln!(out, "… and {} more", findings.len() - SHOWN);
    }
    out
}

fn line(out: &mut String, f: &Finding, host_width: usize, width: usize, colour: bool) {
    let severity = format!("{:8}", f.severity);
    let severity = match (colour, f.severity.as_str()) {
        (true, "critical") => format!("\x1b[1;31m{severity}\x1b[0m"),
        (true, "high") => format!("\x1b[31m{severity}\x1b[0m"),
        (true, "medium") => format!("\x1b[33m{severity}\x1b[0m"),
        _ => severity,
    };
    let host = cut(&for_terminal(&f.host), host_width);
    let first = f.first_seen.get(..16).unwrap_or(&f.first_seen).replace('T', " ");
    let used = 4 + 2 + 5 + 2 + 8 + 2 + host_width + 2 + 16 + 2;
    let techniques: Vec<&str> = f.techniques.iter().map(|t| t.id.as_str()).collect();
    let title = format!("{} [{}]", for_terminal(&f.title), techniques.join(" "));
    let title = cut(&title, width.saturating_sub(used).max(20));
    let _ = writeln!(out, "{:>4}  {:>5.1}  {severity}  {host:host_width$}  {first:16}  {title}", f.rank, f.score);
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}
