//! `ecs.jsonl`: Elastic Common Schema 8.17. An alert per finding and a signal per hit, for Elasticsearch and OpenSearch;
//! what the schema has no field for stands under `coldtrail`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Output, Results};
use crate::base::ip;
use crate::base::text::basename;
use crate::knowledge::attack::AttackTable;
use crate::score::finding::{Evidence, Finding, SignalHit};

/// Version of the schema.
const ECS: &str = "8.17.0";

/// Columns of the lake and the field of the schema that means the same.
const FIELDS: &[(&str, &str)] = &[
    ("image", "process.executable"),
    ("cmdline", "process.command_line"),
    ("pid", "process.pid"),
    ("parent_image", "process.parent.executable"),
    ("parent_cmdline", "process.parent.command_line"),
    ("orig_name", "process.pe.original_file_name"),
    ("sha256", "process.hash.sha256"),
    ("src_ip", "source.ip"),
    ("client_ip", "source.ip"),
    ("dst_ip", "destination.ip"),
    ("dst_port", "destination.port"),
    ("dst_host", "destination.domain"),
    ("bytes_out", "source.bytes"),
    ("bytes_in", "destination.bytes"),
    ("tls_sni", "tls.client.server_name"),
    ("qname", "dns.question.name"),
    ("qtype", "dns.question.type"),
    ("rcode", "dns.response_code"),
    ("url_host", "url.domain"),
    ("url_path", "url.path"),
    ("url_query", "url.query"),
    ("method", "http.request.method"),
    ("status", "http.response.status_code"),
    ("ua", "user_agent.original"),
    ("path", "file.path"),
    ("key", "registry.path"),
    ("value_name", "registry.value"),
    ("target_user", "user.target.name"),
    ("event_code", "event.code"),
    ("country", "source.geo.country_name"),
    ("city", "source.geo.city_name"),
    ("sender", "email.from.address"),
    ("subject", "email.subject"),
];

/// Fields of the schema that hold numbers.
const NUMBERS: &[&str] = &[
    "process.pid",
    "destination.port",
    "source.bytes",
    "destination.bytes",
    "http.response.status_code",
];

/// The output.
pub struct EcsJsonl;

impl Output for EcsJsonl {
    fn id(&self) -> &'static str {
        "ecs-jsonl"
    }

    fn file_name(&self) -> &'static str {
        "ecs.jsonl"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        for f in results.findings.iter().filter(|f| !f.is_gone()) {
            line(alert(f, results), w)?;
        }
        for s in &results.signals {
            line(signal(s, results), w)?;
        }
        Ok(())
    }
}

fn line(document: Map<String, Value>, w: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *w, &document)?;
    w.write_all(b"\n")
}

fn alert(f: &Finding, results: &Results) -> Map<String, Value> {
    let mut out = head(&f.last_seen, &f.summary, &f.host, results);
    put(&mut out, "event.kind", json!("alert"));
    put(&mut out, "event.id", json!(f.finding_id));
    put(&mut out, "event.category", json!(["intrusion_detection"]));
    put(&mut out, "event.type", json!(["info"]));
    put(&mut out, "event.severity", json!(severity(&f.severity)));
    put(&mut out, "event.risk_score", json!(f.score));
    put(&mut out, "event.start", json!(f.first_seen));
    put(&mut out, "event.end", json!(f.last_seen));
    put(&mut out, "event.reason", json!(f.title));
    put(&mut out, "tags", json!([f.severity]));
    put(&mut out, "related.hosts", json!([f.host]));
    related(&mut out, "related.user", f.users.iter().chain(&f.iocs.accounts));
    related(
        &mut out,
        "related.ip",
        f.iocs.ips.iter().filter(|a| ip::parse(a).is_some()),
    );
    related(&mut out, "related.hash", f.iocs.sha256.iter());
    threat(&mut out, f.techniques.iter().map(|t| t.id.as_str()), &f.tactics);
    let own = json!({
        "rank": f.rank, "severity": f.severity, "status": f.status, "case_id": f.case_id, "gate": f.gate,
        "contributions": f.contributions, "sources": f.sources, "domains": f.iocs.domains, "urls": f.iocs.urls,
        "next_steps": f.next_steps,
    });
    put(&mut out, "coldtrail", own);
    out
}

