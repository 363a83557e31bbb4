//! What a rule asks of one value of an event.

use std::sync::{Arc, OnceLock};

use regex::Regex;

use super::cidr::Net;
use super::expression;
use super::pattern::{Part, Pattern};
use crate::base::time;

/// A question about the value of a field.
#[derive(Debug, Clone)]
pub enum Question {
    /// The whole text matches, letter case aside unless `cased`.
    Text {
        /// The pattern; in lower case unless `cased`.
        pattern: Pattern,
        /// Whether letter case counts.
        cased: bool,
    },
    /// The expression is found in the text.
    Regex(Arc<Expression>),
    /// The text is an address of this network.
    Cidr(Net),
    /// The text is a number that compares so.
    Number(Compare, f64),
    /// A part of the time in the text compares so.
    TimePart(TimePart, Compare, f64),
    /// The field has no value.
    Null,
    /// The field is there, whatever its value.
    Exists,
    /// The text of another field stands in the same place of this one's.
    SameAs {
        /// The other field.
        field: String,
        /// Whether this one's text may go on before it.
        before: bool,
        /// Whether this one's text may go on behind it.
        after: bool,
        /// Whether letter case counts.
        cased: bool,
    },
}

/// A regular expression with its source.
#[derive(Debug)]
pub struct Expression {
    /// As written, with its flags in front.
    pub source: String,
    /// Compiled, once it was asked; it is known that it can be.
    pub regex: OnceLock<Option<Regex>>,
    /// Texts in lower case of which at least one stands in every text that matches; empty where none is known.
    pub needs: Vec<String>,
    /// Bytes of the shortest text that matches.
    pub shortest: usize,
    /// Bytes that stand in every text that matches; a few, no letters.
    pub bytes: Vec<u8>,
}

impl Expression {
    /// Whether a text matches, in time in proportion to it.
    pub fn is_match(&self, text: &str) -> bool {
        let lacks = |b: &u8| memchr::memchr(*b, text.as_bytes()).is_none();
        if text.len() < self.shortest || self.bytes.iter().any(lacks) {
            return false;
        }
        let regex = self.regex.get_or_init(|| expression::build(&self.source).ok());
        regex.as_ref().is_some_and(|r| r.is_match(text))
    }
}

/// How numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compare {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
}

impl Compare {
    /// Whether `a` compares so to `b`.
    pub fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Compare::Equal => a == b,
            Compare::Less => a < b,
            Compare::AtMost => a <= b,
            Compare::Greater => a > b,
            Compare::AtLeast => a >= b,
        }
    }

    /// As written in a sentence.
    pub fn sign(self) -> &'static str {
        match self {
            Compare::Equal => "=",
            Compare::Less => "<",
            Compare::AtMost => "<=",
            Compare::Greater => ">",
            Compare::AtLeast => ">=",
        }
    }
}

/// Part of a time, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimePart {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// Day of the month.
    Day,
    /// ISO week of the year.
    Week,
    /// 1 to 12.
    Month,
    /// Year.
    Year,
}

impl Question {
    /// Whether one text of the field answers yes. [`Question::Null`], [`Question::Exists`] and [`Question::SameAs`] are no
    /// questions about one text: the first is never true here, the second always, the third must be asked with
    /// [`same_as`].
    pub fn matches(&self, text: &str, lower: &str) -> bool {
        match self {
            Question::Text { pattern, cased: true } => pattern.matches(text),
            Question::Text { pattern, cased: false } => pattern.matches(lower),
            Question::Regex(e) => e.is_match(text),
            Question::Cidr(net) => crate::base::ip::parse(text.trim()).is_some_and(|ip| net.holds(&ip)),
            Question::Number(compare, n) => value_of(text).is_some_and(|v| compare.holds(v, *n)),
            Question::TimePart(part, compare, n) => time_part(*part, text).is_some_and(|v| compare.holds(v, *n)),
            Question::Null | Question::SameAs { .. } => false,
            Question::Exists => true,
        }
    }

