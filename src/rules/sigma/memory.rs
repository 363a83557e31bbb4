//! What texts answered before: the same text in another batch or file is not asked again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ahash::RandomState;

use super::program::{LeafId, seeds};

/// Parts that are locked by themselves.
const SHARDS: usize = 16;
/// Bytes of texts that one field's memory holds; beyond that texts are asked each time.
const MAX_BYTES: usize = 64 << 20;

/// The answers of one field's texts.
#[derive(Debug)]
pub struct Memory {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    known: HashMap<Box<str>, Arc<[LeafId]>, RandomState>,
    bytes: usize,
}

impl Default for Memory {
    fn default() -> Self {
        let shard = || {
            Mutex::new(Shard {
                known: HashMap::with_hasher(seeds()),
                bytes: 0,
            })
        };
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: RandomState::with_seeds(5, 6, 7, 8),
        }
    }
}

impl Memory {
    /// Adds the answers of a text to `out`; `ask` finds them where they are not known.
    pub fn recall(&self, text: &str, out: &mut Vec<LeafId>, ask: impl FnOnce(&mut Vec<LeafId>)) {
        let at = self.hasher.hash_one(text) as usize % SHARDS;
        let Some(shard) = self.shards.get(at) else {
            return ask(out);
        };
        let locked = || shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = locked().known.get(text) {
            out.extend_from_slice(known);
            return;
        }
        let begin = out.len();
        ask(out);
        let mut shard = locked();
        let cost = text.len() + 64;
        if shard.bytes + cost <= MAX_BYTES / SHARDS {
            shard.bytes += cost;
            shard.known.insert(text.into(), out.get(begin..).unwrap_or(&[]).into());
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
        m.recall("a", &mut out, |o| o.push(1));
        m.recall("a", &mut out, |_| unreachable!("known"));
        assert_eq!(out, [9, 1, 1]);
        let large = "x".repeat(MAX_BYTES);
        let mut asked = 0;
        for _ in 0..2 {
            m.recall(&large, &mut out, |_| asked += 1);
        }
        assert_eq!(asked, 2);
    }
}
