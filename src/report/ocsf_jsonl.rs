//! `ocsf.jsonl`: OCSF 1.5.0. A Detection Finding (class 2004) per finding, an Incident Finding (class 2005) per case.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Output, Results};
use crate::base::time::{Ts, rfc3339};
use crate::knowledge::attack::AttackTable;
use crate::score::finding::{Finding, SignalHit, TechniqueRef};
use crate::score::rank::Case;

/// Version of the schema.
const OCSF: &str = "1.5.0";
/// `class_uid` of a Detection Finding.
const DETECTION: u32 = 2004;
/// `class_uid` of an Incident Finding.
const INCIDENT: u32 = 2005;
/// `activity_id` for "created".
const CREATE: u32 = 1;
/// `activity_id` for "updated".
const UPDATE: u32 = 2;
/// `activity_id` for "closed".
const CLOSE: u32 = 3;

/// The output.
pub struct OcsfJsonl;

impl Output for OcsfJsonl {
    fn id(&self) -> &'static str {
        "ocsf-jsonl"
    }

    fn file_name(&self) -> &'static str {
        "ocsf.jsonl"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        let mut lines: Vec<Value> = results.findings.iter().map(|f| detection(f, results)).collect();
        lines.extend(results.cases.iter().filter_map(|case| incident(case, results)));
        super::json_lines(&lines, w)
    }
}

fn detection(f: &Finding, results: &Results) -> Value {
    let activity = match f.status.as_deref() {
        Some("ongoing" | "changed") => UPDATE,
        Some("gone") => CLOSE,
        _ => CREATE,
    };
    let (status_id, status) = if activity == CLOSE { (4, "Resolved") } else { (1, "New") };
    let mut event = base(DETECTION, activity, &f.severity, f, results, &["host"]);
    fill(
        &mut event,
        json!({
            "message": f.summary,
            "start_time": millis(&f.first_seen),
            "end_time": millis(&f.last_seen),
            "finding_info": info(f),
            "is_alert": activity != CLOSE && matches!(f.severity.as_str(), "high" | "critical"),
            "risk_score": f.score.round() as i64,
            "risk_details": f.gate.why,
            "status_id": status_id,
            "status": status,
            "device": {"hostname": f.host, "type_id": 0},
            "resources": f.users.iter().map(|u| json!({"type": "User", "name": u})).collect::<Vec<_>>(),
            "evidences": f.signals.iter().map(evidence).collect::<Vec<_>>(),
            "observables": observables(f),
            "remediation": {"desc": f.next_steps.join("\n")},
            "unmapped": {"rank": f.rank, "case_id": f.case_id, "contributions": f.contributions},
        }),
    );
    event
}

/// `None` for a case whose findings are all gone.
fn incident(case: &Case, results: &Results) -> Option<Value> {
    let of_case = |f: &&Finding| !f.is_gone() && f.case_id.as_deref() == Some(&case.case_id);
    // Findings come best first.
    let members: Vec<&Finding> = results.findings.iter().filter(of_case).collect();
    let best = members.first()?;
    let desc = format!("{} linked findings on {}", members.len(), case.hosts.join(", "));
    let mut techniques: BTreeMap<&str, &TechniqueRef> = BTreeMap::new();
    for t in members.iter().flat_map(|f| &f.techniques) {
        techniques.insert(&t.id, t);
    }
    let mut event = base(INCIDENT, CREATE, &case.severity, best, results, &[]);
    fill(
        &mut event,
        json!({
            "message": format!("{}: {desc}", case.title),
            "desc": desc,
            "start_time": members.iter().filter_map(|f| millis(&f.first_seen)).min(),
            "end_time": members.iter().filter_map(|f| millis(&f.last_seen)).max(),
            "finding_info_list": members.iter().map(|f| info(f)).collect::<Vec<_>>(),
            "attacks": techniques.values().flat_map(|t| attacks(t, &best.attack_version)).collect::<Vec<_>>(),
            "status_id": 1,
            "status": "New",
            "assignee_group": {"name": "unassigned"},
            "unmapped": {
                "case_id": case.case_id, "score": case.score, "entry_host": case.entry_host, "route": case.route,
                "path": case.path, "accounts": case.accounts,
            },
        }),
    );
    Some(event)
}

