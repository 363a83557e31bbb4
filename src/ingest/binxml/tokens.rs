//! Tokens of binary XML, copied out of their chunk: without offsets, lengths and flags, so that the same template has
//! the same bytes in every chunk.

use super::cursor::Cursor;
use super::names::{Name, Names, id};
use super::slots::{Slot, kind};

/// No dependency.
const ALWAYS: u16 = u16::MAX;

const OPEN: u8 = 1;
const START: u8 = 2;
const EMPTY: u8 = 3;
const END: u8 = 4;
const TEXT: u8 = 5;
const ATTRIBUTE: u8 = 6;
const VALUE: u8 = 13;
const OPTIONAL_VALUE: u8 = 14;
const FRAGMENT: u8 = 15;

/// What stands in a chunk in the form at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The definition of a template, up to its end.
    Template,
    /// One element, written out without a template.
    Element,
}

/// One token of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'t> {
    /// An element begins; it is left out if the value `depends` is null.
    Open { name: Name, depends: Option<u16> },
    /// Its attributes end.
    Start,
    /// Its attributes end, and so does it.
    Empty,
    /// The innermost element ends.
    End,
    /// An attribute begins.
    Attribute { name: Name },
    /// Text in UTF-16, without zeros.
    Text(&'t [u8]),
    /// The place of a value.
    Value { index: u16, optional: bool },
}

/// Copies tokens to `out`. `None` if there is anything in them that is not understood.
///
/// The text of an element without template is taken out of it and added to `values`, names of data excepted: so elements
/// of one shape have one copy, as if they came from a template.
pub fn copy(
    chunk: &[u8],
    from: &mut Cursor<'_>,
    kind: Kind,
    names: &mut Names,
    out: &mut Vec<u8>,
    values: &mut Vec<Slot>,
) -> Option<()> {
    let first = values.len();
    out.reserve(256);
    let mut depth = 0_usize;
    let mut in_name = false;
    while !from.is_done() {
        let token = from.u8()?;
        match token {
            0 => break,
            0x01 | 0x41 => {
                let depends = if kind == Kind::Template { from.u16()? } else { ALWAYS };
                from.u32()?;
                let name = name(chunk, from, names)?;
                if token == 0x41 {
                    from.u32()?;
                }
                number(out, OPEN, name);
                let [low, high] = depends.to_le_bytes();
                out.push(low);
                out.push(high);
                depth += 1;
                in_name = false;
            }
            START => {
                out.push(START);
                in_name = false;
            }
            EMPTY | END => {
                out.push(token);
                in_name = false;
                depth = depth.checked_sub(1)?;
                if depth == 0 && kind == Kind::Element {
                    return Some(());
                }
            }
            0x05 | 0x45 => {
                // Anything but text stands only in values.
                (from.u8()? == 1).then_some(())?;
                let units = usize::from(from.u16()?);
                let at = from.at();
                let bytes = from.take(2 * units)?;
                if kind == Kind::Template || in_name {
                    text(out, until_zero(bytes));
                } else {
                    number(out, VALUE, u16::try_from(values.len() - first).ok()?);
                    values.push(Slot::new(
                        kind::STRING,
                        u16::try_from(bytes.len()).ok()?,
                        u32::try_from(at).ok()?,
                    ));
                }
            }
            0x06 | 0x46 => {
                let name = name(chunk, from, names)?;
                number(out, ATTRIBUTE, name);
                in_name = name == id::NAME;
            }
            0x07 | 0x47 => {
                let units = usize::from(from.u16()?);
                text(out, verbatim(until_zero(from.take(2 * units)?))?);
            }
            0x08 | 0x48 => character(out, from.u16()?)?,
            0x09 | 0x49 => {
                let name = name(chunk, from, names)?;
                character(out, entity(names.text(name))?)?;
            }
            VALUE | OPTIONAL_VALUE if kind == Kind::Template => {
                number(out, token, from.u16()?);
                is_type(from.u8()?).then_some(())?;
            }
            FRAGMENT => {
                from.take(3)?;
            }
            _ => return None,
        }
    }
    // An element that never ended.
    (depth == 0 && kind == Kind::Template).then_some(())
}

/// The tokens of a copy.
pub struct Tokens<'t> {
    rest: &'t [u8],
}

