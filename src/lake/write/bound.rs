//! The smallest and the largest value of a page, as statistics and page index hold them.

use std::cmp::Ordering;

use parquet::basic::Type;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::layout::BOUND_BYTES;

/// A bound; all of one column are of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Signed integers and times.
    Int(i64),
    /// Unsigned integers.
    Unsigned(u64),
    /// Floats, never NaN.
    Float(f32),
    /// Truth values.
    Bool(bool),
    /// Texts.
    Text(Vec<u8>),
    /// What a long text was cut to.
    Cut(Vec<u8>),
    /// Bytes of fixed width.
    Fixed(Vec<u8>),
}

/// Smallest and largest.
pub type Bounds = Option<(Bound, Bound)>;

impl Bound {
    /// The order of the column's values.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Bound::Int(a), Bound::Int(b)) => a.cmp(b),
            (Bound::Unsigned(a), Bound::Unsigned(b)) => a.cmp(b),
            (Bound::Float(a), Bound::Float(b)) => a.total_cmp(b),
            (Bound::Bool(a), Bound::Bool(b)) => a.cmp(b),
            (Bound::Text(a) | Bound::Cut(a) | Bound::Fixed(a), Bound::Text(b) | Bound::Cut(b) | Bound::Fixed(b)) => {
                a.cmp(b)
            }
            _ => Ordering::Equal,
        }
    }

    /// As the page index holds it.
    pub fn bytes(&self, physical: Type) -> Vec<u8> {
        let int = |v: i64| match physical {
            Type::INT32 => (v as i32).to_le_bytes().to_vec(),
            _ => v.to_le_bytes().to_vec(),
        };
        match self {
            Bound::Int(v) => int(*v),
            Bound::Unsigned(v) => int(*v as i64),
            Bound::Float(v) => v.to_le_bytes().to_vec(),
            Bound::Bool(v) => vec![u8::from(*v)],
            Bound::Text(v) | Bound::Cut(v) | Bound::Fixed(v) => v.clone(),
        }
    }
}

/// Widens bounds by others.
pub fn widen(all: &mut Bounds, more: &Bounds) {
    let Some((min, max)) = more else { return };
    match all {
        None => *all = Some((min.clone(), max.clone())),
        Some((a, b)) => {
            if min.order(a).is_lt() {
                *a = min.clone();
            }
            if max.order(b).is_gt() {
                *b = max.clone();
            }
        }
    }
}

/// Long texts cut: the smallest to a prefix, the largest to a prefix that is greater.
pub fn cut(bounds: Bounds) -> Bounds {
    match bounds {
        Some((Bound::Text(min), Bound::Text(max))) => Some((cut_min(min), cut_max(max))),
        b => b,
    }
}

fn cut_min(mut v: Vec<u8>) -> Bound {
    if v.len() <= BOUND_BYTES {
        return Bound::Text(v);
    }
    v.truncate(boundary(&v));
    Bound::Cut(v)
}

fn cut_max(v: Vec<u8>) -> Bound {
    if v.len() <= BOUND_BYTES {
        return Bound::Text(v);
    }
    let head = v.get(..boundary(&v)).and_then(|h| std::str::from_utf8(h).ok());
    match head.and_then(greater) {
        Some(text) => Bound::Cut(text.into_bytes()),
        None => Bound::Text(v),
    }
}

/// The last beginning of a character at or before the limit.
fn boundary(v: &[u8]) -> usize {
    let begins = |at: &usize| v.get(*at).is_none_or(|b| b & 0xC0 != 0x80);
    (0..=BOUND_BYTES.min(v.len())).rev().find(begins).unwrap_or(0)
}

/// The prefix of `text` with its last character that has a successor of the same length replaced by that.
fn greater(text: &str) -> Option<String> {
    text.char_indices().rev().find_map(|(at, c)| {
        let next = char::from_u32(u32::from(c) + 1)?;
        (next.len_utf8() == c.len_utf8()).then(|| format!("{}{next}", text.get(..at).unwrap_or("")))
    })
}

/// The statistics of a column chunk.
pub fn statistics(physical: Type, bounds: &Bounds, nulls: u64) -> Statistics {
    fn stats<T>(min: Option<T>, max: Option<T>, nulls: u64) -> ValueStatistics<T> {
        ValueStatistics::new(min, max, None, Some(nulls), false)
    }
    let (min, max) = match bounds {
        Some((a, b)) => (Some(a), Some(b)),
        None => (None, None),
    };
    let int = |b: &Bound| match b {
        Bound::Int(v) => *v,
        Bound::Unsigned(v) => *v as i64,
        _ => 0,
    };
    let signed = matches!(min, Some(Bound::Int(_)));
    let float = |b: &Bound| if let Bound::Float(v) = b { *v } else { 0.0 };
    let truth = |b: &Bound| *b == Bound::Bool(true);
    let exact = |b: Option<&Bound>| !matches!(b, Some(Bound::Cut(_)));
    match physical {
        Type::INT32 => stats(min.map(int).map(|v| v as i32), max.map(int).map(|v| v as i32), nulls)
            .with_backwards_compatible_min_max(signed)
            .into(),
        Type::INT64 => stats(min.map(int), max.map(int), nulls)
            .with_backwards_compatible_min_max(signed)
            .into(),
        Type::FLOAT => stats(min.map(float), max.map(float), nulls).into(),
        Type::BOOLEAN => stats(min.map(truth), max.map(truth), nulls).into(),
        Type::FIXED_LEN_BYTE_ARRAY => {
            let fixed = |b: &Bound| FixedLenByteArray::from(b.bytes(physical));
            stats(min.map(fixed), max.map(fixed), nulls).into()
        }
        _ => {
            let text = |b: &Bound| ByteArray::from(b.bytes(physical));
            stats(min.map(text), max.map(text), nulls)
                .with_min_is_exact(exact(min))
                .with_max_is_exact(exact(max))
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_characters_of_their_length_have_no_successor() {
        let long = "\u{10FFFF}".repeat(40);
        assert_eq!(cut_max(long.clone().into_bytes()), Bound::Text(long.into_bytes()));
        let long = format!("a{}", "\u{7F}".repeat(99));
        assert_eq!(cut_max(long.into_bytes()), Bound::Cut(b"b".to_vec()));
    }

    proptest! {
        #[test]
        fn cut_bounds_enclose_the_uncut_and_are_text(text in "\\PC{0,90}") {
            let bytes = |b: Bound| b.bytes(Type::BYTE_ARRAY);
            let (min, max) = (bytes(cut_min(text.clone().into_bytes())), bytes(cut_max(text.clone().into_bytes())));
            prop_assert!(min.as_slice() <= text.as_bytes());
            prop_assert!(max.as_slice() >= text.as_bytes());
            prop_assert!(std::str::from_utf8(&min).is_ok() && std::str::from_utf8(&max).is_ok());
            prop_assert!(min.len() <= BOUND_BYTES.max(4));
        }
    }
}
