//! A small hunt whose every text is hostile, for the tests of the outputs.

use std::collections::BTreeMap;

use serde_json::json;

use super::charts::{self, DnsVolume, FindingCharts, Lane};
use super::lang::Lang;
use super::run::{Blind, ClockOffset, HostDay, InputReport, RejectReport, RunSummary, Suppression};
use super::{Output, Results};
use crate::score::finding::{
    Contribution, Evidence, Finding, Gate, Iocs, ProcessNode, Related, SignalHit, TechniqueRef,
};
use crate::score::rank::{Case, Step};

/// Markup, terminal sequences, direction overrides, formulas, Markdown.
pub const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img onerror=alert(1)>",
    "exe.\u{202e}fdp",
    "\u{1b}[31mred\u{0}",
    "=cmd|' /C calc'!A0",
    "a | b ``c`` [x](https://evil.example)\n# head",
];

/// All of it in one text.
pub fn nasty() -> String {
    HOSTILE.join(" ")
}

/// What an output writes.
pub fn written(output: &dyn Output, results: &Results) -> String {
    let mut bytes = Vec::new();
    output.write(results, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn evidence() -> Evidence {
    Evidence {
        table: "process".to_owned(),
        time: "2025-09-20T11:07:30.003Z".to_owned(),
        source_file: format!("logs/{}.gz!x", nasty()),
        record: Some(7),
        offset: 4_096,
        fields: BTreeMap::from([
            ("action".to_owned(), json!("start")),
            ("cmdline".to_owned(), json!(nasty())),
            ("pid".to_owned(), json!(77)),
            ("message".to_owned(), json!("a field named as one of ours")),
            (nasty(), json!([nasty()])),
        ]),
    }
}

fn hit(signal: &str, time: &str, technique: &str, points: f64) -> SignalHit {
    SignalHit {
        signal: signal.to_owned(),
        rule_id: Some(nasty()),
        title: nasty(),
        host: "pc-1".to_owned(),
        time: time.to_owned(),
        last: "2025-09-20T14:00:00Z".to_owned(),
        level: "high".to_owned(),
        techniques: vec![technique.to_owned()],
        explain: nasty(),
        evidence: vec![evidence()],
        finding_id: Some("f1".to_owned()),
        suppressed_by: Some(nasty()),
        family: "execution".to_owned(),
        stage: "execution".to_owned(),
        source_class: "endpoint".to_owned(),
        key: nasty(),
        quality: 1.0,
        rarity: 1.0,
        hosts_with_key: 1,
        allow: 1.0,
        link: 1.0,
        event: None,
        asset: 1.0,
        decisive: false,
        count: 3,
        users: vec![nasty()],
        points,
    }
}

fn finding(rank: u32, id: &str, host: &str, score: f64, severity: &str) -> Finding {
    let technique = |id: &str, name: &str, tactic: &str| TechniqueRef {
        id: id.to_owned(),
        name: name.to_owned(),
        tactics: vec![tactic.to_owned()],
    };
    let process = |id: u32, parent: Option<u32>| {
        ProcessNode {
        id,
        parent,
        time: String::new(),
        image: format!("C:\\{}\\p.exe", nasty()),
        cmdline: "powershell.exe -EncodedCommand SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkA".to_owned(),
        user: nasty(),
        pid: Some(4),
        signals: vec!["NET-01".to_owned()],
    }
    };
    let n = nasty;
    Finding {
        schema_version: 1,
        finding_id: id.to_owned(),
        rank,
        score,
        severity: severity.to_owned(),
        host: host.to_owned(),
        users: vec![n()],
        first_seen: "2025-09-20T11:07:30Z".to_owned(),
        last_seen: "2025-09-20T14:00:00Z".to_owned(),
        title: n(),
        summary: n(),
        tactics: vec!["execution".to_owned(), n()],
        techniques: vec![
            technique("T1059.001", "PowerShell", "execution"),
            technique("T1071", "Application Layer Protocol", "command-and-control"),
        ],
        attack_version: "19".to_owned(),
        sources: vec!["endpoint".to_owned()],
        signals: vec![
            hit("SCRIPT-01", "2025-09-20T11:07:30.003Z", "T1059.001", 40.0),
            hit("NET-01", "2025-09-20T11:08:00Z", "T1071", score - 50.0),
        ],
        contributions: vec![
            Contribution {
                item: format!("SCRIPT-01 {}", n()),
                points: 40.0,
            },
            Contribution {
                item: "NET-01 x".to_owned(),
                points: score - 50.0,
            },
            Contribution {
                item: "independent sources (2)".to_owned(),
                points: 10.0,
            },
        ],
        gate: Gate {
            id: "G3".to_owned(),
            cap: 100.0,
            applied: false,
            why: n(),
        },
        iocs: Iocs {
            sha256: vec![n()],
            domains: vec![n()],
            ips: vec![n()],
            urls: vec![n()],
            files: vec![n()],
            accounts: vec![n()],
        },
        related: vec![
            Related {
                finding_id: "f2".to_owned(),
                reason: n(),
            },
            Related {
                finding_id: n(),
                reason: n(),
            },
        ],
        next_steps: vec![format!("Contain: {}", n()), n()],
        case_id: Some("case-f1".to_owned()),
        status: Some("new".to_owned()),
        merged_from: vec![n()],
        split_from: Some(n()),
        // 3 and 4 name each other.
        processes: vec![
            process(0, None),
            process(1, Some(0)),
            process(2, Some(9)),
            process(3, Some(4)),
            process(4, Some(3)),
        ],
    }
}

/// Two findings of one case, two hits, and a run with something in every field.
pub fn hostile() -> Results {
    let n = nasty;
    let first = finding(1, "f1", "pc-1", 91.5, "critical");
    let mut run = RunSummary {
        schema_version: 1,
        tool_version: "0.1.0".to_owned(),
        command_line: vec!["coldtrail".to_owned(), n()],
        started: "2025-09-21T00:00:00Z".to_owned(),
        finished: "2025-09-21T00:01:00Z".to_owned(),
        settings: BTreeMap::from([(n(), n())]),
        attack_version: "19".to_owned(),
        inputs: vec![InputReport {
            path: n(),
            format: n(),
            records: 1_234_567,
            rejected: 2,
            first: Some("2025-09-20T00:00:00Z".to_owned()),
            last: Some("2025-09-20T15:00:00Z".to_owned()),
            hosts: vec![n()],
            time_quality: BTreeMap::from([("assumed".to_owned(), 5)]),
            notes: vec![n()],
            ..InputReport::default()
        }],
        unreadable: vec![n()],
        skipped: vec![n()],
        tables: BTreeMap::from([("process".to_owned(), 9)]),
        suppressions: vec![Suppression {
            entry: n(),
            reason: n(),
            hits: 4,
            ..Suppression::default()
        }],
        warnings: vec![n()],
        rejects: vec![RejectReport {
            source_file: n(),
            offset: 1,
            reason: n(),
            head: n(),
        }],
        ..RunSummary::default()
    };
    run.sigma.rejected = vec![n()];
    run.coverage.host_days = ["2025-09-19", "2025-09-20"]
        .iter()
        .flat_map(|day| {
            [n(), "pc-1".to_owned(), format!("user:{}", n())].map(|host| HostDay {
                host,
                day: (*day).to_owned(),
                sources: BTreeMap::from([(n(), 3)]),
            })
        })
        .collect();
    run.coverage.clock_offsets = vec![ClockOffset {
        host: n(),
        day: "2025-09-20".to_owned(),
        hours: 9.0,
    }];
    run.coverage.blind = vec![Blind {
        signal: "NET-01".to_owned(),
        hosts: vec![n()],
        why: n(),
    }];
    run.coverage.addresses_unjoined = 3;
    run.coverage.shared_addresses = vec![n()];
    Results {
        signals: first.signals.clone(),
        findings: vec![first, finding(2, "f2", "pc-2", 70.0, "high")],
        cases: vec![case()],
        run,
        charts: BTreeMap::from([("f1".to_owned(), drawn())]),
        lang: Lang::En,
    }
}

fn case() -> Case {
    let n = nasty;
    Case {
        case_id: "case-f1".to_owned(),
        severity: "critical".to_owned(),
        hosts: vec!["pc-1".to_owned(), "pc-2".to_owned()],
        findings: vec!["f1".to_owned(), "f2".to_owned()],
        title: n(),
        entry_host: "pc-2".to_owned(),
        path: vec![Step {
            time: "2025-09-20T12:00:00Z".to_owned(),
            from: "pc-2".to_owned(),
            to: "pc-1".to_owned(),
            how: n(),
            user: Some(n()),
            ..Step::default()
        }],
        route: vec!["pc-2".to_owned(), "pc-1".to_owned(), n()],
        accounts: vec![n()],
        tactics: vec![n()],
        ..Case::default()
    }
}

fn drawn() -> FindingCharts {
    let (from, to) = (1_758_366_000_000_000, 1_758_376_800_000_000);
    let times: Vec<i64> = (0..60).map(|i| from + i * 60_000_000).collect();
    let cells = charts::cells(times.iter().copied(), from, to);
    FindingCharts {
        from,
        to,
        lanes: vec![Lane {
            source: nasty(),
            total: 60,
            cells: cells.clone(),
        }],
        beacons: charts::beacon(&nasty(), &nasty(), &times).into_iter().collect(),
        dns: vec![DnsVolume {
            domain: nasty(),
            total: 60,
            names: 3,
            longest: 40,
            first: from,
            last: to,
            cells,
        }],
    }
}
