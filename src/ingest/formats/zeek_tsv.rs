//! Zeek logs as text: columns named by `#fields`, separators and nulls named by the lines before it.
//!
//! A file may hold several headers one after the other; the one in force travels with the blocks.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::places;
use crate::base::text::trim_start;
use crate::ingest::framing::Framing;
use crate::ingest::layout::Layout;
use crate::ingest::lines::{emptied, lines, text, texts};
use crate::ingest::name::Name;
use crate::ingest::placed::{Cell, Placed};
use crate::ingest::raw::{Field, Raw, Value};
use crate::ingest::sink::Sink;
use crate::ingest::zeek::{self, Role};

/// Zeek's default log writer.
pub struct ZeekTsv;

impl Format for ZeekTsv {
    fn id(&self) -> &'static str {
        "zeek-tsv"
    }

    fn about(&self) -> &'static str {
        "Zeek logs as text with #fields headers (conn, dns, http, ssl, files, smb, kerberos and all others)"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let lines = head.lines(15);
        let header = |l: &str| {
            let l = l.trim_start();
            l.starts_with("#separator") || l.starts_with("#fields\t")
        };
        match lines.iter().any(|l| header(l)) {
            true => Sniff::Yes(99, "#separator and #fields header".to_string()),
            false => Sniff::No("no #separator or #fields line"),
        }
    }

    fn carry(&self, block: &Block<'_>, carry: &mut Carry) {
        let begins = block.bytes.trim_ascii_start().starts_with(b"#");
        if !begins && memchr::memmem::find(block.bytes, b"\n#").is_none() {
            return;
        }
        let mut kept: Vec<String> = String::from_utf8_lossy(&carry.header)
            .lines()
            .map(str::to_owned)
            .collect();
        for (_, line) in lines(block).filter(|(_, l)| l.trim_ascii_start().starts_with(b"#")) {
            let line = text(line.trim_ascii_start(), carry.codepage).into_owned();
            let key = directive(&line).0.to_owned();
            if key == "#separator" {
                kept.clear();
            }
            kept.retain(|l| directive(l).0 != key);
            kept.push(line);
        }
        carry.header = Arc::from(kept.join("\n").into_bytes());
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let mut header = Header::default();
        for line in String::from_utf8_lossy(&carry.header).lines() {
            header.update(line);
        }
        header.name_the_log(&carry.name);
        let (mut fields, mut cells, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        let escapes = memchr::memchr(b'\\', block.bytes).is_some();
        for (offset, line, text) in texts(block, carry.codepage) {
            let begin = trim_start(&text);
            if begin.as_bytes().first() == Some(&b'#') {
                header.update(begin);
                header.name_the_log(&carry.name);
                continue;
            }
            let mut raw = Raw::log(&header.kind, offset);
            raw.fields = std::mem::take(&mut fields);
            let mut room = std::mem::take(&mut cells);
            header.ends(&text, &mut ends);
            let escaped = escapes && memchr::memchr(b'\\', line).is_some();
            match header.record(&text, &ends, escaped, &mut room, &mut raw) {
                Ok(()) => {
                    raw.placed = header.layout.as_ref().map(|layout| Placed::cells(layout, &room));
                    sink.event(&raw);
                }
                Err(reason) => sink.reject(offset, reason, line),
            }
            fields = emptied(raw.into_fields());
            cells = emptied(room);
        }
    }
}

/// A header in force.
#[derive(Debug)]
struct Header {
    separator: char,
    set_separator: char,
    empty: String,
    unset: String,
    path: Option<String>,
    kind: String,
    columns: Vec<Column>,
    /// The columns by name; `None` where a name stands twice.
    layout: Option<Layout>,
}

/// A column that `#fields` names.
#[derive(Debug)]
struct Column {
    name: Name<'static>,
    role: Role,
    /// Whether it is a set, vector or table.
    container: bool,
    /// Whether a cell without escapes is a field as it stands.
    plain: bool,
}

impl Column {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned().into(),
            role: Role::of(name),
            container: false,
            plain: false,
        }
    }
}

impl Default for Header {
    fn default() -> Self {
        Self {
            separator: '\t',
            set_separator: ',',
            empty: "(empty)".into(),
            unset: "-".into(),
            path: None,
            kind: String::new(),
            columns: Vec::new(),
            layout: None,
        }
    }
}

impl Header {
    fn update(&mut self, line: &str) {
        let (key, rest) = directive(line);
        let rest = rest.trim_end_matches(['\r', '\n']);
        match key {
            "#separator" => {
                *self = Self {
                    separator: one_char(rest.trim_start()).unwrap_or('\t'),
                    ..Self::default()
                };
            }
            "#set_separator" => self.set_separator = one_char(rest).unwrap_or(','),
            "#empty_field" => self.empty = rest.to_owned(),
            "#unset_field" => self.unset = rest.to_owned(),
            "#path" => self.path = Some(rest.to_owned()).filter(|p| !p.is_empty()),
            "#fields" => {
                self.columns = rest.split(self.separator).map(Column::new).collect();
                self.layout = Layout::new(self.columns.iter().map(|c| &c.name));
            }
            "#types" => {
                let is_container = |t: &str| ["set[", "vector[", "table["].iter().any(|p| t.starts_with(p));
                let mut types = rest.split(self.separator);
                for column in &mut self.columns {
                    column.container = types.next().is_some_and(is_container);
                }
            }
            _ => {}
        }
        for column in &mut self.columns {
            column.plain = column.role == Role::Data && (!column.container || self.set_separator == ',');
        }
    }

