//! A raw event: what a format hands to a mapper. Syntax is gone, meaning is not yet there.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::json;
use super::name::Name;
use super::placed::{Cell, Placed};
use super::windows::{self, Source};
use crate::base::names::hash;
use crate::base::time::{TimeQuality, Ts};

/// The value of a field, as the source wrote it.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// Named but without a value (JSON `null`, empty XML element of an unknown type).
    Null,
    /// Text, unescaped.
    Str(Cow<'a, str>),
    /// Text with JSON escapes.
    Escaped(Escaped<'a>),
    /// The lexeme of a JSON number, boolean, array or object.
    Raw(Cow<'a, str>),
}

/// The inside of a JSON string with escapes in it, unescaped where somebody asks for its text: most such strings are
/// paths, which go into dictionaries that know them already.
#[derive(Debug, Clone)]
pub struct Escaped<'a> {
    inner: &'a str,
    text: OnceCell<Box<str>>,
}

impl<'a> Escaped<'a> {
    /// What stands between the quotes; it must be valid there.
    pub fn new(inner: &'a str) -> Self {
        Self {
            inner,
            text: OnceCell::new(),
        }
    }

    /// What stands between the quotes.
    #[inline]
    pub fn inner(&self) -> &'a str {
        self.inner
    }

    /// The text.
    #[inline]
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| json::unescape(self.inner).into())
    }
}

impl PartialEq for Value<'_> {
    /// Values are equal if they are of one type and have the same text, however it was written.
    fn eq(&self, other: &Self) -> bool {
        let is_raw = |v: &Self| matches!(v, Value::Raw(_));
        is_raw(self) == is_raw(other) && self.text() == other.text()
    }
}

impl<'a> Value<'a> {
    /// Borrowed text.
    #[inline]
    pub fn str(text: &'a str) -> Self {
        Value::Str(Cow::Borrowed(text))
    }

    /// The same value, borrowing from nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Str(s) => Value::Str(Cow::Owned(s.into_owned())),
            Value::Escaped(e) => Value::Str(Cow::Owned(e.text().to_owned())),
            Value::Raw(s) => Value::Raw(Cow::Owned(s.into_owned())),
        }
    }

    /// The text or lexeme; `None` for null.
    #[inline]
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Null => None,
            Value::Str(s) | Value::Raw(s) => Some(s),
            Value::Escaped(e) => Some(e.text()),
        }
    }

    /// The text or lexeme, moved out; `None` for null.
    #[inline]
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Null => None,
            Value::Str(s) | Value::Raw(s) => Some(s),
            Value::Escaped(e) => Some(json::unescape(e.inner)),
        }
    }
}

/// A named value.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<'a> {
    /// Original name.
    pub name: Name<'a>,
    /// Value.
    pub value: Value<'a>,
}

impl<'a> Field<'a> {
    /// The same field, borrowing from nothing.
    pub fn into_owned(self) -> Field<'static> {
        Field {
            name: self.name.into_owned(),
            value: self.value.into_owned(),
        }
    }

    /// A field.
    #[inline]
    pub fn new(name: impl Into<Name<'a>>, value: Value<'a>) -> Self {
        Self {
            name: name.into(),
            value,
        }
    }

    /// A text field that borrows.
    pub fn str(name: &'a str, value: &'a str) -> Self {
        Self::new(name, Value::str(value))
    }
}

/// What stands at a place of a record.
#[derive(Debug, Clone, Copy)]
pub enum Found<'r> {
    /// A cell of a line.
    Text(&'r str),
    /// A field.
    Field(&'r Field<'r>),
}

impl<'r> Found<'r> {
    /// The text or lexeme; `None` for null.
    #[inline]
    pub fn text(self) -> Option<&'r str> {
        match self {
            Found::Text(text) => Some(text),
            Found::Field(field) => field.value.text(),
        }
    }
}

/// Who wrote the record: the first half of the key by which mappers claim events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// A Windows event; `kind` is the provider, `code` the event id.
    Windows,
    /// Any other log; `kind` is its name (`zeek.dns`, `squid`, `mde.DeviceProcessEvents`).
    Log,
}

/// One record, borrowed from the block it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw<'a> {
    /// Kind of record.
    pub family: Family,
    /// Windows provider, or name of the log.
    pub kind: Cow<'a, str>,
    /// Windows event id.
    pub code: Option<i32>,
    /// Windows channel.
    pub channel: Option<Cow<'a, str>>,
    /// Time of the event: UTC where the record says its zone, else as written.
    pub time: Option<Ts>,
    /// How `time` is known.
    pub quality: TimeQuality,
    /// Host the event happened on, as logged.
    pub host: Option<Cow<'a, str>>,
    /// Stable id of the host.
    pub host_id: Option<Cow<'a, str>>,
    /// Device that wrote the log.
    pub observer: Option<Cow<'a, str>>,
    /// SID in the record's own header (Windows `Security UserID`).
    pub user_sid: Option<Cow<'a, str>>,
    /// The record's own number.
    pub record_id: Option<u64>,
    /// Byte offset in the decompressed input.
    pub offset: u64,
    /// The event's data, but for what stands in the cells of `placed`.
    pub fields: Vec<Field<'a>>,
    /// Fields around the event (collector, agent, header) that no common column holds: they go to `extra`.
    pub envelope: Vec<Field<'a>>,
    /// Where a header names the columns: what stands in which. Fields must not be moved from then on.
    pub placed: Option<Placed<'a>>,
}

