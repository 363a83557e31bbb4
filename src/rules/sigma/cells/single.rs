//! Fields that stand in one column.

use std::collections::HashMap;
use std::hash::Hash;

use ahash::RandomState;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::{Cells, NONE, Texts};
use crate::rules::sigma::program::seeds;

/// Gives equal keys equal codes.
pub(super) struct Coder<K> {
    known: HashMap<K, u32, RandomState>,
    pub(super) codes: Vec<u32>,
}

impl<K: Hash + Eq> Coder<K> {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            known: HashMap::with_hasher(seeds()),
            codes: Vec::with_capacity(rows),
        }
    }

    /// Adds a row; `make` is called for a key not seen yet.
    pub(super) fn push<T>(&mut self, key: Option<K>, texts: &mut Vec<T>, make: impl FnOnce(&K) -> T) {
        let Some(key) = key else {
            self.codes.push(NONE);
            return;
        };
        let code = match self.known.get(&key) {
            Some(code) => *code,
            None => {
                let code = texts.len() as u32;
                texts.push(make(&key));
                self.known.insert(key, code);
                code
            }
        };
        self.codes.push(code);
    }
}

/// Codes of values of which only the `wanted` are told apart.
fn sift<K: Hash + Eq>(
    values: impl ExactSizeIterator<Item = Option<K>>,
    wanted: impl Fn(&K) -> bool,
    form: impl Fn(&K) -> String,
) -> Cells {
    let mut coder = Coder::new(values.len());
    let mut texts = Vec::new();
    let mut rest = None;
    for value in values {
        match value {
            Some(v) if !wanted(&v) => {
                let code = *rest.get_or_insert_with(|| {
                    texts.push(form(&v));
                    texts.len() as u32 - 1
                });
                coder.codes.push(code);
            }
            v => coder.push(v, &mut texts, &form),
        }
    }
    Cells {
        codes: coder.codes,
        texts: Texts::One(texts),
    }
}

pub(super) fn text(array: &ArrayRef, rows: usize) -> Cells {
    match array.data_type() {
        DataType::Dictionary(..) => {
            let Some(d) = array.as_dictionary_opt::<Int32Type>() else {
                return Cells::nothing(rows);
            };
            let Some(values) = d.values().as_string_opt::<i32>() else {
                return Cells::nothing(rows);
            };
            let keys = d.keys();
            let codes = match keys.nulls() {
                None => keys.values().iter().map(|k| *k as u32).collect(),
                Some(n) => keys
                    .values()
                    .iter()
                    .zip(n.iter())
                    .map(|(k, v)| if v { *k as u32 } else { NONE })
                    .collect(),
            };
            Cells {
                codes,
                texts: Texts::Array(values.clone()),
            }
        }
        DataType::Utf8 => {
            let Some(a) = array.as_string_opt::<i32>() else {
                return Cells::nothing(rows);
            };
            Cells {
                codes: (0..rows as u32)
                    .map(|i| if a.is_valid(i as usize) { i } else { NONE })
                    .collect(),
                texts: Texts::Array(a.clone()),
            }
        }
        _ => Cells::nothing(rows),
    }
}

/// Numbers; of those that are not `wanted` one stands for all.
pub(super) fn number(
    array: &ArrayRef,
    rows: usize,
    wanted: impl Fn(i64) -> bool,
    form: impl Fn(i64, bool) -> String,
) -> Cells {
    let unsigned = matches!(array.data_type(), DataType::UInt64);
    let (wanted, form) = (|v: &i64| wanted(*v), |v: &i64| form(*v, unsigned));
    match array.data_type() {
        DataType::UInt32 => {
            let values = array.as_primitive::<UInt32Type>().iter();
            sift(values.map(|v| v.map(i64::from)), wanted, form)
        }
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>().iter();
            sift(values.map(|v| v.map(|v| v as i64)), wanted, form)
        }
        DataType::Int32 => {
            let values = array.as_primitive::<Int32Type>().iter();
            sift(values.map(|v| v.map(i64::from)), wanted, form)
        }
        DataType::Timestamp(..) => sift(array.as_primitive::<TimestampMicrosecondType>().iter(), wanted, form),
        DataType::Boolean => sift(array.as_boolean().iter().map(|v| v.map(i64::from)), wanted, form),
        _ => Cells::nothing(rows),
    }
}

pub(super) fn time(micros: i64) -> String {
    match chrono::DateTime::from_timestamp_micros(micros) {
        Some(t) => t.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        None => String::new(),
    }
}

/// Bytes of one length; of those that are not `wanted` one stands for all.
pub(super) fn bytes(
    array: &ArrayRef,
    rows: usize,
    wanted: impl Fn(&[u8]) -> bool,
    form: impl Fn(&[u8]) -> String,
) -> Cells {
    let Some(a) = array.as_fixed_size_binary_opt() else {
        return Cells::nothing(rows);
    };
    let values = (0..rows).map(|i| a.is_valid(i).then(|| a.value(i)));
    sift(values, |b| wanted(b), |b| form(b))
}

/// Every item, and all of them joined by commas.
pub(super) fn list(array: &ArrayRef, rows: usize) -> Cells {
    let Some(a) = array.as_list_opt::<i32>() else {
        return Cells::nothing(rows);
    };
    let mut codes = Vec::with_capacity(rows);
    let mut texts = Vec::new();
    for i in 0..rows {
        if !a.is_valid(i) {
            codes.push(NONE);
            continue;
        }
        let items = a.value(i);
        let mut own: Vec<String> = match items.as_string_opt::<i32>() {
            Some(s) => s.iter().flatten().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        if own.len() > 1 {
            own.push(own.join(","));
        }
        codes.push(texts.len() as u32);
        texts.push(own);
    }
    Cells {
        codes,
        texts: Texts::Many(texts),
    }
}
