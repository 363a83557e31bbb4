//! One large file over several runs: a run that is killed inside it is made good by the next, which goes on where it was.
//!
//! `COLDTRAIL_KILLS=200` kills each kind of file that often instead of a few times.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crate::faults::{content, draw, on_disk};
use crate::support::{coldtrail, hunt_into};

/// Blocks are of 4 MiB: a checkpoint after each of them, and some in a file.
const EVERY: &str = "1MiB";
const BYTES: usize = 13 << 20;

fn ingest(input: &Path, lake: &Path, extra: &[&str]) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_coldtrail"));
    c.arg("ingest").arg(input).arg("--lake").arg(lake);
    if !extra.contains(&"--checkpoint-every") {
        c.args(["--checkpoint-every", EVERY]);
    }
    c.args(extra);
    c.stdout(Stdio::null()).stderr(Stdio::piped());
    c
}

/// Runs to the end; what was said.
fn finish(input: &Path, lake: &Path, extra: &[&str]) -> String {
    let Output { status, stderr, .. } = ingest(input, lake, extra).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{said}");
    said
}

fn nxlog(out: &mut String, n: usize) {
    let (day, minute) = (1 + n / 20_000 % 9, n / 60 % 60);
    let event = [1, 3, 5, 22][n % 4];
    let _ = writeln!(
        out,
        r#"{{"EventTime":"2024-05-0{day} 10:{minute:02}:{:02}","Hostname":"WS{}","SourceName":"Microsoft-Windows-Sysmon","EventID":{event},"ProcessId":{n},"UtcTime":"2024-05-0{day} 10:{minute:02}:{:02}.123","Image":"C:\\a{}.exe","QueryName":"h{n}.example","RecordNumber":{n}}}"#,
        n % 60,
        n % 7,
        n % 60,
        n % 90,
    );
}

fn zeek(out: &mut String, n: usize) {
    if n.is_multiple_of(90_000) {
        // The columns change in mid-file.
        let swapped = if n.is_multiple_of(180_000) {
            "service\tduration"
        } else {
            "duration\tservice"
        };
        let _ = write!(
            out,
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t{swapped}\torig_bytes\tresp_bytes\tconn_state\n"
        );
    }
    let pair = if (n / 90_000).is_multiple_of(2) {
        "ssl\t0.25"
    } else {
        "0.25\tssl"
    };
    let _ = writeln!(
        out,
        "17149{:05}.{:06}\tC{n}\t10.0.0.{}\t{}\t203.0.113.{}\t443\ttcp\t{pair}\t{n}\t7\tSF",
        n / 3,
        n % 999_983,
        n % 200,
        1024 + n % 60_000,
        n % 250,
    );
}

fn w3c(out: &mut String, n: usize) {
    if n.is_multiple_of(70_000) {
        let fields = if n.is_multiple_of(140_000) {
            "c-ip cs-username"
        } else {
            "cs-username c-ip"
        };
        let _ = writeln!(
            out,
            "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time {fields} cs-method cs-uri-stem sc-status sc-bytes cs(User-Agent)"
        );
    }
    let who = if (n / 70_000).is_multiple_of(2) {
        format!("10.1.0.{} u{}", n % 200, n % 90)
    } else {
        format!("u{} 10.1.0.{}", n % 90, n % 200)
    };
    let _ = writeln!(
        out,
        "2024-05-{:02} 10:{:02}:{:02} {who} GET /page/{n} 200 {n} curl/8.{}",
        1 + n / 50_000,
        n / 60 % 60,
        n % 60,
        n % 9
    );
}

