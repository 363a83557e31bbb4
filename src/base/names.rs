//! A fixed set of names, found by one cheap hash and one comparison.
//!
//! Records name the same few hundred fields over and over. A general hash map spends most of its time on hashing; here
//! length, first and last bytes are enough, because the set is known and a comparison follows.

/// Names with their place in the list they were made from.
#[derive(Debug)]
pub struct Names {
    /// Place in `names` plus one; 0 is an empty slot. The length is a power of two.
    slots: Vec<u16>,
    names: Vec<(Ends, &'static str)>,
}

/// Length and outer eight bytes of a name: all there is of one of up to 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    len: usize,
    front: u64,
    back: u64,
}

impl Ends {
    #[inline]
    fn of(name: &[u8]) -> Self {
        let (front, back) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            (Some(a), Some(z)) => (u64::from_le_bytes(*a), u64::from_le_bytes(*z)),
            _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
                (Some(a), Some(z)) => (u64::from(u32::from_le_bytes(*a)), u64::from(u32::from_le_bytes(*z))),
                _ => (name.iter().fold(0, |h, b| h << 8 | u64::from(*b)), 0),
            },
        };
        Self {
            len: name.len(),
            front,
            back,
        }
    }

    #[inline]
    fn hash(self) -> u64 {
        let mixed = (self.front ^ self.back.rotate_left(23) ^ self.len as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 32
    }
}

impl Names {
    /// A set of at most 30,000 names. Of a name that stands twice the last place counts.
    pub fn new(names: impl IntoIterator<Item = &'static str>) -> Self {
        let names: Vec<_> = names
            .into_iter()
            .take(30_000)
            .map(|n| (Ends::of(n.as_bytes()), n))
            .collect();
        let mut set = Self {
            slots: vec![0; (names.len() * 3).next_power_of_two().max(8)],
            names,
        };
        for (place, (ends, name)) in set.names.clone().into_iter().enumerate() {
            let slot = set.slot(ends, name);
            if let Some(s) = set.slots.get_mut(slot) {
                *s = place as u16 + 1;
            }
        }
        set
    }

    /// The place of a name.
    #[inline]
    pub fn find(&self, name: &str) -> Option<usize> {
        let slot = self.slot(Ends::of(name.as_bytes()), name);
        let at = self.slots.get(slot).copied().unwrap_or(0);
        (at as usize).checked_sub(1)
    }

    /// The slot that holds the name, or the empty one where it would stand.
    #[inline]
    fn slot(&self, ends: Ends, name: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = ends.hash() as usize & mask;
        // A third of the slots are taken, so there is always an empty one.
        while let Some(&at) = self.slots.get(slot).filter(|at| **at != 0) {
            if let Some((e, n)) = self.names.get(at as usize - 1)
                && *e == ends
                && (ends.len <= 16 || *n == name)
            {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }
}

/// A hash of the length and the outer eight bytes at either end.
#[inline]
pub fn hash(name: &[u8]) -> u64 {
    Ends::of(name).hash()
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
        assert_eq!(Names::new([]).find("x"), None);
    }
}
