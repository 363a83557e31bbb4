//! PERS-03: a scheduled task is made, changed or hidden.
//!
//! Sees: Security 4698 and 4702, TaskScheduler 106 and 140, `schtasks /create`, `at`, Register-ScheduledTask, and the removal of a
//! task's security descriptor from the registry, which hides it. One task within a minute is one hit.
//! Why: tasks run at any time as any user, also ordered from another host, and many are made for one run only.
//! Benign causes: updaters, management agents, Windows itself (its own folder counts only with an odd action).
//! Sources: Sigma's and Elastic's rules on scheduled tasks; MITRE ATT&CK T1053.005; Microsoft's report on hidden tasks (Tarrask).

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes};
use super::remote_sessions::{self, RemoteSessions, origin};
use super::script_blocks;
use super::starts::{self, quote, starts, technique_of};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::entity::fleet::Thing;
use crate::lake::frame::Row;
use crate::rules::launch::{self, folded};
use crate::rules::{cmdline, paths};
use crate::schema::{auth, common, file, persist as t, process, registry, script};

/// See the module.
pub struct Pers03;

const JOIN_S: f64 = 60.0;
const SHORT_LIVED_S: f64 = 600.0;
const COMMON_SHARE: f64 = 0.05;
const COMMON_HOSTS: f64 = 3.0;
/// FILE_WRITE_DATA.
const WRITE_DATA: i64 = 0x2;

static META: Meta = Meta {
    id: "PERS-03",
    title: "Scheduled task",
    sees: "A scheduled task is created, changed or hidden; high where it runs an interpreter or a file of a user's folder, was ordered \
           over the network, is deleted within ten minutes, or runs as SYSTEM for a user who made it on the command line.",
    why: "Tasks give persistence, higher rights and execution on other hosts with the tools of Windows.",
    techniques: &["T1053.005", "T1053.002", "T1059.001", "T1059.003", "T1564"],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                common::LOGON_ID,
                t::KIND,
                t::NAME,
                t::COMMAND,
                t::ARGS,
                t::CONTENT,
                t::ACCOUNT,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &registry::TABLE,
            columns: registry_changes::COLUMNS,
        },
        Reads {
            table: &script::TABLE,
            columns: script_blocks::COLUMNS,
        },
        Reads {
            table: &auth::TABLE,
            columns: remote_sessions::COLUMNS,
        },
        Reads {
            table: &file::TABLE,
            columns: &[
                common::ACTION,
                file::NAME,
                file::SHARE,
                file::ACCESS_MASK,
                file::CLIENT_IP,
            ],
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "join",
            value: JOIN_S,
            unit: "s",
            source: "[J] what several logs say of one task; a network logon before it",
        },
        Threshold {
            name: "short_lived",
            value: SHORT_LIVED_S,
            unit: "s",
            source: "[J] a task that is deleted after its one run",
        },
        Threshold {
            name: "common_share",
            value: COMMON_SHARE,
            unit: "share of hosts",
            source: "[J] software that is rolled out",
        },
        Threshold {
            name: "common_hosts",
            value: COMMON_HOSTS,
            unit: "hosts",
            source: "[J] no claim from fewer",
        },
    ],
    benign: &[
        "updaters that make their tasks anew",
        "management agents",
        "backup and maintenance by script",
    ],
};

struct Task<'a> {
    rows: Vec<Row<'a>>,
    ts: i64,
    name: String,
    command: String,
    reasons: Vec<String>,
    update: bool,
    at: bool,
}

impl Signal for Pers03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let sessions = RemoteSessions::new(rows.table(&auth::TABLE));
        let mut found = Vec::new();
        let tasks: Vec<Row<'_>> = rows
            .table(&t::TABLE)
            .iter()
            .filter(|r| r.str(t::KIND) == "task")
            .collect();
        for row in tasks
            .iter()
            .filter(|r| matches!(r.str(common::ACTION), "create" | "update"))
        {
            found.push(registered(cx, *row, rows, &sessions));
        }
        for row in starts(rows.table(&process::TABLE)) {
            found.extend(from_command(row));
        }
        from_scripts(rows, &mut found);
        for mut task in joined(cx, found) {
            short_lived(cx, &tasks, &mut task);
            hits.extend(judge(cx, task));
        }
        hidden(rows, hits);
    }
}

