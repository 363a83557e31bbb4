//! Throughput of the stages: decoding (syntax and meaning into column builders) per format, the lake's write path
//! (builders to committed files), and the beacon statistic.
//!
//! `cargo bench`. Inputs are made here, with repeating hosts, users and command lines as real logs have them; EVTX comes
//! from the files in the folder `COLDTRAIL_EVTX` or of the collection beside the project, and is left out without them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::sync::Arc;

#[path = "stages/lake.rs"]
mod lake;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use coldtrail::ingest::binxml;
use coldtrail::ingest::event::xml;
use coldtrail::ingest::formats::{Block, Carry, Head, by_id};
use coldtrail::ingest::sink::{RecordContext, Sink};
use coldtrail::lake::batch::from_builder;
use coldtrail::rules::beacon;
use coldtrail::rules::sigma::hunt::hunt_batches;
use coldtrail::rules::sigma::load::Selection;

const RECORDS: usize = 20_000;
const CHUNK: usize = 64 << 10;
const EVTX_BYTES: usize = 32 << 20;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

/// Full chunks of real files, again and again.
fn evtx() -> Vec<u8> {
    let folder = std::env::var("COLDTRAIL_EVTX").unwrap_or_else(|_| "../shared/data/formats/evtx".into());
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "evtx"))
        .collect();
    paths.sort();
    let mut chunks = Vec::new();
    for path in paths {
        let file = std::fs::read(path).unwrap();
        for chunk in file.get(4096..).unwrap_or_default().chunks_exact(CHUNK) {
            let used = u32::from_le_bytes(chunk.get(48..52).unwrap().try_into().unwrap());
            if chunk.starts_with(b"ElfChnk\0") && (50_000..65_536).contains(&used) {
                chunks.extend_from_slice(chunk);
            }
        }
    }
    if chunks.is_empty() {
        return chunks;
    }
    chunks.repeat((EVTX_BYTES / chunks.len()).max(1))
}

/// Ways to read EVTX: the crate's own JSON, our former way by XML, the direct one.
fn evtx_ways(c: &mut Criterion) {
    let input = evtx();
    if input.is_empty() {
        return;
    }
    let settings = Arc::new(evtx::ParserSettings::new().num_threads(1).indent(false));
    let mut group = c.benchmark_group("evtx");
    group.throughput(Throughput::Bytes(input.len() as u64));
    group.sample_size(10);
    let by_crate = |use_record: &mut dyn FnMut(evtx::EvtxRecord<'_>)| {
        for chunk in input.chunks_exact(CHUNK) {
            let mut data = evtx::EvtxChunkData::new(chunk.to_vec(), false).unwrap();
            let mut chunk = data.parse(Arc::clone(&settings)).unwrap();
            for record in chunk.iter().flatten() {
                use_record(record);
            }
        }
    };
    group.bench_function("JSON of the crate", |b| {
        b.iter(|| {
            let mut bytes = 0;
            by_crate(&mut |r| bytes += r.into_json().map_or(0, |r| r.data.len()));
            bytes
        });
    });
    group.bench_function("events by way of XML", |b| {
        b.iter(|| {
            let mut fields = 0;
            by_crate(&mut |r| {
                let xml = r.into_xml().map(|r| r.data).unwrap_or_default();
                fields += xml::parse(&xml, 0).map_or(0, |r| r.fields.len());
            });
            fields
        });
    });
    group.bench_function("events directly", |b| {
        b.iter(|| {
            let mut decoder = binxml::Decoder::new(encoding_rs::WINDOWS_1252);
            let mut fields = 0;
            for chunk in input.chunks_exact(CHUNK) {
                let Some(mut events) = decoder.read(chunk, 0) else {
                    continue;
                };
                for i in 0..events.len() {
                    fields += events.event(i).map_or(0, |raw| raw.fields.len());
                }
            }
            fields
        });
    });
    group.finish();
    decode(c, "evtx", &input, None);
}

fn decode(c: &mut Criterion, id: &'static str, input: &[u8], records: Option<usize>) {
    let format = by_id(id).unwrap();
    let head = Head::new(input, "bench");
    let cx = RecordContext {
        input: 0,
        format: id,
        fallback_time: 0,
        zone: None,
        input_host: None,
    };
    let block = Block {
        bytes: input,
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
            assert!(records.is_none_or(|n| sink.records == n as u64));
            sink.rows.rows()
        });
    });
    group.finish();
}

