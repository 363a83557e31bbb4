//! UTF-16 to UTF-8, as text of values is shown: it ends at the first zero, and what XML cannot hold (control characters,
//! halves of pairs, U+FFFE and U+FFFF) is `_`, as Windows writes it.

use wide::{i16x8, u8x16};

/// Longest UTF-8 of one unit.
pub const MAX_BYTES: usize = 3;

/// Units that are looked at in one step.
pub const STEP: usize = 16;

/// Writes the first `n` of these units if they are plain ASCII, whatever stands behind them; if they are not, what it
/// wrote is to be overwritten. There is one way for all lengths, as the processor cannot foresee the length of a text.
#[inline]
pub fn short(units: &[[u8; 2]; STEP], n: usize, out: &mut [u8; STEP]) -> bool {
    step(units, out) & !(u32::MAX << n.min(STEP)) == 0
}

/// Writes `text` to the beginning of `out` and returns how many bytes it took. `None` if there is half a unit, or if
/// `out` has less than [`MAX_BYTES`] for every unit.
pub fn write(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let (mut units, half) = text.as_chunks::<2>();
    if !half.is_empty() || out.len() < units.len() * MAX_BYTES {
        return None;
    }
    // Some providers count the zero behind their text.
    if let [text @ .., [0, 0]] = units {
        units = text;
    }
    let (mut at, mut to) = (0, 0);
    let mut is_plain = true;
    while at < units.len() {
        let rest = units.get(at..)?;
        let odd = match rest.first_chunk() {
            Some(next) => step(next, out.get_mut(to..)?.first_chunk_mut()?),
            // The last step may overlap the one before, and writes the same over it.
            None if is_plain && at > 0 => {
                let last = units.len() - STEP;
                match step(units.last_chunk()?, out.get_mut(last..)?.first_chunk_mut()?) {
                    0 => return Some(units.len()),
                    _ => 1,
                }
            }
            None => 1,
        };
        let plain = (odd.trailing_zeros() as usize).min(STEP);
        (at, to) = (at + plain, to + plain);
        if odd != 0 {
            is_plain = false;
            let (taken, written) = others(units.get(at..)?, out.get_mut(to..)?)?;
            if taken == 0 {
                return Some(to);
            }
            (at, to) = (at + taken, to + written);
        }
    }
    Some(to)
}

/// Appends `text` to a string; `None` if there is half a unit.
pub fn append(text: &[u8], out: &mut String) -> Option<()> {
    let mut buffer = vec![0; text.len() / 2 * MAX_BYTES];
    let written = write(text, &mut buffer)?;
    out.push_str(std::str::from_utf8(buffer.get(..written)?).ok()?);
    Some(())
}

/// Writes units that are plain ASCII; a bit for each other one, the first lowest. What it wrote for these is to be
/// overwritten.
///
/// The compiler makes vector instructions of the loop, as it has no way out.
#[inline(always)]
#[allow(
    clippy::indexing_slicing,
    reason = "all arrays have as many items as the loop has rounds"
)]
fn step(units: &[[u8; 2]; STEP], out: &mut [u8; STEP]) -> u32 {
    let (mut front, mut back) = ([0; STEP / 2], [0; STEP / 2]);
    let mut i = 0;
    while i < STEP / 2 {
        front[i] = i16::from_le_bytes(units[i]);
        back[i] = i16::from_le_bytes(units[i + STEP / 2]);
        i += 1;
    }
    // Units that do not fit become FF; those from 8000 on are negative here and become 0.
    let bytes = u8x16::narrow_i16x8(i16x8::new(front), i16x8::new(back));
    *out = bytes.to_array();
    let controls = bytes.min(u8x16::splat(0x1F)).simd_eq(bytes);
    // The highest bits: of control characters, of what is no ASCII.
    match (controls | bytes).to_bitmask() {
        0 => 0,
        odd => odd & !blanks(bytes),
    }
}

/// A bit for each tab or line end.
#[inline]
pub fn blanks(bytes: u8x16) -> u32 {
    let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
    (is(b'\t') | is(b'\n') | is(b'\r')).to_bitmask()
}

