//! `coldtrail timeline`: everything that happened on a host, in order.

use std::fmt::Write;

use serde_json::json;

use super::args::{TimelineArgs, TimelineShape};
use super::exit::Exit;
use super::hunt::{EMBEDDED_LAKE, now};
use super::print;
use super::table::{self, terminal_width};
use crate::base::error::{Error, Result};
use crate::base::text::for_terminal;
use crate::base::time::{format_rfc3339, rfc3339};
use crate::jobs::past;
use crate::jobs::timeline::{self, Event, Timeline, TimelineOptions};
use crate::lake::Lake;
use crate::lake::scan::TimeRange;
use crate::report::timeline_page::{TimelineRow, timeline_page};
use crate::score::finding::Evidence;

/// Runs the command.
pub fn run(args: &TimelineArgs) -> Result<Exit> {
    let mut options = TimelineOptions {
        host: args.host.clone().unwrap_or_default(),
        range: args.range.range(now())?,
        sources: args.sources.clone(),
        user: args.user.clone(),
        grep: args.grep.clone(),
        all_records: args.all_records,
    };
    if let Some(text) = &args.around {
        let (at, _) = rfc3339(text.as_bytes())
            .ok_or_else(|| Error::Usage(format!("--around {text}: write a time like 2025-09-20T10:12:00Z")))?;
        options.range = TimeRange {
            from: Some(at.saturating_sub(args.window)),
            to: Some(at.saturating_add(args.window)),
        };
    }
    if let Some(asked) = &args.finding {
        let f = past::finding(&args.out, asked)?;
        options.host.clone_from(&f.host);
        if options.range.from.is_none() && options.range.to.is_none() && args.around.is_none() {
            options.range = f.range(args.window);
        }
        eprintln!("finding {} ({}): {}", f.rank, f.finding_id, for_terminal(&f.title));
    }
    let root = args.lake.clone().unwrap_or_else(|| args.out.join(EMBEDDED_LAKE));
    let found = Lake::read(&root, |lake| timeline::timeline(lake, &options))?;
    let shown = match args.limit {
        0 => found.events.as_slice(),
        n => found.events.get(..n).unwrap_or(&found.events),
    };
    let text = match args.format {
        TimelineShape::Table => in_words(shown),
        TimelineShape::Csv => csv(&found.host, shown)?,
        TimelineShape::Jsonl => jsonl(&found.host, shown),
        TimelineShape::Html => html(&found, shown)?,
    };
    print(&text);
    say(&found, shown.len());
    Ok(Exit::Done)
}

fn say(found: &Timeline, shown: usize) {
    for w in &found.warnings {
        eprintln!("warning: {}", for_terminal(w));
    }
    let sources: Vec<String> = found.sources.iter().map(|(s, n)| format!("{n} {s}")).collect();
    eprintln!(
        "{}: {} events from {}",
        for_terminal(&found.host),
        found.events.len(),
        if sources.is_empty() {
            "no log".to_owned()
        } else {
            for_terminal(&sources.join(", ")).into_owned()
        }
    );
    if shown < found.events.len() {
        eprintln!(
            "{} more events; narrow the range, or say --limit 0",
            found.events.len() - shown
        );
    }
}

fn in_words(events: &[Event]) -> String {
    let rows: Vec<Vec<String>> = events
        .iter()
        .map(|e| {
            vec![
                millisecond(e.ts),
                e.sources.join("+"),
                e.table.to_owned(),
                e.user.clone(),
                e.what.clone(),
            ]
        })
        .collect();
    table::table(
        &["TIME (UTC)", "LOGS", "TABLE", "USER", "WHAT"],
        &rows,
        terminal_width(),
        &[1, 3, 4],
    )
}

/// Date and time to the millisecond, always as wide.
fn millisecond(ts: i64) -> String {
    let text = format_rfc3339(ts).replacen('T', " ", 1);
    let (second, fraction) = text
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((text.trim_end_matches('Z'), ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    format!("{second}.{digits}")
}

fn html(found: &Timeline, events: &[Event]) -> Result<String> {
    let rows: Vec<TimelineRow> = events
        .iter()
        .map(|e| TimelineRow {
            time: millisecond(e.ts),
            sources: e.sources.join(", "),
            table: e.table.to_owned(),
            user: e.user.clone(),
            what: e.what.clone(),
            records: e.records.iter().map(place).collect(),
        })
        .collect();
    timeline_page(&found.host, &rows, &found.warnings).map_err(|e| Error::Usage(format!("--format html: {e}")))
}

/// Where a record lies, as a person looks it up.
fn place(e: &Evidence) -> String {
    match e.record {
        Some(n) => format!("{}, record {n}, byte {}", e.source_file, e.offset),
        None => format!("{}, byte {}", e.source_file, e.offset),
    }
}

fn csv(host: &str, events: &[Event]) -> Result<String> {
    let headers = [
        "time",
        "host",
        "sources",
        "table",
        "user",
        "what",
        "source_file",
        "record",
        "offset",
    ];
    let rows: Vec<Vec<String>> = events
        .iter()
        .map(|e| {
            let all = |f: &dyn Fn(&Evidence) -> String| e.records.iter().map(f).collect::<Vec<_>>().join(" | ");
            vec![
                format_rfc3339(e.ts),
                host.to_owned(),
                e.sources.join(" "),
                e.table.to_owned(),
                e.user.clone(),
                e.what.clone(),
                all(&|r| r.source_file.clone()),
                all(&|r| r.record.map_or_else(String::new, |n| n.to_string())),
                all(&|r| r.offset.to_string()),
            ]
        })
        .collect();
    table::csv(&headers, &rows)
}

fn jsonl(host: &str, events: &[Event]) -> String {
    let mut out = String::new();
    for e in events {
        let line = json!({"time": format_rfc3339(e.ts), "host": host, "sources": e.sources, "table": e.table,
            "user": e.user, "what": e.what, "records": e.records});
        let _ = writeln!(out, "{line}");
    }
    out
}
