//! Windows events in all their written forms, turned into [`Raw`]: shared by every format that carries one.
//!
//! XML ([`xml`]), JSON ([`object`] tells the shapes apart; [`system`], [`beats`], [`flat`] read them), the `Key=value`
//! text of Splunk's agent ([`kv`]). All of them end in `finish`.

use std::borrow::Cow;
use std::collections::HashMap;

use ahash::RandomState;

use super::message;
use super::name::Name;
use super::raw::{Field, Raw, Value};
use crate::base::text::trim;
use crate::base::time::{self, TimeQuality, Ts};

pub mod beats;
pub mod flat;
pub mod kv;
pub mod object;
pub mod system;
pub mod xml;

/// Why a record is no event; the reason of its reject.
pub type Reason = &'static str;

/// What a field of the event's header is; the readers know it by its name in the `System` element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ingest) enum Head {
    /// `EventID`.
    Code,
    /// `EventRecordID`.
    RecordId,
    /// `Provider`.
    Provider,
    /// `Channel`.
    Channel,
    /// `Computer`.
    Computer,
    /// `UserID`.
    UserId,
    /// `SystemTime`.
    Time,
    /// Any other: it goes to the envelope.
    Other,
}

impl Head {
    /// By name.
    pub(in crate::ingest) fn of(name: &str) -> Self {
        match name {
            "EventID" => Self::Code,
            "EventRecordID" => Self::RecordId,
            "Provider" => Self::Provider,
            "Channel" => Self::Channel,
            "Computer" => Self::Computer,
            "UserID" => Self::UserId,
            "SystemTime" => Self::Time,
            _ => Self::Other,
        }
    }
}

/// Sets one field of the event's header, under its name in the `System` element.
///
/// The identifying ones have a place of their own in [`Raw`], the others go to the envelope unless they say nothing.
pub(super) fn head<'a>(raw: &mut Raw<'a>, name: impl Into<Name<'a>>, value: Value<'a>) {
    let name = name.into();
    head_as(raw, Head::of(&name), name, value);
}

/// [`head`] for a reader that has looked at the name before.
pub(in crate::ingest) fn head_as<'a>(raw: &mut Raw<'a>, head: Head, name: Name<'a>, value: Value<'a>) {
    match head {
        Head::Provider => return set(&mut raw.kind, value),
        Head::Channel => return set_opt(&mut raw.channel, value),
        Head::Computer => return set_opt(&mut raw.host, value),
        _ => {}
    }
    let Some(text) = value.text().map(trim) else {
        return;
    };
    match head {
        Head::Code => raw.code = raw.code.or_else(|| number(text)?.try_into().ok()),
        Head::RecordId => raw.record_id = raw.record_id.or_else(|| number(text)),
        Head::UserId if text.starts_with("S-1-") => set_opt(&mut raw.user_sid, value),
        Head::Time => {
            // SystemTime is UTC by definition, whether a tool prints the Z or not.
            if let Some((ts, quality)) = moment(text) {
                raw.time = Some(ts);
                raw.quality = if quality == TimeQuality::Offset {
                    quality
                } else {
                    TimeQuality::Utc
                };
            }
        }
        _ if says_nothing(text) => {}
        _ => raw.envelope.push(Field { name, value }),
    }
}

/// Unnamed `Data` elements: `Data` for one, `Data_1`, `Data_2` … for several.
pub(super) fn unnamed<'a>(raw: &mut Raw<'a>, values: Vec<Value<'a>>) {
    let several = values.len() > 1;
    for (i, value) in values.into_iter().enumerate() {
        raw.push(unnamed_name(i, several), value);
    }
}

/// The name of the unnamed `Data` element number `i` (from 0).
pub(in crate::ingest) fn unnamed_name(i: usize, several: bool) -> Cow<'static, str> {
    const FIRST: [&str; 12] = [
        "Data_1", "Data_2", "Data_3", "Data_4", "Data_5", "Data_6", "Data_7", "Data_8", "Data_9", "Data_10", "Data_11",
        "Data_12",
    ];
    match FIRST.get(i) {
        _ if !several => "Data".into(),
        Some(name) => (*name).into(),
        None => format!("Data_{}", i + 1).into(),
    }
}

/// The last step of every reader: names made unique, the rendered message used where data are missing.
pub(in crate::ingest) fn finish<'a>(raw: Raw<'a>, message: Option<Cow<'a, str>>) -> Result<Raw<'a>, Reason> {
    finish_value(raw, message.map(Value::Str))
}

/// [`finish`] with a message that is not opened unless it is needed: it is often the longest part of a record.
pub(super) fn finish_value<'a>(mut raw: Raw<'a>, message: Option<Value<'a>>) -> Result<Raw<'a>, Reason> {
    if raw.code.is_none() {
        return Err("a Windows event without a readable event id");
    }
    let only_carrier = raw.fields.is_empty();
    if let Some(message) = message.filter(|_| only_carrier || message::is_needed(&raw)) {
        let text = message.text().unwrap_or_default();
        if !text.trim().is_empty() {
            // There will be more of them.
            raw.placed = None;
            message::fill(&mut raw, text);
            if only_carrier {
                raw.fields.push(Field {
                    name: "Message".into(),
                    value: message,
                });
            }
        }
    }
    // Those of a layout are.
    if raw.placed.is_none() {
        unique_names(&mut raw.fields);
    }
    Ok(raw)
}

