//! Kills, full disks and inputs that change: the lake is what an undisturbed run would have made, or what it was.
//!
//! `COLDTRAIL_KILLS=200` kills that often instead of a few times.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{coldtrail, json, root};

/// Everything that counts in a lake: its files with their digests, and what is said of its inputs.
pub fn content(lake: &Path) -> (BTreeMap<String, String>, Value) {
    let catalogue = json(&lake.join("_coldtrail/catalogue.json"));
    let files = catalogue["files"].as_array().unwrap().iter().map(|f| {
        let name = format!("{}/date={}/{}", text(f, "table"), text(f, "date"), text(f, "name"));
        (name, text(f, "blake3"))
    });
    (files.collect(), catalogue["inputs"].clone())
}

fn text(v: &Value, key: &str) -> String {
    v[key].as_str().unwrap().to_owned()
}

/// All files in a lake, its own folder `_coldtrail` aside.
pub fn on_disk(lake: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![lake.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let inside = path.strip_prefix(lake).unwrap().to_string_lossy().replace('\\', "/");
            match path.is_dir() {
                true if inside != "_coldtrail" => folders.push(path),
                true => {}
                false => found.push(inside),
            }
        }
    }
    found.sort();
    found
}

fn ingest(input: &Path, lake: &Path, extra: &[&str]) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_coldtrail"));
    c.arg("ingest")
        .arg(input)
        .arg("--lake")
        .arg(lake)
        .arg("--quiet")
        .args(extra);
    c.stdout(Stdio::null()).stderr(Stdio::piped());
    c
}

fn office() -> PathBuf {
    root().join("sample_data/office")
}

/// A number in `0..below` from a fixed sequence.
pub fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

#[test]
fn a_run_that_was_killed_is_made_good_by_the_next() {
    let kills = std::env::var("COLDTRAIL_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(6);
    let dir = tempfile::tempdir().unwrap();
    for limit in ["1GiB", "16MiB"] {
        let whole = dir.path().join(format!("whole-{limit}"));
        let began = Instant::now();
        assert!(
            ingest(&office(), &whole, &["--memory-limit", limit])
                .status()
                .unwrap()
                .success()
        );
        let takes = began.elapsed().as_micros() as u64;
        let wanted = content(&whole);
        let mut state = 7;
        let mut interrupted = 0;
        for n in 0..kills {
            let lake = dir.path().join(format!("killed-{limit}-{n}"));
            let mut child = ingest(&office(), &lake, &["--memory-limit", limit]).spawn().unwrap();
            sleep(Duration::from_micros(draw(&mut state, takes)));
            child.kill().unwrap();
            interrupted += u32::from(!child.wait().unwrap().success());
            assert!(
                ingest(&office(), &lake, &["--memory-limit", limit])
                    .status()
                    .unwrap()
                    .success()
            );
            assert_eq!(content(&lake), wanted, "kill {n} at limit {limit}");
            let named: Vec<String> = wanted.0.keys().cloned().collect();
            assert_eq!(on_disk(&lake), named, "kill {n} at limit {limit} left something behind");
            fs::remove_dir_all(&lake).unwrap();
        }
        assert!(interrupted > 0 || kills < 4, "no kill met a running program");
    }
}

#[test]
fn commits_on_the_way_make_the_lake_that_one_commit_makes() {
    let dir = tempfile::tempdir().unwrap();
    let [once, often] = ["once", "often"].map(|n| dir.path().join(n));
    assert!(ingest(&office(), &once, &[]).status().unwrap().success());
    assert!(
        ingest(&office(), &often, &["--commit-every", "1KiB"])
            .status()
            .unwrap()
            .success()
    );
    let generation = |lake: &Path| json(&lake.join("_coldtrail/catalogue.json"))["generation"].as_u64();
    assert_eq!(generation(&once), Some(1));
    assert!(generation(&often) > Some(3), "{:?}", generation(&often));
    // Each commit adds a file to a day; put together they are the file of one commit.
    assert_eq!(compacted(&often), compacted(&once));
}

#[test]
fn a_run_that_is_killed_after_a_commit_begins_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    assert!(ingest(&office(), &whole, &[]).status().unwrap().success());
    let lake = dir.path().join("lake");
    let catalogue = lake.join("_coldtrail/catalogue.json");
    let mut child = ingest(&office(), &lake, &["--commit-every", "1KiB"]).spawn().unwrap();
    let began = Instant::now();
    while !catalogue.exists() && began.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = content(&lake).1.as_array().unwrap().len();
    assert!(kept > 0, "nothing was committed on the way");
    assert!(ingest(&office(), &lake, &[]).status().unwrap().success());
    assert_eq!(compacted(&lake), compacted(&whole));
}

