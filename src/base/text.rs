//! Text that came from logs, made safe for where it is shown, and a few cuts of paths.
//!
//! All log content is written by the attacker until proven otherwise: it may carry terminal sequences, direction
//! overrides or spreadsheet formulas.

use std::borrow::Cow;
use std::fmt::Write as _;

use wide::u8x16;

/// A one in each of eight bytes.
pub const EACH: u64 = 0x0101_0101_0101_0101;

/// For a terminal: control characters (so every ANSI sequence), direction overrides and invisible characters are written
/// as escapes; everything else stays, non-ASCII letters too. The result has no line break.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_unsafe_on_terminal) else {
        return Cow::Borrowed(text);
    };
    let (clean, rest) = text.split_at_checked(first).unwrap_or(("", text));
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(clean);
    for c in rest.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing into a String cannot fail.
            c if is_unsafe_on_terminal(c) && c.is_ascii() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if is_unsafe_on_terminal(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// For a CSV cell: what a spreadsheet would run as a formula (a leading `=`, `+`, `-`, `@`, tab or CR) gets an apostrophe
/// in front. Quoting is the CSV writer's work.
pub fn for_csv_cell(text: &str) -> Cow<'_, str> {
    match text.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => Cow::Owned(format!("'{text}")),
        _ => Cow::Borrowed(text),
    }
}

/// The last component of a Windows or Unix path; the whole text if it has no separator.
#[inline]
pub fn basename(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// Everything before the last separator of a Windows or Unix path, without it; empty if there is none.
pub fn dirname(path: &str) -> &str {
    path.rsplit_once(['\\', '/']).map_or("", |(dir, _)| dir)
}

/// ASCII letters in lower case, everything else untouched; borrowed if there is nothing to do.
pub fn lower_ascii(text: &str) -> Cow<'_, str> {
    // Without an early end, so that the compiler looks at many bytes at once.
    if text.bytes().fold(false, |upper, b| upper | b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// `str::trim_start` for texts of which most begin with a letter, which it need not be called for.
#[inline]
pub fn trim_start(text: &str) -> &str {
    match text.as_bytes().first() {
        Some(0x21..=0x7E) => text,
        _ => text.trim_start(),
    }
}

/// `str::trim` for texts of which most begin and end with a letter or digit, which it need not be called for.
#[inline]
pub fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [0x21..=0x7E] | [0x21..=0x7E, .., 0x21..=0x7E] => text,
        _ => text.trim(),
    }
}

/// Cuts a text before and behind the first of a byte, which must be ASCII; `None` where it has none.
#[inline]
pub fn cut(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(byte, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// [`cut`] at two bytes that follow each other, which must be ASCII; it is made for a first one that is rare.
#[inline]
pub fn cut_pair(text: &str, pair: [u8; 2]) -> Option<(&str, &str)> {
    let [first, second] = pair;
    let bytes = text.as_bytes();
    let at = memchr::memchr_iter(first, bytes).find(|at| bytes.get(at + 1) == Some(&second))?;
    Some((text.get(..at)?, text.get(at + 2..)?))
}

/// `str::split_whitespace` for texts whose words are mostly ASCII between single blanks.
#[inline]
pub fn words(text: &str) -> Words<'_> {
    Words(text)
}

/// What [`words`] gives.
#[derive(Debug, Clone)]
pub struct Words<'t>(&'t str);

impl<'t> Iterator for Words<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let text = match self.0.as_bytes() {
            [b' ', ..] => trim_start(self.0.get(1..)?),
            _ => trim_start(self.0),
        };
        if text.is_empty() {
            self.0 = "";
            return None;
        }
        let visible = |b: &u8| matches!(b, 0x21..=0x7E);
        let end = match text.as_bytes().iter().position(|b| !visible(b)) {
            None => text.len(),
            Some(end) if text.as_bytes().get(end) == Some(&b' ') => end,
            Some(_) => text.find(char::is_whitespace).unwrap_or(text.len()),
        };
        let (word, rest) = text.split_at_checked(end)?;
        self.0 = rest;
        Some(word)
    }
}

/// At most `max` characters from the front.
pub fn truncate_chars(text: &str, max: usize) -> &str {
    let end = text.char_indices().nth(max).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

/// Cells that a terminal gives to a text: East Asian letters take two.
pub fn cells(text: &str) -> usize {
    console::measure_text_width(text)
}

/// At most so many cells of a text, the last one a mark where something was cut.
pub fn cut_cells(text: &str, max: usize) -> Cow<'_, str> {
    if cells(text) <= max {
        return Cow::Borrowed(text);
    }
    let mut room = max.saturating_sub(1);
    let mut out = String::new();
    for c in text.chars() {
        let Some(left) = room.checked_sub(cells(c.encode_utf8(&mut [0; 4]))) else {
            break;
        };
        room = left;
        out.push(c);
    }
    out.push('…');
    Cow::Owned(out)
}

