//! Tables in memory: the rows a hunt looks at, column by column, with every text interned once.
//!
//! A text is a [`StrId`]; equal texts have equal ids in all tables, so a signal compares ids and evaluates a pattern
//! once per distinct text. Ids depend on the order of loading: never order by them.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

mod numbered;

pub use numbered::{Copier, Numbered};

use super::Lake;
use super::groups::in_order;
use super::scan::TimeRange;
use crate::base::error::Result;
use crate::base::ip::Ip;
use crate::schema::builder::{Interner, NULL_INT};
use crate::schema::{Col, TABLES, Table, common};

/// Id of an interned text.
pub type StrId = u32;
/// No text: null or empty.
pub const NO_STR: StrId = u32::MAX;

/// One column in memory.
#[derive(Debug, Clone)]
pub enum Column {
    /// Texts. Hashes are lower-case hexadecimal, lists are joined by line feeds.
    Str(Vec<StrId>),
    /// Integers, times, booleans (0, 1), floats by their bits; [`NULL_INT`] for null.
    Int(Vec<i64>),
    /// Addresses.
    Ip(Vec<Option<Ip>>),
}

impl Column {
    fn new(t: &DataType) -> Self {
        match t {
            DataType::Dictionary(..) | DataType::Utf8 | DataType::List(_) => Column::Str(Vec::new()),
            DataType::FixedSizeBinary(_) => Column::Str(Vec::new()),
            _ => Column::Int(Vec::new()),
        }
    }
}

/// The rows of one table.
#[derive(Debug)]
pub struct Frame {
    /// The table.
    pub table: &'static Table,
    rows: usize,
    columns: Vec<Option<Column>>,
    order: Vec<u32>,
}

/// All tables of a hunt.
#[derive(Debug)]
pub struct Frames {
    /// Every text.
    pub strings: Interner,
    frames: Vec<Frame>,
}

