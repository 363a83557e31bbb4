//! What a signal found.

use std::borrow::Cow;

use super::meta::{Level, Meta};
use crate::lake::frame::{Row, StrId};
use crate::schema::Table;

/// A row of a frame.
#[derive(Debug, Clone, Copy)]
pub struct RowRef {
    /// Table.
    pub table: &'static Table,
    /// Index in the table's frame.
    pub at: u32,
}

impl From<Row<'_>> for RowRef {
    fn from(row: Row<'_>) -> Self {
        Self {
            table: row.table(),
            at: row.at(),
        }
    }
}

/// An indicator worth copying.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ioc {
    /// SHA-256, lower-case hexadecimal.
    Sha256(String),
    /// Domain name.
    Domain(String),
    /// Address.
    Ip(String),
    /// URL.
    Url(String),
    /// Path of a file.
    File(String),
    /// `DOMAIN\user` or user.
    Account(String),
}

/// On how many hosts the key of a hit was seen: what its rarity is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prevalence {
    /// Count the hosts that have a hit of this signal with this key.
    OfHits,
    /// The signal knows better: `hosts` of `population`.
    Hosts {
        /// Hosts that have the key.
        hosts: u32,
        /// Hosts that could have it (that have the source at all).
        population: u32,
    },
    /// Rarity says nothing here (decisive facts, known-bad hashes): factor 1.
    Neutral,
}

/// One hit of a signal.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The signal.
    pub meta: &'static Meta,
    /// The host it happened on (text id in the hunt's frames).
    pub host: StrId,
    /// When it began, microseconds UTC.
    pub time: i64,
    /// When it ended; equal to `time` for a single event.
    pub last: i64,
    /// Level after raisers.
    pub level: Level,
    /// Whether this hit alone may make a finding high.
    pub decisive: bool,
    /// Strength of the statistic, 0 to 1.
    pub quality: f64,
    /// What is counted over hosts, and by which repeats fold into one: lower-case, without host or time.
    pub key: String,
    /// How rarity is known.
    pub prevalence: Prevalence,
    /// ATT&CK ids of this hit, the leading one first.
    pub techniques: Vec<Cow<'static, str>>,
    /// One sentence for the analyst: what happened, with the values that matter.
    pub explain: String,
    /// Evidence rows; the first one anchors the hit in the graph.
    pub rows: Vec<RowRef>,
    /// Users concerned.
    pub users: Vec<String>,
    /// Indicators.
    pub iocs: Vec<Ioc>,
    /// How many events it stands for.
    pub count: u64,
}

impl Hit {
    /// A hit anchored at `row`, with the level, techniques and decisiveness of the signal.
    pub fn at(meta: &'static Meta, row: Row<'_>, key: impl Into<String>, explain: impl Into<String>) -> Self {
        Self {
            meta,
            host: row.id(crate::schema::common::HOST),
            time: row.ts(),
            last: row.ts(),
            level: meta.level,
            decisive: meta.decisive,
            quality: 1.0,
            key: key.into(),
            prevalence: Prevalence::OfHits,
            techniques: meta.techniques.iter().map(|t| Cow::Borrowed(*t)).collect(),
            explain: explain.into(),
            rows: vec![row.into()],
            users: row
                .text(crate::schema::common::USER)
                .map(|u| vec![u.to_owned()])
                .unwrap_or_default(),
            iocs: Vec::new(),
            count: 1,
        }
    }

    /// Sets the level.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets the quality, clamped to 0..=1.
    #[must_use]
    pub fn quality(mut self, q: f64) -> Self {
        self.quality = if q.is_finite() { q.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// Sets the techniques.
    #[must_use]
    pub fn techniques(mut self, ids: &[&'static str]) -> Self {
        self.techniques = ids.iter().map(|t| Cow::Borrowed(*t)).collect();
        self
    }

    /// Sets whether this hit alone may make a finding high.
    #[must_use]
    pub fn decisive(mut self, decisive: bool) -> Self {
        self.decisive = decisive;
        self
    }

    /// Sets how rarity is known.
    #[must_use]
    pub fn prevalence(mut self, p: Prevalence) -> Self {
        self.prevalence = p;
        self
    }

    /// Adds an evidence row.
    pub fn add_row(&mut self, row: Row<'_>) {
        self.rows.push(row.into());
    }

    /// Adds an indicator.
    #[must_use]
    pub fn ioc(mut self, ioc: Ioc) -> Self {
        self.iocs.push(ioc);
        self
    }
}
