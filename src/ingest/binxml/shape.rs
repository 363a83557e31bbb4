//! What the names of a record's fields come to. Records of one template mostly have the same fields, so this is worked
//! out once: names that stand twice told apart, the columns by which mappers find them.

use std::cell::{Cell, OnceCell};

use super::super::event;
use super::super::layout::{Layout, MOST};
use super::super::name::Name;
use super::super::raw::{Field as Full, Value};
use super::program::Label;
use super::run::Field;

/// Most shapes kept for the fields of one program.
const KEPT: usize = 8;

/// Which fields a record has, in order.
#[derive(Debug)]
pub struct Shape {
    /// Program and name of those that have one.
    fields: Box<[(u32, Label)]>,
    /// How many there are with those behind them that have no name.
    len: usize,
    /// The names that they get, which are to be all different.
    names: Box<[Name<'static>]>,
    /// `None` if they are not.
    layout: Option<Layout>,
}

impl Shape {
    /// Of fields with these names, some of which may be the same.
    fn new(fields: &[Field], names: impl Iterator<Item = Name<'static>>) -> Self {
        let mut full: Vec<Full<'_>> = names.map(|name| Full::new(name, Value::Null)).collect();
        event::unique_names(&mut full);
        let names: Box<[_]> = full.into_iter().map(|f| f.name).collect();
        Self {
            fields: fields.iter().map(|f| (f.program, f.name)).collect(),
            len: names.len(),
            layout: Layout::new(names.iter()),
            names,
        }
    }

    /// The name of each field, and the names as columns; `None` if names stand twice whatever is done.
    #[inline]
    pub fn names(&self) -> Option<(&[Name<'static>], &Layout)> {
        Some((&self.names, self.layout.as_ref()?))
    }

    /// Whether it is that of these fields and so many in all.
    #[inline]
    fn is_of(&self, fields: &[Field], len: usize) -> bool {
        if self.len != len || self.fields.len() != fields.len() {
            return false;
        }
        let mut differ = 0;
        for ((program, name), field) in self.fields.iter().zip(fields) {
            differ |= (program ^ field.program) | u32::from(name ^ field.name);
        }
        differ == 0
    }

    /// What it costs to keep, in bytes.
    fn size(&self) -> usize {
        let names: usize = self.names.iter().map(|n| n.len()).sum();
        // Twice the names with their hashes and slots, and once as keys.
        size_of::<Self>() + self.len * 4 * size_of::<Name<'_>>() + 3 * names
    }
}

/// The shapes of records whose first field is of one program.
#[derive(Debug, Default)]
pub struct Shapes {
    kept: [OnceCell<Box<Shape>>; KEPT],
    /// Whether there was such a record: what comes once is not worth a shape.
    is_met: Cell<bool>,
}

impl Shapes {
    /// The shape of fields and of so many in all, those without name included. It is made if there is room in `left`
    /// bytes; `name` says what the field at a place is called.
    #[inline]
    pub fn find(
        &self,
        fields: &[Field],
        len: usize,
        left: &Cell<usize>,
        name: impl FnMut(usize) -> Name<'static>,
    ) -> Option<&Shape> {
        for slot in &self.kept {
            match slot.get() {
                Some(shape) if shape.is_of(fields, len) => return Some(shape),
                Some(_) => {}
                None => return self.add(slot, fields, len, left, name),
            }
        }
        None
    }

    #[cold]
    fn add<'s>(
        &self,
        slot: &'s OnceCell<Box<Shape>>,
        fields: &[Field],
        len: usize,
        left: &Cell<usize>,
        name: impl FnMut(usize) -> Name<'static>,
    ) -> Option<&'s Shape> {
        if !self.is_met.replace(true) || len > MOST || left.get() == 0 {
            return None;
        }
        let shape = Shape::new(fields, (0..len).map(name));
        // The next chunk begins anew when none are left.
        left.set(left.get().saturating_sub(shape.size()));
        Some(slot.get_or_init(|| Box::new(shape)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::span::{Found, Span};
    use super::*;

    fn field(program: u32, name: Label) -> Field {
        Field {
            program,
            name,
            value: Found::in_buffer(Span::default()),
        }
    }

    /// The names of fields called after their numbers, as they are met a second time.
    fn names(fields: &[Field], len: usize, left: usize) -> Option<Vec<String>> {
        let (shapes, left) = (Shapes::default(), Cell::new(left));
        let name = |place: usize| match fields.get(place) {
            Some(field) => format!("n{}", field.name).into(),
            None => "rest".into(),
        };
        assert!(shapes.find(fields, len, &left, name).is_none(), "once is not worth it");
        let shape = shapes.find(fields, len, &left, name)?;
        let again = shapes.find(fields, len, &left, |_| panic!("it is known"));
        assert!(std::ptr::eq(shape, again?));
        let (names, layout) = shape.names()?;
        let key = |at: usize| {
            super::super::super::placed::Placed::straight(layout)
                .key(at)
                .map(str::to_owned)
        };
        for (i, name) in names.iter().enumerate() {
            assert_eq!(key(i), Some(format!("\"{name}\":")));
        }
        Some(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn names_that_stand_twice_are_told_apart() {
        let fields = [field(1, 4), field(1, 2), field(9, 4)];
        assert_eq!(names(&fields, 4, 1 << 20).unwrap(), ["n4", "n2", "n4_2", "rest"]);
        assert_eq!(names(&fields, MOST + 1, 1 << 20), None, "too many");
        assert_eq!(names(&fields, 4, 0), None, "no room");
    }

    #[test]
    fn another_order_or_number_is_another_shape() {
        let (shapes, left) = (Shapes::default(), Cell::new(1 << 20));
        let sets = [
            vec![field(1, 1), field(1, 2)],
            vec![field(1, 2), field(1, 1)],
            vec![field(1, 1), field(2, 2)],
            vec![field(1, 1)],
        ];
        let find = |set: &[Field], len: usize| {
            let name = |place: usize| format!("n{place}").into();
            shapes.find(set, len, &left, name).map(std::ptr::from_ref)
        };
        assert!(find(&sets[0], 2).is_none());
        let mut found: Vec<_> = sets.iter().map(|set| find(set, 2).unwrap()).collect();
        found.push(find(&sets[0], 3).unwrap());
        for (i, shape) in found.iter().enumerate() {
            assert!(!found[..i].contains(shape), "{i}");
        }
        // All slots are taken in the end, and what is known stays known.
        for more in 4..40 {
            find(&sets[0], more);
        }
        assert_eq!(find(&sets[3], 2), Some(found[3]));
        assert_eq!(find(&sets[0], 40), None);
    }
}
