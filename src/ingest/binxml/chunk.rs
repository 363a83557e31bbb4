//! The records of a chunk: 512 bytes of header, then one record behind the other up to the free space.

use memchr::memmem;

use super::cursor::{u32_at, u64_at};
use crate::base::time::{self, Ts};

const MAGIC: &[u8] = b"ElfChnk\0";
const HEADER: usize = 512;
const RECORD_MAGIC: [u8; 4] = *b"**\0\0";
/// Magic, size, id, time.
const RECORD_HEADER: usize = 24;
/// The copy of the size that ends a record.
const RECORD_END: usize = 4;

/// FILETIME of 9999-12-30T22:00:00Z, from which on the `evtx` crate takes a record's time, and so the record, as damaged.
const LAST_TIME: u64 = (253_402_207_200 + 11_644_473_600) * 10_000_000;

/// A record of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Offset of its header in the chunk.
    pub at: usize,
    /// Offset of its binary XML.
    pub body: usize,
    /// Offset behind its binary XML.
    pub end: usize,
    /// Its number.
    pub id: u64,
    /// When it was written; `None` before 1970.
    pub time: Option<Ts>,
}

/// Finds the records of a chunk. `None` if the chunk is damaged in any way that decides which records there are.
pub fn records(chunk: &[u8], out: &mut Vec<Record>) -> Option<()> {
    out.clear();
    if !chunk.starts_with(MAGIC) || chunk.len() < HEADER {
        return None;
    }
    let last_id = u64_at(chunk, 32)?;
    let free = usize::try_from(u32_at(chunk, 48)?).ok()?;
    let end = free.min(chunk.len());
    let mut at = HEADER;
    while at < end {
        let Some((record, next)) = record(chunk, at) else {
            // Zeros where a record should begin are where the free space really begins, unless records follow.
            return (is_blank(chunk, at) && !more_follow(chunk, at + 1, end)?).then_some(());
        };
        out.push(record);
        if record.id == last_id {
            break;
        }
        at = next;
    }
    Some(())
}

/// The record at `at`, and where the next one begins.
fn record(chunk: &[u8], at: usize) -> Option<(Record, usize)> {
    let body = at.checked_add(RECORD_HEADER)?;
    let header = chunk.get(at..body)?;
    if !header.starts_with(&RECORD_MAGIC) {
        return None;
    }
    let size = usize::try_from(u32_at(header, 4)?).ok()?;
    let end = body.checked_add(size.checked_sub(RECORD_HEADER + RECORD_END)?)?;
    let filetime = u64_at(header, 16)?;
    if end > chunk.len() || filetime >= LAST_TIME {
        return None;
    }
    let record = Record {
        at,
        body,
        end,
        id: u64_at(header, 8)?,
        time: time::filetime(filetime).filter(|ts| *ts >= 0),
    };
    Some((record, at.checked_add(size)?))
}

fn is_blank(chunk: &[u8], at: usize) -> bool {
    chunk
        .get(at..at + RECORD_HEADER)
        .is_none_or(|header| header.starts_with(&[0; 4]))
}

/// Whether what could be a record begins at `from` or behind, up to the last record that the header names.
fn more_follow(chunk: &[u8], from: usize, end: usize) -> Option<bool> {
    let last = usize::try_from(u32_at(chunk, 44)?).ok()?;
    let until = end.min(last.saturating_add(RECORD_MAGIC.len()));
    let place = chunk.get(from..until).unwrap_or_default();
    Some(memmem::find(place, &RECORD_MAGIC).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Chunk, TIME};
    use super::*;

    fn walk(chunk: &[u8]) -> Option<Vec<(usize, u64)>> {
        let mut out = Vec::new();
        records(chunk, &mut out)?;
        Some(out.iter().map(|r| (r.at, r.id)).collect())
    }

    #[test]
    fn records_follow_each_other_up_to_the_free_space() {
        let mut chunk = Chunk::new();
        chunk.record(&[0; 8]);
        chunk.record(&[0; 16]);
        let bytes = chunk.done();
        assert_eq!(walk(&bytes), Some(vec![(512, 1), (512 + 36, 2)]));
        let mut out = Vec::new();
        records(&bytes, &mut out).unwrap();
        assert_eq!((out[1].body, out[1].end, out[1].time), (572, 588, Some(TIME)));
    }

    #[test]
    fn zeros_end_the_records_but_nothing_else_does() {
        let mut chunk = Chunk::new();
        chunk.record(&[0; 8]);
        let mut bytes = chunk.done();
        bytes[48..52].copy_from_slice(&4096_u32.to_le_bytes());
        bytes[32..40].copy_from_slice(&9_u64.to_le_bytes());
        assert_eq!(walk(&bytes), Some(vec![(512, 1)]), "free space that begins too late");
        bytes[44..48].copy_from_slice(&4096_u32.to_le_bytes());
        bytes[1000..1004].copy_from_slice(&RECORD_MAGIC);
        assert_eq!(walk(&bytes), None, "something follows the zeros");
        bytes[548] = 1;
        assert_eq!(walk(&bytes), None, "no record");
    }

    #[test]
    fn a_record_that_is_longer_than_its_chunk_or_shorter_than_its_header_is_none() {
        let mut chunk = Chunk::new();
        chunk.record(&[0; 8]);
        let bytes = chunk.done();
        for size in [0, 27, 70_000, u32::MAX] {
            let mut bytes = bytes.clone();
            bytes[516..520].copy_from_slice(&size.to_le_bytes());
            assert_eq!(walk(&bytes), None, "{size}");
        }
        let mut late = bytes.clone();
        late[528..536].copy_from_slice(&LAST_TIME.to_le_bytes());
        assert_eq!(walk(&late), None);
        assert_eq!(walk(&bytes[..500]), None);
    }
}
