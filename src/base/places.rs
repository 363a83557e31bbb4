//! Where a byte stands in a text: many places in little room, as separators of columns are.

use wide::u8x16;

/// Bytes looked at in one step.
pub const STEP: usize = 64;

/// The places of one byte or of two, in order. Made for places close to each other: a search that starts anew behind each
/// (`memchr`) costs more than what lies between.
#[derive(Debug, Clone)]
pub struct Places<'t> {
    bytes: &'t [u8],
    wanted: [u8; 2],
    /// Of the step that ends at `at`: a bit for each place left, the first one lowest.
    bits: u64,
    at: usize,
}

impl<'t> Places<'t> {
    /// The places of `wanted` in `bytes`.
    #[inline]
    pub fn new(wanted: u8, bytes: &'t [u8]) -> Self {
        Self::of_both([wanted; 2], bytes)
    }

    /// The places of either byte in `bytes`.
    #[inline]
    pub fn of_both(wanted: [u8; 2], bytes: &'t [u8]) -> Self {
        Self {
            bytes,
            wanted,
            bits: 0,
            at: 0,
        }
    }

    /// Looks at the next step; `None` behind the last one.
    #[inline]
    fn step(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..).filter(|r| !r.is_empty())?;
        self.bits = bits(self.bytes, rest, self.wanted);
        self.at += STEP;
        Some(())
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            self.step()?;
        }
        let place = self.at - STEP + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(place)
    }
}

/// Where the pieces of a text between an ASCII byte end, behind those of other texts: the places of the byte, and the
/// text's own end.
pub fn ends(byte: u8, text: &str, out: &mut Vec<usize>) {
    let bytes = text.as_bytes();
    let mut rest = bytes;
    let mut at = 0;
    while !rest.is_empty() {
        let mut bits = bits(bytes, rest, [byte; 2]);
        while bits != 0 {
            out.push(at + bits.trailing_zeros() as usize);
            bits &= bits - 1;
        }
        at += STEP;
        rest = rest.get(STEP..).unwrap_or_default();
    }
    out.push(bytes.len());
}

/// A bit for each of the next bytes that is wanted, the first one lowest; `rest` is the end of `bytes`.
#[inline]
fn bits(bytes: &[u8], rest: &[u8], wanted: [u8; 2]) -> u64 {
    let [one, other] = wanted;
    let (one, other) = (u8x16::splat(one), u8x16::splat(other));
    let is_wanted = |bytes: u8x16| bytes.simd_eq(one) | bytes.simd_eq(other);
    if let Some(chunk) = rest.first_chunk() {
        return mask(chunk, is_wanted);
    }
    if let Some(chunk) = bytes.last_chunk() {
        // Bytes that were looked at before are looked at again, and their bits moved out.
        return mask(chunk, is_wanted) >> (STEP - rest.len());
    }
    let mut chunk = [0; STEP];
    for (c, b) in chunk.iter_mut().zip(rest) {
        *c = *b;
    }
    mask(&chunk, is_wanted) & ((1 << rest.len()) - 1)
}

/// A bit for each byte for which `test` says yes (all ones), the first one lowest.
#[inline]
pub fn mask(chunk: &[u8; STEP], test: impl Fn(u8x16) -> u8x16) -> u64 {
    // Iterators over so few would not be compiled into one run of instructions.
    let ([a, b, c, d], _) = chunk.as_chunks() else {
        return 0;
    };
    let bits = |sixteen: &[u8; 16]| u64::from(test(u8x16::new(*sixteen)).to_bitmask());
    bits(a) | bits(b) << 16 | bits(c) << 32 | bits(d) << 48
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_of_a_plain_search(
            bytes in prop::collection::vec(prop_oneof![Just(b'\t'), Just(b' '), Just(0), any::<u8>()], 0..300),
            wanted in prop_oneof![Just([b'\t', b'\t']), Just([b'\t', b' ']), Just([0, 0])],
        ) {
            let plain: Vec<usize> = (0..bytes.len()).filter(|i| wanted.contains(&bytes[*i])).collect();
            prop_assert_eq!(Places::of_both(wanted, &bytes).collect::<Vec<_>>(), plain);
        }

        #[test]
        fn pieces_are_those_of_the_library(text in "[a\té日]{0,150}") {
            let (mut found, mut from) = (Vec::new(), 0);
            ends(b'\t', &text, &mut found);
            let piece = |end: &usize| text.get(std::mem::replace(&mut from, end + 1)..*end).unwrap();
            let pieces: Vec<_> = found.iter().map(piece).collect();
            prop_assert_eq!(pieces, text.split('\t').collect::<Vec<_>>());
        }
    }
}
