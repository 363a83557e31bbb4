//! The written forms of a time stamp, one parser each.

use super::fixed;
use super::order::DateOrder;
use super::scan::Scan;
use super::{SECOND, Ts, Zone};

/// Seconds between 1601-01-01 (FILETIME) and 1970-01-01.
const FILETIME_EPOCH_SECONDS: i64 = 11_644_473_600;
/// 9999-12-31T23:59:59.999999Z, the last moment this program writes.
const LAST: Ts = 253_402_300_799_999_999;

/// RFC 3339 and its relatives: `T` or a blank between date and time, `-` or `/` inside the date, seconds and fraction
/// optional, then `Z`, `+09:00`, `+0900`, ` UTC` or nothing. The whole text must be a time stamp.
pub fn rfc3339(bytes: &[u8]) -> Option<(Ts, Zone)> {
    fixed::rfc3339(bytes).or_else(|| any_rfc3339(bytes))
}

/// [`rfc3339`] in all its forms.
pub(super) fn any_rfc3339(bytes: &[u8]) -> Option<(Ts, Zone)> {
    rfc3339_prefix(bytes)
        .filter(|&(.., used)| used == bytes.len())
        .map(|(ts, zone, _)| (ts, zone))
}

/// [`rfc3339`] of a day and a time of day that stand apart.
pub fn day_and_clock(day: &str, clock: &str) -> Option<(Ts, Zone)> {
    if let (Ok(day), Ok(clock)) = (day.as_bytes().try_into(), clock.as_bytes().try_into())
        && let Some(ts) = fixed::moment(day, clock)
    {
        return Some((ts, Zone::None));
    }
    rfc3339(format!("{day} {clock}").as_bytes())
}

/// Like [`rfc3339`] for a text that goes on behind the time stamp; the third value is the number of bytes it took.
pub fn rfc3339_prefix(bytes: &[u8]) -> Option<(Ts, Zone, usize)> {
    let mut scan = Scan::new(bytes);
    let (year, _) = scan.number(4, 4)?;
    let separator = scan.eat_any(b"-/")?;
    let month = scan.two()?;
    if !scan.eat(separator) {
        return None;
    }
    let day = scan.two()?;
    scan.eat_any(b"Tt ")?;
    let clock = scan.clock()?;
    let zone = scan.zone().unwrap_or(Zone::None);
    Some((clock.on(year, month, day, zone)?, zone, scan.used()))
}

/// A number since 1970: seconds, milli-, micro- or nanoseconds, decided by the digits before the point (up to 11, 14, 17,
/// 20). A fraction is read as an integer, so no precision is lost.
pub fn epoch(bytes: &[u8]) -> Option<Ts> {
    fixed::epoch(bytes).or_else(|| any_epoch(bytes))
}

/// [`epoch`] in all its forms.
pub(super) fn any_epoch(bytes: &[u8]) -> Option<Ts> {
    let (negative, digits) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, bytes),
    };
    let whole = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    // Digits of the number that count, decimals that count, and how many microseconds the last of the former is.
    let (kept, places, unit) = match whole {
        1..=11 => (whole, 6, 1_000_000),
        12..=14 => (whole, 3, 1_000),
        15..=17 => (whole, 0, 1),
        18..=20 => (whole - 3, 0, 1),
        _ => return None,
    };
    let (number, rest) = digits.split_at_checked(whole)?;
    let fraction = match rest.split_first() {
        None => &[][..],
        Some((b'.', fraction)) if fraction.iter().all(u8::is_ascii_digit) => fraction,
        Some(_) => return None,
    };
    // The unit is as small as the digits are many: nothing overflows.
    let value = number.iter().take(kept).fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    let micros = value * unit + i64::from(Scan::new(fraction).fraction(places));
    let ts = if negative { -micros } else { micros };
    (ts.abs() <= LAST).then_some(ts)
}

/// A Windows FILETIME: units of 100 ns since 1601-01-01 UTC. Zero and "never" (and all after the year 9999) are no time.
pub fn filetime(value: u64) -> Option<Ts> {
    let ts = i64::try_from(value / 10).ok()? - FILETIME_EPOCH_SECONDS * SECOND;
    (value != 0 && ts <= LAST).then_some(ts)
}

/// The forms of spreadsheets, Windows cultures and DNS debug logs: `10/18/2024, 9:29:21.125 AM`, `22/12/2021 21:46:04`,
/// `23.05.2019 11:28:06` (dots always mean day first), `9/16/19 10:00`, `20190523 11:28:06`, `2019/05/23 11:28`.
pub fn us_datetime(bytes: &[u8], order: DateOrder) -> Option<(Ts, Zone)> {
    let mut scan = Scan::new(bytes);
    let (year, month, day) = any_date(&mut scan, order)?;
    scan.eat(b',');
    if !scan.eat(b'T') {
        scan.blanks();
    }
    let clock = scan.clock()?;
    let zone = scan.zone().unwrap_or(Zone::None);
    let ts = clock.on(year, month, day, zone)?;
    scan.is_done().then_some((ts, zone))
}

/// The Common Log Format: `[05/Feb/2025:11:30:29 +0900]`, brackets optional.
pub fn apache(bytes: &[u8]) -> Option<(Ts, Zone)> {
    let mut scan = Scan::new(bytes);
    let bracket = scan.eat(b'[');
    let (year, month, day) = named_date(&mut scan, b'/')?;
    scan.eat_any(b": ")?;
    let clock = scan.clock()?;
    let zone = scan.zone().unwrap_or(Zone::None);
    let closed = !bracket || scan.eat(b']');
    let ts = clock.on(year, month, day, zone)?;
    (closed && scan.is_done()).then_some((ts, zone))
}

