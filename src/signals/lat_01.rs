//! LAT-01: a service is made on this host from another one to run a command.
//!
//! Sees: a new service together with an executable written to an administrative share, the service manager's pipe or a network logon;
//! services and pipes of known tools; commands that write their output to a share of their own host; PsExec on the ordering side.
//! Why: with the hash or password of an administrator this runs anything as SYSTEM on any host.
//! Benign causes: administrators with PsExec, software distribution by service.
//! Sources: Sigma's rules on PsExec, smbexec and svcctl; MITRE ATT&CK T1021.002 and T1569.002; names from the tools' defaults.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::remote_sessions::{self, RemoteSessions, origin};
use super::starts::{self, quote, starts, technique_of};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::knowledge::programs::{REMOTE_EXECUTION_SERVICES, base_name, contains, stem};
use crate::lake::frame::Row;
use crate::rules::launch::{self, folded};
use crate::rules::text_stats::random_eight_letters;
use crate::schema::{auth, common, file, persist, process};

/// See the module.
pub struct Lat01;

const JOIN_S: f64 = 60.0;
/// FILE_WRITE_DATA and FILE_APPEND_DATA.
const WRITE: i64 = 0x6;
/// Beginnings of the pipe names of remote-execution tools, lower case. Source: the tools' own defaults.
const PIPES: &[&str] = &[
    "psexesvc",
    "psexecsvc",
    "remcom_",
    "paexec",
    "csexec",
    "winexesvc",
    "xcmdsvc",
];

static META: Meta = Meta {
    id: "LAT-01",
    title: "PsExec-like service execution",
    sees: "A service is created within a minute of an executable on an administrative share, of remote use of the service manager's pipe, or \
           under a network logon; or a service, pipe or command of a known remote-execution tool appears (medium).",
    why: "It is the oldest way to run programs on other hosts, and that of ransomware.",
    techniques: &["T1021.002", "T1569.002", "T1059.003", "T1059.001", "T1570"],
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
                file::PATH,
                file::NAME,
                file::EXT,
                file::SHARE,
                file::ACCESS_MASK,
                file::CLIENT_IP,
                file::KIND,
                file::IMAGE,
            ],
        },
        Reads {
            table: &auth::TABLE,
            columns: remote_sessions::COLUMNS,
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "join",
        value: JOIN_S,
        unit: "s",
        source: "[J] tools copy, create and start within seconds",
    }],
    benign: &[
        "administrators who use PsExec",
        "software distribution that installs services over the network",
    ],
};

struct Sign<'a> {
    row: Row<'a>,
    key: String,
    explain: String,
    level: Level,
    more: Vec<Row<'a>>,
    techniques: Vec<&'static str>,
}

impl Signal for Lat01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let sessions = RemoteSessions::new(rows.table(&auth::TABLE));
        let remote: Vec<Row<'_>> = rows.table(&file::TABLE).iter().filter(|r| is_remote_use(*r)).collect();
        let created = rows
            .table(&persist::TABLE)
            .iter()
            .filter(|r| r.str(common::ACTION) == "create" && r.str(persist::KIND) == "service");
        let mut found: Vec<Sign<'_>> = created.filter_map(|r| of_service(cx, r, &remote, &sessions)).collect();
        found.extend(rows.table(&file::TABLE).iter().filter_map(of_pipe));
        found.extend(
            starts(rows.table(&process::TABLE))
                .into_iter()
                .filter_map(|r| of_start(cx, r, &remote)),
        );
        found.sort_by_key(|s| s.row.ts());
        let mut mine: Vec<Hit> = Vec::new();
        for sign in found {
            let same = |h: &&mut Hit| sign.row.ts() - h.last <= (cx.number(&META, "join") * 1e6) as i64;
            if let Some(earlier) = mine.last_mut().filter(same) {
                if sign.level > earlier.level {
                    (earlier.level, earlier.key, earlier.explain) = (sign.level, sign.key, sign.explain);
                }
                for row in std::iter::once(sign.row).chain(sign.more) {
                    if earlier.rows.len() < 20 {
                        earlier.add_row(row);
                    }
                }
                for t in sign.techniques {
                    if !earlier.techniques.iter().any(|e| e == t) {
                        earlier.techniques.push(t.into());
                    }
                }
                (earlier.last, earlier.count) = (sign.row.ts(), earlier.count + 1);
                continue;
            }
            let mut hit = Hit::at(&META, sign.row, sign.key, sign.explain)
                .level(sign.level)
                .techniques(&sign.techniques);
            for row in sign.more.into_iter().take(19) {
                if let Some(a) = row
                    .ip(file::CLIENT_IP)
                    .filter(|a| row.table().name == "file" && !ip::is_internal(a))
                {
                    hit.iocs.push(Ioc::Ip(ip::display(&a)));
                }
                hit.add_row(row);
            }
            mine.push(hit);
        }
        hits.append(&mut mine);
    }
}

