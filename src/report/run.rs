//! What `run.json` says: what was read, what could be seen, what it took.

use std::collections::BTreeMap;

use serde::Serialize;

/// One input, with times as RFC 3339 UTC.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
pub struct InputReport {
    /// Path as given, with `!member` for members of archives.
    pub path: String,
    /// Format id; empty where it could not be read.
    pub format: String,
    /// BLAKE3 of the decompressed content.
    pub content_id: String,
    /// SHA-256 of the file (`--custody`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Bytes of the decompressed content.
    pub bytes: u64,
    /// `records == stored + duplicates + rejected`.
    pub records: u64,
    /// New rows of this run.
    pub stored: u64,
    /// Records that were there already.
    pub duplicates: u64,
    /// Records that could not be read.
    pub rejected: u64,
    /// Bytes of those, in UTF-8: a piece of megabytes that is no record counts once as a record.
    pub rejected_bytes: u64,
    /// Earliest event.
    pub first: Option<String>,
    /// Latest event.
    pub last: Option<String>,
    /// Hosts named, at most 100.
    pub hosts: Vec<String>,
    /// How times are known, with counts.
    pub time_quality: BTreeMap<String, u64>,
    /// What the analyst should know.
    pub notes: Vec<String>,
}

/// One host on one UTC day: which sources are there.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct HostDay {
    /// Host.
    pub host: String,
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Rows per source.
    pub sources: BTreeMap<String, u64>,
}

/// A clock offset that was learned and applied.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct ClockOffset {
    /// Host.
    pub host: String,
    /// Day as written, `YYYY-MM-DD`.
    pub day: String,
    /// Record time − UTC, hours.
    pub hours: f64,
}

/// Why a signal could not have fired.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Blind {
    /// Signal id.
    pub signal: String,
    /// Hosts it could not look at; empty for all.
    pub hosts: Vec<String>,
    /// Why.
    pub why: String,
}

/// A hole in what a host logged.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct LogGap {
    /// Host.
    pub host: String,
    /// Windows channel, or the kind of log where it has none.
    pub channel: String,
    /// silent, records_missing or numbers_restart.
    pub kind: String,
    /// Last record before, RFC 3339 UTC.
    pub from: String,
    /// First record after, RFC 3339 UTC.
    pub to: String,
    /// Record numbers missing, or records of other channels during a silence.
    pub records: u64,
}

/// What could be seen at all: absence of findings must not read as absence of attack.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
pub struct Coverage {
    /// Per host and day.
    pub host_days: Vec<HostDay>,
    /// Offsets applied.
    pub clock_offsets: Vec<ClockOffset>,
    /// Signals that could not have fired.
    pub blind: Vec<Blind>,
    /// Holes in what hosts logged, by host and time, at most a thousand.
    pub gaps: Vec<LogGap>,
    /// Holes beyond those.
    pub more_gaps: u64,
    /// Rows with only an address that found their host.
    pub addresses_joined: u64,
    /// Rows with only an address that did not.
    pub addresses_unjoined: u64,
    /// Addresses that too many hosts claim at once.
    pub shared_addresses: Vec<String>,
}

/// Sigma rules of the run.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct SigmaReport {
    /// Rules in use.
    pub loaded: u64,
    /// Rules that cannot be used: file, line, reason.
    pub rejected: Vec<String>,
    /// Rules left out by level, status, id, tag or title.
    pub deselected: u64,
    /// Rules that could not have matched, and why: no match of theirs says nothing.
    pub could_not_match: Vec<SigmaBlind>,
    /// What the user should know about rules in use.
    pub notes: Vec<String>,
    /// Rules that matched.
    pub rules: Vec<SigmaRule>,
}

/// A Sigma rule that could not have matched.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct SigmaBlind {
    /// Its id.
    pub rule_id: String,
    /// Its title.
    pub title: String,
    /// Why.
    pub why: String,
}

