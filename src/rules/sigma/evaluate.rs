//! Rules over the rows of one table, in two steps: the distinct values of a few fields point out rows and the rules that they
//! may match; then those rows alone are read with all the fields that these rules name, and the trees run.

use std::collections::{HashMap, HashSet};

use ahash::RandomState;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;

use super::access::Access;
use super::anchor::Shares;
use super::answers::Answers;
use super::batch::Batch;
use super::candidates::Candidates;
use super::cells::{Cells, NONE};
use super::extras::{self, Wanted};
use super::matcher::Scratch;
use super::plan::{AnchorField, Plan, SlotId, TablePlan};
use super::point::Pointing;
use super::program::{FieldId, Program, RuleId};
use super::shape_reader::{SHAPE, shapes};
use crate::lake::scan::TimeRange;
use crate::schema::{Col, common};

/// One row that a rule matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The rule.
    pub rule: RuleId,
    /// Place of the row among the rows of its table that lie in the time range, in the order of the lake.
    pub at: u64,
    /// Fields that made it match, with their values.
    pub fields: Vec<(FieldId, String)>,
    /// Values of the fields that correlations need, as the rule lists them.
    pub keys: Vec<Option<String>>,
}

/// What a rule cost and gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows of the logs it is about.
    pub rows: u64,
    /// Rows that were looked at closely.
    pub candidates: u64,
    /// Rows that match.
    pub matches: u64,
    /// Nanoseconds of looking closely; only measured where asked.
    pub nanos: u64,
}

/// The outcome of one file.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Rows within the time range.
    pub rows: u64,
    /// Matches by row.
    pub matches: Vec<Match>,
    /// Per rule.
    pub tallies: HashMap<RuleId, Tally, RandomState>,
    /// What was seen of each shape, by the number of its plan.
    pub shapes: Vec<OfShape>,
}

/// What was seen of a shape.
#[derive(Debug, Default, Clone)]
pub struct OfShape {
    /// Rows within the time range.
    pub rows: u64,
    /// For each field that points out candidates, whether it had a value.
    pub seen: Vec<bool>,
}

impl OfShape {
    fn of(plan: &Plan) -> Self {
        Self {
            rows: 0,
            seen: vec![false; plan.anchors.len()],
        }
    }

    /// Adds what was seen elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.seen.iter_mut().zip(&other.seen).for_each(|(a, b)| *a |= b);
    }
}

/// Rules over the row groups of one file. For each: [`Evaluation::point`] with its batches in order, then
/// [`Evaluation::look`] with batches of the rows that [`Evaluation::rows`] names.
pub struct Evaluation<'p> {
    pub(super) program: &'p Program,
    pub(super) plan: &'p TablePlan,
    range: TimeRange,
    pub(super) measure: bool,
    /// Per origin and column, which of the questions that point out candidates its texts answer.
    pointed: Vec<Vec<Answers>>,
    /// Per slot, which of all questions its texts answer.
    pub(super) answers: Vec<Answers>,
    pub(super) scratch: Scratch,
    /// Per slot, whether `extra` may hold its field.
    pub(super) in_extra: Vec<bool>,
    /// The plan of all rows of the row group, where they are of one shape.
    pub(super) sure: Option<&'p Plan>,
    /// For its fields that point out candidates, whether they are known to point out none.
    pub(super) quiet: Vec<bool>,
    pub(super) candidates: Candidates<'p>,
    pub(super) out: Outcome,
}

impl<'p> Evaluation<'p> {
    /// An evaluation of a table's plan on a file whose `extra` has these fields (`None`: not known); `measure` times every rule.
    pub fn new(
        program: &'p Program,
        plan: &'p TablePlan,
        range: TimeRange,
        extra: Option<&HashSet<String>>,
        measure: bool,
    ) -> Self {
        let held = |name: &str| {
            let is_there = |names: &HashSet<String>| {
                names.contains(name)
                    || name
                        .match_indices('.')
                        .any(|(at, _)| name.get(..at).is_some_and(|n| names.contains(n)))
            };
            extra.is_none_or(is_there)
        };
        Self {
            program,
            plan,
            range,
            measure,
            pointed: plan.origins().iter().map(|_| Vec::new()).collect(),
            answers: plan.slots.iter().map(|_| Answers::default()).collect(),
            scratch: Scratch::default(),
            in_extra: plan
                .slots
                .iter()
                .map(|s| s.reach.columns == Some(Access::Everything) || s.reach.extra.iter().any(|n| held(n)))
                .collect(),
            sure: None,
            quiet: Vec::new(),
            candidates: Candidates::default(),
            out: Outcome {
                shapes: plan.plans.values().map(OfShape::of).collect(),
                ..Outcome::default()
            },
        }
    }

