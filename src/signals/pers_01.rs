//! PERS-01: a service is installed, or made to start another program.
//!
//! Sees: System 7045, Security 4697, a service's ImagePath, ServiceDll or FailureCommand in the registry, `sc create`, `sc
//! config`, `sc failure`, `sc sdset` and New-Service. One service within ten seconds is one hit.
//! Why: services run as SYSTEM and survive a restart; remote-execution tools and privilege escalation use them too.
//! Benign causes: installers, drivers, updates of security products: many hosts share them.
//! Sources: Sigma's and Elastic's rules on service creation; MITRE ATT&CK T1543.003; names of tools from their own defaults.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes, is_scripted_writer};
use super::remote_sessions::{self, RemoteSessions, origin};
use super::script_blocks;
use super::starts::{self, quote, starts, technique_of};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::entity::fleet::Thing;
use crate::knowledge::programs::{REMOTE_EXECUTION_SERVICES, contains};
use crate::lake::frame::Row;
use crate::rules::launch::{self, folded};
use crate::rules::text_stats::random_eight_letters;
use crate::rules::{cmdline, paths};
use crate::schema::{auth, common, persist as t, process, registry, script};

/// See the module.
pub struct Pers01;

const JOIN_S: f64 = 10.0;
const START_S: f64 = 60.0;
const COMMON_SHARE: f64 = 0.05;
const COMMON_HOSTS: f64 = 3.0;

static META: Meta = Meta {
    id: "PERS-01",
    title: "New service",
    sees: "A service or driver is installed or its program, library, failure command or security descriptor changed; high where the \
           command is an interpreter, a pipe, a script or lies where users may write, where the name is random or a tool's, \
           or where it was ordered over a network logon.",
    why: "Services run with the highest rights and survive a restart; lateral movement and privilege escalation use them.",
    techniques: &["T1543.003", "T1569.002", "T1059.001", "T1059.003", "T1134.001"],
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
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "join",
            value: JOIN_S,
            unit: "s",
            source: "[J] System, Security, registry and command of one installation",
        },
        Threshold {
            name: "start",
            value: START_S,
            unit: "s",
            source: "[J] a service that is started at once was installed to run something",
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
        "installers and updates",
        "drivers of security products (MpKsl…)",
        "remote administration by service",
    ],
};

struct New<'a> {
    rows: Vec<Row<'a>>,
    ts: i64,
    name: String,
    command: String,
    reasons: Vec<String>,
    only_config: bool,
}

impl Signal for Pers01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let sessions = RemoteSessions::new(rows.table(&auth::TABLE));
        let mut found = Vec::new();
        installed(rows, &sessions, &mut found);
        from_registry(rows, &mut found);
        for row in starts(rows.table(&process::TABLE))
            .into_iter()
            .filter(|r| starts::is_one_of(*r, &["sc"]))
        {
            found.extend(from_sc(row));
        }
        from_scripts(rows, &mut found);
        for new in joined(cx, found) {
            hits.extend(judge(cx, rows, new));
        }
    }
}

fn installed<'a>(rows: &KeyRows<'a>, sessions: &RemoteSessions<'a>, out: &mut Vec<New<'a>>) {
    let kinds = ["service", "driver_service"];
    for row in rows
        .table(&t::TABLE)
        .iter()
        .filter(|r| r.str(common::ACTION) == "create" && kinds.contains(&r.str(t::KIND)))
    {
        let mut new = New::of(row, row.str(t::NAME), row.str(t::COMMAND));
        if let Some(logon) = sessions.of(row.int(common::LOGON_ID)) {
            new.reasons
                .push(format!("ordered over a network logon from {}", origin(logon)));
            new.rows.push(logon);
        }
        out.push(new);
    }
}

