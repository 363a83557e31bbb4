//! PRIV-01: User Account Control is bypassed.
//!
//! Sees: classes of a user that Windows' self-elevating programs start, and those programs starting something afterwards; elevated COM
//! objects with children; the mock folder `C:\Windows \`; cmstp with an .inf; libraries put beside self-elevating programs.
//! Why: it turns a user's session into an administrator's without a question on the screen.
//! Benign causes: hardly any; administrators start such programs by hand, which alone gives no hit.
//! Sources: Sigma's rules on UAC bypasses; the UACME collection's list of methods; MITRE ATT&CK T1548.002.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::{INTERPRETERS, base_name, contains, stem};
use crate::lake::frame::Row;
use crate::rules::paths;
use crate::schema::{common, file, process, registry};

/// See the module.
pub struct Priv01;

const JOIN_S: f64 = 300.0;

/// Programs that elevate themselves without a question and can be made to start another. Source: UACME, Sigma.
const ELEVATING: &[&str] = &[
    "cliconfg",
    "compmgmtlauncher",
    "computerdefaults",
    "dccw",
    "eventvwr",
    "fodhelper",
    "iscsicpl",
    "mmc",
    "msconfig",
    "pkgmgr",
    "sdclt",
    "slui",
    "sysprep",
    "systempropertiesadvanced",
    "systemsettingsadminflows",
    "winsat",
    "wsreset",
    "wusa",
];

/// Elevated COM objects that run what they are given (lower case). Source: UACME.
const COM_OBJECTS: &[&str] = &[
    "{3e5fc7f9-9a51-4367-9063-a120244fbec7}",
    "{d2e7041b-2927-42fb-8e9f-7ce93b6dc937}",
    "{bdb57ff2-79b9-4205-9447-f5fe85f37312}",
    "{a6bfea43-501f-456f-a845-983d3ad7b8f0}",
    "{e9495b87-d950-4ab5-87a5-ff6d70bf3e90}",
];

static META: Meta = Meta {
    id: "PRIV-01",
    title: "UAC bypass",
    sees: "A class or variable of the user that self-elevating programs read is changed (medium alone), a self-elevating program or elevated COM \
           object starts a shell or a user's file with high integrity, a program runs from a mock system folder, cmstp installs a profile \
           silently, a library is put beside a self-elevating program, or a program of a download or temp folder starts one (medium).",
    why: "The intruder's program runs as administrator from here on.",
    techniques: &["T1548.002", "T1218.003"],
    stage: "privilege-escalation",
    family: "privilege escalation",
    key: Key::Host,
    reads: &[
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &process::TABLE,
            columns: &[process::INTEGRITY],
        },
        Reads {
            table: &registry::TABLE,
            columns: registry_changes::COLUMNS,
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
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "join",
        value: JOIN_S,
        unit: "s",
        source: "[J] the key is set just before the program is started",
    }],
    benign: &[
        "tools that restore file associations",
        "installation of dial-up profiles by cmstp",
    ],
};

struct Sign<'a> {
    row: Row<'a>,
    key: String,
    explain: String,
    level: Level,
    techniques: &'static [&'static str],
}

impl Signal for Priv01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found: Vec<Sign<'_>> = Vec::new();
        for c in changes(rows.table(&registry::TABLE), is_hijack)
            .iter()
            .filter(|c| c.is_set() && is_hijack_value(&c.key, &c.value))
        {
            let explain = format!(
                "{} set {} to {}, which self-elevating programs run",
                c.writer(),
                quote(&c.path()),
                quote(c.data)
            );
            found.push(Sign {
                row: c.row,
                key: format!("registry {}", c.key),
                explain,
                level: Level::Medium,
                techniques: &["T1548.002"],
            });
        }
        let armed: Vec<i64> = found.iter().map(|s| s.row.ts()).collect();
        found.extend(
            starts(rows.table(&process::TABLE))
                .into_iter()
                .filter_map(|r| of_start(cx, r, &armed)),
        );
        found.extend(rows.table(&file::TABLE).iter().filter_map(of_file));
        found.sort_by_key(|s| s.row.ts());
        let mut mine: Vec<Hit> = Vec::new();
        for sign in found {
            let same = |h: &&mut Hit| sign.row.ts() - h.last <= (cx.number(&META, "join") * 1e6) as i64;
            match mine.last_mut().filter(same) {
                Some(earlier) => {
                    if sign.level > earlier.level {
                        (earlier.level, earlier.key, earlier.explain) = (sign.level, sign.key, sign.explain);
                    }
                    if earlier.rows.len() < 20 {
                        earlier.add_row(sign.row);
                    }
                    (earlier.last, earlier.count) = (sign.row.ts(), earlier.count + 1);
                }
                None => mine.push(
                    Hit::at(&META, sign.row, sign.key, sign.explain)
                        .level(sign.level)
                        .techniques(sign.techniques),
                ),
            }
        }
        for hit in &mut mine {
            hit.iocs.extend(file_of(hit, rows));
        }
        hits.append(&mut mine);
    }
}

