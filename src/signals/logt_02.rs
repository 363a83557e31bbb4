//! LOGT-02: logging is switched off.
//!
//! Sees: audit subcategories that lose success or failure (4719), `auditpol /clear` and the like, channels, autologgers and command-line
//! logging switched off in the registry or by `wevtutil sl`, the event log service disabled or crashed, Sysmon stopped or unloaded.
//! Why: what follows leaves no trace.
//! Benign causes: policies that replace the audit settings, an update of Sysmon (stopped and started again within minutes), shutdown.
//! Sources: Sigma's rules on auditpol, event log and Sysmon; Microsoft's list of audit subcategories; MITRE ATT&CK T1685.001, T1690.

use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, Change, changes};
use super::script_blocks;
use super::starts::{self, quote, starts};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::rules::launch::folded;
use crate::rules::registry_path;
use crate::schema::{common, persist, posture as t, process, registry, script};

/// See the module.
pub struct Logt02;

const RESTART_S: f64 = 300.0;
const JOIN_S: f64 = 60.0;
const TINY_LOG: f64 = 1_048_576.0;

static META: Meta = Meta {
    id: "LOGT-02",
    title: "Logging disabled",
    sees: "Auditing of logons, processes or objects is removed, a log channel, PowerShell's or the command line's logging is switched off, the \
           event log service is disabled or crashes, or Sysmon is stopped and not started within five minutes.",
    why: "Everything that follows is missing from the logs.",
    techniques: &["T1685.001", "T1690"],
    stage: "defense-impairment",
    family: "log tampering",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[common::ACTION, common::USER, t::KIND, t::SETTING, t::NEW],
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
            table: &persist::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                persist::KIND,
                persist::NAME,
                persist::DISPLAY_NAME,
                persist::STATE,
            ],
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "restart",
            value: RESTART_S,
            unit: "s",
            source: "[J] an update stops and starts the sensor",
        },
        Threshold {
            name: "join",
            value: JOIN_S,
            unit: "s",
            source: "[J] one change as command, registry value and event",
        },
        Threshold {
            name: "tiny_log",
            value: TINY_LOG,
            unit: "bytes",
            source: "[J] the least size that Windows gives a classic log by itself",
        },
    ],
    benign: &[
        "a policy that replaces audit settings",
        "an update of Sysmon",
        "shutdown of the host",
    ],
};

/// Subcategories whose loss blinds the hunt: logon, special logon, process creation, file system, registry, kernel
/// object, SAM, file share, detailed file share, user account and directory service changes. Source: Microsoft's list.
const TELLING: &[&str] = &[
    "0cce9215", "0cce921b", "0cce922b", "0cce921d", "0cce921e", "0cce921f", "0cce9220", "0cce9224", "0cce9244",
    "0cce9235", "0cce923c", "0cce923b", "0cce9216", "0cce9217",
];

struct Off<'a> {
    row: Row<'a>,
    key: String,
    explain: String,
    level: Level,
    technique: &'static str,
}

impl Signal for Logt02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let posture = rows.table(&t::TABLE);
        let mut found: Vec<Off<'_>> = posture
            .iter()
            .filter_map(|r| of_audit(r).or_else(|| of_sensor(cx, r, rows)))
            .collect();
        let wanted = |k: &str| {
            [
                "\\winevt\\channels\\",
                "\\services\\eventlog",
                "\\wmi\\autologger\\",
                "\\powershell\\",
                "\\policies\\system\\audit",
                "\\control\\minint",
            ]
            .iter()
            .any(|p| k.contains(p))
                || k.ends_with("\\control\\minint")
        };
        found.extend(
            changes(rows.table(&registry::TABLE), wanted)
                .iter()
                .filter_map(of_registry),
        );
        found.extend(starts(rows.table(&process::TABLE)).into_iter().filter_map(of_command));
        for block in script_blocks::blocks(rows.table(&script::TABLE)) {
            if block.text.len() <= 20_000 && switches_off(&block.text) {
                found.push(Off::new(
                    block.row,
                    "script",
                    format!("A script switches logging off: {}", quote(&block.text)),
                ));
            }
        }
        found.extend(rows.table(&persist::TABLE).iter().filter_map(of_service));
        found.sort_by_key(|f| f.row.ts());
        let mut mine: Vec<Hit> = Vec::new();
        for f in found {
            let same = |h: &&mut Hit| {
                f.row.ts() - h.last <= (cx.number(&META, "join") * 1e6) as i64
                    && h.techniques.iter().any(|t| t == f.technique)
            };
            match mine.last_mut().filter(same) {
                Some(earlier) => {
                    if earlier.rows.len() < 20 {
                        earlier.add_row(f.row);
                    }
                    earlier.level = earlier.level.max(f.level);
                    (earlier.last, earlier.count) = (f.row.ts(), earlier.count + 1);
                }
                None => mine.push(
                    Hit::at(&META, f.row, f.key, f.explain)
                        .level(f.level)
                        .techniques(&[f.technique]),
                ),
            }
        }
        hits.append(&mut mine);
    }
}

