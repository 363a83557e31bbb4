//! FILE-13: what a browser, document, script host or another host wrote is run.
//!
//! Sees: an executable or script written by a document application, mail client, browser, script host, download tool or the SMB server
//! (Sysmon 11), or marked as from the internet, that is started, or named by the command line of an interpreter, within a day.
//! Why: between the download and the start lies the moment in which an intrusion begins.
//! Benign causes: users who install what they downloaded, administrators who copy tools, tools that unpack helpers.
//! Sources: ATT&CK T1105, T1204.002, T1570; a browser's download counts less, people do that every day \[J\].

use std::collections::HashMap;

use ahash::RandomState;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::time::SECOND;
use crate::knowledge::programs::{BROWSERS, DOCUMENT_APPLICATIONS, base_name, contains, stem};
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::rules::paths;
use crate::schema::{common, file, process as t};

/// See the module.
pub struct File13;

/// What can be run, by extension.
const RUNNABLE: &[&str] = &[
    "bat", "cmd", "com", "cpl", "dll", "exe", "hta", "iso", "jar", "js", "jse", "lnk", "msi", "ocx", "ps1", "scr",
    "vbe", "vbs", "wsf",
];
/// Programs that fetch or unpack what scripts tell them. Sorted.
const FETCHERS: &[&str] = &[
    "bitsadmin",
    "certutil",
    "cscript",
    "curl",
    "desktopimgdownldr",
    "expand",
    "mshta",
    "powershell",
    "pwsh",
    "regsvr32",
    "rundll32",
    "wget",
    "wscript",
];
/// Process id of the kernel, whose SMB server writes what other hosts copy.
const KERNEL: i64 = 4;

static META: Meta = Meta {
    id: "FILE-13",
    title: "Dropped, then run",
    sees: "An executable or script that a document application, browser, script host, download tool or another host wrote is started, or named \
           by an interpreter's command line, within a day.",
    why: "Between the download and the start an intrusion begins.",
    techniques: &["T1105", "T1204.002", "T1570"],
    stage: "execution",
    family: "files",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
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
                file::KIND,
                file::PID,
                file::PROC_GUID,
                file::IMAGE,
                file::CONTENTS,
                file::ORIGIN_URL,
            ],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "hours",
            value: 24.0,
            unit: "h from the file to its start, at most",
            source: "detection notes FILE-13 [J]",
        },
        Threshold {
            name: "browser_quality",
            value: 0.4,
            unit: "quality of a browser's download",
            source: "[J] people install what they downloaded",
        },
    ],
    benign: &[
        "users who install what they downloaded",
        "administrators who copy tools",
        "tools that unpack their helpers",
    ],
};

/// How a file came.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Document,
    Browser,
    Fetcher,
    Share,
}

impl Signal for File13 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut written: HashMap<String, (Row<'_>, Way), RandomState> = HashMap::default();
        for row in rows.table(&file::TABLE).iter() {
            if let Some(way) = way(row) {
                written.insert(key_of(row.str(file::PATH)), (row, way));
            }
        }
        if written.is_empty() {
            return;
        }
        let within = (cx.number(&META, "hours") * 3_600.0 * SECOND as f64) as i64;
        let mut told: HashMap<String, usize, RandomState> = HashMap::default();
        for start in starts::starts(rows.table(&t::TABLE)) {
            let Some((path, (drop, way))) = dropped(start, &written) else {
                continue;
            };
            if !(0..=within).contains(&(start.ts() - drop.ts())) {
                continue;
            }
            match told.get(&path).and_then(|at| hits.get_mut(*at)) {
                Some(earlier) => (earlier.last, earlier.count) = (start.ts(), earlier.count + 1),
                None => {
                    told.insert(path.clone(), hits.len());
                    hits.push(hit(cx, start, drop, way, &path));
                }
            }
        }
    }
}

fn way(row: Row<'_>) -> Option<Way> {
    let (action, kind) = (row.str(common::ACTION), row.str(file::KIND));
    if !RUNNABLE.contains(&row.str(file::EXT)) || row.str(file::NAME).starts_with("__psscriptpolicytest_") {
        return None;
    }
    if kind == "stream" {
        let marked = row.str(file::CONTENTS).contains("ZoneId=3") || row.text(file::ORIGIN_URL).is_some();
        return marked.then_some(Way::Browser);
    }
    if !matches!(action, "create" | "write" | "rename") {
        return None;
    }
    let writer = base_name(row.str(file::IMAGE));
    if row.int(file::PID) == Some(KERNEL) && writer.eq_ignore_ascii_case("system") {
        return Some(Way::Share);
    }
    let sets = [
        (DOCUMENT_APPLICATIONS, Way::Document),
        (BROWSERS, Way::Browser),
        (FETCHERS, Way::Fetcher),
    ];
    sets.into_iter()
        .find(|(set, _)| contains(set, writer))
        .map(|(_, way)| way)
}

