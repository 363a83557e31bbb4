//! `coldtrail completions`: what a shell completes, from the same definitions as `--help`.

use clap::CommandFactory;

use super::args::{Args, CompletionsArgs};
use super::exit::Exit;
use super::print;
use crate::base::error::Result;

/// Runs the command.
pub fn run(args: &CompletionsArgs) -> Result<Exit> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "coldtrail", &mut out);
    print(&String::from_utf8_lossy(&out));
    Ok(Exit::Done)
}
