//! Commits held against the brute-force reference, and against themselves under other limits, orders and threads.

use std::collections::BTreeMap;

use arrow_array::{BooleanArray, RecordBatch};
use proptest::prelude::*;

use super::batch;
use super::catalogue::{DataFile, Input};
use super::commit::commit;
use super::files::LakeFile;
use super::limits::Limits;
use super::oracle;
use super::rows::Rows;
use super::staging::{Staging, day_name, day_of};
use super::torn::{self, Torn};
use super::write::Layout;
use super::{
    Lake, merge_files,
    verify::{Verified, verify},
};
use crate::schema::builder::TableSet;
use crate::schema::{TABLES, Table, common, dns, process};

const DAY: i64 = 86_400_000_000;

/// A row of the small world in which copies are likely.
#[derive(Debug, Clone)]
struct Cell {
    dns: bool,
    host: Option<u8>,
    ts: i64,
    input: u8,
    row: u64,
    record: Option<(u8, u8)>,
    format: u8,
    text: u8,
    extra: Option<u8>,
}

fn cell(inputs: u8) -> impl Strategy<Value = Cell> {
    let ts = prop_oneof![
        4 => (0i64..3, 0i64..3).prop_map(|(s, ms)| s * 1_000_000 + ms * 1_000),
        1 => (0i64..3).prop_map(|us| 5_000_000 + us),
        1 => Just(DAY + 7_000_000),
        1 => Just(-1),
    ];
    (
        prop::bool::weighted(0.3),
        prop::option::weighted(0.8, 0u8..3),
        ts,
        0..inputs,
        prop::option::weighted(0.5, (0u8..3, 0u8..3)),
        0u8..3,
        0u8..2,
        prop::option::weighted(0.7, 0u8..2),
    )
        .prop_map(|(dns, host, ts, input, record, format, text, extra)| Cell {
            dns,
            host,
            ts,
            input,
            row: 0,
            record,
            format,
            text,
            extra,
        })
}

