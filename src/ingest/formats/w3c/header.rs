//! The header in force, and a record under it.

use std::borrow::Cow;

use super::midnights::Midnights;
use crate::base::columns::Columns;
use crate::base::text::trim_start;
use crate::base::time::{self, DAY, SECOND, TimeQuality, Ts, Zone};
use crate::ingest::layout::Layout;
use crate::ingest::lines::Line;
use crate::ingest::name::Name;
use crate::ingest::placed::{Cell, Placed};
use crate::ingest::raw::{Raw, Value};

/// The columns of ProxySG's main format, which collectors forward without its header.
const MAIN_FORMAT: &str = "#Fields: date time time-taken c-ip cs-username cs-auth-group x-exception-id sc-filter-result \
    cs-categories cs(Referer) sc-status s-action cs-method rs(Content-Type) cs-uri-scheme cs-host cs-uri-port \
    cs-uri-path cs-uri-query cs-uri-extension cs(User-Agent) s-ip sc-bytes cs-bytes x-virus-id";

/// What wrote the log, as its columns tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No `#Fields` seen.
    None,
    /// A web proxy.
    Proxy,
    /// Microsoft IIS.
    Iis,
    /// Windows firewall (pfirewall.log).
    Firewall,
    /// Some other W3C log.
    Other,
    /// A log with commas that only looks alike (Exchange).
    Foreign,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Proxy => "w3c.proxy",
            Kind::Iis => "w3c.iis",
            Kind::Firewall => "w3c.firewall",
            Kind::None | Kind::Other | Kind::Foreign => "w3c.other",
        }
    }
}

/// A column that `#Fields` names.
#[derive(Debug)]
struct Column {
    name: Name<'static>,
    /// Whether it is the date or the time of day.
    clock: bool,
}

impl Column {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned().into(),
            clock: matches!(name, "date" | "time"),
        }
    }
}

/// The lines that count, parsed.
#[derive(Debug)]
pub(super) struct Header {
    columns: Vec<Column>,
    /// The columns by name; `None` where a name stands twice.
    layout: Option<Layout>,
    /// Where the date and the time of day stand.
    date: Option<usize>,
    time: Option<usize>,
    fields_line: String,
    date_line: String,
    kind: Kind,
    /// Columns are separated by tabs alone, so that values may hold blanks.
    tabs: bool,
    /// More columns than named are kept under numbers (headerless main format).
    open_ended: bool,
    /// Day of `#Date`, for logs without a date column.
    day: Option<String>,
    /// Zone that `#Date` names, seconds east of UTC.
    zone: Option<i32>,
    /// For logs without a date column: what came behind that day.
    midnights: Midnights,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            layout: None,
            date: None,
            time: None,
            fields_line: String::new(),
            date_line: String::new(),
            kind: Kind::None,
            tabs: false,
            open_ended: false,
            day: None,
            zone: None,
            midnights: Midnights::default(),
        }
    }
}

impl Header {
    /// The main format without a header.
    pub(super) fn main_format() -> Self {
        let mut header = Self::default();
        header.update(MAIN_FORMAT);
        header.open_ended = true;
        header
    }

    pub(super) fn load(saved: &[u8]) -> Self {
        let saved = String::from_utf8_lossy(saved);
        let mut header = Self::default();
        let mut lines = saved.lines();
        lines.by_ref().take(2).for_each(|line| header.update(line));
        header.midnights = Midnights::load(lines.next().unwrap_or_default());
        header
    }

    /// The two lines that count, and a third of what came behind them.
    pub(super) fn save(&self) -> String {
        format!("{}\n{}\n{}", self.date_line, self.fields_line, self.midnights.save())
    }

    /// Whether records have a time of day and no date, so that none is read without those before it.
    pub(super) fn is_dateless(&self) -> bool {
        self.date.is_none() && self.time.is_some()
    }

    /// Takes the next line; whether it is none of a record.
    pub(super) fn take(&mut self, line: &str) -> bool {
        let is_header = trim_start(line).as_bytes().first() == Some(&b'#');
        if is_header {
            self.update(line);
        } else if self.is_dateless() {
            self.pass(line);
        }
        is_header
    }

