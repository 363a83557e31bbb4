//! `coldtrail.toml`: every flag of every command as a key, given with `--config FILE`.
//!
//! Keys in `[all]` hold for every command that has the flag, keys in `[hunt]` or `[lake.compact]` for that command; what stands
//! on the command line counts before both. Everything is made from the definitions of the flags: a new flag is a new
//! key, a new line of the template, and is checked.

mod check;
mod inject;
mod template;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory};
use toml::de::{DeTable, DeValue};

use super::args::{Args, ConfigArgs, ConfigCommand};
use super::exit::Exit;
use super::print;
use crate::base::error::{Error, Result};

/// Flags that make no sense in a file.
const NOT_IN_FILES: &[&str] = &["help", "version", "config"];
/// Largest file.
const MAX_BYTES: u64 = 16 << 20;

/// Runs the command.
pub fn run(args: &ConfigArgs) -> Result<Exit> {
    match &args.what {
        ConfigCommand::Init(a) => {
            let text = template::template();
            match &a.file {
                None => print(&text),
                Some(path) => write_new(path, &text)?,
            }
        }
        ConfigCommand::Check(a) => {
            let n = Config::load(&a.file)?.entries.len();
            eprintln!("{}: {n} settings, all known", a.file.display());
        }
    }
    Ok(Exit::Done)
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = file.and_then(|mut f| std::io::Write::write_all(&mut f, text.as_bytes()));
    written.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Usage(format!(
            "{}: there is a file already; give another name, or none to print the template",
            path.display()
        )),
        _ => Error::io(path, "cannot write the template", e),
    })?;
    eprintln!(
        "written to {}; uncomment what you need, then give it with --config",
        path.display()
    );
    Ok(())
}

/// The arguments of the program with those of `--config` put in.
///
/// # Errors
/// [`Error::Usage`] naming file and line of what is wrong.
pub fn arguments(given: Vec<OsString>) -> Result<Vec<OsString>> {
    match inject::config_file(&given) {
        Some(path) => Ok(inject::inject(given, &Config::load(&path)?)),
        None => Ok(given),
    }
}

/// A setting: the flag of a command, or of all that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Path of the command; empty for all.
    command: Vec<String>,
    /// Name of the flag without dashes.
    flag: String,
    /// Its values; empty for a switch that is on.
    values: Vec<String>,
}

/// A file that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Config {
    entries: Vec<Entry>,
}

impl Config {
    fn load(path: &Path) -> Result<Self> {
        let size = std::fs::metadata(path).map_or(0, |m| m.len());
        if size > MAX_BYTES {
            return Err(Error::Usage(format!(
                "{}: {size} bytes are too many for a configuration",
                path.display()
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::Usage(format!(
                "{}: cannot read this configuration: {e}; `coldtrail config init` prints one",
                path.display()
            ))
        })?;
        Self::parse(&text, &path.display().to_string()).map_err(Error::Usage)
    }

    /// Reads and checks a file's text; `file:line: reason` where it is wrong.
    fn parse(text: &str, name: &str) -> std::result::Result<Self, String> {
        let line = |at: usize| text.get(..at).unwrap_or(text).bytes().filter(|b| *b == b'\n').count() + 1;
        let say = |w: Wrong| format!("{name}:{}: {}", line(w.at), w.why);
        let table = DeTable::parse(text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start);
            format!("{name}:{}: not TOML: {}", line(at), e.message())
        })?;
        let mut out = Self::default();
        check::file(table.get_ref(), &mut out).map_err(say)?;
        Ok(out)
    }
}

/// A message without its place, and where in the text it belongs.
struct Wrong {
    at: usize,
    why: String,
}

/// All commands with flags, by their path; nested ones after their parents.
fn commands() -> Vec<(Vec<String>, Command)> {
    let mut out = Vec::new();
    let mut open = vec![(Vec::new(), Args::command())];
    while let Some((path, command)) = open.pop() {
        for sub in command.get_subcommands() {
            let mut deeper: Vec<String> = path.clone();
            deeper.push(sub.get_name().to_owned());
            open.push((deeper, sub.clone()));
        }
        if !path.is_empty() {
            out.push((path, command));
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// The flags of a command that a file may hold.
fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|a| a.get_long().is_some_and(|l| !NOT_IN_FILES.contains(&l)))
}

/// Scalar texts of a value; `None` for tables and what else cannot be a flag's value.
fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    Some(match value {
        DeValue::String(s) => vec![s.to_string()],
        DeValue::Integer(n) => vec![n.to_string()],
        DeValue::Float(n) => vec![n.to_string()],
        DeValue::Datetime(t) => vec![t.to_string()],
        DeValue::Boolean(b) => vec![b.to_string()],
        DeValue::Array(items) => {
            let all: Option<Vec<Vec<String>>> = items.iter().map(|i| texts(i.get_ref())).collect();
            all?.into_iter().flatten().collect()
        }
        DeValue::Table(_) => return None,
    })
}

/// The file after `--config`, where arguments name one.
pub(super) fn named_file(text: &OsString) -> PathBuf {
    PathBuf::from(text)
}

#[cfg(test)]
mod tests;
