//! AUTH-02: one account comes from many places or goes to many hosts.
//!
//! Sees: network logons of one account on thirty hosts within five minutes; on ten or more in an hour, far above its own hours before; from
//! five or more addresses in an hour, far above its own hours before.
//! Why: stolen passwords are tried everywhere, and spread by hand or by tool looks like this in the log of every target.
//! Benign causes: vulnerability scanners, management, administrators on a busy day; machine accounts are left out.
//! Sources: Splunk (rapid authentication on multiple hosts); the comparison with the account's own hours is judgement.

use std::collections::{BTreeMap, BTreeSet};

use super::contacts::spread_out;
use super::logons::{self, account, succeeded};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::windows::{densest, median_and_mad};
use super::{Cx, Hit, Ioc, KeyRows, RowRef, Signal};
use crate::base::ip::{self, Ip};
use crate::base::time::SECOND;
use crate::lake::frame::{Row, StrId};
use crate::schema::{auth as t, common};

/// See the module.
pub struct Auth02;

const HOUR_US: i64 = 3_600 * SECOND;
const EVIDENCE: usize = 12;

static META: Meta = Meta {
    id: "AUTH-02",
    title: "Many sources or many hosts for one account",
    sees: "Network logons of one account on 30 hosts within five minutes, or on ten or more hosts or from five or more addresses within an \
           hour when that is far above its own earlier hours.",
    why: "A stolen account is tried everywhere.",
    techniques: &["T1078", "T1021"],
    stage: "lateral-movement",
    family: "authentication",
    key: Key::User,
    reads: &[Reads {
        table: &t::TABLE,
        columns: logons::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "burst_hosts",
            value: 30.0,
            unit: "hosts",
            source: "Splunk rapid authentication on multiple hosts",
        },
        Threshold {
            name: "burst_window",
            value: 300.0,
            unit: "s",
            source: "Splunk rapid authentication on multiple hosts",
        },
        Threshold {
            name: "hosts",
            value: 10.0,
            unit: "hosts in an hour",
            source: "detection notes AUTH-02 [J]",
        },
        Threshold {
            name: "sources",
            value: 5.0,
            unit: "addresses in an hour",
            source: "detection notes AUTH-02 [J]",
        },
        Threshold {
            name: "deviations",
            value: 6.0,
            unit: "median absolute deviations above its own hours",
            source: "detection notes AUTH-02 [J]",
        },
        Threshold {
            name: "history",
            value: 5.0,
            unit: "earlier hours with logons",
            source: "[J] without them nothing is usual",
        },
    ],
    benign: &[
        "vulnerability scanners and management",
        "administrators on a busy day",
        "terminal servers and gateways",
    ],
};

impl Signal for Auth02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn gather(&self, rows: &KeyRows<'_>) -> Vec<RowRef> {
        let logons = rows.table(&t::TABLE);
        logons.iter().filter(|r| counts(*r)).map(RowRef::from).collect()
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let logons: Vec<Row<'_>> = rows.table(&t::TABLE).iter().filter(|r| counts(*r)).collect();
        let Some(user) = logons.first().and_then(|r| account(*r)) else {
            return;
        };
        let hosts: Vec<(Row<'_>, StrId)> = logons.iter().map(|r| (*r, r.id(common::HOST))).collect();
        let sources: Vec<(Row<'_>, Ip)> = logons.iter().filter_map(|r| Some((*r, r.ip(t::SRC_IP)?))).collect();
        let burst = burst(cx, &user, &hosts).or_else(|| {
            unusual(cx, &hosts, "hosts").map(|(at, n, usual)| {
                let what = format!("logged on to {n} hosts within an hour, usually to {usual:.0}");
                hit(&user, &at, "hosts", &what, &["T1021"])
            })
        });
        hits.extend(burst.flatten());
        hits.extend(unusual(cx, &sources, "sources").and_then(|(at, n, usual)| {
            let what = format!("logged on from {n} addresses within an hour, usually from {usual:.0}");
            hit(&user, &at, "sources", &what, &["T1078"])
        }));
    }
}

/// Network logons that succeeded, of people and services.
fn counts(row: Row<'_>) -> bool {
    let network = matches!(row.int(t::LOGON_TYPE), Some(3 | 10)) || row.str(common::ACTION) == "ntlm";
    let remote = row.ip(t::SRC_IP).is_none_or(|a| !ip::is_loopback(&a));
    network && remote && succeeded(row) && account(row).is_some()
}

fn burst(cx: &Cx<'_>, user: &str, hosts: &[(Row<'_>, StrId)]) -> Option<Option<Hit>> {
    let events: Vec<(i64, StrId)> = hosts.iter().map(|(r, h)| (r.ts(), *h)).collect();
    let found = densest(&events, (cx.number(&META, "burst_window") * SECOND as f64) as i64)?;
    if (found.distinct as f64) < cx.number(&META, "burst_hosts") {
        return None;
    }
    let inside: Vec<Row<'_>> = hosts.get(found.from..found.to)?.iter().map(|(r, _)| *r).collect();
    let what = format!("logged on to {} hosts within minutes", found.distinct);
    Some(hit(user, &inside, "hosts", &what, &["T1021"]))
}

