//! A Windows event as XML: `wevtutil`, `ToXml()`, Splunk, Azure diagnostics, and the rendering of EVTX records.
//!
//! The scanner is lenient on purpose. Records come cut off (Splunk truncates at 10,000 bytes), with the tree-view dashes
//! of a browser, without a root element; what stands in complete elements counts. Nothing is recursive.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

use super::{Reason, finish, head, unnamed};
use crate::ingest::raw::{Raw, Value};

/// Elements nested deeper than this are read as if they stood at this depth.
const MAX_DEPTH: usize = 32;

/// Reads one `<Event>…</Event>`; a record that was cut off gives what it still holds.
pub fn parse(xml: &str, offset: u64) -> Result<Raw<'_>, Reason> {
    let mut reader = Reader::new(Raw::windows(offset), Vec::new());
    reader.run(xml);
    if !reader.in_event {
        return Err("no <Event> element");
    }
    reader.end()
}

/// Adds what a lone `<EventData>` or `<UserData>` element holds (the `EventData` column of Azure Monitor).
pub fn parse_data<'a>(xml: &'a str, raw: Raw<'a>) -> Raw<'a> {
    let mut reader = Reader::new(raw, vec!["Event"]);
    reader.run(xml);
    unnamed(&mut reader.raw, reader.unnamed);
    reader.raw
}

struct Reader<'a> {
    raw: Raw<'a>,
    path: Vec<&'a str>,
    in_event: bool,
    /// The open element, as long as no other element has begun inside it.
    leaf: Option<Leaf<'a>>,
    unnamed: Vec<Value<'a>>,
    message: Option<Cow<'a, str>>,
}

struct Leaf<'a> {
    attributes: &'a str,
    text: Cow<'a, str>,
}

impl<'a> Reader<'a> {
    fn new(raw: Raw<'a>, path: Vec<&'a str>) -> Self {
        Self {
            raw,
            in_event: !path.is_empty(),
            path,
            leaf: None,
            unnamed: Vec::new(),
            message: None,
        }
    }

    fn end(mut self) -> Result<Raw<'a>, Reason> {
        unnamed(&mut self.raw, std::mem::take(&mut self.unnamed));
        finish(self.raw, self.message)
    }

    fn run(&mut self, xml: &'a str) {
        let mut tokens = Tokens { rest: xml };
        while let Some(token) = tokens.next() {
            match token {
                Token::Open(name, attributes) => self.open(name, attributes),
                Token::Empty(name, attributes) => {
                    self.open(name, attributes);
                    self.close(name);
                }
                Token::Close(name) => {
                    self.close(name);
                    if name == "Event" {
                        return;
                    }
                }
                Token::Text(text) => self.text(unescape(text)),
                Token::CData(text) => self.text(Cow::Borrowed(text)),
            }
        }
    }

    fn open(&mut self, name: &'a str, attributes: &'a str) {
        if name == "DataItem" {
            return; // Operations Manager's wrapper around EventData
        }
        if self.path.is_empty() && name != "Event" {
            return; // <Events> or any other root
        }
        if let Some(parent) = self.leaf.take() {
            self.parent_attributes(parent.attributes);
        }
        self.in_event = true;
        if self.path.len() < MAX_DEPTH {
            self.path.push(name);
        }
        self.leaf = Some(Leaf {
            attributes,
            text: Cow::Borrowed(""),
        });
    }

    fn text(&mut self, text: Cow<'a, str>) {
        if let Some(leaf) = &mut self.leaf {
            if leaf.text.is_empty() {
                leaf.text = text;
            } else {
                leaf.text.to_mut().push_str(&text);
            }
        }
    }

    fn close(&mut self, name: &'a str) {
        if !self.path.contains(&name) {
            return; // the end of a wrapper
        }
        if let Some(leaf) = self.leaf.take() {
            self.element(name, leaf);
        }
        // An element that was never closed ends with the one around it.
        while let Some(open) = self.path.pop() {
            if open == name {
                break;
            }
        }
    }

    fn element(&mut self, name: &'a str, leaf: Leaf<'a>) {
        match self.path.get(1).copied() {
            Some("System") => self.system(name, leaf),
            Some("RenderingInfo") if name == "Message" => {
                self.message = Some(leaf.text);
            }
            Some("BinaryEventData") => self.raw.push("Binary", Value::Str(leaf.text)),
            Some(_) if self.path.len() > 2 => self.data(name, leaf),
            _ => {}
        }
    }

    fn system(&mut self, name: &'a str, leaf: Leaf<'a>) {
        for (key, value) in attributes(leaf.attributes) {
            let value = Value::Str(value);
            match (name, key) {
                ("Provider", "Name") => head(&mut self.raw, "Provider", value),
                ("Provider", "Guid") => {}
                ("Security", "UserID" | "UserId") => head(&mut self.raw, "UserID", value),
                ("Execution", _) => head(&mut self.raw, format!("Execution_{key}"), value),
                (_, "xmlns") => {}
                _ => head(&mut self.raw, key, value),
            }
        }
        if !leaf.text.trim().is_empty() {
            head(&mut self.raw, name, Value::Str(leaf.text));
        }
    }

    /// A leaf of `EventData`, `UserData` or one of the rarer sections.
    fn data(&mut self, name: &'a str, leaf: Leaf<'a>) {
        let mut field = None;
        for (key, value) in attributes(leaf.attributes) {
            match key {
                "Name" if matches!(name, "Data" | "ComplexData") => field = Some(value),
                _ if is_namespace(key) || (name == "Data" && key == "Type") => {}
                _ => {
                    let name = format!("{}_{key}", self.joined());
                    self.raw.push(name, Value::Str(value));
                }
            }
        }
        let value = Value::Str(leaf.text);
        match field {
            Some(field) => self.raw.push(field, value),
            None if name == "Data" => self.unnamed.push(value),
            None if name == "Binary" && value.text() == Some("") => {}
            None => {
                let name = self.joined();
                self.raw.push(name, value);
            }
        }
    }

    /// Attributes of an element that has children: the name of `EventData`, and whatever providers put into `UserData`.
    fn parent_attributes(&mut self, text: &'a str) {
        let data = matches!(self.path.get(1), Some(&("EventData" | "UserData")));
        if !data || text.is_empty() {
            return;
        }
        for (key, value) in attributes(text) {
            if is_namespace(key) {
                continue;
            }
            match self.path.as_slice() {
                [_, section] if key == "Name" => {
                    let name = format!("{section}_Name");
                    head(&mut self.raw, name, Value::Str(value));
                }
                [_, _] | [_, _, _] => self.raw.push(key, Value::Str(value)),
                _ => {
                    let name = format!("{}_{key}", self.joined());
                    self.raw.push(name, Value::Str(value));
                }
            }
        }
    }

    /// The path of the element below the section (and below the one element that `UserData` wraps around its own).
    fn joined(&self) -> Cow<'a, str> {
        let skip = match self.path.get(1) {
            Some(&"UserData") if self.path.len() > 3 => 3,
            _ => 2,
        };
        match self.path.get(skip..) {
            Some([one]) => Cow::Borrowed(one),
            Some(several) => Cow::Owned(several.join("_")),
            None => Cow::Borrowed("Data"),
        }
    }
}

