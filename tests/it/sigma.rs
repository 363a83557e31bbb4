//! Sigma rules as a user runs them.

use std::fs;
use std::path::Path;

use crate::support::{coldtrail, hunt, json, json_lines, root, shared};

const EVENTS: &str = r#"{"@timestamp":"2025-09-20T11:00:00.000Z","winlog":{"channel":"Microsoft-Windows-Sysmon/Operational","provider_name":"Microsoft-Windows-Sysmon","event_id":"1","record_id":1,"computer_name":"PC-1","event_data":{"UtcTime":"2025-09-20 11:00:00.000","ProcessGuid":"{00000000-0000-0000-0000-000000000001}","ProcessId":"10","Image":"C:\\Users\\Public\\evil.exe","CommandLine":"evil.exe -go","User":"CORP\\ann"}}}
{"@timestamp":"2025-09-20T11:00:05.000Z","winlog":{"channel":"Microsoft-Windows-Sysmon/Operational","provider_name":"Microsoft-Windows-Sysmon","event_id":"1","record_id":2,"computer_name":"PC-1","event_data":{"UtcTime":"2025-09-20 11:00:05.000","ProcessGuid":"{00000000-0000-0000-0000-000000000002}","ProcessId":"11","Image":"C:\\Users\\Public\\evil.exe","CommandLine":"evil.exe -on","User":"CORP\\ann"}}}
"#;

const RULES: &str = r"title: Evil program
id: 11111111-1111-1111-1111-111111111111
name: evil
level: high
tags: [attack.execution, attack.t1562.001]
logsource: {product: windows, category: process_creation}
detection:
  sel: {Image|endswith: '\evil.exe'}
  condition: sel
---
title: Evil again and again
id: 22222222-2222-2222-2222-222222222222
level: critical
correlation:
  type: event_count
  rules: [evil]
  group-by: [Computer]
  timespan: 1m
  condition: {gte: 2}
  generate: true
---
title: Cloud
id: 33333333-3333-3333-3333-333333333333
logsource: {product: aws, service: cloudtrail}
detection: {sel: {a: b}, condition: sel}
";

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("logs")).unwrap();
    fs::write(dir.path().join("logs/events.json"), EVENTS).unwrap();
    fs::write(dir.path().join("rules.yml"), RULES).unwrap();
    dir
}

fn with_rules(dir: &Path, extra: &[&str]) -> tempfile::TempDir {
    let rules = dir.join("rules.yml").display().to_string();
    let mut all = vec!["--sigma", &rules];
    all.extend_from_slice(extra);
    hunt(&dir.join("logs"), &all)
}

#[test]
fn matches_are_signals_with_rule_id_level_and_todays_technique() {
    let dir = folder();
    let out = with_rules(dir.path(), &[]);
    let signals = json_lines(&out.path().join("signals.jsonl"));
    let of = |id: &str| signals.iter().filter(|s| s["rule_id"] == id).collect::<Vec<_>>();
    let evil = of("11111111-1111-1111-1111-111111111111");
    assert_eq!(evil.len(), 2);
    assert_eq!(
        (evil[0]["level"].as_str(), evil[0]["techniques"][0].as_str()),
        (Some("high"), Some("T1685"))
    );
    assert!(evil[0]["explain"].as_str().unwrap().contains("evil.exe"));
    assert_eq!(evil[0]["evidence"][0]["fields"]["user"], "ann");
    assert_eq!(of("22222222-2222-2222-2222-222222222222").len(), 1, "the correlation");
    let run = json(&out.path().join("run.json"));
    assert_eq!(run["sigma"]["loaded"], 3);
    assert!(
        run["sigma"]["could_not_match"][0]["why"]
            .as_str()
            .unwrap()
            .contains("aws")
    );
    assert_eq!(run["sigma"]["rules"][0]["matches"], 2);
}

#[test]
fn selections_and_bad_rules() {
    let dir = folder();
    let out = with_rules(dir.path(), &["--exclude-rule", "Evil*"]);
    let signals = json_lines(&out.path().join("signals.jsonl"));
    assert!(signals.iter().all(|s| s["rule_id"].is_null()));
    let bad = RULES.replace("condition: sel\n---", "condition: sol\n---");
    fs::write(dir.path().join("rules.yml"), bad).unwrap();
    let out = with_rules(dir.path(), &[]);
    let run = json(&out.path().join("run.json"));
    let rejected =
        run["sigma"]["rejected"][1].as_str().unwrap().to_owned() + run["sigma"]["rejected"][0].as_str().unwrap();
    assert!(
        rejected.contains("rules.yml:9") && rejected.contains("did you mean 'sel'"),
        "{rejected}"
    );
    let rules = dir.path().join("rules.yml").display().to_string();
    let logs = dir.path().join("logs").display().to_string();
    let to = dir.path().join("out").display().to_string();
    for (args, code) in [
        (
            vec!["hunt", &logs, "--out", &to, "--quiet", "--strict", "--sigma", &rules],
            2,
        ),
        (vec!["hunt", &logs, "--out", &to, "--quiet", "--sigma", "/nonesuch"], 2),
        (vec!["rules", "check", &rules], 2),
        (vec!["rules", "check", &rules, "--include-rule", "Cloud"], 2),
    ] {
        assert_eq!(coldtrail(&args).status.code(), Some(code), "{args:?}");
    }
    assert!(!Path::new(&to).exists(), "nothing was started");
}

#[test]
fn rules_are_tested_on_the_events_beside_them() {
    let dir = folder();
    let rules = dir.path().join("rules.yml").display().to_string();
    fs::write(dir.path().join("rules.json"), EVENTS).unwrap();
    let done = coldtrail(&["rules", "test", &rules, "--include-rule", "evil"]);
    let out = String::from_utf8_lossy(&done.stdout);
    assert!(out.contains("ok   11111111") && out.contains("(2 matches)"), "{out}");
    assert_eq!(done.status.code(), Some(0));
    fs::write(dir.path().join("rules.json"), EVENTS.replace("evil", "good")).unwrap();
    assert_eq!(
        coldtrail(&["rules", "test", &rules, "--include-rule", "evil"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn every_rule_of_sigmahq_matches_its_own_events() {
    let Some(data) = shared() else { return };
    let archive = data.join("sigma/rules.tar.xz").display().to_string();
    let events = data.join("sigma/regression").display().to_string();
    let check = coldtrail(&["rules", "check", &archive]);
    assert_eq!(
        check.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&check.stdout)
    );
    let _ = root();
    let done = coldtrail(&["rules", "test", &archive, "--events", &events]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("80 rules match their events, 0 do not"), "{said}");
}
