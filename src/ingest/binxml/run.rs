//! Programs, run over the values of a record.
//!
//! What comes out are places in one buffer of text; only when a chunk is done can the fields of its events borrow from it.

use encoding_rs::Encoding;

use super::super::event::{Head, says_nothing};
use super::cursor::Cursor;
use super::program::{Label, Part, Place, Program, Source, Step};
use super::slots::{self, Slot, kind};
use super::span::{Found, Span};
use super::text::Text;
use super::values;
use crate::base::text::trim;
use crate::base::time::{self, Ts};

/// Steps of one record at most; those of Windows take less than a hundred.
const MAX_STEPS: usize = 1 << 16;

/// SystemTime between these years is taken as a number, the others by way of their text.
const PLAIN_YEARS: std::ops::Range<Ts> = 0..4_102_444_800_000_000;

/// A field.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Number of the program that makes it.
    pub program: u32,
    /// Its name, in the program.
    pub name: Label,
    /// Its value.
    pub value: Found,
}

/// A field of the header.
#[derive(Debug, Clone, Copy)]
pub enum Header {
    /// The event id.
    Code(u16),
    /// The record's number.
    RecordId(u64),
    /// The time.
    Time(Ts),
    /// The account.
    Sid(Span),
    /// Anything else; what stands in the content of an element only if it is not blank.
    Text { head: Head, field: Field, content: bool },
}

/// The text of a field without a name: its program, the text.
pub type Unnamed = (u32, Found);

/// All that was found in the records of a chunk.
pub struct Run {
    pub text: Text,
    pub header: Vec<Header>,
    /// What else the header says; it goes to the envelope.
    pub envelope: Vec<Field>,
    pub fields: Vec<Field>,
    pub unnamed: Vec<Unnamed>,
    /// The first program of the record at hand.
    pub root: Option<u32>,
    /// The rendered message of the record at hand.
    pub message: Option<Unnamed>,
    /// Whether the record's names have to be compared to know that none is there twice.
    pub may_repeat: bool,
    /// Values of the instances at hand, those of the innermost last.
    pub slots: Vec<Slot>,
    /// Accounts that were met last, and their text.
    sids: [(Slot, Span); 4],
    ansi: &'static Encoding,
    steps_left: usize,
    has_fields: bool,
}

/// How much was found before a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    pub text: usize,
    pub header: usize,
    pub envelope: usize,
    pub fields: usize,
    pub unnamed: usize,
}

/// What runs the elements of a value.
pub trait Nested {
    /// Runs all elements of `from` as they stand at `place`, and says how many there are.
    fn nested(&mut self, run: &mut Run, from: Cursor<'_>, place: Place) -> Option<usize>;
}

impl Run {
    pub fn new(ansi: &'static Encoding) -> Self {
        Self {
            text: Text::new(),
            header: Vec::new(),
            envelope: Vec::new(),
            fields: Vec::new(),
            unnamed: Vec::new(),
            root: None,
            message: None,
            may_repeat: false,
            slots: Vec::new(),
            sids: Default::default(),
            ansi,
            steps_left: 0,
            has_fields: false,
        }
    }

    /// Begins a record.
    pub fn begin(&mut self) -> Mark {
        self.root = None;
        self.message = None;
        self.may_repeat = false;
        self.slots.clear();
        self.steps_left = MAX_STEPS;
        self.has_fields = false;
        self.mark()
    }

    /// How much was found.
    pub fn mark(&self) -> Mark {
        Mark {
            text: self.text.at(),
            header: self.header.len(),
            envelope: self.envelope.len(),
            fields: self.fields.len(),
            unnamed: self.unnamed.len(),
        }
    }

    /// Forgets what was found since.
    pub fn back_to(&mut self, mark: Mark) {
        self.sids = Default::default();
        self.text.back_to(mark.text);
        self.header.truncate(mark.header);
        self.envelope.truncate(mark.envelope);
        self.fields.truncate(mark.fields);
        self.unnamed.truncate(mark.unnamed);
    }

    /// What its buffers hold, in bytes.
    pub fn memory(&self) -> usize {
        let fields = (self.fields.capacity() + self.envelope.capacity()) * size_of::<Field>();
        let rarer = self.header.capacity() * size_of::<Header>() + self.unnamed.capacity() * size_of::<Unnamed>();
        self.text.memory() + fields + rarer + self.slots.capacity() * size_of::<Slot>()
    }

