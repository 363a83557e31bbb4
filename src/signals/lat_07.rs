//! LAT-07: a server is made to log on to somebody.
//!
//! Sees: use of the interfaces by which a domain controller or server can be made to authenticate (EFSRPC, the print spooler's, DFS', VSS')
//! on a domain controller by a user from another host (low); a logon of that machine's account from the same address within a minute, or
//! a domain controller's account that logs on from an address that is not its own (high).
//! Why: a relayed logon of a domain controller is the domain.
//! Benign causes: print servers, backup of encrypted files; a controller with an address that no log names.
//! Sources: published coercion (PetitPotam, SpoolSample, DFSCoerce); ATT&CK T1187, T1557.001.

use std::collections::{BTreeMap, BTreeSet};

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, Ioc, KeyRows, Prevalence, RowRef, Signal};
use crate::base::ip::{self, Ip};
use crate::base::time::SECOND;
use crate::lake::frame::Row;
use crate::schema::{account, auth, common, file, network};

/// See the module.
pub struct Lat07;

/// Pipes of the interfaces that make a server authenticate to a named place.
const COERCING: &[&str] = &["efsrpc", "fssagentrpc", "netdfs", "spoolss"];

static META: Meta = Meta {
    id: "LAT-07",
    title: "Coerced or relayed logon",
    sees: "A user of another host opens the pipe of EFSRPC, the print spooler, DFS or VSS on a domain controller (low); the account of that \
           controller then logs on from the same address, or from an address that is not its own (high).",
    why: "A relayed logon of a domain controller is the domain.",
    techniques: &["T1187", "T1557.001"],
    stage: "credential-access",
    family: "credential relay",
    key: Key::Fleet,
    reads: &[
        Reads {
            table: &file::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                file::PATH,
                file::NAME,
                file::KIND,
                file::SHARE,
                file::CLIENT_IP,
            ],
        },
        Reads {
            table: &auth::TABLE,
            columns: &[
                common::ACTION,
                common::OUTCOME,
                common::EVENT_CODE,
                auth::LOGON_TYPE,
                auth::TARGET_USER,
                auth::SRC_IP,
                auth::SRC_HOST,
                auth::AUTH_PKG,
            ],
        },
        Reads {
            table: &account::TABLE,
            columns: &[common::EVENT_CODE],
        },
        Reads {
            table: &network::TABLE,
            columns: &[network::SRC_IP, network::DIRECTION],
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[Threshold {
        name: "join",
        value: 60.0,
        unit: "s from the pipe to the logon",
        source: "[J] the answer comes at once",
    }],
    benign: &[
        "print servers",
        "backup of encrypted files",
        "a controller with an address that no log names",
    ],
};

impl Signal for Lat07 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    /// Pipes of controllers, logons of machines, and one row for each thing that tells a controller or an address of it.
    fn gather(&self, rows: &KeyRows<'_>) -> Vec<RowRef> {
        let controllers = controllers(rows);
        let (mut hosts, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        let mut out: Vec<Row<'_>> = tickets(rows).filter(|r| hosts.insert(r.host())).collect();
        out.extend(rows.table(&auth::TABLE).iter().filter(|r| is_machine_logon(*r)));
        let pipes = rows.table(&file::TABLE);
        out.extend(
            pipes
                .iter()
                .filter(|r| controllers.contains(r.host()) && is_coercion(*r)),
        );
        let own = own_connections(rows, &controllers);
        out.extend(own.filter(|(r, a)| addresses.insert((r.host(), *a))).map(|(r, _)| r));
        out.into_iter().map(RowRef::from).collect()
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let controllers = controllers(rows);
        if controllers.is_empty() {
            return;
        }
        let own = own_addresses(rows, &controllers);
        let logons: Vec<Row<'_>> = rows
            .table(&auth::TABLE)
            .iter()
            .filter(|r| is_machine_logon(*r))
            .collect();
        let join = (cx.number(&META, "join") * SECOND as f64) as i64;
        for pipe in rows
            .table(&file::TABLE)
            .iter()
            .filter(|r| controllers.contains(r.host()) && is_coercion(*r))
        {
            let account = format!("{}$", pipe.host());
            let answer = logons.iter().find(|l| {
                l.str(auth::TARGET_USER).eq_ignore_ascii_case(&account)
                    && l.host() != pipe.host()
                    && (0..=join).contains(&(l.ts() - pipe.ts()))
                    && (l.ip(auth::SRC_IP) == pipe.ip(file::CLIENT_IP) || !is_own(&own, pipe.host(), **l))
            });
            add(hits, coerced(pipe, answer.copied()));
        }
        for logon in logons {
            let name = logon.str(auth::TARGET_USER).trim_end_matches('$').to_lowercase();
            // Without knowing its addresses, nothing is foreign.
            let known = own.get(name.as_str()).is_some_and(|a| !a.is_empty());
            let ntlm = logon.str(auth::AUTH_PKG).to_uppercase().contains("NTLM");
            if known
                && ntlm
                && logon.host() != name
                && controllers.contains(name.as_str())
                && !is_own(&own, &name, logon)
            {
                add(hits, relayed(logon, &name));
            }
        }
    }
}

/// Hosts that issue tickets or log the directory's events.
fn controllers<'a>(rows: &KeyRows<'a>) -> BTreeSet<&'a str> {
    tickets(rows).map(|r| r.host()).collect()
}

