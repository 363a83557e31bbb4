//! The chunks of an EVTX file.

use super::Piece;

const FILE_HEADER: usize = 4096;
const CHUNK: usize = 64 << 10;
/// Where the file header has the number of chunks in use.
const CHUNK_COUNT: usize = 42;
const FILE_MAGIC: &[u8] = b"ElfFile\0";
const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";

/// The chunks of a block. A slot of zeros (the file is allocated ahead) is passed over, a slot with anything else is
/// damaged; so is a last chunk shorter than 64 KiB, of which the records up to the cut can still be read.
pub struct EvtxChunks<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> EvtxChunks<'a> {
    /// Iterates over a block that begins with the file header or at a chunk.
    pub fn new(block: &'a [u8]) -> Self {
        Self {
            block,
            at: header_len(block),
        }
    }
}

impl<'a> Iterator for EvtxChunks<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.block.get(self.at..).filter(|rest| !rest.is_empty())?;
            let slot = rest.get(..CHUNK).unwrap_or(rest);
            let start = self.at;
            self.at += slot.len();
            if slot.len() == CHUNK && slot.starts_with(CHUNK_MAGIC) {
                return Some(Piece::Record(start, slot));
            }
            if slot.iter().any(|&b| b != 0) {
                return Some(Piece::Damaged(start, slot));
            }
        }
    }
}

/// Up to the end of the last whole slot.
pub(super) fn boundary(block: &[u8]) -> usize {
    let header = header_len(block);
    let slots = block.len().saturating_sub(header) / CHUNK;
    if slots == 0 { 0 } else { header + slots * CHUNK }
}

/// How many chunks the header at the beginning of a file counts; 0 without one.
pub fn evtx_chunk_count(file: &[u8]) -> u64 {
    let count = file
        .get(CHUNK_COUNT..CHUNK_COUNT + 2)
        .filter(|_| file.starts_with(FILE_MAGIC));
    count.map_or(0, |bytes| bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// Where the slots of a file with header lie: the offsets of those from number `from` on, up to number `to`.
pub fn evtx_slots(from: u64, to: u64) -> impl Iterator<Item = u64> {
    (from..to).map(|n| FILE_HEADER as u64 + n * CHUNK as u64)
}

/// How many slots, the last one perhaps not whole, lie before an offset of a file with header.
pub fn evtx_slots_before(offset: u64) -> u64 {
    offset.saturating_sub(FILE_HEADER as u64).div_ceil(CHUNK as u64)
}

fn header_len(block: &[u8]) -> usize {
    if block.starts_with(FILE_MAGIC) { FILE_HEADER } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_found_by_their_slots() {
        let mut chunk = vec![0; CHUNK];
        chunk[..8].copy_from_slice(CHUNK_MAGIC);
        let mut header = vec![0; FILE_HEADER];
        header[..8].copy_from_slice(FILE_MAGIC);
        let file = [
            header,
            chunk.clone(),
            vec![0; CHUNK],
            vec![1; CHUNK],
            chunk.clone(),
            chunk[..99].to_vec(),
        ]
        .concat();
        let found: Vec<_> = EvtxChunks::new(&file)
            .map(|p| (p.record().is_some(), matches!(p, Piece::Damaged(..))))
            .collect();
        assert_eq!(found, [(true, false), (false, true), (true, false), (false, true)]);
        assert_eq!(boundary(&file), FILE_HEADER + 4 * CHUNK);
        assert_eq!(boundary(&file[..CHUNK]), 0);
    }
}
