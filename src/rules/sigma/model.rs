//! Rules as they were written, checked, before anything is compiled.

use std::sync::Arc;

use super::condition::Name;
use super::expr::Expr;
use super::modifiers::Ask;
use super::question::Compare;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path as given, members of archives behind `!`.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A rule that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejected {
    /// Where it stands.
    pub place: Place,
    /// Its title or id, where it has one.
    pub title: String,
    /// What is wrong and what to do.
    pub reason: String,
}

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.title.is_empty() {
            true => write!(f, "{}: {}", self.place, self.reason),
            false => write!(f, "{}: {}: {}", self.place, self.title, self.reason),
        }
    }
}

/// How bad a match is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// `informational`, and rules that name no level.
    Informational,
    /// `low`.
    Low,
    /// `medium`.
    Medium,
    /// `high`.
    High,
    /// `critical`.
    Critical,
}

impl Severity {
    /// From a rule's `level`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "informational" | "info" => Severity::Informational,
            "low" => Severity::Low,
            "medium" => Severity::Medium,
            "high" => Severity::High,
            "critical" => Severity::Critical,
            _ => return None,
        })
    }

    /// As a rule writes it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Informational => "informational",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// What every document has.
#[derive(Debug, Clone)]
pub struct Header {
    /// `id`, else the title.
    pub id: String,
    /// `name`, by which other rules refer to it.
    pub name: Option<String>,
    /// `title`.
    pub title: String,
    /// `status`, as written; empty where there is none.
    pub status: String,
    /// `level`.
    pub level: Severity,
    /// `tags`, in lower case.
    pub tags: Vec<String>,
    /// `falsepositives`.
    pub benign: Vec<String>,
    /// `description`.
    pub description: String,
    /// `author`: the licence of SigmaHQ's rules asks to name them.
    pub author: String,
    /// `regression_tests_path`: where its own test events are.
    pub tests: String,
    /// What the user should know about it, though it can be used.
    pub notes: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

impl Header {
    /// Whether a reference by id or name means this one.
    pub fn answers_to(&self, reference: &str) -> bool {
        self.id.eq_ignore_ascii_case(reference) || self.name.as_deref() == Some(reference)
    }
}

/// Which logs a rule is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Logsource {
    /// `windows`, `zeek` …
    pub product: Option<String>,
    /// `process_creation`, `proxy` …
    pub category: Option<String>,
    /// `security`, `system` …
    pub service: Option<String>,
}

impl std::fmt::Display for Logsource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("product", &self.product),
            ("category", &self.category),
            ("service", &self.service),
        ];
        let named: Vec<String> = parts
            .iter()
            .filter_map(|(k, v)| v.as_ref().map(|v| format!("{k}: {v}")))
            .collect();
        f.write_str(&named.join(", "))
    }
}

/// A rule about single events.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Title, level …
    pub header: Header,
    /// Its logs.
    pub logsource: Logsource,
    /// What it asks of an event.
    pub condition: Expr<Ask>,
}

/// A rule about several events.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// Title, level …
    pub header: Header,
    /// What is counted.
    pub kind: CorrelationKind,
    /// The rules whose matches are looked at, by id or name.
    pub rules: Vec<String>,
    /// Fields (or aliases) whose values the events must share.
    pub group_by: Vec<String>,
    /// Alias, then rule and field for each.
    pub aliases: Vec<(String, Vec<(String, String)>)>,
    /// Width of the window, microseconds.
    pub timespan: i64,
    /// What must hold.
    pub condition: Needed,
    /// Whether the rules looked at are reported too.
    pub generate: bool,
}

/// Kinds of correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrelationKind {
    /// How many events.
    EventCount,
    /// How many distinct values of a field.
    ValueCount,
    /// All rules within the window, in any order.
    Temporal,
    /// All rules within the window, in their order.
    TemporalOrdered,
    /// Sum of a field.
    Sum,
    /// Mean of a field.
    Average,
    /// Percentile of a field (the nearest rank).
    Percentile,
    /// Median of a field.
    Median,
}

/// What must hold in a window.
#[derive(Debug, Clone)]
pub enum Needed {
    /// Number comparisons, all of them; of a field's values where one is named.
    Numbers {
        /// Comparisons.
        tests: Vec<(Compare, f64)>,
        /// The fields whose values are counted or added up.
        fields: Vec<String>,
        /// Which percentile.
        percentile: f64,
    },
    /// A condition over the rules' names.
    Rules(Expr<Name>),
    /// All rules.
    All,
}

/// A filter: what it matches is no match of the rules it names.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Title …
    pub header: Header,
    /// Only rules about these logs.
    pub logsource: Logsource,
    /// The rules, by id or name; empty for any.
    pub rules: Vec<String>,
    /// What must hold beside the rule's own condition.
    pub condition: Expr<Ask>,
}

/// One document of a rule file.
#[derive(Debug, Clone)]
pub enum Document {
    /// A rule.
    Rule(Rule),
    /// A correlation.
    Correlation(Correlation),
    /// A filter.
    Filter(Filter),
}

impl Document {
    /// Title, level …
    pub fn header(&self) -> &Header {
        match self {
            Document::Rule(r) => &r.header,
            Document::Correlation(c) => &c.header,
            Document::Filter(f) => &f.header,
        }
    }
}
