//! Writing and reading one Parquet file of the lake.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::batch::{arrow_schema, internal};
use crate::base::error::{Error, Result};
use crate::schema::{Kind, Table};

/// Rows of a row group: small enough that statistics and bloom filters skip most of a day, large enough that
/// dictionaries pay.
pub const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Files with fewer rows carry no bloom filters: reading them whole is cheaper than asking.
const BLOOM_MIN_ROWS: usize = 10_000;

/// Columns that people scope by.
const BLOOM_COLUMNS: &[&str] = &[
    "user",
    "target_user",
    "src_ip",
    "dst_ip",
    "client_ip",
    "qname",
    "url_host",
    "dst_host",
    "tls_sni",
    "src_host",
    "md5",
    "sha1",
    "sha256",
    "imphash",
    "name",
    "image_name",
];

/// Writer settings for one file of a table.
fn properties(table: &'static Table, rows: usize) -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(3).map_err(internal)?;
    let mut b = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by(concat!("coldtrail ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_index_truncate_length(Some(64))
        .set_statistics_truncate_length(Some(64));
    for (_, c) in table.all_columns() {
        let path = ColumnPath::from(c.name);
        if c.kind == Kind::Text {
            b = b.set_column_dictionary_enabled(path, false);
        } else if rows >= BLOOM_MIN_ROWS && BLOOM_COLUMNS.contains(&c.name) {
            b = b
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), 0.01)
                .set_column_bloom_filter_max_ndv(path, rows.min(ROW_GROUP_ROWS) as u64);
        }
    }
    Ok(b.build())
}

/// Writes batches of a table to `path` and syncs the file.
///
/// The Arrow schema is not embedded: readers that refuse dictionary types read plain strings.
pub fn write(
    path: &Path,
    table: &'static Table,
    rows: usize,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    let file = File::create(path).map_err(|e| Error::io(path, "cannot write to the lake", e))?;
    let options = ArrowWriterOptions::new()
        .with_properties(properties(table, rows)?)
        .with_skip_arrow_metadata(true);
    let failed = |e: parquet::errors::ParquetError| match e {
        parquet::errors::ParquetError::External(e) => {
            Error::io(path, "cannot write to the lake", std::io::Error::other(e))
        }
        e => internal(e),
    };
    let mut writer = ArrowWriter::try_new_with_options(file, arrow_schema(table), options).map_err(failed)?;
    for batch in batches {
        writer.write(&batch?).map_err(failed)?;
    }
    let file = writer.into_inner().map_err(failed)?;
    file.sync_all()
        .map_err(|e| Error::io(path, "cannot write to the lake", e))
}

/// Opens a file of the lake for reading the named columns of a table, with dictionaries where the table has them.
///
/// Columns that the file lacks (written by an older version) are absent from the batches.
pub fn read(
    path: &Path,
    table: &'static Table,
    columns: &[&str],
    batch_rows: usize,
) -> Result<ParquetRecordBatchReader> {
    let damaged = |e: &dyn std::fmt::Display| Error::lake(path, e.to_string());
    let file = File::open(path).map_err(|e| Error::io(path, "cannot read a file of the lake", e))?;
    let plain = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(&e))?;
    let schema = with_dictionaries(plain.schema(), table);
    let file = File::open(path).map_err(|e| Error::io(path, "cannot read a file of the lake", e))?;
    let options = ArrowReaderOptions::new().with_schema(schema);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(|e| damaged(&e))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    builder
        .with_projection(mask)
        .with_batch_size(batch_rows)
        .build()
        .map_err(|e| damaged(&e))
}

fn with_dictionaries(found: &SchemaRef, table: &'static Table) -> SchemaRef {
    let fields: Vec<_> = found
        .fields()
        .iter()
        .map(|f| match table.find(f.name()) {
            Some((_, c)) if c.kind == Kind::Dict && *f.data_type() == DataType::Utf8 => {
                Field::new(f.name(), super::batch::data_type(Kind::Dict), f.is_nullable())
            }
            _ => f.as_ref().clone(),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// BLAKE3 of a file and its size.
pub fn digest(path: &Path) -> Result<(String, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path).map_err(|e| Error::io(path, "cannot read", e))?;
    let bytes = std::io::copy(&mut file, &mut hasher).map_err(|e| Error::io(path, "cannot read", e))?;
    Ok((hasher.finalize().to_hex().to_string(), bytes))
}

/// Makes a folder and its parents.
pub fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "cannot make a folder of the lake", e))
}