/// Use of a share of this host by another one: an executable written, or the service manager's pipe.
fn is_remote_use(row: Row<'_>) -> bool {
    row.str(common::ACTION) == "share_access"
        && row.ip(file::CLIENT_IP).is_none_or(|a| !ip::is_loopback(&a))
        && (row.str(file::NAME) == "svcctl" || is_admin_write(row))
}

fn is_admin_write(row: Row<'_>) -> bool {
    let share = row.str(file::SHARE).to_uppercase();
    (share.ends_with("ADMIN$") || share.ends_with("C$"))
        && row.int(file::ACCESS_MASK).is_some_and(|m| m & WRITE != 0)
        && matches!(row.str(file::EXT), "exe" | "dll" | "bat" | "cmd" | "ps1" | "sys")
}

fn of_service<'a>(cx: &Cx<'_>, row: Row<'a>, remote: &[Row<'a>], sessions: &RemoteSessions<'a>) -> Option<Sign<'a>> {
    let (name, command) = (row.str(persist::NAME), row.str(persist::COMMAND));
    let start = launch::read(command);
    let tool = contains(REMOTE_EXECUTION_SERVICES, name) || contains(REMOTE_EXECUTION_SERVICES, &start.program);
    let loopback = start.reasons.contains(&"goes through a share of its own host");
    let window = (cx.number(&META, "join") * 1e6) as i64;
    let orders: Vec<Row<'a>> = remote
        .iter()
        .filter(|r| (row.ts() - r.ts()).abs() <= window)
        .copied()
        .collect();
    let written = orders.iter().find(|r| is_admin_write(**r));
    let piped = orders.iter().find(|r| r.str(file::NAME) == "svcctl");
    let logon = sessions.of(row.int(common::LOGON_ID));
    let mut reasons = Vec::new();
    if let Some(w) = written {
        reasons.push(format!("{} was written to {}", w.str(file::PATH), w.str(file::SHARE)));
    }
    if let Some(p) = piped {
        let from = p
            .ip(file::CLIENT_IP)
            .map_or_else(|| "another host".to_owned(), |a| ip::display(&a));
        reasons.push(format!("the service manager was used from {from}"));
    }
    if let Some(l) = logon {
        reasons.push(format!("ordered over a network logon from {}", origin(l)));
    }
    if loopback {
        reasons.push("its output goes to a share of the host itself".to_owned());
    }
    if tool {
        reasons.push("it carries the name of a remote-execution tool".to_owned());
    }
    if reasons.is_empty() {
        return None;
    }
    let random = random_eight_letters(name, cx.knowledge.bigram).is_some();
    let evidence = written.is_some() || piped.is_some() || logon.is_some() || loopback;
    let mut techniques = vec!["T1021.002", "T1569.002"];
    techniques.extend(technique_of(&start.program, command).filter(|id| id.starts_with("T1059")));
    if written.is_some() {
        techniques.push("T1570");
    }
    Some(Sign {
        row,
        key: if random { "<random>".to_owned() } else { folded(name) },
        explain: format!(
            "Service {} ({}) was made from another host: {}",
            quote(name),
            quote(command),
            reasons.join("; ")
        ),
        level: if evidence { Level::High } else { Level::Medium },
        more: written.into_iter().chain(piped).copied().chain(logon).collect(),
        techniques,
    })
}

