//! The days of a log that writes the time of day alone: its header names the first of them.

use crate::base::time::{DAY, SECOND, Ts};

/// Records stand in the order in which they ended, within less than this.
const ORDER: Ts = 3_600 * SECOND;

/// How many midnights came since the header named the day.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Midnights {
    passed: i64,
    /// Time of day of the record before, in microseconds.
    last: Option<Ts>,
}

impl Midnights {
    /// Behind a header, which may name a time of day, too.
    pub(super) fn behind(clock: Option<Ts>) -> Self {
        Self { passed: 0, last: clock }
    }

    /// Takes the time of day of the next record.
    pub(super) fn pass(&mut self, clock: Ts) {
        if let Some(last) = self.last {
            if last - clock > ORDER {
                self.passed += 1;
            } else if clock - last > DAY - ORDER && self.passed > 0 {
                // One of the evening before, among the first of the new day.
                self.passed -= 1;
            }
        }
        self.last = Some(clock);
    }

    /// What is to be added to the day of that record, in microseconds.
    pub(super) fn later(self) -> Ts {
        self.passed * DAY
    }

    /// As text, for [`load`](Self::load).
    pub(super) fn save(self) -> String {
        let last = self.last.map_or_else(String::new, |l| l.to_string());
        format!("{} {last}", self.passed)
    }

    /// What was saved; none passed where the text is another.
    pub(super) fn load(text: &str) -> Self {
        let (passed, last) = text.split_once(' ').unwrap_or_default();
        Self {
            passed: passed.parse().unwrap_or(0),
            last: last.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_goes_back_is_of_the_next_day() {
        let days = |start: Option<Ts>, hours: &[f64]| {
            let mut m = Midnights::behind(start);
            let mut pass = |h: &f64| {
                m = Midnights::load(&m.save());
                m.pass((h * 3_600e6) as Ts);
                m.later() / DAY
            };
            hours.iter().map(&mut pass).collect::<Vec<_>>()
        };
        assert_eq!(
            days(None, &[8.0, 20.0, 23.99, 0.01, 23.98, 0.02, 9.0, 8.5]),
            [0, 0, 0, 1, 0, 1, 1, 1]
        );
        // A night without records, and a header behind which the first record comes late or is of the next day.
        assert_eq!(days(None, &[17.0, 8.0, 17.0, 8.0]), [0, 1, 1, 2]);
        assert_eq!(days(Some(0), &[23.9, 0.1]), [0, 1]);
        assert_eq!(days(Some(DAY - 1), &[0.5, 23.8]), [1, 0]);
    }
}
