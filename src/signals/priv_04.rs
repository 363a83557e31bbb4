//! PRIV-04: a process puts code into another one.
//!
//! Sees: threads started in another process outside any module or at LoadLibrary (Sysmon 8, MDE), images replaced in memory (Sysmon 25), and
//! full access from code outside any module to system or user programs (Sysmon 10).
//! Why: injected code hides in a trusted process and has its rights.
//! Benign causes: security products, debuggers, csrss and WMI; programs of administrators' folders count only for strong marks.
//! Sources: Sigma's rules on create_remote_thread; Sysmon's documentation of events 8, 10 and 25; MITRE ATT&CK T1055.

use std::collections::HashMap;

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::quote;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::{INTERPRETERS, base_name, contains, stem};
use crate::lake::frame::Row;
use crate::rules::paths;
use crate::schema::{common, file, process_access as t};

/// See the module.
pub struct Priv04;

const JOIN_S: f64 = 600.0;
/// Write and operate in the memory of a process, and start threads there. \[J\]
const INJECT: i64 = 0x2a;
/// Targets that everything trusts.
const TARGETS: &[&str] = &[
    "chrome",
    "csrss",
    "dllhost",
    "explorer",
    "firefox",
    "iexplore",
    "lsass",
    "msedge",
    "notepad",
    "outlook",
    "powershell",
    "runtimebroker",
    "searchindexer",
    "services",
    "spoolsv",
    "svchost",
    "taskhostw",
    "teams",
    "werfault",
    "winlogon",
    "wmiprvse",
];
/// Processes that start threads in others as a part of Windows or of debugging.
const SOURCES: &[&str] = &[
    "csrss",
    "dwm",
    "logonui",
    "mrt",
    "msmpeng",
    "mssense",
    "services",
    "smss",
    "svchost",
    "vmtoolsd",
    "vsdebugconsole",
    "werfault",
    "windbg",
    "wininit",
    "winlogon",
    "wmiprvse",
];

static META: Meta = Meta {
    id: "PRIV-04",
    title: "Process injection",
    sees: "A thread is started in another process outside any module or at the loader's entry, an image is replaced in memory, or code outside \
           any module opens a trusted process with rights to write and start threads; a program in a user's folder opens a file transaction, \
           from which a process can be started that no file shows.",
    why: "Code in a trusted process escapes rules on programs and keeps its rights.",
    techniques: &["T1055", "T1055.001", "T1055.012", "T1055.013"],
    stage: "privilege-escalation",
    family: "privilege escalation",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                t::IMAGE,
                t::TARGET_IMAGE,
                t::ACCESS,
                t::CALL_TRACE,
                t::START_MODULE,
                t::START_FUNCTION,
                t::START_ADDRESS,
            ],
        },
        Reads {
            table: &file::TABLE,
            columns: &[common::ACTION, common::USER, file::IMAGE],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "join",
        value: JOIN_S,
        unit: "s",
        source: "[J] one injector works on one target for minutes",
    }],
    benign: &[
        "security products",
        "debuggers and profilers",
        "software that hooks others (screen readers, input methods)",
    ],
};

impl Signal for Priv04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut last: HashMap<String, usize> = HashMap::new();
        let mut mine: Vec<Hit> = Vec::new();
        for row in rows.table(&t::TABLE).iter() {
            let Some((what, technique)) = injection(row) else {
                continue;
            };
            let (source, target) = (program(row.str(t::IMAGE)), program(row.str(t::TARGET_IMAGE)));
            let key = format!("{source}>{target}");
            if let Some(earlier) = last
                .get(&key)
                .and_then(|at| mine.get_mut(*at))
                .filter(|h| row.ts() - h.last <= (cx.number(&META, "join") * 1e6) as i64)
            {
                if earlier.rows.len() < 20 {
                    earlier.add_row(row);
                }
                (earlier.last, earlier.count) = (row.ts(), earlier.count + 1);
                continue;
            }
            let into = if target.is_empty() {
                String::new()
            } else {
                format!(" in {target}")
            };
            let explain = format!("{} {what}{into}", quote(row.str(t::IMAGE)));
            let mut hit = Hit::at(&META, row, key.clone(), explain).techniques(&[technique]);
            if !paths::is_protected(row.str(t::IMAGE)) && row.str(t::IMAGE).contains('\\') {
                hit.iocs.push(Ioc::File(row.str(t::IMAGE).to_owned()));
            }
            last.insert(key, mine.len());
            mine.push(hit);
        }
        hits.append(&mut mine);
        let mut transactions = Folded::default();
        for row in rows.table(&file::TABLE).iter() {
            transaction(row).into_iter().for_each(|h| transactions.add(h));
        }
        hits.extend(transactions.into_hits());
    }
}