/// A Sigma rule or correlation that matched.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct SigmaRule {
    /// Its id.
    pub rule_id: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub level: String,
    /// Its author, whom the licence of most rules asks to name.
    pub author: String,
    /// Rows of the logs it is about.
    pub rows: u64,
    /// Rows that were looked at closely: what it costs.
    pub candidates: u64,
    /// Rows that match, within the time range as stored.
    pub matches: u64,
}

/// An allowlist entry and what it silenced.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
pub struct Suppression {
    /// Entry, as named in the file.
    pub entry: String,
    /// Its reason.
    pub reason: String,
    /// `suppress` or `damp`.
    pub effect: String,
    /// Hits it silenced or damped.
    pub hits: u64,
    /// The first hits it silenced.
    pub silenced: Vec<SilencedHit>,
    /// Findings that would be more severe without it and the entries that have its reason. `None` where another of those entries says so,
    /// or too many reasons matched to try each.
    pub without: Option<Vec<WithoutEntry>>,
    /// The same in one sentence.
    pub effect_in_words: String,
}

/// A hit that an allowlist entry silenced.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct SilencedHit {
    /// Signal id.
    pub signal: String,
    /// Host.
    pub host: String,
    /// RFC 3339 UTC.
    pub time: String,
    /// What happened.
    pub explain: String,
}

/// A finding as it would be without an allowlist entry.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
pub struct WithoutEntry {
    /// Its id then.
    pub finding_id: String,
    /// Host.
    pub host: String,
    /// Title.
    pub title: String,
    /// Score then.
    pub score: f64,
    /// Severity then.
    pub severity: String,
    /// Severity now; `None` where there is no such finding now.
    pub severity_now: Option<String>,
}

/// A rejected record.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct RejectReport {
    /// Input.
    pub source_file: String,
    /// Byte offset in the decompressed input.
    pub offset: u64,
    /// Why.
    pub reason: String,
    /// First bytes, escaped.
    pub head: String,
}

/// How the findings compare with those of an earlier run.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct BaselineReport {
    /// Folder of the earlier run.
    pub dir: String,
    /// When that run finished, RFC 3339 UTC; empty for a first night.
    pub finished: String,
    /// Findings that were not there.
    pub new: u64,
    /// Findings with other signals, techniques, indicators or severity than then.
    pub changed: u64,
    /// Findings as they were, perhaps with more of the same evidence.
    pub ongoing: u64,
    /// Findings of then that are not there any more.
    pub gone: u64,
}

/// The run.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
pub struct RunSummary {
    /// Version of the fields.
    pub schema_version: u32,
    /// coldtrail's version.
    pub tool_version: String,
    /// The command line.
    pub command_line: Vec<String>,
    /// RFC 3339 UTC.
    pub started: String,
    /// RFC 3339 UTC.
    pub finished: String,
    /// Settings in force.
    pub settings: BTreeMap<String, String>,
    /// ATT&CK version of all ids.
    pub attack_version: String,
    /// Inputs of this run.
    pub inputs: Vec<InputReport>,
    /// Inputs or parts of them that could not be read.
    pub unreadable: Vec<String>,
    /// Things left out on purpose.
    pub skipped: Vec<String>,
    /// Inputs that were taken up where a run that was killed had left them, and why others were not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<String>,
    /// Rows per table in the lake.
    pub tables: BTreeMap<String, u64>,
    /// Sigma.
    pub sigma: SigmaReport,
    /// What could be seen.
    pub coverage: Coverage,
    /// Seconds per stage.
    pub timings: BTreeMap<String, f64>,
    /// Bytes at the peak, where the system tells.
    pub peak_memory: Option<u64>,
    /// Findings by severity.
    pub findings: BTreeMap<String, u64>,
    /// How the findings compare with an earlier run (`--baseline`, `--since-last`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineReport>,
    /// Allowlist entries and their hits.
    pub suppressions: Vec<Suppression>,
    /// Lines of lists that could not be used, and other warnings.
    pub warnings: Vec<String>,
    /// Written to `rejects.jsonl`, not to `run.json`.
    #[serde(skip)]
    pub rejects: Vec<RejectReport>,
}
