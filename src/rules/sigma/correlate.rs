//! Correlations: several events within a span of time that share the values of their keys.
//!
//! Events are sorted by their time per group, so neither the order of files nor that of rows matters. A window is as wide
//! as the timespan and no wider: both ends lie within it.

use std::collections::BTreeMap;

use super::link::{Linked, Source, holds};
use super::model::{CorrelationKind, Needed};
use super::question::{Compare, value_of};

/// A match of a rule, or of a correlation that another one looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it began, microseconds UTC.
    pub time: i64,
    /// When it ended.
    pub last: i64,
    /// Values of the fields that were asked of it.
    pub keys: Vec<Option<String>>,
    /// The matches it is made of: rule and place among that rule's events.
    pub rows: Vec<(u32, u32)>,
}

/// Rows kept of one group.
const MAX_ROWS: usize = 1_000;

/// One event as a part of a correlation.
struct Item<'e> {
    part: usize,
    event: &'e Event,
    /// Values of the fields that are counted.
    values: Vec<Option<&'e str>>,
}

/// The times at which each correlation holds, as events whose keys are the values of its `group-by`; in the order of the
/// correlations. `rules` holds the events of every rule.
pub fn run(correlations: &[Linked], rules: &BTreeMap<u32, Vec<Event>>) -> Vec<Vec<Event>> {
    let mut out: Vec<Vec<Event>> = Vec::new();
    for c in correlations {
        let found = one(c, rules, &out);
        out.push(found);
    }
    out
}

fn one(c: &Linked, rules: &BTreeMap<u32, Vec<Event>>, earlier: &[Vec<Event>]) -> Vec<Event> {
    let width = c.correlation.group_by.len();
    let mut groups: BTreeMap<Vec<String>, Vec<Item<'_>>> = BTreeMap::new();
    for (part, p) in c.parts.iter().enumerate() {
        let events = match p.what {
            Source::Rule(r) => rules.get(&r).map_or(&[][..], Vec::as_slice),
            Source::Correlation(i) => earlier.get(i).map_or(&[][..], Vec::as_slice),
        };
        for event in events {
            let value = |place: &usize| event.keys.get(*place).and_then(Option::as_deref);
            let (by, counted) = p.keys.split_at(width.min(p.keys.len()));
            // An event without a value to group by belongs to no group: it must not join those of others without one.
            let key: Option<Vec<String>> = by.iter().map(|k| value(k).map(str::to_lowercase)).collect();
            let Some(key) = key else { continue };
            groups.entry(key).or_default().push(Item {
                part,
                event,
                values: counted.iter().map(value).collect(),
            });
        }
    }
    let mut out = Vec::new();
    for (key, mut items) in groups {
        items.sort_by(|a, b| {
            (a.event.time, a.event.last, a.part, &a.event.keys, &a.event.rows).cmp(&(
                b.event.time,
                b.event.last,
                b.part,
                &b.event.keys,
                &b.event.rows,
            ))
        });
        let keys: Vec<Option<String>> = key.into_iter().map(Some).collect();
        out.extend(windows(c, &items).into_iter().map(|range| {
            let inside = items.get(range).unwrap_or(&[]);
            Event {
                time: inside.iter().map(|i| i.event.time).min().unwrap_or(0),
                last: inside.iter().map(|i| i.event.last).max().unwrap_or(0),
                keys: keys.clone(),
                rows: inside
                    .iter()
                    .flat_map(|i| i.event.rows.iter().copied())
                    .take(MAX_ROWS)
                    .collect(),
            }
        }));
    }
    out.sort_by(|a, b| (a.time, a.last, &a.keys).cmp(&(b.time, b.last, &b.keys)));
    out
}

/// The windows in which the condition holds, none overlapping another: the widest from the first event on whose window
/// holds, then on behind it.
fn windows(c: &Linked, items: &[Item<'_>]) -> Vec<std::ops::Range<usize>> {
    let span = c.correlation.timespan;
    let mut state = Window::new(c);
    let mut out = Vec::new();
    let (mut begin, mut end) = (0, 0);
    while begin < items.len() {
        let Some(first) = items.get(begin) else { break };
        let until = first.event.time.saturating_add(span);
        while let Some(item) = items
            .get(end)
            .filter(|i| i.event.time <= until && i.event.last <= until)
        {
            state.add(item);
            end += 1;
        }
        if end == begin {
            // One event longer than the span.
            begin += 1;
            end = begin;
            continue;
        }
        if state.holds(c, items.get(begin..end).unwrap_or(&[])) {
            out.push(begin..end);
            for item in items.get(begin..end).unwrap_or(&[]) {
                state.remove(item);
            }
            begin = end;
        } else {
            state.remove(first);
            begin += 1;
        }
    }
    out
}

/// What is known of the events of a window, kept up as it moves.
struct Window<'e> {
    of_part: Vec<u64>,
    count: u64,
    distinct: BTreeMap<Vec<Option<&'e str>>, u64>,
    track_values: bool,
}

