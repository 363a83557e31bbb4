//! Decoding one field into a typed cell, and telling whether the cell re-creates the field's text.

use super::json;
use super::raw::Value;
use crate::base::text::{EACH, cut};
use crate::base::{ip, time};
use crate::schema::builder::TableBuilder;
use crate::schema::{Col, common};

/// How a field's text becomes a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dec {
    /// Text as is. `-` stays in `extra`, so that a rule for `-` still matches.
    Text,
    /// Text without the blanks around it.
    Trim,
    /// Lower-cased text.
    Lower,
    /// Decimal integer; a `0x…` text is read too.
    Int,
    /// Windows hexadecimal integer `0x…`; decimal is read too.
    Hex,
    /// RFC 3339 or Sysmon `YYYY-MM-DD hh:mm:ss.fff`, taken as UTC.
    Time,
    /// IP address.
    Ip,
    /// `true`, `false`, `1`, `0`.
    Bool,
    /// Decimal fraction.
    Float,
    /// `DOMAIN\user` or `user@domain` into user and user_domain.
    User,
    /// Sysmon `Hashes`: `SHA1=…,MD5=…` into the hash columns of the table.
    Hashes,
    /// One hash in hexadecimal.
    Hash,
    /// MAC address with any or no separators.
    Mac,
    /// Seconds as decimal fraction into microseconds.
    SecondsUs,
    /// Milliseconds into microseconds.
    MillisUs,
    /// A text list separated by `,` or `;`.
    List,
    /// Security identifier; `S-1-0-0` means nobody and stays out of the column.
    Sid,
    /// Logon session in hexadecimal; 0 means no session and stays out of the column.
    Session,
    /// GUID, stored as `{UPPER-CASE}`. Its letter case and braces carry no meaning and are not kept; the zero GUID
    /// means none and stays out of the column.
    Guid,
}

/// Whether the cell re-creates the original text by the fixed rule of its decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The field need not be kept.
    Yes,
    /// The field stays in `extra`.
    No,
}

impl From<bool> for Held {
    fn from(held: bool) -> Self {
        if held { Held::Yes } else { Held::No }
    }
}

/// Writes `value` into `col` of the current row.
pub fn decode(cells: &mut TableBuilder, col: Col, dec: Dec, value: &Value<'_>) -> Held {
    if let Value::Escaped(escaped) = value {
        if cells.is_set(col) && dec != Dec::Hashes {
            return Held::No;
        }
        if dec == Dec::Text {
            cells.escaped_text(col, escaped.inner(), |out| json::unescape_into(escaped.inner(), out));
            return Held::Yes;
        }
        if dec == Dec::User
            && let Some((domain, name)) = one_backslash(escaped.inner())
        {
            return user(cells, col, name, Some(domain).filter(|d| !d.is_empty()), true);
        }
    }
    match value.text() {
        Some(text) => decode_text(cells, col, dec, text),
        None => Held::No,
    }
}

