//! AV-03: the antivirus found something and did not get rid of it, or found a tool of intruders.
//!
//! Sees: Defender detections without a successful action within ten minutes, failed actions, the same threat on three days, and
//! threats of classes that matter even when they are removed.
//! Why: a tool that was removed was brought by somebody who is still there.
//! Benign causes: test files, unwanted programs that were quarantined, scripts in a browser's cache.
//! Sources: Microsoft's documentation of events 1116 to 1119; Sigma's rules on antivirus categories.

use std::collections::{BTreeMap, BTreeSet};

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::quote;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::schema::{alert as t, common};

/// See the module.
pub struct Av03;

const ACT_S: f64 = 600.0;
const DAYS: f64 = 3.0;
const DAY_US: i64 = 86_400_000_000;
/// Parts of threat names, lower case, that mean an intruder's tool. Source: Sigma's antivirus rules.
const TOOLS: &[&str] = &[
    "mimikatz",
    "cobalt",
    "meterpreter",
    "metasploit",
    "hacktool",
    "bloodhound",
    "sharphound",
    "rubeus",
    "impacket",
    "psexec",
    "lazagne",
    "powersploit",
    "empire",
    "sliver",
    "brute",
    "ransom",
    "webshell",
    "backdoor:",
    "lsassdump",
    "dumplsass",
    "exploit:",
];

static META: Meta = Meta {
    id: "AV-03",
    title: "Antivirus detection not remediated",
    sees: "A detection that no successful action follows within ten minutes or whose action failed (high), a threat that comes back on three \
           days, or a detection of an intruder's tool or of high severity (high). Test files and removed unwanted programs are left out.",
    why: "What was found once was brought by somebody; what was not removed may run.",
    techniques: &["T1204.002", "T1003.001", "T1505.003"],
    stage: "execution",
    family: "protection",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::OUTCOME,
            common::USER,
            t::PRODUCT,
            t::TITLE,
            t::SEVERITY,
            t::CATEGORY,
            t::THREAT,
            t::OBJECT,
            t::ACTION_TAKEN,
            t::SHA256,
            t::IMAGE,
        ],
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "act",
            value: ACT_S,
            unit: "s",
            source: "[J] Defender acts within seconds to minutes",
        },
        Threshold {
            name: "days",
            value: DAYS,
            unit: "days",
            source: "[J] something brings it back",
        },
    ],
    benign: &[
        "test files (EICAR)",
        "unwanted programs that were quarantined",
        "scripts in a browser's cache",
    ],
};

impl Signal for Av03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut of_threat: BTreeMap<String, Vec<Row<'_>>> = BTreeMap::new();
        for row in rows
            .table(&t::TABLE)
            .iter()
            .filter(|r| matches!(r.str(common::ACTION), "detect" | "remediate" | "suspend"))
        {
            let threat = row.text(t::THREAT).or_else(|| row.text(t::TITLE)).unwrap_or("");
            if !threat.is_empty() && !threat.to_lowercase().contains("eicar") {
                of_threat.entry(threat.to_lowercase()).or_default().push(row);
            }
        }
        for (threat, found) in &of_threat {
            hits.extend(judge(cx, threat, found));
        }
    }
}

