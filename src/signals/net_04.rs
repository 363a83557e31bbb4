//! NET-04: one host asks many internal hosts, or one host on many ports.
//!
//! Sees: connections to a hundred internal addresses on one port of administration within nine minutes (thirty within five where an
//! endpoint sensor saw them, which logs only some), or to 250 ports of one internal address.
//! Why: before moving on, intruders look where they can go.
//! Benign causes: vulnerability scanners, inventory, monitoring, software distribution: allow them by host.
//! Sources: Elastic's network sweep and SYN scan rules; ATT&CK T1046, T1018, T1135; the limit for endpoints is judgement.

use std::collections::BTreeMap;

use super::contacts::spread_out;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::windows::{Densest, densest};
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::ip::{self, Ip};
use crate::base::text::basename;
use crate::base::time::SECOND;
use crate::lake::frame::Row;
use crate::schema::{common, network as t};

/// See the module.
pub struct Net04;

/// Ports of file sharing, administration and remote desktop.
const PORTS: &[i64] = &[21, 22, 23, 25, 135, 139, 445, 3389, 5985, 5986];
/// Ports by which one moves on, of which thirty hosts are enough for an endpoint sensor.
const MOVING: &[i64] = &[445, 3389, 5985, 5986];
const EVIDENCE: usize = 12;

static META: Meta = Meta {
    id: "NET-04",
    title: "Internal sweep",
    sees: "Connections from one host to 100 internal addresses on one port of administration within nine minutes (30 within five where an \
           endpoint sensor saw them), or to 250 ports of one internal address.",
    why: "It is how an intruder finds where to go next.",
    techniques: &["T1046", "T1018", "T1135"],
    stage: "discovery",
    family: "discovery",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::USER,
            t::DIRECTION,
            t::DST_IP,
            t::DST_PORT,
            t::PID,
            t::PROC_GUID,
            t::IMAGE,
        ],
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "hosts",
            value: 100.0,
            unit: "internal addresses on one port",
            source: "Elastic network sweep",
        },
        Threshold {
            name: "ports",
            value: 250.0,
            unit: "ports of one address",
            source: "Elastic SYN scan",
        },
        Threshold {
            name: "window",
            value: 540.0,
            unit: "s",
            source: "Elastic network sweep",
        },
        Threshold {
            name: "endpoint_hosts",
            value: 30.0,
            unit: "internal addresses seen by an endpoint sensor",
            source: "detection notes NET-04 [J]",
        },
        Threshold {
            name: "endpoint_window",
            value: 300.0,
            unit: "s",
            source: "detection notes NET-04 [J]",
        },
    ],
    benign: &[
        "vulnerability scanners",
        "inventory, monitoring and software distribution",
        "backup servers",
    ],
};

impl Signal for Net04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut by_port: BTreeMap<i64, Vec<(Row<'_>, Ip)>> = BTreeMap::new();
        let mut by_target: BTreeMap<Ip, Vec<(Row<'_>, i64)>> = BTreeMap::new();
        for row in rows.table(&t::TABLE).iter().filter(is_outgoing) {
            let (Some(target), Some(port)) = (row.ip(t::DST_IP), row.int(t::DST_PORT)) else {
                continue;
            };
            if !ip::is_internal(&target) || ip::is_loopback(&target) {
                continue;
            }
            by_target.entry(target).or_default().push((row, port));
            if PORTS.contains(&port) {
                by_port.entry(port).or_default().push((row, target));
            }
        }
        for (port, of_port) in &by_port {
            hits.extend(sweep(cx, *port, of_port));
        }
        for (target, of_target) in &by_target {
            hits.extend(scan_of(cx, target, of_target));
        }
    }
}

fn is_outgoing(row: &Row<'_>) -> bool {
    row.str(t::DIRECTION) != "in" && !matches!(row.str(common::ACTION), "accept" | "listen" | "bind")
}