/// Rows get their places in their inputs by their order here; so rows of several inputs stand at one place.
fn cells(inputs: u8, n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Cell>> {
    prop::collection::vec(cell(inputs), n).prop_map(move |mut all| {
        let mut next = vec![0; usize::from(inputs)];
        for c in &mut all {
            let next = &mut next[c.input as usize];
            c.row = *next * 10;
            *next += 1;
        }
        all
    })
}

fn fill(set: &mut TableSet, c: &Cell, number: i64) {
    let table: &'static Table = if c.dns { &dns::TABLE } else { &process::TABLE };
    let b = set.table(table);
    b.int(common::TS, c.ts);
    if let Some(h) = c.host {
        b.text(common::HOST, ["pc-1", "pc-2", "ip:10.0.0.1"][h as usize]);
    }
    b.text(common::FORMAT, ["evtx", "windows_json", "squid"][c.format as usize]);
    b.int(common::FILE_ID, number);
    b.int(common::ROW, c.row as i64);
    if let Some((id, channel)) = c.record {
        b.int(common::RECORD_ID, i64::from(id));
        if let Some(name) = ["Security", "SECURITY", ""]
            .get(channel as usize)
            .filter(|n| !n.is_empty())
        {
            b.text(common::CHANNEL, name);
        }
    }
    if let Some(e) = c.extra {
        b.text(common::EXTRA, &format!("{{\"n\":{e}}}"));
    }
    let text = ["x", "y"][c.text as usize];
    if c.dns {
        b.text(dns::QNAME, text);
        b.list(dns::ANSWERS, [text].into_iter().cycle().take(c.text as usize));
        b.ip(dns::CLIENT_IP, &[c.text; 16]);
        b.int(dns::BLOCKED, i64::from(c.text));
    } else {
        b.text(process::IMAGE, text);
        // One that is negative in the 32 bits of the file.
        b.int(process::PID, [4, i64::from(u32::MAX) - 1][c.text as usize]);
        b.fixed(process::MD5, &[c.text; 16]);
    }
    b.end_row();
}

/// One run of the program: which content each of its inputs is, its rows, and how they come.
#[derive(Debug, Clone)]
struct Run {
    contents: Vec<u8>,
    cells: Vec<Cell>,
    /// Rows of a set.
    set: usize,
}

fn run() -> impl Strategy<Value = Run> {
    (prop::collection::vec(0u8..6, 3), cells(3, 0..60), 1usize..20).prop_map(|(contents, cells, set)| Run {
        contents,
        cells,
        set,
    })
}

fn inputs(r: &Run) -> Vec<Input> {
    let input = |(i, c): (usize, &u8)| Input {
        path: format!("in-{i}"),
        content_id: blake3::hash(&[*c]).to_hex().to_string(),
        records: r.cells.iter().filter(|x| x.input as usize == i).count() as u64,
        bytes: u64::from(*c),
        // Two contents of three are of logs that were copied while they were written.
        torn: (c % 3 > 0).then_some(u64::from(c / 2) * 10),
        ..Input::default()
    };
    r.contents.iter().enumerate().map(input).collect()
}

fn tight() -> (Limits, Layout) {
    let limits = Limits {
        staged: 6_000,
        spill_at: 3_000,
        merge: 4_000,
        chunk_bytes: 1,
        batch_rows: 5,
        group_rows: 3,
        pinned_bytes: 2_000,
        entries: 3,
    };
    (limits, Layout::narrow())
}

fn ingest(lake: &mut Lake, r: &Run, limits: Limits, layout: Layout, backwards: bool) -> Vec<Input> {
    let staging = Staging::with(lake.staging_dir(), limits, layout);
    let mut sets: Vec<TableSet> = r
        .cells
        .chunks(r.set)
        .map(|part| {
            let mut set = TableSet::default();
            part.iter().for_each(|c| fill(&mut set, c, i64::from(c.input)));
            set
        })
        .collect();
    if backwards {
        sets.reverse();
    }
    std::thread::scope(|s| {
        let (a, b): (Vec<_>, Vec<_>) = sets
            .into_iter()
            .enumerate()
            .partition(|(i, _)| !backwards || i % 2 == 0);
        for part in [a, b] {
            s.spawn(|| part.into_iter().for_each(|(_, mut set)| staging.add(&mut set).unwrap()));
        }
    });
    let mut inputs = inputs(r);
    commit(lake, &staging, &mut inputs, &[]).unwrap();
    inputs
}

fn rows_of(lake: &Lake, f: &DataFile) -> Vec<String> {
    let table = crate::schema::table(&f.table).unwrap();
    let file = LakeFile::open(lake.root(), f, table, true).unwrap();
    let mut out = Vec::new();
    for b in file.read(None, 7).unwrap() {
        let rows = Rows::from_batch(table, &b.unwrap());
        out.extend((0..rows.len()).map(|i| show(&rows, i)));
    }
    assert_eq!(out.len() as u64, f.rows);
    out
}

/// Everything of a row; sorts by (host, time, input, place).
fn show(rows: &Rows, i: usize) -> String {
    let text = |c| rows.text(c, i).map(|t| String::from_utf8_lossy(t).into_owned());
    format!(
        "{:?} {:020} {:020} {:06} {:?} {:032x}",
        text(common::HOST),
        rows.int(common::TS, i) + DAY,
        rows.int(common::FILE_ID, i) as u64,
        rows.int(common::ROW, i),
        text(common::FORMAT),
        rows.identity(i)
    )
}

/// The reference: all rows of a lake by partition, in memory.
#[derive(Default)]
struct Model {
    contents: Vec<Input>,
    days: BTreeMap<(usize, i64), Vec<RecordBatch>>,
}

impl Model {
    fn ingest(&mut self, r: &Run) {
        let inputs = inputs(r);
        let ids: Vec<Option<u64>> = inputs
            .iter()
            .map(|i| {
                let new = !self.contents.iter().any(|c| c.content_id == i.content_id);
                if new {
                    self.contents.push(i.clone());
                }
                new.then(|| i.file_id())
            })
            .collect();
        let mut fresh: BTreeMap<(usize, i64), Vec<RecordBatch>> = BTreeMap::new();
        for c in &r.cells {
            let Some(id) = ids[c.input as usize] else { continue };
            let mut set = TableSet::default();
            fill(&mut set, c, id as i64);
            let b = set.into_builders().next().unwrap();
            let key = (b.table().ix(), day_of(c.ts));
            fresh.entry(key).or_default().push(batch::from_builder(b).unwrap());
        }
        for (key, mut batches) in fresh {
            let old = self.days.remove(&key).unwrap_or_default();
            batches.extend(old);
            let batches = self.without_parts(&batches);
            let kept = oracle::split(&batches).kept;
            let order = oracle::sorted(&batches, kept);
            let refs: Vec<&RecordBatch> = batches.iter().collect();
            let merged = arrow_select::interleave::interleave_record_batch(&refs, &order).unwrap();
            self.days.insert(key, vec![merged]);
        }
    }

    /// All rows but those of which another has more.
    fn without_parts(&self, batches: &[RecordBatch]) -> Vec<RecordBatch> {
        let table = |b: &RecordBatch| match b.schema().index_of("qname") {
            Ok(_) => &dns::TABLE,
            Err(_) => &process::TABLE,
        };
        let line = |b: &RecordBatch, rows: &Rows, at: usize| {
            let (file_id, place) = torn::place(rows, at);
            // Few rows stand where a line was cut.
            self.contents.iter().find(|i| i.torn == Some(place))?;
            let input = self.contents.iter().find(|i| i.file_id() == file_id).unwrap();
            let extent = if input.torn == Some(place) {
                input.bytes
            } else {
                u64::MAX
            };
            let text = |col| rows.text(col, at).map(<[u8]>::to_vec);
            let ms = rows.int(common::TS, at).div_euclid(1_000);
            let row = Rows::from_batch(rows.table(), &b.slice(at, 1));
            Some(((text(common::HOST), text(common::FORMAT), ms, place), extent, row))
        };
        let of = |b: &RecordBatch| {
            let rows = Rows::from_batch(table(b), b);
            (0..rows.len()).map(|at| line(b, &rows, at)).collect::<Vec<_>>()
        };
        let lines: Vec<Vec<_>> = batches.iter().map(of).collect();
        let is_part = |(key, extent, row): &(_, u64, Rows)| {
            let mut more = lines
                .iter()
                .flatten()
                .flatten()
                .filter(|(k, e, _)| e > extent && k == key);
            more.any(|(_, _, whole)| torn::is_part(row, whole))
        };
        let whole = batches.iter().zip(&lines).map(|(b, lines)| {
            let stays = |line: &Option<_>| Some(!line.as_ref().is_some_and(is_part));
            let stay: BooleanArray = lines.iter().map(stays).collect();
            arrow_select::filter::filter_record_batch(b, &stay).unwrap()
        });
        whole.collect()
    }

    fn rows(&self) -> BTreeMap<(String, String), Vec<String>> {
        let mut out = BTreeMap::new();
        for ((table, day), batches) in &self.days {
            let rows = batches.iter().flat_map(|b| {
                let rows = Rows::from_batch(TABLES[*table], b);
                (0..rows.len()).map(|i| show(&rows, i)).collect::<Vec<_>>()
            });
            out.insert((TABLES[*table].name.to_owned(), day_name(*day)), rows.collect());
        }
        out
    }
}

fn rows(lake: &Lake) -> BTreeMap<(String, String), Vec<String>> {
    let mut out: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for f in &lake.catalogue().files {
        let rows = rows_of(lake, f);
        assert!(rows.is_sorted(), "{} is not in order: {rows:#?}", f.name);
        out.entry((f.table.clone(), f.date.clone())).or_default().extend(rows);
    }
    out.values_mut().for_each(|v| v.sort());
    out
}

fn lake() -> (tempfile::TempDir, Lake) {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_for_writing(dir.path()).unwrap();
    (dir, lake)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn commits_hold_what_the_reference_holds(runs in prop::collection::vec(run(), 1..4), tightly: bool) {
        let (_dir, mut lake) = lake();
        let mut model = Model::default();
        for r in &runs {
            let (limits, layout) = if tightly { tight() } else { (Limits::new(400 << 20), Layout::default()) };
            let inputs = ingest(&mut lake, r, limits, layout, false);
            model.ingest(r);
            for i in &inputs {
                prop_assert_eq!(i.records, i.stored + i.duplicates + i.rejected);
            }
            let want: BTreeMap<_, Vec<String>> = model.rows().into_iter().filter(|(_, v)| !v.is_empty()).collect();
            prop_assert_eq!(rows(&lake), want);
            let stored: u64 = lake.catalogue().inputs.iter().map(|i| i.stored).sum();
            prop_assert_eq!(stored, lake.catalogue().files.iter().map(|f| f.rows).sum::<u64>());
            prop_assert!(verify(&lake).unwrap() == Verified::default());
            prop_assert!(!lake.staging_dir().exists());
        }
    }

    #[test]
    fn files_do_not_depend_on_memory_threads_or_the_order_of_sets(runs in prop::collection::vec(run(), 1..3)) {
        let (_a, mut roomy) = lake();
        let (_b, mut poor) = lake();
        let (_c, mut other) = lake();
        for r in &runs {
            ingest(&mut roomy, r, Limits::new(400 << 20), Layout::narrow(), false);
            ingest(&mut poor, r, tight().0, Layout::narrow(), false);
            let mut shuffled = r.clone();
            shuffled.set = r.set % 7 + 1;
            ingest(&mut other, &shuffled, tight().0, Layout::narrow(), true);
        }
        prop_assert_eq!(&roomy.catalogue().files, &poor.catalogue().files);
        prop_assert_eq!(&roomy.catalogue().files, &other.catalogue().files);
        prop_assert_eq!(&roomy.catalogue().inputs, &poor.catalogue().inputs);
    }

    #[test]
    fn merged_files_hold_the_rows_of_the_files(runs in prop::collection::vec(run(), 2..5)) {
        let (_dir, mut lake) = lake();
        for r in &runs {
            ingest(&mut lake, r, tight().0, Layout::narrow(), false);
        }
        let (days, torn) = (rows(&lake), Torn::of(lake.catalogue().inputs.iter()));
        for ((table, date), want) in days {
            let files: Vec<DataFile> = lake.catalogue().files_of(&table).filter(|f| f.date == date).cloned().collect();
            let table = crate::schema::table(&table).unwrap();
            for budget in [1, 400 << 20] {
                let done = merge_files(lake.root(), &lake.staging_dir(), table, &date, &files, &torn, budget).unwrap();
                prop_assert_eq!(&done.replaced, &files);
                let got: Vec<String> = done.files.iter().flat_map(|f| rows_of(&lake, f)).collect();
                prop_assert_eq!(&got, &want);
                prop_assert!(done.tally.dropped.is_empty());
            }
        }
    }
}

fn flood(n: u64, kinds: u64) -> Run {
    let cells = (0..n).map(|i| Cell {
        dns: false,
        host: Some(0),
        ts: 3_000_000,
        input: (i % 3) as u8,
        row: i,
        record: None,
        format: 0,
        text: (i % kinds % 2) as u8,
        extra: Some((i % kinds) as u8),
    });
    Run {
        contents: vec![0, 1, 2],
        cells: cells.collect(),
        set: 500,
    }
}

#[test]
fn a_flood_of_rows_of_one_host_and_time_goes_through_the_disk_and_ends_the_same() {
    let r = flood(20_000, 30);
    let limits = Limits {
        staged: 200_000,
        spill_at: 100_000,
        merge: 1,
        group_rows: 100,
        entries: 300,
        ..Limits::new(8 << 20)
    };
    let (_a, mut poor) = lake();
    ingest(&mut poor, &r, limits.clone(), Layout::default(), false);
    let (_b, mut roomy) = lake();
    ingest(&mut roomy, &r, Limits::new(1 << 30), Layout::default(), true);
    assert_eq!(poor.catalogue().files, roomy.catalogue().files);
    // The third input adds nothing beyond its copies in the others: whole-second lines, n-th copy by n-th copy.
    let mut model = Model::default();
    model.ingest(&r);
    assert_eq!(rows(&poor), model.rows());
    // More of the same on the next day: only what is beyond stays.
    let more = Run {
        contents: vec![3, 4, 5],
        ..flood(30_000, 30)
    };
    ingest(&mut poor, &more, limits, Layout::default(), false);
    ingest(&mut roomy, &more, Limits::new(1 << 30), Layout::default(), false);
    assert_eq!(poor.catalogue().files, roomy.catalogue().files);
    model.ingest(&more);
    assert_eq!(rows(&poor), model.rows());
}

#[test]
fn a_damaged_file_of_the_lake_is_named() {
    let (dir, mut lake) = lake();
    let r = flood(300, 30);
    ingest(&mut lake, &r, Limits::new(1 << 30), Layout::default(), false);
    let path = lake.catalogue().files[0].path(dir.path());
    std::fs::write(&path, b"PAR1 no longer PAR1").unwrap();
    let staging = Staging::new(lake.staging_dir(), 1 << 30);
    let mut set = TableSet::default();
    r.cells.iter().for_each(|c| fill(&mut set, c, 0));
    staging.add(&mut set).unwrap();
    let mut inputs = vec![Input {
        path: "late".into(),
        content_id: blake3::hash(b"late").to_hex().to_string(),
        ..Input::default()
    }];
    let before = lake.catalogue().clone();
    let e = commit(&mut lake, &staging, &mut inputs, &[]).unwrap_err();
    assert!(e.to_string().contains("part-"), "{e}");
    assert_eq!(lake.catalogue(), &before);
}
