//! Integers and codes of a column, each in as few bytes as the largest of them needs.

use std::ops::Range;

use crate::schema::builder::NULL_INT;

/// Stands for null among the numbers of a [`Packed`].
pub const NULL: u64 = u64::MAX;

/// Numbers of one width; all ones stand for null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packed {
    /// The same number so many times.
    Alike(u64, usize),
    /// One byte each.
    One(Vec<u8>),
    /// Two.
    Two(Vec<u16>),
    /// Four.
    Four(Vec<u32>),
    /// Eight.
    Eight(Vec<u64>),
}

/// A cell of one width.
pub(super) trait Cell: Copy + PartialEq {
    const NULL: Self;
    /// The number, [`NULL`] for null.
    fn number(self) -> u64;
}

macro_rules! cells {
    ($($cell:ty)*) => {$(
        impl Cell for $cell {
            const NULL: Self = <$cell>::MAX;

            #[inline]
            fn number(self) -> u64 {
                if self == Self::NULL { NULL } else { u64::from(self) }
            }
        }
    )*};
}

cells!(u8 u16 u32 u64);

/// The same for cells of every width.
macro_rules! of_any_width {
    ($packed:expr, $n:pat, $len:pat => $alike:expr, $cells:pat => $body:expr) => {
        match $packed {
            Packed::Alike($n, $len) => $alike,
            Packed::One($cells) => $body,
            Packed::Two($cells) => $body,
            Packed::Four($cells) => $body,
            Packed::Eight($cells) => $body,
        }
    };
}

impl Packed {
    /// Numbers of which none is above `most`, except nulls.
    pub fn new(most: u64, numbers: impl Iterator<Item = u64>) -> Self {
        match width_of(most) {
            1 => Self::One(numbers.map(|n| n as u8).collect()),
            2 => Self::Two(numbers.map(|n| n as u16).collect()),
            4 => Self::Four(numbers.map(|n| n as u32).collect()),
            _ => Self::Eight(numbers.collect()),
        }
    }

    /// Codes of `n` texts.
    pub fn codes(n: usize, codes: impl Iterator<Item = u32>) -> Self {
        // The null of codes is that of four bytes, and when cut that of fewer.
        Self::new((n as u64).min(u64::from(u32::MAX) - 1), codes.map(u64::from))
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        of_any_width!(self, _, n => *n, v => v.len())
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        of_any_width!(self, _, _ => 0, v => v.capacity() * size_of_val(v.first().unwrap_or(&0)))
    }

    /// The number at a place; `NULL` for null.
    #[inline]
    pub fn get(&self, at: usize) -> u64 {
        of_any_width!(
            self,
            n, len => if at < *len { *n } else { NULL },
            v => v.get(at).map_or(NULL, |c| c.number())
        )
    }

    /// The code at a place; [`NULL_CODE`](crate::schema::builder::NULL_CODE) for null.
    #[inline]
    pub fn code(&self, at: usize) -> u32 {
        self.get(at) as u32
    }

    /// Appends what `value` makes of the numbers at some places.
    #[inline]
    pub fn append<T: Clone>(&self, places: Range<usize>, out: &mut Vec<T>, value: impl Fn(u64) -> T) {
        of_any_width!(
            self,
            n, len => out.resize(out.len() + places.end.min(*len).saturating_sub(places.start), value(*n)),
            v => out.extend(v.get(places).unwrap_or(&[]).iter().map(|c| value(c.number())))
        );
    }

    /// Appends the codes at some places.
    #[inline]
    pub fn append_codes(&self, places: Range<usize>, out: &mut Vec<u32>) {
        self.append(places, out, |n| n as u32);
    }

    /// Which of some places is the first that is not null, counted from the first.
    pub fn first(&self, places: Range<usize>) -> Option<usize> {
        fn first<C: Cell>(cells: &[C]) -> Option<usize> {
            cells.iter().position(|c| *c != C::NULL)
        }
        of_any_width!(
            self,
            n, len => (*n != NULL && places.start < places.end.min(*len)).then_some(0),
            v => first(v.get(places).unwrap_or(&[]))
        )
    }
}

/// Bytes that hold every number up to `most` and one more for null.
pub(super) fn width_of(most: u64) -> usize {
    match most {
        0..0xFF => 1,
        0xFF..0xFFFF => 2,
        0xFFFF..0xFFFF_FFFF => 4,
        _ => 8,
    }
}

/// Integers as differences from the smallest; [`NULL_INT`] for null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ints {
    pub(super) least: i64,
    pub(super) above: Packed,
}

impl Ints {
    /// Integers as they stand; `None` where all are null.
    pub fn new(values: &[i64]) -> Option<Self> {
        Self::picked(values, 0..values.len() as u32)
    }