/// The time of BIND's own log files: `05-Feb-2025 11:30:29.123`, local without a zone.
pub fn bind(bytes: &[u8]) -> Option<(Ts, Zone)> {
    fixed::bind(bytes).or_else(|| any_bind(bytes))
}

/// [`bind`] in all its forms.
pub(super) fn any_bind(bytes: &[u8]) -> Option<(Ts, Zone)> {
    let mut scan = Scan::new(bytes);
    let (year, month, day) = named_date(&mut scan, b'-')?;
    scan.eat_any(b" T")?;
    let clock = scan.clock()?;
    let zone = scan.zone().unwrap_or(Zone::None);
    let ts = clock.on(year, month, day, zone)?;
    scan.is_done().then_some((ts, zone))
}

/// C's `asctime`: `Mon Aug 28 08:04:30 2023`.
pub fn ctime(bytes: &[u8]) -> Option<(Ts, Zone)> {
    let mut scan = Scan::new(bytes);
    const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
    if !DAYS.iter().any(|day| scan.eat_word(day)) {
        return None;
    }
    scan.eat(b',');
    scan.blanks();
    let month = scan.month_name()?;
    scan.blanks();
    let day = scan.one_or_two()?;
    scan.blanks();
    let clock = scan.clock()?;
    let zone = scan.zone();
    scan.blanks();
    let (year, _) = scan.number(4, 4)?;
    let zone = zone.or_else(|| scan.zone()).unwrap_or(Zone::None);
    let ts = clock.on(year, month, day, zone)?;
    scan.is_done().then_some((ts, zone))
}

/// The time of old syslog, `Feb  5 11:30:29`, with the year of the hint; `Feb  5 2025 11:30:29.123 UTC` has its own.
pub fn rfc3164(bytes: &[u8], year_hint: i64) -> Option<(Ts, Zone)> {
    let (ts, zone, used, _) = rfc3164_prefix(bytes, year_hint)?;
    (used == bytes.len()).then_some((ts, zone))
}

/// Like [`rfc3164`] for a text that goes on; then the number of bytes it took and whether the text had a year.
pub fn rfc3164_prefix(bytes: &[u8], year_hint: i64) -> Option<(Ts, Zone, usize, bool)> {
    let mut scan = Scan::new(bytes);
    let month = scan.month_name()?;
    if scan.peek() != Some(b' ') {
        return None;
    }
    scan.blanks();
    let day = scan.one_or_two()?;
    if scan.peek() != Some(b' ') {
        return None;
    }
    scan.blanks();
    let rest = bytes.get(scan.used()..)?;
    let has_year = matches!(rest, [a, b, c, d, b' ', ..] if [a, b, c, d].iter().all(|x| x.is_ascii_digit()));
    let year = if has_year { scan.number(4, 4)?.0 } else { year_hint };
    if has_year {
        scan.blanks();
    }
    let clock = scan.clock()?;
    let zone = scan.zone().unwrap_or(Zone::None);
    Some((clock.on(year, month, day, zone)?, zone, scan.used(), has_year))
}

/// The two first numbers and the year of a date whose order is in question.
pub(super) fn short_date_fields(bytes: &[u8]) -> Option<(u32, u32, i64)> {
    let mut scan = Scan::new(bytes);
    let first = scan.one_or_two()?;
    let separator = scan.eat_any(b"/-")?;
    let second = scan.one_or_two()?;
    if !scan.eat(separator) {
        return None;
    }
    Some((first, second, short_year(&mut scan)?))
}

fn any_date(scan: &mut Scan<'_>, order: DateOrder) -> Option<(i64, u32, u32)> {
    let (first, digits) = scan.number(1, 8)?;
    if digits == 8 {
        let part = |value: i64| u32::try_from(value).ok();
        return Some((first / 10_000, part(first / 100 % 100)?, part(first % 100)?));
    }
    let separator = scan.eat_any(b"/-.")?;
    let second = scan.one_or_two()?;
    if !scan.eat(separator) {
        return None;
    }
    if digits == 4 {
        return Some((first, second, scan.one_or_two()?));
    }
    let first = u32::try_from(first).ok().filter(|_| digits <= 2)?;
    let year = short_year(scan)?;
    let order = if separator == b'.' { DateOrder::Dmy } else { order };
    let (month, day) = order.month_day(first, second)?;
    Some((year, month, day))
}

/// Four digits, or two of this century (a log of before 1970 cannot exist, so 70 and above are 19xx).
fn short_year(scan: &mut Scan<'_>) -> Option<i64> {
    match scan.number(2, 4)? {
        (year, 4) => Some(year),
        (year, 2) if year < 70 => Some(2000 + year),
        (year, 2) => Some(1900 + year),
        _ => None,
    }
}

fn named_date(scan: &mut Scan<'_>, separator: u8) -> Option<(i64, u32, u32)> {
    let day = scan.one_or_two()?;
    let month = scan.eat(separator).then(|| scan.month_name())??;
    let year = scan.eat(separator).then(|| scan.number(4, 4))??.0;
    Some((year, month, day))
}

#[cfg(test)]
mod tests;
