//! Column builders to rows in order.
//!
//! The rows are moved into their order here, where the cells of a set are still in the cache: a merge then reads every
//! run from front to back.

use super::order::{Days, Keys};
use super::packed::{Ints, Packed};
use super::{Column, Dict, Rows, Strings};
use crate::schema::builder::{Cells, Interner, NULL_CODE, TableBuilder};
use crate::schema::common;

/// A text column tells by its first texts whether they repeat.
const LOOK: usize = 256;
/// A code that no row has used yet.
const UNSET: u32 = u32::MAX - 1;

impl Rows {
    /// The rows of a builder, ordered by (UTC day, host, time, input, place), and which belong to which day.
    pub fn from_builder(builder: &mut TableBuilder) -> (Self, Days) {
        let (table, len) = (builder.table(), builder.rows());
        let cells = builder.padded();
        let ints = |col: crate::schema::Col| match cells.get(col.0 as usize) {
            Some(Cells::Int(v)) => v.as_slice(),
            _ => &[],
        };
        let hosts = match cells.get(common::HOST.0 as usize) {
            Some(Cells::Dict { codes, values }) => (codes.as_slice(), values.iter().map(str::as_bytes).collect()),
            _ => (&[][..], Vec::new()),
        };
        let keys = Keys {
            rows: len,
            ts: ints(common::TS),
            hosts: hosts.0,
            names: hosts.1,
            files: ints(common::FILE_ID),
            places: ints(common::ROW),
        };
        let (order, days) = keys.by_day();
        let columns = cells.iter().map(|c| column(c, &order)).collect();
        (Self { table, len, columns }, days)
    }
}

fn column(cells: &Cells, order: &[u32]) -> Column {
    match cells {
        Cells::Int(v) => Ints::picked(v, order.iter().copied()).map_or(Column::Null, Column::Int),
        Cells::Dict { values, .. } if values.is_empty() => Column::Null,
        Cells::Dict { codes, values } => {
            let mut renumber = Renumber::new(values);
            let codes = match alike(codes) {
                Some(all) => Packed::Alike(u64::from(renumber.code(all)), order.len()),
                None => {
                    let code = |i: &u32| renumber.code(at(codes, *i).unwrap_or(NULL_CODE));
                    Packed::codes(values.len(), order.iter().map(code))
                }
            };
            Column::Text {
                codes,
                values: renumber.values,
            }
        }
        Cells::Text { bytes, ends } => texts(bytes, ends, order),
        Cells::Fixed { valid, .. } if !valid.contains(&true) => Column::Null,
        Cells::Fixed { width, bytes, valid } => Column::Fixed {
            width: *width,
            bytes: match width {
                6 => fixed::<6>(bytes, order),
                16 => fixed::<16>(bytes, order),
                20 => fixed::<20>(bytes, order),
                _ => fixed::<32>(bytes, order),
            },
            valid: order.iter().map(|i| at(valid, *i).unwrap_or(false)).collect(),
        },
        Cells::List { ends, items, values } => list(ends, items, values, order),
    }
}

/// Cells of one width in order.
fn fixed<const WIDTH: usize>(bytes: &[u8], order: &[u32]) -> Vec<u8> {
    let cells = bytes.as_chunks::<WIDTH>().0;
    let ordered: Vec<[u8; WIDTH]> = order.iter().map(|i| at(cells, *i).unwrap_or([0; WIDTH])).collect();
    ordered.into_flattened()
}

/// The value of all cells where they have one.
fn alike<T: Copy + PartialEq>(v: &[T]) -> Option<T> {
    let (first, rest) = v.split_first()?;
    (v.get(..rest.len()) == Some(rest)).then_some(*first)
}

#[inline]
fn at<T: Copy>(v: &[T], i: u32) -> Option<T> {
    v.get(i as usize).copied()
}

/// Codes in order of appearance among the ordered rows, so that a run's texts, too, are read from front to back.
struct Renumber<'b> {
    from: &'b Interner,
    codes: Vec<u32>,
    values: Strings,
}

