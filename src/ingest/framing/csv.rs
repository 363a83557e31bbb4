//! Records of a CSV file, aware of quotes: a field that begins with a quote may hold line breaks.
//!
//! A quote opens a field only right behind a delimiter or at the start of a record, as in the usual readers. A quote that
//! is not closed within [`LONGEST_FIELD`] bytes or before the end of the input is taken as a plain character; otherwise one
//! stray quote would swallow the rest of the file.

use memchr::{memchr, memchr2};

use super::lines::without_break;

/// Longest quoted field, in bytes.
const LONGEST_FIELD: usize = 1 << 20;

/// The records of a block as (offset, bytes without the line break).
pub struct CsvRecords<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> CsvRecords<'a> {
    /// Iterates over a block that begins at the start of a record.
    pub fn new(block: &'a [u8]) -> Self {
        Self { block, at: 0 }
    }
}

impl<'a> Iterator for CsvRecords<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.block.get(self.at..).filter(|rest| !rest.is_empty())?;
        let start = self.at;
        let len = record_len(rest, true)?;
        self.at += len;
        Some((start, without_break(rest.get(..len)?)))
    }
}

/// Up to the end of the last record that is known to be complete.
pub(super) fn boundary(block: &[u8]) -> usize {
    let mut end = 0;
    while let Some(len) = block.get(end..).and_then(|rest| record_len(rest, false)) {
        end += len;
    }
    end
}

/// Length of the first record with its line break; `None` if more bytes are needed to tell.
fn record_len(bytes: &[u8], at_eof: bool) -> Option<usize> {
    let mut at = 0;
    loop {
        let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\n', rest)) else {
            return at_eof.then_some(bytes.len());
        };
        let found = at + found;
        at = found + 1;
        if bytes.get(found) == Some(&b'\n') {
            return Some(at);
        }
        let before = found.checked_sub(1).and_then(|i| bytes.get(i));
        if matches!(before, None | Some(b',' | b';' | b'\t' | b'|')) {
            match closing_quote(bytes, at, at_eof) {
                Quote::Closed(behind) => at = behind,
                Quote::Plain => {}
                Quote::Unknown => return None,
            }
        }
    }
}

enum Quote {
    /// Closed; the position behind the closing quote.
    Closed(usize),
    /// Not the start of a quoted field after all.
    Plain,
    /// The bytes end too early to tell.
    Unknown,
}

fn closing_quote(bytes: &[u8], start: usize, at_eof: bool) -> Quote {
    let limit = start + LONGEST_FIELD;
    let mut at = start;
    let field = bytes.get(..limit).unwrap_or(bytes);
    while let Some(found) = field.get(at..).and_then(|rest| memchr(b'"', rest)) {
        let found = at + found;
        match bytes.get(found + 1) {
            Some(b'"') => at = found + 2,
            None if !at_eof => return Quote::Unknown,
            _ => return Quote::Closed(found + 1),
        }
    }
    if at_eof || bytes.len() >= limit {
        Quote::Plain
    } else {
        Quote::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<&str> {
        CsvRecords::new(text.as_bytes())
            .map(|(_, r)| std::str::from_utf8(r).unwrap())
            .collect()
    }

    #[test]
    fn quoted_fields_hold_line_breaks_and_doubled_quotes() {
        assert_eq!(
            records("a,b\r\n1,\"x\ny\"\n2,\"\"\"q\"\"\n\"\n"),
            ["a,b", "1,\"x\ny\"", "2,\"\"\"q\"\"\n\""]
        );
    }

    #[test]
    fn a_stray_quote_does_not_swallow_the_rest() {
        assert_eq!(records("5\" disk,a\nb\n"), ["5\" disk,a", "b"]);
        assert_eq!(records("1,\"open\nb\nc\n"), ["1,\"open", "b", "c"]);
        let long = format!("1,\"{}\nb\n2,\"c\"\n", "x".repeat(LONGEST_FIELD));
        assert_eq!(records(&long).len(), 3);
    }
}
