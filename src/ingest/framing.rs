//! Cutting bytes into records, and streams into blocks that end where a record ends, so that blocks can be decoded on
//! different threads. Memory is bounded by the block size and by the largest record that is accepted.
//!
//! Cutting never changes what is found: the records of all blocks, one after the other, are the records of the whole.

mod blocks;
mod csv;
mod evtx;
mod json;
mod lines;
mod rendered;
mod xml;

pub use blocks::{Block, BlockReader, BlockSizes, Cut};
pub use csv::CsvRecords;
pub use evtx::{EvtxChunks, evtx_chunk_count, evtx_slots, evtx_slots_before};
pub use json::{JsonObjects, JsonPlace};
pub use lines::Lines;
pub use rendered::RenderedEvents;
pub use xml::{XmlEvents, strip_tree_dashes};

/// How a format separates its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One record per line, cut at LF bytes.
    Lines,
    /// JSON objects: one per line, in an array, concatenated, or in a wrapper object.
    Json,
    /// `<Event>` elements.
    Xml,
    /// Lines of which a date and `LogName=` begin an event.
    Rendered,
    /// Lines with quoted fields that may hold line breaks.
    Csv,
    /// Chunks of 64 KiB behind a file header of 4096 bytes.
    Evtx,
}

/// A part of a block; offsets count from the start of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A complete record.
    Record(usize, &'a [u8]),
    /// Bytes that are no complete record: a cut or broken one, or something else between records.
    Damaged(usize, &'a [u8]),
}

impl<'a> Piece<'a> {
    /// The complete record, if it is one.
    pub fn record(self) -> Option<&'a [u8]> {
        match self {
            Self::Record(_, bytes) => Some(bytes),
            Self::Damaged(..) => None,
        }
    }
}

/// The number of bytes up to the end of the last complete record, 0 if there is none; everything at the end of the input.
/// The block must begin at the start of a record. JSON is taken from its top level, see [`BlockReader`] for the rest.
pub fn last_boundary(framing: Framing, block: &[u8], at_eof: bool) -> usize {
    boundary(framing, block, JsonPlace::default(), at_eof).0
}

/// The boundary, and the place in a JSON document behind it.
fn boundary(framing: Framing, block: &[u8], place: JsonPlace, at_eof: bool) -> (usize, JsonPlace) {
    if at_eof {
        return (block.len(), place);
    }
    match framing {
        Framing::Lines => (lines::boundary(block), place),
        Framing::Json => json::boundary(block, place),
        Framing::Xml => (xml::boundary(block), place),
        Framing::Rendered => (rendered::boundary(block), place),
        Framing::Csv => (csv::boundary(block), place),
        Framing::Evtx => (evtx::boundary(block), place),
    }
}

/// Where reading can go on behind a record that is given up; `None` if not in this window. In the first window the record's
/// own start does not count.
fn resync(framing: Framing, window: &[u8], is_first: bool) -> Option<usize> {
    let own_start = match framing {
        _ if !is_first => None,
        Framing::Json => memchr::memchr(b'{', window),
        Framing::Xml => xml::find_start(window, 0),
        Framing::Lines | Framing::Rendered | Framing::Csv | Framing::Evtx => None,
    };
    let from = own_start.map_or(0, |at| at + 1);
    let rest = window.get(from..)?;
    match framing {
        Framing::Lines | Framing::Csv | Framing::Evtx => memchr::memchr(b'\n', rest).map(|at| from + at + 1),
        Framing::Json => memchr::memmem::find(rest, b"\n{").map(|at| from + at + 1),
        Framing::Xml => xml::find_start(window, from),
        Framing::Rendered => rendered::resync(window, is_first),
    }
}

#[cfg(test)]
mod tests;
