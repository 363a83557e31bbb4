//! EXF-02: data is packed to be carried away.
//!
//! Sees: an archive program that packs with a password, in volumes, into a folder where nobody keeps archives, or from a share; PowerShell's
//! Compress-Archive and `makecab` into such a folder.
//! Why: what leaves is packed first.
//! Benign causes: backup scripts, support bundles, users who send protected archives.
//! Sources: ATT&CK T1560.001, T1074.001; published intrusions; judgement.

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Threshold};
use super::script_blocks::{self, blocks};
use super::starts::{self, command, quote};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::{ARCHIVERS, SHELLS};
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::{process as t, script};

/// See the module.
pub struct Exf02;

/// Folders where intruders collect and nobody else keeps archives: fragments of lower-case paths.
const STAGING: &[&str] = &[
    "\\$recycle.bin\\",
    "\\perflogs\\",
    "\\users\\public\\",
    "\\windows\\temp\\",
    "\\windows\\debug\\",
    "\\programdata\\",
    "\\appdata\\",
    "%temp%",
    "%appdata%",
    "%public%",
    "$env:temp",
    "$env:appdata",
    "$env:public",
];
/// Endings of archives.
const ARCHIVES: &[&str] = &[".7z", ".cab", ".gz", ".rar", ".tar", ".zip"];

static META: Meta = Meta {
    id: "EXF-02",
    title: "Data packed for removal",
    sees: "An archive program packs with a password, in volumes, from a share, or into a folder where nobody keeps archives; Compress-Archive \
           and makecab into such a folder.",
    why: "What leaves is packed first.",
    techniques: &["T1560.001", "T1560", "T1074.001"],
    stage: "collection",
    family: "staging",
    key: Key::Host,
    reads: script_blocks::WITH_STARTS,
    level: Level::Low,
    decisive: false,
    thresholds: &[Threshold {
        name: "reasons_for_medium",
        value: 2.0,
        unit: "of: password, volumes, share, staging folder",
        source: "[J]",
    }],
    benign: &[
        "backup scripts and support bundles",
        "users who send protected archives",
    ],
};

impl Signal for Exf02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in starts::starts(rows.table(&t::TABLE)) {
            if let Some(hit) = packed(cx, row).or_else(|| compressed(row, row.str(t::CMDLINE), "command")) {
                found.add(hit);
            }
        }
        for block in blocks(rows.table(&script::TABLE)) {
            if let Some(hit) = compressed(block.row, &block.text, "script") {
                found.add(hit);
            }
        }
        hits.extend(found.into_hits());
    }
}

fn packed(cx: &Cx<'_>, row: Row<'_>) -> Option<Hit> {
    if !starts::is_one_of(row, ARCHIVERS) {
        return None;
    }
    let words: Vec<String> = tokenize(row.str(t::CMDLINE))
        .into_iter()
        .map(|w| w.to_lowercase())
        .collect();
    let line = words.join(" ");
    let first = words.get(1).map_or("", String::as_str);
    let packs = matches!(first, "a" | "u" | "m")
        || starts::is_one_of(row, &["makecab"])
        || tar_creates(row, first)
        || first.starts_with("-r");
    if !packs {
        return None;
    }
    let flag = |prefix: &str| words.iter().skip(2).any(|w| w.starts_with(prefix));
    let mut reasons = Vec::new();
    if flag("-hp")
        || words
            .iter()
            .skip(2)
            .any(|w| w.len() > 2 && w.starts_with("-p") && !w.starts_with("-pr"))
    {
        reasons.push("with a password");
    }
    if words.iter().skip(2).any(|w| {
        w.strip_prefix("-v")
            .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
    }) {
        reasons.push("in volumes");
    }
    if words
        .iter()
        .skip(2)
        .any(|w| w.starts_with("\\\\") && !w.starts_with("\\\\?"))
    {
        reasons.push("from or to a share");
    }
    if STAGING.iter().any(|s| line.contains(s)) {
        reasons.push("in a folder where nobody keeps archives");
    }
    if reasons.is_empty() {
        return None;
    }
    let level = if reasons.len() as f64 >= cx.number(&META, "reasons_for_medium") {
        Level::Medium
    } else {
        META.level
    };
    let staged = reasons.iter().any(|r| r.contains("nobody"));
    let explain = format!("Data was packed {}: {}", reasons.join(", "), command(row));
    let mut hit = Hit::at(&META, row, format!("pack|{}", row.str(t::IMAGE_NAME)), explain)
        .level(level)
        .techniques(if staged {
            &["T1560.001", "T1074.001"]
        } else {
            &["T1560.001"]
        });
    hit.iocs = words
        .iter()
        .filter(|w| ARCHIVES.iter().any(|e| w.ends_with(e)))
        .take(3)
        .map(|w| Ioc::File(w.clone()))
        .collect();
    Some(hit)
}

fn tar_creates(row: Row<'_>, first: &str) -> bool {
    starts::is_one_of(row, &["tar"]) && first.trim_start_matches('-').starts_with('c')
}

/// Compression by PowerShell or .NET into a staging folder.
fn compressed(row: Row<'_>, text: &str, what: &str) -> Option<Hit> {
    let lower = text.to_lowercase();
    let tool = [
        "compress-archive",
        "zipfile]::createfromdirectory",
        "out-compresseddll",
        "io.compression.zipfile",
    ]
    .iter()
    .find(|c| lower.contains(**c))?;
    if what == "command" && !starts::is_one_of(row, SHELLS) {
        return None;
    }
    // The module's own source defines the function and names no folder.
    let staged = STAGING.iter().any(|s| lower.contains(s));
    if !staged || lower.contains("function compress-archive") {
        return None;
    }
    let explain = format!(
        "Data was compressed by {what} into a folder where nobody keeps archives: {}",
        quote(text)
    );
    Some(Hit::at(&META, row, format!("compress|{tool}"), explain).techniques(&["T1560", "T1074.001"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    fn level(image: &str, line: &str) -> Option<Level> {
        hits_of(&Exf02, image, "cmd.exe", line).first().map(|h| h.level)
    }

    #[test]
    fn passwords_volumes_and_staging_folders_fire() {
        assert_eq!(
            level("rar.exe", r"rar a -hpSecret -v500m C:\PerfLogs\a.rar D:\finance"),
            Some(Level::Medium)
        );
        assert_eq!(
            level("7z.exe", r"7z a -pX C:\Users\Public\b.7z \\fs\hr"),
            Some(Level::Medium)
        );
        assert_eq!(
            level("tar.exe", r"tar -cf C:\Windows\Temp\c.tar C:\Data"),
            Some(Level::Low)
        );
        let line = r"powershell Compress-Archive C:\Data $env:TEMP\d.zip";
        assert_eq!(level("powershell.exe", line), Some(Level::Low));
    }

    #[test]
    fn unpacking_and_plain_archives_stay_quiet() {
        assert_eq!(level("7z.exe", "7z x a.zip"), None);
        assert_eq!(level("zip.exe", r"zip -r docs.zip C:\Users\a\Documents"), None);
        assert_eq!(level("tar.exe", r"tar -xf C:\Windows\Temp\c.tar"), None);
    }
}
