//! Inputs that no format knows: what they look like, so that a person sees what to do about them.

use super::formats::Head;
use crate::base::text::escape_head;

/// Bytes of a first line that are told.
const FIRST_LINE: usize = 60;

/// What an input looks like that no format knows, in few words.
pub fn looks_like(head: &Head<'_>) -> String {
    let bytes = head.bytes;
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    if zeros > 0 && zeros == bytes.len() {
        return "nothing but zeros; it was allocated and never written, or wiped".to_owned();
    }
    if memchr::memmem::find(bytes, b"ElfChnk\0").is_some() {
        return "chunks of EVTX behind a file header that is damaged".to_owned();
    }
    if zeros > 0 {
        return "it begins with zeros; its header was wiped or never copied".to_owned();
    }
    let is_binary = |b: &u8| *b < b' ' && !b.is_ascii_whitespace();
    if bytes.iter().take(4096).filter(|b| is_binary(b)).count() * 50 > bytes.len().min(4096) {
        return "binary data, no text".to_owned();
    }
    let first = head.lines(1).into_iter().next().unwrap_or_default();
    let kind = match bytes.trim_ascii_start() {
        [b'{' | b'[', ..] => "JSON, and of no known log",
        [b'<', next, ..] if !next.is_ascii_digit() => "XML, and of no known log",
        _ => "text, and no known header or line",
    };
    match first.matches('\t').count() {
        0..3 => format!("{kind}; it begins: {}", escape_head(first.as_bytes(), FIRST_LINE)),
        tabs => format!(
            "{} columns between tabs without a header line, such as Zeek's #fields",
            tabs + 1
        ),
    }
}
