//! `report.md`: the report as CommonMark with GitHub's tables, for tickets and wikis.

use std::io::{self, Write};

use super::page::{Page, Seen, Told};
use super::{Output, Results};

/// The output.
pub struct ReportMd;

impl Output for ReportMd {
    fn id(&self) -> &'static str {
        "report-md"
    }

    fn file_name(&self) -> &'static str {
        "report.md"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        let page = Page::new(results);
        writeln!(w, "# coldtrail report\n\n{}\n", text(&page.lead.join(" ")))?;
        first(&page, w)?;
        ranked(&page, w)?;
        for f in &page.findings {
            told(f, w)?;
        }
        if page.told_more > 0 {
            writeln!(w, "{} more findings stand in findings.jsonl.\n", page.told_more)?;
        }
        seen(&page.seen, w)?;
        rest(&page, w)
    }
}

fn first(page: &Page, w: &mut dyn Write) -> io::Result<()> {
    if page.first.is_empty() {
        return Ok(());
    }
    writeln!(w, "## Look here first\n")?;
    for f in &page.first {
        writeln!(
            w,
            "- **{}** ({}, {} of 100). {}",
            text(&f.host),
            text(&f.severity),
            f.score,
            text(&f.what)
        )?;
        for r in &f.reasons {
            writeln!(w, "  - {}", text(r))?;
        }
        if !f.linked.is_empty() {
            writeln!(w, "  - Linked with {}.", text(&f.linked))?;
        }
    }
    writeln!(w)
}

fn ranked(page: &Page, w: &mut dyn Write) -> io::Result<()> {
    writeln!(w, "## All findings\n")?;
    if page.ranked.is_empty() {
        return writeln!(w, "None.\n");
    }
    row(
        w,
        &[
            "#",
            "Score",
            "Severity",
            "Host",
            "Finding",
            "Techniques",
            "First (UTC)",
            "Last (UTC)",
        ]
        .map(str::to_owned),
    )?;
    writeln!(w, "|---:|---:|---|---|---|---|---|---|")?;
    for r in &page.ranked {
        let status = if r.status.is_empty() {
            String::new()
        } else {
            format!(" ({})", r.status)
        };
        row(
            w,
            &[
                r.rank.to_string(),
                r.score.clone(),
                text(&r.severity),
                text(&r.host),
                text(&format!("{}{status}", r.title)),
                text(&r.techniques),
                text(&r.first),
                text(&r.last),
            ],
        )?;
    }
    if page.ranked_more > 0 {
        writeln!(w, "\n{} more in findings.csv.", page.ranked_more)?;
    }
    writeln!(w)
}

fn told(f: &Told, w: &mut dyn Write) -> io::Result<()> {
    writeln!(w, "## {}. {}: {}\n", f.rank, text(&f.host), text(&f.title))?;
    writeln!(
        w,
        "- Severity: {}, score {} of 100, id {}",
        text(&f.severity),
        f.score,
        code(&f.id)
    )?;
    for (name, value) in &f.facts {
        writeln!(w, "- {name}: {}", text(value))?;
    }
    writeln!(w, "\n### What happened\n")?;
    story(f, w)?;
    if !f.decoded.is_empty() {
        writeln!(w, "### Decoded commands\n")?;
        for d in &f.decoded {
            writeln!(w, "- {}", code(&d.command))?;
            for l in &d.layers {
                writeln!(w, "  - says {}", code(l))?;
            }
        }
        writeln!(w)?;
    }
    if !f.processes.is_empty() {
        writeln!(w, "### Processes\n")?;
        for p in &f.processes {
            let hit = if p.signals.is_empty() {
                String::new()
            } else {
                format!(" **{}**", text(&p.signals))
            };
            let at = if p.time.is_empty() {
                String::new()
            } else {
                format!(", {}", text(&p.time))
            };
            writeln!(
                w,
                "{}- {} ({}{at}){hit} {}",
                "  ".repeat(p.depth),
                text(&p.name),
                text(&p.who),
                code(&p.cmdline)
            )?;
        }
        more(f.processes_more, "processes", w)?;
    }
    score(f, w)
}

