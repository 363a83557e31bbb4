//! CRED-01: the memory of LSASS is read or dumped.
//!
//! Sees: handles to lsass.exe with the right to read its memory (Sysmon 10, Security 4656 and 4663, MDE) by programs that show two marks of
//! a tool; commands and scripts that dump it; dump files; settings that make Windows dump it.
//! Why: LSASS holds the credentials of everyone who is logged on.
//! Benign causes: Windows' own processes (left out by path), security products, debuggers, crash reports.
//! Sources: pairs of source and access mask measured over 145 public captures; Sigma's and Elastic's rules on lsass; T1003.001.

use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes};
use super::script_blocks;
use super::starts::{self, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::{INTERPRETERS, base_name, contains, stem};
use crate::lake::frame::Row;
use crate::rules::launch::folded;
use crate::rules::{paths, registry_path};
use crate::schema::{common, file, process, process_access as t, registry, script};

/// See the module.
pub struct Cred01;

/// PROCESS_VM_READ.
const VM_READ: i64 = 0x10;
const MARKS: f64 = 2.0;
const JOIN_S: f64 = 600.0;
/// Masks that dumping tools ask for. \[M\]
const TOOL_MASKS: &[i64] = &[0x1010, 0x1410, 0x1438, 0x143a, 0x1038, 0x1f_ffff, 0x1f_0fff, 0x1f_3fff];

static META: Meta = Meta {
    id: "CRED-01",
    title: "LSASS access",
    sees: "A program opens LSASS for reading with two marks of a tool (code outside any module, dbghelp or dbgcore, a folder of users or an \
           interpreter, a mask of dumping tools), or LSASS is dumped by command, script, file or setting. High and decisive with code outside \
           any module, a dump or a known tool.",
    why: "From the memory of LSASS come passwords, hashes and tickets for the next hosts.",
    techniques: &["T1003.001"],
    stage: "credential-access",
    family: "credentials",
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
                t::PID,
                t::PROC_GUID,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &file::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                file::PATH,
                file::NAME,
                file::EXT,
                file::IMAGE,
            ],
        },
        Reads {
            table: &registry::TABLE,
            columns: registry_changes::COLUMNS,
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
            name: "marks",
            value: MARKS,
            unit: "marks",
            source: "[M] separates tools from Windows' own readers in 145 captures",
        },
        Threshold {
            name: "join",
            value: JOIN_S,
            unit: "s",
            source: "[J] accesses of one program and its dump are one event",
        },
    ],
    benign: &[
        "security products",
        "debuggers and crash reports",
        "monitoring agents that read all processes",
    ],
};

struct Access<'a> {
    row: Row<'a>,
    who: String,
    explain: String,
    decisive: bool,
}

impl Signal for Cred01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found: Vec<Access<'_>> = rows.table(&t::TABLE).iter().filter_map(of_access).collect();
        found.extend(starts(rows.table(&process::TABLE)).into_iter().filter_map(of_command));
        found.extend(rows.table(&file::TABLE).iter().filter_map(of_file));
        for block in script_blocks::blocks(rows.table(&script::TABLE)) {
            if dumps(&block.text) {
                let explain = format!("A script reads credentials from memory: {}", quote(&block.text));
                found.push(Access {
                    row: block.row,
                    who: "script".to_owned(),
                    explain,
                    decisive: true,
                });
            }
        }
        let wanted = |k: &str| {
            k.contains("\\silentprocessexit\\lsass.exe")
                || k.ends_with("\\localdumps")
                || k.contains("\\localdumps\\lsass.exe")
        };
        for c in changes(rows.table(&registry::TABLE), wanted)
            .iter()
            .filter(|c| c.is_set())
        {
            let relevant =
                c.key.contains("lsass.exe") || (c.value == "dumptype" && registry_path::number(c.data) == Some(2));
            if relevant {
                let explain = format!(
                    "{} told Windows to dump LSASS: {} = {}",
                    c.writer(),
                    c.path(),
                    quote(c.data)
                );
                found.push(Access {
                    row: c.row,
                    who: c.writer(),
                    explain,
                    decisive: c.key.contains("lsass.exe"),
                });
            }
        }
        found.sort_by_key(|f| f.row.ts());
        let mut mine: Vec<Hit> = Vec::new();
        for f in found {
            // One program opens LSASS many times; its dump file follows.
            let same = mine
                .iter_mut()
                .rev()
                .find(|h| f.row.ts() - h.last <= (cx.number(&META, "join") * 1e6) as i64 && h.key == f.who);
            match same {
                Some(earlier) => {
                    if earlier.rows.len() < 20 {
                        earlier.add_row(f.row);
                    }
                    if f.decisive && !earlier.decisive {
                        (earlier.decisive, earlier.level, earlier.explain) = (true, Level::High, f.explain);
                    }
                    (earlier.last, earlier.count) = (f.row.ts(), earlier.count + 1);
                }
                None => mine.push(hit(f)),
            }
        }
        hits.append(&mut mine);
    }
}

