//! The vectors of the detection design that these rules can answer alone, where the shared data is present.

use serde_json::Value;

use super::beacon::tests::{Jitter, Random, beacon, browsing, office, poisson};
use super::{content, encoded, similar, strobe};
use crate::knowledge::{bigram::Bigram, domains, programs};

/// Every vector of a signal with whether it must fire; empty, with a notice, when the data is not there.
fn vectors(signal: &str) -> Vec<(bool, Value)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/test_vectors.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: no shared test vectors");
        return Vec::new();
    };
    let lines = text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    lines
        .filter(|v| v["signal"] == signal)
        .map(|v| (v["fire"].as_bool().unwrap(), v))
        .collect()
}

fn check(signal: &str, fires: impl Fn(&Value) -> bool) {
    for (expected, vector) in vectors(signal) {
        assert_eq!(fires(&vector), expected, "{vector}");
    }
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector["row"][field].as_str().unwrap_or_default()
}

#[test]
fn script_01_encoded_commands() {
    check("SCRIPT-01", |v| {
        encoded::encoded_command(text(v, "cmd"), text(v, "image")).is_some()
    });
}

#[test]
fn script_02_content_classes() {
    check("SCRIPT-02", |v| {
        let script = [text(v, "text"), text(v, "cmd")].concat();
        content::classes(&script).count() >= 2
    });
}

#[test]
fn mask_01_imitations() {
    check("MASK-01", |v| {
        let base = programs::base_name(text(v, "image"));
        similar::looks_like_core(base).is_some()
            || similar::double_extension(base).is_some()
            || similar::renamed_tool(text(v, "ofn"), base).is_some()
    });
}

#[test]
fn dns_01_random_labels() {
    check("DNS-01", |v| {
        let name = text(v, "qname");
        let model = Bigram::builtin();
        let leftmost = name.split('.').next().unwrap();
        let random = model.is_random(leftmost) || domains::registrable_label(name).is_some_and(|l| model.is_random(l));
        random && !domains::cdn_or_cloud(name)
    });
}

#[test]
fn net_01_beacons() {
    check("NET-01", |v| {
        let g = &v["gen"];
        let number = |field: &str| g[field].as_f64().unwrap_or_default();
        let mut r = Random(7);
        let span = 3_600.0 * number("span_h") + 86_400.0 * number("days");
        let mut times = match g["kind"].as_str().unwrap() {
            "poisson" => poisson(&mut r, number("rate_per_h") / 3_600.0, span),
            "browsing" => browsing(&mut r, g["days"].as_u64().unwrap() as usize),
            _ => {
                let n = number("n");
                let span = if n > 0.0 { (n + 0.5) * number("period") } else { span };
                let jitter = Jitter::Sleep(number("jitter"));
                beacon(&mut r, number("period"), jitter, span, number("missing"), 1)
            }
        };
        if g["office_hours"] == true {
            times = office(times);
        }
        let times: Vec<i64> = times.iter().map(|t| (t * 1e6) as i64).collect();
        super::beacon::analyze(&times, None).is_some_and(|b| b.fires())
    });
}

#[test]
fn net_02_strobes() {
    check("NET-02", |v| {
        let counts = v["gen"]["per_minute"].as_array().unwrap().iter();
        let counts: Vec<usize> = counts.map(|n| n.as_u64().unwrap() as usize).collect();
        strobe::strobe(&strobe::tests::series(&counts)).is_some_and(|s| s.fires())
    });
}
