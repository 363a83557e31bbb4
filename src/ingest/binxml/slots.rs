//! The values of a record: a list of sizes and types, then the values one behind the other.

use encoding_rs::Encoding;

use super::cursor::Cursor;

/// Types of values, as they are written.
#[allow(missing_docs)]
pub mod kind {
    pub const NULL: u8 = 0x00;
    pub const STRING: u8 = 0x01;
    pub const ANSI: u8 = 0x02;
    pub const I8: u8 = 0x03;
    pub const U8: u8 = 0x04;
    pub const I16: u8 = 0x05;
    pub const U16: u8 = 0x06;
    pub const I32: u8 = 0x07;
    pub const U32: u8 = 0x08;
    pub const I64: u8 = 0x09;
    pub const U64: u8 = 0x0A;
    pub const F32: u8 = 0x0B;
    pub const F64: u8 = 0x0C;
    pub const BOOL: u8 = 0x0D;
    pub const BINARY: u8 = 0x0E;
    pub const GUID: u8 = 0x0F;
    pub const SIZE: u8 = 0x10;
    pub const FILETIME: u8 = 0x11;
    pub const SYSTEMTIME: u8 = 0x12;
    pub const SID: u8 = 0x13;
    pub const HEX32: u8 = 0x14;
    pub const HEX64: u8 = 0x15;
    pub const NESTED: u8 = 0x21;
    pub const STRINGS: u8 = 0x81;
}

/// A value: its type and where it lies in the chunk, in one number (see [`super::span`]). Its size is right for its type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slot(u64);

impl Slot {
    /// A value of a [`kind`], so many bytes at an offset in the chunk.
    #[inline]
    pub fn new(kind: u8, size: u16, at: u32) -> Self {
        Self(u64::from(at) << 32 | u64::from(size) << 8 | u64::from(kind))
    }

    /// One of [`kind`].
    #[inline]
    pub fn kind(self) -> u8 {
        self.0 as u8
    }

    /// Its size in bytes.
    #[inline]
    pub fn size(self) -> u16 {
        (self.0 >> 8) as u16
    }

