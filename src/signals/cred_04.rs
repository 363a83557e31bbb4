//! CRED-04: the stored credentials of a host or domain are copied.
//!
//! Sees: `reg save` of SAM, SECURITY or SYSTEM, ntdsutil's IFM, copies of ntds.dit or of the hives out of a shadow copy, such files written
//! outside their folders, and the remote registry's temporary files of secretsdump.
//! Why: the hashes of all local accounts, or of the whole domain, lie in these files.
//! Benign causes: backup products; shadow copies alone give no hit.
//! Sources: Sigma's rules on reg save, ntdsutil, esentutl and secretsdump; MITRE ATT&CK T1003.002, T1003.003, T1003.004.

use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::script_blocks;
use super::starts::{self, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::{base_name, stem};
use crate::lake::frame::Row;
use crate::schema::{common, file, process, script};

/// See the module.
pub struct Cred04;

const JOIN_S: f64 = 300.0;

static META: Meta = Meta {
    id: "CRED-04",
    title: "SAM, NTDS or LSA secrets",
    sees: "The hives SAM, SECURITY or SYSTEM or the directory database ntds.dit are saved or copied by command, script or file. The database is \
           decisive.",
    why: "These files give every password hash they hold.",
    techniques: &["T1003.002", "T1003.003", "T1003.004"],
    stage: "credential-access",
    family: "credentials",
    key: Key::Host,
    reads: &[
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &script::TABLE,
            columns: script_blocks::COLUMNS,
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
    decisive: true,
    thresholds: &[Threshold {
        name: "join",
        value: JOIN_S,
        unit: "s",
        source: "[J] hives are saved one after the other",
    }],
    benign: &["backup products", "installation of a domain controller from media"],
};

struct Theft<'a> {
    row: Row<'a>,
    explain: String,
    techniques: Vec<&'static str>,
}

impl Signal for Cred04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found: Vec<Theft<'_>> = Vec::new();
        for row in starts(rows.table(&process::TABLE)) {
            let techniques = techniques_of(row.str(process::CMDLINE));
            if !techniques.is_empty() {
                found.push(Theft {
                    row,
                    explain: format!("Stored credentials were copied: {}", starts::command(row)),
                    techniques,
                });
            }
        }
        for block in script_blocks::blocks(rows.table(&script::TABLE)) {
            let techniques = techniques_of(&block.text);
            if !techniques.is_empty() && block.text.len() <= 50_000 {
                found.push(Theft {
                    row: block.row,
                    explain: format!("A script copies stored credentials: {}", quote(&block.text)),
                    techniques,
                });
            }
        }
        found.extend(rows.table(&file::TABLE).iter().filter_map(of_file));
        found.sort_by_key(|f| f.row.ts());
        let mut mine: Vec<Hit> = Vec::new();
        for f in found {
            let ntds = f.techniques.contains(&"T1003.003");
            let same = |h: &&mut Hit| f.row.ts() - h.last <= (cx.number(&META, "join") * 1e6) as i64;
            match mine.last_mut().filter(same) {
                Some(earlier) => {
                    for t in f.techniques {
                        if !earlier.techniques.iter().any(|e| e == t) {
                            earlier.techniques.push(t.into());
                        }
                    }
                    earlier.decisive |= ntds;
                    if earlier.rows.len() < 20 {
                        earlier.add_row(f.row);
                    }
                    (earlier.last, earlier.count) = (f.row.ts(), earlier.count + 1);
                }
                None => {
                    let key = f.techniques.first().copied().unwrap_or("").to_lowercase();
                    let mut hit = Hit::at(&META, f.row, key, f.explain)
                        .techniques(&f.techniques)
                        .decisive(ntds);
                    if f.row.table().ix() == file::TABLE.ix() {
                        hit.iocs.push(Ioc::File(f.row.str(file::PATH).to_owned()));
                    }
                    mine.push(hit);
                }
            }
        }
        hits.append(&mut mine);
    }
}

/// What a command or script copies. SAM gives local hashes, SECURITY the secrets of LSA; SYSTEM holds the key of both.
fn techniques_of(text: &str) -> Vec<&'static str> {
    static SAVE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?i)\breg(?:\.exe)?["']?\s+(?:save|export)\s+["']?(?:hklm|hkey_local_machine)\\(sam|security|system)\b["']?(?:\s|$)"#).ok()
    });
    static NTDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?i)\bntdsutil\b[^\r\n]{0,200}\bi(?:fm)?\b[^\r\n]{0,40}\bcr(?:eate)?\b|\bntdsutil\b[^\r\n]{0,200}\bifm\b",
            r"|(?:\b(?:copy|xcopy|robocopy|esentutl|cp|copy-item|move|ninjacopy)\b|\[system\.io\.file\]::copy)[^\r\n]{0,300}\bntds\.dit\b",
            r"|\binvoke-ninjacopy\b|\bvssown\b|\bdiskshadow\b[^\r\n]{0,200}\bntds\b|\bwbadmin\b[^\r\n]{0,200}\bntds\b",
        ))
        .ok()
    });
    static SHADOW: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)(?:(?:harddiskvolumeshadowcopy\d{1,4}|\besentutl\b|\bninjacopy\b|\bcopy\b)[^\r\n]{0,200})\\system32\\config\\(sam|security|system)\b").ok()
    });
    let mut out = Vec::new();
    let mut hives: Vec<String> = Vec::new();
    for regex in [&SAVE, &SHADOW] {
        for c in regex.iter().flat_map(|r| r.captures_iter(text)).take(8) {
            hives.extend(c.get(1).map(|m| m.as_str().to_ascii_lowercase()));
        }
    }
    if NTDS.as_ref().is_some_and(|r| r.is_match(text)) {
        out.push("T1003.003");
    }
    if hives.iter().any(|h| h == "sam" || h == "system") {
        out.push("T1003.002");
    }
    if hives.iter().any(|h| h == "security") {
        out.push("T1003.004");
    }
    out
}

