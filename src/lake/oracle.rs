//! The duplicates' rule and the order of rows by brute force over Arrow batches, as the commit worked when it held a day in
//! memory: what the merge is held against.

use std::hash::Hash;

use ahash::RandomState;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray, RecordBatch};
use arrow_schema::DataType;
use rayon::prelude::*;

use crate::ingest::formats::FORMATS;

/// A row's identity and its place.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    key: u128,
    /// Repeats within one input are real.
    repeats: bool,
    rank: u8,
    /// Input.
    pub file_id: u64,
    /// Place in the input.
    pub row: u64,
    /// Index of the batch.
    pub batch: u32,
    /// Row in the batch.
    pub at: u32,
}

/// The rows of some batches, split into those that stay and those that are copies.
#[derive(Debug)]
pub struct Split {
    /// Rows that stay, in no particular order.
    pub kept: Vec<Entry>,
    /// Copies.
    pub dropped: Vec<Entry>,
}

const PROVENANCE: &[&str] = &["file_id", "row", "format"];

/// Splits rows by the duplicates' rule.
pub fn split(batches: &[RecordBatch]) -> Split {
    let per_batch: Vec<Vec<Entry>> = batches
        .par_iter()
        .enumerate()
        .map(|(i, b)| entries(i as u32, b))
        .collect();
    let mut all: Vec<Entry> = per_batch.into_iter().flatten().collect();
    all.par_sort_unstable_by_key(|e| (e.key, e.rank, e.file_id, e.row));
    let mut out = Split {
        kept: Vec::with_capacity(all.len()),
        dropped: Vec::new(),
    };
    for group in all.chunk_by(|a, b| a.key == b.key) {
        split_group(group, &mut out);
    }
    out
}

fn split_group(group: &[Entry], out: &mut Split) {
    let copies = |of_one_input: &[Entry]| match of_one_input.iter().any(|e| e.repeats) {
        true => of_one_input.len(),
        false => 1,
    };
    let inputs: Vec<&[Entry]> = group
        .chunk_by(|a, b| a.file_id == b.file_id && a.rank == b.rank)
        .collect();
    // The first of those with most copies.
    let most = inputs.iter().map(|i| copies(i)).max();
    let stays = inputs.iter().position(|i| Some(copies(i)) == most);
    for (place, of_one_input) in inputs.iter().enumerate() {
        let keep = if stays == Some(place) { copies(of_one_input) } else { 0 };
        let (kept, dropped) = of_one_input.split_at(keep);
        out.kept.extend(kept);
        out.dropped.extend(dropped);
    }
}

fn entries(batch: u32, b: &RecordBatch) -> Vec<Entry> {
    let n = b.num_rows();
    let whole = row_hashes(b);
    let ts = b
        .column_by_name("ts")
        .and_then(|a| a.as_primitive_opt::<TimestampMicrosecondType>());
    let u64_column = |name| b.column_by_name(name).and_then(|a| a.as_primitive_opt::<UInt64Type>());
    let (record, file, row) = (u64_column("record_id"), u64_column("file_id"), u64_column("row"));
    let channel = value_hashes(b, "channel");
    let host = value_hashes(b, "host");
    let ranks = format_ranks(b);
    let ids = hasher(7);
    (0..n)
        .map(|i| {
            let time = ts.map_or(0, |a| a.value(i));
            let id = record.filter(|a| a.is_valid(i)).map(|a| a.value(i));
            let channel = channel.get(i).copied().flatten();
            let (key, repeats) = match (id, channel) {
                (Some(id), Some(channel)) => {
                    // Collectors cut the time to milliseconds; an id repeats only after a log was cleared.
                    let host = host.get(i).copied().flatten().unwrap_or(0);
                    let tuple = (host, channel, id, time.div_euclid(1_000));
                    (wide(&ids, &tuple), false)
                }
                _ => {
                    let key = whole.get(i).copied().unwrap_or(0);
                    (key, id.is_none() && time.rem_euclid(1_000_000) == 0)
                }
            };
            Entry {
                key,
                repeats,
                rank: ranks.get(i).copied().unwrap_or(u8::MAX),
                file_id: file.map_or(0, |a| a.value(i)),
                row: row.map_or(0, |a| a.value(i)),
                batch,
                at: i as u32,
            }
        })
        .collect()
}

fn hasher(seed: u64) -> (RandomState, RandomState) {
    (
        RandomState::with_seeds(seed, 2, 3, 4),
        RandomState::with_seeds(seed, 6, 7, 8),
    )
}

fn wide<T: Hash>(h: &(RandomState, RandomState), value: &T) -> u128 {
    u128::from(h.0.hash_one(value)) << 64 | u128::from(h.1.hash_one(value))
}

/// A hash of everything that a record says, per row.
fn row_hashes(b: &RecordBatch) -> Vec<u128> {
    let mut out = vec![0u128; b.num_rows()];
    for (c, (field, array)) in b.schema().fields().iter().zip(b.columns()).enumerate() {
        if PROVENANCE.contains(&field.name().as_str()) {
            continue;
        }
        let h = hasher(100 + c as u64);
        mix_column(array.as_ref(), &h, &mut out);
    }
    out
}