/// The densest window with at least `least` different things.
fn dense<T: Copy + Eq + std::hash::Hash>(events: &[(Row<'_>, T)], least: f64, window_s: f64) -> Option<Densest> {
    if (events.len() as f64) < least {
        return None;
    }
    let times: Vec<(i64, T)> = events.iter().map(|(r, thing)| (r.ts(), *thing)).collect();
    densest(&times, (window_s * SECOND as f64) as i64).filter(|d| d.distinct as f64 >= least)
}

fn sweep(cx: &Cx<'_>, port: i64, events: &[(Row<'_>, Ip)]) -> Option<Hit> {
    let found = dense(events, cx.number(&META, "hosts"), cx.number(&META, "window")).or_else(|| {
        let seen: Vec<_> = events
            .iter()
            .filter(|(r, _)| r.text(t::IMAGE).is_some())
            .copied()
            .collect();
        let least = cx.number(&META, "endpoint_hosts");
        // The window over the endpoint's own rows, found again among all rows by time.
        let inside = dense(&seen, least, cx.number(&META, "endpoint_window")).filter(|_| MOVING.contains(&port))?;
        let (first, last) = (seen.get(inside.from)?.0.ts(), seen.get(inside.to - 1)?.0.ts());
        Some(Densest {
            from: events.partition_point(|(r, _)| r.ts() < first),
            to: events.partition_point(|(r, _)| r.ts() <= last),
            distinct: inside.distinct,
        })
    })?;
    let technique: &[&str] = if matches!(port, 139 | 445) {
        &["T1018", "T1135"]
    } else {
        &["T1018", "T1046"]
    };
    let what = format!("{} internal addresses on port {port}", found.distinct);
    hit(events, found, &what, format!("sweep|{port}"), technique)
}

fn scan_of(cx: &Cx<'_>, target: &Ip, events: &[(Row<'_>, i64)]) -> Option<Hit> {
    let found = dense(events, cx.number(&META, "ports"), cx.number(&META, "window"))?;
    let what = format!("{} ports of {}", found.distinct, ip::display(target));
    hit(
        events,
        found,
        &what,
        format!("ports|{}", ip::display(target)),
        &["T1046"],
    )
}

fn hit<T>(
    events: &[(Row<'_>, T)],
    found: Densest,
    what: &str,
    key: String,
    techniques: &[&'static str],
) -> Option<Hit> {
    let inside: Vec<Row<'_>> = events.get(found.from..found.to)?.iter().map(|(r, _)| *r).collect();
    let named = inside.iter().find(|r| r.text(t::IMAGE).is_some());
    let first = *named.or(inside.first())?;
    let (begin, end) = (inside.first()?.ts(), inside.last()?.ts());
    let by = first.text(t::IMAGE).map_or("A program of this host", basename);
    let explain = format!("{by} connected to {what} within {} s", (end - begin) / SECOND);
    let mut hit = Hit::at(&META, first, key, explain).techniques(techniques);
    for row in spread_out(&inside, EVIDENCE) {
        if row.at() != first.at() {
            hit.add_row(row);
        }
    }
    (hit.time, hit.last, hit.count) = (begin, end, inside.len() as u64);
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn run(connections: usize, seconds: i64, image: &str, to: impl Fn(usize) -> (String, i64)) -> Vec<Hit> {
        let mut s = Sample::default();
        for n in 0..connections {
            let (address, port) = to(n);
            s.row_us(
                &t::TABLE,
                "ws01",
                T0 + n as i64 * seconds * SECOND / connections as i64,
                |b| {
                    b.ip(t::DST_IP, &ip::parse(&address).unwrap());
                    b.int(t::DST_PORT, port);
                    b.text(t::IMAGE, image);
                },
            );
        }
        s.hits(&Net04)
    }

    #[test]
    fn sweeps_and_scans_fire() {
        let many = |n: usize| (format!("10.0.{}.{}", n / 200, n % 200 + 1), 445);
        assert_eq!(run(120, 300, "", many)[0].key, "sweep|445");
        assert_eq!(run(35, 300, "x.exe", |n| (format!("10.0.0.{}", n + 1), 3389)).len(), 1);
        let ports = run(260, 540, "", |n| ("10.0.0.9".to_owned(), n as i64 + 1));
        assert_eq!(ports[0].techniques, ["T1046"]);
    }

    #[test]
    fn few_hosts_slow_rounds_and_one_busy_server_stay_quiet() {
        assert!(run(25, 540, "backup.exe", |n| (format!("10.0.0.{}", n + 1), 445)).is_empty());
        assert!(run(1000, 60, "x.exe", |_| ("10.0.0.9".to_owned(), 445)).is_empty());
        assert!(run(35, 3600, "x.exe", |n| (format!("10.0.0.{}", n + 1), 3389)).is_empty());
        assert!(run(120, 300, "", |n| (format!("203.0.{}.{}", n / 200, n % 200 + 1), 445)).is_empty());
    }
}
