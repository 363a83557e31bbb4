//! Matches of Sigma rules as hits: level, techniques, title and matched fields of the rule, anchored at the event.

use std::collections::{BTreeMap, BTreeSet};

use super::Cx;
use super::hit::{Hit, Prevalence, RowRef};
use super::meta::{Key, Level, Meta};
use crate::base::text::{basename, truncate_chars};
use crate::knowledge::attack::{AttackTable, stage_of};
use crate::lake::frame::{Frames, Numbered, Row, StrId};
use crate::rules::sigma::Match;
use crate::rules::sigma::correlate::{self, Event};
use crate::rules::sigma::hunt::Found;
use crate::rules::sigma::link::Source;
use crate::rules::sigma::load::RuleSet;
use crate::rules::sigma::model::{Header, Severity};
use crate::schema::{Table, common};

/// Ids of Sigma rules as signals begin so; the rule's own id follows.
const PREFIX: &str = "sigma:";
/// Hits of one rule, host and key that stand by themselves; further ones are counted into the last.
const MAX_HITS: usize = 50;
/// Rows of a correlation that are kept as evidence.
const MAX_ROWS: usize = 20;
/// Characters of one matched value in a sentence.
const MAX_VALUE: usize = 160;

/// What rules found, as hits and as numbers per correlation.
#[derive(Debug, Default)]
pub struct SigmaHits {
    /// The hits, in no order.
    pub hits: Vec<Hit>,
    /// How often each correlation of the set holds.
    pub correlated: Vec<u64>,
}

/// One match and its row.
struct At<'a> {
    row: Row<'a>,
    found: &'a Match,
}

/// See [`Rules::on`].
static ANY: Meta = Meta {
    id: PREFIX,
    title: "",
    sees: "",
    why: "",
    techniques: &[],
    stage: "execution",
    family: "execution",
    key: Key::Fleet,
    reads: &[],
    level: Level::Medium,
    decisive: false,
    thresholds: &[],
    benign: &[],
};

/// Where rows of the lake are, by their numbers.
pub trait Find {
    /// The place of a row in the frame of its table; `None` where it is not held.
    fn find(&self, table: &'static Table, number: u64) -> Option<u32>;
}

/// Turns what rules found into hits; of the rows of a lake it may be shown some hosts at a time.
pub struct Rules<'s> {
    set: &'s RuleSet,
    found: &'s Found,
    attack: &'s AttackTable,
    metas: BTreeMap<u32, &'static Meta>,
    correlated: BTreeSet<u32>,
}

impl<'s> Rules<'s> {
    /// The matches of a set.
    pub fn new(set: &'s RuleSet, found: &'s Found, attack: &'s AttackTable) -> Self {
        let parts = set.correlations.iter().flat_map(|l| &l.parts);
        let rules = parts.filter_map(|p| match p.what {
            Source::Rule(rule) => Some(rule),
            Source::Correlation(_) => None,
        });
        Self {
            set,
            found,
            attack,
            metas: BTreeMap::new(),
            correlated: rules.collect(),
        }
    }

    /// Hits of single matches in the rows that are held, which are all those of their hosts.
    pub fn singles(&mut self, cx: &Cx<'_>, rows: &impl Find) -> Vec<Hit> {
        let mut out = Vec::new();
        let reported = |rule: u32| self.set.reported.get(rule as usize).copied().unwrap_or(false);
        for (rule, list) in &self.held(cx, rows, reported) {
            let Some(compiled) = self.set.program.rule(*rule) else {
                continue;
            };
            let meta = *self
                .metas
                .entry(*rule)
                .or_insert_with(|| meta(&compiled.header, self.attack));
            singles(self.set, meta, cx, list, &mut out);
        }
        out
    }

    /// Rows on which correlations may stand, of those that are held.
    pub fn correlated(&self, cx: &Cx<'_>, rows: &impl Find) -> Vec<RowRef> {
        let held = self.held(cx, rows, |rule| self.correlated.contains(&rule));
        held.values().flatten().map(|m| RowRef::from(m.row)).collect()
    }

    /// A hit that stands for whatever a correlation may say of a row.
    pub fn on(&self, row: Row<'_>) -> Hit {
        Hit::at(&ANY, row, "", "")
    }

    /// Hits of correlations, and how often each of the set holds. Correlations are made here, where times are corrected.
    pub fn correlations(&self, cx: &Cx<'_>, rows: &impl Find) -> SigmaHits {
        let mut out = SigmaHits::default();
        let held = self.held(cx, rows, |rule| self.correlated.contains(&rule));
        correlations(cx, self.set, &held, &mut out);
        out
    }

