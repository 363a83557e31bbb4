//! The chunks that a merge reads from now. A pick names a row by slot and place; slots that the merge has passed stay
//! until nobody holds picks of them.

use std::sync::{Arc, OnceLock};

use super::super::rows::{Column, Rows};
use super::super::write::layout::LARGE;
use super::feed::OldRows;
use crate::base::error::{Error, Result};
use crate::schema::Col;

/// A row of a merge: slot and place in the slot's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    pub slot: u32,
    pub at: u32,
}

/// Rows that picks may name.
#[derive(Debug)]
pub struct Slot {
    pub rows: Arc<Rows>,
    /// Told apart from every other chunk of the merge, also from those that had this slot before.
    pub serial: u64,
    /// Rows that the lake has already.
    pub old: Option<OldRows>,
    row_bytes: usize,
    /// Columns that hold a large text.
    large: OnceLock<Vec<Col>>,
}

impl Slot {
    fn large(&self) -> &[Col] {
        self.large.get_or_init(|| {
            let columns = (0..self.rows.table().width() as u16).map(Col);
            let is_large = |c: &Col| match self.rows.column(*c) {
                Column::Text { values, .. } | Column::List { values, .. } => values.iter().any(|v| v.len() > LARGE),
                _ => false,
            };
            columns.filter(is_large).collect()
        })
    }
}

/// The slots of a merge at one moment: picks handed out until then may be read here while the merge goes on.
#[derive(Debug, Default, Clone)]
pub struct View {
    slots: Vec<Option<Arc<Slot>>>,
}

/// All slots of a merge.
#[derive(Debug, Default)]
pub struct Slots {
    now: View,
    free: Vec<u32>,
    passed: Vec<(u32, usize)>,
    passed_bytes: usize,
    serial: u64,
}

impl std::ops::Deref for Slots {
    type Target = View;

    fn deref(&self) -> &View {
        &self.now
    }
}

impl Slots {
    /// Gives rows a slot.
    pub fn add(&mut self, rows: Arc<Rows>, old: Option<OldRows>) -> u32 {
        self.serial += 1;
        let slot = Some(Arc::new(Slot {
            row_bytes: rows.memory() / rows.len().max(1) + 1,
            large: OnceLock::new(),
            rows,
            serial: self.serial,
            old,
        }));
        let slots = &mut self.now.slots;
        match self.free.pop() {
            Some(id) => {
                if let Some(place) = slots.get_mut(id as usize) {
                    *place = slot;
                }
                id
            }
            None => {
                slots.push(slot);
                (slots.len() - 1) as u32
            }
        }
    }

    /// Marks a slot as passed; `bytes` is what giving it up will free.
    pub fn pass(&mut self, id: u32, bytes: usize) {
        self.passed.push((id, bytes));
        self.passed_bytes += bytes;
    }

    /// Bytes held only for picks that were handed out.
    pub fn passed_bytes(&self) -> usize {
        self.passed_bytes
    }

    /// Frees the passed slots that none of `held` names; views that were taken keep theirs.
    pub fn sweep(&mut self, held: &[Pick]) {
        let Self {
            now: View { slots },
            free,
            passed,
            passed_bytes,
            ..
        } = self;
        passed.retain(|(id, bytes)| {
            if held.iter().any(|p| p.slot == *id) {
                return true;
            }
            if let Some(place) = slots.get_mut(*id as usize) {
                *place = None;
            }
            free.push(*id);
            *passed_bytes -= bytes;
            false
        });
    }
}

impl View {
    /// A slot.
    #[inline]
    pub fn get(&self, id: u32) -> Option<&Slot> {
        self.slots.get(id as usize).and_then(Option::as_deref)
    }

    /// The slot of a row that is still held.
    ///
    /// # Errors
    /// Where the slot was freed before the row was used: a row must not become nulls in silence.
    #[inline]
    pub fn held(&self, p: Pick) -> Result<&Slot> {
        self.get(p.slot)
            .ok_or_else(|| Error::Internal("a row was given up before it was written".to_owned()))
    }

