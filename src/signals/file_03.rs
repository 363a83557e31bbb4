//! FILE-03: another host writes a program to an administrative share.
//!
//! Sees: write access to executables and scripts on ADMIN$ and drive shares (Security 5145), and programs written by the kernel's SMB server
//! below the Windows folder (Sysmon 11 of process 4).
//! Why: tools are copied so before they are started on the other host.
//! Benign causes: software distribution, administrators who copy by hand.
//! Sources: Sigma's and Elastic's rules on admin shares; MITRE ATT&CK T1570 and T1021.002.

use std::collections::HashMap;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::quote;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::lake::frame::Row;
use crate::rules::launch::folded;
use crate::rules::text_stats::random_eight_letters;
use crate::schema::{common, file as t};

/// See the module.
pub struct File03;

/// FILE_WRITE_DATA and FILE_APPEND_DATA.
const WRITE: i64 = 0x6;
const JOIN_S: f64 = 600.0;
const EXECUTABLE: &[&str] = &["bat", "cmd", "dll", "exe", "hta", "js", "ps1", "scr", "sys", "vbs"];

static META: Meta = Meta {
    id: "FILE-03",
    title: "Executable to admin share",
    sees: "Another host writes an executable or script to ADMIN$ or the share of a drive, or the SMB server writes one below the Windows folder.",
    why: "It is how a tool comes to the next host.",
    techniques: &["T1570", "T1021.002"],
    stage: "lateral-movement",
    family: "files",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::USER,
            t::PATH,
            t::NAME,
            t::EXT,
            t::SHARE,
            t::ACCESS_MASK,
            t::CLIENT_IP,
            t::PID,
            t::IMAGE,
            t::SHA256,
        ],
    }],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "join",
        value: JOIN_S,
        unit: "s",
        source: "[J] one copy asks for access several times",
    }],
    benign: &["software distribution", "administrators who copy tools by hand"],
};

impl Signal for File03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut last: HashMap<String, usize> = HashMap::new();
        let mut mine: Vec<Hit> = Vec::new();
        for row in rows
            .table(&t::TABLE)
            .iter()
            .filter(|r| EXECUTABLE.contains(&r.str(t::EXT)))
        {
            if !is_share_write(row) && !is_server_write(row) {
                continue;
            }
            let name = row.str(t::NAME).to_owned();
            if let Some(earlier) = last
                .get(&name)
                .and_then(|at| mine.get_mut(*at))
                .filter(|h| row.ts() - h.last <= (cx.number(&META, "join") * 1e6) as i64)
            {
                if earlier.rows.len() < 20 {
                    earlier.add_row(row);
                }
                (earlier.last, earlier.count) = (row.ts(), earlier.count + 1);
                continue;
            }
            let stem = name.rsplit_once('.').map_or(name.as_str(), |(s, _)| s);
            let random = random_eight_letters(stem, cx.knowledge.bigram).is_some();
            let key = if random { "<random>".to_owned() } else { folded(&name) };
            let from = row
                .ip(t::CLIENT_IP)
                .map_or_else(String::new, |a| format!(" from {}", ip::display(&a)));
            let share = row.text(t::SHARE).map_or_else(String::new, |s| format!(" on {s}"));
            let by = row.text(common::USER).map_or_else(String::new, |u| format!(" by {u}"));
            let explain = format!("{} was written{share}{from}{by}", quote(row.str(t::PATH)));
            let mut hit = Hit::at(&META, row, key, explain);
            hit.iocs.push(Ioc::File(row.str(t::PATH).to_owned()));
            hit.iocs.extend(row.text(t::SHA256).map(|h| Ioc::Sha256(h.to_owned())));
            last.insert(name, mine.len());
            mine.push(hit);
        }
        hits.append(&mut mine);
    }
}

fn is_share_write(row: Row<'_>) -> bool {
    let share = row.str(t::SHARE).to_uppercase();
    let name = share.rsplit('\\').next().unwrap_or("");
    let drive = name.len() == 2 && name.ends_with('$') && name.starts_with(|c: char| c.is_ascii_uppercase());
    row.str(common::ACTION) == "share_access"
        && (name == "ADMIN$" || drive)
        && row.int(t::ACCESS_MASK).is_some_and(|m| m & WRITE != 0)
        && row.ip(t::CLIENT_IP).is_none_or(|a| !ip::is_loopback(&a))
}

/// Process 4 writes what comes over SMB.
fn is_server_write(row: Row<'_>) -> bool {
    let path = row.str(t::PATH).to_lowercase();
    let system = row.int(t::PID) == Some(4) && row.str(t::IMAGE).eq_ignore_ascii_case("system");
    let below = path.contains(":\\windows\\")
        && !["\\softwaredistribution\\", "\\winsxs\\", "\\servicing\\"]
            .iter()
            .any(|f| path.contains(f));
    row.str(common::ACTION) == "create" && system && below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn write(share: &str, path: &str, mask: i64) -> Vec<Hit> {
        let mut sample = Sample::default();
        for second in 0..2 {
            sample.row(&t::TABLE, "srv", &format!("2026-03-02T09:00:0{second}Z"), |b| {
                let name = path.rsplit('\\').next().unwrap().to_lowercase();
                b.text(common::ACTION, "share_access");
                b.text(t::SHARE, share);
                b.text(t::PATH, path);
                b.text(t::EXT, name.rsplit_once('.').unwrap().1);
                b.text(t::NAME, &name);
                b.int(t::ACCESS_MASK, mask);
                b.ip(t::CLIENT_IP, &ip::parse("10.0.0.9").unwrap());
            });
        }
        sample.hits(&File03)
    }

    #[test]
    fn programs_written_to_administrative_shares_are_one_hit_each() {
        for (share, path, mask) in [
            (r"\\*\ADMIN$", "x.exe", 0x2),
            (r"\\*\C$", r"Windows\Temp\a.dll", 0x6),
            (r"\\*\C$", r"ProgramData\r.ps1", 0x2),
        ] {
            let hits = write(share, path, mask);
            assert_eq!((hits.len(), hits[0].count), (1, 2), "{path}");
            assert!(hits[0].explain.contains("10.0.0.9"));
        }
    }

    #[test]
    fn reads_and_ordinary_shares_are_silent() {
        assert!(write(r"\\*\ADMIN$", "x.exe", 0x1).is_empty());
        assert!(write(r"\\fs\public", "x.exe", 0x2).is_empty());
        assert!(write(r"\\*\ADMIN$", "x.txt", 0x2).is_empty());
    }
}
