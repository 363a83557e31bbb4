//! The chunks that a merge reads from now. A pick names a row by slot and place; slots that the merge has passed stay
//! until nobody holds picks of them.

use std::ops::Range;
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

/// Picked rows that stand one after the other in a slot: rows of a host come so, as long as one run holds the host's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub slot: u32,
    pub from: u32,
    pub len: u32,
}

impl Span {
    /// Picks as spans.
    pub fn all(picks: &[Pick]) -> Vec<Self> {
        let mut out: Vec<Self> = Vec::new();
        for p in picks {
            match out.last_mut() {
                Some(s) if s.slot == p.slot && s.from + s.len == p.at => s.len += 1,
                _ => out.push(Self {
                    slot: p.slot,
                    from: p.at,
                    len: 1,
                }),
            }
        }
        out
    }

    /// How many rows.
    #[inline]
    pub fn rows(self) -> usize {
        self.len as usize
    }

    /// The places of the rows in the slot.
    #[inline]
    pub fn places(self) -> Range<usize> {
        self.from as usize..self.from as usize + self.rows()
    }

    /// The cells of the rows: one a row, or none at all where the slot's column has no cells.
    #[inline]
    pub fn of<T>(self, cells: &[T]) -> &[T] {
        cells.get(self.places()).unwrap_or(&[])
    }

    /// Cuts spans in front of their n-th row.
    pub fn split(spans: &[Self], n: usize) -> (Vec<Self>, Vec<Self>) {
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        let mut room = u32::try_from(n).unwrap_or(u32::MAX);
        for s in spans {
            let len = s.len.min(room);
            room -= len;
            let parts = [
                (&mut head, Self { len, ..*s }),
                (
                    &mut tail,
                    Self {
                        from: s.from + len,
                        len: s.len - len,
                        ..*s
                    },
                ),
            ];
            parts
                .into_iter()
                .filter(|p| p.1.len > 0)
                .for_each(|(out, part)| out.push(part));
        }
        (head, tail)
    }
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
        let large = slot.large();
        if large.is_empty() {
            return Ok(0);
        }
        let at = p.at as usize;
        let bytes = |c: &Col| match slot.rows.column(*c) {
            column @ Column::List { .. } => column.list(at).map_or(0, |items| items.map(<[u8]>::len).sum()),
            _ => slot.rows.text(*c, at).map_or(0, <[u8]>::len),
        };
        Ok(large.iter().map(bytes).filter(|n| *n > LARGE).sum())
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

    /// The codes of a slot's texts.
    #[inline]
    pub fn of(&mut self, id: u32) -> Known<'_> {
        Known {
            tag: (self.round + 1) << 32,
            codes: self.slots.get_mut(id as usize).map_or(&mut [], |s| &mut s.1),
        }
    }
}

/// Codes of one slot's texts.
pub struct Known<'r> {
    tag: u64,
    codes: &'r mut [u64],
}

impl Known<'_> {
    /// The code of a text; `make` gives it where it is not known yet.
    #[inline]
    pub fn code(&mut self, text: u32, make: impl FnOnce() -> u32) -> u32 {
        match self.codes.get_mut(text as usize) {
            Some(s) if *s & !0xFFFF_FFFF == self.tag => *s as u32,
            Some(s) => {
                let code = make();
                *s = self.tag | u64::from(code);
                code
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
    fn picks_in_a_row_are_one_span_and_spans_are_cut_anywhere() {
        let pick = |slot, at| Pick { slot, at };
        let picks = [pick(1, 4), pick(1, 5), pick(2, 6), pick(1, 6), pick(1, 8)];
        let spans = Span::all(&picks);
        let told = |spans: &[Span]| spans.iter().map(|s| (s.slot, s.from, s.len)).collect::<Vec<_>>();
        assert_eq!(told(&spans), [(1, 4, 2), (2, 6, 1), (1, 6, 1), (1, 8, 1)]);
        for n in 0..=picks.len() + 1 {
            let (head, tail) = Span::split(&spans, n);
            let rows: Vec<Pick> = [head, tail]
                .iter()
                .flat_map(|part| part.iter().flat_map(|s| s.places().map(|at| pick(s.slot, at as u32))))
                .collect();
            assert_eq!(rows, picks, "cut at {n}");
        }
        assert_eq!(told(&Span::split(&spans, 1).0), [(1, 4, 1)]);
        assert_eq!((spans[0].of(&[0; 6]).len(), spans[0].of(&[0u8; 0]).len()), (2, 0));
    }

    #[test]
    fn learned_codes_are_forgotten_with_the_dictionary_and_with_the_slot() {
        let mut r = Remaps::default();
        r.open(0, 1, 2);
        assert_eq!(r.of(0).code(1, || 7), 7);
        assert_eq!(r.of(0).code(1, || 8), 7);
        r.forget();
        assert_eq!(r.of(0).code(1, || 0), 0);
        assert_eq!(r.of(0).code(1, || 9), 0);
        r.open(0, 2, 2);
        assert_eq!(r.of(0).code(1, || 5), 5);
        assert_eq!((r.of(0).code(7, || 3), r.of(6).code(0, || 4)), (3, 4));
    }
}
