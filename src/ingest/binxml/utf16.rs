//! UTF-16 to UTF-8, as text of values is shown: it ends at the first zero, and what XML cannot hold (control characters,
//! halves of pairs, U+FFFE and U+FFFF) is `_`, as Windows writes it.

/// Longest UTF-8 of one unit.
pub const MAX_BYTES: usize = 3;

/// Writes `text` to the beginning of `out` and returns how many bytes it took. `None` if there is half a unit, or if
/// `out` has less than [`MAX_BYTES`] for every unit.
#[inline]
pub fn write(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let (mut units, half) = text.as_chunks::<2>();
    if !half.is_empty() || out.len() < units.len() * MAX_BYTES {
        return None;
    }
    // Some providers count the zero behind their text.
    if let [text @ .., [0, 0]] = units {
        units = text;
    }
    match units.len() {
        0 => return Some(0),
        1..4 => {}
        4..8 => {
            if ends::<4>(units, out)? {
                return Some(units.len());
            }
        }
        8..16 => {
            if ends::<8>(units, out)? {
                return Some(units.len());
            }
        }
        _ => return blocks(units, out),
    }
    some(units, 0, units.len(), out, 0).map(|(_, to)| to)
}

/// Appends `text` to a string; `None` if there is half a unit.
pub fn append(text: &[u8], out: &mut String) -> Option<()> {
    let mut buffer = vec![0; text.len() / 2 * MAX_BYTES];
    let written = write(text, &mut buffer)?;
    out.push_str(std::str::from_utf8(buffer.get(..written)?).ok()?);
    Some(())
}

/// Plain text of `N` to `2 * N` units: two blocks, which overlap. Says whether it is plain.
#[inline(always)]
fn ends<const N: usize>(units: &[[u8; 2]], out: &mut [u8]) -> Option<bool> {
    let last = units.len() - N;
    let first = block::<N>(units.first_chunk()?, out.first_chunk_mut()?);
    let last = block::<N>(units.last_chunk()?, out.get_mut(last..)?.first_chunk_mut()?);
    Some(first & last)
}

/// Text of 16 units or more: plain blocks at once, the others unit by unit.
fn blocks(units: &[[u8; 2]], out: &mut [u8]) -> Option<usize> {
    const N: usize = 16;
    let (mut at, mut to) = (0, 0);
    let mut is_plain = true;
    loop {
        let left = units.len() - at;
        if left >= N {
            let from = units.get(at..)?.first_chunk::<N>()?;
            if block(from, out.get_mut(to..)?.first_chunk_mut()?) {
                at += N;
                to += N;
                continue;
            }
        } else if left == 0 {
            return Some(to);
        } else if is_plain {
            // The last block may overlap the one before, and writes the same over it.
            let last = units.len() - N;
            if block::<N>(units.last_chunk()?, out.get_mut(last..)?.first_chunk_mut()?) {
                return Some(units.len());
            }
        }
        is_plain = false;
        let stop = at + left.min(N);
        (at, to) = some(units, at, stop, out, to)?;
        if at < stop {
            return Some(to);
        }
    }
}

/// Any units from `at` to `stop`, written from `to` on: where both ended. At a zero it ends early.
fn some(units: &[[u8; 2]], mut at: usize, stop: usize, out: &mut [u8], mut to: usize) -> Option<(usize, usize)> {
    while at < stop {
        let (taken, written) = unit(units.get(at..)?, out.get_mut(to..)?)?;
        if taken == 0 {
            break;
        }
        at += taken;
        to += written;
    }
    Some((at, to))
}

/// Writes `N` units if all of them are plain ASCII; if not, what it wrote is to be overwritten.
///
/// The compiler makes vector instructions of these loops, as they have no way out.
#[inline(always)]
#[allow(
    clippy::indexing_slicing,
    reason = "both arrays have as many items as the loops have rounds"
)]
fn block<const N: usize>(units: &[[u8; 2]; N], out: &mut [u8; N]) -> bool {
    let (mut high, mut low) = (0, 0);
    let mut i = 0;
    while i < N {
        let unit = u16::from_le_bytes(units[i]);
        high |= u16::from(unit > 0x7F);
        out[i] = unit as u8;
        i += 1;
    }
    i = 0;
    while i < N {
        low |= u8::from(out[i] < 0x20);
        i += 1;
    }
    high == 0 && (low == 0 || has_only_blanks(out))
}

/// Whether the only control characters are tabs and line ends.
#[inline(always)]
#[allow(
    clippy::indexing_slicing,
    reason = "the array has as many items as the loop has rounds"
)]
fn has_only_blanks<const N: usize>(text: &[u8; N]) -> bool {
    let mut odd = 0;
    let mut i = 0;
    while i < N {
        let c = text[i];
        odd |= u8::from((c < 0x20) & (c != b'\t') & (c != b'\n') & (c != b'\r'));
        i += 1;
    }
    odd == 0
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

    #[test]
    fn half_a_unit_or_too_little_room_is_refused() {
        assert_eq!(write(b"a\0b", &mut [0; 9]), None);
        assert_eq!(write(b"a\0b\0", &mut [0; 5]), None);
        let mut text = String::from("x");
        assert_eq!(append(b"a\0\xAC\x20", &mut text), Some(()));
        assert_eq!(text, "xa€");
    }
}
