//! Floor 12: arguments, progress, exit codes. The only place that prints or exits.

pub mod args;
pub mod exit;
mod formats;
mod hunt;
mod ingest;
mod lake;
mod progress;
#[cfg(feature = "query")]
mod query;
mod rules;
pub mod signals;
mod sniff;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::base::error::Result;
use crate::base::text::for_terminal;
use args::{Args, Command};
use exit::Exit;

/// Parses the command line, runs, and tells the exit code.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
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
        Err(e) => {
            eprintln!("coldtrail: {}", for_terminal(&e.to_string()));
            Exit::from(&e).into()
        }
    }
}

fn run(args: Args) -> Result<Exit> {
    match args.command {
        Command::Hunt(a) => hunt::run(&a),
        Command::Ingest(a) => ingest::run(&a),
        Command::Lake(a) => lake::run(&a),
        #[cfg(feature = "query")]
        Command::Query(a) => query::run(&a),
        Command::Formats => formats::run(),
        Command::Sniff(a) => sniff::run(&a),
        Command::Signals(a) => signals::run(&a),
        Command::Rules(a) => rules::run(&a),
    }
}

/// Prints to stdout; a closed pipe ends the printing, not the program.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
