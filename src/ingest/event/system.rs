//! The JSON shapes that keep the `System` element: `evtx_dump`, python-evtx and xmltodict, Velociraptor, Wazuh.
//!
//! They differ in how they write what JSON lacks: attributes stand in `#attributes`, in a sibling `NAME_attributes`,
//! behind an `@`, or beside the text; repeated `Data` elements are a list, a list inside `#text`, or members.

use std::borrow::Cow;

use super::{head, unnamed};
use crate::ingest::json::{Json, Object};
use crate::ingest::name::Name;
use crate::ingest::raw::{Raw, Value};

/// Nesting of `UserData` that is flattened; what lies deeper is kept as JSON.
const MAX_DEPTH: usize = 8;

/// Reads the members of a `System` object into the header.
pub fn header<'a>(raw: &mut Raw<'a>, system: &Object<'a>) {
    for (name, value) in system.iter() {
        let element = name.strip_suffix("_attributes").unwrap_or(name);
        if let Some(members) = value.object() {
            for (key, value) in attributes(&members) {
                attribute(raw, element, &key, value);
            }
            if let Some(text) = text_of(&members) {
                head(raw, element.to_owned(), text);
            }
        } else if !value.is_null() {
            head(raw, name.clone(), value.value());
        }
    }
}

/// Reads an `EventData` member.
pub fn event_data<'a>(raw: &mut Raw<'a>, data: Json<'a>) {
    let Some(members) = data.object() else {
        if data.lexeme().starts_with('[') {
            data_elements(raw, data);
        } else if !data.is_null() {
            raw.push("Data", data.value());
        }
        return;
    };
    for (name, value) in members.into_members() {
        match &*name {
            "Data" => data_elements(raw, value),
            "#text" => data_elements(raw, value),
            "#attributes" | "@xmlns" | "xmlns" | "Data_attributes" => {}
            "@Name" => head(raw, "EventData_Name", value.value()),
            "Binary" if value.is_null() || value.lexeme() == "\"\"" => {}
            _ => match value.object().as_ref().and_then(text_of) {
                Some(text) => raw.push(name, text),
                None => raw.push(name, value.value()),
            },
        }
    }
}

/// Reads a `UserData` member: the one element that wraps the provider's own is dropped, the rest flattened.
pub fn user_data<'a>(raw: &mut Raw<'a>, data: Json<'a>) {
    let Some(members) = data.object() else {
        return;
    };
    for (name, value) in members.into_members() {
        if is_markup(&name) {
            continue;
        }
        match value.object() {
            Some(inner) => flatten(raw, "", inner, MAX_DEPTH),
            None => raw.push(name, value.value()),
        }
    }
}

fn flatten<'a>(raw: &mut Raw<'a>, prefix: &str, members: Object<'a>, depth: usize) {
    for (name, value) in members.into_members() {
        if is_markup(&name) {
            continue;
        }
        let bare = name.trim_start_matches('@');
        let path = if prefix.is_empty() {
            bare.to_owned()
        } else {
            format!("{prefix}_{bare}")
        };
        match value.object() {
            Some(inner) if depth > 0 => match text_of(&inner) {
                Some(text) if inner.len() <= 2 => raw.push(path, text),
                _ => flatten(raw, &path, inner, depth - 1),
            },
            _ => raw.push(path, value.value()),
        }
    }
}

fn is_markup(name: &str) -> bool {
    let bare = name.trim_start_matches('@');
    name == "#attributes" || name.ends_with("_attributes") || bare.starts_with("xmlns") || bare.starts_with("xml:")
}

/// `Data` elements: one or many, named or not.
fn data_elements<'a>(raw: &mut Raw<'a>, data: Json<'a>) {
    let elements = data.array().unwrap_or_else(|| vec![data]);
    let mut without_name = Vec::new();
    for element in elements {
        match element.object() {
            Some(members) => data_element(raw, &members, &mut without_name),
            None => without_name.push(element.value()),
        }
    }
    if without_name.len() == 1 && matches!(without_name.first(), Some(Value::Null)) {
        return; // an empty EventData
    }
    unnamed(raw, without_name);
}

