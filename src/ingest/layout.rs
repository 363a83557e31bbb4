//! Logs whose header names the columns of all records: what is asked by name is found by number.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::decode::Dec;
use super::name::Name;
use super::row::FieldMap;
use crate::base::names::Names;
use crate::base::text::push_json_str;
use crate::schema::Col;

/// Most columns of a layout; logs with more are read by name.
pub const MOST: usize = 64;

/// What [`Placed`] holds where every column has its field.
#[allow(clippy::indexing_slicing)] // The compiler evaluates it: a wrong index does not compile.
const IN_ORDER: [u8; MOST] = {
    let mut places = [0; MOST];
    let mut i = 0;
    while i < MOST {
        places[i] = i as u8 + 1;
        i += 1;
    }
    places
};

/// The columns of a header.
#[derive(Debug)]
pub struct Layout {
    names: Names<Name<'static>>,
    /// The names as keys of a JSON object, with the colon, one behind the other.
    keys: String,
    /// Where each key ends.
    ends: Vec<usize>,
    /// What was worked out for field maps, by their address.
    plans: RefCell<Vec<(usize, Plan)>>,
    /// Columns of names in the program's text, by the hash of the name.
    asked: [Cell<Asked>; ASKED],
}

/// Names whose columns are kept.
const ASKED: usize = 64;

/// A name in the program's text, told by where it stands, and its column.
#[derive(Debug, Clone, Copy)]
struct Asked {
    address: usize,
    len: usize,
    column: Option<u8>,
}

/// For each column that a field map knows: its number, the column and decoder.
pub type Plan = Rc<[(u8, Col, Dec)]>;

impl Layout {
    /// Of these columns; `None` for too many, or a name that stands twice.
    pub fn new<'n>(names: impl ExactSizeIterator<Item = &'n Name<'static>>) -> Option<Self> {
        let len = names.len();
        let names = Names::new(names.cloned());
        if len > MOST || names.distinct() != len {
            return None;
        }
        let (mut keys, mut ends) = (String::new(), Vec::with_capacity(len));
        for name in names.iter() {
            push_json_str(&mut keys, name);
            keys.push(':');
            ends.push(keys.len());
        }
        Some(Self {
            names,
            keys,
            ends,
            ..Self::default()
        })
    }

    /// The column of a name in the program's text.
    #[inline]
    fn column(&self, name: &'static str, hash: u32) -> Option<u8> {
        let slot = self.asked.get(hash as usize % ASKED)?;
        let (address, len) = (name.as_ptr().addr(), name.len());
        let asked = slot.get();
        if (asked.address, asked.len) == (address, len) {
            return asked.column;
        }
        let column = self.names.find_hashed(name, hash).map(|at| at as u8);
        slot.set(Asked { address, len, column });
        column
    }

    /// A column's name as JSON, and a colon.
    #[inline]
    fn key(&self, column: usize) -> Option<&str> {
        let start = match column.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.keys.get(start..*self.ends.get(column)?)
    }

    /// How a field map reads these columns.
    pub fn plan(&self, map: &'static FieldMap) -> Plan {
        let address = std::ptr::from_ref(map).addr();
        let mut plans = self.plans.borrow_mut();
        if let Some((_, plan)) = plans.iter().find(|(a, _)| *a == address) {
            return plan.clone();
        }
        let column = |(i, name)| {
            let (col, dec) = map.get(name)?;
            Some((i as u8, col, dec))
        };
        let plan: Plan = self.names.iter().enumerate().filter_map(column).collect();
        plans.push((address, plan.clone()));
        plan
    }
}

impl Asked {
    /// No name stands at the address 0.
    const NONE: Self = Self {
        address: 0,
        len: 0,
        column: None,
    };
}

impl Default for Layout {
    /// No columns.
    fn default() -> Self {
        Self {
            names: Names::new([]),
            keys: String::new(),
            ends: Vec::new(),
            plans: RefCell::default(),
            asked: [const { Cell::new(Asked::NONE) }; ASKED],
        }
    }
}

/// Which fields of a record stand in which columns.
#[derive(Debug, Clone)]
pub struct Placed<'a> {
    layout: &'a Layout,
    /// Whether every column has its field, in order.
    straight: bool,
    /// By column: the place among the fields and one; 0 for a column without a value.
    places: [u8; MOST],
}

impl<'a> Placed<'a> {
    /// No field yet.
    pub fn new(layout: &'a Layout) -> Self {
        Self {
            layout,
            straight: false,
            places: [0; MOST],
        }
    }

    /// Every column has its field, in order.
    pub fn straight(layout: &'a Layout) -> Self {
        Self {
            layout,
            straight: true,
            places: IN_ORDER,
        }
    }

    /// The key of the field at a place, if it is known: its name as JSON and a colon.
    #[inline]
    pub fn key(&self, place: usize) -> Option<&'a str> {
        match self.straight {
            true => self.layout.key(place),
            false => None,
        }
    }

    /// The layout.
    pub fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// The value of `column` stands at `place` among the fields.
    #[inline]
    pub fn put(&mut self, column: usize, place: usize) {
        if let Some(at) = self.places.get_mut(column) {
            // There are fewer fields than columns.
            *at = place as u8 + 1;
        }
    }

    /// Place of the value of a column.
    #[inline]
    pub fn of_column(&self, column: u8) -> Option<usize> {
        let place = *self.places.get(column as usize)?;
        usize::from(place).checked_sub(1)
    }

    /// Place of the field with this name in the program's text, whose hash is known.
    #[inline]
    pub fn of_known(&self, name: &'static str, hash: u32) -> Option<usize> {
        self.of_column(self.layout.column(name, hash)?)
    }

    /// Place of the field with this name, whose hash is known.
    #[inline]
    pub fn of_name(&self, name: &str, hash: u32) -> Option<usize> {
        let column = self.layout.names.find_hashed(name, hash)?;
        usize::from(*self.places.get(column)?).checked_sub(1)
    }
}

impl PartialEq for Placed<'_> {
    /// It says nothing that the fields themselves do not say.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
