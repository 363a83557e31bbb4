//! LAT-06: one program uses several other people's passwords.
//!
//! Sees: logons with explicit credentials (4648) by one account and program for three or more other accounts, or on five or more servers,
//! within ten minutes.
//! Why: collected passwords are tried from the host where they were collected.
//! Benign causes: privileged-access and deployment tools, monitoring, administrators with several accounts.
//! Sources: Microsoft's documentation of event 4648; ATT&CK T1078; limits are judgement.

use std::collections::{BTreeMap, BTreeSet};

use super::deeds::is_person;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::windows::densest;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::time::SECOND;
use crate::knowledge::programs::{base_name, contains};
use crate::lake::frame::Row;
use crate::schema::{auth as t, common};

/// See the module.
pub struct Lat06;

const EVIDENCE: usize = 12;
/// Programs of Windows in whose name everybody logs on. Sorted.
const HOSTS_OF_LOGONS: &[&str] = &["consent", "lsass", "services", "svchost", "taskhostw", "winlogon"];

static META: Meta = Meta {
    id: "LAT-06",
    title: "Several explicit credentials in use",
    sees: "One account and program log on with the credentials of three or more other accounts, or to five or more servers, within ten minutes.",
    why: "Collected passwords are tried from where they were collected.",
    techniques: &["T1078"],
    stage: "lateral-movement",
    family: "authentication",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::USER,
            common::USER_SID,
            common::LOGON_ID,
            t::TARGET_USER,
            t::TARGET_DOMAIN,
            t::TARGET_SERVER,
            t::SRC_IP,
            t::PID,
            t::IMAGE,
        ],
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "accounts",
            value: 3.0,
            unit: "other accounts",
            source: "detection notes LAT-06 [J]",
        },
        Threshold {
            name: "servers",
            value: 5.0,
            unit: "servers",
            source: "[J] the notes say three; administrators open three sessions in ten minutes",
        },
        Threshold {
            name: "window",
            value: 600.0,
            unit: "s",
            source: "detection notes LAT-06 [J]",
        },
    ],
    benign: &[
        "privileged-access and deployment tools",
        "monitoring",
        "administrators with several accounts",
    ],
};

impl Signal for Lat06 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut actors: BTreeMap<(String, String), Vec<Row<'_>>> = BTreeMap::new();
        for row in rows.table(&t::TABLE).iter().filter(|r| counts(*r)) {
            let program = base_name(row.str(t::IMAGE)).to_lowercase();
            actors
                .entry((row.str(common::USER).to_lowercase(), program))
                .or_default()
                .push(row);
        }
        for ((user, program), of_actor) in actors {
            let accounts = of_actor.iter().map(|r| (*r, r.str(t::TARGET_USER).to_lowercase()));
            let servers = of_actor.iter().filter_map(|r| Some((*r, server(*r)?)));
            let by = format!("{user}|{program}");
            let found =
                judge(cx, &by, "accounts", accounts.collect()).or_else(|| judge(cx, &by, "servers", servers.collect()));
            hits.extend(found);
        }
    }
}

/// Another person's or service's credentials, used by somebody.
fn counts(row: Row<'_>) -> bool {
    let (user, target) = (row.str(common::USER), row.str(t::TARGET_USER));
    row.str(common::ACTION) == "explicit"
        && is_person(user)
        && is_person(target)
        && !user.eq_ignore_ascii_case(target)
        && !contains(HOSTS_OF_LOGONS, base_name(row.str(t::IMAGE)))
}

fn server(row: Row<'_>) -> Option<String> {
    let name = row.text(t::TARGET_SERVER)?.to_lowercase();
    let own = name == "localhost" || name.split('.').next() == Some(row.host());
    (!own && name != "-").then_some(name)
}

fn judge(cx: &Cx<'_>, by: &str, what: &str, uses: Vec<(Row<'_>, String)>) -> Option<Hit> {
    let events: Vec<(i64, &str)> = uses.iter().map(|(r, thing)| (r.ts(), thing.as_str())).collect();
    let least = match what {
        "accounts" => cx.number(&META, "accounts"),
        _ => cx.number(&META, "servers"),
    };
    let found = densest(&events, (cx.number(&META, "window") * SECOND as f64) as i64)?;
    if (found.distinct as f64) < least {
        return None;
    }
    let inside = uses.get(found.from..found.to)?;
    let (first, last) = (inside.first()?.0, inside.last()?.0);
    let names: BTreeSet<&str> = inside.iter().map(|(_, n)| n.as_str()).collect();
    let some: Vec<&str> = names.iter().take(8).copied().collect();
    let explain = format!(
        "{} used other credentials with {} {what} within {} s: {}",
        by.replace('|', " through "),
        names.len(),
        (last.ts() - first.ts()) / SECOND,
        some.join(", ")
    );
    let mut hit = Hit::at(&META, first, format!("{what}|{by}"), explain);
    if what == "accounts" {
        hit.iocs = some.iter().map(|a| Ioc::Account((*a).to_owned())).collect();
    }
    for (row, _) in inside.iter().skip(1).take(EVIDENCE) {
        hit.add_row(*row);
    }
    (hit.last, hit.count) = (last.ts(), inside.len() as u64);
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn hits(user: &str, accounts: usize, servers: usize) -> usize {
        let mut s = Sample::default();
        for n in 0..accounts.max(servers) {
            s.row(&t::TABLE, "ws01", &format!("2026-03-02T09:0{n}:00Z"), |b| {
                b.text(common::ACTION, "explicit");
                b.text(common::USER, user);
                b.text(t::TARGET_USER, &format!("admin{}", n % accounts));
                b.text(t::TARGET_SERVER, &format!("srv{}", n % servers));
                b.text(t::IMAGE, r"C:\Temp\a.exe");
            });
        }
        s.hits(&Lat06).len()
    }

    #[test]
    fn several_accounts_or_servers_fire_and_one_of_each_does_not() {
        assert_eq!(hits("eve", 4, 1), 1);
        assert_eq!(hits("eve", 1, 6), 1);
        assert_eq!(hits("eve", 3, 3), 1);
        assert_eq!(hits("eve", 1, 1), 0);
        assert_eq!(hits("SYSTEM", 4, 4), 0);
    }
}
