//! DNS-06: names are asked for past the resolvers, or where only tools ask.
//!
//! Sees: an interpreter, a helper of Windows or a program from a folder that users may write to that talks to a public resolver (DNS or
//! DNS over HTTPS) itself or asks for a name of a dynamic-DNS provider; `nslookup` that asks for TXT records; names of onion services
//! and their gateways.
//! Why: programs leave name resolution to the system; who does it himself hides it, or carries data in it.
//! Benign causes: administrators who check mail records, tests with own resolvers, home offices with dynamic names.
//! Sources: ATT&CK T1071.004, T1090.003, T1572; judgement.

use std::collections::HashSet;

use super::contacts::odd_process;
use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::questions;
use super::starts::{self, command};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::base::text::basename;
use crate::knowledge::domains;
use crate::lake::frame::Row;
use crate::schema::{common, dns, network, process};

/// See the module.
pub struct Dns06;

/// Zones whose names lead into the Tor network.
const TOR: &[&str] = &[
    ".onion",
    ".onion.cab",
    ".onion.city",
    ".onion.link",
    ".onion.ly",
    ".onion.pet",
    ".onion.to",
    ".onion.ws",
    ".tor2web.io",
    ".tor2web.org",
];

static META: Meta = Meta {
    id: "DNS-06",
    title: "Suspicious use of resolvers",
    sees: "An interpreter, a helper of Windows or a program from a user's folder that asks a public resolver itself (DNS, DNS over HTTPS) or \
           asks for a dynamic-DNS name; nslookup asking for TXT records; names of onion services.",
    why: "Programs leave name resolution to the system unless they hide it or carry data in it.",
    techniques: &["T1071.004", "T1572", "T1090.003", "T1568"],
    stage: "command-and-control",
    family: "dns",
    key: Key::Host,
    reads: &[
        Reads {
            table: &dns::TABLE,
            columns: questions::DNS,
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &network::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                network::DIRECTION,
                network::DST_IP,
                network::DST_PORT,
                network::DST_HOST,
                network::TLS_SNI,
                network::PID,
                network::PROC_GUID,
                network::IMAGE,
            ],
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[Threshold {
        name: "txt_quality",
        value: 0.7,
        unit: "quality of nslookup for TXT",
        source: "[J] administrators check mail records so",
    }],
    benign: &[
        "administrators who check mail records",
        "own resolvers under test",
        "dynamic names of home offices",
    ],
};

impl Signal for Dns06 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in starts::starts(rows.table(&process::TABLE)) {
            if let Some(hit) = of_nslookup(row, cx.number(&META, "txt_quality")) {
                found.add(hit);
            }
        }
        let mut seen = HashSet::new();
        for row in rows.table(&dns::TABLE).iter() {
            if seen.insert((row.id(dns::QNAME), row.id(dns::IMAGE))) {
                found_name(row, &mut found);
            }
        }
        let mut seen = HashSet::new();
        for row in rows.table(&network::TABLE).iter() {
            let cells = (
                row.ip(network::DST_IP),
                row.int(network::DST_PORT),
                row.id(network::IMAGE),
                row.id(network::TLS_SNI),
            );
            let asked = matches!(cells.1, Some(53 | 443 | 853)) && seen.insert(cells);
            if let Some(hit) = asked.then(|| of_connection(row)).flatten() {
                found.add(hit);
            }
        }
        hits.extend(found.into_hits());
    }
}

fn of_nslookup(row: Row<'_>, quality: f64) -> Option<Hit> {
    if !starts::is_one_of(row, &["nslookup"]) {
        return None;
    }
    let line = row.str(process::CMDLINE).to_ascii_lowercase();
    let asks = |word: &str| {
        [
            "-q=",
            "-query=",
            "-querytype=",
            "-type=",
            "/q=",
            "/type=",
            "-ty=",
            "-qu=",
        ]
        .iter()
        .any(|flag| line.contains(&format!("{flag}{word}")))
    };
    if !asks("txt") && !asks("null") && !asks("cname") {
        return None;
    }
    let parent = row.str(process::PARENT_NAME);
    let scripted = odd_process(parent).is_some() && !matches!(parent, "cmd.exe" | "powershell.exe");
    let explain = format!("nslookup asked for records that carry text: {}", command(row));
    Some(
        Hit::at(&META, row, "nslookup txt", explain)
            .quality(if scripted { 1.0 } else { quality })
            .techniques(&["T1071.004"]),
    )
}

