//! The forms that machines write most, every digit at its place, read without a cursor. `None` says nothing about a text:
//! it may be a time in one of the other forms.

use super::{SECOND, Ts, Zone, from_civil};

/// `2024-02-29T10:11:12`, a blank instead of the `T`, a fraction of up to nine digits, `Z` or nothing at the end.
#[inline]
pub(super) fn rfc3339(bytes: &[u8]) -> Option<(Ts, Zone)> {
    let (day, rest) = bytes.split_first_chunk()?;
    let ([b'T' | b' '], rest) = rest.split_first_chunk()? else {
        return None;
    };
    let (clock, rest) = rest.split_first_chunk()?;
    let (fraction, zone) = match rest {
        [fraction @ .., b'Z'] => (fraction, Zone::Utc),
        fraction => (fraction, Zone::None),
    };
    let micros = match fraction {
        [] => 0,
        [b'.', digits @ ..] => micros(digits)?,
        _ => return None,
    };
    Some((moment(day, clock)? + micros, zone))
}

/// `2024-02-29` and `10:11:12`.
#[inline]
pub(super) fn moment(day: &[u8; 10], clock: &[u8; 8]) -> Option<Ts> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *day else {
        return None;
    };
    civil(number([y1, y2, y3, y4])?, number([m1, m2])?, number([d1, d2])?, clock)
}

#[inline]
fn civil(year: u32, month: u32, day: u32, clock: &[u8; 8]) -> Option<Ts> {
    let [h1, h2, b':', n1, n2, b':', s1, s2] = *clock else {
        return None;
    };
    from_civil(
        year.into(),
        month,
        day,
        number([h1, h2])?,
        number([n1, n2])?,
        number([s1, s2])?,
        0,
    )
}

/// `05-Feb-2025 11:30:29.123`, the fraction optional.
#[inline]
pub(super) fn bind(bytes: &[u8]) -> Option<(Ts, Zone)> {
    let ([d1, d2, b'-', a, b, c, b'-', y1, y2, y3, y4, b' '], rest) = bytes.split_first_chunk()? else {
        return None;
    };
    let (clock, rest) = rest.split_first_chunk()?;
    let micros = match rest {
        [] => 0,
        [b'.', digits @ ..] => micros(digits)?,
        _ => return None,
    };
    let month = month([*a, *b, *c])?;
    let ts = civil(number([*y1, *y2, *y3, *y4])?, month, number([*d1, *d2])?, clock)?;
    Some((ts + micros, Zone::None))
}

/// The number of a month as it is written most.
fn month(name: [u8; 3]) -> Option<u32> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// Ten digits of seconds since 1970, and three or six decimals.
#[inline]
pub(super) fn epoch(bytes: &[u8]) -> Option<Ts> {
    let ([high @ .., a, b, c, d, e], rest) = bytes.split_first_chunk::<10>()?;
    let high: [u8; 5] = *high;
    let micros = match *rest {
        [b'.', a, b, c, d, e, f] => number([a, b, c, d, e, f])?,
        [b'.', a, b, c] => number([a, b, c])? * 1_000,
        _ => return None,
    };
    let seconds = i64::from(number(high)?) * 100_000 + i64::from(number([*a, *b, *c, *d, *e])?);
    Some(seconds * SECOND + i64::from(micros))
}

/// One to nine decimals in microseconds, what is finer cut off.
#[inline]
fn micros(digits: &[u8]) -> Option<Ts> {
    if !(1..=9).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let at = |i| digits.get(i).map_or(0, |b: &u8| i64::from(b - b'0'));
    Some((0..6).fold(0, |sum, i| sum * 10 + at(i)))
}

/// A number of digits.
#[inline]
fn number<const N: usize>(digits: [u8; N]) -> Option<u32> {
    let (mut value, mut odd) = (0, false);
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        odd |= digit > 9;
        value = value * 10 + u32::from(digit);
    }
    (!odd).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::super::forms;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn they_are_taken() {
        assert!(rfc3339(b"2024-02-29T10:11:12.123Z").is_some() && rfc3339(b"2024-02-29 10:11:12").is_some());
        assert!(bind(b"05-Feb-2025 11:30:29.123").is_some());
        assert!(epoch(b"1772409600.149595").is_some() && epoch(b"1772409600.014").is_some());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_forms_at_large_read(
            text in "[0-9]{3,4}[-/0][0-9]{2}-[0-3][0-9][ T0][0-2][0-9]:[0-9]{2}:[0-6][0-9]([.,][0-9]{0,10})?[Zz]?",
        ) {
            if let Some(read) = rfc3339(text.as_bytes()) {
                prop_assert_eq!(Some(read), forms::any_rfc3339(text.as_bytes()));
            }
        }

        #[test]
        fn days_with_names_are_those_of_the_forms_at_large(
            text in "[0-3][0-9]-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|feb)-[0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-6][0-9]([.,][0-9]{0,10})?",
        ) {
            if let Some(read) = bind(text.as_bytes()) {
                prop_assert_eq!(Some(read), forms::any_bind(text.as_bytes()));
            }
        }

        #[test]
        fn seconds_are_those_of_the_forms_at_large(text in "[0-9a]{9,11}[.0][0-9]{2,7}") {
            if let Some(read) = epoch(text.as_bytes()) {
                prop_assert_eq!(Some(read), forms::any_epoch(text.as_bytes()));
            }
        }
    }
}