fn from_registry<'a>(rows: &KeyRows<'a>, out: &mut Vec<New<'a>>) {
    const SERVICES: &str = "hklm\\system\\currentcontrolset\\services\\";
    for change in changes(rows.table(&registry::TABLE), |k| k.starts_with(SERVICES)) {
        let below = change.key.strip_prefix(SERVICES).unwrap_or("");
        let (name, sub) = below.split_once('\\').unwrap_or((below, ""));
        let writer = change.writer();
        let odd_writer = is_scripted_writer(&writer);
        match (change.value.as_str(), sub) {
            ("imagepath" | "failurecommand", "") | ("servicedll", "parameters" | "") if change.is_set() => {
                let mut new = New::of(change.row, name, change.data);
                // The service manager writes ImagePath itself; anyone else goes around it.
                if odd_writer {
                    new.reasons
                        .push(format!("its {} was written by {writer}", change.value));
                } else if change.value != "imagepath" || writer != "services" {
                    continue;
                }
                new.only_config = change.value != "imagepath";
                out.push(new);
            }
            ("security", "security") | ("", "security") if change.is_set() && odd_writer => {
                let mut new = New::of(change.row, name, "");
                new.reasons
                    .push(format!("its security descriptor was written by {writer}"));
                new.only_config = true;
                out.push(new);
            }
            _ => {}
        }
    }
}

/// `sc [\\host] create|config NAME … binPath= "…"`, `sc failure NAME command= "…"`, `sc sdset NAME …`.
fn from_sc(row: Row<'_>) -> Option<New<'_>> {
    let tokens = cmdline::tokenize(row.str(process::CMDLINE));
    let mut words = tokens.iter().skip(1).peekable();
    let remote = words.next_if(|w| w.starts_with("\\\\"));
    let verb = words.next()?.to_lowercase();
    let name = words.next()?;
    let value = |option: &str| {
        let at = tokens.iter().position(|w| w.to_lowercase().starts_with(option))?;
        let joined = tokens.get(at)?.get(option.len()..).unwrap_or("").trim();
        Some(if joined.is_empty() {
            tokens.get(at + 1).cloned().unwrap_or_default()
        } else {
            joined.to_owned()
        })
    };
    let path = value("binpath=");
    let (started, config) = match verb.as_str() {
        "create" => (path.unwrap_or_default(), false),
        "config" => (path?, true),
        "failure" => (value("command=")?, true),
        "sdset" => (String::new(), true),
        _ => return None,
    };
    let mut new = New::of(row, name, &started);
    new.only_config = config;
    match verb.as_str() {
        "config" => new
            .reasons
            .push("its program was replaced on the command line".to_owned()),
        "failure" => new.reasons.push("it was given a command to run on failure".to_owned()),
        "sdset" => new.reasons.push("its security descriptor was replaced".to_owned()),
        _ => {}
    }
    if let Some(host) = remote {
        new.reasons.push(format!("created on {host} from here"));
    }
    Some(new)
}

fn from_scripts<'a>(rows: &KeyRows<'a>, out: &mut Vec<New<'a>>) {
    static NEW_SERVICE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?i)\bnew-service\b[^|;\r\n]{0,400}"#).ok());
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(?i)-name\s+["']?([^"'\s]{1,100})"#).ok());
    static PATH: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?i)-(?:binarypathname|bi\w*|path)\s+(?:"([^"]{1,400})"|'([^']{1,400})'|(\S{1,400}))"#).ok()
    });
    for block in script_blocks::blocks(rows.table(&script::TABLE)) {
        // A function of that name being defined in a module is no call.
        if block.text.len() > 20_000 {
            continue;
        }
        let Some(call) = NEW_SERVICE.as_ref().and_then(|r| r.find(&block.text)) else {
            continue;
        };
        let text = |r: &LazyLock<Option<Regex>>| {
            let c = r.as_ref()?.captures(call.as_str())?;
            c.iter().skip(1).flatten().next().map(|m| m.as_str().to_owned())
        };
        if let Some(path) = text(&PATH) {
            let name = text(&NAME).unwrap_or_else(|| "service".to_owned());
            out.push(New::of(block.row, &name, &path));
        }
    }
}

/// What several logs say about one service within a short time is one.
fn joined<'a>(cx: &Cx<'_>, mut found: Vec<New<'a>>) -> Vec<New<'a>> {
    found.sort_by_key(|n| (n.ts, n.rows.first().map(|r| r.table().ix())));
    let mut last: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<New<'a>> = Vec::new();
    for new in found {
        let name = new.name.to_lowercase();
        let earlier = last.get(&name).and_then(|at| out.get_mut(*at));
        match earlier {
            Some(e) if new.ts - e.ts <= (cx.number(&META, "join") * 1e6) as i64 => {
                if e.command.is_empty() {
                    e.command = new.command;
                }
                e.reasons.extend(new.reasons);
                e.rows.extend(new.rows);
                e.only_config &= new.only_config;
            }
            _ => {
                last.insert(name, out.len());
                out.push(new);
            }
        }
    }
    out
}

