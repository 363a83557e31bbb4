//! Reading and validating the file.
//!
//! ```toml
//! [[allow]]
//! rmm_tool = "AnyDesk"
//! host = ["helpdesk-*"]
//! reason = "service desk"
//! owner = "it@example.org"
//! expires = "2027-01-01"
//! effect = "suppress"   # or "damp"
//! ```

use globset::GlobBuilder;
use regex::RegexBuilder;
use toml::de::{DeTable, DeValue};

use super::{Effect, Entry, Hours, Test};
use crate::base::ip::Cidr;
use crate::base::time;

/// The words an entry may use.
const KEYS: &[&str] = &[
    "hash",
    "signer",
    "image_path_glob",
    "parent_child",
    "cmdline_regex",
    "domain",
    "ip_cidr",
    "user",
    "host",
    "service_name",
    "task_name",
    "rmm_tool",
    "signal",
    "key",
    "time_window",
    "expires",
    "reason",
    "owner",
    "effect",
];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Compiled size of one expression.
const REGEX_BYTES: usize = 1 << 20;

/// A message without its place, and where in the text it belongs.
struct Wrong {
    at: usize,
    why: String,
}

/// All entries, or `file:line: reason`.
pub(super) fn entries(text: &str, name: &str) -> Result<Vec<Entry>, String> {
    let line = |at: usize| text.get(..at).unwrap_or(text).bytes().filter(|b| *b == b'\n').count() + 1;
    let say = |w: Wrong| format!("{name}:{}: {}", line(w.at), w.why);
    let table = DeTable::parse(text).map_err(|e| {
        let at = e.span().map_or(0, |s| s.start);
        say(Wrong {
            at,
            why: format!("not TOML: {}", e.message()),
        })
    })?;
    let mut out = Vec::new();
    for (key, value) in table.get_ref() {
        if key.get_ref() != "allow" {
            let why = format!(
                "'{}' is no part of an allowlist; write entries as [[allow]]",
                key.get_ref()
            );
            return Err(say(Wrong {
                at: key.span().start,
                why,
            }));
        }
        let DeValue::Array(items) = value.get_ref() else {
            let why = "write entries as [[allow]], with double brackets".to_owned();
            return Err(say(Wrong {
                at: value.span().start,
                why,
            }));
        };
        for item in items {
            let DeValue::Table(fields) = item.get_ref() else {
                let why = "an entry is a table of keys and values".to_owned();
                return Err(say(Wrong {
                    at: item.span().start,
                    why,
                }));
            };
            let at = fields
                .iter()
                .map(|(k, _)| k.span().start)
                .min()
                .unwrap_or(item.span().start);
            let mut entry = entry(fields, at).map_err(say)?;
            entry.place = format!("{name}:{}", line(at));
            out.push(entry);
        }
    }
    Ok(out)
}

fn entry(fields: &DeTable<'_>, at: usize) -> Result<Entry, Wrong> {
    let mut entry = Entry {
        place: String::new(),
        reason: String::new(),
        owner: String::new(),
        effect: Effect::Suppress,
        expires: None,
        tests: Vec::new(),
    };
    for (key, value) in fields {
        let values = texts(value.get_ref()).ok_or_else(|| Wrong {
            at: value.span().start,
            why: format!("'{}' takes a text or a list of texts", key.get_ref()),
        })?;
        let wrong = |why: String| Wrong {
            at: value.span().start,
            why,
        };
        let first = values.first().cloned().unwrap_or_default();
        match &**key.get_ref() {
            "reason" => entry.reason = first,
            "owner" => entry.owner = first,
            "effect" => entry.effect = effect(&first).map_err(wrong)?,
            "expires" => entry.expires = Some(expires(&first).map_err(wrong)?),
            word if KEYS.contains(&word) => entry.tests.push(test(word, &values).map_err(wrong)?),
            word => {
                let why = format!(
                    "'{word}' is no key of an entry; did you mean '{}'?",
                    nearest(word, KEYS)
                );
                return Err(Wrong {
                    at: key.span().start,
                    why,
                });
            }
        }
    }
    check(&entry).map_err(|why| Wrong { at, why })?;
    Ok(entry)
}

