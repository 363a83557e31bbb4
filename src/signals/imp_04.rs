//! IMP-04: one process deletes programs in great numbers.
//!
//! Sees: a hundred or more executables, libraries or drivers deleted by one process within two minutes, installers and the system's own
//! servicing left out.
//! Why: wipers remove what a host needs to start and to be repaired.
//! Benign causes: uninstallers, build systems, cleaning tools.
//! Sources: Splunk (excessive file deletion in Windows folders); ATT&CK T1485.

use super::contacts::spread_out;
use super::file_events::{self, Change, by_actor};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::windows::densest;
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::time::SECOND;
use crate::knowledge::programs::{base_name, contains};
use crate::lake::frame::Row;
use crate::rules::paths;
use crate::schema::file as t;

/// See the module.
pub struct Imp04;

const EVIDENCE: usize = 12;
/// Programs that remove programs for a living. Sorted.
#[rustfmt::skip]
const REMOVERS: &[&str] = &[
    "au_", "cargo", "cl", "cleanmgr", "devenv", "dism", "dismhost", "dotnet", "git", "googleupdate", "installer", "link",
    "mscorsvw", "msbuild", "msiexec", "msmpeng", "ngen", "node", "onedrive", "onedrivesetup", "poqexec", "python*", "setup*",
    "steam", "svchost", "system", "tiworker", "trustedinstaller", "unins*", "uninst*", "uninstall*", "update", "vs_*",
    "wuauclt",
];

static META: Meta = Meta {
    id: "IMP-04",
    title: "Mass deletion of programs",
    sees: "A hundred or more executables, libraries or drivers deleted by one process within two minutes.",
    why: "Wipers remove what a host needs to start.",
    techniques: &["T1485"],
    stage: "impact",
    family: "mass files",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: file_events::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "deletes",
            value: 100.0,
            unit: "programs",
            source: "Splunk excessive file deletion",
        },
        Threshold {
            name: "window",
            value: 120.0,
            unit: "s",
            source: "Splunk excessive file deletion",
        },
        Threshold {
            name: "own_quality",
            value: 0.4,
            unit: "quality where all lay in folders of users",
            source: "[J] build outputs and caches",
        },
    ],
    benign: &["uninstallers", "build systems", "cleaning tools"],
};

impl Signal for Imp04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let window = (cx.number(&META, "window") * SECOND as f64) as i64;
        for (actor, events) in by_actor(rows.table(&t::TABLE)) {
            let deleted: Vec<&file_events::Event<'_>> = events
                .iter()
                .filter(|e| e.change == Change::Delete && matches!(e.extension(), "exe" | "dll" | "sys"))
                .collect();
            if (deleted.len() as f64) < cx.number(&META, "deletes") || is_remover(&deleted) {
                continue;
            }
            let times: Vec<(i64, &str)> = deleted.iter().map(|e| (e.ts, e.path.as_str())).collect();
            let Some(found) = densest(&times, window).filter(|d| d.distinct as f64 >= cx.number(&META, "deletes"))
            else {
                continue;
            };
            let inside: Vec<Row<'_>> = deleted
                .get(found.from..found.to)
                .unwrap_or(&[])
                .iter()
                .map(|e| e.row)
                .collect();
            let (Some(first), Some(last)) = (inside.first(), inside.last()) else {
                continue;
            };
            let own = deleted.iter().all(|e| paths::user_writable(&e.path).is_some());
            let program = base_name(first.str(t::IMAGE)).to_lowercase();
            let explain = format!(
                "{actor} deleted {} programs within {} s, the first {}",
                found.distinct,
                (last.ts() - first.ts()) / SECOND,
                first.str(t::PATH)
            );
            let mut hit = Hit::at(&META, *first, format!("deleter|{program}"), explain).quality(if own {
                cx.number(&META, "own_quality")
            } else {
                1.0
            });
            for row in spread_out(&inside, EVIDENCE).into_iter().skip(1) {
                hit.add_row(row);
            }
            (hit.last, hit.count) = (last.ts(), inside.len() as u64);
            hits.push(hit);
        }
    }
}

fn is_remover(deleted: &[&file_events::Event<'_>]) -> bool {
    deleted
        .first()
        .is_some_and(|e| contains(REMOVERS, base_name(e.row.str(t::IMAGE))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::common;
    use crate::signals::testing::Sample;

    fn hits(n: usize, ext: &str, image: &str) -> usize {
        let mut s = Sample::default();
        for i in 0..n {
            let ts = 1_772_442_000_000_000 + i as i64 * 100 * SECOND / n as i64;
            s.row_us(&t::TABLE, "ws01", ts, |b| {
                b.text(common::ACTION, "delete");
                b.text(t::PATH, &format!(r"C:\Windows\System32\f{i}.{ext}"));
                b.text(t::IMAGE, image);
                b.int(t::PID, 77);
            });
        }
        s.hits(&Imp04).len()
    }

    #[test]
    fn a_wiper_fires_and_installers_temporary_files_and_few_do_not() {
        assert_eq!(hits(150, "exe", r"C:\Users\Public\w.exe"), 1);
        assert_eq!(hits(100, "sys", r"C:\Users\Public\w.exe"), 1);
        assert_eq!(hits(500, "tmp", r"C:\Users\Public\w.exe"), 0);
        assert_eq!(hits(20, "exe", r"C:\Users\Public\w.exe"), 0);
        assert_eq!(hits(200, "dll", r"C:\Windows\System32\msiexec.exe"), 0);
    }
}
