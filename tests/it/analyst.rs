//! What an analyst does after the hunt, through the binary, on the shipped sample: scope, timeline, tree, configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use coldtrail::base::ip;
use coldtrail::entity::ioc::{Indicator, guess, tidy};
use coldtrail::jobs::progress::Progress;
use coldtrail::jobs::scope::{ScopeOptions, scope};
use coldtrail::lake::Lake;
use coldtrail::lake::frame::{Frames, Row};
use coldtrail::lake::scan::TimeRange;
use coldtrail::rules::ioc::{CANDIDATE, Matcher, Role, roles};
use coldtrail::schema::{Col, Kind, TABLES};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{coldtrail, root};

/// The hunted sample, once for all tests.
static OUT: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let tz = ["--tz", "dhcp-windows=Asia/Tokyo", "--tz", "msdns=Asia/Tokyo"];
    crate::support::hunt(&root().join("sample_data/office"), &tz)
});

fn lake() -> PathBuf {
    OUT.path().join("cache/lake")
}

/// Runs a command over the sample's lake; exit code, stdout, stderr.
fn run(args: &[&str]) -> (i32, String, String) {
    let lake = lake().display().to_string();
    let mut all: Vec<&str> = args.to_vec();
    if !args.contains(&"--lake") && !matches!(args[0], "config" | "completions" | "man") {
        all.extend(["--lake", &lake]);
    }
    let done = coldtrail(&all);
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn scope_names_hosts_users_and_places_of_every_kind() {
    let cases = [
        ("command-and-control[.]top", "pc-takeda", "dns.qname"),
        ("198.51.100.77", "pc-takeda", "network.dst_ip"),
        ("198.51.100.0/24", "pc-takeda", "network.dst_ip"),
        ("wuhelp.ps1", "pc-takeda", "file.path"),
        (
            r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run\WindowsUpdateHelper",
            "pc-takeda",
            "registry.key",
        ),
        ("*.takelock", "fs01", "file.path"),
        ("account:k.ogawa", "dc01", "auth.target_user"),
        ("kx-statsync.top", "pc-yamada", "dns.qname"),
    ];
    for (ioc, host, place) in cases {
        let (code, out, err) = run(&["scope", "--ioc", ioc, "--format", "jsonl"]);
        assert_eq!(code, 0, "{err}");
        let found = &lines(&out)[0];
        let hosts = found["hosts"].as_array().unwrap();
        let here = hosts.iter().find(|h| h["host"] == host);
        let here = here.unwrap_or_else(|| panic!("{ioc}: {host} is not in {hosts:?}"));
        assert!(here["where"].get(place).is_some(), "{ioc}: {here}");
        assert!(!found["samples"].as_array().unwrap().is_empty());
        assert!(err.contains("read,") && err.contains("skipped"), "{err}");
    }
}

#[test]
fn addresses_in_proxy_logs_become_the_host_of_that_time() {
    let (_, out, err) = run(&["scope", "--ioc", "198.51.100.77", "--format", "jsonl"]);
    let hosts: Vec<String> = lines(&out)[0]["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["host"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(hosts, ["pc-takeda"], "{err}");
}

#[test]
fn an_empty_answer_says_what_was_searched_and_what_cannot_be_seen() {
    let (code, out, err) = run(&[
        "scope",
        "--ioc",
        "nowhere.invalid.example.com",
        "someone@evil.example.com",
    ]);
    assert_eq!(code, 0);
    assert!(out.starts_with("None of the 2 indicators was seen."), "{out}");
    assert!(err.contains("dns (") && err.contains("qname"), "{err}");
    let (_, _, err) = run(&["scope", "--ioc", "44d88612fea8a8f36de82e1278abb02f"]);
    assert!(
        err.contains("0 of 1 indicators seen") && err.contains("process"),
        "{err}"
    );
    let (code, _, err) = run(&["scope", "--ioc", "nonsense"]);
    assert_eq!(code, 2);
    assert!(err.contains("account:nonsense"), "{err}");
}

#[test]
fn lists_and_stix_bundles_are_searched_in_one_pass_and_csv_has_a_line_a_host() {
    let dir = tempfile::tempdir().unwrap();
    let stix = dir.path().join("report.json");
    let pattern = "[domain-name:value = 'command-and-control.top'] OR [ipv4-addr:value = '198.51.100.77']";
    let bundle = serde_json::json!({"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "indicator", "spec_version": "2.1", "id": "indicator--1", "name": "C2", "pattern_type": "stix", "pattern": pattern}]});
    std::fs::write(&stix, bundle.to_string()).unwrap();
    let csv = dir.path().join("iocs.csv");
    std::fs::write(&csv, "type,value,comment\nfilename,wuhelp.ps1,stage 2\n").unwrap();
    let (code, out, err) = run(&[
        "scope",
        "--ioc",
        &stix.display().to_string(),
        &csv.display().to_string(),
        "--format",
        "csv",
    ]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("indicator,kind,note,source,host,users,events,first,last,where\n"),
        "{out}"
    );
    for part in [
        "command-and-control.top,domain,C2,indicator--1,pc-takeda",
        "wuhelp.ps1,file,stage 2",
    ] {
        assert!(out.contains(part), "{out}");
    }
}

#[test]
fn pivots_lead_from_an_indicator_to_the_program_and_its_destinations() {
    let (code, out, err) = run(&["scope", "--ioc", "wuhelp.ps1", "--pivot", "--format", "jsonl"]);
    assert_eq!(code, 0, "{err}");
    let pivots: Vec<Value> = lines(&out).into_iter().filter(|l| l.get("pivot").is_some()).collect();
    assert!(pivots.iter().any(|p| p["what"] == "process hash"), "{out}");
}

/// Cells as the lake stores them.
fn values(row: Row<'_>, col: Col, kind: Kind) -> Vec<Vec<u8>> {
    match kind {
        Kind::Ip => row.ip(col).map(|a| a.to_vec()).into_iter().collect(),
        Kind::List => row.str(col).lines().map(|l| l.as_bytes().to_vec()).collect(),
        k if k.width().is_some() => {
            let hex = row.str(col).as_bytes();
            let byte = |c: &[u8]| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap();
            let bytes: Vec<u8> = hex.chunks(2).map(byte).collect();
            if bytes.is_empty() { Vec::new() } else { vec![bytes] }
        }
        _ => row.text(col).map(|t| t.as_bytes().to_vec()).into_iter().collect(),
    }
}

/// All rows of the sample, as a plain scan reads them.
static FRAMES: LazyLock<Frames> = LazyLock::new(|| {
    let wanted = TABLES
        .iter()
        .map(|t| (*t, t.all_columns().map(|(c, _)| c).collect()))
        .collect();
    Frames::load(&Lake::open(&lake()).unwrap(), &wanted, TimeRange::default()).unwrap()
});

/// Events per indicator by looking at every cell of every row.
fn by_plain_scan(matcher: &Matcher) -> BTreeMap<u32, u64> {
    let mut events = BTreeMap::new();
    let mut known: BTreeMap<(Role, Vec<u8>), Vec<u32>> = BTreeMap::new();
    for frame in FRAMES.iter() {
        let columns = roles(frame.table);
        for at in 0..frame.len() as u32 {
            let row = FRAMES.row(frame.table, at);
            let mut here = std::collections::BTreeSet::new();
            for (col, c, role) in columns.iter().filter(|(_, _, r)| *r != Role::Extra) {
                for value in values(row, *col, c.kind) {
                    let found = known.entry((*role, value.clone())).or_insert_with(|| {
                        let mut out = Vec::new();
                        matcher.test(*role, &value, &mut out);
                        out
                    });
                    for what in found.iter() {
                        let cell = |name: &str| row.text(row.table().find(name)?.0).map(str::to_owned);
                        if what & CANDIDATE == 0 || matcher.confirms(*what, c.name, &cell) {
                            here.insert(what & !CANDIDATE);
                        }
                    }
                }
            }
            for what in here {
                *events.entry(what).or_default() += 1;
            }
        }
    }
    events
}

/// Indicators made of values of the lake, some of them changed a little.
fn drawn(picks: &[(usize, usize, usize, bool)]) -> Vec<Indicator> {
    let mut all = Vec::new();
    for (table, column, at, change) in picks {
        let table = TABLES[table % TABLES.len()];
        let frame = FRAMES.frame(table);
        let columns = roles(table);
        if frame.is_empty() || columns.is_empty() {
            continue;
        }
        let (col, c, role) = columns[column % columns.len()];
        let row = FRAMES.row(table, (at % frame.len()) as u32);
        let text = match c.kind {
            Kind::Ip => row.ip(col).map(|a| ip::display(&a)),
            Kind::List => row.str(col).lines().next().map(str::to_owned),
            _ => row.text(col).map(str::to_owned),
        };
        let Some(mut text) = text.filter(|t| t.len() < 200) else {
            continue;
        };
        if *change {
            match role {
                Role::Name | Role::UrlHost => {
                    text = text.split_once('.').map_or(text.clone(), |(_, rest)| rest.to_owned())
                }
                Role::Path => text = coldtrail::base::text::basename(&text).to_owned(),
                Role::Account => text = format!("account:{text}"),
                Role::Address => text = format!("{text}/28"),
                Role::UrlPart => text = format!("url-part:{text}"),
                _ => {}
            }
        }
        let found = guess(&text).unwrap_or_default().into_iter();
        all.extend(found.map(|(kind, value)| Indicator {
            kind,
            value,
            note: String::new(),
            source: String::new(),
        }));
    }
    tidy(all)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6) })]
    #[test]
    fn scope_finds_what_a_plain_scan_finds(
        picks in prop::collection::vec((0usize..99, 0usize..99, 0usize..99_999, any::<bool>()), 60..120)
    ) {
        let indicators = drawn(&picks);
        prop_assume!(!indicators.is_empty());
        let expected = by_plain_scan(&Matcher::new(indicators.clone()).unwrap());
        let options = ScopeOptions {
            range: TimeRange::default(),
            hosts: Vec::new(),
            exclude_hosts: Vec::new(),
            fields_only: false,
            deep: false,
            pivot: false,
            samples: 1,
        };
        let found = scope(&Lake::open(&lake()).unwrap(), indicators, &options, &Progress::default()).unwrap();
        for (n, s) in (0u32..).zip(&found.sightings) {
            let hosts: u64 = s.hosts.iter().map(|h| h.events).sum();
            prop_assert_eq!(s.events, hosts);
            prop_assert_eq!(s.events, expected.get(&n).copied().unwrap_or(0), "{:?}", &s.indicator);
        }
    }
}

