//! `report.md`: the report as CommonMark with GitHub's tables, for tickets and wikis.

use std::io::{self, Write};

use super::lang::Lang;
use super::markdown::{code, text};
use super::page::{Page, Seen, Told};
use super::{Output, Results};

/// Findings of medium or above told one by one; a ticket holds no more.
const TOLD: usize = 20;
/// Findings told where none is as severe.
const TOLD_ANYWAY: usize = 3;
/// Lines of the ranked table.
const RANKED: usize = 1_000;

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
        let lang = page.lang;
        writeln!(
            w,
            "# {}\n\n{}\n",
            lang.t("coldtrail report"),
            text(&page.lead.join(" "))
        )?;
        if !page.since.is_empty() {
            writeln!(w, "{}\n", text(&page.since.join(" ")))?;
        }
        first(&page, w)?;
        cases(&page, w)?;
        ranked(&page, w)?;
        let worth = told_here(&page.findings);
        for f in page.findings.iter().take(worth) {
            told(f, lang, w)?;
        }
        let left = results.findings.len().saturating_sub(worth);
        if left > 0 {
            writeln!(w, "{}\n", lang.n("{} more findings stand in findings.jsonl.", left))?;
        }
        seen(&page.seen, lang, w)?;
        rest(&page, w)
    }
}

/// How many of the findings, which come best first, are told one by one.
fn told_here(findings: &[Told]) -> usize {
    let severe = |f: &&Told| matches!(f.severity.as_str(), "critical" | "high" | "medium");
    match findings.iter().take_while(severe).count() {
        0 => TOLD_ANYWAY,
        n => n.min(TOLD),
    }
}

fn first(page: &Page, w: &mut dyn Write) -> io::Result<()> {
    if page.first.is_empty() {
        return Ok(());
    }
    let lang = page.lang;
    writeln!(w, "## {}\n", lang.t("Look here first"))?;
    for f in &page.first {
        let severity = text(&lang.tell(&f.severity));
        let score = lang.n("{} of 100", &f.score);
        writeln!(w, "- **{}** ({severity}, {score}). {}", text(&f.host), text(&f.what))?;
        for (title, why) in &f.reasons {
            writeln!(w, "  - {}: {}", text(title), text(why))?;
        }
        if !f.entry.is_empty() {
            writeln!(w, "  - {}", text(&f.entry))?;
        }
        if !f.way.is_empty() {
            writeln!(w, "  - {}", text(&f.way))?;
        }
        if !f.linked.is_empty() {
            writeln!(w, "  - {}", text(&lang.n("Linked with {}.", &f.linked)))?;
        }
    }
    writeln!(w)
}

fn cases(page: &Page, w: &mut dyn Write) -> io::Result<()> {
    if page.cases.is_empty() {
        return Ok(());
    }
    let lang = page.lang;
    writeln!(w, "## {}\n", lang.t("Cases over several hosts"))?;
    for c in &page.cases {
        write!(w, "- {} {}", code(&c.id), text(&c.words))?;
        if !c.route.is_empty() {
            write!(w, " {}", text(&lang.n("Path: {}.", &c.route)))?;
        }
        if !c.accounts.is_empty() {
            write!(w, " {}", text(&lang.n("Accounts used: {}.", &c.accounts)))?;
        }
        writeln!(w)?;
        for l in &c.links {
            let ends = if l.tip.is_empty() { "–" } else { "→" };
            let (from, to, reason) = (text(&l.from), text(&l.to), text(&l.reason));
            match l.time.as_str() {
                "" => writeln!(w, "  - {from} {ends} {to}: {reason}")?,
                time => writeln!(w, "  - {} {from} {ends} {to}: {reason}", text(time))?,
            }
        }
    }
    writeln!(w)
}

fn ranked(page: &Page, w: &mut dyn Write) -> io::Result<()> {
    let lang = page.lang;
    writeln!(w, "## {}\n", lang.t("All findings"))?;
    if page.findings.is_empty() {
        return writeln!(w, "{}\n", lang.t("None."));
    }
    let head = ["#", "Score", "Severity", "Host", "Finding", "Techniques", "First (UTC)"];
    row(w, &head.map(|h| lang.t(h).to_owned()))?;
    writeln!(w, "|---:|---:|---|---|---|---|---|")?;
    for r in page.findings.iter().take(RANKED) {
        let status = if r.status.is_empty() {
            String::new()
        } else {
            format!(" ({})", lang.tell(&r.status))
        };
        row(
            w,
            &[
                r.rank.to_string(),
                r.score.clone(),
                text(&lang.tell(&r.severity)),
                text(&r.host),
                text(&format!("{}{status}", r.title)),
                text(&r.ids),
                text(&r.first),
            ],
        )?;
    }
    writeln!(w)
}

