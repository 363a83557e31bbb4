//! The integers of one column of one row group: by codes of a dictionary as long as they repeat, then as differences.

use ahash::RandomState;
use hashbrown::HashTable;
use parquet::basic::Encoding;

use super::super::merge::Span;
use super::super::rows;
use super::bound::{Bound, Bounds};
use super::layout::Layout;
use super::pages::part_nulls;
use super::{delta, rle};
use crate::schema::Kind;
use crate::schema::builder::NULL_INT;

/// Values below this have their codes in a table.
const SMALL: usize = 1_024;
/// A small value without a code.
const UNKNOWN: u32 = u32::MAX;

/// Integers of a column chunk under way; those of the page under way lie here.
pub struct Ints {
    kind: Kind,
    known: Vec<i64>,
    table: HashTable<u32>,
    hasher: RandomState,
    /// Codes of the smallest values, which most columns have: no hash is needed for them.
    small: Vec<u32>,
    /// The last value and its code.
    last: Option<(i64, u32)>,
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
            small: Vec::new(),
            last: None,
            open: has_dictionary(kind),
            dict_pages: 0,
            values: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// Adds picked rows and a level for each; how many are not null.
    pub fn fill(&mut self, from: &[Option<&rows::Ints>], spans: &[Span], defs: &mut Vec<u8>) -> usize {
        let before = self.values.len();
        for s in spans {
            let end = self.values.len() + s.rows();
            if let Some(cells) = from.get(s.slot as usize).copied().flatten() {
                cells.append(s.places(), &mut self.values);
            }
            if self.values.len() < end {
                self.values.resize(end, NULL_INT);
            }
        }
        part_nulls(&mut self.values, before, NULL_INT, defs);
        if self.open {
            self.code(before);
        }
        self.values.len() - before
    }

    /// Gives the values from a place on their codes.
    fn code(&mut self, from: usize) {
        let values = std::mem::take(&mut self.values);
        for v in values.get(from..).unwrap_or(&[]) {
            let code = match self.last {
                Some((last, code)) if last == *v => code,
                _ => self.intern(*v),
            };
            self.last = Some((*v, code));
            self.codes.push(code);
        }
        self.values = values;
    }

    fn intern(&mut self, v: i64) -> u32 {
        let Self {
            known,
            table,
            small,
            hasher,
            ..
        } = self;
        let next = known.len() as u32;
        if (0..SMALL as i64).contains(&v) {
            small.resize(SMALL, UNKNOWN);
            if let Some(code) = small.get_mut(v as usize) {
                if *code == UNKNOWN {
                    *code = next;
                    known.push(v);
                }
                return *code;
            }
        }
        let hash = hasher.hash_one(v);
        if let Some(code) = table.find(hash, |c| known.get(*c as usize) == Some(&v)) {
            return *code;
        }
        known.push(v);
        let rehash = |c: &u32| hasher.hash_one(known.get(*c as usize).copied().unwrap_or(0));
        table.insert_unique(hash, next, rehash);
        next
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
                let bools: Vec<u8> = self.values.iter().map(|v| u8::from(*v != 0)).collect();
                rle::bits(&bools, 1, out);
                Encoding::PLAIN
            }
            Kind::F32 => {
                let bits = self.values.iter().map(|v| *v as u32);
                bits.for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
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
        let range = |f: fn(i64) -> Bound| ends(v.iter().copied()).map(|(a, b)| (f(a), f(b)));
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
                let ends = ends(v.iter().map(|v| unsigned(*v)));
                ends.map(|(a, b)| (Bound::Unsigned(a), Bound::Unsigned(b)))
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
        self.small.clear();
        self.codes.clear();
        self.last = None;
    }
}

/// Smallest and largest.
fn ends<T: Ord + Copy>(mut values: impl Iterator<Item = T>) -> Option<(T, T)> {
    let first = values.next()?;
    Some(values.fold((first, first), |(min, max), v| (min.min(v), max.max(v))))
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
