//! All rules as one program: every distinct question about a field stands once, and rules are trees of question numbers.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use ahash::RandomState;

use super::expr::Expr;
use super::fields::EVERYTHING;
use super::logsource;
use super::matcher::Matcher;
use super::model::{Header, Logsource, Rule};
use super::modifiers::Ask;
use super::question::Question;
use super::shape::Shape;

/// Number of a field name.
pub type FieldId = u32;
/// Number of a question about a field.
pub type LeafId = u32;
/// Number of a rule.
pub type RuleId = u32;

/// One question about one field.
#[derive(Debug)]
pub struct Leaf {
    /// The field.
    pub field: FieldId,
    /// The question.
    pub question: Arc<Question>,
    /// For [`Question::SameAs`]: the other field.
    pub other: Option<FieldId>,
}

/// One rule.
#[derive(Debug)]
pub struct Compiled {
    /// Title, level …
    pub header: Header,
    /// Its logs.
    pub logsource: Logsource,
    /// Its condition.
    pub expr: Expr<LeafId>,
    /// Fields whose values correlations need of its matches.
    pub keys: Vec<FieldId>,
}

/// All rules about single events, compiled together.
#[derive(Debug, Default)]
pub struct Program {
    fields: Vec<String>,
    leaves: Vec<Leaf>,
    rules: Vec<Compiled>,
    of_field: Vec<Vec<LeafId>>,
    matchers: Vec<OnceLock<Matcher>>,
    names: HashMap<String, FieldId, RandomState>,
    /// The rules of each logsource.
    sources: BTreeMap<Logsource, Vec<RuleId>>,
}

/// A hasher whose order of nothing ever shows.
pub fn seeds() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

impl Program {
    /// Compiles rules; `keys` are the fields that correlations need, per rule.
    pub fn new(rules: Vec<(Rule, Vec<String>)>) -> Self {
        let mut out = Self {
            names: HashMap::with_hasher(seeds()),
            ..Self::default()
        };
        let mut known: HashMap<(FieldId, String), LeafId, RandomState> = HashMap::with_hasher(seeds());
        for (rule, keys) in rules {
            let expr = rule
                .condition
                .map(&mut |ask: &Ask| Expr::Leaf(out.leaf(ask, &mut known)));
            let keys = keys.iter().map(|k| out.field(k)).collect();
            let id = out.rules.len() as RuleId;
            out.sources.entry(rule.logsource.clone()).or_default().push(id);
            out.rules.push(Compiled {
                header: rule.header,
                logsource: rule.logsource,
                expr,
                keys,
            });
        }
        out.matchers.resize_with(out.fields.len(), OnceLock::new);
        out
    }

    fn leaf(&mut self, ask: &Ask, known: &mut HashMap<(FieldId, String), LeafId, RandomState>) -> LeafId {
        let field = self.field(ask.field.as_deref().unwrap_or(EVERYTHING));
        let key = (field, ask.question.identity());
        if let Some(id) = known.get(&key) {
            return *id;
        }
        let other = match &ask.question {
            Question::SameAs { field, .. } => Some(self.field(field)),
            _ => None,
        };
        let id = self.leaves.len() as LeafId;
        self.leaves.push(Leaf {
            field,
            question: Arc::new(ask.question.clone()),
            other,
        });
        if let Some(list) = self.of_field.get_mut(field as usize) {
            list.push(id);
        }
        known.insert(key, id);
        id
    }

    fn field(&mut self, name: &str) -> FieldId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = self.fields.len() as FieldId;
        self.fields.push(name.to_owned());
        self.of_field.push(Vec::new());
        self.names.insert(name.to_owned(), id);
        id
    }

    /// The rules in their order.
    pub fn rules(&self) -> &[Compiled] {
        &self.rules
    }

    /// The rules about rows of a shape, in their order.
    pub fn about(&self, shape: &Shape<'_>) -> Vec<RuleId> {
        let covering = self.sources.iter().filter(|(l, _)| logsource::covers(l, shape));
        let mut out: Vec<RuleId> = covering.flat_map(|(_, rules)| rules).copied().collect();
        out.sort_unstable();
        out
    }

    /// One rule.
    pub fn rule(&self, id: RuleId) -> Option<&Compiled> {
        self.rules.get(id as usize)
    }

    /// One question.
    pub fn leaf_of(&self, id: LeafId) -> Option<&Leaf> {
        self.leaves.get(id as usize)
    }

    /// Name of a field.
    pub fn field_name(&self, id: FieldId) -> &str {
        self.fields.get(id as usize).map_or("", String::as_str)
    }

    /// Number of distinct questions.
    pub fn questions(&self) -> usize {
        self.leaves.len()
    }

    /// The questions of a field, compiled when first asked.
    pub fn matcher(&self, field: FieldId) -> Option<&Matcher> {
        let slot = self.matchers.get(field as usize)?;
        Some(slot.get_or_init(|| {
            let ids = self.of_field.get(field as usize);
            self.compile(ids.map_or(&[], Vec::as_slice))
        }))
    }

    /// Some questions of one field, compiled.
    pub fn compile(&self, leaves: &[LeafId]) -> Matcher {
        Matcher::new(leaves.iter().filter_map(|id| Some((*id, &self.leaf_of(*id)?.question))))
    }
}
