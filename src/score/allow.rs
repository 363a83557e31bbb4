//! The user's allowlist: what is known to be harmless here (detection.md 2). An entry matches a hit only if all its keys
//! match; it suppresses the hit or damps it to a tenth. What it took is counted, never silently lost.

mod facts;
mod parse;
pub mod write;

use std::path::Path;

use globset::GlobMatcher;
use regex::Regex;

use crate::base::error::{Error, Result};
use crate::base::ip::Cidr;
use crate::base::time::Ts;
use crate::signals::{Cx, Hit};
use facts::Facts;

/// What an entry does to a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The hit counts nothing and joins no chain.
    Suppress,
    /// The hit counts a tenth.
    Damp,
}

impl Effect {
    /// The factor A of detection.md 7.
    pub fn factor(self) -> f64 {
        match self {
            Effect::Suppress => 0.0,
            Effect::Damp => 0.1,
        }
    }
}

/// One key of an entry with its values; any of them matches.
#[derive(Debug, Clone)]
enum Test {
    Hash(Vec<String>),
    Signer(Vec<GlobMatcher>),
    ImagePath(Vec<GlobMatcher>),
    /// `parent.exe>child.exe`.
    ParentChild(Vec<GlobMatcher>),
    Cmdline(Vec<Regex>),
    Domain(Vec<String>),
    Address(Vec<Cidr>),
    User(Vec<GlobMatcher>),
    Host(Vec<GlobMatcher>),
    Service(Vec<GlobMatcher>),
    Task(Vec<GlobMatcher>),
    Rmm(Vec<String>),
    Signal(Vec<String>),
    /// The key of a hit, whole and in lower case.
    Key(Vec<String>),
    Time(Vec<Hours>),
}

/// Hours of some days, UTC: `mon-fri 08:00-18:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hours {
    /// Bit 0 is Monday.
    days: u8,
    /// Minutes of the day; may pass midnight.
    from: u32,
    until: u32,
}

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `allow.toml:12`.
    pub place: String,
    /// Why it is harmless.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// What it does.
    pub effect: Effect,
    /// The entry does not apply from this time on.
    pub expires: Option<Ts>,
    tests: Vec<Test>,
}

/// All entries.
#[derive(Debug, Clone, Default)]
pub struct Allowlist {
    entries: Vec<Entry>,
    warnings: Vec<String>,
}

/// What an entry did to one hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Number of the entry.
    pub entry: usize,
    /// Its effect.
    pub effect: Effect,
}

/// Verdicts on all hits, and what the entries took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdicts {
    of_hit: Vec<Option<Verdict>>,
    names: Vec<String>,
    /// Entries that matched something, in the order of the file.
    pub suppressions: Vec<Suppression>,
    /// Entries that would have matched a decisive hit and may not, in words.
    pub refused: Vec<String>,
}

/// An entry and how many hits it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Its number among the entries that apply.
    pub index: usize,
    /// `allow.toml:12`.
    pub entry: String,
    /// Its reason.
    pub reason: String,
    /// `suppress` or `damp`.
    pub effect: &'static str,
    /// Hits it matched.
    pub hits: u64,
}

