//! Searches and the condition that joins them.

use super::condition::{self, Name};
use super::document::Wrong;
use super::expr::{Expr, join};
use super::modifiers::{Ask, distance, questions};
use super::pattern::Pattern;
use super::placeholders::Filling;
use super::yaml::Node;

/// Most questions of one rule. Quantifiers may name a search many times; this bounds what they make of it.
const MAX_QUESTIONS: usize = 100_000;

/// Keys of a detection that are no searches.
const NO_SEARCHES: &[&str] = &["condition", "timeframe", "rules"];

/// The condition of a `detection` (or `filter`) with its searches put in.
pub(super) fn read(node: &Node, known: &Filling<'_>) -> Result<Expr<Ask>, Wrong> {
    let Some(entries) = node.map() else {
        return Err((node.line, "detection must be a map of searches and a condition".into()));
    };
    let mut searches = Vec::new();
    for e in entries.iter().filter(|e| !NO_SEARCHES.contains(&e.key.as_str())) {
        searches.push((e.key.as_str(), search(&e.value, known)?));
    }
    if searches.is_empty() {
        return Err((node.line, "the detection has no search".into()));
    }
    let Some(condition) = node.get("condition") else {
        return Err((node.line, "the detection has no condition".into()));
    };
    let mut any = Vec::new();
    let mut size = 0usize;
    for text in condition.items() {
        let line = text.line;
        let text = text
            .text()
            .ok_or_else(|| (line, "the condition must be a text".to_owned()))?;
        let names = condition::parse(text).map_err(|e| (line, format!("condition: {e}")))?;
        any.push(put_in(&names, &searches, &mut size).map_err(|e| (line, format!("condition: {e}")))?);
    }
    let out = join(any, false);
    match out {
        // Nothing is left of it because a placeholder has no values: a note says so.
        Expr::Const(false) if !known.notes().is_empty() => Ok(out),
        Expr::Const(_) => Err((condition.line, "the condition asks nothing of an event".into())),
        out => Ok(out),
    }
}

fn put_in(e: &Expr<Name>, searches: &[(&str, Expr<Ask>)], size: &mut usize) -> Result<Expr<Ask>, String> {
    let mut wrong = None;
    let out = e.map(&mut |name| match resolve(name, searches, size) {
        Ok(e) => e,
        Err(reason) => {
            wrong.get_or_insert(reason);
            Expr::Const(false)
        }
    });
    wrong.map_or(Ok(out), Err)
}

fn resolve(name: &Name, searches: &[(&str, Expr<Ask>)], size: &mut usize) -> Result<Expr<Ask>, String> {
    let mut take = |e: &Expr<Ask>| {
        *size = size.saturating_add(e.len());
        match *size > MAX_QUESTIONS {
            true => Err(format!("the rule asks more than {MAX_QUESTIONS} questions")),
            false => Ok(e.clone()),
        }
    };
    match name {
        Name::One(name) => match searches.iter().find(|(n, _)| n == name) {
            Some((_, e)) => take(e),
            None => {
                let near = searches.iter().min_by_key(|(n, _)| distance(n, name));
                let hint = near.map_or_else(String::new, |(n, _)| format!("; did you mean '{n}'?"));
                Err(format!("there is no search '{name}'{hint}"))
            }
        },
        Name::Of(all, pattern) => {
            let glob = Pattern::parse(pattern);
            // Names that begin with an underscore are helpers: `them` leaves them out.
            let wanted = |n: &str| glob.matches(n) && !(pattern == "*" && n.starts_with('_'));
            let list: Result<Vec<_>, String> = searches
                .iter()
                .filter(|(n, _)| wanted(n))
                .map(|(_, e)| take(e))
                .collect();
            let list = list?;
            match list.is_empty() {
                true => Err(format!("no search is named like '{pattern}'")),
                false => Ok(join(list, *all)),
            }
        }
    }
}