impl<'b> Renumber<'b> {
    fn new(from: &'b Interner) -> Self {
        let bytes = from.iter().map(str::len).sum();
        Self {
            from,
            codes: vec![UNSET; from.len()],
            values: Strings::with_capacity(from.len(), bytes),
        }
    }

    #[inline]
    fn code(&mut self, code: u32) -> u32 {
        match self.codes.get_mut(code as usize) {
            None => NULL_CODE,
            Some(c) => {
                if *c == UNSET {
                    *c = self.values.push(self.from.get(code).as_bytes());
                }
                *c
            }
        }
    }
}

/// Texts that repeat (the left-over fields of like events do) are stored once, others as they are.
fn texts(bytes: &str, ends: &[Option<usize>], order: &[u32]) -> Column {
    if ends.iter().all(Option::is_none) {
        return Column::Null;
    }
    let mut end = 0;
    let ranges: Vec<Option<(usize, usize)>> = ends
        .iter()
        .map(|e| e.map(|e| (std::mem::replace(&mut end, e), e)))
        .collect();
    let text = |i: u32| {
        let (from, to) = at(&ranges, i).flatten()?;
        bytes.as_bytes().get(from..to)
    };
    let mut dict = Dict::default();
    let mut codes: Vec<u32> = Vec::with_capacity(order.len());
    let mut seen = 0usize;
    for i in order {
        let Some(t) = text(*i) else {
            codes.push(NULL_CODE);
            continue;
        };
        codes.push(dict.intern(t));
        seen += 1;
        if seen >= LOOK && seen.is_power_of_two() && dict.len() * 2 > seen {
            let mut values = Strings::with_capacity(order.len(), bytes.len());
            let codes = order.iter().map(|i| text(*i).map_or(NULL_CODE, |t| values.push(t)));
            let codes = Packed::codes(order.len(), codes);
            return Column::Text { codes, values };
        }
    }
    let mut values = dict.take();
    values.shrink();
    Column::Text {
        codes: Packed::codes(values.len(), codes.into_iter()),
        values,
    }
}

