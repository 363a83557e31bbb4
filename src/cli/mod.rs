//! Floor 12: arguments, progress, exit codes. The only place that prints or exits.

mod allow;
pub mod args;
mod completions;
mod config;
mod dismiss;
pub mod exit;
mod explain;
mod formats;
mod hunt;
mod ingest;
mod lake;
mod man;
mod nearest;
mod plan;
mod progress;
#[cfg(feature = "query")]
mod query;
mod rules;
mod scope;
pub mod signals;
mod sniff;
mod table;
mod timeline;
mod tree;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::base::error::{Error, Result};
use crate::base::text::for_terminal;
use args::{Args, Command};
use exit::Exit;

/// Parses the command line, runs, and tells the exit code.
pub fn main() -> ExitCode {
    let given = match config::arguments(std::env::args_os().collect()) {
        Ok(given) => given,
        Err(e) => return failed(&e),
    };
    let args = match Args::try_parse_from(given) {
        Ok(args) => args,
        Err(e) => {
            // A reader that went away is no reason to fail.
            let _ = e.print();
            let code = if e.use_stderr() { Exit::Usage } else { Exit::Done };
            return code.into();
        }
    };
    match run(args) {
        Ok(exit) => exit.into(),
        Err(e) => failed(&e),
    }
}

fn failed(e: &Error) -> ExitCode {
    eprintln!("coldtrail: {}", for_terminal(&e.to_string()));
    Exit::from(e).into()
}

fn run(args: Args) -> Result<Exit> {
    match args.command {
        Command::Hunt(a) => hunt::run(&a),
        Command::Ingest(a) => ingest::run(&a),
        Command::Scope(a) => scope::run(&a),
        Command::Timeline(a) => timeline::run(&a),
        Command::Tree(a) => tree::run(&a),
        Command::Lake(a) => lake::run(&a),
        #[cfg(feature = "query")]
        Command::Query(a) => query::run(&a),
        Command::Formats => formats::run(),
        Command::Sniff(a) => sniff::run(&a),
        Command::Signals(a) => signals::run(&a),
        Command::Rules(a) => rules::run(&a),
        Command::Config(a) => config::run(&a),
        Command::Completions(a) => completions::run(&a),
        Command::Man(a) => man::run(&a),
        Command::Explain(a) => explain::run(&a),
        Command::Allow(a) => allow::run(&a),
        Command::Dismiss(a) => dismiss::run(&a),
    }
}

/// Prints to stdout; a closed pipe ends the printing, not the program.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