fn story(f: &Told, w: &mut dyn Write) -> io::Result<()> {
    for s in &f.steps {
        let until = if s.last.is_empty() {
            String::new()
        } else {
            format!(" to {}", s.last)
        };
        let times = if s.times.is_empty() {
            String::new()
        } else {
            format!(", {}", s.times)
        };
        writeln!(
            w,
            "- {} **{}** ({}, {}, {}{}, {} points): {}",
            text(&format!("{}{until}", s.time)),
            text(&s.title),
            text(&s.signal),
            text(&s.level),
            text(&s.techniques),
            text(&times),
            s.points,
            text(&s.explain)
        )?;
        for e in &s.evidence {
            writeln!(
                w,
                "  - {} {}: {}, {}",
                text(&e.table),
                text(&e.time),
                code(&e.file),
                e.place
            )?;
        }
        if s.evidence_more > 0 {
            writeln!(w, "  - {} more rows in findings.jsonl", s.evidence_more)?;
        }
    }
    more(f.steps_more, "signals", w)
}

fn score(f: &Told, w: &mut dyn Write) -> io::Result<()> {
    writeln!(w, "### Score\n\n| Term | Points |\n|---|---:|")?;
    for t in &f.terms {
        row(w, &[text(&t.item), t.points.clone()])?;
    }
    row(w, &["**Sum**".to_owned(), f.score.clone()])?;
    writeln!(w, "\nCap {}\n", text(&f.gate))?;
    if !f.techniques.is_empty() {
        writeln!(w, "### ATT&CK techniques\n")?;
        for (id, name, tactics) in &f.techniques {
            writeln!(w, "- {} {} ({})", text(id), text(name), text(tactics))?;
        }
        writeln!(w)?;
    }
    if !f.iocs.is_empty() {
        writeln!(w, "### Indicators\n")?;
        for (kind, values, left) in &f.iocs {
            let values: Vec<String> = values.iter().map(|v| code(v)).collect();
            let left = if *left > 0 {
                format!(", {left} more in findings.jsonl")
            } else {
                String::new()
            };
            writeln!(w, "- {kind}: {}{left}", values.join(", "))?;
        }
        writeln!(w)?;
    }
    if !f.related.is_empty() {
        writeln!(w, "### Linked findings\n")?;
        for (rank, host, reason) in &f.related {
            let rank = if *rank > 0 {
                format!("no. {rank}, ")
            } else {
                String::new()
            };
            writeln!(w, "- {rank}{}: {}", text(host), text(reason))?;
        }
        writeln!(w)?;
    }
    if !f.next_steps.is_empty() {
        writeln!(w, "### Next steps\n")?;
        for (phase, step) in &f.next_steps {
            let phase = if phase.is_empty() {
                String::new()
            } else {
                format!("**{}**: ", text(phase))
            };
            writeln!(w, "1. {phase}{}", text(step))?;
        }
        writeln!(w)?;
    }
    Ok(())
}

fn seen(seen: &Seen, w: &mut dyn Write) -> io::Result<()> {
    writeln!(w, "## Coverage\n")?;
    if seen.hosts.is_empty() {
        writeln!(w, "No host has rows.\n")?;
    } else {
        writeln!(w, "Days from {} to {}.\n", text(&seen.from), text(&seen.to))?;
        writeln!(
            w,
            "| Host | Days | Rows by source | Silent days | Missing sources |\n|---|---:|---|---|---|"
        )?;
        for h in &seen.hosts {
            row(
                w,
                &[
                    text(&h.host),
                    h.days.to_string(),
                    text(&h.sources),
                    text(&h.silent),
                    text(&h.lacking),
                ],
            )?;
        }
        writeln!(w)?;
        more(seen.hosts_more, "hosts", w)?;
    }
    if seen.others > 0 {
        writeln!(w, "{} addresses and accounts have rows but no host.\n", seen.others)?;
    }
    for (host, days, hours) in &seen.clocks {
        writeln!(
            w,
            "- Clock of {} on {}: {} against UTC, corrected",
            text(host),
            text(days),
            text(hours)
        )?;
    }
    writeln!(w)
}

