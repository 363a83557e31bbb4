//! PERS-02: a program puts itself where Windows starts it.
//!
//! Sees: values of the autostart keys (Run, Winlogon, Image File Execution Options, AppInit, security packages, COM classes of a
//! user and others) and files put into a Startup folder.
//! Why: these places survive a restart and need few rights.
//! Benign causes: every installer; programs of protected folders that register themselves give no hit.
//! Sources: Microsoft Autoruns' list of places; Sigma's rules on the same keys; MITRE ATT&CK T1547 and T1546.

use std::collections::HashMap;

use super::autostart_places::{Place, place_of};
use super::meta::{Key, Level, Meta, Reads};
use super::registry_changes::{self, Change, changes, is_scripted_writer};
use super::starts::quote;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::{INTERPRETERS, base_name, contains, stem};
use crate::lake::frame::Row;
use crate::rules::launch::{self, folded};
use crate::rules::paths;
use crate::schema::{common, file, registry};

/// See the module.
pub struct Pers02;

/// Two records of one value lie this close.
const TWIN_US: i64 = 60_000_000;

static META: Meta = Meta {
    id: "PERS-02",
    title: "Autostart registry",
    sees: "A value of an autostart key or a file in a Startup folder; high where it starts an interpreter, a script, a URL or a file of a \
           user's folder, where a console or script wrote it, or where the place is never used by ordinary software.",
    why: "What stands in these places is started at every logon or start, or in place of another program.",
    techniques: &[
        "T1547.001",
        "T1547.004",
        "T1546.012",
        "T1546.008",
        "T1546.015",
        "T1546.010",
        "T1546.009",
        "T1547.005",
        "T1547.002",
        "T1556.002",
        "T1547.014",
        "T1037.001",
        "T1546.007",
        "T1547.010",
        "T1547.003",
        "T1546.011",
        "T1546.002",
        "T1574.012",
        "T1137.002",
        "T1546",
    ],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[
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
                file::SHA256,
            ],
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[],
    benign: &[
        "installers and updates of the same vendor",
        "management scripts that set Run values",
        "accessibility and debugging tools",
    ],
};

impl Signal for Pers02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut seen: HashMap<String, i64> = HashMap::new();
        let found = changes(rows.table(&registry::TABLE), |key| {
            place_of(key, "").is_some() || super::autostart_places::may_hold(key)
        });
        let of_registry = found.iter().filter(|c| c.is_set()).filter_map(of_change);
        let of_files = rows.table(&file::TABLE).iter().filter_map(of_file);
        for hit in of_registry.chain(of_files) {
            // Sysmon and the Security log both tell of one value; an installer may write it twice.
            if seen.get(&hit.key).is_some_and(|ts| (hit.time - ts).abs() <= TWIN_US) {
                continue;
            }
            seen.insert(hit.key.clone(), hit.time);
            hits.push(hit);
        }
    }
}

fn of_change(change: &Change<'_>) -> Option<Hit> {
    let place = place_of(&change.key, &change.value)?;
    if change.data.trim().is_empty() || (place.is_default)(&change.value, change.data) {
        return None;
    }
    let start = launch::read((place.command)(change.data));
    let writer = change.writer();
    let mut reasons: Vec<String> = start.reasons.iter().map(|r| format!("what it starts {r}")).collect();
    if is_scripted_writer(&writer) {
        reasons.push(format!("{writer} wrote it"));
    }
    match writer.as_str() {
        // Programs set their own autostart through the registry, not through WMI's provider for it.
        "wmiprvse" => reasons.push("it was written through WMI, as from another host".to_owned()),
        "svchost" if contains(INTERPRETERS, &start.program) => {
            reasons.push("a service wrote it, as the one for remote registries does".to_owned());
        }
        _ => {}
    }
    if change.value.contains('\0')
        || change.value.starts_with(' ')
        || (!change.value.is_empty() && change.value.trim().is_empty())
    {
        reasons.push("the name of the value hides".to_owned());
    }
    if place.sensitive {
        reasons.push("ordinary software leaves this place alone".to_owned());
    }
    // An installed program that registers itself, or whose installer does.
    if reasons.is_empty() && (start.path.is_empty() || is_installed(&start.path) || !start.path.contains('\\')) {
        return None;
    }
    let why = if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join("; "))
    };
    let explain = format!(
        "{}: {} was set to {} by {}{why}",
        place.name,
        quote(&change.path()),
        quote(change.data),
        or_unknown(&writer)
    );
    let key = format!(
        "{}|{}|{}",
        folded(&change.key),
        folded(&change.value),
        folded(change.data)
    );
    let level = if reasons.is_empty() { Level::Low } else { Level::High };
    let mut hit = Hit::at(&META, change.row, key, explain)
        .level(level)
        .techniques(&techniques(place, change));
    if start.path.contains('\\') && !paths::is_protected(&start.path) {
        hit.iocs.push(Ioc::File(start.path));
    }
    Some(hit)
}

