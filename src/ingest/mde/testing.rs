//! Rows as text, for the tests of formats and mappers.

use std::collections::BTreeMap;

use crate::base::{ip, time};
use crate::ingest::formats::{Block, Carry, Format, Head};
use crate::ingest::sink::{RecordContext, Sink};
use crate::schema::Kind;
use crate::schema::builder::{Cells, NULL_CODE, NULL_INT, TableBuilder};

/// One row: its table and the cells that are not null.
#[derive(Debug)]
pub struct Shown {
    /// Table of the row.
    pub table: &'static str,
    /// Its cells by column, as text.
    pub cells: BTreeMap<&'static str, String>,
}

impl Shown {
    /// The text of a cell; empty for null.
    pub fn get(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// What a format makes of an input: all rows, in the order of tables, and the reasons of the rejects.
pub fn decode(format: &dyn Format, input: &[u8]) -> (Vec<Shown>, Vec<String>) {
    let mut carry = Carry::default();
    format.open(&Head::new(input, "test"), &mut carry);
    let cx = RecordContext {
        input: 1,
        format: "test",
        fallback_time: 0,
        zone: None,
        input_host: None,
    };
    let mut sink = Sink::new(cx);
    format.decode(
        &Block {
            bytes: input,
            ..Block::default()
        },
        &carry,
        &mut sink,
    );
    let rejects = sink.rejects.iter().map(|r| r.reason.to_string()).collect();
    assert_eq!(
        sink.records as usize,
        sink.rows.rows() + sink.rejects.len(),
        "one record, one row or reject"
    );
    (sink.rows.into_builders().flat_map(shown).collect(), rejects)
}

/// A sample of the conformance suite, which lies beside the package on the authors' machines.
pub fn sample(path: &str) -> Option<Vec<u8>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/formats")
        .join(path);
    let read = std::fs::read(&path).ok();
    if read.is_none() {
        eprintln!("skipped: no {}", path.display());
    }
    read
}

fn shown(builder: TableBuilder) -> Vec<Shown> {
    let (table, rows, cells) = builder.finish();
    let columns: Vec<_> = table.all_columns().map(|(_, c)| c).zip(&cells).collect();
    let row = |i| {
        columns
            .iter()
            .filter_map(|(c, cells)| Some((c.name, text(c.kind, cells, i)?)))
            .collect()
    };
    (0..rows)
        .map(|i| Shown {
            table: table.name,
            cells: row(i),
        })
        .collect()
}

fn text(kind: Kind, cells: &Cells, i: usize) -> Option<String> {
    Some(match cells {
        Cells::Int(v) if v[i] == NULL_INT => return None,
        Cells::Int(v) if kind == Kind::Ts => time::format_rfc3339(v[i]),
        Cells::Int(v) if kind == Kind::F32 => f32::from_bits(v[i] as u32).to_string(),
        Cells::Int(v) => v[i].to_string(),
        Cells::Dict { codes, .. } if codes[i] == NULL_CODE => return None,
        Cells::Dict { codes, values } => values.get(codes[i]).to_owned(),
        Cells::Text { bytes, ends } => {
            let start = ends[..i].iter().flatten().max().copied().unwrap_or(0);
            bytes.get(start..ends[i]?).unwrap().to_owned()
        }
        Cells::Fixed { valid, .. } if !valid[i] => return None,
        Cells::Fixed { width, bytes, .. } => {
            let b = &bytes[i * width..(i + 1) * width];
            match kind {
                Kind::Ip => ip::display(b.try_into().unwrap()),
                _ => b.iter().map(|b| format!("{b:02x}")).collect(),
            }
        }
        Cells::List { ends, items, values } => {
            let start = ends[..i].iter().flatten().max().copied().unwrap_or(0);
            let all: Vec<_> = items[start..ends[i]?].iter().map(|c| values.get(*c)).collect();
            all.join(" ")
        }
    })
}
