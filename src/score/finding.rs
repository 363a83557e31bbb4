//! What a hunt says in the end: plain data, serialised as the contract's fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the output files' fields.
pub const OUTPUT_VERSION: u32 = 1;

/// An ATT&CK technique of a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct TechniqueRef {
    /// `T1059.001`, current in `attack_version`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Short names of its tactics.
    pub tactics: Vec<String>,
}

/// A row, named so that a person finds it again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Table of the lake.
    pub table: String,
    /// RFC 3339 UTC.
    pub time: String,
    /// Path of the input, with `!member` for archives.
    pub source_file: String,
    /// EventRecordID where there is one.
    pub record: Option<u64>,
    /// Byte offset in the decompressed input.
    pub offset: u64,
    /// The fields that matter, by column name.
    pub fields: BTreeMap<String, Value>,
}

/// One hit, scored. Everything a score is made of, so that it can be recomputed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignalHit {
    /// Signal id.
    pub signal: String,
    /// Sigma rule id, for hits of Sigma rules.
    pub rule_id: Option<String>,
    /// Title of the signal.
    pub title: String,
    /// Host.
    pub host: String,
    /// RFC 3339 UTC.
    pub time: String,
    /// End, RFC 3339 UTC; equal to `time` for single events.
    pub last: String,
    /// info … critical.
    pub level: String,
    /// ATT&CK ids.
    pub techniques: Vec<String>,
    /// One sentence.
    pub explain: String,
    /// Rows.
    pub evidence: Vec<Evidence>,
    /// The finding it belongs to.
    pub finding_id: Option<String>,
    /// The allowlist entry that silenced it.
    pub suppressed_by: Option<String>,
    /// Family for decay and gates.
    pub family: String,
    /// Tactic that is its stage; null opens none.
    pub stage: String,
    /// endpoint, proxy, dns, auth, av, fileserver, mail.
    pub source_class: String,
    /// What prevalence is counted on.
    pub key: String,
    /// 0..1.
    pub quality: f64,
    /// Rarity factor 0.25..1.5.
    pub rarity: f64,
    /// Hosts with the key.
    pub hosts_with_key: u32,
    /// Allowlist factor 0, 0.1, 1.
    pub allow: f64,
    /// Link factor to the chain's backbone.
    pub link: f64,
    /// The event it stands on, named within its finding: several rules on one event are one piece of evidence.
    pub event: Option<String>,
    /// Asset factor of the host.
    pub asset: f64,
    /// Whether it may be high alone.
    pub decisive: bool,
    /// Events it stands for.
    pub count: u64,
    /// Users concerned.
    pub users: Vec<String>,
    /// Points it adds to the finding, one decimal; they add up with the bonuses.
    pub points: f64,
}

/// One term of a score.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contribution {
    /// `PROC-01 …`, `stage diversity`, `order and density`, `independent sources`.
    pub item: String,
    /// Points; all terms add up to the score exactly.
    pub points: f64,
}

/// Which cap applied.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gate {
    /// G0 … G3.
    pub id: String,
    /// The cap.
    pub cap: f64,
    /// Whether the score would be higher without it.
    pub applied: bool,
    /// In words: why, and what would lift it.
    pub why: String,
}

/// Indicators worth copying, sorted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Iocs {
    /// SHA-256.
    pub sha256: Vec<String>,
    /// Domains.
    pub domains: Vec<String>,
    /// Addresses.
    pub ips: Vec<String>,
    /// URLs.
    pub urls: Vec<String>,
    /// Paths.
    pub files: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
}

/// A link to a finding on another host.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Related {
    /// The other finding.
    pub finding_id: String,
    /// Why they belong together.
    pub reason: String,
}

/// A process of the chain, for the tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessNode {
    /// Number within the finding.
    pub id: u32,
    /// Number of the parent within the finding.
    pub parent: Option<u32>,
    /// RFC 3339 UTC; empty where only a child names it.
    pub time: String,
    /// Path.
    pub image: String,
    /// Command line.
    pub cmdline: String,
    /// User.
    pub user: String,
    /// Process id.
    pub pid: Option<u32>,
    /// Signals that fired on it.
    pub signals: Vec<String>,
}

/// One chain on one host, scored and told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// [`OUTPUT_VERSION`].
    pub schema_version: u32,
    /// Stable over nights.
    pub finding_id: String,
    /// 1 is first.
    pub rank: u32,
    /// 0..100, one decimal.
    pub score: f64,
    /// info … critical.
    pub severity: String,
    /// Host; `ip:…` or `user:…` where none is known.
    pub host: String,
    /// Users.
    pub users: Vec<String>,
    /// RFC 3339 UTC.
    pub first_seen: String,
    /// RFC 3339 UTC.
    pub last_seen: String,
    /// One line.
    pub title: String,
    /// A few sentences in the order of time.
    pub summary: String,
    /// Short names in the matrix' order.
    pub tactics: Vec<String>,
    /// Techniques, sorted by id.
    pub techniques: Vec<TechniqueRef>,
    /// Version of the ATT&CK table.
    pub attack_version: String,
    /// endpoint, proxy, dns, auth …
    pub sources: Vec<String>,
    /// The hits, by time.
    pub signals: Vec<SignalHit>,
    /// The score's terms, largest first.
    pub contributions: Vec<Contribution>,
    /// The cap.
    pub gate: Gate,
    /// Indicators.
    pub iocs: Iocs,
    /// Findings on other hosts.
    pub related: Vec<Related>,
    /// What to do next.
    pub next_steps: Vec<String>,
    /// Findings that belong together over hosts share it.
    pub case_id: Option<String>,
    /// new, ongoing, changed, gone; null without a baseline.
    pub status: Option<String>,
    /// Findings that this one took in, with a baseline.
    pub merged_from: Vec<String>,
    /// The finding it parted from, with a baseline.
    pub split_from: Option<String>,
    /// Processes on the paths between the hits.
    pub processes: Vec<ProcessNode>,
}

impl Finding {
    /// Whether it is one of the baseline that this hunt did not find again.
    pub fn is_gone(&self) -> bool {
        self.status.as_deref() == Some("gone")
    }
}
