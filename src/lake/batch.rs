//! Column builders to Arrow batches.

use std::sync::{Arc, LazyLock};

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Float32Array, Int32Array, Int64Array,
    PrimitiveArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::base::error::{Error, Result};
use crate::schema::builder::{Cells, Interner, NULL_CODE, NULL_INT, TableBuilder};
use crate::schema::{Kind, TABLES, Table};

/// The Arrow schema of a table in the order of the file.
pub fn arrow_schema(table: &'static Table) -> SchemaRef {
    static SCHEMAS: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| {
        let one = |t: &&'static Table| {
            let fields: Vec<_> = t
                .file_columns()
                .map(|(_, c)| Field::new(c.name, data_type(c.kind), true))
                .collect();
            Arc::new(Schema::new(fields))
        };
        TABLES.iter().map(one).collect()
    });
    SCHEMAS
        .get(table.ix())
        .cloned()
        .unwrap_or_else(|| Arc::new(Schema::empty()))
}

/// The Arrow type of a column in memory.
pub fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Ts => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Dict => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        Kind::Text => DataType::Utf8,
        // One width for all small integers: Parquet stores them alike, and polars reads narrow ones only with more features.
        Kind::U8 | Kind::U16 | Kind::U32 => DataType::UInt32,
        Kind::U64 => DataType::UInt64,
        Kind::I32 => DataType::Int32,
        Kind::F32 => DataType::Float32,
        Kind::Bool => DataType::Boolean,
        Kind::Ip | Kind::Mac | Kind::Md5 | Kind::Sha1 | Kind::Sha256 => {
            DataType::FixedSizeBinary(kind.width().unwrap_or(0) as i32)
        }
        Kind::List => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
    }
}

/// Turns a finished builder into a batch.
pub fn from_builder(builder: TableBuilder) -> Result<RecordBatch> {
    let (table, rows, cells) = builder.finish();
    let mut cells: Vec<Option<Cells>> = cells.into_iter().map(Some).collect();
    let columns = table
        .file_columns()
        .map(|(col, c)| {
            let cell = cells.get_mut(col.0 as usize).and_then(Option::take);
            let cell = cell.ok_or_else(|| Error::Internal(format!("column {} is missing", c.name)))?;
            array(c.kind, cell, rows)
        })
        .collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(arrow_schema(table), columns).map_err(internal)
}

pub(super) fn internal(e: impl std::fmt::Display) -> Error {
    Error::Internal(e.to_string())
}

fn array(kind: Kind, cells: Cells, rows: usize) -> Result<ArrayRef> {
    Ok(match cells {
        Cells::Int(v) => int_array(kind, v),
        Cells::Dict { codes, values } => Arc::new(dictionary(codes, &values)?),
        Cells::Text { bytes, ends } => Arc::new(text(&bytes, &ends)),
        Cells::Fixed { width, bytes, valid } => {
            let nulls = NullBuffer::new(BooleanBuffer::from(valid));
            let a = FixedSizeBinaryArray::try_new(width as i32, Buffer::from_vec(bytes), Some(nulls));
            Arc::new(a.map_err(internal)?)
        }
        Cells::List { ends, items, values } => list(rows, &ends, &items, &values),
    })
}

fn int_array(kind: Kind, v: Vec<i64>) -> ArrayRef {
    fn cast<T: arrow_array::ArrowPrimitiveType>(v: &[i64], f: impl Fn(i64) -> T::Native) -> PrimitiveArray<T> {
        v.iter().map(|x| (*x != NULL_INT).then(|| f(*x))).collect()
    }
    match kind {
        Kind::Ts => {
            let a: TimestampMicrosecondArray = cast(&v, |x| x);
            Arc::new(a.with_timezone("UTC"))
        }
        Kind::U8 | Kind::U16 | Kind::U32 => Arc::new(cast(&v, |x| x as u32) as UInt32Array),
        Kind::U64 => Arc::new(cast(&v, |x| x as u64) as UInt64Array),
        Kind::I32 => Arc::new(cast(&v, |x| x as i32) as Int32Array),
        Kind::F32 => Arc::new(cast(&v, |x| f32::from_bits(x as u32)) as Float32Array),
        Kind::Bool => {
            let a: BooleanArray = v.iter().map(|x| (*x != NULL_INT).then_some(*x != 0)).collect();
            Arc::new(a)
        }
        _ => Arc::new(cast(&v, |x| x) as Int64Array),
    }
}

fn dictionary(codes: Vec<u32>, values: &Interner) -> Result<DictionaryArray<Int32Type>> {
    let keys: Int32Array = codes
        .into_iter()
        .map(|c| (c != NULL_CODE).then_some(c as i32))
        .collect();
    let values = StringArray::from_iter_values(values.iter());
    DictionaryArray::try_new(keys, Arc::new(values)).map_err(internal)
}

fn text(bytes: &str, ends: &[Option<usize>]) -> StringArray {
    let mut start = 0;
    ends.iter()
        .map(|end| {
            let end = (*end)?;
            let t = bytes.get(start..end);
            start = end;
            t
        })
        .collect()
}

fn list(rows: usize, ends: &[Option<usize>], items: &[u32], values: &Interner) -> ArrayRef {
    let mut b = ListBuilder::with_capacity(StringBuilder::new(), rows);
    let mut start = 0;
    for end in ends {
        if let Some(end) = *end {
            for code in items.get(start..end).unwrap_or(&[]) {
                b.values().append_value(values.get(*code));
            }
            start = end;
        }
        b.append(end.is_some());
    }
    Arc::new(b.finish())
}
