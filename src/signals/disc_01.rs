//! DISC-01: a burst of questions about users, groups, hosts and the network.
//!
//! Sees: at least five different discovery commands within five minutes in one session (for services and the system: under one
//! parent), and one client that opens the directory pipes of ten or more hosts within five minutes.
//! Why: after the first foothold intruders look around, and they do it quickly.
//! Benign causes: logon scripts and agents ask the same on many hosts (not reported in fleets when the same set is on 5 % of
//! them); administrators who debug a network.
//! Sources: Splunk's rules on network discovery (five commands); MITRE ATT&CK discovery; the SharpHound pattern is judgement.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, names};
use super::{Cx, Hit, Ioc, KeyRows, RowRef, Signal};
use crate::base::ip::{self, Ip};
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::rules::discovery::{Question, question};
use crate::schema::{common, file, process as t};

/// See the module.
pub struct Disc01;

const COMMANDS: f64 = 5.0;
const COMMANDS_MEDIUM: f64 = 8.0;
const WINDOW_S: f64 = 300.0;
const COMMON_SHARE: f64 = 0.05;
const MIN_FLEET: f64 = 20.0;
const PIPE_HOSTS: f64 = 10.0;

static META: Meta = Meta {
    id: "DISC-01",
    title: "Discovery burst",
    sees: "Five or more different discovery commands within five minutes in one session or under one parent; or one \
           client at the directory pipes of ten or more hosts within five minutes. Medium from eight commands.",
    why: "After the first foothold intruders look around, quickly.",
    techniques: &[
        "T1087.002",
        "T1069.002",
        "T1482",
        "T1018",
        "T1016",
        "T1033",
        "T1049",
        "T1057",
        "T1082",
        "T1518",
        "T1087.001",
        "T1069.001",
        "T1201",
        "T1135",
        "T1007",
        "T1124",
        "T1615",
        "T1652",
    ],
    stage: "discovery",
    family: "discovery",
    key: Key::Fleet,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &file::TABLE,
            columns: &[file::SHARE, file::NAME, file::CLIENT_IP, common::USER],
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "commands",
            value: COMMANDS,
            unit: "commands",
            source: "Splunk network discovery: five",
        },
        Threshold {
            name: "commands_medium",
            value: COMMANDS_MEDIUM,
            unit: "commands",
            source: "detection.md DISC-01 [J]",
        },
        Threshold {
            name: "window_seconds",
            value: WINDOW_S,
            unit: "s",
            source: "detection.md DISC-01 [J]",
        },
        Threshold {
            name: "common_share",
            value: COMMON_SHARE,
            unit: "share of hosts",
            source: "detection.md DISC-01: a logon script [J]",
        },
        Threshold {
            name: "fleet",
            value: MIN_FLEET,
            unit: "hosts",
            source: "[J] below it nothing is common",
        },
        Threshold {
            name: "pipe_hosts",
            value: PIPE_HOSTS,
            unit: "hosts",
            source: "detection.md DISC-01: SharpHound [J]",
        },
    ],
    benign: &[
        "logon scripts and agents",
        "an administrator who debugs a network",
        "vulnerability scanners (pipes)",
    ],
};

impl Signal for Disc01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn gather(&self, rows: &KeyRows<'_>) -> Vec<RowRef> {
        let starts = starts::starts(rows.table(&t::TABLE)).into_iter();
        let asked = starts.filter(|r| asked(*r).is_some());
        let pipes = rows.table(&file::TABLE);
        asked
            .chain(pipes.iter().filter(|r| is_pipe(*r)))
            .map(RowRef::from)
            .collect()
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let bursts = bursts(cx, rows);
        let population = cx.facts.hosts_with(&t::TABLE);
        let mut hosts: BTreeMap<&str, BTreeSet<StrId>> = BTreeMap::new();
        for hit in &bursts {
            hosts.entry(&hit.key).or_default().insert(hit.host);
        }
        let common = |h: &Hit| {
            let on = hosts.get(h.key.as_str()).map_or(0, BTreeSet::len) as f64;
            f64::from(population) >= cx.number(&META, "fleet")
                && on >= cx.number(&META, "common_share") * f64::from(population)
                && on >= 3.0
        };
        let kept: Vec<bool> = bursts.iter().map(|h| !common(h)).collect();
        hits.extend(bursts.into_iter().zip(kept).filter(|(_, k)| *k).map(|(h, _)| h));
        pipes(cx, rows, hits);
    }
}

type Asked<'a> = (Row<'a>, Question);

/// A session of a host, or a parent where the session is the system's.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Actor {
    Session(StrId, i64),
    ParentGuid(StrId, StrId),
    Parent(StrId, i64),
}

/// Sessions of the system and its services, in which everything on a host happens together.
const SHARED_SESSIONS: &[i64] = &[0, 0x3e4, 0x3e5, 0x3e7];

