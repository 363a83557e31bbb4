//! Facts about the world that the program ships: ATT&CK, remote-management tools, program names, domain names,
//! Windows constants and the letter statistics of ordinary names.
//!
//! Everything is compiled in. What ages quickly ([`attack`], [`rmm`]) can be replaced by a file of the user.

pub mod attack;
pub mod bigram;
pub mod core_processes;
pub mod domains;
mod load;
pub mod programs;
pub mod rmm;
pub mod services;

pub use load::LoadError;
