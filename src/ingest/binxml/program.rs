//! What a template comes to: steps that take the values of a record to the fields of an event.

use super::super::event::Head;
use super::super::name::Name;
use super::shape::Shapes;
use super::span::Span;

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The template itself.
    Const(Span),
    /// One value.
    Value(u16),
    /// Several of [`Program::parts`].
    Parts(Span),
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// From the template itself.
    Const(Span),
    /// A value.
    Value(u16),
}

/// Where elements of a value are put: the number of a path of names.
pub type Place = u16;

/// A name of a field, by its number in [`Program::names`].
pub type Label = u16;

/// A step. "Nested" is a value that is itself binary XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Passes over steps if the value is null: they make an element that depends on it.
    Unless { null: u16, skip: u32 },
    /// A field of the header; from the content of an element (not of an attribute) only if it is not blank.
    Head {
        head: Head,
        name: Label,
        text: Source,
        content: bool,
    },
    /// A field from an attribute, which is left out if its value is empty.
    Attribute { name: Label, text: Source },
    /// A field from the content of an element. A list makes one field for each of its items if `repeat`.
    Field {
        name: Label,
        text: Source,
        repeat: bool,
        /// Left out if empty.
        unless_empty: bool,
    },
    /// The content of a `Data` element without name.
    Unnamed { text: Source, repeat: bool },
    /// The rendered message.
    Message { text: Source },
    /// A text that the reader passes over. Only elements and lists would mean something even there.
    PassedOver { text: Source },
    /// Nested elements; any other value is no field here.
    Nested { value: u16, place: Place },
    /// If the value is nested, the first `before` steps and then its elements; if not, the `instead` steps behind them.
    IfNested {
        value: u16,
        place: Place,
        before: u32,
        instead: u32,
    },
}

/// A template, made flat.
#[derive(Debug, Default)]
pub struct Program {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Parts of texts made of several.
    pub parts: Vec<Part>,
    /// Constant texts.
    pub text: String,
    /// Names of the fields that the steps make.
    pub names: Vec<Name<'static>>,
    /// What the names of its fields come to, in the sets in which they were met.
    pub shapes: Shapes,
    /// Provider, channel and computer, where the template itself names them before any value could. Only programs of
    /// whole records have them.
    pub fixed: [Option<Span>; 3],
    /// Whether it makes fields.
    pub has_fields: bool,
    /// Whether a value stands in several places.
    pub uses_twice: bool,
    /// Whether no two fields can have the same name as long as no list is repeated.
    pub is_distinct: bool,
}

impl Program {
    /// A part of the text.
    #[inline]
    pub fn span(&self, span: Span) -> &str {
        span.of(&self.text).unwrap_or_default()
    }

    /// The parts of a text made of several.
    pub fn parts(&self, span: Span) -> &[Part] {
        self.parts.get(span.range()).unwrap_or_default()
    }

    /// What it costs to keep, in bytes.
    pub fn size(&self) -> usize {
        let names: usize = self.names.iter().map(|n| n.len() + size_of::<Name<'_>>()).sum();
        self.text.len() + names + self.steps.len() * size_of::<Step>() + self.parts.len() * size_of::<Part>()
    }
}