/// What only domain controllers log.
fn tickets<'a>(rows: &KeyRows<'a>) -> impl Iterator<Item = Row<'a>> + use<'a> {
    let tickets = rows.table(&auth::TABLE);
    let tickets = tickets.iter().filter(|r| matches!(r.code(), 4768 | 4769 | 4771));
    let directory = rows.table(&account::TABLE);
    let directory = directory
        .iter()
        .filter(|r| matches!(r.code(), 4662 | 5136 | 5137 | 4741 | 4742));
    tickets.chain(directory).filter(|r| !r.host().is_empty())
}

/// The addresses from which controllers connect.
fn own_addresses<'a>(rows: &KeyRows<'a>, controllers: &BTreeSet<&'a str>) -> BTreeMap<&'a str, BTreeSet<Ip>> {
    let mut own: BTreeMap<&str, BTreeSet<Ip>> = BTreeMap::new();
    for (row, address) in own_connections(rows, controllers) {
        own.entry(row.host()).or_default().insert(address);
    }
    own
}

/// Connections of controllers with the address they came from.
fn own_connections<'a>(rows: &KeyRows<'a>, controllers: &BTreeSet<&'a str>) -> impl Iterator<Item = (Row<'a>, Ip)> {
    let connections = rows.table(&network::TABLE).iter();
    let own = connections.filter(|r| controllers.contains(r.host()) && r.str(network::DIRECTION) != "in");
    own.filter_map(|r| Some((r, r.ip(network::SRC_IP)?)))
}

fn is_own(own: &BTreeMap<&str, BTreeSet<Ip>>, host: &str, logon: Row<'_>) -> bool {
    logon
        .ip(auth::SRC_IP)
        .is_none_or(|a| ip::is_loopback(&a) || own.get(host).is_some_and(|o| o.contains(&a)))
}

fn is_machine_logon(row: Row<'_>) -> bool {
    row.str(common::ACTION) == "logon"
        && row.str(common::OUTCOME) != "failure"
        && row.int(auth::LOGON_TYPE) == Some(3)
        && row.str(auth::TARGET_USER).ends_with('$')
        && row.ip(auth::SRC_IP).is_some_and(|a| !ip::is_loopback(&a))
}

fn is_coercion(row: Row<'_>) -> bool {
    let user = row.str(common::USER);
    row.str(common::ACTION) == "share_access"
        && COERCING.contains(&row.str(file::NAME))
        && !user.ends_with('$')
        && row.ip(file::CLIENT_IP).is_some_and(|a| !ip::is_loopback(&a))
}