fn registered<'a>(cx: &Cx<'_>, row: Row<'a>, rows: &KeyRows<'a>, sessions: &RemoteSessions<'a>) -> Task<'a> {
    let command = format!("{} {}", row.str(t::COMMAND), row.str(t::ARGS));
    let mut task = Task::of(row, row.str(t::NAME), command.trim());
    task.update = row.str(common::ACTION) == "update";
    if let Some(logon) = sessions.of(row.int(common::LOGON_ID)) {
        task.reasons
            .push(format!("ordered over a network logon from {}", origin(logon)));
        task.rows.push(logon);
    } else if let Some(pipe) = remote_order(cx, rows, row.ts()) {
        let from = pipe.ip(file::CLIENT_IP).map_or_else(String::new, |a| ip::display(&a));
        task.reasons
            .push(format!("ordered through the task scheduler's pipe from {from}"));
        task.rows.push(pipe);
    }
    if row.str(t::CONTENT).contains("<Hidden>true</Hidden>") && !is_windows_own(row.str(t::NAME)) {
        let start = launch::read(command.trim());
        if !paths::is_protected(&start.path) {
            task.reasons.push("it is marked hidden".to_owned());
        }
    }
    task
}

/// A write to the pipe `atsvc` over the network shortly before.
fn remote_order<'a>(cx: &Cx<'_>, rows: &KeyRows<'a>, ts: i64) -> Option<Row<'a>> {
    let is_order = |r: &Row<'_>| {
        r.str(file::NAME) == "atsvc"
            && r.str(common::ACTION) == "share_access"
            && r.int(file::ACCESS_MASK).is_some_and(|m| m & WRITE_DATA != 0)
            && r.ip(file::CLIENT_IP).is_some_and(|a| !ip::is_loopback(&a))
    };
    rows.table(&file::TABLE)
        .between(ts - (cx.number(&META, "join") * 1e6) as i64, ts)
        .iter()
        .rev()
        .find(is_order)
}

fn from_command(row: Row<'_>) -> Option<Task<'_>> {
    let at = starts::is_one_of(row, &["at"]);
    if !at && !starts::is_one_of(row, &["schtasks"]) {
        return None;
    }
    let tokens = cmdline::tokenize(row.str(process::CMDLINE));
    let option = |name: &str| {
        let at = tokens
            .iter()
            .position(|w| w.eq_ignore_ascii_case(name) || w.eq_ignore_ascii_case(&name.replace('/', "-")))?;
        tokens.get(at + 1).map(String::as_str)
    };
    let has = |name: &str| {
        tokens
            .iter()
            .any(|w| w.eq_ignore_ascii_case(name) || w.eq_ignore_ascii_case(&name.replace('/', "-")))
    };
    if at {
        // `at [\\host] 12:00 command`
        let time = tokens
            .iter()
            .position(|w| w.contains(':') && w.bytes().next().is_some_and(|b| b.is_ascii_digit()))?;
        let command = tokens.get(time + 1..)?.join(" ");
        let mut task = Task::of(row, "at", &command);
        task.at = true;
        return Some(task);
    }
    if !(has("/create") || has("/change") && option("/tr").is_some()) {
        return None;
    }
    let mut task = Task::of(row, option("/tn").unwrap_or("task"), option("/tr").unwrap_or(""));
    let as_system = option("/ru").is_some_and(|u| u.to_lowercase().trim_start_matches("nt authority\\") == "system");
    let by_system = row.str(common::USER).eq_ignore_ascii_case("system") || row.str(common::USER).ends_with('$');
    let start = launch::read(&task.command);
    if as_system && !by_system && !paths::is_protected(&start.path) {
        task.reasons.push("a user had it run as SYSTEM".to_owned());
    }
    if let Some(host) = option("/s") {
        task.reasons.push(format!("created on {host} from here"));
    }
    if let Some(xml) = option("/xml").filter(|p| paths::user_writable(p).is_some()) {
        task.reasons.push(format!("its definition comes from {}", quote(xml)));
    }
    Some(task)
}

fn from_scripts<'a>(rows: &KeyRows<'a>, out: &mut Vec<Task<'a>>) {
    static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:register-scheduledtask|new-scheduledtaskaction|schedule\.service)\b[^\r\n]{0,400}").ok()
    });
    for block in script_blocks::blocks(rows.table(&script::TABLE)) {
        // Longer blocks are modules that define such functions.
        if block.text.len() > 20_000 {
            continue;
        }
        if let Some(call) = CALL.as_ref().and_then(|r| r.find(&block.text)) {
            let name = call
                .as_str()
                .split_whitespace()
                .skip_while(|w| !w.eq_ignore_ascii_case("-taskname"))
                .nth(1)
                .unwrap_or("script");
            let mut task = Task::of(block.row, name.trim_matches(['"', '\'']), "");
            task.command = quote(call.as_str());
            out.push(task);
        }
    }
}

