//! STLH-01: files are made to look old or put out of sight.
//!
//! Sees: a creation time set back by more than a day (Sysmon 2) by a program that is no installer, browser or synchronisation; a program in
//! an alternate data stream (Sysmon 15, or written and started there); `attrib` that hides files in a user's folder.
//! Why: a new file with an old date drops out of every timeline, and a hidden one out of the user's sight.
//! Benign causes: unpacking, copying and backup keep old times; tools of the organisation.
//! Sources: ATT&CK T1070.006, T1564.001, T1564.004; judgement.

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::time::DAY;
use crate::knowledge::programs::{ARCHIVERS, BROWSERS, base_name, contains};
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::rules::paths;
use crate::schema::{common, file as t, process};

/// See the module.
pub struct Stlh01;

/// Programs that keep the times of what they unpack, copy or synchronise. Sorted.
#[rustfmt::skip]
const KEEPERS: &[&str] = &[
    "backgroundtransferhost", "cleanmgr", "code", "dism", "dismhost", "dropbox", "explorer", "filecoauth", "git",
    "googledrivefs", "googleupdate", "installer", "mscorsvw", "msiexec", "msmpeng", "ngen", "nvcontainer", "onedrive",
    "onedrivesetup", "onenote", "outlook", "poqexec", "robocopy", "searchindexer", "setup", "slack", "svchost", "system",
    "teams", "tiworker", "trustedinstaller", "update", "vs_*", "wuauclt", "xcopy",
];
/// Extensions of what runs.
const RUNNABLE: &[&str] = &[
    "bat", "cmd", "cpl", "dll", "exe", "hta", "js", "ps1", "scr", "sys", "vbe", "vbs", "wsf",
];
/// Streams that Windows and its programs write beside files.
const ORDINARY_STREAMS: &[&str] = &[
    "zone.identifier",
    "smartscreen",
    "ms-properties",
    "com.dropbox",
    "wofcompresseddata",
    "afp_",
    "favicon",
    "ocrstream",
    "encryptable",
];

static META: Meta = Meta {
    id: "STLH-01",
    title: "File made old or hidden",
    sees: "A creation time set back by more than a day by a program that is no installer, browser or synchronisation; a program in an \
           alternate data stream; attrib hiding files in a folder that users may write to.",
    why: "A new file with an old date drops out of every timeline.",
    techniques: &["T1070.006", "T1564.001", "T1564.004"],
    stage: "stealth",
    family: "masquerading",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                t::PATH,
                t::NAME,
                t::EXT,
                t::KIND,
                t::IMPHASH,
                t::CONTENTS,
                t::CREATION_TS,
                t::PREV_CREATION_TS,
                t::PID,
                t::PROC_GUID,
                t::IMAGE,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "days",
            value: 1.0,
            unit: "days that the creation time goes back (more than)",
            source: "detection notes STLH-01 [J]",
        },
        Threshold {
            name: "data_quality",
            value: 0.4,
            unit: "quality for files that do not run",
            source: "[J] unpacking keeps old times",
        },
    ],
    benign: &[
        "unpacking, copying and backup keep old times",
        "tools of the organisation",
    ],
};

impl Signal for Stlh01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows.table(&t::TABLE).iter() {
            let hit = match row.str(common::ACTION) {
                "modify_time" => made_old(cx, row),
                "stream" => in_stream(row),
                _ => None,
            };
            if let Some(hit) = hit {
                found.add(hit);
            }
        }
        for row in starts::starts(rows.table(&process::TABLE)) {
            if let Some(hit) = hidden(row).or_else(|| from_stream(row)) {
                found.add(hit);
            }
        }
        hits.extend(found.into_hits());
    }
}

fn made_old(cx: &Cx<'_>, row: Row<'_>) -> Option<Hit> {
    let back = row.int(t::PREV_CREATION_TS)? - row.int(t::CREATION_TS)?;
    let writer = base_name(row.str(t::IMAGE));
    let keeper = [KEEPERS, BROWSERS, ARCHIVERS].iter().any(|set| contains(set, writer));
    let limit = (cx.number(&META, "days") * DAY as f64) as i64;
    if back <= limit || keeper || writer.is_empty() {
        return None;
    }
    let runs = RUNNABLE.contains(&row.str(t::EXT));
    let explain = format!(
        "{writer} set the creation time of {} back by {} days",
        row.str(t::PATH),
        back / DAY
    );
    Some(
        Hit::at(&META, row, format!("time|{}", writer.to_lowercase()), explain)
            .quality(if runs { 1.0 } else { cx.number(&META, "data_quality") })
            .techniques(&["T1070.006"])
            .ioc(Ioc::File(row.str(t::PATH).to_owned())),
    )
}

