//! Small tables for reports (findings, signals) as Parquet: other floors hand over columns, this one writes them.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
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