    /// Bytes that a row takes, by the mean of its slot.
    #[inline]
    pub fn row_bytes(&self, pick: Pick) -> usize {
        self.get(pick.slot).map_or(0, |s| s.row_bytes)
    }

    /// Bytes of a row's large texts.
    ///
    /// # Errors
    /// Where the row is held no more.
    pub fn large(&self, p: Pick) -> Result<usize> {
        let slot = self.held(p)?;
        let at = p.at as usize;
        let bytes = |c: &Col| match slot.rows.column(*c) {
            column @ Column::List { values, .. } => {
                let items = column.list(at).unwrap_or(&[]);
                items.iter().map(|i| values.get(*i).len()).sum()
            }
            _ => slot.rows.text(*c, at).map_or(0, <[u8]>::len),
        };
        Ok(slot.large().iter().map(bytes).filter(|n| *n > LARGE).sum())
    }

    /// One column of every slot, by slot, with the slot's serial.
    pub fn column(&self, col: Col) -> Vec<(&Column, u64)> {
        self.slots
            .iter()
            .map(|s| match s {
                Some(s) => (s.rows.column(col), s.serial),
                None => (&Column::Null, 0),
            })
            .collect()
    }
}

/// Codes of a slot's texts in the dictionary that is being built, learned as they are met. Forgetting all of them is free.
#[derive(Debug, Default)]
pub struct Remaps {
    slots: Vec<(u64, Vec<u64>)>,
    round: u64,
}

impl Remaps {
    /// Forgets all codes, because a new dictionary begins.
    pub fn forget(&mut self) {
        self.round += 1;
    }

    /// Makes room for the texts of a slot, which is known by its serial.
    pub fn open(&mut self, id: u32, serial: u64, texts: usize) {
        let id = id as usize;
        if self.slots.len() <= id {
            self.slots.resize_with(id + 1, Default::default);
        }
        if let Some((known, codes)) = self.slots.get_mut(id)
            && *known != serial
        {
            *known = serial;
            codes.clear();
            codes.resize(texts, 0);
        }
    }

    /// The code of a slot's text; `make` gives it where it is not known yet.
    #[inline]
    pub fn code<E>(&mut self, id: u32, text: u32, make: impl FnOnce() -> Result<u32, E>) -> Result<u32, E> {
        let tag = (self.round + 1) << 32;
        let slot = self.slots.get_mut(id as usize).and_then(|s| s.1.get_mut(text as usize));
        match slot {
            Some(s) if *s & !0xFFFF_FFFF == tag => Ok(*s as u32),
            Some(s) => {
                let code = make()?;
                *s = tag | u64::from(code);
                Ok(code)
            }
            None => make(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::process;

    #[test]
    fn a_slot_stays_as_long_as_a_pick_of_it_is_held() {
        let mut slots = Slots::default();
        let rows = || Arc::new(Rows::new(&process::TABLE, 1, Vec::new()));
        let (a, b) = (slots.add(rows(), None), slots.add(rows(), None));
        slots.pass(a, 10);
        slots.pass(b, 5);
        slots.sweep(&[Pick { slot: a, at: 0 }]);
        assert!(slots.get(a).is_some() && slots.get(b).is_none());
        assert_eq!(slots.passed_bytes(), 10);
        let again = slots.add(rows(), None);
        assert_eq!(again, b);
        assert_eq!(slots.get(again).unwrap().serial, 3);
    }

    #[test]
    fn learned_codes_are_forgotten_with_the_dictionary_and_with_the_slot() {
        let mut r = Remaps::default();
        let known = |r: &mut Remaps, text| r.code(0, text, || Err(())).ok();
        r.open(0, 1, 2);
        assert_eq!(known(&mut r, 1), None);
        assert_eq!(r.code(0, 1, || Ok::<_, ()>(7)), Ok(7));
        assert_eq!(known(&mut r, 1), Some(7));
        r.forget();
        assert_eq!(known(&mut r, 1), None);
        assert_eq!(r.code(0, 1, || Ok::<_, ()>(0)), Ok(0));
        r.open(0, 2, 2);
        assert_eq!(known(&mut r, 1), None);
    }
}