fn check(entry: &Entry) -> Result<(), String> {
    if entry.tests.is_empty() {
        return Err(format!(
            "an entry needs at least one key that matches something: {}",
            KEYS.get(..15).unwrap_or(KEYS).join(", ")
        ));
    }
    if entry.reason.trim().is_empty() {
        return Err("an entry needs a reason, so that the next person can judge it".to_owned());
    }
    if entry.is_broad() && entry.expires.is_none() {
        return Err(
            "this entry is broad (it names no file, command, task, service or tool) and needs expires = \"YYYY-MM-DD\""
                .to_owned(),
        );
    }
    let decisive = entry.tests.iter().find_map(|t| match t {
        Test::Signal(all) => all
            .iter()
            .find(|s| crate::signals::by_id(s).is_some_and(|s| s.meta().decisive)),
        _ => None,
    });
    match decisive.filter(|_| entry.names_only_who()) {
        Some(signal) => Err(format!(
            "{signal} is decisive: an entry for it must name what ran (hash, image_path_glob, cmdline_regex …), not only a host or user"
        )),
        None => Ok(()),
    }
}

fn test(key: &str, values: &[String]) -> Result<Test, String> {
    if values.iter().any(|v| v.trim().is_empty()) || values.is_empty() {
        return Err(format!("'{key}' is empty; remove it or give a value"));
    }
    let lower = || values.iter().map(|v| v.trim().to_lowercase()).collect::<Vec<_>>();
    Ok(match key {
        "hash" => Test::Hash(each(values, hash)?),
        "signer" => Test::Signer(each(values, glob)?),
        "image_path_glob" => Test::ImagePath(each(values, glob)?),
        "parent_child" => Test::ParentChild(each(values, edge)?),
        "cmdline_regex" => Test::Cmdline(each(values, expression)?),
        "domain" => Test::Domain(
            lower()
                .into_iter()
                .map(|d| d.trim_start_matches("*.").trim_end_matches('.').to_owned())
                .collect(),
        ),
        "ip_cidr" => Test::Address(each(values, |v| {
            Cidr::parse(v).ok_or_else(|| format!("'{v}' is no address or network; write 10.0.0.0/8 or 10.1.2.3"))
        })?),
        "user" => Test::User(each(values, |v| glob(v.rsplit('\\').next().unwrap_or(v)))?),
        "host" => Test::Host(each(values, glob)?),
        "service_name" => Test::Service(each(values, glob)?),
        "task_name" => Test::Task(each(values, |v| glob(v.trim_start_matches('\\')))?),
        "rmm_tool" => Test::Rmm(lower()),
        "signal" => Test::Signal(each(values, signal)?),
        "key" => Test::Key(values.iter().map(|v| v.to_lowercase()).collect()),
        _ => Test::Time(each(values, hours)?),
    })
}

fn each<T>(values: &[String], read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    values.iter().map(|v| read(v.trim())).collect()
}

fn hash(text: &str) -> Result<String, String> {
    let ok = matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    ok.then(|| text.to_lowercase())
        .ok_or_else(|| format!("'{text}' is no MD5, SHA-1 or SHA-256 in hexadecimal"))
}

fn glob(text: &str) -> Result<globset::GlobMatcher, String> {
    // Values are compared in lower case; a backslash is a separator of paths here, not an escape.
    let built = GlobBuilder::new(&text.to_lowercase())
        .backslash_escape(false)
        .literal_separator(false)
        .build();
    built
        .map(|g| g.compile_matcher())
        .map_err(|e| format!("'{text}' is no pattern: {e}; * stands for anything"))
}

