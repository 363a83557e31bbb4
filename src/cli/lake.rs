//! `coldtrail lake`: status and verify.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::args::{LakeArgs, LakeCommand};
use super::exit::Exit;
use super::print;
use crate::base::error::Result;
use crate::base::text::for_terminal;
use crate::base::time::format_rfc3339;
use crate::lake::Lake;
use crate::lake::verify::verify;

/// Runs the command.
pub fn run(args: &LakeArgs) -> Result<Exit> {
    match &args.what {
        LakeCommand::Status(dir) => status(&Lake::open(&dir.lake)?),
        LakeCommand::Verify(dir) => verify_all(&Lake::open(&dir.lake)?),
    }
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
    let damages = verify(lake)?;
    for d in &damages {
        print(&format!("damaged: {}: {}\n", d.path, d.reason));
    }
    let files = lake.catalogue().files.len();
    if damages.is_empty() {
        print(&format!("{files} files, all as committed\n"));
        return Ok(Exit::Done);
    }
    eprintln!(
        "{} of {files} files are damaged; ingest their inputs again into a new lake, or restore them from a copy",
        damages.len()
    );
    Ok(Exit::Failed)
}