/// A file transaction (Security 4985) of a program in a user's folder: Windows and installers use them, others since long
/// do not.
fn transaction(row: Row<'_>) -> Option<Hit> {
    let image = row
        .text(file::IMAGE)
        .filter(|_| row.str(common::ACTION) == "transaction")?;
    let place = paths::user_writable(image)?;
    let explain = format!("{}, which runs from {place}, opened a file transaction", quote(image));
    let hit = Hit::at(&META, row, format!("transaction|{}", program(image)), explain);
    Some(hit.techniques(&["T1055.013"]).ioc(Ioc::File(image.to_owned())))
}

fn program(path: &str) -> String {
    stem(base_name(path)).to_lowercase()
}

fn injection(row: Row<'_>) -> Option<(&'static str, &'static str)> {
    let image = row.str(t::IMAGE);
    let (source, target) = (program(image), program(row.str(t::TARGET_IMAGE)));
    let action = row.str(common::ACTION);
    if action == "tamper" {
        // Browsers and installers replace parts of their own image.
        let browser = contains(crate::knowledge::programs::BROWSERS, &source) && paths::is_protected(image);
        return (!browser).then_some(("was replaced in memory", "T1055.012"));
    }
    let system = paths::is_protected(image) && contains(SOURCES, &source);
    if source.is_empty() || system || source == target {
        return None;
    }
    let installed = image.to_lowercase().contains("\\program files") && paths::is_protected(image);
    match action {
        "remote_thread" => {
            let module = row.str(t::START_MODULE);
            let function = row.str(t::START_FUNCTION).to_lowercase();
            let outside = module.is_empty() || module == "-" || module.to_uppercase().contains("UNKNOWN");
            let loader = function.starts_with("loadlibrary");
            let odd = contains(TARGETS, &target) || contains(INTERPRETERS, &source) || !paths::is_protected(image);
            if loader && !installed {
                return Some(("made another process load a library", "T1055.001"));
            }
            (outside && odd && !installed).then_some(("started a thread outside any module", "T1055"))
        }
        "inject" => (!installed).then_some(("put code into another process", "T1055")),
        "open" => {
            let unknown = row.str(t::CALL_TRACE).contains("UNKNOWN(");
            let mask = row.int(t::ACCESS).unwrap_or(0);
            // LSASS is read for its secrets: CRED-01.
            let trusted = contains(TARGETS, &target) && target != "lsass";
            (unknown && mask & INJECT == INJECT && trusted && !installed)
                .then_some(("took the rights to write and start threads", "T1055"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn access(action: &str, source: &str, target: &str, module: &str, mask: i64, trace: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, action);
            b.text(t::IMAGE, source);
            b.text(t::TARGET_IMAGE, target);
            b.text(t::START_MODULE, module);
            b.text(t::CALL_TRACE, trace);
            b.int(t::ACCESS, mask);
        });
        sample.hits(&Priv04)
    }

    #[test]
    fn threads_replaced_images_and_full_access_count() {
        assert_eq!(
            access("remote_thread", r"C:\t\a.exe", r"C:\Windows\explorer.exe", "", 0, "")[0].key,
            "a>explorer"
        );
        assert_eq!(
            access("tamper", r"C:\t\a.exe", "", "", 0, "")[0].techniques,
            ["T1055.012"]
        );
        let trace = r"C:\Windows\SYSTEM32\ntdll.dll+9|UNKNOWN(00000123)";
        assert_eq!(
            access(
                "open",
                r"C:\t\a.exe",
                r"C:\Windows\System32\svchost.exe",
                "",
                0x1f_3fff,
                trace
            )
            .len(),
            1
        );
    }

    #[test]
    fn windows_security_products_and_debuggers_are_silent() {
        let explorer = r"C:\Windows\explorer.exe";
        assert!(access("remote_thread", r"C:\Windows\System32\csrss.exe", explorer, "", 0, "").is_empty());
        assert!(
            access(
                "remote_thread",
                r"C:\ProgramData\Microsoft\Windows Defender\Platform\4\MsMpEng.exe",
                explorer,
                r"C:\Windows\System32\ntdll.dll",
                0,
                ""
            )
            .is_empty()
        );
        let debugger = r"C:\Program Files\Microsoft Visual Studio\vsdebug.exe";
        assert!(
            access(
                "open",
                debugger,
                r"C:\Windows\System32\svchost.exe",
                "",
                0x1f_ffff,
                "UNKNOWN(0)"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_transaction_of_a_users_program_counts() {
        let run = |image: &str| {
            let mut sample = Sample::default();
            sample.row(&file::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(common::ACTION, "transaction");
                b.text(file::IMAGE, image);
            });
            sample.hits(&Priv04).len()
        };
        assert_eq!(run(r"C:\ProgramData\pd64.exe"), 1);
        assert_eq!(run(r"C:\Windows\servicing\TrustedInstaller.exe"), 0);
    }
}
