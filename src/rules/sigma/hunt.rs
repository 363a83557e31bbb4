//! Rules over a lake: which shapes of rows are there, then the tables that some rule applies to, file by file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ahash::RandomState;
use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;
use rayon::prelude::*;

use super::anchor::Shares;
use super::evaluate::{self, Evaluation, Match, OfShape, Outcome, Tally};
use super::expr::Expr;
use super::load::RuleSet;
use super::logsource;
use super::plan::{Plan, SlotId, TablePlan};
use super::program::{FieldId, Program, RuleId, seeds};
use super::question::Question;
use super::quiet::only_shape;
pub use super::shape::ShapeKey;
use super::shape_reader::{SHAPE, ShapeReader};
use crate::base::error::Result;
use crate::lake::Lake;
use crate::lake::frame::{Frames, NO_STR};
use crate::lake::scan::{Part, TimeRange, parts, sample};
use crate::schema::builder::NULL_INT;
use crate::schema::{TABLES, Table, common};

/// What rules found in a lake.
#[derive(Debug, Default)]
pub struct Found {
    /// Matches per table, by row.
    pub matches: Vec<(&'static Table, Vec<Match>)>,
    /// Per rule.
    pub tallies: BTreeMap<RuleId, Tally>,
    /// Rules that could not match, and why.
    pub blind: Vec<(RuleId, String)>,
}

/// Rows of a table by which anchors are chosen.
const SAMPLE: usize = 2_048;

/// Runs all rules over the rows in range; `measure` times every rule.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn hunt(lake: &Lake, set: &RuleSet, shapes: &[ShapeKey], range: TimeRange, measure: bool) -> Result<Found> {
    let program = &set.program;
    let plan = |table: &&'static Table| {
        let sampled = |columns: &[crate::schema::Col]| sample(lake, table, columns, SAMPLE);
        measured(program, table, shapes, sampled)
    };
    let plans: Vec<Option<TablePlan>> = TABLES.par_iter().map(plan).collect::<Result<_>>()?;
    let plans: Vec<TablePlan> = plans.into_iter().flatten().collect();
    let outcomes = |p: &TablePlan| parts(lake, p.table, range, |part| of_part(program, p, part, range, measure));
    let outcomes: Vec<Vec<Outcome>> = plans.par_iter().map(outcomes).collect::<Result<_>>()?;
    let mut found = Found::default();
    let mut seen = Vec::new();
    for (p, outcomes) in plans.iter().zip(outcomes) {
        let mut before = 0;
        let mut of_table = Vec::new();
        let mut of_shapes: Vec<OfShape> = Vec::new();
        for mut o in outcomes {
            o.matches.iter_mut().for_each(|m| m.at += before);
            before += o.rows;
            of_table.append(&mut o.matches);
            add(&mut found.tallies, o.tallies);
            merge(&mut of_shapes, o.shapes);
        }
        seen.push(of_shapes);
        found.matches.push((p.table, of_table));
    }
    found.blind = blind(program, shapes, &plans, &seen);
    Ok(found)
}

/// Runs the rules over the rows of one file.
fn of_part(program: &Program, plan: &TablePlan, part: &Part, range: TimeRange, measure: bool) -> Result<Outcome> {
    let names = part.extra_names();
    let mut e = Evaluation::new(program, plan, range, names.as_ref(), measure);
    for group in 0..part.groups() {
        let possible = plan.possible(|col, sought| part.may_hold(group, col, sought));
        if let (true, Some(rows)) = (possible.is_empty(), part.rows_within(group, range)) {
            e.pass(rows);
            continue;
        }
        let sure = only_shape(part, plan.table, group).and_then(|key| plan.plans.get(&key));
        match sure {
            Some(plan) => e.begin_sure(plan, part, group)?,
            None => e.begin(),
        }
        let possible = sure.map_or(possible, |plan| vec![plan]);
        if let (true, Some(rows)) = (e.is_all_quiet(), part.rows_within(group, range)) {
            e.pass_sure(rows);
            continue;
        }
        part.read(group, &e.pointing_columns(&possible), None, |batch| e.point(batch))?;
        if e.rows().is_empty() {
            continue;
        }
        let rows = e.rows().to_vec();
        let mut first = 0;
        part.read(group, &e.looking_columns(), Some(&rows), |batch| {
            e.look(first, batch);
            first += batch.num_rows();
        })?;
    }
    Ok(e.finish())
}

