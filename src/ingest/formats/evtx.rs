//! EVTX: the binary log of Windows. Chunks of 64 KiB stand alone, so a damaged one costs only its own records.
//!
//! Records are rendered as the XML that Windows itself would show and read by the reader of XML, so that one event has
//! the same fields in either form.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use evtx::{EvtxChunkData, ParserSettings};

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::time::{TimeQuality, Ts};
use crate::ingest::event::xml;
use crate::ingest::framing::{EvtxChunks, Framing, Piece};
use crate::ingest::sink::Sink;

/// The format.
pub struct Evtx;

/// Longest XML of one record. A record has at most 64 KiB; only a hostile template expands to more.
const MAX_XML: usize = 16 << 20;

/// Length of the header in front of a record's binary XML.
const RECORD_HEADER: u64 = 24;

impl Format for Evtx {
    fn id(&self) -> &'static str {
        "evtx"
    }

    fn about(&self) -> &'static str {
        "Windows event log files (.evtx), also of live systems and damaged"
    }

    fn framing(&self) -> Framing {
        Framing::Evtx
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        if head.bytes.starts_with(b"ElfFile\0") {
            Sniff::Yes(100, "EVTX file header".into())
        } else if head.bytes.starts_with(b"ElfChnk\0") {
            Sniff::Yes(100, "EVTX chunks without file header".into())
        } else {
            Sniff::No("no EVTX magic")
        }
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codec = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        let settings = Arc::new(ParserSettings::new().num_threads(1).ansi_codec(codec).indent(false));
        for piece in EvtxChunks::new(block.bytes) {
            let (Piece::Record(at, bytes) | Piece::Damaged(at, bytes)) = piece;
            let offset = block.offset + at as u64;
            // The decoder is written not to panic. Should it do so on some hostile chunk, the chunk is lost and no more.
            let done = catch_unwind(AssertUnwindSafe(|| chunk(bytes, offset, &settings, sink)));
            if done.is_err() {
                sink.reject(
                    offset,
                    "the decoder failed on this EVTX chunk; extract it with another tool",
                    bytes,
                );
            }
        }
    }
}

fn chunk(bytes: &[u8], offset: u64, settings: &Arc<ParserSettings>, sink: &mut Sink<'_>) {
    let mut data = match EvtxChunkData::new(bytes.to_vec(), false) {
        Ok(data) => data,
        Err(e) => {
            return sink.reject(
                offset,
                format!("not a readable EVTX chunk ({e}); its records are lost"),
                bytes,
            );
        }
    };
    let mut chunk = match data.parse(Arc::clone(settings)) {
        Ok(chunk) => chunk,
        Err(e) => {
            return sink.reject(offset, format!("damaged EVTX chunk ({e}); its records are lost"), bytes);
        }
    };
    for record in chunk.iter() {
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                sink.reject(offset, reason(&e), bytes.get(512..).unwrap_or_default());
                continue;
            }
        };
        let start = record.binxml_offset.saturating_sub(RECORD_HEADER);
        let at = offset + start;
        let from = bytes
            .get(usize::try_from(start).unwrap_or(usize::MAX)..)
            .unwrap_or_default();
        let time: Ts = record.timestamp.as_microsecond();
        let id = record.event_record_id;
        match record.into_xml() {
            Ok(r) if r.data.len() > MAX_XML => sink.reject(at, "EVTX record expands to more than 16 MiB", from),
            Ok(r) => match xml::parse(&r.data, at) {
                Ok(mut raw) => {
                    // Events without a System element of their own still have the record's header.
                    raw.record_id = raw.record_id.or(Some(id));
                    if raw.time.is_none() {
                        raw.time = Some(time);
                        raw.quality = TimeQuality::Utc;
                    }
                    sink.event(&raw);
                }
                Err(why) => sink.reject(at, why, from),
            },
            Err(e) => sink.reject(at, reason(&e), from),
        }
    }
}

/// The error with its causes, which name the place inside the record.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = format!("damaged EVTX record: {error}");
    let mut cause = error.source();
    while let Some(e) = cause.filter(|_| text.len() < 300) {
        text.push_str(": ");
        text.push_str(&e.to_string());
        cause = e.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::formats::testing;

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
        let mut state = 1_u64;
        for _ in 0..200 {
            let mut damaged = file.clone();
            for _ in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = 4096 + (state >> 33) as usize % (damaged.len() - 4096);
                damaged[at] = (state >> 20) as u8;
            }
            let _ = testing::decode(&Evtx, &damaged);
        }
        for cut in [4096, 4097, 4608, 5000, 60_000] {
            let _ = testing::decode(&Evtx, &file[..cut]);
        }
    }
}
