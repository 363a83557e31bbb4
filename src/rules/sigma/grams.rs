//! Many texts looked for in one at once: of each some neighbouring bytes, the rarest that it has, stand in a table of bits. A text
//! is gone through byte by byte; where the bits say so, the texts with these bytes are compared in place.
//!
//! Made in the time that reading the texts takes, where an automaton takes a hundred times that, and as fast to walk.

use std::collections::HashMap;

use ahash::RandomState;
use aho_corasick::{Span, packed};

use super::program::seeds;

/// Most neighbouring bytes.
const WIDEST: usize = 4;
/// Up to so many texts one pass over a text is worth more than rarer bytes.
const FEW: usize = 128;
/// Bytes from which on vectors search faster than the table, where the texts are few enough for them.
const LONG: usize = 64;
/// Bits of the largest table: 16 KiB, half of the first cache.
const MAX_BITS: u32 = 17;
/// Bits of the smallest table.
const MIN_BITS: u32 = 10;
/// Bits of the table per text.
const BITS_PER_TEXT: usize = 32;
/// Of the tables that count how often bytes stand in the texts.
const COUNT_BITS: u32 = 14;
/// What nearly every event holds: bytes of it point nothing out.
const COMMONPLACE: &str = "c:\\windows\\system32\\windowspowershell\\v1.0\\powershell.exe -command \
    c:\\program files (x86)\\c:\\users\\administrator\\appdata\\local\\temp\\roaming\\microsoft\\ \
    hklm\\system\\currentcontrolset\\services\\hkcu\\software\\microsoft\\windows\\currentversion\\ \
    svchost.exe -k netsvcs -p -s cmd.exe /c explorer.exe rundll32.exe .dll .sys programdata syswow64 \
    https://www.http://.com .net .org .local in-addr.arpa microsoft corporation nt authority\\system \
    sha1=,md5=,sha256=,imphash= true false 0x0000000000000000 the and ing ion";

/// See the module.
#[derive(Debug, Default)]
pub struct Grams {
    texts: Vec<Box<str>>,
    /// By number of neighbouring bytes; those that some text has.
    widths: Vec<Width>,
}

#[derive(Debug)]
struct Width {
    bytes: usize,
    shift: u32,
    bits: Vec<u64>,
    /// The same by vectors, where there are few.
    packed: Option<packed::Searcher>,
    /// Bytes to their begin and end in `entries`.
    buckets: HashMap<u32, (u32, u32), RandomState>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Place of the text.
    text: u32,
    /// Bytes of it up to the end of those that are in the table.
    head: u32,
}

/// Which texts were found in the one in hand.
#[derive(Debug, Default)]
pub struct Seen {
    stamps: Vec<u32>,
    turn: u32,
}

impl Seen {
    /// Forgets all; there are `texts` of them.
    fn clear(&mut self, texts: usize) {
        self.turn = self.turn.wrapping_add(1);
        if self.turn == 0 {
            self.stamps.clear();
            self.turn = 1;
        }
        // Stamps of others are of other turns.
        if self.stamps.len() < texts {
            self.stamps.resize(texts, 0);
        }
    }

    #[inline]
    fn has(&self, text: u32) -> bool {
        self.stamps.get(text as usize) == Some(&self.turn)
    }

    fn add(&mut self, text: u32) {
        if let Some(s) = self.stamps.get_mut(text as usize) {
            *s = self.turn;
        }
    }
}

impl Grams {
    /// Of texts, none of them empty; they are known by their places.
    pub fn new(texts: Vec<Box<str>>) -> Self {
        let narrow = texts.len() < FEW && texts.iter().any(|t| t.len() + 1 == WIDEST);
        let widest = if narrow { WIDEST - 1 } else { WIDEST };
        let widths = (1..=widest).filter_map(|bytes| Width::new(bytes, bytes == widest, &texts));
        Self {
            widths: widths.collect(),
            texts,
        }
    }

    /// Calls `found` for every text that stands in `text`, once each.
    pub fn each(&self, text: &[u8], seen: &mut Seen, mut found: impl FnMut(usize)) {
        seen.clear(self.texts.len());
        for w in &self.widths {
            w.scan(text, |end, e| {
                if seen.has(e.text) {
                    return;
                }
                let whole = self.texts.get(e.text as usize).map_or(&[][..], |t| t.as_bytes());
                let begin = end.checked_sub(e.head as usize);
                if begin.and_then(|b| text.get(b..)).is_some_and(|t| t.starts_with(whole)) {
                    seen.add(e.text);
                    found(e.text as usize);
                }
            });
        }
    }
}