    /// A record of a log without dates may be of another day than the one before.
    fn pass(&mut self, line: &str) {
        let mut cells = Vec::new();
        self.cells(line, &mut cells);
        if let Some(clock) = at(&cells, self.time).and_then(clock) {
            self.midnights.pass(clock);
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Takes a header line; other lines are ignored.
    pub(super) fn update(&mut self, line: &str) {
        let line = line.trim_start();
        if let Some(date) = strip_key(line, "#Date:") {
            self.date_line = line.to_owned();
            self.day = date
                .trim()
                .get(..10)
                .filter(|d| d.as_bytes().get(4) == Some(&b'-'))
                .map(str::to_owned);
            self.zone = named_zone(date);
            self.midnights = Midnights::behind(date.split_whitespace().nth(1).and_then(clock));
        }
        if let Some(fields) = strip_key(line, "#Fields:") {
            let fields = fields.trim();
            self.fields_line = line.to_owned();
            self.tabs = fields.contains('\t');
            self.open_ended = false;
            self.columns = fields.split_whitespace().map(Column::new).collect();
            self.layout = Layout::new(self.columns.iter().map(|c| &c.name));
            (self.date, self.time) = (self.place("date"), self.place("time"));
            self.kind = kind_of(fields, &self.columns);
        }
    }

    /// Reads one record into an empty one and empty cells.
    pub(super) fn record<'l: 'r, 'r>(
        &'r self,
        line: &Line<'l>,
        file: &str,
        cells: &mut Vec<Cell<'l>>,
        raw: &mut Raw<'r>,
    ) -> Result<(), Cow<'static, str>> {
        if self.columns.is_empty() {
            return Err("no #Fields line before this record; give the whole file with its header".into());
        }
        self.cells(line.payload, cells);
        let wanted = self.columns.len();
        if cells.len() < wanted || (cells.len() > wanted && !self.open_ended) {
            return Err(format!(
                "{} columns where #Fields names {wanted}; the line is cut or damaged",
                cells.len()
            )
            .into());
        }
        raw.observer = line.host.map(Cow::Borrowed);
        let held = self.set_time(raw, cells, line, file);
        for (cell, column) in cells.iter_mut().zip(&self.columns) {
            if matches!(cell, Cell::Text("-")) || (held && column.clock) {
                *cell = Cell::NONE;
            }
            if let (Cell::Text(text), None) = (&cell, &self.layout) {
                raw.push(column.name.borrowed(), Value::str(text));
            }
        }
        for (number, cell) in (1..).zip(cells).skip(wanted) {
            if let Cell::Text(text) = std::mem::replace(cell, Cell::NONE)
                && text != "-"
            {
                *cell = Cell::Field(raw.fields.len());
                raw.push(format!("_{number}"), Value::str(text));
            }
        }
        Ok(())
    }

