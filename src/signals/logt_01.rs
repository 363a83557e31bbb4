//! LOGT-01: an event log is cleared.
//!
//! Sees: Security 1102, System 104, `wevtutil cl`, Clear-EventLog and its kin in commands and scripts, and the deletion of .evtx files.
//! Why: nobody clears a log to see more.
//! Benign causes: preparation of images, laboratories; a host's first hour in a fleet that is watched for longer.
//! Sources: Sigma's rules on 1102, 104 and wevtutil; MITRE ATT&CK T1685.005.

use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::script_blocks;
use super::starts::{self, quote, starts};
use super::{Cx, Hit, KeyRows, Neighbour, Signal};
use crate::lake::frame::Row;
use crate::schema::{common, file, posture as t, process, script};

/// See the module.
pub struct Logt01;

/// Key of the log whose loss hurts most.
const SECURITY: &str = "security";

const JOIN_S: f64 = 300.0;
const NEW_HOST_H: f64 = 1.0;
const NEW_HOST_BASELINE: f64 = 7.0;

static META: Meta = Meta {
    id: "LOGT-01",
    title: "Event log cleared",
    sees: "The Security log or another event log is cleared, by its own event, by a command or script, or by deleting its file. What is \
           cleared within five minutes is one hit. The Security log is high and decisive when another family reports the host at high \
           or above on the day before or after.",
    why: "Clearing destroys evidence and serves no daily purpose.",
    techniques: &["T1685.005"],
    stage: "defense-impairment",
    family: "log tampering",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[common::ACTION, common::USER, t::KIND, t::SETTING],
        },
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
            columns: &[common::ACTION, common::USER, file::PATH, file::EXT, file::IMAGE],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "join",
            value: JOIN_S,
            unit: "s",
            source: "[J] scripts clear log after log",
        },
        Threshold {
            name: "new_host",
            value: NEW_HOST_H,
            unit: "h",
            source: "[J] images clear their logs at first start",
        },
        Threshold {
            name: "new_host_baseline",
            value: NEW_HOST_BASELINE,
            unit: "days",
            source: "[J] a host is new only to a corpus that began earlier",
        },
    ],
    benign: &[
        "preparation of an image",
        "laboratory machines",
        "scripts that rotate operational logs",
    ],
};

impl Signal for Logt01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found: Vec<(Row<'_>, String, String)> = Vec::new();
        for row in rows
            .table(&t::TABLE)
            .iter()
            .filter(|r| r.str(t::KIND) == "log_cleared" && !is_new_host(cx, *r))
        {
            let by = row.text(common::USER).map_or_else(String::new, |u| format!(" by {u}"));
            let explain = match row.text(t::SETTING) {
                Some(log) => format!("The event log {log} was cleared{by}"),
                None => format!("An event log that the record does not name was cleared{by}"),
            };
            found.push((row, row.text(t::SETTING).unwrap_or("unnamed").to_lowercase(), explain));
        }
        for row in starts(rows.table(&process::TABLE)) {
            if let Some(text) = row.text(process::CMDLINE).filter(|line| clears(line)) {
                found.push((
                    row,
                    "command".to_owned(),
                    format!("A command clears event logs: {}", quote(text)),
                ));
            }
        }
        for block in script_blocks::blocks(rows.table(&script::TABLE)) {
            if block.text.len() <= 20_000 && clears(&block.text) {
                found.push((
                    block.row,
                    "script".to_owned(),
                    format!("A script clears event logs: {}", quote(&block.text)),
                ));
            }
        }
        for row in rows
            .table(&file::TABLE)
            .iter()
            .filter(|r| r.str(file::EXT) == "evtx" && r.str(common::ACTION) == "delete")
        {
            if row.str(file::PATH).to_lowercase().contains("\\winevt\\logs\\") {
                found.push((
                    row,
                    "file".to_owned(),
                    format!("The file of an event log was deleted: {}", row.str(file::PATH)),
                ));
            }
        }
        found.sort_by_key(|f| f.0.ts());
        let mut mine: Vec<Hit> = Vec::new();
        for (row, key, explain) in found {
            let same = |h: &&mut Hit| row.ts() - h.last <= (cx.number(&META, "join") * 1e6) as i64;
            match mine.last_mut().filter(same) {
                Some(earlier) => {
                    if earlier.rows.len() < 20 {
                        earlier.add_row(row);
                    }
                    if key == SECURITY {
                        (earlier.key, earlier.explain) = (key, explain);
                    }
                    (earlier.last, earlier.count) = (row.ts(), earlier.count + 1);
                }
                None => mine.push(Hit::at(&META, row, key, explain)),
            }
        }
        hits.append(&mut mine);
    }

    fn beside(&self, hit: &mut Hit, others: &[Neighbour]) {
        if let Some(other) = others.first()
            && hit.key == SECURITY
        {
            (hit.level, hit.decisive) = (Level::High, true);
            hit.explain += &format!("; within a day of: {}", other.meta.title);
        }
    }
}