    /// Matches of some rules whose rows are held, in the order of what these say.
    fn held<'f>(&self, cx: &Cx<'f>, rows: &impl Find, which: impl Fn(u32) -> bool) -> BTreeMap<u32, Vec<At<'f>>>
    where
        's: 'f,
    {
        let found: &'s Found = self.found;
        let mut per_rule: BTreeMap<u32, Vec<At<'f>>> = BTreeMap::new();
        for (table, matches) in &found.matches {
            for m in matches.iter().filter(|m| which(m.rule)) {
                let row = rows.find(table, m.at).map(|at| cx.frames.row(table, at));
                // A row that was forgotten has no time.
                if let Some(row) = row.filter(|r| r.int(common::TS).is_some()) {
                    per_rule.entry(m.rule).or_default().push(At { row, found: m });
                }
            }
        }
        for list in per_rule.values_mut() {
            list.sort_by(|a, b| place(&a.row).cmp(&place(&b.row)));
        }
        per_rule
    }
}

/// Frames that hold all rows in the order of the lake.
impl Find for Frames {
    fn find(&self, table: &'static Table, number: u64) -> Option<u32> {
        let at = u32::try_from(number).ok()?;
        ((at as usize) < self.frame(table).len()).then_some(at)
    }
}

impl Find for Numbered {
    fn find(&self, table: &'static Table, number: u64) -> Option<u32> {
        self.at(table, number)
    }
}

/// Orders rows by what they say, never by where they lie in the lake.
fn place<'a>(row: &Row<'a>) -> (&'a str, i64, &'static str, i64, i64, i64) {
    let int = |c| row.int(c).unwrap_or(0);
    (
        row.host(),
        row.ts(),
        row.table().name,
        int(common::RECORD_ID),
        int(common::FILE_ID),
        int(common::ROW),
    )
}

fn singles(set: &RuleSet, meta: &'static Meta, cx: &Cx<'_>, list: &[At<'_>], out: &mut Vec<Hit>) {
    let mut kept: BTreeMap<(StrId, String), (usize, usize)> = BTreeMap::new();
    for m in list {
        let key = key(&m.row, m.found);
        let folded = kept
            .entry((m.row.id(common::HOST), key.clone()))
            .or_insert((0, out.len()));
        if folded.0 >= MAX_HITS {
            if let Some(hit) = out.get_mut(folded.1) {
                hit.count += 1;
                hit.last = hit.last.max(m.row.ts());
            }
            continue;
        }
        folded.0 += 1;
        folded.1 = out.len();
        let hit = Hit::at(meta, m.row, key, explain(set, meta, cx, m.found));
        out.push(hit.prevalence(Prevalence::OfHits));
    }
}

/// What is counted over hosts: the program that did it, else what matched.
fn key(row: &Row<'_>, m: &Match) -> String {
    let image = row.table().find("image").and_then(|(c, _)| row.text(c));
    let text = match image {
        Some(path) => basename(path),
        None => m.fields.first().map_or("", |(_, v)| v.as_str()),
    };
    truncate_chars(&text.to_lowercase(), 80).to_owned()
}

/// The title with the fields that matched.
fn explain(set: &RuleSet, meta: &Meta, cx: &Cx<'_>, m: &Match) -> String {
    let values: Vec<String> = m
        .fields
        .iter()
        .map(|(f, v)| {
            let name = match set.program.field_name(*f) {
                "" => "text",
                name => name,
            };
            format!("{name} = {}", truncate_chars(v, MAX_VALUE))
        })
        .collect();
    let renamed = renamed(meta, &cx.knowledge.attack);
    match values.is_empty() {
        true => format!("Sigma rule matches: {}{renamed}", meta.title),
        false => format!("Sigma rule matches: {} ({}){renamed}", meta.title, values.join(", ")),
    }
}

/// Ids that the rule still writes and what they are called today.
fn renamed(meta: &Meta, table: &AttackTable) -> String {
    let old: Vec<String> = meta
        .techniques
        .iter()
        .filter_map(|t| Some((*t, table.current(t)?)))
        .filter(|(old, new)| old != new)
        .map(|(old, new)| format!("{old} is {new} today"))
        .collect();
    match old.is_empty() {
        true => String::new(),
        false => format!("; {}", old.join(", ")),
    }
}

fn correlations(cx: &Cx<'_>, set: &RuleSet, per_rule: &BTreeMap<u32, Vec<At<'_>>>, out: &mut SigmaHits) {
    let rows: BTreeMap<u32, Vec<Event>> = per_rule
        .iter()
        .map(|(rule, list)| {
            let events = list.iter().enumerate().map(|(i, m)| Event {
                time: m.row.ts(),
                last: m.row.ts(),
                keys: m.found.keys.clone(),
                rows: vec![(*rule, i as u32)],
            });
            (*rule, events.collect())
        })
        .collect();
    let found = correlate::run(&set.correlations, &rows);
    for (linked, groups) in set.correlations.iter().zip(found) {
        out.correlated.push(groups.len() as u64);
        if !linked.reported {
            continue;
        }
        let meta = meta(&linked.correlation.header, &cx.knowledge.attack);
        for g in groups {
            let rows: Vec<Row<'_>> = g
                .rows
                .iter()
                .filter_map(|(rule, i)| Some(per_rule.get(rule)?.get(*i as usize)?.row))
                .collect();
            let Some(first) = rows.first() else { continue };
            let by: Vec<String> = linked
                .correlation
                .group_by
                .iter()
                .zip(&g.keys)
                .filter_map(|(name, v)| Some(format!("{name} = {}", truncate_chars(v.as_deref()?, MAX_VALUE))))
                .collect();
            let by = match by.is_empty() {
                true => String::new(),
                false => format!(" for {}", by.join(", ")),
            };
            let text = format!("Sigma correlation holds: {}: {} events{by}", meta.title, g.rows.len());
            let key = g
                .keys
                .iter()
                .flatten()
                .map(|k| k.to_lowercase())
                .collect::<Vec<_>>()
                .join("|");
            let mut hit = Hit::at(meta, *first, truncate_chars(&key, 80), text);
            hit.last = g.last;
            hit.count = g.rows.len() as u64;
            hit.rows = rows.iter().take(MAX_ROWS).map(|r| RowRef::from(*r)).collect();
            out.hits.push(hit);
        }
    }
}

/// The rule as the manual of a signal. Signals are known for the whole run; so is a rule that matched, which is why its
/// texts are never given back. One per rule that matches, a few hundred bytes each.
fn meta(header: &Header, table: &AttackTable) -> &'static Meta {
    let keep = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let techniques: Vec<&'static str> = techniques(header).into_iter().map(keep).collect();
    let stage = keep(stage(header, table));
    Box::leak(Box::new(Meta {
        id: keep(format!("{PREFIX}{}", header.id)),
        title: keep(header.title.clone()),
        sees: keep(header.description.clone()),
        why: "",
        techniques: Box::leak(techniques.into_boxed_slice()),
        stage,
        family: stage,
        key: Key::Fleet,
        reads: &[],
        level: level(header.level),
        decisive: false,
        thresholds: &[],
        benign: Box::leak(
            header
                .benign
                .iter()
                .cloned()
                .map(keep)
                .collect::<Vec<_>>()
                .into_boxed_slice(),
        ),
    }))
}

