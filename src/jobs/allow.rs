//! Allowlists from what a hunt found: the entry that silences a finding, and proposals from what is common.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::past::{Past, PastFinding, PastHit};
use crate::base::error::{Error, Result};
use crate::base::time::{DAY, Ts};
use crate::score::allow::Allowlist;
use crate::score::allow::write::{NewEntry, exact_command, exact_glob};

/// Beyond this many entries a finding is dismissed by the keys of its hits alone.
const ENTRIES: usize = 60;
/// Longest command line that an entry quotes; evidence is cut at 500 characters.
const COMMAND: usize = 400;

/// The entries that silence exactly the hits of one finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Dismissal {
    /// The finding.
    pub finding: PastFinding,
    /// The entries.
    pub entries: Vec<NewEntry>,
}

/// Entries that silence a finding until `expires`.
///
/// # Errors
/// [`Error::Usage`] where there is no such finding.
pub fn dismissal(past: &Past, word: &str, reason: &str, owner: &str, expires: &str) -> Result<Dismissal> {
    let finding = past.finding(word)?;
    let entries = |narrow: bool| -> BTreeSet<NewEntry> {
        past.of_finding(&finding.finding_id)
            .map(|hit| NewEntry {
                keys: keys(hit, narrow),
                reason: reason.to_owned(),
                owner: owner.to_owned(),
                expires: expires.to_owned(),
            })
            .collect()
    };
    let mut found = entries(true);
    if found.len() > ENTRIES {
        found = entries(false);
    }
    Ok(Dismissal {
        entries: found.into_iter().collect(),
        finding,
    })
}

/// Signal, key and host of a hit, and what ran, where its evidence says so in one word.
fn keys(hit: PastHit<'_>, narrow: bool) -> Vec<(&'static str, String)> {
    let mut out = vec![
        ("signal", hit.text("signal").to_owned()),
        ("key", hit.text("key").to_owned()),
        ("host", exact_glob(hit.text("host"))),
    ];
    // A hit without a key of its own is told by signal and host, and by what ran.
    out.retain(|(_, v)| !v.is_empty());
    if narrow || hit.text("key").is_empty() {
        out.extend(what_ran(hit.text("evidence")));
    }
    out
}

fn what_ran(evidence: &str) -> Option<(&'static str, String)> {
    let rows: Value = serde_json::from_str(evidence).ok()?;
    let fields = rows.get(0)?.get("fields")?;
    let text = |name: &str| {
        fields
            .get(name)
            .and_then(Value::as_str)
            .filter(|t| !t.trim().is_empty())
    };
    if let Some(line) = text("cmdline").filter(|l| l.chars().count() <= COMMAND) {
        return Some(("cmdline_regex", exact_command(&line.to_lowercase())));
    }
    if let Some(hash) = text("sha256") {
        return Some(("hash", hash.to_owned()));
    }
    text("image").map(|path| ("image_path_glob", exact_glob(path)))
}

/// Adds entries to an allowlist, which is made where there is none. The file is replaced in one step, and only by one that can
/// be read.
///
/// # Errors
/// [`Error::Usage`] where the file or an entry is no allowlist; [`Error::Io`] where it cannot be written.
pub fn append(path: &Path, entries: &[NewEntry], comment: &str, now: Ts) -> Result<()> {
    let mut text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(Error::io(path, "cannot read this allowlist", e)),
    };
    let name = path.display().to_string();
    Allowlist::parse(&text, &name, now)?;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for (n, entry) in entries.iter().enumerate() {
        if !text.is_empty() {
            text.push('\n');
        }
        if n == 0 && !comment.is_empty() {
            text.push_str(&format!("# {}\n", comment.replace(['\n', '\r'], " ")));
        }
        text.push_str(&entry.to_toml());
    }
    Allowlist::parse(&text, &name, now)?;
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let base = path.file_name().map_or_else(|| "allow".into(), |n| n.to_string_lossy());
    let tmp = folder.join(format!(".{base}.tmp"));
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&tmp)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&tmp, path)
    };
    write().map_err(|e| Error::io(path, "cannot write this allowlist", e))
}

/// Something common that counts nevertheless.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Its title.
    pub title: String,
    /// An example.
    pub example: String,
    /// Hosts that have it.
    pub hosts: usize,
    /// Days on which it was seen.
    pub days: usize,
    /// Points it gave to all findings.
    pub points: f64,
    /// The entry.
    pub entry: NewEntry,
}

/// What is common here: keys on at least `share` of the `hosts` and `days` days that gave points, the dearest first. Decisive signals are
/// never proposed.
pub fn proposals(past: &Past, share: f64, hosts: usize, days: usize) -> Vec<Proposal> {
    struct Seen<'a> {
        hosts: BTreeSet<&'a str>,
        days: BTreeSet<i64>,
        points: f64,
        first: PastHit<'a>,
        decisive: bool,
    }
    let mut seen: BTreeMap<(&str, &str), Seen<'_>> = BTreeMap::new();
    for hit in past.hits().filter(|h| h.text("suppressed_by").is_empty()) {
        let of = seen
            .entry((hit.text("signal"), hit.text("key")))
            .or_insert_with(|| Seen {
                hosts: BTreeSet::new(),
                days: BTreeSet::new(),
                points: 0.0,
                first: hit,
                decisive: false,
            });
        of.hosts.insert(hit.text("host"));
        of.days.insert(hit.time().div_euclid(DAY));
        of.points += hit.number("points");
        of.decisive |= hit.text("decisive") == "true";
    }
    let least = (share * hosts as f64).max(2.0);
    let mut out: Vec<Proposal> = seen
        .into_iter()
        .filter(|((_, key), s)| {
            let common = s.hosts.len() as f64 >= least && s.days.len() >= days;
            common && s.points > 0.0 && !s.decisive && !key.is_empty()
        })
        .map(|((signal, key), s)| Proposal {
            title: s.first.text("title").to_owned(),
            example: s.first.text("explain").to_owned(),
            hosts: s.hosts.len(),
            days: s.days.len(),
            points: s.points,
            entry: NewEntry {
                keys: vec![("signal", signal.to_owned()), ("key", key.to_owned())],
                reason: format!(
                    "common here: on {} of {hosts} hosts and {} days",
                    s.hosts.len(),
                    s.days.len()
                ),
                ..NewEntry::default()
            },
        })
        .collect();
    out.sort_by(|a, b| b.points.total_cmp(&a.points).then_with(|| a.entry.cmp(&b.entry)));
    out
}
