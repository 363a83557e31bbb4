//! Sigma: rules in YAML, evaluated on columns.
//!
//! The way of a rule: `load` finds files → `yaml` (bounded) → `collection` → `document`, `detection`, `modifiers` make a
//! [`model::Rule`] whose condition is a tree of questions → `link` applies filters, resolves correlations and selects →
//! [`program::Program`] numbers every distinct question → `plan` puts in what a kind of rows (a `shape`) answers and finds
//! where its fields are (`fields`, `probe`) → `evaluate` asks every distinct value of the fields with an
//! `anchor` once (`matcher`), and `look` runs the trees on the rows (`candidates`) that these point out.

mod access;
mod anchor;
mod answers;
mod batch;
mod candidates;
mod cells;
mod cidr;
mod collection;
pub mod condition;
pub mod correlate;
mod detection;
pub mod document;
mod edges;
mod evaluate;
#[cfg(test)]
mod evaluate_tests;
pub mod expr;
mod expression;
mod extras;
mod fields;
mod grams;
pub mod hunt;
pub mod link;
pub mod load;
mod logsource;
mod look;
mod matcher;
mod memory;
pub mod model;
pub mod modifiers;
mod origin;
pub mod pattern;
pub mod placeholders;
mod plan;
mod point;
mod probe;
pub mod program;
pub mod question;
mod quiet;
mod row_view;
mod shape;
mod shape_reader;
mod sieve;
mod timespan;
pub mod yaml;

pub use evaluate::{Match, Tally};