/// The odd file of a hit that is anchored at a file.
fn file_of(hit: &Hit, rows: &KeyRows<'_>) -> Option<Ioc> {
    let first = hit.rows.first().filter(|r| r.table.ix() == file::TABLE.ix())?;
    let row = rows.table(&file::TABLE).iter().find(|r| r.at() == first.at)?;
    Some(Ioc::File(row.str(file::PATH).to_owned()))
}

fn is_hijack(key: &str) -> bool {
    key.starts_with("hkcu\\software\\classes\\")
        && ["\\shell\\open\\command", "\\shell\\runas\\command", "\\curver"]
            .iter()
            .any(|s| key.ends_with(s))
        && [
            "\\ms-settings\\",
            "\\mscfile\\",
            "\\exefile\\",
            "\\folder\\",
            "\\launcher.systemsettings\\",
            "\\appx82a6gwre4fdg3bt635tn5ctqjf8msdd2\\",
            "\\ms-windows-store\\",
        ]
        .iter()
        .any(|c| key.contains(c))
        || key == "hkcu\\environment"
        || key == "hkcu\\software\\microsoft\\windows\\currentversion\\app paths\\control.exe"
}

fn is_hijack_value(key: &str, value: &str) -> bool {
    match key {
        "hkcu\\environment" => matches!(value, "windir" | "systemroot"),
        _ => matches!(value, "" | "delegateexecute" | "isolatedcommand"),
    }
}

fn of_start<'a>(cx: &Cx<'_>, row: Row<'a>, armed: &[i64]) -> Option<Sign<'a>> {
    let parent = stem(row.str(process::PARENT_NAME));
    let image = row.str(process::IMAGE);
    let line = row.str(process::CMDLINE).to_lowercase();
    let level_of = row.str(process::INTEGRITY).to_lowercase();
    let high = matches!(level_of.as_str(), "high" | "system" | "s-1-16-12288" | "s-1-16-16384");
    let medium = matches!(level_of.as_str(), "medium" | "low" | "s-1-16-8192" | "s-1-16-4096");
    let sign = |key: String, what: &str, level, techniques| {
        Some(Sign {
            row,
            key,
            explain: format!("{what}: {}", starts::command(row)),
            level,
            techniques,
        })
    };
    for path in [image, row.str(process::PARENT_IMAGE)] {
        if path.to_lowercase().contains(":\\windows \\") {
            return sign(
                "mock folder".to_owned(),
                "A program ran from a folder that only looks like the system's",
                Level::High,
                &["T1548.002"],
            );
        }
    }
    let odd = starts::is_one_of(row, INTERPRETERS) || paths::user_writable(image).is_some();
    if parent == "dllhost" {
        let host = row.str(process::PARENT_CMDLINE).to_lowercase();
        if COM_OBJECTS.iter().any(|c| host.contains(c)) && !medium {
            return sign(
                "elevated com".to_owned(),
                "An elevated COM object started a program",
                Level::High,
                &["T1548.002"],
            );
        }
    }
    let near = armed
        .iter()
        .any(|t| (0..=(cx.number(&META, "join") * 1e6) as i64).contains(&(row.ts() - t)));
    // mmc, sysprep and others start shells for administrators: those count only after a change of their classes.
    let strong = matches!(
        parent,
        "fodhelper"
            | "eventvwr"
            | "computerdefaults"
            | "sdclt"
            | "wsreset"
            | "slui"
            | "compmgmtlauncher"
            | "sysprep"
            | "cliconfg"
            | "iscsicpl"
            | "pkgmgr"
            | "winsat"
            | "dccw"
    );
    if contains(ELEVATING, parent) && odd && !medium && (near || strong) {
        // eventvwr starts mmc, which is its work; sdclt starts control.
        return sign(
            format!("{parent}>{}", row.str(process::IMAGE_NAME)),
            &format!("{parent}, which elevates itself, started a program"),
            Level::High,
            &["T1548.002"],
        );
    }
    if starts::is_one_of(row, &["cmstp"])
        && line.contains(".inf")
        && (line.contains("/au") || line.contains("/s") || line.contains("/ns"))
    {
        return sign(
            "cmstp".to_owned(),
            "cmstp installed a profile silently",
            Level::High,
            &["T1548.002", "T1218.003"],
        );
    }
    if starts::is_one_of(row, &["wusa"]) && line.contains("/extract") && line.contains("\\windows") {
        return sign(
            "wusa".to_owned(),
            "wusa extracted a package into a system folder",
            Level::High,
            &["T1548.002"],
        );
    }
    if near && high && contains(ELEVATING, stem(row.str(process::IMAGE_NAME))) {
        return sign(
            format!("start {}", stem(row.str(process::IMAGE_NAME))),
            "A self-elevating program was started after a change of the class that it reads",
            Level::High,
            &["T1548.002"],
        );
    }
    // People start these from the desktop or the start menu, set-up programs never.
    let stray = row.text(process::PARENT_IMAGE).and_then(paths::user_writable);
    let opened = matches!(
        stem(row.str(process::IMAGE_NAME)),
        "wusa" | "mmc" | "systemsettingsadminflows"
    );
    if let Some(place) = stray.filter(|p| !matches!(*p, "AppData" | "ProgramData" | "a network share"))
        && contains(ELEVATING, stem(row.str(process::IMAGE_NAME)))
        && !opened
    {
        return sign(
            format!("{parent}>{}", stem(row.str(process::IMAGE_NAME))),
            &format!("A program of {place} started one that elevates itself"),
            Level::Medium,
            &["T1548.002"],
        );
    }
    None
}

