//! What a signal says about itself.

use serde::Serialize;

use crate::schema::{Col, Table};

/// Severity of evidence and of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth a look when there is time.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// Drop everything.
    Critical,
}

impl Level {
    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }

    /// From a name; `informational` is read too.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "info" | "informational" => Level::Info,
            "low" => Level::Low,
            "medium" => Level::Medium,
            "high" => Level::High,
            "critical" => Level::Critical,
            _ => return None,
        })
    }

    /// One level up, at most critical.
    pub fn raised(self) -> Self {
        match self {
            Level::Info => Level::Low,
            Level::Low => Level::Medium,
            Level::Medium => Level::High,
            _ => Level::Critical,
        }
    }
}

/// Whose rows a signal gets in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The rows of one host, by time.
    Host,
    /// The `auth` rows of one target user over all hosts, by time.
    User,
    /// All rows at once, by host and time within each table.
    Fleet,
}

/// A table and the columns a signal reads, beside those that are always there.
#[derive(Debug, Clone, Copy)]
pub struct Reads {
    /// Table.
    pub table: &'static Table,
    /// Columns.
    pub columns: &'static [Col],
}

/// A number that decides.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    /// Name, as the config overrides it.
    pub name: &'static str,
    /// Value.
    pub value: f64,
    /// Unit.
    pub unit: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// The manual of one signal.
#[derive(Debug)]
pub struct Meta {
    /// `PROC-01`.
    pub id: &'static str,
    /// Title as in findings.
    pub title: &'static str,
    /// What it sees, exactly.
    pub sees: &'static str,
    /// Why an analyst should care.
    pub why: &'static str,
    /// ATT&CK ids it can give.
    pub techniques: &'static [&'static str],
    /// Short name of the tactic that is its stage in a chain.
    pub stage: &'static str,
    /// Signals of one family count less and less (detection.md 7).
    pub family: &'static str,
    /// Whose rows it gets.
    pub key: Key,
    /// What it reads.
    pub reads: &'static [Reads],
    /// Level before raisers.
    pub level: Level,
    /// Whether a hit alone may make a finding high; a hit may still say no.
    pub decisive: bool,
    /// Its numbers.
    pub thresholds: &'static [Threshold],
    /// What looks the same and is harmless.
    pub benign: &'static [&'static str],
}
