//! Names of objects in the order in which they come.
//!
//! Of a log's records most have the names of an earlier one in the same order. Such names are compared and not read, and
//! what a reader worked out from the names alone it finds again.

use std::any::Any;
use std::cell::OnceCell;

use super::{Json, Object, scan};
use crate::ingest::name::Name;

/// Most names that are kept: a log has some thousand, random names have no end.
const MOST_NAMES: usize = 20_000;
/// Most names that are kept of one place behind the same names.
const MOST_BESIDE: u32 = 40;
/// Most names of all outlines together, each of which counts for [`OUTLINE`] more.
const MOST_OUTLINED: usize = 100_000;
/// What an outline takes beside its names, in names.
const OUTLINE: usize = 50;
/// The place in front of the first name.
const START: u32 = 0;
/// No place at all.
const LOST: u32 = u32::MAX;

/// The names of an object that came before.
#[derive(Debug)]
pub struct Outline {
    names: Vec<Name<'static>>,
    noted: OnceCell<Box<dyn Any>>,
}

impl Outline {
    /// The names in their order; names can repeat.
    pub fn names(&self) -> &[Name<'static>] {
        &self.names
    }

    /// What `make` makes of the names, made once. One reader alone may ask; another gets nothing.
    #[inline]
    pub fn noted<T: Any>(&self, make: impl FnOnce(&[Name<'static>]) -> T) -> Option<&T> {
        let noted = self.noted.get_or_init(|| Box::new(make(&self.names)));
        noted.downcast_ref()
    }
}

/// All names that came so far, as a tree: behind each those that followed it.
#[derive(Debug)]
pub struct Outlines {
    places: Vec<Place>,
    /// Names of all outlines; see [`MOST_OUTLINED`].
    outlined: usize,
}

#[derive(Debug)]
struct Place {
    /// The name as written, with its quotes and the colon.
    key: Box<str>,
    before: u32,
    /// The name that followed last; [`START`] for none.
    next: u32,
    /// Another one that came in this place; [`START`] for none.
    beside: u32,
    /// Whether an object ended here.
    ended: bool,
    /// Of the objects that ended here; made for the second one.
    outline: Option<Box<Outline>>,
}

impl Default for Outlines {
    fn default() -> Self {
        // No name is written so.
        let start = Place::new("\0", START);
        Self {
            places: vec![start],
            outlined: 0,
        }
    }
}

impl Place {
    fn new(key: &str, before: u32) -> Self {
        Self {
            key: key.into(),
            before,
            next: START,
            beside: START,
            ended: false,
            outline: None,
        }
    }
}

/// The way along the names of one object.
struct Way<'o> {
    outlines: &'o mut Outlines,
    /// The last name; [`LOST`] where names are no longer known nor learned.
    at: u32,
}

/// What was read of an object, for [`Outlines::object`].
pub struct Read<'a> {
    values: Vec<Json<'a>>,
    names: Result<u32, Vec<Name<'a>>>,
}

impl Outlines {
    /// Whether nothing more is learned.
    pub fn is_full(&self) -> bool {
        self.places.len() >= MOST_NAMES || self.outlined >= MOST_OUTLINED
    }

