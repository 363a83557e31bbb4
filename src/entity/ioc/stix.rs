//! STIX 2.0 and 2.1 bundles: the comparisons in indicators' patterns, and observed objects.
//!
//! Every compared value is an indicator of its own: where a pattern joins several by AND, each is searched for alone,
//! which finds more and never less.

use serde_json::Value;

use super::list::Found;
use super::{Indicator, Kind, guess, parse_as};
use crate::base::error::{Error, Result};

/// Reads a bundle, an array of objects, or one object.
pub(super) fn read(text: &str, place: &str) -> Result<Found> {
    let json: Value = serde_json::from_str(text).map_err(|e| {
        Error::Usage(format!(
            "{place}: begins like JSON but is none ({e}); give a STIX bundle, a CSV or a value a line"
        ))
    })?;
    let one = [json];
    let objects = match one.first() {
        Some(Value::Array(all)) => all.as_slice(),
        Some(bundle) => match bundle.get("objects") {
            Some(Value::Array(all)) => all.as_slice(),
            _ => one.as_slice(),
        },
        None => &[],
    };
    let mut out = Found::default();
    for o in objects {
        object(o, place, &mut out);
    }
    if out.indicators.is_empty() && out.warnings.is_empty() {
        return Err(Error::Usage(format!(
            "{place}: no indicator with a STIX pattern and no observed object in this JSON"
        )));
    }
    Ok(out)
}

fn object(o: &Value, place: &str, out: &mut Found) {
    let text = |name: &str| o.get(name).and_then(Value::as_str).unwrap_or("");
    let id = text("id");
    let source = if id.is_empty() { place.to_owned() } else { id.to_owned() };
    if o.get("revoked").and_then(Value::as_bool) == Some(true) {
        out.warn(format!("{place}: {id}: revoked by its author, not used"));
        return;
    }
    let note = text("name").to_owned();
    let add = |pairs: Vec<(String, String)>, out: &mut Found| {
        for (path, value) in pairs {
            match from_path(&path, &value) {
                Ok(Some(found)) => out.indicators.extend(found.into_iter().map(|(kind, value)| Indicator {
                    kind,
                    value,
                    note: note.clone(),
                    source: source.clone(),
                })),
                Ok(None) => out.warn(format!("{place}: {id}: '{path}' is nothing that logs are searched for")),
                Err(why) => out.warn(format!("{place}: {id}: {why}")),
            }
        }
    };
    match text("type") {
        "indicator" => {
            let language = o.get("pattern_type").and_then(Value::as_str).unwrap_or("stix");
            if language != "stix" {
                out.warn(format!(
                    "{place}: {id}: a pattern in {language}, which is not read here{}",
                    if language == "sigma" {
                        "; give it to hunt --sigma"
                    } else {
                        ""
                    }
                ));
                return;
            }
            let (pairs, refused) = comparisons(text("pattern"));
            for r in refused {
                out.warn(format!("{place}: {id}: {r}"));
            }
            add(pairs, out);
        }
        kind => add(observed(kind, o), out),
    }
}

/// What a path of a pattern is for us; `None` where no log holds it.
fn from_path(path: &str, value: &str) -> std::result::Result<Option<Vec<(Kind, String)>>, String> {
    let path = path.to_ascii_lowercase();
    let (object, property) = path.split_once(':').unwrap_or((path.as_str(), ""));
    let kind = match (object, property) {
        (_, p) if p.contains("hashes") => Kind::Sha256,
        ("file", "name") | ("file" | "directory", "path") | ("file", "parent_directory_ref.path") => Kind::File,
        ("process", "command_line" | "name") => return Ok(guess(value).ok()),
        ("process", p) if p.ends_with("image_ref.name") || p.ends_with("binary_ref.name") => Kind::File,
        ("domain-name", _) => Kind::Domain,
        ("ipv4-addr" | "ipv6-addr", _) => Kind::Address,
        ("network-traffic", p) if p.ends_with("_ref.value") => return guess(value).map(Some),
        ("url", _) => Kind::Url,
        ("email-addr", _) | ("email-message", "from_ref.value" | "sender_ref.value") => Kind::Mail,
        ("user-account", "user_id" | "account_login" | "display_name") => Kind::Account,
        ("windows-registry-key", "key") => Kind::Registry,
        _ => return Ok(None),
    };
    parse_as(kind, value).map(|v| Some(vec![v]))
}