    /// Where mappers find the cells of a record.
    pub(super) fn placed<'r>(&'r self, cells: &'r [Cell<'r>]) -> Option<Placed<'r>> {
        let layout = self.layout.as_ref()?;
        Some(Placed::cells(layout, cells))
    }

    fn cells<'r>(&self, line: &'r str, cells: &mut Vec<Cell<'r>>) {
        if self.tabs {
            cells.extend(line.split('\t').map(Cell::Text));
            return;
        }
        let quoted = self.kind != Kind::Iis;
        let mut columns = Columns::new(line.trim(), [b' ', b'\t']);
        while let Some(first) = columns.peek() {
            if !matches!(first, b'"' | b'[') {
                cells.push(Cell::Text(columns.take()));
                continue;
            }
            let (cell, after) = next_cell(columns.rest(), quoted);
            cells.push(Cell::Text(cell));
            columns.go_on(after);
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    fn cell<'r>(&self, cells: &[Cell<'r>], name: &str) -> Option<&'r str> {
        at(cells, self.place(name))
    }

    /// Sets the time; whether the columns `date` and `time` are re-created by it.
    fn set_time(&self, raw: &mut Raw<'_>, cells: &[Cell<'_>], line: &Line<'_>, file: &str) -> bool {
        if let Some(clock) = at(cells, self.time) {
            let date = at(cells, self.date);
            let day = date
                .or(self.day.as_deref())
                .map(Cow::Borrowed)
                .or_else(|| day_of_name(file).map(Cow::Owned));
            let parsed = day.and_then(|d| joined(&d, clock));
            if let Some(ts) = parsed {
                // A log may name dates from some line on.
                let later = if date.is_some() { 0 } else { self.midnights.later() };
                self.zoned(raw, ts + later);
                return raw.quality != TimeQuality::Offset && date.is_some_and(|d| d.len() == 10) && clock.len() == 8;
            }
        }
        let bracketed = |name| self.cell(cells, name).and_then(|t| time::apache(t.as_bytes()));
        if let Some((ts, zone)) = bracketed("localtime").or_else(|| bracketed("gmttime").map(|(t, _)| (t, Zone::Utc))) {
            (raw.time, raw.quality) = (Some(ts), zone.quality());
        } else if let Some(ts) = ["timestamp", "x-timestamp"]
            .iter()
            .find_map(|n| time::epoch(self.cell(cells, n)?.as_bytes()))
        {
            (raw.time, raw.quality) = (Some(ts), TimeQuality::Utc);
        } else if let Some((ts, quality)) = line.time {
            (raw.time, raw.quality) = (Some(ts), quality);
        }
        false
    }

    /// The firewall writes local time; the others UTC unless `#Date` names a zone.
    fn zoned(&self, raw: &mut Raw<'_>, local: Ts) {
        (raw.time, raw.quality) = match (self.kind, self.zone) {
            (Kind::Firewall, _) => (Some(local), TimeQuality::Assumed),
            (_, Some(offset)) if offset != 0 => (Some(local - i64::from(offset) * SECOND), TimeQuality::Offset),
            _ => (Some(local), TimeQuality::Utc),
        };
    }
}

/// The text of a cell.
fn at<'r>(cells: &[Cell<'r>], place: Option<usize>) -> Option<&'r str> {
    match cells.get(place?)? {
        Cell::Text(text) => Some(text),
        Cell::Field(_) => None,
    }
}

/// Whether a line is of ProxySG's main format: date, time, milliseconds, address, and a filter result further on.
pub(super) fn is_main_format(line: &str) -> bool {
    let mut cells = line.split_whitespace();
    let mut next = || cells.next().unwrap_or("");
    let (date, clock, taken, client) = (next(), next(), next(), next());
    joined(date, clock).is_some()
        && !taken.is_empty()
        && taken.bytes().all(|b| b.is_ascii_digit())
        && client.contains(['.', ':'])
        && cells.take(5).any(|c| matches!(c, "OBSERVED" | "PROXIED" | "DENIED"))
}

fn kind_of(line: &str, columns: &[Column]) -> Kind {
    let has = |name: &str| columns.iter().any(|c| c.name.eq_ignore_ascii_case(name));
    let any = |names: &[&str]| names.iter().any(|n| has(n));
    if columns.is_empty() || (columns.len() < 3 && line.contains(',')) {
        return Kind::Foreign;
    }
    if has("src-ip") && has("dst-ip") {
        return Kind::Firewall;
    }
    if any(&[
        "s-action",
        "sc-filter-result",
        "cs-uri-scheme",
        "x-virus-id",
        "x-exception-id",
        "cs-url",
        "c-uri",
        "r-host",
    ]) {
        return Kind::Proxy;
    }
    if has("cs-uri-stem") {
        return Kind::Iis;
    }
    if any(&["cs-host", "cs-uri", "cs-uri-path"]) {
        Kind::Proxy
    } else {
        Kind::Other
    }
}

fn strip_key<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    let (head, rest) = line.split_at_checked(key.len())?;
    head.eq_ignore_ascii_case(key).then_some(rest)
}

