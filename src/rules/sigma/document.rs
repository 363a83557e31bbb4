//! One YAML document as a rule, correlation or filter.

use std::sync::Arc;

use super::collection;
use super::detection;
use super::model::{
    Correlation, CorrelationKind, Document, Filter, Header, Logsource, Needed, Place, Rejected, Rule, Severity,
};
use super::placeholders::{Filling, Placeholders};
use super::question::Compare;
use super::timespan;
use super::yaml::{self, Node};

/// What is wrong and on which line.
pub(super) type Wrong = (u32, String);

/// The documents of one file and what of it cannot be used.
pub fn read(file: &Arc<str>, text: &str, known: &Placeholders) -> (Vec<Document>, Vec<Rejected>) {
    let reject = |line: u32, title: &str, reason: String| Rejected {
        place: Place {
            file: Arc::clone(file),
            line,
        },
        title: title.to_owned(),
        reason,
    };
    let nodes = match yaml::parse(text) {
        Ok(nodes) => nodes,
        Err(e) => return (Vec::new(), vec![reject(e.line, "", format!("not YAML: {}", e.reason))]),
    };
    let (mut documents, mut rejected) = (Vec::new(), Vec::new());
    for node in collection::merge(nodes) {
        let title = node.get_text("title").or(node.get_text("id")).unwrap_or("").to_owned();
        match document(file, &node, known) {
            Ok(d) => documents.push(d),
            Err((line, reason)) => rejected.push(reject(line, &title, reason)),
        }
    }
    (documents, rejected)
}

fn document(file: &Arc<str>, node: &Node, known: &Placeholders) -> Result<Document, Wrong> {
    if node.map().is_none() {
        return Err((
            node.line,
            "expected a rule: a map with title, logsource and detection".into(),
        ));
    }
    let mut header = header(file, node)?;
    let known = &Filling::new(known);
    if let Some(c) = node.get("correlation") {
        return correlation(header, c).map(Document::Correlation);
    }
    if let Some(f) = node.get("filter") {
        let condition = detection::read(f, known)?;
        header.notes = known.notes();
        return Ok(Document::Filter(Filter {
            header,
            logsource: logsource(node)?,
            rules: match f.get("rules") {
                Some(r) if r.text() == Some("any") => Vec::new(),
                Some(r) => texts(r)?,
                None => Vec::new(),
            },
            condition,
        }));
    }
    let Some(d) = node.get("detection") else {
        return Err((
            node.line,
            "no detection: expected detection, correlation or filter".into(),
        ));
    };
    let logsource = logsource(node)?;
    let condition = detection::read(d, known)?;
    header.notes = known.notes();
    Ok(Document::Rule(Rule {
        header,
        logsource,
        condition,
    }))
}

fn header(file: &Arc<str>, node: &Node) -> Result<Header, Wrong> {
    let text = |key: &str| node.get_text(key).unwrap_or("").trim().to_owned();
    let (id, title) = (text("id"), text("title"));
    let level = match node.get("level") {
        None => Severity::Informational,
        Some(l) => l.text().and_then(Severity::parse).ok_or_else(|| {
            (
                l.line,
                "level must be informational, low, medium, high or critical".to_owned(),
            )
        })?,
    };
    let id = match (id.is_empty(), title.is_empty()) {
        (false, _) => id,
        (true, false) => title.clone(),
        (true, true) => match node.get_text("name") {
            Some(n) => n.to_owned(),
            None => return Err((node.line, "neither id nor title: give it both".into())),
        },
    };
    let list = |key: &str| match node.get(key) {
        Some(n) => n.items().iter().filter_map(|i| i.text().map(str::to_owned)).collect(),
        None => Vec::new(),
    };
    Ok(Header {
        title: if title.is_empty() { id.clone() } else { title },
        id,
        name: node.get_text("name").map(str::to_owned),
        status: text("status").to_ascii_lowercase(),
        level,
        tags: list("tags").iter().map(|t: &String| t.to_ascii_lowercase()).collect(),
        benign: list("falsepositives"),
        description: text("description"),
        author: text("author"),
        tests: text("regression_tests_path"),
        notes: Vec::new(),
        place: Place {
            file: Arc::clone(file),
            line: node.line,
        },
    })
}

