//! CSV files with a header: rows as named fields. Columns are found by name, never by position.

use std::borrow::Cow;

use super::framing::CsvRecords;

/// The header of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    delimiter: char,
    /// As written, to know the header again where files were concatenated.
    cells: Vec<String>,
    /// `None` for an unnamed column, which holds the index that some tools write.
    names: Vec<Option<String>>,
}

impl Header {
    /// Reads a header line. `rename` brings a column to the name that mappers know; a name that comes again gets `_2`, `_3`.
    pub fn parse(line: &str, rename: fn(&str) -> Cow<'_, str>) -> Self {
        let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        let delimiter = delimiter(line);
        let cells: Vec<String> = cells(line, delimiter).map(Cow::into_owned).collect();
        let mut names: Vec<Option<String>> = Vec::with_capacity(cells.len());
        for cell in &cells {
            let name = rename(cell).trim().to_owned();
            let free = |n: &String| !names.iter().flatten().any(|taken| taken == n);
            let name = match name.is_empty() {
                true => None,
                false if free(&name) => Some(name),
                // There are fewer names than numbers to try, so one is free.
                false => (2..).map(|i| format!("{name}_{i}")).find(free),
            };
            names.push(name);
        }
        Self {
            delimiter,
            cells,
            names,
        }
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.cells.len()
    }

    /// Whether a column has this name.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().flatten().any(|n| n == name)
    }

    /// Reads one record.
    pub fn read<'r>(&'r self, record: &'r str) -> Record<'r> {
        let record = record.trim_start_matches('\u{feff}');
        let cells: Vec<_> = cells(record, self.delimiter).collect();
        let same = cells.iter().zip(&self.cells).all(|(a, b)| *a == **b);
        if cells.len() == self.width() && same {
            return Record::Header;
        }
        // One cell where many belong is a cut line or another file's text.
        let surplus = cells.iter().skip(self.width()).any(|c| !c.is_empty());
        if cells.len() == 1 && self.width() > 2 || surplus {
            return Record::Misshapen(cells.len());
        }
        let named = self.names.iter().zip(cells);
        let named = named.filter_map(|(n, c)| Some((n.as_deref()?, c)));
        Record::Row(named.filter(|(_, c)| !c.is_empty()).collect())
    }
}

/// What a record turns out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Record<'r> {
    /// The header, at the start or again where files were concatenated.
    Header,
    /// The cells as (name, text) without the empty ones and those of the unnamed index column.
    Row(Vec<(&'r str, Cow<'r, str>)>),
    /// This many cells, which is not the header's shape.
    Misshapen(usize),
}

/// The bytes of the first record, without byte order mark and line break.
pub fn first_record(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    CsvRecords::new(bytes)
        .map(|(_, r)| r)
        .find(|r| !r.is_empty())
        .unwrap_or_default()
}

/// Spreadsheets of European locales write semicolons.
fn delimiter(header: &str) -> char {
    let count = |c| header.matches(c).count();
    if count(';') > count(',') {
        ';'
    } else if count('\t') > count(',') {
        '\t'
    } else {
        ','
    }
}

/// The cells of one record, quotes resolved.
fn cells(record: &str, delimiter: char) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(record);
    std::iter::from_fn(move || {
        let text = rest?;
        if let Some((cell, behind)) = text.strip_prefix('"').and_then(quoted) {
            // Text behind the closing quote belongs to the cell, as in the usual readers.
            let (more, next) = cut(behind, delimiter);
            rest = next;
            return Some(if more.is_empty() {
                cell
            } else {
                Cow::Owned(format!("{cell}{more}"))
            });
        }
        let (cell, next) = cut(text, delimiter);
        rest = next;
        Some(Cow::Borrowed(cell))
    })
}

fn cut(text: &str, delimiter: char) -> (&str, Option<&str>) {
    text.split_once(delimiter)
        .map_or((text, None), |(cell, rest)| (cell, Some(rest)))
}

/// A quoted cell, the text beginning behind its opening quote, and what follows; `None` if it is not closed.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (first, mut rest) = text.split_once('"')?;
    let mut cell = Cow::Borrowed(first);
    while let Some(behind) = rest.strip_prefix('"') {
        let (part, next) = behind.split_once('"')?;
        let owned = cell.to_mut();
        owned.push('"');
        owned.push_str(part);
        rest = next;
    }
    Some((cell, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(line: &str) -> Header {
        Header::parse(line, |n| Cow::Borrowed(n))
    }

    fn cells_of<'r>(header: &'r Header, record: &'r str) -> Vec<(&'r str, Cow<'r, str>)> {
        match header.read(record) {
            Record::Row(cells) => cells,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn cells_resolve_quotes_and_keep_line_breaks() {
        let h = header("a,b,c");
        let row = cells_of(&h, "\"x \"\"y\"\"\nz\",,\"\"\"q\"\"\"");
        assert_eq!(row, [("a", Cow::Borrowed("x \"y\"\nz")), ("c", Cow::Borrowed("\"q\""))]);
        assert_eq!(cells_of(&h, "\"open,1,2").first().unwrap().1, "\"open");
    }

    #[test]
    fn index_columns_duplicates_and_byte_order_marks() {
        let h = header("\u{feff},a,a,a\r");
        assert_eq!(
            h.names,
            [None, Some("a".into()), Some("a_2".into()), Some("a_3".into())]
        );
        assert_eq!(
            cells_of(&h, "0,1,2,3"),
            [("a", "1".into()), ("a_2", "2".into()), ("a_3", "3".into())]
        );
    }

    #[test]
    fn a_repeated_header_is_no_row_and_a_cut_line_is_an_error() {
        let h = header("a;b;c");
        assert_eq!(h.read("a;b;c"), Record::Header);
        assert_eq!(h.read("garbage"), Record::Misshapen(1));
        assert_eq!(h.read("1;2;3;4"), Record::Misshapen(4));
        assert_eq!(cells_of(&h, "1;2").len(), 2);
    }

    proptest! {
        #[test]
        fn no_text_harms(head: String, record in "[\",;\t a\n]{0,40}") {
            let header = header(&head);
            let _ = (header.read(&record), header.read(&head));
        }
    }
}
