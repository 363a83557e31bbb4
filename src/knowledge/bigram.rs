//! How ordinary a name looks, by the letters that follow each other.
//!
//! A first-order Markov model over 39 symbols (a–z, 0–9, `-`, start, end) with add-½ smoothing. The score of a label is
//! its mean surprise, −log₂ P(next | previous), in bits per step: words stay near 4, random letters and digits lie
//! above 6. Shannon entropy cannot do this: a label of ten characters is too short for it.
//!
//! Counts: the SCOWL word list (Debian `wamerican`), scaled to 20,000 transitions so that the smoothing keeps its
//! meaning and an organisation's own names can still move the model, plus twice the transitions of 786 host, service,
//! brand and romanised Japanese words. Only the counts are shipped.

use std::sync::OnceLock;

const COUNTS: &str = include_str!("data/bigram_counts.txt");
const SYMBOLS: usize = 39;
const START: usize = 37;
const END: usize = 38;
/// Add-½ smoothing: every transition has been seen half a time.
const SMOOTHING: f64 = 0.5;
/// Weight of one of the organisation's labels against the shipped counts.
const OWN_WEIGHT: f64 = 4.0;

/// Surprise (bits per step) from which a label is called random, with the shipped counts.
///
/// Measured on 993 labels (≥ 7 characters) of the Public Suffix List's private section, none used for training: median
/// 4.21, p95 5.34, p99 5.87; 1 in 120 of a held-out half exceeds 5.9. Detected at 5.9: ten random letters and digits 92 %,
/// 16 hex digits 98 %, base32 99.7 %, 8–16 random letters 70 %. Pronounceable names (1 %) and joined words (0 %) are
/// invisible to it. 6.0 would lose two points of detection and no false alarm more.
pub const THRESHOLD: f64 = 5.9;

/// Lowest threshold that self-training may reach. A model trained on half of those labels puts the p99 of the other
/// half at 5.2 and detects 99 % of ten random letters and digits.
pub const THRESHOLD_FLOOR: f64 = 5.0;

/// Fewest own labels whose p99 means something; below it the shipped threshold stays.
const MIN_OWN_LABELS: usize = 200;

/// A trained model.
#[derive(Debug, Clone)]
pub struct Bigram {
    /// Row: symbol before. Column: symbol after.
    counts: [[f64; SYMBOLS]; SYMBOLS],
    /// −log₂ P of each transition.
    surprise: [[f64; SYMBOLS]; SYMBOLS],
    threshold: f64,
}

impl Bigram {
    /// The model of the shipped counts.
    pub fn builtin() -> &'static Bigram {
        static MODEL: OnceLock<Bigram> = OnceLock::new();
        MODEL.get_or_init(|| Bigram::from_counts(parse_counts(COUNTS), THRESHOLD))
    }

    /// Mean surprise of a label in bits per step, start and end included. Letters count without case, `_` as `-`;
    /// any other character is as surprising as a symbol that was never seen. 0 for an empty label.
    pub fn nll(&self, label: &str) -> f64 {
        let mut sum = 0.0;
        let mut steps = 0usize;
        for (from, to) in transitions(label) {
            sum += self.step(from, to);
            steps += 1;
        }
        if steps < 2 { 0.0 } else { sum / steps as f64 }
    }

    /// Surprise from which this model calls a label random: [`THRESHOLD`], or after self-training the p99 of the
    /// organisation's own labels, between [`THRESHOLD_FLOOR`] and [`THRESHOLD`].
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Whether a label is one the model can judge and looks random.
    pub fn is_random(&self, label: &str) -> bool {
        is_testable(label) && self.nll(label) >= self.threshold
    }

    /// This model with the organisation's own popular labels added, and a threshold measured on them.
    ///
    /// The p99 is taken in two folds: each half is judged by a model that saw only the other half, because a model
    /// finds nothing surprising in what it was trained on. The order of the labels does not matter.
    pub fn trained_with<'a>(&self, labels: impl Iterator<Item = &'a str>) -> Bigram {
        let mut own: Vec<&str> = labels.filter(|l| is_testable(l)).collect();
        own.sort_unstable();
        own.dedup();
        let threshold = if own.len() < MIN_OWN_LABELS {
            self.threshold
        } else {
            self.two_fold_p99(&own).clamp(THRESHOLD_FLOOR, THRESHOLD)
        };
        let all = own.into_iter();
        Bigram::from_counts(added(self.counts, all), threshold)
    }

    fn two_fold_p99(&self, sorted: &[&str]) -> f64 {
        let half = |parity: usize| {
            sorted
                .iter()
                .enumerate()
                .filter(move |(i, _)| i % 2 == parity)
                .map(|(_, l)| *l)
        };
        let mut scores = Vec::with_capacity(sorted.len());
        for parity in [0, 1] {
            let model = Bigram::from_counts(added(self.counts, half(1 - parity)), self.threshold);
            scores.extend(half(parity).map(|label| model.nll(label)));
        }
        scores.sort_unstable_by(f64::total_cmp);
        let at = scores.len() * 99 / 100;
        scores.get(at).copied().unwrap_or(self.threshold)
    }

    fn from_counts(counts: [[f64; SYMBOLS]; SYMBOLS], threshold: f64) -> Bigram {
        // Nothing follows the end and nothing leads to the start: 38 successors.
        let successors = (SYMBOLS - 1) as f64;
        let surprise = counts.map(|row| {
            let total = row.iter().sum::<f64>() + SMOOTHING * successors;
            row.map(|count| -((count + SMOOTHING) / total).log2())
        });
        Bigram {
            counts,
            surprise,
            threshold,
        }
    }

    fn step(&self, from: Option<usize>, to: Option<usize>) -> f64 {
        let known = from.zip(to).and_then(|(from, to)| self.surprise.get(from)?.get(to));
        // log2(2 * 39): as if seen half a time in a row of its own.
        known.copied().unwrap_or(6.3)
    }
}