/// The text with blanks behind it up to so many cells.
pub fn pad_cells(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(cells(text))))
}

/// The first `max` bytes of a rejected record: printable ASCII as it is, a backslash doubled, any other byte as `\xHH`.
pub fn escape_head(bytes: &[u8], max: usize) -> String {
    let mut out = String::new();
    for &byte in bytes.iter().take(max) {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02X}");
            }
        }
    }
    out
}

/// Appends the text as a JSON string with its quotes.
#[inline]
pub fn push_json_str(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    match is_json_plain(text.as_bytes()) {
        true => out.push_str(text),
        false => push_escaped(out, text),
    }
    out.push('"');
}

fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    loop {
        // What is escaped is ASCII, so the cut is between characters.
        let (plain, special) = rest
            .split_at_checked(json_plain_len(rest.as_bytes()))
            .unwrap_or((rest, ""));
        if special.is_empty() {
            break;
        }
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            other => {
                let _ = write!(out, "\\u{:04x}", other.map_or(0, u32::from));
            }
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

/// Whether all bytes can stand in a JSON string as they are: whether [`json_plain_len`] is their number.
#[inline]
fn is_json_plain(bytes: &[u8]) -> bool {
    if bytes.len() > 16 {
        return json_plain_len(bytes) == bytes.len();
    }
    // Short texts as two numbers, of which the bytes in the middle may be in both.
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(front), Some(back)) => {
            (specials_of_8(u64::from_le_bytes(*front)) | specials_of_8(u64::from_le_bytes(*back))) == 0
        }
        _ => match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(front), Some(back)) => {
                let (front, back) = (u32::from_le_bytes(*front), u32::from_le_bytes(*back));
                specials_of_8(u64::from(front) | u64::from(back) << 32) == 0
            }
            _ => bytes.iter().all(|b| !matches!(b, b'"' | b'\\' | 0..0x20)),
        },
    }
}

/// 0 if none of eight bytes is a quote, a backslash or a control character.
#[inline]
fn specials_of_8(bytes: u64) -> u64 {
    const TOP: u64 = EACH << 7;
    // A byte that is less than `than`, of at most 0x80: taking that away borrows, and only from there on upwards.
    let less = |bytes: u64, than: u64| bytes.wrapping_sub(EACH * than) & !bytes & TOP;
    let is = |byte: u8| less(bytes ^ (EACH * u64::from(byte)), 1);
    is(b'"') | is(b'\\') | less(bytes, 0x20)
}

/// Appends what stands between the quotes of a JSON string as [`push_json_str`] would write its text: equal texts stay
/// equal however they were escaped.
#[inline]
pub fn push_json_inner(out: &mut String, inner: &str, text: impl FnOnce() -> String) {
    let bytes = inner.as_bytes();
    let mut at = 0;
    while let Some(backslash) = memchr::memchr(b'\\', bytes.get(at..).unwrap_or_default()) {
        at += backslash + 2;
        if !matches!(bytes.get(at - 1), Some(b'"' | b'\\' | b'n' | b'r' | b't')) {
            return push_json_str(out, &text());
        }
    }
    out.reserve(inner.len() + 2);
    out.push('"');
    out.push_str(inner);
    out.push('"');
}

/// Bytes before the first one that cannot stand in a JSON string as it is: a quote, a backslash, a control character.
#[inline]
pub fn json_plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let specials = specials_of_16(chunk);
        if specials != 0 {
            return at + specials.trailing_zeros() as usize;
        }
        at += chunk.len();
    }
    // The last bytes again with those before them, which are none; or a short text with blanks behind it.
    match bytes.last_chunk() {
        Some(chunk) => match specials_of_16(chunk) {
            0 => bytes.len(),
            specials => bytes.len() - 16 + specials.trailing_zeros() as usize,
        },
        None => {
            let mut chunk = [b' '; 16];
            if let Some(front) = chunk.get_mut(..bytes.len()) {
                front.copy_from_slice(bytes);
            }
            (specials_of_16(&chunk) | 1 << bytes.len()).trailing_zeros() as usize
        }
    }
}

#[inline]
fn specials_of_16(chunk: &[u8; 16]) -> u32 {
    specials(u8x16::new(*chunk)).to_bitmask()
}

