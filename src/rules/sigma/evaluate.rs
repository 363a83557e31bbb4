//! Rules over the batches of one table: distinct values first, candidates from them, the boolean tree on candidates only.

use std::collections::HashMap;

use ahash::RandomState;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{RecordBatch, StringArray};

use super::access::Access;
use super::anchor::Shares;
use super::answers::Answers;
use super::cells::{Cells, NONE};
use super::matcher::Scratch;
use super::pattern;
use super::plan::{AnchorField, Group, Plan, SlotId, TablePlan};
use super::point::Pointing;
use super::program::{FieldId, LeafId, Program, RuleId};
use super::question::{Question, same_as};
use super::row_view::RowView;
use super::shape::ShapeKey;
use super::shape_reader::shapes;
use crate::lake::scan::TimeRange;

/// Most characters kept of a matched value.
const MAX_VALUE: usize = 300;
/// Most matched fields kept of a match.
const MAX_FIELDS: usize = 6;
/// Matches of one rule in one file of the lake that are kept with their values; further ones are kept without, and
/// beyond [`MAX_KEPT`] only counted.
const MAX_WITH_VALUES: u64 = 2_000;
/// See [`MAX_WITH_VALUES`].
const MAX_KEPT: u64 = 200_000;

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
    /// Fields that had a value, per shape.
    pub seen: HashMap<(ShapeKey, FieldId), bool, RandomState>,
}

/// Rules over the batches of one file.
pub struct Evaluation<'p> {
    program: &'p Program,
    plan: &'p TablePlan,
    range: TimeRange,
    measure: bool,
    answers: Vec<Answers>,
    scratch: Scratch,
    out: Outcome,
}

/// One batch with its fields, built when first needed.
struct Batch<'b> {
    batch: &'b RecordBatch,
    extra: Option<&'b StringArray>,
    cells: Vec<Option<Cells>>,
}

impl<'p> Evaluation<'p> {
    /// An evaluation of a table's plan; `measure` times every rule.
    pub fn new(program: &'p Program, plan: &'p TablePlan, range: TimeRange, measure: bool) -> Self {
        Self {
            program,
            plan,
            range,
            measure,
            answers: plan.slots.iter().map(|_| Answers::default()).collect(),
            scratch: Scratch::default(),
            out: Outcome::default(),
        }
    }

    /// The outcome so far.
    pub fn finish(self) -> Outcome {
        self.out
    }