/// Observed objects beside indicators.
fn observed(kind: &str, o: &Value) -> Vec<(String, String)> {
    let wanted: &[&str] = match kind {
        "domain-name" | "ipv4-addr" | "ipv6-addr" | "url" | "email-addr" => &["value"],
        "file" => &["name"],
        "user-account" => &["account_login", "user_id"],
        "windows-registry-key" => &["key"],
        _ => &[],
    };
    let mut out: Vec<(String, String)> = Vec::new();
    for name in wanted {
        if let Some(v) = o.get(name).and_then(Value::as_str) {
            out.push((format!("{kind}:{name}"), v.to_owned()));
            break;
        }
    }
    if let (Some(hashes), "file") = (o.get("hashes").and_then(Value::as_object), kind) {
        for (name, v) in hashes {
            if let (Some(v), true) = (v.as_str(), is_known_hash(name)) {
                out.push((format!("file:hashes.{name}"), v.to_owned()));
            }
        }
    }
    out
}

fn is_known_hash(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    matches!(
        plain.to_ascii_lowercase().as_str(),
        "md5" | "sha1" | "sha256" | "imphash"
    )
}

/// The comparisons of a pattern as path and value, and what of it cannot be used.
fn comparisons(pattern: &str) -> (Vec<(String, String)>, Vec<String>) {
    let tokens = tokens(pattern);
    let (mut out, mut refused) = (Vec::new(), Vec::new());
    let mut path: Option<String> = None;
    let mut operator = String::new();
    let mut negated = false;
    for t in tokens {
        match t {
            Token::Word(w) => match w.to_ascii_uppercase().as_str() {
                "NOT" => negated = true,
                "=" | "IN" | "LIKE" | "MATCHES" | "ISSUBSET" | "ISSUPERSET" | "!=" | ">" | "<" | ">=" | "<=" => {
                    operator = w.to_ascii_uppercase();
                }
                "AND" | "OR" | "FOLLOWEDBY" => (path, negated) = (None, false),
                _ if w.contains(':') => path = Some(w),
                _ => {}
            },
            Token::Text(value) => {
                let Some(p) = &path else { continue };
                if is_foreign_hash(p) {
                    refused.push(format!("'{p}': logs hold MD5, SHA-1 and SHA-256 only"));
                    continue;
                }
                match (operator.as_str(), negated) {
                    ("=" | "IN" | "ISSUBSET", false) => out.push((p.clone(), value)),
                    ("LIKE", false) => out.push((p.clone(), value.replace('%', "*").replace('_', "?"))),
                    (_, true) | ("!=", _) => refused.push(format!("'{p}' is excluded, not searched for")),
                    _ => refused.push(format!(
                        "'{p} {operator}': only =, IN, LIKE and ISSUBSET are searched for"
                    )),
                }
            }
        }
    }
    (out, refused)
}

fn is_foreign_hash(path: &str) -> bool {
    let name = path.split_once("hashes.").map(|(_, n)| n.trim_matches('\''));
    name.is_some_and(|n| !is_known_hash(n))
}

enum Token {
    Word(String),
    Text(String),
}

