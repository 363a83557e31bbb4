//! The texts or fixed-width bytes of one column of one row group: by codes of a dictionary as long as they repeat, then
//! as they are.
//!
//! What is decided here depends on the values in their order alone, never on the chunks they came in.

use std::ops::Range;

use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;

use super::super::batch::internal;
use super::super::merge::{Remaps, Span};
use super::super::rows::{Column, Dict, Packed, Strings};
use super::bound::{Bound, Bounds};
use super::delta;
use super::layout::{BLOOM_FPP, Layout};
use super::pages::part_nulls;
use super::rle;
use crate::base::error::Result;
use crate::schema::builder::NULL_CODE;

/// A page seen for the last time long ago, or never.
const NEVER: u32 = 0;

/// The codes and texts of a slot; `None` where all of its rows are null.
pub type Texts<'s> = Option<(&'s Packed, &'s Strings)>;

/// Values of a column chunk under way; those of the page under way lie here, the others are written.
pub struct Values {
    fixed: bool,
    bloomed: bool,
    bounded: bool,
    dict: Dict,
    /// Whether new values go into the dictionary.
    open: bool,
    /// Pages that use the dictionary.
    dict_pages: usize,
    remaps: Remaps,
    page: u32,
    codes: Vec<u32>,
    last: Option<u32>,
    /// Codes of bytes met a little before, by a part of the bytes.
    met: [u32; 64],
    seen: Vec<u32>,
    bytes: Vec<u8>,
    lens: Vec<i64>,
    bloom: Option<Sbbf>,
}

