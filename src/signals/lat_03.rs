//! LAT-03: a command is run through WMI or DCOM.
//!
//! Sees: children of the WMI provider host, `wmic /node:` and process creation by WMI in commands and scripts, children of programs that COM
//! started for automation (MMC, Excel, Word), and COM objects asked of another host.
//! Why: no service, no file, and a parent that belongs to Windows.
//! Benign causes: inventory and management agents (their children are the same on all hosts).
//! Sources: Sigma's and Elastic's rules on wmiprvse and DCOM; impacket's default output redirection; MITRE ATT&CK T1047, T1021.003.

use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::remote_sessions::{self, RemoteSessions, origin};
use super::script_blocks;
use super::starts::{self, quote, starts, technique_of};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::{INTERPRETERS, stem};
use crate::lake::frame::Row;
use crate::rules::{cmdline, paths};
use crate::schema::{auth, common, process, script};

/// See the module.
pub struct Lat03;

const SESSION_S: f64 = 60.0;
const FAN_OUT: f64 = 5.0;

static META: Meta = Meta {
    id: "LAT-03",
    title: "WMI or DCOM execution",
    sees: "The WMI provider host or a program started by COM for automation starts an interpreter or a user's file, or anything under a network \
           logon; WMI or COM is told to run a program, on this host (low) or another.",
    why: "It runs commands on other hosts without leaving a service or file.",
    techniques: &["T1047", "T1021.003", "T1021.002", "T1059.001", "T1059.003"],
    stage: "lateral-movement",
    family: "lateral movement",
    key: Key::Host,
    reads: &[
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &auth::TABLE,
            columns: remote_sessions::COLUMNS,
        },
        Reads {
            table: &script::TABLE,
            columns: script_blocks::COLUMNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "session",
            value: SESSION_S,
            unit: "s",
            source: "[J] WMI logs on and starts at once",
        },
        Threshold {
            name: "fan_out",
            value: FAN_OUT,
            unit: "hosts",
            source: "[J] five targets within the same command chain raise the level",
        },
    ],
    benign: &["inventory and management agents", "scripts of administrators"],
};

impl Signal for Lat03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let sessions = RemoteSessions::new(rows.table(&auth::TABLE));
        let mut ordered: Vec<Hit> = Vec::new();
        for row in starts(rows.table(&process::TABLE)) {
            match of_child(cx, row, &sessions) {
                Some(hit) => hits.push(hit),
                None => match of_automation(row, &sessions) {
                    Some(hit) => hits.push(hit),
                    None => ordered.extend(of_wmic(row)),
                },
            }
        }
        let remote = ordered.iter().filter(|h| h.level == Level::Medium).count();
        if remote as f64 >= cx.number(&META, "fan_out") {
            ordered
                .iter_mut()
                .filter(|h| h.level == Level::Medium)
                .for_each(|h| h.level = Level::High);
        }
        hits.append(&mut ordered);
        for block in script_blocks::blocks(rows.table(&script::TABLE)) {
            if let Some((technique, level, call)) = of_script(&block.text) {
                let explain = format!(
                    "A script runs a program through {}: {}",
                    if technique == "T1047" { "WMI" } else { "DCOM" },
                    quote(&call)
                );
                let key = format!("script {technique}");
                hits.push(
                    Hit::at(&META, block.row, key, explain)
                        .level(level)
                        .techniques(&[technique]),
                );
            }
        }
    }
}

