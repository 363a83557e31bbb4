//! `attack-navigator.json`: a layer (format 4.5) for the ATT&CK Navigator. A technique's score is that of the best
//! finding that shows it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Output, Results};
use crate::base::text::{for_terminal, truncate_chars};

/// Hosts named in a comment.
const HOSTS: usize = 20;

/// The output.
pub struct AttackNavigator;

impl Output for AttackNavigator {
    fn id(&self) -> &'static str {
        "attack-navigator"
    }

    fn file_name(&self) -> &'static str {
        "attack-navigator.json"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *w, &layer(results))?;
        w.write_all(b"\n")
    }
}

#[derive(Default)]
struct Shown<'a> {
    best: f64,
    findings: u64,
    hosts: Vec<&'a str>,
    signals: Vec<&'a str>,
}

fn layer(results: &Results) -> Value {
    let mut shown: BTreeMap<&str, Shown<'_>> = BTreeMap::new();
    for f in results.findings.iter().filter(|f| !f.is_gone()) {
        for t in &f.techniques {
            let s = shown.entry(&t.id).or_default();
            s.best = s.best.max(f.score);
            s.findings += 1;
            if !s.hosts.contains(&f.host.as_str()) {
                s.hosts.push(&f.host);
            }
            for hit in f.signals.iter().filter(|h| h.techniques.contains(&t.id)) {
                if !s.signals.contains(&hit.signal.as_str()) {
                    s.signals.push(&hit.signal);
                }
            }
        }
    }
    let mut techniques: Vec<Value> = shown.iter().map(|(id, s)| technique(id, s)).collect();
    // A parent without evidence of its own is listed so that its sub-techniques are unfolded.
    let mut parents: Vec<&str> = shown
        .keys()
        .filter_map(|id| id.split_once('.'))
        .map(|(parent, _)| parent)
        .collect();
    parents.dedup();
    techniques.extend(
        parents
            .iter()
            .filter(|p| !shown.contains_key(*p))
            .map(|p| json!({"techniqueID": p, "enabled": true, "showSubtechniques": true})),
    );
    json!({
        "name": "coldtrail",
        "versions": {"attack": results.run.attack_version, "navigator": "5.1.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": format!(
            "{} findings of the hunt that ended {}; the score is that of the best finding with the technique",
            results.findings.len(),
            results.run.finished
        ),
        "sorting": 3,
        "layout": {"layout": "side", "aggregateFunction": "max", "showID": true, "showName": true, "showAggregateScores": false, "countUnscored": false},
        "hideDisabled": false,
        "techniques": techniques,
        "gradient": {"colors": ["#fff3c4ff", "#f59e42ff", "#c81e4aff"], "minValue": 0, "maxValue": 100},
        "legendItems": [],
        "metadata": [{"name": "tool", "value": format!("coldtrail {}", results.run.tool_version)}],
        "showTacticRowBackground": false,
        "selectTechniquesAcrossTactics": true,
        "selectSubtechniquesWithParent": false
    })
}

fn technique(id: &str, s: &Shown<'_>) -> Value {
    let mut hosts: Vec<String> = s.hosts.iter().take(HOSTS).map(|h| clean(h)).collect();
    if s.hosts.len() > HOSTS {
        hosts.push(format!("{} more", s.hosts.len() - HOSTS));
    }
    let signals: Vec<String> = s.signals.iter().map(|h| clean(h)).collect();
    json!({
        "techniqueID": id,
        "score": s.best,
        "enabled": true,
        "showSubtechniques": true,
        "comment": format!("{} on {}", signals.join(", "), hosts.join(", ")),
        "metadata": [{"name": "findings", "value": s.findings.to_string()}, {"name": "hosts", "value": s.hosts.len().to_string()}]
    })
}

fn clean(text: &str) -> String {
    for_terminal(truncate_chars(text, 100)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{hostile, written};

    #[test]
    fn a_layer_holds_each_technique_once_with_its_best_score() {
        let layer: Value = serde_json::from_str(&written(&AttackNavigator, &hostile())).unwrap();
        assert_eq!(layer["versions"]["layer"], "4.5");
        assert_eq!(layer["versions"]["attack"], "19");
        assert_eq!(layer["domain"], "enterprise-attack");
        let techniques = layer["techniques"].as_array().unwrap();
        let ids: Vec<&str> = techniques.iter().map(|t| t["techniqueID"].as_str().unwrap()).collect();
        assert_eq!(ids, ["T1059.001", "T1071", "T1059"]);
        assert_eq!(techniques[0]["score"], 91.5);
        assert_eq!(techniques[2].get("score"), None);
        assert!(!layer.to_string().contains('\u{1b}'));
    }

    /// Properties of format 4.5 with their types, as the specification lists them.
    const LAYER: &[(&str, &str)] = &[
        ("name", "string"),
        ("versions", "object"),
        ("domain", "string"),
        ("description", "string"),
        ("sorting", "number"),
        ("layout", "object"),
        ("hideDisabled", "boolean"),
        ("techniques", "array"),
        ("gradient", "object"),
        ("legendItems", "array"),
        ("metadata", "array"),
        ("showTacticRowBackground", "boolean"),
        ("selectTechniquesAcrossTactics", "boolean"),
        ("selectSubtechniquesWithParent", "boolean"),
    ];
    const TECHNIQUE: &[(&str, &str)] = &[
        ("techniqueID", "string"),
        ("score", "number"),
        ("enabled", "boolean"),
        ("showSubtechniques", "boolean"),
        ("comment", "string"),
        ("metadata", "array"),
    ];
    const LAYOUT: &[(&str, &str)] = &[
        ("layout", "string"),
        ("aggregateFunction", "string"),
        ("showID", "boolean"),
        ("showName", "boolean"),
        ("showAggregateScores", "boolean"),
        ("countUnscored", "boolean"),
    ];

    fn fits(object: &Value, properties: &[(&str, &str)], required: &[&str]) {
        for (name, value) in object.as_object().unwrap() {
            let kind = properties.iter().find(|(n, _)| n == name).map(|(_, k)| *k);
            let is = match value {
                Value::String(_) => "string",
                Value::Number(_) => "number",
                Value::Bool(_) => "boolean",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
                Value::Null => "null",
            };
            assert_eq!(kind, Some(is), "{name}");
        }
        for name in required {
            assert!(object.get(name).is_some(), "{name} is required");
        }
    }

    #[test]
    fn a_layer_has_the_shape_of_the_specification() {
        let layer: Value = serde_json::from_str(&written(&AttackNavigator, &hostile())).unwrap();
        fits(&layer, LAYER, &["name", "domain", "versions"]);
        fits(&layer["layout"], LAYOUT, &[]);
        assert_eq!(layer["versions"].as_object().unwrap().len(), 3);
        assert!((0..=3).contains(&layer["sorting"].as_i64().unwrap()));
        assert!(["side", "flat", "mini"].contains(&layer["layout"]["layout"].as_str().unwrap()));
        for t in layer["techniques"].as_array().unwrap() {
            fits(t, TECHNIQUE, &["techniqueID"]);
            let id = t["techniqueID"].as_str().unwrap();
            assert!(
                id.strip_prefix('T')
                    .is_some_and(|n| n.chars().all(|c| c.is_ascii_digit() || c == '.')),
                "{id}"
            );
            for m in t["metadata"].as_array().into_iter().flatten() {
                fits(m, &[("name", "string"), ("value", "string")], &["name", "value"]);
            }
        }
        let gradient = &layer["gradient"];
        assert!(
            gradient["colors"].as_array().unwrap().len() >= 2
                && gradient["minValue"] == 0
                && gradient["maxValue"] == 100
        );
    }
}
