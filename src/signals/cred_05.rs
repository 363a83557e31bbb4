//! CRED-05: passwords in files.
//!
//! Sees: a program that is no browser reading, copying or naming the files in which browsers keep passwords and cookies; searches for
//! passwords in files and in the registry; the passwords of group policy preferences and unattended installations being read.
//! Why: they are passwords without any privilege to gain first.
//! Benign causes: profile migration, backup, security scanners.
//! Sources: the browsers' own file names; ATT&CK T1555.003, T1539, T1552.001, T1552.002, T1552.006.

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::script_blocks::{self, blocks};
use super::starts::{self, command, quote};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::{BROWSERS, base_name, contains};
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::{common, file, process, script};

/// See the module.
pub struct Cred05;

/// Files of browsers with passwords, keys and sessions: base names, lower case.
const STORES: &[&str] = &[
    "cookies",
    "cookies.sqlite",
    "key3.db",
    "key4.db",
    "login data",
    "login data for account",
    "logins.json",
    "signons.sqlite",
    "web data",
];
/// Names of [`STORES`] that mean nothing without a browser's folder.
const VAGUE: &[&str] = &["cookies", "web data"];
/// Folders of browsers, fragments of lower-case paths.
const PROFILES: &[&str] = &[
    "\\chrome\\",
    "\\chromium\\",
    "\\edge\\",
    "\\firefox\\",
    "\\opera",
    "\\brave-browser\\",
    "\\user data\\",
    "\\vivaldi\\",
    "\\thunderbird\\",
];
/// Programs of the system and of protection that read everything. Sorted.
#[rustfmt::skip]
const READERS: &[&str] = &[
    "csfalconservice", "dllhost", "explorer", "migwiz", "mpcmdrun", "mssense", "msmpeng", "onedrive", "robocopy",
    "scanstate", "searchfilterhost", "searchindexer", "searchprotocolhost", "sentinelagent", "svchost", "system", "tiworker",
    "vssvc",
];

static META: Meta = Meta {
    id: "CRED-05",
    title: "Passwords in files",
    sees: "A program that is no browser reads, copies or names a browser's files of passwords and cookies (medium); a search for passwords in \
           files or the registry; passwords of group policy preferences or unattended installations being read (low).",
    why: "They are passwords without any privilege to gain first.",
    techniques: &["T1555.003", "T1539", "T1552.001", "T1552.002", "T1552.006"],
    stage: "credential-access",
    family: "credential files",
    key: Key::Host,
    reads: &[
        Reads {
            table: &file::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                file::PATH,
                file::NAME,
                file::KIND,
                file::PID,
                file::PROC_GUID,
                file::IMAGE,
                file::CLIENT_IP,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &script::TABLE,
            columns: script_blocks::COLUMNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "search_quality",
        value: 0.8,
        unit: "quality of a search",
        source: "[J] administrators look for forgotten passwords too",
    }],
    benign: &[
        "profile migration and backup",
        "security scanners",
        "administrators who look for forgotten passwords",
    ],
};

impl Signal for Cred05 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows.table(&file::TABLE).iter() {
            if let Some(hit) = read(row) {
                found.add(hit);
            }
        }
        for row in starts::starts(rows.table(&process::TABLE)) {
            if let Some(hit) = copied(row).or_else(|| searched(cx, row)) {
                found.add(hit);
            }
        }
        for block in blocks(rows.table(&script::TABLE)) {
            if let Some(name) = store_in(&block.text) {
                let explain = format!("A script names the browser's store {name}: {}", quote(&block.text));
                found.add(Hit::at(&META, block.row, format!("script|{name}"), explain).techniques(technique(name)));
            }
        }
        hits.extend(found.into_hits());
    }
}

fn is_store(path: &str) -> Option<&'static str> {
    let lower = path.to_lowercase();
    let name = base_name(&lower);
    let found = STORES.iter().find(|s| **s == name)?;
    let placed = PROFILES.iter().any(|p| lower.contains(p));
    (placed || !VAGUE.contains(found)).then_some(*found)
}

fn technique(store: &str) -> &'static [&'static str] {
    if store.starts_with("cookies") {
        &["T1539"]
    } else {
        &["T1555.003"]
    }
}

fn read(row: Row<'_>) -> Option<Hit> {
    let store = is_store(row.str(file::PATH))?;
    let program = base_name(row.text(file::IMAGE)?);
    let own = [BROWSERS, READERS].iter().any(|set| contains(set, program));
    let used = matches!(row.str(common::ACTION), "read" | "access" | "create" | "rename");
    if own || !used || program.to_lowercase().starts_with("setup") {
        return None;
    }
    let explain = format!("{program} reached for the browser's store {}", row.str(file::PATH));
    Some(Hit::at(&META, row, format!("{}|{store}", program.to_lowercase()), explain).techniques(technique(store)))
}

/// A store that a text names together with a browser's folder, or by a name that nothing else has.
fn store_in(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let placed = PROFILES.iter().any(|p| lower.contains(p));
    STORES
        .iter()
        .filter(|s| !matches!(**s, "cookies" | "web data" | "login data for account"))
        .find(|s| lower.contains(**s) && (placed || s.contains('.')))
        .copied()
}

