//! PROC-02: a core process of Windows with a wrong parent, path or command line.
//!
//! Sees: lsass, svchost, services and their like started by a process that never starts them, from a folder they never
//! lie in, svchost without `-k`, or a second lsass within one boot.
//! Why: malware takes their names to look ordinary, and hollows them out to run inside.
//! Benign causes: containers and Windows Sandbox; a parent that the log does not name is not judged.
//! Sources: Elastic unusual_parentchild_relationship; Sigma svchost_uncommon_parent; Microsoft's boot sequence.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::core_processes::{CoreProcess, core_process};
use crate::knowledge::programs::{INTERPRETERS, contains, stem};
use crate::lake::frame::Row;
use crate::schema::process as t;

/// See the module.
pub struct Proc02;

const QUALITY_EXPLORER: f64 = 0.5;

static META: Meta = Meta {
    id: "PROC-02",
    title: "Core process with wrong parent or path",
    sees: "A core process of Windows (lsass, services, svchost, csrss, winlogon …) whose parent, folder or command line \
           is not what it always is, a second lsass within one boot, or a shell started by lsass or another process that starts none.",
    why: "Malware borrows these names to look ordinary and starts these programs to run inside them.",
    techniques: &["T1036.005", "T1055"],
    stage: "stealth",
    family: "process lineage",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "explorer_quality",
        value: QUALITY_EXPLORER,
        unit: "quality",
        source: "[J] programs and administrators restart the desktop shell",
    }],
    benign: &[
        "containers and Windows Sandbox",
        "programs that open a folder with explorer (not reported: it has arguments then)",
    ],
};

impl Signal for Proc02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        // The lsass of the present boot, once its boot was seen.
        let mut booted = false;
        let mut lsass: Option<Row<'_>> = None;
        for row in starts::starts(rows.table(&t::TABLE)) {
            hits.extend(of_childless(row));
            let Some(core) = core_process(row.str(t::IMAGE_NAME)) else {
                continue;
            };
            if core.name == "wininit" {
                (booted, lsass) = (true, None);
            }
            if let Some(wrong) = wrong(core, row) {
                hits.push(hit(core, row, &wrong));
            } else if core.name == "lsass" {
                if let Some(first) = lsass.filter(|_| booted) {
                    let second = Wrong {
                        what: "second",
                        text: "while one already ran since the boot".to_owned(),
                        technique: "T1055",
                        quality: 1.0,
                    };
                    let mut h = hit(core, row, &second);
                    h.add_row(first);
                    hits.push(h);
                }
                lsass = lsass.or(Some(row));
            }
        }
    }
}

/// Core processes that start no shell: what runs under one came by code put into it or by a borrowed handle. The error
/// reporter and the dialogue of encrypted files, which lsass does start, are no shells.
const CHILDLESS: &[&str] = &["csrss", "dwm", "fontdrvhost", "lsaiso", "lsass"];

fn of_childless(row: Row<'_>) -> Option<Hit> {
    let parent = stem(row.str(t::PARENT_NAME));
    if !contains(CHILDLESS, parent) || !starts::is_one_of(row, INTERPRETERS) {
        return None;
    }
    let explain = format!("{parent}, which starts no shell, started {}", command(row));
    let key = format!("{parent}>{}", stem(row.str(t::IMAGE_NAME)));
    Some(Hit::at(&META, row, key, explain).techniques(&["T1055"]))
}

/// What is wrong with a start.
struct Wrong {
    what: &'static str,
    text: String,
    technique: &'static str,
    quality: f64,
}

fn wrong(core: &CoreProcess, row: Row<'_>) -> Option<Wrong> {
    let (image, parent, line) = (row.str(t::IMAGE), row.str(t::PARENT_NAME), row.str(t::CMDLINE));
    if !core.allows_path(image) {
        let text = format!("from {image}");
        return Some(Wrong {
            what: "path",
            text,
            technique: "T1036.005",
            quality: 1.0,
        });
    }
    if core.name == "explorer" {
        return wrong_explorer(core, row);
    }
    if !core.allows_parent(parent) {
        let text = format!("by {parent}, which never starts it");
        return Some(Wrong {
            what: "parent",
            text,
            technique: "T1055",
            quality: 1.0,
        });
    }
    (!core.allows_command_line(line)).then(|| Wrong {
        what: "arguments",
        text: format!("without the arguments it always has: {}", command(row)),
        technique: "T1055",
        quality: 1.0,
    })
}