#[test]
fn a_timeline_joins_all_logs_of_a_host_on_one_clock() {
    let around = [
        "timeline",
        "--host",
        "PC-TAKEDA",
        "--around",
        "2025-09-20T11:08:00Z",
        "--window",
        "3m",
    ];
    let (code, out, err) = run(&[&around[..], &["--format", "jsonl"]].concat());
    assert_eq!(code, 0, "{err}");
    let events = lines(&out);
    let time = |e: &Value| {
        coldtrail::base::time::rfc3339(e["time"].as_str().unwrap().as_bytes())
            .unwrap()
            .0
    };
    let times: Vec<i64> = events.iter().map(time).collect();
    assert!(times.is_sorted(), "{times:?}");
    let says = |text: &str| events.iter().any(|e| e["what"].as_str().unwrap().contains(text));
    assert!(says("WINWORD.EXE") && says("⇒ IEX"), "{out}");
    assert!(says("CONNECT") && says("ajk3k9q2x1.command-and-control.top"), "{out}");
    assert!(err.contains("squid") && err.contains("sysmon"), "{err}");
    let (code, page, _) = run(&[&around[..], &["--format", "html"]].concat());
    assert_eq!(code, 0);
    assert_eq!(page.matches("<tr><td").count(), events.len());
    assert!(
        page.contains("⇒ IEX") && page.contains("default-src &#39;none&#39;"),
        "{page}"
    );
    let merged = events.iter().find(|e| e["sources"].as_array().unwrap().len() > 1);
    assert!(
        merged.is_some_and(|e| e["records"].as_array().unwrap().len() > 1),
        "{out}"
    );
    let (_, only, _) = run(&[&around[..], &["--sources", "dns", "--format", "csv"]].concat());
    assert!(
        only.lines().skip(1).all(|l| l.contains(",dns,")) && only.lines().count() > 1,
        "{only}"
    );
    let (_, some, _) = run(&[&around[..], &["--grep", "winword"]].concat());
    assert!(
        some.lines().skip(1).all(|l| l.to_lowercase().contains("winword")),
        "{some}"
    );
}

