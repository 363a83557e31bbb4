//! One buffer for all text of a record, and the forms that are written into it.

use wide::u8x16;

use super::span::Span;
use super::utf16;

/// Text of one chunk at most: far more than any has.
const MAX: usize = 4 << 20;

/// The buffer. Only whole characters are written to it.
pub struct Text {
    /// As long as it ever was; what lies behind `at` is old.
    bytes: Vec<u8>,
    at: usize,
}

impl Text {
    pub fn new() -> Self {
        Self {
            bytes: vec![0; 128 << 10],
            at: 0,
        }
    }

    /// How large it is, in bytes.
    pub fn memory(&self) -> usize {
        self.bytes.len()
    }

    /// Where the next text begins.
    #[inline]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes back to an earlier [`at`](Self::at).
    pub fn back_to(&mut self, at: usize) {
        self.at = at.min(self.at);
    }

    /// The text since `start`.
    #[inline]
    pub fn since(&self, start: usize) -> Span {
        Span::new(start, self.at)
    }

    /// All text.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(..self.at)?).ok()
    }

    /// A part of it.
    pub fn part(&self, span: Span) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(span.range())?).ok()
    }

    /// Room for `n` bytes; what is used of it is to be [taken](Self::took).
    #[inline]
    fn room(&mut self, n: usize) -> Option<&mut [u8]> {
        let end = self.at + n;
        if end > self.bytes.len() {
            self.grow(end)?;
        }
        self.bytes.get_mut(self.at..end)
    }

    #[cold]
    fn grow(&mut self, end: usize) -> Option<()> {
        if end > MAX {
            return None;
        }
        self.bytes.resize(end.next_power_of_two(), 0);
        Some(())
    }

    #[inline]
    fn took(&mut self, n: usize) -> Option<()> {
        self.at += n;
        Some(())
    }

    /// UTF-8.
    #[inline]
    pub fn push(&mut self, text: &str) -> Option<()> {
        self.room(text.len())?.copy_from_slice(text.as_bytes());
        self.took(text.len())
    }

    /// ASCII of a fixed length.
    #[inline]
    fn array<const N: usize>(&mut self, text: [u8; N]) -> Option<()> {
        *self.room(N)?.first_chunk_mut()? = text;
        self.took(N)
    }

    /// UTF-16.
    #[inline]
    pub fn utf16(&mut self, text: &[u8]) -> Option<()> {
        let room = self.room(text.len() / 2 * utf16::MAX_BYTES)?;
        let written = utf16::write(text, room)?;
        self.took(written)
    }

    /// The UTF-16 of so many bytes at an offset in a chunk.
    #[inline]
    pub fn utf16_at(&mut self, chunk: &[u8], at: usize, size: usize) -> Option<()> {
        const AHEAD: usize = 2 * utf16::STEP;
        if size <= AHEAD
            && size.is_multiple_of(2)
            && let Some(ahead) = chunk.get(at..).and_then(<[u8]>::first_chunk::<AHEAD>)
        {
            let units = ahead.as_chunks::<2>().0.first_chunk()?;
            // Some providers count the zero behind their text.
            let zero = units.get((size / 2).wrapping_sub(1)) == Some(&[0, 0]);
            let n = size / 2 - usize::from(zero);
            if utf16::short(units, n, self.room(utf16::STEP)?.first_chunk_mut()?) {
                return self.took(n);
            }
        }
        self.utf16(chunk.get(at..at.checked_add(size)?)?)
    }

    /// Text of which XML may not hold all characters.
    pub fn sanitized(&mut self, text: &str) -> Option<()> {
        if is_plain(text.as_bytes()) {
            return self.push(text);
        }
        for c in text.chars() {
            let c = match c {
                '\t' | '\n' | '\r' => c,
                '\0'..' ' | '\u{FFFE}' | '\u{FFFF}' => '_',
                _ => c,
            };
            self.push(c.encode_utf8(&mut [0; 4]))?;
        }
        Some(())
    }

    /// A decimal number.
    #[inline]
    pub fn number(&mut self, mut value: u64) -> Option<()> {
        if value < 10 {
            return self.array([b'0' + value as u8]);
        }
        if value < 100 {
            return self.array(two(value as u32));
        }
        let digits = value.ilog10() as usize + 1;
        let (first, pairs) = self.room(digits)?.as_rchunks_mut::<2>();
        for pair in pairs.iter_mut().rev() {
            *pair = two((value % 100) as u32);
            value /= 100;
        }
        if let Some(digit) = first.first_mut() {
            *digit = b'0' + value as u8;
        }
        self.took(digits)
    }

    /// A decimal number with its sign.
    pub fn signed(&mut self, value: i64) -> Option<()> {
        if value < 0 {
            self.array(*b"-")?;
        }
        self.number(value.unsigned_abs())
    }

    /// `0x` and as many digits as needed.
    #[inline]
    pub fn hex_number(&mut self, value: u64) -> Option<()> {
        let digits = (16 - value.leading_zeros() as usize / 4).max(1);
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        let all = [
            hex_pair(a),
            hex_pair(b),
            hex_pair(c),
            hex_pair(d),
            hex_pair(e),
            hex_pair(f),
            hex_pair(g),
            hex_pair(h),
        ];
        self.array(*b"0x")?;
        let text = all.as_flattened().get(16 - digits..)?;
        self.room(digits)?.copy_from_slice(text);
        self.took(digits)
    }

    /// Bytes in upper-case hexadecimal.
    pub fn binary(&mut self, bytes: &[u8]) -> Option<()> {
        let mut pairs = self.room(2 * bytes.len())?.as_chunks_mut::<2>().0.iter_mut();
        for byte in bytes {
            *pairs.next()? = pair(&UPPER, *byte);
        }
        self.took(2 * bytes.len())
    }

    /// A GUID in braces, lower case: three numbers, least byte first, then bytes.
    #[inline]
    pub fn guid(&mut self, guid: [u8; 16]) -> Option<()> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = guid;
        let ([a0, a1], [b0, b1], [c0, c1], [d0, d1]) = (hex_pair(d), hex_pair(c), hex_pair(b), hex_pair(a));
        let ([e0, e1], [f0, f1], [g0, g1], [h0, h1]) = (hex_pair(f), hex_pair(e), hex_pair(h), hex_pair(g));
        let ([i0, i1], [j0, j1], [k0, k1], [l0, l1]) = (hex_pair(i), hex_pair(j), hex_pair(k), hex_pair(l));
        let ([m0, m1], [n0, n1], [o0, o1], [p0, p1]) = (hex_pair(m), hex_pair(n), hex_pair(o), hex_pair(p));
        #[rustfmt::skip]
        let text = [
            b'{', a0, a1, b0, b1, c0, c1, d0, d1, b'-', e0, e1, f0, f1, b'-', g0, g1, h0, h1, b'-',
            i0, i1, j0, j1, b'-', k0, k1, l0, l1, m0, m1, n0, n1, o0, o1, p0, p1, b'}',
        ];
        self.array(text)
    }

    /// A date and time of day: year, month, day, hour, minute, second, units of 100 ns.
    pub fn moment(&mut self, [year, month, day, hour, minute, second, ticks]: [u32; 7]) -> Option<()> {
        self.array(two(year / 100))?;
        self.array(two(year))?;
        for (sign, value) in [(b'-', month), (b'-', day), (b'T', hour), (b':', minute), (b':', second)] {
            let [a, b] = two(value);
            self.array([sign, a, b])?;
        }
        let ([a, b], [c, d]) = (two(ticks / 100_000), two(ticks / 1000));
        let ([e, f], [_, g]) = (two(ticks / 10), two(ticks % 10));
        self.array([b'.', a, b, c, d, e, f, g, b'Z'])
    }
}