fn is_namespace(key: &str) -> bool {
    key.starts_with("xmlns") || key.contains(':')
}

enum Token<'a> {
    Open(&'a str, &'a str),
    Empty(&'a str, &'a str),
    Close(&'a str),
    Text(&'a str),
    CData(&'a str),
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if !self.rest.starts_with('<') {
                // Text that no tag ends was cut off: its element is not complete.
                let (text, rest) = self.rest.split_at_checked(memchr(b'<', self.rest.as_bytes())?)?;
                self.rest = rest;
                return Some(Token::Text(text));
            }
            if let Some(body) = self.rest.strip_prefix("<![CDATA[") {
                let (text, rest) = body.split_once("]]>")?;
                self.rest = rest;
                return Some(Token::CData(text));
            }
            if let Some(body) = self.rest.strip_prefix("<!--") {
                self.rest = body.split_once("-->")?.1;
                continue;
            }
            if self.rest.starts_with("<?") || self.rest.starts_with("<!") {
                self.rest = self.rest.split_once('>')?.1;
                continue;
            }
            return self.tag();
        }
    }

    fn tag(&mut self) -> Option<Token<'a>> {
        let body = self.rest.strip_prefix('<')?;
        let (tag, rest) = body.split_at_checked(tag_end(body)?)?;
        self.rest = rest.strip_prefix('>')?;
        if let Some(name) = tag.strip_prefix('/') {
            return Some(Token::Close(local(name.trim())));
        }
        let (tag, empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, attributes) = tag.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((tag, ""));
        let name = local(name);
        Some(if empty {
            Token::Empty(name, attributes)
        } else {
            Token::Open(name, attributes)
        })
    }
}

/// The position of the `>` that ends a tag, quoted values skipped.
fn tag_end(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut at = 0;
    loop {
        at += memchr3(b'>', b'"', b'\'', bytes.get(at..)?)?;
        match bytes.get(at)? {
            b'>' => return Some(at),
            quote => at += 2 + memchr(*quote, bytes.get(at + 1..)?)?,
        }
    }
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn attributes(text: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, behind) = after.strip_prefix(quote)?.split_once(quote)?;
        rest = behind;
        Some((name.trim(), unescape(value)))
    })
}

/// Resolves the five named entities and character references; anything else stays as it is written.
fn unescape(text: &str) -> Cow<'_, str> {
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match entity(after) {
            Some((c, behind)) => {
                out.push(c);
                rest = behind;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character of the reference in front of `text`, and what stands behind it.
fn entity(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(12).position(|b| b == b';')?;
    let (name, behind) = text.split_at_checked(end)?;
    let c = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c, behind.strip_prefix(';')?))
}

#[cfg(test)]
mod tests;