fn logsource(node: &Node) -> Result<Logsource, Wrong> {
    let Some(source) = node.get("logsource") else {
        return Err((node.line, "no logsource: name product, category or service".into()));
    };
    let part = |key: &str| {
        source
            .get_text(key)
            .map(|t| t.trim().to_ascii_lowercase())
            .filter(|t| !t.is_empty())
    };
    let out = Logsource {
        product: part("product"),
        category: part("category"),
        service: part("service"),
    };
    if out == Logsource::default() {
        return Err((
            source.line,
            "the logsource names neither product, category nor service".into(),
        ));
    }
    Ok(out)
}

fn texts(node: &Node) -> Result<Vec<String>, Wrong> {
    node.items()
        .iter()
        .map(|n| match n.text() {
            Some(t) => Ok(t.to_owned()),
            None => Err((n.line, "expected a text".to_owned())),
        })
        .collect()
}

fn correlation(header: Header, c: &Node) -> Result<Correlation, Wrong> {
    let kind = match c.get_text("type") {
        Some("event_count") => CorrelationKind::EventCount,
        Some("value_count") => CorrelationKind::ValueCount,
        Some("temporal") => CorrelationKind::Temporal,
        Some("temporal_ordered" | "ordered_temporal") => CorrelationKind::TemporalOrdered,
        Some("value_sum") => CorrelationKind::Sum,
        Some("value_avg") => CorrelationKind::Average,
        Some("value_percentile") => CorrelationKind::Percentile,
        Some("value_median") => CorrelationKind::Median,
        other => {
            let said = other.unwrap_or("nothing");
            let known = "event_count, value_count, temporal, temporal_ordered, value_sum, value_avg, value_percentile or value_median";
            return Err((c.line, format!("the correlation's type is {said}; expected {known}")));
        }
    };
    let list = |key: &str| c.get(key).map_or(Ok(Vec::new()), texts);
    let rules = list("rules")?;
    if rules.is_empty() {
        return Err((c.line, "the correlation names no rules".into()));
    }
    let span = c.get("timespan").or(c.get("timeframe"));
    let Some(span) = span else {
        return Err((
            c.line,
            "the correlation has no timespan; write it like 5m, 24h or 7d".into(),
        ));
    };
    let timespan = span.text().and_then(timespan::parse).ok_or_else(|| {
        (
            span.line,
            "the timespan must be a number and s, m, h, d, w, M or y: 5m, 24h, 7d".to_owned(),
        )
    })?;
    let condition = needed(c, kind)?;
    Ok(Correlation {
        header,
        kind,
        rules,
        group_by: list("group-by")?,
        aliases: aliases(c)?,
        timespan,
        condition,
        generate: c.get_text("generate").is_some_and(|g| g.eq_ignore_ascii_case("true")),
    })
}

fn needed(c: &Node, kind: CorrelationKind) -> Result<Needed, Wrong> {
    let temporal = matches!(kind, CorrelationKind::Temporal | CorrelationKind::TemporalOrdered);
    let Some(condition) = c.get("condition") else {
        return match temporal {
            true => Ok(Needed::All),
            false => Err((
                c.line,
                "the correlation has no condition; write it like 'condition: {gte: 10}'".into(),
            )),
        };
    };
    if let (true, Some(text)) = (temporal, condition.text()) {
        let e = super::condition::parse(text).map_err(|e| (condition.line, e))?;
        return Ok(Needed::Rules(e));
    }
    let Some(entries) = condition.map() else {
        return Err((condition.line, "the condition must be a map such as {gte: 10}".into()));
    };
    let (mut tests, mut fields, mut percentile) = (Vec::new(), Vec::new(), 50.0);
    for e in entries {
        let compare = match e.key.as_str() {
            "eq" => Compare::Equal,
            "lt" => Compare::Less,
            "lte" => Compare::AtMost,
            "gt" => Compare::Greater,
            "gte" => Compare::AtLeast,
            "field" => {
                fields = texts(&e.value)?;
                continue;
            }
            "percentile" => {
                percentile = e
                    .value
                    .number()
                    .filter(|p| (0.0..=100.0).contains(p))
                    .ok_or_else(|| (e.value.line, "percentile must lie between 0 and 100".to_owned()))?;
                continue;
            }
            other => {
                return Err((
                    e.line,
                    format!("'{other}' compares nothing; use eq, lt, lte, gt or gte"),
                ));
            }
        };
        let n = e
            .value
            .number()
            .ok_or_else(|| (e.value.line, format!("'{}' needs a number", e.key)))?;
        tests.push((compare, n));
    }
    if tests.is_empty() && !temporal {
        return Err((
            condition.line,
            "the condition compares nothing; use eq, lt, lte, gt or gte".into(),
        ));
    }
    let needs_field = !temporal && kind != CorrelationKind::EventCount;
    if needs_field && fields.is_empty() {
        return Err((
            condition.line,
            "the condition must name the field whose values count: 'field: TargetUserName'".into(),
        ));
    }
    Ok(match (temporal, tests.is_empty()) {
        (true, true) => Needed::All,
        _ => Needed::Numbers {
            tests,
            fields,
            percentile,
        },
    })
}

