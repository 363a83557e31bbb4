//! The ATT&CK matrix by what was seen: a column per tactic of the version in use, a cell per technique.

use std::collections::{BTreeMap, BTreeSet};

use super::{counted, finding, shown};
use crate::knowledge::attack::AttackTable;
use crate::report::lang::Lang;
use crate::score::finding::{Finding, TechniqueRef};
use crate::signals::SIGNALS;

/// A tactic.
pub struct TacticColumn {
    /// In words.
    pub name: String,
    /// Techniques with evidence, hottest first.
    pub cells: Vec<Cell>,
    /// How many techniques of this tactic some signal looks for, in words.
    pub looked_for: String,
}

/// A technique.
pub struct Cell {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// How many findings and hosts show it, in words.
    pub count: String,
    /// `h1` (info) to `h5` (critical), by the best finding.
    pub heat: &'static str,
}

/// Counts the matrix. A technique of several tactics stands in each whose signals or stages were seen, else in all.
pub fn matrix(findings: &[Finding], lang: Lang) -> Vec<TacticColumn> {
    let table = AttackTable::builtin();
    let looked_for = looked_for(table);
    let mut seen: BTreeMap<(&str, &str), Seen<'_>> = BTreeMap::new();
    for f in findings.iter().filter(|f| !f.is_gone()) {
        for t in &f.techniques {
            let tactics = t.tactics.iter().map(String::as_str);
            let shared: Vec<&str> = tactics.clone().filter(|t| f.tactics.iter().any(|x| x == t)).collect();
            let of = if shared.is_empty() { tactics.collect() } else { shared };
            for tactic in of {
                seen.entry((tactic, &t.id)).or_insert_with(|| Seen::new(t)).add(f);
            }
        }
    }
    let column = |tactic: &String| {
        let mut cells: Vec<(&Seen<'_>, Cell)> = seen
            .iter()
            .filter(|((t, _), _)| t == tactic)
            .map(|(_, s)| (s, s.cell(lang)))
            .collect();
        cells.sort_by(|a, b| b.0.best.total_cmp(&a.0.best).then_with(|| a.1.id.cmp(&b.1.id)));
        TacticColumn {
            name: finding::words(tactic, lang),
            cells: cells.into_iter().map(|c| c.1).collect(),
            looked_for: counted(
                lang,
                looked_for.get(tactic.as_str()).map_or(0, BTreeSet::len) as u64,
                "{} technique is looked for",
                "{} techniques are looked for",
            ),
        }
    };
    table.tactic_order().iter().map(column).collect()
}

fn looked_for(table: &AttackTable) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut out: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for id in SIGNALS.iter().flat_map(|s| s.meta().techniques) {
        let Some(t) = table.current(id).and_then(|id| table.get(id)) else {
            continue;
        };
        for tactic in &t.tactics {
            out.entry(tactic).or_default().insert(&t.id);
        }
    }
    out
}

struct Seen<'a> {
    technique: &'a TechniqueRef,
    best: f64,
    severity: &'a str,
    findings: usize,
    hosts: BTreeSet<&'a str>,
}

impl<'a> Seen<'a> {
    fn new(technique: &'a TechniqueRef) -> Self {
        Self {
            technique,
            best: -1.0,
            severity: "",
            findings: 0,
            hosts: BTreeSet::new(),
        }
    }

    fn add(&mut self, f: &'a Finding) {
        if f.score > self.best {
            (self.best, self.severity) = (f.score, &f.severity);
        }
        self.findings += 1;
        self.hosts.insert(&f.host);
    }

    fn cell(&self, lang: Lang) -> Cell {
        Cell {
            id: shown(&self.technique.id),
            name: shown(&self.technique.name),
            count: [
                counted(lang, self.findings as u64, "{} finding", "{} findings"),
                counted(lang, self.hosts.len() as u64, "{} host", "{} hosts"),
            ]
            .join(lang.t(", ")),
            heat: match self.severity {
                "critical" => "h5",
                "high" => "h4",
                "medium" => "h3",
                "low" => "h2",
                _ => "h1",
            },
        }
    }
}
