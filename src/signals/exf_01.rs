//! EXF-01: much data leaves one host for one place.
//!
//! Sees: a day on which a host sends 100 MiB or more to one external destination that few hosts use, three times what comes back and far
//! above the host's other days; raised for tools that copy to clouds, for programs that interpret code, and for an address without a name.
//! Why: it is what most intrusions are for.
//! Benign causes: approved backup and synchronisation, video uploads, developers who push artefacts, cameras.
//! Sources: Splunk (data volume to one URL); ATT&CK T1041, T1567.002, T1048; limits are judgement.

use std::collections::BTreeMap;

use super::contacts::{self, Contact, contacts, image, odd_process, spread_out};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::windows::median_and_mad;
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::text::basename;
use crate::base::time::DAY;
use crate::knowledge::domains::{ExfilService, exfil_service};
use crate::knowledge::programs::{EXFILTRATION_TOOLS, contains};
use crate::lake::frame::Row;
use crate::schema::{dns, http, network};

/// See the module.
pub struct Exf01;

const MIB: f64 = 1_048_576.0;
/// What makes a median absolute deviation comparable to a standard deviation.
const NORMAL: f64 = 1.4826;
const EVIDENCE: usize = 12;

static META: Meta = Meta {
    id: "EXF-01",
    title: "Large upload",
    sees: "100 MiB or more in a day from one host to one external destination that at most one host in twenty uses, three times what comes \
           back, and far above what the host sends on its other days.",
    why: "It is what most intrusions are for.",
    techniques: &["T1041", "T1567.002", "T1567", "T1048"],
    stage: "exfiltration",
    family: "exfiltration",
    key: Key::Host,
    reads: &[
        Reads {
            table: &network::TABLE,
            columns: contacts::NETWORK,
        },
        Reads {
            table: &network::TABLE,
            columns: &[network::BYTES_IN],
        },
        Reads {
            table: &http::TABLE,
            columns: contacts::HTTP,
        },
        Reads {
            table: &http::TABLE,
            columns: &[http::BYTES_IN],
        },
        Reads {
            table: &dns::TABLE,
            columns: contacts::DNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "mib",
            value: 100.0,
            unit: "MiB in a day",
            source: "detection notes EXF-01 [J]",
        },
        Threshold {
            name: "ratio",
            value: 3.0,
            unit: "bytes sent for each received",
            source: "detection notes EXF-01 [J]",
        },
        Threshold {
            name: "share",
            value: 0.05,
            unit: "share of hosts that use the destination, at most",
            source: "detection notes EXF-01 [J]",
        },
        Threshold {
            name: "few_hosts",
            value: 2.0,
            unit: "hosts that are few in any fleet",
            source: "[J] 5 % of a small fleet is nobody",
        },
        Threshold {
            name: "deviations",
            value: 6.0,
            unit: "deviations above the host's other days",
            source: "detection notes EXF-01 [J]",
        },
        Threshold {
            name: "tool_level",
            value: 1.0,
            unit: "levels up for a copying tool or an interpreter",
            source: "[J]",
        },
    ],
    benign: &[
        "approved backup and synchronisation",
        "video uploads and cameras",
        "developers who push artefacts",
    ],
};

#[derive(Default)]
struct Volume<'a> {
    up: u64,
    down: u64,
    rows: Vec<Row<'a>>,
}

impl Signal for Exf01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let all = contacts(rows);
        let days: Vec<BTreeMap<i64, Volume<'_>>> = all.iter().map(of_days).collect();
        let mut of_host: BTreeMap<i64, f64> = BTreeMap::new();
        for (day, volume) in days.iter().flatten() {
            *of_host.entry(*day).or_default() += volume.up as f64;
        }
        let others = |day: &i64| of_host.iter().filter(|(d, _)| *d != day).map(|(_, v)| *v).collect();
        let others: BTreeMap<i64, Vec<f64>> = of_host.keys().map(|day| (*day, others(day))).collect();
        for (contact, days) in all.iter().zip(&days) {
            for (day, volume) in days {
                let others = others.get(day).map_or(&[][..], Vec::as_slice);
                hits.extend(judge(cx, contact, volume, others));
            }
        }
    }
}

/// What went to a destination each day, by the sensor that saw most of it.
fn of_days<'a>(contact: &Contact<'a>) -> BTreeMap<i64, Volume<'a>> {
    let mut out: BTreeMap<i64, Volume<'a>> = BTreeMap::new();
    for sensor in contact.sensors() {
        let mut days: BTreeMap<i64, Volume<'a>> = BTreeMap::new();
        for row in sensor {
            let volume = days.entry(row.ts().div_euclid(DAY)).or_default();
            let (up, down) = bytes(row);
            volume.up = volume.up.saturating_add(up);
            volume.down = volume.down.saturating_add(down);
            volume.rows.push(row);
        }
        for (day, volume) in days {
            if out.get(&day).is_none_or(|v| v.up < volume.up) {
                out.insert(day, volume);
            }
        }
    }
    out
}

