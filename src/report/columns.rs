//! Findings and signals as flat columns, for CSV and Parquet. Nested fields are JSON text.

use serde::Serialize;

use crate::lake::records::Values;
use crate::score::finding::{Finding, SignalHit};

fn json<T: Serialize>(value: &T) -> String {
    // Plain data of our own: serialising it cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn join(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = items.into_iter().map(|i| i.as_ref().to_owned()).collect();
    items.join("; ")
}

fn text<T>(rows: &[T], f: impl Fn(&T) -> String) -> Values {
    Values::Text(rows.iter().map(|r| Some(f(r)).filter(|t| !t.is_empty())).collect())
}

fn float<T>(rows: &[T], f: impl Fn(&T) -> f64) -> Values {
    Values::F64(rows.iter().map(f).collect())
}

fn number<T>(rows: &[T], f: impl Fn(&T) -> u64) -> Values {
    Values::U64(rows.iter().map(|r| Some(f(r))).collect())
}

/// Columns of `findings.csv` and `findings.parquet`.
pub fn findings(rows: &[Finding]) -> Vec<(&'static str, Values)> {
    vec![
        ("rank", number(rows, |f| u64::from(f.rank))),
        ("score", float(rows, |f| f.score)),
        ("severity", text(rows, |f| f.severity.clone())),
        ("host", text(rows, |f| f.host.clone())),
        ("title", text(rows, |f| f.title.clone())),
        ("summary", text(rows, |f| f.summary.clone())),
        ("users", text(rows, |f| join(&f.users))),
        ("first_seen", text(rows, |f| f.first_seen.clone())),
        ("last_seen", text(rows, |f| f.last_seen.clone())),
        ("tactics", text(rows, |f| join(&f.tactics))),
        ("techniques", text(rows, |f| join(f.techniques.iter().map(|t| &t.id)))),
        ("attack_version", text(rows, |f| f.attack_version.clone())),
        ("sources", text(rows, |f| join(&f.sources))),
        ("signals", text(rows, |f| join(f.signals.iter().map(|s| &s.signal)))),
        ("contributions", text(rows, |f| json(&f.contributions))),
        ("gate", text(rows, |f| f.gate.id.clone())),
        ("gate_why", text(rows, |f| f.gate.why.clone())),
        ("iocs", text(rows, |f| json(&f.iocs))),
        ("related", text(rows, |f| join(f.related.iter().map(|r| &r.finding_id)))),
        ("next_steps", text(rows, |f| join(&f.next_steps))),
        ("case_id", text(rows, |f| f.case_id.clone().unwrap_or_default())),
        ("status", text(rows, |f| f.status.clone().unwrap_or_default())),
        ("finding_id", text(rows, |f| f.finding_id.clone())),
        ("schema_version", number(rows, |f| u64::from(f.schema_version))),
    ]
}

/// Columns of `signals.parquet`: everything a score is made of.
pub fn signals(rows: &[SignalHit]) -> Vec<(&'static str, Values)> {
    vec![
        ("signal", text(rows, |s| s.signal.clone())),
        ("rule_id", text(rows, |s| s.rule_id.clone().unwrap_or_default())),
        ("title", text(rows, |s| s.title.clone())),
        ("host", text(rows, |s| s.host.clone())),
        ("time", text(rows, |s| s.time.clone())),
        ("last", text(rows, |s| s.last.clone())),
        ("level", text(rows, |s| s.level.clone())),
        ("techniques", text(rows, |s| join(&s.techniques))),
        ("explain", text(rows, |s| s.explain.clone())),
        ("evidence", text(rows, |s| json(&s.evidence))),
        ("finding_id", text(rows, |s| s.finding_id.clone().unwrap_or_default())),
        (
            "suppressed_by",
            text(rows, |s| s.suppressed_by.clone().unwrap_or_default()),
        ),
        ("family", text(rows, |s| s.family.clone())),
        ("stage", text(rows, |s| s.stage.clone())),
        ("source_class", text(rows, |s| s.source_class.clone())),
        ("key", text(rows, |s| s.key.clone())),
        ("quality", float(rows, |s| s.quality)),
        ("rarity", float(rows, |s| s.rarity)),
        ("hosts_with_key", number(rows, |s| u64::from(s.hosts_with_key))),
        ("allow", float(rows, |s| s.allow)),
        ("link", float(rows, |s| s.link)),
        ("event", text(rows, |s| s.event.clone().unwrap_or_default())),
        ("asset", float(rows, |s| s.asset)),
        ("decisive", text(rows, |s| s.decisive.to_string())),
        ("count", number(rows, |s| s.count)),
        ("users", text(rows, |s| join(&s.users))),
        ("points", float(rows, |s| s.points)),
    ]
}