    /// Whether only a value that is there can answer yes, and not every value does: such a question can point out
    /// candidates.
    pub fn selects(&self) -> bool {
        match self {
            Question::Text { pattern, .. } => !matches!(pattern.parts(), [Part::Any]),
            Question::Regex(_) | Question::Cidr(_) | Question::Number(..) | Question::TimePart(..) => true,
            Question::Null | Question::Exists | Question::SameAs { .. } => false,
        }
    }

    /// Whether no number, address or hash answers yes, because something else than their characters must be there.
    pub fn needs_letters(&self) -> bool {
        let beyond = |t: &str| {
            t.chars()
                .any(|c| !c.is_ascii_hexdigit() && !matches!(c, '.' | ':' | '-'))
        };
        match self {
            Question::Text { pattern, .. } => pattern.parts().iter().any(|p| matches!(p, Part::Text(t) if beyond(t))),
            Question::Regex(e) => !e.needs.is_empty() && e.needs.iter().all(|n| beyond(n)),
            _ => false,
        }
    }

    /// A text by which equal questions are known.
    pub fn identity(&self) -> String {
        match self {
            Question::Text { pattern, cased } => {
                let mut out = String::from(if *cased { "T" } else { "t" });
                for part in pattern.parts() {
                    match part {
                        Part::Text(t) => {
                            // Lengths keep parts apart, whatever their characters.
                            out.push_str(&t.len().to_string());
                            out.push(':');
                            out.push_str(t);
                        }
                        Part::Any => out.push('*'),
                        Part::One => out.push('?'),
                        Part::Dash => out.push('-'),
                    }
                }
                out
            }
            Question::Regex(e) => format!("r{}", e.source),
            other => format!("{other:?}"),
        }
    }
}

/// Whether `text` equals `other` or, where allowed, begins, ends or goes around it.
pub fn same_as(text: &str, other: &str, before: bool, after: bool, cased: bool) -> bool {
    let fold = |t: &str| if cased { t.to_owned() } else { super::pattern::lower(t) };
    let (text, other) = (fold(text), fold(other));
    match (before, after) {
        (false, false) => text == other,
        (true, false) => text.ends_with(&other),
        (false, true) => text.starts_with(&other),
        (true, true) => text.contains(&other),
    }
}

/// The number in a text: decimal, a fraction, or `0x` hexadecimal.
pub fn value_of(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok().map(|n| n as f64);
    }
    let numeric = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    numeric.then(|| text.parse().ok()).flatten()
}

fn time_part(part: TimePart, text: &str) -> Option<f64> {
    use chrono::{Datelike, Timelike};
    let (ts, _) = time::rfc3339(text.trim().as_bytes())?;
    let t = chrono::DateTime::from_timestamp_micros(ts)?;
    Some(match part {
        TimePart::Minute => f64::from(t.minute()),
        TimePart::Hour => f64::from(t.hour()),
        TimePart::Day => f64::from(t.day()),
        TimePart::Week => f64::from(t.iso_week().week()),
        TimePart::Month => f64::from(t.month()),
        TimePart::Year => f64::from(t.year()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_the_forms_that_logs_write() {
        assert_eq!(value_of("0x1f4"), Some(500.0));
        assert_eq!(value_of(" 443 "), Some(443.0));
        assert_eq!(value_of("1.5"), Some(1.5));
        assert_eq!(value_of("-"), None);
        assert_eq!(value_of("inf"), None);
        assert_eq!(value_of(""), None);
    }

    #[test]
    fn parts_of_times() {
        let q = Question::TimePart(TimePart::Hour, Compare::AtLeast, 22.0);
        assert!(q.matches("2025-09-20T23:05:00Z", "") && !q.matches("2025-09-20T21:05:00Z", ""));
        assert!(!q.matches("yesterday", ""));
    }

    #[test]
    fn another_fields_text_is_compared_in_place() {
        assert!(same_as("C:\\A\\b.exe", "B.EXE", true, false, false));
        assert!(!same_as("C:\\A\\b.exe", "B.EXE", true, false, true));
        assert!(!same_as("abc", "b", false, false, false));
    }
}
