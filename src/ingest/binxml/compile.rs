//! From the tree of a template to its program.
//!
//! This goes through the elements as the reader of XML would through their text ([`crate::ingest::event::xml`]) and
//! writes down what it does. What depends on the values becomes a step; where a value would decide more than a step can
//! say, there is no program.

use super::super::event::{Head, says_nothing};
use super::names::{Name, Names, id};
use super::program::{Label, Part, Place, Program, Source, Step};
use super::span::Span;
use super::tree::{Attribute, Element, Item, Items, Tree};
use super::utf16;
use crate::base::text::trim;

/// Elements nested deeper than this the reader of XML treats specially.
const MAX_DEPTH: usize = 32;
/// Most places that values with elements are put in.
const MAX_PLACES: usize = 1024;

/// Paths of names under which elements of values are put.
#[derive(Debug, Default)]
pub struct Places(Vec<Box<[Name]>>);

impl Places {
    /// The place of whole records.
    pub const ROOT: Place = 0;

    pub fn new() -> Self {
        Self(vec![Box::default()])
    }

    /// Whether there may soon be too many.
    pub fn is_crowded(&self) -> bool {
        self.0.len() > MAX_PLACES / 2
    }

    fn path(&self, place: Place) -> &[Name] {
        self.0.get(usize::from(place)).map_or(&[], |p| p)
    }

    fn number(&mut self, path: &[Name]) -> Option<Place> {
        if let Some(found) = self.0.iter().position(|p| **p == *path) {
            return Place::try_from(found).ok();
        }
        (self.0.len() < MAX_PLACES).then_some(())?;
        self.0.push(path.into());
        Place::try_from(self.0.len() - 1).ok()
    }
}

/// Compiles the tree of what stands at a place; `None` if it has no program.
pub fn compile(
    tree: &Tree<'_>,
    place: Place,
    names: &mut Names,
    places: &mut Places,
    program: &mut Program,
) -> Option<()> {
    let path = places.path(place).to_vec();
    let mut compiler = Compiler {
        tree,
        names,
        places,
        program,
        path,
        fields: Vec::new(),
        has_unnamed: false,
        fixes: [place == Places::ROOT; 3],
        guards: 0,
    };
    // What a root depends on does not matter: there is nothing it could be left out of.
    compiler.element(&tree.element(0)?)?;
    compiler.judge_names();
    program.uses_twice = tree.uses_twice();
    Some(())
}

struct Compiler<'c, 't> {
    tree: &'c Tree<'t>,
    names: &'c mut Names,
    places: &'c mut Places,
    program: &'c mut Program,
    /// Names of the open elements, those around the place included.
    path: Vec<Name>,
    /// Names of the fields.
    fields: Vec<Label>,
    has_unnamed: bool,
    /// Whether the next constant provider, channel or computer is the first of the whole record.
    fixes: [bool; 3],
    /// How many values the element at hand depends on.
    guards: u32,
}

/// What an element contains.
#[derive(Default)]
struct Content {
    /// Elements that are always there.
    elements: usize,
    /// Elements that depend on a value.
    dependent: usize,
    values: usize,
    texts: usize,
    /// The value, if there is one.
    value: u16,
}

impl Compiler<'_, '_> {
    /// An element and all in it.
    fn element(&mut self, element: &Element) -> Option<()> {
        let name = self.names.local(element.name)?;
        let is_root = self.path.is_empty();
        // Two names have a meaning of their own wherever they stand.
        let is_odd = name == id::DATA_ITEM || is_root != (name == id::EVENT);
        (!is_odd && self.path.len() < MAX_DEPTH).then_some(())?;
        self.path.push(name);
        let content = self.content(element);
        if content.elements + content.dependent > 0 {
            self.parent(element, &content)?;
        } else if content.values == 1 && content.texts == 0 {
            self.holder(element, content.value)?;
        } else {
            let text = self.source(element.content)?;
            self.leaf(element, text)?;
        }
        self.path.pop();
        Some(())
    }

    fn content(&self, element: &Element) -> Content {
        let mut content = Content::default();
        for item in self.tree.items(element.content) {
            match item {
                Item::Element(number) => match self.tree.element(number).and_then(|e| e.depends) {
                    None => content.elements += 1,
                    Some(_) => content.dependent += 1,
                },
                Item::Value { index, .. } => {
                    content.values += 1;
                    content.value = index;
                }
                Item::Text(_) => content.texts += 1,
            }
        }
        content
    }