fn joined<'a>(cx: &Cx<'_>, mut found: Vec<Task<'a>>) -> Vec<Task<'a>> {
    found.sort_by_key(|n| (n.ts, n.rows.first().map(|r| r.table().ix())));
    let mut last: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<Task<'_>> = Vec::new();
    for task in found {
        let name = task.name.trim_start_matches('\\').to_lowercase();
        let earlier = last.get(&name).and_then(|at| out.get_mut(*at));
        match earlier {
            Some(e) if task.ts - e.ts <= (cx.number(&META, "join") * 1e6) as i64 => {
                if e.command.is_empty() {
                    e.command = task.command;
                }
                e.reasons.extend(task.reasons);
                e.rows.extend(task.rows);
                e.update &= task.update;
            }
            _ => {
                last.insert(name, out.len());
                out.push(task);
            }
        }
    }
    out
}

fn short_lived<'a>(cx: &Cx<'_>, tasks: &[Row<'a>], task: &mut Task<'a>) {
    let name = task.name.trim_start_matches('\\');
    let deleted = tasks.iter().find(|r| {
        r.str(common::ACTION) == "delete"
            && r.str(t::NAME).trim_start_matches('\\').eq_ignore_ascii_case(name)
            && (0..=(cx.number(&META, "short_lived") * 1e6) as i64).contains(&(r.ts() - task.ts))
    });
    // Windows makes and deletes its own tasks all day.
    if let Some(row) = deleted.filter(|_| !is_windows_own(&task.name) && !task.update) {
        task.reasons
            .push(format!("it was deleted {} s later", (row.ts() - task.ts) / 1_000_000));
        task.rows.push(*row);
    }
}

fn judge(cx: &Cx<'_>, mut task: Task<'_>) -> Option<Hit> {
    let start = launch::read(&task.command);
    let mut reasons: Vec<String> = start.reasons.iter().map(|r| format!("its action {r}")).collect();
    reasons.append(&mut task.reasons);
    if task.at {
        reasons.push("it was made with the outdated command at".to_owned());
    }
    reasons.dedup();
    if reasons.is_empty() && (is_windows_own(&task.name) || is_common(cx, &task.name)) {
        return None;
    }
    let row = *task.rows.first()?;
    let what = if task.update { "was changed" } else { "was created" };
    let action = if task.command.is_empty() {
        String::new()
    } else {
        format!(" to run {}", quote(&task.command))
    };
    let why = if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join("; "))
    };
    let key = format!("{}|{}", folded(&task.name), folded(&task.command));
    let level = if reasons.is_empty() { Level::Low } else { Level::High };
    let mut techniques = vec![if task.at { "T1053.002" } else { "T1053.005" }];
    techniques.extend(
        technique_of(&start.program, &task.command).filter(|id| id.starts_with("T1059") || id.starts_with("T1218")),
    );
    let explain = format!("Task {} {what}{action}{why}", quote(&task.name));
    let mut hit = Hit::at(&META, row, key, explain).level(level).techniques(&techniques);
    task.rows.iter().skip(1).take(19).for_each(|r| hit.add_row(*r));
    if start.path.contains('\\') && !paths::is_protected(&start.path) {
        hit.iocs.push(Ioc::File(start.path));
    }
    hit.iocs.extend(starts::urls(&task.command));
    Some(hit)
}

/// Without its value `SD` below `TaskCache\Tree` a task runs and is shown by no tool.
fn hidden(rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
    for change in changes(rows.table(&registry::TABLE), |k| {
        k.contains("\\schedule\\taskcache\\tree\\")
    }) {
        if change.value == "sd" && change.row.str(common::ACTION) == "delete_value" {
            let name = change.key.rsplit("\\tree\\").next().unwrap_or("");
            let explain = format!(
                "Task {} was hidden: {} deleted its security descriptor",
                quote(name),
                change.writer()
            );
            let hit = Hit::at(&META, change.row, format!("hidden|{}", folded(name)), explain).level(Level::High);
            hits.push(hit.techniques(&["T1053.005", "T1564"]));
        }
    }
}

