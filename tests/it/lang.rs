//! `--lang ja` over everything that the samples can say: no sentence stays English.

use std::fs;
use std::path::PathBuf;

use coldtrail::report::lang::Lang;
use serde_json::Value;

use crate::support::{hunt_into, json, json_lines, root};

fn firing() -> Vec<PathBuf> {
    let dir = root().join("sample_data/signals");
    let mut all: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path().join("fires"))
        .collect();
    all.sort();
    all.retain(|p| p.is_dir());
    all.push(root().join("sample_data/office"));
    all
}

/// Every sentence of a finding or signal.
fn sentences(out: &std::path::Path) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let list = |v: &Value| v.as_array().unwrap().clone();
    let mut all = Vec::new();
    for s in json_lines(&out.join("signals.jsonl")) {
        all.extend([text(&s["title"]), text(&s["explain"])]);
    }
    for f in json_lines(&out.join("findings.jsonl")) {
        all.push(text(&f["gate"]["why"]));
        all.extend(list(&f["next_steps"]).iter().map(text));
        all.extend(list(&f["related"]).iter().map(|r| text(&r["reason"])));
    }
    for c in json_lines(&out.join("cases.jsonl")) {
        all.extend(list(&c["path"]).iter().map(|step| text(&step["how"])));
    }
    for b in list(&json(&out.join("run.json"))["coverage"]["blind"]) {
        all.push(text(&b["why"]));
    }
    all.sort();
    all.dedup();
    all
}

#[test]
fn every_sentence_of_the_samples_is_known_and_the_reports_are_japanese() {
    let inputs = firing();
    let inputs: Vec<&std::path::Path> = inputs.iter().map(PathBuf::as_path).collect();
    let out = tempfile::tempdir().unwrap();
    hunt_into(&inputs, out.path(), &[]);
    let unknown: Vec<String> = sentences(out.path())
        .into_iter()
        .filter(|s| !Lang::Ja.knows(s))
        .collect();
    assert!(
        unknown.is_empty(),
        "src/report/lang/ja.toml lacks the shapes of {} sentences: {unknown:#?}",
        unknown.len()
    );
    let ids = |out: &std::path::Path| -> Vec<String> {
        json_lines(&out.join("findings.jsonl"))
            .iter()
            .map(|f| f["finding_id"].to_string())
            .collect()
    };
    let english = ids(out.path());
    hunt_into(&inputs, out.path(), &["--lang", "ja"]);
    assert_eq!(english, ids(out.path()), "the language changes no id");
    let html = fs::read_to_string(out.path().join("report.html")).unwrap();
    let md = fs::read_to_string(out.path().join("report.md")).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"ja\">"));
    for text in [
        "最初に見るべきホスト",
        "攻撃ストーリー",
        "次の対応",
        "封じ込め",
        "見えなかったもの",
    ] {
        assert!(html.contains(text) && md.contains(text), "{text}");
    }
    for english in ["What happened", "Next steps", "Look here first", "could not be seen"] {
        assert!(!html.contains(english) && !md.contains(english), "{english}");
    }
}
