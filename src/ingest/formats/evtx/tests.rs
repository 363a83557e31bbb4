use std::path::{Path, PathBuf};

use super::*;
use crate::base::text::push_json_str;
use crate::ingest::container::{self, Body, OpenOptions};
use crate::ingest::formats::testing;

mod crafted;

/// A record or reject, whichever way it came.
#[derive(Debug, PartialEq)]
enum Got {
    Event(Box<Raw<'static>>),
    Reject(u64, String),
}

/// Everything a log gives, and how many of its events were read directly.
fn read(file: &[u8], mut chunk: impl FnMut(&[u8], u64, &mut dyn FnMut(Item<'_>))) -> (Vec<Got>, usize) {
    let mut got = Vec::new();
    let mut direct = 0;
    for piece in EvtxChunks::new(file) {
        let (Piece::Record(at, bytes) | Piece::Damaged(at, bytes)) = piece;
        chunk(bytes, at as u64, &mut |item| match item {
            Item::Event(raw, way) => {
                direct += usize::from(way == Way::Direct);
                are_placed(raw);
                got.push(Got::Event(Box::new(raw.clone().into_owned())));
            }
            Item::Reject(at, why, _) => got.push(Got::Reject(at, why)),
        });
    }
    (got, direct)
}

/// Whether the fields are found in their places by name, under their keys.
fn are_placed(raw: &Raw<'_>) {
    let Some(placed) = &raw.placed else {
        return;
    };
    for (i, field) in raw.fields.iter().enumerate() {
        assert_eq!(placed.of_name(&field.name, field.name.hash()), Some(i), "{raw:?}");
        let mut key = String::new();
        push_json_str(&mut key, &field.name);
        assert_eq!(placed.key(i), Some(&*(key + ":")), "{raw:?}");
    }
    assert_eq!(placed.key(raw.fields.len()), None);
}

/// Reads a log both ways and demands the same of them; returns the number of its items and of those read directly.
fn both(name: &str, file: &[u8]) -> (usize, usize) {
    // One reader for all logs, as in a run.
    let mut reader = Reader::of_thread(encoding_rs::WINDOWS_1252);
    let settings = Arc::clone(&reader.settings);
    let (want, _) = read(file, |bytes, at, mut take| {
        library(bytes, at, &settings, &mut take, |_, _| false)
    });
    let mut direct = 0;
    // What comes a second time is read by what was worked out the first time.
    for _ in 0..2 {
        let (got, fast) = read(file, |bytes, at, mut take| reader.chunk(bytes, at, &mut take));
        for (got, want) in got.iter().zip(&want) {
            assert!(
                got == want,
                "{name}\ndirectly: {got:?}\nby XML: {want:?}\n{}",
                xml(file)
            );
        }
        assert_eq!(got.len(), want.len(), "{name}");
        direct = fast;
    }
    reader.keep();
    (want.len(), direct)
}

/// How many records the library finds in chunks that are damaged.
fn in_damaged_chunks(file: &[u8]) -> usize {
    let mut reader = Reader::new(encoding_rs::WINDOWS_1252);
    let (got, _) = read(file, |bytes, at, mut take| {
        if reader.decoder.read(bytes, at).is_none() {
            library(bytes, at, &reader.settings, &mut take, |_, _| false);
        }
    });
    got.len()
}

/// What the library makes of a log, to be shown when a test fails.
fn xml(file: &[u8]) -> String {
    let mut out = String::new();
    for piece in EvtxChunks::new(file) {
        let (Piece::Record(_, bytes) | Piece::Damaged(_, bytes)) = piece;
        let Ok(mut data) = EvtxChunkData::new(bytes.to_vec(), false) else {
            continue;
        };
        let settings = Arc::new(ParserSettings::new().num_threads(1).indent(false));
        let Ok(mut chunk) = data.parse(settings) else {
            continue;
        };
        for record in chunk.iter() {
            match record.and_then(evtx::EvtxRecord::into_xml) {
                Ok(record) => out.push_str(&record.data),
                Err(e) => out.push_str(&format!("{e:?}")),
            }
            out.push('\n');
        }
    }
    out.truncate(20_000);
    out
}

/// Calls `visit` with every EVTX file of the collections of real logs.
fn real_files(visit: &mut dyn FnMut(&str, &[u8])) {
    let Some(shared) = testing::shared() else {
        return;
    };
    let mut paths = Vec::new();
    list(&shared, &mut paths);
    paths.retain(|p| p.to_string_lossy().to_ascii_lowercase().contains(".evtx"));
    paths.sort();
    for path in paths {
        let mut member = |member: container::Member<'_>| {
            let mut bytes = Vec::new();
            match member.body {
                Body::Bytes(shared) => bytes.extend_from_slice(&shared),
                Body::Reader(reader) => {
                    reader.read_to_end(&mut bytes)?;
                }
            }
            if bytes.starts_with(b"ElfFile\0") {
                visit(&member.name, &bytes);
            }
            Ok(())
        };
        container::open(&path, &OpenOptions::default(), &|_| (), &mut member).unwrap();
    }
}

fn list(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, out);
        } else {
            out.push(path);
        }
    }
}