/// [`decode`] of a value that is text. What most columns hold comes first; the builder knows whether the cell is free.
pub fn decode_text(cells: &mut TableBuilder, col: Col, dec: Dec, text: &str) -> Held {
    if text == "-" {
        return Held::No;
    }
    match dec {
        Dec::Text => cells.text_if_free(col, text).into(),
        Dec::Int | Dec::Hex => integer(cells, col, dec, text),
        Dec::Ip => match ip::parse_exact(text) {
            Some((address, exact)) => (cells.fixed_if_free(col, &address) && exact).into(),
            None => Held::No,
        },
        Dec::Lower => {
            let is_lower = |low: bool, b: u8| low & b.is_ascii() & !b.is_ascii_uppercase();
            if text.bytes().fold(true, is_lower) {
                return cells.text_if_free(col, text).into();
            }
            let lower = text.to_lowercase();
            (cells.text_if_free(col, &lower) && lower == text).into()
        }
        _ if cells.is_set(col) && dec != Dec::Hashes => Held::No,
        Dec::Trim => {
            cells.text(col, text.trim());
            (text.trim() == text).into()
        }
        Dec::Time => match time::rfc3339(text.as_bytes()) {
            Some((ts, _)) => {
                cells.int(col, ts);
                recreates_time(text, ts).into()
            }
            None => Held::No,
        },
        Dec::Bool => boolean(cells, col, text),
        Dec::Float => match text.parse::<f32>() {
            Ok(f) => {
                cells.float(col, f);
                (f.to_string() == text).into()
            }
            Err(_) => Held::No,
        },
        Dec::User => {
            let (name, domain) = split_user(text);
            user(cells, col, name, domain, text.contains('\\'))
        }
        Dec::Hashes => hashes(cells, text),
        Dec::Hash => match hex_bytes(text) {
            Some(b) if cells.width(col) == Some(b.len()) => {
                cells.fixed(col, &b);
                (!b.upper).into()
            }
            _ => Held::No,
        },
        Dec::Mac => match mac(text) {
            Some(b) => {
                cells.fixed(col, &b);
                (text.len() == 17
                    && text.as_bytes().get(2) == Some(&b':')
                    && !text.bytes().any(|c| c.is_ascii_uppercase()))
                .into()
            }
            None => Held::No,
        },
        Dec::SecondsUs | Dec::MillisUs => scaled(cells, col, dec, text),
        Dec::List => {
            cells.list(col, text.split([',', ';']).map(str::trim).filter(|t| !t.is_empty()));
            (!text.contains(';') && !text.contains(' ')).into()
        }
        Dec::Sid => {
            if text == "S-1-0-0" {
                return Held::No;
            }
            cells.text(col, text);
            Held::Yes
        }
        Dec::Session => match parse_int(text) {
            Some(0) | None => Held::No,
            Some(_) => integer(cells, col, Dec::Hex, text),
        },
        Dec::Guid => guid(cells, col, text),
    }
}

/// Splits `DOMAIN\user` or `user@domain` into (user, domain).
pub fn split_user(text: &str) -> (&str, Option<&str>) {
    if let Some((domain, user)) = text.split_once('\\') {
        return (user, Some(domain).filter(|d| !d.is_empty()));
    }
    match text.rsplit_once('@') {
        Some((user, domain)) if !user.is_empty() && domain.contains('.') => (user, Some(domain)),
        _ => (text, None),
    }
}

/// Reads decimal or `0x` hexadecimal.
#[inline]
pub fn parse_int(text: &str) -> Option<i64> {
    if let Some(v) = plain_int(text) {
        return Some(v);
    }
    let t = text.trim();
    if let Some(h) = t.strip_prefix("0x").or_else(|| t.strip_prefix("0X")) {
        return u64::from_str_radix(h, 16).ok().map(|v| v as i64);
    }
    t.parse::<i64>()
        .ok()
        .or_else(|| t.parse::<u64>().ok().map(|v| v as i64))
}

/// Reads what most integers are: nothing but digits, few enough not to overflow.
#[inline]
fn plain_int(text: &str) -> Option<i64> {
    let (mut value, mut odd) = (0, text.is_empty() | (text.len() > 18));
    for b in text.bytes().take(18) {
        let digit = b.wrapping_sub(b'0');
        odd |= digit > 9;
        value = value * 10 + i64::from(digit);
    }
    (!odd).then_some(value)
}

/// Bytes of a hexadecimal text of even length; 64 at most.
#[derive(Debug, Clone, Copy)]
pub struct HexBytes {
    bytes: [u8; 64],
    len: usize,
    /// Whether some digits are small letters.
    lower: bool,
    /// Whether some digits are capital letters.
    upper: bool,
}

