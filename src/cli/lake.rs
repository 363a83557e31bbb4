//! `coldtrail lake`: status, verify, compact, expire.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::args::{CompactArgs, ExpireArgs, LakeArgs, LakeCommand};
use super::exit::Exit;
use super::hunt::now;
use super::print;
use crate::base::error::{Error, Result};
use crate::base::text::for_terminal;
use crate::base::time::{day_string, format_rfc3339};
use crate::jobs::hunt::parse_time;
use crate::lake::Lake;
use crate::lake::compact::compact;
use crate::lake::expire::expire;
use crate::lake::verify::{Verified, verify};

/// Runs the command.
pub fn run(args: &LakeArgs) -> Result<Exit> {
    match &args.what {
        LakeCommand::Status(dir) => status(&Lake::open(&dir.lake)?),
        LakeCommand::Verify(dir) => Lake::read(&dir.lake, verify_all),
        LakeCommand::Compact(args) => compact_days(args),
        LakeCommand::Expire(args) => expire_days(args),
    }
}

fn compact_days(args: &CompactArgs) -> Result<Exit> {
    // Asked for first: opening for writing would make a lake where there is none.
    Lake::open(&args.lake)?;
    let mut lake = Lake::open_for_writing(&args.lake)?;
    let budget = usize::try_from(args.memory_limit / 5 * 2).unwrap_or(usize::MAX);
    let done = compact(&mut lake, budget)?;
    print(&format!(
        "{} days of tables merged: {} files of {} bytes are now {} files of {} bytes\n",
        done.days, done.files_before, done.bytes_before, done.files_after, done.bytes_after
    ));
    Ok(Exit::Done)
}

fn expire_days(args: &ExpireArgs) -> Result<Exit> {
    let age =
        args.older_than.starts_with(|c: char| c.is_ascii_digit()) && args.older_than.ends_with(char::is_alphabetic);
    let limit = match age {
        true => format!("-{}", args.older_than),
        false => args.older_than.clone(),
    };
    let wrong = |_| {
        Error::Usage(format!(
            "'{}' is neither a date nor an age; write 2025-09-20 or 90d",
            args.older_than
        ))
    };
    let first_kept = day_string(parse_time(&limit, now()).map_err(wrong)?);
    let lake = Lake::open(&args.lake)?;
    let old: Vec<_> = lake.catalogue().files.iter().filter(|f| f.date < first_kept).collect();
    let (rows, bytes) = old.iter().fold((0, 0), |(r, b), f| (r + f.rows, b + f.bytes));
    let what = format!(
        "{} files with {rows} rows, {bytes} bytes, of days before {first_kept}",
        old.len()
    );
    if args.dry_run {
        print(&format!("would drop {what}\n"));
        return Ok(Exit::Done);
    }
    expire(&mut Lake::open_for_writing(&args.lake)?, &first_kept)?;
    print(&format!("dropped {what}\n"));
    Ok(Exit::Done)
}

fn status(lake: &Lake) -> Result<Exit> {
    let c = lake.catalogue();
    let mut out = String::new();
    let _ = writeln!(out, "schema version {}, commit {}", c.schema_version, c.generation);
    match c.time_range() {
        Some((first, last)) => {
            let _ = writeln!(out, "events from {} to {}", format_rfc3339(first), format_rfc3339(last));
        }
        None => out.push_str("no events\n"),
    }
    let mut tables: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for f in &c.files {
        let t = tables.entry(&f.table).or_default();
        t.0 += f.rows;
        t.1 += f.bytes;
        t.2 += 1;
    }
    let _ = writeln!(out, "\n{:16} {:>12} {:>14} {:>6}", "TABLE", "ROWS", "BYTES", "FILES");
    for (name, (rows, bytes, files)) in tables {
        let _ = writeln!(out, "{name:16} {rows:>12} {bytes:>14} {files:>6}");
    }
    let _ = writeln!(
        out,
        "\n{:>10} {:>10} {:>10} {:14} INPUT",
        "RECORDS", "STORED", "REJECTED", "FORMAT"
    );
    for i in &c.inputs {
        let _ = writeln!(
            out,
            "{:>10} {:>10} {:>10} {:14} {}",
            i.records,
            i.stored,
            i.rejected,
            i.format,
            for_terminal(&i.path)
        );
    }
    print(&out);
    Ok(Exit::Done)
}

fn verify_all(lake: &Lake) -> Result<Exit> {
    let Verified { damages, unnamed } = verify(lake)?;
    for d in &damages {
        print(&format!("damaged: {}: {}\n", d.path, d.reason));
    }
    for path in &unnamed {
        print(&format!(
            "not in the catalogue: {}: does not count; the next run that writes removes it\n",
            for_terminal(path)
        ));
    }
    let files = lake.catalogue().files.len();
    if damages.is_empty() {
        print(&format!("{files} files and the catalogue, all as committed\n"));
        return Ok(Exit::Done);
    }
    eprintln!(
        "{} of {files} files are damaged; ingest their inputs again into a new lake, or restore them from a copy",
        damages.len()
    );
    Ok(Exit::Failed)
}