fn mix_column(array: &dyn Array, h: &(RandomState, RandomState), out: &mut [u128]) {
    let mut mix = |i: usize, v: u128| {
        if let Some(o) = out.get_mut(i) {
            *o = o.rotate_left(5) ^ v;
        }
    };
    match array.data_type() {
        DataType::Dictionary(_, _) => {
            let Some(d) = array.as_dictionary_opt::<Int32Type>() else {
                return;
            };
            let values = d.values().as_string::<i32>();
            let hashes: Vec<u128> = values.iter().map(|v| wide(h, &v)).collect();
            for (i, k) in d.keys().iter().enumerate() {
                let v = k.and_then(|k| hashes.get(k as usize).copied());
                mix(i, v.unwrap_or(0));
            }
        }
        DataType::Utf8 => {
            for (i, v) in array.as_string::<i32>().iter().enumerate() {
                mix(i, v.map_or(0, |v| wide(h, &v)));
            }
        }
        DataType::FixedSizeBinary(_) => {
            for (i, v) in array.as_fixed_size_binary().iter().enumerate() {
                mix(i, v.map_or(0, |v| wide(h, &v)));
            }
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            for i in 0..list.len() {
                if list.is_valid(i) {
                    let items = list.value(i);
                    let items: Vec<Option<&str>> = items.as_string::<i32>().iter().collect();
                    mix(i, wide(h, &items));
                } else {
                    mix(i, 0);
                }
            }
        }
        DataType::Timestamp(..) => {
            let a = array.as_primitive::<TimestampMicrosecondType>();
            for (i, v) in a.iter().enumerate() {
                mix(i, v.map_or(0, |v| wide(h, &v)));
            }
        }
        DataType::Boolean => {
            for (i, v) in array.as_boolean().iter().enumerate() {
                mix(i, v.map_or(0, |v| wide(h, &v)));
            }
        }
        DataType::UInt32 => mix_numbers(array.as_primitive::<UInt32Type>(), h, mix),
        DataType::UInt64 => mix_numbers(array.as_primitive::<UInt64Type>(), h, mix),
        DataType::Int32 => mix_numbers(array.as_primitive::<Int32Type>(), h, mix),
        DataType::Float32 => {
            for (i, v) in array.as_primitive::<Float32Type>().iter().enumerate() {
                mix(i, v.map_or(0, |v| wide(h, &v.to_bits())));
            }
        }
        // No table has another type (schema::Kind).
        _ => {}
    }
}

fn mix_numbers<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    h: &(RandomState, RandomState),
    mut mix: impl FnMut(usize, u128),
) where
    T::Native: Hash,
{
    for (i, v) in array.iter().enumerate() {
        mix(i, v.map_or(0, |v| wide(h, &v)));
    }
}

/// A hash of a dictionary column's text per row, without regard to case.
fn value_hashes(b: &RecordBatch, name: &str) -> Vec<Option<u64>> {
    let Some(d) = b.column_by_name(name).and_then(|a| a.as_dictionary_opt::<Int32Type>()) else {
        return Vec::new();
    };
    let h = RandomState::with_seeds(9, 2, 3, 4);
    let values = d.values().as_string::<i32>();
    let hashes: Vec<u64> = values
        .iter()
        .map(|v| h.hash_one(v.unwrap_or("").to_ascii_lowercase()))
        .collect();
    d.keys()
        .iter()
        .map(|k| k.and_then(|k| hashes.get(k as usize).copied()))
        .collect()
}

fn format_ranks(b: &RecordBatch) -> Vec<u8> {
    let Some(d) = b
        .column_by_name("format")
        .and_then(|a| a.as_dictionary_opt::<Int32Type>())
    else {
        return Vec::new();
    };
    let rank = |name: Option<&str>| {
        FORMATS
            .iter()
            .position(|f| Some(f.id()) == name)
            .map_or(u8::MAX, |p| p as u8)
    };
    let ranks: Vec<u8> = d.values().as_string::<i32>().iter().map(rank).collect();
    d.keys()
        .iter()
        .map(|k| k.and_then(|k| ranks.get(k as usize).copied()).unwrap_or(u8::MAX))
        .collect()
}

/// Places of the rows by (host, time, input, place).
pub fn sorted(batches: &[RecordBatch], kept: Vec<Entry>) -> Vec<(usize, usize)> {
    let mut rows: Vec<_> = kept
        .iter()
        .map(|e| {
            let b = &batches[e.batch as usize];
            let host = b.column_by_name("host").unwrap().as_dictionary::<Int32Type>();
            let host = host.downcast_dict::<arrow_array::StringArray>().unwrap();
            let host = host.is_valid(e.at as usize).then(|| {
                let key = host.keys().value(e.at as usize) as usize;
                host.values().value(key).to_owned()
            });
            let ts = b
                .column_by_name("ts")
                .unwrap()
                .as_primitive::<TimestampMicrosecondType>();
            (host, ts.value(e.at as usize), e.file_id, e.row, e.batch, e.at)
        })
        .collect();
    rows.sort_unstable();
    rows.into_iter().map(|r| (r.4 as usize, r.5 as usize)).collect()
}