/// Smallest and largest, each behind its first bytes: those decide nearly always.
struct Ends<'v> {
    min: (u64, &'v [u8]),
    max: (u64, &'v [u8]),
}

impl<'v> Ends<'v> {
    fn new(v: &'v [u8]) -> Self {
        let head = (head(v), v);
        Self { min: head, max: head }
    }

    #[inline]
    fn widen(&mut self, v: &'v [u8]) {
        let h = head(v);
        if h <= self.min.0 && (h, v) < self.min {
            self.min = (h, v);
        } else if h >= self.max.0 && (h, v) > self.max {
            self.max = (h, v);
        }
    }
}

/// Whether bytes are equal; those of addresses without a call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    match (a.as_array::<16>(), b.as_array::<16>()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

#[inline]
fn head(v: &[u8]) -> u64 {
    match v.first_chunk::<8>() {
        Some(c) => u64::from_be_bytes(*c),
        None => {
            let mut c = [0; 8];
            c.iter_mut().zip(v).for_each(|(c, b)| *c = *b);
            u64::from_be_bytes(c)
        }
    }
}

impl Values {
    /// No values yet.
    pub fn new(fixed: bool, bloomed: bool, bounded: bool) -> Self {
        Self {
            fixed,
            bloomed,
            bounded,
            dict: Dict::default(),
            open: true,
            dict_pages: 0,
            remaps: Remaps::default(),
            page: NEVER,
            codes: Vec::new(),
            last: None,
            met: [0; 64],
            seen: Vec::new(),
            bytes: Vec::new(),
            lens: Vec::new(),
            bloom: None,
        }
    }

    /// Makes room for the texts of a slot.
    pub fn open_slot(&mut self, id: u32, serial: u64, texts: usize) {
        self.remaps.open(id, serial, texts);
    }

    /// Adds picked rows and a level for each; how many are not null.
    pub fn fill(&mut self, from: &[Texts<'_>], spans: &[Span], defs: &mut Vec<u8>) -> usize {
        let before = self.len();
        match self.open {
            true => self.fill_codes(from, spans, defs),
            false => self.fill_plain(from, spans, defs),
        }
        self.len() - before
    }

    fn fill_plain(&mut self, from: &[Texts<'_>], spans: &[Span], defs: &mut Vec<u8>) {
        let mut of_span = std::mem::take(&mut self.codes);
        for s in spans {
            let end = defs.len() + s.rows();
            if let Some((codes, values)) = from.get(s.slot as usize).copied().flatten() {
                of_span.clear();
                codes.append_codes(s.places(), &mut of_span);
                for code in &of_span {
                    defs.push(u8::from(*code != NULL_CODE));
                    if *code != NULL_CODE {
                        self.push_plain(values.get(*code));
                    }
                }
            }
            defs.resize(end, 0);
        }
        of_span.clear();
        self.codes = of_span;
    }

    /// Spans may be short: each gives its codes, nulls among them, and what follows looks at all of them at once.
    fn fill_codes(&mut self, from: &[Texts<'_>], spans: &[Span], defs: &mut Vec<u8>) {
        let (before, dict, out) = (self.codes.len(), &mut self.dict, &mut self.codes);
        for s in spans {
            let (start, end) = (out.len(), out.len() + s.rows());
            if let Some((codes, values)) = from.get(s.slot as usize).copied().flatten() {
                codes.append_codes(s.places(), out);
                let mut known = self.remaps.of(s.slot);
                let mut code = |code: u32| match code {
                    NULL_CODE => NULL_CODE,
                    code => known.code(code, || dict.intern(values.get(code))),
                };
                match out.get_mut(start..).unwrap_or(&mut []) {
                    [one] => *one = code(*one),
                    // Rows of a host say many things alike.
                    [first, rest @ ..] if rest.iter().all(|c| c == first) => {
                        *first = code(*first);
                        rest.fill(*first);
                    }
                    codes => codes.iter_mut().for_each(|c| *c = code(*c)),
                }
            }
            if out.len() < end {
                out.resize(end, NULL_CODE);
            }
        }
        part_nulls(out, before, NULL_CODE, defs);
    }

    /// Values of the page under way.
    fn len(&self) -> usize {
        match self.open {
            true => self.codes.len(),
            false => self.lens.len(),
        }
    }

    /// Adds some of a slot's texts, none of which is null.
    pub fn push_codes(&mut self, slot: u32, (codes, values): (&Packed, &Strings), places: Range<usize>) {
        let start = self.codes.len();
        codes.append_codes(places, &mut self.codes);
        if !self.open {
            let codes = std::mem::take(&mut self.codes);
            codes.iter().for_each(|code| self.push_plain(values.get(*code)));
            self.codes = codes;
            return self.codes.clear();
        }
        let mut known = self.remaps.of(slot);
        let dict = &mut self.dict;
        let new = self.codes.get_mut(start..).unwrap_or(&mut []);
        new.iter_mut()
            .for_each(|c| *c = known.code(*c, || dict.intern(values.get(*c))));
    }

    /// Adds the fixed-width bytes of a slot's rows and a level for each; how many are not null.
    pub fn fill_fixed(&mut self, column: &Column, s: Span, defs: &mut Vec<u8>) -> usize {
        let Column::Fixed { width, bytes, valid } = column else {
            defs.resize(defs.len() + s.rows(), 0);
            return 0;
        };
        let before = self.len();
        let cells = bytes
            .get(s.places().start * width..)
            .unwrap_or(&[])
            .chunks_exact(*width);
        for (cell, valid) in cells.zip(s.of(valid)) {
            defs.push(u8::from(*valid));
            if *valid {
                self.push_bytes(cell);
            }
        }
        self.len() - before
    }

    /// Adds bytes.
    #[inline]
    fn push_bytes(&mut self, value: &[u8]) {
        if !self.open {
            self.push_plain(value);
            return;
        }
        let code = match self.last {
            Some(code) if same(self.dict.values().get(code), value) => code,
            _ => self.recent(value),
        };
        self.last = Some(code);
        self.codes.push(code);
    }

    /// The code of bytes; those that were met a little before are found without a hash of all of them.
    fn recent(&mut self, value: &[u8]) -> u32 {
        let tail = value.last_chunk::<8>().map_or(0, |t| u64::from_le_bytes(*t));
        let place = (tail.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize;
        let Some(code) = self.met.get_mut(place) else {
            return self.dict.intern(value);
        };
        if !same(self.dict.values().get(*code), value) {
            *code = self.dict.intern(value);
        }
        *code
    }

    fn push_plain(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.lens.push(value.len() as i64);
    }

    /// Whether the page must end with this row.
    #[inline]
    pub fn is_full(&self, layout: &Layout) -> bool {
        match self.open {
            true => self.dict.values().bytes().len() >= layout.dict_bytes,
            false => self.bytes.len() >= layout.page_bytes,
        }
    }

    /// Bytes of the dictionary.
    pub fn dict_bytes(&self) -> usize {
        self.dict.values().bytes().len()
    }

    /// Appends the values of the page; then a new one begins.
    pub fn page(&mut self, layout: &Layout, out: &mut Vec<u8>) -> Result<(Encoding, Bounds)> {
        let first = self.dict_pages == 0;
        if self.open && first && self.dict.len() * 4 > self.codes.len() * 3 {
            self.drop_dictionary();
        }
        let done = match self.open {
            true => self.dict_page(out),
            false => self.plain_page(layout, out)?,
        };
        if self.open && self.is_full(layout) {
            self.open = false;
        }
        Ok(done)
    }

    /// The values hardly repeat: those of the first page stand as they are, too.
    fn drop_dictionary(&mut self) {
        self.open = false;
        let texts = self.dict.take();
        for code in std::mem::take(&mut self.codes) {
            self.push_plain(texts.get(code));
        }
    }

    fn dict_page(&mut self, out: &mut Vec<u8>) -> (Encoding, Bounds) {
        self.dict_pages += 1;
        let width = rle::width(self.dict.len());
        out.push(width as u8);
        rle::encode(&self.codes, width, out);
        let bounds = self.dict_bounds();
        self.codes.clear();
        (Encoding::RLE_DICTIONARY, bounds)
    }

    /// Looks at every value of the page once, however often it stands there.
    fn dict_bounds(&mut self) -> Bounds {
        self.page += 1;
        self.seen.resize(self.dict.len(), NEVER);
        let values = self.dict.values();
        let mut range = Ends::new(values.get(*self.codes.first()?));
        if !self.bounded {
            return None;
        }
        for code in &self.codes {
            let Some(seen) = self.seen.get_mut(*code as usize).filter(|s| **s != self.page) else {
                continue;
            };
            *seen = self.page;
            range.widen(values.get(*code));
        }
        Some((self.bound(range.min.1), self.bound(range.max.1)))
    }

    fn bound(&self, v: &[u8]) -> Bound {
        match self.fixed {
            true => Bound::Fixed(v.to_vec()),
            false => Bound::Text(v.to_vec()),
        }
    }

    fn plain_page(&mut self, layout: &Layout, out: &mut Vec<u8>) -> Result<(Encoding, Bounds)> {
        let mut range: Option<Ends<'_>> = None;
        if self.bloomed && self.bloom.is_none() {
            let room = layout.group_rows as u64;
            self.bloom = Some(Sbbf::new_with_ndv_fpp(room, BLOOM_FPP).map_err(internal)?);
        }
        let mut rest = self.bytes.as_slice();
        for len in &self.lens {
            let (v, tail) = rest.split_at_checked(*len as usize).unwrap_or((rest, &[]));
            rest = tail;
            if let Some(bloom) = &mut self.bloom {
                bloom.insert(v);
            }
            match &mut range {
                _ if !self.bounded => {}
                None => range = Some(Ends::new(v)),
                Some(r) => r.widen(v),
            }
        }
        let bounds = range.map(|r| (self.bound(r.min.1), self.bound(r.max.1)));
        let encoding = match self.fixed {
            true => Encoding::PLAIN,
            false => {
                delta::encode(&self.lens, true, out);
                Encoding::DELTA_LENGTH_BYTE_ARRAY
            }
        };
        out.extend_from_slice(&self.bytes);
        self.bytes.clear();
        self.lens.clear();
        Ok((encoding, bounds))
    }

    /// Ends the column chunk of `rows` rows: the dictionary page with its number of values, and the bloom filter.
    #[allow(clippy::type_complexity)] // one caller
    pub fn finish(&mut self, layout: &Layout, rows: usize) -> Result<(Option<(Vec<u8>, usize)>, Option<Sbbf>)> {
        let values = self.dict.values();
        let wanted = self.bloomed && rows >= layout.bloom_rows;
        let mut bloom = match self.bloom.take() {
            _ if !wanted => None,
            Some(b) => Some(b),
            None if values.is_empty() => None,
            None => Some(Sbbf::new_with_ndv_fpp(values.len() as u64, BLOOM_FPP).map_err(internal)?),
        };
        if let Some(b) = &mut bloom {
            values.iter().for_each(|v| b.insert(v));
            b.fold_to_target_fpp(BLOOM_FPP);
        }
        let dictionary = (self.dict_pages > 0).then(|| {
            let mut raw = Vec::with_capacity(values.bytes().len() + values.len() * 4);
            for v in values.iter() {
                if !self.fixed {
                    raw.extend_from_slice(&(v.len() as u32).to_le_bytes());
                }
                raw.extend_from_slice(v);
            }
            (raw, values.len())
        });
        self.dict.clear();
        self.remaps.forget();
        self.seen.clear();
        (self.open, self.dict_pages, self.page, self.last) = (true, 0, NEVER, None);
        Ok((dictionary, bloom))
    }
}
