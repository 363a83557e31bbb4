//! From what was found in the records of a chunk to events.

use std::borrow::Cow;

use super::super::event;
use super::super::raw::{Field, Raw, Value};
use super::chunk::Record;
use super::decoder::Library;
use super::program::Program;
use super::run::{Header, Mark, Run, Unnamed};
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
        let done = (*self.done.get(number)?)?;
        self.clear();
        self.raw.offset = self.offset + record.at as u64;
        self.headers(&done)?;
        self.fields(&done)?;
        self.raw.code?;
        if let Some((program, message)) = done.message {
            let message = message.of(&self.library.program(program)?.text, self.text)?;
            let raw = std::mem::replace(&mut self.raw, Raw::windows(0));
            self.raw = event::finish(raw, Some(Cow::Borrowed(message))).ok()?;
        } else if done.may_repeat {
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
    }

    fn headers(&mut self, done: &Done) -> Option<()> {
        let mut names = Names::of(self.library);
        let program = names.program(done.root?)?;
        let [provider, channel, computer] = program.fixed.map(|f| f.map(|span| Cow::Borrowed(program.span(span))));
        self.raw.kind = provider.unwrap_or_default();
        self.raw.channel = channel;
        self.raw.host = computer;
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
                Header::Other(field) => {
                    let program = names.program(field.program)?;
                    let value = field.value.of(&program.text, self.text)?;
                    push(&mut raw.envelope, program.span(field.name), value);
                }
                Header::Text { head, field, content } => {
                    let program = names.program(field.program)?;
                    let text = field.value.of(&program.text, self.text)?;
                    if !(*content && is_blank(text)) {
                        let name = program.span(field.name).into();
                        event::head_as(raw, *head, name, Value::str(text));
                    }
                }
            }
        }
        Some(())
    }

    fn fields(&mut self, done: &Done) -> Option<()> {
        let found = self.run.fields.get(done.from.fields..done.to.fields)?;
        let unnamed = self.run.unnamed.get(done.from.unnamed..done.to.unnamed)?;
        let mut names = Names::of(self.library);
        let mut is_lost = false;
        // Extended, and not pushed one by one: see `push`.
        self.raw.fields.extend(found.iter().map(|field| {
            let text = names.program(field.program).map_or("", |p| &p.text);
            let (name, value) = (field.name.of(text), field.value.of(text, self.text));
            is_lost |= name.is_none() | value.is_none();
            Field::str(name.unwrap_or_default(), value.unwrap_or_default())
        }));
        for (i, (program, text)) in unnamed.iter().enumerate() {
            let text = text.of(&names.program(*program)?.text, self.text)?;
            let name = event::unnamed_name(i, unnamed.len() > 1);
            self.raw.push(name, Value::str(text));
        }
        (!is_lost).then_some(())
    }
}

/// Adds a field. `Vec::push` would have it made elsewhere and copied at once, for which the processor has to wait; what
/// an iterator gives is made where it belongs.
#[inline]
fn push<'e>(fields: &mut Vec<Field<'e>>, name: &'e str, value: &'e str) {
    let one = std::iter::once((name, value));
    fields.extend(one.map(|(name, value)| Field::str(name, value)));
}

/// The program that was used last: fields in a row are mostly of one.
struct Names<'e> {
    library: &'e Library,
    number: u32,
    program: Option<&'e Program>,
}

impl<'e> Names<'e> {
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