fn bytes(row: Row<'_>) -> (u64, u64) {
    let (up, down) = if row.table().ix() == network::TABLE.ix() {
        (network::BYTES_OUT, network::BYTES_IN)
    } else {
        (http::BYTES_OUT, http::BYTES_IN)
    };
    let size = |c| row.int(c).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    (size(up), size(down))
}

fn judge(cx: &Cx<'_>, contact: &Contact<'_>, volume: &Volume<'_>, others: &[f64]) -> Option<Hit> {
    let (up, down) = (volume.up as f64, volume.down as f64);
    let (hosts, population) = contact.spread(cx);
    let few = (f64::from(population) * cx.number(&META, "share")).max(cx.number(&META, "few_hosts"));
    if up < cx.number(&META, "mib") * MIB || up < cx.number(&META, "ratio") * down || f64::from(hosts) > few {
        return None;
    }
    let (usual, spread) = median_and_mad(others);
    if !others.is_empty() && up < usual + cx.number(&META, "deviations") * NORMAL * spread {
        return None;
    }
    let (first, last) = (volume.rows.first()?, volume.rows.last()?);
    let lead = contact.process_row(first.ts(), last.ts()).unwrap_or(*first);
    let program = image(lead);
    let service = exfil_service(&contact.key);
    let tool = program.is_some_and(|p| contains(EXFILTRATION_TOOLS, basename(p)) || odd_process(p).is_some());
    let explain = format!(
        "{} sent {:.0} MiB to {} in a day and received {:.0}; {hosts} of {population} hosts go there",
        program.map_or("A program", basename),
        up / MIB,
        contact.key,
        down / MIB
    );
    let quality = ((up / MIB / cx.number(&META, "mib").max(1.0)).log10() / 2.0 + 0.5).clamp(0.0, 1.0);
    let raised = tool && cx.number(&META, "tool_level") >= 1.0;
    let mut hit = Hit::at(&META, lead, contact.key.clone(), explain)
        .level(if raised { META.level.raised() } else { META.level })
        .quality(quality)
        .techniques(technique(service, contact))
        .prevalence(contact.prevalence(cx))
        .ioc(contact.ioc());
    let mut largest = volume.rows.clone();
    largest.sort_by_key(|r| std::cmp::Reverse(bytes(*r).0));
    for row in spread_out(largest.get(..EVIDENCE.min(largest.len()))?, EVIDENCE) {
        if (row.table().ix(), row.at()) != (lead.table().ix(), lead.at()) {
            hit.add_row(row);
        }
    }
    (hit.time, hit.last, hit.count) = (first.ts(), last.ts(), volume.rows.len() as u64);
    Some(hit)
}

fn technique(service: Option<ExfilService>, contact: &Contact<'_>) -> &'static [&'static str] {
    match service {
        Some(ExfilService::CloudStorage) => &["T1567.002"],
        Some(_) => &["T1567"],
        None if contact.e2ld.is_none() => &["T1048", "T1041"],
        None => &["T1041"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ip;
    use crate::signals::testing::Sample;

    fn hits(up_mib: i64, down_mib: i64, name: &str, image: &str, hosts: usize, fleet: usize) -> Vec<Hit> {
        let mut s = Sample::default();
        for host in 0..fleet {
            let used = host < hosts;
            s.row(&network::TABLE, &format!("ws{host:02}"), "2026-03-02T09:00:00Z", |b| {
                b.ip(
                    network::DST_IP,
                    &ip::parse(if used { "203.0.113.9" } else { "198.51.100.1" }).unwrap(),
                );
                b.int(network::DST_PORT, 443);
                if used {
                    b.text(network::TLS_SNI, name);
                    b.int(network::BYTES_OUT, up_mib << 20);
                    b.int(network::BYTES_IN, down_mib << 20);
                    b.text(network::IMAGE, image);
                }
            });
        }
        s.hits(&Exf01)
    }

    #[test]
    fn uploads_to_storage_and_bare_addresses_fire() {
        let found = hits(3000, 5, "gfs.userstorage.mega.co.nz", r"C:\Temp\rclone.exe", 1, 30);
        assert_eq!((found.len(), found[0].level, found[0].quality), (1, Level::High, 1.0));
        assert_eq!(found[0].techniques, ["T1567.002"]);
        assert_eq!(
            hits(400, 2, "", r"C:\Program Files\a\a.exe", 1, 30)[0].level,
            Level::Medium
        );
    }

    #[test]
    fn small_balanced_and_common_transfers_stay_quiet() {
        assert!(hits(50, 1, "x.example", "a.exe", 1, 30).is_empty());
        assert!(hits(800, 790, "video.example", "a.exe", 1, 30).is_empty());
        assert!(hits(3000, 5, "storage.example", "a.exe", 27, 30).is_empty());
    }
}