fn judge(cx: &Cx<'_>, rows: &KeyRows<'_>, mut new: New<'_>) -> Option<Hit> {
    let start = launch::read(&new.command);
    let random = random_eight_letters(&new.name, cx.knowledge.bigram).is_some();
    let random_program = random_eight_letters(&start.program, cx.knowledge.bigram).is_some();
    let tool = contains(REMOTE_EXECUTION_SERVICES, &new.name) || contains(REMOTE_EXECUTION_SERVICES, &start.program);
    let mut reasons: Vec<String> = start.reasons.iter().map(|r| format!("its command {r}")).collect();
    reasons.append(&mut new.reasons);
    if random {
        reasons.push("its name is eight random letters".to_owned());
    } else if random_program {
        reasons.push("its program's name is eight random letters".to_owned());
    }
    if tool {
        reasons.push("it carries the name of a remote-execution tool".to_owned());
    }
    reasons.dedup();
    if reasons.is_empty() && is_common(cx, &new.name) {
        return None;
    }
    let row = *new.rows.first()?;
    let name_key = if random {
        "<random>".to_owned()
    } else {
        folded(&new.name)
    };
    let mut path_key = folded(&start.path);
    if random || random_program {
        path_key = path_key.replace(&start.program, "<random>");
    }
    let what = if new.only_config {
        "was changed to run"
    } else {
        "was installed to run"
    };
    let why = if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join("; "))
    };
    let explain = format!("Service {} {what} {}{why}", quote(&new.name), quote(&new.command));
    let level = if reasons.is_empty() { Level::Low } else { Level::High };
    let mut hit = Hit::at(&META, row, format!("{name_key}|{path_key}"), explain).level(level);
    let mut techniques = vec!["T1543.003"];
    let run = started(cx, rows, &new, &start.program);
    if run.is_some() || tool {
        techniques.push("T1569.002");
    }
    techniques.extend(
        technique_of(&start.program, &new.command).filter(|id| id.starts_with("T1059") || id.starts_with("T1218")),
    );
    if start.reasons.contains(&"writes to a named pipe") {
        techniques.push("T1134.001");
    }
    hit = hit.techniques(&techniques);
    new.rows
        .iter()
        .skip(1)
        .chain(run.iter())
        .take(19)
        .for_each(|r| hit.add_row(*r));
    if !start.path.is_empty() && !paths::is_protected(&start.path) && start.path.contains('\\') {
        hit.iocs.push(Ioc::File(start.path.clone()));
    }
    Some(hit)
}

/// The service's start soon after: its state, or its program as a child of the service manager.
fn started<'a>(cx: &Cx<'_>, rows: &KeyRows<'a>, new: &New<'a>, program: &str) -> Option<Row<'a>> {
    let until = new.ts + (cx.number(&META, "start") * 1e6) as i64;
    let state = |r: &Row<'_>| {
        r.str(common::ACTION) == "start"
            && r.str(t::KIND) == "service"
            && r.str(t::NAME).eq_ignore_ascii_case(&new.name)
    };
    let of_service = rows.table(&t::TABLE).between(new.ts, until).iter().find(state);
    of_service.or_else(|| {
        let image = format!("{program}.exe");
        let child = |r: &Row<'_>| {
            r.str(common::ACTION) == "start"
                && r.str(process::PARENT_NAME) == "services.exe"
                && r.str(process::IMAGE_NAME) == image
        };
        rows.table(&process::TABLE).between(new.ts, until).iter().find(child)
    })
}

fn is_common(cx: &Cx<'_>, name: &str) -> bool {
    let name = name.to_lowercase();
    let hosts = f64::from(cx.facts.seen(Thing::Service, &name).hosts);
    let all = f64::from(cx.facts.hosts_with(&t::TABLE));
    name.starts_with("mpksl")
        || (hosts >= cx.number(&META, "common_hosts") && hosts >= cx.number(&META, "common_share") * all)
}

