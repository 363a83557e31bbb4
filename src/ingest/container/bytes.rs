//! Bytes that threads can share without copying: a range of a mapped file or of a buffer.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::Mmap;

/// A cheaply cloned, immutable range of bytes.
#[derive(Clone)]
pub struct SharedBytes {
    owner: Owner,
    range: Range<usize>,
}

#[derive(Clone)]
enum Owner {
    Buffer(Arc<Vec<u8>>),
    Map(Arc<Mmap>),
}

impl SharedBytes {
    /// A part of these bytes, counted from their own start; what lies outside is cut off.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let len = self.range.len();
        let end = range.end.min(len);
        let start = range.start.min(end);
        Self {
            owner: self.owner.clone(),
            range: self.range.start + start..self.range.start + end,
        }
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(buffer: Vec<u8>) -> Self {
        let range = 0..buffer.len();
        Self {
            owner: Owner::Buffer(Arc::new(buffer)),
            range,
        }
    }
}

impl From<Mmap> for SharedBytes {
    fn from(map: Mmap) -> Self {
        let range = 0..map.len();
        Self {
            owner: Owner::Map(Arc::new(map)),
            range,
        }
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let all: &[u8] = match &self.owner {
            Owner::Buffer(buffer) => buffer,
            Owner::Map(map) => map,
        };
        all.get(self.range.clone()).unwrap_or_default()
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedBytes({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_stay_inside_their_parent() {
        let all = SharedBytes::from(b"0123456789".to_vec());
        let part = all.slice(2..6);
        assert_eq!(&*part, b"2345");
        assert_eq!(&*part.slice(1..100), b"345");
        assert_eq!(&*part.slice(50..60), b"");
    }
}