impl<'a> Raw<'a> {
    /// An empty record of a log that is no Windows event log.
    #[inline]
    pub fn log(kind: &'a str, offset: u64) -> Self {
        Self::new(Family::Log, kind, offset)
    }

    /// An empty Windows event.
    pub fn windows(offset: u64) -> Self {
        Self::new(Family::Windows, "", offset)
    }

    fn new(family: Family, kind: &'a str, offset: u64) -> Self {
        Self {
            family,
            kind: Cow::Borrowed(kind),
            code: None,
            channel: None,
            time: None,
            quality: TimeQuality::None,
            host: None,
            host_id: None,
            observer: None,
            user_sid: None,
            record_id: None,
            offset,
            fields: Vec::new(),
            envelope: Vec::new(),
            placed: None,
        }
    }

    /// The same record, borrowing from nothing: for records that stand inside another record's escaped text.
    pub fn into_owned(self) -> Raw<'static> {
        let own = |text: Option<Cow<'a, str>>| text.map(|t| Cow::Owned(t.into_owned()));
        let field = |place| match self.at(place)? {
            Found::Text(text) => {
                let name = self.placed.as_ref()?.layout().name(place)?;
                Some(Field::new(name.clone(), Value::str(text)).into_owned())
            }
            Found::Field(field) => Some(field.clone().into_owned()),
        };
        let fields = (0..self.places()).filter_map(field).collect();
        Raw {
            family: self.family,
            kind: Cow::Owned(self.kind.into_owned()),
            code: self.code,
            channel: own(self.channel),
            time: self.time,
            quality: self.quality,
            host: own(self.host),
            host_id: own(self.host_id),
            observer: own(self.observer),
            user_sid: own(self.user_sid),
            record_id: self.record_id,
            offset: self.offset,
            fields,
            envelope: self.envelope.into_iter().map(Field::into_owned).collect(),
            placed: None,
        }
    }

    /// The fields, for the room that they leave.
    #[inline]
    pub fn into_fields(self) -> Vec<Field<'a>> {
        self.fields
    }

    /// Adds a field.
    #[inline]
    pub fn push(&mut self, name: impl Into<Name<'a>>, value: Value<'a>) {
        self.fields.push(Field::new(name, value));
    }

    /// Which source a Windows event is from.
    #[inline]
    pub fn source(&self) -> Source {
        windows::source(&self.kind, self.channel.as_deref())
    }

    /// The text of the first field with this name.
    #[inline(always)]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.text_of(name, hash(name.as_bytes()))
    }

    /// Whether there is a field with this name that has a value.
    #[inline(always)]
    pub fn has(&self, name: &'static str) -> bool {
        let found = self
            .place_of_known(name, hash(name.as_bytes()))
            .and_then(|place| self.at(place));
        found.is_some_and(|f| !matches!(f, Found::Field(field) if matches!(field.value, Value::Null)))
    }

    fn text_of(&self, name: &str, hash: u32) -> Option<&str> {
        self.at(self.place_of(name, hash)?)?.text()
    }

    /// How many places there are: one for each cell, or each field where there are no cells.
    #[inline]
    pub(super) fn places(&self) -> usize {
        self.cells().map_or(self.fields.len(), <[_]>::len)
    }

    /// What stands at a place.
    #[inline(always)]
    pub(super) fn at(&self, place: usize) -> Option<Found<'_>> {
        let field = match self.cells() {
            None => place,
            Some(cells) => match cells.get(place)? {
                Cell::Text(text) => return Some(Found::Text(text)),
                Cell::Field(field) => *field,
            },
        };
        self.fields.get(field).map(Found::Field)
    }

    #[inline]
    fn cells(&self) -> Option<&'a [Cell<'a>]> {
        self.placed.as_ref()?.line()
    }

    /// [`place_of`](Self::place_of) a name in the program's text, which is asked for record after record.
    #[inline(always)]
    pub(super) fn place_of_known(&self, name: &'static str, hash: u32) -> Option<usize> {
        match &self.placed {
            Some(placed) => placed.of_known(name, hash),
            None => self.place_of(name, hash),
        }
    }

    /// Place of the first value with this name, whose [`hash`] is known. A cell may be there that has none.
    #[inline]
    pub(super) fn place_of(&self, name: &str, hash: u32) -> Option<usize> {
        match &self.placed {
            Some(placed) => placed.of_name(name, hash),
            None => self.fields.iter().position(|f| f.name.is(name, hash)),
        }
    }
}
