//! Reading little-endian numbers from bytes that nobody vouches for.

/// A place in a chunk. Offsets count from the chunk's beginning, and nothing behind `end` is read.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'c> {
    rest: &'c [u8],
    end: usize,
}

impl<'c> Cursor<'c> {
    /// Reads `chunk` from `at` up to `end`; `None` if they are not in the chunk.
    pub fn new(chunk: &'c [u8], at: usize, end: usize) -> Option<Self> {
        let rest = chunk.get(at..end)?;
        Some(Self { rest, end })
    }

    /// The offset of the next byte.
    #[inline]
    pub fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Whether everything is read.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, which is not taken.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Option<&'c [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    /// The next byte.
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    /// The next two bytes.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next four bytes.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next four bytes as an offset in the chunk.
    #[inline]
    pub fn offset(&mut self) -> Option<usize> {
        self.u32().map(|n| n as usize)
    }
}

/// The number of two bytes at `at`.
#[inline]
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

/// The number of four bytes at `at`.
#[inline]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

/// The number of eight bytes at `at`.
#[inline]
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

#[inline]
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