fn csv(out: &mut String, n: usize) {
    if n == 0 {
        out.push_str(
            "\"Message\",\"Id\",\"ProviderName\",\"LogName\",\"RecordId\",\"MachineName\",\"TimeCreated\"\r\n",
        );
    }
    // Another order of day and month than is usual, which only the beginning of the file tells.
    let _ = write!(
        out,
        "\"The service {n}\r\nstopped, \"\"again\"\".\",\"7036\",\"Service Control Manager\",\"System\",\"{n}\",\"ws{}\",\"{:02}/05/2019 11:{:02}:06\"\r\n",
        n % 5,
        23 + n / 60_000,
        n % 60,
    );
}

fn text(line: fn(&mut String, usize)) -> String {
    let mut out = String::with_capacity(BYTES + 1024);
    for n in 0.. {
        if out.len() >= BYTES {
            break;
        }
        line(&mut out, n);
    }
    out
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn tar_header(name: &str, size: usize) -> [u8; 512] {
    let mut header = [0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(124, &format!("{size:011o}"));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\u{0}").as_bytes());
    header
}

/// Writes an input whose time is that of an archive, or that of a log which is written to.
fn write(path: &Path, bytes: &[u8], old: bool) {
    fs::write(path, bytes).unwrap();
    if old {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_720_000_000))
            .unwrap();
    }
}

/// The folders of checkpoints that have a manifest.
fn checkpoints(lake: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(lake.join("_coldtrail/checkpoints"))
        .into_iter()
        .flatten()
        .flatten();
    all.map(|e| e.path()).filter(|p| p.join("manifest").is_file()).collect()
}

/// Waits for a checkpoint; whether it came before the run ended.
fn wait(child: &mut Child, lake: &Path) -> bool {
    let began = Instant::now();
    while checkpoints(lake).is_empty() {
        if child.try_wait().unwrap().is_some() || began.elapsed() > Duration::from_secs(60) {
            return false;
        }
        sleep(Duration::from_micros(300));
    }
    true
}

