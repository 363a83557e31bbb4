//! Floor 11: the order in which the floors are used; the only reader of the clock.

pub mod coverage;
pub mod hunt;
pub mod ingest;
pub mod outputs;
pub mod progress;
pub mod rules;
mod sigma;