fn copied(row: Row<'_>) -> Option<Hit> {
    let program = row.str(process::IMAGE_NAME);
    if contains(BROWSERS, program) || contains(READERS, program) {
        return None;
    }
    let line = row.str(process::CMDLINE);
    let named = tokenize(line)
        .into_iter()
        .skip(1)
        .find_map(|a| is_store(a.trim_matches(['"', '\''])));
    let shell = starts::is_one_of(row, crate::knowledge::programs::SHELLS);
    let store = named.or_else(|| if shell { copied_by_shell(line) } else { None })?;
    let explain = format!("{} names the browser's store {store}", command(row));
    Some(Hit::at(&META, row, format!("{program}|{store}"), explain).techniques(technique(store)))
}

/// `copy "Cookies" %TEMP%`: a store copied by a command of the shell, from the folder it stands in.
fn copied_by_shell(line: &str) -> Option<&'static str> {
    let lower = line.to_lowercase();
    let copies = ["copy ", "xcopy ", "move ", "copy-item", "type "]
        .iter()
        .any(|c| lower.contains(c));
    let quoted = |s: &str| lower.contains(&format!("\"{s}\"")) || lower.contains(&format!("\\{s}\""));
    copies
        .then(|| STORES.iter().find(|s| quoted(s)).copied())
        .flatten()
        .or_else(|| store_in(line))
}

fn searched(cx: &Cx<'_>, row: Row<'_>) -> Option<Hit> {
    let line = row.str(process::CMDLINE).to_lowercase();
    let about = ["password", "passwd", "passwort", "cpassword", "pwd=", "credential"]
        .iter()
        .any(|w| line.contains(w));
    let (technique, what): (&[&str], _) = if starts::is_one_of(row, &["find", "findstr", "select-string"]) && about {
        let policy = line.contains("sysvol") || line.contains("cpassword");
        if policy {
            (&["T1552.006"], "in group policy preferences")
        } else {
            (&["T1552.001"], "in files")
        }
    } else if starts::is_one_of(row, &["reg"]) && line.contains("query") && about && line.contains("/f") {
        (&["T1552.002"], "in the registry")
    } else if starts::is_one_of(row, &["reg"]) && line.contains("query") && stored_in_registry(&line) {
        (&["T1552.002"], "of a program in the registry")
    } else {
        return None;
    };
    let explain = format!("A search for passwords {what}: {}", command(row));
    Some(
        Hit::at(&META, row, what, explain)
            .level(Level::Low)
            .quality(cx.number(&META, "search_quality"))
            .techniques(technique),
    )
}

/// Keys in which programs keep passwords: PuTTY, VNC, WinSCP, automatic logon.
fn stored_in_registry(line: &str) -> bool {
    [
        "\\simontatham\\putty\\sessions",
        "\\orl\\winvnc",
        "\\realvnc\\",
        "\\winscp 2\\sessions",
        "\\tightvnc\\server",
    ]
    .iter()
    .any(|k| line.contains(k))
        || line.contains("\\winlogon") && line.contains("defaultpassword")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    fn read_by(image: &str, path: &str) -> usize {
        let mut s = Sample::default();
        s.row(&file::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "read");
            b.text(file::PATH, path);
            b.text(file::IMAGE, image);
        });
        s.hits(&Cred05).len()
    }

    const LOGIN: &str = r"C:\Users\a\AppData\Local\Google\Chrome\User Data\Default\Login Data";
    const KEYS: &str = r"C:\Users\a\AppData\Roaming\Mozilla\Firefox\Profiles\x.default\key4.db";

    #[test]
    fn stores_read_by_others_and_copied_ones_fire() {
        assert_eq!(read_by(r"C:\Temp\a.exe", LOGIN), 1);
        assert_eq!(read_by(r"C:\Python\python.exe", KEYS), 1);
        assert_eq!(
            hits_of(&Cred05, "cmd.exe", "x.exe", "cmd /c copy \"Cookies\" %TEMP%").len(),
            1
        );
    }

    #[test]
    fn browsers_protection_and_migration_stay_quiet() {
        assert_eq!(
            read_by(r"C:\Program Files\Google\Chrome\Application\chrome.exe", LOGIN),
            0
        );
        assert_eq!(
            read_by(
                r"C:\ProgramData\Microsoft\Windows Defender\Platform\4\MsMpEng.exe",
                KEYS
            ),
            0
        );
        assert_eq!(read_by(r"C:\Windows\System32\migwiz\migwiz.exe", LOGIN), 0);
        assert!(hits_of(&Cred05, "cmd.exe", "x.exe", "cmd /c copy a.txt b.txt").is_empty());
    }

    #[test]
    fn searches_are_low() {
        let hits = hits_of(&Cred05, "findstr.exe", "cmd.exe", "findstr /si password *.xml *.ini");
        assert_eq!(
            (hits[0].level, hits[0].techniques.clone()),
            (Level::Low, vec!["T1552.001".into()])
        );
        let hits = hits_of(&Cred05, "reg.exe", "cmd.exe", "reg query HKLM /f password /t REG_SZ /s");
        assert_eq!(hits[0].techniques, ["T1552.002"]);
    }
}