/// All rules of SigmaHQ where the shared data is, else a handful; over rows whose values repeat as in real logs.
fn sigma(c: &mut Criterion) {
    let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sigma/rules.tar.xz");
    let own = std::env::temp_dir().join("coldtrail-bench-rules.yml");
    let paths = match shared.exists() {
        true => vec![shared],
        false => {
            let rule = |i: usize| {
                format!(
                    "title: r{i}\nid: r{i}\nlogsource: {{category: process_creation, product: windows}}\ndetection: {{s: {{CommandLine|contains: 'word{i}'}}, condition: s}}\n---\n"
                )
            };
            std::fs::write(&own, (0..500).map(rule).collect::<String>()).unwrap();
            vec![own]
        }
    };
    let load = || coldtrail::rules::sigma::load::load(&paths, &[], &Selection::default()).unwrap();
    let set = load();
    let input = sysmon_ndjson();
    let format = by_id("windows_json").unwrap();
    let cx = RecordContext {
        input: 0,
        format: "windows_json",
        fallback_time: 0,
        zone: None,
        input_host: None,
    };
    let mut sink = Sink::new(cx);
    let block = Block {
        bytes: input.as_bytes(),
        ..Block::default()
    };
    let mut carry = Carry::default();
    let head = Head::new(input.as_bytes(), "bench");
    format.open(&head, &mut carry);
    format.decode(&block, &carry, &mut sink);
    let batches: Vec<_> = sink
        .rows
        .into_builders()
        .map(|b| (b.table(), from_builder(b).unwrap()))
        .collect();
    // Ten batches with one dictionary, as the row groups of a file have.
    let many: Vec<_> = std::iter::repeat_n(&batches, 10).flatten().cloned().collect();
    let mut group = c.benchmark_group("sigma");
    group.sample_size(10);
    group.throughput(Throughput::Elements(10 * RECORDS as u64));
    group.bench_function(format!("{} rules over rows", set.loaded), |b| {
        b.iter(|| hunt_batches(&set.program, &many, false).matches.len());
    });
    group.throughput(Throughput::Elements(set.loaded));
    group.bench_function("load and compile", |b| b.iter(|| load().loaded));
    group.finish();
}

/// What one host calls in a week: every tenth destination at the intervals of a sleeping program, the others at random;
/// 20 to 1,000 connections each.
fn destinations() -> Vec<Vec<i64>> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..2_000)
        .map(|n| {
            let (connections, mut time) = (20.0 * 50.0_f64.powf(uniform()), 0_i64);
            let every = 604_800e6 / connections;
            (0..connections as usize)
                .map(|_| {
                    let pause = if n % 10 == 0 {
                        0.9 + 0.2 * uniform()
                    } else {
                        -(1.0 - uniform()).ln()
                    };
                    time += (every * pause) as i64;
                    time
                })
                .collect()
        })
        .collect()
}

fn stages(c: &mut Criterion) {
    decode(c, "windows_json", sysmon_ndjson().as_bytes(), Some(RECORDS));
    decode(c, "zeek-tsv", zeek_dns().as_bytes(), Some(RECORDS));
    decode(c, "squid", squid().as_bytes(), Some(RECORDS));
    evtx_ways(c);
    let times: Vec<i64> = (0..50_000i64)
        .map(|i| i * 60_000_000 + (i * 7_919) % 9_000_000)
        .collect();
    let mut group = c.benchmark_group("beacon");
    group.throughput(Throughput::Elements(times.len() as u64));
    group.bench_function("series of 50,000", |b| b.iter(|| beacon::analyze(&times, None)));
    let series = destinations();
    group.throughput(Throughput::Elements(series.iter().map(|s| s.len() as u64).sum()));
    group.bench_function("2,000 destinations of a host, each as a whole", |b| {
        let mut kernel = beacon::Kernel::default();
        b.iter(|| {
            series
                .iter()
                .filter_map(|times| kernel.analyze(times, None))
                .filter(beacon::Beacon::fires)
                .count()
        });
    });
    group.bench_function("2,000 destinations of a host, all horizons", |b| {
        let mut kernel = beacon::Kernel::default();
        b.iter(|| {
            series
                .iter()
                .filter(|s| kernel.best_horizon(s, None).is_some_and(|b| b.fires()))
                .count()
        });
    });
    group.finish();
}

criterion_group!(benches, stages, sigma, lake::lake);
criterion_main!(benches);