/// A path as it is looked up: lower case, without the name of a stream.
fn key_of(path: &str) -> String {
    let lower = path.to_lowercase();
    match lower.rsplit_once(':') {
        Some((file, stream)) if file.len() > 1 && !stream.contains('\\') => file.to_owned(),
        _ => lower,
    }
}

/// The written file that a start runs: its image, or what the command line of an interpreter names.
fn dropped<'a>(
    start: Row<'a>,
    written: &HashMap<String, (Row<'a>, Way), RandomState>,
) -> Option<(String, (Row<'a>, Way))> {
    let image = start.str(t::IMAGE).to_lowercase();
    if let Some(found) = written.get(&image) {
        return Some((image, *found));
    }
    if !starts::is_one_of(start, crate::knowledge::programs::INTERPRETERS) {
        return None;
    }
    tokenize(start.str(t::CMDLINE))
        .into_iter()
        .skip(1)
        .find_map(|argument| {
            let argument = argument.to_lowercase();
            let path = argument.split(',').next().unwrap_or("").trim_matches(['"', '\'']);
            written.get(path).map(|found| (path.to_owned(), *found))
        })
}

fn hit(cx: &Cx<'_>, start: Row<'_>, drop: Row<'_>, way: Way, path: &str) -> Hit {
    let writer = base_name(drop.str(file::IMAGE)).to_lowercase();
    let how = match way {
        Way::Share => "another host had written".to_owned(),
        Way::Browser if drop.str(file::KIND) == "stream" => "came from the internet".to_owned(),
        _ => format!("{writer} had written"),
    };
    let seconds = (start.ts() - drop.ts()) / SECOND;
    let explain = match drop.text(file::ORIGIN_URL) {
        Some(url) => format!("{} ran {seconds} s after its file came from {url}", command(start)),
        None => format!("{} ran {seconds} s after its file {how}: {path}", command(start)),
    };
    let name = stem(base_name(path)).to_owned();
    let mut hit = Hit::at(&META, start, format!("{writer}|{name}"), explain)
        .quality(if way == Way::Browser {
            cx.number(&META, "browser_quality")
        } else {
            1.0
        })
        .techniques(match way {
            Way::Share => &["T1570"],
            Way::Document | Way::Browser => &["T1204.002"],
            Way::Fetcher => &["T1105"],
        });
    if way == Way::Share && paths::user_writable(path).is_none() {
        // A service that another host installs lies where administrators put it.
        hit = hit.quality(0.7);
    }
    hit.iocs = starts::iocs(start);
    hit.iocs.push(Ioc::File(drop.str(file::PATH).to_owned()));
    hit.iocs
        .extend(drop.text(file::ORIGIN_URL).map(|u| Ioc::Url(u.to_owned())));
    hit.add_row(drop);
    hit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::start;
    use crate::signals::testing::Sample;

    fn hits(writer: (&str, i64), path: &str, image: &str, line: &str, at: &str) -> Vec<Hit> {
        let mut s = Sample::default();
        s.row(&file::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "create");
            b.text(file::PATH, path);
            b.text(file::EXT, path.rsplit('.').next().unwrap());
            b.text(file::IMAGE, writer.0);
            b.int(file::PID, writer.1);
        });
        start(&mut s, at, image, "explorer.exe", line);
        s.hits(&File13)
    }

    #[test]
    fn what_documents_tools_and_other_hosts_wrote_fires_when_it_runs() {
        let path = r"C:\Users\a\AppData\Local\Temp\a.exe";
        let at = "2026-03-02T09:00:20Z";
        assert_eq!(
            hits((r"C:\Office\WINWORD.EXE", 77), path, path, "a.exe", at)[0].techniques,
            ["T1204.002"]
        );
        assert_eq!(
            hits(
                ("System", 4),
                r"C:\Windows\svc.exe",
                r"C:\Windows\svc.exe",
                "svc.exe",
                at
            )
            .len(),
            1
        );
        let line = r"rundll32.exe C:\Temp\a.dll,Start";
        assert_eq!(
            hits(
                (r"C:\x\curl.exe", 9),
                r"C:\Temp\a.dll",
                r"C:\Windows\System32\rundll32.exe",
                line,
                at
            )
            .len(),
            1
        );
    }

    #[test]
    fn installers_documents_and_old_files_stay_quiet() {
        let at = "2026-03-02T09:00:05Z";
        let program = r"C:\Program Files\a.exe";
        assert!(hits((r"C:\Windows\System32\msiexec.exe", 7), program, program, "a.exe", at).is_empty());
        let pdf = r"C:\Users\a\Downloads\a.pdf";
        assert!(hits((r"C:\x\chrome.exe", 7), pdf, r"C:\x\acrord32.exe", pdf, at).is_empty());
        let path = r"C:\Users\a\Downloads\a.exe";
        assert!(hits((r"C:\x\chrome.exe", 7), path, path, "a.exe", "2026-04-12T09:00:05Z").is_empty());
    }
}
