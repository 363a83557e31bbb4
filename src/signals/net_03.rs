//! NET-03: a connection that lasts for hours, or a program on a port where it has no business.
//!
//! Sees: a connection to one external destination of four hours or more; an interpreter or document application that talks to an
//! external port that is neither web nor mail; a small desktop program (Notepad, Calculator) that talks to the outside at all.
//! Why: tunnels and reverse shells keep one connection open, and code injected into a quiet program speaks through it.
//! Benign causes: VPN, remote desktop, web sockets, synchronisation; destinations of half of the fleet are left out.
//! Sources: RITA's bands for long connections (1, 4, 8, 12 h); the rest is judgement.

use super::contacts::{self, Contact, contacts, image, spread_out};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::text::basename;
use crate::base::time::SECOND;
use crate::knowledge::programs::{DOCUMENT_APPLICATIONS, INTERPRETERS, contains};
use crate::lake::frame::Row;
use crate::schema::{dns, http, network as t};

/// See the module.
pub struct Net03;

const HOUR_US: f64 = 3_600.0 * SECOND as f64;
/// Web ports and their usual neighbours.
const WEB: &[i64] = &[80, 443, 8000, 8080, 8443];
/// Ports of mail, on which document applications read and send it.
const MAIL: &[i64] = &[25, 110, 143, 465, 587, 993, 995];
/// Programs that have no business outside: what they fetch, the system fetches for them. Sorted. \[J\]
const QUIET: &[&str] = &[
    "calc", "charmap", "dllhost", "mspaint", "notepad", "spoolsv", "wordpad", "write",
];

static META: Meta = Meta {
    id: "NET-03",
    title: "Long connection or odd channel",
    sees: "A connection of four hours or more to one external destination; an interpreter or document application on an external port that \
           is neither web nor mail; Notepad, Calculator and the like talking to the outside.",
    why: "Tunnels and reverse shells stay open; injected code speaks through quiet programs.",
    techniques: &["T1572", "T1571", "T1095", "T1071.001"],
    stage: "command-and-control",
    family: "periodicity",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[t::DURATION_US],
        },
        Reads {
            table: &t::TABLE,
            columns: contacts::NETWORK,
        },
        Reads {
            table: &http::TABLE,
            columns: contacts::HTTP,
        },
        Reads {
            table: &dns::TABLE,
            columns: contacts::DNS,
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "hours",
            value: 4.0,
            unit: "h",
            source: "RITA long connections",
        },
        Threshold {
            name: "long_hours",
            value: 8.0,
            unit: "h for quality 0.7",
            source: "RITA long connections",
        },
        Threshold {
            name: "very_long_hours",
            value: 12.0,
            unit: "h for quality 1",
            source: "RITA long connections",
        },
    ],
    benign: &[
        "VPN and remote desktop",
        "web sockets of SaaS and chat",
        "synchronisation clients",
    ],
};

impl Signal for Net03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        for contact in contacts(rows).iter().filter(|c| !c.is_everywhere(cx)) {
            hits.extend(long(cx, contact));
            hits.extend(odd(cx, contact));
        }
    }
}

fn long(cx: &Cx<'_>, contact: &Contact<'_>) -> Option<Hit> {
    let hours = |r: &Row<'_>| r.int(t::DURATION_US).unwrap_or(0) as f64 / HOUR_US;
    let network = contact.rows.iter().filter(|r| r.table().ix() == t::TABLE.ix());
    let row = network.max_by(|a, b| hours(a).total_cmp(&hours(b)).then(b.at().cmp(&a.at())))?;
    let lasted = hours(row);
    if lasted < cx.number(&META, "hours") {
        return None;
    }
    let quality = match lasted {
        h if h >= cx.number(&META, "very_long_hours") => 1.0,
        h if h >= cx.number(&META, "long_hours") => 0.7,
        _ => 0.5,
    };
    let by = image(*row).map_or_else(String::new, |p| format!(" by {}", basename(p)));
    let explain = format!("One connection{by} to {} stayed open for {lasted:.1} h", contact.key);
    let mut hit = Hit::at(&META, *row, format!("long|{}", contact.key), explain)
        .quality(quality)
        .techniques(&["T1572"])
        .prevalence(contact.prevalence(cx))
        .ioc(contact.ioc());
    hit.last = row.ts().saturating_add(row.int(t::DURATION_US).unwrap_or(0));
    Some(hit)
}

fn odd(cx: &Cx<'_>, contact: &Contact<'_>) -> Option<Hit> {
    let found: Vec<Row<'_>> = contact.rows.iter().filter(|r| reason(**r).is_some()).copied().collect();
    let first = *found.first()?;
    let why = reason(first)?;
    let explain = format!("{} connected to {}: {why}", basename(image(first)?), contact.key);
    let port = first.int(t::DST_PORT).unwrap_or(443);
    let techniques: &[&str] = match port {
        0 => &["T1095"],
        web if WEB.contains(&web) => &["T1071.001"],
        _ => &["T1571"],
    };
    let mut hit = Hit::at(&META, first, format!("odd|{}", contact.key), explain)
        .techniques(techniques)
        .prevalence(contact.prevalence(cx))
        .ioc(contact.ioc());
    for row in spread_out(&found, 6).into_iter().skip(1) {
        hit.add_row(row);
    }
    (hit.last, hit.count) = (found.last()?.ts(), found.len() as u64);
    Some(hit)
}

/// Why a program has no business on a connection.
fn reason(row: Row<'_>) -> Option<&'static str> {
    if row.table().ix() != t::TABLE.ix() {
        return None;
    }
    let program = basename(image(row)?);
    let port = row.int(t::DST_PORT)?;
    if contains(QUIET, program) && port != 53 {
        return Some("this program has no business outside");
    }
    if WEB.contains(&port) {
        return None;
    }
    let document = contains(DOCUMENT_APPLICATIONS, program) && !MAIL.contains(&port);
    let interpreter = contains(INTERPRETERS, program) && !matches!(port, 20..=22);
    (document || interpreter).then_some("it runs code of others, on a port that is neither web nor mail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ip;
    use crate::signals::testing::Sample;

    fn hits(image: &str, port: i64, hours: f64) -> Vec<Hit> {
        let mut s = Sample::default();
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.ip(t::DST_IP, &ip::parse("203.0.113.9").unwrap());
            b.int(t::DST_PORT, port);
            b.int(t::DURATION_US, (hours * HOUR_US) as i64);
            b.text(t::IMAGE, image);
        });
        s.hits(&Net03)
    }

    #[test]
    fn long_connections_and_programs_out_of_place_fire() {
        let long = hits(r"C:\Windows\System32\rundll32.exe", 443, 13.0);
        assert_eq!((long.len(), long[0].quality), (1, 1.0));
        assert_eq!(hits("powershell.exe", 4444, 0.1)[0].techniques, ["T1571"]);
        assert_eq!(hits("notepad.exe", 443, 0.1)[0].techniques, ["T1071.001"]);
    }

    #[test]
    fn short_web_connections_and_time_stay_quiet() {
        assert!(hits("chrome.exe", 443, 0.2).is_empty());
        assert!(hits("svchost.exe", 123, 0.01).is_empty());
        assert!(hits("outlook.exe", 993, 0.1).is_empty());
        assert!(hits("powershell.exe", 443, 0.1).is_empty());
    }
}
