//! Civil dates of the proleptic Gregorian calendar, without a date library on the hot path.

use std::fmt::Write as _;

use super::{DAY, SECOND, Ts};

/// The UTC time stamp of a civil date and time; `None` if a field is out of range. `second` may be 60 (a leap second
/// counts as the first second of the next minute), `micros` is the fraction in microseconds.
#[inline]
pub fn from_civil(year: i64, month: u32, day: u32, hour: u32, minute: u32, second: u32, micros: u32) -> Option<Ts> {
    let in_range = (1..=9999).contains(&year)
        && day >= 1
        && day <= days_in_month(year, month)?
        && hour < 24
        && minute < 60
        && second <= 60
        && micros < 1_000_000;
    if !in_range {
        return None;
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some(days_from_civil(year, month, day) * DAY + seconds * SECOND + i64::from(micros))
}

/// The UTC date of a time stamp as (year, month, day).
pub fn date(ts: Ts) -> (i64, u32, u32) {
    civil_from_days(ts.div_euclid(DAY))
}

/// The UTC date of a time stamp as `YYYY-MM-DD`.
pub fn day_string(ts: Ts) -> String {
    let (year, month, day) = date(ts);
    format!("{year:04}-{month:02}-{day:02}")
}

/// RFC 3339 in UTC, always with `Z`, the fraction in 0, 3 or 6 digits, whichever is the shortest exact one.
pub fn format_rfc3339(ts: Ts) -> String {
    let (year, month, day) = date(ts);
    let in_day = ts.rem_euclid(DAY);
    let (seconds, micros) = (in_day / SECOND, in_day % SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut out = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    // Writing into a String cannot fail.
    let _ = match micros {
        0 => Ok(()),
        us if us % 1000 == 0 => write!(out, ".{:03}", us / 1000),
        us => write!(out, ".{us:06}"),
    };
    out.push('Z');
    out
}

fn days_in_month(year: i64, month: u32) -> Option<u32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if leap => Some(29),
        2 => Some(28),
        _ => None,
    }
}

/// Days since 1970-01-01 (Howard Hinnant's algorithm: years start in March, so the leap day comes last).
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // Both are small and positive by construction.
    (year, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Datelike, SecondsFormat};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_chrono(ts in -62_135_596_800_000_000i64..253_402_300_800_000_000) {
            let theirs = DateTime::from_timestamp_micros(ts).unwrap();
            prop_assert_eq!(date(ts), (i64::from(theirs.year()), theirs.month(), theirs.day()));
            prop_assert_eq!(format_rfc3339(ts), theirs.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            prop_assert_eq!(day_string(ts), theirs.format("%Y-%m-%d").to_string());
        }

        #[test]
        fn any_stamp_prints_without_panic(ts: i64) {
            prop_assert!(format_rfc3339(ts).ends_with('Z'));
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        assert_eq!(from_civil(2023, 2, 29, 0, 0, 0, 0), None);
        assert_eq!(from_civil(2023, 13, 1, 0, 0, 0, 0), None);
        assert_eq!(from_civil(2023, 4, 31, 0, 0, 0, 0), None);
        assert_eq!(from_civil(2023, 1, 1, 24, 0, 0, 0), None);
        assert!(from_civil(2024, 2, 29, 23, 59, 60, 0).is_some());
    }
}
