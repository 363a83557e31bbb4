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

    /// The column of a name in the program's text, whose hash is known.
    #[inline]
    pub fn column(&self, name: &'static str, hash: u32) -> Option<u8> {
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

    /// A column's name.
    pub fn name(&self, column: usize) -> Option<&Name<'static>> {
        self.names.get(column)
    }

    /// The column of a name, whose hash is known.
    #[inline]
    pub fn find(&self, name: &str, hash: u32) -> Option<usize> {
        self.names.find_hashed(name, hash)
    }

    /// A column's name as JSON, and a colon.
    #[inline]
    pub fn key(&self, column: usize) -> Option<&str> {
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
