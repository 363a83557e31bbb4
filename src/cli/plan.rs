//! `--dry-run` of hunt and ingest.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::args::ReadArgs;
use super::exit::Exit;
use super::print;
use super::scope::size;
use super::table::{self, terminal_width};
use crate::base::error::Result;
use crate::base::text::for_terminal;
use crate::jobs::ingest;
use crate::jobs::preview::{self, Plan};
use crate::lake::{Lake, META_DIR};

/// Inputs named one by one.
const SHOWN: usize = 200;

/// Says what reading the inputs into the lake would do.
pub fn run(input: &[PathBuf], lake: &Path, read: &ReadArgs) -> Result<Exit> {
    let found = ingest::find(input)?;
    let old = match lake.join(META_DIR).join("catalogue.json").is_file() {
        true => Some(Lake::open(lake)?),
        false => None,
    };
    let plan = preview::preview(&found, &read.options(), old.as_ref());
    print(&in_words(&plan));
    for line in plan.unreadable.iter().take(SHOWN) {
        eprintln!("not (fully) read: {}", for_terminal(line));
    }
    eprintln!("nothing was written (--dry-run)");
    Ok(match plan.unreadable.is_empty() {
        true => Exit::Done,
        false => Exit::Incomplete,
    })
}

fn in_words(plan: &Plan) -> String {
    let mut out = String::new();
    let rows: Vec<Vec<String>> = plan
        .new_inputs()
        .take(SHOWN)
        .map(|i| {
            let host = i.host.as_ref();
            let about = if i.exact { "" } else { "~" };
            vec![
                i.format.clone(),
                format!("{about}{}", size(i.bytes)),
                format!("~{}", i.records),
                host.map_or_else(String::new, |h| format!("{} ({})", h.host, h.collector)),
                i.path.clone(),
            ]
        })
        .collect();
    let headers = ["FORMAT", "SIZE", "RECORDS", "HOST BY PATH", "INPUT"];
    out.push_str(&table::table(&headers, &rows, terminal_width(), &[4]));
    let new = plan.new_inputs().count();
    if new > SHOWN {
        let _ = writeln!(out, "… and {} more", new - SHOWN);
    }
    out.push('\n');
    let sums: Vec<Vec<String>> = preview::by_format(plan)
        .into_iter()
        .map(|(format, (n, bytes, records))| vec![format.to_owned(), n.to_string(), size(bytes), format!("~{records}")])
        .collect();
    out.push_str(&table::table(
        &["FORMAT", "INPUTS", "SIZE", "RECORDS"],
        &sums,
        None,
        &[],
    ));
    let known = plan.inputs.iter().filter(|i| i.known).count();
    if known > 0 {
        let _ = writeln!(out, "\n{known} inputs are in the lake already and would add nothing");
    }
    if !plan.skipped.is_empty() {
        let _ = writeln!(
            out,
            "{} files would be left out (desktop metadata and the like)",
            plan.skipped.len()
        );
    }
    let _ = writeln!(
        out,
        "\n{new} inputs to read: about {} and {} of disk (estimates from their beginnings)",
        duration(plan.seconds),
        size(plan.disk)
    );
    out
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "a second".to_owned(),
        s if s < 120.0 => format!("{s:.0} seconds"),
        s if s < 7_200.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{:.1} hours", s / 3_600.0),
    }
}