impl std::ops::Deref for HexBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Reads hexadecimal digits of either case.
pub fn hex_bytes(text: &str) -> Option<HexBytes> {
    let text = text.as_bytes();
    if text.is_empty() || !text.len().is_multiple_of(2) || text.len() > 128 {
        return None;
    }
    let mut bytes = [0; 64];
    let (mut invalid, mut lower, mut upper) = (0, 0, 0);
    // Zeros fill the last ones up.
    for (digits, four) in text.chunks(8).zip(bytes.as_chunks_mut::<4>().0) {
        let digits = Digits::of(match digits.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => digits
                .iter()
                .rfold(EACH * u64::from(b'0'), |rest, digit| rest << 8 | u64::from(*digit)),
        });
        invalid |= digits.invalid;
        lower |= digits.lower;
        upper |= digits.upper;
        let values = digits.values;
        let pairs = (values << 4 | values >> 8) & 0x00FF_00FF_00FF_00FF;
        let pairs = (pairs | pairs >> 8) & 0x0000_FFFF_0000_FFFF;
        *four = ((pairs | pairs >> 16) as u32).to_le_bytes();
    }
    (invalid == 0).then_some(HexBytes {
        bytes,
        len: text.len() / 2,
        lower: lower != 0,
        upper: upper != 0,
    })
}

/// Eight hexadecimal digits, each in its byte.
struct Digits {
    values: u64,
    /// 0 if all are digits.
    invalid: u64,
    /// Ones where small letters are.
    lower: u64,
    /// Ones where capital letters are.
    upper: u64,
}

impl Digits {
    #[inline]
    fn of(text: u64) -> Self {
        let letters = (text >> 6) & EACH;
        let values = (text & (EACH * 0x0F)) + letters * 9;
        // What these values look like in small letters, and whether the text was that but for the case of letters.
        let written = values + EACH * u64::from(b'0') + (((values + EACH * 6) >> 4) & EACH) * 39;
        let small = letters & (text >> 5);
        Self {
            values,
            invalid: ((text | (letters << 5)) ^ written) | (values & (EACH * 0xF0)),
            lower: small,
            upper: letters ^ small,
        }
    }
}

#[inline]
fn integer(cells: &mut TableBuilder, col: Col, dec: Dec, text: &str) -> Held {
    if let Some(v) = plain_int(text) {
        let is_padded = text.len() > 1 && text.as_bytes().first() == Some(&b'0');
        return (cells.int_if_it_fits(col, v) && dec == Dec::Int && !is_padded).into();
    }
    let Some(v) = parse_int(text) else {
        return Held::No;
    };
    if !cells.int_if_it_fits(col, v) {
        return Held::No;
    }
    let canonical = match dec {
        Dec::Hex => text
            .strip_prefix("0x")
            .is_some_and(|h| !h.bytes().any(|c| c.is_ascii_uppercase()) && (h == "0" || !h.starts_with('0'))),
        _ => !text.starts_with(['0', '+', ' ']) && !text.ends_with(' '),
    };
    canonical.into()
}

fn recreates_time(text: &str, ts: i64) -> bool {
    let b = text.as_bytes();
    let at = |i: usize| b.get(i).copied().unwrap_or(0);
    // A leap second is stored as the second behind it.
    if at(4) != b'-' || at(7) != b'-' || (at(17), at(18)) == (b'6', b'0') {
        return false;
    }
    let fraction = (ts % time::SECOND != 0, ts % 1_000 != 0);
    match (b.len(), at(10), at(19)) {
        // Sysmon's own form: blank, three digits, no zone.
        (23, b' ', b'.') => !fraction.1,
        (20, b'T', b'Z') => !fraction.0,
        (24, b'T', b'.') => at(23) == b'Z' && fraction == (true, false),
        (27, b'T', b'.') => at(26) == b'Z' && fraction.1,
        _ => false,
    }
}

fn boolean(cells: &mut TableBuilder, col: Col, text: &str) -> Held {
    let v = match text {
        "true" | "True" | "1" | "T" => 1,
        "false" | "False" | "0" | "F" => 0,
        _ => return Held::No,
    };
    cells.int(col, v);
    matches!(text, "true" | "false").into()
}

