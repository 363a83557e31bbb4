//! By what the content of an input is told: the hash of all of it, or of its beginning while it is being read.

use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// What tells that an input is the one that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Proof {
    /// BLAKE3 of its content.
    Content(String),
    /// BLAKE3 of its first bytes, as many as were read.
    Prefix(u64, String),
}

/// By what the content of an input is told.
#[derive(Clone, Copy)]
pub(super) enum Content<'c> {
    /// It is at hand: its BLAKE3 and itself.
    Whole(&'c str, &'c [u8]),
    /// It is being read.
    Stream(&'c Mutex<Prefix>),
}

impl Content<'_> {
    /// What tells the content, as far as it was read.
    pub(super) fn proof(&self) -> Proof {
        match self {
            Self::Whole(id, _) => Proof::Content((*id).to_owned()),
            Self::Stream(prefix) => {
                let (blake3, bytes) = Prefix::told(prefix);
                Proof::Prefix(bytes, blake3)
            }
        }
    }

    /// Whether the content can be what a checkpoint told of; a stream is watched from here on.
    pub(super) fn may_prove(&self, proof: &Proof) -> bool {
        match (self, proof) {
            (Self::Whole(id, _), Proof::Content(told)) => id == told,
            (Self::Whole(_, bytes), Proof::Prefix(len, told)) => {
                let first = usize::try_from(*len).ok().and_then(|len| bytes.get(..len));
                first.is_some_and(|first| blake3::hash(first).to_hex().as_str() == told)
            }
            (Self::Stream(_), Proof::Content(_)) => false,
            (Self::Stream(prefix), Proof::Prefix(len, _)) => locked(prefix).watch(*len),
        }
    }

    /// Whether the content is, as far as was read, what a checkpoint told of that may prove it.
    pub(super) fn is_proven(&self, proof: &Proof) -> bool {
        match (self, proof) {
            (Self::Stream(prefix), Proof::Prefix(_, told)) => locked(prefix).seen.as_ref() == Some(told),
            _ => true,
        }
    }
}

/// What was read of a stream so far.
#[derive(Default)]
pub(super) struct Prefix {
    hasher: blake3::Hasher,
    bytes: u64,
    /// A number of bytes to tell the BLAKE3 of when they were read, and that.
    watched: Option<u64>,
    seen: Option<String>,
}

impl Prefix {
    /// BLAKE3 and number of the bytes that were read.
    pub(super) fn told(prefix: &Mutex<Self>) -> (String, u64) {
        let prefix = locked(prefix);
        (hex(&prefix.hasher), prefix.bytes)
    }

    fn add(&mut self, bytes: &[u8]) {
        let left = self.watched.and_then(|at| at.checked_sub(self.bytes));
        let split = left.and_then(|left| bytes.split_at_checked(usize::try_from(left).ok()?));
        let (first, rest) = split.filter(|_| self.seen.is_none()).unwrap_or((&[], bytes));
        self.hasher.update(first);
        if split.is_some() && self.seen.is_none() {
            self.seen = Some(hex(&self.hasher));
        }
        self.hasher.update(rest);
        self.bytes += bytes.len() as u64;
    }

    /// Has the BLAKE3 of the first `bytes` told; whether that is possible still.
    fn watch(&mut self, bytes: u64) -> bool {
        self.watched = Some(bytes);
        self.add(&[]);
        self.bytes <= bytes
    }
}

fn locked(prefix: &Mutex<Prefix>) -> MutexGuard<'_, Prefix> {
    prefix.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hex(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex().to_string()
}

/// A stream that is hashed as it is read.
pub(super) struct Hashing<'r> {
    inner: &'r mut dyn Read,
    prefix: &'r Mutex<Prefix>,
}

impl<'r> Hashing<'r> {
    pub(super) fn new(inner: &'r mut dyn Read, prefix: &'r Mutex<Prefix>) -> Self {
        Self { inner, prefix }
    }
}

impl Read for Hashing<'_> {
    /// Fills the buffer, so that what was read at a place of the text is the same in every run.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if filled == 0 => return Err(e),
                Err(_) => break,
            }
        }
        locked(self.prefix).add(buf.get(..filled).unwrap_or(&[]));
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_tells_the_hash_of_its_beginning_however_it_is_read() {
        let text = b"one line of text\nand another";
        for at in 0..=text.len() {
            for step in [1, 3, text.len()] {
                let prefix = Mutex::default();
                let told = Proof::Prefix(at as u64, blake3::hash(&text[..at]).to_hex().to_string());
                let other = Proof::Prefix(at as u64, blake3::hash(b"other").to_hex().to_string());
                let content = Content::Stream(&prefix);
                assert!(content.may_prove(&told));
                text.chunks(step).for_each(|part| locked(&prefix).add(part));
                assert!(content.is_proven(&told) && !content.is_proven(&other), "{at} by {step}");
                assert_eq!(hex(&locked(&prefix).hasher), blake3::hash(text).to_hex().as_str());
                assert_eq!(locked(&prefix).bytes, text.len() as u64);
                assert_eq!(content.may_prove(&told), at == text.len());
                let whole = blake3::hash(text).to_hex().to_string();
                assert!(Content::Whole(&whole, text).may_prove(&told));
                assert!(!Content::Whole(&whole, text).may_prove(&other));
                assert!(!content.may_prove(&Proof::Content(whole)));
            }
        }
        let prefix = Mutex::default();
        let beyond = Proof::Prefix(99, blake3::hash(text).to_hex().to_string());
        let content = Content::Stream(&prefix);
        assert!(content.may_prove(&beyond));
        locked(&prefix).add(text);
        assert!(!content.is_proven(&beyond));
    }

    #[test]
    fn short_reads_become_full_ones_and_damage_ends_them() {
        struct Slow(Vec<io::Result<&'static [u8]>>);
        impl Read for Slow {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let next = if self.0.is_empty() {
                    Ok(&b""[..])
                } else {
                    self.0.remove(0)
                }?;
                buf[..next.len()].copy_from_slice(next);
                Ok(next.len())
            }
        }
        let prefix = Mutex::default();
        let broken = || io::Error::other("broken");
        let mut slow = Slow(vec![Ok(b"a"), Ok(b"bc"), Err(broken()), Err(broken()), Ok(b"")]);
        let mut hashing = Hashing::new(&mut slow, &prefix);
        let mut buf = [0; 8];
        assert_eq!(hashing.read(&mut buf).unwrap(), 3);
        assert!(hashing.read(&mut buf).is_err());
        assert_eq!(hashing.read(&mut buf).unwrap(), 0);
        assert_eq!(hex(&locked(&prefix).hasher), blake3::hash(b"abc").to_hex().as_str());
    }
}