fn kill(mut child: Child) -> bool {
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

/// A lake in which a run was killed behind a checkpoint of `input`.
fn killed(input: &Path, lake: &Path, extra: &[&str]) {
    for n in 0..20 {
        let _ = fs::remove_dir_all(lake);
        let mut child = ingest(input, lake, extra).spawn().unwrap();
        let met = wait(&mut child, lake);
        sleep(Duration::from_millis(n % 4 * 10));
        if kill(child) && met && checkpoints(lake).len() == 1 {
            return;
        }
    }
    panic!("no run was killed behind a checkpoint");
}

/// Nothing but the catalogue's files is in the lake, and nothing waits for a commit.
fn assert_tidy(lake: &Path) {
    assert_eq!(on_disk(lake), content(lake).0.into_keys().collect::<Vec<_>>());
    for folder in ["staging", "checkpoints"] {
        assert!(!lake.join("_coldtrail").join(folder).exists(), "{folder} was left");
    }
}

/// Records that were taken over, by what the run said.
fn taken_over(said: &str) -> Option<u64> {
    let line = said.lines().find(|l| l.contains(": resumed at "))?;
    let records = line.rsplit_once(", ")?.1.split(' ').next()?;
    records.parse().ok()
}

fn check(name: &str, bytes: &[u8], old: bool) {
    let kills = std::env::var("COLDTRAIL_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2);
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join(name);
    write(&input, bytes, old);
    let whole = dir.path().join("whole");
    let began = Instant::now();
    let said = finish(&input, &whole, &["--checkpoint-every", "999GiB"]);
    let takes = began.elapsed().as_micros() as u64;
    assert_eq!(taken_over(&said), None);
    let wanted = content(&whole);
    assert!(wanted.1[0]["stored"].as_u64() > Some(30_000), "{said}");
    let records = wanted.1[0]["records"].as_u64().unwrap();
    // Checkpoints alone change nothing.
    let lake = dir.path().join("lake");
    finish(&input, &lake, &[]);
    assert_eq!(content(&lake), wanted);
    assert_tidy(&lake);
    let mut state = 11;
    for n in 0..kills {
        let limit = ["--memory-limit", if n % 2 == 0 { "1GiB" } else { "64MiB" }];
        let limit = [limit[0], limit[1], "--threads", ["2", "1", "5"][n as usize % 3]];
        // One kill behind a checkpoint, then one at any time, of a run that may have taken over the first.
        killed(&input, &lake, &limit);
        let child = ingest(&input, &lake, &limit).spawn().unwrap();
        sleep(Duration::from_micros(draw(&mut state, takes)));
        kill(child);
        let is_committed = lake.join("_coldtrail/catalogue.json").exists();
        assert!(
            is_committed || checkpoints(&lake).len() == 1,
            "{name}, kill {n}: the checkpoint went"
        );
        let said = finish(&input, &lake, &limit);
        assert_eq!(content(&lake), wanted, "{name}, kill {n}");
        assert_tidy(&lake);
        let taken = taken_over(&said).is_some_and(|taken| taken > 0 && taken < records);
        assert!(taken || is_committed, "{name}, kill {n}: {said}");
    }
}

#[test]
fn a_mapped_file_is_gone_on_with() {
    check("nxlog.json", text(nxlog).as_bytes(), true);
}

#[test]
fn a_file_that_is_read_is_gone_on_with() {
    check("nxlog.json", text(nxlog).as_bytes(), false);
}

#[test]
fn a_compressed_file_is_gone_on_with() {
    check("nxlog.json.gz", &gz(text(nxlog).as_bytes()), true);
    check(
        "conn.log.zst",
        &zstd::encode_all(text(zeek).as_bytes(), 1).unwrap(),
        false,
    );
}

#[test]
fn headers_that_change_in_mid_file_are_known_behind_a_checkpoint() {
    check("conn.log", text(zeek).as_bytes(), true);
    check("u_ex2405.log", text(w3c).as_bytes(), false);
}

#[test]
fn a_table_is_gone_on_with_by_its_header_in_any_encoding() {
    check("events.csv", text(csv).as_bytes(), true);
    check("events.csv", &utf16(&text(csv)), true);
    check("events.csv", &utf16(&text(csv)), false);
}

#[test]
fn a_file_that_was_replaced_is_read_from_its_beginning() {
    let old = text(nxlog);
    // The same head, and the same number of bytes: one digit differs behind the part that tells the format.
    let mut new = old.clone().into_bytes();
    let at = 300_000 + old[300_000..].find("\"ProcessId\":").unwrap() + "\"ProcessId\":".len();
    new[at] = if new[at] == b'9' { b'8' } else { b'9' };
    let dir = tempfile::tempdir().unwrap();
    for (name, packed) in [("a.json", false), ("a.json.gz", true)] {
        for is_old in [true, false] {
            let [input, lake, whole] = [name, "lake", "whole"].map(|n| dir.path().join(n));
            let pack = |bytes: &[u8]| if packed { gz(bytes) } else { bytes.to_vec() };
            write(&input, &pack(old.as_bytes()), is_old);
            let time = fs::metadata(&input).unwrap().modified().unwrap();
            killed(&input, &lake, &[]);
            write(&input, &pack(&new), false);
            fs::File::options()
                .write(true)
                .open(&input)
                .unwrap()
                .set_modified(time)
                .unwrap();
            finish(&input, &whole, &[]);
            let said = finish(&input, &lake, &[]);
            assert!(
                taken_over(&said).is_none() && said.contains("from the beginning"),
                "{said}"
            );
            assert_eq!(content(&lake), content(&whole));
            assert_tidy(&lake);
            fs::remove_dir_all(&lake).unwrap();
            fs::remove_dir_all(&whole).unwrap();
        }
    }
}

#[test]
fn a_damaged_checkpoint_is_of_no_use_and_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let [input, lake, whole] = ["a.json", "lake", "whole"].map(|n| dir.path().join(n));
    write(&input, text(nxlog).as_bytes(), true);
    finish(&input, &whole, &[]);
    let wanted = content(&whole);
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let cut = |path: &Path| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    };
    let foreign = |path: &Path| fs::write(path, b"{\"version\":1}").unwrap();
    let gone = |path: &Path| fs::remove_file(path).unwrap();
    type Damage<'d> = (&'static str, &'d dyn Fn(&Path));
    let damages: [Damage<'_>; 7] = [
        ("000000.run", &flip),
        ("000000.run", &cut),
        ("000000.run", &gone),
        ("manifest", &flip),
        ("manifest", &cut),
        ("manifest", &foreign),
        ("manifest", &gone),
    ];
    for (n, (file, damage)) in damages.into_iter().enumerate() {
        killed(&input, &lake, &[]);
        damage(&checkpoints(&lake)[0].join(file));
        let said = finish(&input, &lake, &[]);
        assert_eq!(taken_over(&said), None, "damage {n} to {file}: {said}");
        assert!(n == 6 || said.contains("is of no use"), "damage {n} to {file}: {said}");
        assert_eq!(content(&lake), wanted, "damage {n} to {file}");
        assert_tidy(&lake);
    }
}