/// The texts before and behind the only escape of a JSON string, if that is a backslash.
fn one_backslash(inner: &str) -> Option<(&str, &str)> {
    let (before, after) = inner.split_once("\\\\")?;
    (!before.contains('\\') && !after.contains('\\')).then_some((before, after))
}

fn user(cells: &mut TableBuilder, col: Col, name: &str, domain: Option<&str>, backslash: bool) -> Held {
    cells.text(col, name);
    match domain {
        Some(d) if col == common::USER => {
            cells.text(common::USER_DOMAIN, d);
            backslash.into()
        }
        Some(_) => Held::No,
        None => Held::Yes,
    }
}

fn hashes(cells: &mut TableBuilder, text: &str) -> Held {
    /// The fixed order in which the columns are joined again; it is that of [`TableBuilder::hash_column`].
    const HASHES: [&str; 4] = ["SHA1", "MD5", "SHA256", "IMPHASH"];
    let mut last = None;
    let mut held = true;
    for part in text.split(',') {
        let Some((algorithm, hex)) = cut(part, b'=') else {
            held = false;
            continue;
        };
        let Some(order) = HASHES.iter().position(|h| *h == algorithm) else {
            held = false;
            continue;
        };
        let written = cells.hash_column(order).and_then(|col| {
            let b = hex_bytes(hex)?;
            (cells.width(col) == Some(b.len())).then(|| cells.fixed(col, &b))?;
            Some(!b.lower)
        });
        held &= written == Some(true) && Some(order) > last;
        last = Some(order);
    }
    held.into()
}

fn guid(cells: &mut TableBuilder, col: Col, text: &str) -> Held {
    let bare = match text.as_bytes() {
        [b'{', bare @ .., b'}'] => bare,
        bare => bare,
    };
    let Some(guid) = <&[u8; 36]>::try_from(bare).ok().and_then(Guid::of) else {
        cells.text(col, text);
        return Held::Yes;
    };
    if guid.zero {
        return Held::No;
    }
    match text.len() == 38 && !guid.lower {
        true => cells.text(col, text),
        // It is ASCII.
        false => cells.text(col, std::str::from_utf8(&guid.written).unwrap_or_default()),
    }
    Held::Yes
}

/// How a GUID is written.
struct Guid {
    /// Whether its digits are all 0.
    zero: bool,
    /// Whether some are small letters.
    lower: bool,
    /// In capital letters and braces.
    written: [u8; 38],
}

impl Guid {
    /// `None` if it is no GUID.
    fn of(bare: &[u8; 36]) -> Option<Self> {
        let (mut invalid, mut some, mut lower) = (0, 0, 0);
        let mut written = [b'-'; 38];
        // Eight bytes at a time, of which some come twice; the dashes among them count as zeros.
        for (at, dashes) in [
            (0, 0),
            (6, 0xFF00_0000_00FF_0000),
            (14, 0x00FF_0000_0000),
            (20, 0xFF00_0000),
            (28, 0),
        ] {
            let eight = bare.get(at..)?.first_chunk()?;
            let text = u64::from_le_bytes(*eight);
            invalid |= (text ^ (EACH * u64::from(b'-'))) & dashes;
            let digits = Digits::of((text & !dashes) | ((EACH * u64::from(b'0')) & dashes));
            invalid |= digits.invalid;
            some |= digits.values;
            lower |= digits.lower;
            let capital = text ^ (digits.lower << 5);
            written
                .get_mut(at + 1..)?
                .first_chunk_mut()
                .map(|to| *to = capital.to_le_bytes())?;
        }
        let [first, .., last] = &mut written;
        (*first, *last) = (b'{', b'}');
        (invalid == 0).then_some(Self {
            zero: some == 0,
            lower: lower != 0,
            written,
        })
    }
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    (*hex_bytes(&digits)?).try_into().ok()
}

