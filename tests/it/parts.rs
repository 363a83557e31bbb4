//! A hunt in parts: whatever memory it may take, its outputs are the same to the byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use coldtrail::jobs::hunt::{HuntOptions, hunt, parse_time, prepare};
use coldtrail::jobs::outputs;
use coldtrail::jobs::progress::Progress;
use coldtrail::lake::Lake;

use crate::support::{coldtrail, root, shared};

/// A lake of these inputs.
fn lake(inputs: &[PathBuf], extra: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut args: Vec<String> = vec!["ingest".into(), "--quiet".into(), "--lenient".into()];
    args.extend(["--lake".into(), dir.path().display().to_string()]);
    args.extend(extra.iter().map(|e| (*e).to_owned()));
    args.extend(inputs.iter().map(|i| i.display().to_string()));
    let done = coldtrail(&args);
    // Some public captures are packed files that were cut: what is in them is read, and the rest is told.
    assert!(
        matches!(done.status.code(), Some(0 | 4)),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    dir
}

fn office() -> tempfile::TempDir {
    let zones = ["--tz", "dhcp-windows=Asia/Tokyo", "--tz", "msdns=Asia/Tokyo"];
    lake(&[root().join("sample_data/office")], &zones)
}

/// All output files of a hunt, without what the clock and the limit say.
fn outputs_of(lake: &Path, options: &HuntOptions) -> BTreeMap<String, Vec<u8>> {
    let lake = Lake::open(lake).unwrap();
    let prepared = prepare(options, 0).unwrap();
    let mut results = hunt(&lake, options, &prepared, &Progress::default()).unwrap();
    results.run.timings.clear();
    results.run.warnings.retain(|w| !w.contains("--memory-limit"));
    let out = tempfile::tempdir().unwrap();
    outputs::write(&results, &outputs::claim(out.path()).unwrap()).unwrap();
    let files = fs::read_dir(out.path()).unwrap().map(|f| f.unwrap().path());
    files
        .map(|f| {
            (
                f.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&f).unwrap(),
            )
        })
        .collect()
}

/// Hunts with each of these limits (bytes), and compares with a hunt that takes what it wants; how many findings there are.
fn same_in_parts(lake: &Path, options: &HuntOptions, limits: &[u64]) -> usize {
    let whole = outputs_of(lake, options);
    assert!(whole.contains_key("findings.jsonl") && whole.contains_key("report.html"));
    for limit in limits {
        let memory_limit = Some(*limit);
        let parts = outputs_of(
            lake,
            &HuntOptions {
                memory_limit,
                ..options.clone()
            },
        );
        for (name, bytes) in &whole {
            assert!(
                parts.get(name) == Some(bytes),
                "{name} differs with a limit of {limit} bytes"
            );
        }
        assert_eq!(whole.len(), parts.len());
    }
    whole["findings.jsonl"].iter().filter(|b| **b == b'\n').count()
}

#[test]
fn the_office_is_the_same_in_parts() {
    let lake = office();
    let lists = root().join("sample_data/office-lists");
    let mut options = HuntOptions::default();
    options.lists.whois = vec![lists.join("whois.csv")];
    options.lists.assets = Some(lists.join("assets.csv"));
    // Every host alone, and some together.
    assert!(same_in_parts(lake.path(), &options, &[1, 8 << 20]) > 20);
}

#[test]
fn a_part_of_its_time_and_what_was_known_then_are_the_same_in_parts() {
    let lake = office();
    let mut options = HuntOptions::default();
    let day = |text| Some(parse_time(text, 0).unwrap());
    options.range.from = day("2025-09-10");
    options.range.to = day("2025-09-26");
    same_in_parts(lake.path(), &options, &[4 << 20]);
    options.range = Default::default();
    options.as_of = day("2025-09-24T09:30:00Z");
    same_in_parts(lake.path(), &options, &[4 << 20]);
}

const RULES: &str = r#"
title: A question under a top-level domain
id: 6d3f7f5e-0001-4b6e-9a55-000000000001
name: question
level: low
logsource: {category: dns}
detection:
    name:
        query|endswith: '.com'
    condition: name
---
title: A process starts
id: 6d3f7f5e-0001-4b6e-9a55-000000000002
name: start
level: medium
logsource: {category: process_creation, product: windows}
detection:
    image:
        Image|endswith: ['\cmd.exe', '\powershell.exe']
    condition: image
---
title: Many starts of one user
id: 6d3f7f5e-0001-4b6e-9a55-000000000003
level: high
correlation:
    type: event_count
    rules: [start]
    group-by: [User]
    timespan: 1h
    condition: {gte: 3}
"#;

#[test]
fn rules_and_what_correlates_them_are_the_same_in_parts() {
    let lake = office();
    let rules = tempfile::tempdir().unwrap();
    let file = rules.path().join("rules.yml");
    fs::write(&file, RULES).unwrap();
    let options = HuntOptions {
        sigma: vec![file],
        ..HuntOptions::default()
    };
    let whole = outputs_of(lake.path(), &options);
    let said = String::from_utf8_lossy(&whole["signals.jsonl"]).into_owned();
    assert!(said.contains("Sigma correlation holds: Many starts of one user"));
    same_in_parts(lake.path(), &options, &[1, 8 << 20]);
}

#[test]
fn the_samples_of_all_signals_are_the_same_in_parts() {
    let signals = fs::read_dir(root().join("sample_data/signals")).unwrap();
    let mut inputs: Vec<PathBuf> = signals.map(|d| d.unwrap().path().join("fires")).collect();
    inputs.retain(|d| d.is_dir());
    inputs.sort();
    let lake = lake(&inputs, &[]);
    assert!(same_in_parts(lake.path(), &HuntOptions::default(), &[1, 100_000]) > 30);
}

#[test]
fn public_captures_are_the_same_in_parts() {
    let Some(data) = shared() else { return };
    let all = fs::read_dir(data.join("cases")).unwrap().map(|d| d.unwrap().path());
    let mut inputs: Vec<PathBuf> = all.filter(|d| d.is_dir()).collect();
    inputs.sort();
    // A third of them: many hosts, whose names and times meet.
    let inputs: Vec<PathBuf> = inputs.into_iter().step_by(3).collect();
    let lake = lake(&inputs, &[]);
    let options = HuntOptions {
        sigma: vec![data.join("sigma/rules.tar.xz")],
        ..HuntOptions::default()
    };
    assert!(same_in_parts(lake.path(), &options, &[3 << 20, 16 << 20]) > 50);
}