fn coerced(pipe: Row<'_>, answer: Option<Row<'_>>) -> Hit {
    let from = pipe.ip(file::CLIENT_IP).map(|a| ip::display(&a)).unwrap_or_default();
    let (user, name) = (pipe.text(common::USER).unwrap_or("somebody"), pipe.str(file::NAME));
    let opened = format!(
        "{user} at {from} opened the pipe {name} of the domain controller {}",
        pipe.host()
    );
    let hit = |explain: String| {
        Hit::at(&META, pipe, format!("{name}|{}", user.to_lowercase()), explain).ioc(Ioc::Ip(from.clone()))
    };
    match answer {
        None => hit(opened).techniques(&["T1187"]),
        Some(answer) => {
            let mut found = hit(format!(
                "{opened}, and its account then logged on to {} from there",
                answer.host()
            ))
            .level(Level::High)
            .prevalence(Prevalence::Neutral);
            found.add_row(answer);
            found.last = answer.ts();
            found
        }
    }
}

fn relayed(logon: Row<'_>, name: &str) -> Hit {
    let from = logon.ip(auth::SRC_IP).map(|a| ip::display(&a)).unwrap_or_default();
    let explain = format!(
        "The account of the domain controller {name} logged on to {} from {from}, which is not its address",
        logon.host()
    );
    Hit::at(&META, logon, format!("relay|{name}|{from}"), explain)
        .level(Level::High)
        .techniques(&["T1557.001", "T1187"])
        .prevalence(Prevalence::Neutral)
        .ioc(Ioc::Ip(from))
}

/// Repeats within an hour are one hit.
fn add(hits: &mut Vec<Hit>, hit: Hit) {
    let same = |h: &&mut Hit| {
        h.key == hit.key && h.host == hit.host && h.level == hit.level && (hit.time - h.last).abs() <= 3_600 * SECOND
    };
    match hits.iter_mut().rev().find(same) {
        Some(earlier) => (earlier.last, earlier.count) = (earlier.last.max(hit.last), earlier.count + 1),
        None => hits.push(hit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn hits(pipe: &str, host: &str, then: Option<&str>) -> Vec<Level> {
        let mut s = Sample::default();
        s.row(&auth::TABLE, "dc1", "2026-03-02T08:00:00Z", |b| {
            b.int(common::EVENT_CODE, 4768);
            b.text(common::ACTION, "krb_tgt");
        });
        s.row(&network::TABLE, "dc1", "2026-03-02T08:00:00Z", |b| {
            b.ip(network::SRC_IP, &ip::parse("10.0.0.10").unwrap())
        });
        s.row(&file::TABLE, host, "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "share_access");
            b.text(common::USER, "eve");
            b.text(file::NAME, pipe);
            b.ip(file::CLIENT_IP, &ip::parse("10.0.5.21").unwrap());
        });
        if let Some(address) = then {
            s.row(&auth::TABLE, "srv1", "2026-03-02T09:00:10Z", |b| {
                b.text(common::ACTION, "logon");
                b.int(auth::LOGON_TYPE, 3);
                b.text(auth::TARGET_USER, "DC1$");
                b.text(auth::AUTH_PKG, "NTLM");
                b.ip(auth::SRC_IP, &ip::parse(address).unwrap());
            });
        }
        s.hits(&Lat07).iter().map(|h| h.level).collect()
    }

    #[test]
    fn pipes_of_controllers_are_low_and_their_answers_high() {
        assert_eq!(hits("efsrpc", "dc1", None), [Level::Low]);
        assert_eq!(hits("spoolss", "dc1", Some("10.0.5.21")), [Level::High, Level::High]);
    }

    #[test]
    fn print_servers_and_the_controller_itself_stay_quiet() {
        assert!(hits("spoolss", "print1", None).is_empty());
        assert!(hits("samr", "dc1", Some("10.0.0.10")).is_empty());
    }
}
