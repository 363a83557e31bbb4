//! LAT-04: a command is run through Windows Remote Management.
//!
//! Sees: children of the remote shell's hosts (wsmprovhost, winrshost), `winrs -r:`, remote sessions opened by scripts, and a host that opens
//! port 5985 or 5986 of five others in an hour.
//! Why: PowerShell remoting is on by default on servers and runs anything.
//! Benign causes: administration by PowerShell, Ansible, monitoring.
//! Sources: Sigma's and Elastic's rules on wsmprovhost; MITRE ATT&CK T1021.006.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::remote_sessions::{self, RemoteSessions, origin};
use super::script_blocks;
use super::starts::{self, quote, starts, technique_of};
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::ip;
use crate::knowledge::programs::{base_name, stem};
use crate::lake::frame::Row;
use crate::schema::{auth, common, network, process, script};

/// See the module.
pub struct Lat04;

const SESSION_S: f64 = 60.0;
const TARGETS: f64 = 5.0;
const WINDOW_S: f64 = 3600.0;

static META: Meta = Meta {
    id: "LAT-04",
    title: "WinRM execution",
    sees: "The host process of a remote shell starts a program, a command or script opens a shell on another host (low), or one host opens \
           WinRM on five others within an hour.",
    why: "It gives an interactive shell on other hosts with stolen credentials.",
    techniques: &["T1021.006", "T1059.001", "T1059.003"],
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
        Reads {
            table: &network::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                network::DIRECTION,
                network::DST_PORT,
                network::DST_IP,
                network::IMAGE,
            ],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "session",
            value: SESSION_S,
            unit: "s",
            source: "[J] the logon precedes the shell",
        },
        Threshold {
            name: "targets",
            value: TARGETS,
            unit: "hosts",
            source: "[J] fan-out",
        },
        Threshold {
            name: "window",
            value: WINDOW_S,
            unit: "s",
            source: "[J] fan-out",
        },
    ],
    benign: &[
        "administration by PowerShell",
        "configuration management",
        "monitoring over WinRM",
    ],
};

impl Signal for Lat04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let sessions = RemoteSessions::new(rows.table(&auth::TABLE));
        for row in starts(rows.table(&process::TABLE)) {
            hits.extend(of_child(cx, row, &sessions).or_else(|| of_winrs(row)));
        }
        for block in script_blocks::blocks(rows.table(&script::TABLE)) {
            if let Some(call) = opens(&block.text) {
                let explain = format!("A script opens a remote shell: {}", quote(call));
                hits.push(
                    Hit::at(&META, block.row, "script", explain)
                        .level(Level::Low)
                        .techniques(&["T1021.006", "T1059.001"]),
                );
            }
        }
        hits.extend(fan_out(cx, rows));
    }
}

fn of_child(cx: &Cx<'_>, row: Row<'_>, sessions: &RemoteSessions<'_>) -> Option<Hit> {
    let parent = stem(row.str(process::PARENT_NAME));
    let image = stem(row.str(process::IMAGE_NAME));
    if !matches!(parent, "wsmprovhost" | "winrshost") || matches!(image, "conhost" | "werfault" | "wsmprovhost" | "") {
        return None;
    }
    let session = sessions.of(row.int(common::LOGON_ID)).or_else(|| {
        sessions.before(
            row.ts(),
            (cx.number(&META, "session") * 1e6) as i64,
            row.text(common::USER)?,
        )
    });
    let from = session.map_or_else(String::new, |s| format!(" from {}", origin(s)));
    let explain = format!("A remote shell{from} started {image}: {}", starts::command(row));
    let mut techniques = vec!["T1021.006"];
    techniques.extend(
        technique_of(image, row.str(process::CMDLINE)).filter(|id| id.starts_with("T1059") || id.starts_with("T1218")),
    );
    let mut hit = Hit::at(&META, row, format!("{parent}>{image}"), explain).techniques(&techniques);
    if let Some(s) = session {
        hit.add_row(s);
    }
    hit.iocs = starts::iocs(row);
    Some(hit)
}

fn of_winrs(row: Row<'_>) -> Option<Hit> {
    let line = row.str(process::CMDLINE);
    let lower = line.to_lowercase();
    let winrs =
        starts::is_one_of(row, &["winrs"]) && ["-r:", "/r:", "-remote:", "/remote:"].iter().any(|o| lower.contains(o));
    let call = starts::is_one_of(row, &["powershell", "pwsh"])
        .then(|| opens(line))
        .flatten();
    if !winrs && call.is_none() {
        return None;
    }
    let explain = format!("A remote shell was opened: {}", quote(line));
    Some(
        Hit::at(&META, row, if winrs { "winrs" } else { "command" }, explain)
            .level(Level::Low)
            .techniques(&["T1021.006"]),
    )
}

