//! The one integration test binary: linking is what costs time here.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic
)]

mod analyst;
mod architecture;
mod corpus;
mod damage;
mod docs;
mod faults;
mod fixtures;
mod inputs;
mod integrity;
mod lake;
mod lang;
mod mistakes;
mod nightly;
mod office;
mod parts;
mod resume;
mod sigma;
mod support;
#[cfg(unix)]
mod tutorial;
mod verdicts;
