//! Damage of a lake: what the program must notice, what it must not make worse, and what it must not remove.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use coldtrail::lake::Lake;
use coldtrail::lake::scan::{self, TimeRange};

use crate::faults::{content, draw, on_disk};
use crate::support::{coldtrail, json, root};

/// A lake of some days in several files; the folder that holds it.
fn lake() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    for part in ["wevtutil", "squid"] {
        let input = root().join("sample_data/office").join(part);
        let done = ingest(&input, &lake);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    }
    (dir, lake)
}

fn ingest(input: &Path, lake: &Path) -> Output {
    coldtrail(&[Path::new("ingest"), input, Path::new("--lake"), lake])
}

fn of_lake(command: &str, lake: &Path) -> Output {
    coldtrail(&[Path::new("lake"), Path::new(command), Path::new("--lake"), lake])
}

fn said(done: &Output) -> String {
    let both = [done.stderr.as_slice(), done.stdout.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn catalogue(lake: &Path) -> PathBuf {
    lake.join("_coldtrail/catalogue.json")
}

#[track_caller]
fn failed(done: &Output, naming: &[&str]) {
    let said = said(done);
    assert_eq!(done.status.code(), Some(3), "{said}");
    for text in naming {
        assert!(said.contains(text), "{text} is missing: {said}");
    }
    assert!(!said.contains("defect of coldtrail"), "{said}");
}

#[test]
fn a_lake_that_lost_its_catalogue_is_not_taken_for_an_empty_one() {
    let (dir, lake) = lake();
    let kept = dir.path().join("kept.json");
    fs::rename(catalogue(&lake), &kept).unwrap();
    let before = on_disk(&lake);
    let input = root().join("sample_data/office/zeek");
    failed(
        &ingest(&input, &lake),
        &["catalogue.json", "is missing", ".parquet", "backup"],
    );
    failed(&of_lake("verify", &lake), &["catalogue.json", "is missing"]);
    assert_eq!(on_disk(&lake), before);
    fs::rename(&kept, catalogue(&lake)).unwrap();
    assert_eq!(of_lake("verify", &lake).status.code(), Some(0));
}

#[test]
fn a_file_of_the_user_beside_those_of_the_lake_stays() {
    let (_dir, lake) = lake();
    let file = lake.join(on_disk(&lake).pop().unwrap());
    let mine = file.with_file_name("mine.parquet");
    let stray = file.with_file_name("part-0123456789abcdef.parquet");
    fs::copy(&file, &mine).unwrap();
    fs::copy(&file, &stray).unwrap();
    let verified = of_lake("verify", &lake);
    assert_eq!(verified.status.code(), Some(0));
    assert!(said(&verified).contains("not in the catalogue"), "{}", said(&verified));
    assert!(said(&verified).contains("part-0123456789abcdef.parquet"));
    ingest(&root().join("sample_data/office/zeek"), &lake);
    assert!(mine.exists() && !stray.exists());
}

/// The office's Security log in two nights, so that a day has two files.
fn two_nights() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let line = |n: u32| {
        format!(
            r#"{{"EventTime":"2024-05-05 10:00:00","Hostname":"WS1","SourceName":"Microsoft-Windows-Sysmon","EventID":5,"ProcessId":{n},"UtcTime":"2024-05-05 10:00:00.{n:03}","Image":"C:\\a{n}.exe","RecordNumber":{n}}}"#
        ) + "\n"
    };
    for (night, numbers) in [(1, 1..400), (2, 400..700)] {
        let input = dir.path().join(format!("night{night}.json"));
        fs::write(&input, numbers.map(line).collect::<String>()).unwrap();
        let done = ingest(&input, &lake);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    }
    (dir, lake)
}

#[test]
fn compaction_does_not_hide_damage() {
    let (_dir, lake) = two_nights();
    let names = on_disk(&lake);
    assert!(names.len() > 1, "{names:?}");
    let name = &names[0];
    let path = lake.join(name);
    let whole = fs::read(&path).unwrap();
    let before = fs::read(catalogue(&lake)).unwrap();
    for at in (40..whole.len() - 8).step_by(whole.len() / 12) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs::write(&path, &bytes).unwrap();
        failed(
            &of_lake("compact", &lake),
            &[name, "not those that were committed", "lake verify"],
        );
        assert_eq!(fs::read(catalogue(&lake)).unwrap(), before);
        assert_eq!(on_disk(&lake), names);
        failed(&of_lake("verify", &lake), &[name]);
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(of_lake("compact", &lake).status.code(), Some(0));
    assert_eq!(on_disk(&lake).len(), 1);
}

#[test]
fn a_changed_value_of_the_catalogue_is_noticed() {
    let (_dir, lake) = lake();
    let text = fs::read_to_string(catalogue(&lake)).unwrap();
    let rows = format!("\"rows\": {}", json(&catalogue(&lake))["files"][0]["rows"]);
    let changes = [
        (rows.as_str(), "\"rows\": 7"),
        ("\"schema_version\": 1", "\"schema_version\": 0"),
        ("\"files\": [", "\"files\": [], \"gone\": ["),
        ("\"stored\": ", "\"stored\": 1"),
    ];
    for (from, to) in changes {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        fs::write(catalogue(&lake), changed).unwrap();
        for command in ["verify", "status", "compact"] {
            let done = of_lake(command, &lake);
            failed(&done, &["catalogue.json", "damaged", "backup"]);
            assert!(!said(&done).contains("lake verify"), "{}", said(&done));
        }
    }
    // Catalogues of earlier versions say nothing of themselves.
    let (_, rest) = text.split_once("\",\n").unwrap();
    fs::write(catalogue(&lake), format!("{{\n{rest}")).unwrap();
    assert_eq!(of_lake("verify", &lake).status.code(), Some(0));
}

#[test]
fn inputs_of_days_that_expired_say_so_when_they_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, out) = (dir.path().join("lake"), dir.path().join("out"));
    let input = root().join("sample_data/office/wevtutil");
    ingest(&input, &lake);
    let name = lake.display().to_string();
    let done = coldtrail(&["lake", "expire", "--lake", &name, "--older-than", "2026-01-01"]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let arg = input.display().to_string();
    let done = coldtrail(&["hunt", &arg, "--lake", &name, "--out", &out.display().to_string()]);
    assert!(
        said(&done).contains("`coldtrail lake expire` dropped"),
        "{}",
        said(&done)
    );
    let run = fs::read_to_string(out.join("run.json")).unwrap();
    assert!(
        run.contains("its days before 2026-01-01 were dropped by `coldtrail lake expire`"),
        "{run}"
    );
    assert!(content(&lake).0.is_empty());
}

