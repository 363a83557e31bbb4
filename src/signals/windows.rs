//! Windows of time that slide over events: where the most different things happen.

use std::collections::HashMap;
use std::hash::Hash;

/// The events of the densest window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Densest {
    /// Index of the first event.
    pub from: usize,
    /// Index after the last event.
    pub to: usize,
    /// Different things in it.
    pub distinct: usize,
}

/// The earliest of the windows of `span` microseconds that hold the most different things; events are in time order.
/// `None` without events.
pub fn densest<T: Eq + Hash>(events: &[(i64, T)], span: i64) -> Option<Densest> {
    let mut inside: HashMap<&T, usize> = HashMap::new();
    let mut best: Option<Densest> = None;
    let mut from = 0;
    for (at, (ts, thing)) in events.iter().enumerate() {
        *inside.entry(thing).or_default() += 1;
        while let Some((_, old)) = events.get(from).filter(|(first, _)| ts - first > span) {
            if let Some(n) = inside.get_mut(old) {
                *n -= 1;
                if *n == 0 {
                    inside.remove(old);
                }
            }
            from += 1;
        }
        if best.is_none_or(|b| inside.len() > b.distinct) {
            best = Some(Densest {
                from,
                to: at + 1,
                distinct: inside.len(),
            });
        }
    }
    best
}

/// Median of values and median absolute deviation from it; zero without values.
pub fn median_and_mad(values: &[f64]) -> (f64, f64) {
    let middle = median(values);
    let away: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    (middle, median(&away))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |i: usize| sorted.get(i).copied().unwrap_or(0.0);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => at(n / 2),
        n => f64::midpoint(at(n / 2 - 1), at(n / 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_densest_window_counts_different_things() {
        let events = [(0, "a"), (10, "a"), (11, "b"), (12, "c"), (40, "d")];
        let found = densest(&events, 5).unwrap();
        assert_eq!((found.from, found.to, found.distinct), (1, 4, 3));
        assert_eq!(densest::<u8>(&[], 5), None);
    }

    #[test]
    fn medians_of_even_and_odd_series() {
        assert_eq!(median_and_mad(&[1.0, 2.0, 9.0]), (2.0, 1.0));
        assert_eq!(median_and_mad(&[1.0, 3.0]), (2.0, 1.0));
        assert_eq!(median_and_mad(&[]), (0.0, 0.0));
    }
}