fn of_pipe(row: Row<'_>) -> Option<Sign<'_>> {
    let pipe = match row.str(common::ACTION) {
        "pipe_create" | "pipe_connect" => true,
        "share_access" => row.str(file::SHARE).to_uppercase().ends_with("IPC$"),
        _ => false,
    };
    let name = row.str(file::PATH).trim_start_matches('\\').to_lowercase();
    // PsExec names its pipes after itself, the client and the process: PSEXESVC-WS01-1234-stdin. Renamed copies keep the tail.
    let tail = ["-stdin", "-stdout", "-stderr"].iter().any(|t| name.ends_with(t)) && name.matches('-').count() >= 3;
    let known = PIPES.iter().find(|p| name.starts_with(**p));
    if !pipe || (known.is_none() && !tail) {
        return None;
    }
    let remote = row.ip(file::CLIENT_IP).is_some_and(|a| !ip::is_loopback(&a));
    let from = row
        .ip(file::CLIENT_IP)
        .map_or_else(String::new, |a| format!(" from {}", ip::display(&a)));
    Some(Sign {
        row,
        key: known.map_or_else(|| "psexec pipe".to_owned(), |p| (*p).to_owned()),
        explain: format!(
            "Pipe {} of a remote-execution tool was used{from}",
            quote(row.str(file::PATH))
        ),
        level: if remote { Level::High } else { Level::Medium },
        more: Vec::new(),
        techniques: vec!["T1021.002", "T1569.002"],
    })
}

fn of_start<'a>(cx: &Cx<'_>, row: Row<'a>, remote: &[Row<'a>]) -> Option<Sign<'a>> {
    let (image, original) = starts::names(row);
    let line = row.str(process::CMDLINE);
    let lower = line.to_lowercase();
    let parent = row.str(process::PARENT_NAME);
    let by_services = parent == "services.exe";
    let window = (cx.number(&META, "join") * 1e6) as i64;
    let tool = contains(REMOTE_EXECUTION_SERVICES, &image) || contains(REMOTE_EXECUTION_SERVICES, &original);
    let order = remote.iter().find(|r| {
        (0..=window).contains(&(row.ts() - r.ts()))
            && is_admin_write(**r)
            && base_name(r.str(file::PATH)).eq_ignore_ascii_case(row.str(process::IMAGE_NAME))
    });
    let loopback = lower.contains("\\\\127.0.0.1\\") && (lower.contains("$\\__") || lower.contains("2>&1"));
    let (key, what, level) = if by_services && order.is_some() {
        (
            "copied and started".to_owned(),
            "The service manager started a program that another host had just copied",
            Level::High,
        )
    } else if by_services && loopback {
        (
            "smbexec".to_owned(),
            "A service ran a command whose output goes to a share of the host itself",
            Level::High,
        )
    } else if lower.contains(" /q /c ") && lower.contains("\\windows\\temp\\execute.bat") {
        (
            "smbexec".to_owned(),
            "A command was run through the batch file of a tool for remote execution",
            Level::High,
        )
    } else if tool && (by_services || parent.is_empty()) {
        (
            folded(&image),
            "The service of a remote-execution tool was started",
            Level::Medium,
        )
    } else if contains(REMOTE_EXECUTION_SERVICES, stem(parent)) {
        (
            folded(stem(parent)),
            "The service of a remote-execution tool started a program",
            Level::Medium,
        )
    } else if matches!(image.as_str(), "psexec" | "psexec64" | "paexec" | "csexec")
        || original.starts_with("psexec.c")
        || original == "psexec"
    {
        if !line.contains("\\\\") {
            return None;
        }
        (
            "psexec".to_owned(),
            "A remote-execution tool was used against another host",
            Level::Medium,
        )
    } else if by_services && random_eight_letters(&image, cx.knowledge.bigram).is_some() {
        (
            "<random>".to_owned(),
            "The service manager started a program with a random name",
            Level::Medium,
        )
    } else {
        return None;
    };
    let mut techniques = vec!["T1021.002", "T1569.002"];
    techniques.extend(technique_of(&image, line).filter(|id| id.starts_with("T1059")));
    Some(Sign {
        row,
        key,
        explain: format!("{what}: {}", starts::command(row)),
        level,
        more: order.copied().into_iter().collect(),
        techniques,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn service(sample: &mut Sample, name: &str, command: &str) {
        sample.row(&persist::TABLE, "srv", "2026-03-02T09:00:05Z", |b| {
            b.text(common::ACTION, "create");
            b.text(persist::KIND, "service");
            b.text(persist::NAME, name);
            b.text(persist::COMMAND, command);
        });
    }

    fn share(sample: &mut Sample, share: &str, path: &str, mask: i64) {
        sample.row(&file::TABLE, "srv", "2026-03-02T09:00:00Z", |b| {
            let name = base_name(path).to_lowercase();
            b.text(common::ACTION, "share_access");
            b.text(file::SHARE, share);
            b.text(file::PATH, path);
            b.text(file::EXT, name.rsplit_once('.').map_or("", |(_, e)| e));
            b.text(file::NAME, &name);
            b.int(file::ACCESS_MASK, mask);
            b.ip(file::CLIENT_IP, &ip::parse("10.0.0.9").unwrap());
        });
    }

    #[test]
    fn a_copied_service_is_high_and_names_both_sides() {
        let mut sample = Sample::default();
        share(&mut sample, r"\\*\ADMIN$", "QwErTyUi.exe", 0x2);
        service(&mut sample, "QwErTyUi", r"%SystemRoot%\QwErTyUi.exe");
        let hits = sample.hits(&Lat01);
        assert_eq!((hits.len(), hits[0].level, hits[0].rows.len()), (1, Level::High, 2));
        assert!(hits[0].explain.contains("QwErTyUi.exe was written"));
        assert_eq!(hits[0].techniques, ["T1021.002", "T1569.002", "T1570"]);
    }

    #[test]
    fn known_names_alone_are_medium_and_remote_pipes_high() {
        let mut sample = Sample::default();
        service(&mut sample, "PSEXESVC", r"%SystemRoot%\PSEXESVC.exe");
        assert_eq!(sample.hits(&Lat01)[0].level, Level::Medium);
        let mut sample = Sample::default();
        share(&mut sample, r"\\*\IPC$", "RemCom_stdin", 0x3);
        assert_eq!(sample.hits(&Lat01)[0].level, Level::High);
    }

    #[test]
    fn ordinary_services_and_reads_are_silent() {
        let mut sample = Sample::default();
        share(&mut sample, r"\\*\ADMIN$", "x.exe", 0x1);
        service(&mut sample, "new", r"C:\Program Files\Vendor\a.exe");
        assert!(sample.hits(&Lat01).is_empty());
    }

    #[test]
    fn a_command_that_answers_through_its_own_share_is_remote() {
        let mut sample = Sample::default();
        service(
            &mut sample,
            "abcd",
            r"%COMSPEC% /Q /c echo dir ^> \\127.0.0.1\C$\__output 2^>^&1",
        );
        let hits = sample.hits(&Lat01);
        assert_eq!(hits[0].level, Level::High);
        assert_eq!(hits[0].techniques, ["T1021.002", "T1569.002", "T1059.003"]);
    }
}