/// Libraries beside self-elevating programs, written by the file operation object or by a program of a user.
fn of_file(row: Row<'_>) -> Option<Sign<'_>> {
    if !matches!(row.str(common::ACTION), "create" | "rename") {
        return None;
    }
    let path = row.str(file::PATH).to_lowercase();
    let writer = stem(base_name(row.str(file::IMAGE))).to_lowercase();
    let mock = path.contains(":\\windows \\");
    let beside = ["\\system32\\sysprep\\", "\\system32\\migwiz\\", "\\system32\\oobe\\"]
        .iter()
        .any(|f| path.contains(f));
    let system = path.contains("\\windows\\system32\\") || path.contains("\\windows\\ehome\\");
    let library = row.str(file::EXT) == "dll";
    // The elevated file operation object writes as dllhost or, when its host is patched to look like it, as explorer.
    let by_object = matches!(writer.as_str(), "dllhost" | "explorer" | "wusa") && library && system;
    let installers = ["tiworker", "trustedinstaller", "msiexec", "svchost", "poqexec"];
    if !(mock || by_object || beside && library && !installers.contains(&writer.as_str())) {
        return None;
    }
    let explain = format!(
        "{writer} wrote {}, where a self-elevating program loads it",
        quote(row.str(file::PATH))
    );
    let level = if mock { Level::High } else { Level::Medium };
    Some(Sign {
        row,
        key: format!("file {}", row.str(file::NAME)),
        explain,
        level,
        techniques: &["T1548.002"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn set(sample: &mut Sample, key: &str, image: &str) {
        sample.row(&registry::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "set_value");
            b.text(registry::KEY, key);
            b.text(registry::VALUE_NAME, "(Default)");
            b.text(registry::DATA, "cmd.exe");
            b.text(registry::IMAGE, image);
        });
    }

    fn start(sample: &mut Sample, image: &str, parent: &str, integrity: &str) {
        sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:05Z", |b| {
            b.text(process::IMAGE, image);
            b.text(process::IMAGE_NAME, &base_name(image).to_lowercase());
            b.text(process::PARENT_NAME, parent);
            b.text(process::INTEGRITY, integrity);
        });
    }

    #[test]
    fn a_class_and_the_elevated_child_are_one_high_hit() {
        let mut sample = Sample::default();
        set(
            &mut sample,
            r"HKU\S-1-5-21-1-2-3-1001_Classes\ms-settings\shell\open\command",
            r"C:\Windows\System32\reg.exe",
        );
        start(&mut sample, r"C:\Windows\System32\cmd.exe", "fodhelper.exe", "High");
        let hits = sample.hits(&Priv01);
        assert_eq!((hits.len(), hits[0].level, hits[0].rows.len()), (1, Level::High, 2));
    }

    #[test]
    fn the_mock_folder_is_high() {
        let mut sample = Sample::default();
        start(&mut sample, r"C:\Windows \System32\winsat.exe", "explorer.exe", "High");
        assert_eq!(sample.hits(&Priv01)[0].key, "mock folder");
    }

    #[test]
    fn programs_by_hand_and_classes_of_the_machine_are_silent() {
        let mut sample = Sample::default();
        start(
            &mut sample,
            r"C:\Windows\System32\fodhelper.exe",
            "explorer.exe",
            "High",
        );
        start(&mut sample, r"C:\Windows\System32\mmc.exe", "eventvwr.exe", "High");
        start(&mut sample, r"C:\Program Files\v\setup.exe", "consent.exe", "High");
        set(
            &mut sample,
            r"HKCR\mscfile\shell\open\command",
            r"C:\Windows\servicing\TrustedInstaller.exe",
        );
        assert!(sample.hits(&Priv01).is_empty());
    }
}