impl Allowlist {
    /// Reads a file. Entries that have expired at `now` (microseconds UTC) are left out, with a warning.
    ///
    /// # Errors
    /// [`Error::Usage`] naming file and line, what is wrong and the nearest valid word.
    pub fn load(path: &Path, now: Ts) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::Usage(format!(
                "{}: cannot read this allowlist: {e}; check the path and its permissions",
                path.display()
            ))
        })?;
        Self::parse(&text, &path.display().to_string(), now)
    }

    /// As [`Allowlist::load`], from text; `name` is used in messages.
    ///
    /// # Errors
    /// As [`Allowlist::load`].
    pub fn parse(text: &str, name: &str, now: Ts) -> Result<Self> {
        let mut out = Self::default();
        for entry in parse::entries(text, name).map_err(Error::Usage)? {
            match entry.expires {
                Some(until) if until <= now => out.warnings.push(format!(
                    "{}: this entry expired on {} and does not apply ({}); renew or remove it",
                    entry.place,
                    crate::base::time::day_string(until),
                    entry.reason
                )),
                _ => out.entries.push(entry),
            }
        }
        Ok(out)
    }

    /// Expired entries, in words.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The entries that apply.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The list without some of its entries.
    #[must_use]
    pub fn without(&self, entries: &[usize]) -> Self {
        let others = self.entries.iter().enumerate().filter(|(i, _)| !entries.contains(i));
        Self {
            entries: others.map(|(_, e)| e.clone()).collect(),
            warnings: Vec::new(),
        }
    }

    /// What the entries say about each hit. Of several that match, one that suppresses wins, then the first.
    pub fn judge(&self, hits: &[Hit], cx: &Cx<'_>) -> Verdicts {
        let mut counts = vec![0u64; self.entries.len()];
        let mut refused = std::collections::BTreeSet::new();
        let mut of_hit = vec![None; hits.len()];
        if !self.entries.is_empty() {
            for (hit, slot) in hits.iter().zip(&mut of_hit) {
                *slot = self.judge_one(hit, cx, &mut refused);
                let entry = slot.map_or(usize::MAX, |v: Verdict| v.entry);
                if let Some(n) = counts.get_mut(entry) {
                    *n += 1;
                }
            }
        }
        let suppressions = self
            .entries
            .iter()
            .zip(counts)
            .enumerate()
            .filter(|(_, (_, n))| *n > 0)
            .map(|(index, (e, hits))| Suppression {
                index,
                entry: e.place.clone(),
                reason: e.reason.clone(),
                effect: if e.effect == Effect::Suppress {
                    "suppress"
                } else {
                    "damp"
                },
                hits,
            });
        Verdicts {
            of_hit,
            names: self.entries.iter().map(|e| e.place.clone()).collect(),
            suppressions: suppressions.collect(),
            refused: refused.into_iter().collect(),
        }
    }

    fn judge_one(&self, hit: &Hit, cx: &Cx<'_>, refused: &mut std::collections::BTreeSet<String>) -> Option<Verdict> {
        let facts = Facts::of(hit, cx);
        let mut found: Option<Verdict> = None;
        for (i, entry) in self.entries.iter().enumerate() {
            if !entry.tests.iter().all(|t| facts.meets(t)) {
                continue;
            }
            if hit.decisive && entry.names_only_who() {
                refused.insert(format!(
                    "{}: names only a host or user and was not applied to {}, which is decisive; name what ran as well",
                    entry.place, hit.meta.id
                ));
                continue;
            }
            let better = found.is_none_or(|f| f.effect == Effect::Damp && entry.effect == Effect::Suppress);
            if better {
                found = Some(Verdict {
                    entry: i,
                    effect: entry.effect,
                });
            }
        }
        found
    }
}

impl Entry {
    /// Whether it says who, where and when, but not what.
    fn names_only_who(&self) -> bool {
        self.tests
            .iter()
            .all(|t| matches!(t, Test::Host(_) | Test::User(_) | Test::Time(_) | Test::Signal(_)))
    }

    /// Whether it covers so much that it must not live for ever: it names no file, command, task, service or tool.
    fn is_broad(&self) -> bool {
        !self.tests.iter().any(|t| match t {
            Test::Hash(_) | Test::ParentChild(_) | Test::Service(_) | Test::Task(_) | Test::Rmm(_) | Test::Key(_) => {
                true
            }
            Test::Cmdline(all) => !all.iter().any(|r| r.is_match("")),
            Test::ImagePath(all) => !all.iter().any(|g| g.glob().glob().starts_with('*')),
            _ => false,
        })
    }
}

impl Verdicts {
    /// What was said about a hit.
    pub fn of(&self, hit: usize) -> Option<Verdict> {
        self.of_hit.get(hit).copied().flatten()
    }

    /// The place of an entry: `allow.toml:12`.
    pub fn name(&self, entry: usize) -> Option<String> {
        self.names.get(entry).cloned()
    }

    /// The factor A of a hit: 0, 0.1 or 1.
    pub fn factor(&self, hit: usize) -> f64 {
        self.of(hit).map_or(1.0, |v| v.effect.factor())
    }

    /// Whether a hit may join chains.
    pub fn keeps(&self, hit: usize) -> bool {
        self.of(hit).is_none_or(|v| v.effect != Effect::Suppress)
    }
}

#[cfg(test)]
#[path = "allow_tests.rs"]
mod tests;
