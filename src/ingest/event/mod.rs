//! Windows events in all their written forms, turned into [`Raw`]: shared by every format that carries one.
//!
//! XML ([`xml`]), JSON ([`object`] tells the shapes apart; [`system`], [`beats`], [`flat`] read them), the `Key=value`
//! text of Splunk's agent ([`kv`]). All of them end in `finish`.

use std::borrow::Cow;

use super::message;
use super::raw::{Field, Raw, Value};
use crate::base::time::{self, TimeQuality, Ts};

pub mod beats;
pub mod flat;
pub mod kv;
pub mod object;
pub mod system;
pub mod xml;

/// Why a record is no event; the reason of its reject.
pub type Reason = &'static str;

/// Sets one field of the event's header, under its name in the `System` element.
///
/// The identifying ones have a place of their own in [`Raw`], the others go to the envelope unless they say nothing.
pub(super) fn head<'a>(raw: &mut Raw<'a>, name: impl Into<Cow<'a, str>>, value: Value<'a>) {
    let name = name.into();
    let Some(text) = value.text().map(str::trim) else {
        return;
    };
    match &*name {
        "EventID" => raw.code = raw.code.or_else(|| number(text)?.try_into().ok()),
        "EventRecordID" => raw.record_id = raw.record_id.or_else(|| number(text)),
        "Provider" => set(&mut raw.kind, value),
        "Channel" => set_opt(&mut raw.channel, value),
        "Computer" => set_opt(&mut raw.host, value),
        "UserID" if text.starts_with("S-1-") => set_opt(&mut raw.user_sid, value),
        "SystemTime" => {
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
pub(super) fn unnamed<'a>(raw: &mut Raw<'a>, mut values: Vec<Value<'a>>) {
    if values.len() == 1 {
        raw.fields.extend(values.pop().map(|value| Field {
            name: "Data".into(),
            value,
        }));
        return;
    }
    for (i, value) in values.into_iter().enumerate() {
        raw.push(format!("Data_{}", i + 1), value);
    }
}

/// The last step of every reader: names made unique, the rendered message used where data are missing.
pub(super) fn finish<'a>(mut raw: Raw<'a>, message: Option<Cow<'a, str>>) -> Result<Raw<'a>, Reason> {
    if raw.code.is_none() {
        return Err("a Windows event without a readable event id");
    }
    if let Some(message) = message.filter(|m| !m.trim().is_empty()) {
        let only_carrier = raw.fields.is_empty();
        if only_carrier || message::is_needed(&raw) {
            message::fill(&mut raw, &message);
        }
        if only_carrier {
            raw.push("Message", Value::Str(message));
        }
    }
    unique_names(&mut raw.fields);
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
fn says_nothing(text: &str) -> bool {
    // The keyword bit that every event of a modern channel has, as hexadecimal and as signed number.
    const CLASSIC: [&str; 2] = ["0x8000000000000000", "-9223372036854775808"];
    text.is_empty()
        || CLASSIC.contains(&text)
        || text == "-"
        || text
            .strip_prefix("0x")
            .unwrap_or(text)
            .bytes()
            .all(|b| matches!(b, b'0' | b'{' | b'}' | b'-'))
}

fn number(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        // pandas writes integer columns that have gaps as 12.0
        .or_else(|| text.strip_suffix(".0")?.parse().ok())
}

fn set<'a>(place: &mut Cow<'a, str>, value: Value<'a>) {
    if let (true, Value::Str(s) | Value::Raw(s)) = (place.is_empty(), value) {
        *place = s;
    }
}

fn set_opt<'a>(place: &mut Option<Cow<'a, str>>, value: Value<'a>) {
    if let (None, Value::Str(s) | Value::Raw(s)) = (&place, value)
        && !s.is_empty()
    {
        *place = Some(s);
    }
}

/// A repeated name gets `_2`, `_3` …: `extra` is a JSON object, in which a name can stand once.
fn unique_names(fields: &mut [Field<'_>]) {
    let mut seen: Vec<&str> = fields.iter().map(|f| &*f.name).collect();
    seen.sort_unstable();
    if seen.is_sorted_by(|a, b| a < b) {
        return;
    }
    let mut counts: std::collections::HashMap<String, u32> = std::collections::HashMap::new();
    for field in fields {
        let n = counts.entry(field.name.clone().into_owned()).or_insert(0);
        *n += 1;
        if *n > 1 {
            field.name = Cow::Owned(format!("{}_{n}", field.name));
        }
    }
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