/// 4719: `%%8448` success removed, `%%8450` failure removed (Microsoft's event documentation).
fn of_audit(row: Row<'_>) -> Option<Off<'_>> {
    let change = row.str(t::NEW).to_lowercase();
    let removed = change.contains("%%8448") || change.contains("%%8450") || change.contains("removed");
    if row.str(t::KIND) != "audit_policy" || !removed {
        return None;
    }
    let setting = row.str(t::SETTING).trim_matches(['{', '}']).to_lowercase();
    let telling = TELLING.iter().any(|guid| setting.starts_with(guid));
    let mut off = Off::new(
        row,
        &format!("audit {setting}"),
        format!("Auditing of the subcategory {} was removed", row.str(t::SETTING)),
    );
    off.level = if telling { Level::High } else { Level::Medium };
    Some(off)
}

/// Sysmon's own stop, unless it starts again or the host goes down.
fn of_sensor<'a>(cx: &Cx<'_>, row: Row<'a>, rows: &KeyRows<'a>) -> Option<Off<'a>> {
    if row.str(t::SETTING) != "Sysmon service" || row.str(common::ACTION) != "stop" {
        return None;
    }
    let around = rows.table(&t::TABLE).between(
        row.ts() - (cx.number(&META, "join") * 1e6) as i64,
        row.ts() + (cx.number(&META, "restart") * 1e6) as i64,
    );
    let ordinary = around.iter().any(|r| match r.str(t::KIND) {
        "sysmon_config" => r.str(common::ACTION) == "start" && r.ts() >= row.ts(),
        "system" => matches!(r.str(common::ACTION), "stop" | "restart" | "start"),
        _ => false,
    });
    (!ordinary).then(|| {
        Off::new(
            row,
            "sysmon stopped",
            "Sysmon was stopped and not started again".to_owned(),
        )
    })
}

fn of_registry<'a>(change: &Change<'a>) -> Option<Off<'a>> {
    let number = registry_path::number(change.data);
    let zero = number == Some(0) && change.is_set();
    let key = change.key.as_str();
    let what = match change.value.as_str() {
        "enabled" if zero && key.contains("\\winevt\\channels\\") => "a log channel was switched off",
        "maxsize" if key.contains("\\winevt\\channels\\") || key.contains("\\services\\eventlog") => {
            let tiny = change.is_set() && number.is_some_and(|n| (n as f64) < TINY_LOG);
            tiny.then_some("a log was made too small to hold anything")?
        }
        "start" if key.contains("\\wmi\\autologger\\") && zero => "a trace session was switched off",
        "start" if key.ends_with("\\services\\eventlog") && number == Some(4) => "the event log service was disabled",
        "file" if key.contains("\\services\\eventlog\\") && change.is_set() => "the file of a log was moved",
        "enablescriptblocklogging" | "enablemodulelogging" | "enabletranscripting" if zero || change.is_deleted() => {
            "PowerShell's logging was switched off"
        }
        "processcreationincludecmdline_enabled" if zero || change.is_deleted() => {
            "logging of command lines was switched off"
        }
        _ if key.ends_with("\\control\\minint") && !change.is_deleted() => {
            "the key that makes the event log believe in a setup was created"
        }
        _ => return None,
    };
    let writer = change.writer();
    // Windows updates and channels' own setup write through these.
    if matches!(
        writer.as_str(),
        "tiworker" | "trustedinstaller" | "poqexec" | "setuphost"
    ) {
        return None;
    }
    Some(Off::new(
        change.row,
        &folded(&change.path()),
        format!(
            "{} by {}: {}",
            capital(what),
            if writer.is_empty() {
                "an unknown program"
            } else {
                &writer
            },
            change.path()
        ),
    ))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn of_command(row: Row<'_>) -> Option<Off<'_>> {
    let line = row.text(process::CMDLINE)?;
    // The error reporter names the process that crashed as its parent.
    let crashed = row.str(process::PARENT_CMDLINE).to_lowercase();
    if starts::is_one_of(row, &["werfault"]) && crashed.contains("svchost") && crashed.ends_with("-s eventlog") {
        return Some(Off::new(
            row,
            "service crashed",
            "The event log service crashed: its error was reported".to_owned(),
        ));
    }
    let history = line.to_lowercase().contains("historysavestyle") && line.to_lowercase().contains("savenothing");
    if !history && !switches_off(line) {
        return None;
    }
    let mut off = Off::new(
        row,
        &format!("command {}", row.str(process::IMAGE_NAME)),
        format!("A command switches logging off: {}", quote(line)),
    );
    if history {
        off.technique = "T1690";
    }
    Some(off)
}

fn switches_off(text: &str) -> bool {
    static OFF: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r#"(?i)\bauditpol(?:\.exe)?["']?\s+(?:/clear|/remove|/set\b[^\r\n]{0,200}:disable|/restore)"#,
            r#"|\bwevtutil(?:\.exe)?["']?\s+(?:sl|set-log)\b[^\r\n]{0,200}/e(?:nabled)?:false"#,
            r#"|\b(?:logman)(?:\.exe)?["']?\s+(?:stop|delete)\s+["']?eventlog-"#,
            r#"|\bfltmc(?:\.exe)?["']?\s+unload\s+["']?sysmon"#,
            r#"|\bsysmon(?:64)?(?:\.exe)?["']?\s+[-/]u\b"#,
            r#"|\b(?:sc|net|net1)(?:\.exe)?["']?\s+(?:stop|delete|config)\s+["']?(?:eventlog|sysmon\w{0,4}|wecsvc)\b(?:["']?\s*$|[^\r\n]{0,40}disabled|["']?\s+/y)?"#,
            r#"|\bstop-service\b[^\r\n|;]{0,60}\b(?:eventlog|sysmon\w{0,4})\b"#,
            r#"|\bstop-etwtracesession\b|\bremove-etwtraceprovider\b"#,
            r#"|scriptblocklogging['"\]\s.,=a-z(){}$\[]{0,80}enablescriptblock(?:invocation)?logging['"\]\s]{0,6}=\s*0"#,
        ))
        .ok()
    });
    OFF.as_ref().is_some_and(|r| r.is_match(text))
}