fn list(ends: &[Option<usize>], items: &[u32], values: &Interner, order: &[u32]) -> Column {
    if ends.iter().all(Option::is_none) {
        return Column::Null;
    }
    let mut end = 0;
    let ranges: Vec<Option<(usize, usize)>> = ends
        .iter()
        .map(|e| e.map(|e| (std::mem::replace(&mut end, e), e)))
        .collect();
    let mut renumber = Renumber::new(values);
    let mut out: Vec<u32> = Vec::with_capacity(items.len());
    let mut offsets: Vec<u32> = Vec::with_capacity(order.len() + 1);
    offsets.push(0);
    for i in order {
        if let Some((from, to)) = at(&ranges, *i).flatten() {
            let list = items.get(from..to).unwrap_or(&[]);
            out.extend(list.iter().map(|c| renumber.code(*c)));
        }
        offsets.push(out.len() as u32);
    }
    Column::List {
        offsets: Packed::codes(out.len(), offsets.into_iter()),
        valid: order.iter().map(|i| at(&ranges, *i).flatten().is_some()).collect(),
        items: Packed::codes(values.len(), out.into_iter()),
        values: renumber.values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Kind, TABLES, dns, process};

    #[test]
    fn columns_that_no_row_sets_are_null_and_texts_that_repeat_are_stored_once() {
        let mut b = TableBuilder::new(&process::TABLE);
        for i in 0..2_000 {
            b.int(common::TS, i);
            b.text(common::EXTRA, if i % 2 == 0 { "{\"a\":1}" } else { "{\"a\":2}" });
            b.text(process::IMAGE, "x");
            b.end_row();
        }
        let (rows, _) = Rows::from_builder(&mut b);
        assert_eq!(rows.len(), 2_000);
        assert_eq!(rows.column(process::CMDLINE), &Column::Null);
        assert_eq!(rows.column(process::MD5), &Column::Null);
        let Column::Text { values, .. } = rows.column(common::EXTRA) else {
            panic!()
        };
        assert_eq!(values.len(), 2);
        assert_eq!(rows.text(common::EXTRA, 7), Some(&b"{\"a\":2}"[..]));
        assert_eq!(rows.int(common::TS, 7), 7);
    }

    #[test]
    fn texts_that_differ_are_not_hashed_for_nothing_and_nulls_stay_nulls() {
        let mut b = TableBuilder::new(&process::TABLE);
        for i in 0..2_000 {
            b.int(common::TS, i);
            if i % 3 != 0 {
                b.text(common::EXTRA, &format!("{{\"a\":{i}}}"));
            }
            b.end_row();
        }
        let (rows, _) = Rows::from_builder(&mut b);
        assert_eq!(rows.text(common::EXTRA, 0), None);
        for i in [1usize, 2, 1_000, 1_999] {
            let want = (i % 3 != 0).then(|| format!("{{\"a\":{i}}}"));
            assert_eq!(rows.text(common::EXTRA, i), want.as_deref().map(str::as_bytes));
        }
    }

    #[test]
    fn every_cell_moves_with_its_row() {
        let mut b = TableBuilder::new(&dns::TABLE);
        for i in (0..50i64).rev() {
            b.int(common::TS, i);
            b.int(common::ROW, i);
            if i % 3 != 0 {
                b.text(dns::QNAME, &format!("q{}", i % 7));
                b.ip(dns::CLIENT_IP, &[i as u8; 16]);
                b.list(dns::ANSWERS, ["a", "b", "c"].into_iter().take((i % 4) as usize));
                b.text(common::EXTRA, &format!("{{\"i\":{i}}}"));
            }
            b.end_row();
        }
        let (rows, _) = Rows::from_builder(&mut b);
        for i in 0..50usize {
            let there = i % 3 != 0;
            assert_eq!(rows.int(common::ROW, i), i as i64);
            let name = format!("q{}", i % 7);
            assert_eq!(rows.text(dns::QNAME, i), there.then_some(name.as_bytes()));
            assert_eq!(
                rows.column(dns::CLIENT_IP).fixed(i),
                there.then_some(&[i as u8; 16][..])
            );
            let extra = format!("{{\"i\":{i}}}");
            assert_eq!(rows.text(common::EXTRA, i), there.then_some(extra.as_bytes()));
            let answers = rows.column(dns::ANSWERS).list(i).map(|l| l.len());
            assert_eq!(answers, there.then_some(i % 4));
        }
    }

    #[test]
    fn cells_of_every_width_move_whole() {
        let columns = TABLES.iter().flat_map(|t| t.all_columns().map(move |c| (*t, c)));
        let mut met = Vec::new();
        for (table, (col, column)) in columns {
            let kind = column.kind;
            let Some(width) = kind.width() else { continue };
            let mut b = TableBuilder::new(table);
            for i in [2, 1u8] {
                b.int(common::TS, i.into());
                b.fixed(col, &vec![i; width]);
                b.end_row();
            }
            let (rows, _) = Rows::from_builder(&mut b);
            let cells = [0, 1].map(|at| rows.column(col).fixed(at).map(<[u8]>::to_vec));
            assert_eq!(cells, [1, 2].map(|i| Some(vec![i; width])), "{kind:?}");
            met.push(kind);
        }
        assert!(
            [Kind::Ip, Kind::Mac, Kind::Md5, Kind::Sha1, Kind::Sha256]
                .iter()
                .all(|k| met.contains(k))
        );
    }

    #[test]
    fn a_null_list_differs_from_an_empty_one() {
        let mut b = TableBuilder::new(&dns::TABLE);
        b.end_row();
        b.list(dns::ANSWERS, []);
        b.end_row();
        b.list(dns::ANSWERS, ["a", "b", "a"]);
        b.end_row();
        let (rows, _) = Rows::from_builder(&mut b);
        let c = rows.column(dns::ANSWERS);
        let texts = |at| c.list(at).map(Iterator::collect::<Vec<_>>);
        assert_eq!(texts(0), None);
        assert_eq!(texts(1), Some(Vec::new()));
        assert_eq!(texts(2), Some(vec![&b"a"[..], b"b", b"a"]));
    }
}
