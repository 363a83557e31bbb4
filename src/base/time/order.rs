//! Day first or month first: decided for a whole file, never for a line.

use super::{DAY, Ts, from_civil};

/// The order of the first two numbers of a date such as `05/06/2024`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateOrder {
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
    /// Not known: only a date that has one possible reading is accepted.
    #[default]
    Unknown,
}

impl DateOrder {
    /// (month, day) of the two first numbers, `None` if this order does not allow them or leaves them open.
    pub(super) fn month_day(self, first: u32, second: u32) -> Option<(u32, u32)> {
        match self {
            Self::Dmy => Some((second, first)),
            Self::Mdy => Some((first, second)),
            Self::Unknown if first > 12 || first == second => Some((second, first)),
            Self::Unknown if second > 12 => Some((first, second)),
            Self::Unknown => None,
        }
    }
}

/// Collects the dates of one file and decides their order.
///
/// A first number above 12 proves day first, a second number above 12 proves month first. Without proof the reading under
/// which the dates go back less often wins, because logs are written in order.
#[derive(Debug, Clone, Default)]
pub struct DateOrderVote {
    first_over_12: u64,
    second_over_12: u64,
    day_first: Reading,
    month_first: Reading,
}

impl DateOrderVote {
    /// Takes a date into account; text without two numbers and a year in front is ignored.
    pub fn add(&mut self, text: &[u8]) {
        let Some((first, second, year)) = super::forms::short_date_fields(text) else {
            return;
        };
        self.first_over_12 += u64::from(first > 12);
        self.second_over_12 += u64::from(second > 12);
        self.day_first.add(from_civil(year, second, first, 0, 0, 0, 0));
        self.month_first.add(from_civil(year, first, second, 0, 0, 0, 0));
    }

    /// The order of the file; `Unknown` if nothing or a contradiction was seen, or the tie stands.
    pub fn decide(&self) -> DateOrder {
        match (self.first_over_12 > 0, self.second_over_12 > 0) {
            (true, false) => return DateOrder::Dmy,
            (false, true) => return DateOrder::Mdy,
            (true, true) => return DateOrder::Unknown,
            (false, false) => {}
        }
        match self.day_first.disorder().cmp(&self.month_first.disorder()) {
            std::cmp::Ordering::Less => DateOrder::Dmy,
            std::cmp::Ordering::Greater => DateOrder::Mdy,
            std::cmp::Ordering::Equal => DateOrder::Unknown,
        }
    }
}

/// How a file's dates look under one reading.
#[derive(Debug, Clone, Default)]
struct Reading {
    last: Option<Ts>,
    backwards: u64,
    long_gaps: u64,
}

impl Reading {
    fn add(&mut self, day: Option<Ts>) {
        let Some(day) = day else { return };
        if let Some(last) = self.last {
            self.backwards += u64::from(day < last);
            // The wrong reading of consecutive days jumps a month at a time.
            self.long_gaps += u64::from(day - last > 7 * DAY);
        }
        self.last = Some(day);
    }

    fn disorder(&self) -> (u64, u64) {
        (self.backwards, self.long_gaps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(dates: &[&str]) -> DateOrder {
        let mut vote = DateOrderVote::default();
        dates.iter().for_each(|d| vote.add(d.as_bytes()));
        vote.decide()
    }

    #[test]
    fn a_number_above_twelve_proves_the_order() {
        assert_eq!(decide(&["1/2/2024 10:00:00", "22/12/2021 21:46:04"]), DateOrder::Dmy);
        assert_eq!(
            decide(&["6/5/2013 10:00:32 AM", "6/25/2013 10:00:32 AM"]),
            DateOrder::Mdy
        );
    }

    #[test]
    fn contradiction_and_silence_stay_unknown() {
        assert_eq!(decide(&["22/12/2021 1:00", "12/22/2021 1:00"]), DateOrder::Unknown);
        assert_eq!(decide(&[]), DateOrder::Unknown);
        assert_eq!(decide(&["6/6/2013 1:00"]), DateOrder::Unknown);
        assert_eq!(decide(&["nonsense", "1/", "//"]), DateOrder::Unknown);
    }

    #[test]
    fn monotonic_days_break_the_tie() {
        assert_eq!(
            decide(&["11/2/2024 1:00", "12/2/2024 1:00", "1/3/2024 1:00"]),
            DateOrder::Dmy
        );
        assert_eq!(
            decide(&["2/1/2024 1:00", "2/2/2024 1:00", "2/3/2024 1:00"]),
            DateOrder::Mdy
        );
    }
}
