//! All questions about one field, asked of one text at once: exact texts by look-up, those at an edge by the bytes there, the
//! others after their longest plain texts have said which may match.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ahash::RandomState;

use super::edges::{Edges, Side};
use super::grams::{Grams, Seen};
use super::pattern::{Part, Pattern, lower, lower_into};
use super::program::{LeafId, seeds};
use super::question::Question;

/// What a text means where it is found.
#[derive(Debug, Default)]
struct Found {
    /// Questions that it answers.
    sure: Vec<LeafId>,
    /// Questions that must be looked at still, by their places.
    perhaps: Vec<u32>,
}

/// The questions of a field.
#[derive(Debug)]
pub struct Matcher {
    exact: HashMap<String, Vec<LeafId>, RandomState>,
    /// A bit for each length of the exact texts; the last for all greater ones.
    lengths: u64,
    starts: Edges,
    ends: Edges,
    inside: Grams,
    /// Per text of `inside`.
    found: Vec<Found>,
    /// Questions that have to be asked themselves.
    questions: Vec<(LeafId, Arc<Question>)>,
    /// Those that no text points to, by their places.
    always: Vec<u32>,
}

/// Buffers of [`Matcher::ask`], kept from text to text.
#[derive(Debug, Default)]
pub struct Scratch {
    lower: String,
    seen: Seen,
    tried: Vec<u32>,
    /// Per code of the field in hand: turn, begin and length in a pool.
    pub pointed: Vec<(u32, u32, u32)>,
    /// That pool.
    pub places: Vec<u32>,
    /// The turn of `pointed`; entries of another are void.
    pub pointing: u32,
}

/// Where the text of a question is looked for.
enum Place {
    Exact(String),
    Start(String),
    End(String),
    Inside(String),
    /// Where any of these is found, the question itself decides.
    Perhaps(Vec<String>),
    Nowhere,
}

impl Place {
    fn of(question: &Question) -> Self {
        let place = match question {
            Question::Text { pattern, cased: false } => Self::of_pattern(pattern),
            Question::Text { pattern, cased: true } => Place::Perhaps(vec![lower(pattern.longest_text())]),
            Question::Regex(e) => Place::Perhaps(e.needs.clone()),
            _ => Place::Nowhere,
        };
        match place {
            Place::Perhaps(texts) if texts.is_empty() || texts.iter().any(String::is_empty) => Place::Nowhere,
            place => place,
        }
    }

    fn of_pattern(pattern: &Pattern) -> Self {
        match pattern.parts() {
            [] => Place::Exact(String::new()),
            [Part::Text(t)] => Place::Exact(t.clone()),
            [Part::Any, Part::Text(t), Part::Any] => Place::Inside(t.clone()),
            [Part::Any, Part::Text(t)] => Place::End(t.clone()),
            [Part::Text(t), Part::Any] => Place::Start(t.clone()),
            _ => Place::Perhaps(vec![pattern.longest_text().to_owned()]),
        }
    }
}

impl Matcher {
    /// Compiles questions. Those that only an absent or any value answers are left out.
    pub fn new<'q>(questions: impl Iterator<Item = (LeafId, &'q Arc<Question>)>) -> Self {
        let mut out = Self {
            exact: HashMap::with_hasher(seeds()),
            lengths: 0,
            starts: Edges::new(Side::Start),
            ends: Edges::new(Side::End),
            inside: Grams::default(),
            found: Vec::new(),
            questions: Vec::new(),
            always: Vec::new(),
        };
        let mut inside: BTreeMap<String, Found> = BTreeMap::new();
        for (leaf, question) in questions.filter(|(_, q)| q.selects()) {
            let own = out.questions.len() as u32;
            match Place::of(question) {
                Place::Exact(text) => {
                    out.lengths |= length_bit(&text);
                    out.exact.entry(text).or_default().push(leaf);
                }
                Place::Start(text) => out.starts.add(&text, leaf),
                Place::End(text) => out.ends.add(&text, leaf),
                Place::Inside(text) => inside.entry(text).or_default().sure.push(leaf),
                Place::Perhaps(texts) => {
                    for text in texts {
                        inside.entry(text).or_default().perhaps.push(own);
                    }
                    out.questions.push((leaf, Arc::clone(question)));
                }
                Place::Nowhere => {
                    out.always.push(own);
                    out.questions.push((leaf, Arc::clone(question)));
                }
            }
        }
        let (texts, found): (Vec<Box<str>>, Vec<Found>) = inside.into_iter().map(|(t, f)| (t.into(), f)).unzip();
        out.inside = Grams::new(texts);
        out.found = found;
        out
    }

    /// Adds the questions that `text` answers with yes, sorted, each once.
    pub fn ask(&self, text: &str, scratch: &mut Scratch, yes: &mut Vec<LeafId>) {
        let begin = yes.len();
        let Scratch { lower, seen, tried, .. } = scratch;
        lower_into(text, lower);
        let lower = lower.as_str();
        if self.lengths & length_bit(lower) != 0
            && let Some(leaves) = self.exact.get(lower)
        {
            yes.extend_from_slice(leaves);
        }
        self.starts.ask(lower, yes);
        self.ends.ask(lower, yes);
        tried.clear();
        self.inside.each(lower.as_bytes(), seen, |i| {
            if let Some(f) = self.found.get(i) {
                yes.extend_from_slice(&f.sure);
                tried.extend_from_slice(&f.perhaps);
            }
        });
        if tried.len() > 1 {
            tried.sort_unstable();
            tried.dedup();
        }
        for place in tried.iter().chain(&self.always) {
            if let Some((leaf, question)) = self.questions.get(*place as usize)
                && question.matches(text, lower)
            {
                yes.push(*leaf);
            }
        }
        // No question is in two of these places, and none was tried twice.
        if let Some(own) = yes.get_mut(begin..) {
            own.sort_unstable();
        }
    }
}

fn length_bit(text: &str) -> u64 {
    1 << text.len().min(63)
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
        let questions: Vec<Arc<Question>> = questions.iter().cloned().map(Arc::new).collect();
        let m = Matcher::new((0..).zip(&questions));
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
