//! EVTX: the binary log of Windows. Chunks of 64 KiB stand alone, so a damaged one costs only its own records.
//!
//! Records are read straight from their binary XML ([`crate::ingest::binxml`]). Those that it does not understand, and damaged chunks,
//! go the long way: the `evtx` crate renders the XML that Windows itself would show, and the reader of XML takes it. One
//! event has the same fields either way, and in a file of XML.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use evtx::{EvtxChunkData, ParserSettings};

use super::{Block, CERTAIN, Carry, Format, Head, Sniff};
use crate::base::time::{TimeQuality, Ts};
use crate::ingest::binxml::Decoder;
use crate::ingest::event::xml;
use crate::ingest::framing::{EvtxChunks, Framing, Piece, evtx_chunk_count, evtx_slots, evtx_slots_before};
use crate::ingest::raw::Raw;
use crate::ingest::sink::Sink;

/// The format.
pub struct Evtx;

/// Longest XML of one record. A record has at most 64 KiB; only a hostile template expands to more.
const MAX_XML: usize = 16 << 20;

/// Length of a chunk.
const CHUNK: usize = 64 << 10;

/// Length of the header of a chunk, in front of its records.
const CHUNK_HEADER: usize = 512;

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
            Sniff::Yes(CERTAIN, "EVTX file header".into())
        } else if head.bytes.starts_with(b"ElfChnk\0") {
            Sniff::Yes(CERTAIN, "EVTX chunks without file header".into())
        } else {
            Sniff::No("no EVTX magic")
        }
    }

    fn open(&self, head: &Head<'_>, carry: &mut Carry) {
        // The number of chunks is all that decoding wants of it.
        let len = head.bytes.len().min(64);
        carry.header = Arc::from(head.bytes.get(..len).unwrap_or_default());
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codec = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        let mut reader = Reader::of_thread(codec);
        let count = evtx_chunk_count(&carry.header);
        let mut next = evtx_slots_before(block.offset);
        for piece in EvtxChunks::new(block.bytes) {
            let (Piece::Record(at, bytes) | Piece::Damaged(at, bytes)) = piece;
            let offset = block.offset + at as u64;
            wiped(next, evtx_slots_before(offset).min(count), block, sink);
            next = evtx_slots_before(offset + bytes.len() as u64);
            let mut is_whole = piece.record().is_some();
            let mut take = |item: Item<'_>| match item {
                Item::Event(raw, _) => sink.event(raw),
                Item::Reject(at, reason, record) => {
                    is_whole &= record.len() < bytes.len();
                    sink.reject(at, reason, record);
                }
            };
            // The decoders are written not to panic. Should one do so on some hostile chunk, the chunk is lost and no more.
            let done = catch_unwind(AssertUnwindSafe(|| reader.chunk(bytes, offset, &mut take)));
            if done.is_err() {
                reader = Reader::new(codec);
                is_whole = false;
                sink.reject(
                    offset,
                    "the decoder failed on this EVTX chunk; extract it with another tool",
                    bytes,
                );
            }
            sink.lost += u64::from(!is_whole);
        }
        reader.keep();
        let end = block.offset + block.bytes.len() as u64;
        wiped(next, evtx_slots_before(end).min(count), block, sink);
    }

    fn close(&self, end: u64, carry: &Carry, sink: &mut Sink<'_>) {
        let count = evtx_chunk_count(&carry.header);
        for offset in evtx_slots(evtx_slots_before(end), count) {
            let reason = format!("the file ends in front of this chunk; its header counts {count}: it was cut off");
            sink.lost += 1;
            sink.reject(offset, reason, b"");
        }
    }
}

/// Rejects slots of zeros among those that the file's header counts as chunks; behind them a file is allocated ahead.
fn wiped(from: u64, to: u64, block: &Block<'_>, sink: &mut Sink<'_>) {
    for offset in evtx_slots(from, to) {
        let at = offset.saturating_sub(block.offset) as usize;
        let rest = block.bytes.get(at..).unwrap_or_default();
        let slot = rest.get(..CHUNK).unwrap_or(rest);
        sink.lost += 1;
        sink.reject(
            offset,
            "zeros where the file's header counts a chunk: it was wiped or never copied",
            slot,
        );
    }
}

/// What a chunk gives.
enum Item<'i> {
    /// An event, and which way it came.
    Event(
        &'i Raw<'i>,
        #[cfg_attr(not(test), allow(dead_code, reason = "only tests ask"))] Way,
    ),
    /// A record or chunk that cannot be read: offset in the input, why, its bytes.
    Reject(u64, String, &'i [u8]),
}

/// How a record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Straight from its binary XML.
    Direct,
    /// By way of its XML.
    Library,
}

