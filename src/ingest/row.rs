//! Writing one row: common columns, mapped fields, and `extra` for everything that no column re-creates.

use std::sync::OnceLock;

use super::decode::{Dec, Held, decode, decode_text};
use super::name::Name;
use super::raw::{Family, Field, Found, Raw, Value};
use super::sink::RecordContext;
use super::windows;
use crate::base::ip::{self, Ip};
use crate::base::names::{Names, hash};
use crate::base::text::{push_json_inner, push_json_str};
use crate::schema::builder::{TableBuilder, TableSet};
use crate::schema::{Col, Table, common};

/// Original field names to columns, for one family of events.
///
/// A field whose column re-creates its original text leaves `extra`; every other field stays there.
#[derive(Debug)]
pub struct FieldMap {
    entries: &'static [(&'static str, Col, Dec)],
    index: OnceLock<Names>,
}

impl FieldMap {
    /// A map from `(original name, column, decoder)`.
    pub const fn new(entries: &'static [(&'static str, Col, Dec)]) -> Self {
        Self {
            entries,
            index: OnceLock::new(),
        }
    }

    /// The column and decoder of a field.
    #[inline]
    pub fn get(&self, name: &Name<'_>) -> Option<(Col, Dec)> {
        let index = self.index.get_or_init(|| Names::new(self.entries.iter().map(|e| e.0)));
        let (_, col, dec) = self.entries.get(index.find_hashed(name, name.hash())?)?;
        Some((*col, *dec))
    }
}

/// One row being written.
pub struct Row<'b, 'r> {
    /// The builder, for cells that no field map reaches.
    pub cells: &'b mut TableBuilder,
    raw: &'r Raw<'r>,
    held: Flags,
}

/// A field that may be taken once it is known whether a column holds it.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'r> {
    /// The text.
    pub text: &'r str,
    place: usize,
}

/// A flag per place.
#[derive(Default)]
struct Flags {
    /// Of the first 128.
    low: u128,
    high: Vec<bool>,
}

impl Flags {
    #[inline]
    fn get(&self, i: usize) -> bool {
        match i.checked_sub(128) {
            None => self.low >> i & 1 == 1,
            Some(i) => self.high.get(i).copied().unwrap_or(false),
        }
    }

    /// Those of the first `len` that are not set, in order.
    #[inline]
    fn unset(&self, len: usize) -> impl Iterator<Item = usize> {
        let first = u128::MAX.checked_shl(len as u32).map_or(u128::MAX, |behind| !behind);
        let mut bits = !self.low & first;
        let low = std::iter::from_fn(move || {
            let next = bits.trailing_zeros() as usize;
            bits &= bits.checked_sub(1)?;
            Some(next)
        });
        low.chain((128..len).filter(|i| !self.get(*i)))
    }

    #[inline]
    fn set(&mut self, i: usize) {
        match i.checked_sub(128) {
            None => self.low |= 1 << i,
            Some(i) => {
                self.high.resize(self.high.len().max(i + 1), false);
                if let Some(flag) = self.high.get_mut(i) {
                    *flag = true;
                }
            }
        }
    }
}

impl<'b, 'r> Row<'b, 'r> {
    /// Begins a row of `table` with the common columns of `raw`.
    pub fn begin(out: &'b mut TableSet, table: &'static Table, raw: &'r Raw<'r>, cx: &RecordContext<'_>) -> Self {
        let cells = out.table(table);
        write_common(cells, raw, cx);
        Self {
            cells,
            raw,
            held: Flags::default(),
        }
    }

    /// Writes every field that the map knows.
    #[inline]
    pub fn fields(&mut self, map: &'static FieldMap) {
        let raw = self.raw;
        match &raw.placed {
            Some(placed) => {
                for (column, col, dec) in placed.layout().plan(map).iter() {
                    self.write(usize::from(*column), *col, *dec);
                }
            }
            None => {
                for (i, field) in raw.fields.iter().enumerate() {
                    if let Some((col, dec)) = map.get(&field.name) {
                        self.write(i, col, dec);
                    }
                }
            }
        }
    }

