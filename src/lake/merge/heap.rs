//! A binary heap of small numbers whose order is told from outside, so that the order may depend on what they stand for.

/// The smallest on top.
#[derive(Debug, Default)]
pub struct Heap {
    items: Vec<u32>,
}

impl Heap {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    #[inline]
    pub fn top(&self) -> Option<u32> {
        self.items.first().copied()
    }

    pub fn push(&mut self, item: u32, less: impl Fn(u32, u32) -> bool) {
        self.items.push(item);
        let mut at = self.items.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.before(at, parent, &less) {
                break;
            }
            self.items.swap(at, parent);
            at = parent;
        }
    }

    pub fn pop(&mut self, less: impl Fn(u32, u32) -> bool) -> Option<u32> {
        if self.items.is_empty() {
            return None;
        }
        let top = self.items.swap_remove(0);
        self.settle_top(less);
        Some(top)
    }

    /// Brings the top to its place after what it stands for has grown.
    pub fn settle_top(&mut self, less: impl Fn(u32, u32) -> bool) {
        let (mut at, n) = (0, self.items.len());
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let mut smallest = at;
            if left < n && self.before(left, smallest, &less) {
                smallest = left;
            }
            if right < n && self.before(right, smallest, &less) {
                smallest = right;
            }
            if smallest == at {
                return;
            }
            self.items.swap(at, smallest);
            at = smallest;
        }
    }

    #[inline]
    fn before(&self, a: usize, b: usize, less: &impl Fn(u32, u32) -> bool) -> bool {
        match (self.items.get(a), self.items.get(b)) {
            (Some(a), Some(b)) => less(*a, *b),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn items_come_out_in_order(keys in proptest::collection::vec(0u32..50, 0..60)) {
            let less = |a: u32, b: u32| (keys[a as usize], a) < (keys[b as usize], b);
            let mut h = Heap::default();
            for i in 0..keys.len() as u32 {
                h.push(i, less);
            }
            let mut out = Vec::new();
            while let Some(i) = h.pop(less) {
                out.push(keys[i as usize]);
            }
            let mut want = keys.clone();
            want.sort_unstable();
            prop_assert_eq!(out, want);
        }
    }
}
