//! The generator of benchmark inputs: what it writes is read whole and lands in the tables it is meant for.

use std::path::Path;
use std::process::Command;

use crate::support::{coldtrail, json, root};

/// Runs `make_corpus.py`; false, and said, where Python is missing.
fn generated(shape: &str, out: &Path, extra: &[&str]) -> bool {
    let script = root().join("scripts/make_corpus.py");
    let done = Command::new("python3")
        .arg(script)
        .args(["--shape", shape, "--hosts", "60", "--users", "80", "--out"])
        .arg(out)
        .args(extra)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output();
    let Ok(done) = done else {
        eprintln!("skipped: there is no python3");
        return false;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    true
}

/// Rows by table of what a folder of logs becomes; every record must be stored.
fn tables(input: &Path, shape: &str) -> std::collections::BTreeMap<String, u64> {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let done = coldtrail(&[
        "ingest",
        "--strict",
        "--quiet",
        "--lake",
        lake.to_str().unwrap(),
        input.to_str().unwrap(),
    ]);
    assert_eq!(
        done.status.code(),
        Some(0),
        "{shape}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    let mut rows = std::collections::BTreeMap::new();
    for file in json(&lake.join("_coldtrail/catalogue.json"))["files"]
        .as_array()
        .unwrap()
    {
        *rows.entry(file["table"].as_str().unwrap().to_owned()).or_insert(0) += file["rows"].as_u64().unwrap();
    }
    rows
}

#[test]
fn windows_events_of_the_corpus_fill_their_tables_whatever_the_shape() {
    for shape in ["nxlog", "winlogbeat", "evtx_dump"] {
        let dir = tempfile::tempdir().unwrap();
        if !generated(shape, dir.path(), &["--rows", "12000"]) {
            return;
        }
        let rows = tables(dir.path(), shape);
        assert_eq!(rows.values().sum::<u64>(), 12_000, "{shape}: {rows:?}");
        for table in [
            "account",
            "auth",
            "dns",
            "file",
            "image_load",
            "network",
            "persist",
            "posture",
            "process",
            "process_access",
            "registry",
            "script",
        ] {
            assert!(
                rows.get(table).is_some_and(|n| *n > 0),
                "{shape}: no rows in {table}: {rows:?}"
            );
        }
        assert!(rows.get("event").is_none_or(|n| *n < 120), "{shape}: {rows:?}");
    }
}

#[test]
fn text_logs_of_the_corpus_are_read_whole() {
    for (shape, table) in [
        ("zeek_dns", "dns"),
        ("zeek_json", "dns"),
        ("zeek_conn", "network"),
        ("squid", "http"),
        ("w3c", "http"),
        ("bind", "dns"),
        ("syslog", "dns"),
        ("dhcp", "lease"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        if !generated(shape, dir.path(), &["--rows", "3000"]) {
            return;
        }
        let rows = tables(dir.path(), shape);
        assert_eq!(
            rows.into_iter().collect::<Vec<_>>(),
            [(table.to_owned(), 3000)],
            "{shape}"
        );
    }
}

#[test]
fn the_same_options_give_the_same_corpus_whatever_the_workers() {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (dir, workers) in [(&one, "1"), (&two, "2")] {
        if !generated("nxlog", dir.path(), &["--rows", "21000", "--workers", workers]) {
            return;
        }
    }
    let read = |dir: &tempfile::TempDir| std::fs::read(dir.path().join("nxlog.ndjson")).unwrap();
    assert!(read(&one) == read(&two), "the texts differ");
}