    /// Decodes what stands at a place unless something holds it.
    #[inline]
    fn write(&mut self, place: usize, col: Col, dec: Dec) {
        if let Some(found) = self.raw.at(place)
            && !self.held.get(place)
        {
            self.decode(place, found, col, dec);
        }
    }

    #[inline]
    fn decode(&mut self, place: usize, found: Found<'_>, col: Col, dec: Dec) {
        let held = match found {
            Found::Text(text) => decode_text(self.cells, col, dec, text),
            Found::Field(field) => decode(self.cells, col, dec, &field.value),
        };
        if held == Held::Yes {
            self.held.set(place);
        }
    }

    /// The text of a field, left in `extra` unless something else holds it.
    #[inline(always)]
    pub fn peek(&self, name: &'static str) -> Option<&'r str> {
        self.peek_hashed(name, hash(name.as_bytes()))
    }

    fn peek_hashed(&self, name: &'static str, hash: u32) -> Option<&'r str> {
        self.find(name, hash)?.1.text()
    }

    /// The text of a field that the caller stores in a column which re-creates it.
    #[inline(always)]
    pub fn take(&mut self, name: &'static str) -> Option<&'r str> {
        self.take_hashed(name, hash(name.as_bytes()))
    }

    fn take_hashed(&mut self, name: &'static str, hash: u32) -> Option<&'r str> {
        let (place, found) = self.find(name, hash)?;
        self.held.set(place);
        found.text()
    }

    /// [`peek`](Self::peek) at a field that may be [taken](Self::take_spot).
    #[inline(always)]
    pub fn spot(&self, name: &'static str) -> Option<Spot<'r>> {
        self.spot_hashed(name, hash(name.as_bytes()))
    }

    fn spot_hashed(&self, name: &'static str, hash: u32) -> Option<Spot<'r>> {
        let (place, found) = self.find(name, hash)?;
        let text = found.text()?;
        Some(Spot { text, place })
    }

    /// Takes a field that the caller stores in a column which re-creates it.
    #[inline]
    pub fn take_spot(&mut self, spot: Spot<'_>) {
        self.held.set(spot.place);
    }

    /// Where a field stands, and what it is.
    #[inline(always)]
    fn find(&self, name: &'static str, hash: u32) -> Option<(usize, Found<'r>)> {
        let place = self.raw.place_of_known(name, hash)?;
        Some((place, self.raw.at(place)?))
    }

    /// Takes a field whose name only the record knows.
    pub fn hold(&mut self, name: &str) {
        if let Some(place) = self.raw.place_of(name, hash(name.as_bytes())) {
            self.held.set(place);
        }
    }

    /// Decodes one field by name into a column; whether the field is there.
    pub fn field(&mut self, name: &'static str, col: Col, dec: Dec) -> bool {
        let Some((place, found)) = self.find(name, hash(name.as_bytes())) else {
            return false;
        };
        self.decode(place, found, col, dec);
        true
    }

    /// Sets the verb of the row.
    pub fn action(&mut self, verb: &'static str) {
        self.cells.fixed_text(common::ACTION, verb);
    }

    /// Sets the host of a row whose record names only an address: `ip:ADDRESS`, resolved when the lake is read.
    pub fn host_is_ip(&mut self, address: &Ip) {
        self.cells.host_of(address, ip::host_key);
    }

    /// Writes the lower-case base name of a path column into another column.
    pub fn base_name(&mut self, path: Col, name: Col) {
        self.cells
            .derive(path, name, |p| Some(crate::base::text::basename(p).to_lowercase()));
    }

    /// Ends the row; what no column holds goes to `extra`.
    pub fn finish(mut self) {
        let header_sid = self.header_sid();
        let Self { cells, raw, held } = self;
        cells.append_text(common::EXTRA, |extra| {
            let mut open = '{';
            for field in &raw.envelope {
                extra.push(std::mem::replace(&mut open, ','));
                push_field(extra, field);
            }
            for place in held.unset(raw.places()) {
                let Some(found) = raw.at(place) else { continue };
                extra.push(std::mem::replace(&mut open, ','));
                let key = raw.placed.as_ref().and_then(|p| p.key(place));
                key.into_iter().for_each(|key| extra.push_str(key));
                match found {
                    Found::Text(text) => push_json_str(extra, text),
                    Found::Field(field) if key.is_some() => push_value(extra, &field.value),
                    Found::Field(field) => push_field(extra, field),
                }
            }
            if let Some(sid) = &header_sid {
                extra.push(std::mem::replace(&mut open, ','));
                push_field(extra, sid);
            }
            if open == ',' {
                extra.push('}');
            }
        });
        cells.end_row();
    }

    /// The SID in the record's header is the acting user where no field names one. It is returned where another
    /// is stored, except Sysmon's own: that is always `S-1-5-18`, whoever acted.
    fn header_sid(&mut self) -> Option<Field<'r>> {
        let sid = self.raw.user_sid.as_deref().filter(|s| !s.is_empty())?;
        let sysmon = self.raw.source() == windows::Source::Sysmon;
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

fn push_field(extra: &mut String, field: &Field<'_>) {
    push_key(extra, &field.name);
    push_value(extra, &field.value);
}

#[inline]
fn push_key(extra: &mut String, name: &Name<'_>) {
    push_json_str(extra, name);
    extra.push(':');
}

#[inline]
fn push_value(extra: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => extra.push_str("null"),
        Value::Str(s) => push_json_str(extra, s),
        Value::Escaped(e) => push_json_inner(extra, e.inner(), || e.text().to_owned()),
        Value::Raw(s) => extra.push_str(s),
    }
}

fn write_common(cells: &mut TableBuilder, raw: &Raw<'_>, cx: &RecordContext<'_>) {
    let (ts, quality) = cx.time(raw);
    cells.int(common::TS, ts);
    cells.fixed_text(common::TIME_QUALITY, quality.as_str());
    cells.fixed_text(common::FORMAT, cx.format);
    if let Some(host) = raw.host.as_deref().or(cx.input_host).filter(|h| !h.is_empty()) {
        cells.text(common::HOST_RAW, host);
        cells.derive(common::HOST_RAW, common::HOST, |h| Some(canonical_host(h)));
    }
    let text = [
        (common::HOST_ID, raw.host_id.as_deref()),
        (common::OBSERVER, raw.observer.as_deref()),
        (common::CHANNEL, raw.channel.as_deref()),
        (common::PROVIDER, Some(&*raw.kind)),
    ];
    for (col, value) in text {
        if let Some(v) = value.filter(|v| !v.is_empty()) {
            cells.text(col, v);
        }
    }
    match raw.family {
        Family::Windows => cells.fixed_text(common::SOURCE, raw.source().name()),
        Family::Log if raw.kind.is_empty() => {}
        Family::Log => cells.text(common::SOURCE, source_of_log(&raw.kind)),
    }
    if let Some(code) = raw.code {
        cells.int(common::EVENT_CODE, i64::from(code));
    }
    // Numbers begin at 1: a zero is what consumers and converters write where they know none.
    if let Some(id) = raw.record_id.filter(|id| *id != 0) {
        cells.int(common::RECORD_ID, id as i64);
    }
    cells.int(common::FILE_ID, i64::from(cx.input));
    cells.int(common::ROW, raw.offset as i64);
}

/// The `source` column of a log by its name: `zeek` of `zeek.dns`.
fn source_of_log(kind: &str) -> &str {
    let end = kind.bytes().position(|b| b == b'.').unwrap_or(kind.len());
    kind.get(..end).unwrap_or(kind)
}

/// The canonical key of a host as logged: lower-case short name; `ip:ADDRESS` for an address.
pub fn canonical_host(raw: &str) -> String {
    let raw = raw.trim().trim_start_matches('\\').trim_end_matches('.');
    if let Some(address) = ip::parse(raw) {
        return ip::host_key(&address);
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