fn signal(s: &SignalHit, results: &Results) -> Map<String, Value> {
    let mut out = head(&s.time, &s.explain, &s.host, results);
    put(&mut out, "event.kind", json!("signal"));
    let (category, kind) = category(s);
    put(&mut out, "event.category", json!([category]));
    put(&mut out, "event.type", json!([kind]));
    put(&mut out, "event.severity", json!(severity(&s.level)));
    put(&mut out, "event.start", json!(s.time));
    put(&mut out, "event.end", json!(s.last));
    put(&mut out, "rule.id", json!(s.rule_id.as_ref().unwrap_or(&s.signal)));
    put(&mut out, "rule.name", json!(s.title));
    put(
        &mut out,
        "rule.ruleset",
        json!(if s.rule_id.is_some() { "sigma" } else { "coldtrail" }),
    );
    related(&mut out, "related.user", s.users.iter());
    threat(
        &mut out,
        s.techniques.iter().map(String::as_str),
        std::slice::from_ref(&s.stage),
    );
    if let Some(e) = s.evidence.first() {
        evidence(&mut out, e);
    }
    let own = json!({
        "finding_id": s.finding_id, "points": s.points, "level": s.level, "count": s.count, "key": s.key,
        "suppressed_by": s.suppressed_by, "source_class": s.source_class, "evidence_rows": s.evidence.len(),
        "offset": s.evidence.first().map(|e| e.offset),
    });
    put(&mut out, "coldtrail", own);
    out
}

fn head(time: &str, message: &str, host: &str, results: &Results) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("@timestamp".to_owned(), json!(time));
    put(&mut out, "ecs.version", json!(ECS));
    put(&mut out, "message", json!(message));
    put(&mut out, "event.provider", json!("coldtrail"));
    put(&mut out, "event.module", json!("coldtrail"));
    put(&mut out, "event.dataset", json!("coldtrail.findings"));
    put(&mut out, "event.created", json!(results.run.finished));
    if !host.starts_with("ip:") && !host.starts_with("user:") {
        put(&mut out, "host.name", json!(host));
    }
    put(&mut out, "observer.product", json!("coldtrail"));
    put(&mut out, "observer.version", json!(results.run.tool_version));
    out
}

