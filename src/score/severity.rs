//! Levels as weights, scores as bands (detection.md 7).

use crate::signals::Level;

/// Evidence points of a level.
pub fn weight(level: Level) -> f64 {
    match level {
        Level::Info => 2.0,
        Level::Low => 6.0,
        Level::Medium => 14.0,
        Level::High => 26.0,
        Level::Critical => 45.0,
    }
}

/// Severity of a score of 0 to 100.
pub fn band(score: f64) -> Level {
    match score {
        s if s >= 85.0 => Level::Critical,
        s if s >= 65.0 => Level::High,
        s if s >= 40.0 => Level::Medium,
        s if s >= 20.0 => Level::Low,
        _ => Level::Info,
    }
}

/// The highest score within a band, one decimal.
pub fn top(band: Level) -> f64 {
    match band {
        Level::Info => 19.9,
        Level::Low => 39.9,
        Level::Medium => 64.9,
        Level::High => 84.9,
        Level::Critical => 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_meet_at_their_borders() {
        for (score, level) in [
            (19.9, Level::Info),
            (20.0, Level::Low),
            (64.0, Level::Medium),
            (84.0, Level::High),
            (85.0, Level::Critical),
        ] {
            assert_eq!(band(score), level);
            assert_eq!(band(top(level)), level);
        }
    }
}
