//! Writing one row: common columns, mapped fields, and `extra` for everything that no column re-creates.

use std::collections::HashMap;
use std::sync::OnceLock;

use ahash::RandomState;

use super::decode::{Dec, Held, decode};
use super::raw::{Field, Raw, Value};
use super::sink::RecordContext;
use super::windows;
use crate::base::ip::{self, Ip};
use crate::base::text::push_json_str;
use crate::schema::builder::{TableBuilder, TableSet};
use crate::schema::{Col, Table, common};

/// Original field names to columns, for one family of events.
///
/// A field whose column re-creates its original text leaves `extra`; every other field stays there.
#[derive(Debug)]
pub struct FieldMap {
    entries: &'static [(&'static str, Col, Dec)],
    index: OnceLock<HashMap<&'static str, usize, RandomState>>,
}

impl FieldMap {
    /// A map from `(original name, column, decoder)`.
    pub const fn new(entries: &'static [(&'static str, Col, Dec)]) -> Self {
        Self {
            entries,
            index: OnceLock::new(),
        }
    }

    fn get(&self, name: &str) -> Option<(Col, Dec)> {
        let index = self.index.get_or_init(|| {
            let mut m = HashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4));
            for (i, (n, _, _)) in self.entries.iter().enumerate() {
                m.insert(*n, i);
            }
            m
        });
        let (_, col, dec) = self.entries.get(*index.get(name)?)?;
        Some((*col, *dec))
    }
}

/// One row being written.
pub struct Row<'b, 'r> {
    /// The builder, for cells that no field map reaches.
    pub cells: &'b mut TableBuilder,
    raw: &'r Raw<'r>,
    held: Vec<bool>,
}

impl<'b, 'r> Row<'b, 'r> {
    /// Begins a row of `table` with the common columns of `raw`.
    pub fn begin(out: &'b mut TableSet, table: &'static Table, raw: &'r Raw<'r>, cx: &RecordContext<'_>) -> Self {
        let cells = out.table(table);
        write_common(cells, raw, cx);
        let held = vec![false; raw.fields.len()];
        Self { cells, raw, held }
    }

    /// Writes every field that the map knows.
    pub fn fields(&mut self, map: &FieldMap) {
        for (field, held) in self.raw.fields.iter().zip(&mut self.held) {
            if *held {
                continue;
            }
            if let Some((col, dec)) = map.get(&field.name) {
                *held = decode(self.cells, col, dec, &field.value) == Held::Yes;
            }
        }
    }

