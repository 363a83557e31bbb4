//! The texts of a field over the rows of one batch: a code per row, a text (or several) per code.

use std::collections::HashMap;
use std::hash::Hash;

use ahash::RandomState;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, RecordBatch, StringArray};
use arrow_schema::DataType;

use super::access::Access;
use super::program::seeds;
use crate::base::ip;
use crate::lake::frame::hex;
use crate::schema::{Col, Column, Kind, Table, common, http};

/// The code of a row without a value.
pub const NONE: u32 = u32::MAX;

/// A field over the rows of a batch.
#[derive(Debug)]
pub struct Cells {
    codes: Vec<u32>,
    texts: Texts,
}

#[derive(Debug)]
enum Texts {
    /// Values of a dictionary, or the rows of a plain column.
    Array(StringArray),
    /// One text a code.
    One(Vec<String>),
    /// Several texts a code.
    Many(Vec<Vec<String>>),
    /// A code a row: the texts of all these at that row.
    Rows(Vec<Cells>, usize),
}

impl Cells {
    /// The code of a row; [`NONE`] for no value.
    pub fn code(&self, row: usize) -> u32 {
        self.codes.get(row).copied().unwrap_or(NONE)
    }

    /// Number of codes.
    pub fn len(&self) -> usize {
        match &self.texts {
            Texts::Array(a) => a.len(),
            Texts::One(v) => v.len(),
            Texts::Many(v) => v.len(),
            Texts::Rows(_, rows) => *rows,
        }
    }

    /// Calls `see` with every text of a code.
    pub fn each<'c>(&'c self, code: u32, mut see: impl FnMut(&'c str)) {
        let at = code as usize;
        match &self.texts {
            Texts::Array(a) => {
                if at < a.len() && a.is_valid(at) {
                    see(a.value(at));
                }
            }
            Texts::One(v) => {
                if let Some(t) = v.get(at) {
                    see(t);
                }
            }
            Texts::Many(v) => {
                if let Some(list) = v.get(at) {
                    list.iter().for_each(|t| see(t));
                }
            }
            Texts::Rows(parts, _) => parts.iter().for_each(|p| p.each_dyn(p.code(at), &mut see)),
        }
    }

    fn each_dyn<'c>(&'c self, code: u32, see: &mut dyn FnMut(&'c str)) {
        self.each(code, see);
    }

    /// The columns that a row's texts come from, where they are all its texts.
    pub fn parts(&self) -> Option<&[Cells]> {
        match &self.texts {
            Texts::Rows(parts, _) => Some(parts),
            _ => None,
        }
    }

    /// The array that gives the codes their texts, where it is one of the file's own.
    pub fn dictionary(&self) -> Option<&StringArray> {
        match &self.texts {
            Texts::Array(a) => Some(a),
            _ => None,
        }
    }

