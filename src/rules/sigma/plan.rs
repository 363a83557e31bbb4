//! What is to be done with the rows of each shape: the rules that apply with what the shape already answers put in, where
//! their fields are, and which questions point out candidates.

use std::collections::{BTreeMap, HashMap};

use ahash::RandomState;

use super::access::{Access, Reach};
use super::anchor::{self, Shares};
use super::cells::Cells;
use super::expr::Expr;
use super::fields::{self, Constant};
use super::matcher::Matcher;
use super::memory::Memory;
use super::origin::{Origin, Origins};
use super::probe::Probe;
use super::program::{FieldId, LeafId, Program, RuleId, seeds};
use super::question::Question;
use super::shape::ShapeKey;
use crate::lake::scan::Sought;
use crate::schema::{Col, Table, common};

/// Number of a field in a table's plan.
pub type SlotId = u32;

/// A field of a table as rows of some shapes keep it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The field.
    pub field: FieldId,
    /// Where it is.
    pub reach: Reach,
}

/// A rule on rows of one shape.
#[derive(Debug)]
pub struct PlanRule {
    /// The rule.
    pub rule: RuleId,
    /// Its condition without what the shape answers.
    pub expr: Expr<LeafId>,
    /// The same as it is evaluated.
    pub grouped: Expr<Group>,
    /// The fields that it names, and those that correlations need of its matches.
    pub slots: Box<[SlotId]>,
}

/// What is asked at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Group {
    /// One question that no matcher knows: about a value that is not there, or about two fields.
    One(LeafId),
    /// Any of these questions about the texts of a field, sorted.
    Any(SlotId, Box<[LeafId]>),
}

/// A tree as it is evaluated: alternatives about one field taken together, each with the place of its field.
struct Grouping<'p> {
    program: &'p Program,
    slots: &'p HashMap<FieldId, SlotId, RandomState>,
}

impl Grouping<'_> {
    fn slot(&self, leaf: LeafId) -> Option<SlotId> {
        let leaf = self.program.leaf_of(leaf).filter(|l| l.question.selects())?;
        self.slots.get(&leaf.field).copied()
    }

    fn leaf(&self, leaf: LeafId) -> Expr<Group> {
        Expr::Leaf(match self.slot(leaf) {
            Some(slot) => Group::Any(slot, Box::new([leaf])),
            None => Group::One(leaf),
        })
    }

    fn tree(&self, e: &Expr<LeafId>) -> Expr<Group> {
        match e {
            Expr::Const(b) => Expr::Const(*b),
            Expr::Leaf(l) => self.leaf(*l),
            Expr::Not(e) => Expr::Not(Box::new(self.tree(e))),
            Expr::All(list) => Expr::All(list.iter().map(|e| self.tree(e)).collect()),
            Expr::Any(list) => {
                let mut per_slot: BTreeMap<SlotId, Vec<LeafId>> = BTreeMap::new();
                let mut others = Vec::new();
                for e in list {
                    match e {
                        Expr::Leaf(l) => match self.slot(*l) {
                            Some(slot) => per_slot.entry(slot).or_default().push(*l),
                            None => others.push(Expr::Leaf(Group::One(*l))),
                        },
                        e => others.push(self.tree(e)),
                    }
                }
                let together = per_slot.into_iter().map(|(slot, mut leaves)| {
                    leaves.sort_unstable();
                    Expr::Leaf(Group::Any(slot, leaves.into()))
                });
                Expr::Any(together.chain(others).collect())
            }
        }
    }
}

/// A field whose values point out candidates.
#[derive(Debug)]
pub struct AnchorField {
    /// The field.
    pub slot: SlotId,
    /// Per question, the places in [`Plan::rules`] that it points out.
    pub rules: HashMap<LeafId, Vec<u32>, RandomState>,
    /// Rules pointed out by a value that means nothing (`-`).
    pub nothing: Vec<u32>,
    /// Whether rows without a value in columns may have one in `extra`.
    pub extra: bool,
}

/// The plan of one shape.
#[derive(Debug, Default)]
pub struct Plan {
    /// Its place among those of the table.
    pub number: usize,
    /// Rules that apply.
    pub rules: Vec<PlanRule>,
    /// Where candidates come from.
    pub anchors: Vec<AnchorField>,
    /// Rules that every row is a candidate of.
    pub always: Vec<u32>,
    /// Where fields are.
    pub slots: HashMap<FieldId, SlotId, RandomState>,
}

/// The plans of one table.
#[derive(Debug)]
pub struct TablePlan {
    /// The table.
    pub table: &'static Table,
    /// Fields.
    pub slots: Vec<Slot>,
    /// Per shape; shapes without a rule have none.
    pub plans: BTreeMap<ShapeKey, Plan>,
    /// Per field, what its texts answered.
    pub memory: Vec<Memory>,
    /// Where columns hold the fields.
    origins: Origins,
}

