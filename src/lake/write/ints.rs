//! The integers of one column of one row group: by codes of a dictionary as long as they repeat, then as differences.

use ahash::RandomState;
use hashbrown::HashTable;
use parquet::basic::Encoding;

use super::super::merge::Pick;
use super::bound::{Bound, Bounds};
use super::layout::Layout;
use super::{delta, rle};
use crate::schema::Kind;
use crate::schema::builder::NULL_INT;

/// Integers of a column chunk under way; those of the page under way lie here.
pub struct Ints {
    kind: Kind,
    known: Vec<i64>,
    table: HashTable<u32>,
    hasher: RandomState,
    last: Option<u32>,
    open: bool,
    dict_pages: usize,
    values: Vec<i64>,
    codes: Vec<u32>,
}

impl Ints {
    /// No integers yet.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            known: Vec::new(),
            table: HashTable::new(),
            hasher: RandomState::with_seeds(21, 22, 23, 24),
            last: None,
            open: has_dictionary(kind),
            dict_pages: 0,
            values: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// Adds picked rows and a level for each; how many are not null.
    pub fn fill(&mut self, from: &[&[i64]], picks: &[Pick], defs: &mut Vec<u8>) -> usize {
        let before = self.values.len();
        for p in picks {
            let v = from.get(p.slot as usize).and_then(|v| v.get(p.at as usize)).copied();
            match v {
                None | Some(NULL_INT) => defs.push(0),
                Some(v) => {
                    defs.push(1);
                    self.values.push(v);
                }
            }
        }
        if self.open {
            for i in before..self.values.len() {
                let v = self.values.get(i).copied().unwrap_or(0);
                let code = match self.last {
                    Some(code) if self.known.get(code as usize) == Some(&v) => code,
                    _ => self.intern(v),
                };
                self.last = Some(code);
                self.codes.push(code);
            }
        }
        self.values.len() - before
    }

    fn intern(&mut self, v: i64) -> u32 {
        let Self {
            known, table, hasher, ..
        } = self;
        let hash = hasher.hash_one(v);
        if let Some(code) = table.find(hash, |c| known.get(*c as usize) == Some(&v)) {
            return *code;
        }
        let code = known.len() as u32;
        known.push(v);
        let rehash = |c: &u32| hasher.hash_one(known.get(*c as usize).copied().unwrap_or(0));
        table.insert_unique(hash, code, rehash);
        code
    }

    /// Whether the page must end with this row.
    #[inline]
    pub fn is_full(&self, layout: &Layout) -> bool {
        self.open && self.known.len() >= layout.dict_ints
    }

    /// Bytes of the dictionary.
    pub fn dict_bytes(&self) -> usize {
        self.known.len() * 8
    }

    /// Appends the values of the page; then a new one begins. Also the number of floats that are no number.
    pub fn page(&mut self, layout: &Layout, out: &mut Vec<u8>) -> (Encoding, Bounds, usize) {
        // A difference takes about two bytes, an entry of the dictionary four or eight.
        if self.open && self.dict_pages == 0 && self.known.len() * 4 > self.values.len() {
            self.open = false;
            self.forget();
        }
        let (bounds, nans) = self.bounds();
        let encoding = match self.open {
            true => {
                self.dict_pages += 1;
                let width = rle::width(self.known.len());
                out.push(width as u8);
                rle::encode(&self.codes, width, out);
                Encoding::RLE_DICTIONARY
            }
            false => self.plain(out),
        };
        self.values.clear();
        self.codes.clear();
        if self.is_full(layout) {
            self.open = false;
        }
        (encoding, bounds, nans)
    }

    fn plain(&self, out: &mut Vec<u8>) -> Encoding {
        match self.kind {
            Kind::Bool => {
                rle::bits(self.values.iter().map(|v| u64::from(*v != 0)), 1, out);
                Encoding::PLAIN
            }
            Kind::F32 => {
                self.values
                    .iter()
                    .for_each(|v| out.extend_from_slice(&(*v as u32).to_le_bytes()));
                Encoding::PLAIN
            }
            k => {
                delta::encode(&self.values, is_narrow(k), out);
                Encoding::DELTA_BINARY_PACKED
            }
        }
    }

    fn bounds(&self) -> (Bounds, usize) {
        let (v, kind) = (&self.values, self.kind);
        let range = |f: fn(i64) -> Bound| {
            let min = v.iter().min().copied()?;
            Some((f(min), f(v.iter().max().copied()?)))
        };
        let unsigned = |v: i64| {
            if kind == Kind::U64 {
                v as u64
            } else {
                u64::from(v as u32)
            }
        };
        let bounds = match kind {
            Kind::Bool => range(|v| Bound::Bool(v != 0)),
            Kind::F32 => return floats(v),
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => {
                let values = || v.iter().map(|v| unsigned(*v));
                values()
                    .min()
                    .zip(values().max())
                    .map(|(a, b)| (Bound::Unsigned(a), Bound::Unsigned(b)))
            }
            _ => range(Bound::Int),
        };
        (bounds, 0)
    }

    /// Ends the column chunk: the dictionary page with its number of values.
    pub fn finish(&mut self) -> Option<(Vec<u8>, usize)> {
        let dictionary = (self.dict_pages > 0).then(|| {
            let mut raw = Vec::with_capacity(self.known.len() * 8);
            for v in &self.known {
                match is_narrow(self.kind) {
                    true => raw.extend_from_slice(&(*v as i32).to_le_bytes()),
                    false => raw.extend_from_slice(&v.to_le_bytes()),
                }
            }
            (raw, self.known.len())
        });
        self.forget();
        self.open = has_dictionary(self.kind);
        self.dict_pages = 0;
        dictionary
    }

    fn forget(&mut self) {
        self.known.clear();
        self.table.clear();
        self.codes.clear();
        self.last = None;
    }
}

/// Truth values and floats go without: the one is a bit, the other hardly ever there.
fn has_dictionary(kind: Kind) -> bool {
    !matches!(kind, Kind::Bool | Kind::F32)
}

/// Whether the file has 32 bits for a value.
fn is_narrow(kind: Kind) -> bool {
    matches!(kind, Kind::U8 | Kind::U16 | Kind::U32 | Kind::I32)
}

/// Parquet wants no NaN among bounds, and the zeros by their outer signs.
fn floats(values: &[i64]) -> (Bounds, usize) {
    let all = || values.iter().map(|v| f32::from_bits(*v as u32));
    let nans = all().filter(|v| v.is_nan()).count();
    let min = all().filter(|v| !v.is_nan()).min_by(f32::total_cmp);
    let max = all().filter(|v| !v.is_nan()).max_by(f32::total_cmp);
    let outer = |v: f32, zero: f32| Bound::Float(if v == 0.0 { zero } else { v });
    (min.zip(max).map(|(a, b)| (outer(a, -0.0), outer(b, 0.0))), nans)
}
