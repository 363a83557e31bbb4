//! `timesketch.jsonl`: signals and the rows behind them as one timeline. Every line has what Timesketch asks for:
//! `message`, `datetime` (RFC 3339 UTC) and `timestamp_desc`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Output, Results};
use crate::base::text::truncate_chars;
use crate::base::time::{Ts, rfc3339};
use crate::score::finding::{Evidence, SignalHit};

/// Characters of one value: an index refuses terms of more than 32,766 bytes, and a character has up to four.
const MAX_VALUE: usize = 8_000;

/// The output.
pub struct TimesketchJsonl;

impl Output for TimesketchJsonl {
    fn id(&self) -> &'static str {
        "timesketch-jsonl"
    }

    fn file_name(&self) -> &'static str {
        "timesketch.jsonl"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        let mut lines: Vec<(Ts, Map<String, Value>)> = results.signals.iter().filter_map(signal).collect();
        lines.extend(rows(&results.signals));
        lines.sort_by_key(|(ts, _)| *ts);
        for (_, line) in lines {
            serde_json::to_writer(&mut *w, &line)?;
            w.write_all(b"\n")?;
        }
        Ok(())
    }
}

fn signal(s: &SignalHit) -> Option<(Ts, Map<String, Value>)> {
    let mut line = Map::new();
    let ts = head(
        &mut line,
        &s.time,
        &format!("{}: {}", s.title, s.explain),
        "Signal",
        "coldtrail:signal",
    )?;
    let mut put = |k: &str, v: Value| {
        line.insert(k.to_owned(), v);
    };
    put("host", json!(s.host));
    put("signal", json!(s.signal));
    put("level", json!(s.level));
    put("techniques", json!(s.techniques));
    put("points", json!(s.points));
    put("last", json!(s.last));
    put("users", json!(s.users));
    put("finding_id", json!(s.finding_id));
    put("suppressed_by", json!(s.suppressed_by));
    put("tag", json!([s.signal, s.level]));
    Some((ts, line))
}

/// Each row once, tagged with all signals that name it.
fn rows(signals: &[SignalHit]) -> Vec<(Ts, Map<String, Value>)> {
    type Key<'a> = (&'a str, &'a str, u64, Option<u64>);
    let mut found: BTreeMap<Key<'_>, (&Evidence, &SignalHit, BTreeSet<&str>)> = BTreeMap::new();
    for s in signals {
        for e in &s.evidence {
            let key = (e.table.as_str(), e.source_file.as_str(), e.offset, e.record);
            found.entry(key).or_insert((e, s, BTreeSet::new())).2.insert(&s.signal);
        }
    }
    found
        .into_values()
        .filter_map(|(e, s, tags)| row(e, s, &tags))
        .collect()
}

fn row(e: &Evidence, s: &SignalHit, tags: &BTreeSet<&str>) -> Option<(Ts, Map<String, Value>)> {
    let mut line = Map::new();
    // A row without a time of its own stands at its signal's.
    let time = if rfc3339(e.time.as_bytes()).is_some() {
        &e.time
    } else {
        &s.time
    };
    let action = e.fields.get("action").and_then(Value::as_str).unwrap_or("event");
    let what = [
        "cmdline",
        "url_host",
        "qname",
        "path",
        "text",
        "command",
        "target_user",
        "dst_ip",
        "name",
        "image",
    ]
    .iter()
    .find_map(|k| e.fields.get(*k).and_then(Value::as_str))
    .unwrap_or_default();
    let message = format!("{} {action} {what}", e.table);
    let ts = head(
        &mut line,
        time,
        message.trim_end(),
        &format!("{} {action}", e.table),
        &format!("coldtrail:{}", e.table),
    )?;
    line.insert("host".to_owned(), json!(s.host));
    line.insert("source_file".to_owned(), json!(e.source_file));
    line.insert("offset".to_owned(), json!(e.offset));
    line.insert("record".to_owned(), json!(e.record));
    line.insert("tag".to_owned(), json!(tags));
    for (k, v) in &e.fields {
        // An index has one type per field over all tables: a list or a text, never both by turns.
        let k = if line.contains_key(k) {
            format!("log_{k}")
        } else {
            k.clone()
        };
        let v = match v {
            Value::Null => Value::Null,
            other => json!(truncate_chars(&plain(other), MAX_VALUE)),
        };
        line.insert(k, v);
    }
    Some((ts, line))
}

fn head(line: &mut Map<String, Value>, time: &str, message: &str, desc: &str, data_type: &str) -> Option<Ts> {
    let (ts, _) = rfc3339(time.as_bytes())?;
    line.insert("message".to_owned(), json!(truncate_chars(message, MAX_VALUE)));
    line.insert("datetime".to_owned(), json!(time));
    line.insert("timestamp".to_owned(), json!(ts));
    line.insert("timestamp_desc".to_owned(), json!(desc));
    line.insert("data_type".to_owned(), json!(data_type));
    Some(ts)
}

fn plain(v: &Value) -> String {
    match v {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{hostile, written};

    #[test]
    fn every_line_has_what_timesketch_asks_for_and_time_goes_up() {
        let text = written(&TimesketchJsonl, &hostile());
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let mut before = i64::MIN;
        for l in &lines {
            assert!(!l["message"].as_str().unwrap().is_empty());
            assert!(!l["timestamp_desc"].as_str().unwrap().is_empty());
            let (ts, _) = rfc3339(l["datetime"].as_str().unwrap().as_bytes()).unwrap();
            assert_eq!(l["timestamp"], ts);
            assert!(before <= ts);
            before = ts;
        }
        // Two hits, and the one row that both name once.
        assert_eq!(lines.len(), 3);
        let row = lines.iter().find(|l| l["data_type"] == "coldtrail:process").unwrap();
        assert_eq!(row["tag"], json!(["NET-01", "SCRIPT-01"]));
        assert_eq!(row["pid"], "77");
        assert_eq!(row["log_message"], "a field named as one of ours");
    }

    /// An index of OpenSearch takes 1,000 fields; Timesketch adds some of its own.
    const FIELDS: usize = 900;

    #[test]
    fn fields_stay_under_the_limit_of_an_index_and_keep_one_type() {
        let ours = 20;
        let columns: BTreeSet<&str> = crate::schema::TABLES
            .iter()
            .flat_map(|t| t.all_columns().map(|(_, c)| c.name))
            .collect();
        assert!(2 * columns.len() + ours < FIELDS, "{} columns", columns.len());
        let mut types: BTreeMap<String, &str> = BTreeMap::new();
        for l in written(&TimesketchJsonl, &hostile()).lines() {
            let line: Map<String, Value> = serde_json::from_str(l).unwrap();
            for (name, value) in line {
                let is = match value {
                    Value::String(s) => {
                        assert!(s.len() <= 32_766, "{name}");
                        "text"
                    }
                    Value::Array(_) => "list",
                    Value::Number(_) => "number",
                    _ => continue,
                };
                assert_eq!(*types.entry(name.clone()).or_insert(is), is, "{name}");
            }
        }
    }

    #[test]
    fn a_value_longer_than_an_index_takes_is_cut() {
        let mut results = hostile();
        results.signals[0].explain = "\u{6f22}".repeat(20_000);
        let text = written(&TimesketchJsonl, &results);
        for l in text.lines() {
            let line: Value = serde_json::from_str(l).unwrap();
            assert!(line["message"].as_str().unwrap().len() <= 32_766);
        }
    }
}