    /// Reads the object at the start of `text`; its length. `room` is for so many values.
    pub fn read<'a>(&mut self, text: &'a str, room: usize) -> Option<(usize, Read<'a>)> {
        let mut values = Vec::with_capacity(room);
        let mut way = Way {
            outlines: self,
            at: START,
        };
        let len = scan::object(text, &mut way, &mut values)?;
        let at = way.at;
        let names = match self.end(at) {
            true => Ok(at),
            false if at != LOST => Err(self.names(at)),
            false => {
                let mut names = Vec::with_capacity(values.len());
                scan::object(text, &mut names, &mut values)?;
                Err(names)
            }
        };
        Some((len, Read { values, names }))
    }

    /// The object that was read.
    pub fn object<'a>(&'a self, read: Read<'a>) -> Object<'a> {
        match read.names {
            Ok(at) => match self.place(at).and_then(|p| p.outline.as_deref()) {
                Some(outline) => Object::outlined(outline, read.values),
                None => Object::default(),
            },
            Err(names) => Object::new(names, read.values),
        }
    }

    /// An object ended here; whether there is an outline of such objects, made for the second one.
    fn end(&mut self, at: u32) -> bool {
        let full = self.is_full();
        let Some(place) = self.place_mut(at).filter(|_| at != START) else {
            return false;
        };
        let again = std::mem::replace(&mut place.ended, true);
        if place.outline.is_some() {
            return true;
        }
        if !again || full {
            return false;
        }
        let outline = Outline {
            names: self.names(at),
            noted: OnceCell::new(),
        };
        self.outlined += outline.names.len() + OUTLINE;
        if let Some(place) = self.place_mut(at) {
            place.outline = Some(Box::new(outline));
        }
        true
    }

    #[inline]
    fn place(&self, at: u32) -> Option<&Place> {
        self.places.get(at as usize)
    }

    fn place_mut(&mut self, at: u32) -> Option<&mut Place> {
        self.places.get_mut(at as usize)
    }

    /// The place of the key that `rest` begins with among those beside `first`, and the one in front of it.
    fn find(&self, first: u32, rest: &[u8]) -> Option<(u32, u32)> {
        let (mut before, mut at) = (first, self.place(first)?.beside);
        while at != START {
            let place = self.place(at)?;
            if begins_with(rest, place.key.as_bytes()) {
                return Some((at, before));
            }
            (before, at) = (at, place.beside);
        }
        None
    }

    /// Puts the name in front of those beside it: it will probably come again.
    fn put_in_front(&mut self, of: u32, at: u32, before: u32) -> Option<()> {
        let first = self.place(of)?.next;
        let behind = std::mem::replace(&mut self.place_mut(at)?.beside, first);
        self.place_mut(before)?.beside = behind;
        self.place_mut(of)?.next = at;
        Some(())
    }

    fn add(&mut self, behind: u32, name: &Name<'_>, key: &str) -> Option<u32> {
        let first = self.place(behind)?.next;
        let mut beside = std::iter::successors(Some(first), |at| Some(self.place(*at)?.beside));
        let full = self.places.len() >= MOST_NAMES || beside.position(|at| at == START)? as u32 >= MOST_BESIDE;
        // A name with escapes can be written in many ways.
        if full || key.rfind('"')? != name.len() + 1 {
            return None;
        }
        let mut place = Place::new(key, behind);
        place.beside = first;
        let at = self.places.len() as u32;
        self.places.push(place);
        self.place_mut(behind)?.next = at;
        Some(at)
    }

    fn names(&self, end: u32) -> Vec<Name<'static>> {
        let mut names = Vec::new();
        let mut at = end;
        while let Some(place) = self.place(at).filter(|_| at != START) {
            // What is kept has no escapes.
            let name = place.key.split('"').nth(1).unwrap_or_default().to_owned();
            names.push(Name::from(name));
            at = place.before;
        }
        names.reverse();
        names
    }
}

impl<'t> scan::Names<'t> for Way<'_> {
    #[inline]
    fn known(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let rest = bytes.get(at..)?;
        let next = self.outlines.place(self.at)?.next;
        let place = self.outlines.place(next)?;
        if begins_with(rest, place.key.as_bytes()) {
            self.at = next;
            return Some(place.key.len());
        }
        self.other(next, rest)
    }

    fn unknown(&mut self, name: Name<'t>, key: &'t str) {
        self.at = self.outlines.add(self.at, &name, key).unwrap_or(LOST);
    }
}

