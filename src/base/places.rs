//! Where a byte stands in a text: many places in little room, as separators of columns are.

use wide::u8x16;

/// Bytes looked at in one step.
const STEP: usize = 64;

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

    /// The first place that is not before `from`, which must not be less than the time before; it is not taken.
    #[inline]
    pub fn not_before(&mut self, from: usize) -> Option<usize> {
        loop {
            if from < self.at {
                let begin = self.at - STEP;
                self.bits &= u64::MAX << from.saturating_sub(begin);
                if self.bits != 0 {
                    return Some(begin + self.bits.trailing_zeros() as usize);
                }
            }
            self.step()?;
        }
    }

    /// Looks at the next step; `None` behind the last one.
    fn step(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..).filter(|r| !r.is_empty())?;
        self.bits = match (rest.first_chunk(), self.bytes.last_chunk()) {
            (Some(chunk), _) => places(chunk, self.wanted),
            // The last step looks again at bytes of the one before, whose bits are moved out.
            (None, Some(chunk)) => places(chunk, self.wanted) >> (STEP - rest.len()),
            (None, None) => {
                let mut chunk = [0; STEP];
                chunk.iter_mut().zip(rest).for_each(|(c, b)| *c = *b);
                places(&chunk, self.wanted) & ((1 << rest.len()) - 1)
            }
        };
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

/// A bit for each byte that is wanted, the first one lowest.
#[inline]
fn places(chunk: &[u8; STEP], wanted: [u8; 2]) -> u64 {
    let [one, other] = wanted.map(u8x16::splat);
    let (sixteens, _) = chunk.as_chunks();
    sixteens.iter().rev().fold(0, |bits, sixteen| {
        let bytes = u8x16::new(*sixteen);
        bits << 16 | u64::from((bytes.simd_eq(one) | bytes.simd_eq(other)).to_bitmask())
    })
}

/// The pieces of a text between the places of an ASCII byte.
#[inline]
pub fn split(text: &str, byte: u8) -> Pieces<'_> {
    Pieces {
        text,
        ends: Places::new(byte, text.as_bytes()),
        start: Some(0),
    }
}

/// What [`split`] gives.
#[derive(Debug)]
pub struct Pieces<'t> {
    text: &'t str,
    ends: Places<'t>,
    start: Option<usize>,
}

impl<'t> Iterator for Pieces<'t> {
    type Item = &'t str;

    /// Always inlined: the callers' loops are some of the hottest, and too large for the compiler to do it by itself.
    #[inline(always)]
    fn next(&mut self) -> Option<&'t str> {
        let from = self.start?;
        let end = self.ends.next();
        self.start = end.map(|end| end + 1);
        self.text.get(from..end.unwrap_or(self.text.len()))
    }
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
        fn places_are_passed_over(text in "[a ]{0,300}", jumps in prop::collection::vec(0usize..90, 0..20)) {
            let (mut places, mut from) = (Places::new(b' ', text.as_bytes()), 0);
            for jump in jumps {
                from += jump;
                let plain = text.get(from..).and_then(|rest| rest.find(' ')).map(|at| from + at);
                prop_assert_eq!(places.not_before(from), plain);
            }
        }

        #[test]
        fn pieces_are_those_of_the_library(text in "[a\té日]{0,150}") {
            prop_assert_eq!(split(&text, b'\t').collect::<Vec<_>>(), text.split('\t').collect::<Vec<_>>());
        }
    }
}