    /// The cells of a field.
    pub fn build(access: &Access, table: &'static Table, batch: &RecordBatch) -> Self {
        let column = |col: Col| batch.column_by_name(table.column(col)?.name);
        let rows = batch.num_rows();
        let empty = || Self::nothing(rows);
        match access {
            Access::Text(col) => column(*col).map_or_else(empty, |a| text(a, rows)),
            Access::Int(col) => column(*col).map_or_else(empty, |a| {
                number(a, rows, |v, unsigned| {
                    if unsigned {
                        (v as u64).to_string()
                    } else {
                        v.to_string()
                    }
                })
            }),
            Access::Hex(col) => column(*col).map_or_else(empty, |a| number(a, rows, |v, _| format!("{:#x}", v as u64))),
            Access::Bool(col) => column(*col).map_or_else(empty, |a| number(a, rows, |v, _| (v != 0).to_string())),
            Access::Time(col) => column(*col).map_or_else(empty, |a| number(a, rows, |v, _| time(v))),
            Access::Ip(col) => column(*col).map_or_else(empty, |a| {
                bytes(a, rows, |b| {
                    b.try_into().map_or_else(|_| String::new(), |ip| ip::display(&ip))
                })
            }),
            Access::IsV6(col) => column(*col).map_or_else(empty, |a| {
                bytes(a, rows, |b| {
                    (!b.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])).to_string()
                })
            }),
            Access::Hash(col) => column(*col).map_or_else(empty, |a| bytes(a, rows, hex)),
            Access::Hashes => hashes(batch, rows),
            Access::List(col) => column(*col).map_or_else(empty, |a| list(a, rows)),
            Access::Behind(c, col) => column(*col).map_or_else(empty, |a| text(a, rows).map(|t| format!("{c}{t}"))),
            Access::Words(col, words) => column(*col).map_or_else(empty, |a| {
                text(a, rows).map(|t| {
                    words
                        .iter()
                        .find(|(stored, _)| *stored == t)
                        .map_or_else(|| t.to_owned(), |(_, w)| (*w).to_owned())
                })
            }),
            Access::Joined(a, b, separator) => {
                let part = |c: &Col| column(*c).map_or_else(empty, |a| text(a, rows));
                joined(&part(a), &part(b), *separator, rows)
            }
            Access::Url => url(table, batch, rows),
            Access::First(parts) => {
                let parts: Vec<Cells> = parts.iter().map(|a| Self::build(a, table, batch)).collect();
                combined(&parts, rows, true)
            }
            Access::Each(parts) => {
                let parts: Vec<Cells> = parts.iter().map(|a| Self::build(a, table, batch)).collect();
                combined(&parts, rows, false)
            }
            Access::Everything => everything(table, batch, rows, false),
        }
    }

    /// The columns whose texts [`words`](Self::words) takes.
    pub fn word_columns(table: &Table) -> impl Iterator<Item = Col> + use<> {
        telling_columns(table)
            .filter(|(_, c)| is_words(c.kind))
            .map(|(col, _)| col)
    }

    /// Every text of a row, without its numbers, addresses and hashes.
    pub fn words(table: &'static Table, batch: &RecordBatch) -> Self {
        everything(table, batch, batch.num_rows(), true)
    }

    /// No values at all.
    pub fn nothing(rows: usize) -> Self {
        Self {
            codes: vec![NONE; rows],
            texts: Texts::One(Vec::new()),
        }
    }

    /// The same codes with other texts.
    fn map(&self, change: impl Fn(&str) -> String) -> Self {
        let mut texts = Vec::with_capacity(self.len());
        for code in 0..self.len() as u32 {
            let mut out = String::new();
            self.each(code, |t| out = change(t));
            texts.push(out);
        }
        Self {
            codes: self.codes.clone(),
            texts: Texts::One(texts),
        }
    }

    /// The first text of a row; empty where there is none.
    pub fn text_of(&self, row: usize) -> &str {
        self.first(self.code(row)).unwrap_or("")
    }

    fn first(&self, code: u32) -> Option<&str> {
        let mut out = None;
        self.each(code, |t| {
            out.get_or_insert(t);
        });
        out
    }
}

/// Gives equal keys equal codes.
struct Coder<K> {
    known: HashMap<K, u32, RandomState>,
    codes: Vec<u32>,
}

impl<K: Hash + Eq> Coder<K> {
    fn new(rows: usize) -> Self {
        Self {
            known: HashMap::with_hasher(seeds()),
            codes: Vec::with_capacity(rows),
        }
    }

    /// Adds a row; `make` is called for a key not seen yet.
    fn push<T>(&mut self, key: Option<K>, texts: &mut Vec<T>, make: impl FnOnce(&K) -> T) {
        let Some(key) = key else {
            self.codes.push(NONE);
            return;
        };
        let code = match self.known.get(&key) {
            Some(code) => *code,
            None => {
                let code = texts.len() as u32;
                texts.push(make(&key));
                self.known.insert(key, code);
                code
            }
        };
        self.codes.push(code);
    }
}

fn text(array: &ArrayRef, rows: usize) -> Cells {
    match array.data_type() {
        DataType::Dictionary(..) => {
            let Some(d) = array.as_dictionary_opt::<Int32Type>() else {
                return Cells::nothing(rows);
            };
            let Some(values) = d.values().as_string_opt::<i32>() else {
                return Cells::nothing(rows);
            };
            let keys = d.keys();
            let codes = match keys.nulls() {
                None => keys.values().iter().map(|k| *k as u32).collect(),
                Some(n) => keys
                    .values()
                    .iter()
                    .zip(n.iter())
                    .map(|(k, v)| if v { *k as u32 } else { NONE })
                    .collect(),
            };
            Cells {
                codes,
                texts: Texts::Array(values.clone()),
            }
        }
        DataType::Utf8 => {
            let Some(a) = array.as_string_opt::<i32>() else {
                return Cells::nothing(rows);
            };
            Cells {
                codes: (0..rows as u32)
                    .map(|i| if a.is_valid(i as usize) { i } else { NONE })
                    .collect(),
                texts: Texts::Array(a.clone()),
            }
        }
        _ => Cells::nothing(rows),
    }
}

