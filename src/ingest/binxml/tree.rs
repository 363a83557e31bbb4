//! The elements of a copy of tokens, as a tree.

use super::names::Name;
use super::tokens::{Token, Tokens};

/// No further item.
const NONE: u32 = u32::MAX;

/// What stands in an element or in the value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'t> {
    /// Text in UTF-16.
    Text(&'t [u8]),
    /// The place of a value.
    Value { index: u16, optional: bool },
    /// An element, by its number.
    Element(usize),
}

/// A list of items.
#[derive(Debug, Clone, Copy)]
pub struct Items {
    first: u32,
    last: u32,
}

const EMPTY: Items = Items {
    first: NONE,
    last: NONE,
};

/// An attribute.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Name.
    pub name: Name,
    /// Value.
    pub value: Items,
}

/// An element.
#[derive(Debug, Clone, Copy)]
pub struct Element {
    /// Name.
    pub name: Name,
    /// The value without which it is left out.
    pub depends: Option<u16>,
    /// Content.
    pub content: Items,
    attributes: (usize, usize),
}

/// The tree. Elements are numbered in the order in which they begin, so 0 is the root.
#[derive(Debug, Default)]
pub struct Tree<'t> {
    elements: Vec<Element>,
    attributes: Vec<Attribute>,
    items: Vec<(Item<'t>, u32)>,
    /// Elements that have begun and not ended.
    open: Vec<usize>,
    /// Whether the innermost element's attributes have not ended.
    in_start: bool,
}

impl<'t> Tree<'t> {
    /// An empty tree that reuses the memory of another.
    pub fn reuse(mut old: Tree<'_>) -> Self {
        old.items.clear();
        old.elements.clear();
        old.attributes.clear();
        old.open.clear();
        Self {
            elements: old.elements,
            attributes: old.attributes,
            // Empty, so nothing is converted; the standard library keeps the allocation.
            items: old
                .items
                .into_iter()
                .map(|(_, next)| (Item::Element(0), next))
                .collect(),
            open: old.open,
            in_start: false,
        }
    }

    /// Builds the tree; `None` if the tokens make no single element.
    pub fn build(&mut self, copy: &'t [u8]) -> Option<()> {
        for token in Tokens::new(copy) {
            match token {
                Token::Open { name, depends } => self.begin(name, depends)?,
                Token::Attribute { name } => self.attribute(name)?,
                Token::Start => self.in_start = self.end_start(false)?,
                Token::Empty => self.in_start = self.end_start(true)?,
                Token::End => {
                    (!self.in_start).then_some(())?;
                    self.open.pop()?;
                }
                Token::Text(text) => self.item(Item::Text(text))?,
                Token::Value { index, optional } => self.item(Item::Value { index, optional })?,
            }
        }
        (self.open.is_empty() && !self.elements.is_empty()).then_some(())
    }

    /// An element.
    pub fn element(&self, number: usize) -> Option<Element> {
        self.elements.get(number).copied()
    }

    /// Its attributes; those without a value do not count.
    pub fn attributes(&self, element: &Element) -> impl Iterator<Item = Attribute> {
        let (from, to) = element.attributes;
        let all = self.attributes.get(from..to).unwrap_or_default();
        all.iter().copied().filter(|a| a.value.first != NONE)
    }

    /// The items of a list.
    pub fn items(&self, list: Items) -> impl Iterator<Item = Item<'t>> {
        let mut at = list.first;
        std::iter::from_fn(move || {
            let (item, next) = self.items.get(usize::try_from(at).ok()?)?;
            at = *next;
            Some(*item)
        })
    }

    /// Whether a value stands in several places.
    pub fn uses_twice(&self) -> bool {
        let mut indices: Vec<u16> = Vec::new();
        indices.extend(self.items.iter().filter_map(|(item, _)| match item {
            Item::Value { index, .. } => Some(*index),
            _ => None,
        }));
        indices.sort_unstable();
        !indices.is_sorted_by(|a, b| a < b)
    }

    fn begin(&mut self, name: Name, depends: Option<u16>) -> Option<()> {
        (!self.in_start).then_some(())?;
        let number = self.elements.len();
        if number > 0 {
            // A second root has no parent.
            self.item(Item::Element(number))?;
        }
        self.elements.push(Element {
            name,
            depends,
            content: EMPTY,
            attributes: (self.attributes.len(), self.attributes.len()),
        });
        self.open.push(number);
        self.in_start = true;
        Some(())
    }

    fn attribute(&mut self, name: Name) -> Option<()> {
        self.in_start.then_some(())?;
        self.attributes.push(Attribute { name, value: EMPTY });
        let element = self.elements.last_mut()?;
        element.attributes.1 = self.attributes.len();
        Some(())
    }

    /// Ends the attributes; what it returns is whether they have not ended.
    fn end_start(&mut self, empty: bool) -> Option<bool> {
        self.in_start.then_some(())?;
        if empty {
            self.open.pop()?;
        }
        Some(false)
    }

    fn item(&mut self, item: Item<'t>) -> Option<()> {
        let number = u32::try_from(self.items.len()).ok()?;
        let list = if self.in_start {
            let element = self.elements.last()?;
            (element.attributes.0 < element.attributes.1).then_some(())?;
            &mut self.attributes.last_mut()?.value
        } else {
            &mut self.elements.get_mut(*self.open.last()?)?.content
        };
        if let Some((_, next)) = usize::try_from(list.last)
            .ok()
            .and_then(|last| self.items.get_mut(last))
        {
            *next = number;
        } else {
            list.first = number;
        }
        list.last = number;
        self.items.push((item, NONE));
        Some(())
    }
}
