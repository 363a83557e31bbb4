//! The floors: a module imports only from floors under its own, plug-ins never from siblings, lists are complete.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

/// From the ground up.
const FLOORS: &[&str] = &[
    "base",
    "schema",
    "knowledge",
    "ingest",
    "lake",
    "entity",
    "rules",
    "signals",
    "chain",
    "score",
    "report",
    "jobs",
    "cli",
];

/// Folders whose files are plug-ins, and the file that lists them.
const PLUGINS: &[&str] = &["ingest/formats", "ingest/mappers", "signals", "report"];

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Source text without comments and strings that could look like imports.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Floors that `text` names as `crate::floor`, braces after `crate::` looked into.
fn imports(text: &str) -> Vec<&'static str> {
    let mut out = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 1;
                let mut word_start = true;
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' => {
                            depth -= 1;
                            if depth == 0 {
                                break;
                            }
                        }
                        ',' if depth == 1 => word_start = true,
                        c if word_start && depth == 1 && c.is_alphanumeric() => {
                            word_start = false;
                            out.extend(FLOORS.iter().filter(|f| starts_with_word(&list[i..], f)));
                        }
                        _ => {}
                    }
                }
            }
            None => out.extend(FLOORS.iter().filter(|f| starts_with_word(rest, f))),
        }
    }
    out
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn imports_point_downwards_only() {
    let src = root().join("src");
    let mut broken = Vec::new();
    for (floor, name) in FLOORS.iter().enumerate() {
        let mut files = Vec::new();
        rust_files(&src.join(name), &mut files);
        assert!(!files.is_empty(), "floor {name} is empty");
        for file in files {
            for import in imports(&code(&file)) {
                let to = FLOORS.iter().position(|f| *f == import).unwrap();
                if to > floor {
                    broken.push(format!(
                        "{} imports {import}",
                        file.strip_prefix(&src).unwrap().display()
                    ));
                }
            }
        }
    }
    assert!(broken.is_empty(), "imports that point upwards:\n{}", broken.join("\n"));
}

#[test]
fn the_import_reader_sees_upward_imports() {
    assert_eq!(imports("use crate::lake::frame;"), ["lake"]);
    assert_eq!(imports("use crate::{base::time, report::Results};"), ["base", "report"]);
    assert!(imports("use crate::lakes::frame;").is_empty());
}

#[test]
fn only_the_lake_names_parquet_and_polars() {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    for file in files {
        let inside = file.strip_prefix(&src).unwrap().starts_with("lake");
        let text = code(&file);
        let names = ["parquet::", "polars::", "use parquet", "use polars"].iter().any(|n| {
            text.match_indices(n)
                .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
        });
        assert!(inside || !names, "{} names parquet or polars", file.display());
    }
}

#[test]
fn only_the_cli_prints() {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    for file in files {
        let relative = file.strip_prefix(&src).unwrap();
        if relative.starts_with("cli") {
            continue;
        }
        let text = code(&file);
        let body = text.split("#[cfg(test)]").next().unwrap();
        let test_file = relative.to_string_lossy().contains("test")
            || relative.ends_with("real_logs.rs")
            || relative.ends_with("vectors.rs");
        for banned in ["println!", "eprintln!", "process::exit"] {
            assert!(
                test_file || !body.contains(banned),
                "{} uses {banned}",
                relative.display()
            );
        }
    }
}

#[test]
fn plug_ins_import_no_sibling_and_stand_in_a_list() {
    let src = root().join("src");
    for folder in PLUGINS {
        let dir = src.join(folder);
        let list = fs::read_to_string(dir.join("mod.rs")).unwrap();
        let mut names: Vec<String> = fs::read_dir(&dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "rs"))
            .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|n| n != "mod")
            .collect();
        names.sort();
        let registered = |n: &str| list.contains(&format!("{n}::"));
        let declared = |n: &str| list.contains(&format!("mod {n};"));
        for name in &names {
            assert!(registered(name) || declared(name), "{folder}/{name}.rs is in no list");
        }
        let plug_ins: Vec<&String> = names.iter().filter(|n| registered(n) && !declared(n)).collect();
        for name in &plug_ins {
            let text = code(&dir.join(format!("{name}.rs")));
            let body = text.split("#[cfg(test)]").next().unwrap();
            for sibling in plug_ins.iter().filter(|s| s != &name) {
                for form in [format!("super::{sibling}::"), format!("super::{sibling};")] {
                    assert!(
                        !body.contains(&form),
                        "{folder}/{name}.rs imports its sibling {sibling}"
                    );
                }
            }
        }
    }
}