impl<'e> Window<'e> {
    fn new(c: &Linked) -> Self {
        Self {
            of_part: vec![0; c.parts.len()],
            count: 0,
            distinct: BTreeMap::new(),
            track_values: c.correlation.kind == CorrelationKind::ValueCount,
        }
    }

    fn add(&mut self, item: &Item<'e>) {
        self.count += 1;
        if let Some(n) = self.of_part.get_mut(item.part) {
            *n += 1;
        }
        if self.track_values && item.values.iter().any(Option::is_some) {
            *self.distinct.entry(item.values.clone()).or_default() += 1;
        }
    }

    fn remove(&mut self, item: &Item<'e>) {
        self.count = self.count.saturating_sub(1);
        if let Some(n) = self.of_part.get_mut(item.part) {
            *n = n.saturating_sub(1);
        }
        if self.track_values
            && let Some(n) = self.distinct.get_mut(&item.values)
        {
            *n -= 1;
            if *n == 0 {
                self.distinct.remove(&item.values);
            }
        }
    }

    fn holds(&self, c: &Linked, items: &[Item<'e>]) -> bool {
        match (&c.correlation.condition, c.correlation.kind) {
            (Needed::Rules(e), kind) => {
                let names: Vec<&str> = c.parts.iter().map(|p| p.name.as_str()).collect();
                let present = |n: &str| {
                    let of = c.parts.iter().zip(&self.of_part);
                    of.into_iter().any(|(p, n_of)| p.name == n && *n_of > 0)
                };
                holds(e, &names, &present) && (kind != CorrelationKind::TemporalOrdered || in_order(c, items, true))
            }
            (Needed::All, CorrelationKind::TemporalOrdered) => in_order(c, items, false),
            (Needed::All, _) => self.of_part.iter().all(|n| *n > 0),
            (Needed::Numbers { tests, percentile, .. }, kind) => {
                let value = match kind {
                    CorrelationKind::EventCount => Some(self.count as f64),
                    CorrelationKind::ValueCount => Some(self.distinct.len() as f64),
                    CorrelationKind::Temporal => Some(self.of_part.iter().filter(|n| **n > 0).count() as f64),
                    CorrelationKind::TemporalOrdered => in_order(c, items, false).then_some(c.parts.len() as f64),
                    kind => statistic(kind, items, *percentile),
                };
                value.is_some_and(|v| tests.iter().all(|(compare, n)| compare.holds(v, *n)))
            }
        }
    }
}

/// Whether the parts (`some`: those that are there) come one after another, each at its time or later, in their order:
/// A→C→B does not satisfy A→B→C.
fn in_order(c: &Linked, items: &[Item<'_>], some: bool) -> bool {
    let mut after: Option<i64> = None;
    let mut used = vec![false; items.len()];
    for part in 0..c.parts.len() {
        if some && !items.iter().any(|i| i.part == part) {
            continue;
        }
        let next = items.iter().enumerate().find(|(i, item)| {
            item.part == part && !used.get(*i).copied().unwrap_or(true) && after.is_none_or(|t| item.event.time >= t)
        });
        let Some((i, item)) = next else { return false };
        if let Some(slot) = used.get_mut(i) {
            *slot = true;
        }
        after = Some(item.event.last);
    }
    true
}

/// Sum, mean, percentile or median of the counted values that are numbers; `None` where there are none.
fn statistic(kind: CorrelationKind, items: &[Item<'_>], percentile: f64) -> Option<f64> {
    let mut values: Vec<f64> = items
        .iter()
        .flat_map(|i| i.values.iter().flatten().filter_map(|v| value_of(v)))
        .collect();
    if values.is_empty() {
        return None;
    }
    // Sorted before they are added up: the sum of floats depends on the order.
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let sum: f64 = values.iter().sum();
    let at = |i: usize| values.get(i).copied();
    match kind {
        CorrelationKind::Sum => Some(sum),
        CorrelationKind::Average => Some(sum / n as f64),
        CorrelationKind::Median if n.is_multiple_of(2) => Some((at(n / 2 - 1)? + at(n / 2)?) / 2.0),
        CorrelationKind::Median => at(n / 2),
        // The nearest rank.
        CorrelationKind::Percentile => at(((percentile / 100.0 * n as f64).ceil() as usize).clamp(1, n) - 1),
        _ => None,
    }
}

/// Whether a comparison can hold of nothing at all: such a correlation would have to watch for events that are missing.
pub fn wants_nothing(tests: &[(Compare, f64)]) -> bool {
    !tests.is_empty() && tests.iter().all(|(c, n)| c.holds(0.0, *n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::sigma::document;
    use crate::rules::sigma::link::link;
    use crate::rules::sigma::load::{RuleSet, Selection};
    use crate::rules::sigma::placeholders::Placeholders;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// Rules a, b and c, and one correlation.
    fn set(correlation: &str) -> RuleSet {
        let rule = |id: &str| {
            format!(
                "title: {id}\nid: {id}\nlogsource: {{category: process_creation}}\ndetection: {{s: {{Image: {id}}}, condition: s}}\n---\n"
            )
        };
        let text = rule("a") + &rule("b") + &rule("c") + correlation;
        let (documents, rejected) = document::read(&Arc::from("f"), &text, &Placeholders::default());
        let set = link(documents, rejected, &Selection::default());
        assert_eq!(set.rejected, []);
        set
    }

    fn correlation(kind: &str, rules: &str, more: &str) -> String {
        format!("title: k\nid: k\ncorrelation:\n  type: {kind}\n  rules: [{rules}]\n  timespan: 10s\n{more}")
    }

    /// Events as (rule, second, key, value).
    fn events(list: &[(char, i64, &str, &str)]) -> BTreeMap<u32, Vec<Event>> {
        let mut out: BTreeMap<u32, Vec<Event>> = BTreeMap::new();
        for (rule, second, key, value) in list {
            let rule = *rule as u32 - 'a' as u32;
            let of = out.entry(rule).or_default();
            of.push(Event {
                time: second * 1_000_000,
                last: second * 1_000_000,
                keys: [key, value]
                    .iter()
                    .map(|v| (!v.is_empty()).then(|| (**v).to_owned()))
                    .collect(),
                rows: vec![(rule, of.len() as u32)],
            });
        }
        out
    }

    fn times(set: &RuleSet, list: &[(char, i64, &str, &str)]) -> Vec<(i64, i64)> {
        let found = run(&set.correlations, &events(list));
        let last = found.last().unwrap();
        last.iter().map(|e| (e.time / 1_000_000, e.last / 1_000_000)).collect()
    }

    const BY_HOST: &str = "  group-by: [Computer]\n";

    #[test]
    fn events_are_counted_within_the_span_and_per_key() {
        let s = set(&correlation(
            "event_count",
            "a",
            &format!("{BY_HOST}  condition: {{gte: 3}}\n"),
        ));
        assert_eq!(
            times(&s, &[('a', 0, "h", ""), ('a', 5, "h", ""), ('a', 10, "h", "")]),
            [(0, 10)]
        );
        assert_eq!(
            times(&s, &[('a', 0, "h", ""), ('a', 5, "h", ""), ('a', 11, "h", "")]),
            []
        );
        assert_eq!(
            times(&s, &[('a', 0, "h", ""), ('a', 1, "g", ""), ('a', 2, "h", "")]),
            [],
            "group-by does not leak"
        );
        assert_eq!(
            times(&s, &[('a', 0, "", ""), ('a', 1, "", ""), ('a', 2, "", "")]),
            [],
            "no value is no group"
        );
        assert_eq!(
            times(&s, &[('a', 0, "H", ""), ('a', 1, "h", ""), ('a', 2, "h", "")]),
            [(0, 2)]
        );
    }

    #[test]
    fn no_window_is_wider_than_the_span_and_none_overlap() {
        let s = set(&correlation(
            "event_count",
            "a",
            &format!("{BY_HOST}  condition: {{gte: 2}}\n"),
        ));
        let list: Vec<_> = (0..40).map(|i| ('a', i * 4, "h", "")).collect();
        let found = times(&s, &list);
        assert!(!found.is_empty());
        for pair in found.windows(2) {
            assert!(pair[0].1 < pair[1].0);
        }
        assert!(found.iter().all(|(b, e)| e - b <= 10));
    }

    #[test]
    fn values_are_counted_once_each() {
        let more = format!("{BY_HOST}  condition: {{gte: 3, field: User}}\n");
        let s = set(&correlation("value_count", "a", &more));
        let same = [
            ('a', 0, "h", "u"),
            ('a', 1, "h", "u"),
            ('a', 2, "h", "u"),
            ('a', 3, "h", ""),
        ];
        assert_eq!(times(&s, &same), []);
        assert_eq!(
            times(&s, &[('a', 0, "h", "u"), ('a', 1, "h", "v"), ('a', 2, "h", "w")]),
            [(0, 2)]
        );
    }

    #[test]
    fn all_rules_in_any_order_or_in_theirs() {
        let any = set(&correlation("temporal", "a, b, c", BY_HOST));
        let ordered = set(&correlation("temporal_ordered", "a, b, c", BY_HOST));
        let acb = [('a', 0, "h", ""), ('c', 1, "h", ""), ('b', 2, "h", "")];
        assert_eq!(times(&any, &acb), [(0, 2)]);
        assert_eq!(times(&ordered, &acb), [], "A→C→B does not satisfy A→B→C");
        let abc = [
            ('a', 0, "h", ""),
            ('c', 1, "h", ""),
            ('b', 2, "h", ""),
            ('c', 3, "h", ""),
        ];
        assert_eq!(times(&ordered, &abc), [(0, 3)]);
        let apart = [('a', 0, "h", ""), ('b', 1, "g", ""), ('c', 2, "h", "")];
        assert_eq!(times(&any, &apart), []);
        assert_eq!(
            times(&any, &[('a', 0, "h", ""), ('b', 6, "h", ""), ('c', 12, "h", "")]),
            [],
            "wider than the span"
        );
    }

    #[test]
    fn a_condition_over_rules_may_say_not() {
        let s = set(&correlation(
            "temporal",
            "a, b",
            &format!("{BY_HOST}  condition: a and not b\n"),
        ));
        assert_eq!(times(&s, &[('a', 0, "h", "")]), [(0, 0)]);
        assert_eq!(times(&s, &[('a', 0, "h", ""), ('b', 5, "h", "")]), []);
    }

    #[test]
    fn statistics_of_values() {
        let of = |kind: &str, condition: &str, values: &[&'static str]| {
            let s = set(&correlation(
                kind,
                "a",
                &format!("{BY_HOST}  condition: {{{condition}, field: n}}\n"),
            ));
            let list: Vec<_> = values.iter().map(|v| ('a', 1, "h", *v)).collect();
            !times(&s, &list).is_empty()
        };
        assert!(of("value_sum", "eq: 6", &["1", "2", "3"]) && !of("value_sum", "gt: 6", &["1", "2", "3"]));
        assert!(of("value_avg", "eq: 2", &["1", "2", "3"]));
        assert!(of("value_median", "eq: 2.5", &["1", "2", "3", "9"]) && of("value_median", "eq: 2", &["9", "1", "2"]));
        assert!(of("value_percentile", "eq: 9, percentile: 95", &["1", "2", "9"]));
        assert!(!of("value_sum", "lt: 5", &["x"]), "nothing that is no number");
    }

    #[test]
    fn correlations_of_correlations_see_their_groups() {
        let chain = correlation("event_count", "a", &format!("{BY_HOST}  condition: {{gte: 2}}\n"))
            + "---\ntitle: l\nid: l\ncorrelation:\n  type: temporal\n  rules: [k, b]\n  timespan: 1h\n  group-by: [Computer]\n";
        let s = set(&chain);
        let list = [('a', 0, "h", ""), ('a', 1, "h", ""), ('b', 60, "h", "")];
        assert_eq!(times(&s, &list), [(0, 60)]);
        assert_eq!(
            times(&s, &[('a', 0, "h", ""), ('a', 1, "h", ""), ('b', 60, "g", "")]),
            []
        );
    }

    proptest! {
        #[test]
        fn the_order_of_events_does_not_matter(
            list in prop::collection::vec((0..3u8, 0..40i64, 0..2u8, 0..3u8), 0..25), seed in any::<u64>(), kind in 0..4usize
        ) {
            let condition = ["  condition: {gte: 3}\n", "  condition: {gte: 2, field: User}\n", "", ""][kind];
            let kind = ["event_count", "value_count", "temporal", "temporal_ordered"][kind];
            let s = set(&correlation(kind, "a, b, c", &format!("{BY_HOST}{condition}")));
            let names = ["x", "y", "z"];
            let list: Vec<(char, i64, &str, &str)> =
                list.iter().map(|(r, t, k, v)| ((b'a' + r) as char, *t, names[*k as usize], names[*v as usize])).collect();
            let mut other = list.clone();
            let mut state = seed | 1;
            for i in (1..other.len()).rev() {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                other.swap(i, (state >> 33) as usize % (i + 1));
            }
            prop_assert_eq!(times(&s, &list), times(&s, &other));
            let width = times(&s, &list).iter().map(|(b, e)| e - b).max().unwrap_or(0);
            prop_assert!(width <= 10);
        }
    }
}
