//! The lake through the commands: idempotence, verification, the lock, SQL.

use std::fs;

use crate::support::{coldtrail, json, root};

fn fixture() -> String {
    root().join("sample_data/office/wevtutil").display().to_string()
}

#[test]
fn the_same_input_renamed_or_compressed_adds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake").display().to_string();
    assert_eq!(
        coldtrail(&["ingest", &fixture(), "--lake", &lake, "--quiet"])
            .status
            .code(),
        Some(0)
    );
    let before = fs::read_to_string(dir.path().join("lake/_coldtrail/catalogue.json")).unwrap();
    let files = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["files"].clone();
    let copies = dir.path().join("copies");
    fs::create_dir(&copies).unwrap();
    for (n, entry) in fs::read_dir(fixture()).unwrap().enumerate() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        fs::write(copies.join(format!("renamed-{n}.txt")), &bytes).unwrap();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, &bytes).unwrap();
        fs::write(copies.join(format!("packed-{n}")), gz.finish().unwrap()).unwrap();
    }
    let again = coldtrail(&["ingest", &copies.display().to_string(), "--lake", &lake, "--quiet"]);
    assert_eq!(again.status.code(), Some(0));
    let after = fs::read_to_string(dir.path().join("lake/_coldtrail/catalogue.json")).unwrap();
    assert_eq!(files(&before), files(&after));
}

#[test]
fn one_flipped_byte_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake").display().to_string();
    coldtrail(&["ingest", &fixture(), "--lake", &lake, "--quiet"]);
    assert_eq!(coldtrail(&["lake", "verify", "--lake", &lake]).status.code(), Some(0));
    let catalogue = json(&dir.path().join("lake/_coldtrail/catalogue.json"));
    let f = &catalogue["files"][0];
    let name = f["name"].as_str().unwrap();
    let path = dir
        .path()
        .join("lake")
        .join(f["table"].as_str().unwrap())
        .join(format!("date={}", f["date"].as_str().unwrap()))
        .join(name);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let done = coldtrail(&["lake", "verify", "--lake", &lake]);
    assert_eq!(done.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&done.stdout).contains(name));
}

#[test]
fn leftovers_of_a_killed_run_are_removed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let arg = lake.display().to_string();
    coldtrail(&["ingest", &fixture(), "--lake", &arg, "--quiet"]);
    let stray = lake.join("process/date=2025-01-01");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("part-00000000deadbeef.parquet"), b"x").unwrap();
    fs::create_dir_all(lake.join("_coldtrail/staging")).unwrap();
    fs::write(lake.join("_coldtrail/staging/000001.parquet"), b"x").unwrap();
    coldtrail(&["ingest", &fixture(), "--lake", &arg, "--quiet"]);
    assert!(!stray.exists());
    assert!(!lake.join("_coldtrail/staging").exists());
}

#[test]
fn a_held_lake_is_exit_five() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let held = coldtrail::lake::Lake::open_for_writing(&lake).unwrap();
    let done = coldtrail(&["ingest", &fixture(), "--lake", &lake.display().to_string(), "--quiet"]);
    assert_eq!(done.status.code(), Some(5), "{}", String::from_utf8_lossy(&done.stderr));
    drop(held);
}

#[test]
fn wrong_usage_is_exit_two_before_any_work() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("none");
    for args in [
        vec!["hunt".to_owned(), "--lake".into(), lake.display().to_string()],
        vec![
            "hunt".to_owned(),
            "/nonexistent/logs".into(),
            "--lake".into(),
            lake.display().to_string(),
        ],
        vec![
            "hunt".to_owned(),
            fixture(),
            "--allow".into(),
            "/nonexistent.toml".into(),
            "--lake".into(),
            lake.display().to_string(),
        ],
        vec!["hunt".to_owned(), fixture(), "--fail-on".into(), "terrible".into()],
    ] {
        assert_eq!(coldtrail(&args).status.code(), Some(2), "{args:?}");
    }
    assert!(!lake.exists(), "nothing was started");
}

#[cfg(feature = "query")]
#[test]
fn sql_reads_tables_and_shows_addresses_as_text() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake").display().to_string();
    let squid = root().join("sample_data/office/squid").display().to_string();
    coldtrail(&["ingest", &squid, "--lake", &lake, "--quiet"]);
    let sql = "SELECT client_ip, count(*) AS n FROM http WHERE client_ip = '10.0.5.21' GROUP BY client_ip";
    let done = coldtrail(&["query", "--lake", &lake, sql, "--output", "csv"]);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(text.starts_with("client_ip,n\n10.0.5.21,"), "{text}");
    let wrong = coldtrail(&["query", "--lake", &lake, "SELECT nonsense FROM http"]);
    assert_eq!(wrong.status.code(), Some(2));
    let empty = coldtrail(&[
        "query",
        "--lake",
        &lake,
        "SELECT count(*) AS n FROM mail",
        "--output",
        "csv",
    ]);
    assert_eq!(String::from_utf8_lossy(&empty.stdout), "n\n0\n");
}
