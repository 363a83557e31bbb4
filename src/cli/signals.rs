//! `coldtrail signals`: the manual, generated from what each signal says about itself.

use std::fmt::Write;

use super::args::SignalsArgs;
use super::exit::Exit;
use super::{nearest, print};
use crate::base::error::{Error, Result};
use crate::knowledge::attack::AttackTable;
use crate::signals::{Meta, SIGNALS, by_id};

/// Runs the command.
pub fn run(args: &SignalsArgs) -> Result<Exit> {
    if args.markdown {
        print(&markdown());
        return Ok(Exit::Done);
    }
    match &args.id {
        None => {
            let mut out = String::new();
            for m in SIGNALS.iter().map(|s| s.meta()) {
                let _ = writeln!(out, "{:10} {:8} {}", m.id, m.level.name(), m.title);
            }
            print(&out);
        }
        Some(id) => {
            let signal = by_id(id).ok_or_else(|| {
                let ids: Vec<_> = SIGNALS.iter().map(|s| s.meta().id.to_owned()).collect();
                let all = format!("there are {}", ids.join(", "));
                Error::Usage(nearest::unknown("signal", id, ids.into_iter(), &all))
            })?;
            print(&page(signal.meta()));
        }
    }
    Ok(Exit::Done)
}

/// The whole manual (`docs/signals.md`).
pub fn markdown() -> String {
    let mut out = String::new();
    for m in SIGNALS.iter().map(|s| s.meta()) {
        out.push_str(&page(m));
        out.push('\n');
    }
    out
}

fn page(m: &Meta) -> String {
    let mut out = String::new();
    let attack = AttackTable::builtin();
    let _ = writeln!(out, "## {} {}\n", m.id, m.title);
    let decisive = if m.decisive { ", decisive" } else { "" };
    let _ = writeln!(
        out,
        "Level {}{decisive}; family {}; stage {}.\n",
        m.level.name(),
        m.family,
        m.stage
    );
    let _ = writeln!(out, "**Sees.** {}\n\n**Why.** {}\n", m.sees, m.why);
    let techniques: Vec<String> = m
        .techniques
        .iter()
        .map(|id| format!("{id} {}", attack.get(id).map_or("", |t| t.name.as_str())))
        .collect();
    let _ = writeln!(out, "**ATT&CK.** {}\n", techniques.join("; "));
    let reads: Vec<&str> = m.reads.iter().map(|r| r.table.name).collect();
    let _ = writeln!(out, "**Reads.** {}\n", reads.join(", "));
    if !m.benign.is_empty() {
        let _ = writeln!(out, "**Benign causes.** {}\n", m.benign.join("; "));
    }
    if !m.thresholds.is_empty() {
        out.push_str("| threshold | value | unit | source |\n|---|---|---|---|\n");
        for t in m.thresholds {
            let _ = writeln!(out, "| {} | {} | {} | {} |", t.name, t.value, t.unit, t.source);
        }
    }
    out
}
