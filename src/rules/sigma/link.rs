//! Rules, filters and correlations put together: references resolved, filters applied, the selection made.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;

use super::condition::Name;
use super::expr::{Expr, join};
use super::load::{RuleSet, Selection};
use super::model::{Correlation, Document, Filter, Header, Logsource, Rejected, Rule};
use super::pattern::Pattern;
use super::program::Program;

/// A correlation whose references are resolved.
#[derive(Debug)]
pub struct Linked {
    /// The correlation.
    pub correlation: Correlation,
    /// What it looks at, in its order.
    pub parts: Vec<Part>,
    /// Whether it is reported, or serves other correlations only.
    pub reported: bool,
}

/// One thing that a correlation looks at.
#[derive(Debug, Clone)]
pub struct Part {
    /// The name by which the condition and aliases know it.
    pub name: String,
    /// A rule of the program or an earlier correlation.
    pub what: Source,
    /// For each field of `group-by`, then each field that is counted: the place of its value in the match's keys.
    pub keys: Vec<usize>,
}

/// Where the matches of a part come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A rule of the program.
    Rule(u32),
    /// A correlation, by its place.
    Correlation(usize),
}

/// Links documents; correlations that refer to nothing are rejected.
pub fn link(documents: Vec<Document>, mut rejected: Vec<Rejected>, selection: &Selection) -> RuleSet {
    let documents = unique(documents, &mut rejected);
    let mut rules: Vec<Rule> = Vec::new();
    let mut correlations: Vec<Correlation> = Vec::new();
    let mut filters: Vec<Filter> = Vec::new();
    for d in documents {
        match d {
            Document::Rule(r) => rules.push(r),
            Document::Correlation(c) => correlations.push(c),
            Document::Filter(f) => filters.push(f),
        }
    }
    apply(&filters, &mut rules, &mut rejected);
    let wanted = Wanted::new(selection);
    let correlations = ordered(correlations, &rules, &mut rejected);
    let keep_correlation: Vec<bool> = correlations.iter().map(|c| wanted.keeps(&c.header)).collect();
    // What kept correlations need, through chains of them.
    let mut needed_rules: BTreeSet<usize> = BTreeSet::new();
    let mut needed: Vec<bool> = keep_correlation.clone();
    for (i, c) in correlations.iter().enumerate().rev() {
        if !needed.get(i).copied().unwrap_or(false) {
            continue;
        }
        for reference in &c.rules {
            if let Some(at) = rules.iter().position(|r| r.header.answers_to(reference)) {
                needed_rules.insert(at);
            } else if let Some(at) = correlations.iter().position(|o| o.header.answers_to(reference))
                && let Some(slot) = needed.get_mut(at)
            {
                *slot = true;
            }
        }
    }
    // Rules that a correlation looks at are reported by themselves only where one of them says `generate`.
    let mut silent: BTreeSet<usize> = needed_rules.clone();
    for c in correlations
        .iter()
        .zip(&needed)
        .filter(|(c, n)| **n && c.generate)
        .map(|(c, _)| c)
    {
        for reference in &c.rules {
            if let Some(at) = rules.iter().position(|r| r.header.answers_to(reference)) {
                silent.remove(&at);
            }
        }
    }
    let mut set = RuleSet {
        rejected,
        ..RuleSet::default()
    };
    let mut place: BTreeMap<usize, u32> = BTreeMap::new();
    let mut compiled: Vec<(Rule, Vec<String>)> = Vec::new();
    for (i, rule) in rules.into_iter().enumerate() {
        let kept = wanted.keeps(&rule.header);
        if !kept && !needed_rules.contains(&i) {
            set.deselected += 1;
            continue;
        }
        place.insert(i, compiled.len() as u32);
        set.reported.push(kept && !silent.contains(&i));
        set.loaded += 1;
        compiled.push((rule, Vec::new()));
    }
    set.deselected += needed.iter().filter(|n| !**n).count() as u64;
    let mut at_of: BTreeMap<usize, usize> = BTreeMap::new();
    let mut linked: Vec<Linked> = Vec::new();
    let referenced: BTreeSet<String> = correlations
        .iter()
        .zip(&needed)
        .filter(|(c, n)| **n && !c.generate)
        .flat_map(|(c, _)| c.rules.clone())
        .collect();
    for (i, c) in correlations
        .iter()
        .enumerate()
        .filter(|(i, _)| needed.get(*i).copied().unwrap_or(false))
    {
        let parts = c
            .rules
            .iter()
            .filter_map(|reference| part(c, reference, &mut compiled, &correlations, &at_of))
            .collect();
        let kept = keep_correlation.get(i).copied().unwrap_or(false);
        let chained = referenced.iter().any(|r| c.header.answers_to(r));
        at_of.insert(i, linked.len());
        set.loaded += 1;
        linked.push(Linked {
            correlation: c.clone(),
            parts,
            reported: kept && !chained,
        });
    }
    set.correlations = linked;
    set.program = Program::new(compiled);
    set.rejected.sort();
    set
}

