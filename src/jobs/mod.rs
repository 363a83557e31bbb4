//! Floor 11: the order in which the floors are used; the only reader of the clock.

pub mod allow;
pub mod baseline;
pub mod charts;
pub mod coverage;
pub mod explain;
mod filters;
pub mod hunt;
pub mod ingest;
mod looked;
pub mod outputs;
pub mod past;
pub mod preview;
pub mod progress;
pub mod rules;
pub mod scope;
mod sigma;
mod suppressed;
pub mod timeline;
pub mod tree;
mod who;
