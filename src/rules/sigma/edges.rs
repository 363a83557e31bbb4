//! Texts that others begin or end with: found by a few bytes at that edge.

use std::collections::HashMap;

use ahash::RandomState;

use super::program::{LeafId, seeds};

/// Most bytes by which a text is looked up.
const WIDEST: usize = 8;

/// Bits for the bytes at the very edge.
const TIPS: usize = 1 << 10;

/// A side of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// Where it begins.
    #[default]
    Start,
    /// Where it ends.
    End,
}

/// Texts with questions at one side of others.
#[derive(Debug, Default)]
pub struct Edges {
    side: Side,
    /// For each number of bytes, the texts by these bytes at the edge.
    widths: [Bytes; WIDEST],
    /// A bit for the last two bytes at the edge of each text: most texts are told apart by them.
    tips: [u64; TIPS / 64],
}

type Bytes = HashMap<u64, Vec<(Box<str>, Vec<LeafId>)>, RandomState>;

impl Edges {
    /// No texts.
    pub fn new(side: Side) -> Self {
        Self {
            side,
            widths: std::array::from_fn(|_| HashMap::with_hasher(seeds())),
            tips: [0; TIPS / 64],
        }
    }

    /// Adds a question about a text, which is not empty.
    pub fn add(&mut self, text: &str, leaf: LeafId) {
        let width = text.len().clamp(1, WIDEST);
        let (Some(key), Some(of_width)) = (edge(self.side, text, width), self.widths.get_mut(width - 1)) else {
            return;
        };
        match tip(self.side, text) {
            Some(t) => {
                if let Some(word) = self.tips.get_mut(t / 64) {
                    *word |= 1 << (t % 64);
                }
            }
            // One byte alone says too little.
            None => self.tips = [u64::MAX; TIPS / 64],
        }
        let list = of_width.entry(key).or_default();
        match list.iter_mut().find(|(t, _)| **t == *text) {
            Some((_, leaves)) => leaves.push(leaf),
            None => list.push((text.into(), vec![leaf])),
        }
    }

    /// Adds the questions about the texts that `text` begins or ends with.
    pub fn ask(&self, text: &str, yes: &mut Vec<LeafId>) {
        let told = |t: usize| self.tips.get(t / 64).is_some_and(|w| w >> (t % 64) & 1 == 1);
        if !tip(self.side, text).is_none_or(told) {
            return;
        }
        for (width, of_width) in (1..).zip(&self.widths).filter(|(_, w)| !w.is_empty()) {
            let Some(key) = edge(self.side, text, width) else {
                return;
            };
            for (own, leaves) in of_width.get(&key).into_iter().flatten() {
                let holds = match self.side {
                    Side::Start => text.starts_with(&**own),
                    Side::End => text.ends_with(&**own),
                };
                if holds {
                    yes.extend_from_slice(leaves);
                }
            }
        }
    }
}

/// A place among the bits for the two bytes at the edge; `None` where there are fewer.
#[inline]
fn tip(side: Side, text: &str) -> Option<usize> {
    let key = edge(side, text, 2)? as u32;
    Some((key.wrapping_mul(0x9E37_79B1) >> (u32::BITS - TIPS.ilog2())) as usize)
}

/// So many bytes at an edge as a number; `None` where the text has fewer.
#[inline]
fn edge(side: Side, text: &str, width: usize) -> Option<u64> {
    let bytes = text.as_bytes();
    let own = match side {
        Side::Start => bytes.get(..width)?,
        Side::End => bytes.get(bytes.len().checked_sub(width)?..)?,
    };
    Some(match own.first_chunk::<WIDEST>() {
        Some(all) => u64::from_le_bytes(*all),
        None => own.iter().fold(0, |k, b| k << 8 | u64::from(*b)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_begins_or_ends_a_text_is_found(texts in prop::collection::vec("[ab]{1,11}", 0..30), text in "[ab]{0,14}") {
            for side in [Side::Start, Side::End] {
                let mut edges = Edges::new(side);
                (0..).zip(&texts).for_each(|(i, t)| edges.add(t, i));
                let mut yes = Vec::new();
                edges.ask(&text, &mut yes);
                yes.sort_unstable();
                let holds = |t: &String| match side {
                    Side::Start => text.starts_with(t.as_str()),
                    Side::End => text.ends_with(t.as_str()),
                };
                let wanted: Vec<LeafId> = (0..).zip(&texts).filter(|(_, t)| holds(t)).map(|(i, _)| i).collect();
                prop_assert_eq!(yes, wanted);
            }
        }
    }
}