#[inline]
fn specials(bytes: u8x16) -> u8x16 {
    let quote = bytes.simd_eq(u8x16::splat(b'"'));
    let backslash = bytes.simd_eq(u8x16::splat(b'\\'));
    let control = bytes.min(u8x16::splat(0x1F)).simd_eq(bytes);
    quote | backslash | control
}

fn is_unsafe_on_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn terminal_sequences_and_direction_overrides_become_visible() {
        assert_eq!(for_terminal("a\x1b[31mred\x07"), "a\\x1b[31mred\\x07");
        assert_eq!(for_terminal("exe.\u{202e}fdp"), "exe.\\u{202e}fdp");
        assert_eq!(for_terminal("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(for_terminal("one\r\ntwo"), "one\\r\\ntwo");
        assert!(matches!(for_terminal(r"C:\Système\日本.exe"), Cow::Borrowed(_)));
    }

    #[test]
    fn formulas_lose_their_power() {
        for formula in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"] {
            assert_eq!(for_csv_cell(formula), format!("'{formula}"));
        }
        assert_eq!(for_csv_cell("a=1"), "a=1");
        assert_eq!(for_csv_cell(""), "");
    }

    #[test]
    fn paths_of_both_systems() {
        assert_eq!(basename(r"C:\Windows\System32\cmd.exe"), "cmd.exe");
        assert_eq!(basename("/usr/bin/sh"), "sh");
        assert_eq!(basename(r"C:\dir/mixed"), "mixed");
        assert_eq!(basename("cmd.exe"), "cmd.exe");
        assert_eq!(dirname(r"C:\Windows\cmd.exe"), r"C:\Windows");
        assert_eq!(dirname("cmd.exe"), "");
    }

    #[test]
    fn cuts_respect_characters() {
        assert_eq!(truncate_chars("日本語", 2), "日本");
        assert_eq!(truncate_chars("ab", 5), "ab");
        assert_eq!(lower_ascii("ÉA"), "Éa");
        assert!(matches!(lower_ascii("abc"), Cow::Borrowed(_)));
        assert_eq!(escape_head(b"a\\\x00\xffbcd", 5), "a\\\\\\x00\\xFFb");
    }

    #[test]
    fn the_scan_stops_at_the_first_special_byte_wherever_it_lies() {
        for len in 0..40 {
            for b in [b'"', b'\\', 0, 0x1f, b'\n'] {
                let mut bytes = vec![b'x'; len];
                bytes.extend([b, b, b'y', 0x80, 0xff, b]);
                assert_eq!(json_plain_len(&bytes), len);
            }
            let mut high = vec![0xff; len];
            high.extend([b' ', 0x7f, 0x80, b'"']);
            assert_eq!(json_plain_len(&high), len + 3);
        }
    }

    proptest! {
        #[test]
        fn plain_texts_are_told_whatever_their_length(text in "[a\"\\\\\u{0}\u{1f} é!\u{7f}]{0,40}|[ -~]{0,40}") {
            let plain = text.bytes().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(text.len());
            prop_assert_eq!(json_plain_len(text.as_bytes()), plain);
            prop_assert_eq!(is_json_plain(text.as_bytes()), plain == text.len());
            let mut out = String::new();
            push_json_str(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }

        #[test]
        fn terminal_text_has_no_unsafe_character(text: String) {
            prop_assert!(!for_terminal(&text).contains(is_unsafe_on_terminal));
        }

        #[test]
        fn json_strings_read_back(text: String) {
            let mut out = String::new();
            push_json_str(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), &*text);
            let quoted = out.strip_prefix('"').and_then(|o| o.strip_suffix('"')).unwrap();
            for inner in [quoted, &text.encode_utf16().map(|u| format!("\\u{u:04x}")).collect::<String>()] {
                let mut again = String::new();
                push_json_inner(&mut again, inner, || text.clone());
                prop_assert_eq!(&again, &out);
            }
        }
    }

    proptest! {
        #[test]
        fn words_and_cuts_are_those_of_the_library(text in "[a: é\u{a0}\\t\u{b}]{0,60}") {
            prop_assert_eq!(words(&text).collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
            prop_assert_eq!(cut(&text, b':'), text.split_once(':'));
            prop_assert_eq!(cut_pair(&text, *b": "), text.split_once(": "));
        }
    }

    #[test]
    fn wide_letters_take_two_cells() {
        assert_eq!(cut_cells("日本語", 5), "日本…");
        assert_eq!(cut_cells("日本語", 6), "日本語");
        assert_eq!(cut_cells("日本語", 4), "日…");
        assert_eq!(cut_cells("abc", 2), "a…");
        assert_eq!(pad_cells("日本", 6), "日本  ");
    }
}
