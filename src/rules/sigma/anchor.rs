//! Which questions point out the rows worth a closer look: of every match, at least one of a rule's anchors is true.

use std::collections::{HashMap, HashSet};

use ahash::RandomState;

use super::expr::Expr;
use super::program::{FieldId, Leaf, LeafId, Program};
use super::question::Question;

/// Fields with few distinct values that many rules name: seeing one of them true says little.
const COMMON: &[&str] = &[
    "Image",
    "ParentImage",
    "OriginalFileName",
    "SourceImage",
    "TargetImage",
    "ProcessName",
    "User",
    "IntegrityLevel",
    "EventType",
    "LogonType",
    "Product",
    "Company",
    "Description",
    "Initiated",
    "Protocol",
    "ObjectType",
    "cs-method",
    "sc-status",
    "Signed",
    "SignatureStatus",
    "SubjectUserName",
    "TargetUserName",
];

/// How often questions were answered with yes in a sample of a table's rows.
#[derive(Debug, Default)]
pub struct Shares {
    /// Rows looked at; 0 where nothing was measured.
    pub rows: u64,
    /// Rows per question; a question of a measured field that is not here was never answered with yes.
    pub yes: HashMap<LeafId, u64, RandomState>,
    /// Fields that were measured.
    pub fields: HashSet<FieldId, RandomState>,
}

/// Programs that run everywhere.
const EVERYWHERE: &[&str] = &[
    "svchost",
    "powershell",
    "cmd.exe",
    "explorer",
    "conhost",
    "rundll32",
    "services.exe",
    "msiexec",
];

/// The anchors of a condition; `None` where it can be true without any question that selects rows.
pub fn anchors(program: &Program, e: &Expr<LeafId>, shares: &Shares) -> Option<Vec<LeafId>> {
    best(program, e, shares).map(|(_, mut leaves)| {
        leaves.sort_unstable();
        leaves.dedup();
        leaves
    })
}

fn best(program: &Program, e: &Expr<LeafId>, shares: &Shares) -> Option<(f64, Vec<LeafId>)> {
    match e {
        Expr::Const(true) | Expr::Not(_) => None,
        Expr::Const(false) => Some((0.0, Vec::new())),
        Expr::Leaf(l) => cost(program, *l, shares).map(|c| (c, vec![*l])),
        Expr::All(list) => list
            .iter()
            .filter_map(|e| best(program, e, shares))
            .reduce(|a, b| if b.0 < a.0 { b } else { a }),
        Expr::Any(list) => {
            let mut out = (0.0, Vec::new());
            for e in list {
                let (c, leaves) = best(program, e, shares)?;
                out.0 += c;
                out.1.extend(leaves);
            }
            Some(out)
        }
    }
}

/// Roughly which share of rows answers yes: as measured, and as guessed where it was not or is too small to measure.
fn cost(program: &Program, id: LeafId, shares: &Shares) -> Option<f64> {
    let leaf = program.leaf_of(id)?;
    if !leaf.question.selects() {
        return None;
    }
    let guess = guess(program, leaf)?;
    if shares.rows == 0 || !shares.fields.contains(&leaf.field) {
        return Some(guess);
    }
    let yes = shares.yes.get(&id).copied().unwrap_or(0);
    Some(yes as f64 / shares.rows as f64 + guess / shares.rows as f64)
}

fn guess(program: &Program, leaf: &Leaf) -> Option<f64> {
    let field = program.field_name(leaf.field);
    let base = match &*leaf.question {
        Question::Text { pattern, .. } => {
            let text = pattern.longest_text();
            let common = EVERYWHERE.iter().any(|e| text.contains(e));
            let length = match pattern.as_literal() {
                Some(_) => text.len() + 4,
                None => text.len(),
            };
            let share = 0.3 / (1.0 + length as f64).powf(1.5);
            if common { share.max(0.02) * 4.0 } else { share }
        }
        Question::Regex(e) => match e.needs.iter().map(String::len).min() {
            Some(n) => 0.4 / (1.0 + n as f64).powf(1.5),
            None => 0.5,
        },
        Question::Cidr(_) | Question::Number(..) | Question::TimePart(..) => 0.1,
        Question::Null | Question::Exists | Question::SameAs { .. } => return None,
    };
    let weight = match field {
        "" => 20.0,
        f if COMMON.contains(&f) => 3.0,
        _ => 1.0,
    };
    Some(base * weight)
}
