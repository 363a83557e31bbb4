//! `coldtrail scope`: which hosts and users met these indicators.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::args::{SayArgs, ScopeArgs, Shape};
use super::exit::Exit;
use super::hunt::now;
use super::print;
use super::progress::Shown;
use super::table::{self, terminal_width};
use crate::base::error::Result;
use crate::base::text::{cut_cells, for_terminal};
use crate::base::time::format_rfc3339;
use crate::entity::ioc::Kind;
use crate::jobs::scope::{self, HostSeen, Pivot, Scope, ScopeOptions, Sighting};
use crate::lake::Lake;
use crate::score::finding::Evidence;

/// Indicators without events that are named in the table.
const UNSEEN_SHOWN: usize = 20;
/// Narrower than this, the year goes.
const NARROW: usize = 110;
/// Pivots in the table.
const PIVOTS_SHOWN: usize = 40;

/// Runs the command.
pub fn run(args: &ScopeArgs) -> Result<Exit> {
    let options = ScopeOptions {
        range: args.range.range(now())?,
        hosts: args.hosts.clone(),
        exclude_hosts: args.exclude_hosts.clone(),
        fields_only: args.fields_only,
        deep: args.deep,
        pivot: args.pivot,
        samples: args.samples,
    };
    let (indicators, warnings) = scope::indicators(&args.ioc)?;
    let shown = Shown::start(SayArgs {
        quiet: args.quiet,
        no_progress: false,
    });
    let found = Lake::read(&args.lake, |lake| {
        scope::scope(lake, indicators.clone(), &options, shown.progress())
    })?;
    drop(shown);
    let text = match args.format {
        Shape::Table => in_words(&found),
        Shape::Csv => csv(&found)?,
        Shape::Jsonl => jsonl(&found),
    };
    print(&text);
    if !args.quiet {
        for w in warnings.iter().chain(&found.warnings) {
            eprintln!("warning: {}", for_terminal(w));
        }
        say(&found, args);
    }
    Ok(Exit::Done)
}

/// What was searched and what could not have been seen: an empty answer is no proof.
fn say(found: &Scope, args: &ScopeArgs) {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for s in &found.sightings {
        *kinds.entry(s.indicator.kind.name()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(k, n)| format!("{n} {k}")).collect();
    let seen = found.sightings.iter().filter(|s| s.events > 0).count();
    eprintln!(
        "{seen} of {} indicators seen ({})",
        found.sightings.len(),
        kinds.join(", ")
    );
    let skipped = found.bytes_total.saturating_sub(found.bytes_read);
    eprintln!(
        "searched {} rows: {} read, {} skipped",
        found.rows,
        size(found.bytes_read),
        size(skipped)
    );
    if found.looked.is_empty() {
        eprintln!("the lake has no rows in this range; nothing was searched");
    }
    let unseen = seen < found.sightings.len();
    for l in found.looked.iter().filter(|l| unseen && !l.columns.is_empty()) {
        eprintln!("  {} ({} rows): {}", l.table, l.rows, l.columns.join(", "));
    }
    for (kind, why) in &found.blind {
        eprintln!("could not have been seen: {}: {why}", kind.name());
    }
    if args.fields_only {
        eprintln!("command lines, scripts and other free text were left out (--fields-only)");
    } else if !args.deep && unseen {
        eprintln!("original fields that no column holds were not searched; --deep does");
    }
}

/// Bytes with a unit.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut n = bytes as f64;
    let mut unit = 0;
    while n >= 1024.0 && unit + 1 < UNITS.len() {
        n /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("");
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{n:.1} {name}")
    }
}

fn in_words(found: &Scope) -> String {
    let width = terminal_width();
    let mut out = String::new();
    let mut rows = Vec::new();
    for s in found.sightings.iter().filter(|s| s.events > 0) {
        for (i, h) in s.hosts.iter().enumerate() {
            let (value, kind) = match i {
                0 => (s.indicator.value.clone(), s.indicator.kind.name().to_owned()),
                _ => (String::new(), String::new()),
            };
            rows.push(vec![
                value,
                kind,
                host(h),
                h.events.to_string(),
                minute(h.first, width),
                minute(h.last, width),
                h.users.join(", "),
                h.places.keys().cloned().collect::<Vec<_>>().join(", "),
            ]);
        }
    }
    if rows.is_empty() {
        let n = found.sightings.len();
        let _ = writeln!(out, "None of the {n} indicators was seen.");
    } else {
        let headers = [
            "INDICATOR",
            "KIND",
            "HOST",
            "EVENTS",
            "FIRST (UTC)",
            "LAST (UTC)",
            "USERS",
            "WHERE",
        ];
        out.push_str(&table::table(&headers, &rows, width, &[0, 6, 7]));
    }
    samples(&mut out, found, width);
    let unseen: Vec<&Sighting> = found.sightings.iter().filter(|s| s.events == 0).collect();
    if !unseen.is_empty() && unseen.len() < found.sightings.len() {
        let names: Vec<String> = unseen
            .iter()
            .take(UNSEEN_SHOWN)
            .map(|s| for_terminal(&s.indicator.value).into_owned())
            .collect();
        let more = unseen.len().saturating_sub(UNSEEN_SHOWN);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let _ = writeln!(out, "\nNot seen: {}{more}", names.join(", "));
    }
    pivots(&mut out, &found.pivots, width);
    out
}