/// Whether no byte is a control character but tabs and line ends, or begins U+FFFE or U+FFFF.
fn is_plain(text: &[u8]) -> bool {
    let (steps, rest) = text.as_chunks();
    let mut last = [b' '; utf16::STEP];
    for (byte, of_rest) in last.iter_mut().zip(rest) {
        *byte = *of_rest;
    }
    steps.iter().chain([&last]).all(|step| {
        let bytes = u8x16::new(*step);
        let controls = bytes.min(u8x16::splat(0x1F)).simd_eq(bytes);
        // The first byte of both is EF.
        let odd = controls | bytes.simd_eq(u8x16::splat(0xEF));
        odd.to_bitmask() & !utf16::blanks(bytes) == 0
    })
}

/// The last two decimal digits.
#[inline(always)]
fn two(value: u32) -> [u8; 2] {
    [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]
}

/// Two lower-case digits.
#[inline(always)]
fn hex_pair(byte: u8) -> [u8; 2] {
    pair(&LOWER, byte)
}

#[inline(always)]
fn pair(pairs: &[[u8; 2]; 256], byte: u8) -> [u8; 2] {
    pairs.get(usize::from(byte)).copied().unwrap_or_default()
}

static LOWER: [[u8; 2]; 256] = pairs(b"0123456789abcdef");
static UPPER: [[u8; 2]; 256] = pairs(b"0123456789ABCDEF");

