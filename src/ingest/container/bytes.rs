//! Bytes that threads can share without copying: a range of a mapped file or of a buffer.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex, PoisonError};

use memmap2::Mmap;

/// Buffers that were used and can be used again: fresh memory costs more than what is done with it.
#[derive(Debug, Default)]
pub struct BufferPool {
    free: Mutex<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// Buffers kept; more are given back to the system.
    const KEPT: usize = 16;
    /// Larger ones are not kept.
    const LARGEST: usize = 16 << 20;

    /// A buffer of at least `len` bytes with any content.
    pub fn get(&self, len: usize) -> Vec<u8> {
        let mut buffer = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .unwrap_or_default();
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        buffer
    }

    fn put(&self, buffer: Vec<u8>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < Self::KEPT && buffer.len() <= Self::LARGEST {
            free.push(buffer);
        }
    }
}

/// A buffer that goes back to its pool.
struct Pooled {
    buffer: Vec<u8>,
    pool: Option<Arc<BufferPool>>,
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.put(std::mem::take(&mut self.buffer));
        }
    }
}

/// A cheaply cloned, immutable range of bytes.
#[derive(Clone)]
pub struct SharedBytes {
    owner: Owner,
    range: Range<usize>,
}

#[derive(Clone)]
enum Owner {
    Buffer(Arc<Pooled>),
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

impl SharedBytes {
    /// The first `len` bytes of a buffer that goes back to its pool when nobody needs them any more.
    pub fn pooled(buffer: Vec<u8>, len: usize, pool: &Arc<BufferPool>) -> Self {
        let range = 0..len.min(buffer.len());
        let pool = Some(Arc::clone(pool));
        Self {
            owner: Owner::Buffer(Arc::new(Pooled { buffer, pool })),
            range,
        }
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(buffer: Vec<u8>) -> Self {
        let range = 0..buffer.len();
        Self {
            owner: Owner::Buffer(Arc::new(Pooled { buffer, pool: None })),
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
            Owner::Buffer(pooled) => &pooled.buffer,
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
    fn a_buffer_goes_back_to_its_pool_with_the_last_part_of_it() {
        let pool = Arc::new(BufferPool::default());
        let bytes = SharedBytes::pooled(pool.get(8), 5, &pool);
        let part = bytes.slice(1..3);
        drop(bytes);
        assert_eq!((part.len(), pool.free.lock().unwrap().len()), (2, 0));
        drop(part);
        assert_eq!(pool.free.lock().unwrap().len(), 1);
        assert_eq!(pool.get(20).len(), 20);
    }

    #[test]
    fn slices_stay_inside_their_parent() {
        let all = SharedBytes::from(b"0123456789".to_vec());
        let part = all.slice(2..6);
        assert_eq!(&*part, b"2345");
        assert_eq!(&*part.slice(1..100), b"345");
        assert_eq!(&*part.slice(50..60), b"");
    }
}