#[test]
fn clocks_without_a_zone_are_corrected_in_timelines() {
    // PC-HAYASHI's log says local time: 22:01:40 is 13:01:40 UTC.
    let (_, out, err) = run(&[
        "timeline",
        "--host",
        "pc-hayashi",
        "--around",
        "2025-09-20T13:01:40Z",
        "--window",
        "2m",
        "--grep",
        "nxc.exe",
    ]);
    assert!(out.contains("2025-09-20 13:01"), "{out}{err}");
}

#[test]
fn clocks_without_a_zone_are_corrected_in_scopes_too() {
    // APP01 logs local time: 22:20:04 is 13:20:04 UTC.
    let at = ["scope", "--ioc", "PSEXESVC.exe", "--format", "jsonl"];
    let (_, out, err) = run(&at);
    let found = &lines(&out)[0];
    let hosts: Vec<&str> = found["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["first"].as_str().unwrap())
        .collect();
    assert!(hosts.iter().all(|t| t.starts_with("2025-09-20T13:2")), "{found}{err}");
    assert!(
        found["samples"][0]["time"]
            .as_str()
            .unwrap()
            .starts_with("2025-09-20T13:2")
    );
    let within = ["--from", "2025-09-20T13:25:00Z", "--to", "2025-09-20T14:00:00Z"];
    let (_, out, _) = run(&[&at[..], &within[..]].concat());
    let hosts: Vec<Value> = lines(&out)[0]["hosts"].as_array().unwrap().clone();
    assert!(hosts.len() == 1 && hosts[0]["host"] == "fs01", "{hosts:?}");
}

#[test]
fn a_finding_has_its_timeline() {
    let out = OUT.path().display().to_string();
    let done = coldtrail(&["timeline", "--finding", "1", "--out", &out, "--limit", "5"]);
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(0), "{err}");
    assert!(err.contains("finding 1") && err.contains("pc-takeda"), "{err}");
    let none = coldtrail(&["timeline", "--finding", "999", "--out", &out]);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn an_unknown_host_is_answered_with_the_nearest() {
    for command in ["timeline", "tree"] {
        let (code, _, err) = run(&[command, "--host", "pc-takeba"]);
        assert_eq!(code, 2);
        assert!(err.contains("pc-takeda"), "{err}");
    }
}

#[test]
fn a_tree_shows_ancestors_descendants_and_what_is_encoded() {
    let range = ["--from", "2025-09-20T11:00:00Z", "--to", "2025-09-20T12:00:00Z"];
    let (code, out, err) = run(&[
        &["tree", "--host", "pc-takeda", "--process", "powershell.exe"],
        &range[..],
    ]
    .concat());
    assert_eq!(code, 0, "{err}");
    let at = |text: &str| {
        out.lines()
            .position(|l| l.contains(text))
            .unwrap_or_else(|| panic!("{text}: {out}"))
    };
    assert!(at("WINWORD.EXE [") < at("powershell.exe ["), "{out}");
    assert!(
        at("⇒") > at("powershell.exe [") && at("whoami") > at("powershell.exe ["),
        "{out}"
    );
    let (_, rows, _) = run(&[
        &[
            "tree",
            "--host",
            "pc-takeda",
            "--process",
            "powershell.exe",
            "--format",
            "jsonl",
        ],
        &range[..],
    ]
    .concat());
    let asked = lines(&rows).into_iter().find(|r| r["asked"] == true).unwrap();
    let pid = format!("{}@{}", asked["pid"], asked["start"].as_str().unwrap());
    for process in [pid.as_str(), asked["guid"].as_str().unwrap()] {
        let (code, one, err) = run(&["tree", "--host", "pc-takeda", "--process", process]);
        assert_eq!(code, 0, "{err}");
        assert!(one.contains("whoami"), "{one}");
    }
    assert_eq!(run(&["tree", "--host", "pc-takeda", "--process", "nothing.exe"]).0, 2);
}

#[test]
fn a_configuration_stands_in_for_flags_and_its_mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("coldtrail.toml");
    let name = file.display().to_string();
    let lake = lake().display().to_string();
    std::fs::write(&file, format!("[all]\nlake = '{lake}'\n[scope]\nformat = \"csv\"\n")).unwrap();
    let done = coldtrail(&["--config", &name, "scope", "--ioc", "wuhelp.ps1"]);
    assert!(
        String::from_utf8_lossy(&done.stdout).starts_with("indicator,"),
        "{done:?}"
    );
    let done = coldtrail(&["scope", "--ioc", "wuhelp.ps1", "--config", &name, "--format", "jsonl"]);
    assert!(String::from_utf8_lossy(&done.stdout).starts_with('{'), "{done:?}");
    std::fs::write(&file, "[hunt]\nout = \"x\"\nhots = [\"a\"]\n").unwrap();
    for args in [vec!["config", "check", &name], vec!["hunt", "--config", &name]] {
        let done = coldtrail(&args);
        let err = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{err}");
        assert!(err.contains(":3: no setting 'hots'; did you mean 'hosts'?"), "{err}");
    }
    let fresh = dir.path().join("new.toml").display().to_string();
    assert_eq!(coldtrail(&["config", "init", &fresh]).status.code(), Some(0));
    assert_eq!(coldtrail(&["config", "check", &fresh]).status.code(), Some(0));
    assert_eq!(
        coldtrail(&["config", "init", &fresh]).status.code(),
        Some(2),
        "not overwritten"
    );
}