/// Values that mean nothing. Ingestion leaves them in `extra` and the column null.
const NOTHINGS: &[&str] = &[
    "-",
    "S-1-0-0",
    "{00000000-0000-0000-0000-000000000000}",
    "00000000-0000-0000-0000-000000000000",
];

impl TablePlan {
    /// The plans for the shapes that a table has, without what points out candidates; `None` where no rule applies to any.
    pub fn new<'k>(
        program: &Program,
        table: &'static Table,
        shapes: impl Iterator<Item = &'k ShapeKey>,
    ) -> Option<Self> {
        let mut slots: BTreeMap<Slot, SlotId> = BTreeMap::new();
        let mut plans = BTreeMap::new();
        for key in shapes {
            let plan = plan(program, key, &mut slots);
            if !plan.rules.is_empty() {
                plans.insert(key.clone(), plan);
            }
        }
        if plans.is_empty() {
            return None;
        }
        let mut ordered: Vec<(SlotId, Slot)> = slots.into_iter().map(|(s, id)| (id, s)).collect();
        ordered.sort_by_key(|(id, _)| *id);
        let slots: Vec<Slot> = ordered.into_iter().map(|(_, s)| s).collect();
        for (number, plan) in plans.values_mut().enumerate() {
            plan.number = number;
        }
        Some(Self {
            memory: slots.iter().map(|_| Memory::default()).collect(),
            origins: Origins::default(),
            table,
            slots,
            plans,
        })
    }

    /// The same with what points out candidates, chosen by what a sample of the rows answers.
    pub fn anchored(mut self, program: &Program, shares: &Shares) -> Self {
        let mut pointing: Vec<Vec<LeafId>> = vec![Vec::new(); self.slots.len()];
        for plan in self.plans.values_mut() {
            plan.anchor(program, &self.slots, shares);
            for anchor in &plan.anchors {
                if let Some(leaves) = pointing.get_mut(anchor.slot as usize) {
                    leaves.extend(anchor.rules.keys());
                }
            }
        }
        self.origins = Origins::new(program, &self.slots, &pointing);
        self
    }

    /// The questions about a field that point out candidates.
    pub fn pointer(&self, program: &Program, slot: SlotId) -> Option<&Matcher> {
        self.origins.pointer(program, slot)
    }

    /// The columns that hold fields, each once.
    pub fn origins(&self) -> &[Origin] {
        self.origins.all()
    }

    /// The place of a field's columns among all.
    pub fn origin_of(&self, slot: SlotId) -> usize {
        self.origins.place(slot)
    }

    /// The plans of which a row may be where `may_hold` tells whether a column may hold a text or a number there; an empty
    /// text stands for none.
    pub fn possible(&self, may_hold: impl Fn(Col, Sought<'_>) -> bool) -> Vec<&Plan> {
        let of = |(key, _): &(&ShapeKey, &Plan)| {
            may_hold(common::EVENT_CODE, Sought::Int(key.code))
                && may_hold(common::PROVIDER, Sought::Text(&key.provider))
                && may_hold(common::SOURCE, Sought::Text(&key.source))
                && may_hold(common::CHANNEL, Sought::Text(&key.channel))
                && may_hold(common::ACTION, Sought::Text(&key.action))
        };
        self.plans.iter().filter(of).map(|(_, plan)| plan).collect()
    }

    /// The columns that pointing out candidates by these fields needs, sorted. Of a row's texts only those that can do so.
    pub fn pointing_columns(&self, slots: impl Iterator<Item = SlotId>) -> Vec<Col> {
        let mut slots: Vec<SlotId> = slots.collect();
        slots.sort_unstable();
        slots.dedup();
        let is_words = |s: &SlotId| {
            let origin = self.origins().get(self.origin_of(*s));
            origin.is_some_and(|o| o.words && o.columns == Some(Access::Everything))
        };
        let words = slots.iter().any(is_words);
        let mut out = self.columns_of(slots.into_iter().filter(|s| !is_words(s)));
        if words {
            out.extend(Cells::word_columns(self.table));
            out.sort_unstable();
            out.dedup();
        }
        out
    }

    /// The columns that these fields read, sorted.
    pub fn columns_of(&self, slots: impl Iterator<Item = SlotId>) -> Vec<Col> {
        columns(self.table, slots.filter_map(|s| self.slots.get(s as usize)))
    }
}

