//! Where a byte stands in a text: many places in little room, as separators of columns are.

use wide::u8x16;

/// Bytes looked at in one step.
const STEP: usize = 16;

/// The places of a byte, in order. Made for places close to each other: a search that starts anew behind each
/// (`memchr`) costs more than what lies between.
#[derive(Debug, Clone)]
pub struct Places<'t> {
    bytes: &'t [u8],
    wanted: u8,
    /// Of the step that ends at `at`: a bit for each place left, the first one lowest.
    bits: u32,
    at: usize,
}

impl<'t> Places<'t> {
    /// The places of `wanted` in `bytes`.
    #[inline]
    pub fn new(wanted: u8, bytes: &'t [u8]) -> Self {
        Self {
            bytes,
            wanted,
            bits: 0,
            at: 0,
        }
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            let rest = self.bytes.get(self.at..).filter(|r| !r.is_empty())?;
            let chunk = match rest.first_chunk() {
                Some(chunk) => *chunk,
                None => {
                    // What fills the last step must be another byte than the wanted one.
                    let mut chunk = [!self.wanted; STEP];
                    chunk.iter_mut().zip(rest).for_each(|(c, b)| *c = *b);
                    chunk
                }
            };
            self.bits = u8x16::new(chunk).simd_eq(u8x16::splat(self.wanted)).to_bitmask();
            self.at += STEP;
        }
        let place = self.at - STEP + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_of_a_plain_search(bytes in prop::collection::vec(prop_oneof![Just(b'\t'), Just(!b'\t'), any::<u8>()], 0..100)) {
            let plain: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] == b'\t').collect();
            prop_assert_eq!(Places::new(b'\t', &bytes).collect::<Vec<_>>(), plain);
        }
    }
}
