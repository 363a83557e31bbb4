//! The shipped sample, whole: the brief's case ranks first, everything adds up, and nothing depends on order or threads.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{hunt, hunt_into, json, json_lines, root};

fn office() -> PathBuf {
    root().join("sample_data/office")
}

fn lists() -> Vec<String> {
    let dir = root().join("sample_data/office-lists");
    vec![
        "--whois".into(),
        dir.join("whois.csv").display().to_string(),
        "--assets".into(),
        dir.join("assets.csv").display().to_string(),
        "--tz".into(),
        "dhcp-windows=Asia/Tokyo".into(),
        "--tz".into(),
        "msdns=Asia/Tokyo".into(),
    ]
}

fn hunted(extra: &[&str]) -> tempfile::TempDir {
    let lists = lists();
    let mut all: Vec<&str> = lists.iter().map(String::as_str).collect();
    all.extend(extra);
    hunt(&office(), &all)
}

fn read(out: &Path, name: &str) -> String {
    fs::read_to_string(out.join(name)).unwrap()
}

#[test]
fn pc_takeda_ranks_high_and_critical_with_the_whole_story() {
    let out = hunted(&[]);
    let findings = json_lines(&out.path().join("findings.jsonl"));
    // The first two hosts of the story have the same score; what was destroyed on the other one weighs more.
    let first = findings.iter().take(2).find(|f| f["host"] == "pc-takeda").unwrap();
    assert_eq!(first["severity"], "critical");
    let signals: Vec<&str> = first["signals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["signal"].as_str().unwrap())
        .collect();
    for id in ["PROC-01", "SCRIPT-01", "NET-01", "DNS-04", "AUTH-04"] {
        assert!(signals.contains(&id), "{id} is missing in {signals:?}");
    }
    let techniques: Vec<&str> = first["techniques"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["id"].as_str().unwrap())
        .collect();
    for id in ["T1204.002", "T1059.001", "T1027.010", "T1071.001"] {
        assert!(techniques.contains(&id), "{id} is missing in {techniques:?}");
    }
    let encoded = first["signals"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["signal"] == "SCRIPT-01")
        .unwrap();
    assert!(
        encoded["explain"].as_str().unwrap().contains("DownloadString"),
        "{}",
        encoded["explain"]
    );
}

#[test]
fn contributions_add_up_to_the_score() {
    let out = hunted(&[]);
    for f in json_lines(&out.path().join("findings.jsonl")) {
        let tenths = |v: &Value| (v.as_f64().unwrap() * 10.0).round() as i64;
        let sum: i64 = f["contributions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| tenths(&c["points"]))
            .sum();
        assert_eq!(sum, tenths(&f["score"]), "{}", f["finding_id"]);
    }
}

#[test]
fn every_input_balances_and_nothing_is_unread() {
    let out = hunted(&[]);
    let run = json(&out.path().join("run.json"));
    let inputs = run["inputs"].as_array().unwrap();
    assert!(inputs.len() >= 15);
    for i in inputs {
        let n = |name: &str| i[name].as_u64().unwrap();
        assert_eq!(
            n("records"),
            n("stored") + n("duplicates") + n("rejected"),
            "{}",
            i["path"]
        );
        assert!(n("records") > 0, "{}", i["path"]);
    }
    assert_eq!(run["unreadable"].as_array().unwrap().len(), 0);
}

#[test]
fn findings_do_not_depend_on_threads() {
    let (one, many) = (hunted(&["--threads", "1"]), hunted(&["--threads", "7"]));
    for name in ["findings.jsonl", "signals.jsonl", "findings.csv"] {
        assert_eq!(read(one.path(), name), read(many.path(), name), "{name}");
    }
}

#[test]
fn a_second_hunt_adds_nothing_and_says_the_same() {
    let out = hunted(&[]);
    let before = (read(out.path(), "findings.jsonl"), read(out.path(), "signals.jsonl"));
    let lists = lists();
    let extra: Vec<&str> = lists.iter().map(String::as_str).collect();
    hunt_into(&[&office()], out.path(), &extra);
    assert_eq!(
        before,
        (read(out.path(), "findings.jsonl"), read(out.path(), "signals.jsonl"))
    );
    let run = json(&out.path().join("run.json"));
    for i in run["inputs"].as_array().unwrap() {
        assert_eq!(i["stored"], 0, "{}", i["path"]);
    }
}

#[test]
fn several_nights_and_any_order_give_the_same_findings() {
    let whole = hunted(&[]);
    let lake = tempfile::tempdir().unwrap();
    let mut folders: Vec<PathBuf> = fs::read_dir(office())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    folders.reverse();
    let nightly = tempfile::tempdir().unwrap();
    let lists = lists();
    let lake_dir = lake.path().join("lake").display().to_string();
    let mut extra: Vec<&str> = lists.iter().map(String::as_str).collect();
    extra.extend(["--lake", &lake_dir]);
    for folder in &folders {
        hunt_into(&[folder], nightly.path(), &extra);
    }
    for name in ["findings.jsonl", "signals.jsonl"] {
        assert!(
            read(whole.path(), name) == read(nightly.path(), name),
            "{name} differs between one run and several nights"
        );
    }
}

#[test]
fn without_leases_and_other_claims_proxy_rows_stay_with_their_address() {
    let out = hunt(&office().join("squid"), &[]);
    for s in json_lines(&out.path().join("signals.jsonl")) {
        assert!(s["host"].as_str().unwrap().starts_with("ip:"), "{}", s["host"]);
    }
}

/// The findings of the sample, one line each: what a reviewer of a change wants to see.
fn digest(out: &Path) -> String {
    let list = |v: &Value, key: Option<&str>| -> String {
        let items = v.as_array().unwrap().iter();
        let mut names: Vec<&str> = items.map(|i| key.map_or(i, |k| &i[k]).as_str().unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        names.join(" ")
    };
    json_lines(&out.join("findings.jsonl"))
        .iter()
        .map(|f| {
            format!(
                "{} {} {} {} | {} | {}\n",
                f["rank"],
                f["score"],
                f["severity"].as_str().unwrap(),
                f["host"].as_str().unwrap(),
                list(&f["signals"], Some("signal")),
                list(&f["techniques"], Some("id")),
            )
        })
        .collect()
}

#[test]
fn findings_of_the_sample_are_the_expected_ones() {
    let path = root().join("sample_data/office-expected.txt");
    let found = digest(hunted(&[]).path());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert_eq!(
        found, expected,
        "UPDATE_DOCS=1 writes the file anew, where the change is wanted"
    );
}