fn hit(f: Access<'_>) -> Hit {
    let level = if f.decisive { Level::High } else { Level::Medium };
    let mut hit = Hit::at(&META, f.row, f.who, f.explain)
        .level(level)
        .decisive(f.decisive);
    let image = match f.row.table().name {
        "process_access" => f.row.str(t::IMAGE),
        "process" => f.row.str(process::IMAGE),
        _ => "",
    };
    if image.contains('\\') && !paths::is_protected(image) {
        hit.iocs.push(Ioc::File(image.to_owned()));
    }
    hit
}

fn of_access(row: Row<'_>) -> Option<Access<'_>> {
    let target = row.text(t::TARGET_IMAGE)?;
    if !base_name(target).eq_ignore_ascii_case("lsass.exe") || !matches!(row.str(common::ACTION), "open" | "read_mem") {
        return None;
    }
    let mask = row
        .int(t::ACCESS)
        .or((row.str(common::ACTION) == "read_mem").then_some(VM_READ))?;
    if mask & VM_READ == 0 {
        return None;
    }
    let image = row.str(t::IMAGE);
    let program = stem(base_name(image)).to_lowercase();
    let trace = row.str(t::CALL_TRACE);
    let unknown = trace.contains("UNKNOWN(");
    let debug = ["dbghelp.dll", "dbgcore.dll"]
        .iter()
        .any(|d| trace.to_lowercase().contains(d));
    let tool = is_tool(&program);
    if is_ordinary(image, &program, mask, unknown) && !tool {
        return None;
    }
    let odd = paths::user_writable(image).is_some()
        || contains(INTERPRETERS, &program)
        || program == "wsmprovhost"
        || !paths::is_protected(image);
    let mut marks: Vec<&str> = Vec::new();
    marks.extend(unknown.then_some("code outside any module"));
    marks.extend(debug.then_some("the library that writes dumps"));
    marks.extend(odd.then_some("a program that has no business there"));
    marks.extend(
        TOOL_MASKS
            .contains(&mask)
            .then_some("rights that dumping tools ask for"),
    );
    marks.extend(tool.then_some("a known tool"));
    if (marks.len() as f64) < MARKS {
        return None;
    }
    let explain = format!(
        "{} opened LSASS with access {mask:#x} ({})",
        quote(image),
        marks.join(", ")
    );
    Some(Access {
        row,
        who: folded(&program),
        explain,
        decisive: unknown || debug || tool,
    })
}

/// Windows' own readers by path, and installed programs, whose agents read every process.
fn is_ordinary(image: &str, program: &str, mask: i64, unknown: bool) -> bool {
    let lower = image.to_lowercase();
    let system = lower.contains("\\windows\\system32\\") || lower.contains("\\windows\\syswow64\\");
    match program {
        "csrss" | "wininit" | "services" | "lsm" | "lsass" | "smss" => system,
        "svchost" | "wmiprvse" | "vmtoolsd" => system && !unknown,
        "taskmgr" => system && mask != 0x1f_ffff,
        "msmpeng" | "mssense" | "nissrv" | "mrt" | "sensecncproxy" => {
            paths::is_protected(image) || lower.contains("\\programdata\\microsoft\\windows defender\\")
        }
        _ => lower.contains("\\program files") && paths::is_protected(image),
    }
}

fn is_tool(program: &str) -> bool {
    [
        "mimikatz",
        "procdump",
        "nanodump",
        "sharpdump",
        "dumpert",
        "lsassy",
        "safetykatz",
        "andrewspecial",
        "pypykatz",
        "handlekatz",
        "sqldumper",
    ]
    .iter()
    .any(|t| program.contains(t))
}

fn of_command(row: Row<'_>) -> Option<Access<'_>> {
    let line = row.str(process::CMDLINE);
    let (image, original) = starts::names(row);
    let lower = line.to_lowercase();
    let named = |n: &str| image == n || original == n;
    let by_program = (named("procdump") || image.starts_with("procdump"))
        && (lower.contains("lsass") || lower.contains(" -ma "))
        || named("rdrleakdiag") && lower.contains("memdmp")
        || named("tttracer") && lower.contains("-attach")
        || named("sqldumper") && !lower.is_empty() && lower.contains("0x01100")
        || ["mimikatz", "nanodump", "sharpdump", "dumpert", "safetykatz"]
            .iter()
            .any(|t| image.contains(t) || original.contains(t));
    if !by_program && !dumps(line) {
        return None;
    }
    let explain = format!("A command reads credentials from LSASS: {}", starts::command(row));
    Some(Access {
        row,
        who: folded(&image),
        explain,
        decisive: true,
    })
}

/// Commands and calls that dump LSASS or run a credential tool in memory.
fn dumps(text: &str) -> bool {
    static DUMPS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?i)\bcomsvcs(?:\.dll)?[^\r\n]{0,40}(?:minidump|#[\s+-]*0*24\b)",
            r"|\bsekurlsa::|\blsadump::(?:lsa|sam|secrets|cache)|\binvoke-mimikatz\b|\bout-minidump\b|\bprivilege::debug\b",
            r"|\bminidumpwritedump\b[^\r\n]{0,200}\blsass\b|\blsass\b[^\r\n]{0,200}\bminidumpwritedump\b",
            r"|\bget-process\s+['\x22]?lsass\b[^\r\n]{0,300}\b(?:minidump|dump)",
        ))
        .ok()
    });
    DUMPS.as_ref().is_some_and(|r| r.is_match(text))
}