/// The first hour with far more different things than the account's own hours before; its rows, their number, what is usual.
fn unusual<'a, T: Ord + Copy>(cx: &Cx<'_>, events: &[(Row<'a>, T)], limit: &str) -> Option<(Vec<Row<'a>>, usize, f64)> {
    let mut hours: BTreeMap<i64, (BTreeSet<T>, Vec<Row<'a>>)> = BTreeMap::new();
    for (row, thing) in events {
        let of_hour = hours.entry(row.ts().div_euclid(HOUR_US)).or_default();
        of_hour.0.insert(*thing);
        of_hour.1.push(*row);
    }
    let least = match limit {
        "hosts" => cx.number(&META, "hosts"),
        _ => cx.number(&META, "sources"),
    };
    let mut history: Vec<f64> = Vec::new();
    for (things, rows) in hours.into_values() {
        let n = things.len();
        let (usual, spread) = median_and_mad(&history);
        let far = n as f64 >= least.max(usual + cx.number(&META, "deviations") * spread.max(0.5));
        if far && history.len() as f64 >= cx.number(&META, "history") {
            return Some((rows, n, usual));
        }
        history.push(n as f64);
    }
    None
}

fn hit(user: &str, rows: &[Row<'_>], key: &str, what: &str, techniques: &[&'static str]) -> Option<Hit> {
    let first = *rows.first()?;
    let mut hit = Hit::at(&META, first, format!("{key}|{user}"), format!("{user} {what}"))
        .techniques(techniques)
        .ioc(Ioc::Account(user.to_owned()));
    hit.users = vec![user.to_owned()];
    for row in spread_out(rows, EVIDENCE).into_iter().skip(1) {
        hit.add_row(row);
    }
    (hit.last, hit.count) = (rows.last()?.ts(), rows.len() as u64);
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn hits(user: &str, now: usize, sources: bool, usual: usize, hours: usize, seconds: i64) -> usize {
        let mut s = Sample::default();
        let mut logon = |ts: i64, n: usize| {
            let host = if sources {
                "srv00".to_owned()
            } else {
                format!("srv{n:02}")
            };
            s.row_us(&t::TABLE, &host, ts, |b| {
                b.text(common::ACTION, "logon");
                b.text(common::OUTCOME, "success");
                b.int(t::LOGON_TYPE, 3);
                b.text(t::TARGET_USER, user);
                let n = if sources { n } else { 0 };
                b.ip(t::SRC_IP, &ip::parse(&format!("10.0.5.{}", n + 1)).unwrap());
            });
        };
        for hour in 0..hours {
            for n in 0..usual {
                logon(T0 - (hour as i64 + 1) * HOUR_US + n as i64 * SECOND, n);
            }
        }
        for n in 0..now {
            logon(T0 + n as i64 * seconds * SECOND / now as i64, n);
        }
        s.hits(&Auth02).len()
    }

    #[test]
    fn many_hosts_and_many_sources_fire() {
        assert_eq!(hits("eve", 40, false, 1, 0, 300), 1);
        assert_eq!(hits("eve", 8, true, 1, 20, 3000), 1);
        assert_eq!(hits("svc_backup", 12, false, 2, 20, 3000), 1);
    }

    #[test]
    fn machines_habits_and_accounts_without_history_stay_quiet() {
        assert_eq!(hits("DC01$", 60, false, 1, 0, 300), 0);
        assert_eq!(hits("adm", 12, false, 12, 20, 3000), 0);
        assert_eq!(hits("eve", 8, true, 1, 0, 3000), 0);
    }
}