fn actor(row: Row<'_>) -> Option<Actor> {
    let host = row.id(common::HOST);
    if let Some(session) = row.int(common::LOGON_ID).filter(|s| !SHARED_SESSIONS.contains(s)) {
        return Some(Actor::Session(host, session));
    }
    match row.id(t::PARENT_GUID) {
        NO_STR => row.int(t::PPID).map(|p| Actor::Parent(host, p)),
        guid => Some(Actor::ParentGuid(host, guid)),
    }
}

fn bursts(cx: &Cx<'_>, rows: &KeyRows<'_>) -> Vec<Hit> {
    let mut by_actor: BTreeMap<Actor, Vec<Asked<'_>>> = BTreeMap::new();
    for row in starts::starts(rows.table(&t::TABLE)) {
        let Some(asked) = asked(row) else { continue };
        if let Some(actor) = actor(row) {
            by_actor.entry(actor).or_default().push((row, asked));
        }
    }
    let mut out: Vec<Hit> = by_actor.values().flat_map(|asked| bursts_of(cx, asked)).collect();
    // Actors are ordered by ids, which differ from run to run.
    out.sort_by(|a, b| (a.time, &a.key, &a.explain).cmp(&(b.time, &b.key, &b.explain)));
    out
}

fn asked(row: Row<'_>) -> Option<Question> {
    let (image, original) = names(row);
    let line = row.str(t::CMDLINE);
    question(&image, line).or_else(|| question(&original, line))
}

/// The bursts of one actor, whose questions are in time order: each begins where enough come together and ends with
/// the last question less than a window after the one before.
fn bursts_of(cx: &Cx<'_>, asked: &[Asked<'_>]) -> Vec<Hit> {
    let window = (cx.number(&META, "window_seconds") * 1e6) as i64;
    let mut out = Vec::new();
    let mut rest = asked;
    while let Some((first, tail)) = rest.split_first() {
        let within = rest.iter().take_while(|(r, _)| r.ts() - first.0.ts() <= window).count();
        let distinct: BTreeSet<&str> = rest.iter().take(within).map(|(_, q)| q.name.as_str()).collect();
        if (distinct.len() as f64) < cx.number(&META, "commands") {
            rest = tail;
            continue;
        }
        let mut end = within;
        while let (Some(last), Some(next)) = (rest.get(end - 1), rest.get(end)) {
            if next.0.ts() - last.0.ts() > window {
                break;
            }
            end += 1;
        }
        let (burst, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        out.extend(burst_hit(cx, burst));
        rest = after;
    }
    out
}

fn burst_hit(cx: &Cx<'_>, burst: &[Asked<'_>]) -> Option<Hit> {
    let (first, last) = (burst.first()?.0, burst.last()?.0);
    let names: BTreeSet<&str> = burst.iter().map(|(_, q)| q.name.as_str()).collect();
    let mut techniques: Vec<Cow<'static, str>> = Vec::new();
    for id in burst.iter().flat_map(|(_, q)| q.techniques) {
        if !techniques.iter().any(|t| t == id) {
            techniques.push(Cow::Borrowed(*id));
        }
    }
    let list: Vec<&str> = names.iter().copied().collect();
    let seconds = (last.ts() - first.ts()) / 1_000_000;
    let parent = first
        .text(t::PARENT_NAME)
        .map(|p| format!(" by {p}"))
        .unwrap_or_default();
    let explain = format!(
        "{} different discovery commands in {seconds} s{parent}: {}",
        names.len(),
        list.join(", ")
    );
    let mut hit = Hit::at(&META, first, list.join("+"), explain);
    if names.len() as f64 >= cx.number(&META, "commands_medium") {
        hit = hit.level(Level::Medium);
    }
    hit.techniques = techniques;
    hit.last = last.ts();
    hit.count = burst.len() as u64;
    for (row, _) in burst.iter().skip(1).take(19) {
        hit.add_row(*row);
    }
    Some(hit)
}

/// Pipes through which directories are listed remotely.
const PIPES: &[&str] = &["lsarpc", "netlogon", "samr", "srvsvc", "wkssvc"];

/// One client at the pipes of many hosts.
fn pipes(cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
    let mut by_client: BTreeMap<Ip, Vec<Row<'_>>> = BTreeMap::new();
    for row in rows.table(&file::TABLE).iter() {
        if let Some(client) = row.ip(file::CLIENT_IP).filter(|_| is_pipe(row)) {
            by_client.entry(client).or_default().push(row);
        }
    }
    for (client, mut of_client) in by_client {
        of_client.sort_by_key(|r| r.ts());
        let mut start = 0;
        let mut seen: BTreeMap<StrId, u32> = BTreeMap::new();
        for (i, row) in of_client.iter().enumerate() {
            *seen.entry(row.id(common::HOST)).or_default() += 1;
            while let Some(old) = of_client
                .get(start)
                .filter(|o| row.ts() - o.ts() > (cx.number(&META, "window_seconds") * 1e6) as i64)
            {
                start += 1;
                if let Some(n) = seen.get_mut(&old.id(common::HOST)) {
                    *n -= 1;
                    if *n == 0 {
                        seen.remove(&old.id(common::HOST));
                    }
                }
            }
            if seen.len() as f64 >= cx.number(&META, "pipe_hosts") {
                hits.extend(pipe_hit(
                    &client,
                    of_client.get(start..=i).unwrap_or_default(),
                    seen.len(),
                ));
                break;
            }
        }
    }
}