    /// An element that contains elements. Text between them is nothing to the reader.
    fn parent(&mut self, element: &Element, content: &Content) -> Option<()> {
        let before = self.program.steps.len();
        self.parent_attributes(element)?;
        let steps = self.program.steps.get(before..)?;
        let is_plain = steps.iter().all(|s| matches!(s, Step::PassedOver { .. }));
        if content.elements == 0 {
            // With all of them left out it would be a leaf.
            (is_plain && self.is_nothing_as_leaf(element)).then_some(())?;
        }
        let is_system = self.section() == Some(id::SYSTEM);
        let tree = self.tree;
        for item in tree.items(element.content) {
            match item {
                Item::Element(number) => self.child(number)?,
                Item::Value { .. } if is_system => return None,
                Item::Value { index, .. } => self.nested(index)?,
                Item::Text(_) => {}
            }
        }
        Some(())
    }

    fn child(&mut self, number: usize) -> Option<()> {
        let element = self.tree.element(number)?;
        let Some(null) = element.depends else {
            return self.element(&element);
        };
        let at = self.program.steps.len();
        self.program.steps.push(Step::Unless { null, skip: 0 });
        self.guards += 1;
        self.element(&element)?;
        self.guards -= 1;
        // A field of the header is left out where its value is null, whatever it depends on.
        let is_own = |step: &Step| matches!(step, Step::Head { text: Source::Value(value), .. } if *value == null);
        if self.program.steps.get(at + 1..)?.iter().all(is_own) {
            self.program.steps.remove(at);
            return Some(());
        }
        let steps = u32::try_from(self.program.steps.len() - at - 1).ok()?;
        if let Some(Step::Unless { skip, .. }) = self.program.steps.get_mut(at) {
            *skip = steps;
        }
        Some(())
    }

    fn nested(&mut self, value: u16) -> Option<()> {
        self.fixes = [false; 3];
        let place = self.places.number(&self.path)?;
        self.program.steps.push(Step::Nested { value, place });
        Some(())
    }

    /// An element that contains one value and nothing else. The value can be binary XML, and the element a parent then.
    fn holder(&mut self, element: &Element, value: u16) -> Option<()> {
        let is_section = self.path.len() == 2;
        match self.section() {
            Some(id::SYSTEM) if is_section => None,
            Some(id::SYSTEM | id::BINARY_EVENT_DATA) => self.leaf(element, Source::Value(value)),
            Some(id::EVENT_DATA | id::RENDERING_INFO) if !is_section => self.leaf(element, Source::Value(value)),
            _ => {
                let at = self.program.steps.len();
                let place = self.places.number(&self.path)?;
                self.program.steps.push(Step::Nested { value, place });
                self.fixes = [false; 3];
                self.parent_attributes(element)?;
                let before = u32::try_from(self.program.steps.len() - at - 1).ok()?;
                if self.path.len() > 2 {
                    self.leaf(element, Source::Value(value))?;
                }
                let instead = u32::try_from(self.program.steps.len() - at - 1).ok()? - before;
                if before + instead > 0
                    && let Some(step) = self.program.steps.get_mut(at)
                {
                    *step = Step::IfNested {
                        value,
                        place,
                        before,
                        instead,
                    };
                }
                Some(())
            }
        }
    }

    /// An element without elements in it.
    fn leaf(&mut self, element: &Element, text: Source) -> Option<()> {
        let name = *self.path.last()?;
        match self.section() {
            Some(id::SYSTEM) if self.path.len() == 2 => self.is_nothing_as_leaf(element).then_some(()),
            Some(id::SYSTEM) => self.system(name, element, text),
            Some(id::RENDERING_INFO) if name == id::MESSAGE => {
                self.pass_over_attributes(element)?;
                self.program.steps.push(Step::Message { text });
                Some(())
            }
            Some(id::BINARY_EVENT_DATA) => {
                self.pass_over_attributes(element)?;
                let name = self.label("Binary")?;
                self.field(name, text, true, false);
                Some(())
            }
            Some(_) if self.path.len() > 2 => self.data(name, element, text),
            _ => {
                self.pass_over_attributes(element)?;
                self.pass_over(text);
                Some(())
            }
        }
    }

    fn pass_over_attributes(&mut self, element: &Element) -> Option<()> {
        let tree = self.tree;
        for attribute in tree.attributes(element) {
            if let Some(value) = self.attribute(&attribute)? {
                self.pass_over(value);
            }
        }
        Some(())
    }