#[test]
fn a_dry_run_says_what_would_be_read_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out").display().to_string();
    let office = root().join("sample_data/office").display().to_string();
    let done = coldtrail(&["hunt", &office, "--out", &out, "--dry-run"]);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    for word in ["squid", "zeek-tsv", "dhcp-windows", "inputs to read: about"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!Path::new(&out).exists());
    let again = coldtrail(&["ingest", &office, "--lake", &lake().display().to_string(), "--dry-run"]);
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(text.contains("are in the lake already"), "{text}");
}

#[test]
fn the_host_of_a_collected_log_comes_from_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir
        .path()
        .join("PC-77/C/Windows/System32/LogFiles/Firewall/pfirewall.log");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    let text = "#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\r\n\r\n2025-09-20 10:00:00 ALLOW TCP 10.0.0.5 203.0.113.9 50000 443 0 - 0 0 0 - - - SEND\r\n";
    std::fs::write(&log, text).unwrap();
    let lake = dir.path().join("lake").display().to_string();
    let input = dir.path().join("PC-77").display().to_string();
    let dry = coldtrail(&["ingest", &input, "--lake", &lake, "--dry-run"]);
    assert!(String::from_utf8_lossy(&dry.stdout).contains("PC-77 (KAPE)"), "{dry:?}");
    assert_eq!(
        coldtrail(&["ingest", &input, "--lake", &lake, "--quiet"]).status.code(),
        Some(0)
    );
    let done = coldtrail(&["scope", "--lake", &lake, "--ioc", "203.0.113.9", "--format", "jsonl"]);
    let found: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(found["hosts"][0]["host"], "pc-77", "{found}");
    let catalogue = std::fs::read_to_string(Path::new(&lake).join("_coldtrail/catalogue.json")).unwrap();
    assert!(catalogue.contains("by the path (KAPE)"), "{catalogue}");
}

