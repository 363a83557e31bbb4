//! The texts of a field over the rows of one batch: a code per row, a text (or several) per code.

use arrow_array::{Array, RecordBatch, StringArray};

use super::access::Access;
use super::sieve::Sieve;
use crate::base::ip;
use crate::lake::frame::hex;
use crate::schema::{Col, Table};
use joined::{combined, everything, hashes, is_words, joined, telling_columns, url};
use single::{bytes, list, number, text, time};

mod joined;
mod single;

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
    /// The same one after the other, and where each ends: for texts that are all different.
    Run(String, Vec<usize>),
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
            Texts::Run(_, ends) => ends.len(),
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
            Texts::Run(texts, ends) => {
                let begin = at.checked_sub(1).and_then(|b| ends.get(b)).copied().unwrap_or(0);
                if let Some(t) = ends.get(at).and_then(|end| texts.get(begin..*end)) {
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
        Self::sifted(access, table, batch, None)
    }

    /// The same; with a sieve all values that no question asks for may have the text of one of them.
    pub fn sifted(access: &Access, table: &'static Table, batch: &RecordBatch, sieve: Option<&Sieve>) -> Self {
        let column = |col: Col| batch.column_by_name(table.column(col)?.name);
        let rows = batch.num_rows();
        let empty = || Self::nothing(rows);
        match access {
            Access::Text(col) => column(*col).map_or_else(empty, |a| text(a, rows)),
            Access::Int(col) => column(*col).map_or_else(empty, |a| {
                let wanted = |v: i64| sieve.is_none_or(|s| s.has_number(v));
                number(a, rows, wanted, |v, unsigned| {
                    if unsigned {
                        (v as u64).to_string()
                    } else {
                        v.to_string()
                    }
                })
            }),
            Access::Hex(col) => {
                column(*col).map_or_else(empty, |a| number(a, rows, |_| true, |v, _| format!("{:#x}", v as u64)))
            }
            Access::Bool(col) => {
                column(*col).map_or_else(empty, |a| number(a, rows, |_| true, |v, _| (v != 0).to_string()))
            }
            Access::Time(col) => column(*col).map_or_else(empty, |a| number(a, rows, |_| true, |v, _| time(v))),
            Access::Ip(col) => column(*col).map_or_else(empty, |a| {
                let wanted = |b: &[u8]| sieve.is_none_or(|s| s.has_address(b));
                bytes(a, rows, wanted, |b| {
                    b.try_into().map_or_else(|_| String::new(), |ip| ip::display(&ip))
                })
            }),
            Access::IsV6(col) => column(*col).map_or_else(empty, |a| {
                bytes(
                    a,
                    rows,
                    |_| true,
                    |b| (!b.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])).to_string(),
                )
            }),
            Access::Hash(col) => column(*col).map_or_else(empty, |a| bytes(a, rows, |_| true, hex)),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::matcher::{Matcher, Scratch};
    use super::super::pattern::Pattern;
    use super::super::question::Question;
    use super::*;
    use crate::lake::batch::from_builder;
    use crate::schema::builder::TableBuilder;
    use crate::schema::{http, network};

    /// Per row the questions that its cell answers; `None` for no value.
    fn answers(cells: &Cells, rows: usize, questions: &[Arc<Question>]) -> Vec<Option<Vec<u32>>> {
        let matcher = Matcher::new((0..).zip(questions));
        let of_row = |row| {
            let code = cells.code(row);
            let mut yes = Vec::new();
            cells.each(code, |t| matcher.ask(t, &mut Scratch::default(), &mut yes));
            (code != NONE).then_some(yes)
        };
        (0..rows).map(of_row).collect()
    }

    fn whole(text: &str) -> Arc<Question> {
        Arc::new(Question::Text {
            pattern: Pattern::parse(text).lower(),
            cased: false,
        })
    }

    #[test]
    fn what_no_question_asks_for_answers_none_and_the_rest_answers_as_ever() {
        let mut b = TableBuilder::new(&network::TABLE);
        let rows = [
            ("10.0.0.1", 443),
            ("10.0.0.2", 80),
            ("8.8.8.8", 443),
            ("fe80::1", 65_535),
            ("10.0.0.1", 80),
        ];
        for (address, port) in rows {
            b.ip(network::DST_IP, &ip::parse(address).unwrap());
            b.int(network::DST_PORT, port);
            b.end_row();
        }
        b.end_row();
        let batch = from_builder(b).unwrap();
        let asked = [
            (Access::Ip(network::DST_IP), [whole("10.0.0.1"), whole("FE80::1")]),
            (Access::Int(network::DST_PORT), [whole("80"), whole("x")]),
        ];
        for (access, questions) in asked {
            let sieve = Sieve::of(&access, questions.iter().map(|q| &**q)).unwrap();
            let sifted = Cells::sifted(&access, &network::TABLE, &batch, Some(&sieve));
            let built = Cells::build(&access, &network::TABLE, &batch);
            let answers = |c| answers(c, rows.len() + 1, &questions);
            assert_eq!(answers(&sifted), answers(&built), "{access:?}");
            assert!(sifted.len() < built.len());
        }
    }

    #[test]
    fn an_url_is_put_together_from_what_is_there() {
        let mut b = TableBuilder::new(&http::TABLE);
        let rows = [
            ("https", "a.example", 8443, "/p", "x=1", "https://a.example:8443/p?x=1"),
            ("http", "2001:db8::1", 0, "/", "", "http://[2001:db8::1]/"),
            ("http", "", 0, "/only/a/path", "", "/only/a/path"),
            ("", "host.example", 0, "", "", "host.example"),
        ];
        for (scheme, host, port, path, query, _) in rows {
            let texts = [
                (http::SCHEME, scheme),
                (http::URL_HOST, host),
                (http::URL_PATH, path),
                (http::URL_QUERY, query),
            ];
            for (col, text) in texts.into_iter().filter(|(_, t)| !t.is_empty()) {
                b.text(col, text);
            }
            if port > 0 {
                b.int(http::URL_PORT, port);
            }
            b.end_row();
        }
        b.end_row();
        let cells = Cells::build(&Access::Url, &http::TABLE, &from_builder(b).unwrap());
        let urls: Vec<&str> = (0..rows.len()).map(|row| cells.text_of(row)).collect();
        assert_eq!(urls, rows.map(|r| r.5));
        assert_eq!((cells.code(rows.len()), cells.len()), (NONE, rows.len()));
    }
}
