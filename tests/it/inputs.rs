//! Inputs that cannot be read, or are not what they seem: nothing is lost without a word, and the exit code says so.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::support::{coldtrail, json, root};

/// A plain text of the sample.
fn sample(name: &str) -> String {
    let bytes = fs::read(root().join("sample_data/office").join(name)).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// A hunt over one input: exit code, what it said, `run.json`.
fn hunt(dir: &Path, input: &Path) -> (i32, String, Value) {
    let out = dir.join("out");
    let args = [
        "hunt",
        &input.display().to_string(),
        "--out",
        &out.display().to_string(),
    ];
    let done = coldtrail(&args);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (done.status.code().unwrap(), said, json(&out.join("run.json")))
}

/// A hunt over a file of this content: exit code and what `run.json` says of the input.
fn read(name: &str, content: impl AsRef<[u8]>) -> (i32, Value) {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join(name);
    fs::write(&input, content).unwrap();
    let (code, _, run) = hunt(dir.path(), &input);
    (code, run["inputs"][0].clone())
}

fn n(input: &Value, key: &str) -> u64 {
    input[key].as_u64().unwrap()
}

#[test]
fn an_archive_that_is_not_mounted_is_not_a_hunt_without_findings() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("archive");
    fs::create_dir(&archive).unwrap();
    let (code, said, run) = hunt(dir.path(), &archive);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("archive: the folder is empty"), "{said}");
    assert_eq!(run["unreadable"].as_array().unwrap().len(), 1);
}

#[cfg(unix)]
#[test]
fn folders_and_links_that_cannot_be_read_are_unreadable_inputs() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let evidence = dir.path().join("evidence");
    let closed = evidence.join("host2");
    fs::create_dir_all(&closed).unwrap();
    fs::write(evidence.join("access.log"), sample("squid/access.log.gz")).unwrap();
    symlink("gone.evtx", evidence.join("Security.evtx")).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    // An administrator may read any folder.
    let lost = 1 + usize::from(fs::read_dir(&closed).is_err());
    let (code, said, run) = hunt(dir.path(), &evidence);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(code, 4, "{said}");
    assert_eq!(
        run["unreadable"].as_array().unwrap().len(),
        lost,
        "{}",
        run["unreadable"]
    );
    assert!(said.contains("Security.evtx: the link leads nowhere"), "{said}");
    let plan = coldtrail(&["hunt", &evidence.display().to_string(), "--dry-run"]);
    assert_eq!(plan.status.code(), Some(4));
}

#[test]
fn a_hunt_over_the_folder_it_writes_to_does_not_read_itself() {
    let dir = tempfile::tempdir().unwrap();
    let logs = root().join("sample_data/office/wevtutil/PC-YAMADA-Security.xml");
    fs::copy(logs, dir.path().join("Security.xml")).unwrap();
    let (first, _, before) = hunt(dir.path(), dir.path());
    let (second, said, after) = hunt(dir.path(), dir.path());
    assert_eq!((first, second), (0, 0), "{said}");
    assert_eq!(
        (
            before["inputs"].as_array().unwrap().len(),
            after["inputs"].as_array().unwrap().len()
        ),
        (1, 1)
    );
    assert_eq!(before["tables"], after["tables"]);
    let skipped = after["skipped"].to_string();
    assert!(
        skipped.contains("outputs of a hunt") && skipped.contains("a lake of coldtrail"),
        "{skipped}"
    );
}

#[test]
fn record_number_zero_makes_no_copies() {
    let whole = sample("nxlog/windows-flat.ndjson.gz");
    let zero: Vec<String> = whole
        .lines()
        .map(|line| {
            let (before, after) = line.split_once("\"RecordNumber\":").unwrap();
            let end = after.find(',').unwrap();
            format!("{before}\"RecordNumber\":0{}\n", &after[end..])
        })
        .collect();
    let (_, with) = read("a.ndjson", &whole);
    let (code, without) = read("b.ndjson", zero.concat());
    assert_eq!((code, n(&without, "records")), (0, n(&with, "records")));
    assert_eq!(n(&without, "stored"), n(&with, "stored"));
}

