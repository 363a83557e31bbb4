//! The word that was meant.

use crate::rules::similar::distance;

/// Words further away than this are not offered.
const MAX_DISTANCE: usize = 4;

/// Nothing of this name: offers the nearest one that there is, or says `otherwise`.
pub fn unknown(what: &str, name: &str, known: impl Iterator<Item = String>, otherwise: &str) -> String {
    let lower = name.to_lowercase();
    let nearest = known
        .filter_map(|k| {
            let word = k.to_lowercase();
            let far = distance(&lower, &word, MAX_DISTANCE.min(lower.chars().count().div_ceil(2)));
            let part = lower.len() > 2 && (word.contains(&lower) || lower.contains(&word));
            far.or(part.then_some(MAX_DISTANCE)).map(|d| (d, k))
        })
        .min();
    match nearest {
        Some((_, k)) => format!("no {what} '{name}'; did you mean '{k}'?"),
        None => format!("no {what} '{name}'; {otherwise}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_and_nothing_far_fetched() {
        let known = || ["NET-01", "PROC-01", "SCRIPT-01"].map(str::to_owned).into_iter();
        assert!(unknown("signal", "net01", known(), "-").contains("did you mean 'NET-01'?"));
        assert!(unknown("signal", "script", known(), "-").contains("'SCRIPT-01'"));
        assert_eq!(
            unknown("signal", "xy", known(), "see the list"),
            "no signal 'xy'; see the list"
        );
    }
}