/// A part of a correlation; asks its rule for the values of the fields that it needs.
fn part(
    c: &Correlation,
    reference: &str,
    compiled: &mut [(Rule, Vec<String>)],
    correlations: &[Correlation],
    at_of: &BTreeMap<usize, usize>,
) -> Option<Part> {
    let fields = fields_of(c, reference);
    if let Some((at, (_, keys))) = compiled
        .iter_mut()
        .enumerate()
        .find(|(_, (r, _))| r.header.answers_to(reference))
    {
        let places = fields
            .iter()
            .map(|f| match keys.iter().position(|k| k == f) {
                Some(p) => p,
                None => {
                    keys.push(f.clone());
                    keys.len() - 1
                }
            })
            .collect();
        return Some(Part {
            name: reference.to_owned(),
            what: Source::Rule(at as u32),
            keys: places,
        });
    }
    let (i, other) = correlations
        .iter()
        .enumerate()
        .find(|(_, o)| o.header.answers_to(reference))?;
    let at = at_of.get(&i).copied()?;
    // A correlation's matches carry the values of its own group-by.
    let places = fields
        .iter()
        .map(|f| other.group_by.iter().position(|g| g == f).unwrap_or(usize::MAX))
        .collect();
    Some(Part {
        name: reference.to_owned(),
        what: Source::Correlation(at),
        keys: places,
    })
}

/// The fields whose values a correlation needs of one of its rules: those of `group-by`, aliases resolved, then those counted.
fn fields_of(c: &Correlation, reference: &str) -> Vec<String> {
    let resolve = |name: &String| {
        let alias = c.aliases.iter().find(|(a, _)| a == name);
        let field = alias.and_then(|(_, per_rule)| per_rule.iter().find(|(r, _)| r == reference));
        field.map_or_else(|| name.clone(), |(_, f)| f.clone())
    };
    let mut out: Vec<String> = c.group_by.iter().map(resolve).collect();
    if let super::model::Needed::Numbers { fields, .. } = &c.condition {
        out.extend(fields.iter().map(resolve));
    }
    out
}

/// The same rule read twice counts once; another rule under an id that is taken is rejected.
fn unique(documents: Vec<Document>, rejected: &mut Vec<Rejected>) -> Vec<Document> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut out: Vec<Document> = Vec::new();
    let content = |d: &Document| format!("{d:?}").replace(&format!("{:?}", d.header().place), "");
    for d in documents {
        let h = d.header();
        match seen.get(&h.id).and_then(|i| out.get(*i)) {
            None => {
                seen.insert(h.id.clone(), out.len());
                out.push(d);
            }
            Some(known) if content(known) == content(&d) => {}
            Some(_) => rejected.push(Rejected {
                place: h.place.clone(),
                title: h.title.clone(),
                reason: format!("another rule has the id '{}' already; give it its own", h.id),
            }),
        }
    }
    out
}

/// Puts filters into the rules they are for.
fn apply(filters: &[Filter], rules: &mut [Rule], rejected: &mut Vec<Rejected>) {
    for f in filters {
        let mut used = false;
        for r in rules.iter_mut() {
            let named = f.rules.is_empty() || f.rules.iter().any(|n| r.header.answers_to(n));
            if named && within(&f.logsource, &r.logsource) {
                used = true;
                r.condition = join([r.condition.clone(), f.condition.clone()], true);
            }
        }
        if !used && !f.rules.is_empty() {
            rejected.push(Rejected {
                place: f.header.place.clone(),
                title: f.header.title.clone(),
                reason: format!(
                    "no rule for this filter: none is called {} with its logsource",
                    f.rules.join(", ")
                ),
            });
        }
    }
}