fn is_windows_own(name: &str) -> bool {
    let lower = name.trim_start_matches('\\').to_lowercase();
    lower.starts_with("microsoft\\windows\\")
        || lower.starts_with("microsoft\\office\\")
        || lower.starts_with("microsoftedgeupdate")
}

fn is_common(cx: &Cx<'_>, name: &str) -> bool {
    let hosts = f64::from(cx.facts.seen(Thing::Task, &name.to_lowercase()).hosts);
    hosts >= cx.number(&META, "common_hosts")
        && hosts >= cx.number(&META, "common_share") * f64::from(cx.facts.hosts_with(&t::TABLE))
}

impl<'a> Task<'a> {
    fn of(row: Row<'a>, name: &str, command: &str) -> Self {
        Self {
            rows: vec![row],
            ts: row.ts(),
            name: name.to_owned(),
            command: command.to_owned(),
            reasons: Vec::new(),
            update: false,
            at: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn task(sample: &mut Sample, host: &str, time: &str, action: &str, name: &str, command: &str) {
        sample.row(&t::TABLE, host, time, |b| {
            b.text(common::ACTION, action);
            b.text(t::KIND, "task");
            b.text(t::NAME, name);
            b.text(t::COMMAND, command);
        });
    }

    #[test]
    fn an_encoded_command_or_a_short_life_is_high() {
        let mut sample = Sample::default();
        task(
            &mut sample,
            "ws01",
            "2026-03-02T09:00:00Z",
            "create",
            "\\upd",
            "powershell -enc SQBFAFgA",
        );
        let hits = sample.hits(&Pers03);
        assert_eq!((hits[0].level, hits.len()), (Level::High, 1));
        assert_eq!(hits[0].techniques, ["T1053.005", "T1059.001"]);
        let mut sample = Sample::default();
        task(
            &mut sample,
            "ws01",
            "2026-03-02T09:00:00Z",
            "create",
            "\\x",
            r"C:\Program Files\v\a.exe",
        );
        task(&mut sample, "ws01", "2026-03-02T09:02:00Z", "delete", "\\x", "");
        let hits = sample.hits(&Pers03);
        assert_eq!((hits[0].level, hits[0].rows.len()), (Level::High, 2));
    }

    #[test]
    fn windows_and_rolled_out_software_are_silent() {
        let mut sample = Sample::default();
        task(
            &mut sample,
            "ws01",
            "2026-03-02T09:00:00Z",
            "update",
            r"\Microsoft\Windows\UpdateOrchestrator\Schedule Scan",
            r"%systemroot%\system32\usoclient.exe",
        );
        for host in ["ws01", "ws02", "ws03"] {
            task(
                &mut sample,
                host,
                "2026-03-02T09:00:00Z",
                "create",
                "\\GoogleUpdateTaskMachineUA",
                r"C:\Program Files\Google\u.exe",
            );
        }
        assert!(sample.hits(&Pers03).is_empty());
    }

    #[test]
    fn a_task_ordered_through_the_pipe_names_the_source() {
        let mut sample = Sample::default();
        sample.row(&file::TABLE, "srv", "2026-03-02T08:59:58Z", |b| {
            b.text(common::ACTION, "share_access");
            b.text(file::NAME, "atsvc");
            b.int(file::ACCESS_MASK, 0x3);
            b.ip(file::CLIENT_IP, &ip::parse("10.0.0.9").unwrap());
        });
        task(
            &mut sample,
            "srv",
            "2026-03-02T09:00:00Z",
            "create",
            "\\a",
            r"C:\Program Files\v\a.exe",
        );
        let hits = sample.hits(&Pers03);
        assert_eq!(hits[0].level, Level::High);
        assert!(hits[0].explain.contains("10.0.0.9"), "{}", hits[0].explain);
    }

    #[test]
    fn the_command_and_its_event_are_one_task() {
        let mut sample = Sample::default();
        sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(process::IMAGE_NAME, "schtasks.exe");
            b.text(
                process::CMDLINE,
                r#"schtasks /create /tn upd /tr "C:\x\a.exe" /sc minute /ru SYSTEM"#,
            );
        });
        task(
            &mut sample,
            "ws01",
            "2026-03-02T09:00:01Z",
            "create",
            "\\upd",
            r"C:\x\a.exe",
        );
        let hits = sample.hits(&Pers03);
        assert_eq!((hits.len(), hits[0].level), (1, Level::High));
    }
}
