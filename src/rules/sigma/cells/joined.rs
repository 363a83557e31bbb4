//! Fields that are put together from several columns.

use arrow_array::cast::AsArray;
use arrow_array::{Array, FixedSizeBinaryArray, RecordBatch};

use super::single::Coder;
use super::{Cells, NONE, Texts};
use crate::lake::frame::hex;
use crate::rules::sigma::access::Access;
use crate::schema::{Col, Column, Kind, Table, common, http};

/// `SHA1=…,MD5=…,SHA256=…,IMPHASH=…` of those that a row has.
pub(super) fn hashes(batch: &RecordBatch, rows: usize) -> Cells {
    let column = |name: &str| batch.column_by_name(name).and_then(|a| a.as_fixed_size_binary_opt());
    let columns: Vec<(&str, &FixedSizeBinaryArray)> = [
        ("SHA1", "sha1"),
        ("MD5", "md5"),
        ("SHA256", "sha256"),
        ("IMPHASH", "imphash"),
    ]
    .into_iter()
    .filter_map(|(label, name)| Some((label, column(name)?)))
    .collect();
    let mut coder = Coder::new(rows);
    let mut texts = Vec::new();
    for i in 0..rows {
        let key: Vec<Option<&[u8]>> = columns.iter().map(|(_, a)| a.is_valid(i).then(|| a.value(i))).collect();
        let key = key.iter().any(Option::is_some).then_some(key);
        coder.push(key, &mut texts, |key| {
            let parts = columns.iter().zip(key);
            let named: Vec<String> = parts
                .filter_map(|((label, _), b)| Some(format!("{label}={}", hex((*b)?).to_ascii_uppercase())))
                .collect();
            named.join(",")
        });
    }
    Cells {
        codes: coder.codes,
        texts: Texts::One(texts),
    }
}

pub(super) fn joined(a: &Cells, b: &Cells, separator: char, rows: usize) -> Cells {
    let mut coder = Coder::new(rows);
    let mut texts = Vec::new();
    for i in 0..rows {
        let key = (a.code(i), b.code(i));
        let some = key.0 != NONE || key.1 != NONE;
        coder.push(some.then_some(key), &mut texts, |key| {
            match (a.first(key.0), b.first(key.1)) {
                (Some(a), Some(b)) => format!("{a}{separator}{b}"),
                (Some(one), None) | (None, Some(one)) => one.to_owned(),
                (None, None) => String::new(),
            }
        });
    }
    Cells {
        codes: coder.codes,
        texts: Texts::One(texts),
    }
}

pub(super) fn url(table: &'static Table, batch: &RecordBatch, rows: usize) -> Cells {
    let part = |access: Access| Cells::build(&access, table, batch);
    let (scheme, host) = (part(Access::Text(http::SCHEME)), part(Access::Text(http::URL_HOST)));
    let (port, path) = (part(Access::Int(http::URL_PORT)), part(Access::Text(http::URL_PATH)));
    let query = part(Access::Text(http::URL_QUERY));
    let is_v6 = |code: u32| host.first(code).is_some_and(|h| h.contains(':'));
    let v6: Vec<bool> = (0..host.len() as u32).map(is_v6).collect();
    let mut codes = Vec::with_capacity(rows);
    let (mut texts, mut ends) = (String::new(), Vec::with_capacity(rows));
    for i in 0..rows {
        let (host_code, path) = (host.code(i), path.first(path.code(i)));
        let host = host.first(host_code);
        if host.is_none() && path.is_none() {
            codes.push(NONE);
            continue;
        }
        if let Some(host) = host {
            if let Some(scheme) = scheme.first(scheme.code(i)) {
                texts.push_str(scheme);
                texts.push_str("://");
            }
            let v6 = v6.get(host_code as usize).copied().unwrap_or(false);
            let (before, after) = if v6 { ("[", "]") } else { ("", "") };
            texts.push_str(before);
            texts.push_str(host);
            texts.push_str(after);
        }
        if let Some(port) = port.first(port.code(i)) {
            texts.push(':');
            texts.push_str(port);
        }
        texts.push_str(path.unwrap_or(""));
        if let Some(query) = query.first(query.code(i)) {
            texts.push('?');
            texts.push_str(query);
        }
        codes.push(ends.len() as u32);
        ends.push(texts.len());
    }
    Cells {
        codes,
        texts: Texts::Run(texts, ends),
    }
}

pub(super) fn combined(parts: &[Cells], rows: usize, first_only: bool) -> Cells {
    let mut coder = Coder::new(rows);
    let mut texts = Vec::new();
    for i in 0..rows {
        let mut key: Vec<u32> = parts.iter().map(|p| p.code(i)).collect();
        if first_only {
            let keep = key.iter().position(|c| *c != NONE);
            for (j, c) in key.iter_mut().enumerate() {
                if Some(j) != keep {
                    *c = NONE;
                }
            }
        }
        let key = key.iter().any(|c| *c != NONE).then_some(key);
        coder.push(key, &mut texts, |key| {
            let mut out = Vec::new();
            for (p, code) in parts.iter().zip(key) {
                p.each(*code, |t| out.push(t.to_owned()));
            }
            out
        });
    }
    Cells {
        codes: coder.codes,
        texts: Texts::Many(texts),
    }
}

/// The columns that say something of the event itself; `extra` is looked at by itself.
pub(super) fn telling_columns(table: &Table) -> impl Iterator<Item = (Col, &'static Column)> + use<> {
    const OTHERS: [Col; 4] = [common::EXTRA, common::HOST, common::FORMAT, common::TIME_QUALITY];
    table.all_columns().filter(|(c, _)| !OTHERS.contains(c))
}

pub(super) fn is_words(kind: Kind) -> bool {
    kind.is_text() || kind == Kind::List
}

/// Every text and, unless only `words` are wanted, number and address of a row; `extra` is looked at by itself.
pub(super) fn everything(table: &'static Table, batch: &RecordBatch, rows: usize, words: bool) -> Cells {
    let parts: Vec<Cells> = telling_columns(table)
        .filter(|(_, c)| !words || is_words(c.kind))
        .filter_map(|(col, c)| {
            Some(match c.kind {
                Kind::Dict | Kind::Text => Access::Text(col),
                Kind::List => Access::List(col),
                Kind::Ip => Access::Ip(col),
                Kind::U8 | Kind::U16 | Kind::U32 | Kind::I32 => Access::Int(col),
                Kind::Md5 | Kind::Sha1 | Kind::Sha256 => Access::Hash(col),
                _ => return None,
            })
        })
        .map(|a| Cells::build(&a, table, batch))
        .collect();
    Cells {
        codes: (0..rows as u32).collect(),
        texts: Texts::Rows(parts, rows),
    }
}