/// Reads chunks, one after the other.
struct Reader {
    codec: &'static encoding_rs::Encoding,
    decoder: Decoder,
    settings: Arc<ParserSettings>,
}

thread_local! {
    /// The reader of the last block: it knows the templates of Windows, which are the same in most logs.
    static KEPT: Cell<Option<Reader>> = const { Cell::new(None) };
}

impl Reader {
    /// The one that this thread kept, or a new one.
    fn of_thread(codec: &'static encoding_rs::Encoding) -> Self {
        let kept = KEPT.take().filter(|reader| reader.codec == codec);
        kept.unwrap_or_else(|| Self::new(codec))
    }

    /// Keeps it for the thread's next block, unless its buffers became large.
    fn keep(self) {
        if !self.decoder.is_large() {
            KEPT.set(Some(self));
        }
    }

    fn new(codec: &'static encoding_rs::Encoding) -> Self {
        Self {
            codec,
            decoder: Decoder::new(codec),
            settings: Arc::new(ParserSettings::new().num_threads(1).ansi_codec(codec).indent(false)),
        }
    }

    fn chunk(&mut self, bytes: &[u8], offset: u64, take: &mut impl FnMut(Item<'_>)) {
        let Some(mut events) = self.decoder.read(bytes, offset) else {
            return library(bytes, offset, &self.settings, take, |_, _| false);
        };
        let all = events.len();
        let mut direct = |i: usize, take: &mut _| give(events.event(i), take);
        let Some(first) = (0..all).find(|i| !direct(*i, take)) else {
            return;
        };
        // The library goes through the chunk from its beginning; what has been read is passed over.
        library(bytes, offset, &self.settings, take, |i, take| {
            i < first || (i > first && direct(i, take))
        });
    }
}

fn give(event: Option<&Raw<'_>>, take: &mut impl FnMut(Item<'_>)) -> bool {
    let Some(raw) = event else {
        return false;
    };
    take(Item::Event(raw, Way::Direct));
    true
}

/// Reads a chunk by way of XML. `is_read` says of the record with a number (from 0) whether it has been taken already.
fn library<T: FnMut(Item<'_>)>(
    bytes: &[u8],
    offset: u64,
    settings: &Arc<ParserSettings>,
    take: &mut T,
    mut is_read: impl FnMut(usize, &mut T) -> bool,
) {
    let mut data = match EvtxChunkData::new(bytes.to_vec(), false) {
        Ok(data) => data,
        Err(e) => {
            let why = format!("not a readable EVTX chunk ({e}); its records are lost");
            return take(Item::Reject(offset, why, bytes));
        }
    };
    let mut chunk = match data.parse(Arc::clone(settings)) {
        Ok(chunk) => chunk,
        Err(e) => {
            let why = format!("damaged EVTX chunk ({e}); its records are lost");
            return take(Item::Reject(offset, why, bytes));
        }
    };
    // Behind a record whose header cannot be read there is no next one.
    let mut end = CHUNK_HEADER;
    for (i, record) in chunk.iter().enumerate() {
        let start = record.as_ref().map(|r| r.binxml_offset.saturating_sub(RECORD_HEADER));
        let start = start.map_or(end, |s| usize::try_from(s).unwrap_or(usize::MAX));
        let from = bytes.get(start..).unwrap_or_default();
        let from = from.get(..record_len(from)).unwrap_or(from);
        end = start.saturating_add(from.len());
        if is_read(i, take) {
            continue;
        }
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                let rest = bytes.get(start..).unwrap_or_default();
                take(Item::Reject(offset, reason(&e), rest));
                continue;
            }
        };
        let at = offset + start as u64;
        let time: Ts = record.timestamp.as_microsecond();
        let id = record.event_record_id;
        match record.into_xml() {
            Ok(r) if r.data.len() > MAX_XML => {
                let why = "EVTX record expands to more than 16 MiB";
                take(Item::Reject(at, why.to_owned(), from));
            }
            Ok(r) => match xml::parse(&r.data, at) {
                Ok(mut raw) => {
                    // Events without a System element of their own still have the record's header.
                    raw.record_id = raw.record_id.or(Some(id));
                    if raw.time.is_none() {
                        raw.time = Some(time);
                        raw.quality = TimeQuality::Utc;
                    }
                    take(Item::Event(&raw, Way::Library));
                }
                Err(why) => take(Item::Reject(at, why.to_owned(), from)),
            },
            Err(e) => take(Item::Reject(at, reason(&e), from)),
        }
    }
}

/// The length that the header of a record says.
fn record_len(record: &[u8]) -> usize {
    let len = record.get(4..8).and_then(|b| b.try_into().ok());
    len.map_or(usize::MAX, |b| u32::from_le_bytes(b) as usize)
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
mod tests;
