//! Files of indicators: a value a line, CSV with or without a header, STIX 2 bundles.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::guess::{guess, kind_of, parse_as};
use super::{Indicator, Kind, stix};
use crate::base::error::{Error, Result};

/// Largest list that is read.
const MAX_BYTES: u64 = 1 << 30;
/// Lines that are named one by one.
const MAX_WARNINGS: usize = 200;

/// What a list held.
#[derive(Debug, Default)]
pub struct Found {
    /// Its indicators, in the list's order.
    pub indicators: Vec<Indicator>,
    /// Lines and objects that cannot be used: `file:line: reason`.
    pub warnings: Vec<String>,
}

impl Found {
    pub(super) fn warn(&mut self, warning: String) {
        match self.warnings.len().cmp(&MAX_WARNINGS) {
            std::cmp::Ordering::Less => self.warnings.push(warning),
            std::cmp::Ordering::Equal => self.warnings.push("… and more lines that cannot be used".to_owned()),
            std::cmp::Ordering::Greater => {}
        }
    }
}

/// Reads a list.
///
/// # Errors
/// [`Error::Usage`] where the file cannot be read or nothing in it can be used.
pub fn read(path: &Path) -> Result<Found> {
    let unreadable = |e: std::io::Error| Error::Usage(format!("{}: cannot read this list: {e}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::Usage(format!(
            "{}: a list of more than 1 GiB; split it",
            path.display()
        )));
    }
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_start_matches('\u{feff}');
    let place = path.display().to_string();
    let found = match text.trim_start().starts_with(['{', '[']) {
        true => stix::read(text, &place)?,
        false => lines(text, &place),
    };
    if let ([], Some(first)) = (found.indicators.as_slice(), found.warnings.first()) {
        return Err(Error::Usage(format!(
            "{place}: no line of this list can be used; the first: {first}"
        )));
    }
    Ok(found)
}

/// A value from the command line.
///
/// # Errors
/// [`Error::Usage`] where it is nothing that can be searched for.
pub fn value(text: &str) -> Result<Vec<Indicator>> {
    let found = guess(text).map_err(|why| Error::Usage(format!("--ioc: no file of that name, and {why}")))?;
    let one = |(kind, value)| Indicator {
        kind,
        value,
        note: String::new(),
        source: "command line".to_owned(),
    };
    Ok(found.into_iter().map(one).collect())
}

/// Which columns hold what, by a header.
#[derive(Debug, Default)]
struct Header {
    value: Option<usize>,
    kind: Option<usize>,
    note: Option<usize>,
    /// Columns that are called like a kind and hold values of it.
    kinds: Vec<(usize, Kind)>,
}

fn lines(text: &str, place: &str) -> Found {
    let mut out = Found::default();
    let separator = separator(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut header: Option<Header> = None;
    let mut place_of = Lines { text, byte: 0, line: 1 };
    let mut first = true;
    for record in reader.records() {
        let record = match record {
            Ok(r) => r,
            Err(e) => {
                out.warn(format!("{place}: {e}"));
                continue;
            }
        };
        let line = place_of.line(record.position().map_or(0, csv::Position::byte));
        let cells: Vec<&str> = record.iter().collect();
        if cells.iter().all(|c| c.is_empty()) {
            continue;
        }
        if std::mem::take(&mut first) {
            header = find_header(&cells);
            if header.is_some() {
                continue;
            }
        }
        let found = match &header {
            Some(h) => by_header(&cells, h),
            None => by_shape(&cells),
        };
        match found {
            Ok((values, note)) => out.indicators.extend(values.into_iter().map(|(kind, value)| Indicator {
                kind,
                value,
                note: note.clone(),
                source: format!("{place}:{line}"),
            })),
            Err(why) => out.warn(format!("{place}:{line}: {why}")),
        }
    }
    out
}

/// Counts lines as the reader goes on.
struct Lines<'t> {
    text: &'t str,
    byte: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of a record that the reader began to look for at this byte, before blank lines and comments.
    fn line(&mut self, byte: u64) -> usize {
        let byte = byte as usize;
        let passed = self.text.get(self.byte..byte).unwrap_or("");
        self.line += passed.matches('\n').count();
        self.byte = byte.max(self.byte);
        let rest = self.text.get(self.byte..).unwrap_or("");
        let skipped = rest.lines().take_while(|l| l.trim().is_empty() || l.starts_with('#'));
        self.line + skipped.count()
    }
}

/// The separator that the first lines hold most often.
fn separator(text: &str) -> u8 {
    let head: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).take(20).collect();
    let count = |c: char| head.iter().map(|l| l.matches(c).count()).sum::<usize>();
    let candidates = [(b'\t', count('\t')), (b';', count(';')), (b',', count(','))];
    let best = candidates.into_iter().max_by_key(|(_, n)| *n);
    best.filter(|(_, n)| *n > 0).map_or(b',', |(c, _)| c)
}

