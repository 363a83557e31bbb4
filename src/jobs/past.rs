//! What an earlier hunt left in its folder, read back: the scored hits of `signals.parquet`, the findings they make.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::time;
use crate::lake::records::{self, Records};
use crate::score::finding::OUTPUT_VERSION;
use crate::score::weigh::Piece;
use crate::signals::Level;

const SIGNALS: &str = "signals.parquet";
const FINDINGS: &str = "findings.parquet";
const RUN: &str = "run.json";
const HIT: &[&str] = &[
    "signal",
    "title",
    "host",
    "time",
    "level",
    "explain",
    "evidence",
    "finding_id",
    "suppressed_by",
    "family",
    "stage",
    "source_class",
    "key",
    "quality",
    "rarity",
    "hosts_with_key",
    "allow",
    "link",
    "event",
    "asset",
    "decisive",
    "count",
    "users",
    "points",
];

/// The folder of an earlier hunt.
#[derive(Debug)]
pub struct Past {
    folder: PathBuf,
    hits: Records,
    findings: Records,
}

/// One hit of it.
#[derive(Clone, Copy)]
pub struct PastHit<'a> {
    hits: &'a Records,
    row: usize,
}

/// One finding of it, as far as it is needed here.
#[derive(Debug, Clone, PartialEq)]
pub struct PastFinding {
    /// Its id.
    pub finding_id: String,
    /// Its rank.
    pub rank: u32,
    /// Score, as stored.
    pub score: f64,
    /// Severity, as stored.
    pub severity: String,
    /// Host.
    pub host: String,
    /// Title.
    pub title: String,
}

impl Past {
    /// Reads the tables of a hunt.
    ///
    /// # Errors
    /// [`Error::Usage`] where the folder holds no hunt, or one of another version.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(SIGNALS);
        if !path.is_file() {
            return Err(Error::Usage(format!(
                "{}: no {SIGNALS} there; name the folder of a hunt with --out, or hunt first",
                folder.display()
            )));
        }
        let hits = records::read(&path, HIT)?;
        let findings = records::read(
            &folder.join(FINDINGS),
            &[
                "finding_id",
                "rank",
                "score",
                "severity",
                "host",
                "title",
                "schema_version",
            ],
        )?;
        let versions = (0..findings.len()).map(|row| findings.number("schema_version", row) as u32);
        let foreign = versions.into_iter().find(|v| *v != OUTPUT_VERSION);
        if foreign.is_some() || !hits.is_empty() && !hits.has("event") && !hits.has("asset") {
            return Err(Error::Usage(format!(
                "{}: written by another version of coldtrail; hunt again with this one",
                folder.display()
            )));
        }
        Ok(Self {
            folder: folder.to_owned(),
            hits,
            findings,
        })
    }

    /// All hits, by host and time.
    pub fn hits(&self) -> impl Iterator<Item = PastHit<'_>> {
        (0..self.hits.len()).map(|row| PastHit { hits: &self.hits, row })
    }

    /// Hosts of the hunt, by the coverage in its `run.json`; at least those with hits.
    pub fn hosts(&self) -> usize {
        let with_hits: BTreeSet<&str> = self.hits().map(|h| h.text("host")).collect();
        let run = std::fs::read(self.folder.join(RUN)).ok();
        let run: Option<serde_json::Value> = run.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let days = run
            .as_ref()
            .and_then(|r| r.get("coverage")?.get("host_days")?.as_array());
        let covered: BTreeSet<&str> = days
            .into_iter()
            .flatten()
            .filter_map(|d| d.get("host")?.as_str())
            .filter(|h| !h.starts_with("ip:") && !h.starts_with("user:"))
            .collect();
        covered.len().max(with_hits.len())
    }

    /// The hits of a finding, in canonical order.
    pub fn of_finding<'a>(&'a self, finding_id: &'a str) -> impl Iterator<Item = PastHit<'a>> + 'a {
        self.hits().filter(move |h| h.text("finding_id") == finding_id)
    }

    /// The finding that a word names: its id, the beginning of one, or a rank.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none or more than one.
    pub fn finding(&self, word: &str) -> Result<PastFinding> {
        let all = || (0..self.findings.len()).map(|row| self.past_finding(row));
        let by_rank = word.trim_start_matches('#').parse::<u32>().ok();
        let ranked = all().find(|f| Some(f.rank) == by_rank && word.len() < 8);
        let named: Vec<PastFinding> = all()
            .filter(|f| f.finding_id.starts_with(word) && !word.is_empty())
            .collect();
        match (ranked, named.as_slice()) {
            (Some(found), _) => Ok(found),
            (None, [found]) => Ok(found.clone()),
            (None, []) => Err(Error::Usage(format!(
                "no finding '{word}' in {}; name its finding_id, the beginning of one, or its rank (1 to {})",
                self.folder.display(),
                self.findings.len()
            ))),
            (None, several) => Err(Error::Usage(format!(
                "'{word}' begins the ids of {} findings ({} …); write more of it",
                several.len(),
                several
                    .iter()
                    .take(3)
                    .map(|f| f.finding_id.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ))),
        }
    }

    fn past_finding(&self, row: usize) -> PastFinding {
        let text = |c| self.findings.text(c, row).to_owned();
        PastFinding {
            finding_id: text("finding_id"),
            rank: self.findings.number("rank", row) as u32,
            score: self.findings.number("score", row),
            severity: text("severity"),
            host: text("host"),
            title: text("title"),
        }
    }
}

impl<'a> PastHit<'a> {
    /// A text column.
    pub fn text(&self, column: &str) -> &'a str {
        self.hits.text(column, self.row)
    }

    /// A number column.
    pub fn number(&self, column: &str) -> f64 {
        self.hits.number(column, self.row)
    }

    /// When it began, microseconds UTC.
    pub fn time(&self) -> i64 {
        time::rfc3339(self.text("time").as_bytes()).map_or(0, |(ts, _)| ts)
    }

    /// What its score is made of.
    pub fn piece(&self) -> Piece<'a> {
        let event = self.text("event");
        Piece {
            signal: self.text("signal"),
            key: self.text("key"),
            family: self.text("family"),
            stage: self.text("stage"),
            source: self.text("source_class"),
            time: self.time(),
            level: Level::parse(self.text("level")).unwrap_or(Level::Info),
            quality: self.number("quality"),
            rarity: self.number("rarity"),
            allow: self.number("allow"),
            link: self.number("link"),
            decisive: self.text("decisive") == "true",
            event: (!event.is_empty()).then(|| event.to_owned()),
        }
    }
}