/// Whether a rule's logsource is the filter's or a part of it.
fn within(filter: &Logsource, rule: &Logsource) -> bool {
    let part = |f: &Option<String>, r: &Option<String>| f.is_none() || f == r;
    part(&filter.product, &rule.product)
        && part(&filter.category, &rule.category)
        && part(&filter.service, &rule.service)
}

/// Correlations behind those they refer to; references that lead nowhere or in a circle are rejected.
fn ordered(correlations: Vec<Correlation>, rules: &[Rule], rejected: &mut Vec<Rejected>) -> Vec<Correlation> {
    let mut open = correlations;
    let mut done: Vec<Correlation> = Vec::new();
    loop {
        let before = open.len();
        let mut later = Vec::new();
        for c in open {
            let known = |r: &String| {
                rules.iter().any(|x| x.header.answers_to(r)) || done.iter().any(|x| x.header.answers_to(r))
            };
            match c.rules.iter().all(known) && unknown_names(&c).is_empty() {
                true => done.push(c),
                false => later.push(c),
            }
        }
        open = later;
        if open.len() == before {
            break;
        }
    }
    for c in open {
        let missing: Vec<String> = c
            .rules
            .iter()
            .filter(|r| !rules.iter().any(|x| x.header.answers_to(r)) && !done.iter().any(|x| x.header.answers_to(r)))
            .cloned()
            .chain(unknown_names(&c))
            .collect();
        rejected.push(Rejected {
            place: c.header.place.clone(),
            title: c.header.title.clone(),
            reason: format!(
                "it refers to {}, which is no rule that can be used (or refers back to this one); load it too",
                missing.join(", ")
            ),
        });
    }
    done
}

/// Names in a temporal condition that are none of the correlation's rules.
fn unknown_names(c: &Correlation) -> Vec<String> {
    let super::model::Needed::Rules(e) = &c.condition else {
        return Vec::new();
    };
    let mut out = Vec::new();
    e.each(&mut |name, _| match name {
        Name::One(n) if !c.rules.contains(n) => out.push(n.clone()),
        Name::Of(_, p) if !c.rules.iter().any(|r| Pattern::parse(p).matches(r)) => out.push(p.clone()),
        _ => {}
    });
    out
}

/// A selection, ready to ask.
struct Wanted<'s> {
    selection: &'s Selection,
}

impl<'s> Wanted<'s> {
    fn new(selection: &'s Selection) -> Self {
        Self { selection }
    }

    fn keeps(&self, h: &Header) -> bool {
        let s = self.selection;
        let status = match s.status.is_empty() {
            true => !matches!(h.status.as_str(), "deprecated" | "unsupported"),
            false => s.status.iter().any(|w| w.eq_ignore_ascii_case(&h.status)),
        };
        status
            && s.min_level.is_none_or(|l| h.level >= l)
            && (s.include.is_empty() || s.include.iter().any(|w| names(w, h)))
            && !s.exclude.iter().any(|w| names(w, h))
    }
}

/// Whether a word of the user means this rule: its id, its name, a tag, or its title as a glob.
fn names(word: &str, h: &Header) -> bool {
    let glob = |text: &str| {
        let built = GlobBuilder::new(word).case_insensitive(true).build();
        built.is_ok_and(|g| g.compile_matcher().is_match(text))
    };
    h.answers_to(word)
        || h.title.eq_ignore_ascii_case(word)
        || h.tags.iter().any(|t| {
            t.eq_ignore_ascii_case(word) || t.strip_prefix("attack.").is_some_and(|t| t.eq_ignore_ascii_case(word))
        })
        || word.contains(['*', '?']) && (glob(&h.title) || h.tags.iter().any(|t| glob(t)))
}