#[test]
fn megabytes_in_one_reject_make_a_run_incomplete() {
    let (events, squid) = (sample("nxlog/windows-flat.ndjson.gz"), sample("squid/access.log.gz"));
    let some: String = events.lines().take(300).map(|l| format!("{l}\n")).collect();
    let (code, input) = read("mixed.json", format!("{some}{squid}"));
    assert_eq!((code, n(&input, "records"), n(&input, "rejected")), (4, 301, 1));
    assert_eq!(n(&input, "rejected_bytes"), squid.len() as u64);
    let dns = sample("microsoft-dns/DC02-dns.log.gz");
    let (code, input) = read("dns.log", format!("{dns}{squid}"));
    assert_eq!((code, n(&input, "rejected")), (4, squid.lines().count() as u64));
    let xml = fs::read_to_string(root().join("sample_data/office/wevtutil/PC-YAMADA-Security.xml")).unwrap();
    let (code, input) = read("events.xml", format!("{xml}\n{squid}"));
    assert_eq!((code, n(&input, "rejected")), (4, 1));
}

#[test]
fn lines_that_end_with_cr_alone_are_lines() {
    let squid = sample("squid/access.log.gz");
    let (_, want) = read("lf.log", &squid);
    let (code, got) = read("cr.log", squid.replace('\n', "\r"));
    assert_eq!(
        (code, n(&got, "stored"), n(&got, "rejected")),
        (0, n(&want, "stored"), 0)
    );
}

#[test]
fn chunks_that_the_header_of_an_evtx_file_counts_are_missed() {
    let mut file = vec![0; 4096 + 65536];
    file[..8].copy_from_slice(b"ElfFile\0");
    let (code, input) = read("fresh.evtx", &file);
    assert_eq!((code, n(&input, "rejected")), (0, 0));
    // One of zeros, two behind the end.
    file[42] = 3;
    let (code, input) = read("cut.evtx", &file);
    assert_eq!((code, n(&input, "records"), n(&input, "rejected")), (4, 3, 3));
    assert!(
        input["notes"].to_string().contains("3 of its chunks are missing"),
        "{input}"
    );
}

#[test]
fn a_file_of_no_format_is_told_by_what_it_looks_like() {
    for (content, want) in [
        (vec![0; 5000], "zeros"),
        (b"1.5\tCx\t10.0.0.1\t53\t10.0.0.2\n".to_vec(), "5 columns between tabs"),
        ((1..=255).cycle().take(4000).collect(), "binary data"),
        ([vec![9; 4096], b"ElfChnk\0".to_vec()].concat(), "EVTX"),
        (
            b"hello there\nfriend\n".to_vec(),
            "text, and no known header or line; it begins: hello there",
        ),
        (b"[1, 2]\n".to_vec(), "JSON, and of no known log; it begins: [1, 2]"),
    ] {
        let (code, input) = read("unknown", content);
        let notes = input["notes"].to_string();
        assert!(code == 4 && notes.contains(want), "{notes}");
    }
}

#[test]
fn lines_of_other_programs_in_a_bind_log_are_told() {
    let bind = sample("bind/query.log.gz");
    let (code, input) = read("query.log", &bind);
    assert_eq!((code, input["notes"].as_array().unwrap().len()), (0, 0), "{input}");
    let other = "Feb  5 11:30:30 ns1 sshd[9]: Accepted publickey for root from 10.0.0.9 port 4711\n".repeat(7);
    let (code, input) = read("query.log", format!("{bind}{other}"));
    assert_eq!(code, 0);
    assert!(input["notes"].to_string().contains("7 of "), "{input}");
}

/// Rows of a lake into which copies of a growing log were read, one run for each list of copies.
fn rows_after(runs: &[&[&str]]) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    for (night, copies) in runs.iter().enumerate() {
        let folder = dir.path().join(night.to_string());
        fs::create_dir(&folder).unwrap();
        for (n, copy) in copies.iter().enumerate() {
            let path = folder.join(format!("{n}.log"));
            fs::write(&path, copy).unwrap();
            // Every copy has another time.
            let day = std::time::Duration::from_secs(86_400 * (20_000 + night as u64 * 10 + n as u64));
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + day).unwrap();
        }
        let [lake, folder] = [&lake, &folder].map(|p| p.display().to_string());
        let done = coldtrail(&["ingest", &folder, "--lake", &lake, "--quiet"]);
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let catalogue = json(&lake.join("_coldtrail/catalogue.json"));
    let files = catalogue["files"].as_array().unwrap();
    files.iter().map(|f| n(f, "rows")).sum()
}