fn told(f: &Told, lang: Lang, w: &mut dyn Write) -> io::Result<()> {
    writeln!(w, "## {}. {}: {}\n", f.rank, text(&f.host), text(&f.title))?;
    let score = lang.n("Score: {} of 100", &f.score);
    writeln!(w, "- {}, {score}, {}", text(&lang.tell(&f.severity)), code(&f.id))?;
    for (name, value) in &f.facts {
        writeln!(w, "- {name}: {}", text(value))?;
    }
    writeln!(w, "\n### {}\n", lang.t("What happened"))?;
    story(f, lang, w)?;
    if !f.processes.is_empty() {
        writeln!(w, "### {}\n", lang.t("Processes"))?;
        processes(f, lang, w)?;
    }
    if !f.decoded.is_empty() {
        writeln!(w, "### {}\n", lang.t("Decoded commands"))?;
        for d in &f.decoded {
            writeln!(w, "- {}", code(&d.command))?;
            says(&d.layers, "  ", lang, w)?;
        }
        writeln!(w)?;
    }
    charts(f, lang, w)?;
    score_of(f, lang, w)?;
    ends(f, lang, w)
}

fn says(layers: &[String], indent: &str, lang: Lang, w: &mut dyn Write) -> io::Result<()> {
    for l in layers {
        writeln!(w, "{indent}- {} {}", lang.t("decoded"), code(l))?;
    }
    Ok(())
}

fn processes(f: &Told, lang: Lang, w: &mut dyn Write) -> io::Result<()> {
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
        let indent = "  ".repeat(p.depth);
        let (name, who) = (text(&p.name), text(&p.who));
        writeln!(w, "{indent}- {name} ({who}{at}){hit} {}", code(&p.cmdline))?;
        says(&p.layers, &format!("{indent}  "), lang, w)?;
    }
    more(f.processes_more, "{} more processes in findings.jsonl.", lang, w)
}

fn story(f: &Told, lang: Lang, w: &mut dyn Write) -> io::Result<()> {
    for s in &f.steps {
        let until = if s.last.is_empty() {
            String::new()
        } else {
            format!(" – {}", s.last)
        };
        let times = if s.times.is_empty() {
            String::new()
        } else {
            format!(", {}", s.times)
        };
        writeln!(
            w,
            "- {} **{}** ({}, {}, {}, {}{}, {}): {}",
            text(&format!("{}{until}", s.time)),
            text(&s.title),
            text(&s.signal),
            text(&s.tactic),
            text(&lang.tell(&s.level)),
            text(&s.techniques),
            text(&times),
            lang.n("{} points", &s.points),
            text(&s.explain)
        )?;
        for e in &s.evidence {
            let (table, time) = (text(&e.table), text(&e.time));
            writeln!(w, "  - {table} {time}: {}, {}", code(&e.file), e.place)?;
        }
        if s.evidence_more > 0 {
            writeln!(w, "  - {}", lang.n("{} more rows in findings.jsonl.", s.evidence_more))?;
        }
    }
    more(f.steps_more, "{} more signals in findings.jsonl.", lang, w)
}

/// What is drawn in the other report, in words.
fn charts(f: &Told, lang: Lang, w: &mut dyn Write) -> io::Result<()> {
    let Some(d) = &f.drawn else { return Ok(()) };
    if !d.beacons.is_empty() {
        writeln!(w, "### {}\n", lang.t("Check-ins"))?;
        for b in &d.beacons {
            writeln!(w, "- {}", text(&b.words))?;
        }
        writeln!(w)?;
    }
    if !d.dns.is_empty() {
        writeln!(w, "### {}\n", lang.t("DNS questions"))?;
        for q in &d.dns {
            writeln!(w, "- {}", text(&q.words))?;
        }
        writeln!(w)?;
    }
    Ok(())
}

fn score_of(f: &Told, lang: Lang, w: &mut dyn Write) -> io::Result<()> {
    writeln!(w, "### {}\n", lang.t("Terms of the score"))?;
    row(w, &[lang.t("Term").to_owned(), lang.t("Points").to_owned()])?;
    writeln!(w, "|---|---:|")?;
    for t in &f.terms {
        row(w, &[text(&t.item), t.points.clone()])?;
    }
    row(w, &[format!("**{}**", lang.t("Sum")), f.score.clone()])?;
    writeln!(w, "\n{} {}\n", lang.t("Gate"), text(&f.gate))
}