/// A call that opens a session on another host by name.
fn opens(text: &str) -> Option<&str> {
    static OPENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:enter-pssession|new-pssession|invoke-command|icm)\b[^\r\n|;]{0,200}-(?:computername|cn)\s+[^\r\n|;]{1,200}").ok()
    });
    // Longer texts are modules that define such functions.
    OPENS
        .as_ref()
        .filter(|_| text.len() <= 20_000)?
        .find(text)
        .map(|m| m.as_str())
}

fn fan_out(cx: &Cx<'_>, rows: &KeyRows<'_>) -> Option<Hit> {
    let is_winrm = |r: &Row<'_>| {
        matches!(r.int(network::DST_PORT), Some(5985 | 5986))
            && r.str(network::DIRECTION) != "in"
            && r.ip(network::DST_IP).is_some_and(|a| !ip::is_loopback(&a))
    };
    let out: Vec<Row<'_>> = rows.table(&network::TABLE).iter().filter(is_winrm).collect();
    let mut start = 0;
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for (end, row) in out.iter().enumerate() {
        *counts.entry(row.ip(network::DST_IP)).or_default() += 1;
        while let Some(old) = out
            .get(start)
            .filter(|o| row.ts() - o.ts() > (cx.number(&META, "window") * 1e6) as i64)
        {
            if let Some(n) = counts.get_mut(&old.ip(network::DST_IP)) {
                *n -= 1;
            }
            counts.retain(|_, n| *n > 0);
            start += 1;
        }
        if counts.len() as f64 >= cx.number(&META, "targets") {
            let evidence = out.get(start..=end)?;
            let program = base_name(row.str(network::IMAGE)).to_lowercase();
            let explain = format!(
                "{} opened WinRM on {} hosts within an hour",
                if program.is_empty() { "This host" } else { &program },
                counts.len()
            );
            let first = *evidence.first()?;
            let mut hit = Hit::at(&META, first, format!("fan-out {program}"), explain).techniques(&["T1021.006"]);
            evidence.iter().skip(1).take(19).for_each(|r| hit.add_row(*r));
            (hit.last, hit.count) = (row.ts(), evidence.len() as u64);
            return Some(hit);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn start(image: &str, parent: &str, line: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        sample.row(&process::TABLE, "srv", "2026-03-02T09:00:00Z", |b| {
            b.text(process::IMAGE_NAME, image);
            b.text(process::PARENT_NAME, parent);
            b.text(process::CMDLINE, line);
        });
        sample.hits(&Lat04)
    }

    #[test]
    fn children_of_the_remote_shell_count_and_its_own_start_does_not() {
        assert_eq!(
            start("powershell.exe", "wsmprovhost.exe", "powershell -enc x")[0].techniques,
            ["T1021.006", "T1059.001"]
        );
        assert_eq!(
            start("cmd.exe", "winrshost.exe", "cmd /c whoami")[0].key,
            "winrshost>cmd"
        );
        assert!(start("wsmprovhost.exe", "svchost.exe", "").is_empty());
        assert!(start("conhost.exe", "wsmprovhost.exe", "").is_empty());
    }

    #[test]
    fn the_opening_side_is_low() {
        assert_eq!(start("winrs.exe", "cmd.exe", "winrs -r:srv2 cmd")[0].level, Level::Low);
        assert_eq!(
            start(
                "powershell.exe",
                "cmd.exe",
                "powershell Invoke-Command -ComputerName srv2 -ScriptBlock {hostname}"
            )[0]
            .level,
            Level::Low
        );
        assert!(
            start(
                "powershell.exe",
                "cmd.exe",
                "powershell Invoke-Command -ScriptBlock {hostname}"
            )
            .is_empty()
        );
    }

    #[test]
    fn five_targets_are_a_fan_out() {
        let fan = |n: u8| {
            let mut sample = Sample::default();
            for i in 0..n {
                sample.row(&network::TABLE, "ws01", &format!("2026-03-02T09:0{i}:00Z"), |b| {
                    b.int(network::DST_PORT, 5985);
                    b.ip(network::DST_IP, &ip::parse(&format!("10.0.0.{i}")).unwrap());
                });
            }
            sample.hits(&Lat04).len()
        };
        assert_eq!((fan(6), fan(4)), (1, 0));
    }
}