/// A host that appears days after the corpus begins clears its logs in its first hour: an image at its first start.
fn is_new_host(cx: &Cx<'_>, row: Row<'_>) -> bool {
    let Some(first) = cx.facts.first_of_host(row.id(common::HOST)) else {
        return false;
    };
    cx.facts.baseline_days(first) >= cx.number(&META, "new_host_baseline") as i64
        && row.ts() - first <= (cx.number(&META, "new_host") * 3.6e9) as i64
}

fn clears(text: &str) -> bool {
    static CLEARS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"(?i)\bwevtutil(?:\.exe)?["']?\s+(?:cl|clear-log)\b|\b(?:clear|remove)-eventlog\b\s+[^|\r\n]|\bclear-winevent\b|eventlogsession\b[^\r\n]{0,200}\.clearlog\(|globalsession\.clearlog\(|\bwmic\b[^\r\n]{0,80}\bnteventlog\b[^\r\n]{0,120}\bcleareventlog\b"#,
        )
        .ok()
    });
    CLEARS.as_ref().is_some_and(|r| r.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn cleared(sample: &mut Sample, host: &str, time: &str, log: &str) {
        sample.row(&t::TABLE, host, time, |b| {
            b.text(t::KIND, "log_cleared");
            b.text(t::SETTING, log);
        });
    }

    #[test]
    fn logs_cleared_one_after_the_other_are_one_hit() {
        let mut sample = Sample::default();
        cleared(&mut sample, "ws01", "2026-03-02T03:00:00Z", "Security");
        cleared(
            &mut sample,
            "ws01",
            "2026-03-02T03:00:02Z",
            "Microsoft-Windows-PowerShell/Operational",
        );
        cleared(&mut sample, "ws01", "2026-03-02T09:00:00Z", "Security");
        let hits = sample.hits(&Logt01);
        assert_eq!(hits.iter().map(|h| h.count).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(hits[0].techniques, ["T1685.005"]);
    }

    #[test]
    fn commands_that_clear_are_told_from_those_that_ask_or_set() {
        for line in [
            "wevtutil cl Security",
            "wevtutil.exe clear-log System",
            "powershell Clear-EventLog -LogName Security",
        ] {
            assert!(clears(line), "{line}");
        }
        for line in [
            "wevtutil sl X/Debug /e:true",
            "wevtutil qe Security",
            "powershell Get-EventLog Security",
            "Clear-EventLogger",
        ] {
            assert!(!clears(line), "{line}");
        }
    }

    #[test]
    fn a_new_host_may_clear_its_logs_and_an_old_one_may_not() {
        let mut sample = Sample::default();
        cleared(&mut sample, "ws01", "2026-03-01T00:00:00Z", "Security");
        cleared(&mut sample, "ws02", "2026-03-20T00:20:00Z", "Security");
        let hits = sample.hits(&Logt01);
        assert_eq!(hits.len(), 1);
    }

    #[test]
    fn the_security_log_is_decisive_beside_another_family() {
        let cleared = |log: &str| {
            let mut sample = Sample::default();
            sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(t::KIND, "log_cleared");
                b.text(t::SETTING, log);
            });
            let mut hit = sample.hits(&Logt01).remove(0);
            assert_eq!((hit.level, hit.decisive), (Level::Medium, false));
            let other = Neighbour {
                meta: super::super::by_id("PROC-01").unwrap().meta(),
                time: hit.time,
                host: hit.host,
            };
            Logt01.beside(&mut hit, &[other]);
            (hit.level, hit.decisive)
        };
        assert_eq!(cleared("Security"), (Level::High, true));
        assert_eq!(cleared("Application"), (Level::Medium, false));
    }
}