/// A time in any of the forms that tools print: RFC 3339 and its relatives, an epoch number, `/Date(…)/`.
pub(super) fn moment(text: &str) -> Option<(Ts, TimeQuality)> {
    let text = text.trim();
    if let Some((ts, zone)) = time::rfc3339(text.as_bytes()) {
        return Some((ts, zone.quality()));
    }
    let digits = text
        .strip_prefix("/Date(")
        .and_then(|t| t.strip_suffix(")/"))
        .unwrap_or(text);
    Some((time::epoch(digits.as_bytes())?, TimeQuality::Utc))
}

/// Whether a header value carries no information: kept out of `extra`, where it would stand in every row.
#[inline]
pub(in crate::ingest) fn says_nothing(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'0' | b'{' | b'}' | b'-') => is_nothing(text),
        first => first.is_none(),
    }
}

fn is_nothing(text: &str) -> bool {
    // The keyword bit that every event of a modern channel has, as hexadecimal and as signed number.
    const CLASSIC: [&str; 2] = ["0x8000000000000000", "-9223372036854775808"];
    let digits = text.strip_prefix("0x").unwrap_or(text);
    digits.bytes().all(|b| matches!(b, b'0' | b'{' | b'}' | b'-')) || CLASSIC.contains(&text)
}

fn number(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        // pandas writes integer columns that have gaps as 12.0
        .or_else(|| text.strip_suffix(".0")?.parse().ok())
}

fn set<'a>(place: &mut Cow<'a, str>, value: Value<'a>) {
    if let (true, Some(s)) = (place.is_empty(), value.into_text()) {
        *place = s;
    }
}

fn set_opt<'a>(place: &mut Option<Cow<'a, str>>, value: Value<'a>) {
    if let (None, Some(s)) = (&place, value.into_text())
        && !s.is_empty()
    {
        *place = Some(s);
    }
}

/// A repeated name gets `_2`, `_3` …: `extra` is a JSON object, in which a name can stand once.
pub(in crate::ingest) fn unique_names(fields: &mut [Field<'_>]) {
    if are_unique(fields) {
        return;
    }
    let hasher = RandomState::with_seeds(9, 10, 11, 12);
    let mut counts: HashMap<&str, u32, RandomState> = HashMap::with_capacity_and_hasher(fields.len(), hasher);
    let mut numbers = Vec::with_capacity(fields.len());
    for field in &*fields {
        let n = counts.entry(&field.name).or_insert(0);
        *n += 1;
        numbers.push(*n);
    }
    for (field, n) in fields.iter_mut().zip(numbers).filter(|(_, n)| *n > 1) {
        let number = n.to_string();
        field.name = [&*field.name, "_", &number].concat().into();
    }
}

fn are_unique(fields: &[Field<'_>]) -> bool {
    const SLOTS: usize = 256;
    if fields.len() > SLOTS / 2 {
        let mut names: Vec<&str> = fields.iter().map(|f| &*f.name).collect();
        names.sort_unstable();
        return names.is_sorted_by(|a, b| a < b);
    }
    // Places of the names met so far, plus one, by the hash of the name.
    let mut slots = [0u8; SLOTS];
    for (i, field) in fields.iter().enumerate() {
        let mut at = field.name.hash() as usize % SLOTS;
        while let Some(other) = slots.get(at).and_then(|s| usize::from(*s).checked_sub(1)) {
            if fields.get(other).is_some_and(|f| f.name == field.name) {
                return false;
            }
            at = (at + 1) % SLOTS;
        }
        if let Some(slot) = slots.get_mut(at) {
            *slot = i as u8 + 1;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_that_say_nothing_stay_out_of_the_row() {
        let mut raw = Raw::windows(0);
        for (name, value) in [
            ("Version", "0"),
            ("ActivityID", "{00000000-0000-0000-0000-000000000000}"),
            ("Keywords", "0x8000000000000000"),
            ("Task", "12544"),
            ("EventID", "4624"),
            ("SystemTime", "2024-01-02 03:04:05.1234567"),
        ] {
            head(&mut raw, name, Value::str(value));
        }
        assert_eq!(raw.envelope, [Field::str("Task", "12544")]);
        assert_eq!(raw.code, Some(4624));
        assert_eq!((raw.time, raw.quality), (Some(1_704_164_645_123_456), TimeQuality::Utc));
    }

    #[test]
    fn repeated_names_are_numbered() {
        let mut fields = vec![Field::str("a", "1"), Field::str("b", "2"), Field::str("a", "3")];
        unique_names(&mut fields);
        let names: Vec<_> = fields.iter().map(|f| &*f.name).collect();
        assert_eq!(names, ["a", "b", "a_2"]);
    }
}