#[test]
fn the_cut_last_line_of_a_copied_log_gives_way_to_the_whole_one() {
    let text = sample("squid/access.log.gz");
    let lines = text.lines().count() as u64;
    // Within the server's address, which stands behind all that a line must have.
    let middle = text.len() / 2;
    let address = middle + text[middle..].find("DIRECT/").unwrap() + "DIRECT/".len();
    let copies = [&text[..address + 3], &text[..address + 5], &text[..]];
    let [shorter, longer, whole] = copies;
    let half = shorter.lines().count() as u64;
    assert_eq!(rows_after(&[&[shorter], &[longer]]), half);
    assert_eq!(rows_after(&[&[shorter], &[longer], &[whole]]), lines);
    assert_eq!(rows_after(&[&[whole], &[longer, shorter]]), lines);
    assert_eq!(rows_after(&[&copies]), lines);
    // One that was never copied again is kept as it is, and so is a last line without its line break.
    assert_eq!(rows_after(&[&[shorter]]), half);
    assert_eq!(rows_after(&[&[whole.trim_end()]]), lines);
    assert_eq!(rows_after(&[&[whole.trim_end()], &[whole]]), lines);
}

#[test]
fn records_in_files_of_their_own_without_a_line_break_are_all_kept() {
    let record = |host: &str, status: u32| {
        format!(
            "1758152037.388 300 10.0.5.27 TCP_TUNNEL/{status} 8200 CONNECT {host}:443 - HIER_DIRECT/198.51.100.98 -"
        )
    };
    let files = [
        record("a.example", 200),
        record("bb.example", 200),
        record("a.example.org", 503),
        record("ccc.example", 407),
    ];
    let files = files.each_ref().map(String::as_str);
    assert_eq!(rows_after(&[&files]), 4);
    assert_eq!(rows_after(&[&files[..2], &files[2..]]), 4);
}

#[test]
fn a_record_without_a_time_is_not_stored_again_whenever_its_log_has_grown() {
    let query = |clock: &str| {
        format!(
            "18-Aug-2025 {clock} queries: info: client @0x7f41c8062b68 10.0.5.32#53878 (a.example): \
             query: a.example IN A +E(0)K (10.0.1.53)\n"
        )
    };
    let first = query("23:59:45.570") + "managed-keys-zone: loaded serial 7\n" + &query("23:59:46.570");
    let grown = first.clone() + &query("23:59:47.570");
    assert_eq!(
        rows_after(&[&[&first], &[&grown], &[&(grown.clone() + &query("23:59:48.570"))]]),
        5
    );
}

#[test]
fn windows_events_as_text_give_findings_as_those_of_any_other_form() {
    let event = |number: u32| {
        format!(
            "10/07/2016 06:38:24 PM\r\nLogName=Security\r\nSourceName=Microsoft Windows security auditing.\r\nEventCode=4688\r\n\
             EventType=0\r\nType=Information\r\nComputerName=ws1.example.com\r\nRecordNumber={number}\r\n\
             Message=A new process has been created.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-5-21-1-2-3-1001\r\n\tAccount Name:\t\tann\r\n\r\n\
             Process Information:\r\n\tNew Process ID:\t\t0x1a4\r\n\tNew Process Name:\tC:\\Windows\\System32\\rundll32.exe\r\n\
             \tProcess Command Line:\trundll32.exe C:\\windows\\system32\\comsvcs.dll, MiniDump 624 C:\\temp\\lsass.dmp full\r\n\r\n"
        )
    };
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("WinEventLog.txt");
    fs::write(&input, [7, 8, 8].map(event).concat()).unwrap();
    let (code, said, run) = hunt(dir.path(), &input);
    let told = &run["inputs"][0];
    assert_eq!((code, &told["format"]), (0, &Value::from("windows_text")), "{said}");
    assert_eq!(
        [n(told, "records"), n(told, "duplicates"), n(told, "rejected")],
        [3, 1, 0]
    );
    let findings = fs::read_to_string(dir.path().join("out/findings.jsonl")).unwrap();
    assert!(findings.contains("T1003.001") && findings.contains("ws1"), "{findings}");
}