/// The database or a hive written where it does not belong; secretsdump's `\Windows\Temp\XXXXXXXX.tmp` by the remote registry.
fn of_file(row: Row<'_>) -> Option<Theft<'_>> {
    if row.str(common::ACTION) != "create" {
        return None;
    }
    let path = row.str(file::PATH).to_lowercase();
    let writer = stem(base_name(row.str(file::IMAGE))).to_lowercase();
    let ordinary = [
        "lsass",
        "ntdsutil_repair",
        "vssvc",
        "wbengine",
        "tiworker",
        "trustedinstaller",
        "system",
    ];
    let technique = match row.str(file::NAME) {
        "ntds.dit" if !path.contains("\\windows\\ntds\\") => "T1003.003",
        "sam" | "sam.hive" | "sam.save" | "sam.hiv" if !path.contains("\\system32\\config\\") => "T1003.002",
        "security" | "security.hive" | "security.save" if !path.contains("\\system32\\config\\") => "T1003.004",
        name => {
            let temporary = (path.contains("\\windows\\temp\\") || path.contains("\\windows\\system32\\"))
                && name.len() == 12
                && name.ends_with(".tmp");
            let random = name.bytes().take(8).all(|b| b.is_ascii_alphabetic());
            if !(temporary && random && writer == "svchost" && path.matches('\\').count() == 3) {
                return None;
            }
            "T1003.002"
        }
    };
    if ordinary.contains(&writer.as_str()) && technique != "T1003.003" {
        return None;
    }
    let explain = format!(
        "{} wrote {}",
        if writer.is_empty() { "A program" } else { &writer },
        row.str(file::PATH)
    );
    Some(Theft {
        row,
        explain,
        techniques: vec![technique],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    #[test]
    fn what_is_copied_decides_the_technique() {
        for (line, ids) in [
            (r"reg save hklm\sam s", vec!["T1003.002"]),
            (r"reg.exe save HKLM\SECURITY sec /y", vec!["T1003.004"]),
            (r#"ntdsutil "ac i ntds" ifm "create full c:\t" q q"#, vec!["T1003.003"]),
            (
                r"copy \\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\Windows\NTDS\ntds.dit c:\t",
                vec!["T1003.003"],
            ),
            (
                r"esentutl.exe /y /vss C:\Windows\System32\config\SAM /d c:\t\sam",
                vec!["T1003.002"],
            ),
            (r"reg query hklm\software", vec![]),
            (r"reg save hkcu\software\x f", vec![]),
            (r"reg save hklm\system\currentcontrolset\services\x f", vec![]),
            ("vssadmin create shadow /for=C:", vec![]),
        ] {
            assert_eq!(techniques_of(line), ids, "{line}");
        }
    }

    #[test]
    fn hives_saved_one_after_the_other_are_one_hit_and_only_the_database_is_decisive() {
        let mut sample = Sample::default();
        for (second, hive) in [(0, "sam"), (2, "security"), (4, "system")] {
            sample.row(&process::TABLE, "ws01", &format!("2026-03-02T09:00:0{second}Z"), |b| {
                b.text(process::IMAGE_NAME, "reg.exe");
                b.text(process::CMDLINE, &format!(r"reg save hklm\{hive} c:\t\{hive}"));
            });
        }
        let hits = sample.hits(&Cred04);
        assert_eq!((hits.len(), hits[0].rows.len(), hits[0].decisive), (1, 3, false));
        assert_eq!(hits[0].techniques, ["T1003.002", "T1003.004"]);
    }

    #[test]
    fn the_database_outside_its_folder_is_decisive() {
        let file = |path: &str| {
            let mut sample = Sample::default();
            sample.row(&file::TABLE, "dc01", "2026-03-02T09:00:00Z", |b| {
                b.text(common::ACTION, "create");
                b.text(file::PATH, path);
                b.text(file::NAME, "ntds.dit");
                b.text(file::IMAGE, r"C:\Windows\System32\ntdsutil.exe");
            });
            sample.hits(&Cred04)
        };
        assert!(file(r"C:\t\Active Directory\ntds.dit")[0].decisive);
        assert!(file(r"C:\Windows\NTDS\ntds.dit").is_empty());
    }
}