/// Every program may open a folder or a link through explorer, and COM starts it by svchost; only a bare start by
/// something else is odd.
fn wrong_explorer(core: &CoreProcess, row: Row<'_>) -> Option<Wrong> {
    let parent = row.str(t::PARENT_NAME);
    let restarts = [
        "svchost",
        "taskmgr",
        "sihost",
        "runonce",
        "cmd",
        "powershell",
        "msiexec",
        "logonui",
    ];
    if core.allows_parent(parent) || restarts.contains(&stem(parent)) {
        return None;
    }
    let line = row.text(t::CMDLINE)?;
    let arguments = crate::rules::cmdline::tokenize(line).len() > 1;
    (!arguments).then(|| Wrong {
        what: "parent",
        text: format!("without arguments by {parent}"),
        technique: "T1055",
        quality: QUALITY_EXPLORER,
    })
}

fn hit(core: &CoreProcess, row: Row<'_>, wrong: &Wrong) -> Hit {
    let by = match wrong.what {
        "parent" => format!(":{}", stem(row.str(t::PARENT_NAME))),
        "path" => format!(
            ":{}",
            crate::rules::paths::user_writable(row.str(t::IMAGE)).unwrap_or("elsewhere")
        ),
        _ => String::new(),
    };
    let explain = format!("{} was started {}", core.name, wrong.text);
    let mut hit = Hit::at(&META, row, format!("{}:{}{by}", core.name, wrong.what), explain)
        .quality(wrong.quality)
        .techniques(&[wrong.technique]);
    hit.iocs = starts::iocs(row);
    hit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::{hits_of, start};
    use crate::signals::testing::Sample;

    fn keys(image: &str, parent: &str, line: &str) -> Vec<String> {
        hits_of(&Proc02, image, parent, line)
            .into_iter()
            .map(|h| h.key)
            .collect()
    }

    #[test]
    fn wrong_parents_paths_and_arguments_are_told() {
        let svchost = r"C:\Windows\System32\svchost.exe";
        assert_eq!(
            keys(svchost, r"C:\Windows\explorer.exe", "svchost.exe"),
            ["svchost:parent:explorer"]
        );
        assert_eq!(keys(svchost, "services.exe", "svchost.exe"), ["svchost:arguments"]);
        assert_eq!(
            keys(r"C:\Users\Public\lsass.exe", r"C:\Windows\System32\wininit.exe", ""),
            ["lsass:path:the public profile"]
        );
        assert_eq!(
            keys(r"C:\Windows\System32\services.exe", "cmd.exe", ""),
            ["services:parent:cmd"]
        );
    }

    #[test]
    fn a_shell_under_lsass_is_told_and_its_own_helpers_are_not() {
        let lsass = r"C:\Windows\System32\lsass.exe";
        assert_eq!(keys(r"C:\Windows\System32\cmd.exe", lsass, "cmd.exe"), ["lsass>cmd"]);
        assert!(keys(r"C:\Windows\System32\efsui.exe", lsass, "efsui.exe /efs").is_empty());
    }

    #[test]
    fn ordinary_starts_and_unknown_parents_are_quiet() {
        for (image, parent, line) in [
            (
                r"C:\Windows\System32\svchost.exe",
                "services.exe",
                "svchost.exe -k netsvcs -p",
            ),
            (r"C:\Windows\System32\svchost.exe", "", "svchost.exe -k x"),
            (r"C:\Windows\System32\smss.exe", "smss.exe", ""),
            (
                r"C:\Windows\explorer.exe",
                "chrome.exe",
                r"explorer.exe /select,C:\a.pdf",
            ),
            (
                r"C:\Windows\explorer.exe",
                "svchost.exe",
                "explorer.exe /factory,{x} -Embedding",
            ),
            ("svchost.exe", "", ""),
        ] {
            assert!(keys(image, parent, line).is_empty(), "{image} {parent}");
        }
    }

    #[test]
    fn a_second_lsass_needs_a_seen_boot_and_none_between() {
        let lsass = r"C:\Windows\System32\lsass.exe";
        let wininit = r"C:\Windows\System32\wininit.exe";
        let boot = |sample: &mut Sample, h: &str| {
            start(
                sample,
                &format!("2026-03-02T{h}:00:00Z"),
                wininit,
                "smss.exe",
                "wininit.exe",
            );
            start(sample, &format!("2026-03-02T{h}:00:01Z"), lsass, "wininit.exe", lsass);
        };
        let mut sample = Sample::default();
        boot(&mut sample, "08");
        boot(&mut sample, "12");
        start(&mut sample, "2026-03-02T13:00:00Z", lsass, "wininit.exe", lsass);
        let found = sample.hits(&Proc02);
        assert_eq!(
            found.iter().map(|h| h.key.as_str()).collect::<Vec<_>>(),
            ["lsass:second"]
        );
        assert_eq!(found[0].rows.len(), 2);
    }
}
