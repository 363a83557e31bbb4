//! IMP-02: many services or processes are stopped by commands within minutes.
//!
//! Sees: ten or more different services or processes stopped, disabled or deleted on one host within nine minutes by `net`, `sc`, `taskkill`,
//! `wmic` or PowerShell.
//! Why: databases, mail and backup hold files open; whoever wants to encrypt them stops these first.
//! Benign causes: patch windows and software distribution that stop what they replace, administrators before maintenance.
//! Sources: Elastic (ten stops), Splunk (five services, fifteen processes); ATT&CK T1489.

use std::collections::BTreeSet;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command};
use super::windows::densest;
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::time::SECOND;
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::process as t;

/// See the module.
pub struct Imp02;

const EVIDENCE: usize = 12;
/// Parts of the names of what keeps data and copies of it, and of what protects.
const VALUABLE: &[&str] = &[
    "acronis", "backup", "defend", "exchange", "mepocs", "msexch", "mysql", "oracle", "postgres", "qbdb", "sophos",
    "sql", "veeam", "vmware", "vss", "zoolz",
];

static META: Meta = Meta {
    id: "IMP-02",
    title: "Mass stop of services or processes",
    sees: "Ten or more different services or processes stopped, disabled or deleted by commands on one host within nine minutes.",
    why: "Whoever encrypts first stops what holds the files open.",
    techniques: &["T1489"],
    stage: "impact",
    family: "recovery",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "stops",
            value: 10.0,
            unit: "different services or processes",
            source: "Elastic high number of process terminations",
        },
        Threshold {
            name: "window",
            value: 540.0,
            unit: "s",
            source: "Elastic high number of process terminations",
        },
        Threshold {
            name: "plain_quality",
            value: 0.7,
            unit: "quality where none of them keeps data",
            source: "[J]",
        },
    ],
    benign: &[
        "patch windows and software distribution",
        "administrators before maintenance",
    ],
};

impl Signal for Imp02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut stops: Vec<(Row<'_>, String)> = Vec::new();
        for row in starts::starts(rows.table(&t::TABLE)) {
            stops.extend(stopped(row).into_iter().map(|name| (row, name)));
        }
        let events: Vec<(i64, &str)> = stops.iter().map(|(r, n)| (r.ts(), n.as_str())).collect();
        let window = (cx.number(&META, "window") * SECOND as f64) as i64;
        let Some(found) = densest(&events, window).filter(|d| d.distinct as f64 >= cx.number(&META, "stops")) else {
            return;
        };
        let Some(inside) = stops.get(found.from..found.to) else {
            return;
        };
        let (Some((first, _)), Some((last, _))) = (inside.first(), inside.last()) else {
            return;
        };
        let names: BTreeSet<&str> = inside.iter().map(|(_, n)| n.as_str()).collect();
        let valuable = names.iter().any(|n| VALUABLE.iter().any(|v| n.contains(v)));
        let some: Vec<&str> = names.iter().take(8).copied().collect();
        let explain = format!(
            "{} services or processes were stopped within {} s, among them {}; the first by {}",
            names.len(),
            (last.ts() - first.ts()) / SECOND,
            some.join(", "),
            command(*first)
        );
        let mut hit = Hit::at(&META, *first, some.join(","), explain).quality(if valuable {
            1.0
        } else {
            cx.number(&META, "plain_quality")
        });
        for (row, _) in inside.iter().skip(1).take(EVIDENCE) {
            if row.at() != first.at() {
                hit.add_row(*row);
            }
        }
        (hit.last, hit.count) = (last.ts(), inside.len() as u64);
        hits.push(hit);
    }
}

/// What a command stops, lower case.
fn stopped(row: Row<'_>) -> Vec<String> {
    let words: Vec<String> = tokenize(row.str(t::CMDLINE))
        .into_iter()
        .map(|w| w.to_lowercase())
        .collect();
    let at = |i: usize| words.get(i).map_or("", String::as_str);
    let name = |text: &str| vec![text.trim_matches(['"', '\'', '*', '%']).to_owned()];
    let program = |set: &[&str]| starts::is_one_of(row, set);
    let found = if program(&["net", "net1"]) && at(1) == "stop" {
        name(at(2))
    } else if program(&["sc"]) {
        // `sc \\host stop name` names the host first.
        let from = if at(1).starts_with("\\\\") { 2 } else { 1 };
        let disabled = at(from) == "config" && words.iter().any(|w| w == "disabled" || w == "start=disabled");
        if matches!(at(from), "stop" | "delete") || disabled {
            name(at(from + 1))
        } else {
            Vec::new()
        }
    } else if program(&["taskkill"]) {
        words
            .windows(2)
            .filter(|w| matches!(w.first().map(String::as_str), Some("/im" | "/pid")))
            .filter_map(|w| w.last().cloned())
            .collect()
    } else if program(&["powershell", "pwsh"]) {
        let named = words
            .iter()
            .position(|w| w.trim_matches('&') == "stop-service" || w == "stop-process");
        named.map_or_else(Vec::new, |i| {
            let rest = words.iter().skip(i + 1).find(|w| !w.starts_with('-'));
            rest.map_or_else(Vec::new, |w| w.split(',').map(str::to_owned).collect())
        })
    } else {
        Vec::new()
    };
    found.into_iter().filter(|n| !n.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::start;
    use crate::signals::testing::Sample;

    fn hits(n: usize, image: &str, line: impl Fn(usize) -> String) -> usize {
        let mut s = Sample::default();
        for i in 0..n {
            let time = format!("2026-03-02T09:{:02}:{:02}Z", i * 10 / 60, i * 10 % 60);
            start(&mut s, &time, image, "cmd.exe", &line(i));
        }
        s.hits(&Imp02).len()
    }

    #[test]
    fn many_stops_fire() {
        assert_eq!(hits(15, "net.exe", |i| format!("net stop sqlsvc{i} /y")), 1);
        assert_eq!(hits(20, "taskkill.exe", |i| format!("taskkill /f /im p{i}.exe")), 1);
        assert_eq!(hits(10, "sc.exe", |i| format!("sc.exe config s{i} start= disabled")), 1);
    }

    #[test]
    fn few_stops_and_one_service_again_and_again_stay_quiet() {
        assert_eq!(hits(3, "net.exe", |i| format!("net stop s{i}")), 0);
        assert_eq!(hits(30, "net.exe", |_| "net stop spooler".to_owned()), 0);
        assert_eq!(hits(30, "sc.exe", |i| format!("sc query s{i}")), 0);
    }
}