fn host(h: &HostSeen) -> String {
    if h.host.is_empty() {
        "(no host)".to_owned()
    } else {
        h.host.clone()
    }
}

/// Day and minute; on a narrow terminal without the year.
fn minute(ts: i64, width: Option<usize>) -> String {
    let from = if width.is_some_and(|w| w < NARROW) { 5 } else { 0 };
    let text = format_rfc3339(ts).replacen('T', " ", 1);
    text.chars().take(16).skip(from).collect()
}

fn samples(out: &mut String, found: &Scope, width: Option<usize>) {
    let seen = found.sightings.iter().filter(|s| !s.samples.is_empty());
    for (i, s) in seen.enumerate() {
        if i == 0 {
            out.push_str("\nEarliest events\n");
        }
        let _ = writeln!(out, "{}", for_terminal(&s.indicator.value));
        for e in &s.samples {
            let (host, what) = (field(e, "host"), field(e, "what"));
            let line = format!(
                "  {}  {host:14}  {:8} {what}  [{}]",
                second(&e.time),
                e.table,
                pointer(e)
            );
            let line = for_terminal(&line);
            let _ = writeln!(
                out,
                "{}",
                width.map_or_else(|| line.to_string(), |w| cut_cells(&line, w).into_owned())
            );
        }
    }
}

fn second(time: &str) -> String {
    time.replacen('T', " ", 1).chars().take(19).collect()
}

fn pointer(e: &Evidence) -> String {
    match e.record {
        Some(id) => format!("{} record {id}", e.source_file),
        None => format!("{} offset {}", e.source_file, e.offset),
    }
}

fn field<'e>(e: &'e Evidence, name: &str) -> &'e str {
    e.fields.get(name).and_then(Value::as_str).unwrap_or("")
}

fn pivots(out: &mut String, all: &[Pivot], width: Option<usize>) {
    if all.is_empty() {
        return;
    }
    out.push_str("\nShared with other hosts\n");
    let rows: Vec<Vec<String>> = all
        .iter()
        .take(PIVOTS_SHOWN)
        .map(|p| {
            let hosts: Vec<&str> = p.hosts.iter().map(|(h, _)| h.as_str()).collect();
            let common = if p.common { " (common)" } else { "" };
            vec![
                p.indicator.value.clone(),
                p.what.to_owned(),
                p.indicator.source.clone(),
                format!("{}{common}", p.hosts.len()),
                p.new_hosts.join(", "),
                hosts.join(", "),
            ]
        })
        .collect();
    let headers = ["VALUE", "WHAT", "FROM", "HOSTS", "NEW HOSTS", "ALL HOSTS"];
    out.push_str(&table::table(&headers, &rows, width, &[0, 2, 4, 5]));
    if all.len() > PIVOTS_SHOWN {
        let _ = writeln!(out, "… and {} more", all.len() - PIVOTS_SHOWN);
    }
}

fn csv(found: &Scope) -> Result<String> {
    let headers = [
        "indicator",
        "kind",
        "note",
        "source",
        "host",
        "users",
        "events",
        "first",
        "last",
        "where",
    ];
    let mut rows = Vec::new();
    let nobody = HostSeen::default();
    for s in &found.sightings {
        let hosts: Vec<&HostSeen> = if s.hosts.is_empty() {
            vec![&nobody]
        } else {
            s.hosts.iter().collect()
        };
        for h in hosts {
            let time = |t: i64| if h.events > 0 { format_rfc3339(t) } else { String::new() };
            let i = &s.indicator;
            rows.push(vec![
                i.value.clone(),
                i.kind.name().to_owned(),
                i.note.clone(),
                i.source.clone(),
                h.host.clone(),
                h.users.join(" "),
                h.events.to_string(),
                time(h.first),
                time(h.last),
                h.places.keys().cloned().collect::<Vec<_>>().join(" "),
            ]);
        }
    }
    table::csv(&headers, &rows)
}

fn jsonl(found: &Scope) -> String {
    let mut out = String::new();
    let blind: BTreeMap<Kind, &str> = found.blind.iter().map(|(k, why)| (*k, why.as_str())).collect();
    for s in &found.sightings {
        let i = &s.indicator;
        let hosts: Vec<Value> = s
            .hosts
            .iter()
            .map(|h| {
                json!({"host": h.host, "users": h.users, "events": h.events, "first": format_rfc3339(h.first),
                    "last": format_rfc3339(h.last), "where": h.places})
            })
            .collect();
        let line = json!({"indicator": i.value, "kind": i.kind.name(), "note": i.note, "source": i.source,
            "events": s.events, "hosts": hosts, "samples": s.samples, "blind": blind.get(&i.kind)});
        let _ = writeln!(out, "{line}");
    }
    for p in &found.pivots {
        let hosts: Vec<Value> = p.hosts.iter().map(|(h, n)| json!({"host": h, "events": n})).collect();
        let line = json!({"pivot": p.indicator.value, "kind": p.indicator.kind.name(), "what": p.what,
            "from": p.indicator.source, "hosts": hosts, "new_hosts": p.new_hosts, "common": p.common});
        let _ = writeln!(out, "{line}");
    }
    out
}
