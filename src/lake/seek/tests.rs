//! Searches held against a plain scan, over lakes whose files, row groups, pages and dictionaries are tiny.

use std::collections::BTreeSet;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt64Type};
use proptest::prelude::*;

use super::*;
use crate::lake::limits::Limits;
use crate::lake::scan::scan;
use crate::lake::staging::Staging;
use crate::lake::testing::commit_rows;
use crate::lake::write::Layout;
use crate::schema::builder::TableSet;
use crate::schema::{common, dns, process};

const TEXTS: [&str; 6] = ["a", "bb", "evil", "evil.sub", "a long text that fills a dictionary", ""];

#[derive(Debug, Clone)]
struct Cell {
    ts: i64,
    host: u8,
    text: Option<u8>,
    ip: Option<u8>,
    answers: Vec<u8>,
    hash: Option<u8>,
}

fn cell() -> impl Strategy<Value = Cell> {
    (
        0i64..200,
        0u8..3,
        prop::option::weighted(0.6, 0u8..6),
        prop::option::weighted(0.5, 0u8..9),
        prop::collection::vec(0u8..5, 0..3),
        prop::option::weighted(0.2, 0u8..9),
    )
        .prop_map(|(ts, host, text, ip, answers, hash)| Cell {
            ts: ts * 1_000_000,
            host,
            text,
            ip,
            answers,
            hash,
        })
}

fn lake(cells: &[Cell], root: &std::path::Path, wide: bool) -> Lake {
    let mut lake = Lake::open_for_writing(root).unwrap();
    let layout = Layout {
        dict_bytes: if wide { 1 << 20 } else { 24 },
        ..Layout::narrow()
    };
    let staging = Staging::with(lake.staging_dir(), Limits::new(1 << 20), layout);
    let mut set = TableSet::default();
    for (i, c) in cells.iter().enumerate() {
        let b = set.table(&dns::TABLE);
        b.int(common::TS, c.ts);
        b.text(common::HOST, ["pc-1", "pc-2", "pc-3"][c.host as usize]);
        b.int(common::FILE_ID, 0);
        b.int(common::ROW, i as i64);
        if let Some(t) = c.text {
            b.text(dns::QNAME, TEXTS[t as usize]);
        }
        if let Some(ip) = c.ip {
            b.ip(dns::CLIENT_IP, &[ip; 16]);
        }
        b.list(dns::ANSWERS, c.answers.iter().map(|a| TEXTS[*a as usize]));
        b.end_row();
        let b = set.table(&process::TABLE);
        b.int(common::TS, c.ts);
        b.text(common::HOST, "pc-1");
        b.int(common::FILE_ID, 0);
        b.int(common::ROW, i as i64);
        if let Some(h) = c.hash {
            b.fixed(process::SHA256, &[h; 32]);
        }
        b.end_row();
    }
    commit_rows(&mut lake, &staging, &mut set);
    lake
}

/// (row of the input, what) of every match, by reading all rows.
fn by_scan(lake: &Lake, table: &'static Table, probe: &Probe<'_>) -> BTreeSet<(u64, u32)> {
    let found = scan(lake, table, &[common::ROW, probe.col], TimeRange::default(), |b| {
        let rows = b.column_by_name("row").unwrap().as_primitive::<UInt64Type>().clone();
        let values = b.column_by_name(table.column(probe.col).unwrap().name).unwrap();
        let mut out = BTreeSet::new();
        for i in 0..b.num_rows() {
            let mut what = Vec::new();
            for v in cell_values(values.as_ref(), i) {
                (probe.test)(&v, &mut what);
            }
            out.extend(what.into_iter().map(|w| (rows.value(i), w)));
        }
        Ok(out)
    });
    found.unwrap().into_iter().flatten().collect()
}

fn cell_values(a: &dyn Array, i: usize) -> Vec<Vec<u8>> {
    if !a.is_valid(i) {
        return Vec::new();
    }
    if let Some(d) = a.as_dictionary_opt::<Int32Type>() {
        let v = d.values().as_string::<i32>();
        return vec![v.value(d.keys().value(i) as usize).as_bytes().to_vec()];
    }
    if let Some(b) = a.as_fixed_size_binary_opt() {
        return vec![b.value(i).to_vec()];
    }
    let items = a.as_list::<i32>().value(i);
    let items = items.as_string::<i32>();
    items.iter().flatten().map(|t| t.as_bytes().to_vec()).collect()
}

