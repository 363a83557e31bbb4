//! One column of one row group under way: takes picked rows, cuts them into pages, ends as a column chunk.

use parquet::basic::Encoding;
use parquet::schema::types::ColumnDescPtr;

use super::super::merge::{Span, View};
use super::super::rows::{self, Column};
use super::bound::Bounds;
use super::ints::Ints;
use super::layout::{BLOOM_COLUMNS, Layout};
use super::pages::{ColumnChunk, Facts, Pages, levels};
use super::values::{Texts, Values};
use crate::base::error::Result;
use crate::schema::{self, Col, Kind, common};

/// A column under way.
pub struct ColumnWriter {
    col: Col,
    layout: Layout,
    cells: Cells,
    pages: Pages,
    raw: Vec<u8>,
    /// One level a value: whether it is there, and for lists what of it.
    defs: Vec<u8>,
    /// For lists one level a value: whether it goes on with the row before.
    reps: Vec<u8>,
    /// Rows and values that are not null of the page under way.
    rows: usize,
    present: usize,
    group_rows: usize,
}

enum Cells {
    Ints(Ints),
    Texts(Values),
    Fixed(Values),
    Lists(Values),
}

/// The column in every slot.
enum Source<'s> {
    Ints(Vec<Option<&'s rows::Ints>>),
    Texts(Vec<Texts<'s>>),
    Columns(Vec<&'s Column>),
}

impl<'s> Source<'s> {
    fn new(from: &[(&'s Column, u64)]) -> Self {
        let ints = |c: &(&'s Column, u64)| match c.0 {
            Column::Int(v) => Some(v),
            _ => None,
        };
        let texts = |c: &(&'s Column, u64)| match c.0 {
            Column::Text { codes, values } => Some((codes, values)),
            _ => None,
        };
        match from.iter().find(|c| *c.0 != Column::Null) {
            Some((Column::Int(_), _)) => Source::Ints(from.iter().map(ints).collect()),
            Some((Column::Text { .. }, _)) => Source::Texts(from.iter().map(texts).collect()),
            _ => Source::Columns(from.iter().map(|c| c.0).collect()),
        }
    }

    /// How many rows come before the first that holds a value.
    fn nulls(&self, spans: &[Span]) -> usize {
        let mut n = 0;
        for s in spans {
            let slot = s.slot as usize;
            let first = match self {
                Source::Ints(v) => v.get(slot).copied().flatten().and_then(|v| v.first(s.places())),
                Source::Texts(v) => v.get(slot).copied().flatten().and_then(|v| v.0.first(s.places())),
                Source::Columns(v) => v.get(slot).and_then(|c| match c {
                    Column::Fixed { valid, .. } | Column::List { valid, .. } => s.of(valid).iter().position(|v| *v),
                    _ => None,
                }),
            };
            match first {
                Some(first) => return n + first,
                None => n += s.rows(),
            }
        }
        n
    }
}

/// Rows of a list column: levels 0 null, 1 empty, 3 an item (items are never null). How many items.
fn lists(c: &mut Values, column: &Column, s: Span, defs: &mut Vec<u8>, reps: &mut Vec<u8>) -> usize {
    let places = s.places();
    let Column::List {
        offsets,
        valid,
        items,
        values,
    } = column
    else {
        reps.resize(reps.len() + s.rows(), 0);
        defs.resize(defs.len() + s.rows(), 0);
        return 0;
    };
    let first = offsets.get(places.start) as usize;
    let mut from = first;
    for (at, valid) in (places.start + 1..).zip(s.of(valid)) {
        let end = offsets.get(at) as usize;
        reps.push(0);
        match end.saturating_sub(from) {
            0 => defs.push(u8::from(*valid)),
            n => {
                reps.resize(reps.len() + n - 1, 1);
                defs.resize(defs.len() + n, 3);
            }
        }
        from = end;
    }
    c.push_codes(s.slot, (items, values), first..from);
    from.saturating_sub(first)
}

impl ColumnWriter {
    /// A writer for a column of a table.
    pub fn new(col: Col, column: &schema::Column, descr: ColumnDescPtr, layout: &Layout) -> Self {
        // Nobody looks for the smallest JSON object.
        let bounded = col != common::EXTRA;
        let bloomed = BLOOM_COLUMNS.contains(&column.name);
        let cells = match column.kind {
            Kind::Dict | Kind::Text => Cells::Texts(Values::new(false, bloomed, bounded)),
            Kind::List => Cells::Lists(Values::new(false, bloomed, bounded)),
            k if k.width().is_some() => Cells::Fixed(Values::new(true, bloomed, true)),
            k => Cells::Ints(Ints::new(k)),
        };
        Self {
            col,
            layout: layout.clone(),
            cells,
            pages: Pages::new(descr, bounded),
            raw: Vec::new(),
            defs: Vec::new(),
            reps: Vec::new(),
            rows: 0,
            present: 0,
            group_rows: 0,
        }
    }

    /// Bytes of pages and dictionary so far.
    pub fn bytes(&self) -> usize {
        let dict = match &self.cells {
            Cells::Ints(c) => c.dict_bytes(),
            Cells::Texts(c) | Cells::Fixed(c) | Cells::Lists(c) => c.dict_bytes(),
        };
        self.pages.bytes() + dict
    }

    /// Adds picked rows, cut where the parts of the row group end. `checkpoint` where the rows end at a place that depends on
    /// the rows alone, so that pages may end there.
    pub fn append(&mut self, slots: &View, parts: &[Vec<Span>], checkpoint: bool) -> Result<()> {
        let from = slots.column(self.col);
        if let Cells::Texts(v) | Cells::Lists(v) = &mut self.cells {
            for (slot, (c, serial)) in from.iter().enumerate() {
                if let Column::Text { values, .. } | Column::List { values, .. } = c {
                    v.open_slot(slot as u32, *serial, values.len());
                }
            }
        }
        let empty = from.iter().all(|c| *c.0 == Column::Null);
        let source = Source::new(&from);
        for (i, part) in parts.iter().enumerate() {
            let rows: usize = part.iter().map(|s| s.rows()).sum();
            self.group_rows += rows;
            if empty && !matches!(self.cells, Cells::Lists(_)) {
                self.defs.resize(self.defs.len() + rows, 0);
                self.rows += rows;
            } else if !empty && self.present == 0 && self.rows >= self.layout.page_rows {
                // A page without a value may be as long as it likes; it ends where the first value comes.
                let (head, tail) = Span::split(part, source.nulls(part));
                self.fill(&source, &head);
                if !tail.is_empty() {
                    self.end_page()?;
                }
                self.fill(&source, &tail);
            } else {
                self.fill(&source, part);
            }
            let last = i + 1 == parts.len();
            let may_end = self.group_rows.is_multiple_of(self.layout.part_rows) || (checkpoint && last);
            if may_end && self.present > 0 && self.is_full() {
                self.end_page()?;
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows >= self.layout.page_rows
            || match &self.cells {
                Cells::Ints(c) => c.is_full(&self.layout),
                Cells::Texts(c) | Cells::Fixed(c) | Cells::Lists(c) => c.is_full(&self.layout),
            }
    }

    /// Adds rows to the page under way.
    fn fill(&mut self, source: &Source<'_>, spans: &[Span]) {
        let Self { cells, defs, reps, .. } = self;
        let rows: usize = spans.iter().map(|s| s.rows()).sum();
        self.rows += rows;
        let column = |s: &Span| match source {
            Source::Columns(from) => from.get(s.slot as usize).copied().unwrap_or(&Column::Null),
            _ => &Column::Null,
        };
        self.present += match (cells, source) {
            (Cells::Ints(c), Source::Ints(from)) => c.fill(from, spans, defs),
            (Cells::Texts(c), Source::Texts(from)) => c.fill(from, spans, defs),
            (Cells::Fixed(c), _) => spans.iter().map(|s| c.fill_fixed(column(s), *s, defs)).sum(),
            (Cells::Lists(c), _) => spans.iter().map(|s| lists(c, column(s), *s, defs, reps)).sum(),
            _ => {
                defs.resize(defs.len() + rows, 0);
                0
            }
        };
    }

    fn end_page(&mut self) -> Result<()> {
        self.raw.clear();
        let values = self.defs.len();
        if let Cells::Lists(_) = self.cells {
            levels(&self.reps, 1, &mut self.raw);
            levels(&self.defs, 2, &mut self.raw);
        } else {
            levels(&self.defs, 1, &mut self.raw);
        }
        let mut facts = Facts {
            rows: self.rows,
            values,
            nulls: values - self.present,
            ..Facts::default()
        };
        let encoding = match self.present {
            // No value: nothing follows the levels, and a dictionary is not needed for it.
            0 => Encoding::PLAIN,
            _ => self.values(&mut facts)?,
        };
        self.pages.data(&self.raw, encoding, facts)?;
        self.defs.clear();
        self.reps.clear();
        (self.rows, self.present) = (0, 0);
        Ok(())
    }

    fn values(&mut self, facts: &mut Facts) -> Result<Encoding> {
        let (encoding, bounds): (Encoding, Bounds) = match &mut self.cells {
            Cells::Ints(c) => {
                let (encoding, bounds, nans) = c.page(&self.layout, &mut self.raw);
                facts.nans = nans;
                (encoding, bounds)
            }
            Cells::Texts(c) | Cells::Fixed(c) | Cells::Lists(c) => c.page(&self.layout, &mut self.raw)?,
        };
        facts.bounds = bounds;
        Ok(encoding)
    }

    /// Ends the row group.
    pub fn finish(&mut self) -> Result<ColumnChunk> {
        if self.rows > 0 || self.pages.is_empty() {
            self.end_page()?;
        }
        let rows = std::mem::take(&mut self.group_rows);
        let (dictionary, bloom) = match &mut self.cells {
            Cells::Ints(c) => (c.finish(), None),
            Cells::Texts(c) | Cells::Fixed(c) | Cells::Lists(c) => c.finish(&self.layout, rows)?,
        };
        let dictionary = dictionary.as_ref().map(|(raw, n)| (raw.as_slice(), *n));
        self.pages.finish(dictionary, bloom)
    }
}
