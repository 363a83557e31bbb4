//! Starts of Windows' own tools that attackers use, for the signals over them.

use super::starts::names;
use crate::lake::frame::Row;
use crate::rules::lolbins::{self, Purpose, Use};
use crate::rules::paths;
use crate::schema::process as t;

/// The tool of a start by either of its names, how it is used, and whether its arguments name a writable path.
pub fn used(row: Row<'_>, purpose: Purpose) -> Option<(String, &'static Use, Option<&'static str>)> {
    let (image, original) = names(row);
    let tool = [image, original].into_iter().find(|n| lolbins::is_known(n))?;
    let line = row.text(t::CMDLINE)?;
    let writable = writable_argument(&tool, line);
    let found = lolbins::find(&tool, line, purpose, writable.is_some())?;
    Some((tool, found, writable))
}

/// The writable place that the arguments name. For rundll32 only the library and a control panel file count: what follows
/// the comma are that library's own arguments, often shares of printers.
fn writable_argument(tool: &str, line: &str) -> Option<&'static str> {
    // The tool's own path comes first and says nothing about what it runs.
    let mut arguments = crate::rules::cmdline::tokenize(line).into_iter().skip(1);
    if tool != "rundll32" {
        return arguments.find_map(|a| paths::user_writable(&a));
    }
    let library = arguments.by_ref().find(|a| !a.starts_with(['/', '-']))?;
    let library = library.split(',').next().unwrap_or_default();
    let panel = |a: &String| a.to_ascii_lowercase().contains(".cpl");
    paths::user_writable(library).or_else(|| arguments.filter(panel).find_map(|a| paths::user_writable(&a)))
}