impl Way<'_> {
    /// Goes on to a name beside the one that was expected.
    fn other(&mut self, next: u32, rest: &[u8]) -> Option<usize> {
        let (found, before) = self.outlines.find(next, rest)?;
        self.outlines.put_in_front(self.at, found, before)?;
        self.at = found;
        Some(self.outlines.place(found)?.key.len())
    }
}

/// `starts_with` for keys, which are short: bytes in the middle may be compared twice.
#[inline]
fn begins_with(text: &[u8], key: &[u8]) -> bool {
    let Some(text) = text.get(..key.len()) else {
        return false;
    };
    match key.len() {
        4..8 => outer::<4>(text) == outer(key),
        8..=16 => outer::<8>(text) == outer(key),
        17..=32 => outer::<16>(text) == outer(key),
        _ => text == key,
    }
}

/// The first and the last bytes.
#[inline]
fn outer<const N: usize>(text: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (text.first_chunk(), text.last_chunk())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The names, and whether there is an outline.
    fn names(text: &str, outlines: &mut Outlines) -> (Vec<String>, bool) {
        let (_, read) = outlines.read(text, 0).unwrap();
        let object = outlines.object(read);
        (
            object.names().iter().map(|n| n.to_string()).collect(),
            object.outline().is_some(),
        )
    }

    #[test]
    fn names_in_the_order_of_an_earlier_object_are_its_outline() {
        let mut o = Outlines::default();
        let texts = [
            r#"{"a":1,"b":2}"#,
            r#"{"a":1,"c":2}"#,
            r#"{"a":"x","b":[]}"#,
            r#"{"a":1}"#,
        ];
        assert_eq!(texts.map(|t| names(t, &mut o).1), [false, false, true, false]);
        assert_eq!(texts.map(|t| names(t, &mut o).1), [true; 4]);
        let (_, read) = o.read(texts[1], 0).unwrap();
        let outline = o.object(read).outline().unwrap();
        assert_eq!(outline.names(), ["a", "c"].map(Name::from));
        assert_eq!(outline.noted(<[_]>::len), Some(&2));
        assert_eq!(outline.noted(|_| "another reader"), None);
        // No name, and one with escapes.
        for text in ["{}", r#"{"\u0061":1}"#] {
            assert_eq!([names(text, &mut o).1, names(text, &mut o).1], [false; 2]);
        }
    }

    #[test]
    fn names_without_end_are_not_kept() {
        let mut o = Outlines::default();
        for i in 0..1_000 {
            let (names, _) = names(&format!(r#"{{"k":0,"{i}":{{}}}}"#), &mut o);
            assert_eq!(names, ["k".to_owned(), i.to_string()]);
        }
        assert_eq!(o.places.len(), 2 + MOST_BESIDE as usize);
    }

    #[test]
    fn outlines_without_end_are_not_kept() {
        let mut o = Outlines::default();
        for _ in 0..2 {
            let mut text = "{".to_owned();
            for i in 0..1_000 {
                text.push_str(&format!(r#""{i}":0"#));
                let (read, outlined) = names(&format!("{text}}}"), &mut o);
                assert_eq!(read.len(), i + 1);
                assert!(!outlined || o.outlined < MOST_OUTLINED + 1_000 + OUTLINE);
                text.push(',');
            }
        }
        assert!(o.is_full());
    }

    proptest! {
        /// With and without names that came before, the members are the same.
        #[test]
        fn outlines_change_no_member(texts in prop::collection::vec(r#"(\{("[a-c]{0,2}|é|\\n)":[0-9"a],?){0,4}\}?"#, 1..8)) {
            let mut o = Outlines::default();
            for text in texts {
                let (mut names, mut values) = (Vec::new(), Vec::new());
                let len = scan::object(&text, &mut names, &mut values);
                let read = o.read(&text, 0);
                prop_assert_eq!(len, read.as_ref().map(|r| r.0));
                if let Some((_, read)) = read {
                    let object = o.object(read);
                    prop_assert_eq!((object.names(), object.values()), (&*names, &*values));
                }
            }
        }
    }
}