fn judge(cx: &Cx<'_>, threat: &str, rows: &[Row<'_>]) -> Option<Hit> {
    let detected: Vec<Row<'_>> = rows
        .iter()
        .filter(|r| r.str(common::ACTION) == "detect")
        .copied()
        .collect();
    let failed = rows.iter().find(|r| r.str(common::OUTCOME) == "failure").copied();
    let removed = |row: &Row<'_>| {
        rows.iter().any(|r| {
            r.str(common::OUTCOME) == "success"
                && (0..=(cx.number(&META, "act") * 1e6) as i64).contains(&(r.ts() - row.ts()))
        })
    };
    let left = detected.iter().find(|r| !removed(r)).copied();
    let days: BTreeSet<i64> = detected.iter().map(|r| r.ts().div_euclid(DAY_US)).collect();
    let row = failed.or(left).or(detected.first().copied())?;
    let unwanted = threat.starts_with("pua")
        || threat.starts_with("adware")
        || row.str(t::CATEGORY).to_lowercase().contains("unwanted");
    let severe = matches!(
        row.str(t::SEVERITY).to_lowercase().as_str(),
        "severe" | "high" | "高" | "重大"
    );
    let tool = TOOLS.iter().any(|w| threat.contains(w));
    let again = days.len() as f64 >= cx.number(&META, "days");
    let cache = ["\\inetcache\\", "\\cache\\cache_data\\", "\\cache2\\entries\\"]
        .iter()
        .any(|c| row.str(t::OBJECT).to_lowercase().contains(c));
    let remains = failed.is_some() || left.is_some();
    if !remains && (!(tool || again) || unwanted || cache) {
        return None;
    }
    let mut reasons: Vec<String> = Vec::new();
    reasons.extend(failed.map(|_| "the action against it failed".to_owned()));
    reasons.extend(
        left.filter(|_| failed.is_none())
            .map(|_| "no successful action followed".to_owned()),
    );
    reasons.extend(again.then(|| format!("it came back on {} days", days.len())));
    reasons.extend(tool.then(|| "it is a tool of intruders".to_owned()));
    let high = !unwanted && (failed.is_some() || tool || (severe && remains));
    let name = row.text(t::THREAT).or_else(|| row.text(t::TITLE)).unwrap_or(threat);
    let explain = format!(
        "{name} was found in {} ({})",
        quote(row.str(t::OBJECT)),
        reasons.join("; ")
    );
    let level = if high {
        Level::High
    } else if unwanted {
        Level::Low
    } else {
        Level::Medium
    };
    let technique = match threat {
        n if n.contains("mimikatz") || n.contains("dumplsass") || n.contains("lsassdump") => "T1003.001",
        n if n.contains("webshell") => "T1505.003",
        _ => "T1204.002",
    };
    let mut hit = Hit::at(&META, row, threat.to_owned(), explain)
        .level(level)
        .techniques(&[technique]);
    rows.iter()
        .filter(|r| r.at() != row.at())
        .take(19)
        .for_each(|r| hit.add_row(*r));
    hit.count = rows.len() as u64;
    hit.time = rows.first().map_or(row.ts(), |r| r.ts());
    hit.last = rows.last().map_or(row.ts(), |r| r.ts());
    hit.iocs.extend(row.text(t::SHA256).map(|h| Ioc::Sha256(h.to_owned())));
    let path = row.str(t::OBJECT).split(';').next().unwrap_or("").trim();
    hit.iocs
        .extend(path.split_once("file:_").map(|(_, p)| Ioc::File(p.to_owned())));
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn run(threat: &str, category: &str, outcomes: &[&str]) -> Option<Level> {
        let mut sample = Sample::default();
        for (i, outcome) in outcomes.iter().enumerate() {
            sample.row(&t::TABLE, "ws01", &format!("2026-03-02T09:0{i}:00Z"), |b| {
                b.text(common::ACTION, if outcome.is_empty() { "detect" } else { "remediate" });
                b.text(common::OUTCOME, outcome);
                b.text(t::THREAT, threat);
                b.text(t::CATEGORY, category);
                b.text(t::OBJECT, r"file:_C:\x\a.exe");
            });
        }
        sample.hits(&Av03).first().map(|h| h.level)
    }

    #[test]
    fn what_stays_and_what_intruders_bring_counts() {
        assert_eq!(run("Trojan:Win32/Wacatac", "Trojan", &[""]), Some(Level::Medium));
        assert_eq!(
            run("Trojan:Win32/Wacatac", "Trojan", &["", "failure"]),
            Some(Level::High)
        );
        assert_eq!(
            run("HackTool:Win32/Mimikatz", "Tool", &["", "success"]),
            Some(Level::High)
        );
    }

    #[test]
    fn test_files_and_removed_threats_are_silent() {
        assert_eq!(run("Virus:DOS/EICAR_Test_File", "Virus", &[""]), None);
        assert_eq!(run("PUA:Win32/InstallCore", "PUA", &["", "success"]), None);
        assert_eq!(run("Trojan:JS/Agent", "Trojan", &["", "success"]), None);
        assert_eq!(run("Trojan:JS/Agent", "Trojan", &["success"]), None);
    }
}
