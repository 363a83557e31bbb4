//! All questions about one field, asked of one text at once: exact texts by look-up, the others after one automaton over
//! their longest plain texts has said which may match.

use std::collections::{BTreeMap, HashMap};

use ahash::RandomState;
use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::pattern::{Part, Pattern, lower_into};
use super::program::{LeafId, seeds};
use super::question::Question;

/// Bytes of texts up to which the automaton is a table: 40,000 states take about 10 MB.
const MAX_TABLE: usize = 40_000;

/// What a text of the automaton means where it is found.
#[derive(Debug, Clone)]
struct Found {
    leaf: LeafId,
    check: Check,
}

/// What has to be looked at still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// Nothing.
    Anywhere,
    /// Whether it begins the text.
    AtStart,
    /// Whether it ends the text.
    AtEnd,
    /// The question itself.
    Whole,
}

/// The questions of a field.
#[derive(Debug, Default)]
pub struct Matcher {
    automaton: Option<AhoCorasick>,
    /// Per text of the automaton.
    found: Vec<Vec<Found>>,
    exact: HashMap<String, Vec<LeafId>, RandomState>,
    /// Questions that no text points to.
    always: Vec<LeafId>,
    questions: HashMap<LeafId, Question, RandomState>,
}

/// Buffers of [`Matcher::ask`], kept from text to text.
#[derive(Debug, Default)]
pub struct Scratch {
    lower: String,
    stamps: Vec<u32>,
    turn: u32,
    tried: Vec<LeafId>,
    /// Per code of the field in hand: turn, begin and length in a pool.
    pub pointed: Vec<(u32, u32, u32)>,
    /// That pool.
    pub places: Vec<u32>,
    /// The turn of `pointed`; entries of another are void.
    pub pointing: u32,
}

impl Matcher {
    /// Compiles questions. Those that only an absent or any value answers are left out.
    pub fn new<'q>(questions: impl Iterator<Item = (LeafId, &'q Question)>) -> Self {
        let mut out = Self {
            exact: HashMap::with_hasher(seeds()),
            questions: HashMap::with_hasher(seeds()),
            ..Self::default()
        };
        let mut texts: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        for (leaf, question) in questions.filter(|(_, q)| q.selects()) {
            let mut point = |text: String, check: Check| texts.entry(text).or_default().push(Found { leaf, check });
            match question {
                Question::Text { pattern, cased: false } => match pattern.as_literal() {
                    Some(text) => {
                        out.exact.entry(text.to_owned()).or_default().push(leaf);
                        continue;
                    }
                    None => match check_of(pattern) {
                        Some((text, check)) => point(text.to_owned(), check),
                        None => out.always.push(leaf),
                    },
                },
                Question::Text { pattern, cased: true } => match super::pattern::lower(pattern.longest_text()) {
                    text if text.is_empty() => out.always.push(leaf),
                    text => point(text, Check::Whole),
                },
                Question::Regex(e) if !e.needs.is_empty() => {
                    e.needs.iter().for_each(|n| point(n.clone(), Check::Whole));
                }
                _ => out.always.push(leaf),
            }
            out.questions.insert(leaf, question.clone());
        }
        if !texts.is_empty() {
            // A table is twice as fast to walk and grows with the texts.
            let bytes: usize = texts.keys().map(String::len).sum();
            let kind = if bytes < MAX_TABLE {
                AhoCorasickKind::DFA
            } else {
                AhoCorasickKind::ContiguousNFA
            };
            let built = AhoCorasick::builder().kind(Some(kind)).build(texts.keys());
            match built {
                Ok(a) => {
                    out.automaton = Some(a);
                    out.found = texts.into_values().collect();
                }
                // More texts than an automaton holds: every question is asked by itself.
                Err(_) => {
                    let mut all: Vec<LeafId> = texts.into_values().flatten().map(|f| f.leaf).collect();
                    all.sort_unstable();
                    all.dedup();
                    out.always.extend(all);
                }
            }
        }
        out
    }

    /// Adds the questions that `text` answers with yes, sorted, each once.
    pub fn ask(&self, text: &str, scratch: &mut Scratch, yes: &mut Vec<LeafId>) {
        let begin = yes.len();
        lower_into(text, &mut scratch.lower);
        let lower = scratch.lower.as_str();
        if let Some(leaves) = self.exact.get(lower) {
            yes.extend_from_slice(leaves);
        }
        let holds = |leaf: &LeafId| self.questions.get(leaf).is_some_and(|q| q.matches(text, lower));
        if let Some(automaton) = &self.automaton {
            scratch.turn = scratch.turn.wrapping_add(1);
            if scratch.turn == 0 {
                scratch.stamps.clear();
                scratch.turn = 1;
            }
            // Stamps of other fields are of other turns.
            if scratch.stamps.len() < self.found.len() {
                scratch.stamps.resize(self.found.len(), 0);
            }
            scratch.tried.clear();
            for m in automaton.find_overlapping_iter(lower) {
                let id = m.pattern().as_usize();
                let Some(list) = self.found.get(id) else { continue };
                let first = scratch
                    .stamps
                    .get_mut(id)
                    .is_some_and(|s| std::mem::replace(s, scratch.turn) != scratch.turn);
                for f in list {
                    match f.check {
                        Check::Anywhere if first => yes.push(f.leaf),
                        Check::AtStart if m.start() == 0 => yes.push(f.leaf),
                        Check::AtEnd if m.end() == lower.len() => yes.push(f.leaf),
                        Check::Whole if first => scratch.tried.push(f.leaf),
                        _ => {}
                    }
                }
            }
            scratch.tried.sort_unstable();
            scratch.tried.dedup();
            yes.extend(scratch.tried.iter().filter(|l| holds(l)));
        }
        yes.extend(self.always.iter().filter(|l| holds(l)));
        if let Some(own) = yes.get_mut(begin..) {
            own.sort_unstable();
        }
        dedup_from(yes, begin);
    }
}