/// The next value: up to a blank; a quoted one up to a quote before a blank; `[day clock zone]` as a whole.
fn next_cell(text: &str, quoted: bool) -> (&str, &str) {
    if quoted && text.starts_with('"') {
        let inner = text.get(1..).unwrap_or("");
        // No escape exists for inner quotes: only a quote before a blank ends the value.
        let end = memchr::memchr_iter(b'"', inner.as_bytes())
            .find(|i| inner.as_bytes().get(i + 1).is_none_or(u8::is_ascii_whitespace));
        if let Some(end) = end {
            return (inner.get(..end).unwrap_or(""), inner.get(end + 1..).unwrap_or(""));
        }
    }
    if text.starts_with('[')
        && let Some(end) = text.bytes().take(40).position(|b| b == b']')
    {
        return text.split_at_checked(end + 1).unwrap_or((text, ""));
    }
    let end = memchr::memchr2(b' ', b'\t', text.as_bytes()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn joined(day: &str, clock: &str) -> Option<Ts> {
    if !(8..=16).contains(&day.len()) || !(5..=24).contains(&clock.len()) {
        return None;
    }
    time::day_and_clock(day, clock).map(|(ts, _)| ts)
}

/// Microseconds since midnight.
fn clock(text: &str) -> Option<Ts> {
    Some(joined("2000-01-01", text)?.rem_euclid(DAY))
}

/// `EST (UTC-0400)`, `UTC+09:00`: seconds east of UTC.
fn named_zone(date: &str) -> Option<i32> {
    let (_, after) = date.split_once("UTC").or_else(|| date.split_once("GMT"))?;
    let sign = match after.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = after
        .get(1..)?
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ':')
        .filter(|c| *c != ':')
        .collect();
    let number: i32 = digits.get(..4)?.parse().ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The day that an IIS file name holds: `u_ex211009.log` is 2021-10-09.
fn day_of_name(file: &str) -> Option<String> {
    let (_, after) = file.rsplit_once("ex")?;
    let digits = after.get(..6).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    Some(format!(
        "20{}-{}-{}",
        digits.get(..2)?,
        digits.get(2..4)?,
        digits.get(4..6)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zones_and_days_are_found() {
        assert_eq!(named_zone(" 2021-04-16 13:51:09 EST (UTC-0400)"), Some(-14_400));
        assert_eq!(named_zone(" 2021-04-16 13:51:09"), None);
        assert_eq!(day_of_name("u_ex211009.log").as_deref(), Some("2021-10-09"));
        assert_eq!(day_of_name("access.log"), None);
    }

    /// [`Header::cells`] as it would be written without care for speed.
    fn plain_cells(line: &str) -> Vec<&str> {
        let (mut cells, mut rest) = (Vec::new(), line.trim());
        while !rest.is_empty() {
            let (cell, after) = next_cell(rest, true);
            cells.push(cell);
            rest = after.trim_start_matches([' ', '\t']);
        }
        cells
    }

    proptest! {
        #[test]
        fn cells_are_those_of_a_plain_reader(line in "([aé\"]| {1,3}|\t|[ ]\"[a ]{0,70}\"|\\[[a ]{0,40}\\]?){0,30}") {
            let mut cells = Vec::new();
            Header::main_format().cells(&line, &mut cells);
            let plain: Vec<_> = plain_cells(&line).into_iter().map(Cell::Text).collect();
            prop_assert_eq!(cells, plain);
        }
    }

    #[test]
    fn quotes_have_no_escape_but_end_before_a_blank() {
        let cells = |s| {
            let mut cells = Vec::new();
            Header::main_format().cells(s, &mut cells);
            cells.iter().map(|c| at(&[*c], Some(0)).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(
            cells("a  \"x \"y\" z\" - [05/Feb/2025:11:30:29 +0900] q"),
            ["a", "x \"y", "z\"", "-", "[05/Feb/2025:11:30:29 +0900]", "q"]
        );
        assert_eq!(cells("\"open end"), ["\"open", "end"]);
        assert_eq!(cells("\"\" \"-\""), ["", "-"]);
    }
}
