//! One event that several logs tell of is one line.

use std::collections::HashMap;

use ahash::RandomState;

use super::Event;
use crate::base::ip;
use crate::base::text::basename;
use crate::base::time::{SECOND, Ts};
use crate::lake::frame::Row;
use crate::report::line;
use crate::schema::common;
use crate::score::finding::Evidence;

/// Rows of one event in several logs lie at most this far apart.
const SAME_EVENT: Ts = 2 * SECOND;

/// Puts records of one event together: same table and thing, different logs, within [`SAME_EVENT`].
#[derive(Default)]
pub(super) struct Merger {
    /// In the order in which they came.
    pub events: Vec<Event>,
    open: HashMap<(usize, String), Vec<usize>, RandomState>,
}

impl Merger {
    /// Adds a record; `apart` where every record is an event of its own.
    pub fn add(&mut self, ts: Ts, row: Row<'_>, record: Evidence, apart: bool) {
        let source = row.source().to_owned();
        let key = (row.table().ix(), essence(row));
        let open = self.open.entry(key).or_default();
        open.retain(|i| {
            self.events
                .get(*i)
                .is_some_and(|e| ts.saturating_sub(e.ts) <= SAME_EVENT)
        });
        let same = open.iter().copied().find(|i| {
            let event = self.events.get(*i);
            !apart && event.is_some_and(|e| !e.sources.contains(&source))
        });
        let what = line::words(row);
        let user = row.text(common::USER).unwrap_or("").to_owned();
        if let Some(e) = same.and_then(|i| self.events.get_mut(i)) {
            e.sources.push(source);
            e.sources.sort();
            // The richer account of it is shown.
            if what.len() > e.what.len() {
                e.what = what;
            }
            if e.user.is_empty() {
                e.user = user;
            }
            e.records.push(record);
            return;
        }
        open.push(self.events.len());
        self.events.push(Event {
            ts,
            table: row.table().name,
            sources: vec![source],
            user,
            what,
            records: vec![record],
        });
    }
}

/// What an event is about, whatever log tells of it.
fn essence(row: Row<'_>) -> String {
    let text = |name: &str| {
        let found = row.table().find(name);
        found.and_then(|(c, _)| row.text(c)).unwrap_or("").to_lowercase()
    };
    let number = |name: &str| row.table().find(name).and_then(|(c, _)| row.int(c)).unwrap_or(-1);
    let address = |name: &str| {
        let found = row.table().find(name).and_then(|(c, _)| row.ip(c));
        found.map_or_else(String::new, |a| ip::display(&a))
    };
    let action = row.str(common::ACTION);
    match row.table().name {
        "process" => format!("{action} {} {}", number("pid"), basename(&text("image"))),
        "network" => format!("{}:{} {}", address("dst_ip"), number("dst_port"), number("src_port")),
        // Sysmon does not say the type; questions of one log stay apart anyway.
        "dns" => text("qname"),
        "http" => format!("{}{}", text("url_host"), text("url_path")),
        "file" => format!("{action} {}", text("path")),
        "registry" => format!("{action} {}\\{} {}", text("key"), text("value_name"), text("data")),
        "persist" => format!("{action} {} {}", text("kind"), text("name")),
        "auth" => format!(
            "{action} {} {} {}",
            text("target_user"),
            number("logon_type"),
            number("target_logon_id")
        ),
        _ => format!("{action} {}", line::words(row).to_lowercase()),
    }
}