/// What every event has. Its time is the hunt's end: the moment at which the finding was made.
fn base(class: u32, activity: u32, severity: &str, f: &Finding, results: &Results, profiles: &[&str]) -> Value {
    let (severity_id, severity) = match severity {
        "info" => (1, "Informational"),
        "low" => (2, "Low"),
        "medium" => (3, "Medium"),
        "high" => (4, "High"),
        "critical" => (5, "Critical"),
        _ => (0, "Unknown"),
    };
    json!({
        "class_uid": class,
        "class_name": if class == INCIDENT { "Incident Finding" } else { "Detection Finding" },
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity,
        "activity_name": match activity {
            UPDATE => "Update",
            CLOSE => "Close",
            _ => "Create",
        },
        "type_uid": class * 100 + activity,
        "severity_id": severity_id,
        "severity": severity,
        "time": millis(&results.run.finished).or_else(|| millis(&f.last_seen)).unwrap_or(0),
        "metadata": {
            "version": OCSF,
            "profiles": profiles,
            "product": {"name": "coldtrail", "vendor_name": "coldtrail", "version": results.run.tool_version},
        },
    })
}

fn fill(event: &mut Value, more: Value) {
    if let (Value::Object(event), Value::Object(more)) = (event, more) {
        event.extend(more.into_iter().filter(|(_, v)| !v.is_null()));
    }
}

fn info(f: &Finding) -> Value {
    let signals: Vec<Value> = f
        .signals
        .iter()
        .map(|s| json!({"name": s.title, "uid": s.rule_id.as_ref().unwrap_or(&s.signal), "type_id": 1, "type": "Rule"}))
        .collect();
    let mut info = json!({
        "uid": f.finding_id,
        "title": f.title,
        "desc": f.summary,
        "types": f.tactics,
        "data_sources": f.sources,
        "attacks": f.techniques.iter().flat_map(|t| attacks(t, &f.attack_version)).collect::<Vec<_>>(),
        "related_events_count": f.signals.iter().map(|s| s.count).sum::<u64>(),
        "related_analytics": signals,
    });
    fill(
        &mut info,
        json!({"first_seen_time": millis(&f.first_seen), "last_seen_time": millis(&f.last_seen)}),
    );
    info
}

/// One object per tactic of the technique, as the schema has a single tactic in each.
fn attacks(t: &TechniqueRef, version: &str) -> Vec<Value> {
    let table = AttackTable::builtin();
    let mut shape = json!({"version": version});
    match t.id.split_once('.') {
        Some((parent, _)) => {
            let name = table.get(parent).map_or("", |p| p.name.as_str());
            fill(
                &mut shape,
                json!({"technique": {"uid": parent, "name": name}, "sub_technique": {"uid": t.id, "name": t.name}}),
            );
        }
        None => fill(&mut shape, json!({"technique": {"uid": t.id, "name": t.name}})),
    }
    if t.tactics.is_empty() {
        return vec![shape];
    }
    let with_tactic = |name: &String| {
        let mut one = shape.clone();
        let uid = table.tactics().iter().find(|x| x.name == *name).map(|x| x.id.clone());
        fill(&mut one, json!({"tactic": {"name": name, "uid": uid}}));
        one
    };
    t.tactics.iter().map(with_tactic).collect()
}

fn evidence(s: &SignalHit) -> Value {
    json!({
        "name": s.title,
        "uid": s.signal,
        "data": {"time": s.time, "explain": s.explain, "level": s.level, "points": s.points, "rows": s.evidence},
    })
}

/// Type ids of the schema: 1 hostname, 2 address, 4 user name, 6 URL, 8 hash, 45 file path.
fn observables(f: &Finding) -> Vec<Value> {
    let mut out = vec![json!({"name": "device.hostname", "type_id": 1, "type": "Hostname", "value": f.host})];
    let i = &f.iocs;
    for (values, type_id, kind) in [
        (&i.domains, 1, "Hostname"),
        (&i.ips, 2, "IP Address"),
        (&i.accounts, 4, "User Name"),
        (&i.urls, 6, "URL String"),
        (&i.sha256, 8, "Hash"),
        (&i.files, 45, "File Path"),
    ] {
        let one = |v: &String| json!({"name": "evidences[].data", "type_id": type_id, "type": kind, "value": v});
        out.extend(values.iter().map(one));
    }
    out
}

