//! coldtrail: retrospective threat hunting over archived logs.
//!
//! Data flows one way, upwards through the floors; a module imports only from floors under its own
//! (`tests/it/architecture.rs` fails on a broken rule). `docs/ARCHITECTURE.md` answers "where is …?".
//!
//! | floor | module | holds |
//! |---|---|---|
//! | 0 | [`base`] | errors, rejects, time, text, addresses, the registry macro |
//! | 1 | [`schema`] | one file per event table, column builders |
//! | 2 | [`knowledge`] | ATT&CK, RMM tools, public suffixes, sets of programs |
//! | 3 | [`ingest`] | containers, framing, formats (syntax), mappers (meaning) |
//! | 4 | [`lake`] | Parquet files, catalogue, commit, scan, verify, SQL |
//! | 5 | [`entity`] | who is who over time: hosts, addresses, clocks |
//! | 6 | [`rules`] | command lines, script content, periodicity: pure algorithms for signals |
//! | 7 | [`signals`] | one file per red flag |
//! | 8 | [`chain`] | links between hits, chains |
//! | 9 | [`score`] | rarity, contributions, gates, ranking, allowlist |
//! | 10 | [`report`] | one file per output |
//! | 11 | [`jobs`] | ingest, hunt: the order in which the floors are used |
//! | 12 | [`cli`] | arguments, progress, exit codes |

#[macro_use]
pub mod base;
pub mod chain;
pub mod cli;
pub mod entity;
pub mod ingest;
pub mod jobs;
pub mod knowledge;
pub mod lake;
pub mod report;
pub mod rules;
pub mod schema;
pub mod score;
pub mod signals;
