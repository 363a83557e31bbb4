//! The formats of network logs against collections of real logs that lie beside the project.

use serde_json::Value as Json;

use super::testing::shared;
use super::{Block, Carry, Head, sniff};
use crate::base::time;
use crate::ingest::container::{self, Body, OpenOptions};
use crate::ingest::sink::{RecordContext, Sink};
use crate::ingest::testing::{Mapped, address, int, only, text};
use crate::schema::{common, dns, http, lease};

/// 22 November 2025: the year of syslog lines.
const INPUT_TIME: i64 = 1_763_769_600_000_000;

fn read(name: &str, bytes: &[u8]) -> Option<(&'static str, Sink<'static>)> {
    let head = Head::new(bytes.get(..bytes.len().min(256 << 10))?, name);
    let (format, ..) = sniff(&head).ok()?;
    let mut carry = Carry {
        input_time: INPUT_TIME,
        name: name.into(),
        ..Carry::default()
    };
    format.open(&head, &mut carry);
    let context = RecordContext {
        input: 0,
        format: format.id(),
        fallback_time: 0,
        zone: None,
        input_host: None,
    };
    let mut sink = Sink::new(context);
    format.decode(
        &Block {
            bytes,
            ..Block::default()
        },
        &carry,
        &mut sink,
    );
    Some((format.id(), sink))
}

/// (records, rejected, formats) of a file in any container.
fn count(path: &std::path::Path) -> (u64, usize, Vec<&'static str>) {
    let mut seen = (0, 0, Vec::new());
    container::open(path, &OpenOptions::default(), &|_| {}, &mut |member| {
        let mut bytes = Vec::new();
        match member.body {
            Body::Bytes(all) => bytes.extend_from_slice(&all),
            Body::Reader(reader) => {
                reader.read_to_end(&mut bytes)?;
            }
        }
        let got = read(&member.name, &bytes);
        seen.2.push(got.as_ref().map_or("none", |(format, _)| *format));
        if let Some((_, sink)) = got {
            seen.0 += sink.records;
            seen.1 += sink.rejects.len();
        }
        Ok(())
    })
    .unwrap();
    seen
}

#[test]
fn sample_files_are_told_by_content_and_read_whole() {
    let Some(data) = shared() else { return };
    for (folder, format) in [
        ("zeek_tsv", "zeek-tsv"),
        ("zeek_json", "zeek-json"),
        ("iis", "w3c"),
        ("bluecoat", "w3c"),
        ("pfirewall", "w3c"),
        ("squid", "squid"),
        ("cisco_wsa", "squid"),
        ("bind", "bind"),
        ("infoblox", "bind"),
        ("dhcp_windows", "dhcp-windows"),
        ("dhcp_isc", "dhcp-isc"),
    ] {
        let mut files: Vec<_> = std::fs::read_dir(data.join("formats").join(folder))
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            // Descriptions, expectations and other formats' copies.
            let foreign = ["SOURCE.txt", "cases", "tests__parse", ".ocsf", "iis-xml-logs"]
                .iter()
                .any(|s| name.contains(s));
            if foreign {
                continue;
            }
            let (records, rejected, formats) = count(&file);
            // It mixes named and dhcpd about evenly.
            let either = name == "sc4s_isc.log" && formats == ["dhcp-isc"];
            assert!(formats == [format] || either, "{folder}/{name}: {formats:?}");
            // RITA's sample begins with a line that lost a column, the syslog one holds a line of another product.
            let odd = ["has_unknown_field__http.log", "sc4s_symantec_proxy.log"];
            let cut = usize::from(odd.contains(&&*name));
            assert_eq!(rejected, cut, "{folder}/{name}");
            assert!(records > 0 || name.contains("empty"), "{folder}/{name} has no records");
        }
    }
}

#[test]
fn cases_of_zeek_have_as_many_records_as_known() {
    let Some(data) = shared() else { return };
    for line in std::fs::read_to_string(data.join("cases/cases.jsonl")).unwrap().lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        if !case["format"].as_str().unwrap().starts_with("zeek") {
            continue;
        }
        let folder = data.join("cases").join(case["case"].as_str().unwrap());
        let files = case["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| folder.join(f.as_str().unwrap()));
        let (mut records, mut rejected) = (0, 0);
        for file in files {
            let got = count(&file);
            records += got.0;
            rejected += got.1;
        }
        assert_eq!(records, case["events"].as_u64().unwrap(), "{}", case["case"]);
        // A capture may end in a cut line.
        assert!(rejected <= 1, "{}: {rejected} rejected", case["case"]);
    }
}

