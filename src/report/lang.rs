//! The language of reports. English is written where it is needed, as everywhere in the code; a catalogue holds the other
//! language by the English text.
//!
//! Texts of lower floors (titles, explanations, gates, next steps) come as finished English sentences. Their shapes stand
//! in the catalogue with holes, `{} called {} every {} s`, so that a sentence is recognised by its fixed parts and told
//! anew around its values. A sentence of an unknown shape stays English: nothing is lost. `tests/it/lang.rs` and the
//! tests below fail on texts that the catalogue lacks.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::OnceLock;

use super::Results;
use crate::score::finding::{Finding, SignalHit};

const JA: &str = include_str!("lang/ja.toml");
/// Holes within holes that are followed.
const MAX_DEPTH: usize = 6;

/// A language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Lang {
    /// By its code, `en` or `ja`.
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Lang::En),
            "ja" => Some(Lang::Ja),
            _ => None,
        }
    }

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Ja => "ja",
        }
    }

    /// A fixed text.
    pub fn t(self, english: &'static str) -> &'static str {
        match self {
            Lang::En => english,
            Lang::Ja => japanese().exact(english).unwrap_or(english),
        }
    }

    /// A text with a value for each `{}`.
    pub fn fill(self, english: &'static str, values: &[&dyn Display]) -> String {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let known = match self {
            Lang::En => None,
            Lang::Ja => japanese().exact(english),
        };
        match known {
            Some(template) => numbered(template, &values, &|v| v.to_owned()),
            None => in_order(english, &values),
        }
    }

    /// [`fill`](Self::fill) with one value.
    pub fn n(self, english: &'static str, value: impl Display) -> String {
        self.fill(english, &[&value])
    }

    /// A finished sentence of a lower floor.
    pub fn tell(self, english: &str) -> String {
        match self {
            Lang::En => english.to_owned(),
            Lang::Ja => japanese().tell(english, 0).unwrap_or_else(|| english.to_owned()),
        }
    }

    /// Whether a finished sentence has a translation: for tests of the catalogue.
    pub fn knows(self, english: &str) -> bool {
        self == Lang::En || japanese().tell(english, 0).is_some()
    }
}

/// Puts everything that lower floors said into the language of the results.
pub fn translate(results: &mut Results) {
    let lang = results.lang;
    if lang == Lang::En {
        return;
    }
    for f in &mut results.findings {
        finding(lang, f);
    }
    for s in &mut results.signals {
        signal(lang, s);
    }
    for c in &mut results.cases {
        c.title = title(lang, &c.title);
        for step in &mut c.path {
            step.how = lang.tell(&step.how);
        }
    }
    for b in &mut results.run.coverage.blind {
        b.why = lang.tell(&b.why);
    }
    for i in &mut results.run.inputs {
        for note in &mut i.notes {
            *note = lang.tell(note);
        }
    }
}

fn finding(lang: Lang, f: &mut Finding) {
    for c in &mut f.contributions {
        let of_signal = c
            .item
            .split_once(' ')
            .filter(|(id, _)| f.signals.iter().any(|s| s.signal == *id));
        c.item = match of_signal {
            Some((id, title)) => format!("{id} {}", lang.tell(title)),
            None => lang.tell(&c.item),
        };
    }
    f.title = title(lang, &f.title);
    f.gate.why = lang.tell(&f.gate.why);
    for r in &mut f.related {
        r.reason = lang.tell(&r.reason);
    }
    for step in &mut f.next_steps {
        *step = lang.tell(step);
    }
    for s in &mut f.signals {
        signal(lang, s);
    }
    f.summary = summary(lang, f);
}

/// `A + B and 3 more`, title by title.
fn title(lang: Lang, english: &str) -> String {
    let (names, more) = match english.rsplit_once(" and ") {
        Some((names, more)) if more.ends_with(" more") => (names, Some(more.trim_end_matches(" more"))),
        _ => (english, None),
    };
    let told: Vec<String> = names.split(" + ").map(|n| lang.tell(n)).collect();
    let names = told.join(" + ");
    match more {
        Some(more) => lang.fill("{} and {} more", &[&names, &more]),
        None => names,
    }
}

/// What happened in the order of time, from signals that are translated already.
fn summary(lang: Lang, f: &Finding) -> String {
    let mut out = lang.fill(
        "{} signals on {} from {}, first {}, last {}.",
        &[
            &f.signals.len(),
            &f.host,
            &f.sources.join(", "),
            &f.first_seen,
            &f.last_seen,
        ],
    );
    for s in f.signals.iter().take(8) {
        out.push_str(&format!(
            " {}: {}",
            s.time,
            crate::base::text::truncate_chars(&s.explain, 300)
        ));
    }
    out
}

fn signal(lang: Lang, s: &mut SignalHit) {
    // A Sigma rule's title is its author's.
    if s.rule_id.is_none() {
        s.title = lang.tell(&s.title);
    }
    s.explain = lang.tell(&s.explain);
}

