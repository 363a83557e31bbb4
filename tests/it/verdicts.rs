//! What a person does with findings: ask why, say that one is harmless, set a number, look back to another day.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{coldtrail, hunt, hunt_into, json, json_lines, root};

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let done = coldtrail(args);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), said(&done.stdout), said(&done.stderr))
}

fn office() -> tempfile::TempDir {
    hunt(&root().join("sample_data/office"), &[])
}

fn path(p: &Path) -> &str {
    p.to_str().unwrap()
}

#[test]
fn every_score_is_computed_again_from_the_table_of_hits() {
    let out = office();
    let findings = json_lines(&out.path().join("findings.jsonl"));
    assert!(findings.len() > 3);
    for f in findings.iter().take(25) {
        let (code, said, err) = run(&["explain", text(f, "finding_id"), "--out", path(out.path())]);
        assert_eq!(code, Some(0), "{}: {err}", text(f, "finding_id"));
        assert!(
            said.contains(&format!("{:.1} {}", f["score"].as_f64().unwrap(), text(f, "severity"))),
            "{said}"
        );
    }
    let (code, _, err) = run(&["explain", "zzzz", "--out", path(out.path())]);
    assert!(code == Some(2) && err.contains("no finding 'zzzz'"), "{err}");
}

#[test]
fn a_dismissed_finding_is_gone_and_what_it_would_be_is_said() {
    let out = office();
    let allow = out.path().join("allow.toml");
    let first = json_lines(&out.path().join("findings.jsonl")).remove(0);
    let word = text(&first, "finding_id");
    let dismiss = |expires: &str| {
        let args = [
            "dismiss",
            word,
            "--reason",
            "a drill",
            "--expires",
            expires,
            "--allow",
            path(&allow),
            "--out",
            path(out.path()),
        ];
        run(&args)
    };
    let (code, _, err) = dismiss("soon");
    assert!(code == Some(2) && err.contains("no date"), "{err}");
    assert!(!allow.exists());
    let (code, said, err) = dismiss("2999-01-01");
    assert_eq!(code, Some(0), "{err}");
    assert!(said.contains("were added"), "{said}");
    let (code, said, _) = run(&["allow", "check", path(&allow)]);
    assert!(code == Some(0) && said.contains("a drill"), "{said}");

    let again = tempfile::tempdir().unwrap();
    hunt_into(
        &[&root().join("sample_data/office")],
        again.path(),
        &["--allow", path(&allow)],
    );
    let findings = json_lines(&again.path().join("findings.jsonl"));
    assert!(findings.iter().all(|f| text(f, "finding_id") != word));
    let silenced = json_lines(&again.path().join("signals.jsonl"));
    let silenced: Vec<&Value> = silenced.iter().filter(|s| !s["suppressed_by"].is_null()).collect();
    assert!(!silenced.is_empty());
    let was = json_lines(&out.path().join("signals.jsonl"));
    let was: Vec<(&str, &str, &str)> = was
        .iter()
        .filter(|s| text(s, "finding_id") == word)
        .map(|s| (text(s, "signal"), text(s, "key"), text(s, "host")))
        .collect();
    assert!(
        silenced
            .iter()
            .all(|s| was.contains(&(text(s, "signal"), text(s, "key"), text(s, "host"))))
    );
    let told = json(&again.path().join("run.json"));
    let told = told["suppressions"].as_array().unwrap();
    assert!(told.iter().all(|s| !s["silenced"].as_array().unwrap().is_empty()));
    let severity = text(&first, "severity");
    assert!(
        told.iter()
            .any(|s| text(s, "effect_in_words").contains(&format!("would be 1 {severity}"))),
        "{told:?}"
    );
}

#[test]
fn thresholds_are_set_by_name_and_wrong_names_are_refused() {
    let input = root().join("sample_data/signals/NET-04/fires");
    let fired = |extra: &[&str]| {
        let out = hunt(&input, extra);
        json_lines(&out.path().join("signals.jsonl"))
            .iter()
            .any(|s| text(s, "signal") == "NET-04")
    };
    assert!(fired(&[]));
    assert!(!fired(&[
        "--threshold",
        "NET-04.hosts=500",
        "--threshold",
        "NET-04.endpoint_hosts=500"
    ]));
    let out = tempfile::tempdir().unwrap();
    let (code, _, err) = run(&[
        "hunt",
        path(&input),
        "--out",
        path(out.path()),
        "--threshold",
        "NET-04.host=5",
    ]);
    assert!(code == Some(2) && err.contains("did you mean 'hosts'"), "{err}");
}

#[test]
fn as_of_an_earlier_day_nothing_later_is_known() {
    let out = office();
    let run = json(&out.path().join("run.json"));
    let mut days: Vec<&str> = run["coverage"]["host_days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| text(d, "day"))
        .collect();
    days.sort_unstable();
    days.dedup();
    let (first, middle) = (days[0], days[days.len() / 2]);
    let then = hunt(&root().join("sample_data/office"), &["--as-of", middle]);
    for f in json_lines(&then.path().join("findings.jsonl")) {
        assert!(text(&f, "last_seen") < middle, "{}", text(&f, "last_seen"));
    }
    let run = json(&then.path().join("run.json"));
    let covered = run["coverage"]["host_days"].as_array().unwrap();
    assert!(!covered.is_empty() || first == middle);
    assert!(covered.iter().all(|d| text(d, "day") < middle));
}

#[test]
fn a_stix_bundle_is_a_list_of_indicators() {
    let folder = root().join("sample_data/signals/IOC-01");
    let list = fs::read_to_string(folder.join("iocs.csv")).unwrap();
    let objects: Vec<Value> = list
        .lines()
        .filter_map(|l| l.split(',').next())
        .filter(|v| v.contains('.') && v.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)))
        .map(|v| {
            let kind = if v.chars().all(|c| c.is_ascii_digit() || c == '.') { "ipv4-addr" } else { "domain-name" };
            serde_json::json!({"type": "indicator", "id": "indicator--1", "pattern_type": "stix", "pattern": format!("[{kind}:value = '{v}']")})
        })
        .collect();
    assert!(!objects.is_empty());
    let temp = tempfile::tempdir().unwrap();
    let bundle = temp.path().join("bundle.json");
    fs::write(
        &bundle,
        serde_json::json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string(),
    )
    .unwrap();
    let out = hunt(&folder.join("fires"), &["--iocs", path(&bundle)]);
    assert!(
        json_lines(&out.path().join("signals.jsonl"))
            .iter()
            .any(|s| text(s, "signal") == "IOC-01")
    );
}

#[test]
fn cases_tell_the_way_from_host_to_host_in_the_order_of_time() {
    let out = office();
    let cases = json_lines(&out.path().join("cases.jsonl"));
    assert!(!cases.is_empty());
    for case in &cases {
        let steps = case["path"].as_array().unwrap();
        let times: Vec<&str> = steps.iter().map(|s| text(s, "time")).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(case["route"][0], case["entry_host"]);
        let hosts: Vec<&str> = case["hosts"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(hosts.contains(&text(case, "entry_host")));
    }
    assert!(cases.iter().any(|c| !c["path"].as_array().unwrap().is_empty()));
}