/// The name of the stream, where a path names one.
fn stream_of(path: &str) -> Option<&str> {
    let name = base_name(path);
    let (file, stream) = name.split_once(':')?;
    (file.len() > 1 && !stream.is_empty()).then_some(stream)
}

fn in_stream(row: Row<'_>) -> Option<Hit> {
    let stream = stream_of(row.str(t::PATH))?.to_lowercase();
    if ORDINARY_STREAMS.iter().any(|s| stream.starts_with(s)) {
        return None;
    }
    let ends = stream.rsplit_once('.').map_or("", |(_, e)| e);
    let is_program = row.text(t::IMPHASH).is_some_and(|h| h.bytes().any(|b| b != b'0'));
    if !is_program && !RUNNABLE.contains(&ends.trim_end_matches(":$data")) {
        return None;
    }
    let explain = format!(
        "{} wrote a program into the data stream {}",
        base_name(row.str(t::IMAGE)),
        row.str(t::PATH)
    );
    Some(
        Hit::at(&META, row, format!("stream|{stream}"), explain)
            .level(Level::Medium)
            .techniques(&["T1564.004"])
            .ioc(Ioc::File(row.str(t::PATH).to_owned())),
    )
}

/// An interpreter or program started from a stream of a file.
fn from_stream(row: Row<'_>) -> Option<Hit> {
    let line = row.str(process::CMDLINE);
    let named = tokenize(line).into_iter().find(|a| {
        let stream = (a.matches(':').count() <= 2 && a.contains('\\'))
            .then(|| stream_of(a))
            .flatten();
        stream.is_some_and(|s| {
            let ends = s.rsplit_once('.').map_or("", |(_, e)| e).to_lowercase();
            RUNNABLE.contains(&ends.as_str())
        })
    })?;
    let explain = format!("{} works with a program in a data stream: {named}", command(row));
    Some(
        Hit::at(&META, row, "stream in command", explain)
            .level(Level::Medium)
            .techniques(&["T1564.004"])
            .ioc(Ioc::File(named)),
    )
}

fn hidden(row: Row<'_>) -> Option<Hit> {
    if !starts::is_one_of(row, &["attrib"]) {
        return None;
    }
    let line = row.str(process::CMDLINE);
    let arguments = tokenize(line);
    if !arguments.iter().skip(1).any(|a| a.eq_ignore_ascii_case("+h")) {
        return None;
    }
    let system = arguments.iter().any(|a| a.eq_ignore_ascii_case("+s"));
    let place = arguments.iter().skip(1).find_map(|a| paths::user_writable(a));
    if !system && place.is_none() {
        return None;
    }
    let explain = format!(
        "Files are hidden{}: {}",
        if system { " like those of the system" } else { "" },
        command(row)
    );
    Some(Hit::at(&META, row, "attrib", explain).techniques(&["T1564.001"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    fn backdated(image: &str) -> Vec<Hit> {
        let mut s = Sample::default();
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "modify_time");
            b.text(t::PATH, r"C:\Windows\System32\a.exe");
            b.text(t::EXT, "exe");
            b.text(t::IMAGE, image);
            b.int(t::PREV_CREATION_TS, 1_772_442_000_000_000);
            b.int(t::CREATION_TS, 1_772_442_000_000_000 - 700 * DAY);
        });
        s.hits(&Stlh01)
    }

    fn stream(path: &str) -> usize {
        let mut s = Sample::default();
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "stream");
            b.text(t::PATH, path);
        });
        s.hits(&Stlh01).len()
    }

    #[test]
    fn old_times_streams_and_hidden_files_fire() {
        assert_eq!(backdated(r"C:\Temp\a.exe")[0].techniques, ["T1070.006"]);
        assert_eq!(stream(r"C:\Users\a\readme.txt:x.exe"), 1);
        assert_eq!(
            hits_of(
                &Stlh01,
                "attrib.exe",
                "cmd.exe",
                r"attrib +h +s C:\Users\a\AppData\Local\Temp\a.exe"
            )
            .len(),
            1
        );
        let line = r"wscript.exe C:\Users\a\readme.txt:x.vbs";
        assert_eq!(hits_of(&Stlh01, "wscript.exe", "cmd.exe", line).len(), 1);
    }

    #[test]
    fn synchronisation_installers_and_zones_stay_quiet() {
        assert!(backdated(r"C:\Users\a\AppData\Local\Microsoft\OneDrive\OneDrive.exe").is_empty());
        assert!(backdated(r"C:\Windows\System32\msiexec.exe").is_empty());
        assert_eq!(stream(r"C:\Users\a\a.exe:Zone.Identifier"), 0);
        assert!(hits_of(&Stlh01, "attrib.exe", "cmd.exe", r"attrib -h C:\x").is_empty());
    }
}
