//! The finding of an earlier hunt: whose timeline, and when.

use std::path::Path;

use serde::Deserialize;

use crate::base::error::{Error, Result};
use crate::base::time::{self, Ts};
use crate::lake::scan::TimeRange;

/// What of `findings.jsonl` a timeline needs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FindingSpan {
    /// Id.
    pub finding_id: String,
    /// Rank.
    pub rank: u64,
    /// Host.
    pub host: String,
    /// Title.
    pub title: String,
    first_seen: String,
    last_seen: String,
}

impl FindingSpan {
    /// From its first event to its last, and `window` around them.
    pub fn range(&self, window: Ts) -> TimeRange {
        let at = |t: &str| time::rfc3339(t.as_bytes()).map(|(t, _)| t);
        TimeRange {
            from: at(&self.first_seen).map(|t| t.saturating_sub(window)),
            to: at(&self.last_seen).map(|t| t.saturating_add(window + 1)),
        }
    }
}

/// The finding of a hunt's output folder with this rank, or whose id begins so.
///
/// # Errors
/// [`Error::Usage`] where there is none, or more than one.
pub fn finding(out: &Path, asked: &str) -> Result<FindingSpan> {
    let path = out.join("findings.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|e| {
        Error::Usage(format!(
            "{}: cannot read the findings of a hunt ({e}); say --out DIR",
            path.display()
        ))
    })?;
    let mut found = Vec::new();
    let mut known = 0;
    for (n, l) in text.lines().enumerate() {
        let f: FindingSpan = serde_json::from_str(l)
            .map_err(|e| Error::Usage(format!("{}:{}: not a finding ({e}); hunt again", path.display(), n + 1)))?;
        known += 1;
        if f.rank.to_string() == asked || (asked.len() >= 4 && f.finding_id.starts_with(asked)) {
            found.push(f);
        }
    }
    match (found.pop(), found.len()) {
        (Some(f), 0) => Ok(f),
        (None, _) => Err(Error::Usage(format!(
            "no finding '{asked}' among the {known} in {}; give a rank or the beginning of a finding_id",
            path.display()
        ))),
        (Some(_), _) => Err(Error::Usage(format!(
            "several findings begin with '{asked}'; give more of the id"
        ))),
    }
}
