//! Per signal: `sample_data/signals/<ID>/fires` makes it fire, `quiet` does not, through the real path. Lists lie beside
//! the two folders under the name of their flag.

use std::collections::BTreeSet;
use std::fs;

use coldtrail::signals::SIGNALS;
use rayon::prelude::*;

use crate::support::{hunt, json_lines, root};

fn fired(folder: &std::path::Path) -> BTreeSet<String> {
    let lists = folder.parent().unwrap();
    let mut extra = Vec::new();
    for flag in ["whois", "hashes", "iocs", "assets"] {
        let file = lists.join(format!("{flag}.csv"));
        if file.exists() {
            extra.push(format!("--{flag}"));
            extra.push(file.display().to_string());
        }
    }
    let extra: Vec<&str> = extra.iter().map(String::as_str).collect();
    let out = hunt(folder, &extra);
    json_lines(&out.path().join("signals.jsonl"))
        .iter()
        .map(|s| s["signal"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_signal_fires_on_its_fixture_and_stays_quiet_on_the_other() {
    let failures: Vec<String> = SIGNALS
        .par_iter()
        .flat_map_iter(|signal| {
            let id = signal.meta().id;
            let dir = root().join("sample_data/signals").join(id);
            let mut failed = Vec::new();
            for (name, wanted) in [("fires", true), ("quiet", false)] {
                let folder = dir.join(name);
                if !folder.exists() || fs::read_dir(&folder).unwrap().next().is_none() {
                    failed.push(format!("{id}: no {name} fixture"));
                } else if fired(&folder).contains(id) != wanted {
                    failed.push(format!("{id}: wrong on {name}"));
                }
            }
            failed
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