/// A limit on the size of files stands in for a full disk.
#[cfg(unix)]
#[test]
fn a_run_that_fails_on_a_full_disk_leaves_nothing_on_it_and_names_the_file() {
    let (dir, lake) = two_nights();
    let before = on_disk(&lake);
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" ingest \"$1\" --lake \"$2\" --memory-limit 1GiB";
    let done = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_coldtrail")])
        .args([root().join("sample_data/office"), lake.clone()])
        .output()
        .unwrap();
    failed(&done, &[&dir.path().display().to_string()]);
    assert_eq!(on_disk(&lake), before);
}

/// Needs the right to mount a file system in memory.
#[cfg(target_os = "linux")]
#[test]
fn old_days_go_from_a_disk_that_is_full_to_the_last_byte() {
    use std::io::Write;
    let disk = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| {
        std::process::Command::new(args[0])
            .args(&args[1..])
            .arg(disk.path())
            .output()
    };
    let mounted = mount(&["mount", "-t", "tmpfs", "-o", "size=4m", "none"]);
    if !mounted.is_ok_and(|done| done.status.success()) {
        eprintln!("SKIPPED: no file system can be mounted here, so no disk was filled");
        return;
    }
    let lake = disk.path().join("lake");
    let wevtutil = root().join("sample_data/office/wevtutil");
    let ingested = coldtrail(&[Path::new("ingest"), &wevtutil, Path::new("--lake"), &lake]);
    let mut filling = fs::File::create(disk.path().join("filling")).unwrap();
    while filling.write_all(&[7; 4096]).is_ok() {}
    let expired = coldtrail(&[
        "lake",
        "expire",
        "--lake",
        &lake.display().to_string(),
        "--older-than",
        "2026-01-01",
    ]);
    let (files, verified) = (
        content(&lake).0,
        coldtrail(&["lake", "verify", "--lake", &lake.display().to_string()]),
    );
    drop(filling);
    assert!(mount(&["umount"]).unwrap().status.success());
    for done in [&ingested, &expired, &verified] {
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    }
    assert!(files.is_empty());
}