impl<'a> New<'a> {
    fn of(row: Row<'a>, name: &str, command: &str) -> Self {
        Self {
            rows: vec![row],
            ts: row.ts(),
            name: name.to_owned(),
            command: command.to_owned(),
            reasons: Vec::new(),
            only_config: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn install(sample: &mut Sample, host: &str, time: &str, name: &str, path: &str) {
        sample.row(&t::TABLE, host, time, |b| {
            b.text(common::ACTION, "create");
            b.text(t::KIND, "service");
            b.text(t::NAME, name);
            b.text(t::COMMAND, path);
        });
    }

    fn one(name: &str, path: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        install(&mut sample, "ws01", "2026-03-02T09:00:00Z", name, path);
        sample.hits(&Pers01)
    }

    #[test]
    fn services_of_tools_pipes_and_random_names_are_high() {
        for (name, path) in [
            ("KbTqGzPw", r"C:\Windows\KbTqGzPw.exe"),
            ("x", r"%COMSPEC% /c echo a > \\.\pipe\b"),
            ("PSEXESVC", r"%SystemRoot%\PSEXESVC.exe"),
        ] {
            let hits = one(name, path);
            assert_eq!((hits.len(), hits[0].level), (1, Level::High), "{name}");
            assert_eq!(hits[0].techniques[0], "T1543.003");
        }
        assert!(
            one("x", r"%COMSPEC% /c echo a > \\.\pipe\b")[0]
                .techniques
                .contains(&"T1134.001".into())
        );
        assert_eq!(
            one("KbTqGzPw", r"C:\Windows\KbTqGzPw.exe")[0].key,
            r"<random>|c:\windows\<random>.exe"
        );
        assert_eq!(
            one("Vendor Agent", r#""C:\Program Files\Vendor\agent.exe" -service"#)[0].level,
            Level::Low
        );
    }

    #[test]
    fn software_that_is_rolled_out_is_silent() {
        let mut sample = Sample::default();
        for host in ["ws01", "ws02", "ws03", "ws04"] {
            install(
                &mut sample,
                host,
                "2026-03-02T09:00:00Z",
                "GoogleUpdaterService",
                r"C:\Program Files\Google\u.exe",
            );
        }
        install(
            &mut sample,
            "ws01",
            "2026-03-02T10:00:00Z",
            "MpKsl1a2b3c4d",
            r"C:\ProgramData\Microsoft\Windows Defender\MpKsl.sys",
        );
        assert!(sample.hits(&Pers01).is_empty());
    }

    #[test]
    fn two_logs_of_one_installation_and_its_start_are_one_hit() {
        let mut sample = Sample::default();
        install(
            &mut sample,
            "ws01",
            "2026-03-02T09:00:00Z",
            "Upd",
            r"C:\Windows\upd.exe",
        );
        install(
            &mut sample,
            "ws01",
            "2026-03-02T09:00:01Z",
            "Upd",
            r"C:\Windows\upd.exe",
        );
        sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:03Z", |b| {
            b.text(process::IMAGE_NAME, "upd.exe");
            b.text(process::PARENT_NAME, "services.exe");
        });
        let hits = sample.hits(&Pers01);
        assert_eq!((hits.len(), hits[0].rows.len()), (1, 3));
        assert_eq!(hits[0].techniques, ["T1543.003", "T1569.002"]);
    }

    #[test]
    fn the_service_command_is_read_with_and_without_a_host() {
        let sc = |line: &str| {
            let mut sample = Sample::default();
            sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(process::IMAGE_NAME, "sc.exe");
                b.text(process::CMDLINE, line);
            });
            sample.hits(&Pers01)
        };
        let remote = sc(r#"sc.exe \\fs01 create upd binPath= "C:\Windows\a.exe" start= auto"#);
        assert_eq!(remote.len(), 1);
        assert!(remote[0].explain.contains(r"\\fs01") && remote[0].explain.contains(r"C:\Windows\a.exe"));
        assert_eq!(
            sc(r#"sc config Fax binpath= "C:\windows\system32\cmd.exe /c whoami""#)[0].level,
            Level::High
        );
        assert!(sc("sc query Fax").is_empty());
        assert!(sc("sc config Fax start= disabled").is_empty());
        assert!(sc("sc").is_empty());
    }
}