fn ends(f: &Told, lang: Lang, w: &mut dyn Write) -> io::Result<()> {
    if !f.techniques.is_empty() {
        writeln!(w, "### {}\n", lang.t("ATT&CK techniques"))?;
        for (id, name, tactics) in &f.techniques {
            writeln!(w, "- {} {} ({})", text(id), text(name), text(tactics))?;
        }
        writeln!(w)?;
    }
    if !f.iocs.is_empty() {
        writeln!(w, "### {}\n", lang.t("Indicators"))?;
        for (kind, values, left) in &f.iocs {
            let mut values: Vec<String> = values.iter().map(|v| code(v)).collect();
            if *left > 0 {
                values.push(lang.n("{} more in findings.jsonl", left));
            }
            writeln!(w, "- {kind}: {}", values.join(", "))?;
        }
        writeln!(w)?;
    }
    if !f.related.is_empty() {
        writeln!(w, "### {}\n", lang.t("Linked findings"))?;
        for (rank, host, reason) in &f.related {
            let rank = if *rank > 0 { format!("{rank}. ") } else { String::new() };
            writeln!(w, "- {}: {}", text(&format!("{rank}{host}")), text(reason))?;
        }
        writeln!(w)?;
    }
    if !f.next_steps.is_empty() {
        writeln!(w, "### {}\n", lang.t("Next steps"))?;
        for (phase, steps) in &f.next_steps {
            let phase = if phase.is_empty() {
                String::new()
            } else {
                format!("**{}**: ", text(phase))
            };
            for step in steps {
                writeln!(w, "- [ ] {phase}{}", text(step))?;
            }
        }
        writeln!(w)?;
    }
    Ok(())
}

fn seen(seen: &Seen, lang: Lang, w: &mut dyn Write) -> io::Result<()> {
    writeln!(w, "## {}\n", lang.t("Coverage"))?;
    if seen.hosts.is_empty() {
        writeln!(w, "{}\n", lang.t("No host has rows."))?;
    } else {
        writeln!(w, "{} – {}\n", text(&seen.from), text(&seen.to))?;
        let head = ["Host", "Days", "Rows by source", "Silent days", "Missing sources"];
        row(w, &head.map(|h| lang.t(h).to_owned()))?;
        writeln!(w, "|---|---:|---|---|---|")?;
        for h in &seen.hosts {
            let days = h.days.to_string();
            let (sources, silent, lacking) = (text(&h.sources), text(&h.silent), text(&h.lacking));
            row(w, &[text(&h.host), days, sources, silent, lacking])?;
        }
        writeln!(w)?;
        more(seen.hosts_more, "{} more hosts in run.json.", lang, w)?;
    }
    if seen.others > 0 {
        let others = lang.n("{} addresses and accounts have rows but no host", seen.others);
        writeln!(w, "{others}\n")?;
    }
    for (host, days, hours) in &seen.clocks {
        let clock = lang.fill("Clock of {} on {}: {} against UTC, corrected", &[host, days, hours]);
        writeln!(w, "- {}", text(&clock))?;
    }
    writeln!(w)
}

fn rest(page: &Page, w: &mut dyn Write) -> io::Result<()> {
    let lang = page.lang;
    writeln!(w, "## {}\n", lang.t("What could not be seen"))?;
    for u in &page.unseen {
        let whom = if u.whom.is_empty() {
            String::new()
        } else {
            format!(" ({})", u.whom)
        };
        writeln!(w, "- **{}**: {}", text(&u.what), text(&format!("{}{whom}", u.why)))?;
    }
    writeln!(w, "\n## {}\n", lang.t("Suppressed"))?;
    if page.allowed.is_empty() && page.suppressed.is_empty() {
        writeln!(w, "{}", lang.t("Nothing: no allowlist entry matched."))?;
    }
    for (entry, reason, hits) in &page.allowed {
        writeln!(w, "- {} ({}): {}", text(entry), text(reason), lang.n("{} hits", hits))?;
    }
    for s in &page.suppressed {
        let entry = format!("{} {} {} ← {}", s.time, s.host, s.title, s.entry);
        writeln!(w, "- {}", text(&entry))?;
    }
    more(page.suppressed_more, "{} more in signals.jsonl.", lang, w)?;
    writeln!(w, "\n## {}\n", lang.t("Inputs"))?;
    let head = [
        "Input",
        "Format",
        "Records",
        "First to last event (UTC)",
        "Times and notes",
    ];
    row(w, &head.map(|h| lang.t(h).to_owned()))?;
    writeln!(w, "|---|---|---|---|---|")?;
    for i in &page.inputs {
        let records = text(&format!("{} ({})", i.records, i.fate));
        row(
            w,
            &[text(&i.path), text(&i.format), records, text(&i.span), text(&i.notes)],
        )?;
    }
    more(page.inputs_more, "{} more in run.json.", lang, w)?;
    writeln!(w, "\n## {}\n", lang.t("Run"))?;
    for (name, value) in &page.run {
        writeln!(w, "- {}: {}", text(name), code(value))?;
    }
    Ok(())
}

fn more(n: usize, what: &'static str, lang: Lang, w: &mut dyn Write) -> io::Result<()> {
    match n {
        0 => writeln!(w),
        n => writeln!(w, "\n{}\n", lang.n(what, n)),
    }
}

fn row(w: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    writeln!(w, "| {} |", cells.join(" | "))
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
}
