//! What analysts mistype or do twice, through the binary: nothing of it may end in a quiet "no findings".

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{coldtrail, root};

/// Exit code, stdout and stderr.
fn run(args: &[&str]) -> (i32, String, String) {
    let done = coldtrail(args);
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A lake of the sample's Windows events in one format, and a folder for outputs.
fn lake() -> (tempfile::TempDir, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let (lake, out) = (dir.path().join("lake"), dir.path().join("out"));
    let input = root().join("sample_data/office/nxlog");
    let (code, _, err) = run(&["ingest", text(&input), "--lake", text(&lake), "--quiet"]);
    assert_eq!(code, 0, "{err}");
    let paths = (text(&lake).to_owned(), text(&out).to_owned());
    (dir, paths.0, paths.1)
}

fn run_json(out: &str) -> Value {
    serde_json::from_slice(&fs::read(Path::new(out).join("run.json")).unwrap()).unwrap()
}

#[test]
fn a_filter_that_matches_nothing_was_answered_by_no_findings() {
    let (_dir, lake, out) = lake();
    let hunt = |more: &[&str]| run(&[&["hunt", "--lake", &lake, "--out", &out], more].concat());
    for (filter, said) in [
        (
            ["--hosts", "no-such-host"],
            "--hosts no-such-host: nothing in this lake is called so",
        ),
        (["--sources", "sysmonn"], "did you mean sysmon"),
    ] {
        let (code, _, err) = hunt(&filter);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(said), "{err}");
    }
    let (code, _, err) = run(&[
        "scope",
        "--lake",
        &lake,
        "--ioc",
        "evil.example",
        "--hosts",
        "no-such-host",
    ]);
    assert_eq!(code, 2, "{err}");

    let host = |o: &str| {
        let findings = fs::read_to_string(Path::new(o).join("findings.jsonl")).unwrap();
        let first: Value = serde_json::from_str(findings.lines().next().unwrap()).unwrap();
        first["host"].as_str().unwrap().to_owned()
    };
    assert_eq!(hunt(&[]).0, 0);
    let name = host(&out);
    let (code, _, err) = hunt(&["--hosts", &format!("{}.corp.example,nobody-*", name.to_uppercase())]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(host(&out), name);
    assert!(err.contains("--hosts nobody-*"), "{err}");
    let warnings = run_json(&out)["warnings"].to_string();
    assert!(
        warnings.contains("nobody-*") && !warnings.contains("corp.example"),
        "{warnings}"
    );
}

#[test]
fn a_zone_for_a_format_that_there_is_not_was_accepted() {
    let (code, _, err) = run(&["ingest", "x", "--lake", "y", "--tz", "dhcp_windows=Asia/Tokyo"]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean 'dhcp-windows'?"), "{err}");
}

#[test]
fn options_for_content_that_the_lake_has_were_ignored_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let input = root().join("sample_data/office/dhcp");
    let ingest = |more: &[&str]| {
        let (code, _, err) = run(&[&["ingest", text(&input), "--lake", text(&lake)], more].concat());
        assert_eq!(code, 0, "{err}");
        err
    };
    let said = "asking for dhcp-windows --tz Asia/Tokyo changes nothing there";
    assert!(!ingest(&[]).contains(said));
    assert!(!ingest(&[]).contains("changes nothing"));
    let err = ingest(&["--tz", "dhcp-windows=Asia/Tokyo"]);
    assert!(
        err.contains("the lake has this content as dhcp-windows;") && err.contains(said),
        "{err}"
    );
    // Read so from the beginning, nothing is said.
    let lake = dir.path().join("other");
    let again = || run(&["ingest", text(&input), "--lake", text(&lake), "--tz", "Asia/Tokyo"]).2;
    assert!(!again().contains("changes nothing") && !again().contains("changes nothing"));
}

#[test]
fn two_hunts_into_one_folder_mixed_their_outputs() {
    let (dir, lake, out) = lake();
    fs::create_dir(&out).unwrap();
    let held = coldtrail::base::lock::take(Path::new(&out).join(".lock"), dir.path()).unwrap();
    let hunt = || run(&["hunt", "--lake", &lake, "--out", &out]);
    let (code, _, err) = hunt();
    assert_eq!(code, 5, "{err}");
    assert!(
        err.contains(&format!("locked by process {}", std::process::id())),
        "{err}"
    );
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    drop(held);
    assert_eq!(hunt().0, 0);
}

#[test]
fn a_list_without_entries_and_a_bad_line_of_a_list_went_by_in_silence() {
    let (dir, lake, out) = lake();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let assets = write("assets.csv", "pc-takeda,banana\npc-nakamura,server\n");
    let whois = write(
        "whois.csv",
        "domain,created\nevil.example,notadate\ngood.example,2020-01-01\n",
    );
    let (empty, rules) = (write("iocs.txt", ""), dir.path().join("rules"));
    fs::create_dir(&rules).unwrap();
    let args = [
        "hunt", "--lake", &lake, "--out", &out, "--assets", &assets, "--whois", &whois,
    ];
    let (code, _, err) = run(&[&args[..], &["--iocs", &empty, "--sigma", text(&rules)]].concat());
    assert_eq!(code, 0, "{err}");
    let warnings = run_json(&out)["warnings"].to_string();
    for said in [
        "assets.csv:1: 'banana' is none of",
        "whois.csv:2: 'notadate' is no date",
        "iocs.txt: nothing is in this list",
        "--sigma: no rule in these files and folders is used",
    ] {
        assert!(
            warnings.contains(said) && err.contains(said),
            "{said}: {warnings}\n{err}"
        );
    }
    assert!(!warnings.contains("whois.csv:1"), "a header is no bad line: {warnings}");
}

#[test]
fn rejects_of_an_earlier_run_were_promised_in_a_file_that_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let (input, out) = (dir.path().join("events.json"), dir.path().join("out"));
    let good = r#"{"EventID":4625,"Channel":"Security","SourceName":"Microsoft-Windows-Security-Auditing","Hostname":"a","EventTime":"2025-01-01 00:00:00"}"#;
    fs::write(&input, format!("{good}\n{{broken\n{{broken too\n")).unwrap();
    let hunt = || run(&["hunt", text(&input), "--out", text(&out)]);
    let (code, _, err) = hunt();
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("see rejects.jsonl"), "{err}");
    let (code, _, err) = hunt();
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("rejects.jsonl of the run that read it first"), "{err}");
}

#[test]
fn messages_named_no_way_out() {
    let (_dir, lake, _) = lake();
    let (code, _, err) = run(&["lake", "expire", "--lake", &lake, "--older-than", "90"]);
    assert_eq!(code, 2);
    assert!(err.contains("write 2025-09-20 or 90d"), "{err}");
    let (code, _, err) = run(&["scope", "--lake", &lake, "--ioc", "10.0.0.0/99"]);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = run(&["hunt", "--lake", &lake, "--memory-limit", "0"]);
    assert_eq!(code, 2);
    assert!(err.contains("at least 1MiB"), "{err}");
    #[cfg(feature = "query")]
    {
        let (code, _, err) = run(&["query", "--lake", &lake, "select user from process"]);
        assert_eq!(code, 2);
        assert!(err.contains(r#"written "user", in double quotes"#), "{err}");
    }
}
