//! `coldtrail query`: SQL over the lake.

use super::args::{QueryArgs, QueryOutput};
use super::exit::Exit;
use super::print;
use crate::base::error::{Error, Result};
use crate::base::text::{for_csv_cell, for_terminal};
use crate::lake::Lake;
use crate::lake::sql::{self, Answer};

/// Widest cell of a printed table.
const CELL: usize = 60;

/// Runs the command.
pub fn run(args: &QueryArgs) -> Result<Exit> {
    if let (QueryOutput::Parquet, Some(path)) = (args.output, &args.to) {
        let rows = Lake::read(&args.lake, |lake| sql::query_to_parquet(lake, &args.sql, path))?;
        eprintln!("{rows} rows written to {}", path.display());
        return Ok(Exit::Done);
    }
    let answer = Lake::read(&args.lake, |lake| sql::query(lake, &args.sql))?;
    let text = match args.output {
        QueryOutput::Table | QueryOutput::Parquet => table(&answer),
        QueryOutput::Csv => csv(&answer)?,
        QueryOutput::Jsonl => jsonl(&answer),
    };
    match &args.to {
        Some(path) => std::fs::write(path, text).map_err(|e| Error::io(path, "cannot write", e))?,
        None => print(&text),
    }
    Ok(Exit::Done)
}

fn table(a: &Answer) -> String {
    let shown = |c: &Option<String>| -> String {
        let text = c.as_deref().map_or_else(String::new, |c| for_terminal(c).into_owned());
        match text.chars().count() > CELL {
            true => text.chars().take(CELL - 1).chain(['…']).collect(),
            false => text,
        }
    };
    let rows: Vec<Vec<String>> = a.rows.iter().map(|r| r.iter().map(shown).collect()).collect();
    let widths: Vec<usize> = a
        .columns
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let cells = rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count());
            cells.chain([name.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    let mut line = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{c:w$}")).collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    };
    line(&a.columns);
    rows.iter().for_each(|r| line(r));
    out
}

fn csv(a: &Answer) -> Result<String> {
    let failed = |e: &dyn std::fmt::Display| Error::Internal(format!("cannot write CSV: {e}"));
    let mut w = csv::Writer::from_writer(Vec::new());
    w.write_record(&a.columns).map_err(|e| failed(&e))?;
    for row in &a.rows {
        let cells = row
            .iter()
            .map(|c| for_csv_cell(c.as_deref().unwrap_or("")).into_owned());
        w.write_record(cells).map_err(|e| failed(&e))?;
    }
    let bytes = w.into_inner().map_err(|e| failed(&e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn jsonl(a: &Answer) -> String {
    let mut out = String::new();
    for row in &a.rows {
        let object: serde_json::Map<String, serde_json::Value> = a
            .columns
            .iter()
            .cloned()
            .zip(row.iter().map(|c| c.clone().into()))
            .collect();
        out.push_str(&serde_json::Value::Object(object).to_string());
        out.push('\n');
    }
    out
}