    /// Names the log by `#path`, else by its columns, else by the file's name.
    fn name_the_log(&mut self, file: &str) {
        let columns = || {
            let fields: Vec<_> = self.columns.iter().map(|c| Field::str(&c.name, "")).collect();
            zeek::path_of_keys(&fields)
        };
        let path = self
            .path
            .as_deref()
            .or_else(columns)
            .or_else(|| zeek::path_of_name(file));
        self.kind = format!("zeek.{}", path.unwrap_or("unknown"));
    }

    /// Where the cells of a line end.
    fn ends(&self, line: &str, out: &mut Vec<usize>) {
        out.clear();
        match u8::try_from(self.separator).ok().filter(u8::is_ascii) {
            Some(separator) => places::ends(separator, line, out),
            None => {
                out.extend(line.match_indices(self.separator).map(|(at, _)| at));
                out.push(line.len());
            }
        }
    }

    /// Reads a line, which may have escapes, into empty cells and an empty record.
    #[inline]
    fn record<'l: 'r, 'r>(
        &'r self,
        line: &'l str,
        ends: &[usize],
        escaped: bool,
        cells: &mut Vec<Cell<'l>>,
        raw: &mut Raw<'r>,
    ) -> Result<(), Cow<'static, str>> {
        let wanted = self.columns.len();
        if wanted == 0 {
            return Err("no #fields line before this record; give the whole file with its header".into());
        }
        if ends.len() < wanted {
            let found = ends.len();
            return Err(format!("{found} columns where #fields names {wanted}; the line is cut or damaged").into());
        }
        let width = self.separator.len_utf8();
        let mut from = 0;
        let mut next = |end: &usize| line.get(std::mem::replace(&mut from, end + width)..*end).unwrap_or("");
        let has_cells = self.layout.is_some();
        cells.extend(self.columns.iter().zip(ends).map(|(column, end)| {
            let cell = next(end);
            if is(cell, &self.unset) {
                return Cell::NONE;
            }
            match column.plain && has_cells && !escaped && !is(cell, &self.empty) {
                true => Cell::Text(cell),
                false => self.push(raw, column, cell, escaped),
            }
        }));
        // More columns than names happen where a sensor adds fields to a log whose header is already written.
        for (number, end) in (1..).zip(ends).skip(wanted) {
            let cell = next(end);
            if !is(cell, &self.unset) {
                cells.push(Cell::Field(raw.fields.len()));
                raw.push(format!("column_{number}"), self.text(cell));
            }
        }
        Ok(())
    }

    /// Adds the field of a cell of any kind.
    #[inline(never)]
    fn push<'r>(&'r self, raw: &mut Raw<'r>, column: &'r Column, cell: &'r str, escaped: bool) -> Cell<'static> {
        let next = raw.fields.len();
        let value = match column.container {
            true => self.container(cell),
            false if escaped => self.text(cell),
            false => Value::Str(if is(cell, &self.empty) { "".into() } else { cell.into() }),
        };
        zeek::push_as(raw, column.role, Field::new(column.name.borrowed(), value));
        match raw.fields.len() > next {
            true => Cell::Field(next),
            false => Cell::NONE,
        }
    }

    fn text<'r>(&self, cell: &'r str) -> Value<'r> {
        Value::Str(if is(cell, &self.empty) {
            "".into()
        } else {
            unescape(cell)
        })
    }

    /// Plain items stay joined by commas; escaped ones become a JSON array, where they cannot be confused.
    fn container<'r>(&self, cell: &'r str) -> Value<'r> {
        if is(cell, &self.empty) {
            return Value::Raw("[]".into());
        }
        if self.set_separator == ',' && memchr::memchr(b'\\', cell.as_bytes()).is_none() {
            return Value::Str(cell.into());
        }
        let items: Vec<_> = cell.split(self.set_separator).map(unescape).collect();
        Value::Raw(Cow::Owned(zeek::array(items.iter().map(|i| &**i))))
    }
}

/// Whether a cell is a mark. Most cells are told from it by their length or first byte.
#[inline]
fn is(cell: &str, mark: &str) -> bool {
    cell.len() == mark.len() && cell.as_bytes().first() == mark.as_bytes().first() && cell == mark
}

/// Splits `#key<one separator>rest`.
fn directive(line: &str) -> (&str, &str) {
    let end = line
        .find(|c: char| !(c == '#' || c == '_' || c.is_ascii_lowercase()))
        .unwrap_or(line.len());
    let (key, rest) = line.split_at_checked(end).unwrap_or((line, ""));
    let mut chars = rest.chars();
    chars.next();
    (key, chars.as_str())
}

/// `\x09`, `\t` or a character as it is.
fn one_char(text: &str) -> Option<char> {
    if let Some(hex) = text.strip_prefix("\\x") {
        return u8::from_str_radix(hex.get(..2)?, 16).ok().map(char::from);
    }
    if text.starts_with("\\t") {
        return Some('\t');
    }
    text.chars().next()
}

/// Undoes `\xHH` and `\\`. What would not be UTF-8 then stays as written.
#[inline]
fn unescape(cell: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', cell.as_bytes()).is_none() {
        return Cow::Borrowed(cell);
    }
    let mut out = Vec::with_capacity(cell.len());
    let mut rest = cell.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'\\', [b'\\', tail @ ..]) => {
                out.push(b'\\');
                tail
            }
            (b'\\', [b'x', high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
                out.push(digit(*high) << 4 | digit(*low));
                tail
            }
            _ => {
                out.push(byte);
                after
            }
        };
    }
    String::from_utf8(out).map_or(Cow::Borrowed(cell), Cow::Owned)
}

#[cfg(test)]
mod tests;