fn dedup_from(list: &mut Vec<LeafId>, begin: usize) {
    let mut kept = begin;
    for i in begin..list.len() {
        let Some(v) = list.get(i).copied() else { break };
        if kept == begin || list.get(kept - 1) != Some(&v) {
            if let Some(slot) = list.get_mut(kept) {
                *slot = v;
            }
            kept += 1;
        }
    }
    list.truncate(kept);
}

/// The text of a pattern in lower case that the automaton looks for, and what is to be checked where it is found.
fn check_of(pattern: &Pattern) -> Option<(&str, Check)> {
    Some(match pattern.parts() {
        [Part::Any, Part::Text(t), Part::Any] => (t, Check::Anywhere),
        [Part::Any, Part::Text(t)] => (t, Check::AtEnd),
        [Part::Text(t), Part::Any] => (t, Check::AtStart),
        _ => match pattern.longest_text() {
            "" => return None,
            t => (t, Check::Whole),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(pattern: &str, cased: bool) -> Question {
        let pattern = Pattern::parse(pattern);
        Question::Text {
            pattern: if cased { pattern } else { pattern.lower() },
            cased,
        }
    }

    fn ask(questions: &[Question], t: &str) -> Vec<LeafId> {
        let m = Matcher::new(questions.iter().enumerate().map(|(i, q)| (i as LeafId, q)));
        let mut yes = vec![99];
        m.ask(t, &mut Scratch::default(), &mut yes);
        assert_eq!(yes.remove(0), 99, "what stood there before stays");
        yes
    }

    #[test]
    fn exact_inside_at_the_ends_and_by_letter_case() {
        let q = [
            text("Cmd.exe", false),
            text("*md*", false),
            text("*.EXE", false),
            text("cmd*", false),
            text("*CMD*", true),
            text("c?d*e", false),
        ];
        assert_eq!(ask(&q, "CMD.exe"), [0, 1, 2, 3, 4, 5]);
        assert_eq!(ask(&q, "xcmd.exe"), [1, 2]);
    }

    proptest! {
        #[test]
        fn the_automaton_answers_as_each_question_does(
            patterns in prop::collection::vec(("[abAB*?]{1,5}", any::<bool>()), 1..40), t in "[abAB]{0,8}"
        ) {
            let questions: Vec<Question> = patterns.iter().map(|(p, cased)| text(p, *cased)).collect();
            let lower = super::super::pattern::lower(&t);
            let expected: Vec<LeafId> = questions
                .iter()
                .enumerate()
                .filter(|(_, q)| q.selects() && q.matches(&t, &lower))
                .map(|(i, _)| i as LeafId)
                .collect();
            prop_assert_eq!(ask(&questions, &t), expected);
        }
    }
}
