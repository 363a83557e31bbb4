//! Facts about the world that the program ships: ATT&CK, remote-management tools, program names, domain names,
//! Windows constants and the letter statistics of ordinary names.
//!
//! Everything is compiled in. What ages quickly ([`attack`], [`rmm`]) can be replaced by a file of the user.

pub mod attack;
pub mod bigram;
pub mod core_processes;
mod domain_lists;
pub mod domains;
mod load;
pub mod programs;
pub mod rmm;
pub mod services;

pub use load::LoadError;

/// The tables of one run: compiled in, or the files that replace them.
#[derive(Debug)]
pub struct Knowledge {
    /// ATT&CK.
    pub attack: std::borrow::Cow<'static, attack::AttackTable>,
    /// Remote-management tools.
    pub rmm: std::borrow::Cow<'static, rmm::RmmTable>,
    /// Letter statistics of ordinary names.
    pub bigram: &'static bigram::Bigram,
}

impl Knowledge {
    /// What is compiled in.
    pub fn builtin() -> &'static Self {
        static BUILTIN: std::sync::OnceLock<Knowledge> = std::sync::OnceLock::new();
        BUILTIN.get_or_init(|| Self {
            attack: std::borrow::Cow::Borrowed(attack::AttackTable::builtin()),
            rmm: std::borrow::Cow::Borrowed(rmm::RmmTable::builtin()),
            bigram: bigram::Bigram::builtin(),
        })
    }
}