/// The truth of a condition over rule names.
pub fn holds(e: &Expr<Name>, names: &[&str], present: &dyn Fn(&str) -> bool) -> bool {
    e.eval(&mut |n| match n {
        Name::One(n) => present(n),
        Name::Of(all, pattern) => {
            let glob = Pattern::parse(pattern);
            let mut of = names.iter().filter(|n| glob.matches(n));
            match all {
                true => of.all(|n| present(n)),
                false => of.any(|n| present(n)),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::sigma::document;
    use crate::rules::sigma::placeholders::Placeholders;
    use std::sync::Arc;

    fn set(text: &str, selection: &Selection) -> RuleSet {
        let (documents, rejected) = document::read(&Arc::from("f.yml"), text, &Placeholders::default());
        link(documents, rejected, selection)
    }

    fn rule(id: &str, more: &str) -> String {
        format!(
            "title: T{id}\nid: {id}\n{more}logsource: {{product: windows, category: process_creation}}\ndetection:\n  sel: {{Image: a}}\n  condition: sel\n---\n"
        )
    }

    fn correlation(id: &str, rules: &str, more: &str) -> String {
        format!(
            "title: C{id}\nid: {id}\ncorrelation: {{type: event_count, rules: [{rules}], group-by: [User], timespan: 1h, condition: {{gte: 2}}{more}}}\n---\n"
        )
    }

    #[test]
    fn selections_are_by_level_status_id_tag_and_title() {
        let text = rule("a", "level: high\ntags: [attack.t1059]\n")
            + &rule("b", "level: low\nstatus: deprecated\n")
            + &rule("c", "");
        let loaded = |s: &Selection| {
            let set = set(&text, s);
            set.program
                .rules()
                .iter()
                .map(|r| r.header.id.clone())
                .collect::<Vec<_>>()
        };
        let some = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            loaded(&Selection::default()),
            ["a", "c"],
            "deprecated rules must be asked for"
        );
        let s = Selection::default;
        assert_eq!(
            loaded(&Selection {
                min_level: Some(crate::rules::sigma::model::Severity::Medium),
                ..s()
            }),
            ["a"]
        );
        assert_eq!(
            loaded(&Selection {
                status: some(&["deprecated"]),
                ..s()
            }),
            ["b"]
        );
        assert_eq!(
            loaded(&Selection {
                include: some(&["T1059"]),
                ..s()
            }),
            ["a"]
        );
        assert_eq!(
            loaded(&Selection {
                exclude: some(&["T?"]),
                ..s()
            }),
            [""; 0]
        );
        assert_eq!(
            loaded(&Selection {
                include: some(&["Tc"]),
                ..s()
            }),
            ["c"]
        );
    }

    #[test]
    fn rules_of_a_correlation_are_silent_unless_it_generates() {
        let text = rule("a", "") + &rule("b", "") + &correlation("x", "a", "");
        let s = set(&text, &Selection::default());
        assert_eq!(s.reported, [false, true]);
        let s = set(
            &(rule("a", "") + &correlation("x", "a", ", generate: true")),
            &Selection::default(),
        );
        assert_eq!(s.reported, [true]);
    }

    #[test]
    fn chains_are_put_in_order_and_circles_refused() {
        let text = rule("a", "")
            + &correlation("y", "x", "")
            + &correlation("x", "a", "")
            + &correlation("p", "q", "")
            + &correlation("q", "p", "");
        let s = set(&text, &Selection::default());
        let ids: Vec<&str> = s
            .correlations
            .iter()
            .map(|l| l.correlation.header.id.as_str())
            .collect();
        assert_eq!(ids, ["x", "y"]);
        assert_eq!(s.correlations[1].parts[0].what, Source::Correlation(0));
        assert_eq!(
            s.correlations.iter().map(|l| l.reported).collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(s.rejected.len(), 2);
    }

    #[test]
    fn a_filter_goes_into_its_rules_and_one_without_a_rule_is_listed() {
        let filter = "title: F\nid: f\nlogsource: {product: windows}\nfilter:\n  rules: [a]\n  own: {User: x}\n  condition: not own\n---\n";
        let s = set(&(rule("a", "") + &rule("b", "") + filter), &Selection::default());
        assert_eq!(
            s.program.rules().iter().map(|r| r.expr.len()).collect::<Vec<_>>(),
            [2, 1]
        );
        let s = set(&(rule("b", "") + filter), &Selection::default());
        assert!(s.rejected[0].reason.contains("no rule for this filter"));
    }

    #[test]
    fn the_same_rule_twice_counts_once_and_another_under_its_id_is_refused() {
        let s = set(&(rule("a", "") + &rule("a", "")), &Selection::default());
        assert_eq!((s.loaded, s.rejected.len()), (1, 0));
        let s = set(&(rule("a", "") + &rule("a", "level: high\n")), &Selection::default());
        assert_eq!((s.loaded, s.rejected.len()), (1, 1));
    }
}