/// `{}` by `{}`.
fn in_order(template: &str, values: &[String]) -> String {
    let mut parts = template.split("{}");
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut values = values.iter();
    for part in parts {
        out.push_str(values.next().map_or("", String::as_str));
        out.push_str(part);
    }
    out
}

/// `{1}` is the first value, `{2*}` the second, itself told by `inner`.
fn numbered(template: &str, values: &[String], inner: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (hole, behind) = after.split_once('}').unwrap_or((after, ""));
        let number: usize = hole.trim_end_matches('*').parse().unwrap_or(0);
        let value = number
            .checked_sub(1)
            .and_then(|i| values.get(i))
            .map_or("", String::as_str);
        if hole.ends_with('*') {
            out.push_str(&inner(value));
        } else {
            out.push_str(value);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// A sentence with holes.
struct Shape {
    /// What stands before, between and behind the holes.
    literals: Vec<String>,
    told: String,
}

impl Shape {
    /// The values in the holes, where the text has this shape. Each hole takes as little as it can, but something.
    fn values(&self, text: &str) -> Option<Vec<String>> {
        let (first, rest) = self.literals.split_first()?;
        let (last, middle) = rest.split_last()?;
        let mut text = text.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        let mut out = Vec::with_capacity(rest.len());
        for literal in middle {
            let from = text.chars().next()?.len_utf8();
            let at = text.get(from..)?.find(literal.as_str())? + from;
            let (value, behind) = text.split_at_checked(at)?;
            out.push(value.to_owned());
            text = behind.strip_prefix(literal.as_str())?;
        }
        out.push(Some(text).filter(|t| !t.is_empty())?.to_owned());
        Some(out)
    }
}

struct Catalogue {
    exact: BTreeMap<String, String>,
    /// Those with more fixed text first.
    shapes: Vec<Shape>,
}

impl Catalogue {
    fn parse(text: &str) -> Self {
        let sections: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(text).unwrap_or_default();
        // The page's own texts are asked for by name; as shapes, some of them would fit almost any sentence.
        let of_floors = sections
            .iter()
            .filter(|(name, _)| *name != "page")
            .flat_map(|(_, texts)| texts);
        let mut shapes: Vec<Shape> = of_floors
            .filter(|(english, _)| english.contains("{}"))
            .map(|(english, told)| Shape {
                literals: english.split("{}").map(str::to_owned).collect(),
                told: told.clone(),
            })
            .collect();
        let fixed = |s: &Shape| s.literals.iter().map(String::len).sum::<usize>();
        shapes.sort_by_key(|s| std::cmp::Reverse(fixed(s)));
        let exact = sections.into_values().flatten().collect();
        Self { exact, shapes }
    }

    fn exact(&self, english: &str) -> Option<&str> {
        self.exact.get(english).map(String::as_str)
    }

    fn tell(&self, english: &str, depth: usize) -> Option<String> {
        if let Some(told) = self.exact(english) {
            return Some(told.to_owned());
        }
        if depth >= MAX_DEPTH {
            return None;
        }
        // Clauses, or words in a row: each for itself, where all are known.
        for (between, told) in [("; ", "。"), (", ", "、")] {
            // A cut within parentheses would tear a sentence apart.
            if english.contains(between) && english.split(between).all(is_balanced) {
                let parts = english.split(between).map(|c| self.tell(c, depth + 1));
                if let Some(parts) = parts.collect::<Option<Vec<String>>>() {
                    return Some(parts.join(told));
                }
            }
        }
        self.shapes.iter().find_map(|shape| {
            let values = shape.values(english)?;
            let inner = |v: &str| self.tell(v, depth + 1).unwrap_or_else(|| self.list(v, depth + 1));
            Some(numbered(&shape.told, &values, &inner))
        })
    }

    /// Clauses or words in a row, each for itself; an unknown one stays.
    fn list(&self, text: &str, depth: usize) -> String {
        for (between, told) in [("; ", "。"), (", ", "、"), (" and ", "と")] {
            if text.contains(between) {
                let one = |w: &str| self.tell(w, depth + 1).unwrap_or_else(|| self.inner(w, depth + 1));
                let words: Vec<String> = text.split(between).map(one).collect();
                let same = words.iter().map(String::as_str).eq(text.split(between));
                return if same { text.to_owned() } else { words.join(told) };
            }
        }
        text.to_owned()
    }

    fn inner(&self, text: &str, depth: usize) -> String {
        if depth >= MAX_DEPTH {
            text.to_owned()
        } else {
            self.list(text, depth)
        }
    }
}

/// Whether every parenthesis that opens closes.
fn is_balanced(text: &str) -> bool {
    text.matches('(').count() == text.matches(')').count()
}

fn japanese() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue::parse(JA))
}

#[cfg(test)]
mod tests;
