//! Settings become arguments, put between the command and what the user wrote.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Command, CommandFactory};

use super::super::args::Args;
use super::{Config, Entry, flags, named_file};

const FLAG: &str = "--config";

/// The file that the arguments name, last one first.
pub(super) fn config_file(given: &[OsString]) -> Option<PathBuf> {
    let ours = given.split(|a| a == "--").next().unwrap_or(given);
    let mut found = None;
    let mut args = ours.iter().peekable();
    while let Some(a) = args.next() {
        let text = a.to_string_lossy();
        if a == FLAG {
            found = args.peek().map(|f| named_file(f));
        } else if let Some(file) = text.strip_prefix("--config=") {
            found = Some(PathBuf::from(file));
        }
    }
    found
}

/// Puts the settings of the command that is run behind its name, but those that the user gave.
pub(super) fn inject(given: Vec<OsString>, config: &Config) -> Vec<OsString> {
    let (at, path, command) = command_of(&given);
    if path.is_empty() {
        return given;
    }
    let (ours, behind) = given.split_at_checked(at).unwrap_or((&given, &[]));
    let mut out = ours.to_vec();
    let mut own: Vec<&Entry> = config.entries.iter().filter(|e| e.command == path).collect();
    let general = config.entries.iter().filter(|e| e.command.is_empty());
    let general: Vec<&Entry> = general.filter(|e| !own.iter().any(|o| o.flag == e.flag)).collect();
    own.extend(general);
    for e in own {
        let arg = flags(&command).find(|a| a.get_long() == Some(e.flag.as_str()));
        let Some(arg) = arg.filter(|a| !is_given(behind, &e.flag, a.get_short())) else {
            continue;
        };
        let long = format!("--{}", arg.get_long().unwrap_or(&e.flag));
        match e.values.as_slice() {
            [] => out.push(long.into()),
            values => out.extend(values.iter().map(|v| format!("{long}={v}").into())),
        }
    }
    out.extend_from_slice(behind);
    out
}

/// Where the arguments of the command begin, its path and its definition.
fn command_of(given: &[OsString]) -> (usize, Vec<String>, Command) {
    let mut command = Args::command();
    let mut path = Vec::new();
    let mut end = 1;
    let mut at = 1;
    while let Some(a) = given.get(at) {
        let text = a.to_string_lossy();
        if text == FLAG {
            at += 2;
            continue;
        }
        if text.starts_with('-') {
            if path.is_empty() {
                at += 1;
                continue;
            }
            break;
        }
        let Some(sub) = command.find_subcommand(text.as_ref()).cloned() else {
            break;
        };
        path.push(sub.get_name().to_owned());
        command = sub;
        at += 1;
        end = at;
    }
    (end, path, command)
}

fn is_given(behind: &[OsString], flag: &str, short: Option<char>) -> bool {
    let long = format!("--{flag}");
    let with_value = format!("--{flag}=");
    let is_short = |t: &str| {
        let letters = t.strip_prefix('-').filter(|r| !r.starts_with('-'));
        short.is_some_and(|s| letters.is_some_and(|l| l.starts_with(s)))
    };
    behind
        .iter()
        .take_while(|a| *a != OsStr::new("--"))
        .map(|a| a.to_string_lossy())
        .any(|t| t == long.as_str() || t.starts_with(&with_value) || is_short(&t))
}