/// Image File Execution Options of a program of the logon screen are a back door of their own.
fn techniques(place: &Place, change: &Change<'_>) -> Vec<&'static str> {
    let target = change.key.rsplit('\\').next().unwrap_or("");
    let accessibility = [
        "sethc.exe",
        "utilman.exe",
        "osk.exe",
        "magnify.exe",
        "narrator.exe",
        "displayswitch.exe",
        "atbroker.exe",
    ];
    match place.technique {
        "T1546.012" if accessibility.contains(&target) => vec!["T1546.012", "T1546.008"],
        other => vec![other],
    }
}

/// A file in a Startup folder, or one that takes the place of a program of the logon screen.
fn of_file(row: Row<'_>) -> Option<Hit> {
    let path = row
        .text(file::PATH)
        .filter(|_| matches!(row.str(common::ACTION), "create" | "rename" | "write"))?;
    let lower = path.to_lowercase();
    let writer = stem(base_name(row.str(file::IMAGE))).to_lowercase();
    if lower.contains("\\start menu\\programs\\startup\\")
        && !lower.ends_with("\\desktop.ini")
        && row.text(file::EXT).is_some()
    {
        let script = [
            "exe", "bat", "cmd", "vbs", "vbe", "js", "jse", "wsf", "hta", "ps1", "scr", "pif", "com", "dll", "url",
        ];
        let mut reasons = Vec::new();
        if script.contains(&row.str(file::EXT)) {
            reasons.push("it is a program or script".to_owned());
        }
        if is_scripted_writer(&writer) {
            reasons.push(format!("{writer} wrote it"));
        }
        // A remote write comes from the kernel's SMB server.
        if writer == "system" {
            reasons.push("it was written from another host".to_owned());
        }
        let level = if reasons.is_empty() { Level::Low } else { Level::High };
        let why = if reasons.is_empty() {
            String::new()
        } else {
            format!(" ({})", reasons.join("; "))
        };
        let explain = format!("{} put {} into a Startup folder{why}", or_unknown(&writer), quote(path));
        return Some(file_hit(row, "startup", explain, level, "T1547.001"));
    }
    let replaced = ["sethc.exe", "utilman.exe", "osk.exe", "magnify.exe", "narrator.exe"];
    let installers = [
        "tiworker",
        "trustedinstaller",
        "msiexec",
        "svchost",
        "poqexec",
        "setuphost",
        "dismhost",
        "",
    ];
    if replaced.contains(&row.str(file::NAME))
        && lower.contains("\\windows\\system32\\")
        && !installers.contains(&writer.as_str())
    {
        let explain = format!("{writer} replaced {}, which the logon screen starts", quote(path));
        return Some(file_hit(row, "accessibility", explain, Level::High, "T1546.008"));
    }
    None
}

fn file_hit(row: Row<'_>, place: &str, explain: String, level: Level, technique: &'static str) -> Hit {
    let path = row.str(file::PATH);
    let mut hit = Hit::at(&META, row, format!("{place}|{}", folded(path)), explain)
        .level(level)
        .techniques(&[technique]);
    hit.iocs.push(Ioc::File(path.to_owned()));
    if let Some(hash) = row.text(file::SHA256) {
        hit.iocs.push(Ioc::Sha256(hash.to_owned()));
    }
    hit
}

/// Programs in places that need an administrator, and vendors' own folders in a profile.
fn is_installed(path: &str) -> bool {
    path.contains('\\') && (paths::is_protected(path) || paths::user_writable(path).is_none())
}

fn or_unknown(writer: &str) -> &str {
    if writer.is_empty() {
        "an unknown program"
    } else {
        writer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn set(key: &str, value: &str, data: &str, image: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        for source in ["sysmon", "security"] {
            sample.row(&registry::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(common::SOURCE, source);
                b.text(common::ACTION, "set_value");
                b.text(registry::KEY, key);
                b.text(registry::VALUE_NAME, value);
                b.text(registry::DATA, data);
                b.text(registry::IMAGE, image);
            });
        }
        sample.hits(&Pers02)
    }

    const RUN: &str = r"HKU\S-1-5-21-1-2-3-1001\Software\Microsoft\Windows\CurrentVersion\Run";
    const NT: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";

    #[test]
    fn interpreters_debuggers_and_appended_programs_are_high() {
        let reg = r"C:\Windows\System32\reg.exe";
        let hits = set(RUN, "upd", "powershell -w hidden -f a.ps1", r"C:\x\a.exe");
        assert_eq!((hits.len(), hits[0].level), (1, Level::High));
        assert_eq!(hits[0].techniques, ["T1547.001"]);
        let remote = set(
            RUN,
            "upd",
            "rundll32.exe a.dll,Start",
            r"C:\Windows\System32\wbem\WmiPrvSE.exe",
        );
        assert_eq!((remote.len(), remote[0].level), (1, Level::High));
        let remote = set(
            RUN,
            "upd",
            "rundll32.exe a.dll,Start",
            r"C:\Windows\System32\svchost.exe",
        );
        assert_eq!(remote.len(), 1);
        let hits = set(
            &format!(r"{NT}\Image File Execution Options\sethc.exe"),
            "Debugger",
            "cmd.exe",
            reg,
        );
        assert_eq!(hits[0].techniques, ["T1546.012", "T1546.008"]);
        let hits = set(
            &format!(r"{NT}\Winlogon"),
            "Userinit",
            r"C:\Windows\system32\userinit.exe,C:\x.exe",
            reg,
        );
        assert_eq!((hits[0].level, &*hits[0].techniques[0]), (Level::High, "T1547.004"));
    }

    #[test]
    fn installed_programs_and_defaults_are_silent() {
        let onedrive = r"C:\Users\a\AppData\Local\Microsoft\OneDrive\OneDrive.exe";
        assert!(set(RUN, "OneDrive", &format!(r#""{onedrive}" /background"#), onedrive).is_empty());
        let hklm = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
        let health = r"%windir%\system32\SecurityHealthSystray.exe";
        assert!(set(hklm, "SecurityHealth", health, r"C:\Windows\System32\svchost.exe").is_empty());
        let vendor = r#""C:\Program Files\Vendor\tray.exe""#;
        assert!(set(hklm, "Vendor", vendor, r"C:\Windows\System32\msiexec.exe").is_empty());
        assert!(
            set(
                &format!(r"{NT}\Winlogon"),
                "Shell",
                "explorer.exe",
                r"C:\Windows\regedit.exe"
            )
            .is_empty()
        );
        assert!(set(r"HKLM\SOFTWARE\Vendor", "Run", "powershell", r"C:\a.exe").is_empty());
    }

    #[test]
    fn a_startup_folder_takes_programs() {
        let mut sample = Sample::default();
        sample.row(&file::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "create");
            b.text(
                file::PATH,
                r"C:\Users\a\AppData\Roaming\Microsoft\Windows\Start Menu\Programs\Startup\a.vbs",
            );
            b.text(file::EXT, "vbs");
            b.text(file::IMAGE, r"C:\Windows\System32\wscript.exe");
        });
        let hits = sample.hits(&Pers02);
        assert_eq!((hits[0].level, &*hits[0].techniques[0]), (Level::High, "T1547.001"));
    }
}