    /// Its offset in the chunk.
    #[inline]
    pub fn at(self) -> usize {
        (self.0 >> 32) as usize
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(self, chunk: &[u8]) -> Option<&[u8]> {
        chunk.get(self.at()..self.at() + usize::from(self.size()))
    }

    /// Whether an attribute with this value is left out.
    pub fn is_empty(self, chunk: &[u8]) -> bool {
        let bytes = self.bytes(chunk).unwrap_or_default();
        match self.kind() {
            kind::NULL => true,
            kind::STRING => bytes.is_empty() || bytes.starts_with(&[0, 0]),
            kind::ANSI => bytes.iter().all(|b| *b == 0),
            _ => bytes.is_empty(),
        }
    }

    /// The strings of a list.
    pub fn strings(self, chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes(chunk).unwrap_or_default();
        std::iter::from_fn(move || {
            let end = rest.as_chunks::<2>().0.iter().position(|u| *u == [0, 0])?;
            let string = rest.get(..2 * end)?;
            rest = rest.get(2 * end + 2..)?;
            Some(string)
        })
    }
}

/// Reads the values from their list on and leaves `from` behind them; returns how many of them are elements. `None` if
/// one has another size than its type, or a type that is not known.
pub fn read(chunk: &[u8], from: &mut Cursor<'_>, ansi: &'static Encoding, out: &mut Vec<Slot>) -> Option<usize> {
    let count = from.offset()?;
    let list = from.take(count.checked_mul(4)?)?.as_chunks::<4>().0;
    // Room for all, so that none is checked for it.
    let first = out.len();
    out.resize(first + list.len(), Slot::default());
    let mut at = from.at() as u32;
    let mut nested = 0;
    for (entry, place) in list.iter().zip(out.get_mut(first..)?) {
        let [low, high, kind, _] = *entry;
        let size = u16::from_le_bytes([low, high]);
        let mut slot = Slot::new(kind, size, at);
        let want = SIZES.get(usize::from(kind)).map_or(u16::MAX, |s| *s);
        let is_text = (kind == kind::STRING) & (size & 1 == 0);
        if (want != size) & !is_text {
            slot = check(slot, chunk, ansi)?;
            nested += usize::from(slot.kind() == kind::NESTED);
        }
        at += u32::from(size);
        *place = slot;
    }
    // All of them must lie before the end.
    from.take(at as usize - from.at())?;
    Some(nested)
}

/// Sizes of types that have only one; of the others one that no value in a chunk has.
#[allow(clippy::indexing_slicing)] // The compiler evaluates it: a wrong index does not compile.
const SIZES: [u16; 256] = {
    let mut sizes = [u16::MAX; 256];
    let known = [
        (kind::NULL, 0),
        (kind::STRING, 0),
        (kind::I8, 1),
        (kind::U8, 1),
        (kind::I16, 2),
        (kind::U16, 2),
        (kind::I32, 4),
        (kind::U32, 4),
        (kind::F32, 4),
        (kind::BOOL, 4),
        (kind::HEX32, 4),
        (kind::I64, 8),
        (kind::U64, 8),
        (kind::F64, 8),
        (kind::FILETIME, 8),
        (kind::HEX64, 8),
        (kind::GUID, 16),
        (kind::SYSTEMTIME, 16),
    ];
    let mut i = 0;
    while i < known.len() {
        sizes[known[i].0 as usize] = known[i].1;
        i += 1;
    }
    sizes
};

/// Looks at a value whose type has not the one size that it has.
#[inline(never)]
fn check(slot: Slot, chunk: &[u8], ansi: &'static Encoding) -> Option<Slot> {
    let size = slot.size();
    let bytes = slot.bytes(chunk)?;
    let is_right = match slot.kind() {
        kind::NULL | kind::BINARY => true,
        kind::SIZE => size == 4 || size == 8,
        kind::SID => match bytes {
            [_, count, rest @ ..] => rest.len() == 6 + 4 * usize::from(*count),
            _ => false,
        },
        kind::NESTED if size == 0 => return Some(Slot::new(kind::NULL, 0, 0)),
        kind::NESTED => true,
        kind::STRINGS => size.is_multiple_of(2) && (size == 0 || bytes.ends_with(&[0, 0])),
        kind::ANSI => is_ascii(bytes, ansi) || ansi_text(bytes, ansi, |_| ()).is_some(),
        _ => false,
    };
    is_right.then_some(slot)
}

/// Text in the code page of its computer, zeros left out; `None` if it is none.
pub fn ansi_text<T>(bytes: &[u8], ansi: &'static Encoding, then: impl FnOnce(&str) -> T) -> Option<T> {
    let kept: Vec<u8>;
    let mut bytes = bytes;
    if let Some(end) = memchr::memchr(0, bytes) {
        let (text, rest) = bytes.split_at_checked(end)?;
        // Mostly there is one behind the text and no other.
        bytes = text;
        if rest.iter().any(|b| *b != 0) {
            kept = [text, rest].concat().into_iter().filter(|b| *b != 0).collect();
            bytes = &kept;
        }
    }
    if is_ascii(bytes, ansi) {
        return std::str::from_utf8(bytes).ok().map(then);
    }
    let text = ansi.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(then(&text))
}

/// Whether text is the same in every code page that this one is like.
fn is_ascii(bytes: &[u8], ansi: &'static Encoding) -> bool {
    ansi.is_ascii_compatible() && bytes.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::WINDOWS_1252;

    fn read_all(list: &[(u16, u8)], values: &[u8]) -> Option<(Vec<Slot>, usize)> {
        let mut bytes = (list.len() as u32).to_le_bytes().to_vec();
        for (size, kind) in list {
            bytes.extend(size.to_le_bytes());
            bytes.extend([*kind, 0]);
        }
        bytes.extend(values);
        let mut from = Cursor::new(&bytes, 0, bytes.len())?;
        let mut out = Vec::new();
        read(&bytes, &mut from, WINDOWS_1252, &mut out)?;
        Some((out, from.at() - 4 - 4 * list.len()))
    }

    #[test]
    fn values_lie_one_behind_the_other() {
        let (slots, used) = read_all(
            &[(2, kind::U16), (0, kind::NESTED), (3, kind::NULL), (1, kind::U8)],
            &[0; 6],
        )
        .unwrap();
        let kinds: Vec<_> = slots.iter().map(|s| (s.kind(), s.at().saturating_sub(20))).collect();
        assert_eq!(kinds, [(kind::U16, 0), (kind::NULL, 0), (kind::NULL, 2), (kind::U8, 5)]);
        assert_eq!(used, 6);
    }

    #[test]
    fn a_value_of_the_wrong_size_is_refused() {
        for (size, kind) in [
            (3, kind::STRING),
            (2, kind::U8),
            (4, kind::U16),
            (2, kind::HEX32),
            (4, kind::FILETIME),
            (8, kind::GUID),
            (6, kind::SIZE),
            (11, kind::SID),
            (3, kind::STRINGS),
            (4, kind::STRINGS),
            (0, 0x20),
            (4, 0x88),
            (4, 0xFF),
        ] {
            assert_eq!(read_all(&[(size, kind)], &[1; 16]), None, "{size} bytes of {kind:#x}");
        }
        assert_eq!(read_all(&[(8, kind::STRING)], &[0; 7]), None, "cut off");
        assert!(read_all(&[(12, kind::SID)], &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]).is_some());
    }

    #[test]
    fn lists_of_strings_end_each_string_with_a_zero() {
        let slot = |bytes: &[u8]| Slot::new(kind::STRINGS, bytes.len() as u16, 0);
        let bytes = b"a\0b\0\0\0\0\0c\0\0\0";
        let strings: Vec<&[u8]> = slot(bytes).strings(bytes).collect();
        assert_eq!(strings, [&b"a\0b\0"[..], b"", b"c\0"]);
        assert_eq!(slot(b"").strings(b"").count(), 0);
    }

    #[test]
    fn what_counts_as_empty() {
        let empty = |kind, bytes: &[u8]| {
            let slot = Slot::new(kind, bytes.len() as u16, 0);
            slot.is_empty(bytes)
        };
        assert!(empty(kind::NULL, b"abc") && empty(kind::STRING, b"") && empty(kind::STRING, b"\0\0a\0"));
        assert!(empty(kind::ANSI, b"\0\0") && empty(kind::BINARY, b"") && empty(kind::STRINGS, b""));
        assert!(!empty(kind::STRING, b"a\0") && !empty(kind::U8, b"\0") && !empty(kind::STRINGS, b"\0\0"));
    }
}
