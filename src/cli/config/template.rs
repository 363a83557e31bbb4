//! The commented template: every flag of every command with its help.

use std::fmt::Write;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};

use super::check::is_switch;
use super::{commands, flags};

/// Columns of the comments.
const WIDTH: usize = 96;

const HEAD: &str = "\
# coldtrail.toml: settings in the place of flags. Give it with --config FILE.
#
# Every flag of every command is a key; uncomment what you need. Keys in [all] hold for every command that has the flag,
# keys in the table of a command for that one; the command line counts before both.
# `coldtrail config check FILE` says what is wrong with a file.

[all]
# lake = \"/data/lake\"
# quiet = true

# Thresholds of signals (`coldtrail signals ID` lists them):
# [signals.\"NET-01\"]
# name = 0.5
";

/// The template.
pub(super) fn template() -> String {
    let mut out = HEAD.to_owned();
    for (path, command) in commands() {
        let all: Vec<&Arg> = flags(&command).collect();
        if all.is_empty() || path.first().is_some_and(|p| p == "config") {
            continue;
        }
        let about = command.get_about().map(StyledStr::to_string).unwrap_or_default();
        let _ = write!(out, "\n# {about}\n[{}]\n", path.join("."));
        for arg in all {
            setting(&mut out, arg, &command);
        }
    }
    out
}

fn setting(out: &mut String, arg: &Arg, command: &Command) {
    let help = arg.get_help().map(StyledStr::to_string).unwrap_or_default();
    let required = if arg.is_required_set() { " Required." } else { "" };
    for line in wrap(&format!("{help}{required}")) {
        let _ = writeln!(out, "# {line}");
    }
    let name = arg.get_long().unwrap_or("");
    let _ = writeln!(out, "# {name} = {}", example(arg, command));
}

/// The default, or what a value looks like.
fn example(arg: &Arg, _command: &Command) -> String {
    if is_switch(arg) {
        return "true".to_owned();
    }
    let default = arg
        .get_default_values()
        .first()
        .map(|v| v.to_string_lossy().into_owned());
    let possible = arg.get_possible_values();
    let value = default
        .or_else(|| possible.first().map(|p| p.get_name().to_owned()))
        .unwrap_or_else(|| {
            let names = arg.get_value_names().unwrap_or_default();
            names.first().map_or_else(|| "VALUE".to_owned(), ToString::to_string)
        });
    let value = match value.parse::<i64>() {
        Ok(n) => n.to_string(),
        Err(_) => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
    };
    match arg.get_action() {
        ArgAction::Append => format!("[{value}]"),
        _ => value,
    }
}

fn wrap(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match out.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => out.push(word.to_owned()),
        }
    }
    out
}