fn by_seek(lake: &Lake, table: &'static Table, probe: &Probe<'_>) -> BTreeSet<(u64, u32)> {
    let found = seek(lake, table, std::slice::from_ref(probe), TimeRange::default(), |g| {
        let rows = g.rows();
        let mut numbers = Vec::new();
        for b in g.read(Some(&[common::ROW]), &rows)? {
            let column = b.column_by_name("row").unwrap().as_primitive::<UInt64Type>();
            numbers.extend(column.values().iter().copied());
        }
        assert_eq!(numbers.len(), rows.len());
        let number = |row: u32| numbers[rows.binary_search(&row).unwrap()];
        Ok(g.matches.iter().map(|m| (number(m.row), m.what)).collect::<Vec<_>>())
    })
    .unwrap();
    assert!(
        found.bytes_read <= found.bytes_total * 3,
        "{} of {}",
        found.bytes_read,
        found.bytes_total
    );
    found.found.into_iter().flatten().collect()
}

fn sorted(values: &[u8], width: usize) -> Vec<Vec<u8>> {
    let mut v: Vec<Vec<u8>> = values.iter().map(|b| vec![*b; width]).collect();
    v.sort();
    v.dedup();
    v
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_search_finds_what_a_scan_finds(
        cells in prop::collection::vec(cell(), 1..60),
        wanted in prop::collection::vec(0u8..9, 0..4),
        wide: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let lake = lake(&cells, dir.path(), wide);
        let texts = |v: &[u8], out: &mut Vec<u32>| {
            let t = std::str::from_utf8(v).unwrap();
            out.extend(wanted.iter().filter(|w| t.contains(TEXTS[usize::from(**w % 4)])).map(|w| u32::from(*w)));
        };
        for col in [dns::QNAME, dns::ANSWERS, common::HOST] {
            let probe = Probe { col, values: None, test: &texts };
            prop_assert_eq!(by_seek(&lake, &dns::TABLE, &probe), by_scan(&lake, &dns::TABLE, &probe));
        }
        let bytes = |v: &[u8], out: &mut Vec<u32>| {
            out.extend(wanted.iter().filter(|w| v.first() == Some(*w)).map(|w| u32::from(*w)));
        };
        for (table, col, width) in [(&dns::TABLE, dns::CLIENT_IP, 16), (&process::TABLE, process::SHA256, 32)] {
            let values = sorted(&wanted, width);
            for values in [Some(values.as_slice()), None] {
                let probe = Probe { col, values, test: &bytes };
                prop_assert_eq!(by_seek(&lake, table, &probe), by_scan(&lake, table, &probe));
            }
        }
        let hosts: BTreeSet<&str> = cells.iter().map(|c| ["pc-1", "pc-2", "pc-3"][c.host as usize]).collect();
        prop_assert_eq!(
            distinct(&lake, &dns::TABLE, common::HOST, TimeRange::default()).unwrap(),
            hosts.into_iter().map(str::to_owned).collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_is_not_there_costs_footers_only() {
    let dir = tempfile::tempdir().unwrap();
    let cells: Vec<Cell> = (0..5_000i64)
        .map(|i| Cell {
            ts: i * 1_000_000,
            host: 0,
            text: Some((i % 5) as u8),
            ip: Some((i % 9) as u8),
            answers: Vec::new(),
            hash: Some((i % 9) as u8),
        })
        .collect();
    let mut lake = Lake::open_for_writing(dir.path()).unwrap();
    let staging = Staging::with(lake.staging_dir(), Limits::new(64 << 20), Layout::default());
    let mut set = TableSet::default();
    for (i, c) in cells.iter().enumerate() {
        let b = set.table(&process::TABLE);
        b.int(common::TS, c.ts);
        b.int(common::FILE_ID, 0);
        b.int(common::ROW, i as i64);
        b.text(process::CMDLINE, &format!("command {i}"));
        b.fixed(process::SHA256, blake3::hash(&i.to_le_bytes()).as_bytes());
        b.end_row();
    }
    commit_rows(&mut lake, &staging, &mut set);
    let values = [vec![0u8; 32], vec![255u8; 32]];
    let probe = Probe {
        col: process::SHA256,
        values: Some(&values),
        test: &|v, out| out.extend(values.iter().any(|w| w == v).then_some(1)),
    };
    let found = seek(&lake, &process::TABLE, &[probe], TimeRange::default(), |_| Ok(())).unwrap();
    assert!(found.found.is_empty());
    assert!(
        found.bytes_read * 4 < found.bytes_total,
        "{} of {} bytes read",
        found.bytes_read,
        found.bytes_total
    );
}