fn edge(text: &str) -> Result<globset::GlobMatcher, String> {
    match text.split_once('>') {
        Some((parent, child)) if !parent.trim().is_empty() && !child.trim().is_empty() => {
            glob(&format!("{}>{}", parent.trim(), child.trim()))
        }
        _ => Err(format!(
            "'{text}' is no pair of programs; write \"parent.exe>child.exe\""
        )),
    }
}

fn expression(text: &str) -> Result<regex::Regex, String> {
    let built = RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(REGEX_BYTES)
        .build();
    built.map_err(|e| {
        format!(
            "'{text}' is no regular expression: {}",
            e.to_string().lines().last().unwrap_or_default()
        )
    })
}

fn signal(text: &str) -> Result<String, String> {
    let ids: Vec<&str> = crate::signals::SIGNALS.iter().map(|s| s.meta().id).collect();
    let known = ids.iter().any(|id| id.eq_ignore_ascii_case(text)) || text.contains(':');
    match known {
        true => Ok(text.to_ascii_uppercase()),
        false => Err(format!(
            "'{text}' is no signal; did you mean '{}'?",
            nearest(&text.to_ascii_uppercase(), &ids)
        )),
    }
}

fn effect(text: &str) -> Result<Effect, String> {
    match text {
        "suppress" => Ok(Effect::Suppress),
        "damp" => Ok(Effect::Damp),
        other => Err(format!(
            "'{other}' is no effect; did you mean '{}'?",
            nearest(other, &["suppress", "damp"])
        )),
    }
}

fn expires(text: &str) -> Result<time::Ts, String> {
    let read = |t: &str| time::rfc3339(t.as_bytes()).map(|(ts, _)| ts);
    read(text)
        .or_else(|| read(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| format!("'{text}' is no date; write YYYY-MM-DD"))
}

/// `08:00-18:00`, `mon-fri 08:00-18:00`, `sat 00:00-24:00`; UTC.
fn hours(text: &str) -> Result<Hours, String> {
    let wrong = || format!("'{text}' is no time window; write \"08:00-18:00\" or \"mon-fri 08:00-18:00\" (UTC)");
    let lower = text.to_lowercase();
    let (days, span) = match lower.split_once(' ') {
        Some((days, span)) => (day_bits(days).ok_or_else(wrong)?, span.trim()),
        None => (0x7f, lower.as_str()),
    };
    let (from, until) = span.split_once('-').ok_or_else(wrong)?;
    Ok(Hours {
        days,
        from: minute(from).ok_or_else(wrong)?,
        until: minute(until).ok_or_else(wrong)?,
    })
}

fn day_bits(text: &str) -> Option<u8> {
    let day = |t: &str| DAYS.iter().position(|d| *d == t);
    let (first, last) = match text.split_once('-') {
        Some((a, b)) => (day(a)?, day(b)?),
        None => (day(text)?, day(text)?),
    };
    let length = (last + 7 - first) % 7;
    Some((0..=length).fold(0, |bits, i| bits | 1 << ((first + i) % 7)))
}

fn minute(text: &str) -> Option<u32> {
    let (h, m) = text.trim().split_once(':')?;
    let (h, m): (u32, u32) = (h.parse().ok()?, m.parse().ok()?);
    (h <= 24 && m < 60 && h * 60 + m <= 24 * 60).then_some(h * 60 + m)
}

fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::String(s) => Some(vec![s.to_string()]),
        DeValue::Datetime(d) => Some(vec![d.to_string()]),
        DeValue::Array(items) => items
            .iter()
            .map(|i| match i.get_ref() {
                DeValue::String(s) => Some(s.to_string()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The word with the fewest edits from `text`.
fn nearest<'a>(text: &str, words: &[&'a str]) -> &'a str {
    words.iter().copied().min_by_key(|w| (edits(text, w), *w)).unwrap_or("")
}

/// Edit distance of two short words.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |r: &[usize], k: usize| r.get(k).copied().unwrap_or(usize::MAX / 2);
            let best = (get(&row, j) + usize::from(x != *y))
                .min(get(&row, j + 1) + 1)
                .min(get(&next, j) + 1);
            next.push(best);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