/// Findings and hits of a hunt over a lake.
fn hunted(lake: &Path, out: &Path) -> (Output, Vec<Vec<u8>>) {
    let _ = fs::remove_dir_all(out);
    let done = coldtrail(&[Path::new("hunt"), Path::new("--lake"), lake, Path::new("--out"), out]);
    let files = ["findings.jsonl", "signals.jsonl"];
    (done, files.iter().filter_map(|f| fs::read(out.join(f)).ok()).collect())
}

/// `COLDTRAIL_FLIPS=1000` for a long run.
#[test]
fn a_flipped_bit_never_gives_other_findings() {
    let (dir, lake) = lake();
    let out = dir.path().join("out");
    let whole = hunted(&lake, &out).1;
    assert_eq!(whole.len(), 2);
    let flips = std::env::var("COLDTRAIL_FLIPS").ok().and_then(|n| n.parse().ok());
    let (mut state, mut noticed) = (3, 0);
    let names = on_disk(&lake);
    for _ in 0..flips.unwrap_or(24) {
        let name = &names[draw(&mut state, names.len() as u64) as usize];
        let path = lake.join(name);
        let bytes = fs::read(&path).unwrap();
        let (at, bit) = (draw(&mut state, bytes.len() as u64) as usize, draw(&mut state, 8));
        let mut changed = bytes.clone();
        changed[at] ^= 1 << bit;
        fs::write(&path, changed).unwrap();
        let (done, found) = hunted(&lake, &out);
        match done.status.code() {
            Some(0 | 1) => assert!(found == whole, "bit {bit} of byte {at} of {name}"),
            _ => {
                failed(&done, &[name, "is damaged", "lake verify"]);
                noticed += 1;
            }
        }
        fs::write(&path, bytes).unwrap();
    }
    assert!(noticed > 0);
}

#[test]
fn a_reader_whose_files_are_replaced_begins_again() {
    let (_dir, lake) = two_nights();
    let rows = |lake: &Lake| -> coldtrail::base::error::Result<usize> {
        let (table, ts) = (
            coldtrail::schema::table("process").unwrap(),
            coldtrail::schema::common::TS,
        );
        let counts = scan::scan(lake, table, &[ts], TimeRange::default(), |b| Ok(b.num_rows()))?;
        Ok(counts.into_iter().sum())
    };
    let begun = Cell::new(0);
    let read = || {
        Lake::read(&lake, |opened| {
            begun.set(begun.get() + 1);
            if begun.get() == 1 {
                assert_eq!(of_lake("compact", &lake).status.code(), Some(0));
            }
            rows(opened)
        })
    };
    assert_eq!(read().unwrap(), 699);
    assert_eq!(begun.get(), 2);
    // A file that is missing though nobody wrote is an error at once.
    fs::remove_file(lake.join(&on_disk(&lake)[0])).unwrap();
    assert!(read().unwrap_err().is_missing());
    assert_eq!(begun.get(), 3);
}

#[cfg(feature = "query")]
#[test]
fn sql_over_a_damaged_or_missing_file_is_no_fault_of_the_statement() {
    let (_dir, lake) = two_nights();
    let name = on_disk(&lake)[0].clone();
    let query = || {
        let sql = Path::new("SELECT count(image) AS n FROM process");
        coldtrail(&[Path::new("query"), Path::new("--lake"), &lake, sql])
    };
    assert_eq!(query().status.code(), Some(0));
    let mut bytes = fs::read(lake.join(&name)).unwrap();
    let end = bytes.len() - 12;
    bytes[40..end].fill(0);
    fs::write(lake.join(&name), bytes).unwrap();
    failed(&query(), &[&name, "not those that were committed"]);
    fs::remove_file(lake.join(&name)).unwrap();
    failed(&query(), &[&name, "No such file"]);
}