fn of_child(cx: &Cx<'_>, row: Row<'_>, sessions: &RemoteSessions<'_>) -> Option<Hit> {
    let parent = stem(row.str(process::PARENT_NAME));
    let host_line = row.str(process::PARENT_CMDLINE).to_lowercase();
    let automation = host_line.contains("-embedding");
    let (technique, what) = match parent {
        "wmiprvse" => ("T1047", "The WMI provider host"),
        "mmc" if automation => ("T1021.003", "MMC, started for automation,"),
        "excel" | "winword" | "outlook" | "powerpnt" | "visio" if automation => {
            ("T1021.003", "An Office program, started for automation,")
        }
        _ => return None,
    };
    let image = stem(row.str(process::IMAGE_NAME));
    if [
        "wmiprvse", "werfault", "wermgr", "conhost", "splwow64", "unsecapp", "mofcomp", "dwwin",
    ]
    .contains(&image)
    {
        return None;
    }
    let line = row.str(process::CMDLINE);
    // impacket answers through a share of the host itself.
    let loopback = line.contains("\\\\127.0.0.1\\") || line.contains("\\\\localhost\\");
    let own = sessions.of(row.int(common::LOGON_ID));
    let session = own.or_else(|| {
        sessions
            .before(
                row.ts(),
                (cx.number(&META, "session") * 1e6) as i64,
                row.str(common::USER),
            )
            .filter(|_| row.text(common::USER).is_some())
    });
    let odd = starts::is_one_of(row, INTERPRETERS) || paths::user_writable(row.str(process::IMAGE)).is_some();
    if !odd && !loopback && own.is_none() {
        return None;
    }
    let from = session.map_or_else(String::new, |s| format!(" for a network logon from {}", origin(s)));
    let explain = format!("{what} started {image}{from}: {}", starts::command(row));
    let level = if loopback { Level::High } else { Level::Medium };
    let mut techniques = vec![technique];
    if loopback {
        techniques.push("T1021.002");
    }
    techniques.extend(technique_of(image, line).filter(|id| id.starts_with("T1059") || id.starts_with("T1218")));
    let mut hit = Hit::at(&META, row, format!("{parent}>{image}"), explain)
        .level(level)
        .techniques(&techniques);
    if let Some(s) = session {
        hit.add_row(s);
    }
    hit.iocs = starts::iocs(row);
    Some(hit)
}

/// A program that offers itself for automation, started for a network logon: somebody holds it from another host.
fn of_automation(row: Row<'_>, sessions: &RemoteSessions<'_>) -> Option<Hit> {
    let image = stem(row.str(process::IMAGE_NAME));
    let offered = matches!(image, "mmc" | "excel" | "winword" | "outlook" | "powerpnt" | "visio");
    let line = row.str(process::CMDLINE).to_lowercase();
    if !offered || !(line.contains("-embedding") || line.contains("/automation")) {
        return None;
    }
    let own = |c| sessions.of(row.int(c));
    let session = own(process::TARGET_LOGON_ID).or_else(|| own(common::LOGON_ID))?;
    let explain = format!(
        "{image} was started for automation by a network logon from {}",
        origin(session)
    );
    let mut hit = Hit::at(&META, row, format!("automation|{image}"), explain).techniques(&["T1021.003"]);
    hit.add_row(session);
    Some(hit)
}

/// `wmic [/node:HOST] process call create …`.
fn of_wmic(row: Row<'_>) -> Option<Hit> {
    if !starts::is_one_of(row, &["wmic"]) {
        return None;
    }
    let line = row.str(process::CMDLINE);
    let lower = line.to_lowercase();
    let tokens = cmdline::tokenize(&lower);
    let node = tokens
        .iter()
        .find_map(|w| w.strip_prefix("/node:").or_else(|| w.strip_prefix("-node:")));
    let host = node.map(|n| n.trim_matches(['"', '\'']));
    let here = |h: &str| {
        h.is_empty() || h == "." || h == "localhost" || h == "127.0.0.1" || h.split('.').next() == Some(row.host())
    };
    let create = lower.contains("process") && lower.contains("call") && lower.contains("create");
    match host.filter(|h| !here(h)) {
        Some(h) => {
            let what = if create { "run a program" } else { "ask or act" };
            let explain = format!("WMI was told to {what} on {h}: {}", quote(line));
            Some(
                Hit::at(
                    &META,
                    row,
                    format!("wmic node {}", if create { "create" } else { "other" }),
                    explain,
                )
                .techniques(&["T1047"]),
            )
        }
        None if create => {
            let explain = format!("WMI was told to run a program: {}", quote(line));
            Some(
                Hit::at(&META, row, "wmic create", explain)
                    .level(Level::Low)
                    .techniques(&["T1047"]),
            )
        }
        None => None,
    }
}

