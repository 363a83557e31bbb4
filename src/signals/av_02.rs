//! AV-02: protection falls back to passive mode, is unhealthy or falls silent.
//!
//! Sees: a device whose antivirus changes from active to passive (scid-2010); Defender's health report (1151) with real-time protection
//! not enabled twice in a row; a host that reported daily and stays silent for days while its other logs go on.
//! Why: what does not look cannot alert, and nothing else says so.
//! Benign causes: another antivirus on the whole fleet, EDR in block mode, machines that are switched off.
//! Sources: Microsoft's documentation of passive mode and of event 1151; a steady state is no event and gives no hit.

use std::collections::BTreeMap;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, KeyRows, RowRef, Signal};
use crate::entity::lists::Asset;
use crate::lake::frame::Row;
use crate::schema::{common, posture as t};

/// See the module.
pub struct Av02;

const DAY_US: i64 = 86_400_000_000;
const FLEET_SHARE: f64 = 0.5;
const REPORTS: f64 = 2.0;
const SILENT_DAYS: f64 = 3.0;
const REGULAR_DAYS: f64 = 3.0;

static META: Meta = Meta {
    id: "AV-02",
    title: "Defender passive or unhealthy",
    sees: "The antivirus of a device goes from active to passive, reports real-time protection as not enabled in consecutive health reports, \
           or stops reporting for days while the host goes on logging.",
    why: "A host without working protection stays so until somebody looks.",
    techniques: &["T1685"],
    stage: "defense-impairment",
    family: "protection",
    key: Key::Fleet,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[common::ACTION, common::USER, t::KIND, t::SETTING, t::NEW],
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "fleet_share",
            value: FLEET_SHARE,
            unit: "share of hosts",
            source: "[J] passive on most hosts is a decision, not an attack",
        },
        Threshold {
            name: "reports",
            value: REPORTS,
            unit: "reports",
            source: "[J] one report may fall into an update",
        },
        Threshold {
            name: "silent",
            value: SILENT_DAYS,
            unit: "days",
            source: "[J] over a weekend",
        },
        Threshold {
            name: "regular",
            value: REGULAR_DAYS,
            unit: "days",
            source: "[J] a habit before its end",
        },
    ],
    benign: &[
        "third-party antivirus on the whole fleet",
        "EDR in block mode",
        "hosts that are switched off",
    ],
};

impl Signal for Av02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn gather(&self, rows: &KeyRows<'_>) -> Vec<RowRef> {
        let states = rows.table(&t::TABLE);
        states.iter().filter(|r| is_state(*r)).map(RowRef::from).collect()
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut of_host: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
        for row in rows.table(&t::TABLE).iter().filter(|r| is_state(*r)) {
            of_host.entry(row.host()).or_default().push(row);
        }
        let mode =
            |r: &&Row<'_>| r.str(t::KIND) == "tvm" && r.str(t::SETTING) == "scid-2010" && r.text(t::NEW).is_some();
        let last_mode = |rows: &Vec<Row<'_>>| rows.iter().rev().find(mode).map(|r| r.str(t::NEW).to_owned());
        let modes: Vec<String> = of_host.values().filter_map(last_mode).collect();
        let passive = modes.iter().filter(|m| *m == "passive").count() as f64;
        let fleet_is_passive = modes.len() > 1 && passive / modes.len() as f64 >= cx.number(&META, "fleet_share");
        for (host, rows_of_host) in &of_host {
            let level = match cx.lists.asset(host) {
                Asset::Server | Asset::Tier0 => Level::Medium,
                _ => Level::Low,
            };
            let modes: Vec<Row<'_>> = rows_of_host.iter().filter(mode).copied().collect();
            let mut found = Vec::new();
            if !fleet_is_passive {
                found.extend(to_passive(&modes));
            }
            found.extend(unhealthy(cx, rows_of_host));
            if let Some((row, days)) = regular(cx, rows_of_host) {
                let seen = cx.facts.last_of_host(row.id(common::HOST));
                let silent = (seen.unwrap_or(row.ts()) - row.ts()) / DAY_US;
                if silent >= cx.number(&META, "silent") as i64 {
                    let explain = format!(
                        "Defender reported on {days} days and is silent for {silent} days, while the host goes on logging"
                    );
                    found.push(Hit::at(&META, row, "silent", explain));
                }
            }
            hits.extend(found.into_iter().map(|h| h.level(level)));
        }
    }
}

fn is_state(row: Row<'_>) -> bool {
    matches!(row.str(t::KIND), "tvm" | "av_state")
}

