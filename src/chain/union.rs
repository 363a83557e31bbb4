//! Disjoint sets.

/// Disjoint sets over `0..n`, grown on demand.
#[derive(Debug, Default)]
pub struct Union {
    parent: Vec<u32>,
    size: Vec<u32>,
}

impl Union {
    /// `n` sets of one element each.
    pub fn new(n: usize) -> Self {
        Self {
            parent: (0..n as u32).collect(),
            size: vec![1; n],
        }
    }

    /// Adds an element in a set of its own.
    pub fn add(&mut self) -> u32 {
        let at = self.parent.len() as u32;
        self.parent.push(at);
        self.size.push(1);
        at
    }

    /// The representative of the set of `a`; `a` itself where it was never added.
    pub fn find(&mut self, a: u32) -> u32 {
        let mut at = a;
        while let Some(&up) = self.parent.get(at as usize) {
            if up == at {
                break;
            }
            let top = self.parent.get(up as usize).copied().unwrap_or(up);
            if let Some(slot) = self.parent.get_mut(at as usize) {
                *slot = top;
            }
            at = top;
        }
        at
    }

    /// Joins the sets of `a` and `b`.
    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return;
        }
        let size = |u: &Self, i: u32| u.size.get(i as usize).copied().unwrap_or(0);
        let (big, small) = if size(self, a) >= size(self, b) { (a, b) } else { (b, a) };
        let sum = size(self, a) + size(self, b);
        if let Some(slot) = self.parent.get_mut(small as usize) {
            *slot = big;
        }
        if let Some(slot) = self.size.get_mut(big as usize) {
            *slot = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_elements_share_a_representative() {
        let mut u = Union::new(4);
        u.join(0, 1);
        u.join(2, 3);
        assert_ne!(u.find(0), u.find(2));
        u.join(1, 3);
        assert_eq!(u.find(0), u.find(2));
        let new = u.add();
        assert_ne!(u.find(new), u.find(0));
    }
}