fn find_header(cells: &[&str]) -> Option<Header> {
    if cells.iter().any(|c| guess(c).is_ok()) {
        return None;
    }
    let mut h = Header::default();
    for (i, cell) in cells.iter().enumerate() {
        match cell.to_ascii_lowercase().as_str() {
            "value" | "indicator" | "ioc" | "observable" | "indicator_value" | "ioc_value" => h.value = Some(i),
            "type" | "kind" | "indicator_type" | "ioc_type" | "attribute_type" => h.kind = Some(i),
            "note" | "notes" | "comment" | "description" | "desc" | "name" | "threat" | "malware" | "tags" => {
                h.note = h.note.or(Some(i));
            }
            word => h.kinds.extend(kind_of(word).map(|k| (i, k))),
        }
    }
    (h.value.is_some() || !h.kinds.is_empty()).then_some(h)
}

type Values = (Vec<(Kind, String)>, String);

fn by_header(cells: &[&str], h: &Header) -> std::result::Result<Values, String> {
    let cell = |i: Option<usize>| i.and_then(|i| cells.get(i)).copied().unwrap_or("");
    let note = cell(h.note).to_owned();
    let value = cell(h.value);
    if !value.is_empty() {
        let hint = kind_of(cell(h.kind));
        // MISP joins two values of one attribute: filename|sha256.
        if let (Some((a, b)), true) = (value.split_once('|'), cell(h.kind).contains('|')) {
            let both: Vec<_> = [a, b].into_iter().filter_map(|v| guess(v).ok()).flatten().collect();
            return Ok((both, note));
        }
        return match hint {
            Some(kind) => parse_as(kind, value).map(|v| (vec![v], note)),
            None => guess(value).map(|v| (v, note)),
        };
    }
    let mut values = Vec::new();
    for (i, kind) in &h.kinds {
        let text = cell(Some(*i));
        if !text.is_empty() {
            values.push(parse_as(*kind, text)?);
        }
    }
    match values.is_empty() {
        true => Err("no value in this line".to_owned()),
        false => Ok((values, note)),
    }
}

/// Without a header: the first cell that has the shape of an indicator, with the next one as its note.
fn by_shape(cells: &[&str]) -> std::result::Result<Values, String> {
    let mut first_error = None;
    for (i, cell) in cells.iter().enumerate() {
        if let Some(kind) = (i + 1 < cells.len()).then(|| kind_of(cell)).flatten() {
            let value = cells.get(i + 1).copied().unwrap_or("");
            let note = cells.get(i + 2).copied().unwrap_or("").to_owned();
            return parse_as(kind, value).map(|v| (vec![v], note));
        }
        match guess(cell) {
            Ok(values) => {
                let note = cells.iter().enumerate().find(|(n, c)| *n != i && !c.is_empty());
                return Ok((values, note.map_or_else(String::new, |(_, c)| (*c).to_owned())));
            }
            Err(why) => {
                first_error.get_or_insert(why);
            }
        }
    }
    Err(first_error.unwrap_or_else(|| "an empty line".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(Kind, String, String)> {
        let found = lines(text, "list");
        found
            .indicators
            .into_iter()
            .map(|i| (i.kind, i.value, i.note))
            .collect()
    }

    #[test]
    fn plain_lines_with_comments() {
        let text = "# feed\n203.0.113.7\n\nevil[.]com\nnonsense\n";
        let found = lines(text, "list");
        assert_eq!(found.indicators.len(), 2);
        assert_eq!(found.indicators[1].source, "list:4");
        assert!(found.warnings[0].starts_with("list:5:"), "{:?}", found.warnings);
    }

    #[test]
    fn a_header_says_what_is_what() {
        let text = "type;value;comment\nip-dst;203.0.113.7;c2\nusername;svc_backup;stolen\nfilename|md5;a.exe|44d88612fea8a8f36de82e1278abb02f;eicar\n";
        let found = values(text);
        assert_eq!(found[0], (Kind::Address, "203.0.113.7".into(), "c2".into()));
        assert_eq!(found[1], (Kind::Account, "svc_backup".into(), "stolen".into()));
        assert_eq!((found[2].0, found[3].0), (Kind::File, Kind::Md5));
    }

    #[test]
    fn columns_may_be_called_like_kinds() {
        let found = values("sha256,filename\n,evil.exe\n");
        assert_eq!(found, [(Kind::File, "evil.exe".into(), String::new())]);
    }

    #[test]
    fn without_a_header_the_shape_decides_and_quotes_hold_separators() {
        let found = values("evil.com,\"c2, second stage\"\nregistry,HKLM\\Software\\Evil,key\n");
        assert_eq!(found[0], (Kind::Domain, "evil.com".into(), "c2, second stage".into()));
        assert_eq!(found[1], (Kind::Registry, "hklm\\software\\evil".into(), "key".into()));
    }
}