/// Milliseconds since 1970, as OCSF counts.
fn millis(time: &str) -> Option<Ts> {
    rfc3339(time.as_bytes()).map(|(ts, _)| ts.div_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{hostile, written};

    fn events() -> Vec<Value> {
        written(&OcsfJsonl, &hostile())
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect()
    }

    #[test]
    fn required_attributes_are_there() {
        for e in events() {
            let class = e["class_uid"].as_u64().unwrap();
            assert_eq!(e["category_uid"], 2);
            assert_eq!(
                e["type_uid"].as_u64().unwrap(),
                class * 100 + e["activity_id"].as_u64().unwrap()
            );
            assert!((1..=5).contains(&e["severity_id"].as_u64().unwrap()));
            assert!(e["time"].as_i64().unwrap() > 1_000_000_000_000);
            assert_eq!(e["metadata"]["version"], OCSF);
            assert_eq!(e["metadata"]["product"]["name"], "coldtrail");
            let infos = match class {
                2004 => vec![e["finding_info"].clone()],
                _ => e["finding_info_list"].as_array().unwrap().clone(),
            };
            assert!(!infos.is_empty());
            for info in infos {
                assert!(info["uid"].is_string() && info["title"].is_string());
            }
            assert!(e["status_id"].is_u64());
        }
    }

    /// Attributes of OCSF 1.5.0 that may stand in an event of either class.
    const BASE: &[&str] = &[
        "activity_id",
        "activity_name",
        "category_name",
        "category_uid",
        "class_name",
        "class_uid",
        "end_time",
        "message",
        "metadata",
        "observables",
        "severity",
        "severity_id",
        "start_time",
        "status",
        "status_id",
        "time",
        "type_uid",
        "unmapped",
    ];
    /// Attributes of a Detection Finding beside those.
    const OF_DETECTION: &[&str] = &[
        "device",
        "evidences",
        "finding_info",
        "is_alert",
        "remediation",
        "resources",
        "risk_details",
        "risk_score",
    ];
    /// Attributes of an Incident Finding beside those.
    const OF_INCIDENT: &[&str] = &["assignee_group", "attacks", "desc", "finding_info_list"];
    /// Attributes of `finding_info`.
    const INFO: &[&str] = &[
        "attacks",
        "data_sources",
        "desc",
        "first_seen_time",
        "last_seen_time",
        "related_analytics",
        "related_events_count",
        "title",
        "types",
        "uid",
    ];

    fn only(object: &Value, allowed: &[&[&str]]) {
        for name in object.as_object().unwrap().keys() {
            assert!(
                allowed.iter().any(|a| a.contains(&name.as_str())),
                "{name} is no attribute"
            );
        }
    }

    #[test]
    fn only_attributes_of_the_schema_are_written() {
        for e in events() {
            if e["class_uid"] == DETECTION {
                only(&e, &[BASE, OF_DETECTION]);
                only(&e["finding_info"], &[INFO]);
                for ev in e["evidences"].as_array().unwrap() {
                    only(ev, &[&["name", "uid", "data"]]);
                }
                assert!(e["risk_score"].is_i64() && e["is_alert"].is_boolean());
            } else {
                only(&e, &[BASE, OF_INCIDENT]);
                assert!(
                    e["finding_info_list"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .all(|i| i["uid"].is_string())
                );
                assert!(
                    e["assignee_group"]["name"].is_string(),
                    "an assignee or a group is required"
                );
            }
            for o in e["observables"].as_array().into_iter().flatten() {
                only(o, &[&["name", "type_id", "type", "value"]]);
            }
        }
    }

    #[test]
    fn a_finding_that_is_gone_is_closed_and_in_no_incident() {
        let mut results = hostile();
        for f in &mut results.findings {
            f.status = Some("gone".to_owned());
        }
        let text = written(&OcsfJsonl, &results);
        for l in text.lines() {
            let e: Value = serde_json::from_str(l).unwrap();
            assert_eq!(
                (e["class_uid"].as_u64(), e["type_uid"].as_u64()),
                (Some(2004), Some(200_403))
            );
            assert_eq!(
                (e["status_id"].as_u64(), e["is_alert"].as_bool()),
                (Some(4), Some(false))
            );
        }
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn findings_of_one_case_make_one_incident() {
        let events = events();
        assert_eq!(events.iter().filter(|e| e["class_uid"] == 2004).count(), 2);
        let incident = events.iter().find(|e| e["class_uid"] == 2005).unwrap();
        assert_eq!(incident["finding_info_list"].as_array().unwrap().len(), 2);
        assert_eq!(incident["severity_id"], 5);
        assert_eq!(incident["unmapped"]["entry_host"], "pc-2");
        assert_eq!(incident["unmapped"]["path"][0]["to"], "pc-1");
    }

    #[test]
    fn a_sub_technique_names_its_parent_and_its_tactic() {
        let events = events();
        let attack = &events[0]["finding_info"]["attacks"][0];
        assert_eq!(attack["technique"]["uid"], "T1059");
        assert_eq!(attack["technique"]["name"], "Command and Scripting Interpreter");
        assert_eq!(attack["sub_technique"]["uid"], "T1059.001");
        assert_eq!(attack["tactic"]["uid"], "TA0002");
    }
}
