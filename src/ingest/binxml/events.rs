//! From what was found in the records of a chunk to events.

use std::borrow::Cow;

use super::super::event;
use super::super::layout::Layout;
use super::super::name::Name;
use super::super::placed::Placed;
use super::super::raw::{Field, Raw, Value};
use super::chunk::Record;
use super::decoder::Library;
use super::program::Program;
use super::run::{self, Header, Mark, Run, Unnamed};
use super::span::Span;
use crate::base::time::TimeQuality;

/// Where in a [`Run`] the parts of a record lie.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    pub from: Mark,
    pub to: Mark,
    pub root: Option<u32>,
    pub message: Option<Unnamed>,
    pub may_repeat: bool,
}

/// Memory for the fields of events and their envelopes.
type Memory = (Vec<Field<'static>>, Vec<Field<'static>>);

/// The events of a chunk.
pub struct Events<'e> {
    text: &'e str,
    run: &'e Run,
    library: &'e Library,
    records: &'e [Record],
    done: &'e [Option<Done>],
    offset: u64,
    memory: &'e mut Memory,
    raw: Raw<'e>,
}

impl<'e> Events<'e> {
    pub(super) fn new(
        run: &'e Run,
        library: &'e Library,
        records: &'e [Record],
        done: &'e [Option<Done>],
        offset: u64,
        memory: &'e mut Memory,
    ) -> Option<Self> {
        let mut raw = Raw::windows(0);
        raw.fields = reused(std::mem::take(&mut memory.0));
        raw.envelope = reused(std::mem::take(&mut memory.1));
        Some(Self {
            text: run.text.as_str()?,
            run,
            library,
            records,
            done,
            offset,
            memory,
            raw,
        })
    }

    /// How many records the chunk has.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The event of the record with this number, from 0; `None` if it is one for the library.
    pub fn event(&mut self, number: usize) -> Option<&Raw<'e>> {
        let record = self.records.get(number)?;
        let done = self.done.get(number)?.as_ref()?;
        self.clear();
        self.raw.offset = self.offset + record.at as u64;
        self.headers(done)?;
        self.fields(done)?;
        self.raw.code?;
        if let Some((program, message)) = done.message {
            let message = message.of(&self.library.program(program)?.text, self.text)?;
            let raw = std::mem::replace(&mut self.raw, Raw::windows(0));
            self.raw = event::finish(raw, Some(Cow::Borrowed(message))).ok()?;
        } else if done.may_repeat && self.raw.placed.is_none() {
            event::unique_names(&mut self.raw.fields);
        }
        self.raw.record_id = self.raw.record_id.or(Some(record.id));
        if self.raw.time.is_none() {
            self.raw.time = Some(record.time?);
            self.raw.quality = TimeQuality::Utc;
        }
        Some(&self.raw)
    }

    fn clear(&mut self) {
        let raw = &mut self.raw;
        raw.code = None;
        raw.time = None;
        raw.quality = TimeQuality::None;
        raw.user_sid = None;
        raw.record_id = None;
        raw.fields.clear();
        raw.envelope.clear();
        raw.placed = None;
    }

    fn headers(&mut self, done: &Done) -> Option<()> {
        let mut programs = Programs::of(self.library);
        let program = programs.program(done.root?)?;
        let [provider, channel, computer] = program.fixed;
        let text = |span: Span| Cow::Borrowed(program.span(span));
        self.raw.kind = provider.map(text).unwrap_or_default();
        self.raw.channel = channel.map(text);
        self.raw.host = computer.map(text);
        for header in self.run.header.get(done.from.header..done.to.header)? {
            let raw = &mut self.raw;
            match header {
                Header::Code(code) => raw.code = raw.code.or(Some(i32::from(*code))),
                Header::RecordId(id) => raw.record_id = raw.record_id.or(Some(*id)),
                Header::Time(ts) => (raw.time, raw.quality) = (Some(*ts), TimeQuality::Utc),
                Header::Sid(place) => {
                    let text = place.of(self.text)?;
                    if raw.user_sid.is_none() {
                        raw.user_sid = Some(Cow::Borrowed(text));
                    }
                }
                Header::Text { head, field, content } => {
                    let program = programs.program(field.program)?;
                    let text = field.value.of(&program.text, self.text)?;
                    if !(*content && is_blank(text)) {
                        let name = program.names.get(usize::from(field.name))?.borrowed();
                        event::head_as(raw, *head, name, Value::str(text));
                    }
                }
            }
        }
        let envelope = self.run.envelope.get(done.from.envelope..done.to.envelope)?;
        fill(&mut self.raw.envelope, envelope, self.text, &mut programs, None)
    }

    fn fields(&mut self, done: &Done) -> Option<()> {
        let found = self.run.fields.get(done.from.fields..done.to.fields)?;
        let unnamed = self.run.unnamed.get(done.from.unnamed..done.to.unnamed)?;
        let mut programs = Programs::of(self.library);
        // What a message adds to names that stand twice only the names themselves tell.
        let is_plain = done.message.is_none() || !done.may_repeat;
        let shape = is_plain.then(|| self.shape(found, unnamed)).flatten();
        let (names, rest) = match shape {
            Some((names, layout)) => {
                self.raw.placed = Some(Placed::straight(layout));
                let (names, rest) = names.split_at_checked(found.len())?;
                (Some(names), Some(rest))
            }
            None => (None, None),
        };
        fill(&mut self.raw.fields, found, self.text, &mut programs, names)?;
        for (i, (program, text)) in unnamed.iter().enumerate() {
            let text = text.of(&programs.program(*program)?.text, self.text)?;
            let name = match rest {
                Some(rest) => rest.get(i)?.borrowed(),
                None => event::unnamed_name(i, unnamed.len() > 1).into(),
            };
            self.raw.push(name, Value::str(text));
        }
        Some(())
    }

    /// The names of the fields of a record and where mappers find them, if records with these have been met.
    #[inline]
    fn shape(&self, found: &[run::Field], unnamed: &[Unnamed]) -> Option<(&'e [Name<'static>], &'e Layout)> {
        let library = self.library;
        let first = found.first().map(|f| f.program).or(unnamed.first().map(|u| u.0))?;
        let name = |place: usize| match found.get(place) {
            Some(field) => library.name(field).cloned().unwrap_or_else(|| "".into()),
            None => event::unnamed_name(place - found.len(), unnamed.len() > 1).into(),
        };
        let len = found.len() + unnamed.len();
        let shapes = &library.program(first)?.shapes;
        shapes.find(found, len, &library.room, name)?.names()
    }
}

