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
use crate::ingest::framing::{EvtxChunks, Framing, Piece};
use crate::ingest::raw::Raw;
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
            Sniff::Yes(CERTAIN, "EVTX file header".into())
        } else if head.bytes.starts_with(b"ElfChnk\0") {
            Sniff::Yes(CERTAIN, "EVTX chunks without file header".into())
        } else {
            Sniff::No("no EVTX magic")
        }
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codec = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        let mut reader = Reader::of_thread(codec);
        for piece in EvtxChunks::new(block.bytes) {
            let (Piece::Record(at, bytes) | Piece::Damaged(at, bytes)) = piece;
            let offset = block.offset + at as u64;
            let mut take = |item: Item<'_>| match item {
                Item::Event(raw, _) => sink.event(raw),
                Item::Reject(at, reason, record) => sink.reject(at, reason, record),
            };
            // The decoders are written not to panic. Should one do so on some hostile chunk, the chunk is lost and no more.
            let done = catch_unwind(AssertUnwindSafe(|| reader.chunk(bytes, offset, &mut take)));
            if done.is_err() {
                reader = Reader::new(codec);
                sink.reject(
                    offset,
                    "the decoder failed on this EVTX chunk; extract it with another tool",
                    bytes,
                );
            }
        }
        reader.keep();
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
    for (i, record) in chunk.iter().enumerate() {
        if is_read(i, take) {
            continue;
        }
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                take(Item::Reject(offset, reason(&e), bytes.get(512..).unwrap_or_default()));
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
