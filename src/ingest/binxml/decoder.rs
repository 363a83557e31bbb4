//! From the records of a chunk to events.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use ahash::RandomState;
use encoding_rs::Encoding;

use super::chunk::{self, Record};
use super::compile::{self, Places};
use super::cursor::{Cursor, u32_at};
use super::events::{Done, Events};
use super::names::Names;
use super::program::{Place, Program};
use super::run::{Field, Nested, Run};
use super::tokens::{self, Kind};
use super::tree::Tree;
use crate::ingest::name::Name;
use crate::ingest::raw;

/// How deep values with elements may be nested; those of Windows are once.
const MAX_NESTING: usize = 8;

/// Bytes of programs kept; when there are more, the next chunk begins anew.
const MAX_KEPT: usize = 16 << 20;

/// Bytes of [shapes](super::shape) kept.
const MAX_SHAPES: usize = 16 << 20;

/// Bytes of buffers that are not large.
const MAX_BUFFERS: usize = 2 << 20;

/// Steps that the records of one chunk may take. Those of Windows take less than 50,000; hostile ones, which use one long
/// template again and again, are left to the library and its limits.
const MAX_STEPS: usize = 1 << 20;

/// The token before a stream of tokens; it has three bytes more.
const FRAGMENT: u8 = 0x0F;

/// Before the tokens of a template: the offset of another one, a GUID, a size.
const DEFINITION: usize = 24;

/// Reads chunks, one after the other. It remembers templates.
pub struct Decoder {
    run: Run,
    library: Library,
    records: Vec<Record>,
    done: Vec<Option<Done>>,
    /// Memory for the fields of events.
    fields: (Vec<raw::Field<'static>>, Vec<raw::Field<'static>>),
}

impl Decoder {
    /// For logs with this code page.
    pub fn new(ansi: &'static Encoding) -> Self {
        Self {
            run: Run::new(ansi),
            library: Library::new(),
            records: Vec::new(),
            done: Vec::new(),
            fields: (Vec::new(), Vec::new()),
        }
    }

    /// Whether a chunk made its buffers larger than those of Windows do.
    pub fn is_large(&self) -> bool {
        let fields = (self.fields.0.capacity() + self.fields.1.capacity()) * size_of::<raw::Field<'_>>();
        self.run.memory() + fields > MAX_BUFFERS
    }

    /// Reads the records of a chunk that lies at `offset` in its input. `None` if it is damaged in a way that decides
    /// which records there are, or that concerns all of them.
    pub fn read(&mut self, chunk: &[u8], offset: u64) -> Option<Events<'_>> {
        warm(chunk);
        chunk::records(chunk, &mut self.records)?;
        self.library.open(chunk)?;
        self.run.back_to(Default::default());
        self.done.clear();
        let mut steps = 0;
        for record in &self.records {
            let mark = self.run.begin();
            let mut done = None;
            if steps < MAX_STEPS {
                done = self.library.record(&mut self.run, chunk, record);
                steps += self.run.steps();
            }
            if done.is_none() {
                self.run.back_to(mark);
            }
            self.done.push(done.map(|()| Done {
                from: mark,
                to: self.run.mark(),
                root: self.run.root,
                message: self.run.message,
                may_repeat: self.run.may_repeat,
            }));
        }
        Events::new(
            &self.run,
            &self.library,
            &self.records,
            &self.done,
            offset,
            &mut self.fields,
        )
    }
}

/// Reads a chunk once in order: memory is fast at that, while records are then read here and there.
fn warm(chunk: &[u8]) {
    const LINE: usize = 64;
    let mut sum = 0_u8;
    let mut at = 0;
    while let Some(byte) = chunk.get(at) {
        sum ^= byte;
        at += LINE;
    }
    std::hint::black_box(sum);
}

/// The templates.
pub struct Library {
    names: Names,
    places: Places,
    programs: Vec<Option<Rc<Program>>>,
    /// By place and copy of the tokens.
    numbers: HashMap<Box<[u8]>, u32, RandomState>,
    /// Where templates used last lie in the chunk: offset and place, number.
    here: Box<[(usize, Place, u32); 64]>,
    copy: Vec<u8>,
    tree: Tree<'static>,
    /// Bytes kept.
    size: usize,
    /// Bytes left for shapes of fields.
    pub(super) room: Cell<usize>,
    depth: usize,
}

const NOWHERE: (usize, Place, u32) = (usize::MAX, 0, 0);

impl Library {
    fn new() -> Self {
        Self {
            names: Names::new(),
            places: Places::new(),
            programs: Vec::new(),
            numbers: HashMap::with_hasher(RandomState::with_seeds(5, 6, 7, 8)),
            here: Box::new([NOWHERE; 64]),
            copy: Vec::new(),
            tree: Tree::default(),
            size: 0,
            room: Cell::new(MAX_SHAPES),
            depth: 0,
        }
    }

    fn open(&mut self, chunk: &[u8]) -> Option<()> {
        if self.size > MAX_KEPT || self.room.get() == 0 || self.names.is_crowded() || self.places.is_crowded() {
            *self = Self::new();
        }
        self.here.fill(NOWHERE);
        self.names.open(chunk)
    }

    /// A program.
    #[inline]
    pub fn program(&self, number: u32) -> Option<&Program> {
        self.programs.get(number as usize)?.as_deref()
    }

