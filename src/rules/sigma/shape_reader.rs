//! The shapes of the rows of a batch.

use std::collections::HashMap;

use ahash::RandomState;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};

use super::access::Access;
use super::cells::Cells;
use super::plan::TablePlan;
use super::program::seeds;
use super::shape::{Shape, ShapeKey};
use crate::schema::{Col, common};

/// The columns that make a shape, and the time that ranges are about.
pub const SHAPE: [Col; 6] = [
    common::TS,
    common::SOURCE,
    common::CHANNEL,
    common::PROVIDER,
    common::EVENT_CODE,
    common::ACTION,
];

/// The rows of a batch by shape, for shapes that have a plan, in order.
pub fn shapes(plan: &TablePlan, batch: &RecordBatch, rows: usize, at: &[u64]) -> Vec<(ShapeKey, Vec<u32>)> {
    let reader = ShapeReader::new(plan.table, batch);
    let mut known: HashMap<[u32; 5], usize, RandomState> = HashMap::with_hasher(seeds());
    let mut out: Vec<(ShapeKey, Vec<u32>)> = Vec::new();
    let mut last: Option<([u32; 5], usize)> = None;
    for row in 0..rows {
        if at.get(row) == Some(&u64::MAX) {
            continue;
        }
        let code = reader.code(row);
        let place = match last {
            Some((c, place)) if c == code => place,
            _ => *known.entry(code).or_insert_with(|| {
                let key = ShapeKey::of(&reader.shape(row));
                let place = if plan.plans.contains_key(&key) {
                    out.len()
                } else {
                    usize::MAX
                };
                if place != usize::MAX {
                    out.push((key, Vec::new()));
                }
                place
            }),
        };
        last = Some((code, place));
        if let Some((_, list)) = out.get_mut(place) {
            list.push(row as u32);
        }
    }
    out
}

/// Reads the columns that make the shape of a row.
pub struct ShapeReader {
    table: &'static crate::schema::Table,
    texts: [Cells; 4],
    codes: Option<arrow_array::Int32Array>,
}

impl ShapeReader {
    /// Of a batch of a table.
    pub fn new(table: &'static crate::schema::Table, batch: &RecordBatch) -> Self {
        let text = |col| Cells::build(&Access::Text(col), table, batch);
        Self {
            table,
            texts: [
                text(common::SOURCE),
                text(common::CHANNEL),
                text(common::PROVIDER),
                text(common::ACTION),
            ],
            codes: batch
                .column_by_name("event_code")
                .and_then(|a| a.as_primitive_opt::<Int32Type>())
                .cloned(),
        }
    }

    /// Rows with the same code have the same shape.
    pub fn code(&self, row: usize) -> [u32; 5] {
        let [a, b, c, d] = &self.texts;
        let event = self.event(row).map_or(u32::MAX, |c| c as u32);
        [a.code(row), b.code(row), c.code(row), d.code(row), event]
    }

    fn event(&self, row: usize) -> Option<i32> {
        let a = self.codes.as_ref()?;
        a.is_valid(row).then(|| a.value(row))
    }

    /// The shape of a row.
    pub fn shape(&self, row: usize) -> Shape<'_> {
        let [source, channel, provider, action] = &self.texts;
        Shape {
            table: self.table,
            source: source.text_of(row),
            channel: channel.text_of(row),
            provider: provider.text_of(row),
            code: self.event(row),
            action: action.text_of(row),
        }
    }
}