    /// Looks at the next batch.
    pub fn batch(&mut self, batch: &RecordBatch) {
        let rows = batch.num_rows();
        let at = self.places(batch);
        let mut b = Batch {
            batch,
            extra: batch.column_by_name("extra").and_then(|a| a.as_string_opt::<i32>()),
            cells: self.plan.slots.iter().map(|_| None).collect(),
        };
        // What has no dictionary of the file's own means other texts in every batch.
        self.answers.iter_mut().for_each(Answers::next_batch);
        for (key, of_shape) in shapes(self.plan, batch, rows, &at) {
            let Some(plan) = self.plan.plans.get(&key) else {
                continue;
            };
            self.shape(&key, plan, &of_shape, &at, &mut b);
        }
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

    fn shape(&mut self, key: &ShapeKey, plan: &Plan, rows: &[u32], at: &[u64], b: &mut Batch<'_>) {
        let mut candidates: Vec<(u32, u32)> = Vec::new();
        for anchor in &plan.anchors {
            self.point_out(key, anchor, rows, b, &mut candidates);
        }
        for place in &plan.always {
            candidates.extend(rows.iter().map(|r| (*r, *place)));
        }
        candidates.sort_unstable();
        candidates.dedup();
        for r in &plan.rules {
            self.out.tallies.entry(r.rule).or_default().rows += rows.len() as u64;
        }
        for of_row in candidates.chunk_by(|a, b| a.0 == b.0) {
            let Some((row, _)) = of_row.first() else { continue };
            let mut view = RowView::new(*row as usize, b.extra);
            for (_, place) in of_row {
                let Some(rule) = plan.rules.get(*place as usize) else {
                    continue;
                };
                let started = self.measure.then(std::time::Instant::now);
                let yes = rule.grouped.eval(&mut |group| match group {
                    Group::One(leaf) => self.answer(plan, *leaf, &mut view, b),
                    Group::Any(field, leaves) => self.any(plan, *field, leaves, &mut view, b),
                });
                let tally = self.out.tallies.entry(rule.rule).or_default();
                tally.candidates += 1;
                if let Some(t) = started {
                    tally.nanos += t.elapsed().as_nanos() as u64;
                }
                if yes {
                    tally.matches += 1;
                    let n = tally.matches;
                    let Some(at) = at.get(*row as usize).copied() else {
                        continue;
                    };
                    self.keep(plan, rule, n, at, &mut view, b);
                }
            }
        }
    }

    fn keep(
        &mut self,
        plan: &Plan,
        rule: &super::plan::PlanRule,
        n: u64,
        at: u64,
        view: &mut RowView<'_>,
        b: &mut Batch<'_>,
    ) {
        if n > MAX_KEPT {
            return;
        }
        let mut fields: Vec<(FieldId, String)> = Vec::new();
        if n <= MAX_WITH_VALUES {
            let mut true_leaves = Vec::new();
            rule.expr.each(&mut |leaf, positive| {
                if positive {
                    true_leaves.push(*leaf);
                }
            });
            for leaf in true_leaves {
                let Some(field) = self.program.leaf_of(leaf).map(|l| l.field) else {
                    continue;
                };
                if fields.len() >= MAX_FIELDS || fields.iter().any(|(f, _)| *f == field) {
                    continue;
                }
                if self.answer(plan, leaf, view, b)
                    && let Some(value) = self.value(plan, field, view, b)
                {
                    fields.push((field, value));
                }
            }
        }
        let wanted: &[FieldId] = self.program.rule(rule.rule).map_or(&[], |r| &r.keys);
        let keys = wanted.iter().map(|f| self.value(plan, *f, view, b)).collect();
        self.out.matches.push(Match {
            rule: rule.rule,
            at,
            fields,
            keys,
        });
    }

    /// Rows that a field's values point out.
    fn point_out(
        &mut self,
        key: &ShapeKey,
        anchor: &AnchorField,
        rows: &[u32],
        b: &mut Batch<'_>,
        candidates: &mut Vec<(u32, u32)>,
    ) {
        let Some(slot) = self.plan.slots.get(anchor.slot as usize) else {
            return;
        };
        let Some(matcher) = self.program.matcher(slot.field) else {
            return;
        };
        b.build(self.plan, anchor.slot);
        let Some(Some(cells)) = b.cells.get(anchor.slot as usize) else {
            return;
        };
        let mut p = Pointing {
            slot,
            anchor,
            matcher,
            memory: self.plan.memory.get(anchor.slot as usize),
            scratch: &mut self.scratch,
            candidates,
            seen: false,
        };
        match (cells.parts(), self.answers.get_mut(anchor.slot as usize)) {
            // All texts of a row: each column by itself, so that each distinct text is asked once.
            (Some(parts), _) => parts.iter().for_each(|c| p.by_column(c, &mut Answers::default(), rows)),
            (None, Some(answers)) => p.by_column(cells, answers, rows),
            (None, None) => {}
        }
        if let (true, Some(extra)) = (anchor.extra, b.extra) {
            p.by_extra(extra, cells, rows);
        }
        if p.seen {
            self.out.seen.entry((key.clone(), slot.field)).or_insert(true);
        }
    }

    /// Whether a question about a row is answered with yes.
    fn answer(&mut self, plan: &Plan, leaf: LeafId, view: &mut RowView<'_>, b: &mut Batch<'_>) -> bool {
        let Some(l) = self.program.leaf_of(leaf) else {
            return false;
        };
        let Some(slot_id) = plan.slots.get(&l.field).copied() else {
            return false;
        };
        let Some(slot) = self.plan.slots.get(slot_id as usize) else {
            return false;
        };
        match &l.question {
            Question::Null => {
                let mut any = false;
                self.each_text(slot_id, view, b, &mut |_| any = true);
                !any
            }
            Question::Exists => {
                let mut any = view.has(slot_id, &slot.reach.extra);
                self.each_text(slot_id, view, b, &mut |_| any = true);
                any
            }
            Question::SameAs {
                before, after, cased, ..
            } => {
                let (mut own, mut others) = (Vec::new(), Vec::new());
                self.each_text(slot_id, view, b, &mut |t| own.push(t.to_owned()));
                let other = l.other.and_then(|o| plan.slots.get(&o).copied());
                if let Some(other) = other {
                    self.each_text(other, view, b, &mut |t| others.push(t.to_owned()));
                }
                own.iter()
                    .any(|a| others.iter().any(|o| same_as(a, o, *before, *after, *cased)))
            }
            // `*`: any text at all. Such questions are not among those that a matcher knows.
            q if !q.selects() => {
                let mut any = false;
                self.each_text(slot_id, view, b, &mut |_| any = true);
                any
            }
            q => {
                if slot.reach.each || view.has(slot_id, &slot.reach.extra) {
                    let mut any = false;
                    self.each_text(slot_id, view, b, &mut |t| any = any || q.matches(t, &pattern::lower(t)));
                    return any;
                }
                self.answers_of(slot_id, l.field, view.row, b)
                    .is_some_and(|yes| yes.binary_search(&leaf).is_ok())
            }
        }
    }

    /// Whether any of these questions about a field is answered with yes.
    fn any(
        &mut self,
        plan: &Plan,
        field: FieldId,
        leaves: &[LeafId],
        view: &mut RowView<'_>,
        b: &mut Batch<'_>,
    ) -> bool {
        let Some(slot_id) = plan.slots.get(&field).copied() else {
            return false;
        };
        let Some(slot) = self.plan.slots.get(slot_id as usize) else {
            return false;
        };
        if slot.reach.each || view.has(slot_id, &slot.reach.extra) {
            return leaves.iter().any(|l| self.answer(plan, *l, view, b));
        }
        let Some(yes) = self.answers_of(slot_id, field, view.row, b) else {
            return false;
        };
        yes.iter().any(|y| leaves.binary_search(y).is_ok())
    }

    /// The questions that the column of a field answers with yes in a row; `None` where it has no value.
    fn answers_of(&mut self, slot: SlotId, field: FieldId, row: usize, b: &mut Batch<'_>) -> Option<&[LeafId]> {
        let matcher = self.program.matcher(field)?;
        b.build(self.plan, slot);
        let cells = b.cells.get(slot as usize)?.as_ref()?;
        let code = cells.code(row);
        if code == NONE {
            return None;
        }
        let answers = self.answers.get_mut(slot as usize)?;
        answers.meet(cells);
        let memory = self.plan.memory.get(slot as usize);
        Some(answers.of(code, cells, matcher, &mut self.scratch, memory))
    }

    /// Calls `see` with every text of a field of a row.
    fn each_text(&self, slot_id: SlotId, view: &mut RowView<'_>, b: &mut Batch<'_>, see: &mut dyn FnMut(&str)) {
        let Some(slot) = self.plan.slots.get(slot_id as usize) else {
            return;
        };
        let everything = slot.reach.columns == Some(Access::Everything);
        let found = match everything {
            true => view.all(&mut *see),
            false => view.has(slot_id, &slot.reach.extra) && view.texts(&slot.reach.extra, slot.reach.each, &mut *see),
        };
        if found && !slot.reach.each {
            return;
        }
        b.build(self.plan, slot_id);
        if let Some(Some(cells)) = b.cells.get(slot_id as usize) {
            cells.each(cells.code(view.row), see);
        }
    }

    /// The value of a field of a row, cut.
    fn value(&self, plan: &Plan, field: FieldId, view: &mut RowView<'_>, b: &mut Batch<'_>) -> Option<String> {
        let slot = plan.slots.get(&field).copied()?;
        let mut out: Option<String> = None;
        self.each_text(slot, view, b, &mut |t| {
            if out.is_none() {
                out = Some(t.chars().take(MAX_VALUE).collect());
            }
        });
        out
    }
}

impl Batch<'_> {
    fn build(&mut self, plan: &TablePlan, slot: SlotId) {
        if let (Some(place @ None), Some(s)) = (self.cells.get_mut(slot as usize), plan.slots.get(slot as usize)) {
            *place = Some(match &s.reach.columns {
                Some(access) => Cells::build(access, plan.table, self.batch),
                None => Cells::nothing(self.batch.num_rows()),
            });
        }
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
