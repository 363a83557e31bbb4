//! Lines end at LF bytes only: the Unicode line separators occur inside records.

/// The lines of a block as (offset, bytes without LF and one CR before it). An empty end after the last LF is no line.
pub struct Lines<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// Iterates over a block.
    pub fn new(block: &'a [u8]) -> Self {
        Self { block, at: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.block.get(self.at..).filter(|rest| !rest.is_empty())?;
        let start = self.at;
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        self.at += len;
        Some((start, without_break(rest.get(..len)?)))
    }
}

/// Up to the last LF.
pub(super) fn boundary(block: &[u8]) -> usize {
    memchr::memrchr(b'\n', block).map_or(0, |at| at + 1)
}

/// Strips one LF and one CR before it.
pub(super) fn without_break(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
