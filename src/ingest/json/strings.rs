//! Where the strings of a JSON text end, and whether everything in them may stand there: [`STEP`] bytes at a time.

use wide::u8x16;

use crate::base::places::{STEP, mask};

/// Bits of the odd places.
const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;

/// What a backslash and each byte behind it are: an escape ([`PLAIN`]), the beginning of one ([`UNIT`]), none ([`NONE`]).
#[allow(clippy::indexing_slicing)] // The compiler evaluates it: a wrong index does not compile.
const ESCAPES: [u8; 256] = {
    let mut kinds = [NONE; 256];
    let mut plain: &[u8] = br#""\/bfnrt"#;
    while let [byte, rest @ ..] = plain {
        kinds[*byte as usize] = PLAIN;
        plain = rest;
    }
    kinds[b'u' as usize] = UNIT;
    kinds
};
const PLAIN: u8 = 0;
const UNIT: u8 = 1;
const NONE: u8 = 2;

/// Strings of a text, asked for from front to back.
pub(super) struct Strings<'b> {
    bytes: &'b [u8],
    /// Where the bytes begin that were looked at last, a multiple of [`STEP`]. Of these, the first lowest:
    block: usize,
    /// Quotes that are not escaped, and what cannot stand in a string.
    ends: u64,
    /// Backslashes.
    slashes: u64,
    /// Whether the last one escapes the first byte behind them (0 or 1).
    open: u64,
}

impl<'b> Strings<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            block: usize::MAX,
            ends: 0,
            slashes: 0,
            open: 0,
        }
    }

    /// From behind the opening quote to behind the closing one; whether there were escapes.
    #[inline]
    pub(super) fn end(&mut self, from: usize) -> Option<(usize, bool)> {
        let (mut at, mut slashes) = (from, 0);
        loop {
            let block = at & !(STEP - 1);
            if block != self.block {
                self.look_at(block);
            }
            let ends = self.ends >> (at % STEP);
            // Those in front of the end, or all.
            slashes |= (self.slashes >> (at % STEP)) & (ends & ends.wrapping_neg()).wrapping_sub(1);
            if ends != 0 {
                at += ends.trailing_zeros() as usize;
                return (*self.bytes.get(at)? == b'"').then_some((at + 1, slashes != 0));
            }
            at = block + STEP;
        }
    }

    #[inline]
    fn look_at(&mut self, block: usize) {
        // Whatever lies between this and an earlier block is no string.
        let first = self.open * u64::from(self.block.wrapping_add(STEP) == block);
        self.block = block;
        let rest = self.bytes.get(block..).unwrap_or_default();
        match rest.first_chunk() {
            Some(chunk) => self.look_into(chunk, first),
            None => {
                // Behind the end stand control characters, so that nothing looks further.
                let mut last = [0; STEP];
                last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                self.look_into(&last, first);
            }
        }
    }

    #[inline]
    fn look_into(&mut self, chunk: &[u8; STEP], first: u64) {
        self.ends = mask(chunk, |bytes| {
            let control = bytes.min(u8x16::splat(0x1F)).simd_eq(bytes);
            bytes.simd_eq(u8x16::splat(b'"')) | control
        });
        self.slashes = mask(chunk, |bytes| bytes.simd_eq(u8x16::splat(b'\\')));
        self.open = 0;
        if self.slashes | first != 0 {
            self.escapes(chunk, first);
        }
    }

    /// Takes out the quotes that are escaped, and takes in what no backslash may stand before.
    fn escapes(&mut self, chunk: &[u8; STEP], first: u64) {
        // Of a run of backslashes every second one escapes: adding carries along runs, and where that leaves another bit than
        // is usual at an odd place an escape began or ended.
        let runs = self.slashes & !first;
        let escaping = ((runs << 1 | ODD).wrapping_sub(runs)) ^ ODD;
        let escaped = escaping ^ (self.slashes | first);
        self.open = (escaping & self.slashes) >> (STEP - 1);
        let (mut kinds, mut left) = (PLAIN, escaped);
        while left != 0 {
            kinds |= kind(chunk, left);
            left &= left - 1;
        }
        self.ends &= !escaped;
        if kinds != PLAIN {
            self.ends |= self.broken(chunk, escaped);
        }
    }

    /// Those of the escaped bytes that make no escape.
    fn broken(&self, chunk: &[u8; STEP], escaped: u64) -> u64 {
        let (mut broken, mut left) = (0, escaped);
        while left != 0 {
            let digits = self.block + left.trailing_zeros() as usize + 1;
            let is_whole = match kind(chunk, left) {
                PLAIN => true,
                UNIT => {
                    let digits = self.bytes.get(digits..digits + 4);
                    digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
                }
                _ => false,
            };
            let rest = left & (left - 1);
            broken |= if is_whole { 0 } else { left ^ rest };
            left = rest;
        }
        broken
    }
}

/// What a backslash does before the first of these bytes.
#[inline]
fn kind(chunk: &[u8; STEP], bytes: u64) -> u8 {
    let byte = chunk.get(bytes.trailing_zeros() as usize % STEP).copied().unwrap_or(0);
    ESCAPES.get(usize::from(byte)).copied().unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Byte by byte.
    fn plain(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
        let mut escaped = false;
        loop {
            match *bytes.get(at)? {
                b'"' => return Some((at + 1, escaped)),
                b'\\' => {
                    escaped = true;
                    at += match *bytes.get(at + 1)? {
                        b'u' if bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                        byte if br#""\/bfnrt"#.contains(&byte) => 2,
                        _ => return None,
                    };
                }
                0..0x20 => return None,
                _ => at += 1,
            }
        }
    }

    proptest! {
        #[test]
        fn strings_end_where_a_plain_search_says(
            text in r#"(x{0,70}|\\\\|\\"|\\\\\\|\\u00[0-9g]{2}|\\[nbq]|é|"|\\{60,70}){0,12}""#,
            ends in prop::collection::vec(0..40usize, 1..9),
        ) {
            let bytes = text.as_bytes();
            let (mut strings, mut at) = (Strings::new(bytes), 0);
            for skip in ends {
                let end = strings.end(at);
                prop_assert_eq!(end, plain(bytes, at), "{} from {}", text, at);
                let Some((end, _)) = end else { break };
                at = end;
                // What lies between strings has no backslash.
                at += bytes.get(at..).unwrap_or_default().iter().take(skip).take_while(|b| **b != b'\\').count();
            }
        }
    }
}
