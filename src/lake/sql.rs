//! Ad-hoc SQL over the tables, by polars. Addresses and hashes are text in SQL.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::prelude::*;
use polars::sql::SQLContext;

use super::frame::hex;
use super::{Lake, verify};
use crate::base::error::{Error, Result};
use crate::base::ip;
use crate::schema::{Kind, TABLES, Table};

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultFormat {
    /// A table for people.
    Table,
    /// RFC 4180 with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// The result of a query, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Column names.
    pub columns: Vec<String>,
    /// Cells; `None` for null.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Runs one SQL statement. Tables without rows exist and are empty.
///
/// # Errors
/// [`Error::Usage`] where the statement is wrong.
pub fn query(lake: &Lake, sql: &str) -> Result<Answer> {
    let frame = collect(lake, sql)?;
    let columns: Vec<String> = frame.get_column_names().iter().map(|n| n.to_string()).collect();
    let mut rows = vec![Vec::with_capacity(columns.len()); frame.height()];
    for column in frame.columns() {
        let series = column.as_materialized_series();
        for (row, value) in rows.iter_mut().zip(series.iter()) {
            row.push(cell(&value));
        }
    }
    Ok(Answer { columns, rows })
}

/// Runs one SQL statement and writes the result as Parquet.
///
/// # Errors
/// [`Error::Usage`] where the statement is wrong.
pub fn query_to_parquet(lake: &Lake, sql: &str, path: &Path) -> Result<u64> {
    let mut frame = collect(lake, sql)?;
    let file = std::fs::File::create(path).map_err(|e| Error::io(path, "cannot write", e))?;
    ParquetWriter::new(file).finish(&mut frame).map_err(wrong)?;
    Ok(frame.height() as u64)
}

fn collect(lake: &Lake, sql: &str) -> Result<DataFrame> {
    let run = || {
        let mut context = SQLContext::new();
        for table in TABLES.iter().copied() {
            context.register(table.name, scan(lake, table)?);
        }
        context.execute(sql).and_then(LazyFrame::collect)
    };
    let e = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(frame)) => return Ok(frame),
        Ok(Err(e)) if !may_be_of_files(&e) => return Err(wrong(e)),
        Ok(Err(e)) => wrong(e),
        Err(_) => Error::Internal("polars cannot go on with this query".to_owned()),
    };
    // A file that is damaged or gone is no fault of the statement.
    verify::must_all_be_as_committed(lake)?;
    Err(e)
}

/// Whether a failure may come from the lake's files rather than from the statement.
fn may_be_of_files(e: &PolarsError) -> bool {
    match e {
        PolarsError::Context { error, .. } => may_be_of_files(error),
        e => matches!(e, PolarsError::IO { .. } | PolarsError::ComputeError(_)),
    }
}

fn wrong(e: PolarsError) -> Error {
    let names: Vec<_> = TABLES.iter().map(|t| t.name).collect();
    let text = e.to_string();
    // Words of SQL that are names of columns, too.
    let word = ["user"].into_iter().find(|w| text.contains(&format!("function '{w}'")));
    let hint = word.map_or_else(String::new, |w| {
        format!(" (the column is written \"{w}\", in double quotes)")
    });
    Error::Usage(format!("the query failed: {text}{hint}; tables: {}", names.join(", ")))
}

fn scan(lake: &Lake, table: &'static Table) -> PolarsResult<LazyFrame> {
    let paths: Vec<_> = lake
        .catalogue()
        .files_of(table.name)
        .map(|f| PlRefPath::try_from_path(&f.path(lake.root())))
        .collect::<PolarsResult<_>>()?;
    if paths.is_empty() {
        return Ok(empty(table).lazy());
    }
    // `date=` in the path is no column: every row has its time.
    let arguments = ScanArgsParquet {
        hive_options: HiveOptions::new_disabled(),
        ..ScanArgsParquet::default()
    };
    let frame = LazyFrame::scan_parquet_files(paths.into(), arguments)?;
    let readable: Vec<Expr> = table
        .all_columns()
        .filter(|(_, c)| c.kind.width().is_some())
        .map(|(_, c)| {
            let show: fn(&[u8]) -> String = match c.kind {
                Kind::Ip => |b| b.try_into().map(|a| ip::display(&a)).unwrap_or_default(),
                _ => hex,
            };
            col(c.name).map(
                move |column| {
                    let text: StringChunked = column.binary()?.iter().map(|b| b.map(show)).collect();
                    Ok(text.with_name(column.name().clone()).into_column())
                },
                |_, field| Ok(Field::new(field.name().clone(), DataType::String)),
            )
        })
        .collect();
    Ok(frame.with_columns(readable))
}

fn empty(table: &'static Table) -> DataFrame {
    let columns = table
        .file_columns()
        .map(|(_, c)| {
            let t = match c.kind {
                Kind::Ts => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
                Kind::U8 | Kind::U16 | Kind::U32 => DataType::UInt32,
                Kind::U64 => DataType::UInt64,
                Kind::I32 => DataType::Int32,
                Kind::F32 => DataType::Float32,
                Kind::Bool => DataType::Boolean,
                Kind::List => DataType::List(Box::new(DataType::String)),
                _ => DataType::String,
            };
            Column::new_empty(c.name.into(), &t)
        })
        .collect();
    DataFrame::new(0, columns).unwrap_or_default()
}

fn cell(value: &AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::Null => None,
        AnyValue::String(s) => Some((*s).to_owned()),
        AnyValue::StringOwned(s) => Some(s.to_string()),
        AnyValue::Datetime(us, TimeUnit::Microseconds, _) => Some(crate::base::time::format_rfc3339(*us)),
        AnyValue::List(items) => {
            let items: Vec<String> = items.iter().filter_map(|v| cell(&v)).collect();
            Some(items.join("; "))
        }
        other => Some(other.to_string()),
    }
}
