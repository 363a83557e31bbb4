//! A fixed set of names, found by one cheap hash and one comparison.
//!
//! Records name the same few hundred fields over and over. A general hash map spends most of its time on hashing; here
//! length, first and last bytes are enough, because the set is known and a comparison follows.

use std::ops::Deref;

/// Names with their place in the list they were made from.
#[derive(Debug)]
pub struct Names<N = &'static str> {
    /// Place in `names` plus one; 0 is an empty slot. The length is a power of two.
    slots: Vec<u16>,
    names: Vec<(u32, N)>,
}

impl<N: Deref<Target = str>> Names<N> {
    /// A set of at most 30,000 names. Of a name that stands twice the last place counts.
    pub fn new(names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<_> = names
            .into_iter()
            .take(30_000)
            .map(|n| (hash(n.as_bytes()), n))
            .collect();
        let mut slots = vec![0; (names.len() * 3).next_power_of_two().max(8)];
        for (place, (hash, name)) in names.iter().enumerate() {
            let slot = slot(&slots, &names, *hash, name);
            if let Some(s) = slots.get_mut(slot) {
                *s = place as u16 + 1;
            }
        }
        Self { slots, names }
    }

    /// The place of a name.
    #[inline]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.find_hashed(name, hash(name.as_bytes()))
    }

    /// The place of a name whose [`hash`] is known.
    #[inline]
    pub fn find_hashed(&self, name: &str, hash: u32) -> Option<usize> {
        let slot = slot(&self.slots, &self.names, hash, name);
        let at = self.slots.get(slot).copied().unwrap_or(0);
        (at as usize).checked_sub(1)
    }

    /// How many different names there are.
    pub fn distinct(&self) -> usize {
        self.slots.iter().filter(|at| **at != 0).count()
    }

    /// The name at a place.
    pub fn get(&self, place: usize) -> Option<&N> {
        self.names.get(place).map(|(_, name)| name)
    }

    /// All names in their places.
    pub fn iter(&self) -> impl Iterator<Item = &N> {
        self.names.iter().map(|(_, name)| name)
    }
}

/// The slot that holds the name, or the empty one where it would stand.
#[inline]
fn slot<N: Deref<Target = str>>(slots: &[u16], names: &[(u32, N)], hash: u32, name: &str) -> usize {
    let mask = slots.len() - 1;
    let mut slot = hash as usize & mask;
    // A third of the slots are taken, so there is always an empty one.
    while let Some(&at) = slots.get(slot).filter(|at| **at != 0) {
        let known = names.get(at as usize - 1);
        if known.is_some_and(|(h, n)| *h == hash && **n == *name) {
            break;
        }
        slot = (slot + 1) & mask;
    }
    slot
}

/// A hash of the length and the outer eight bytes at either end.
///
/// Always inlined: of a name in the program's text the compiler works it out.
#[inline(always)]
pub fn hash(name: &[u8]) -> u32 {
    let (front, back) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(a), Some(z)) => (u64::from_le_bytes(*a), u64::from_le_bytes(*z)),
        _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(a), Some(z)) => (u64::from(u32::from_le_bytes(*a)), u64::from(u32::from_le_bytes(*z))),
            _ => (name.iter().fold(0, |h, b| h << 8 | u64::from(*b)), 0),
        },
    };
    let mixed = (front ^ back.rotate_left(23) ^ name.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_at_its_place_and_no_other_is() {
        let names = [
            "",
            "a",
            "ab",
            "id.orig_h",
            "id.resp_h",
            "UtcTime",
            "ProcessId",
            "ProcessGuid",
            "ProcessGUID",
            "Image",
            "ParentImage",
            "ParentCommandLine",
            "CommandLine",
        ];
        let set = Names::new(names);
        for (i, n) in names.iter().enumerate() {
            assert_eq!(set.find(n), Some(i), "{n}");
        }
        for other in [
            "b",
            "image",
            "ProcessGuiD",
            "ProcessGui",
            "id.orig_p",
            "ParentCommandLine2",
        ] {
            assert_eq!(set.find(other), None, "{other}");
        }
        assert_eq!(Names::<&str>::new([]).find("x"), None);
    }
}
