use super::*;
use crate::score::finding::{Evidence, Related, SignalHit};
use crate::score::rank::{Case, Step};

/// A finding whose signals each have rows of evidence by offset.
fn finding(id: &str, host: &str, signals: &[(&str, &[u64])]) -> Finding {
    Finding {
        finding_id: id.to_owned(),
        host: host.to_owned(),
        severity: "high".to_owned(),
        signals: signals
            .iter()
            .map(|(signal, offsets)| SignalHit {
                signal: (*signal).to_owned(),
                key: format!("key of {signal}"),
                finding_id: Some(id.to_owned()),
                evidence: offsets
                    .iter()
                    .map(|offset| Evidence {
                        table: "process".to_owned(),
                        offset: *offset,
                        ..Evidence::default()
                    })
                    .collect(),
                ..SignalHit::default()
            })
            .collect(),
        ..Finding::default()
    }
}

fn compared(old: Vec<Finding>, new: Vec<Finding>) -> Results {
    compared_with(old, new, Vec::new())
}

fn compared_with(old: Vec<Finding>, new: Vec<Finding>, cases: Vec<Case>) -> Results {
    let mut results = Results {
        findings: new,
        cases,
        ..Results::default()
    };
    let baseline = Baseline {
        findings: old,
        ..Baseline::default()
    };
    compare(&mut results, baseline);
    results
}

fn told(results: &Results) -> Vec<(&str, &str)> {
    results
        .findings
        .iter()
        .map(|f| (f.finding_id.as_str(), f.status.as_deref().unwrap()))
        .collect()
}

#[test]
fn a_finding_keeps_its_id_while_evidence_is_added() {
    let old = finding("old", "pc", &[("A", &[1, 2])]);
    let same = compared(vec![old.clone()], vec![finding("other", "pc", &[("A", &[1, 2, 3])])]);
    assert_eq!(told(&same), [("old", "ongoing")]);
    assert_eq!(same.findings[0].signals[0].finding_id.as_deref(), Some("old"));
    let more = compared(vec![old], vec![finding("other", "pc", &[("A", &[1, 2]), ("B", &[9])])]);
    assert_eq!(told(&more), [("old", "changed")]);
}

#[test]
fn chains_that_grow_together_name_what_they_took_in() {
    let old = vec![
        finding("a", "pc", &[("A", &[1, 2])]),
        finding("b", "pc", &[("B", &[7])]),
    ];
    let now = compared(old, vec![finding("a", "pc", &[("A", &[1, 2]), ("B", &[7])])]);
    assert_eq!(told(&now), [("a", "changed")]);
    assert_eq!(now.findings[0].merged_from, ["b"]);
}

#[test]
fn chains_that_part_name_where_from_and_ids_stay_unique() {
    let old = vec![finding("a", "pc", &[("A", &[1, 2]), ("B", &[7])])];
    // The smaller part has the id that the whole had.
    let now = compared(
        old,
        vec![
            finding("x", "pc", &[("A", &[1, 2])]),
            finding("a", "pc", &[("B", &[7])]),
        ],
    );
    let ids: Vec<&str> = now.findings.iter().map(|f| f.finding_id.as_str()).collect();
    assert_eq!(ids[0], "a");
    assert_ne!(ids[1], "a");
    assert_eq!(now.findings[1].split_from.as_deref(), Some("a"));
    assert_eq!(now.findings[1].status.as_deref(), Some("new"));
}

#[test]
fn what_is_not_found_again_is_gone_and_stands_last() {
    let now = compared(
        vec![finding("a", "pc", &[("A", &[1])]), finding("b", "pc2", &[("B", &[2])])],
        vec![finding("c", "pc3", &[("C", &[3])]), finding("b", "pc2", &[("B", &[2])])],
    );
    assert_eq!(told(&now), [("c", "new"), ("b", "ongoing"), ("a", "gone")]);
    let report = now.run.baseline.unwrap();
    assert_eq!((report.new, report.changed, report.ongoing, report.gone), (1, 0, 1, 1));
}

#[test]
fn links_and_cases_follow_the_ids() {
    let mut first = finding("x", "pc", &[("A", &[1])]);
    first.case_id = Some("case-x".to_owned());
    let mut second = finding("y", "pc2", &[("B", &[2])]);
    second.case_id = Some("case-x".to_owned());
    second.related = vec![Related {
        finding_id: "x".to_owned(),
        reason: String::new(),
    }];
    let text = |items: &[&str]| items.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>();
    let case = Case {
        case_id: "case-x".to_owned(),
        hosts: text(&["pc", "pc2"]),
        findings: text(&["x", "y"]),
        path: vec![Step {
            from_finding: "x".to_owned(),
            to_finding: "y".to_owned(),
            ..Step::default()
        }],
        ..Case::default()
    };
    let old = vec![finding("a", "pc", &[("A", &[1])])];
    let now = compared_with(old, vec![first, second], vec![case]);
    assert_eq!(now.findings[1].related[0].finding_id, "a");
    assert_eq!(now.findings[1].case_id.as_deref(), Some("case-a"));
    assert_eq!(now.cases[0].case_id, "case-a");
    assert_eq!(now.cases[0].findings, ["a", "y"]);
    let step = &now.cases[0].path[0];
    assert_eq!((step.from_finding.as_str(), step.to_finding.as_str()), ("a", "y"));
}

#[test]
fn a_folder_without_outputs_is_a_first_night_only_where_none_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(load_last(dir.path()).unwrap().findings, []);
    let error = load(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("findings.jsonl") && error.contains("--baseline"),
        "{error}"
    );
    std::fs::write(dir.path().join("findings.jsonl"), "{\"finding_id\":\"a\"}\n\nno json\n").unwrap();
    let error = load_last(dir.path()).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
}