    fn pass_over(&mut self, text: Source) {
        if !matches!(text, Source::Const(_)) {
            self.program.steps.push(Step::PassedOver { text });
        }
    }

    /// Whether the reader makes nothing of the element when it has no elements in it.
    fn is_nothing_as_leaf(&self, element: &Element) -> bool {
        match self.section() {
            None => true,
            Some(id::BINARY_EVENT_DATA) => false,
            Some(id::SYSTEM) => {
                self.path.len() == 2
                    && self.tree.attributes(element).next().is_none()
                    && !self.tree.items(element.content).any(|i| matches!(i, Item::Text(_)))
            }
            Some(_) => self.path.len() == 2,
        }
    }

    /// A leaf of `System`.
    fn system(&mut self, name: Name, element: &Element, text: Source) -> Option<()> {
        let tree = self.tree;
        for attribute in tree.attributes(element) {
            let Some(value) = self.attribute(&attribute)? else {
                continue;
            };
            let key = attribute.name;
            let target = match (name, key) {
                (id::PROVIDER, id::NAME) => "Provider".to_owned(),
                (id::SECURITY, id::USER_ID | id::USER_ID_2) => "UserID".to_owned(),
                (id::EXECUTION, _) => format!("Execution_{}", self.names.text(key)),
                (id::PROVIDER, id::GUID) | (_, id::XMLNS) => {
                    self.pass_over(value);
                    continue;
                }
                _ => self.names.text(key).to_owned(),
            };
            self.head(&target, value, false)?;
        }
        let target = self.names.text(name).to_owned();
        self.head(&target, text, true)
    }

    fn head(&mut self, name: &str, text: Source, content: bool) -> Option<()> {
        let head = Head::of(name);
        if let Source::Const(span) = text {
            let text = trim(self.program.span(span));
            let is_nothing = match head {
                Head::Other => says_nothing(text),
                _ => content && text.is_empty(),
            };
            if is_nothing {
                return Some(());
            }
        }
        let fixed = match head {
            Head::Provider => Some(0),
            Head::Channel => Some(1),
            Head::Computer => Some(2),
            _ => None,
        };
        if let Some(fixed) = fixed
            && let Some(fixes) = self.fixes.get_mut(fixed).map(std::mem::take)
            && let Source::Const(span) = text
            && fixes
            && self.guards == 0
            && !self.program.span(span).trim().is_empty()
            && let Some(place) = self.program.fixed.get_mut(fixed)
        {
            *place = Some(span);
            return Some(());
        }
        let name = self.label(name)?;
        self.program.steps.push(Step::Head {
            head,
            name,
            text,
            content,
        });
        Some(())
    }

    /// A leaf of `EventData`, `UserData` or one of the rarer sections.
    fn data(&mut self, name: Name, element: &Element, text: Source) -> Option<()> {
        let tree = self.tree;
        let mut field = None;
        let mut is_alone = true;
        for attribute in tree.attributes(element) {
            let Some(value) = self.attribute(&attribute)? else {
                continue;
            };
            let key = attribute.name;
            match key {
                id::NAME if matches!(name, id::DATA | id::COMPLEX_DATA) => {
                    // A name that a value gives, or a second one, is left to the library.
                    let (Source::Const(span), None) = (value, field) else {
                        return None;
                    };
                    field = Some(span);
                }
                id::TYPE if name == id::DATA => self.pass_over(value),
                _ if self.is_namespace(key) => self.pass_over(value),
                _ => {
                    let name = format!("{}_{}", self.joined(), self.names.text(key));
                    let name = self.label(&name)?;
                    self.fields.push(name);
                    self.program.steps.push(Step::Attribute { name, text: value });
                    is_alone = false;
                }
            }
        }
        match field {
            Some(field) => {
                let field = self.program.span(field).to_owned();
                let field = self.label(&field)?;
                self.field(field, text, is_alone, false);
            }
            None if name == id::DATA => {
                self.has_unnamed = true;
                self.program.steps.push(Step::Unnamed { text, repeat: is_alone });
            }
            None => {
                let field = self.joined();
                let field = self.label(&field)?;
                self.field(field, text, is_alone, name == id::BINARY);
            }
        }
        Some(())
    }

    fn field(&mut self, name: Label, text: Source, repeat: bool, unless_empty: bool) {
        self.fields.push(name);
        self.program.steps.push(Step::Field {
            name,
            text,
            repeat,
            unless_empty,
        });
    }

