//! FILE-14: a file is put together piece by piece by commands.
//!
//! Sees: many shells or interpreters within minutes whose command lines append to one file (`>>`, `out-file -append`, `add-content`).
//! Why: where only commands get through (WMI, services, web shells, SQL), a payload travels as many short commands that append it to a
//! file; nobody else starts a new shell for each line.
//! Benign causes: batch jobs that write a log by a new shell each time (files named `.log` are left out).
//! Sources: MITRE ATT&CK T1027; the way of certutil and echo droppers and of transfers by service names; numbers are judgement.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::SHELLS;
use crate::lake::frame::Row;
use crate::schema::process as t;

/// See the module.
pub struct File14;

const PIECES: f64 = 15.0;
const WINDOW_S: f64 = 600.0;

static META: Meta = Meta {
    id: "FILE-14",
    title: "File put together by commands",
    sees: "Fifteen or more shells within ten minutes whose commands append to one file that is no log.",
    why: "Where only commands get through, a payload travels as many short ones that append it to a file.",
    techniques: &["T1027", "T1105"],
    stage: "stealth",
    family: "files",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "pieces",
            value: PIECES,
            unit: "commands",
            source: "[J] more than a script's few lines, fewer than any payload needs",
        },
        Threshold {
            name: "window_seconds",
            value: WINDOW_S,
            unit: "s",
            source: "[J]",
        },
    ],
    benign: &["batch jobs that write a report line by line"],
};

/// The file that a command appends to.
static APPENDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?:>>|\bout-file\s+(?:-filepath\s+)?-append\s+(?:-filepath\s+)?|\badd-content\s+(?:-(?:path|literalpath)\s+)?)\s*["']?([^\s"'|;&>]{1,260})"#,
    )
    .ok()
});

impl Signal for File14 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut by_file: BTreeMap<String, Vec<Row<'_>>> = BTreeMap::new();
        for row in starts(rows.table(&t::TABLE)) {
            if let Some(file) = appended(row) {
                by_file.entry(file).or_default().push(row);
            }
        }
        for (file, pieces) in by_file {
            hits.extend(hit(cx, &file, &pieces));
        }
    }
}

fn appended(row: Row<'_>) -> Option<String> {
    let line = row.str(t::CMDLINE);
    // Cheaper than the expression, and false for nearly every line.
    let may = line.contains(">>") || line.contains("ppend") || line.contains("ontent");
    if !may || !starts::is_one_of(row, SHELLS) {
        return None;
    }
    let file = APPENDS.as_ref()?.captures(line)?.get(1)?.as_str().to_lowercase();
    let silent = file == "nul" || file.starts_with('&') || file.ends_with(".log");
    (!silent).then_some(file)
}

fn hit(cx: &Cx<'_>, file: &str, pieces: &[Row<'_>]) -> Option<Hit> {
    let window = (cx.number(&META, "window_seconds") * 1e6) as i64;
    let least = (cx.number(&META, "pieces") as usize).max(1);
    let from = pieces
        .windows(least)
        .position(|w| w.first().zip(w.last()).is_some_and(|(a, b)| b.ts() - a.ts() <= window))?;
    let burst = pieces.get(from..)?;
    let (first, last) = (burst.first()?, burst.last()?);
    let explain = format!(
        "{} commands in {} s appended to {}, the first: {}",
        burst.len(),
        (last.ts() - first.ts()) / 1_000_000,
        quote(file),
        starts::command(*first)
    );
    let mut hit = Hit::at(
        &META,
        *first,
        format!("pieces|{}", crate::rules::launch::folded(file)),
        explain,
    )
    .techniques(&["T1027"])
    .ioc(Ioc::File(file.to_owned()));
    burst.iter().skip(1).take(19).for_each(|r| hit.add_row(*r));
    (hit.last, hit.count) = (last.ts(), burst.len() as u64);
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn run(n: i64, line: impl Fn(i64) -> String, gap_s: i64) -> usize {
        let mut s = Sample::default();
        for i in 0..n {
            s.row_us(&t::TABLE, "srv01", 1_772_442_000_000_000 + i * gap_s * 1_000_000, |b| {
                b.text(t::IMAGE_NAME, "cmd.exe");
                b.text(t::CMDLINE, &line(i));
            });
        }
        s.hits(&File14).len()
    }

    #[test]
    fn many_pieces_count_and_few_slow_ones_or_a_log_do_not() {
        let echo = |i: i64| format!(r"cmd.exe /c echo TVqQAAMA{i} >> C:\Windows\Temp\p.b64");
        assert_eq!(run(20, echo, 2), 1);
        assert_eq!(run(8, echo, 2), 0);
        assert_eq!(run(20, echo, 120), 0);
        assert_eq!(run(20, |i| format!(r"cmd /c echo step {i} >> C:\jobs\night.log"), 2), 0);
        let service = |i: i64| {
            format!(
                r#"powershell -command "Get-Service "seg{i}" | select -Expand DisplayName |out-file -append p.txt""#
            )
        };
        let mut s = Sample::default();
        for i in 0..20 {
            s.row_us(&t::TABLE, "srv01", 1_772_442_000_000_000 + i * 1_000_000, |b| {
                b.text(t::IMAGE_NAME, "powershell.exe");
                b.text(t::CMDLINE, &service(i));
            });
        }
        assert_eq!(s.hits(&File14).len(), 1);
    }
}
