//! LAT-02: a scheduled task is made on another host, or on this one from another.
//!
//! Sees: writes to the task scheduler's pipe `atsvc` over the network followed by a task, tasks registered under a network logon, and
//! `schtasks /create /s HOST` or `at \\HOST` on the ordering side.
//! Why: it runs a command as SYSTEM on the other host with Windows' own tools.
//! Benign causes: management servers and administrators' scripts.
//! Sources: Sigma's and Elastic's rules on atsvc; MITRE ATT&CK T1053.005 and T1021.002.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::remote_sessions::{self, RemoteSessions, origin};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::ip;
use crate::lake::frame::Row;
use crate::rules::cmdline;
use crate::rules::launch::folded;
use crate::schema::{auth, common, file, persist, process};

/// See the module.
pub struct Lat02;

const JOIN_S: f64 = 60.0;
/// FILE_WRITE_DATA.
const WRITE_DATA: i64 = 0x2;

static META: Meta = Meta {
    id: "LAT-02",
    title: "Remote scheduled task",
    sees: "A task is registered within a minute of a write to the pipe atsvc from another host or under a network logon, or a command makes or \
           runs a task on another host.",
    why: "A task on another host is execution there, mostly as SYSTEM.",
    techniques: &["T1053.005", "T1021.002", "T1053.002"],
    stage: "lateral-movement",
    family: "lateral movement",
    key: Key::Host,
    reads: &[
        Reads {
            table: &persist::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                common::LOGON_ID,
                persist::KIND,
                persist::NAME,
                persist::COMMAND,
                persist::ARGS,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &file::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                file::NAME,
                file::SHARE,
                file::ACCESS_MASK,
                file::CLIENT_IP,
            ],
        },
        Reads {
            table: &auth::TABLE,
            columns: remote_sessions::COLUMNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "join",
        value: JOIN_S,
        unit: "s",
        source: "[J] order and registration lie milliseconds apart; clocks do not",
    }],
    benign: &["management servers", "administrators' scripts over many hosts"],
};

impl Signal for Lat02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let sessions = RemoteSessions::new(rows.table(&auth::TABLE));
        let pipes: Vec<Row<'_>> = rows.table(&file::TABLE).iter().filter(|r| is_order(*r)).collect();
        let mut last: Option<(String, i64)> = None;
        for row in rows.table(&persist::TABLE).iter() {
            if row.str(persist::KIND) != "task" || !matches!(row.str(common::ACTION), "create" | "update") {
                continue;
            }
            let window = (cx.number(&META, "join") * 1e6) as i64;
            let pipe = pipes
                .iter()
                .rev()
                .find(|p| (row.ts() - p.ts()).abs() <= window)
                .copied();
            let logon = sessions.of(row.int(common::LOGON_ID));
            let Some(order) = pipe.or(logon) else {
                continue;
            };
            let name = row.str(persist::NAME).trim_start_matches('\\').to_lowercase();
            // Security and the task scheduler both log it.
            if last
                .as_ref()
                .is_some_and(|(n, ts)| *n == name && row.ts() - ts <= window)
            {
                continue;
            }
            last = Some((name.clone(), row.ts()));
            let from = match (logon, pipe) {
                (Some(l), _) => origin(l),
                (_, Some(p)) => p
                    .ip(file::CLIENT_IP)
                    .map_or_else(|| "another host".to_owned(), |a| ip::display(&a)),
                _ => String::new(),
            };
            let command = format!("{} {}", row.str(persist::COMMAND), row.str(persist::ARGS));
            let explain = format!(
                "Task {} was registered from {from} to run {}",
                quote(row.str(persist::NAME)),
                quote(&command)
            );
            let techniques: &[&str] = if pipe.is_some() {
                &["T1053.005", "T1021.002"]
            } else {
                &["T1053.005"]
            };
            let mut hit =
                Hit::at(&META, row, format!("{}|{}", folded(&name), folded(&command)), explain).techniques(techniques);
            hit.add_row(order);
            hits.push(hit);
        }
        for row in starts(rows.table(&process::TABLE)) {
            hits.extend(of_command(row));
        }
    }
}

