//! Columns that hold fields of rules: those in the same columns are read and asked together.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::access::Access;
use super::matcher::Matcher;
use super::memory::Memory;
use super::plan::{Slot, SlotId};
use super::program::{LeafId, Program};
use super::question::Question;
use super::sieve::Sieve;

/// Where columns hold the fields of a table, and what is asked there to point out candidates.
#[derive(Debug, Default)]
pub struct Origins {
    all: Vec<Origin>,
    /// Per field, its place in `all`.
    places: Vec<usize>,
    /// Per field, the questions about it that point out candidates of any shape.
    pointers: Vec<Arc<Questions>>,
}

/// Questions about one text, compiled when first asked.
#[derive(Debug, Default)]
struct Questions {
    leaves: Vec<LeafId>,
    matcher: OnceLock<Matcher>,
}

/// Columns that hold the same text for all fields found there.
#[derive(Debug)]
pub struct Origin {
    /// The columns; `None` for fields that only `extra` has.
    pub columns: Option<Access>,
    /// Whether only texts with letters can point out a candidate: no number, address or hash.
    pub words: bool,
    /// What is asked for to point out candidates, where that is some numbers or addresses.
    pub sieve: Option<Sieve>,
    /// The questions about these fields that point out candidates.
    pointer: Arc<Questions>,
    /// What long texts answered them.
    pub memory: Memory,
}

impl Origins {
    /// Of fields, each with the questions that point out candidates.
    pub fn new(program: &Program, slots: &[Slot], pointing: &[Vec<LeafId>]) -> Self {
        let mut places: BTreeMap<Option<&Access>, usize> = BTreeMap::new();
        let mut origin_of = Vec::new();
        for s in slots {
            let next = places.len();
            origin_of.push(*places.entry(s.reach.columns.as_ref()).or_insert(next));
        }
        let mut per_origin: Vec<Vec<LeafId>> = vec![Vec::new(); places.len()];
        for (leaves, origin) in pointing.iter().zip(&origin_of) {
            if let Some(all) = per_origin.get_mut(*origin) {
                all.extend(leaves);
            }
        }
        let mut known = BTreeMap::new();
        let mut ordered: Vec<(usize, Option<&Access>)> = places.into_iter().map(|(a, i)| (i, a)).collect();
        ordered.sort_unstable_by_key(|(i, _)| *i);
        let origins = ordered.into_iter().zip(per_origin).map(|((_, columns), leaves)| {
            let pointer = questions(leaves, &mut known);
            let asked = || {
                pointer
                    .leaves
                    .iter()
                    .filter_map(|l| Some(&*program.leaf_of(*l)?.question))
            };
            Origin {
                columns: columns.cloned(),
                words: asked().all(Question::needs_letters),
                sieve: columns.and_then(|c| Sieve::of(c, asked())),
                pointer,
                memory: Memory::default(),
            }
        });
        Self {
            all: origins.collect(),
            places: origin_of,
            pointers: pointing.iter().map(|l| questions(l.clone(), &mut known)).collect(),
        }
    }

    /// All of them.
    pub fn all(&self) -> &[Origin] {
        &self.all
    }

    /// The place of a field's columns.
    pub fn place(&self, slot: SlotId) -> usize {
        self.places.get(slot as usize).copied().unwrap_or(usize::MAX)
    }

    /// The questions about one field alone.
    pub fn pointer(&self, program: &Program, slot: SlotId) -> Option<&Matcher> {
        Some(self.pointers.get(slot as usize)?.compiled(program))
    }
}

impl Questions {
    fn compiled(&self, program: &Program) -> &Matcher {
        self.matcher.get_or_init(|| program.compile(&self.leaves))
    }
}

impl Origin {
    /// The questions about its fields that point out candidates.
    pub fn pointer(&self, program: &Program) -> &Matcher {
        self.pointer.compiled(program)
    }
}

/// These questions, or the same that were asked for before.
fn questions(mut leaves: Vec<LeafId>, known: &mut BTreeMap<Vec<LeafId>, Arc<Questions>>) -> Arc<Questions> {
    leaves.sort_unstable();
    leaves.dedup();
    let own = known.entry(leaves).or_insert_with_key(|leaves| {
        Arc::new(Questions {
            leaves: leaves.clone(),
            ..Questions::default()
        })
    });
    Arc::clone(own)
}
