use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::knowledge::attack::AttackTable;
use crate::signals::SIGNALS;

fn holes(text: &str) -> usize {
    text.matches("{}").count()
}

/// English texts that the report's own code and templates ask for by name.
fn asked() -> BTreeSet<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report");
    let mut files: Vec<_> = ["page.rs", "report_md.rs", "lang.rs", "terminal.rs"]
        .iter()
        .map(|f| dir.join(f))
        .collect();
    for folder in ["page", "templates"] {
        files.extend(fs::read_dir(dir.join(folder)).unwrap().map(|e| e.unwrap().path()));
    }
    let call = regex::Regex::new(r#"lang\s*\.(?:t|n|fill)\(\s*"((?:[^"\\]|\\.)*)""#).unwrap();
    let counted = regex::Regex::new(r#"(?s)counted\(\s*(?:lang,)?[^"]*?"([^"]*)",\s*"([^"]*)""#).unwrap();
    let mut out = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        out.extend(call.captures_iter(code).map(|c| c[1].to_owned()));
        out.extend(
            counted
                .captures_iter(code)
                .flat_map(|c| [c[1].to_owned(), c[2].to_owned()]),
        );
    }
    assert!(out.len() > 120, "{} texts", out.len());
    out
}

#[test]
fn the_catalogue_is_one_table_of_sections_and_every_hole_is_told() {
    let sections: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(JA).unwrap();
    for (english, told) in sections.values().flatten() {
        assert!(!told.trim().is_empty(), "{english}");
        for part in told.split('{').skip(1) {
            let number = part.split('}').next().unwrap().trim_end_matches('*');
            let number: usize = number.parse().unwrap_or_else(|_| panic!("{english} = {told}"));
            assert!((1..=holes(english)).contains(&number), "{english} = {told}");
        }
    }
}

#[test]
fn every_text_of_the_report_is_in_the_catalogue() {
    let missing: Vec<String> = asked().into_iter().filter(|t| japanese().exact(t).is_none()).collect();
    assert!(
        missing.is_empty(),
        "src/report/lang/ja.toml lacks, in [page]: {missing:#?}"
    );
}

#[test]
fn every_signal_tactic_severity_and_status_has_a_name() {
    let titles = SIGNALS.iter().map(|s| s.meta().title.to_owned());
    let tactics = AttackTable::builtin()
        .tactic_order()
        .iter()
        .map(|t| t.replace('-', " "));
    let words = [
        "critical", "high", "medium", "low", "info", "new", "changed", "ongoing", "gone",
    ];
    let missing: Vec<String> = titles
        .chain(tactics)
        .chain(words.map(str::to_owned))
        .filter(|t| japanese().exact(t).is_none())
        .collect();
    assert!(missing.is_empty(), "src/report/lang/ja.toml lacks: {missing:#?}");
}

#[test]
fn a_sentence_is_told_around_its_values() {
    let c = Catalogue::parse(
        r#"
        [page]
        "{} on {}" = "never a shape"
        [explain]
        "{} started by {}" = "{2} が {1} を起動"
        "{} read {}" = "{1} が {2*} を読んだ"
        "a dump" = "ダンプ"
        "at night" = "夜間"
        "#,
    );
    let tell = |t: &str| c.tell(t, 0);
    assert_eq!(tell("x.exe started by y z").as_deref(), Some("y z が x.exe を起動"));
    assert_eq!(tell("x read a dump").as_deref(), Some("x が ダンプ を読んだ"));
    assert_eq!(tell("x read a dump, b").as_deref(), Some("x が ダンプ、b を読んだ"));
    assert_eq!(tell("a started by b; at night").as_deref(), Some("b が a を起動。夜間"));
    assert_eq!(
        tell("a started by b; who knows").as_deref(),
        Some("b; who knows が a を起動")
    );
    assert_eq!(
        tell("who knows; at night"),
        None,
        "an unknown clause makes the sentence unknown"
    );
    assert_eq!(
        tell("x started by y (at night; z)").as_deref(),
        Some("y (at night; z) が x を起動")
    );
    assert_eq!(tell("cat on mat"), None);
    assert_eq!(tell(" started by y"), None, "a hole is never empty");
}

#[test]
fn hostile_values_stay_values() {
    let c = Catalogue::parse("[explain]\n\"{} ran {}\" = \"{1} が {2} を実行\"\n");
    let told = c.tell("{2}{1*} ran {99} ran x; y", 0).unwrap();
    assert_eq!(told, "{2}{1*} が {99} ran x; y を実行");
    let long = "; ".repeat(50_000);
    assert_eq!(c.tell(&long, 0), None);
}

#[test]
fn english_is_written_as_it_stands() {
    assert_eq!(Lang::En.fill("{} of {}", &[&1, &"x"]), "1 of x");
    assert_eq!(Lang::En.tell("anything"), "anything");
    assert_eq!(Lang::parse("ja"), Some(Lang::Ja));
    assert_eq!(Lang::parse("fr"), None);
}