/// Which columns of which tables to load.
pub type Wanted = Vec<(&'static Table, Vec<Col>)>;

/// Adds the columns that something reads to those of the tables that are loaded.
pub fn add_reads(wanted: &mut Wanted, reads: &[(&Table, &[Col])]) {
    for (table, columns) in reads {
        if let Some((_, have)) = wanted.iter_mut().find(|(t, _)| t.ix() == table.ix()) {
            have.extend_from_slice(columns);
        }
    }
}

/// Columns that every table is loaded with.
pub const ALWAYS: &[Col] = &[
    common::TS,
    common::TIME_QUALITY,
    common::UTC_TIME,
    common::HOST,
    common::SOURCE,
    common::EVENT_CODE,
    common::CHANNEL,
    common::FILE_ID,
    common::ROW,
    common::RECORD_ID,
];

impl Frames {
    /// Frames without rows that know some texts already: two that begin with the same ones give them the same ids.
    pub fn with_texts(strings: Interner) -> Self {
        Self {
            strings,
            frames: TABLES
                .iter()
                .map(|t| Frame {
                    table: t,
                    rows: 0,
                    columns: vec![None; t.width()],
                    order: Vec::new(),
                })
                .collect(),
        }
    }

    /// Loads the wanted columns of the rows within `range` (as stored).
    ///
    /// # Errors
    /// Where a file of the lake cannot be read.
    pub fn load(lake: &Lake, wanted: &Wanted, range: TimeRange) -> Result<Self> {
        let mut out = Self::with_texts(Interner::default());
        for (table, columns) in wanted {
            let mut all: Vec<Col> = ALWAYS.iter().chain(columns).copied().collect();
            all.sort_unstable();
            all.dedup();
            in_order(lake, table, &all, range, |_, batches| {
                out.append(table, &all, &batches, range);
            })?;
        }
        Ok(out)
    }

    /// Adds rows of a table that were found otherwise, with these columns of theirs.
    pub fn add(&mut self, table: &'static Table, columns: &[Col], batches: &[RecordBatch]) {
        self.append(table, columns, batches, TimeRange::default());
    }

    /// Frames without a lake, from batches of builders: for tests and small inputs.
    pub fn from_batches(batches: &[(&'static Table, RecordBatch)]) -> Self {
        let mut out = Self::with_texts(Interner::default());
        for (table, batch) in batches {
            let all: Vec<Col> = table.all_columns().map(|(c, _)| c).collect();
            out.add(table, &all, std::slice::from_ref(batch));
        }
        out
    }

    /// The frame of a table.
    pub fn frame(&self, table: &'static Table) -> &Frame {
        self.frames
            .get(table.ix())
            .unwrap_or_else(|| unreachable!("a frame per table"))
    }

    pub(crate) fn frame_mut(&mut self, table: &'static Table) -> &mut Frame {
        self.frames
            .get_mut(table.ix())
            .unwrap_or_else(|| unreachable!("a frame per table"))
    }

    /// Blanks every row with a time from `end` on: it keeps its number, and nothing else.
    pub(crate) fn forget_from(&mut self, end: i64) {
        let none = self.strings.intern("none");
        for frame in &mut self.frames {
            let late: Vec<usize> = (frame.ints(common::TS).iter().enumerate())
                .filter(|(_, ts)| **ts != NULL_INT && **ts >= end)
                .map(|(at, _)| at)
                .collect();
            for column in frame.columns.iter_mut().flatten() {
                match column {
                    Column::Str(v) => blank(v, &late, NO_STR),
                    Column::Int(v) => blank(v, &late, NULL_INT),
                    Column::Ip(v) => blank(v, &late, None),
                }
            }
            blank(frame.strs_mut(common::TIME_QUALITY), &late, none);
        }
    }

    /// All frames in table order.
    pub fn iter(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter()
    }

    /// A row.
    pub fn row(&self, table: &'static Table, at: u32) -> Row<'_> {
        Row {
            frames: self,
            frame: self.frame(table),
            at: at as usize,
        }
    }

    /// The text behind an id.
    pub fn text(&self, id: StrId) -> Option<&str> {
        (id != NO_STR).then(|| self.strings.get(id))
    }

    /// Adds those rows of batches that lie within `range` (as stored).
    pub fn append(&mut self, table: &'static Table, columns: &[Col], batches: &[RecordBatch], range: TimeRange) {
        let Self { strings, frames } = self;
        let Some(frame) = frames.get_mut(table.ix()) else {
            return;
        };
        for batch in batches {
            let ts = batch
                .column_by_name("ts")
                .and_then(|a| a.as_primitive_opt::<TimestampMicrosecondType>());
            let keep: Vec<bool> = match ts {
                Some(ts) => ts.values().iter().map(|t| range.holds(*t)).collect(),
                None => vec![true; batch.num_rows()],
            };
            let rows = frame.rows + keep.iter().filter(|k| **k).count();
            for col in columns {
                let Some(c) = table.column(*col) else { continue };
                let slot = frame.columns.get_mut(col.0 as usize);
                let Some(slot) = slot else { continue };
                let array = batch.column_by_name(c.name);
                // A column takes memory from its first value on; those that are written to always do.
                let says_nothing = array.is_none_or(|a| a.null_count() == a.len());
                if slot.is_none() && says_nothing && !ALWAYS.contains(col) {
                    continue;
                }
                let is_ip = c.kind == crate::schema::Kind::Ip;
                let out = slot.get_or_insert_with(|| match is_ip {
                    true => Column::Ip(vec![None; frame.rows]),
                    false => {
                        let mut c = Column::new(&super::batch::data_type(c.kind));
                        pad(&mut c, frame.rows);
                        c
                    }
                });
                if let Some(array) = array {
                    append_column(out, array.as_ref(), &keep, strings);
                }
                pad(out, rows);
            }
            frame.rows = rows;
        }
    }
}

fn blank<T: Copy>(values: &mut [T], rows: &[usize], with: T) {
    for at in rows {
        if let Some(value) = values.get_mut(*at) {
            *value = with;
        }
    }
}

fn pad(c: &mut Column, rows: usize) {
    match c {
        Column::Str(v) => v.resize(rows, NO_STR),
        Column::Int(v) => v.resize(rows, NULL_INT),
        Column::Ip(v) => v.resize(rows, None),
    }
}

fn append_column(out: &mut Column, array: &dyn Array, keep: &[bool], strings: &mut Interner) {
    match out {
        Column::Str(v) => append_texts(v, array, keep, strings),
        Column::Int(v) => append_ints(v, array, keep),
        Column::Ip(v) => {
            if let Some(a) = array.as_fixed_size_binary_opt() {
                let values = a.iter().zip(keep).filter(|(_, k)| **k);
                v.extend(values.map(|(b, _)| b.and_then(|b| b.try_into().ok())));
            }
        }
    }
}

fn append_texts(v: &mut Vec<StrId>, array: &dyn Array, keep: &[bool], strings: &mut Interner) {
    let mut intern = |t: &str| if t.is_empty() { NO_STR } else { strings.intern(t) };
    let kept = |i: &usize| keep.get(*i).copied().unwrap_or(false);
    match array.data_type() {
        DataType::Dictionary(..) => {
            let Some(d) = array.as_dictionary_opt::<Int32Type>() else {
                return;
            };
            let values = d.values().as_string::<i32>();
            let mut ids = vec![None; values.len()];
            for i in (0..d.len()).filter(kept) {
                let id = match d.keys().is_valid(i).then(|| d.keys().value(i) as usize) {
                    None => NO_STR,
                    Some(k) => match ids.get_mut(k) {
                        None => NO_STR,
                        Some(slot) => *slot.get_or_insert_with(|| {
                            if values.is_valid(k) {
                                intern(values.value(k))
                            } else {
                                NO_STR
                            }
                        }),
                    },
                };
                v.push(id);
            }
        }
        DataType::Utf8 => {
            let a = array.as_string::<i32>();
            for i in (0..a.len()).filter(kept) {
                v.push(if a.is_valid(i) { intern(a.value(i)) } else { NO_STR });
            }
        }
        DataType::List(_) => {
            let a = array.as_list::<i32>();
            for i in (0..a.len()).filter(kept) {
                if !a.is_valid(i) {
                    v.push(NO_STR);
                    continue;
                }
                let items = a.value(i);
                let items: Vec<&str> = match items.as_string_opt::<i32>() {
                    Some(s) => s.iter().flatten().collect(),
                    None => Vec::new(),
                };
                v.push(intern(&items.join("\n")));
            }
        }
        DataType::FixedSizeBinary(_) => {
            let a = array.as_fixed_size_binary();
            for i in (0..a.len()).filter(kept) {
                v.push(if a.is_valid(i) {
                    intern(&hex(a.value(i)))
                } else {
                    NO_STR
                });
            }
        }
        _ => {}
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |n: u8| DIGITS.get(usize::from(n & 15)).copied().unwrap_or('0');
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}

fn append_ints(v: &mut Vec<i64>, array: &dyn Array, keep: &[bool]) {
    macro_rules! all {
        ($iter:expr, $map:expr) => {
            v.extend(
                $iter
                    .zip(keep)
                    .filter(|(_, k)| **k)
                    .map(|(x, _)| x.map_or(NULL_INT, $map)),
            )
        };
    }
    match array.data_type() {
        DataType::Timestamp(..) => all!(array.as_primitive::<TimestampMicrosecondType>().iter(), |x| x),
        DataType::UInt32 => all!(array.as_primitive::<UInt32Type>().iter(), i64::from),
        DataType::UInt64 => all!(array.as_primitive::<UInt64Type>().iter(), |x| x as i64),
        DataType::Int32 => all!(array.as_primitive::<Int32Type>().iter(), i64::from),
        DataType::Float32 => all!(array.as_primitive::<Float32Type>().iter(), |x| i64::from(x.to_bits())),
        DataType::Boolean => all!(array.as_boolean().iter(), i64::from),
        _ => {}
    }
}

impl Frame {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The texts of a column; empty if it was not loaded or no row has one.
    pub fn strs(&self, col: Col) -> &[StrId] {
        match self.columns.get(col.0 as usize) {
            Some(Some(Column::Str(v))) => v,
            _ => &[],
        }
    }

    /// The integers of a column; empty if it was not loaded or no row has one.
    pub fn ints(&self, col: Col) -> &[i64] {
        match self.columns.get(col.0 as usize) {
            Some(Some(Column::Int(v))) => v,
            _ => &[],
        }
    }

    /// The addresses of a column; empty if it was not loaded or no row has one.
    pub fn ips(&self, col: Col) -> &[Option<Ip>] {
        match self.columns.get(col.0 as usize) {
            Some(Some(Column::Ip(v))) => v,
            _ => &[],
        }
    }

    /// The rows by (host, time, input, place), once entities are resolved; empty before.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    pub(crate) fn set_order(&mut self, order: Vec<u32>) {
        self.order = order;
    }

    pub(crate) fn ints_mut(&mut self, col: Col) -> &mut [i64] {
        match self.columns.get_mut(col.0 as usize) {
            Some(Some(Column::Int(v))) => v,
            _ => &mut [],
        }
    }

    pub(crate) fn strs_mut(&mut self, col: Col) -> &mut [StrId] {
        match self.columns.get_mut(col.0 as usize) {
            Some(Some(Column::Str(v))) => v,
            _ => &mut [],
        }
    }
}

/// One row of a frame. Cells of columns that were not loaded read as null.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    frames: &'a Frames,
    frame: &'a Frame,
    at: usize,
}

impl<'a> Row<'a> {
    /// The table.
    pub fn table(&self) -> &'static Table {
        self.frame.table
    }

    /// Index in the frame.
    pub fn at(&self) -> u32 {
        self.at as u32
    }

    /// Id of a text cell; [`NO_STR`] for null and empty.
    pub fn id(&self, col: Col) -> StrId {
        self.frame.strs(col).get(self.at).copied().unwrap_or(NO_STR)
    }

    /// Text of a cell; `None` for null and empty.
    pub fn text(&self, col: Col) -> Option<&'a str> {
        self.frames.text(self.id(col))
    }

    /// Text of a cell, or the empty text.
    pub fn str(&self, col: Col) -> &'a str {
        self.text(col).unwrap_or("")
    }

    /// Integer, time or boolean of a cell.
    pub fn int(&self, col: Col) -> Option<i64> {
        self.frame.ints(col).get(self.at).copied().filter(|v| *v != NULL_INT)
    }

    /// Float of a cell.
    pub fn float(&self, col: Col) -> Option<f32> {
        self.int(col).map(|b| f32::from_bits(b as u32))
    }

    /// Address of a cell.
    pub fn ip(&self, col: Col) -> Option<Ip> {
        self.frame.ips(col).get(self.at).copied().flatten()
    }

    /// Event time, microseconds UTC, corrected by the host's clock offset.
    pub fn ts(&self) -> i64 {
        self.int(common::TS).unwrap_or(0)
    }

    /// Event id of the source; 0 where there is none.
    pub fn code(&self) -> i64 {
        self.int(common::EVENT_CODE).unwrap_or(0)
    }

    /// The host, resolved.
    pub fn host(&self) -> &'a str {
        self.str(common::HOST)
    }

    /// Kind of log (`sysmon`, `security`, `squid` …).
    pub fn source(&self) -> &'a str {
        self.str(common::SOURCE)
    }
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]", self.frame.table.name, self.at)
    }
}
