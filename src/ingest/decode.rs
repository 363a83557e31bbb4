//! Decoding one field into a typed cell, and telling whether the cell re-creates the field's text.

use super::json;
use super::raw::Value;
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
    if cells.is_set(col) && dec != Dec::Hashes {
        return Held::No;
    }
    if let (Dec::Text, Value::Escaped(escaped)) = (dec, value) {
        cells.escaped_text(col, escaped.inner(), |out| json::unescape_into(escaped.inner(), out));
        return Held::Yes;
    }
    let Some(text) = value.text() else {
        return Held::No;
    };
    if text == "-" {
        return Held::No;
    }
    match dec {
        Dec::Text => {
            cells.text(col, text);
            Held::Yes
        }
        Dec::Trim => {
            cells.text(col, text.trim());
            (text.trim() == text).into()
        }
        Dec::Lower => {
            if text
                .bytes()
                .fold(true, |low, b| low & b.is_ascii() & !b.is_ascii_uppercase())
            {
                cells.text(col, text);
                return Held::Yes;
            }
            let lower = text.to_lowercase();
            cells.text(col, &lower);
            (lower == text).into()
        }
        Dec::Int | Dec::Hex => integer(cells, col, dec, text),
        Dec::Time => match time::rfc3339(text.as_bytes()) {
            Some((ts, _)) => {
                cells.int(col, ts);
                recreates_time(text, ts).into()
            }
            None => Held::No,
        },
        Dec::Ip => match ip::parse_exact(text) {
            Some((address, exact)) => {
                cells.ip(col, &address);
                exact.into()
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
        Dec::User => user(cells, col, text),
        Dec::Hashes => hashes(cells, text),
        Dec::Hash => match hex_bytes(text) {
            Some(b) if width(cells, col) == Some(b.len()) => {
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
    // Eight digits at a time; zeros fill the last ones up.
    for (digits, four) in text.chunks(8).zip(bytes.as_chunks_mut::<4>().0) {
        let digits = match digits.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => digits
                .iter()
                .rfold(EACH * u64::from(b'0'), |rest, digit| rest << 8 | u64::from(*digit)),
        };
        let letters = (digits >> 6) & EACH;
        let values = (digits & (EACH * 0x0F)) + letters * 9;
        // What these values look like in small letters, and whether the text was that but for the case of letters.
        let written = values + EACH * u64::from(b'0') + (((values + EACH * 6) >> 4) & EACH) * 39;
        invalid |= (digits | letters << 5) ^ written | values & (EACH * 0xF0);
        lower |= letters & (digits >> 5);
        upper |= letters & !(digits >> 5);
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

/// A one in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The value of a hexadecimal digit; 255 for any other byte.
fn digit(byte: u8) -> u8 {
    #[allow(clippy::indexing_slicing)] // The compiler evaluates it: a wrong index does not compile.
    const DIGITS: [u8; 256] = {
        let mut table = [0xFF; 256];
        let mut i = 0;
        while i < 16 {
            table[b"0123456789abcdef"[i] as usize] = i as u8;
            table[b"0123456789ABCDEF"[i] as usize] = i as u8;
            i += 1;
        }
        table
    };
    DIGITS.get(byte as usize).copied().unwrap_or(0xFF)
}

#[inline]
fn integer(cells: &mut TableBuilder, col: Col, dec: Dec, text: &str) -> Held {
    if let Some(v) = plain_int(text) {
        return (cells.int_if_it_fits(col, v) && dec == Dec::Int && (text == "0" || !text.starts_with('0'))).into();
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

fn width(cells: &TableBuilder, col: Col) -> Option<usize> {
    cells.table().column(col).and_then(|c| c.kind.width())
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

fn user(cells: &mut TableBuilder, col: Col, text: &str) -> Held {
    let (name, domain) = split_user(text);
    cells.text(col, name);
    match domain {
        Some(d) if col == common::USER => {
            cells.text(common::USER_DOMAIN, d);
            text.contains('\\').into()
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
        let Some((algorithm, hex)) = part.split_once('=') else {
            held = false;
            continue;
        };
        let Some(order) = HASHES.iter().position(|h| *h == algorithm) else {
            held = false;
            continue;
        };
        let written = cells.hash_column(order).and_then(|col| {
            let b = hex_bytes(hex)?;
            (width(cells, col) == Some(b.len())).then(|| cells.fixed(col, &b))?;
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
    let Some(written) = <&[u8; 36]>::try_from(bare).ok().and_then(Written::of) else {
        cells.text(col, text);
        return Held::Yes;
    };
    if written.zero {
        return Held::No;
    }
    if text.len() == 38 && !written.lower {
        cells.text(col, text);
        return Held::Yes;
    }
    let mut upper = [b'{'; 38];
    for (to, from) in upper.iter_mut().skip(1).zip(bare.iter().chain(b"}")) {
        *to = from.to_ascii_uppercase();
    }
    // It is ASCII.
    cells.text(col, std::str::from_utf8(&upper).unwrap_or_default());
    Held::Yes
}

/// How the digits of a GUID are written.
struct Written {
    /// Whether they are all 0.
    zero: bool,
    /// Whether some are small letters.
    lower: bool,
}

impl Written {
    /// `None` if it is no GUID.
    fn of(bare: &[u8; 36]) -> Option<Self> {
        let (mut invalid, mut some, mut lower) = (0, 0, 0);
        for (i, byte) in bare.iter().enumerate() {
            if matches!(i, 8 | 13 | 18 | 23) {
                invalid |= byte ^ b'-';
            } else {
                let value = digit(*byte);
                invalid |= value & 0xF0;
                some |= value;
                // Of the bytes that are digits only small letters have both bits.
                lower |= byte & (byte << 1) & 0x40;
            }
        }
        (invalid == 0).then_some(Self {
            zero: some == 0,
            lower: lower != 0,
        })
    }
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    (*hex_bytes(&digits)?).try_into().ok()
}

fn scaled(cells: &mut TableBuilder, col: Col, dec: Dec, text: &str) -> Held {
    let decimals = if dec == Dec::SecondsUs { 6 } else { 3 };
    let (whole, fraction) = match text.split_once('.') {
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
    use crate::schema::{network, process};

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
}