    /// Steps the record took so far.
    pub fn steps(&self) -> usize {
        MAX_STEPS - self.steps_left
    }

    /// Reads the values of an instance of a program and runs it over them.
    pub fn instance(
        &mut self,
        chunk: &[u8],
        from: &mut Cursor<'_>,
        number: u32,
        program: &Program,
        outer: &mut dyn Nested,
    ) -> Option<()> {
        let first = self.slots.len();
        let nested = slots::read(chunk, from, self.ansi, &mut self.slots)?;
        self.program(chunk, number, program, (first, nested), outer)?;
        self.slots.truncate(first);
        Some(())
    }

    /// Runs a program over the values from `first` on, all of which belong to it, and so many of which are elements.
    pub fn program(
        &mut self,
        chunk: &[u8],
        number: u32,
        program: &Program,
        (first, nested): (usize, usize),
        outer: &mut dyn Nested,
    ) -> Option<()> {
        self.steps_left = self.steps_left.checked_sub(program.steps.len())?;
        self.root.get_or_insert(number);
        if program.has_fields {
            self.may_repeat |= self.has_fields || !program.is_distinct;
            self.has_fields = true;
        }
        // Where a value stands twice it may be passed over once, or be read twice.
        if nested > 0 && program.uses_twice {
            return None;
        }
        let mut frame = Frame {
            run: self,
            chunk,
            number,
            program,
            first,
            unused: nested,
        };
        frame.steps(0, program.steps.len(), outer)?;
        // The library reads elements even where no program uses them, and finds what is wrong with them.
        if frame.unused != 0 {
            return None;
        }
        Some(())
    }
}

/// A program and its values.
struct Frame<'r> {
    run: &'r mut Run,
    chunk: &'r [u8],
    number: u32,
    program: &'r Program,
    first: usize,
    /// Values with elements that have not been run.
    unused: usize,
}

