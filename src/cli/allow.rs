//! `coldtrail allow`: is an allowlist usable, and what could stand in one.

use std::fmt::Write;

use super::args::{AllowArgs, AllowCheckArgs, AllowCommand, AllowSuggestArgs};
use super::exit::Exit;
use super::print;
use crate::base::error::Result;
use crate::base::text::for_terminal;
use crate::base::time::day_string;
use crate::jobs::allow::proposals;
use crate::jobs::past::Past;
use crate::score::allow::{Allowlist, Effect};

/// Runs the command.
pub fn run(args: &AllowArgs) -> Result<Exit> {
    match &args.what {
        AllowCommand::Check(a) => check(a),
        AllowCommand::Suggest(a) => suggest(a),
    }
}

fn check(args: &AllowCheckArgs) -> Result<Exit> {
    let list = Allowlist::load(&args.file, super::hunt::now())?;
    let mut out = String::new();
    for e in list.entries() {
        let effect = if e.effect == Effect::Suppress {
            "suppress"
        } else {
            "damp"
        };
        let until = e
            .expires
            .map_or_else(|| "for ever".to_owned(), |t| format!("until {}", day_string(t)));
        let owner = if e.owner.is_empty() {
            "nobody named"
        } else {
            e.owner.as_str()
        };
        let _ = writeln!(
            out,
            "{}  {effect} {until}, {}: {}",
            for_terminal(&e.place),
            for_terminal(owner),
            for_terminal(&e.reason)
        );
    }
    for w in list.warnings() {
        eprintln!("warning: {}", for_terminal(w));
    }
    let _ = writeln!(
        out,
        "{} entries apply, {} have expired",
        list.entries().len(),
        list.warnings().len()
    );
    print(&out);
    Ok(Exit::Done)
}

fn suggest(args: &AllowSuggestArgs) -> Result<Exit> {
    let past = Past::open(&args.out)?;
    let hosts = past.hosts();
    let found = proposals(&past, args.min_share, hosts, args.min_days);
    let mut out = String::new();
    for p in &found {
        let _ = writeln!(
            out,
            "# {}: {} hosts, {} days, {:.1} points in all\n# such as: {}\n{}",
            one_line(&p.title),
            p.hosts,
            p.days,
            p.points,
            one_line(&p.example),
            p.entry.to_toml()
        );
    }
    print(&out);
    eprintln!(
        "{} proposals: what is on {:.0} % of {hosts} hosts and {} days; copy what is harmless into your allowlist and say why",
        found.len(),
        args.min_share * 100.0,
        args.min_days
    );
    Ok(Exit::Done)
}

/// Log text within a comment.
fn one_line(text: &str) -> String {
    for_terminal(text).replace(['\n', '\r'], " ")
}
