//! Parquet's delta encoding of integers: times, record ids and places in a file grow in small steps.

use super::rle::{bits, varint};

const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// Appends values; `narrow` for columns of 32 bits, whose differences wrap at 32.
pub fn encode(values: &[i64], narrow: bool, out: &mut Vec<u8>) {
    varint(BLOCK as u64, out);
    varint((BLOCK / MINIBLOCK) as u64, out);
    varint(values.len() as u64, out);
    let Some((first, rest)) = values.split_first() else {
        varint(0, out);
        return;
    };
    // Unsigned numbers of 32 bits stand as the signed ones with the same bits.
    zigzag(if narrow { i64::from(*first as i32) } else { *first }, out);
    let minus = |a: i64, b: i64| match narrow {
        true => i64::from((a as i32).wrapping_sub(b as i32)),
        false => a.wrapping_sub(b),
    };
    let mut last = *first;
    let mut deltas = Vec::with_capacity(BLOCK);
    for block in rest.chunks(BLOCK) {
        deltas.clear();
        for v in block {
            deltas.push(minus(*v, last));
            last = *v;
        }
        let min = deltas.iter().min().copied().unwrap_or(0);
        zigzag(min, out);
        let above = |d: &i64| match narrow {
            true => u64::from((*d as i32).wrapping_sub(min as i32) as u32),
            false => d.wrapping_sub(min) as u64,
        };
        let width = |mini: &[i64]| 64 - mini.iter().map(above).fold(0, |a, b| a | b).leading_zeros();
        let mut widths = [0u8; BLOCK / MINIBLOCK];
        for (w, mini) in widths.iter_mut().zip(deltas.chunks(MINIBLOCK)) {
            *w = width(mini) as u8;
        }
        out.extend_from_slice(&widths);
        for (w, mini) in widths.iter().zip(deltas.chunks(MINIBLOCK)) {
            let padded = mini.iter().map(above).chain(std::iter::repeat(0)).take(MINIBLOCK);
            bits(padded, u32::from(*w), out);
        }
    }
}

fn zigzag(v: i64, out: &mut Vec<u8>) {
    varint(((v << 1) ^ (v >> 63)) as u64, out);
}