/// Whether the model can judge a label: 7 to 63 characters, ASCII, not Punycode.
pub fn is_testable(label: &str) -> bool {
    let punycode = label.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("xn--"));
    (7..=63).contains(&label.len()) && label.is_ascii() && !punycode
}

/// The steps of a label from start to end; `None` stands for a character outside the alphabet.
fn transitions(label: &str) -> impl Iterator<Item = (Option<usize>, Option<usize>)> + '_ {
    let mut before = Some(START);
    let after = label.chars().map(symbol).chain(std::iter::once(Some(END)));
    after.map(move |to| (std::mem::replace(&mut before, to), to))
}

fn symbol(c: char) -> Option<usize> {
    let index = match c.to_ascii_lowercase() {
        c @ 'a'..='z' => c as usize - 'a' as usize,
        c @ '0'..='9' => 26 + c as usize - '0' as usize,
        '-' | '_' => 36,
        _ => return None,
    };
    Some(index)
}

fn added<'a>(
    mut counts: [[f64; SYMBOLS]; SYMBOLS],
    labels: impl Iterator<Item = &'a str>,
) -> [[f64; SYMBOLS]; SYMBOLS] {
    for label in labels {
        for (from, to) in transitions(label) {
            let cell = from.zip(to).and_then(|(from, to)| counts.get_mut(from)?.get_mut(to));
            if let Some(cell) = cell {
                *cell += OWN_WEIGHT;
            }
        }
    }
    counts
}

fn parse_counts(text: &str) -> [[f64; SYMBOLS]; SYMBOLS] {
    let mut counts = [[0.0; SYMBOLS]; SYMBOLS];
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    for (row, line) in counts.iter_mut().zip(lines) {
        for (cell, word) in row.iter_mut().zip(line.split_whitespace()) {
            *cell = word.parse().unwrap_or_default();
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_counts_are_complete() {
        let rows: Vec<_> = COUNTS.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(rows.len(), SYMBOLS);
        for row in rows {
            assert_eq!(row.split_whitespace().count(), SYMBOLS);
            assert!(row.split_whitespace().all(|w| w.parse::<u32>().is_ok()));
        }
        let total: f64 = parse_counts(COUNTS).iter().flatten().sum();
        assert!(total > 30_000.0);
    }

    #[test]
    fn random_labels_score_above_the_threshold_and_names_below() {
        let model = Bigram::builtin();
        for label in ["ajk3k9q2x1", "q7zk2vw9xx", "5f3a9c0e1b7d4421"] {
            assert!(model.is_random(label), "{label} {}", model.nll(label));
        }
        for label in [
            "microsoft",
            "login-portal",
            "command-and-control",
            "nicovideo",
            "kuronekoyamato",
            "windowsupdate",
            "autodiscover",
            "office365",
        ] {
            assert!(!model.is_random(label), "{label} {}", model.nll(label));
        }
        assert!((model.nll("ajk3k9q2x1") - 6.76).abs() < 0.05);
    }

    #[test]
    fn detection_of_generated_labels_stays_at_the_measured_rates() {
        let model = Bigram::builtin();
        let share = |alphabet: &[u8], len: usize| {
            let mut state = 0x2545_f491_4f6c_dd1d_u64;
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                alphabet[(state >> 33) as usize % alphabet.len()] as char
            };
            let labels = (0..2_000).map(|_| (0..len).map(|_| next()).collect::<String>());
            labels.filter(|l| model.is_random(l)).count() as f64 / 2_000.0
        };
        assert!(share(b"abcdefghijklmnopqrstuvwxyz0123456789", 10) > 0.88);
        assert!(share(b"0123456789abcdef", 16) > 0.95);
        assert!(share(b"abcdefghijklmnopqrstuvwxyz234567", 40) > 0.98);
    }

    #[test]
    fn self_training_makes_own_naming_ordinary_and_keeps_the_bounds() {
        let own: Vec<String> = (0..400).map(|i| format!("zq7x-site{i:03}")).collect();
        let base = Bigram::builtin();
        let trained = base.trained_with(own.iter().map(String::as_str));
        assert!(trained.nll("zq7x-site999") < base.nll("zq7x-site999") - 1.0);
        assert!((THRESHOLD_FLOOR..=THRESHOLD).contains(&trained.threshold()));
        assert!(trained.is_random("ajk3k9q2x1"));
        let reversed = base.trained_with(own.iter().rev().map(String::as_str));
        assert_eq!(trained.nll("abcdefgh"), reversed.nll("abcdefgh"));
    }

    #[test]
    fn few_own_labels_leave_the_shipped_threshold() {
        let trained = Bigram::builtin().trained_with(["example"].into_iter());
        assert_eq!(trained.threshold(), THRESHOLD);
    }

    #[test]
    fn labels_it_cannot_judge_are_left_alone() {
        for label in ["", "abc", "xn--q9jyb4c", "日本語日本語日本", &"q7".repeat(40)] {
            assert!(!Bigram::builtin().is_random(label), "{label}");
        }
        assert!(Bigram::builtin().nll("日本").is_finite());
        assert_eq!(Bigram::builtin().nll(""), 0.0);
    }
}
