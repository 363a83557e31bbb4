//! Values as text, in the forms of Windows.

use encoding_rs::Encoding;

use super::slots::{Slot, ansi_text, kind};
use super::text::Text;

/// Units of 100 ns.
const SECOND: u64 = 10_000_000;
const DAY: u64 = 86_400 * SECOND;

/// Writes a value. `None` for elements, for lists of several items, which are no text, and where there is no room.
#[inline]
pub fn write(slot: Slot, chunk: &[u8], ansi: &'static Encoding, out: &mut Text) -> Option<()> {
    let bytes = slot.bytes(chunk)?;
    match slot.kind() {
        kind::STRING => out.utf16(bytes),
        kind::NULL => Some(()),
        kind::U8 => out.number(u64::from(*bytes.first()?)),
        kind::U16 => out.number(u64::from(u16::from_le_bytes(array(bytes)?))),
        kind::U32 => out.number(u64::from(u32::from_le_bytes(array(bytes)?))),
        kind::U64 => out.number(u64::from_le_bytes(array(bytes)?)),
        kind::HEX32 => out.hex_number(u64::from(u32::from_le_bytes(array(bytes)?))),
        kind::HEX64 => out.hex_number(u64::from_le_bytes(array(bytes)?)),
        kind::GUID => out.guid(array(bytes)?),
        kind::SID => sid(bytes, out),
        _ => rarer(slot, bytes, chunk, ansi, out),
    }
}

fn rarer(slot: Slot, bytes: &[u8], chunk: &[u8], ansi: &'static Encoding, out: &mut Text) -> Option<()> {
    match slot.kind() {
        kind::FILETIME => out.moment(filetime(u64::from_le_bytes(array(bytes)?))),
        kind::SYSTEMTIME => out.moment(systemtime(bytes)?),
        kind::SIZE => match bytes.len() {
            4 => out.hex_number(u64::from(u32::from_le_bytes(array(bytes)?))),
            _ => out.hex_number(u64::from_le_bytes(array(bytes)?)),
        },
        kind::BOOL => match i32::from_le_bytes(array(bytes)?) {
            0 => out.push("false"),
            1 => out.push("true"),
            other => out.signed(i64::from(other)),
        },
        kind::BINARY => out.binary(bytes),
        kind::I8 => out.signed(i64::from(i8::from_le_bytes(array(bytes)?))),
        kind::I16 => out.signed(i64::from(i16::from_le_bytes(array(bytes)?))),
        kind::I32 => out.signed(i64::from(i32::from_le_bytes(array(bytes)?))),
        kind::I64 => out.signed(i64::from_le_bytes(array(bytes)?)),
        // As serde_json writes floats the library does; infinities and the like it writes otherwise.
        kind::F32 => {
            let value = Some(f32::from_le_bytes(array(bytes)?)).filter(|v| v.is_finite())?;
            out.push(&serde_json::to_string(&value).ok()?)
        }
        kind::F64 => {
            let value = Some(f64::from_le_bytes(array(bytes)?)).filter(|v| v.is_finite())?;
            out.push(&serde_json::to_string(&value).ok()?)
        }
        kind::ANSI => ansi_text(bytes, ansi, |text| out.sanitized(text))?,
        kind::STRINGS => {
            let mut strings = slot.strings(chunk);
            let first = strings.next().unwrap_or_default();
            strings.next().is_none().then_some(())?;
            out.utf16(first)
        }
        _ => None,
    }
}

#[inline]
fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// `S-1-5-21-…`: revision, number of parts, six bytes of authority, parts.
fn sid(bytes: &[u8], out: &mut Text) -> Option<()> {
    let ([revision, _, a, b, c, d, e, f], parts) = bytes.split_first_chunk()?;
    out.push("S-")?;
    out.number(u64::from(*revision))?;
    out.push("-")?;
    out.number(u64::from_be_bytes([0, 0, *a, *b, *c, *d, *e, *f]))?;
    for part in parts.as_chunks::<4>().0 {
        out.push("-")?;
        out.number(u64::from(u32::from_le_bytes(*part)))?;
    }
    Some(())
}

/// Year (its last four digits), month, day, hour, minute, second and units of 100 ns.
fn filetime(value: u64) -> [u32; 7] {
    if i64::try_from(value).is_err() {
        return [0; 7];
    }
    let (days, in_day) = (value / DAY, value % DAY);
    let (year, month, day) = civil(days);
    let second = in_day / SECOND;
    [
        year,
        month,
        day,
        (second / 3600) as u32,
        (second / 60 % 60) as u32,
        (second % 60) as u32,
        (in_day % SECOND) as u32,
    ]
}