/// The two digits of every byte.
#[allow(clippy::indexing_slicing)] // The compiler evaluates it: a wrong index does not compile.
const fn pairs(digits: &[u8; 16]) -> [[u8; 2]; 256] {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Text) -> Option<()>) -> String {
        let mut text = Text::new();
        write(&mut text).unwrap();
        text.as_str().unwrap().to_owned()
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_standard_library_does(value: u64, bytes: [u8; 16]) {
            for value in [value, value >> 33, value % 100, 0] {
                prop_assert_eq!(text(|t| t.number(value)), value.to_string());
                prop_assert_eq!(text(|t| t.hex_number(value)), format!("{value:#x}"));
                prop_assert_eq!(text(|t| t.signed(value.cast_signed())), value.cast_signed().to_string());
            }
            let hex: String = bytes.iter().map(|b| format!("{b:02X}")).collect();
            prop_assert_eq!(text(|t| t.binary(&bytes)), hex);
        }
    }

    #[test]
    fn utf16_is_the_same_wherever_it_lies() {
        for source in [
            "",
            "a",
            "ab\0",
            "\0",
            "a\tb",
            "né",
            "a\0b",
            "exactly sixteen.",
            "seventeen letters",
            "𝄞 \u{1}x",
        ] {
            let wide: Vec<u8> = source.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let want = text(|t| t.utf16(&wide));
            for behind in [0, 1, 31, 32, 64] {
                let chunk = [&[0x41, 0x42, 0x43][..], &wide, &vec![0xFF; behind]].concat();
                assert_eq!(text(|t| t.utf16_at(&chunk, 3, wide.len())), want, "{source:?}");
            }
            assert_eq!(Text::new().utf16_at(&wide, 0, wide.len() + 2), None, "{source:?}");
        }
        assert_eq!(Text::new().utf16_at(&[0x41; 64], 0, 3), None, "half a unit");
    }

    #[test]
    fn guids_begin_with_three_numbers() {
        let bytes = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
        ];
        assert_eq!(text(|t| t.guid(bytes)), "{00112233-4455-6677-8899-aabbccddeeff}");
    }

    #[test]
    fn the_buffer_grows_up_to_its_limit() {
        let mut text = Text::new();
        let part = "é".repeat(10_000);
        let mut pushed = 0;
        while text.push(&part).is_some() {
            pushed += part.len();
        }
        assert_eq!(text.as_str().unwrap().len(), pushed);
        assert!(pushed <= MAX && pushed + part.len() > MAX);
        text.back_to(4);
        assert_eq!(text.as_str(), Some("éé"));
    }

    #[test]
    fn control_characters_become_underscores() {
        for at in 0..40 {
            for odd in ['\u{1}', '\u{1F}', '\u{FFFE}'] {
                let mut source: String = "é\t\r\n~".repeat(8);
                source.insert(source.char_indices().nth(at).unwrap().0, odd);
                assert_eq!(text(|t| t.sanitized(&source)), source.replace(odd, "_"));
            }
        }
        assert_eq!(text(|t| t.sanitized("a\u{1}\t\u{FFFF}é\u{1f}")), "a_\t_é_");
    }
}