/// A search: a map (all of it), a list of maps or texts (any of them), or one text.
fn search(node: &Node, known: &Filling<'_>) -> Result<Expr<Ask>, Wrong> {
    if let Some(entries) = node.map() {
        let mut all = Vec::new();
        for e in entries {
            let values = e.value.items();
            all.push(questions(&e.key, values, known).map_err(|reason| (e.line, reason))?);
        }
        return match all.is_empty() {
            true => Err((node.line, "an empty search matches everything; name a field".into())),
            false => Ok(join(all, true)),
        };
    }
    let mut any = Vec::new();
    for item in node.items() {
        any.push(match item.map() {
            Some(_) => search(item, known)?,
            None => questions("", std::slice::from_ref(item), known).map_err(|reason| (item.line, reason))?,
        });
    }
    match any.is_empty() {
        true => Err((node.line, "an empty search".into())),
        false => Ok(join(any, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::sigma::placeholders::Placeholders;
    use crate::rules::sigma::yaml;
    use std::collections::BTreeMap;

    fn read_text(text: &str) -> Result<Expr<Ask>, Wrong> {
        read(&yaml::parse(text).unwrap()[0], &Filling::new(&Placeholders::default()))
    }

    /// Whether an event with these fields matches; keywords look at all values.
    fn check(text: &str, fields: &[(&str, &str)]) -> bool {
        let fields: BTreeMap<&str, &str> = fields.iter().copied().collect();
        let ask = |a: &Ask| match &a.field {
            Some(f) => fields
                .get(f.as_str())
                .is_some_and(|v| a.question.matches(v, &v.to_lowercase())),
            None => fields.values().any(|v| a.question.matches(v, &v.to_lowercase())),
        };
        read_text(text).unwrap().eval(&mut { ask })
    }

    #[test]
    fn maps_are_all_lists_are_any() {
        let rule = "sel:\n  - {A: x, B: y}\n  - {C: z}\ncondition: sel\n";
        assert!(check(rule, &[("A", "x"), ("B", "y")]) && check(rule, &[("C", "z")]));
        assert!(!check(rule, &[("A", "x")]));
    }

    #[test]
    fn keywords_are_looked_for_inside_of_every_value() {
        let rule = "words: ['evil', 'bad*word']\ncondition: words\n";
        assert!(check(rule, &[("A", "an EVIL thing")]) && check(rule, &[("A", "a bad old word!")]));
        assert!(!check(rule, &[("A", "good")]));
        let all = "words:\n  '|all': ['a1', 'b2']\ncondition: words\n";
        assert!(check(all, &[("A", "b2 a1")]) && !check(all, &[("A", "a1")]));
    }

    #[test]
    fn quantifiers_name_searches_by_pattern() {
        let rule = "sel_a: {A: x}\nsel_b: {B: y}\nfilter_x: {C: z}\n_helper: {D: never}\ncondition: all of sel_* and not 1 of filter_*\n";
        assert!(check(rule, &[("A", "x"), ("B", "y")]));
        assert!(!check(rule, &[("A", "x"), ("B", "y"), ("C", "z")]));
        let them = rule.replace("all of sel_* and not 1 of filter_*", "all of them");
        assert!(
            check(&them, &[("A", "x"), ("B", "y"), ("C", "z")]),
            "helpers are not among them"
        );
        assert!(
            read_text(&rule.replace("sel_*", "nothing_*"))
                .unwrap_err()
                .1
                .contains("nothing_*")
        );
    }

    #[test]
    fn several_conditions_are_alternatives() {
        assert!(check("a: {A: x}\nb: {B: y}\ncondition: [a, b]\n", &[("B", "y")]));
    }

    #[test]
    fn quantifiers_cannot_make_a_rule_grow_without_bound() {
        let values = (0..2_000).map(|i| format!("v{i}")).collect::<Vec<_>>().join(",");
        let condition = vec!["a"; 100].join(" and ");
        let e = read_text(&format!("a: {{A: [{values}]}}\ncondition: {condition}\n")).unwrap_err();
        assert!(e.1.contains("questions"));
    }
}