/// The date so many days after 1601-01-01; years from 10000 on lose their first digit.
fn civil(days: u64) -> (u32, u32, u32) {
    // Years that begin in March, counted from the year 0, in eras of 400 years.
    let days = days + 584_694;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let in_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    ((year % 10_000) as u32, month as u32, in_month as u32)
}

/// A SYSTEMTIME; one that is no time is shown as the beginning of 1601.
fn systemtime(bytes: &[u8]) -> Option<[u32; 7]> {
    let mut fields = [0; 8];
    for (field, pair) in fields.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *field = u32::from(u16::from_le_bytes(*pair));
    }
    let [year, month, _, day, hour, minute, second, milli] = fields;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_time = (1601..=30_827).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && milli < 1000;
    Some(if is_time {
        [year % 10_000, month, day, hour, minute, second, milli * 10_000]
    } else {
        [1601, 1, 1, 0, 0, 0, 0]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: u8, bytes: &[u8]) -> Option<String> {
        let slot = Slot::new(kind, bytes.len() as u16, 0);
        let mut out = Text::new();
        write(slot, bytes, encoding_rs::WINDOWS_1252, &mut out)?;
        out.as_str().map(str::to_owned)
    }

    #[test]
    fn values_have_the_forms_of_windows() {
        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        let cases: &[(u8, &[u8], &str)] = &[
            (kind::NULL, b"xy", ""),
            (kind::STRING, b"a\0\xE9\0\x01\0\0\0b\0", "aé_"),
            (kind::ANSI, b"a\0\xE9\x02", "aé_"),
            (kind::I8, &[0xFF], "-1"),
            (kind::U8, &[0xFF], "255"),
            (kind::I16, &[0, 0x80], "-32768"),
            (kind::U16, &[0, 0x80], "32768"),
            (kind::I32, &[0xFF; 4], "-1"),
            (kind::U32, &[0xFF; 4], "4294967295"),
            (kind::I64, &[0xFE, 255, 255, 255, 255, 255, 255, 255], "-2"),
            (kind::U64, &[0xFF; 8], "18446744073709551615"),
            (kind::F32, &1.5_f32.to_le_bytes(), "1.5"),
            (kind::F64, &1e21_f64.to_le_bytes(), "1e+21"),
            (kind::BOOL, &[1, 0, 0, 0], "true"),
            (kind::BOOL, &[0, 0, 0, 0], "false"),
            (kind::BOOL, &[0xFF; 4], "-1"),
            (kind::BINARY, &[0, 0xAB], "00AB"),
            (kind::GUID, &[0; 16], "{00000000-0000-0000-0000-000000000000}"),
            (kind::SIZE, &[0x10, 0, 0, 0], "0x10"),
            (kind::SIZE, &[0, 0, 0, 0, 1, 0, 0, 0], "0x100000000"),
            (kind::SID, &sid, "S-1-5-32-544"),
            (kind::HEX32, &[0; 4], "0x0"),
            (kind::HEX64, &[0xE7, 3, 0, 0, 0, 0, 0, 0], "0x3e7"),
            (kind::STRINGS, b"", ""),
            (kind::STRINGS, b"a\0\0\0", "a"),
        ];
        for (kind, bytes, want) in cases {
            assert_eq!(shown(*kind, bytes).as_deref(), Some(*want), "{kind:#x}");
        }
    }

    #[test]
    fn values_without_text_are_refused() {
        assert_eq!(shown(kind::STRINGS, b"a\0\0\0b\0\0\0"), None);
        assert_eq!(shown(kind::NESTED, &[0x0F]), None);
        assert_eq!(shown(kind::F64, &f64::NAN.to_le_bytes()), None);
        assert_eq!(shown(kind::F32, &f32::INFINITY.to_le_bytes()), None);
    }

    #[test]
    fn times_have_seven_digits_of_a_second() {
        let filetime = |v: u64| shown(kind::FILETIME, &v.to_le_bytes()).unwrap();
        assert_eq!(filetime(0), "1601-01-01T00:00:00.0000000Z");
        assert_eq!(filetime(133_485_000_451_234_567), "2023-12-31T12:40:45.1234567Z");
        assert_eq!(filetime(125_963_423_999_999_999), "2000-02-29T23:59:59.9999999Z");
        assert_eq!(filetime(u64::MAX), "0000-00-00T00:00:00.0000000Z");
        let system = |f: [u16; 8]| shown(kind::SYSTEMTIME, &f.map(u16::to_le_bytes).concat()).unwrap();
        assert_eq!(system([2024, 2, 4, 29, 1, 2, 3, 45]), "2024-02-29T01:02:03.0450000Z");
        assert_eq!(system([2023, 2, 4, 29, 1, 2, 3, 45]), "1601-01-01T00:00:00.0000000Z");
    }
}
