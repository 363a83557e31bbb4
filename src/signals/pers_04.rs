//! PERS-04: a permanent WMI subscription that runs something.
//!
//! Sees: consumers that run a command or a script, and bindings to them (Sysmon 20 and 21, WMI-Activity 5861), and the script consumer's
//! host process.
//! Why: the subscription lives in the WMI repository, runs as SYSTEM and shows in none of the usual places.
//! Benign causes: hardware vendors' agents and management suites; event log consumers are left out.
//! Sources: Sigma sysmon_wmi_event_subscription; MITRE ATT&CK T1546.003.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, quote, starts, technique_of};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::rules::launch::{self, folded};
use crate::schema::{common, persist as t, process};

/// See the module.
pub struct Pers04;

const JOIN_S: f64 = 300.0;

static META: Meta = Meta {
    id: "PERS-04",
    title: "WMI subscription",
    sees: "A WMI consumer that runs a command line or a script is created or bound to a filter, or the process that runs script consumers \
           starts a program.",
    why: "WMI subscriptions run code as SYSTEM at events of the attacker's choice and are hard to find on the host.",
    techniques: &["T1546.003", "T1059.001", "T1059.003", "T1059.005", "T1059.007"],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                t::KIND,
                t::NAME,
                t::COMMAND,
                t::ARGS,
                t::CONTENT,
                t::CONSUMER,
                t::FILTER,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "join",
        value: JOIN_S,
        unit: "s",
        source: "[J] filter, consumer and binding of one subscription",
    }],
    benign: &[
        "agents of hardware vendors",
        "management suites that subscribe by command line",
    ],
};

impl Signal for Pers04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut mine: Vec<Hit> = Vec::new();
        for row in rows
            .table(&t::TABLE)
            .iter()
            .filter(|r| r.str(common::ACTION) == "create")
        {
            let found = match row.str(t::KIND) {
                "wmi_consumer" => consumer(row),
                "wmi_binding" => binding(row),
                _ => None,
            };
            let Some(hit) = found else { continue };
            let same = |h: &&mut Hit| row.ts() - h.time <= (cx.number(&META, "join") * 1e6) as i64;
            match mine.last_mut().filter(same) {
                Some(earlier) => {
                    // The consumer says what is run; the binding only that it is.
                    if hit.explain.contains("runs") && !earlier.explain.contains("runs") {
                        (earlier.explain, earlier.key, earlier.techniques) = (hit.explain, hit.key, hit.techniques);
                    }
                    if earlier.rows.len() < 20 {
                        earlier.add_row(row);
                    }
                    earlier.count += 1;
                    earlier.last = row.ts();
                }
                None => mine.push(hit),
            }
        }
        hits.append(&mut mine);
        for row in starts(rows.table(&process::TABLE)) {
            if row.str(process::PARENT_NAME) == "scrcons.exe" {
                let explain = format!("A WMI script consumer started {}", starts::command(row));
                let hit = Hit::at(&META, row, format!("scrcons>{}", row.str(process::IMAGE_NAME)), explain);
                hits.push(hit.techniques(&["T1546.003"]));
            }
        }
    }
}

fn consumer(row: Row<'_>) -> Option<Hit> {
    let class = row.str(t::ARGS).to_lowercase().replace(' ', "");
    let script = class.contains("script");
    if !script && !class.contains("commandline") {
        return None;
    }
    let command = row.str(t::COMMAND);
    let start = launch::read(command);
    let explain = format!(
        "The WMI consumer {} runs {} {}",
        quote(row.str(t::NAME)),
        if script { "the script" } else { "the command" },
        quote(command)
    );
    let mut techniques = vec!["T1546.003"];
    if script {
        let lower = command.to_lowercase();
        let javascript = lower.contains("activexobject") || lower.contains("var ") || lower.contains("jscript");
        techniques.push(if javascript { "T1059.007" } else { "T1059.005" });
    } else {
        techniques.extend(
            technique_of(&start.program, command).filter(|id| id.starts_with("T1059") || id.starts_with("T1218")),
        );
    }
    Some(Hit::at(&META, row, folded(&format!("{}|{command}", row.str(t::NAME))), explain).techniques(&techniques))
}

fn binding(row: Row<'_>) -> Option<Hit> {
    let consumer = row.str(t::CONSUMER);
    let lower = consumer.to_lowercase();
    let runs = lower.contains("commandlineeventconsumer") || lower.contains("activescripteventconsumer");
    // BVTConsumer and the event log's consumer are on every host.
    if !runs || lower.contains("bvtconsumer") || lower.contains("scm event log consumer") {
        return None;
    }
    let command = row.str(t::COMMAND);
    let what = if command.is_empty() {
        String::new()
    } else {
        format!(", which runs {}", quote(command))
    };
    let explain = format!("A WMI filter was bound to {}{what}", quote(consumer));
    let mut techniques = vec!["T1546.003"];
    techniques.extend(technique_of(&launch::read(command).program, command).filter(|id| id.starts_with("T1059")));
    Some(Hit::at(&META, row, folded(&format!("{consumer}|{command}")), explain).techniques(&techniques))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn row(sample: &mut Sample, kind: &str, name: &str, class: &str, command: &str, consumer: &str) {
        sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "create");
            b.text(t::KIND, kind);
            b.text(t::NAME, name);
            b.text(t::ARGS, class);
            b.text(t::COMMAND, command);
            b.text(t::CONSUMER, consumer);
        });
    }

    #[test]
    fn filter_consumer_and_binding_are_one_hit_that_names_the_command() {
        let mut sample = Sample::default();
        row(&mut sample, "wmi_filter", "f", "", "", "");
        row(
            &mut sample,
            "wmi_consumer",
            "c",
            "Command Line",
            "powershell -enc x",
            "",
        );
        row(
            &mut sample,
            "wmi_binding",
            "",
            "",
            "",
            r#"CommandLineEventConsumer.Name="c""#,
        );
        let hits = sample.hits(&Pers04);
        assert_eq!((hits.len(), hits[0].rows.len()), (1, 2));
        assert!(hits[0].explain.contains("powershell -enc x"));
        assert_eq!(hits[0].techniques, ["T1546.003", "T1059.001"]);
    }

    #[test]
    fn event_log_consumers_are_silent() {
        let mut sample = Sample::default();
        row(
            &mut sample,
            "wmi_binding",
            "",
            "",
            "",
            r#"NTEventLogEventConsumer.Name="SCM Event Log Consumer""#,
        );
        row(
            &mut sample,
            "wmi_consumer",
            "SCM Event Log Consumer",
            "NT Event Log",
            "",
            "",
        );
        assert!(sample.hits(&Pers04).is_empty());
    }

    #[test]
    fn a_script_consumer_names_its_language() {
        let mut sample = Sample::default();
        row(
            &mut sample,
            "wmi_consumer",
            "s",
            "Script",
            "Set x = CreateObject(\"WScript.Shell\")",
            "",
        );
        assert_eq!(sample.hits(&Pers04)[0].techniques, ["T1546.003", "T1059.005"]);
    }
}