impl Frame<'_> {
    /// A value; those that the record does not have are null.
    #[inline]
    fn slot(&self, index: u16) -> Slot {
        match self.run.slots.get(self.first + usize::from(index)) {
            Some(slot) => *slot,
            None => Slot::new(kind::NULL, 0, 0),
        }
    }

    fn steps(&mut self, from: usize, to: usize, outer: &mut dyn Nested) -> Option<()> {
        let steps = self.program.steps.get(from..to)?;
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            at += 1;
            match *step {
                Step::Field {
                    name,
                    text: Source::Value(index),
                    repeat,
                    unless_empty: false,
                } => {
                    let slot = self.slot(index);
                    if slot.kind() == kind::STRINGS && repeat {
                        self.repeated(slot, Some(name))?;
                    } else {
                        let value = self.value(slot)?;
                        self.found(name, value);
                    }
                }
                Step::Unless { null, skip } => {
                    // One that the record does not have is none to depend on.
                    if let Some(slot) = self.run.slots.get(self.first + usize::from(null))
                        && slot.kind() == kind::NULL
                    {
                        at += skip as usize;
                    }
                }
                Step::Head {
                    head,
                    name,
                    text,
                    content,
                } => self.head(head, name, text, content)?,
                Step::Nested { value, place } => {
                    self.nested(value, place, outer)?;
                }
                Step::IfNested {
                    value,
                    place,
                    before,
                    instead,
                } => {
                    let begin = from + at;
                    let middle = begin + before as usize;
                    let end = middle + instead as usize;
                    if self.slot(value).kind() == kind::NESTED {
                        self.steps(begin, middle, outer)?;
                        // Without elements it would make a leaf after all.
                        if self.nested(value, place, outer)? == 0 {
                            return None;
                        }
                    } else {
                        self.steps(middle, end, outer)?;
                    }
                    at = end - from;
                }
                other => self.rarer(other)?,
            }
        }
        Some(())
    }

    fn rarer(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Attribute { name, text } => {
                if !self.is_empty(text) {
                    let value = self.source(text)?;
                    self.found(name, value);
                }
            }
            Step::Field {
                name,
                text,
                repeat,
                unless_empty,
            } => {
                if let Some(slot) = self.list(text, repeat && !unless_empty) {
                    return self.repeated(slot, Some(name));
                }
                let value = self.source(text)?;
                if !(unless_empty && value.is_empty()) {
                    self.found(name, value);
                }
            }
            Step::Unnamed { text, repeat } => {
                if let Some(slot) = self.list(text, repeat) {
                    return self.repeated(slot, None);
                }
                let value = self.source(text)?;
                self.run.unnamed.push((self.number, value));
            }
            Step::PassedOver { text } => return self.pass_over(text),
            Step::Message { text } => self.run.message = Some((self.number, self.source(text)?)),
            _ => return None,
        }
        Some(())
    }

    #[inline]
    fn found(&mut self, name: Label, value: Found) {
        let field = self.field(name, value);
        self.run.fields.push(field);
    }

    #[inline]
    fn field(&self, name: Label, value: Found) -> Field {
        Field {
            program: self.number,
            name,
            value,
        }
    }

    /// The list of strings that a text consists of.
    fn list(&self, text: Source, repeat: bool) -> Option<Slot> {
        let Source::Value(index) = text else {
            return None;
        };
        Some(self.slot(index)).filter(|s| repeat && s.kind() == kind::STRINGS)
    }

    /// One field, or one content without name, for each string of a list; for an empty list one that is empty.
    fn repeated(&mut self, slot: Slot, name: Option<Label>) -> Option<()> {
        let empty: &[u8] = &[];
        let strings = slot.strings(self.chunk);
        let none = (slot.size() == 0).then_some(empty);
        for (i, string) in strings.chain(none).enumerate() {
            let start = self.run.text.at();
            self.run.text.utf16(string)?;
            let value = Found::in_buffer(self.run.text.since(start));
            match name {
                Some(name) => {
                    self.run.may_repeat |= i > 0;
                    self.found(name, value);
                }
                None => self.run.unnamed.push((self.number, value)),
            }
            self.run.steps_left = self.run.steps_left.checked_sub(1)?;
        }
        Some(())
    }

    #[inline]
    fn value(&mut self, slot: Slot) -> Option<Found> {
        let start = self.run.text.at();
        if slot.kind() == kind::STRING {
            self.run
                .text
                .utf16_at(self.chunk, slot.at(), usize::from(slot.size()))?;
        } else if slot.kind() == kind::SID {
            return Some(Found::in_buffer(self.sid(slot)?));
        } else {
            values::write(slot, self.chunk, self.run.ansi, &mut self.run.text)?;
        }
        Some(Found::in_buffer(self.run.text.since(start)))
    }

    /// The same few accounts come again and again: their text is written once for the chunk.
    #[inline(never)]
    fn sid(&mut self, slot: Slot) -> Option<Span> {
        let bytes = slot.bytes(self.chunk)?;
        for (known, place) in &self.run.sids {
            if known.size() == slot.size() && known.bytes(self.chunk)? == bytes {
                return Some(*place);
            }
        }
        let start = self.run.text.at();
        values::write(slot, self.chunk, self.run.ansi, &mut self.run.text)?;
        let place = self.run.text.since(start);
        // The oldest goes.
        self.run.sids.rotate_right(1);
        self.run.sids[0] = (slot, place);
        Some(place)
    }

    #[inline]
    fn source(&mut self, source: Source) -> Option<Found> {
        match source {
            Source::Value(index) => self.value(self.slot(index)),
            Source::Const(span) => Some(Found::in_program(span)),
            Source::Parts(parts) => self.parts(parts),
        }
    }

    fn parts(&mut self, parts: Span) -> Option<Found> {
        let start = self.run.text.at();
        for part in self.program.parts(parts) {
            match *part {
                Part::Const(span) => self.run.text.push(self.program.span(span))?,
                Part::Value(index) => {
                    self.value(self.slot(index))?;
                }
            }
        }
        Some(Found::in_buffer(self.run.text.since(start)))
    }

    fn pass_over(&self, source: Source) -> Option<()> {
        let plain = |index: u16| (!matches!(self.slot(index).kind(), kind::NESTED | kind::STRINGS)).then_some(());
        match source {
            Source::Const(_) => Some(()),
            Source::Value(index) => plain(index),
            Source::Parts(parts) => {
                let parts = self.program.parts(parts);
                parts.iter().try_for_each(|part| match part {
                    Part::Const(_) => Some(()),
                    Part::Value(index) => plain(*index),
                })
            }
        }
    }

    fn is_empty(&self, source: Source) -> bool {
        match source {
            Source::Value(index) => self.slot(index).is_empty(self.chunk),
            _ => false,
        }
    }

    /// A field of the header. What is known of its type need not be looked up in its text.
    fn head(&mut self, head: Head, name: Label, text: Source, content: bool) -> Option<()> {
        let Source::Value(index) = text else {
            let value = self.source(text)?;
            return self.header(head, name, value, content);
        };
        let slot = self.slot(index);
        match (head, slot.kind()) {
            (_, kind::NULL) => Some(()),
            (Head::Other, _) if !is_text(slot.kind()) => {
                if self.says_something(slot)? {
                    let value = self.value(slot)?;
                    let field = self.field(name, value);
                    self.run.envelope.push(field);
                }
                Some(())
            }
            (Head::Code, kind::U16) => {
                let code = u16::from_le_bytes(self.fixed(slot)?);
                self.run.header.push(Header::Code(code));
                Some(())
            }
            (Head::RecordId, kind::U64) => {
                let id = u64::from_le_bytes(self.fixed(slot)?);
                self.run.header.push(Header::RecordId(id));
                Some(())
            }
            (Head::UserId, kind::SID) if self.fixed(slot)? == [1] => {
                let place = self.sid(slot)?;
                self.run.header.push(Header::Sid(place));
                Some(())
            }
            (Head::Time, kind::FILETIME) => {
                let ts = time::filetime(u64::from_le_bytes(self.fixed(slot)?));
                if let Some(ts) = ts.filter(|ts| PLAIN_YEARS.contains(ts)) {
                    self.run.header.push(Header::Time(ts));
                    return Some(());
                }
                let value = self.value(slot)?;
                self.header(head, name, value, content)
            }
            _ => {
                let value = self.value(slot)?;
                self.header(head, name, value, content)
            }
        }
    }

    fn header(&mut self, head: Head, name: Label, value: Found, content: bool) -> Option<()> {
        let field = self.field(name, value);
        let around = match head {
            Head::Other => Some(trim(self.text(value)?)),
            // What is no account goes to the envelope.
            Head::UserId => Some(trim(self.text(value)?)).filter(|text| !text.starts_with("S-1-")),
            _ => None,
        };
        match around {
            Some(text) if says_nothing(text) => {}
            Some(_) => self.run.envelope.push(field),
            None => self.run.header.push(Header::Text { head, field, content }),
        }
        Some(())
    }

    /// A text that was found.
    fn text(&self, found: Found) -> Option<&str> {
        match found.buffered() {
            Some(span) => self.run.text.part(span),
            None => found.of(&self.program.text, ""),
        }
    }

    /// Whether the envelope takes a value: not if it is zero, or the keyword that every event of a modern channel has.
    #[inline]
    fn says_something(&self, slot: Slot) -> Option<bool> {
        Some(match slot.kind() {
            kind::U8 => self.fixed(slot)? != [0],
            kind::U16 => self.fixed(slot)? != [0; 2],
            kind::U32 => self.fixed(slot)? != [0; 4],
            kind::GUID => self.fixed(slot)? != [0; 16],
            _ => !matches!(u64::from_le_bytes(self.fixed(slot)?), 0 | 0x8000_0000_0000_0000),
        })
    }

    #[inline]
    fn fixed<const N: usize>(&self, slot: Slot) -> Option<[u8; N]> {
        self.chunk.get(slot.at()..)?.first_chunk().copied()
    }

    /// Runs the elements of a value. Anything that is none stands between elements, where the reader passes it over.
    fn nested(&mut self, index: u16, place: Place, outer: &mut dyn Nested) -> Option<usize> {
        let slot = self.slot(index);
        match slot.kind() {
            kind::NESTED => {
                let at = slot.at();
                let from = Cursor::new(self.chunk, at, at + usize::from(slot.size()))?;
                self.unused = self.unused.checked_sub(1)?;
                outer.nested(self.run, from, place)
            }
            // A list would repeat the element around it.
            kind::STRINGS => None,
            _ => Some(0),
        }
    }
}

/// Whether values of a type are looked at as text to know whether they say something.
fn is_text(kind: u8) -> bool {
    !matches!(kind, kind::U8 | kind::U16 | kind::U32 | kind::HEX64 | kind::GUID)
}