/// Alias, then rule and field for each.
type Aliases = Vec<(String, Vec<(String, String)>)>;

fn aliases(c: &Node) -> Result<Aliases, Wrong> {
    let Some(node) = c.get("aliases") else {
        return Ok(Vec::new());
    };
    let wrong = |line| (line, "aliases must be maps: alias: {rule: field}".to_owned());
    let Some(entries) = node.map() else {
        return Err(wrong(node.line));
    };
    entries
        .iter()
        .map(|e| {
            let per_rule = e.value.map().ok_or_else(|| wrong(e.line))?;
            let fields: Result<Vec<_>, Wrong> = per_rule
                .iter()
                .map(|r| Ok((r.key.clone(), r.value.text().ok_or_else(|| wrong(r.line))?.to_owned())))
                .collect();
            Ok((e.key.clone(), fields?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<Document>, Vec<Rejected>) {
        read(&Arc::from("f.yml"), text, &Placeholders::default())
    }

    fn reason(text: &str) -> String {
        let (documents, rejected) = read_text(text);
        assert!(documents.is_empty(), "{text}");
        rejected[0].to_string()
    }

    const RULE: &str = "title: t\nid: 1\nlogsource: {product: windows, category: process_creation}\ndetection:\n  sel: {Image: a}\n  condition: sel\n";

    #[test]
    fn a_rule_a_correlation_and_a_filter() {
        let text = format!(
            "{RULE}---\ntitle: c\ncorrelation: {{type: event_count, rules: [t], group-by: [Computer], timespan: 5m, condition: {{gte: 3}}}}\n---\ntitle: f\nlogsource: {{product: windows}}\nfilter: {{rules: [t], sel: {{User: b}}, condition: not sel}}\n"
        );
        let (documents, rejected) = read_text(&text);
        assert_eq!(rejected, []);
        assert!(matches!(
            documents.as_slice(),
            [Document::Rule(_), Document::Correlation(c), Document::Filter(_)] if c.timespan == 300_000_000
        ));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert!(reason("title: t\ndetection: {a: 1}\n").contains("f.yml:1: t: no logsource"));
        assert!(reason(&RULE.replace("condition: sel", "condition: sol")).contains("'sel'"));
        assert!(reason(&RULE.replace("title: t", "title: t\nlevel: hihg")).contains("f.yml:2"));
        assert!(reason("a: [\n").contains("not YAML"));
        assert!(reason("- a\n").contains("expected a rule"));
        let c = "title: c\ncorrelation:\n  type: event_count\n  rules: [x]\n  timespan: 5\n  condition: {gte: 1}\n";
        assert!(reason(c).contains("f.yml:5"));
        assert!(reason(&c.replace("timespan: 5", "timespan: 5m").replace("gte", "ge")).contains("'ge'"));
        assert!(
            reason(
                &c.replace("timespan: 5", "timespan: 5m")
                    .replace("event_count", "value_count")
            )
            .contains("field")
        );
    }
}