/// Adds the fields that were found; `names` are theirs where they are known.
///
/// Extended, and not pushed one by one: `Vec::push` would have a field made elsewhere and copied at once, for which the
/// processor has to wait; what an iterator gives is made where it belongs.
#[inline]
fn fill<'e>(
    fields: &mut Vec<Field<'e>>,
    found: &'e [run::Field],
    buffer: &'e str,
    programs: &mut Programs<'e>,
    names: Option<&'e [Name<'static>]>,
) -> Option<()> {
    let mut is_lost = false;
    let mut value = |value: Option<&'e str>| {
        is_lost |= value.is_none();
        Value::str(value.unwrap_or_default())
    };
    match names {
        Some(names) => fields.extend(found.iter().zip(names).map(|(field, name)| Field {
            name: name.borrowed(),
            value: value(programs.value(field, buffer)),
        })),
        None => fields.extend(found.iter().map(|field| {
            let name = programs.name(field);
            let text = programs.value(field, buffer).filter(|_| name.is_some());
            Field {
                name: name.map_or_else(|| "".into(), Name::borrowed),
                value: value(text),
            }
        })),
    }
    (!is_lost).then_some(())
}

/// The program that was used last: fields in a row are mostly of one.
struct Programs<'e> {
    library: &'e Library,
    number: u32,
    program: Option<&'e Program>,
}

impl<'e> Programs<'e> {
    fn of(library: &'e Library) -> Self {
        Self {
            library,
            number: u32::MAX,
            program: None,
        }
    }

    #[inline]
    fn program(&mut self, number: u32) -> Option<&'e Program> {
        if number != self.number {
            self.number = number;
            self.program = self.library.program(number);
        }
        self.program
    }

    /// The name of a field.
    #[inline]
    fn name(&mut self, field: &run::Field) -> Option<&'e Name<'static>> {
        self.program(field.program)?.names.get(usize::from(field.name))
    }

    /// The value of a field.
    #[inline]
    fn value(&mut self, field: &run::Field, buffer: &'e str) -> Option<&'e str> {
        match field.value.buffered() {
            Some(span) => span.of(buffer),
            None => field.value.of(&self.program(field.program)?.text, buffer),
        }
    }
}

impl Drop for Events<'_> {
    fn drop(&mut self) {
        let fields = std::mem::take(&mut self.raw.fields);
        let envelope = std::mem::take(&mut self.raw.envelope);
        *self.memory = (reused(fields), reused(envelope));
    }
}

#[inline]
fn is_blank(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(0x21..=0x7E) => false,
        _ => text.trim().is_empty(),
    }
}

/// The same memory for fields that borrow from something else.
fn reused<'b>(mut fields: Vec<Field<'_>>) -> Vec<Field<'b>> {
    fields.clear();
    // Nothing is left to convert; the standard library collects in place.
    fields.into_iter().map(Field::into_owned).collect()
}
