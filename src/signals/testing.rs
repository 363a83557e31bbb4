//! Rows for the unit tests of signals: built cell by cell, resolved and counted as in a hunt.

use super::{Cx, Hit, Overrides, Signal};
use crate::base::time;
use crate::entity::fleet::Facts;
use crate::entity::lists::Lists;
use crate::entity::resolve;
use crate::knowledge::Knowledge;
use crate::lake::batch;
use crate::lake::frame::Frames;
use crate::schema::builder::{TableBuilder, TableSet};
use crate::schema::{Table, common};

/// Rows of a small corpus.
#[derive(Default)]
pub struct Sample {
    rows: TableSet,
    n: i64,
    /// The lists the signal sees.
    pub lists: Lists,
    /// The thresholds that differ.
    pub overrides: Overrides,
}

impl Sample {
    /// Adds a row at `time` (RFC 3339) on `host`; `cells` sets what the signal reads.
    pub fn row(
        &mut self,
        table: &'static Table,
        host: &str,
        time: &str,
        cells: impl FnOnce(&mut TableBuilder),
    ) -> &mut Self {
        let (ts, _) = time::rfc3339(time.as_bytes()).unwrap();
        self.row_us(table, host, ts, cells)
    }

    /// Adds a row at `ts` microseconds UTC.
    pub fn row_us(
        &mut self,
        table: &'static Table,
        host: &str,
        ts: i64,
        cells: impl FnOnce(&mut TableBuilder),
    ) -> &mut Self {
        self.n += 1;
        let b = self.rows.table(table);
        b.int(common::TS, ts);
        b.text(common::HOST, host);
        b.text(common::TIME_QUALITY, "utc");
        b.int(common::FILE_ID, 1);
        b.int(common::ROW, self.n);
        cells(b);
        // What the cells left open.
        for (col, value) in [(common::SOURCE, "sysmon"), (common::ACTION, "start")] {
            if !b.is_set(col) {
                b.text(col, value);
            }
        }
        b.end_row();
        self
    }

    /// Runs one signal over the rows; ids and explanations of its hits, in order.
    pub fn hits(self, signal: &dyn Signal) -> Vec<Hit> {
        let batches: Vec<_> = self
            .rows
            .into_builders()
            .map(|b| (b.table(), batch::from_builder(b).unwrap()))
            .collect();
        let mut frames = Frames::from_batches(&batches);
        resolve::resolve(&mut frames);
        let facts = Facts::count(&frames);
        let cx = Cx {
            frames: &frames,
            facts: &facts,
            knowledge: Knowledge::builtin(),
            lists: &self.lists,
            overrides: &self.overrides,
        };
        let groups = super::rows::Groups::new(&frames, signal.meta().key);
        let mut hits = Vec::new();
        for rows in groups.iter(&frames) {
            signal.scan(&cx, &rows, &mut hits);
        }
        hits
    }
}
