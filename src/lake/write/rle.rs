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
    while let Some(value) = values.get(at).copied() {
        let same = values
            .get(at..)
            .unwrap_or(&[])
            .iter()
            .take_while(|v| **v == value)
            .count();
        // Bit-packed groups are of eight: a run lends what the last group lacks.
        let lend = (8 - (at - literal) % 8) % 8;
        if same >= 8 + lend {
            pack(values.get(literal..at + lend).unwrap_or(&[]), width, out);
            run(value.into(), same - lend, width, out);
            literal = at + same;
        }
        at += same;
    }
    pack(values.get(literal..).unwrap_or(&[]), width, out);
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
    for eight in values.chunks(8) {
        bits(
            eight.iter().map(|v| (*v).into()).chain(std::iter::repeat(0)).take(8),
            width,
            out,
        );
    }
}

/// Appends values bit by bit, lowest first, and fills the last byte with zeros.
pub fn bits(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let (mut held, mut n) = (0u128, 0);
    for v in values {
        held |= u128::from(v) << n;
        n += width;
        if n >= 64 {
            out.extend_from_slice(&(held as u64).to_le_bytes());
            held >>= 64;
            n -= 64;
        }
    }
    out.extend((held as u64).to_le_bytes().iter().take(n.div_ceil(8) as usize));
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
        fn values_come_back(runs in proptest::collection::vec((0u32..5000, 1usize..30), 0..60), n in prop_oneof![Just(1usize), Just(2), Just(300), Just(5000)]) {
            let values: Vec<u32> = runs.iter().flat_map(|(v, k)| std::iter::repeat_n(v % n as u32, *k)).collect();
            let w = width(n);
            let mut out = Vec::new();
            encode(&values, w, &mut out);
            let want: Vec<u64> = values.iter().map(|v| u64::from(*v)).collect();
            prop_assert_eq!(decode(&out, w, values.len()), want);
        }
    }
}