fn rest(page: &Page, w: &mut dyn Write) -> io::Result<()> {
    writeln!(w, "## What could not be seen\n")?;
    for u in &page.unseen {
        let whom = if u.whom.is_empty() {
            String::new()
        } else {
            format!(" ({})", u.whom)
        };
        writeln!(w, "- **{}**: {}", text(&u.what), text(&format!("{}{whom}", u.why)))?;
    }
    writeln!(w, "\n## Suppressed\n")?;
    if page.allowed.is_empty() && page.suppressed.is_empty() {
        writeln!(w, "Nothing: no allowlist entry matched.")?;
    }
    for (entry, reason, hits) in &page.allowed {
        writeln!(w, "- {} ({}): {hits} hits", text(entry), text(reason))?;
    }
    for s in &page.suppressed {
        writeln!(
            w,
            "- {} {} {} by {}",
            text(&s.time),
            text(&s.host),
            text(&s.title),
            text(&s.entry)
        )?;
    }
    more(page.suppressed_more, "silenced hits", w)?;
    writeln!(
        w,
        "\n## Inputs\n\n| Input | Format | Records | First to last event (UTC) | Times and notes |\n|---|---|---|---|---|"
    )?;
    for i in &page.inputs {
        let records = format!("{} ({})", i.records, i.fate);
        row(
            w,
            &[
                text(&i.path),
                text(&i.format),
                text(&records),
                text(&i.span),
                text(&i.notes),
            ],
        )?;
    }
    more(page.inputs_more, "inputs", w)?;
    writeln!(w, "\n## Run\n")?;
    for (name, value) in &page.run {
        writeln!(w, "- {}: {}", text(name), code(value))?;
    }
    Ok(())
}

fn more(n: usize, what: &str, w: &mut dyn Write) -> io::Result<()> {
    match n {
        0 => writeln!(w),
        n => writeln!(w, "\n{n} more {what} in the JSON files.\n"),
    }
}

fn row(w: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    writeln!(w, "| {} |", cells.join(" | "))
}

/// Text in which no character means anything to Markdown: no markup, HTML, table cell, link or mention.
fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len() + 16);
    for c in plain.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '|' | '~' | '@' | '$' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // What GitHub would turn into a link by itself.
    out.replace("://", "\\://")
        .replace("www.", "www\\.")
        .replace("WWW.", "WWW\\.")
}

/// A code span, fenced by more backticks than the text holds in a row.
fn code(plain: &str) -> String {
    if plain.is_empty() {
        return String::new();
    }
    let (mut longest, mut run) = (0, 0);
    for c in plain.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let pad = if plain.starts_with(['`', ' ']) || plain.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{plain}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{hostile, written};

    #[test]
    fn hostile_text_is_no_markup() {
        let md = written(&ReportMd, &hostile());
        let mut outside = String::new();
        // What stands in code spans is text by itself; the fixture's longest run is two backticks.
        for line in md.lines() {
            for (i, part) in line.split("```").enumerate() {
                if i % 2 == 0 {
                    outside.push_str(part);
                    outside.push('\n');
                }
            }
        }
        for bad in ["<script", "<img", "](http", " https://", "\u{202e}", "\u{1b}"] {
            assert!(!outside.contains(bad), "{bad:?} stands in the report");
        }
        assert!(md.contains("&lt;script&gt;"));
    }

    #[test]
    fn rows_of_a_table_have_the_cells_of_their_head() {
        let md = written(&ReportMd, &hostile());
        let cells = |l: &str| l.replace("\\|", "").matches('|').count();
        let lines: Vec<&str> = md.lines().collect();
        for pair in lines.windows(2).filter(|p| p.iter().all(|l| l.starts_with('|'))) {
            assert_eq!(cells(pair[0]), cells(pair[1]), "{pair:?}");
        }
        assert!(lines.iter().filter(|l| l.starts_with('|')).count() > 6);
    }

    #[test]
    fn a_code_span_cannot_be_left() {
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(text("a_b www.x.y https://z @me"), "a\\_b www\\.x.y https\\://z \\@me");
    }
}
