//! Truncations and bit flips of real raw formats: no panic, no hang, every record accounted for.

use std::fs;
use std::path::{Path, PathBuf};

use coldtrail::ingest::formats::{Block, Carry, FORMATS, Head, sniff};
use coldtrail::ingest::framing::{BlockReader, BlockSizes, Cut};
use coldtrail::ingest::sink::{RecordContext, Sink};
use rayon::prelude::*;

use crate::support::{root, shared};

/// Largest part of a sample that is damaged: enough for many records of each kind.
const PART: usize = 96 * 1024;
/// Damages per sample file; `COLDTRAIL_DAMAGES=1000` for a long run.
fn damages() -> u64 {
    std::env::var("COLDTRAIL_DAMAGES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(24)
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut entries: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => files(&path, out),
            false => out.push(path),
        }
    }
}

fn plain(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let mut out = Vec::new();
    let mut gz = flate2::read::MultiGzDecoder::new(&bytes[..]);
    match std::io::Read::read_to_end(&mut gz, &mut out) {
        Ok(_) => out,
        Err(_) => bytes,
    }
}

/// A small generator of its own, so that a failure names its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

fn decode(bytes: &[u8], name: &str) {
    let head = Head::new(bytes, name);
    let Ok((format, _, _)) = sniff(&head) else { return };
    let cx = RecordContext {
        input: 0,
        format: format.id(),
        fallback_time: 0,
        zone: None,
        input_host: None,
    };
    let mut carry = Carry::default();
    format.open(&head, &mut carry);
    let sizes = BlockSizes {
        target: 70 * 1024,
        ..BlockSizes::default()
    };
    let mut blocks = BlockReader::from_bytes(format.framing(), bytes.to_vec().into(), sizes);
    while let Some(cut) = blocks.next_cut().unwrap() {
        let Cut::Block(b) = cut else { continue };
        let view = Block {
            bytes: &b.bytes,
            offset: b.offset,
            place: b.place,
        };
        let before = carry.clone();
        format.carry(&view, &mut carry);
        let mut sink = Sink::new(cx);
        format.decode(&view, &before, &mut sink);
        assert_eq!(
            sink.records,
            (sink.rows.rows() + sink.rejects.len()) as u64,
            "{name} as {}",
            format.id()
        );
    }
}

fn damage(path: &Path) {
    let mut whole = plain(path);
    let name = path.display().to_string();
    let part = if whole.starts_with(b"ElfFile\0") {
        PART.max(4096 + 65536)
    } else {
        PART
    };
    whole.truncate(part);
    if whole.is_empty() {
        return;
    }
    for seed in 0..damages() {
        let mut random = Random(seed.wrapping_mul(977).wrapping_add(whole.len() as u64));
        let mut bytes = whole.clone();
        if seed % 3 == 0 {
            bytes.truncate(random.next() as usize % bytes.len());
        }
        for _ in 0..(seed % 3) * 8 {
            if bytes.is_empty() {
                break;
            }
            let at = random.next() as usize % bytes.len();
            bytes[at] ^= 1 << (random.next() % 8);
        }
        decode(&bytes, &name);
    }
}

#[test]
fn damaged_inputs_never_panic_and_every_record_is_counted() {
    let mut all = Vec::new();
    files(&root().join("sample_data"), &mut all);
    if let Some(shared) = shared() {
        files(&shared.join("formats"), &mut all);
    }
    assert!(all.len() > 20);
    all.par_iter().for_each(|p| damage(p));
}

#[test]
fn any_bytes_forced_on_any_format_are_records_or_rejects() {
    for format in FORMATS {
        for text in [
            "",
            "\n\n",
            "{",
            "{}",
            "[",
            "<Event",
            "<Event></Event>",
            "a,b,c\n\"",
            "#Fields: a\n1\n",
            "\u{feff}x",
            "\0\0\0",
        ] {
            let cx = RecordContext {
                input: 0,
                format: format.id(),
                fallback_time: 0,
                zone: None,
                input_host: None,
            };
            let block = Block {
                bytes: text.as_bytes(),
                ..Block::default()
            };
            let mut sink = Sink::new(cx);
            format.decode(&block, &Carry::default(), &mut sink);
            assert_eq!(
                sink.records,
                (sink.rows.rows() + sink.rejects.len()) as u64,
                "{} on {text:?}",
                format.id()
            );
        }
    }
}
