//! `coldtrail rules`: are Sigma rules valid, do they match their own events, what does each cost?

use std::fmt::Write as _;
use std::time::Instant;

use super::args::{RuleCostArgs, RuleTestArgs, RulesArgs, RulesCheckArgs, RulesCommand};
use super::exit::Exit;
use super::print;
use crate::base::error::Result;
use crate::base::text::for_terminal;
use crate::jobs::rules;
use crate::lake::Lake;

/// Runs the command.
pub fn run(args: &RulesArgs) -> Result<Exit> {
    match &args.what {
        RulesCommand::Check(a) => check(a),
        RulesCommand::Test(a) => test(a),
        RulesCommand::Cost(a) => cost(a),
    }
}

fn check(args: &RulesCheckArgs) -> Result<Exit> {
    let started = Instant::now();
    let set = rules::read(&args.rules.paths, &args.rules.sigma_vars, &args.rules.which.selection())?;
    let mut out = String::new();
    for r in &set.rejected {
        let _ = writeln!(out, "{}", for_terminal(&r.to_string()));
    }
    for r in set.program.rules() {
        for note in &r.header.notes {
            let text = format!("{}: {}: note: {note}", r.header.place, r.header.title);
            let _ = writeln!(out, "{}", for_terminal(&text));
        }
    }
    print(&out);
    eprintln!(
        "{} rules can be used ({} correlations, {} distinct questions), {} cannot, {} left out by selection; {:.2} s",
        set.loaded,
        set.correlations.len(),
        set.program.questions(),
        set.rejected.len(),
        set.deselected,
        started.elapsed().as_secs_f64()
    );
    Ok(match set.rejected.is_empty() {
        true => Exit::Done,
        false => Exit::Usage,
    })
}

fn test(args: &RuleTestArgs) -> Result<Exit> {
    let set = rules::read(&args.rules.paths, &args.rules.sigma_vars, &args.rules.which.selection())?;
    for r in &set.rejected {
        eprintln!("rule not usable: {}", for_terminal(&r.to_string()));
    }
    let tested = rules::test(&set, &args.events)?;
    let mut out = String::new();
    let (mut passed, mut failed, mut without) = (0, 0, 0);
    for t in &tested {
        let Some(n) = t.matches else {
            without += 1;
            continue;
        };
        let verdict = if t.failed() { "FAIL" } else { "ok  " };
        match t.failed() {
            true => failed += 1,
            false => passed += 1,
        }
        let wanted = t.expected.map_or_else(String::new, |e| format!(" of {e}"));
        let _ = writeln!(
            out,
            "{verdict} {} {} ({n}{wanted} matches)",
            for_terminal(&t.id),
            for_terminal(&t.title)
        );
    }
    print(&out);
    eprintln!("{passed} rules match their events, {failed} do not, {without} have none");
    Ok(match failed == 0 && set.rejected.is_empty() {
        true => Exit::Done,
        false => Exit::Usage,
    })
}

fn cost(args: &RuleCostArgs) -> Result<Exit> {
    let set = rules::read(&args.rules.paths, &args.rules.sigma_vars, &args.rules.which.selection())?;
    let costs = Lake::read(&args.lake, |lake| rules::cost(&set, lake))?;
    let mut out = String::from("   MILLIS  CANDIDATES     MATCHES        ROWS  RULE\n");
    for (header, t) in costs.iter().filter(|(_, t)| t.candidates > 0).take(args.top) {
        let _ = writeln!(
            out,
            "{:9.2} {:11} {:11} {:11}  {} {}",
            t.nanos as f64 / 1e6,
            t.candidates,
            t.matches,
            t.rows,
            for_terminal(&header.id),
            for_terminal(&header.title)
        );
    }
    print(&out);
    Ok(Exit::Done)
}