    /// Attributes of an element that has elements in it.
    fn parent_attributes(&mut self, element: &Element) -> Option<()> {
        let section = self.section().filter(|s| matches!(*s, id::EVENT_DATA | id::USER_DATA));
        let tree = self.tree;
        for attribute in tree.attributes(element) {
            let Some(value) = self.attribute(&attribute)? else {
                continue;
            };
            let key = attribute.name;
            let Some(section) = section.filter(|_| !self.is_namespace(key)) else {
                self.pass_over(value);
                continue;
            };
            if self.path.len() == 2 && key == id::NAME {
                let name = format!("{}_Name", self.names.text(section));
                self.head(&name, value, false)?;
                continue;
            }
            let name = match self.path.len() {
                2 | 3 => self.names.text(key).to_owned(),
                _ => format!("{}_{}", self.joined(), self.names.text(key)),
            };
            let name = self.label(&name)?;
            self.fields.push(name);
            self.program.steps.push(Step::Attribute { name, text: value });
        }
        Some(())
    }

    fn section(&self) -> Option<Name> {
        self.path.get(1).copied()
    }

    fn is_namespace(&self, key: Name) -> bool {
        let key = self.names.text(key);
        key.starts_with("xmlns") || key.contains(':')
    }

    /// The path of the element below the section (and below the one element that `UserData` wraps around its own).
    fn joined(&self) -> String {
        let skip = if self.section() == Some(id::USER_DATA) && self.path.len() > 3 {
            3
        } else {
            2
        };
        let names: Vec<&str> = self.path.iter().skip(skip).map(|n| self.names.text(*n)).collect();
        if names.is_empty() {
            return "Data".to_owned();
        }
        names.join("_")
    }

    /// The value of an attribute; `Some(None)` if it is always empty, and so not there.
    fn attribute(&mut self, attribute: &Attribute) -> Option<Option<Source>> {
        let source = self.source(attribute.value)?;
        match source {
            Source::Const(span) if span.is_empty() => Some(None),
            Source::Parts(parts) => {
                // Of several values and no text, all would have to be looked at to know whether it is there.
                let parts = self.program.parts(parts);
                parts
                    .iter()
                    .any(|p| matches!(p, Part::Const(_)))
                    .then_some(Some(source))
            }
            _ => Some(Some(source)),
        }
    }

    /// Text and values side by side.
    fn source(&mut self, list: Items) -> Option<Source> {
        let first = self.program.parts.len();
        let tree = self.tree;
        for item in tree.items(list) {
            match item {
                Item::Text(text) => self.constant(text, first)?,
                Item::Value { index, .. } => self.program.parts.push(Part::Value(index)),
                Item::Element(_) => return None,
            }
        }
        let source = match self.program.parts.get(first..)? {
            [] => Source::Const(Span::default()),
            [Part::Const(span)] => Source::Const(*span),
            [Part::Value(index)] => Source::Value(*index),
            several => return Some(Source::Parts(Span::new(first, first + several.len()))),
        };
        self.program.parts.truncate(first);
        Some(source)
    }

    /// Constant text, joined to what stands right before it.
    fn constant(&mut self, text: &[u8], first: usize) -> Option<()> {
        let start = self.program.text.len();
        utf16::append(text, &mut self.program.text)?;
        let end = self.program.text.len();
        if start == end {
            return Some(());
        }
        let joins = self.program.parts.len() > first;
        match self.program.parts.last_mut() {
            Some(Part::Const(before)) if joins && before.range().end == start => {
                *before = Span::new(before.range().start, end);
            }
            _ => self.program.parts.push(Part::Const(Span::new(start, end))),
        }
        Some(())
    }

    fn label(&mut self, name: &str) -> Option<Label> {
        let number = Label::try_from(self.program.names.len()).ok()?;
        self.program.names.push(name.to_owned().into());
        Some(number)
    }

    /// Decides whether the fields can be told apart by their names alone.
    fn judge_names(&mut self) {
        let program = &mut *self.program;
        program.has_fields = self.has_unnamed || !self.fields.is_empty();
        let name = |label: &Label| program.names.get(usize::from(*label));
        let mut names: Vec<&str> = self.fields.iter().filter_map(name).map(|n| &**n).collect();
        names.sort_unstable();
        let clashes = self.has_unnamed && names.iter().any(|n| n.starts_with("Data"));
        program.is_distinct = names.is_sorted_by(|a, b| a < b) && !clashes;
    }
}