fn of_script(text: &str) -> Option<(&'static str, Level, String)> {
    static WMI: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:invoke-wmimethod|invoke-cimmethod|iwmi)\b[^\r\n|;]{0,300}\bwin32_process\b[^\r\n|;]{0,300}|\bwin32_process['\x22)\]\s]{0,6}\)?\s*\.\s*create\([^\r\n]{0,200}").ok()
    });
    static DCOM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?i)gettypefrom(?:progid|clsid)\(\s*["'$][^,()\r\n]{1,80}["']?\s*,\s*["'$][^)\r\n]{1,80}\)|\binvoke-dcom\b[^\r\n]{0,200}"#).ok()
    });
    // A module that defines such functions is no call.
    if text.len() > 20_000 {
        return None;
    }
    if let Some(m) = DCOM.as_ref().and_then(|r| r.find(text)) {
        return Some(("T1021.003", Level::Medium, m.as_str().to_owned()));
    }
    let call = WMI.as_ref()?.find(text)?.as_str();
    let remote = call.to_lowercase().contains("-computername") || call.to_lowercase().contains("-cn ");
    Some((
        "T1047",
        if remote { Level::Medium } else { Level::Low },
        call.to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn start(image: &str, parent: &str, parent_line: &str, line: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        sample.row(&process::TABLE, "srv", "2026-03-02T09:00:00Z", |b| {
            b.text(process::IMAGE_NAME, image);
            b.text(process::PARENT_NAME, parent);
            b.text(process::PARENT_CMDLINE, parent_line);
            b.text(process::CMDLINE, line);
        });
        sample.hits(&Lat03)
    }

    #[test]
    fn children_of_wmi_and_automation_count() {
        let wmi = start("powershell.exe", "wmiprvse.exe", "", "powershell -enc x");
        assert_eq!((wmi[0].level, &*wmi[0].key), (Level::Medium, "wmiprvse>powershell"));
        let impacket = start(
            "cmd.exe",
            "wmiprvse.exe",
            "",
            r"cmd.exe /Q /c dir 1> \\127.0.0.1\ADMIN$\__17 2>&1",
        );
        assert_eq!((impacket[0].level, impacket[0].techniques.len()), (Level::High, 3));
        let mmc = start("cmd.exe", "mmc.exe", r"C:\Windows\system32\mmc.exe -Embedding", "cmd");
        assert_eq!(mmc[0].techniques, ["T1021.003", "T1059.003"]);
        assert!(start("cmd.exe", "mmc.exe", "mmc compmgmt.msc", "cmd").is_empty());
        assert!(start("werfault.exe", "wmiprvse.exe", "", "").is_empty());
    }

    #[test]
    fn wmic_is_told_by_its_target_and_verb() {
        let wmic = |line: &str| start("wmic.exe", "cmd.exe", "", line).first().map(|h| h.level);
        assert_eq!(wmic("wmic /node:SRV2 process call create cmd"), Some(Level::Medium));
        assert_eq!(wmic("wmic process call create calc"), Some(Level::Low));
        assert_eq!(wmic("wmic os get caption"), None);
        assert_eq!(wmic("wmic /node:localhost os get caption"), None);
    }

    #[test]
    fn scripts_name_their_way() {
        let call = r#"Invoke-WmiMethod -ComputerName srv2 -Class Win32_Process -Name Create -ArgumentList "cmd""#;
        assert_eq!(of_script(call).map(|s| (s.0, s.1)), Some(("T1047", Level::Medium)));
        let dcom = r#"$c=[activator]::CreateInstance([type]::GetTypeFromProgID("MMC20.Application","10.0.0.5"))"#;
        assert_eq!(of_script(dcom).map(|s| s.0), Some("T1021.003"));
        assert_eq!(of_script("Get-WmiObject Win32_Process").map(|s| s.0), None);
    }
}