    /// The text of a field, left in `extra` unless something else holds it.
    pub fn peek(&self, name: &str) -> Option<&'r str> {
        self.raw.get(name)
    }

    /// The text of a field that the caller stores in a column which re-creates it.
    pub fn take(&mut self, name: &str) -> Option<&'r str> {
        let i = self.raw.fields.iter().position(|f| f.name == name)?;
        *self.held.get_mut(i)? = true;
        self.raw.fields.get(i)?.value.text()
    }

    /// Decodes one field by name into a column; whether the field is there.
    pub fn field(&mut self, name: &str, col: Col, dec: Dec) -> bool {
        let Some(i) = self.raw.fields.iter().position(|f| f.name == name) else {
            return false;
        };
        if let (Some(f), Some(h)) = (self.raw.fields.get(i), self.held.get_mut(i)) {
            *h = decode(self.cells, col, dec, &f.value) == Held::Yes;
        }
        true
    }

    /// Sets the verb of the row.
    pub fn action(&mut self, verb: &str) {
        self.cells.text(common::ACTION, verb);
    }

    /// Sets the host of a row whose record names only an address: `ip:ADDRESS`, resolved when the lake is read.
    pub fn host_is_ip(&mut self, address: &Ip) {
        if !self.cells.is_set(common::HOST) {
            self.cells.text(common::HOST, &format!("ip:{}", ip::display(address)));
        }
    }

    /// Writes the lower-case base name of a path column into another column.
    pub fn base_name(&mut self, path: Col, name: Col) {
        if let Some(p) = self.cells.current_text(path) {
            let lower = crate::base::text::basename(p).to_lowercase();
            if !lower.is_empty() {
                self.cells.text(name, &lower);
            }
        }
    }

    /// Ends the row; what no column holds goes to `extra`.
    pub fn finish(mut self) {
        let header_sid = self.header_sid();
        let left = self
            .raw
            .fields
            .iter()
            .zip(&self.held)
            .filter(|(_, held)| !**held)
            .map(|(f, _)| f);
        let mut extra = String::new();
        for f in self.raw.envelope.iter().chain(left).chain(&header_sid) {
            push_field(&mut extra, f);
        }
        if !extra.is_empty() {
            extra.push('}');
            self.cells.text(common::EXTRA, &extra);
        }
        self.cells.end_row();
    }

    /// The SID in the record's header is the acting user where no field names one. It is returned where another
    /// is stored, except Sysmon's own: that is always `S-1-5-18`, whoever acted.
    fn header_sid(&mut self) -> Option<Field<'r>> {
        let sid = self.raw.user_sid.as_deref().filter(|s| !s.is_empty())?;
        let sysmon = windows::source(&self.raw.kind, self.raw.channel.as_deref()) == windows::Source::Sysmon;
        if sysmon && sid == "S-1-5-18" {
            return None;
        }
        if !sysmon && !self.cells.is_set(common::USER_SID) {
            self.cells.text(common::USER_SID, sid);
            return None;
        }
        (self.cells.current_text(common::USER_SID) != Some(sid)).then(|| Field::str("Security_UserID", sid))
    }
}

fn push_field(extra: &mut String, f: &Field<'_>) {
    extra.push(if extra.is_empty() { '{' } else { ',' });
    push_json_str(extra, &f.name);
    extra.push(':');
    match &f.value {
        Value::Null => extra.push_str("null"),
        Value::Str(s) => push_json_str(extra, s),
        Value::Raw(s) => extra.push_str(s),
    }
}

fn write_common(cells: &mut TableBuilder, raw: &Raw<'_>, cx: &RecordContext<'_>) {
    let (ts, quality) = cx.time(raw);
    cells.int(common::TS, ts);
    cells.text(common::TIME_QUALITY, quality.as_str());
    if let Some(host) = raw.host.as_deref().or(cx.input_host).filter(|h| !h.is_empty()) {
        cells.text(common::HOST, &canonical_host(host));
        cells.text(common::HOST_RAW, host);
    }
    let text = [
        (common::HOST_ID, raw.host_id.as_deref()),
        (common::OBSERVER, raw.observer.as_deref()),
        (common::CHANNEL, raw.channel.as_deref()),
        (common::PROVIDER, Some(&*raw.kind)),
        (common::SOURCE, Some(cx.source(raw))),
        (common::FORMAT, Some(cx.format)),
    ];
    for (col, value) in text {
        if let Some(v) = value.filter(|v| !v.is_empty()) {
            cells.text(col, v);
        }
    }
    if let Some(code) = raw.code {
        cells.int(common::EVENT_CODE, i64::from(code));
    }
    if let Some(id) = raw.record_id {
        cells.int(common::RECORD_ID, id as i64);
    }
    cells.int(common::FILE_ID, i64::from(cx.input));
    cells.int(common::ROW, raw.offset as i64);
}

/// The canonical key of a host as logged: lower-case short name; `ip:ADDRESS` for an address.
pub fn canonical_host(raw: &str) -> String {
    let raw = raw.trim().trim_start_matches('\\').trim_end_matches('.');
    if let Some(address) = ip::parse(raw) {
        return format!("ip:{}", ip::display(&address));
    }
    let short = raw.split('.').next().unwrap_or(raw);
    short.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_lower_case_short_names_and_addresses_stay_whole() {
        assert_eq!(canonical_host("PC-TAKEDA.takeda.example."), "pc-takeda");
        assert_eq!(canonical_host("10.0.5.21"), "ip:10.0.5.21");
        assert_eq!(canonical_host("\\\\WS01"), "ws01");
    }
}