impl<'t> Tokens<'t> {
    /// Reads what [`copy`] wrote.
    pub fn new(copy: &'t [u8]) -> Self {
        Self { rest: copy }
    }

    fn number(&mut self) -> Option<u16> {
        let (number, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u16::from_le_bytes(*number))
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        let (token, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(match *token {
            OPEN => Token::Open {
                name: self.number()?,
                depends: Some(self.number()?).filter(|d| *d != ALWAYS),
            },
            START => Token::Start,
            EMPTY => Token::Empty,
            END => Token::End,
            ATTRIBUTE => Token::Attribute { name: self.number()? },
            TEXT => {
                let length = usize::from(self.number()?) * 2;
                let (text, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Token::Text(text)
            }
            token => Token::Value {
                index: self.number()?,
                optional: token == OPTIONAL_VALUE,
            },
        })
    }
}

/// A token with a number. Pushed, as a slice of three would be copied by a function for slices of any length.
#[inline]
fn number(out: &mut Vec<u8>, token: u8, number: u16) {
    let [low, high] = number.to_le_bytes();
    out.push(token);
    out.push(low);
    out.push(high);
}

/// A name, which lies elsewhere in the chunk or, the first time it is used there, right here.
fn name(chunk: &[u8], from: &mut Cursor<'_>, names: &mut Names) -> Option<Name> {
    let offset = from.offset()?;
    if offset == from.at() {
        from.take(6)?;
        let length = usize::from(from.u16()?);
        from.take(2 * length + 2)?;
    }
    names.at(chunk, offset)
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    // Lengths come from 16 bits.
    number(out, TEXT, u16::try_from(text.len() / 2).unwrap_or(u16::MAX));
    out.extend_from_slice(text);
}

/// A single character, by its number. Those that no text of a value can hold are left to the library.
fn character(out: &mut Vec<u8>, unit: u16) -> Option<()> {
    let unit = unit.to_le_bytes();
    text(out, verbatim(&unit)?);
    Some(())
}

fn entity(name: &str) -> Option<u16> {
    Some(u16::from(match name {
        "lt" => b'<',
        "gt" => b'>',
        "amp" => b'&',
        "quot" => b'"',
        "apos" => b'\'',
        _ => return None,
    }))
}

fn until_zero(text: &[u8]) -> &[u8] {
    let units = text.as_chunks::<2>().0;
    let end = units.iter().position(|u| *u == [0, 0]).unwrap_or(units.len());
    text.get(..2 * end).unwrap_or_default()
}

/// Text in which values and verbatim text are written alike: no control characters, no halves of pairs, and some.
fn verbatim(text: &[u8]) -> Option<&[u8]> {
    let plain = |unit: &[u8; 2]| match u16::from_le_bytes(*unit) {
        0..0x20 | 0xD800..=0xDFFF | 0xFFFE.. => matches!(unit, [9 | 10 | 13, 0]),
        _ => true,
    };
    (!text.is_empty() && text.as_chunks::<2>().0.iter().all(plain)).then_some(text)
}

/// The types that the place of a value may announce.
fn is_type(kind: u8) -> bool {
    matches!(kind, 0..=0x15 | 0x20 | 0x21 | 0x23 | 0x81..=0x95)
}

#[cfg(test)]
mod tests {
    use super::super::names::id;
    use super::super::testing::Chunk;
    use super::*;

    fn read(bytes: &[u8], at: usize, kind: Kind) -> Option<(Vec<u8>, usize)> {
        let mut out = Vec::new();
        let mut from = Cursor::new(bytes, at, bytes.len())?;
        copy(bytes, &mut from, kind, &mut Names::new(), &mut out, &mut Vec::new())?;
        Some((out, from.at()))
    }

    #[test]
    fn one_template_has_one_copy_wherever_its_names_lie() {
        let copies: Vec<Vec<u8>> = [0, 3, 5]
            .map(|gap| {
                let mut chunk = Chunk::new();
                chunk.bytes(&vec![0; gap]);
                let at = chunk.at();
                // The second time the names lie elsewhere.
                for _ in 0..2 {
                    chunk.open("EventData", Some(0xFFFF));
                    chunk.token(START);
                    chunk.open("Data", Some(7));
                    chunk.attribute("Name");
                    chunk.text("aé");
                    chunk.token(START);
                    chunk.bytes(&[0x0E, 3, 0, 0x15, END, END, 0]);
                }
                let bytes = chunk.done();
                let (first, next) = read(&bytes, at, Kind::Template).unwrap();
                let (second, _) = read(&bytes, next, Kind::Template).unwrap();
                assert_eq!(first, second);
                first
            })
            .into();
        assert!(copies.windows(2).all(|c| c[0] == c[1]));
        let tokens: Vec<Token<'_>> = Tokens::new(&copies[0]).collect();
        assert_eq!(
            tokens,
            [
                Token::Open {
                    name: id::EVENT_DATA,
                    depends: None
                },
                Token::Start,
                Token::Open {
                    name: id::DATA,
                    depends: Some(7)
                },
                Token::Attribute { name: id::NAME },
                Token::Text(b"a\0\xE9\0"),
                Token::Start,
                Token::Value {
                    index: 3,
                    optional: true
                },
                Token::End,
                Token::End,
            ]
        );
    }

    #[test]
    fn an_element_ends_where_it_ends() {
        let mut chunk = Chunk::new();
        let at = chunk.at();
        chunk.open("Event", None);
        chunk.token(START);
        chunk.open("System", None);
        chunk.token(EMPTY);
        chunk.token(END);
        let end = chunk.at();
        chunk.bytes(&[0xFF; 4]);
        assert_eq!(read(&chunk.done(), at, Kind::Element).unwrap().1, end);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for tail in [
            &[0x0C, 1][..],
            &[0x10],
            &[0x0A, 0, 0, 0, 0],
            &[5, 8, 1, 0, 0, 0],
            &[0x0D, 0, 0, 0x22],
            &[8, 0, 0],
            &[8, 0, 0xD8],
            &[7, 0, 0],
            &[4, 4],
            &[0],
        ] {
            let mut chunk = Chunk::new();
            let at = chunk.at();
            chunk.open("Event", Some(0xFFFF));
            chunk.token(START);
            chunk.bytes(tail);
            assert_eq!(read(&chunk.done(), at, Kind::Template), None, "{tail:?}");
        }
    }

    #[test]
    fn references_to_characters_are_text() {
        let mut chunk = Chunk::new();
        let at = chunk.at();
        chunk.open("Event", None);
        chunk.token(START);
        chunk.token(9);
        chunk.reference("amp");
        chunk.bytes(&[8, 0xE9, 0, 7, 1, 0, b'<', 0, END]);
        let bytes = chunk.done();
        let (copy, _) = read(&bytes, at, Kind::Element).unwrap();
        let texts: Vec<_> = Tokens::new(&copy).filter(|t| matches!(t, Token::Text(_))).collect();
        assert_eq!(
            texts,
            [Token::Text(b"&\0"), Token::Text(b"\xE9\0"), Token::Text(b"<\0")]
        );
    }

    #[test]
    fn text_of_an_element_becomes_a_value_but_for_names_of_data() {
        let element = |text: &str| {
            let mut chunk = Chunk::new();
            let at = chunk.at();
            chunk.open("Data", None);
            chunk.attribute("Name");
            chunk.text("n");
            chunk.attribute("x");
            chunk.text(text);
            chunk.token(START);
            chunk.text("é");
            chunk.token(END);
            let bytes = chunk.done();
            let (mut out, mut values) = (Vec::new(), vec![Slot::default()]);
            let mut from = Cursor::new(&bytes, at, bytes.len()).unwrap();
            copy(
                &bytes,
                &mut from,
                Kind::Element,
                &mut Names::new(),
                &mut out,
                &mut values,
            )
            .unwrap();
            let texts: Vec<_> = values.iter().map(|v| v.bytes(&bytes).unwrap().to_vec()).collect();
            (out, texts)
        };
        let (copy, values) = element("a");
        assert_eq!(values, [&b""[..], b"a\0", b"\xE9\0"]);
        let places: Vec<_> = Tokens::new(&copy)
            .filter(|t| matches!(t, Token::Text(_) | Token::Value { .. }))
            .collect();
        let value = |index| Token::Value { index, optional: false };
        assert_eq!(places, [Token::Text(b"n\0"), value(0), value(1)]);
        assert_eq!(element("another").0, copy);
    }
}
