//! Parquet's hybrid of runs and bit-packed groups, for dictionary codes and levels.

/// Bits that hold every code below `n`.
pub fn width(n: usize) -> u32 {
    usize::BITS - n.saturating_sub(1).leading_zeros()
}

/// A number in groups of seven bits.
pub fn varint(mut v: u64, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Appends values of `width` bits.
pub fn encode<T: Copy + PartialEq + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    // Values from `literal` to `at` wait to be bit-packed.
    let (mut literal, mut at) = (0, 0);
    while let Some((value, rest)) = values.get(at..).and_then(<[T]>::split_first) {
        let same = match rest.first() == Some(value) {
            true => 1 + equal(rest, *value),
            false => 1,
        };
        // Bit-packed groups are of eight: a run lends what the last group lacks.
        let lend = (8 - (at - literal) % 8) % 8;
        if same >= 8 + lend {
            pack(values.get(literal..at + lend).unwrap_or(&[]), width, out);
            run((*value).into(), same - lend, width, out);
            literal = at + same;
        }
        at += same;
    }
    pack(values.get(literal..).unwrap_or(&[]), width, out);
}

/// How many values at the front are `value`.
fn equal<T: Copy + PartialEq>(values: &[T], value: T) -> usize {
    // Without a branch for every value, so that many are compared at once.
    let whole = |some: &&[T; 16]| some.iter().fold(true, |all, v| all & (*v == value));
    let n = values.as_chunks().0.iter().take_while(whole).count() * 16;
    let rest = values.get(n..).unwrap_or(&[]);
    n + rest.iter().take_while(|v| **v == value).count()
}

fn run(value: u64, n: usize, width: u32, out: &mut Vec<u8>) {
    varint((n as u64) << 1, out);
    out.extend(value.to_le_bytes().iter().take(width.div_ceil(8) as usize));
}

fn pack<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    varint((values.len().div_ceil(8) as u64) << 1 | 1, out);
    bits(values, width, out);
}

/// Appends values bit by bit, lowest first; zeros for what lacks to a multiple of eight.
pub fn bits<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    out.reserve(values.len().div_ceil(8) * width as usize + 16);
    for some in values.chunks(8) {
        let mut group = [0; 8];
        group.iter_mut().zip(some).for_each(|(g, v)| *g = (*v).into());
        eight(group, width, out);
    }
}

/// Appends eight values: as many bytes as a value has bits.
#[inline]
fn eight(values: [u64; 8], width: u32, out: &mut Vec<u8>) {
    let [a, b, c, d, e, f, g, h] = values;
    let four = |a: u64, b: u64, c: u64, d: u64| a | b << width | c << (2 * width) | d << (3 * width);
    let end = out.len() + width as usize;
    match width {
        0..=8 => out.extend_from_slice(&(four(a, b, c, d) | four(e, f, g, h) << (4 * width)).to_le_bytes()),
        9..=16 => {
            let all = u128::from(four(a, b, c, d)) | u128::from(four(e, f, g, h)) << (4 * width);
            out.extend_from_slice(&all.to_le_bytes());
        }
        _ => out.extend_from_slice(&wide(values, width)),
    }
    out.truncate(end);
}

/// Eight values of any width.
fn wide(values: [u64; 8], width: u32) -> [u8; 64] {
    let mut out = [0; 64];
    let mut words = out.as_chunks_mut().0.iter_mut();
    let mut put = |word: u64| words.next().into_iter().for_each(|w| *w = word.to_le_bytes());
    // Never 64 bits held: a word goes as soon as it is full.
    let (mut held, mut n) = (0u64, 0);
    for v in values {
        held |= v << n;
        n += width;
        if n >= 64 {
            put(held);
            n -= 64;
            held = v.checked_shr(width - n).unwrap_or(0);
        }
    }
    put(held);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The plain reading of the format, slow and simple.
    fn decode(mut bytes: &[u8], width: u32, n: usize) -> Vec<u64> {
        let mut out = Vec::new();
        while out.len() < n {
            let (mut head, mut shift) = (0u64, 0);
            loop {
                let b = bytes[0];
                bytes = &bytes[1..];
                head |= u64::from(b & 0x7F) << shift;
                shift += 7;
                if b < 0x80 {
                    break;
                }
            }
            if head & 1 == 0 {
                let len = width.div_ceil(8) as usize;
                let mut v = [0; 8];
                v[..len].copy_from_slice(&bytes[..len]);
                bytes = &bytes[len..];
                out.extend(std::iter::repeat_n(u64::from_le_bytes(v), (head >> 1) as usize));
            } else {
                let len = (head >> 1) as usize * width as usize;
                for i in 0..(head >> 1) as usize * 8 {
                    let bit = |b: usize| u64::from(bytes[b / 8] >> (b % 8) & 1);
                    out.push((0..width as usize).map(|b| bit(i * width as usize + b) << b).sum());
                }
                bytes = &bytes[len..];
            }
        }
        assert!(bytes.is_empty());
        out.truncate(n);
        out
    }

    #[test]
    fn widths_hold_their_codes() {
        assert_eq!([0, 1, 2, 3, 4, 5, 256, 257].map(width), [0, 0, 1, 2, 2, 3, 8, 9]);
    }

    proptest! {
        #[test]
        fn values_come_back(runs in proptest::collection::vec((0u32..9_000_000, 1usize..70), 0..60), n in prop_oneof![Just(1usize), Just(2), Just(300), Just(5000), Just(70_000), Just(9_000_000)]) {
            let values: Vec<u32> = runs.iter().flat_map(|(v, k)| std::iter::repeat_n(v % n as u32, *k)).collect();
            let w = width(n);
            let mut out = Vec::new();
            encode(&values, w, &mut out);
            let want: Vec<u64> = values.iter().map(|v| u64::from(*v)).collect();
            prop_assert_eq!(decode(&out, w, values.len()), want);
        }
    }
}