/// Writes the first unit, and those behind it up to the next ASCII: units taken (none at a zero) and bytes written.
fn others(units: &[[u8; 2]], out: &mut [u8]) -> Option<(usize, usize)> {
    let (mut at, mut to) = unit(units, out)?;
    while at > 0
        && let Some(next) = units.get(at)
        && u16::from_le_bytes(*next) >= 0x80
    {
        let (taken, written) = unit(units.get(at..)?, out.get_mut(to..)?)?;
        (at, to) = (at + taken, to + written);
    }
    Some((at, to))
}

/// Writes the first character: units taken (none at a zero) and bytes written.
#[inline]
fn unit(units: &[[u8; 2]], out: &mut [u8]) -> Option<(usize, usize)> {
    let unit = u16::from_le_bytes(*units.first()?);
    let one = |c: u8, out: &mut [u8]| {
        *out.first_mut()? = c;
        Some((1, 1))
    };
    match unit {
        0 => Some((0, 0)),
        9 | 10 | 13 | 0x20..=0x7F => one(unit as u8, out),
        1..0x20 | 0xFFFE.. => one(b'_', out),
        0xD800..=0xDFFF => {
            let second = units.get(1).map(|u| u16::from_le_bytes(*u));
            match char::decode_utf16([Some(unit), second].into_iter().flatten()).next() {
                Some(Ok(c)) => Some((2, c.encode_utf8(out.get_mut(..4)?).len())),
                _ => one(b'_', out),
            }
        }
        _ => {
            let c = char::from_u32(u32::from(unit))?;
            let room = out.get_mut(..3)?;
            Some((1, c.encode_utf8(room).len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(units: &[u16]) -> Vec<u8> {
        units.iter().flat_map(|u| u.to_le_bytes()).collect()
    }

    fn converted(units: &[u16]) -> String {
        let text = bytes(units);
        let mut out = vec![0xAA; units.len() * MAX_BYTES];
        let written = write(&text, &mut out).unwrap();
        String::from_utf8(out[..written].to_vec()).unwrap()
    }

    /// The same, character by character.
    fn plainly(units: &[u16]) -> String {
        char::decode_utf16(units.iter().copied().take_while(|u| *u != 0))
            .map(|c| match c {
                Ok(c) if c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}') => c,
                Ok(c @ ('\t' | '\n' | '\r')) => c,
                _ => '_',
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_text_is_converted_as_character_by_character(units: Vec<u16>) {
            prop_assert_eq!(converted(&units), plainly(&units));
        }

        #[test]
        fn mostly_plain_text_too(
            mut units in prop::collection::vec(prop_oneof![40 => 0x20u16..0x7F, 1 => 1u16..0x20, 1 => 1u16..0x3000, 1 => 0xD700u16..=0xFFFF], 0..90),
            zero in 0usize..200,
        ) {
            if let Some(unit) = units.get_mut(zero) {
                *unit = 0;
            }
            prop_assert_eq!(converted(&units), plainly(&units));
        }
    }

    proptest! {
        #[test]
        fn short_texts_are_written_if_they_are_plain(
            units: [u16; STEP],
            plain in prop::array::uniform16(0x20u16..0x7F),
            n in 0usize..=STEP,
            odd in 0usize..=STEP,
        ) {
            let mixed: Vec<u16> = plain.iter().take(odd).chain(units.iter().skip(odd)).copied().collect();
            let bytes = bytes(&mixed);
            let mut out = [0xAA; STEP];
            let is_plain = short(bytes.as_chunks::<2>().0.first_chunk().unwrap(), n, &mut out);
            let all = mixed[..n].iter().all(|u| matches!(u, 9 | 10 | 13 | 0x20..0x80));
            prop_assert_eq!(is_plain, all);
            if is_plain {
                prop_assert_eq!(std::str::from_utf8(&out[..n]).unwrap(), plainly(&mixed[..n]));
            }
        }
    }

    #[test]
    fn half_a_unit_or_too_little_room_is_refused() {
        assert_eq!(write(b"a\0b", &mut [0; 9]), None);
        assert_eq!(write(b"a\0b\0", &mut [0; 5]), None);
        let mut text = String::from("x");
        assert_eq!(append(b"a\0\xAC\x20", &mut text), Some(()));
        assert_eq!(text, "xa€");
    }
}