fn level(s: Severity) -> Level {
    match s {
        Severity::Informational => Level::Info,
        Severity::Low => Level::Low,
        Severity::Medium => Level::Medium,
        Severity::High => Level::High,
        Severity::Critical => Level::Critical,
    }
}

/// ATT&CK ids of the tags, as written.
fn techniques(header: &Header) -> Vec<String> {
    let ids = header.tags.iter().filter_map(|t| t.strip_prefix("attack."));
    ids.filter(|t| t.starts_with('t') && t.chars().nth(1).is_some_and(|c| c.is_ascii_digit()))
        .map(str::to_ascii_uppercase)
        .collect()
}

/// The first tactic of the tags that is a stage of a chain, else that of a technique, else execution.
fn stage(header: &Header, table: &AttackTable) -> String {
    let tags = header.tags.iter().filter_map(|t| t.strip_prefix("attack."));
    let named = tags.map(|t| match t.replace('_', "-").as_str() {
        "defense-evasion" => "stealth".to_owned(),
        other => other.to_owned(),
    });
    let mut named = named.filter(|t| stage_of(t).is_some());
    let of_technique = || {
        let ids = techniques(header);
        let tactics = ids
            .iter()
            .filter_map(|id| table.get(table.current(id)?))
            .flat_map(|t| t.tactics.clone());
        tactics.into_iter().find(|t| stage_of(t).is_some())
    };
    named
        .next()
        .or_else(of_technique)
        .unwrap_or_else(|| "execution".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::sigma::model::Place;

    fn header(tags: &[&str]) -> Header {
        Header {
            id: "1".into(),
            name: None,
            title: "t".into(),
            status: String::new(),
            level: Severity::High,
            tags: tags.iter().map(|t| (*t).to_owned()).collect(),
            benign: vec!["admins".into()],
            description: "d".into(),
            author: String::new(),
            tests: String::new(),
            notes: Vec::new(),
            place: Place {
                file: "f".into(),
                line: 1,
            },
        }
    }

    #[test]
    fn tags_become_stage_and_techniques_and_old_ids_are_told() {
        let table = AttackTable::builtin();
        let m = meta(
            &header(&["attack.defense_evasion", "attack.t1562.001", "car.2013-01-01"]),
            table,
        );
        assert_eq!(
            (m.id, m.stage, m.level, m.techniques),
            ("sigma:1", "stealth", Level::High, &["T1562.001"][..])
        );
        assert!(renamed(m, table).contains("T1562.001 is T1685 today"));
        assert_eq!(
            stage(&header(&["attack.reconnaissance", "attack.t1105"]), table),
            "command-and-control"
        );
        assert_eq!(stage(&header(&[]), table), "execution");
    }
}