/// Words and quoted texts; brackets and commas part them. A quoted part of a path (`hashes.'SHA-256'`) belongs to its word.
fn tokens(pattern: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut chars = pattern.chars().peekable();
    let flush = |word: &mut String, out: &mut Vec<Token>| {
        if !word.is_empty() {
            out.push(Token::Word(std::mem::take(word)));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                let mut text = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '\'' => break,
                        '\\' => text.extend(chars.next()),
                        c => text.push(c),
                    }
                }
                match word.ends_with(['.', '[']) && word.contains(':') {
                    true => word.push_str(&text),
                    false => {
                        flush(&mut word, &mut out);
                        out.push(Token::Text(text));
                    }
                }
            }
            '=' | '!' | '<' | '>' => {
                flush(&mut word, &mut out);
                let mut operator = c.to_string();
                if chars.peek() == Some(&'=') && c != '=' {
                    operator.extend(chars.next());
                }
                out.push(Token::Word(operator));
            }
            '[' if word.contains(':') => word.push('.'),
            ']' if word.contains(':') => {}
            '[' | ']' | '(' | ')' | ',' => flush(&mut word, &mut out),
            c if c.is_whitespace() => flush(&mut word, &mut out),
            c => word.push(c),
        }
    }
    flush(&mut word, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pattern: &str) -> Vec<(Kind, String)> {
        let bundle = serde_json::json!({"type": "bundle", "objects": [
            {"type": "indicator", "id": "indicator--1", "name": "n", "pattern_type": "stix", "pattern": pattern}
        ]});
        let found = read(&bundle.to_string(), "b").unwrap();
        found.indicators.into_iter().map(|i| (i.kind, i.value)).collect()
    }

    #[test]
    fn comparisons_of_patterns_become_indicators() {
        let hash = "aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f";
        assert_eq!(
            values(&format!(
                "[file:hashes.'SHA-256' = '{hash}' AND file:name = 'Evil.exe'] OR [domain-name:value = 'evil.com']"
            )),
            [
                (Kind::Sha256, hash.to_owned()),
                (Kind::File, "evil.exe".to_owned()),
                (Kind::Domain, "evil.com".to_owned())
            ]
        );
        assert_eq!(
            values(
                "[ipv4-addr:value IN ('203.0.113.7', '203.0.113.8')] FOLLOWEDBY [ipv4-addr:value ISSUBSET '198.51.100.0/24']"
            ),
            [
                (Kind::Address, "203.0.113.7".to_owned()),
                (Kind::Address, "203.0.113.8".to_owned()),
                (Kind::Network, "198.51.100.0/24".to_owned())
            ]
        );
        assert_eq!(
            values(r"[windows-registry-key:key = 'HKEY_CURRENT_USER\\Software\\Evil']"),
            [(Kind::Registry, r"hkcu\software\evil".to_owned())]
        );
        assert_eq!(
            values("[url:value LIKE 'http://evil.com/%'] "),
            [(Kind::Domain, "evil.com".to_owned())]
        );
    }

    #[test]
    fn what_is_not_searched_for_is_named() {
        let text = r#"[{"type":"indicator","id":"i1","pattern_type":"yara","pattern":"rule x {}"},
            {"type":"indicator","id":"i2","pattern":"[domain-name:value != 'good.com']"},
            {"type":"indicator","id":"i3","revoked":true,"pattern":"[domain-name:value = 'old.com']"},
            {"type":"file","id":"f1","name":"a.exe","hashes":{"MD5":"44d88612fea8a8f36de82e1278abb02f","SSDEEP":"3:x"}}]"#;
        let found = read(text, "b").unwrap();
        assert_eq!(found.indicators.len(), 2, "{found:?}");
        let all = found.warnings.join("\n");
        assert!(
            all.contains("yara") && all.contains("excluded") && all.contains("revoked"),
            "{all}"
        );
    }

    #[test]
    fn broken_patterns_end() {
        for p in ["[", "'", "[file:name = '", "[file:hashes.'MD5", "\\'", "[[[[:::]]]]"] {
            let _ = comparisons(p);
        }
        assert!(read("{\"a\":1}", "b").is_err() && read("{", "b").is_err());
    }
}