/// Puts a value where the dots lead; null leaves no trace.
fn put(out: &mut Map<String, Value>, path: &str, value: Value) {
    if value.is_null() {
        return;
    }
    match path.split_once('.') {
        None => {
            out.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = out.entry(first).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn related<'a>(out: &mut Map<String, Value>, path: &str, values: impl Iterator<Item = &'a String>) {
    let values: BTreeSet<&String> = values.collect();
    if !values.is_empty() {
        put(out, path, json!(values));
    }
}

fn threat<'a>(out: &mut Map<String, Value>, techniques: impl Iterator<Item = &'a str>, tactics: &[String]) {
    let table = AttackTable::builtin();
    let (mut parents, mut subs) = (BTreeSet::new(), BTreeSet::new());
    for id in techniques {
        let (parent, sub) = id.split_once('.').map_or((id, None), |(parent, _)| (parent, Some(id)));
        parents.insert(parent);
        subs.extend(sub);
    }
    put(out, "threat.framework", json!("MITRE ATT&CK"));
    let known: Vec<_> = table.tactics().iter().filter(|t| tactics.contains(&t.name)).collect();
    put(
        out,
        "threat.tactic.id",
        json!(known.iter().map(|t| &t.id).collect::<Vec<_>>()),
    );
    put(
        out,
        "threat.tactic.name",
        json!(known.iter().map(|t| &t.name).collect::<Vec<_>>()),
    );
    for (path, ids) in [("threat.technique", parents), ("threat.technique.subtechnique", subs)] {
        let names: Vec<&str> = ids
            .iter()
            .map(|id| table.get(id).map_or("", |t| t.name.as_str()))
            .collect();
        put(out, &format!("{path}.id"), json!(ids));
        put(out, &format!("{path}.name"), json!(names));
    }
}

fn evidence(out: &mut Map<String, Value>, e: &Evidence) {
    put(out, "log.file.path", json!(e.source_file));
    put(out, "event.sequence", json!(e.record));
    for (column, field) in FIELDS {
        let Some(value) = e.fields.get(*column) else { continue };
        if let Some(value) = typed(field, value) {
            put(out, field, value);
        }
    }
    for (column, field) in [("image", "process.name"), ("path", "file.name")] {
        if let Some(path) = e.fields.get(column).and_then(Value::as_str) {
            put(out, field, json!(basename(path)));
        }
    }
    if let Some(user) = e.fields.get("user").and_then(Value::as_str) {
        let (domain, name) = user.split_once('\\').map_or((None, user), |(d, n)| (Some(d), n));
        put(out, "user.name", json!(name));
        put(out, "user.domain", json!(domain));
    }
}

/// The value as the schema wants it; `None` where it cannot be that.
fn typed(field: &str, value: &Value) -> Option<Value> {
    let text = match value {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    if NUMBERS.contains(&field) {
        return text.parse::<u64>().ok().map(|n| json!(n));
    }
    if field.ends_with(".ip") {
        return ip::parse(&text).map(|a| json!(ip::display(&a)));
    }
    Some(json!(text))
}

/// `event.category`, and an `event.type` that the schema expects with it.
fn category(s: &SignalHit) -> (&'static str, &'static str) {
    let table = s.evidence.first().map_or("", |e| e.table.as_str());
    match table {
        "process" | "process_access" | "image_load" | "script" => ("process", "info"),
        "network" | "dns" | "lease" => ("network", "info"),
        "http" => ("web", "info"),
        "file" => ("file", "info"),
        "registry" => ("registry", "change"),
        "auth" => ("authentication", "info"),
        "account" => ("iam", "info"),
        "persist" | "posture" => ("configuration", "info"),
        "alert" => ("malware", "info"),
        "mail" => ("email", "info"),
        _ => ("host", "info"),
    }
}

fn severity(name: &str) -> u8 {
    match name {
        "low" => 25,
        "medium" => 50,
        "high" => 75,
        "critical" => 100,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{hostile, written};

    /// What Elasticsearch would map: a leaf's field and type.
    fn leaves(prefix: &str, value: &Value, out: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(k, v)| {
                let path = if prefix.is_empty() {
                    k.clone()
                } else {
                    format!("{prefix}.{k}")
                };
                leaves(&path, v, out);
            }),
            other => out.push((prefix.to_owned(), other.clone())),
        }
    }

    /// The fields of ECS 8.17 that are written, with their types.
    const SCHEMA: &[(&str, &str)] = &[
        ("@timestamp", "date"),
        ("ecs.version", "keyword"),
        ("message", "keyword"),
        ("tags", "list"),
        ("event.kind", "keyword"),
        ("event.id", "keyword"),
        ("event.category", "list"),
        ("event.type", "list"),
        ("event.severity", "number"),
        ("event.risk_score", "number"),
        ("event.start", "date"),
        ("event.end", "date"),
        ("event.created", "date"),
        ("event.reason", "keyword"),
        ("event.provider", "keyword"),
        ("event.module", "keyword"),
        ("event.dataset", "keyword"),
        ("event.sequence", "number"),
        ("event.code", "keyword"),
        ("host.name", "keyword"),
        ("observer.product", "keyword"),
        ("observer.version", "keyword"),
        ("related.hosts", "list"),
        ("related.user", "list"),
        ("related.ip", "list"),
        ("related.hash", "list"),
        ("rule.id", "keyword"),
        ("rule.name", "keyword"),
        ("rule.ruleset", "keyword"),
        ("threat.framework", "keyword"),
        ("threat.tactic.id", "list"),
        ("threat.tactic.name", "list"),
        ("threat.technique.id", "list"),
        ("threat.technique.name", "list"),
        ("threat.technique.subtechnique.id", "list"),
        ("threat.technique.subtechnique.name", "list"),
        ("log.file.path", "keyword"),
        ("process.name", "keyword"),
        ("file.name", "keyword"),
        ("user.name", "keyword"),
        ("user.domain", "keyword"),
    ];

    /// Values of `event.type` that ECS expects with a value of `event.category`.
    const EXPECTED: &[(&str, &[&str])] = &[
        ("authentication", &["end", "info", "start"]),
        ("configuration", &["access", "change", "creation", "deletion", "info"]),
        ("email", &["info"]),
        ("file", &["access", "change", "creation", "deletion", "info"]),
        ("host", &["access", "change", "end", "info", "start"]),
        (
            "iam",
            &["admin", "change", "creation", "deletion", "group", "info", "user"],
        ),
        ("intrusion_detection", &["allowed", "denied", "info"]),
        ("malware", &["info"]),
        (
            "network",
            &[
                "access",
                "allowed",
                "connection",
                "denied",
                "end",
                "info",
                "protocol",
                "start",
            ],
        ),
        ("process", &["access", "change", "end", "info", "start"]),
        ("registry", &["access", "change", "creation", "deletion"]),
        ("web", &["access", "error", "info"]),
    ];

    #[test]
    fn every_category_has_a_type_that_the_schema_expects_with_it() {
        for table in crate::schema::TABLES {
            let mut hit = hostile().signals[0].clone();
            hit.evidence[0].table = table.name.to_owned();
            let (category, kind) = category(&hit);
            let types = EXPECTED.iter().find(|(c, _)| *c == category).unwrap().1;
            assert!(types.contains(&kind), "{}: {category} {kind}", table.name);
        }
    }

    #[test]
    fn every_field_is_of_the_schema_and_of_its_type() {
        let text = written(&EcsJsonl, &hostile());
        assert_eq!(text.lines().count(), 4, "two findings, two signals");
        for l in text.lines() {
            let mut all = Vec::new();
            leaves("", &serde_json::from_str(l).unwrap(), &mut all);
            for required in ["@timestamp", "ecs.version", "message", "event.kind"] {
                assert!(all.iter().any(|(path, _)| path == required), "{required}");
            }
            for (path, value) in all.iter().filter(|(p, _)| !p.starts_with("coldtrail.")) {
                let known = SCHEMA.iter().find(|(p, _)| p == path).map(|(_, t)| *t);
                let mapped = FIELDS.iter().any(|(_, f)| f == path);
                let kind = known.unwrap_or(if NUMBERS.contains(&path.as_str()) {
                    "number"
                } else {
                    "keyword"
                });
                assert!(known.is_some() || mapped, "{path} is no field of the schema");
                let right = match kind {
                    "list" => value.is_array(),
                    "number" => value.is_number(),
                    "date" => crate::base::time::rfc3339(value.as_str().unwrap().as_bytes()).is_some(),
                    _ => value.is_string(),
                };
                assert!(right, "{path} is {value}, no {kind}");
            }
            let of = |path: &str| all.iter().find(|(p, _)| p == path).unwrap().1[0].clone();
            let category = of("event.category");
            let types = EXPECTED.iter().find(|(c, _)| category == *c).unwrap().1;
            assert!(types.iter().any(|t| of("event.type") == *t), "{category}");
        }
    }

    #[test]
    fn values_that_the_schema_would_refuse_are_left_out() {
        assert_eq!(typed("source.ip", &json!("no address")), None);
        assert_eq!(typed("process.pid", &json!("-")), None);
        assert_eq!(typed("process.pid", &json!(77)), Some(json!(77)));
    }
}