#[test]
fn a_run_with_other_options_or_inputs_takes_nothing_over_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let [input, lake, whole, other] = ["a.json", "lake", "whole", "other.json"].map(|n| dir.path().join(n));
    write(&input, text(nxlog).as_bytes(), true);
    let zone = ["--tz", "Asia/Tokyo"];
    finish(&input, &whole, &zone);
    killed(&input, &lake, &[]);
    assert_eq!(taken_over(&finish(&input, &lake, &zone)), None);
    assert_eq!(content(&lake), content(&whole));
    assert_tidy(&lake);
    // A run over something else removes the checkpoint: the file might never come again.
    killed(&input, &lake, &[]);
    let verify = || {
        coldtrail(&["lake", "verify", "--lake", &lake.display().to_string()])
            .status
            .code()
    };
    let few: String = text(nxlog).split_inclusive('\n').take(20).collect();
    write(&other, few.as_bytes(), true);
    finish(&other, &lake, &[]);
    assert_tidy(&lake);
    assert_eq!(verify(), Some(0));
}

#[test]
fn a_checkpoint_keeps_what_strict_promises() {
    let dir = tempfile::tempdir().unwrap();
    let [input, lake, whole] = ["u_ex.log", "lake", "whole"].map(|n| dir.path().join(n));
    // A record that cannot be read in the first block: the run ends before its first checkpoint.
    let good = text(w3c);
    let line = good[..200_000].rfind('\n').unwrap() + 1;
    let bad = format!("{}cut\n{}", &good[..line], &good[line..]);
    write(&input, bad.as_bytes(), true);
    let strict = ingest(&input, &lake, &["--strict"]).output().unwrap();
    assert_eq!(strict.status.code(), Some(3));
    let said = String::from_utf8(strict.stderr).unwrap();
    assert!(said.contains(&format!("byte {line}")), "{said}");
    assert!(checkpoints(&lake).is_empty());
    // A run without --strict has one; with it the same record fails the next run, which takes it over.
    finish(&input, &whole, &[]);
    killed(&input, &lake, &[]);
    let strict = ingest(&input, &lake, &["--strict"]).output().unwrap();
    assert_eq!(String::from_utf8(strict.stderr).unwrap(), said);
    assert!(!lake.join("_coldtrail/catalogue.json").exists() && on_disk(&lake).is_empty());
    let said = finish(&input, &lake, &[]);
    assert!(taken_over(&said).is_some(), "{said}");
    assert_eq!(content(&lake), content(&whole));
    assert_eq!(content(&lake).1[0]["rejected"].as_u64(), Some(1));
    assert_tidy(&lake);
}

