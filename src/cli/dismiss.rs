//! `coldtrail dismiss`: the allowlist entries that silence exactly one finding.

use super::args::DismissArgs;
use super::exit::Exit;
use super::print;
use crate::base::error::{Error, Result};
use crate::base::text::for_terminal;
use crate::jobs::allow::{append, dismissal};
use crate::jobs::past::Past;

/// Runs the command.
pub fn run(args: &DismissArgs) -> Result<Exit> {
    if args.reason.trim().is_empty() {
        return Err(Error::Usage(
            "--reason is empty; say why this finding is harmless".to_owned(),
        ));
    }
    let past = Past::open(&args.out)?;
    let found = dismissal(&past, &args.finding, &args.reason, &args.owner, &args.expires)?;
    let f = &found.finding;
    let comment = format!(
        "finding {} on {}: {} ({:.1})",
        f.finding_id,
        for_terminal(&f.host),
        for_terminal(&f.title),
        f.score
    );
    append(&args.allow, &found.entries, &comment, super::hunt::now())?;
    print(&format!(
        "{} entries for {comment} were added to {}; hunt again with --allow {}\n",
        found.entries.len(),
        args.allow.display(),
        args.allow.display()
    ));
    Ok(Exit::Done)
}