/// Deterministic noise.
struct Noise(u64);

impl Noise {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % n
    }
}

#[test]
fn every_record_is_counted_and_damage_stays_in_its_chunk() {
    let Some(file) = testing::sample("evtx/files__EID4104_PowershellScriptblock.evtx") else {
        return;
    };
    let whole = testing::decode(&Evtx, &file);
    assert!(whole.records > 0 && whole.rejects.is_empty());
    // A second chunk that is noise, then the good one again: blocks may begin at a chunk.
    let chunk = file.get(4096..4096 + 65536).unwrap();
    let noise = vec![0x5A; 65536];
    let three = [chunk, &noise, chunk].concat();
    let got = testing::decode(&Evtx, &three);
    assert_eq!(got.records, 2 * whole.records + 1);
    assert_eq!(got.rejects.len(), 1);
}

#[test]
fn flipped_bytes_never_panic_and_never_lose_the_rest_silently() {
    let Some(file) = testing::sample("evtx/files__DE_104_system_log_cleared.evtx") else {
        return;
    };
    let mut noise = Noise(1);
    for _ in 0..200 {
        let mut damaged = file.clone();
        for _ in 0..8 {
            let at = 4096 + noise.below(damaged.len() - 4096);
            damaged[at] = noise.below(256) as u8;
        }
        let _ = testing::decode(&Evtx, &damaged);
    }
    for cut in [4096, 4097, 4608, 5000, 60_000] {
        let _ = testing::decode(&Evtx, &file[..cut]);
    }
}

#[test]
fn real_logs_are_read_directly_as_by_way_of_their_xml() {
    let (mut files, mut all, mut direct, mut damaged) = (0, 0, 0, 0);
    real_files(&mut |name, file| {
        let (items, fast) = both(name, file);
        files += 1;
        // Chunks that were copied while they were written anew are damaged, and none of these.
        let lost = in_damaged_chunks(file);
        damaged += lost;
        all += items - lost;
        direct += fast;
        if fast < items {
            eprintln!("{name}: {} of {items} records by way of the library", items - fast);
        }
    });
    eprintln!("{files} files, {all} records, {direct} of them read directly; {damaged} in damaged chunks");
    assert!(direct * 1000 >= all * 999, "{direct} of {all}");
}

#[test]
fn damaged_logs_are_read_directly_as_by_way_of_their_xml() {
    let rounds: usize = std::env::var("COLDTRAIL_FUZZ").map_or(3, |n| n.parse().unwrap());
    let mut noise = Noise(7);
    let mut direct = 0;
    real_files(&mut |name, file| {
        // One chunk of each file: what lies in the others is of the same kind.
        let chunks = (file.len() - 4096) / 65536;
        if chunks == 0 {
            return;
        }
        let start = 4096 + 65536 * noise.below(chunks);
        let Some(chunk) = file.get(start..start + 65536) else {
            return;
        };
        // Used bytes, so that damage hits something.
        let free = u32::from_le_bytes(chunk[48..52].try_into().unwrap()) as usize;
        for _ in 0..rounds {
            let mut damaged = chunk.to_vec();
            let until = free.clamp(600, 65536);
            for _ in 0..1 + noise.below(6) {
                let at = match noise.below(10) {
                    0 => 8 + noise.below(504),
                    // Where templates and names are.
                    1..4 => 512 + noise.below(until.min(6000) - 512),
                    _ => 512 + noise.below(until - 512),
                };
                damaged[at] = match noise.below(4) {
                    0 => damaged[at] ^ (1 << noise.below(8)),
                    1 => 0,
                    2 => damaged[at].wrapping_add(1),
                    _ => noise.below(256) as u8,
                };
            }
            if noise.below(8) == 0 {
                damaged.truncate(512 + noise.below(until - 512));
            }
            direct += both(name, &damaged).1;
        }
    });
    eprintln!("{direct} records of damaged chunks read directly");
}
