//! Fewer and longer runs: sorted runs are merged to segments on disk where reading all at once would take too much memory.

use super::super::segment::{Scratch, Segment, SegmentWriter};
use super::{Feed, Gather, Merge, Pick, View};
use crate::base::error::Result;
use crate::schema::Table;

/// A chunk of unnumbered rows ends between two (host, time), or it would not come into order when inputs get their
/// ids; where so many rows share one that the chunk grows by this factor, a new run begins instead.
const TIE_FACTOR: usize = 4;

/// Merges runs, a part of them at a time, until reading the rest takes no more than `memory` bytes.
///
/// # Errors
/// Where a run cannot be read or a segment not be written.
pub fn reduce(
    feeds: Vec<Feed>,
    table: &'static Table,
    scratch: &Scratch,
    memory: usize,
    chunk_bytes: usize,
) -> Result<Vec<Feed>> {
    let (mut feeds, mut rest): (Vec<Feed>, std::collections::VecDeque<Feed>) = {
        let (free, costly): (Vec<Feed>, Vec<Feed>) = feeds.into_iter().partition(|f| f.memory() == 0);
        (free, costly.into())
    };
    let reading = rest.iter().map(Feed::reading).max().unwrap_or(0);
    let memory = memory.saturating_sub(reading);
    while rest.len() > 2 && rest.iter().map(Feed::memory).sum::<usize>() > memory {
        let (mut part, mut taken) = (Vec::new(), 0);
        while let Some(next) = rest.pop_front() {
            taken += next.memory();
            if part.len() >= 2 && taken > memory {
                rest.push_front(next);
                break;
            }
            part.push(next);
        }
        let mut merge = Merge::new(part)?;
        let mut writer = SegmentWriter::create(scratch)?;
        let merged = write_segment(&mut merge, table, &mut writer, true, chunk_bytes)?;
        rest.extend(merged.into_iter().map(|s| Feed::Segment(s, None)));
    }
    feeds.extend(rest);
    Ok(feeds)
}

/// Writes all rows of a merge as segments: one, or several where rows have no ids yet and too many share host and time.
///
/// # Errors
/// Where a run cannot be read or a segment not be written.
pub fn write_segment(
    merge: &mut Merge,
    table: &'static Table,
    writer: &mut SegmentWriter,
    numbered: bool,
    chunk_bytes: usize,
) -> Result<Vec<Segment>> {
    let mut gather = Gather::new(table);
    let mut out = Vec::new();
    let mut picks: Vec<Pick> = Vec::new();
    let (mut bytes, mut last) = (0, None);
    while let Some(next) = merge.next()? {
        let full = bytes >= chunk_bytes || merge.slots.passed_bytes() >= chunk_bytes * TIE_FACTOR;
        let tied = !numbered && !next.new_host && last == Some(next.ts);
        if full && (!tied || bytes >= chunk_bytes * TIE_FACTOR) {
            chunk(writer, &mut gather, &merge.slots, &mut picks)?;
            merge.slots.sweep(&[next.pick]);
            bytes = 0;
            if tied {
                out.push(writer.finish_run(table, numbered));
            }
        }
        bytes += merge.slots.row_bytes(next.pick);
        last = Some(next.ts);
        picks.push(next.pick);
    }
    chunk(writer, &mut gather, &merge.slots, &mut picks)?;
    merge.slots.sweep(&[]);
    out.push(writer.finish_run(table, numbered));
    Ok(out)
}

fn chunk(writer: &mut SegmentWriter, gather: &mut Gather, slots: &View, picks: &mut Vec<Pick>) -> Result<()> {
    if !picks.is_empty() {
        writer.chunk(&gather.rows(slots, picks))?;
        picks.clear();
    }
    Ok(())
}
