//! Floor 1: the event tables. One file per table; [`TABLES`] is the ordered list.
//!
//! A column is addressed by a [`Col`] constant (`process::IMAGE`). Every table begins with the columns of
//! [`common`]; `extra` (the original fields that no column holds) is written as the last column of the file.

pub mod builder;
pub mod common;
pub mod extra;
mod interner;
#[macro_use]
mod table;

pub use table::{COMMON_LEN, Col, Column, Kind, Table};

macro_rules! tables {
    ($($module:ident),* $(,)?) => {
        $(pub mod $module;)*
        /// All event tables in the order of their [`Table::ix`].
        pub static TABLES: &[&Table] = &[$(&$module::TABLE),*];
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[derive(Debug, Clone, Copy)]
        pub(crate) enum TableIx { $($module),* }
    };
}

tables!(
    process,
    network,
    dns,
    http,
    file,
    registry,
    image_load,
    process_access,
    auth,
    account,
    persist,
    script,
    alert,
    posture,
    lease,
    mail,
    event,
);

/// The table with this name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().copied().find(|t| t.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_indexed_by_their_place_and_columns_are_unique() {
        for (i, t) in TABLES.iter().enumerate() {
            assert_eq!(t.ix(), i, "{}", t.name);
            let mut names: Vec<_> = t.all_columns().map(|(_, c)| c.name).collect();
            let n = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(n, names.len(), "{} has a column twice", t.name);
        }
    }
}
