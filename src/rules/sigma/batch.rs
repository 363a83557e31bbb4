//! The fields of one batch of rows.

use arrow_array::cast::AsArray;
use arrow_array::{RecordBatch, StringArray};

use super::access::Access;
use super::cells::Cells;
use super::plan::{SlotId, TablePlan};

/// One batch with its fields, built when first needed.
pub struct Batch<'b> {
    batch: &'b RecordBatch,
    /// The fields that no column holds.
    pub extra: Option<&'b StringArray>,
    cells: Vec<Option<Cells>>,
    /// Whether it serves to point out candidates.
    pointing: bool,
}

impl<'b> Batch<'b> {
    /// Of a batch; `pointing` where it serves to point out candidates.
    pub fn new(plan: &TablePlan, batch: &'b RecordBatch, pointing: bool) -> Self {
        Self {
            batch,
            extra: batch.column_by_name("extra").and_then(|a| a.as_string_opt::<i32>()),
            cells: plan.origins().iter().map(|_| None).collect(),
            pointing,
        }
    }

    /// Builds a field, if it was not built yet.
    pub fn build(&mut self, plan: &TablePlan, slot: SlotId) {
        let origin = plan.origin_of(slot);
        if let (Some(place @ None), Some(o)) = (self.cells.get_mut(origin), plan.origins().get(origin)) {
            *place = Some(match &o.columns {
                Some(Access::Everything) if self.pointing && o.words => Cells::words(plan.table, self.batch),
                Some(access) => {
                    let sieve = o.sieve.as_ref().filter(|_| self.pointing);
                    Cells::sifted(access, plan.table, self.batch, sieve)
                }
                None => Cells::nothing(self.batch.num_rows()),
            });
        }
    }

    /// A field that was built.
    pub fn cells(&self, plan: &TablePlan, slot: SlotId) -> Option<&Cells> {
        self.cells.get(plan.origin_of(slot))?.as_ref()
    }
}
