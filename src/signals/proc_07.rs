//! PROC-07: a program from a folder of downloads or temporary files opens a shell and gives it nothing to do.
//!
//! Sees: a command shell started without any argument by a program that runs from a folder users may write to, or by the
//! temporary program of an installer package (`MSI1A2B.tmp`).
//! Why: a shell without a command waits for a person to type. Programs that need a shell hand it a command; payloads open one
//! for their operator.
//! Benign causes: portable file managers and terminals; set-up programs that open a console.
//! Sources: MITRE ATT&CK T1059.003; the payload shells of Metasploit and Cobalt Strike as public captures show them.

use super::meta::{Key, Level, Meta, Reads};
use super::starts::{self, Lineage, quote, starts};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::{SHELLS, base_name, stem};
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::rules::paths;
use crate::schema::process as t;

/// See the module.
pub struct Proc07;

static META: Meta = Meta {
    id: "PROC-07",
    title: "Shell of a stray program",
    sees: "A command shell without arguments, started by a program in a download, temp, desktop, document or public folder or by a \
           temporary program of an installer package (medium); in AppData, ProgramData or on a share (low).",
    why: "A shell without a command waits for a person: payloads open one for their operator.",
    techniques: &["T1059.003", "T1059.001", "T1218.007"],
    stage: "execution",
    family: "process lineage",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[],
    benign: &[
        "portable file managers and terminals",
        "set-up programs that open a console",
    ],
};

impl Signal for Proc07 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let all = starts(rows.table(&t::TABLE));
        let lineage = Lineage::new(&all);
        let mut found = super::deeds::Folded::default();
        for row in all.iter().filter(|r| is_bare_shell(**r)) {
            shell(*row, &lineage).into_iter().for_each(|h| found.add(h));
        }
        hits.extend(found.into_hits());
    }
}

fn is_bare_shell(row: Row<'_>) -> bool {
    starts::is_one_of(row, SHELLS) && row.text(t::CMDLINE).is_some_and(|line| tokenize(line).len() == 1)
}

fn shell<'a>(row: Row<'a>, lineage: &Lineage<'a>) -> Option<Hit> {
    let parent = lineage.parent(row);
    let path = row.text(t::PARENT_IMAGE).or_else(|| parent?.text(t::IMAGE))?;
    let (place, level) = if is_package(path) {
        ("an installer package", Level::Medium)
    } else {
        match paths::user_writable(path)? {
            settled @ ("AppData" | "ProgramData" | "a network share") => (settled, Level::Low),
            passing => (passing, Level::Medium),
        }
    };
    let image = stem(row.str(t::IMAGE_NAME)).to_lowercase();
    let mut techniques = vec![if image.starts_with("p") {
        "T1059.001"
    } else {
        "T1059.003"
    }];
    if is_package(path) {
        techniques.push("T1218.007");
    }
    let explain = format!("{} of {place} opened {image} without a command", quote(path));
    let key = if is_package(path) {
        format!("package>{image}")
    } else {
        format!("{}>{image}", base_name(path).to_lowercase())
    };
    let mut hit = Hit::at(&META, row, key, explain).level(level).techniques(&techniques);
    if let Some(parent) = parent {
        hit.add_row(parent);
        hit.iocs = starts::iocs(parent);
    }
    Some(hit)
}

/// A program that an installer package carries and runs while it is installed.
fn is_package(path: &str) -> bool {
    let lower = path.to_lowercase();
    lower.contains("\\windows\\installer\\msi") && lower.ends_with(".tmp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn level(parent: &str, line: &str) -> Option<Level> {
        let mut s = Sample::default();
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(t::IMAGE, r"C:\Windows\System32\cmd.exe");
            b.text(t::IMAGE_NAME, "cmd.exe");
            b.text(t::CMDLINE, line);
            b.text(t::PARENT_IMAGE, parent);
            b.text(t::PARENT_NAME, &base_name(parent).to_lowercase());
        });
        s.hits(&Proc07).first().map(|h| h.level)
    }

    #[test]
    fn a_shell_that_waits_counts_by_where_its_parent_lies() {
        let line = r"C:\Windows\system32\cmd.exe";
        assert_eq!(level(r"C:\Users\ann\Downloads\a.exe", line), Some(Level::Medium));
        assert_eq!(level(r"C:\Windows\Installer\MSI4FFD.tmp", "cmd"), Some(Level::Medium));
        assert_eq!(
            level(r"C:\Users\ann\AppData\Local\hyper\Hyper.exe", line),
            Some(Level::Low)
        );
        assert_eq!(level(r"C:\Program Files\Far\far.exe", line), None);
        assert_eq!(level(r"C:\Users\ann\Downloads\a.exe", "cmd.exe /c dir"), None);
    }
}
