//! Names of elements and attributes: decoded once, then known by a number.

use std::collections::HashMap;

use ahash::RandomState;

use super::cursor::{u16_at, u32_at};

/// Number of a name.
pub type Name = u16;

/// The names that mean something to the reader, in the order of their numbers.
macro_rules! known {
    ($($id:ident = $text:literal),* $(,)?) => {
        known!(@number 0; $($id)*);
        const KNOWN: &[&str] = &[$($text),*];
    };
    (@number $n:expr; $id:ident $($rest:ident)*) => {
        pub const $id: Name = $n;
        known!(@number $n + 1; $($rest)*);
    };
    (@number $n:expr;) => {};
}

/// Numbers of the names that mean something to the reader.
#[allow(missing_docs)]
pub mod id {
    use super::Name;

    known! {
        EVENT = "Event",
        SYSTEM = "System",
        EVENT_DATA = "EventData",
        USER_DATA = "UserData",
        RENDERING_INFO = "RenderingInfo",
        BINARY_EVENT_DATA = "BinaryEventData",
        DATA_ITEM = "DataItem",
        DATA = "Data",
        COMPLEX_DATA = "ComplexData",
        BINARY = "Binary",
        MESSAGE = "Message",
        NAME = "Name",
        TYPE = "Type",
        PROVIDER = "Provider",
        GUID = "Guid",
        SECURITY = "Security",
        USER_ID = "UserID",
        USER_ID_2 = "UserId",
        EXECUTION = "Execution",
        XMLNS = "xmlns",
    }

    pub(super) const ALL: &[&str] = KNOWN;
}

/// Where the chunk's table of strings begins in its header, and how many lists it has.
const TABLE: usize = 128;
const LISTS: usize = 64;
/// Most strings one chunk's table may have: more than fit into one, so a list that goes round ends.
const MAX_STRINGS: usize = 8192;
/// Most names kept.
const MAX_NAMES: usize = 50_000;
/// Between a string's offset and its length: the offset of the next one and a hash.
const LINK: usize = 6;
/// Bytes of names that are many.
const MANY_BYTES: usize = 4 << 20;
/// Longest name, in characters.
const MAX_LENGTH: usize = 255;

/// All names seen, and where they lie in the chunk at hand.
pub struct Names {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, Name, RandomState>,
    /// By their UTF-16, in which chunks have them.
    wide: HashMap<Box<[u8]>, Name, RandomState>,
    /// How long all of them are, in bytes.
    bytes: usize,
    /// Offset in the chunk → number, for the names used last.
    places: Box<[(usize, Name); 256]>,
}

impl Names {
    pub fn new() -> Self {
        let mut names = Self {
            texts: Vec::new(),
            numbers: HashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4)),
            wide: HashMap::with_hasher(RandomState::with_seeds(13, 14, 15, 16)),
            bytes: 0,
            places: Box::new([(usize::MAX, 0); 256]),
        };
        for text in id::ALL {
            names.number(text);
        }
        names
    }

    /// Whether there may soon be too many.
    pub fn is_crowded(&self) -> bool {
        self.texts.len() > MAX_NAMES / 2 || self.bytes > MANY_BYTES
    }

    /// Turns to another chunk. `None` if its table of strings is damaged, which makes the whole chunk unreadable.
    pub fn open(&mut self, chunk: &[u8]) -> Option<()> {
        self.places.fill((usize::MAX, 0));
        check_table(chunk)
    }

    /// The name at an offset of the chunk; `None` if it is not one of plain letters.
    pub fn at(&mut self, chunk: &[u8], offset: usize) -> Option<Name> {
        (offset < chunk.len()).then_some(())?;
        let place = (offset ^ (offset >> 8)) & 255;
        if let Some((at, name)) = self.places.get(place)
            && *at == offset
        {
            return Some(*name);
        }
        let (from, to) = units(chunk, offset)?;
        let wide = chunk.get(from..to)?;
        let name = match self.wide.get(wide) {
            Some(name) => *name,
            None => self.narrow(wide)?,
        };
        if let Some(slot) = self.places.get_mut(place) {
            *slot = (offset, name);
        }
        Some(name)
    }

    /// The number of a name that is met in this form for the first time.
    #[cold]
    fn narrow(&mut self, wide: &[u8]) -> Option<Name> {
        let length = wide.len() / 2;
        if length == 0 || length > MAX_LENGTH {
            return None;
        }
        let narrow = |unit: &[u8; 2]| u8::try_from(u16::from_le_bytes(*unit)).ok();
        let text: Vec<u8> = wide.as_chunks::<2>().0.iter().map(narrow).collect::<Option<_>>()?;
        let text = std::str::from_utf8(&text).ok().filter(|t| is_name(t))?;
        let name = self.number(text)?;
        self.wide.insert(wide.into(), name);
        self.bytes += wide.len();
        Some(name)
    }

    /// The number of a name; `None` if there are too many.
    pub fn number(&mut self, text: &str) -> Option<Name> {
        if let Some(name) = self.numbers.get(text) {
            return Some(*name);
        }
        let name = Name::try_from(self.texts.len()).ok()?;
        if self.texts.len() >= MAX_NAMES {
            return None;
        }
        self.bytes += 2 * text.len();
        self.texts.push(text.into());
        self.numbers.insert(text.into(), name);
        Some(name)
    }

    /// The text of a name.
    pub fn text(&self, name: Name) -> &str {
        self.texts.get(usize::from(name)).map_or("", |t| t)
    }

    /// The part of a name behind its namespace.
    pub fn local(&mut self, name: Name) -> Option<Name> {
        let Some((_, local)) = self.text(name).split_once(':') else {
            return Some(name);
        };
        if !is_name(local) || local.contains(':') {
            return None;
        }
        let local = local.to_owned();
        self.number(&local)
    }
}