impl Width {
    /// Of the texts that have so many bytes; or more, where these are the `widest`.
    fn new(bytes: usize, widest: bool, texts: &[Box<str>]) -> Option<Self> {
        let is_own = |t: &str| t.len() == bytes || t.len() > bytes && widest;
        let own = || (0u32..).zip(texts).filter(|(_, t)| is_own(t));
        let mut counts = vec![0u32; 1 << COUNT_BITS];
        let mut count = |text: &str, n: u32| {
            for w in text.as_bytes().windows(bytes) {
                if let Some(c) = counts.get_mut(slot(key(w), 32 - COUNT_BITS)) {
                    *c = c.saturating_add(n);
                }
            }
        };
        own().for_each(|(_, t)| count(t, 1));
        let n = own().count();
        if n == 0 {
            return None;
        }
        count(COMMONPLACE, n as u32);
        let mut pairs: Vec<(u32, Entry)> = own()
            .filter_map(|(text, t)| {
                let rarity = |w: &[u8]| counts.get(slot(key(w), 32 - COUNT_BITS)).copied();
                let windows = t.as_bytes().windows(bytes).enumerate();
                let (at, w) = windows.min_by_key(|(at, w)| (rarity(w), *at))?;
                let head = (at + bytes) as u32;
                Some((key(w), Entry { text, head }))
            })
            .collect();
        pairs.sort_by_key(|(k, e)| (*k, e.text));
        let log = (n * BITS_PER_TEXT)
            .next_power_of_two()
            .ilog2()
            .clamp(MIN_BITS, MAX_BITS);
        let mut out = Self {
            bytes,
            shift: 32 - log,
            bits: vec![0; 1 << (log - 6)],
            packed: None,
            buckets: HashMap::with_hasher(seeds()),
            entries: Vec::with_capacity(pairs.len()),
        };
        for (k, e) in pairs {
            let at = slot(k, out.shift);
            if let Some(word) = out.bits.get_mut(at >> 6) {
                *word |= 1 << (at & 63);
            }
            let end = out.entries.len() as u32;
            out.entries.push(e);
            out.buckets.entry(k).or_insert((end, end)).1 = end + 1;
        }
        let keys = out.buckets.keys().map(|k| k.to_be_bytes());
        let mut windows: Vec<Vec<u8>> = keys.map(|k| k.into_iter().skip(WIDEST - bytes).collect()).collect();
        windows.sort_unstable();
        out.packed = packed::Searcher::new(windows);
        Some(out)
    }

    /// Calls `hit` with the end of the bytes and every entry that has them.
    #[inline]
    fn scan(&self, text: &[u8], mut hit: impl FnMut(usize, &Entry)) {
        if let (Some(packed), true) = (&self.packed, text.len() >= LONG) {
            let mut at = 0;
            while let Some(m) = packed.find_in(text, Span::from(at..text.len())) {
                let window = text.get(m.start()..m.end()).map_or(0, key);
                self.bucket(window).iter().for_each(|e| hit(m.end(), e));
                at = m.start() + 1;
            }
            return;
        }
        let mask = u32::MAX >> (32 - 8 * self.bytes as u32);
        let (bits, shift) = (self.bits.as_slice(), self.shift);
        let mut window = 0u32;
        for (at, b) in text.iter().enumerate() {
            window = (window << 8 | u32::from(*b)) & mask;
            let slot = slot(window, shift);
            if bits.get(slot >> 6).is_some_and(|w| w >> (slot & 63) & 1 == 1) {
                self.bucket(window).iter().for_each(|e| hit(at + 1, e));
            }
        }
    }

    #[inline(never)]
    fn bucket(&self, key: u32) -> &[Entry] {
        let (begin, end) = self.buckets.get(&key).copied().unwrap_or((0, 0));
        self.entries.get(begin as usize..end as usize).unwrap_or(&[])
    }
}

/// Up to four bytes as a number.
fn key(window: &[u8]) -> u32 {
    window.iter().fold(0, |k, b| k << 8 | u32::from(*b))
}

#[inline]
fn slot(key: u32, shift: u32) -> usize {
    (key.wrapping_mul(0x9E37_79B1) >> shift) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_that_stands_in_another_is_found_once(
            texts in prop::collection::vec("[abä]{1,7}", 0..30), text in "[abcä]{0,140}"
        ) {
            let boxed: Vec<Box<str>> = texts.iter().map(|t| t.as_str().into()).collect();
            let grams = Grams::new(boxed);
            let mut seen = Seen::default();
            for _ in 0..2 {
                let mut found = Vec::new();
                grams.each(text.as_bytes(), &mut seen, |i| found.push(i));
                found.sort_unstable();
                let wanted: Vec<usize> = (0..texts.len()).filter(|i| text.contains(&texts[*i])).collect();
                prop_assert_eq!(found, wanted);
            }
        }
    }

    #[test]
    fn more_texts_than_bits() {
        let texts: Vec<Box<str>> = (0..20_000).map(|n| format!("text {n:05}").into()).collect();
        let grams = Grams::new(texts);
        let mut found = Vec::new();
        grams.each(b"a text 00017 in a text 19999", &mut Seen::default(), |i| found.push(i));
        found.sort_unstable();
        assert_eq!(found, [17, 19_999]);
    }
}
