//! Is every key of a configuration a flag, and every value one that the flag takes?

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::nearest;
use super::{Config, Entry, Wrong, commands, flags, texts};
use crate::signals::{SIGNALS, by_id};

/// Table with the thresholds of signals: `[signals."NET-01"]`.
const SIGNAL_TABLE: &str = "signals";
/// Flag that takes them.
const THRESHOLD: &str = "threshold";

/// Table with settings of every command that has the flag.
const GENERAL: &str = "all";

/// Checks a whole file and adds its settings.
pub(super) fn file(found: &DeTable<'_>, out: &mut Config) -> Result<(), Wrong> {
    let all = commands();
    for (key, value) in found {
        let name = key.get_ref().as_ref();
        let DeValue::Table(t) = value.get_ref() else {
            return Err(Wrong {
                at: key.span().start,
                why: format!("'{name}' stands in no table; write it below [{GENERAL}] or the command, as in [hunt]"),
            });
        };
        match name {
            GENERAL => table(&all, t, &[], out)?,
            SIGNAL_TABLE if t.iter().any(|(_, v)| matches!(v.get_ref(), DeValue::Table(_))) => {
                thresholds(t, &all, out)?
            }
            _ => command(&all, key, t, &[], out)?,
        }
    }
    Ok(())
}

fn command(
    all: &[(Vec<String>, Command)],
    key: &Spanned<std::borrow::Cow<'_, str>>,
    found: &DeTable<'_>,
    above: &[String],
    out: &mut Config,
) -> Result<(), Wrong> {
    let mut path = above.to_vec();
    path.push(key.get_ref().to_string());
    if !all.iter().any(|(p, _)| *p == path) {
        let known = all.iter().map(|(p, _)| p.join(".")).chain([GENERAL.to_owned()]);
        return Err(Wrong {
            at: key.span().start,
            why: unknown("command", &path.join("."), known),
        });
    }
    table(all, found, &path, out)
}

/// The settings of a command, or of all where the path is empty.
fn table(all: &[(Vec<String>, Command)], found: &DeTable<'_>, path: &[String], out: &mut Config) -> Result<(), Wrong> {
    for (key, value) in found {
        match value.get_ref() {
            DeValue::Table(t) => command(all, key, t, path, out)?,
            _ => setting(all, path, (key.get_ref().as_ref(), key.span().start), value, out)?,
        }
    }
    Ok(())
}

fn setting(
    all: &[(Vec<String>, Command)],
    path: &[String],
    (name, at): (&str, usize),
    value: &Spanned<DeValue<'_>>,
    out: &mut Config,
) -> Result<(), Wrong> {
    let of: Vec<&(Vec<String>, Command)> = all.iter().filter(|(p, _)| path.is_empty() || p == path).collect();
    let with: Vec<(&Command, &Arg)> = of
        .iter()
        .filter_map(|(_, c)| Some((c, flags(c).find(|a| a.get_long() == Some(name))?)))
        .collect();
    if with.is_empty() {
        let known = of.iter().flat_map(|(_, c)| flags(c)).filter_map(|a| a.get_long());
        return Err(Wrong {
            at,
            why: unknown("setting", name, known.map(str::to_owned)),
        });
    }
    let wrong = |why: String| Wrong {
        at: value.span().start,
        why,
    };
    let values = texts(value.get_ref()).ok_or_else(|| wrong(format!("'{name}' takes a value, not a table")))?;
    // Commands may give one name different meanings; the value must suit one of them.
    let mut refused = None;
    for (command, arg) in &with {
        match accepts(command, arg, &values) {
            Ok(values) => {
                out.entries.extend(values.map(|values| Entry {
                    command: path.to_vec(),
                    flag: name.to_owned(),
                    values,
                }));
                return Ok(());
            }
            Err(why) => {
                refused.get_or_insert(why);
            }
        }
    }
    Err(wrong(format!("{name}: {}", refused.unwrap_or_default())))
}

/// The values as the flag takes them; `None` for a switch that is off.
fn accepts(command: &Command, arg: &Arg, values: &[String]) -> Result<Option<Vec<String>>, String> {
    let name = arg.get_long().unwrap_or("");
    if is_switch(arg) {
        return match values {
            [v] if v == "true" => Ok(Some(Vec::new())),
            [v] if v == "false" => Ok(None),
            _ => Err("true or false".to_owned()),
        };
    }
    if values.len() > 1 && !matches!(arg.get_action(), ArgAction::Append) {
        return Err("one value, not a list".to_owned());
    }
    let line = values.iter().map(|v| format!("--{name}={v}"));
    let bare = command.clone().mut_args(|a| a.required(false));
    let tried = bare.try_get_matches_from(std::iter::once(String::new()).chain(line));
    match tried {
        Err(e) if matches!(e.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) => Err(reason(&e)),
        _ => Ok(Some(values.to_vec())),
    }
}

/// Whether a flag takes no value.
pub(super) fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count)
}

/// What clap says, without its colours and its advice about command lines.
fn reason(e: &clap::Error) -> String {
    let text = e.to_string();
    let first = text
        .lines()
        .next()
        .unwrap_or("")
        .trim_start_matches("error: ")
        .to_owned();
    let possible = text.lines().map(str::trim).find(|l| l.starts_with("[possible values"));
    possible.map_or_else(|| first.clone(), |p| format!("{first} {p}"))
}

/// `[signals."NET-01"] name = value` becomes `--threshold NET-01.name=value` of the hunt.
fn thresholds(found: &DeTable<'_>, all: &[(Vec<String>, Command)], out: &mut Config) -> Result<(), Wrong> {
    for (id, value) in found {
        let name = id.get_ref().as_ref();
        let at = id.span().start;
        let known = SIGNALS.iter().map(|s| s.meta().id.to_owned());
        let Some(signal) = by_id(name) else {
            return Err(Wrong {
                at,
                why: unknown("signal", name, known),
            });
        };
        let DeValue::Table(settings) = value.get_ref() else {
            return Err(Wrong {
                at,
                why: format!("write thresholds as [{SIGNAL_TABLE}.\"{name}\"] and name = value below it"),
            });
        };
        let takes = all
            .iter()
            .any(|(_, c)| flags(c).any(|a| a.get_long() == Some(THRESHOLD)));
        for (threshold, value) in settings {
            let at = threshold.span().start;
            let name = threshold.get_ref().as_ref();
            let meta = signal.meta();
            if !meta.thresholds.iter().any(|t| t.name == name) {
                let known = meta.thresholds.iter().map(|t| t.name.to_owned());
                return Err(Wrong {
                    at,
                    why: unknown(&format!("threshold of {}", meta.id), name, known),
                });
            }
            let number = texts(value.get_ref()).filter(|v| v.len() == 1);
            let number = number
                .and_then(|v| v.into_iter().next())
                .filter(|v| v.parse::<f64>().is_ok());
            let Some(number) = number.filter(|_| takes) else {
                return Err(Wrong {
                    at,
                    why: match takes {
                        true => format!("{name} takes a number"),
                        false => "this version has no --threshold; leave thresholds out".to_owned(),
                    },
                });
            };
            out.entries.push(Entry {
                command: Vec::new(),
                flag: THRESHOLD.to_owned(),
                values: vec![format!("{}.{name}={number}", meta.id)],
            });
        }
    }
    Ok(())
}

/// Nothing of this name; the nearest one that there is.
fn unknown(what: &str, name: &str, known: impl Iterator<Item = String>) -> String {
    nearest::unknown(what, name, known, "`coldtrail config init` prints all")
}