fn data_element<'a>(raw: &mut Raw<'a>, members: &Object<'a>, without_name: &mut Vec<Value<'a>>) {
    let name = attributes(members)
        .into_iter()
        .find(|(key, _)| key == "Name")
        .and_then(|(_, value)| value.text());
    match (name, text_of(members)) {
        (Some(name), text) => raw.push(name, text.unwrap_or(Value::Str(Cow::Borrowed("")))),
        // {"#text": ["a", "b"]}: several elements folded into one
        (None, _) if members.get("#text").is_some_and(|t| t.lexeme().starts_with('[')) => {
            without_name.extend(
                members
                    .get("#text")
                    .and_then(Json::array)
                    .unwrap_or_default()
                    .into_iter()
                    .map(Json::value),
            );
        }
        (None, Some(text)) => without_name.push(text),
        (None, None) => {
            for (name, value) in members.iter().filter(|(n, _)| !is_markup(n) && **n != "#text") {
                raw.push(name.clone(), value.value());
            }
        }
    }
}

/// The attributes of an element, however the tool wrote them.
fn attributes<'a>(members: &Object<'a>) -> Vec<(Name<'a>, Json<'a>)> {
    let own = members.object("#attributes").or_else(|| members.object("attributes"));
    let from = own.as_ref().unwrap_or(members);
    from.iter()
        .filter(|(name, value)| !is_text(name) && (value.is_scalar() || value.is_null()))
        .map(|(name, value)| match name.strip_prefix('@') {
            Some(bare) => (bare.to_owned().into(), value),
            None => (name.clone(), value),
        })
        .collect()
}

fn text_of<'a>(members: &Object<'a>) -> Option<Value<'a>> {
    members
        .iter()
        .find(|(name, value)| is_text(name) && value.is_scalar())
        .map(|(_, value)| value.value())
}

fn is_text(name: &str) -> bool {
    matches!(name, "#text" | "text" | "Value" | "$" | "@text")
}

fn attribute<'a>(raw: &mut Raw<'a>, element: &str, name: &str, value: Json<'a>) {
    let value = value.value();
    match (element, name) {
        ("Provider", "Name") => head(raw, "Provider", value),
        ("Provider", "Guid" | "GUID") => {}
        ("TimeCreated", _) => head(raw, "SystemTime", value),
        ("Security", "UserID" | "UserId") => head(raw, "UserID", value),
        ("Execution", _) => head(raw, format!("Execution_{name}"), value),
        _ if name.starts_with("xmlns") => {}
        _ => head(raw, name.to_owned(), value),
    }
}

/// Reads Wazuh's `win` object: `system` and `eventdata`, whose names lost their capital.
pub fn wazuh<'a>(raw: &mut Raw<'a>, win: &Object<'a>) {
    for (name, value) in win.object("system").unwrap_or_default().into_members() {
        let value = value.value();
        match &*name {
            "providerName" => head(raw, "Provider", value),
            "eventID" => head(raw, "EventID", value),
            "eventRecordID" => head(raw, "EventRecordID", value),
            "channel" => head(raw, "Channel", value),
            "computer" => head(raw, "Computer", value),
            "systemTime" => head(raw, "SystemTime", value),
            "eventSourceName" => head(raw, "EventSourceName", value),
            "processID" => head(raw, "Execution_ProcessID", value),
            "threadID" => head(raw, "Execution_ThreadID", value),
            "userID" => head(raw, "UserID", value),
            "providerGuid" | "severityValue" | "message" => {}
            _ => head(raw, capital(&name), value),
        }
    }
    for (name, value) in win.object("eventdata").unwrap_or_default().into_members() {
        if name == "data" {
            data_elements(raw, value);
        } else {
            raw.push(capital(&name), value.value());
        }
    }
    if let Some(user_data) = win.get("userdata").or_else(|| win.get("userData")) {
        self::user_data(raw, user_data);
    }
}

fn capital(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(c) => c.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
