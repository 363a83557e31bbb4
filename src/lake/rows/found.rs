//! Arrow batches, as files of the lake are read, to rows.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Int32Type, TimestampMicrosecondType, UInt32Type, UInt64Type,
};
use arrow_array::{Array, PrimitiveArray, RecordBatch};
use arrow_schema::DataType;

use super::{Column, Dict, Ints, Packed, Rows, Strings};
use crate::schema::Table;
use crate::schema::builder::{NULL_CODE, NULL_INT};

/// A dictionary value that no row has used yet.
const UNSET: u32 = u32::MAX - 1;

impl Rows {
    /// The rows of a batch read from a file of the lake; columns that it lacks are null.
    pub fn from_batch(table: &'static Table, batch: &RecordBatch) -> Self {
        let columns = table
            .all_columns()
            .map(|(_, c)| {
                batch
                    .column_by_name(c.name)
                    .map_or(Column::Null, |a| column(a.as_ref()))
            })
            .collect();
        Self::new(table, batch.num_rows(), columns)
    }
}

fn column(array: &dyn Array) -> Column {
    if array.null_count() == array.len() {
        return Column::Null;
    }
    match array.data_type() {
        DataType::Dictionary(..) => dictionary(array),
        DataType::Utf8 => text(array),
        DataType::FixedSizeBinary(_) => fixed(array),
        DataType::List(_) => list(array),
        DataType::Boolean => packed(array.as_boolean().iter().map(|v| v.map_or(NULL_INT, i64::from))),
        DataType::Timestamp(..) => ints(array.as_primitive_opt::<TimestampMicrosecondType>(), |v| v),
        DataType::UInt32 => ints(array.as_primitive_opt::<UInt32Type>(), i64::from),
        DataType::UInt64 => ints(array.as_primitive_opt::<UInt64Type>(), |v| v as i64),
        DataType::Int32 => ints(array.as_primitive_opt::<Int32Type>(), i64::from),
        DataType::Float32 => ints(array.as_primitive_opt::<Float32Type>(), |v| i64::from(v.to_bits())),
        // No table has another type (schema::Kind).
        _ => Column::Null,
    }
}

fn ints<T: ArrowPrimitiveType>(array: Option<&PrimitiveArray<T>>, f: impl Fn(T::Native) -> i64) -> Column {
    match array {
        None => Column::Null,
        Some(a) if a.null_count() == 0 => packed(a.values().iter().map(|v| f(*v))),
        Some(a) => packed(a.iter().map(|v| v.map_or(NULL_INT, &f))),
    }
}

fn packed(values: impl Iterator<Item = i64>) -> Column {
    let values: Vec<i64> = values.collect();
    Ints::new(&values).map_or(Column::Null, Column::Int)
}

/// Values that no row uses stay behind: a batch comes with the dictionary of its whole row group.
fn dictionary(array: &dyn Array) -> Column {
    let Some(d) = array.as_dictionary_opt::<Int32Type>() else {
        return Column::Null;
    };
    let Some(found) = d.values().as_string_opt::<i32>() else {
        return Column::Null;
    };
    let mut dict = Dict::default();
    let mut known = vec![UNSET; found.len()];
    let codes: Vec<u32> = (0..d.len())
        .map(|i| {
            if d.keys().is_null(i) {
                return NULL_CODE;
            }
            let key = d.keys().value(i) as usize;
            let Some(slot) = known.get_mut(key) else {
                return NULL_CODE;
            };
            if *slot == UNSET {
                *slot = match found.is_valid(key) {
                    true => dict.intern(found.value(key).as_bytes()),
                    false => NULL_CODE,
                };
            }
            *slot
        })
        .collect();
    Column::Text {
        codes: Packed::codes(dict.len(), codes.into_iter()),
        values: dict.take(),
    }
}

fn text(array: &dyn Array) -> Column {
    let Some(a) = array.as_string_opt::<i32>() else {
        return Column::Null;
    };
    let mut values = Strings::with_capacity(a.len() - a.null_count(), a.value_data().len());
    let codes = a.iter().map(|v| v.map_or(NULL_CODE, |v| values.push(v.as_bytes())));
    let codes = Packed::codes(a.len(), codes);
    Column::Text { codes, values }
}

fn fixed(array: &dyn Array) -> Column {
    let Some(a) = array.as_fixed_size_binary_opt() else {
        return Column::Null;
    };
    let width = a.value_length().max(0) as usize;
    let mut bytes = Vec::with_capacity(a.len() * width);
    let mut valid = Vec::with_capacity(a.len());
    for v in a.iter() {
        valid.push(v.is_some());
        match v {
            Some(v) => bytes.extend_from_slice(v),
            None => bytes.resize(bytes.len() + width, 0),
        }
    }
    Column::Fixed { width, bytes, valid }
}

fn list(array: &dyn Array) -> Column {
    let Some(a) = array.as_list_opt::<i32>() else {
        return Column::Null;
    };
    let (mut offsets, mut valid, mut items) = (vec![0u32], Vec::new(), Vec::new());
    let mut dict = Dict::default();
    for i in 0..a.len() {
        valid.push(a.is_valid(i));
        if a.is_valid(i) {
            let found = a.value(i);
            if let Some(texts) = found.as_string_opt::<i32>() {
                items.extend(texts.iter().flatten().map(|t| dict.intern(t.as_bytes())));
            }
        }
        offsets.push(items.len() as u32);
    }
    Column::List {
        offsets: Packed::codes(items.len(), offsets.into_iter()),
        valid,
        items: Packed::codes(dict.len(), items.into_iter()),
        values: dict.take(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::batch;
    use crate::schema::builder::TableBuilder;
    use crate::schema::{common, dns};

    #[test]
    fn a_batch_of_a_builder_holds_the_rows_of_the_builder() {
        let fill = || {
            let mut b = TableBuilder::new(&dns::TABLE);
            for i in 0..50i64 {
                b.int(common::TS, i * 7);
                b.text(common::HOST, "a");
                if i % 3 != 0 {
                    b.text(common::USER, ["a", "b"][(i % 2) as usize]);
                    b.ip(dns::CLIENT_IP, &[i as u8; 16]);
                    b.int(dns::BLOCKED, i % 2);
                    b.list(dns::ANSWERS, ["x", "y"].into_iter().take((i % 3) as usize));
                    b.text(common::EXTRA, &format!("{{\"i\":{i}}}"));
                }
                b.int(common::FILE_ID, u64::MAX as i64);
                b.end_row();
            }
            b
        };
        let (direct, _) = Rows::from_builder(&mut fill());
        let batch = batch::from_builder(fill()).unwrap();
        let found = Rows::from_batch(&dns::TABLE, &batch);
        assert_eq!(direct.len(), found.len());
        for i in 0..direct.len() {
            assert_eq!(direct.identity(i), found.identity(i), "row {i}");
            assert_eq!(direct.int(common::FILE_ID, i), found.int(common::FILE_ID, i));
        }
    }
}
