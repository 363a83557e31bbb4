//! Text behind base64: decoding with bounds, UTF-16 and compressed content, and whether the result is text at all.

use std::io::Read;
use std::sync::LazyLock;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use regex::Regex;

/// Most bytes that one decoding yields; the rest is dropped.
pub const MAX_OUTPUT: usize = 1 << 20;

/// Fewest characters of a base64 token: 16 characters hold six UTF-16 letters; shorter tokens are ordinary words.
pub const MIN_TOKEN: usize = 16;

/// Share of printable characters from which bytes are called text.
const MIN_PRINTABLE: f64 = 0.9;

/// Literals of one text that are tried; scripts with more are data tables.
const MAX_LITERALS: usize = 64;

/// Whether a token can be base64: at least [`MIN_TOKEN`] characters of the standard alphabet, padding only at its end.
pub fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    token.len() >= MIN_TOKEN
        && token.len() - body.len() <= 2
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

/// The bytes of a base64 text. Blanks are ignored, padding may be missing, and a text that a log cut off
/// gives what its whole part holds.
pub fn bytes(token: &str) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let mut clean: Vec<u8> = token
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .take(MAX_OUTPUT / 3 * 4)
        .collect();
    while clean.last() == Some(&b'=') {
        clean.pop();
    }
    if clean.len() % 4 == 1 {
        clean.pop(); // one character alone holds no byte
    }
    ENGINE.decode(clean).ok()
}

/// Text of UTF-16LE bytes; a last odd byte is dropped. `None` below 90 % printable characters.
pub fn utf16_text(bytes: &[u8]) -> Option<String> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    printable(text)
}

/// Text of bytes in UTF-16LE, or else in UTF-8. `None` when they are neither.
pub fn text(bytes: &[u8]) -> Option<String> {
    let body = bytes.strip_prefix(&[0xff, 0xfe]).unwrap_or(bytes);
    // ASCII in UTF-16 has a zero in every second place.
    let zeros = body.iter().skip(1).step_by(2).filter(|b| **b == 0).count();
    if zeros * 4 >= body.len() && !body.is_empty() {
        return utf16_text(body);
    }
    printable(String::from_utf8_lossy(body).into_owned())
}

/// Texts inside the base64 literals of a script: the arguments of `FromBase64String`, and quoted literals that begin
/// like gzip. Compressed content is unpacked. In the order of the script, at most [`MAX_OUTPUT`] bytes in all.
pub fn from_base64_strings(script: &str) -> Vec<String> {
    static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"(?i:FromBase64String)[\s(]*(?:\[[\w.]+\])?["'\u{2018}\u{2019}]\s*([A-Za-z0-9+/=\s]{16,})|["'](H4sI[A-Za-z0-9+/=\s]{12,})"#,
        )
        .ok()
    });
    let Some(regex) = LITERAL.as_ref() else {
        return Vec::new();
    };
    let mut budget = MAX_OUTPUT;
    let mut found = Vec::new();
    for captures in regex.captures_iter(script).take(MAX_LITERALS) {
        let literal = captures.get(1).or_else(|| captures.get(2));
        let decoded = literal
            .and_then(|m| bytes(m.as_str()))
            .and_then(|raw| unpacked_text(&raw, budget));
        if let Some(text) = decoded {
            budget = budget.saturating_sub(text.len());
            found.push(text);
        }
        if budget == 0 {
            break;
        }
    }
    found
}

/// The text of bytes that may be compressed with gzip, zlib or deflate.
fn unpacked_text(raw: &[u8], budget: usize) -> Option<String> {
    let unpacked = match raw {
        [0x1f, 0x8b, ..] => read_capped(GzDecoder::new(raw), budget),
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => read_capped(ZlibDecoder::new(raw), budget),
        _ => Vec::new(),
    };
    if !unpacked.is_empty() {
        return text(&unpacked).map(|t| cut(t, budget));
    }
    let plain = text(raw);
    // Raw deflate has no magic: it is tried only on what is no text by itself.
    let plain = plain.or_else(|| text(&read_capped(DeflateDecoder::new(raw), budget)));
    plain.map(|t| cut(t, budget))
}

fn cut(text: String, budget: usize) -> String {
    super::cmdline::capped(&text, budget).to_owned()
}

/// What a decoder yields before its first error, at most `budget` bytes: a truncated stream still shows its beginning.
fn read_capped(decoder: impl Read, budget: usize) -> Vec<u8> {
    let mut out = Vec::new();
    // An error keeps what was read before it.
    let _ = decoder.take(budget as u64).read_to_end(&mut out);
    out
}

fn printable(text: String) -> Option<String> {
    let (mut all, mut good) = (0usize, 0usize);
    for c in text.chars() {
        all += 1;
        good += usize::from(is_printable(c));
    }
    (all > 0 && good as f64 >= MIN_PRINTABLE * all as f64).then_some(text)
}

/// Letters and digits of any script, blanks, and the punctuation of Latin and East Asian text. Private-use and
/// unassigned characters are not: random bytes read as UTF-16 are full of them.
fn is_printable(c: char) -> bool {
    c.is_ascii_graphic()
        || matches!(c, ' ' | '\t' | '\r' | '\n')
        || c.is_alphanumeric()
        || matches!(c, '\u{a0}'..='\u{bf}' | '\u{2010}'..='\u{203e}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD as B64;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder};
    use std::io::Write;

    #[test]
    fn tokens_are_told_from_words_and_paths() {
        assert!(is_token("SQBFAFgAIAAoAE4A"));
        assert!(!is_token("SQBFAFgA"));
        assert!(!is_token("long-script-name.ps1"));
        assert!(!is_token("AAAAAAAAAAAAAAAA==="));
    }

    #[test]
    fn a_token_that_a_log_cut_off_still_decodes() {
        assert_eq!(bytes("aGVsbG8gd29ybGQh").unwrap(), b"hello world!");
        assert_eq!(bytes("aGVsbG8gd29ybGQhI").unwrap(), b"hello world!");
        assert_eq!(bytes("aGVsbG8g d29ybGQ").unwrap(), b"hello world");
        assert!(bytes("日本").is_none());
    }

    #[test]
    fn random_bytes_are_no_text() {
        let noise: Vec<u8> = (0..512u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        assert!(utf16_text(&noise).is_none());
        assert!(text(&noise).is_none());
        assert_eq!(text("日本語のスクリプト".as_bytes()).unwrap(), "日本語のスクリプト");
        assert!(text(b"").is_none());
    }

    #[test]
    fn literals_are_decoded_plain_and_compressed() {
        let script = "IEX (New-Object Net.WebClient)";
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(script.as_bytes()).unwrap();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
        deflate.write_all(script.as_bytes()).unwrap();
        let utf16: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for raw in [
            script.as_bytes().to_vec(),
            utf16,
            gzip.finish().unwrap(),
            deflate.finish().unwrap(),
        ] {
            let text = format!("$x=[Convert]::FromBase64String('{}')", B64.encode(raw));
            assert_eq!(from_base64_strings(&text), [script]);
        }
    }

    #[test]
    fn a_compression_bomb_stays_within_the_budget() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![b'a'; 32 << 20]).unwrap();
        let literal = B64.encode(gzip.finish().unwrap());
        let script = format!("'{literal}';'{literal}'");
        let total: usize = from_base64_strings(&script).iter().map(String::len).sum();
        assert_eq!(total, MAX_OUTPUT);
    }
}
