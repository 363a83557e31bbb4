//! IMP-01: shadow copies or backups are deleted, or recovery is switched off.
//!
//! Sees: vssadmin, wmic, diskshadow, PowerShell that delete shadow copies or shrink their storage, wbadmin that deletes backups,
//! bcdedit that switches recovery off, the registry value that switches system restore off.
//! Why: ransomware does it minutes before it encrypts.
//! Benign causes: backup products and disk clean-up: allow them by their parent.
//! Sources: MITRE ATT&CK T1490; Microsoft's documentation of the commands; published ransomware reports.

use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::script_blocks::{self, blocks};
use super::starts::{self, command, quote};
use super::{Cx, Hit, KeyRows, Signal};
use crate::schema::{common, process as t, registry, script};

/// See the module.
pub struct Imp01;

const QUALITY_ROTATION: f64 = 0.4;
const SMALL_STORAGE_MB: f64 = 1024.0;

static META: Meta = Meta {
    id: "IMP-01",
    title: "Shadow copy or backup deletion",
    sees: "A command, script or registry value that deletes shadow copies or backups, shrinks their storage, or \
           switches recovery off.",
    why: "Ransomware does it minutes before it encrypts.",
    techniques: &["T1490"],
    stage: "impact",
    family: "impact",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &script::TABLE,
            columns: script_blocks::COLUMNS,
        },
        Reads {
            table: &registry::TABLE,
            columns: &[registry::KEY, registry::VALUE_NAME, registry::DATA, common::USER],
        },
    ],
    level: Level::High,
    decisive: true,
    thresholds: &[
        Threshold {
            name: "rotation_quality",
            value: QUALITY_ROTATION,
            unit: "quality",
            source: "[J] deleting only the oldest copy is how backups rotate",
        },
        Threshold {
            name: "small_storage_megabytes",
            value: SMALL_STORAGE_MB,
            unit: "MB",
            source: "[J] 401 MB is what ransomware asks for; 320 MB is the least Windows takes",
        },
    ],
    benign: &["backup products (allow by parent)", "disk clean-up by administrators"],
};

impl Signal for Imp01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        for row in starts::starts(rows.table(&t::TABLE)) {
            let Some(what) = row.text(t::CMDLINE).and_then(inhibits) else {
                continue;
            };
            let mut hit = Hit::at(&META, row, what.key, format!("{}: {}", what.text, command(row)));
            if what.rotation {
                hit = hit.quality(QUALITY_ROTATION).decisive(false);
            }
            hits.push(hit);
        }
        for block in blocks(rows.table(&script::TABLE)) {
            // Long scripts are modules and documentation, which name these commands.
            if block.text.len() <= MAX_SCRIPT
                && let Some(what) = inhibits(&block.text).filter(|w| !w.rotation)
            {
                hits.push(Hit::at(
                    &META,
                    block.row,
                    what.key,
                    format!("a script: {}: {}", what.text, quote(&block.text)),
                ));
            }
        }
        for row in rows.table(&registry::TABLE).iter() {
            let value = row.str(registry::VALUE_NAME).to_ascii_lowercase();
            if (value == "disablesr" || value == "disableconfig")
                && row.str(registry::KEY).to_ascii_lowercase().ends_with("\\systemrestore")
                && is_one(row.str(registry::DATA))
            {
                let text = format!("system restore was switched off by the registry value {value}");
                hits.push(Hit::at(&META, row, "systemrestore", text));
            }
        }
    }
}

/// Longest script block that is searched, in bytes.
const MAX_SCRIPT: usize = 64 << 10;

/// `DWORD (0x00000001)`, `0x1`, `1`.
fn is_one(data: &str) -> bool {
    let digits = data
        .trim()
        .trim_end_matches(')')
        .rsplit(['x', '(', ' '])
        .next()
        .unwrap_or("");
    digits.trim_start_matches('0') == "1"
}

/// What a command does against recovery.
struct Inhibits {
    key: &'static str,
    text: &'static str,
    rotation: bool,
}

