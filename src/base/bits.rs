//! A bit for each of many numbers.

/// One bit a number; those that were never set take no room behind the last one that was.
#[derive(Debug, Default)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// Sets a bit.
    pub fn set(&mut self, at: u64) {
        let word = (at / 64) as usize;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(w) = self.words.get_mut(word) {
            *w |= 1 << (at % 64);
        }
    }

    /// Whether a bit is set.
    #[inline]
    pub fn get(&self, at: u64) -> bool {
        let word = self.words.get((at / 64) as usize).copied().unwrap_or(0);
        word >> (at % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_set_and_nothing_else() {
        let mut bits = Bits::default();
        [0, 63, 64, 4_095].into_iter().for_each(|at| bits.set(at));
        let set: Vec<u64> = (0..10_000).filter(|at| bits.get(*at)).collect();
        assert_eq!(set, [0, 63, 64, 4_095]);
        assert!(!bits.get(u64::MAX));
    }
}
