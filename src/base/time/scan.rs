//! A cursor over bytes: the few moves that the time parsers share.

use super::{SECOND, Ts, Zone, from_civil};

/// A position in a byte string; every move leaves it inside the string.
pub(super) struct Scan<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            len: bytes.len(),
        }
    }

    /// Bytes consumed so far.
    pub(super) fn used(&self) -> usize {
        self.len - self.rest.len()
    }

    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    #[inline]
    pub(super) fn eat(&mut self, wanted: u8) -> bool {
        let hit = self.peek() == Some(wanted);
        if hit {
            self.skip(1);
        }
        hit
    }

    #[inline]
    pub(super) fn eat_any(&mut self, wanted: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|b| wanted.contains(b))?;
        self.skip(1);
        Some(byte)
    }

    pub(super) fn eat_word(&mut self, wanted: &[u8]) -> bool {
        let hit = self
            .rest
            .get(..wanted.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(wanted));
        if hit {
            self.skip(wanted.len());
        }
        hit
    }

    /// Blanks, and the no-break spaces that newer Windows cultures put before AM and PM.
    pub(super) fn blanks(&mut self) {
        while self.eat(b' ') || self.eat_word(b"\xC2\xA0") || self.eat_word(b"\xE2\x80\xAF") {}
    }

    /// Between `min` and `max` (at most 18) decimal digits as a number, with their count; takes as many as there are.
    #[inline]
    pub(super) fn number(&mut self, min: usize, max: usize) -> Option<(i64, usize)> {
        let count = self.rest.iter().take(max).take_while(|b| b.is_ascii_digit()).count();
        if count < min {
            return None;
        }
        let digits = self.rest.get(..count)?;
        self.skip(count);
        Some((digits.iter().fold(0, |sum, b| sum * 10 + i64::from(b - b'0')), count))
    }

    #[inline]
    pub(super) fn two(&mut self) -> Option<u32> {
        self.small(2, 2)
    }

    pub(super) fn one_or_two(&mut self) -> Option<u32> {
        self.small(1, 2)
    }

    pub(super) fn small(&mut self, min: usize, max: usize) -> Option<u32> {
        self.number(min, max).and_then(|(value, _)| u32::try_from(value).ok())
    }

    /// All digits that follow, as a fraction truncated to `places` (at most 9) decimal places.
    pub(super) fn fraction(&mut self, places: usize) -> u32 {
        let count = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = self.rest.get(..count).unwrap_or_default();
        let value = (0..places).fold(0u32, |sum, i| {
            sum * 10 + digits.get(i).map_or(0, |b| u32::from(b - b'0'))
        });
        self.skip(count);
        value
    }

    /// `Jan` … `Dec`, in any case, as 1 … 12.
    pub(super) fn month_name(&mut self) -> Option<u32> {
        const NAMES: [&[u8]; 12] = [
            b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
        ];
        let index = NAMES.iter().position(|name| self.eat_word(name))?;
        u32::try_from(index + 1).ok()
    }

    /// `h:mm`, `hh:mm:ss`, with a fraction after `.` or `,`, with AM or PM after a blank.
    pub(super) fn clock(&mut self) -> Option<Clock> {
        let mut hour = self.one_or_two()?;
        if !self.eat(b':') {
            return None;
        }
        let minute = self.two()?;
        let second = if self.eat(b':') { self.two()? } else { 0 };
        let has_fraction = matches!(self.rest, [b'.' | b',', digit, ..] if digit.is_ascii_digit());
        let micros = if has_fraction {
            self.skip(1);
            self.fraction(6)
        } else {
            0
        };
        if let Some(afternoon) = self.half_of_day() {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if afternoon { 12 } else { 0 };
        }
        Some(Clock {
            hour,
            minute,
            second,
            micros,
        })
    }

    /// `Z`, `UTC`, `GMT`, `+09:00`, `+0900`, `-03`, each after one optional blank; otherwise nothing is consumed.
    pub(super) fn zone(&mut self) -> Option<Zone> {
        let before = self.rest;
        self.eat(b' ');
        if self.eat_word(b"UTC") || self.eat_word(b"GMT") || self.eat_word(b"Z") {
            // "Zürich" and "UTCfoo" are words, not zones.
            if !self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0x80) {
                return Some(Zone::Utc);
            }
        } else if let Some(sign) = self.eat_any(b"+-")
            && let Some(zone) = self.offset(sign)
        {
            return Some(zone);
        }
        self.rest = before;
        None
    }

    fn offset(&mut self, sign: u8) -> Option<Zone> {
        let hours = self.two()?;
        self.eat(b':');
        let minutes = self.two().unwrap_or(0);
        let next_is_digit = self.peek().is_some_and(|b| b.is_ascii_digit());
        if hours > 23 || minutes > 59 || next_is_digit {
            return None;
        }
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
        Some(Zone::Offset(if sign == b'-' { -seconds } else { seconds }))
    }

    fn half_of_day(&mut self) -> Option<bool> {
        let before = self.rest;
        self.blanks();
        if self.eat_word(b"AM") || self.eat_word(b"A.M.") {
            return Some(false);
        }
        if self.eat_word(b"PM") || self.eat_word(b"P.M.") {
            return Some(true);
        }
        self.rest = before;
        None
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }
}

/// A time of day.
pub(super) struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
}

impl Clock {
    /// The time stamp on a day, converted to UTC if the zone is known.
    pub(super) fn on(&self, year: i64, month: u32, day: u32, zone: Zone) -> Option<Ts> {
        let local = from_civil(year, month, day, self.hour, self.minute, self.second, self.micros)?;
        Some(match zone {
            Zone::Offset(seconds) => local - i64::from(seconds) * SECOND,
            Zone::Utc | Zone::None => local,
        })
    }
}