fn is_pipe(row: Row<'_>) -> bool {
    PIPES.contains(&row.str(file::NAME))
        && row.ip(file::CLIENT_IP).is_some_and(|c| !ip::is_loopback(&c))
        && row.str(file::SHARE).to_ascii_lowercase().ends_with("ipc$")
}

fn pipe_hit(client: &Ip, rows: &[Row<'_>], hosts: usize) -> Option<Hit> {
    let (first, last) = (rows.first()?, rows.last()?);
    let address = ip::display(client);
    let explain =
        format!("{address} opened directory pipes (samr, lsarpc, srvsvc, wkssvc) of {hosts} hosts within five minutes");
    let mut hit = Hit::at(&META, *first, format!("pipes:{address}"), explain)
        .level(Level::Medium)
        .techniques(&["T1087.002", "T1069.002", "T1018"])
        .ioc(Ioc::Ip(address));
    hit.last = last.ts();
    hit.count = rows.len() as u64;
    for row in rows.iter().skip(1).take(19) {
        hit.add_row(*row);
    }
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ip::parse;
    use crate::signals::testing::Sample;

    fn ask(sample: &mut Sample, host: &str, session: i64, lines: &[&str], gap_s: i64) {
        for (i, line) in lines.iter().enumerate() {
            sample.row_us(
                &t::TABLE,
                host,
                1_772_442_000_000_000 + i as i64 * gap_s * 1_000_000,
                |b| {
                    b.text(t::IMAGE_NAME, &format!("{}.exe", line.split(' ').next().unwrap()));
                    b.text(t::CMDLINE, line);
                    b.int(common::LOGON_ID, session);
                    b.int(t::PPID, 77);
                },
            );
        }
    }

    const SIX: &[&str] = &[
        "whoami",
        "ipconfig",
        "net user",
        "nltest /dclist:",
        "systeminfo",
        "arp -a",
    ];

    #[test]
    fn six_questions_in_a_session_are_one_burst() {
        for session in [0x7eb05, 0x3e7] {
            let mut sample = Sample::default();
            ask(&mut sample, "ws01", session, SIX, 10);
            let found = sample.hits(&Disc01);
            assert_eq!((found.len(), found[0].level, found[0].count), (1, Level::Low, 6));
            assert_eq!(found[0].techniques, ["T1033", "T1016", "T1087.001", "T1018", "T1082"]);
        }
    }

    #[test]
    fn eight_are_medium() {
        let mut lines = SIX.to_vec();
        lines.extend(["quser", "tasklist"]);
        let mut sample = Sample::default();
        ask(&mut sample, "ws01", 0x7eb05, &lines, 5);
        assert_eq!(sample.hits(&Disc01)[0].level, Level::Medium);
    }

    #[test]
    fn repeats_slow_work_and_scripts_of_the_fleet_are_quiet() {
        let mut sample = Sample::default();
        ask(&mut sample, "ws01", 0x7eb05, &["tasklist"; 9], 5);
        ask(&mut sample, "ws02", 0x7eb05, SIX, 200);
        assert!(sample.hits(&Disc01).is_empty());
        let mut fleet = Sample::default();
        for n in 0..30 {
            ask(
                &mut fleet,
                &format!("ws{n:02}"),
                0x7eb05,
                &["whoami", "net use", "ipconfig", "hostname", "systeminfo"],
                1,
            );
        }
        assert!(fleet.hits(&Disc01).is_empty());
    }

    #[test]
    fn one_client_at_the_pipes_of_many_hosts_is_medium() {
        for (hosts, expected) in [(15, 1), (6, 0)] {
            let mut sample = Sample::default();
            for n in 0..hosts {
                sample.row_us(
                    &file::TABLE,
                    &format!("srv{n:02}"),
                    1_772_442_000_000_000 + n * 1_000_000,
                    |b| {
                        b.text(file::SHARE, r"\\*\IPC$");
                        b.text(file::NAME, "samr");
                        b.ip(file::CLIENT_IP, &parse("10.0.5.21").unwrap());
                    },
                );
            }
            assert_eq!(sample.hits(&Disc01).len(), expected);
        }
    }
}