fn scaled(cells: &mut TableBuilder, col: Col, dec: Dec, text: &str) -> Held {
    let decimals = if dec == Dec::SecondsUs { 6 } else { 3 };
    let (whole, fraction) = match cut(text, b'.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let micros = fixed_point(whole, fraction.unwrap_or(""), decimals).or_else(|| {
        let v = text.trim().parse::<f64>().ok()?;
        let factor = 10f64.powi(decimals as i32);
        (0.0..1e12).contains(&v).then(|| (v * factor).round() as i64)
    });
    match micros {
        Some(v) => {
            cells.int(col, v);
            // Six decimals are what microseconds hold.
            fraction.is_none_or(|f| f.len() == 6).into()
        }
        None => Held::No,
    }
}

/// Digits before and behind the point as a number of units of which one is 10 to the power of minus `decimals`. `None`
/// where they are more than fit, or anything else stands there.
fn fixed_point(whole: &str, fraction: &str, decimals: usize) -> Option<i64> {
    let missing = decimals.checked_sub(fraction.len())?;
    if whole.len() + decimals > 18 {
        return None;
    }
    let units = |digits: &str, zeros: usize| Some(plain_int(digits)? * 10i64.pow(zeros as u32));
    let behind = if fraction.is_empty() {
        0
    } else {
        units(fraction, missing)?
    };
    Some(units(whole, decimals)? + behind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::raw::Escaped;
    use crate::schema::{network, process};
    use proptest::prelude::*;

    fn one(dec: Dec, col: Col, text: &str) -> (Held, TableBuilder) {
        let mut b = TableBuilder::new(&process::TABLE);
        let h = decode(&mut b, col, dec, &Value::str(text));
        (h, b)
    }

    #[test]
    fn a_column_that_does_not_recreate_the_text_leaves_it_in_extra() {
        assert_eq!(one(Dec::Int, process::PID, "12").0, Held::Yes);
        assert_eq!(one(Dec::Int, process::PID, "0012").0, Held::No);
        assert_eq!(one(Dec::Int, process::PID, "99999999999").0, Held::No);
        assert_eq!(one(Dec::Hex, process::PID, "0x1f4").0, Held::Yes);
        assert_eq!(one(Dec::Hex, process::PID, "0x01F4").0, Held::No);
        assert_eq!(one(Dec::Text, process::IMAGE, "-").0, Held::No);
        let (h, b) = one(Dec::User, common::USER, "CORP\\ann");
        assert_eq!((h, b.current_text(common::USER_DOMAIN)), (Held::Yes, Some("CORP")));
    }

    #[test]
    fn hashes_are_parsed_by_key_whatever_their_order() {
        let text = "MD5=D41D8CD98F00B204E9800998ECF8427E,SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709";
        let (h, b) = one(Dec::Hashes, process::MD5, text);
        assert_eq!(h, Held::No, "another order than the columns' own");
        assert!(b.is_set(process::MD5) && b.is_set(process::SHA1) && !b.is_set(process::SHA256));
    }

    #[test]
    fn guids_compare_whatever_their_case_and_braces() {
        for text in [
            "{b669e388-a0f3-5edf-5d00-000000000300}",
            "B669E388-A0F3-5EDF-5D00-000000000300",
        ] {
            let (h, b) = one(Dec::Guid, process::PROC_GUID, text);
            let stored = b.current_text(process::PROC_GUID);
            assert_eq!((h, stored), (Held::Yes, Some("{B669E388-A0F3-5EDF-5D00-000000000300}")));
        }
        let none = "{00000000-0000-0000-0000-000000000000}";
        assert_eq!(one(Dec::Guid, process::PROC_GUID, none).0, Held::No);
    }

    #[test]
    fn nobody_and_no_session_are_null() {
        let (h, b) = one(Dec::Sid, process::TARGET_SID, "S-1-0-0");
        assert!(h == Held::No && !b.is_set(process::TARGET_SID));
        let (h, b) = one(Dec::Session, process::TARGET_LOGON_ID, "0x0");
        assert!(h == Held::No && !b.is_set(process::TARGET_LOGON_ID));
    }

    #[test]
    fn seconds_become_microseconds() {
        let mut b = TableBuilder::new(&network::TABLE);
        decode(&mut b, network::DURATION_US, Dec::SecondsUs, &Value::str("1.5"));
        assert_eq!(b.current_int(network::DURATION_US), Some(1_500_000));
        for (text, micros) in [
            ("0.000001", 1),
            ("12", 12_000_000),
            (".5", 500_000),
            ("7.", 7_000_000),
            ("0.0000015", 2),
            ("1e2", 100_000_000),
        ] {
            let mut b = TableBuilder::new(&network::TABLE);
            decode(&mut b, network::DURATION_US, Dec::SecondsUs, &Value::str(text));
            assert_eq!(b.current_int(network::DURATION_US), Some(micros), "{text}");
        }
        for text in ["-1", "1.2.3", "", ".", "nan", "99999999999999999999"] {
            let mut b = TableBuilder::new(&network::TABLE);
            let held = decode(&mut b, network::DURATION_US, Dec::SecondsUs, &Value::str(text));
            assert!(held == Held::No && !b.is_set(network::DURATION_US), "{text}");
        }
    }

    proptest! {
        #[test]
        fn hexadecimal_digits_are_read_one_by_one_alike(text in "([0-9a-fA-F]{2}){0,9}|[0-9a-gA-G/:@`\u{0}\u{fd}]{0,20}|[0-9a-f]{126,132}") {
            let digits: Option<Vec<u8>> = text.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
            let fits = !text.is_empty() && text.len() % 2 == 0 && text.len() <= 128;
            let plain: Option<Vec<u8>> = digits.filter(|_| fits).map(|d| d.chunks(2).map(|p| p[0] << 4 | p[1]).collect());
            let read = hex_bytes(&text);
            prop_assert_eq!(read.as_deref(), plain.as_deref());
            if let Some(read) = read {
                prop_assert_eq!(read.lower, text.bytes().any(|c| c.is_ascii_lowercase()));
                prop_assert_eq!(read.upper, text.bytes().any(|c| c.is_ascii_uppercase()));
            }
        }

        #[test]
        fn guids_are_told_from_other_texts(text in "[0-9a-fA-F]{8}(-[0-9A-F]{4}){3}-[0-9a-fg]{12}|[0-9a-f-]{36}|0{8}(-0{4}){3}-0{12}") {
            let at = |i: usize, c: char| if matches!(i, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() };
            let is_guid = text.char_indices().all(|(i, c)| at(i, c));
            let guid = Guid::of(text.as_bytes().try_into().unwrap());
            prop_assert_eq!(guid.is_some(), is_guid);
            if let Some(guid) = guid {
                prop_assert_eq!(guid.zero, !text.contains(|c| !matches!(c, '0' | '-')));
                prop_assert_eq!(guid.lower, text.bytes().any(|c| c.is_ascii_lowercase()));
                let written = format!("{{{}}}", text.to_uppercase());
                prop_assert_eq!(&guid.written[..], written.as_bytes());
            }
        }

        #[test]
        fn users_are_split_alike_however_they_are_escaped(text in r"(\\\\|\\n|\\u005c|[ab@.-]){0,8}") {
            let mut with = TableBuilder::new(&process::TABLE);
            let mut without = TableBuilder::new(&process::TABLE);
            let escaped = Value::Escaped(Escaped::new(&text));
            let plain = Value::Str(json::unescape(&text).into_owned().into());
            let held = (decode(&mut with, common::USER, Dec::User, &escaped), decode(&mut without, common::USER, Dec::User, &plain));
            prop_assert_eq!(held.0, held.1);
            for col in [common::USER, common::USER_DOMAIN] {
                prop_assert_eq!(with.current_text(col), without.current_text(col));
            }
        }
    }
}