fn of_service(row: Row<'_>) -> Option<Off<'_>> {
    let names = [
        row.str(persist::NAME).to_lowercase(),
        row.str(persist::DISPLAY_NAME).to_lowercase(),
    ];
    let named = names.iter().any(|n| {
        matches!(
            n.as_str(),
            "eventlog" | "windows event log" | "sysmon" | "sysmon64" | "sysmondrv" | "windows event collector"
        )
    });
    if !named || row.str(persist::KIND) != "service" {
        return None;
    }
    let state = row.str(persist::STATE).to_lowercase();
    match row.str(common::ACTION) {
        "crash" => Some(Off::new(
            row,
            "service crashed",
            format!("The service {} ended unexpectedly", row.str(persist::NAME)),
        )),
        "update" if state.contains("disabled") || state == "4" => Some(Off::new(
            row,
            "service disabled",
            format!("The service {} was disabled", row.str(persist::NAME)),
        )),
        _ => None,
    }
}

impl<'a> Off<'a> {
    fn new(row: Row<'a>, key: &str, explain: String) -> Self {
        Self {
            row,
            key: key.to_owned(),
            explain,
            level: Level::High,
            technique: "T1685.001",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn sysmon(sample: &mut Sample, time: &str, action: &str) {
        sample.row(&t::TABLE, "ws01", time, |b| {
            b.text(
                t::KIND,
                if action == "stop" {
                    "log_stopped"
                } else {
                    "sysmon_config"
                },
            );
            b.text(t::SETTING, "Sysmon service");
            b.text(common::ACTION, action);
        });
    }

    #[test]
    fn commands_that_switch_off_are_told_from_others() {
        for line in [
            "auditpol /clear /y",
            "auditpol.exe /set /subcategory:\"Logon\" /success:disable",
            "fltmc unload SysmonDrv",
            "sc stop eventlog",
            "wevtutil sl Microsoft-Windows-PowerShell/Operational /e:false",
            "Sysmon64.exe -u force",
        ] {
            assert!(switches_off(line), "{line}");
        }
        for line in [
            "auditpol /get /category:*",
            "wevtutil sl X /e:true",
            "sc query eventlog",
            "auditpol /set /subcategory:Logon /success:enable",
        ] {
            assert!(!switches_off(line), "{line}");
        }
    }

    #[test]
    fn a_sensor_that_comes_back_was_updated() {
        let mut sample = Sample::default();
        sysmon(&mut sample, "2026-03-02T09:00:00Z", "stop");
        assert_eq!(sample.hits(&Logt02).len(), 1);
        let mut sample = Sample::default();
        sysmon(&mut sample, "2026-03-02T09:00:00Z", "stop");
        sysmon(&mut sample, "2026-03-02T09:01:00Z", "start");
        assert!(sample.hits(&Logt02).is_empty());
    }

    #[test]
    fn removed_auditing_counts_and_added_does_not() {
        let audit = |change: &str| {
            let mut sample = Sample::default();
            sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(t::KIND, "audit_policy");
                b.text(t::SETTING, "{0CCE922B-69AE-11D9-BED3-505054503030}");
                b.text(t::NEW, change);
            });
            sample.hits(&Logt02)
        };
        assert_eq!(audit("%%8448, %%8450")[0].level, Level::High);
        assert!(audit("%%8449").is_empty());
    }

    #[test]
    fn registry_switches_are_read() {
        let set = |key: &str, value: &str, data: &str| {
            let mut sample = Sample::default();
            sample.row(&registry::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(common::ACTION, "set_value");
                b.text(registry::KEY, key);
                b.text(registry::VALUE_NAME, value);
                b.text(registry::DATA, data);
            });
            sample.hits(&Logt02).len()
        };
        let channel = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels\Microsoft-Windows-X/Operational";
        assert_eq!(set(channel, "Enabled", "DWORD (0x00000000)"), 1);
        assert_eq!(set(channel, "Enabled", "DWORD (0x00000001)"), 0);
        let audit = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\Audit";
        assert_eq!(
            set(audit, "ProcessCreationIncludeCmdLine_Enabled", "DWORD (0x00000000)"),
            1
        );
    }
}
