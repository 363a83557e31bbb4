//! Small tables for reports (findings, signals) as Parquet: other floors hand over columns, this one writes them and reads
//! them back.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::batch::internal;
use crate::base::error::{Error, Result};

/// The values of one column; all columns of a table have the same length.
#[derive(Debug, Clone)]
pub enum Values {
    /// Texts.
    Text(Vec<Option<String>>),
    /// Floats.
    F64(Vec<f64>),
    /// Unsigned integers.
    U64(Vec<Option<u64>>),
    /// Signed integers.
    I64(Vec<Option<i64>>),
}

impl Values {
    /// A text; empty where there is none.
    pub fn text(&self, row: usize) -> &str {
        match self {
            Values::Text(v) => v.get(row).and_then(Option::as_deref).unwrap_or(""),
            _ => "",
        }
    }

    /// A number; 0 where there is none.
    pub fn number(&self, row: usize) -> f64 {
        match self {
            Values::F64(v) => v.get(row).copied().unwrap_or(0.0),
            Values::U64(v) => v.get(row).copied().flatten().unwrap_or(0) as f64,
            Values::I64(v) => v.get(row).copied().flatten().unwrap_or(0) as f64,
            Values::Text(_) => 0.0,
        }
    }
}

/// A table that was read back: columns by name, all of the same length.
#[derive(Debug, Clone, Default)]
pub struct Records {
    columns: std::collections::BTreeMap<String, Values>,
    rows: usize,
}

impl Records {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// A text; empty where the table has no such column or cell.
    pub fn text(&self, column: &str, row: usize) -> &str {
        self.columns.get(column).map_or("", |c| c.text(row))
    }

    /// A number; 0 where the table has no such column or cell.
    pub fn number(&self, column: &str, row: usize) -> f64 {
        self.columns.get(column).map_or(0.0, |c| c.number(row))
    }

    /// Whether the table has a column.
    pub fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }
}

/// Reads back the named columns of a file that [`write()`] wrote; those that it lacks are absent.
///
/// # Errors
/// Where the file cannot be read or is no Parquet file.
pub fn read(path: &Path, columns: &[&str]) -> Result<Records> {
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, "cannot read", e))?;
    let damaged = |e: parquet::errors::ParquetError| {
        Error::Usage(format!("{}: not a table of a hunt ({e}); hunt again", path.display()))
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let mut out = Records::default();
    for batch in builder.with_projection(mask).build().map_err(damaged)? {
        let batch = batch.map_err(|e| damaged(e.into()))?;
        out.rows += batch.num_rows();
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            append(&mut out.columns, field.name(), array);
        }
    }
    Ok(out)
}

fn append(columns: &mut std::collections::BTreeMap<String, Values>, name: &str, array: &ArrayRef) {
    let more = if let Some(a) = array.as_string_opt::<i32>() {
        Values::Text(a.iter().map(|t| t.map(str::to_owned)).collect())
    } else if let Some(a) = array.as_primitive_opt::<Float64Type>() {
        Values::F64(a.iter().map(|x| x.unwrap_or(0.0)).collect())
    } else if let Some(a) = array.as_primitive_opt::<UInt64Type>() {
        Values::U64(a.iter().collect())
    } else if let Some(a) = array.as_primitive_opt::<Int64Type>() {
        Values::I64(a.iter().collect())
    } else {
        return;
    };
    match (columns.get_mut(name), more) {
        (Some(Values::Text(have)), Values::Text(more)) => have.extend(more),
        (Some(Values::F64(have)), Values::F64(more)) => have.extend(more),
        (Some(Values::U64(have)), Values::U64(more)) => have.extend(more),
        (Some(Values::I64(have)), Values::I64(more)) => have.extend(more),
        (None, more) => {
            columns.insert(name.to_owned(), more);
        }
        _ => {}
    }
}

/// Writes named columns as one zstd Parquet file.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(path: &Path, columns: Vec<(&str, Values)>) -> Result<()> {
    let arrays: Vec<(&str, ArrayRef)> = columns
        .into_iter()
        .map(|(name, values)| {
            let array: ArrayRef = match values {
                Values::Text(v) => Arc::new(StringArray::from(v)),
                Values::F64(v) => Arc::new(Float64Array::from(v)),
                Values::U64(v) => Arc::new(UInt64Array::from(v)),
                Values::I64(v) => Arc::new(Int64Array::from(v)),
            };
            (name, array)
        })
        .collect();
    let batch =
        RecordBatch::try_from_iter_with_nullable(arrays.into_iter().map(|(n, a)| (n, a, true))).map_err(internal)?;
    let file = std::fs::File::create(path).map_err(|e| Error::io(path, "cannot write", e))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).map_err(internal)?))
        .build();
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let mut w = ArrowWriter::try_new_with_options(file, batch.schema(), options).map_err(internal)?;
    w.write(&batch).map_err(internal)?;
    w.close().map_err(internal)?;
    Ok(())
}