fn is_order(row: Row<'_>) -> bool {
    row.str(common::ACTION) == "share_access"
        && row.str(file::NAME) == "atsvc"
        && row.int(file::ACCESS_MASK).is_some_and(|m| m & WRITE_DATA != 0)
        && row.ip(file::CLIENT_IP).is_none_or(|a| !ip::is_loopback(&a))
}

fn of_command(row: Row<'_>) -> Option<Hit> {
    let at = starts::is_one_of(row, &["at"]);
    if !at && !starts::is_one_of(row, &["schtasks"]) {
        return None;
    }
    let tokens = cmdline::tokenize(row.str(process::CMDLINE));
    let has = |names: &[&str]| {
        tokens
            .iter()
            .position(|w| names.iter().any(|n| w.eq_ignore_ascii_case(n)))
    };
    let host = match at {
        true => tokens
            .get(1)
            .filter(|w| w.starts_with("\\\\"))
            .filter(|_| tokens.len() > 2)?,
        false => {
            has(&["/create", "-create", "/run", "-run", "/change", "-change"])?;
            tokens.get(has(&["/s", "-s"])? + 1)?
        }
    };
    let local = host.trim_start_matches('\\').split('.').next().unwrap_or("");
    if local.eq_ignore_ascii_case(row.host()) || local.eq_ignore_ascii_case("localhost") || local == "127" {
        return None;
    }
    let explain = format!("A task was ordered on {}: {}", quote(host), starts::command(row));
    let techniques: &[&str] = if at { &["T1053.002"] } else { &["T1053.005"] };
    Some(Hit::at(&META, row, "schtasks to another host", explain).techniques(techniques))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn task(pipe_mask: Option<i64>, logon_type: i64) -> Vec<Hit> {
        let mut sample = Sample::default();
        if let Some(mask) = pipe_mask {
            sample.row(&file::TABLE, "srv", "2026-03-02T09:00:00Z", |b| {
                b.text(common::ACTION, "share_access");
                b.text(file::NAME, "atsvc");
                b.int(file::ACCESS_MASK, mask);
                b.ip(file::CLIENT_IP, &ip::parse("10.0.0.9").unwrap());
            });
        }
        sample.row(&auth::TABLE, "srv", "2026-03-02T08:59:59Z", |b| {
            b.text(common::ACTION, "logon");
            b.int(auth::LOGON_TYPE, logon_type);
            b.text(auth::TARGET_USER, "adm");
            b.int(auth::TARGET_LOGON_ID, 77);
            b.ip(auth::SRC_IP, &ip::parse("10.0.0.9").unwrap());
        });
        sample.row(&persist::TABLE, "srv", "2026-03-02T09:00:01Z", |b| {
            b.text(common::ACTION, "create");
            b.text(persist::KIND, "task");
            b.text(persist::NAME, "\\a");
            b.int(common::LOGON_ID, 77);
        });
        sample.hits(&Lat02)
    }

    #[test]
    fn the_pipe_or_a_network_session_makes_a_task_remote() {
        assert_eq!(task(Some(0x3), 2)[0].techniques, ["T1053.005", "T1021.002"]);
        assert!(task(None, 3)[0].explain.contains("10.0.0.9"));
        assert!(task(Some(0x1), 2).is_empty());
        assert!(task(None, 2).is_empty());
    }

    #[test]
    fn the_ordering_side_names_its_target() {
        let run = |line: &str| {
            let mut sample = Sample::default();
            sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(process::IMAGE_NAME, "schtasks.exe");
                b.text(process::CMDLINE, line);
            });
            sample.hits(&Lat02).len()
        };
        assert_eq!(run("schtasks /create /s SRV2 /tn a /tr cmd"), 1);
        assert_eq!(run("schtasks /query /s SRV2"), 0);
        assert_eq!(run("schtasks /create /s WS01 /tn a /tr cmd"), 0);
        assert_eq!(run("schtasks /create /tn a /tr cmd /s"), 0);
    }
}
