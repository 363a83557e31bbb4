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
    match narrow {
        true => {
            zigzag(i64::from(*first as i32), out);
            let minus = |a: i64, b: i64| i64::from((a as i32).wrapping_sub(b as i32));
            blocks(*first, rest, minus, |d| u64::from(d as u32), out);
        }
        false => {
            zigzag(*first, out);
            blocks(*first, rest, i64::wrapping_sub, |d| d as u64, out);
        }
    }
}

/// Appends the differences of values from those before them, block by block, each block's from its smallest.
#[inline]
fn blocks(first: i64, rest: &[i64], minus: impl Fn(i64, i64) -> i64, unsigned: impl Fn(i64) -> u64, out: &mut Vec<u8>) {
    let mut last = first;
    for block in rest.chunks(BLOCK) {
        let mut deltas = [0; BLOCK];
        for (d, v) in deltas.iter_mut().zip(block) {
            *d = minus(*v, last);
            last = *v;
        }
        let min = deltas.iter().take(block.len()).min().copied().unwrap_or(0);
        zigzag(min, out);
        let mut above = [0; BLOCK];
        for (a, d) in above.iter_mut().zip(&deltas).take(block.len()) {
            *a = unsigned(minus(*d, min));
        }
        let minis = above.as_chunks::<MINIBLOCK>().0;
        let mut widths = [0u8; BLOCK / MINIBLOCK];
        for (w, mini) in widths.iter_mut().zip(minis) {
            *w = (64 - mini.iter().fold(0, |a, b| a | b).leading_zeros()) as u8;
        }
        out.extend_from_slice(&widths);
        // Behind the last value there is no miniblock.
        for (w, mini) in widths.iter().zip(minis).take(block.len().div_ceil(MINIBLOCK)) {
            bits(mini, u32::from(*w), out);
        }
    }
}

fn zigzag(v: i64, out: &mut Vec<u8>) {
    varint(((v << 1) ^ (v >> 63)) as u64, out);
}