    /// The outcome so far.
    pub fn finish(mut self) -> Outcome {
        for plan in self.plan.plans.values() {
            let rows = self.out.shapes.get(plan.number).map_or(0, |s| s.rows);
            for r in plan.rules.iter().filter(|_| rows > 0) {
                self.out.tallies.entry(r.rule).or_default().rows += rows;
            }
        }
        self.out
    }

    /// Columns that the first step needs for rows of these plans.
    pub fn pointing_columns(&self, plans: &[&Plan]) -> Vec<Col> {
        let mut anchors = plans.iter().flat_map(|p| &p.anchors);
        let extra = anchors.any(|a| a.extra && self.is_in_extra(a.slot));
        let loud = plans.iter().flat_map(|p| &p.anchors).enumerate();
        let loud = loud.filter(|(i, _)| !self.is_quiet(*i)).map(|(_, a)| a.slot);
        let mut out = self.plan.pointing_columns(loud);
        match self.sure {
            Some(_) => out.push(common::TS),
            None => out.extend(SHAPE),
        }
        if extra {
            out.push(common::EXTRA);
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    fn is_quiet(&self, anchor: usize) -> bool {
        self.sure.is_some() && self.quiet.get(anchor) == Some(&true)
    }

    pub(super) fn is_in_extra(&self, slot: SlotId) -> bool {
        self.in_extra.get(slot as usize).copied().unwrap_or(true)
    }

    /// Begins a row group.
    pub fn begin(&mut self) {
        self.candidates.clear();
        self.sure = None;
        self.quiet.clear();
    }

    /// Whether no row of the row group can be a candidate of any rule.
    pub fn is_all_quiet(&self) -> bool {
        self.sure.is_some_and(|plan| {
            let in_extra = |a: &AnchorField| a.extra && self.is_in_extra(a.slot);
            plan.always.is_empty()
                && self.quiet.len() == plan.anchors.len()
                && self.quiet.iter().all(|q| *q)
                && !plan.anchors.iter().any(in_extra)
        })
    }

    /// Passes over the rows of the row group, which are all of one shape and within the time range.
    pub fn pass_sure(&mut self, rows: u64) {
        let of_shape = self.sure.and_then(|p| self.out.shapes.get_mut(p.number));
        if let Some(s) = of_shape {
            s.rows += rows;
        }
        self.pass(rows);
    }

    /// Passes over rows within the time range of which no rule can match any.
    pub fn pass(&mut self, rows: u64) {
        self.out.rows += rows;
    }

    /// First step: which rows of the next batch of a row group are worth a closer look.
    pub fn point(&mut self, batch: &RecordBatch) {
        let rows = batch.num_rows();
        let at = self.places(batch);
        let mut b = Batch::new(self.plan, batch, true);
        // What has no dictionary of the file's own means other texts in every batch.
        self.pointed.iter_mut().flatten().for_each(Answers::next_batch);
        match self.sure {
            Some(plan) => {
                let wanted = (0u32..).zip(&at).filter(|(_, at)| **at != u64::MAX);
                let rows: Vec<u32> = wanted.map(|(row, _)| row).collect();
                self.shape(plan, &rows, &mut b);
            }
            None => {
                for (key, of_shape) in shapes(self.plan, batch, rows, &at) {
                    if let Some(plan) = self.plan.plans.get(&key) {
                        self.shape(plan, &of_shape, &mut b);
                    }
                }
            }
        }
        self.candidates.end_batch(&at);
        self.out.rows += at.iter().filter(|a| **a != u64::MAX).count() as u64;
    }

    /// The place of every row among those in range; `u64::MAX` for a row that is not.
    fn places(&self, batch: &RecordBatch) -> Vec<u64> {
        let rows = batch.num_rows();
        let mut next = self.out.rows;
        let ts = batch
            .column_by_name("ts")
            .and_then(|a| a.as_primitive_opt::<TimestampMicrosecondType>());
        (0..rows)
            .map(|i| {
                let wanted = ts.is_none_or(|t| t.values().get(i).is_none_or(|v| self.range.holds(*v)));
                if !wanted {
                    return u64::MAX;
                }
                next += 1;
                next - 1
            })
            .collect()
    }

    fn shape(&mut self, plan: &'p Plan, rows: &[u32], b: &mut Batch<'_>) {
        let mut found = self.candidates.begin_shape(plan);
        for (i, anchor) in plan.anchors.iter().enumerate() {
            if self.is_quiet(i) {
                continue;
            }
            let seen = self.by_columns(anchor, rows, b, &mut found);
            self.see(plan, i, seen);
        }
        self.by_extra(plan, rows, b, &mut found);
        for place in &plan.always {
            found.extend(rows.iter().map(|r| (*r, *place)));
        }
        self.candidates.end_shape(found);
        if let Some(s) = self.out.shapes.get_mut(plan.number) {
            s.rows += rows.len() as u64;
        }
    }

    pub(super) fn see(&mut self, plan: &Plan, anchor: usize, seen: bool) {
        let of_shape = self.out.shapes.get_mut(plan.number);
        if let Some(s) = of_shape.and_then(|s| s.seen.get_mut(anchor)) {
            *s |= seen;
        }
    }

    /// Adds the rows that a field's columns point out; whether any has a value.
    fn by_columns(
        &mut self,
        anchor: &AnchorField,
        rows: &[u32],
        b: &mut Batch<'_>,
        candidates: &mut Vec<(u32, u32)>,
    ) -> bool {
        let nothing = !anchor.extra && self.is_in_extra(anchor.slot);
        let place = self.plan.origin_of(anchor.slot);
        let (Some(origin), Some(answers)) = (self.plan.origins().get(place), self.pointed.get_mut(place)) else {
            return false;
        };
        if origin.columns.is_none() {
            return false;
        }
        b.build(self.plan, anchor.slot);
        let Some(cells) = b.cells(self.plan, anchor.slot) else {
            return false;
        };
        let mut p = Pointing {
            anchor,
            matcher: origin.pointer(self.program),
            memory: &origin.memory,
            scratch: &mut self.scratch,
            candidates,
            nothing,
            seen: false,
        };
        // All texts of a row: each column by itself, so that each distinct text is asked once.
        let parts = cells.parts().unwrap_or(std::slice::from_ref(cells));
        answers.resize_with(parts.len(), Answers::default);
        for (cells, answers) in parts.iter().zip(answers) {
            p.by_column(cells, answers, rows);
        }
        p.seen
    }

    /// Adds the rows that fields in `extra` point out.
    fn by_extra(&mut self, plan: &Plan, rows: &[u32], b: &Batch<'_>, candidates: &mut Vec<(u32, u32)>) {
        let Some(objects) = b.extra else { return };
        let (mut places, mut wanted) = (Vec::new(), Vec::new());
        for (i, anchor) in plan.anchors.iter().enumerate() {
            if !anchor.extra || !self.is_in_extra(anchor.slot) {
                continue;
            }
            let slot = self.plan.slots.get(anchor.slot as usize);
            let matcher = self.plan.pointer(self.program, anchor.slot);
            let cells = b.cells(self.plan, anchor.slot);
            if let (Some(slot), Some(matcher)) = (slot, matcher) {
                places.push(i);
                wanted.push(Wanted {
                    reach: &slot.reach,
                    anchor,
                    matcher,
                    cells,
                    seen: false,
                });
            }
        }
        if wanted.is_empty() {
            return;
        }
        extras::point_out(&mut wanted, objects, rows, &mut self.scratch, candidates);
        for (i, w) in places.into_iter().zip(&wanted) {
            self.see(plan, i, w.seen);
        }
    }

    /// The rows that the second step wants: places in the row group, ascending.
    pub fn rows(&self) -> &[u32] {
        self.candidates.rows()
    }

    /// Columns that the second step needs.
    pub fn looking_columns(&self) -> Vec<Col> {
        let slots = self.candidates.slots();
        let mut out = self.plan.columns_of(slots.iter().copied());
        // A batch without any column would not know its rows.
        out.push(common::TS);
        if slots.iter().any(|s| self.is_in_extra(*s)) {
            out.push(common::EXTRA);
        }
        out.sort_unstable();
        out.dedup();
        out
    }
}

/// How often each question about a column is answered with yes among the rows of a batch.
pub fn shares(program: &Program, plan: &TablePlan, batch: &RecordBatch) -> Shares {
    let mut out = Shares {
        rows: batch.num_rows() as u64,
        ..Shares::default()
    };
    let mut scratch = Scratch::default();
    for slot in &plan.slots {
        let Some(access) = slot.reach.columns.as_ref().filter(|a| **a != Access::Everything) else {
            continue;
        };
        let Some(matcher) = program.matcher(slot.field) else {
            continue;
        };
        let cells = Cells::build(access, plan.table, batch);
        let mut answers = Answers::default();
        answers.meet(&cells);
        for row in 0..batch.num_rows() {
            let code = cells.code(row);
            if code == NONE {
                continue;
            }
            out.fields.insert(slot.field);
            for leaf in answers.of(code, &cells, matcher, &mut scratch, None) {
                *out.yes.entry(*leaf).or_default() += 1;
            }
        }
    }
    out
}
