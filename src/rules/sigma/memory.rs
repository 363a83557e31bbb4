//! What texts answered before: the same text in another batch or file is not asked again.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Mutex, PoisonError};

use ahash::RandomState;

use super::program::LeafId;

/// Parts that are locked by themselves.
const SHARDS: usize = 16;
/// Texts that one field's memory knows, of 24 bytes each; beyond that texts are asked each time.
const MAX_TEXTS: usize = 512 << 10;
/// Answers that one field's memory holds.
const MAX_ANSWERS: usize = 2 << 20;

/// The answers of one field's texts.
///
/// A text is known by 128 bits of its hash, under keys that are drawn anew for each run, so that nobody can write a log
/// in which one text passes for another.
#[derive(Debug)]
pub struct Memory {
    shards: Vec<Mutex<Shard>>,
    hashers: [RandomState; 2],
}

#[derive(Debug, Default)]
struct Shard {
    /// Begin and length in `answers`.
    known: HashMap<(u64, u64), (u32, u32), PassThrough>,
    answers: Vec<LeafId>,
}

/// Takes the first half of a key, which is a hash already.
#[derive(Debug, Clone, Default)]
struct PassThrough(u64);

impl BuildHasher for PassThrough {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for PassThrough {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, n: u64) {
        self.0 ^= n;
    }
}

impl Default for Memory {
    fn default() -> Self {
        let fresh = || {
            let key = |n: u64| std::hash::RandomState::new().hash_one(n);
            RandomState::with_seeds(key(1), key(2), key(3), key(4))
        };
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            hashers: [fresh(), fresh()],
        }
    }
}

impl Memory {
    /// Adds the answers of a text to `out`; `ask` finds them where they are not known.
    pub fn recall(&self, text: &str, out: &mut Vec<LeafId>, ask: impl FnOnce(&mut Vec<LeafId>)) {
        let [a, b] = &self.hashers;
        let key = (a.hash_one(text), b.hash_one(text));
        let Some(shard) = self.shards.get(key.0 as usize % SHARDS) else {
            return ask(out);
        };
        let locked = || shard.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let shard = locked();
            if let Some((begin, len)) = shard.known.get(&key) {
                let (begin, len) = (*begin as usize, *len as usize);
                out.extend_from_slice(shard.answers.get(begin..begin + len).unwrap_or(&[]));
                return;
            }
        }
        let begin = out.len();
        ask(out);
        let answers = out.get(begin..).unwrap_or(&[]);
        let mut shard = locked();
        let room =
            shard.known.len() < MAX_TEXTS / SHARDS && shard.answers.len() + answers.len() <= MAX_ANSWERS / SHARDS;
        if room {
            let place = (shard.answers.len() as u32, answers.len() as u32);
            shard.known.insert(key, place);
            shard.answers.extend_from_slice(answers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_asked_once_until_the_memory_is_full() {
        let m = Memory::default();
        let mut out = vec![9];
        m.recall("a", &mut out, |o| o.extend([1, 2]));
        m.recall("", &mut out, |_| ());
        m.recall("a", &mut out, |_| unreachable!("known"));
        m.recall("", &mut out, |_| unreachable!("known"));
        assert_eq!(out, [9, 1, 2, 1, 2]);
        let mut asked = 0;
        for _ in 0..2 {
            m.recall("b", &mut Vec::new(), |o| {
                asked += 1;
                o.resize(MAX_ANSWERS, 0);
            });
        }
        assert_eq!(asked, 2);
    }
}
