//! Documents that the program makes are those in `docs/`. `UPDATE_DOCS=1` writes them.

use std::fs;

use crate::support::root;

/// Where the generated part of a document begins.
const MARK: &str = "<!-- generated below: UPDATE_DOCS=1 cargo test --release --test it docs -->\n";

fn check(name: &str, generated: &str) {
    let path = root().join("docs").join(name);
    let found = fs::read_to_string(&path).unwrap();
    let (head, tail) = found.split_once(MARK).unwrap_or_else(|| panic!("{name} has no mark"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{head}{MARK}{generated}")).unwrap();
        return;
    }
    assert!(tail == generated, "docs/{name} is out of date; run the command in it");
}

#[test]
fn the_manual_of_signals_is_up_to_date() {
    check("signals.md", &coldtrail::cli::signals::markdown());
}

#[test]
fn the_tables_of_the_lake_are_up_to_date() {
    check("lake_format.md", &coldtrail::lake::describe::tables());
}