fn number(array: &ArrayRef, rows: usize, form: impl Fn(i64, bool) -> String) -> Cells {
    let mut coder = Coder::new(rows);
    let mut texts = Vec::new();
    let unsigned = matches!(array.data_type(), DataType::UInt64);
    let mut add = |v: Option<i64>| coder.push(v, &mut texts, |v| form(*v, unsigned));
    match array.data_type() {
        DataType::UInt32 => array
            .as_primitive::<UInt32Type>()
            .iter()
            .for_each(|v| add(v.map(i64::from))),
        DataType::UInt64 => array
            .as_primitive::<UInt64Type>()
            .iter()
            .for_each(|v| add(v.map(|v| v as i64))),
        DataType::Int32 => array
            .as_primitive::<Int32Type>()
            .iter()
            .for_each(|v| add(v.map(i64::from))),
        DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().iter().for_each(add),
        DataType::Boolean => array.as_boolean().iter().for_each(|v| add(v.map(i64::from))),
        _ => return Cells::nothing(rows),
    }
    Cells {
        codes: coder.codes,
        texts: Texts::One(texts),
    }
}

fn time(micros: i64) -> String {
    match chrono::DateTime::from_timestamp_micros(micros) {
        Some(t) => t.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        None => String::new(),
    }
}

fn bytes(array: &ArrayRef, rows: usize, form: impl Fn(&[u8]) -> String) -> Cells {
    let Some(a) = array.as_fixed_size_binary_opt() else {
        return Cells::nothing(rows);
    };
    let mut coder = Coder::new(rows);
    let mut texts = Vec::new();
    for i in 0..rows {
        coder.push(a.is_valid(i).then(|| a.value(i)), &mut texts, |b| form(b));
    }
    Cells {
        codes: coder.codes,
        texts: Texts::One(texts),
    }
}

/// `SHA1=…,MD5=…,SHA256=…,IMPHASH=…` of those that a row has.
fn hashes(batch: &RecordBatch, rows: usize) -> Cells {
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

/// Every item, and all of them joined by commas.
fn list(array: &ArrayRef, rows: usize) -> Cells {
    let Some(a) = array.as_list_opt::<i32>() else {
        return Cells::nothing(rows);
    };
    let mut codes = Vec::with_capacity(rows);
    let mut texts = Vec::new();
    for i in 0..rows {
        if !a.is_valid(i) {
            codes.push(NONE);
            continue;
        }
        let items = a.value(i);
        let mut own: Vec<String> = match items.as_string_opt::<i32>() {
            Some(s) => s.iter().flatten().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        if own.len() > 1 {
            own.push(own.join(","));
        }
        codes.push(texts.len() as u32);
        texts.push(own);
    }
    Cells {
        codes,
        texts: Texts::Many(texts),
    }
}

fn joined(a: &Cells, b: &Cells, separator: char, rows: usize) -> Cells {
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

fn url(table: &'static Table, batch: &RecordBatch, rows: usize) -> Cells {
    let part = |access: Access| Cells::build(&access, table, batch);
    let (scheme, host) = (part(Access::Text(http::SCHEME)), part(Access::Text(http::URL_HOST)));
    let (port, path) = (part(Access::Int(http::URL_PORT)), part(Access::Text(http::URL_PATH)));
    let query = part(Access::Text(http::URL_QUERY));
    let mut codes = Vec::with_capacity(rows);
    let mut texts = Vec::new();
    for i in 0..rows {
        let (host, path) = (host.first(host.code(i)), path.first(path.code(i)));
        if host.is_none() && path.is_none() {
            codes.push(NONE);
            continue;
        }
        let (port, query) = (port.first(port.code(i)), query.first(query.code(i)));
        let scheme = scheme.first(scheme.code(i)).filter(|_| host.is_some());
        let address = host.is_some_and(|h| h.contains(':'));
        let parts = [
            (scheme, "", "://"),
            (host.filter(|_| address), "[", "]"),
            (host.filter(|_| !address), "", ""),
            (port, ":", ""),
            (path, "", ""),
            (query, "?", ""),
        ];
        let len = parts
            .iter()
            .filter_map(|(t, a, b)| Some((*t)?.len() + a.len() + b.len()));
        let mut out = String::with_capacity(len.sum());
        for (text, before, after) in parts {
            if let Some(text) = text {
                out.extend([before, text, after]);
            }
        }
        codes.push(texts.len() as u32);
        texts.push(out);
    }
    Cells {
        codes,
        texts: Texts::One(texts),
    }
}

fn combined(parts: &[Cells], rows: usize, first_only: bool) -> Cells {
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
fn telling_columns(table: &Table) -> impl Iterator<Item = (Col, &'static Column)> + use<> {
    const OTHERS: [Col; 4] = [common::EXTRA, common::HOST, common::FORMAT, common::TIME_QUALITY];
    table.all_columns().filter(|(c, _)| !OTHERS.contains(c))
}

fn is_words(kind: Kind) -> bool {
    kind.is_text() || kind == Kind::List
}

/// Every text and, unless only `words` are wanted, number and address of a row; `extra` is looked at by itself.
fn everything(table: &'static Table, batch: &RecordBatch, rows: usize, words: bool) -> Cells {
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