/// What counts in a lake, with one file a day and table.
fn compacted(lake: &Path) -> (BTreeMap<String, String>, Value) {
    let done = coldtrail(&["lake", "compact", "--lake", &lake.display().to_string()]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    content(lake)
}

#[test]
fn a_second_night_that_is_killed_leaves_the_first_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let first = root().join("sample_data/office/wevtutil");
    assert!(ingest(&first, &lake, &[]).status().unwrap().success());
    let before = content(&lake);
    for ms in [2, 20, 80] {
        let mut child = ingest(&office(), &lake, &[]).spawn().unwrap();
        sleep(Duration::from_millis(ms));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break; // done before the kill
        }
        assert_eq!(content(&lake), before, "killed after {ms} ms");
        assert_eq!(
            coldtrail(&["lake", "verify", "--lake", &lake.display().to_string()])
                .status
                .code(),
            Some(0)
        );
    }
}

/// A limit on the size of files stands in for a full disk: the write fails in the same way.
#[cfg(unix)]
#[test]
fn a_full_disk_fails_with_a_reason_and_leaves_the_lake_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    assert!(
        ingest(&root().join("sample_data/office/wevtutil"), &lake, &[])
            .status()
            .unwrap()
            .success()
    );
    let before = content(&lake);
    for blocks in [1, 8, 40] {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" ingest \"$1\" --lake \"$2\" --quiet");
        let done = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_coldtrail")])
            .args([office(), lake.clone()])
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(3), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(!done.stderr.is_empty());
        assert_eq!(content(&lake), before);
    }
    assert!(ingest(&office(), &lake, &[]).status().unwrap().success());
    assert_eq!(on_disk(&lake), content(&lake).0.into_keys().collect::<Vec<_>>());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let taken = dir.path().join("file");
    fs::write(&taken, "x").unwrap();
    let done = ingest(&office(), &taken.join("lake"), &[]).output().unwrap();
    assert_eq!(done.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&done.stderr).contains("file"), "names the path");
}

#[test]
fn an_input_that_is_cut_or_grows_while_it_is_read_does_not_end_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let line = r#"{"EventTime":"2024-05-05 10:00:00","Hostname":"WS1","SourceName":"Microsoft-Windows-Sysmon","EventID":5,"ProcessId":4,"UtcTime":"2024-05-05 10:00:00.123","Image":"C:\\a.exe","RecordNumber":"#;
    let mut text = String::new();
    for n in 0..120_000 {
        text.push_str(&format!("{line}{n}}}\n"));
    }
    let input = dir.path().join("growing.json");
    for change in ["cut", "grow"] {
        fs::write(&input, &text).unwrap();
        let lake = dir.path().join(format!("lake-{change}"));
        let mut child = ingest(&input, &lake, &[]).spawn().unwrap();
        sleep(Duration::from_millis(60));
        let file = fs::OpenOptions::new().append(true).open(&input).unwrap();
        match change {
            "cut" => file.set_len(text.len() as u64 / 3).unwrap(),
            _ => std::io::Write::write_all(&mut &file, text.as_bytes()).unwrap(),
        }
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 4)), "{change}: {code:?}");
        let inputs = content(&lake).1;
        let n = |key: &str| inputs[0][key].as_u64().unwrap();
        assert_eq!(n("records"), n("stored") + n("duplicates") + n("rejected"));
    }
}

#[test]
fn compaction_keeps_every_row_and_expiry_drops_whole_days() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let name = lake.display().to_string();
    let rows = |lake: &Path| -> u64 {
        let catalogue = json(&lake.join("_coldtrail/catalogue.json"));
        catalogue["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["rows"].as_u64().unwrap())
            .sum()
    };
    // One night per part of the office, so that days have several files.
    let mut parts: Vec<PathBuf> = fs::read_dir(office()).unwrap().map(|e| e.unwrap().path()).collect();
    parts.sort();
    for part in parts.iter().filter(|p| p.is_dir()) {
        assert!(matches!(ingest(part, &lake, &[]).status().unwrap().code(), Some(0 | 4)));
    }
    let (before, n) = (content(&lake).0.len(), rows(&lake));
    let done = coldtrail(&["lake", "compact", "--lake", &name]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let after = content(&lake).0;
    assert!(after.len() < before, "{} files became {}", before, after.len());
    assert_eq!(rows(&lake), n);
    assert_eq!(on_disk(&lake), after.keys().cloned().collect::<Vec<_>>());
    assert_eq!(coldtrail(&["lake", "verify", "--lake", &name]).status.code(), Some(0));

    let dates: Vec<&str> = after
        .keys()
        .filter_map(|f| f.split("date=").nth(1)?.get(..10))
        .collect();
    let last = dates.iter().max().unwrap();
    let would = coldtrail(&["lake", "expire", "--lake", &name, "--older-than", last, "--dry-run"]);
    assert_eq!((would.status.code(), rows(&lake)), (Some(0), n));
    let done = coldtrail(&["lake", "expire", "--lake", &name, "--older-than", last]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let kept = content(&lake).0;
    assert!(!kept.is_empty() && kept.keys().all(|f| f.contains(&format!("date={last}"))));
    assert_eq!(on_disk(&lake), kept.keys().cloned().collect::<Vec<_>>());
    // What expired does not come back with the same inputs.
    for part in parts.iter().filter(|p| p.is_dir()) {
        ingest(part, &lake, &[]).status().unwrap();
    }
    assert_eq!(content(&lake).0, kept);
}
