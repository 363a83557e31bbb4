//! The formats of Windows events against collections of real logs that lie beside the project.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::testing::shared;
use super::{Block, Carry, Head, sniff};
use crate::ingest::container::{self, Body, OpenOptions, SharedBytes};
use crate::ingest::framing::{BlockReader, BlockSizes, Cut};
use crate::ingest::sink::{RecordContext, Sink};

#[derive(Default, Debug)]
struct Seen {
    records: u64,
    rejects: Vec<String>,
    unknown: Vec<String>,
    formats: BTreeMap<&'static str, u64>,
}

/// Reads a file of any container, format by content, in blocks, as the ingest job does.
fn read(path: &Path) -> Seen {
    let mut seen = Seen::default();
    container::open(path, &OpenOptions::default(), &|_| {}, &mut |member| {
        let bytes = match member.body {
            Body::Bytes(bytes) => bytes,
            Body::Reader(reader) => {
                let mut buffer = Vec::new();
                reader.read_to_end(&mut buffer)?;
                SharedBytes::from(buffer)
            }
        };
        one(&member.name, bytes, &mut seen);
        Ok(())
    })
    .unwrap();
    seen
}

fn one(name: &str, bytes: SharedBytes, seen: &mut Seen) {
    let head = Head::new(bytes.get(..bytes.len().min(256 << 10)).unwrap(), name);
    let Ok((format, _, _)) = sniff(&head) else {
        seen.unknown.push(name.to_owned());
        return;
    };
    let mut carry = Carry::default();
    format.open(&head, &mut carry);
    let sizes = BlockSizes {
        target: 1 << 20,
        ..BlockSizes::default()
    };
    let mut reader = BlockReader::from_bytes(format.framing(), bytes.clone(), sizes);
    while let Some(cut) = reader.next_cut().unwrap() {
        let Cut::Block(block) = cut else { continue };
        let mut sink = Sink::new(RecordContext {
            input: 0,
            format: format.id(),
            fallback_time: 0,
            zone: None,
            input_host: None,
        });
        let block = Block {
            bytes: &block.bytes,
            offset: block.offset,
            place: block.place,
        };
        format.decode(&block, &carry, &mut sink);
        seen.records += sink.records;
        *seen.formats.entry(format.id()).or_default() += sink.records;
        seen.rejects.extend(
            sink.rejects
                .into_iter()
                .map(|r| format!("{name} {}: {}", r.offset, r.reason)),
        );
    }
}

#[test]
fn every_record_of_the_real_logs_is_counted_once() {
    let Some(data) = shared() else { return };
    let cases = std::fs::read_to_string(data.join("cases/cases.jsonl")).unwrap();
    let mut bad = Vec::new();
    for line in cases.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let format = case["format"].as_str().unwrap();
        if format.starts_with("zeek") {
            continue;
        }
        let id = case["case"].as_str().unwrap();
        let mut seen = Seen::default();
        for file in case["files"].as_array().unwrap() {
            let got = read(&data.join("cases").join(id).join(file.as_str().unwrap()));
            seen.records += got.records;
            seen.rejects.extend(got.rejects);
            seen.unknown.extend(got.unknown);
            seen.formats.extend(got.formats);
        }
        let want = case["events"].as_u64().unwrap();
        if seen.records != want || !seen.rejects.is_empty() || !seen.unknown.is_empty() {
            seen.rejects.truncate(5);
            seen.unknown.truncate(5);
            bad.push(format!("{id}: {want} wanted, {seen:?}"));
        }
    }
    eprintln!("{}", bad.join("\n"));
}