/// Names as Windows has them; XML would allow more.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
}

/// Where the characters of the string at `offset` lie: from, to. A zero behind them must be in the chunk too.
fn units(chunk: &[u8], offset: usize) -> Option<(usize, usize)> {
    let at = offset.checked_add(LINK)?;
    let length = usize::from(u16_at(chunk, at)?);
    let from = at + 2;
    let to = from + 2 * length;
    (to + 2 <= chunk.len()).then_some((from, to))
}

/// Whether every string of the chunk's table can be read.
fn check_table(chunk: &[u8]) -> Option<()> {
    let mut left = MAX_STRINGS;
    for list in 0..LISTS {
        let mut offset = usize::try_from(u32_at(chunk, TABLE + 4 * list)?).ok()?;
        while offset != 0 {
            left = left.checked_sub(1)?;
            let (from, to) = units(chunk, offset)?;
            let units = chunk.get(from..to)?.as_chunks::<2>().0;
            // Halves of pairs may or may not match; no name of Windows has any. All units are looked at, which is faster.
            let is_half = |has: bool, u: &[u8; 2]| has | (u16::from_le_bytes(*u) & 0xF800 == 0xD800);
            if units.iter().fold(false, is_half) {
                return None;
            }
            offset = usize::try_from(u32_at(chunk, offset)?).ok()?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Chunk;
    use super::*;

    #[test]
    fn known_names_have_their_numbers() {
        let names = Names::new();
        assert_eq!(names.text(id::EVENT), "Event");
        assert_eq!(names.text(id::XMLNS), "xmlns");
        assert_eq!(names.text(id::EXECUTION), "Execution");
    }

    #[test]
    fn a_name_is_read_at_its_offset_and_remembered_for_its_chunk() {
        let mut names = Names::new();
        let mut chunk = Chunk::new();
        let (a, b) = (chunk.name("SubjectUserSid"), chunk.name("EventData"));
        let bytes = chunk.done();
        names.open(&bytes).unwrap();
        let sid = names.at(&bytes, a).unwrap();
        assert_eq!(names.text(sid), "SubjectUserSid");
        assert_eq!(names.at(&bytes, b), Some(id::EVENT_DATA));
        assert_eq!(names.at(&bytes, a), Some(sid));
        let mut other = Chunk::new();
        other.name("Different");
        let other = other.done();
        names.open(&other).unwrap();
        assert_ne!(names.at(&other, a), Some(sid), "another chunk, another name");
    }

    #[test]
    fn names_that_xml_would_not_have_are_refused() {
        let mut names = Names::new();
        for text in ["", "a b", "a<b", "a=b", "1a", "é", &"x".repeat(300)] {
            let mut chunk = Chunk::new();
            let at = chunk.name(text);
            assert_eq!(names.at(&chunk.done(), at), None, "{text:?}");
        }
        let chunk = Chunk::new().done();
        for at in [65_530, 65_536, usize::MAX] {
            assert_eq!(names.at(&chunk, at), None);
        }
    }

    #[test]
    fn many_names_are_told() {
        let mut names = Names::new();
        assert!(!names.is_crowded());
        for i in 0..9000 {
            names.number(&format!("{i}{}", "x".repeat(250)));
        }
        assert!(names.is_crowded());
    }

    #[test]
    fn the_local_part_of_a_name_is_behind_its_colon() {
        let mut names = Names::new();
        let name = names.number("auto-ns2:EventData").unwrap();
        assert_eq!(names.local(name), Some(id::EVENT_DATA));
        let name = names.number("a:b:c").unwrap();
        assert_eq!(names.local(name), None);
    }

    #[test]
    fn a_table_of_strings_that_goes_round_or_leaves_the_chunk_is_damaged() {
        let mut chunk = Chunk::new();
        let at = chunk.name("Event");
        let mut bytes = chunk.done();
        let set = |bytes: &mut [u8], to: u32| bytes[128..132].copy_from_slice(&to.to_le_bytes());
        set(&mut bytes, at as u32);
        assert_eq!(Names::new().open(&bytes), Some(()));
        bytes[at..at + 4].copy_from_slice(&(at as u32).to_le_bytes());
        assert_eq!(Names::new().open(&bytes), None);
        set(&mut bytes, 65_535);
        assert_eq!(Names::new().open(&bytes), None);
    }
}