#[test]
fn completions_and_manual_pages_come_from_the_same_definitions() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(&["completions", shell]);
        assert!(
            code == 0 && out.contains("scope") && out.contains("timeline"),
            "{shell}"
        );
    }
    let (code, out, _) = run(&["man"]);
    assert!(code == 0 && out.contains(".TH") && out.contains("coldtrail"), "{out}");
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().display().to_string();
    assert_eq!(run(&["man", "--dir", &pages]).0, 0);
    assert!(dir.path().join("coldtrail-lake-compact.1").exists());
}

#[test]
fn a_mistyped_flag_is_answered_with_the_nearest() {
    let done = coldtrail(&["scope", "--lake", "x", "--iocs", "y"]);
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(2));
    assert!(err.contains("'--ioc'"), "{err}");
}

#[test]
fn hosts_that_alone_do_not_fit_into_the_memory_limit_are_named_and_nothing_else_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let (code, _, err) = run(&["hunt", "--out", out, "--memory-limit", "1600KiB"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("pc-takeda alone has"), "{err}");
    let warnings = crate::support::json(&dir.path().join("run.json"))["warnings"].to_string();
    let named = |text: &str| text.matches("more than --memory-limit").count();
    assert_eq!(named(&warnings), named(&err), "{warnings}");
    // Too little for all rows at once, enough for every host.
    let (_, _, err) = run(&["hunt", "--out", out, "--memory-limit", "16MiB"]);
    assert!(!err.contains("--memory-limit"), "{err}");
}
