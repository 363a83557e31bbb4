//! Blocks of records from a stream or from bytes in memory.

use std::io::{self, Read};
use std::sync::Arc;

use super::{Framing, JsonPlace, boundary, resync};
use crate::ingest::container::{BufferPool, SharedBytes};

/// Bytes kept of a record that is given up.
const HEAD: usize = 256;

/// Smallest block that makes progress with every framing: an EVTX header and one chunk.
const SMALLEST: usize = (64 << 10) + 4096;

/// Bytes of the first read of an input whose size is not known.
const FIRST_READ: usize = 64 << 10;

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
    /// Reads a stream; each block gets a buffer of the pool.
    pub fn from_reader(framing: Framing, reader: &'r mut dyn Read, sizes: BlockSizes, pool: &Arc<BufferPool>) -> Self {
        let feed = Feed::Stream {
            reader,
            buffer: Vec::new(),
            filled: 0,
            ended: false,
            pool: Arc::clone(pool),
        };
        Self::new(framing, feed, sizes)
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
        /// Bytes that were read are the first `filled` of it.
        buffer: Vec<u8>,
        filled: usize,
        ended: bool,
        pool: Arc<BufferPool>,
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
            Self::Stream {
                reader,
                buffer,
                filled,
                ended,
                ..
            } => {
                // One byte more than asked for tells whether the window is the last.
                let wanted = size + 1;
                while *filled < wanted && !*ended {
                    if buffer.len() == *filled {
                        // A small input does not need a large buffer.
                        let len = wanted.min((buffer.len() * 4).max(FIRST_READ));
                        buffer.resize(len.max(*filled + 1), 0);
                    }
                    let end = buffer.len().min(wanted);
                    match reader.read(buffer.get_mut(*filled..end).unwrap_or_default()) {
                        Ok(0) => *ended = true,
                        Ok(read) => *filled += read,
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        Err(e) => return Err(e),
                    }
                }
                let window = buffer.get(..size.min(*filled)).unwrap_or_default();
                Ok((window, *ended && window.len() == *filled))
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
            Self::Stream {
                buffer,
                filled,
                ended,
                pool,
                ..
            } => {
                let rest = buffer.get(len..*filled).unwrap_or_default();
                let mut next = if *ended && rest.is_empty() {
                    Vec::new()
                } else {
                    pool.get(rest.len())
                };
                if let Some(place) = next.get_mut(..rest.len()) {
                    place.copy_from_slice(rest);
                }
                *filled = rest.len();
                SharedBytes::pooled(std::mem::replace(buffer, next), len, pool)
            }
        }
    }

    fn skip(&mut self, len: usize) {
        match self {
            Self::Bytes { at, .. } => *at += len,
            Self::Stream { buffer, filled, .. } => {
                let len = len.min(*filled);
                buffer.copy_within(len..*filled, 0);
                *filled -= len;
            }
        }
    }
}
