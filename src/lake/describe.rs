//! The tables as Markdown, for `docs/lake_format.md`.

use std::fmt::Write;

use crate::schema::{Kind, TABLES, common};

/// Every table and column with its type.
pub fn tables() -> String {
    let mut out =
        String::from("## Common columns\n\nEvery table begins with these; `extra` is the last column of a file.\n\n");
    rows(&mut out, common::COLUMNS.iter());
    for t in TABLES {
        let _ = write!(out, "\n## `{}`\n\n{}\n\n", t.name, t.doc);
        rows(&mut out, t.columns.iter());
    }
    out
}

fn rows<'c>(out: &mut String, columns: impl Iterator<Item = &'c crate::schema::Column>) {
    out.push_str("| column | type | holds |\n|---|---|---|\n");
    for c in columns {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} |",
            c.name,
            type_name(c.kind),
            c.doc.replace('|', "\\|")
        );
    }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Ts => "timestamp[us, UTC]",
        Kind::Dict => "string (dictionary)",
        Kind::Text => "string",
        Kind::U8 | Kind::U16 | Kind::U32 => "uint32",
        Kind::U64 => "uint64",
        Kind::I32 => "int32",
        Kind::F32 => "float",
        Kind::Bool => "boolean",
        Kind::Ip => "binary(16), IPv4 mapped",
        Kind::Mac => "binary(6)",
        Kind::Md5 => "binary(16)",
        Kind::Sha1 => "binary(20)",
        Kind::Sha256 => "binary(32)",
        Kind::List => "list of string",
    }
}