#[test]
fn a_large_file_among_others_is_gone_on_with_and_findings_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let [inputs, lake, whole] = ["inputs", "lake", "whole"].map(|n| dir.path().join(n));
    let office = crate::support::root().join("sample_data/office/wevtutil");
    fs::create_dir(&inputs).unwrap();
    for entry in fs::read_dir(office).unwrap().flatten().filter(|e| e.path().is_file()) {
        fs::copy(entry.path(), inputs.join(entry.file_name())).unwrap();
    }
    write(&inputs.join("a.json"), text(nxlog).as_bytes(), true);
    write(&inputs.join("conn.log"), text(zeek).as_bytes(), true);
    write(&inputs.join("b.json.gz"), &gz(text(csv).as_bytes()), false);
    finish(&inputs, &whole, &[]);
    for limit in ["1GiB", "64MiB"] {
        let _ = fs::remove_dir_all(&lake);
        let mut child = ingest(&inputs, &lake, &["--memory-limit", limit]).spawn().unwrap();
        assert!(wait(&mut child, &lake));
        assert!(kill(child));
        let said = finish(&inputs, &lake, &["--memory-limit", limit]);
        assert!(taken_over(&said).is_some(), "{said}");
        assert_eq!(content(&lake), content(&whole));
        assert_tidy(&lake);
    }
    let findings = |lake: &Path| {
        let out = tempfile::tempdir().unwrap();
        hunt_into(&[], out.path(), &["--lake", &lake.display().to_string()]);
        ["findings.jsonl", "signals.jsonl", "cases.jsonl"].map(|f| fs::read(out.path().join(f)).unwrap())
    };
    assert_eq!(findings(&lake), findings(&whole));
}

/// A limit on the size of files stands in for a full disk: a checkpoint that cannot be written costs only itself.
#[cfg(unix)]
#[test]
fn a_checkpoint_that_cannot_be_written_does_not_end_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let [input, lake, whole] = ["a.json", "lake", "whole"].map(|n| dir.path().join(n));
    write(&input, text(nxlog).as_bytes(), true);
    finish(&input, &whole, &["--memory-limit", "4GiB"]);
    let largest = content(&whole)
        .0
        .into_keys()
        .map(|f| fs::metadata(whole.join(f)).unwrap().len())
        .max()
        .unwrap();
    // Small files can be written, and all rows fit into memory: only segments cannot.
    for (blocks, done) in [(largest / 512 + 2, None), (8, Some(3))] {
        let _ = fs::remove_dir_all(&lake);
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" ingest \"$1\" --lake \"$2\" --memory-limit 4GiB --checkpoint-every 7MiB"
        );
        let run = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_coldtrail")])
            .args([&input, &lake])
            .output()
            .unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        match done {
            None => {
                assert_eq!(run.status.code(), Some(0), "{said}");
                assert!(said.contains("without further checkpoints"), "{said}");
                assert_eq!(content(&lake), content(&whole), "{said}");
                assert_tidy(&lake);
            }
            Some(code) => assert_eq!(run.status.code(), Some(code), "{said}"),
        }
    }
    finish(&input, &lake, &[]);
    assert_eq!(content(&lake), content(&whole));
    assert_tidy(&lake);
}

#[test]
fn a_file_in_an_archive_is_gone_on_with_where_it_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let [input, lake, whole] = ["logs.tgz", "lake", "whole"].map(|n| dir.path().join(n));
    let mut tar = Vec::new();
    for (name, text) in [("a.json", text(nxlog)), ("conn.log", text(zeek))] {
        tar.extend(tar_header(name, text.len()));
        tar.extend(text.as_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    write(&input, &gz(&tar), true);
    finish(&input, &whole, &[]);
    killed(&input, &lake, &[]);
    let said = finish(&input, &lake, &[]);
    assert!(taken_over(&said).is_some(), "{said}");
    assert_eq!(content(&lake), content(&whole));
    assert_eq!(content(&lake).1.as_array().unwrap().len(), 2);
    assert_tidy(&lake);
}
