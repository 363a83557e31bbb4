//! Throughput of the stages: decoding (syntax and meaning into column builders) per format, and the beacon statistic.
//!
//! `cargo bench`. Inputs are made here, with repeating hosts, users and command lines as real logs have them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use coldtrail::ingest::formats::{Block, Carry, Head, by_id};
use coldtrail::ingest::sink::{RecordContext, Sink};
use coldtrail::rules::beacon;

const RECORDS: usize = 20_000;

fn sysmon_ndjson() -> String {
    let mut out = String::new();
    for i in 0..RECORDS {
        let (host, user, pid) = (i % 500, i % 300, 1_000 + i % 20_000);
        let _ = writeln!(
            out,
            r#"{{"@timestamp":"2025-09-20T{:02}:{:02}:{:02}.{:03}Z","winlog":{{"channel":"Microsoft-Windows-Sysmon/Operational","provider_name":"Microsoft-Windows-Sysmon","event_id":"1","record_id":{i},"computer_name":"PC-{host}.corp.example","event_data":{{"UtcTime":"2025-09-20 11:00:00.000","ProcessGuid":"{{00000000-0000-0000-0000-{i:012}}}","ProcessId":"{pid}","Image":"C:\\Windows\\System32\\svchost.exe","CommandLine":"C:\\Windows\\system32\\svchost.exe -k netsvcs -p -s task{}","User":"CORP\\user{user}","LogonId":"0x3e7","IntegrityLevel":"System","ParentProcessId":"700","ParentImage":"C:\\Windows\\System32\\services.exe"}}}}}}"#,
            i / 3600 % 24,
            i / 60 % 60,
            i % 60,
            i % 1000,
            i % 200,
        );
    }
    out
}

fn zeek_dns() -> String {
    let mut out = String::from(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tqtype_name\trcode_name\tanswers\tTTLs\n",
    );
    for i in 0..RECORDS {
        let _ = writeln!(
            out,
            "{}.{:06}\tC{i:016x}\t10.0.{}.{}\t{}\t10.0.0.53\t53\tudp\thost{}.site{}.example\tA\tNOERROR\t192.0.2.{}\t300.000000",
            1_758_360_000 + i / 50,
            i % 1_000_000,
            i % 8,
            i % 250,
            1024 + i % 60_000,
            i % 40,
            i % 900,
            i % 250,
        );
    }
    out
}

fn squid() -> String {
    let mut out = String::new();
    for i in 0..RECORDS {
        let _ = writeln!(
            out,
            "{}.{:03}    {:3} 10.0.{}.{} TCP_MISS/200 {} GET http://site{}.example/path/{}?q={i} - HIER_DIRECT/192.0.2.{} text/html",
            1_758_360_000 + i / 50,
            i % 1000,
            i % 900,
            i % 8,
            i % 250,
            500 + i % 9_000,
            i % 900,
            i % 77,
            i % 250,
        );
    }
    out
}

fn decode(c: &mut Criterion, id: &'static str, input: &str) {
    let format = by_id(id).unwrap();
    let head = Head {
        bytes: input.as_bytes(),
        name: "bench",
    };
    let cx = RecordContext {
        input: 0,
        format: id,
        fallback_time: 0,
        zone: None,
        input_host: None,
    };
    let block = Block {
        bytes: input.as_bytes(),
        ..Block::default()
    };
    let mut carry = Carry::default();
    format.open(&head, &mut carry);
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(input.len() as u64));
    group.sample_size(10);
    group.bench_function(id, |b| {
        b.iter(|| {
            let mut sink = Sink::new(cx);
            format.decode(&block, &carry, &mut sink);
            assert_eq!(sink.records, RECORDS as u64);
            sink.rows.rows()
        });
    });
    group.finish();
}

fn stages(c: &mut Criterion) {
    decode(c, "windows_json", &sysmon_ndjson());
    decode(c, "zeek-tsv", &zeek_dns());
    decode(c, "squid", &squid());
    let times: Vec<i64> = (0..50_000i64)
        .map(|i| i * 60_000_000 + (i * 7_919) % 9_000_000)
        .collect();
    let mut group = c.benchmark_group("beacon");
    group.throughput(Throughput::Elements(times.len() as u64));
    group.bench_function("series of 50,000", |b| b.iter(|| beacon::analyze(&times, None)));
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