impl Plan {
    /// Chooses for each rule the questions that point out its candidates.
    fn anchor(&mut self, program: &Program, slots: &[Slot], shares: &Shares) {
        let mut by_field: BTreeMap<FieldId, BTreeMap<LeafId, Vec<u32>>> = BTreeMap::new();
        for (place, rule) in (0u32..).zip(&self.rules) {
            let Some(leaves) = anchor::anchors(program, &rule.expr, shares) else {
                self.always.push(place);
                continue;
            };
            for (l, leaf) in leaves.into_iter().filter_map(|l| Some((l, program.leaf_of(l)?))) {
                let of_field = by_field.entry(leaf.field).or_default();
                of_field.entry(l).or_default().push(place);
            }
        }
        for (field, rules) in by_field {
            let Some(slot) = self.slots.get(&field).copied() else {
                continue;
            };
            let is_plain = |s: &Slot| s.reach.columns.as_ref().is_some_and(Access::is_plain_text) && !s.reach.each;
            let mut nothing: Vec<u32> = rules
                .iter()
                .filter(|(l, _)| {
                    let question = program.leaf_of(**l).map(|l| &l.question);
                    question.is_some_and(|q| NOTHINGS.iter().any(|n| q.matches(n, &super::pattern::lower(n))))
                })
                .flat_map(|(_, places)| places.iter().copied())
                .collect();
            nothing.sort_unstable();
            nothing.dedup();
            self.anchors.push(AnchorField {
                slot,
                rules: rules.into_iter().collect(),
                nothing,
                extra: !slots.get(slot as usize).is_some_and(is_plain),
            });
        }
    }
}

/// The rules that apply to a shape and where their fields are.
fn plan(program: &Program, key: &ShapeKey, slots: &mut BTreeMap<Slot, SlotId>) -> Plan {
    let shape = key.shape();
    let mut out = Plan {
        slots: HashMap::with_hasher(seeds()),
        ..Plan::default()
    };
    for id in program.about(&shape) {
        let Some(rule) = program.rule(id) else { continue };
        let expr = rule.expr.map(&mut |leaf| known(program, &shape, *leaf));
        if expr != Expr::Const(false) {
            out.rules.push(PlanRule {
                rule: id,
                grouped: Expr::Const(false),
                expr,
                slots: Box::default(),
            });
        }
    }
    let needed: Vec<Vec<FieldId>> = out.rules.iter().map(|r| needed(program, r)).collect();
    let mut all: Vec<FieldId> = needed.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    let mut probe = Probe::new(shape);
    for field in all {
        let slot = Slot {
            field,
            reach: fields::reach(&mut probe, program.field_name(field)),
        };
        let next = slots.len() as SlotId;
        let id = *slots.entry(slot).or_insert(next);
        out.slots.insert(field, id);
    }
    let grouping = Grouping {
        program,
        slots: &out.slots,
    };
    for (r, fields) in out.rules.iter_mut().zip(&needed) {
        r.grouped = grouping.tree(&r.expr);
        r.slots = fields.iter().filter_map(|f| out.slots.get(f).copied()).collect();
    }
    out
}

/// The fields of a rule's questions, and of the correlations over it.
fn needed(program: &Program, r: &PlanRule) -> Vec<FieldId> {
    let mut out = Vec::new();
    r.expr.each(&mut |l, _| {
        if let Some(leaf) = program.leaf_of(*l) {
            out.push(leaf.field);
            out.extend(leaf.other);
        }
    });
    out.extend(program.rule(r.rule).into_iter().flat_map(|rule| &rule.keys));
    out.sort_unstable();
    out.dedup();
    out
}

/// A question with what the shape answers.
fn known(program: &Program, shape: &super::shape::Shape<'_>, id: LeafId) -> Expr<LeafId> {
    let Some(leaf) = program.leaf_of(id) else {
        return Expr::Const(false);
    };
    let Some(constant) = fields::constant(shape, program.field_name(leaf.field)) else {
        return Expr::Leaf(id);
    };
    let text = match constant {
        Constant::Code(code) => code.to_string(),
        Constant::Text(t) => t.to_owned(),
    };
    match &*leaf.question {
        Question::SameAs { .. } => Expr::Leaf(id),
        Question::Null => Expr::Const(text.is_empty()),
        Question::Exists => Expr::Const(!text.is_empty()),
        q => Expr::Const(q.matches(&text, &super::pattern::lower(&text))),
    }
}

/// The columns that these fields read, sorted.
fn columns<'s>(table: &'static Table, slots: impl Iterator<Item = &'s Slot>) -> Vec<Col> {
    let mut out = Vec::new();
    for access in slots.filter_map(|s| s.reach.columns.as_ref()) {
        access.columns(&mut out);
        let named: &[&str] = match access {
            Access::Hashes => &["sha1", "md5", "sha256", "imphash"],
            Access::Url => &["scheme", "url_host", "url_port", "url_path", "url_query"],
            Access::Everything => {
                out.extend(table.all_columns().map(|(c, _)| c));
                &[]
            }
            _ => &[],
        };
        out.extend(named.iter().filter_map(|n| table.find(n)).map(|(c, _)| c));
    }
    out.sort_unstable();
    out.dedup();
    out
}