fn to_passive(modes: &[Row<'_>]) -> Option<Hit> {
    let (before, after) = modes
        .iter()
        .zip(modes.iter().skip(1))
        .find(|(a, b)| a.str(t::NEW) == "active" && b.str(t::NEW) == "passive")?;
    let mut hit = Hit::at(
        &META,
        *after,
        "passive",
        "The antivirus went from active to passive mode",
    );
    hit.add_row(*before);
    Some(hit)
}

/// Health reports whose real-time protection is not enabled, in a row.
fn unhealthy(cx: &Cx<'_>, rows: &[Row<'_>]) -> Option<Hit> {
    let reports: Vec<Row<'_>> = rows
        .iter()
        .filter(|r| r.str(t::SETTING) == "health" && r.str(t::NEW).contains("RTP state="))
        .copied()
        .collect();
    let off = |r: &&Row<'_>| {
        let state = r
            .str(t::NEW)
            .split("RTP state=")
            .nth(1)
            .and_then(|s| s.split(';').next())
            .unwrap_or("")
            .trim()
            .to_lowercase();
        // The text is localised; only what is surely "off" counts.
        matches!(
            state.as_str(),
            "disabled" | "無効" | "off" | "deaktiviert" | "désactivé"
        )
    };
    let mut run: Vec<Row<'_>> = Vec::new();
    for report in &reports {
        if off(&report) {
            run.push(*report);
        } else if (run.len() as f64) < cx.number(&META, "reports") {
            run.clear();
        }
    }
    if (run.len() as f64) < cx.number(&META, "reports") {
        return None;
    }
    let first = *run.first()?;
    let explain = format!(
        "Defender reported real-time protection as disabled {} times in a row",
        run.len()
    );
    let mut hit = Hit::at(&META, first, "rtp disabled", explain);
    run.iter().skip(1).take(9).for_each(|r| hit.add_row(*r));
    (hit.last, hit.count) = (run.last()?.ts(), run.len() as u64);
    Some(hit)
}

/// The last report of a host that reported at least daily, and on how many days.
fn regular<'a>(cx: &Cx<'_>, rows: &[Row<'a>]) -> Option<(Row<'a>, usize)> {
    let reports: Vec<Row<'a>> = rows
        .iter()
        .filter(|r| matches!(r.code(), 1150 | 1151 | 2000))
        .copied()
        .collect();
    let (first, last) = (reports.first()?, *reports.last()?);
    let mut days: Vec<i64> = reports.iter().map(|r| r.ts().div_euclid(DAY_US)).collect();
    days.dedup();
    let span = (last.ts() - first.ts()) / DAY_US + 1;
    (days.len() as f64 >= cx.number(&META, "regular") && days.len() as i64 >= span).then_some((last, days.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::process;
    use crate::signals::testing::Sample;

    fn mode(sample: &mut Sample, host: &str, day: u32, mode: &str) {
        sample.row(&t::TABLE, host, &format!("2026-03-{day:02}T09:00:00Z"), |b| {
            b.text(t::KIND, "tvm");
            b.text(t::SETTING, "scid-2010");
            b.text(t::NEW, mode);
        });
    }

    fn report(sample: &mut Sample, day: u32, state: &str) {
        sample.row(&t::TABLE, "ws01", &format!("2026-03-{day:02}T10:00:00Z"), |b| {
            b.int(common::EVENT_CODE, 1151);
            b.text(t::KIND, "av_state");
            b.text(t::SETTING, "health");
            b.text(t::NEW, &format!("RTP state={state}; BM state=Enabled"));
        });
    }

    #[test]
    fn one_device_that_goes_passive_is_reported_and_a_fleet_is_not() {
        let fleet = |passive: usize| {
            let mut sample = Sample::default();
            for i in 0..10 {
                let host = format!("ws{i:02}");
                mode(&mut sample, &host, 2, "active");
                mode(&mut sample, &host, 3, if i < passive { "passive" } else { "active" });
            }
            sample.hits(&Av02).len()
        };
        assert_eq!(fleet(1), 1);
        assert_eq!(fleet(10), 0);
        let mut sample = Sample::default();
        mode(&mut sample, "ws01", 2, "active");
        mode(&mut sample, "ws01", 3, "edr_block");
        assert!(sample.hits(&Av02).is_empty());
    }

    #[test]
    fn two_reports_without_protection_count() {
        let mut sample = Sample::default();
        report(&mut sample, 2, "Disabled");
        report(&mut sample, 3, "Disabled");
        assert_eq!(sample.hits(&Av02)[0].key, "rtp disabled");
        let mut sample = Sample::default();
        report(&mut sample, 2, "Disabled");
        report(&mut sample, 3, "Enabled");
        assert!(sample.hits(&Av02).is_empty());
    }

    #[test]
    fn silence_counts_while_the_host_goes_on() {
        let silent = |alive: bool| {
            let mut sample = Sample::default();
            (2..6).for_each(|d| report(&mut sample, d, "Enabled"));
            if alive {
                sample.row(&process::TABLE, "ws01", "2026-03-11T09:00:00Z", |b| {
                    b.text(process::IMAGE_NAME, "a.exe")
                });
            }
            sample.hits(&Av02).len()
        };
        assert_eq!((silent(true), silent(false)), (1, 0));
    }
}
