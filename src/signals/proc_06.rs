//! PROC-06: a browser or one of Windows' helpers that starts nothing starts a shell.
//!
//! Sees: a browser that starts an interpreter (but not the hosts of its extensions), `ftp` and the temporary programs of Windows Installer
//! that start a shell.
//! Why: an exploited browser runs code so, and so do helpers that are made to run what they carry.
//! Benign causes: hosts of browser extensions, links that open a registered program, installers that run scripts.
//! Sources: Sigma (suspicious browser child process: medium); LOLBAS on ftp; ATT&CK T1189, T1203, T1218.007, T1202.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, Lineage, command, technique_of};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::{BROWSERS, INTERPRETERS, SHELLS, contains, stem};
use crate::lake::frame::Row;
use crate::schema::process as t;

/// See the module.
pub struct Proc06;

static META: Meta = Meta {
    id: "PROC-06",
    title: "Browser or helper starts a shell",
    sees: "A browser starts an interpreter that is no host of an extension; ftp or a temporary program of Windows Installer starts a shell.",
    why: "An exploited browser, and a helper made to run what it carries, do so.",
    techniques: &["T1189", "T1203", "T1218.007", "T1202", "T1059.003", "T1059.001"],
    stage: "execution",
    family: "process lineage",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "installer_quality",
        value: 0.7,
        unit: "quality of an installer's shell",
        source: "[J] some packages run scripts",
    }],
    benign: &[
        "hosts of browser extensions",
        "links that open a registered program",
        "installers that run scripts",
    ],
};

impl Signal for Proc06 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let starts = starts::starts(rows.table(&t::TABLE));
        let lineage = Lineage::new(&starts);
        for row in &starts {
            let parent = lineage.parent_name(*row).to_lowercase();
            let Some((technique, what, quality)) = judge(cx, *row, &parent) else {
                continue;
            };
            let (image, _) = starts::names(*row);
            let mut techniques = vec![technique];
            techniques.extend(technique_of(&image, row.str(t::CMDLINE)).filter(|id| id.starts_with("T1059")));
            let explain = format!("{parent}, {what}, started {}", command(*row));
            let mut hit = Hit::at(&META, *row, format!("{parent}>{image}"), explain)
                .quality(quality)
                .techniques(&techniques);
            hit.iocs = starts::iocs(*row);
            hits.push(hit);
        }
    }
}

fn judge(cx: &Cx<'_>, row: Row<'_>, parent: &str) -> Option<(&'static str, &'static str, f64)> {
    let shell = starts::is_one_of(row, SHELLS);
    if contains(BROWSERS, parent) && starts::is_one_of(row, INTERPRETERS) && !is_ordinary_child(row) {
        return Some(("T1189", "a browser", 1.0));
    }
    if stem(parent) == "ftp" && shell {
        return Some(("T1202", "a client of FTP", 1.0));
    }
    let package = parent.starts_with("msi") && parent.ends_with(".tmp");
    (package && shell).then(|| {
        (
            "T1218.007",
            "a temporary program of Windows Installer",
            cx.number(&META, "installer_quality"),
        )
    })
}

/// Hosts of extensions and what browsers start for a download or setting.
fn is_ordinary_child(row: Row<'_>) -> bool {
    let line = row.str(t::CMDLINE).to_lowercase();
    let host = line.contains("chrome-extension://")
        || line.contains("nativemessaging")
        || line.contains("native-messaging")
        || line.contains("parent-window")
        || line.contains("nmhost")
        || line.contains("\\\\.\\pipe\\");
    let panel = starts::is_one_of(row, &["control", "rundll32", "hh"]) && !line.contains("javascript");
    let package = starts::is_one_of(row, &["msiexec"]) && !line.contains("http");
    host || panel || package
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    fn technique(parent: &str, image: &str, line: &str) -> Option<String> {
        hits_of(&Proc06, image, parent, line)
            .first()
            .map(|h| h.techniques[0].to_string())
    }

    #[test]
    fn shells_of_browsers_and_helpers_fire() {
        assert_eq!(
            technique("iexplore.exe", "cmd.exe", "cmd.exe").as_deref(),
            Some("T1189")
        );
        assert_eq!(
            technique("ftp.exe", "cmd.exe", "cmd /C calc.exe").as_deref(),
            Some("T1202")
        );
        assert_eq!(technique("msi4ffd.tmp", "cmd.exe", "cmd").as_deref(), Some("T1218.007"));
    }

    #[test]
    fn hosts_of_extensions_and_packages_stay_quiet() {
        let host = r#"cmd.exe /d /c "C:\x\nmhost.bat" chrome-extension://abc/ --parent-window=0 < \\.\pipe\in"#;
        assert_eq!(technique("chrome.exe", "cmd.exe", host), None);
        assert_eq!(
            technique("chrome.exe", "msiexec.exe", r"msiexec /i C:\Users\a\Downloads\a.msi"),
            None
        );
        assert_eq!(technique("explorer.exe", "cmd.exe", "cmd.exe"), None);
    }
}