    /// Integers at some places; `None` where all integers are null.
    pub fn picked(values: &[i64], places: impl ExactSizeIterator<Item = u32>) -> Option<Self> {
        let (first, rest) = values.split_first()?;
        if values.get(..rest.len()) == Some(rest) {
            return Some(Self::alike(*first, places.len())).filter(|_| *first != NULL_INT);
        }
        let (mut least, mut most) = (i64::MAX, i64::MIN);
        for v in values {
            most = most.max(*v);
            least = least.min(if *v == NULL_INT { i64::MAX } else { *v });
        }
        let above = |i: u32| match values.get(i as usize) {
            None | Some(&NULL_INT) => NULL,
            Some(v) => v.wrapping_sub(least) as u64,
        };
        let above = Packed::new(most.wrapping_sub(least) as u64, places.map(above));
        Some(Self { least, above })
    }

    /// The same integer so many times.
    pub fn alike(value: i64, n: usize) -> Self {
        match value {
            NULL_INT => Self {
                least: 0,
                above: Packed::Alike(NULL, n),
            },
            least => Self {
                least,
                above: Packed::Alike(0, n),
            },
        }
    }

    /// Which all of them are, where that is known without a look at each.
    pub fn all(&self) -> Option<i64> {
        match self.above {
            Packed::Alike(n, _) => Some(self.value(n)),
            _ => None,
        }
    }

    #[inline]
    fn value(&self, above: u64) -> i64 {
        match above {
            NULL => NULL_INT,
            n => self.least.wrapping_add(n as i64),
        }
    }

    /// The integer at a place.
    #[inline]
    pub fn get(&self, at: usize) -> i64 {
        self.value(self.above.get(at))
    }

    /// Appends the integers at some places.
    #[inline]
    pub fn append(&self, places: Range<usize>, out: &mut Vec<i64>) {
        self.above.append(places, out, |n| self.value(n));
    }

    /// Which of some places is the first that is not null, counted from the first.
    pub fn first(&self, places: Range<usize>) -> Option<usize> {
        self.above.first(places)
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.above.memory()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::builder::NULL_CODE;

    fn any_ints() -> impl Strategy<Value = Vec<i64>> {
        let wide = prop_oneof![Just(i64::MIN + 1), Just(i64::MAX), any::<i64>(), Just(NULL_INT)];
        let narrow = |span: i64| prop_oneof![Just(NULL_INT), (0..span), Just(span)];
        prop_oneof![
            proptest::collection::vec(wide, 1..9),
            proptest::collection::vec(narrow(0xFE), 1..9),
            proptest::collection::vec(narrow(0xFF), 1..9),
            proptest::collection::vec(narrow(0xFFFF), 1..9),
            proptest::collection::vec(narrow(0xFFFF_FFFF), 1..9),
            (any::<i64>(), 1..9usize).prop_map(|(v, n)| vec![v; n]),
        ]
    }

    proptest! {
        #[test]
        fn integers_come_back_at_every_place(values in any_ints(), from in 0..9usize, len in 0..9usize) {
            let Some(ints) = Ints::new(&values) else {
                prop_assert!(values.iter().all(|v| *v == NULL_INT));
                return Ok(());
            };
            let places = from.min(values.len())..(from + len).min(values.len()).max(from.min(values.len()));
            let mut out = vec![7];
            ints.append(places.clone(), &mut out);
            prop_assert_eq!(&out[1..], &values[places.clone()]);
            prop_assert_eq!(ints.first(places.clone()), values[places].iter().position(|v| *v != NULL_INT));
            let one_by_one: Vec<i64> = (0..values.len()).map(|at| ints.get(at)).collect();
            prop_assert_eq!(&one_by_one, &values);
            prop_assert_eq!(ints.get(values.len()), NULL_INT);
            let turned = Ints::picked(&values, values.iter().enumerate().rev().map(|(i, _)| i as u32));
            let last = turned.map(|t| t.get(0));
            prop_assert_eq!(last, values.last().copied());
        }
    }

    #[test]
    fn codes_take_as_many_bytes_as_their_number_asks_for() {
        for (n, width) in [(3, 1), (0xFE, 1), (0xFF, 2), (0xFFFF, 4), (usize::MAX, 4)] {
            let most = n.min(0xFFFF_FFFE) as u32 - 1;
            let codes = Packed::codes(n, [0, NULL_CODE, most].into_iter());
            assert_eq!([0, 1, 2, 3].map(|at| codes.code(at)), [0, NULL_CODE, most, NULL_CODE]);
            assert_eq!(codes.memory() / 3, width, "{n}");
        }
    }
}