    /// The name of a field.
    pub fn name(&self, field: &Field) -> Option<&Name<'static>> {
        self.program(field.program)?.names.get(usize::from(field.name))
    }

    /// A whole record: one instance of a template, or one element, and nothing behind it.
    fn record(&mut self, run: &mut Run, chunk: &[u8], record: &Record) -> Option<()> {
        self.depth = 0;
        let mut from = Cursor::new(chunk, record.body, record.end)?;
        if from.peek()? == FRAGMENT {
            from.take(4)?;
        }
        self.item(run, chunk, &mut from, Places::ROOT)?;
        (from.is_done() || from.u8() == Some(0)).then_some(())
    }

    /// An instance of a template, or an element.
    fn item(&mut self, run: &mut Run, chunk: &[u8], from: &mut Cursor<'_>, place: Place) -> Option<()> {
        match from.peek()? {
            0x0C => self.instance(run, chunk, from, place),
            0x01 | 0x41 => self.element(run, chunk, from, place),
            _ => None,
        }
    }

    /// An instance of a template.
    fn instance(&mut self, run: &mut Run, chunk: &[u8], from: &mut Cursor<'_>, place: Place) -> Option<()> {
        // The token, a byte that is 1, a number for the template.
        from.take(6)?;
        let definition = from.offset()?;
        if definition == from.at() {
            from.take(DEFINITION - 4)?;
            let size = from.offset()?;
            from.take(size)?;
        }
        let number = self.template(chunk, definition, place)?;
        let program = self.programs.get(number as usize)?.clone()?;
        self.depth += 1;
        let mut outer = Outer { library: self, chunk };
        run.instance(chunk, from, number, &program, &mut outer)?;
        self.depth -= 1;
        Some(())
    }

    /// The program of the template whose definition lies at an offset.
    #[inline]
    fn template(&mut self, chunk: &[u8], definition: usize, place: Place) -> Option<u32> {
        let slot = (definition ^ (definition >> 6) ^ usize::from(place)) & 63;
        if let Some((at, under, number)) = self.here.get(slot)
            && (*at, *under) == (definition, place)
        {
            return Some(*number);
        }
        let number = self.define(chunk, definition, place)?;
        *self.here.get_mut(slot)? = (definition, place, number);
        Some(number)
    }

    fn define(&mut self, chunk: &[u8], definition: usize, place: Place) -> Option<u32> {
        let size = usize::try_from(u32_at(chunk, definition.checked_add(DEFINITION - 4)?)?).ok()?;
        let start = definition + DEFINITION;
        let mut from = Cursor::new(chunk, start, start.checked_add(size)?)?;
        self.begin_copy(place);
        let mut none = Vec::new();
        tokens::copy(
            chunk,
            &mut from,
            Kind::Template,
            &mut self.names,
            &mut self.copy,
            &mut none,
        )?;
        self.find(place)
    }

    /// An element that stands in the record itself.
    fn element(&mut self, run: &mut Run, chunk: &[u8], from: &mut Cursor<'_>, place: Place) -> Option<()> {
        self.begin_copy(place);
        let first = run.slots.len();
        tokens::copy(
            chunk,
            from,
            Kind::Element,
            &mut self.names,
            &mut self.copy,
            &mut run.slots,
        )?;
        let number = self.find(place)?;
        let program = self.programs.get(number as usize)?.clone()?;
        let mut outer = Outer { library: self, chunk };
        run.program(chunk, number, &program, (first, 0), &mut outer)?;
        run.slots.truncate(first);
        Some(())
    }

    /// Begins a copy of tokens, before which stands the place they are for.
    fn begin_copy(&mut self, place: Place) {
        self.copy.clear();
        self.copy.extend_from_slice(&place.to_le_bytes());
    }

    /// Finds or makes the program of the copy. Those that have none are remembered too.
    fn find(&mut self, place: Place) -> Option<u32> {
        if let Some(number) = self.numbers.get(self.copy.as_slice()) {
            return Some(*number);
        }
        if self.size > MAX_KEPT {
            return None;
        }
        let mut program = Program::default();
        let done = self.compile(place, &mut program);
        let number = u32::try_from(self.programs.len()).ok()?;
        self.size += program.size() + self.copy.len() + 128;
        self.programs.push(done.map(|()| Rc::new(program)));
        self.numbers.insert(self.copy.as_slice().into(), number);
        Some(number)
    }

    fn compile(&mut self, place: Place, program: &mut Program) -> Option<()> {
        let mut tree = Tree::reuse(std::mem::take(&mut self.tree));
        let done = tree
            .build(self.copy.get(size_of::<Place>()..)?)
            .and_then(|()| compile::compile(&tree, place, &mut self.names, &mut self.places, program));
        self.tree = Tree::reuse(tree);
        done
    }
}

/// Runs the elements of values.
struct Outer<'o> {
    library: &'o mut Library,
    chunk: &'o [u8],
}

impl Nested for Outer<'_> {
    fn nested(&mut self, run: &mut Run, mut from: Cursor<'_>, place: Place) -> Option<usize> {
        (self.library.depth < MAX_NESTING).then_some(())?;
        let mut elements = 0;
        while !from.is_done() {
            match from.peek()? {
                0 => break,
                FRAGMENT => {
                    from.take(4)?;
                }
                _ => {
                    self.library.item(run, self.chunk, &mut from, place)?;
                    elements += 1;
                }
            }
        }
        Some(elements)
    }
}
