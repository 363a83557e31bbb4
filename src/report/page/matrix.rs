//! The ATT&CK matrix: a column per tactic of the version in use, a cell per technique that was seen, then those that were
//! looked for, and of these the ones for which no log was there.

use std::collections::{BTreeMap, BTreeSet};

use super::{counted, finding, shown};
use crate::knowledge::attack::AttackTable;
use crate::report::lang::Lang;
use crate::report::run::Blind;
use crate::score::finding::{Finding, TechniqueRef};
use crate::signals::SIGNALS;

/// A tactic.
pub struct TacticColumn {
    /// In words.
    pub name: String,
    /// Techniques with evidence, hottest first.
    pub cells: Vec<Cell>,
    /// Techniques that some signal looks for, without evidence; by id.
    pub rest: Vec<Unseen>,
    /// How many were seen of how many that are looked for, in words.
    pub told: String,
}

/// A technique without evidence.
pub struct Unseen {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whether no log was there that could show it.
    pub dark: bool,
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
pub fn matrix(findings: &[Finding], blind: &[Blind], lang: Lang) -> Vec<TacticColumn> {
    let table = AttackTable::builtin();
    let looked_for = looked_for(table, blind);
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
    // What was seen for another of its tactics is no gap of this one.
    let anywhere: BTreeSet<&str> = seen.keys().map(|(_, id)| *id).collect();
    let column = |tactic: &String| {
        let mut cells: Vec<(&Seen<'_>, Cell)> = seen
            .iter()
            .filter(|((t, _), _)| t == tactic)
            .map(|(_, s)| (s, s.cell(lang)))
            .collect();
        cells.sort_by(|a, b| b.0.best.total_cmp(&a.0.best).then_with(|| a.1.id.cmp(&b.1.id)));
        let rest: Vec<Unseen> = looked_for
            .iter()
            .filter(|(id, _)| !anywhere.contains(*id))
            .filter_map(|(id, dark)| Some((table.get(id)?, *dark)))
            .filter(|(t, _)| t.tactics.contains(tactic))
            .map(|(t, dark)| Unseen {
                id: t.id.clone(),
                name: t.name.clone(),
                dark,
            })
            .collect();
        TacticColumn {
            name: finding::words(tactic, lang),
            told: match cells.len() + rest.len() {
                0 => lang.t("Not looked for.").to_owned(),
                all => lang.fill("{} seen of {}", &[&cells.len(), &all]),
            },
            cells: cells.into_iter().map(|c| c.1).collect(),
            rest,
        }
    };
    table.tactic_order().iter().map(column).collect()
}

/// Techniques that signals look for, and whether all of those signals had nothing to look at anywhere.
fn looked_for<'a>(table: &'a AttackTable, blind: &[Blind]) -> BTreeMap<&'a str, bool> {
    let nowhere: BTreeSet<&str> = blind
        .iter()
        .filter(|b| b.hosts.is_empty())
        .map(|b| b.signal.as_str())
        .collect();
    let mut out: BTreeMap<&str, bool> = BTreeMap::new();
    for meta in SIGNALS.iter().map(|s| s.meta()) {
        for id in meta.techniques.iter().filter_map(|id| table.current(id)) {
            *out.entry(id).or_insert(true) &= nowhere.contains(meta.id);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::hostile;

    fn columns(blind: &[Blind]) -> BTreeMap<String, TacticColumn> {
        let columns = matrix(&hostile().findings, blind, Lang::En);
        assert_eq!(
            columns.len(),
            AttackTable::builtin().tactic_order().len(),
            "every tactic"
        );
        columns.into_iter().map(|c| (c.name.clone(), c)).collect()
    }

    #[test]
    fn what_was_seen_is_no_longer_among_what_was_looked_for() {
        let columns = columns(&[]);
        let execution = &columns["execution"];
        assert_eq!(execution.cells[0].id, "T1059.001");
        assert_eq!(execution.cells[0].heat, "h5");
        assert!(!execution.rest.is_empty() && execution.rest.iter().all(|r| r.id != "T1059.001" && !r.dark));
        let of = execution.cells.len() + execution.rest.len();
        assert_eq!(execution.told, format!("{} seen of {of}", execution.cells.len()));
        assert!(columns["impact"].cells.is_empty() && !columns["impact"].rest.is_empty());
    }

    #[test]
    fn a_technique_is_dark_only_where_no_signal_for_it_had_a_log() {
        let of = |technique: &str| -> Vec<Blind> {
            let looks = |ids: &[&str]| {
                ids.iter()
                    .any(|id| AttackTable::builtin().current(id) == Some(technique))
            };
            let metas = SIGNALS.iter().map(|s| s.meta()).filter(|m| looks(m.techniques));
            metas
                .map(|m| Blind {
                    signal: m.id.to_owned(),
                    hosts: Vec::new(),
                    why: String::new(),
                })
                .collect()
        };
        let dark = |blind: &[Blind]| {
            let rest = columns(blind).remove("impact").unwrap().rest;
            rest.iter().find(|r| r.id == "T1486").unwrap().dark
        };
        let mut blind = of("T1486");
        assert!(!blind.is_empty() && dark(&blind));
        blind[0].hosts = vec!["one host only".to_owned()];
        assert!(!dark(&blind));
    }
}
