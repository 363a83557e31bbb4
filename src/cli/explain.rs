//! `coldtrail explain`: why a finding has its score, computed again from the hits alone.

use std::fmt::Write;

use super::args::ExplainArgs;
use super::exit::Exit;
use super::print;
use crate::base::error::{Error, Result};
use crate::base::text::{for_terminal, truncate_chars};
use crate::jobs::explain::{Explanation, TermLine, explain};
use crate::jobs::past::Past;

/// Characters of one explanation.
const SENTENCE: usize = 160;

/// Runs the command.
///
/// # Errors
/// Where there is no such finding, and where the stored score is not what its hits give.
pub fn run(args: &ExplainArgs) -> Result<Exit> {
    let past = Past::open(&args.out)?;
    let found = explain(&past, &args.finding)?;
    print(&page(&found));
    if found.agrees() {
        return Ok(Exit::Done);
    }
    Err(Error::Internal(format!(
        "finding {} is stored with {:.1}, its hits give {:.1}",
        found.finding.finding_id,
        found.finding.score,
        found.score as f64 / 10.0
    )))
}

fn page(e: &Explanation) -> String {
    let mut out = String::new();
    let f = &e.finding;
    let _ = writeln!(
        out,
        "{}  rank {}  {:.1} {}  {}\n{}\n",
        for_terminal(&f.finding_id),
        f.rank,
        e.score as f64 / 10.0,
        f.severity,
        for_terminal(&f.host),
        for_terminal(&f.title)
    );
    let _ = writeln!(
        out,
        "{:>6}  {:>7}  {:16} weight x quality x rarity x allow x link = evidence",
        "POINTS", "COUNTED", "SIGNAL"
    );
    let mut terms: Vec<&TermLine> = e.terms.iter().collect();
    terms.sort_by_key(|t| std::cmp::Reverse(t.points));
    for t in terms {
        term(&mut out, t);
    }
    for (name, evidence, points) in &e.bonuses {
        let _ = writeln!(out, "{:>6.1}  {evidence:>7.2}  {name}", *points as f64 / 10.0);
    }
    let _ = writeln!(
        out,
        "{:>6.1}  {:>7.2}  sum; 100 x (1 - e^(-{:.2}/50)) = {:.1}, at most {:.0} ({})\n\n{}",
        e.score as f64 / 10.0,
        e.total,
        e.total,
        e.raw,
        e.gate.1,
        e.gate.0,
        for_terminal(&e.gate.2)
    );
    out
}

fn term(out: &mut String, t: &TermLine) {
    let product = t.weight * t.quality * t.rarity * t.allow * t.link;
    let _ = write!(
        out,
        "{:>6.1}  {:>7.2}  {:16} {:.0} ({}) x {:.2} x {:.3} ({} {}) x {} x {:.2} = {product:.2}",
        t.points as f64 / 10.0,
        t.counted,
        truncate_chars(&for_terminal(&t.signal), 40),
        t.weight,
        t.level,
        t.quality,
        t.rarity,
        t.hosts,
        if t.hosts == 1 { "host" } else { "hosts" },
        t.allow,
        t.link,
    );
    if (product - t.evidence).abs() > 1e-9 {
        let _ = write!(out, ", {:.2} with the rules on the same event", t.evidence);
    }
    if t.counted < t.evidence {
        let _ = write!(
            out,
            ", x {:.3} in the family {}",
            t.counted / t.evidence,
            for_terminal(&t.family)
        );
    }
    if t.hits > 1 {
        let _ = write!(out, ", {} hits told as one", t.hits);
    }
    if t.decisive {
        out.push_str(", decisive");
    }
    let sentence = for_terminal(&t.explain);
    let cut = truncate_chars(&sentence, SENTENCE);
    let more = if cut.len() < sentence.len() { "…" } else { "" };
    let _ = writeln!(out, "\n{:17}{}: {cut}{more}", "", for_terminal(&t.title));
}
