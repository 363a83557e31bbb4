//! What an earlier hunt left in its folder, read back: the scored hits of `signals.parquet`, the findings they make.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::time::{self, Ts};
use crate::lake::records::{self, Records};
use crate::lake::scan::TimeRange;
use crate::score::finding::OUTPUT_VERSION;
use crate::score::weigh::Piece;
use crate::signals::Level;

const SIGNALS: &str = "signals.parquet";
const FINDINGS: &str = "findings.parquet";
const RUN: &str = "run.json";
/// Characters by which the beginning of an id names a finding; fewer could be a rank that is not there.
const LEAST_OF_ID: usize = 4;
const FINDING: &[&str] = &[
    "finding_id",
    "rank",
    "score",
    "severity",
    "host",
    "title",
    "first_seen",
    "last_seen",
    "schema_version",
];
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
    /// Its first event, RFC 3339 UTC.
    pub first_seen: String,
    /// Its last event, RFC 3339 UTC.
    pub last_seen: String,
}

/// The finding of a hunt's folder that a word names: its rank, its id or the beginning of one.
///
/// # Errors
/// [`Error::Usage`] where the folder holds no hunt, or no finding or more than one of that name.
pub fn finding(folder: &Path, word: &str) -> Result<PastFinding> {
    named(&findings(folder)?, folder, word)
}

impl PastFinding {
    /// From its first event to its last, and `window` around them.
    pub fn range(&self, window: Ts) -> TimeRange {
        let at = |t: &str| time::rfc3339(t.as_bytes()).map(|(t, _)| t);
        TimeRange {
            from: at(&self.first_seen).map(|t| t.saturating_sub(window)),
            to: at(&self.last_seen).map(|t| t.saturating_add(window).saturating_add(1)),
        }
    }
}

impl Past {
    /// Reads the tables of a hunt.
    ///
    /// # Errors
    /// [`Error::Usage`] where the folder holds no hunt, or one of another version.
    pub fn open(folder: &Path) -> Result<Self> {
        let hits = records::read(&in_folder(folder, SIGNALS)?, HIT)?;
        let findings = findings(folder)?;
        if !hits.is_empty() && !hits.has("event") && !hits.has("asset") {
            return Err(foreign(folder));
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

    /// The finding that a word names: its rank, its id or the beginning of one.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none or more than one.
    pub fn finding(&self, word: &str) -> Result<PastFinding> {
        named(&self.findings, &self.folder, word)
    }
}

fn in_folder(folder: &Path, file: &str) -> Result<PathBuf> {
    let path = folder.join(file);
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::Usage(format!(
        "{}: no {file} there; name the folder of a hunt with --out, or hunt first",
        folder.display()
    )))
}

fn foreign(folder: &Path) -> Error {
    Error::Usage(format!(
        "{}: written by another version of coldtrail; hunt again with this one",
        folder.display()
    ))
}

fn findings(folder: &Path) -> Result<Records> {
    let findings = records::read(&in_folder(folder, FINDINGS)?, FINDING)?;
    match (0..findings.len()).all(|row| findings.number("schema_version", row) as u32 == OUTPUT_VERSION) {
        true => Ok(findings),
        false => Err(foreign(folder)),
    }
}

fn named(findings: &Records, folder: &Path, word: &str) -> Result<PastFinding> {
    let with = |is: &dyn Fn(usize) -> bool| (0..findings.len()).filter(|row| is(*row)).collect::<Vec<_>>();
    let rank = word.trim_start_matches('#').parse::<u32>().ok();
    let mut rows = with(&|row| rank.is_some_and(|rank| findings.number("rank", row) == f64::from(rank)));
    if rows.is_empty() && word.len() >= LEAST_OF_ID {
        rows = with(&|row| findings.text("finding_id", row).starts_with(word));
    }
    match rows.as_slice() {
        [row] => Ok(past_finding(findings, *row)),
        [] => Err(Error::Usage(format!(
            "no finding '{word}' in {}; name its finding_id, at least {LEAST_OF_ID} characters of its beginning, or its rank (1 to {})",
            folder.display(),
            findings.len()
        ))),
        several => {
            let ids: Vec<&str> = several
                .iter()
                .take(3)
                .map(|row| findings.text("finding_id", *row))
                .collect();
            Err(Error::Usage(format!(
                "'{word}' begins the ids of {} findings ({} …); write more of it",
                several.len(),
                ids.join(", ")
            )))
        }
    }
}

fn past_finding(findings: &Records, row: usize) -> PastFinding {
    let text = |c| findings.text(c, row).to_owned();
    PastFinding {
        finding_id: text("finding_id"),
        rank: findings.number("rank", row) as u32,
        score: findings.number("score", row),
        severity: text("severity"),
        host: text("host"),
        title: text("title"),
        first_seen: text("first_seen"),
        last_seen: text("last_seen"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::columns;
    use crate::score::finding::Finding;

    fn folder(ids: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let findings: Vec<Finding> = ids
            .iter()
            .enumerate()
            .map(|(i, id)| Finding {
                schema_version: OUTPUT_VERSION,
                finding_id: (*id).to_owned(),
                rank: i as u32 + 1,
                first_seen: "2025-09-20T11:00:00Z".to_owned(),
                last_seen: "2025-09-20T12:00:00Z".to_owned(),
                ..Finding::default()
            })
            .collect();
        records::write(&dir.path().join(FINDINGS), columns::findings(&findings)).unwrap();
        dir
    }

    #[test]
    fn a_finding_is_named_by_rank_id_or_its_beginning() {
        let dir = folder(&["2222aaaa", "2222bbbb", "12345678"]);
        let id = |word: &str| {
            finding(dir.path(), word)
                .map(|f| f.finding_id)
                .map_err(|e| e.to_string())
        };
        assert_eq!(id("2").as_deref(), Ok("2222bbbb"));
        assert_eq!(id("#1").as_deref(), Ok("2222aaaa"));
        assert_eq!(id("2222a").as_deref(), Ok("2222aaaa"));
        assert_eq!(id("1234").as_deref(), Ok("12345678"), "no such rank, so an id");
        assert!(id("2222").unwrap_err().contains("begins the ids of 2 findings"));
        assert!(id("4").unwrap_err().contains("rank (1 to 3)"));
        assert!(
            id("123").unwrap_err().contains("no finding '123'"),
            "too little of an id"
        );
        assert!(id("").is_err());
    }

    #[test]
    fn a_range_goes_from_the_first_event_to_the_last_and_around() {
        let dir = folder(&["2222aaaa"]);
        let range = finding(dir.path(), "1").unwrap().range(60_000_000);
        let at = |t: &str| time::rfc3339(t.as_bytes()).unwrap().0;
        assert_eq!(range.from, Some(at("2025-09-20T10:59:00Z")));
        assert_eq!(range.to, Some(at("2025-09-20T12:01:00Z") + 1));
    }

    #[test]
    fn a_folder_without_a_hunt_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let error = finding(dir.path(), "1").unwrap_err().to_string();
        assert!(error.contains("findings.parquet") && error.contains("--out"), "{error}");
        let error = Past::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("signals.parquet") && error.contains("--out"), "{error}");
    }
}