type Pattern = (&'static str, &'static str, &'static str);

/// Key, words, pattern.
static PATTERNS: &[Pattern] = &[
    (
        "vssadmin delete",
        "shadow copies were deleted",
        r"(?i)\bvssadmin(?:\.exe)?[^\r\n]{0,200}?\bdelete\s+shadows\b",
    ),
    (
        "wmic shadowcopy delete",
        "shadow copies were deleted",
        r"(?i)\bwmic(?:\.exe)?[^\r\n]{0,200}?\bshadowcopy\b[^\r\n]{0,200}?\bdelete\b",
    ),
    (
        "diskshadow delete",
        "shadow copies were deleted",
        r"(?i)\bdiskshadow(?:\.exe)?[^\r\n]{0,200}?\bdelete\s+shadows\b",
    ),
    (
        "win32_shadowcopy",
        "shadow copies were deleted",
        r"(?is)win32_shadowcopy.{0,300}?(?:\.delete\s*\(|remove-wmiobject|remove-ciminstance|\brwmi\b|\brcim\b|invoke-(?:cim|wmi)method.{0,60}delete)",
    ),
    (
        "wbadmin delete",
        "backups were deleted",
        r"(?i)\bwbadmin(?:\.exe)?[^\r\n]{0,100}?\bdelete\s+(?:catalog|systemstatebackup|backup)\b",
    ),
    (
        "bcdedit recovery",
        "recovery at start-up was switched off",
        r"(?i)\bbcdedit(?:\.exe)?[^\r\n]{0,200}?(?:\brecoveryenabled\s+(?:no|off|false|0)\b|\bignoreallfailures\b)",
    ),
    (
        "reagentc disable",
        "the recovery environment was switched off",
        r"(?i)\breagentc(?:\.exe)?\s+[-/]disable\b",
    ),
    (
        "disable-computerrestore",
        "system restore was switched off",
        r"(?i)(?:^|[\s;|{&])disable-computerrestore\s+[-'\x22]",
    ),
];

static COMPILED: LazyLock<Vec<(&'static Pattern, Regex)>> = LazyLock::new(|| {
    PATTERNS
        .iter()
        .filter_map(|p| Some((p, Regex::new(p.2).ok()?)))
        .collect()
});

static RESIZE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\bvssadmin(?:\.exe)?[^\r\n]{0,100}?\bresize\s+shadowstorage\b[^\r\n]{0,200}?/maxsize=(\d{1,9})\s*(kb|mb|gb)?").ok()
});

fn inhibits(text: &str) -> Option<Inhibits> {
    // Carets and quotes inside words are what cmd removes.
    let plain = text.replace(['^', '"'], "");
    if let Some(((key, words, _), _)) = COMPILED.iter().find(|(_, r)| r.is_match(&plain)) {
        let rotation = plain.to_ascii_lowercase().contains("/oldest");
        return Some(Inhibits {
            key,
            text: words,
            rotation,
        });
    }
    let captures = RESIZE.as_ref()?.captures(&plain)?;
    let size: f64 = captures.get(1)?.as_str().parse().ok()?;
    let megabytes = match captures.get(2).map(|u| u.as_str().to_ascii_lowercase()).as_deref() {
        Some("mb") => size,
        Some("gb") => size * 1024.0,
        Some(_) => size / 1024.0,
        None => size / 1_048_576.0,
    };
    (megabytes <= SMALL_STORAGE_MB).then_some(Inhibits {
        key: "vssadmin resize",
        text: "the storage of shadow copies was shrunk, which deletes them",
        rotation: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    #[test]
    fn commands_against_recovery_are_decisive() {
        for line in [
            "vssadmin delete shadows /all /quiet",
            "C:\\Windows\\System32\\vssadmin.exe  Delete Shadows /All",
            "wmic shadowcopy delete",
            "wmic.exe SHADOWCOPY where \"ID='{x}'\" delete",
            "cmd /c v^ssadmin delete shadows /all",
            "bcdedit /set {default} recoveryenabled no",
            "bcdedit /set {default} bootstatuspolicy ignoreallfailures",
            "wbadmin delete catalog -quiet",
            "vssadmin resize shadowstorage /for=c: /on=c: /maxsize=401MB",
            "powershell \"Get-WmiObject Win32_Shadowcopy | ForEach-Object {$_.Delete();}\"",
        ] {
            let found = hits_of(&Imp01, "x.exe", "cmd.exe", line);
            assert_eq!(
                (found.len(), found.first().map(|h| h.decisive)),
                (1, Some(true)),
                "{line}"
            );
        }
    }

    #[test]
    fn looking_and_rotating_are_not() {
        for line in [
            "vssadmin list shadows",
            "wbadmin get versions",
            "vssadmin create shadow /for=C:",
            "bcdedit /enum",
            "vssadmin resize shadowstorage /for=c: /on=c: /maxsize=50GB",
        ] {
            assert!(hits_of(&Imp01, "x.exe", "cmd.exe", line).is_empty(), "{line}");
        }
        let rotation = hits_of(
            &Imp01,
            "vssadmin.exe",
            "backup.exe",
            "vssadmin delete shadows /for=D: /oldest",
        );
        assert_eq!((rotation[0].decisive, rotation[0].quality), (false, QUALITY_ROTATION));
    }

    #[test]
    fn the_registry_value_counts_only_when_it_is_set() {
        for (data, expected) in [
            ("DWORD (0x00000001)", 1),
            ("0x1", 1),
            ("DWORD (0x00000000)", 0),
            ("", 0),
        ] {
            let mut sample = Sample::default();
            sample.row(&registry::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(
                    registry::KEY,
                    r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SystemRestore",
                );
                b.text(registry::VALUE_NAME, "DisableSR");
                b.text(registry::DATA, data);
            });
            assert_eq!(sample.hits(&Imp01).len(), expected, "{data}");
        }
    }
}
