//! Blocks of records from a stream or from bytes in memory.

use std::io::{self, Read};

use super::{Framing, JsonPlace, boundary, resync};
use crate::ingest::container::SharedBytes;

/// Bytes kept of a record that is given up.
const HEAD: usize = 256;

/// Smallest block that makes progress with every framing: an EVTX header and one chunk.
const SMALLEST: usize = (64 << 10) + 4096;

/// Whole records, ready for a thread.
#[derive(Debug, Clone)]
pub struct Block {
    /// Position of the first byte in the (decompressed) input.
    pub offset: u64,
    /// The records.
    pub bytes: SharedBytes,
    /// For JSON, where the block begins.
    pub place: JsonPlace,
}

/// What the reader cut off.
#[derive(Debug, Clone)]
pub enum Cut {
    /// Records.
    Block(Block),
    /// A record that is larger than allowed and was passed over.
    Oversized {
        /// Its position.
        offset: u64,
        /// Its length in bytes, as far as it was passed over.
        len: u64,
        /// Its first bytes.
        head: Vec<u8>,
    },
}

/// How large blocks are, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSizes {
    /// Size aimed at; a block is larger only if a record is.
    pub target: usize,
    /// Largest record accepted; it bounds the memory.
    pub max_record: usize,
}

impl Default for BlockSizes {
    fn default() -> Self {
        Self {
            target: 4 << 20,
            max_record: 64 << 20,
        }
    }
}

/// Cuts an input into blocks.
pub struct BlockReader<'r> {
    framing: Framing,
    sizes: BlockSizes,
    feed: Feed<'r>,
    offset: u64,
    place: JsonPlace,
}

impl<'r> BlockReader<'r> {
    /// Reads a stream; each block gets its own buffer.
    pub fn from_reader(framing: Framing, reader: &'r mut dyn Read, sizes: BlockSizes) -> Self {
        Self::new(
            framing,
            Feed::Stream {
                reader,
                buffer: Vec::new(),
                ended: false,
            },
            sizes,
        )
    }

    /// Cuts bytes that are at hand; blocks are parts of them, nothing is copied.
    pub fn from_bytes(framing: Framing, bytes: SharedBytes, sizes: BlockSizes) -> Self {
        Self::new(framing, Feed::Bytes { bytes, at: 0 }, sizes)
    }

    fn new(framing: Framing, feed: Feed<'r>, sizes: BlockSizes) -> Self {
        let smallest = if framing == Framing::Evtx { SMALLEST } else { 1 };
        let target = sizes.target.max(smallest);
        let sizes = BlockSizes {
            target,
            max_record: sizes.max_record.max(target),
        };
        Self {
            framing,
            sizes,
            feed,
            offset: 0,
            place: JsonPlace::default(),
        }
    }

    /// The next block, `None` at the end.
    ///
    /// # Errors
    /// Fails if the stream does.
    pub fn next_cut(&mut self) -> io::Result<Option<Cut>> {
        let mut size = self.sizes.target;
        loop {
            let (window, at_eof) = self.feed.window(size)?;
            if window.is_empty() {
                return Ok(None);
            }
            let (len, place) = boundary(self.framing, window, self.place, at_eof);
            if len > 0 {
                let block = Block {
                    offset: self.offset,
                    bytes: self.feed.take(len),
                    place: self.place,
                };
                self.offset += len as u64;
                self.place = place;
                return Ok(Some(Cut::Block(block)));
            }
            if size >= self.sizes.max_record {
                return self.oversized(size).map(Some);
            }
            size = size.saturating_mul(2).min(self.sizes.max_record);
        }
    }

    fn oversized(&mut self, size: usize) -> io::Result<Cut> {
        let start = self.offset;
        let (window, _) = self.feed.window(size)?;
        let head = window.get(..HEAD).unwrap_or(window).to_vec();
        let mut size = size;
        loop {
            let (window, at_eof) = self.feed.window(size)?;
            let found = resync(self.framing, window, self.offset == start);
            // The mark may lie across the edge of the window, so its last bytes stay.
            let skipped = found.unwrap_or(if at_eof {
                window.len()
            } else {
                window.len().saturating_sub(8).max(1)
            });
            self.feed.skip(skipped);
            self.offset += skipped as u64;
            if found.is_some() || at_eof {
                break;
            }
            size = self.sizes.target.max(64);
        }
        self.place = JsonPlace::Top;
        Ok(Cut::Oversized {
            offset: start,
            len: self.offset - start,
            head,
        })
    }
}

enum Feed<'r> {
    Bytes {
        bytes: SharedBytes,
        at: usize,
    },
    Stream {
        reader: &'r mut dyn Read,
        buffer: Vec<u8>,
        ended: bool,
    },
}

impl Feed<'_> {
    /// The next bytes, as many as asked for or all that are left, and whether these are the last.
    fn window(&mut self, size: usize) -> io::Result<(&[u8], bool)> {
        match self {
            Self::Bytes { bytes, at } => {
                let rest = bytes.get(*at..).unwrap_or_default();
                let window = rest.get(..size).unwrap_or(rest);
                Ok((window, window.len() == rest.len()))
            }
            Self::Stream { reader, buffer, ended } => {
                // One byte more than asked for tells whether the window is the last.
                let missing = (size + 1).saturating_sub(buffer.len());
                if missing > 0 && !*ended {
                    buffer.reserve(missing);
                    let read = reader.take(missing as u64).read_to_end(buffer)?;
                    *ended = read < missing;
                }
                let window = buffer.get(..size).unwrap_or(buffer);
                Ok((window, *ended && window.len() == buffer.len()))
            }
        }
    }

    fn take(&mut self, len: usize) -> SharedBytes {
        match self {
            Self::Bytes { bytes, at } => {
                let start = *at;
                *at += len;
                bytes.slice(start..start + len)
            }
            Self::Stream { buffer, .. } => {
                let rest = buffer.split_off(len.min(buffer.len()));
                SharedBytes::from(std::mem::replace(buffer, rest))
            }
        }
    }

    fn skip(&mut self, len: usize) {
        match self {
            Self::Bytes { at, .. } => *at += len,
            Self::Stream { buffer, .. } => drop(buffer.drain(..len.min(buffer.len()))),
        }
    }
}
