//! The second step: the trees of rules on the rows that were pointed out.

use arrow_array::RecordBatch;

use super::access::Access;
use super::answers::Answers;
use super::batch::Batch;
use super::candidates::Candidate;
use super::cells::NONE;
use super::evaluate::{Evaluation, Match};
use super::pattern;
use super::plan::{Group, Plan, PlanRule, SlotId};
use super::program::{FieldId, LeafId};
use super::question::{Question, same_as};
use super::row_view::RowView;

/// Most characters kept of a matched value.
const MAX_VALUE: usize = 300;
/// Most matched fields kept of a match.
const MAX_FIELDS: usize = 6;
/// Matches of one rule in one file of the lake that are kept with their values; further ones are kept without, and
/// beyond [`MAX_KEPT`] only counted.
const MAX_WITH_VALUES: u64 = 2_000;
/// See [`MAX_WITH_VALUES`].
const MAX_KEPT: u64 = 200_000;

impl Evaluation<'_> {
    /// Second step: runs the rules' trees on a batch of the rows that [`Evaluation::rows`] names, of which its first row is
    /// the one at `first`.
    pub fn look(&mut self, first: usize, batch: &RecordBatch) {
        let candidates = std::mem::take(&mut self.candidates);
        self.answers.iter_mut().for_each(Answers::next_batch);
        let mut b = Batch::new(self.plan, batch, false);
        for row in 0..batch.num_rows() {
            if let Some(c) = candidates.get(first + row) {
                self.row(row, &c, &mut b);
            }
        }
        self.candidates = candidates;
    }

    fn row(&mut self, row: usize, c: &Candidate<'_, '_>, b: &mut Batch<'_>) {
        let mut view = RowView::new(row, b.extra);
        for rule in c.rules() {
            let started = self.measure.then(std::time::Instant::now);
            let yes = rule.grouped.eval(&mut |group| match group {
                Group::One(leaf) => self.answer(c.plan, *leaf, &mut view, b),
                Group::Any(slot, leaves) => self.any(c.plan, *slot, leaves, &mut view, b),
            });
            let tally = self.out.tallies.entry(rule.rule).or_default();
            tally.candidates += 1;
            if let Some(t) = started {
                tally.nanos += t.elapsed().as_nanos() as u64;
            }
            if yes {
                tally.matches += 1;
                let n = tally.matches;
                self.keep(c, rule, n, &mut view, b);
            }
        }
    }

    fn keep(&mut self, c: &Candidate<'_, '_>, rule: &PlanRule, n: u64, view: &mut RowView<'_>, b: &mut Batch<'_>) {
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
                if self.answer(c.plan, leaf, view, b)
                    && let Some(value) = self.value(c.plan, field, view, b)
                {
                    fields.push((field, value));
                }
            }
        }
        let wanted: &[FieldId] = self.program.rule(rule.rule).map_or(&[], |r| &r.keys);
        let keys = wanted.iter().map(|f| self.value(c.plan, *f, view, b)).collect();
        self.out.matches.push(Match {
            rule: rule.rule,
            at: c.at,
            fields,
            keys,
        });
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
        match &*l.question {
            Question::Null => {
                let mut any = false;
                self.each_text(slot_id, view, b, &mut |_| any = true);
                !any
            }
            Question::Exists => {
                let mut any = self.in_row(slot_id, view);
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
                if slot.reach.each || self.in_row(slot_id, view) {
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
    fn any(&mut self, plan: &Plan, slot: SlotId, leaves: &[LeafId], view: &mut RowView<'_>, b: &mut Batch<'_>) -> bool {
        let Some(s) = self.plan.slots.get(slot as usize) else {
            return false;
        };
        if s.reach.each || self.in_row(slot, view) {
            return leaves.iter().any(|l| self.answer(plan, *l, view, b));
        }
        let field = s.field;
        let Some(yes) = self.answers_of(slot, field, view.row, b) else {
            return false;
        };
        yes.iter().any(|y| leaves.binary_search(y).is_ok())
    }

    /// Whether `extra` of a row has the field.
    fn in_row(&self, slot: SlotId, view: &mut RowView<'_>) -> bool {
        let names = self.plan.slots.get(slot as usize).map(|s| s.reach.extra.as_slice());
        self.is_in_extra(slot) && view.has(slot, names.unwrap_or(&[]))
    }

    /// The questions that the column of a field answers with yes in a row; `None` where it has no value.
    fn answers_of(&mut self, slot: SlotId, field: FieldId, row: usize, b: &mut Batch<'_>) -> Option<&[LeafId]> {
        let matcher = self.program.matcher(field)?;
        b.build(self.plan, slot);
        let cells = b.cells(self.plan, slot)?;
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
            false => self.in_row(slot_id, view) && view.texts(&slot.reach.extra, slot.reach.each, &mut *see),
        };
        if found && !slot.reach.each {
            return;
        }
        b.build(self.plan, slot_id);
        if let Some(cells) = b.cells(self.plan, slot_id) {
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