fn found_name(row: Row<'_>, found: &mut Folded) {
    let name = row.str(dns::QNAME).to_ascii_lowercase();
    let program = row.text(dns::IMAGE);
    let tor = TOR.iter().any(|zone| name.ends_with(zone));
    let why = program.and_then(odd_process);
    let dynamic = why.is_some() && domains::is_dynamic_dns_suffix(&name);
    if !tor && !dynamic {
        return;
    }
    let by = program.map_or("A program of this host", basename);
    let (explain, technique) = match (tor, why) {
        (true, _) => (format!("{by} asked for {name}, a name of the Tor network"), "T1090.003"),
        (false, Some(why)) => (
            format!("{by} asked for {name} of a dynamic-DNS provider; {why}"),
            "T1568",
        ),
        (false, None) => return,
    };
    let e2ld = domains::registrable(&name).unwrap_or(&name).to_owned();
    found.add(
        Hit::at(&META, row, e2ld, explain)
            .level(if tor { Level::Medium } else { Level::Low })
            .techniques(&[technique])
            .ioc(Ioc::Domain(name)),
    );
}

fn of_connection(row: Row<'_>) -> Option<Hit> {
    if row.str(network::DIRECTION) == "in" {
        return None;
    }
    let program = row.text(network::IMAGE)?;
    let address = row.ip(network::DST_IP);
    let name = row.text(network::TLS_SNI).or(row.text(network::DST_HOST));
    let shown = name.map_or_else(|| address.map(|a| ip::display(&a)).unwrap_or_default(), str::to_owned);
    let public =
        domains::is_doh_resolver(&shown) || address.is_some_and(|a| domains::is_doh_resolver(&ip::display(&a)));
    let outside = address.is_some_and(|a| !ip::is_internal(&a));
    let (what, level) = match row.int(network::DST_PORT)? {
        53 if outside => ("asked a resolver outside itself", Level::Low),
        443 | 853 if public => ("talked to a public resolver over TLS", Level::Medium),
        _ => return None,
    };
    let why = odd_process(program)?;
    let explain = format!("{} {what} ({shown}); {why}", basename(program));
    Some(
        Hit::at(&META, row, format!("resolver|{shown}"), explain)
            .level(level)
            .techniques(&["T1071.004", "T1572"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    fn connection(image: &str, address: &str, port: i64) -> Vec<Hit> {
        let mut s = Sample::default();
        s.row(&network::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.ip(network::DST_IP, &ip::parse(address).unwrap());
            b.int(network::DST_PORT, port);
            b.text(network::IMAGE, image);
        });
        s.hits(&Dns06)
    }

    fn asked(image: &str, name: &str) -> usize {
        let mut s = Sample::default();
        s.row(&dns::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(dns::QNAME, name);
            b.text(dns::IMAGE, image);
        });
        s.hits(&Dns06).len()
    }

    #[test]
    fn resolvers_asked_by_interpreters_text_records_and_dynamic_names_fire() {
        let shell = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
        assert_eq!(connection(shell, "1.1.1.1", 443)[0].level, Level::Medium);
        assert_eq!(connection(shell, "198.51.100.4", 53).len(), 1);
        assert_eq!(
            hits_of(&Dns06, "nslookup.exe", "cmd.exe", "nslookup -q=txt abc.example.top").len(),
            1
        );
        assert_eq!(asked(r"C:\Windows\System32\rundll32.exe", "x.duckdns.org"), 1);
        assert_eq!(asked(r"C:\Program Files\a\a.exe", "abcdef.onion.to"), 1);
    }

    #[test]
    fn browsers_servers_and_plain_lookups_stay_quiet() {
        assert!(connection(r"C:\Program Files\Mozilla Firefox\firefox.exe", "1.1.1.1", 443).is_empty());
        assert!(connection(r"C:\Windows\System32\dns.exe", "198.41.0.4", 53).is_empty());
        assert!(hits_of(&Dns06, "nslookup.exe", "cmd.exe", "nslookup host.corp.example").is_empty());
        assert_eq!(asked(r"C:\Program Files\a\a.exe", "x.duckdns.org"), 0);
    }
}