/// Dump files that say what they hold.
fn of_file(row: Row<'_>) -> Option<Access<'_>> {
    if row.str(common::ACTION) != "create" {
        return None;
    }
    let name = row.str(file::NAME);
    let dump = ["dmp", "mdmp", "dump"].contains(&row.str(file::EXT));
    let known = ["dumpert.dmp", "andrew.dmp", "sqldmpr0001.mdmp", "nanodump.dmp"];
    let telling = (dump && name.contains("lsass")) || known.contains(&name);
    if !telling {
        return None;
    }
    let image = row.str(file::IMAGE);
    let who = folded(&stem(base_name(image)).to_lowercase());
    let explain = format!("{} wrote a dump of LSASS: {}", quote(image), row.str(file::PATH));
    // Error reporting dumps LSASS when it crashes.
    let decisive = who != "werfault" && who != "wermgr";
    Some(Access {
        row,
        who,
        explain,
        decisive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn open(image: &str, mask: i64, trace: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "open");
            b.text(t::IMAGE, image);
            b.text(t::TARGET_IMAGE, r"C:\Windows\system32\lsass.exe");
            b.int(t::ACCESS, mask);
            b.text(t::CALL_TRACE, trace);
        });
        sample.hits(&Cred01)
    }

    #[test]
    fn tools_are_high_and_decisive() {
        for (image, mask, trace) in [
            (
                r"C:\t\nanodump.x64.exe",
                0x1010,
                r"C:\Windows\SYSTEM32\ntdll.dll+1|UNKNOWN(0)",
            ),
            (
                r"C:\Windows\System32\rundll32.exe",
                0x1f_ffff,
                r"C:\Windows\system32\dbgcore.dll+1",
            ),
            (r"C:\t\procdump64.exe", 0x1f_ffff, r"C:\Windows\SYSTEM32\dbghelp.dll+1"),
        ] {
            let hits = open(image, mask, trace);
            assert_eq!(
                (hits.len(), hits[0].level, hits[0].decisive),
                (1, Level::High, true),
                "{image}"
            );
        }
        assert_eq!(open(r"C:\w\powershell.exe", 0x1010, "")[0].level, Level::Medium);
    }

    #[test]
    fn rights_that_read_nothing_and_windows_own_readers_are_silent() {
        for (image, mask) in [
            (r"C:\Windows\System32\svchost.exe", 0x1000),
            (r"C:\Windows\System32\svchost.exe", 0x1010),
            (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", 0x40),
            (r"C:\Windows\System32\csrss.exe", 0x1f_ffff),
            (r"C:\Windows\System32\wbem\wmiprvse.exe", 0x1410),
            (r"C:\Program Files\Vendor\agent.exe", 0x1410),
        ] {
            assert!(open(image, mask, "").is_empty(), "{image} {mask:#x}");
        }
        assert_eq!(open(r"C:\Temp\csrss.exe", 0x1f_ffff, "").len(), 1);
    }

    #[test]
    fn a_dump_by_command_and_its_file_are_found() {
        let mut sample = Sample::default();
        sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(process::IMAGE_NAME, "rundll32.exe");
            b.text(
                process::CMDLINE,
                r"rundll32.exe C:\windows\System32\comsvcs.dll, MiniDump 624 C:\t\l.dmp full",
            );
        });
        sample.row(&file::TABLE, "ws01", "2026-03-02T09:00:01Z", |b| {
            b.text(common::ACTION, "create");
            b.text(file::PATH, r"C:\t\lsass.dmp");
            b.text(file::NAME, "lsass.dmp");
            b.text(file::EXT, "dmp");
            b.text(file::IMAGE, r"C:\Windows\System32\rundll32.exe");
        });
        let hits = sample.hits(&Cred01);
        assert_eq!((hits.len(), hits[0].rows.len(), hits[0].decisive), (1, 2, true));
        assert!(!dumps("rundll32 comsvcs.dll,Other 24"));
    }
}
