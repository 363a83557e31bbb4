//! Indicators against cells: which column can hold which kind ([`columns`]), and whether a value matches ([`Matcher`]).
//!
//! Every test is a pure function of one stored value, so a lake is asked once per distinct value. Where one column is not
//! enough (host and path of a URL, key and value of the registry, name and domain of an account), the test finds
//! candidates and [`Matcher::confirms`] looks at the row.

mod addresses;
pub mod columns;
mod globs;
mod matcher;
mod spelling;
mod text;

pub use columns::{Role, roles};
pub use matcher::{CANDIDATE, Matcher};

#[cfg(test)]
mod tests;
