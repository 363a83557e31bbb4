//! Rows of a row group that are worth a closer look, and for which rules.

use std::collections::BTreeSet;

use super::plan::{Plan, PlanRule, SlotId};

/// See the module. Rows are added batch by batch, within a batch shape by shape.
#[derive(Default)]
pub struct Candidates<'p> {
    /// Rows of the batches before.
    before: u32,
    plans: Vec<&'p Plan>,
    /// Of the batch under way: row, shape and place of the rule, in no order, some twice.
    open: Vec<(u32, u32, u32)>,
    rows: Vec<u32>,
    /// For every row: its place among those in range, its shape, the end of its rules in `places`.
    facts: Vec<(u64, u32, usize)>,
    places: Vec<u32>,
    buffer: Vec<(u32, u32)>,
}

/// One row with the rules to try on it.
pub struct Candidate<'p, 'c> {
    /// Place of the row among those in range.
    pub at: u64,
    /// The plan of its shape.
    pub plan: &'p Plan,
    places: &'c [u32],
}

impl<'p> Candidate<'p, '_> {
    /// The rules.
    pub fn rules(&self) -> impl Iterator<Item = &'p PlanRule> + use<'p, '_> {
        let plan = self.plan;
        self.places.iter().filter_map(move |p| plan.rules.get(*p as usize))
    }
}

impl<'p> Candidates<'p> {
    /// Forgets all rows: a row group begins.
    pub fn clear(&mut self) {
        self.before = 0;
        self.plans.clear();
        self.open.clear();
        self.rows.clear();
        self.facts.clear();
        self.places.clear();
    }

    /// An empty list for the rows of a shape, each with the place of a rule; [`Candidates::end_shape`] takes it back.
    pub fn begin_shape(&mut self, plan: &'p Plan) -> Vec<(u32, u32)> {
        if !self.plans.last().is_some_and(|p| std::ptr::eq(*p, plan)) {
            self.plans.push(plan);
        }
        std::mem::take(&mut self.buffer)
    }

    /// Adds what was found of the shape.
    pub fn end_shape(&mut self, mut found: Vec<(u32, u32)>) {
        let shape = self.plans.len().saturating_sub(1) as u32;
        self.open.extend(found.iter().map(|(row, place)| (*row, shape, *place)));
        found.clear();
        self.buffer = found;
    }

    /// Ends a batch whose rows have these places among those in range.
    pub fn end_batch(&mut self, at: &[u64]) {
        self.open.sort_unstable();
        self.open.dedup();
        for of_row in self.open.chunk_by(|a, b| a.0 == b.0) {
            let Some((row, shape, _)) = of_row.first() else {
                continue;
            };
            self.places.extend(of_row.iter().map(|(_, _, place)| *place));
            self.rows.push(self.before + row);
            let at = at.get(*row as usize).copied().unwrap_or(u64::MAX);
            self.facts.push((at, *shape, self.places.len()));
        }
        self.open.clear();
        self.before += at.len() as u32;
    }

    /// The rows, ascending.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The n-th row.
    pub fn get(&self, n: usize) -> Option<Candidate<'p, '_>> {
        let (at, shape, end) = *self.facts.get(n)?;
        let begin = match n.checked_sub(1) {
            Some(before) => self.facts.get(before)?.2,
            None => 0,
        };
        Some(Candidate {
            at,
            plan: self.plans.get(shape as usize)?,
            places: self.places.get(begin..end)?,
        })
    }

    /// The fields that the rules of all rows name.
    pub fn slots(&self) -> BTreeSet<SlotId> {
        let mut named: Vec<Vec<bool>> = self.plans.iter().map(|p| vec![false; p.rules.len()]).collect();
        let mut begin = 0;
        for (_, shape, end) in &self.facts {
            if let Some(named) = named.get_mut(*shape as usize) {
                for place in self.places.get(begin..*end).unwrap_or(&[]) {
                    if let Some(n) = named.get_mut(*place as usize) {
                        *n = true;
                    }
                }
            }
            begin = *end;
        }
        let of_plan = |(plan, named): (&&'p Plan, &Vec<bool>)| {
            let rules = plan.rules.iter().zip(named.clone());
            rules
                .filter(|(_, n)| *n)
                .flat_map(|(r, _)| r.slots.iter().copied())
                .collect::<Vec<_>>()
        };
        self.plans.iter().zip(&named).flat_map(of_plan).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::sigma::expr::Expr;

    fn plan(rules: u32) -> Plan {
        let rule = |n| PlanRule {
            rule: n,
            expr: Expr::Const(true),
            grouped: Expr::Const(true),
            slots: Box::new([n, 100]),
        };
        Plan {
            rules: (0..rules).map(rule).collect(),
            ..Plan::default()
        }
    }

    #[test]
    fn rows_of_shapes_and_batches_come_in_order() {
        let (one, two) = (plan(3), plan(2));
        let mut c = Candidates::default();
        for (plan, found) in [(&one, vec![(4, 2), (0, 1), (4, 2), (4, 0)]), (&two, vec![(2, 1)])] {
            let mut list = c.begin_shape(plan);
            list.extend(found);
            c.end_shape(list);
        }
        c.end_batch(&[10, 11, 12, 13, 14]);
        let mut list = c.begin_shape(&two);
        list.push((1, 0));
        c.end_shape(list);
        c.end_batch(&[15, 16]);
        assert_eq!(c.rows(), [0, 2, 4, 6]);
        let of = |n| -> (u64, Vec<u32>) {
            let row = c.get(n).unwrap();
            (row.at, row.rules().map(|r| r.rule).collect())
        };
        assert_eq!(
            [of(0), of(1), of(2), of(3)],
            [(10, vec![1]), (12, vec![1]), (14, vec![0, 2]), (16, vec![0])]
        );
        assert_eq!(c.slots().into_iter().collect::<Vec<_>>(), [0, 1, 2, 100]);
        assert!(c.get(4).is_none());
    }
}