/// The same over batches in memory: for tests of rules and for measuring.
pub fn hunt_batches(program: &Program, batches: &[(&'static Table, RecordBatch)], measure: bool) -> Found {
    let mut keys = BTreeSet::new();
    for (table, batch) in batches {
        collect(table, batch, &mut keys);
    }
    let shapes: Vec<ShapeKey> = keys.into_iter().collect();
    let of = |t: &Table| {
        batches
            .iter()
            .find(|(x, _)| x.ix() == t.ix())
            .map(|(_, b)| b.slice(0, b.num_rows().min(SAMPLE)))
    };
    let plans: Vec<TablePlan> = TABLES
        .iter()
        .copied()
        .filter_map(|t| measured(program, t, &shapes, |_| Ok(of(t))).ok().flatten())
        .collect();
    let mut found = Found::default();
    let mut seen = Vec::new();
    for p in &plans {
        let mut e = Evaluation::new(program, p, TimeRange::default(), None, measure);
        for (_, batch) in batches.iter().filter(|(t, _)| t.ix() == p.table.ix()) {
            e.begin();
            e.point(batch);
            let rows = UInt32Array::from(e.rows().to_vec());
            if let Ok(batch) = take_record_batch(batch, &rows) {
                e.look(0, &batch);
            }
        }
        let o = e.finish();
        found.matches.push((p.table, o.matches));
        add(&mut found.tallies, o.tallies);
        seen.push(o.shapes);
    }
    found.blind = blind(program, &shapes, &plans, &seen);
    found
}

/// The plan of a table, with anchors chosen by what a sample of its rows answers.
fn measured(
    program: &Program,
    table: &'static Table,
    shapes: &[ShapeKey],
    sample: impl Fn(&[crate::schema::Col]) -> Result<Option<RecordBatch>>,
) -> Result<Option<TablePlan>> {
    let of_table = shapes.iter().filter(|s| s.table == table.ix());
    let Some(plan) = TablePlan::new(program, table, of_table) else {
        return Ok(None);
    };
    let mut columns = plan.columns_of(0..plan.slots.len() as SlotId);
    columns.extend(SHAPE);
    let Some(batch) = sample(&columns)? else {
        return Ok(Some(plan.anchored(program, &Shares::default())));
    };
    let shares = evaluate::shares(program, &plan, &batch);
    Ok(Some(plan.anchored(program, &shares)))
}

fn merge(all: &mut Vec<OfShape>, more: Vec<OfShape>) {
    match all.is_empty() {
        true => *all = more,
        false => all.iter_mut().zip(&more).for_each(|(a, b)| a.add(b)),
    }
}

fn add(all: &mut BTreeMap<RuleId, Tally>, more: HashMap<RuleId, Tally, RandomState>) {
    for (rule, t) in more {
        let sum = all.entry(rule).or_default();
        sum.rows += t.rows;
        sum.candidates += t.candidates;
        sum.matches += t.matches;
        sum.nanos += t.nanos;
    }
}

/// The shapes of rows that were loaded already, sorted.
pub fn shapes_of(frames: &Frames) -> Vec<ShapeKey> {
    let mut keys = BTreeSet::new();
    for frame in frames.iter() {
        let text = |c| frame.strs(c);
        let (source, channel) = (text(common::SOURCE), text(common::CHANNEL));
        let (provider, action) = (text(common::PROVIDER), text(common::ACTION));
        let codes = frame.ints(common::EVENT_CODE);
        let mut known: HashMap<([u32; 4], i64), (), RandomState> = HashMap::with_hasher(seeds());
        let mut last = None;
        for row in 0..frame.len() {
            let id = |list: &[u32]| list.get(row).copied().unwrap_or(NO_STR);
            let code = codes.get(row).copied().unwrap_or(NULL_INT);
            let ids = [id(source), id(channel), id(provider), id(action)];
            if last == Some((ids, code)) || known.insert((ids, code), ()).is_some() {
                last = Some((ids, code));
                continue;
            }
            last = Some((ids, code));
            let [source, channel, provider, action] = ids.map(|i| frames.text(i).unwrap_or("").to_owned());
            keys.insert(ShapeKey {
                table: frame.table.ix(),
                source,
                channel,
                provider,
                code: i32::try_from(code).ok(),
                action,
            });
        }
    }
    keys.into_iter().collect()
}

/// The shapes of all rows of a lake, sorted.
///
/// # Errors
/// Where a file of the lake cannot be read.
pub fn shapes(lake: &Lake, range: TimeRange) -> Result<Vec<ShapeKey>> {
    let mut out: BTreeSet<ShapeKey> = BTreeSet::new();
    for table in TABLES.iter().copied() {
        let per_file = parts(lake, table, range, |part| {
            let mut keys = BTreeSet::new();
            for group in 0..part.groups() {
                match only_shape(part, table, group) {
                    Some(key) => {
                        keys.insert(key);
                    }
                    None => part.read(group, &SHAPE, None, |batch| collect(table, batch, &mut keys))?,
                }
            }
            Ok(keys)
        })?;
        out.extend(per_file.into_iter().flatten());
    }
    Ok(out.into_iter().collect())
}

fn collect(table: &'static Table, batch: &RecordBatch, keys: &mut BTreeSet<ShapeKey>) {
    let reader = ShapeReader::new(table, batch);
    let mut known: HashMap<[u32; 5], (), RandomState> = HashMap::with_hasher(seeds());
    let mut last = None;
    for row in 0..batch.num_rows() {
        let code = reader.code(row);
        if last == Some(code) {
            continue;
        }
        last = Some(code);
        if known.insert(code, ()).is_none() {
            keys.insert(ShapeKey::of(&reader.shape(row)));
        }
    }
}

/// Rules that could not have matched, whatever happened: no log of theirs is there, or none of the fields that would point
/// a match out has a value anywhere.
fn blind(program: &Program, shapes: &[ShapeKey], plans: &[TablePlan], seen: &[Vec<OfShape>]) -> Vec<(RuleId, String)> {
    let mut fields: BTreeMap<RuleId, Result<(), BTreeSet<FieldId>>> = BTreeMap::new();
    let of_shapes = plans.iter().zip(seen).flat_map(|(p, seen)| {
        let seen = |plan: &Plan| seen.get(plan.number).map_or(&[][..], |s| s.seen.as_slice());
        p.plans.values().map(move |plan| (p, plan, seen(plan)))
    });
    for (table, p, seen) in of_shapes {
        let mut pointing: Vec<Vec<usize>> = vec![Vec::new(); p.rules.len()];
        for (i, a) in p.anchors.iter().enumerate() {
            for place in a.rules.values().flatten() {
                if let Some(list) = pointing.get_mut(*place as usize) {
                    list.push(i);
                }
            }
        }
        for (r, points) in p.rules.iter().zip(pointing) {
            let field = |i: &usize| Some(table.slots.get(p.anchors.get(*i)?.slot as usize)?.field);
            let missing = match points.iter().any(|i| seen.get(*i) == Some(&true)) {
                false if !points.is_empty() => Err(points.iter().filter_map(field).collect::<BTreeSet<FieldId>>()),
                _ => Ok(()),
            };
            // With the fields that are nowhere taken as null the condition may still hold.
            let missing = missing.or_else(|fields| {
                let e = r.expr.map(&mut |l| match program.leaf_of(*l) {
                    Some(leaf) if fields.contains(&leaf.field) => Expr::Const(matches!(*leaf.question, Question::Null)),
                    _ => Expr::Leaf(*l),
                });
                if e == Expr::Const(false) { Err(fields) } else { Ok(()) }
            });
            match fields.entry(r.rule).or_insert_with(|| missing.clone()) {
                slot @ Err(_) if missing.is_ok() => *slot = Ok(()),
                Err(all) => all.extend(missing.err().into_iter().flatten()),
                Ok(()) => {}
            }
        }
    }
    let mut out = Vec::new();
    for (id, rule) in program.rules().iter().enumerate() {
        let id = id as RuleId;
        let reason = match fields.get(&id) {
            Some(Ok(())) => continue,
            Some(Err(missing)) => {
                let names: Vec<&str> = missing.iter().map(|f| program.field_name(*f)).collect();
                format!("no event of its logs has a value in {}", names.join(", "))
            }
            None if matches!(rule.expr, Expr::Const(_)) => rule.header.notes.join("; "),
            None => match logsource::readable(&rule.logsource) {
                Err(reason) => reason,
                Ok(()) if shapes.iter().any(|s| logsource::covers(&rule.logsource, &s.shape())) => {
                    "no event of its logs has the event id, channel or provider that it asks for".to_owned()
                }
                Ok(()) => format!("the lake has no logs of {}", rule.logsource),
            },
        };
        out.push((id, reason));
    }
    out
}