#[test]
fn single_messages_are_told_and_mean_what_others_read_in_them() {
    let Some(data) = shared() else { return };
    let mut wrong = Vec::new();
    for file in [
        "squid/cases_squid.ndjson",
        "cisco_wsa/cases_cisco-secure-web-appliance.ndjson",
        "bind/cases_bind.ndjson",
        "infoblox/cases_ddi.ndjson",
        "dhcp_isc/cases_dhcpd.ndjson",
    ] {
        for line in std::fs::read_to_string(data.join("formats").join(file))
            .unwrap()
            .lines()
        {
            let case: Json = serde_json::from_str(line).unwrap();
            let message = case["message"].as_str().unwrap();
            // Fragments, and what named says about itself: behind a syslog prefix its category looks like a program's tag.
            let service = ["rpz: ", "general: info: ", "xfer-in: error: "];
            if message.starts_with("Option 82") || service.iter().any(|s| message.starts_with(s)) {
                continue;
            }
            for wrapped in [message.to_owned(), format!("<134>Nov  3 14:05:09 host01 {message}")] {
                match read("x.log", wrapped.as_bytes()) {
                    Some((_, sink)) if sink.rejects.is_empty() => compare(&only(sink.rows), &case, &mut wrong),
                    _ => wrong.push(format!("not read: {wrapped}")),
                }
            }
        }
    }
    // A tunnel has no path; a SERVFAIL that named reports of another server is no answer to a client.
    wrong.retain(|w| !w.ends_with("url.path: wanted /, got None") && !w.ends_with("wanted SERVFAIL, got None"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn compare(row: &Mapped, case: &Json, wrong: &mut Vec<String>) {
    let number = |v: Option<i64>| v.map(|v| v.to_string());
    let mut check = |key: &str, got: Option<String>| {
        let wanted = match &case["expect_ecs"][key] {
            Json::Null => return,
            Json::String(s) => s.clone(),
            other => other.to_string(),
        };
        let same = got
            .as_deref()
            .is_some_and(|g| g.eq_ignore_ascii_case(wanted.trim_end_matches('.')));
        if !same && !wanted.is_empty() {
            wrong.push(format!("{} {key}: wanted {wanted}, got {got:?}", case["id"]));
        }
    };
    match row.table.name {
        "http" => {
            check("source.ip", address(row, http::CLIENT_IP));
            check("http.request.method", text(row, http::METHOD));
            check("http.response.status_code", number(int(row, http::STATUS)));
            check("http.response.bytes", number(int(row, http::BYTES_IN)));
            check("http.response.mime_type", text(row, http::MIME));
            check("event.duration", number(int(row, http::DURATION_US).map(|d| d / 1000)));
            check("user_agent.original", text(row, http::UA));
            check("url.domain", text(row, http::URL_HOST));
            check("url.path", text(row, http::URL_PATH));
        }
        "dns" => {
            check("source.ip", address(row, dns::CLIENT_IP));
            check("source.port", number(int(row, dns::CLIENT_PORT)));
            check("dns.question.name", text(row, dns::QNAME));
            check("dns.response_code", text(row, dns::RCODE));
            // Two expectations have class and type the wrong way round.
            if case["expect_ecs"]["dns.question.type"] != "IN" {
                check("dns.question.type", text(row, dns::QTYPE));
            }
        }
        "lease" => check("source.ip", address(row, lease::IP)),
        _ => {}
    }
    if row.table.name == "http" {
        let ts = int(row, common::TS).unwrap();
        let wanted = case["expect_ecs"]["@timestamp"]
            .as_str()
            .and_then(|t| time::rfc3339(t.as_bytes()));
        if wanted.is_some_and(|(w, _)| w != ts) {
            wrong.push(format!("{} @timestamp: got {}", case["id"], time::format_rfc3339(ts)));
        }
    }
}
