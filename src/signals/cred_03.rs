//! CRED-03: tickets are asked for to crack their keys offline.
//!
//! Sees: one account that asks for RC4 service tickets of many services within minutes, or for many services at all; logons without
//! pre-authentication with RC4; programs other than LSASS that talk to port 88.
//! Why: the ticket is encrypted with the service account's password and can be guessed at leisure.
//! Benign causes: old services that know RC4 only (few), inventory tools, scanners.
//! Sources: Splunk's and Elastic's rules on Kerberoasting; Sigma on AS-REP roasting; MITRE ATT&CK T1558.003 and T1558.004.

use std::collections::{BTreeMap, BTreeSet};

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::quote;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::knowledge::programs::base_name;
use crate::lake::frame::Row;
use crate::schema::{auth as t, common, network};

/// See the module.
pub struct Cred03;

const FEW: f64 = 3.0;
const FEW_S: f64 = 120.0;
const MANY: f64 = 5.0;
const ROAST_S: f64 = 600.0;
const HIGH_FROM: f64 = 10.0;
const RC4_HABIT: f64 = 0.5;
/// DES and RC4 encryption types (RFC 4120, RFC 4757).
const WEAK: &[i64] = &[0x1, 0x3, 0x17, 0x18];
/// Ticket options that roasting tools ask for. \[M\]
const TOOL_OPTIONS: &[i64] = &[0x4081_0000, 0x4080_0000, 0x4081_0010];

static META: Meta = Meta {
    id: "CRED-03",
    title: "Kerberoast or AS-REP roast",
    sees: "An account asks for service tickets with weak keys of three services in two minutes or five in ten, for ten services with strong \
           keys, a logon needs no pre-authentication and takes RC4, or a program other than LSASS talks Kerberos itself. High from ten.",
    why: "Weak passwords of service accounts, often of administrators, fall within hours.",
    techniques: &["T1558.003", "T1558.004"],
    stage: "credential-access",
    family: "credentials",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::OUTCOME,
                common::USER,
                t::TARGET_USER,
                t::SERVICE,
                t::TICKET_ENC,
                t::TICKET_OPTS,
                t::PREAUTH_TYPE,
                t::STATUS,
                t::SRC_IP,
            ],
        },
        Reads {
            table: &network::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                network::DST_PORT,
                network::DST_IP,
                network::IMAGE,
            ],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "few",
            value: FEW,
            unit: "services",
            source: "Splunk: more than two in two minutes",
        },
        Threshold {
            name: "few_window",
            value: FEW_S,
            unit: "s",
            source: "Splunk",
        },
        Threshold {
            name: "many",
            value: MANY,
            unit: "services",
            source: "[J]",
        },
        Threshold {
            name: "window",
            value: ROAST_S,
            unit: "s",
            source: "[J] tools with a delay",
        },
        Threshold {
            name: "high",
            value: HIGH_FROM,
            unit: "services",
            source: "[J] a list of all service accounts",
        },
        Threshold {
            name: "rc4_habit",
            value: RC4_HABIT,
            unit: "share of tickets",
            source: "[J] then RC4 alone says nothing here",
        },
    ],
    benign: &["services that know RC4 only", "inventory and vulnerability scanners"],
};

impl Signal for Cred03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let tickets: Vec<Row<'_>> = rows.table(&t::TABLE).iter().filter(|r| is_service_ticket(*r)).collect();
        let weak = tickets.iter().filter(|r| is_weak(**r)).count() as f64;
        let rc4_domain = tickets.len() >= 50 && weak / tickets.len() as f64 >= cx.number(&META, "rc4_habit");
        let mut of_user: BTreeMap<(String, String), Vec<Row<'_>>> = BTreeMap::new();
        for row in &tickets {
            let from = row.ip(t::SRC_IP).map_or_else(String::new, |a| ip::display(&a));
            of_user
                .entry((row.str(t::TARGET_USER).to_lowercase(), from))
                .or_default()
                .push(*row);
        }
        for ((user, from), tickets) in &of_user {
            hits.extend(roast(cx, user, from, tickets, rc4_domain));
        }
        let mut seen = BTreeSet::new();
        for row in rows.table(&t::TABLE).iter().filter(|r| is_preauth_less(*r)) {
            let user = row.str(t::TARGET_USER).to_lowercase();
            if seen.insert(user.clone()) {
                let explain = format!(
                    "{user} got a ticket with a weak key and without pre-authentication{}",
                    origin(row)
                );
                let mut hit = Hit::at(&META, row, format!("asrep|{user}"), explain).techniques(&["T1558.004"]);
                hit.iocs.push(Ioc::Account(user));
                hits.push(hit);
            }
        }
        let mut talkers = BTreeSet::new();
        for row in rows
            .table(&network::TABLE)
            .iter()
            .filter(|r| r.int(network::DST_PORT) == Some(88))
        {
            let program = base_name(row.str(network::IMAGE)).to_lowercase();
            let ordinary = [
                "",
                "lsass.exe",
                "system",
                "chrome.exe",
                "firefox.exe",
                "msedge.exe",
                "<unknown process>",
                "java.exe",
                "sqlservr.exe",
            ];
            if !ordinary.contains(&program.as_str()) && talkers.insert(program.clone()) {
                let explain = format!("{} talked Kerberos itself", quote(row.str(network::IMAGE)));
                hits.push(Hit::at(&META, row, format!("port88|{program}"), explain).techniques(&["T1558.003"]));
            }
        }
    }
}

fn is_service_ticket(row: Row<'_>) -> bool {
    let service = row.str(t::SERVICE);
    let user = row.str(t::TARGET_USER);
    row.str(common::ACTION) == "krb_tgs"
        && row.str(common::OUTCOME) != "failure"
        && !service.is_empty()
        && !service.ends_with('$')
        && !service.to_lowercase().starts_with("krbtgt")
        && !user.ends_with('$')
        && !user.contains("$@")
}

fn is_weak(row: Row<'_>) -> bool {
    row.int(t::TICKET_ENC).is_some_and(|e| WEAK.contains(&e))
}

fn is_preauth_less(row: Row<'_>) -> bool {
    row.str(common::ACTION) == "krb_tgt"
        && row.int(t::PREAUTH_TYPE) == Some(0)
        && row.int(t::TICKET_ENC) == Some(0x17)
        && row.str(common::OUTCOME) != "failure"
        && !row.str(t::TARGET_USER).ends_with('$')
}

fn origin(row: Row<'_>) -> String {
    row.ip(t::SRC_IP)
        .map_or_else(String::new, |a| format!(", asked for from {}", ip::display(&a)))
}

/// The most services that one account asked for within the windows.
fn roast(cx: &Cx<'_>, user: &str, from: &str, tickets: &[Row<'_>], rc4_domain: bool) -> Option<Hit> {
    let weak: Vec<Row<'_>> = tickets.iter().filter(|r| is_weak(**r)).copied().collect();
    let (few, few_rows) = most_services(&weak, (cx.number(&META, "few_window") * 1e6) as i64);
    let window = (cx.number(&META, "window") * 1e6) as i64;
    let (many, many_rows) = most_services(&weak, window);
    let (all, all_rows) = most_services(tickets, window);
    let high = cx.number(&META, "high");
    let (count, evidence, what) = if many as f64 >= cx.number(&META, "many") && !rc4_domain {
        (many, many_rows, "with weak keys ")
    } else if few as f64 >= cx.number(&META, "few") && !rc4_domain {
        (few, few_rows, "with weak keys ")
    } else if all as f64 >= high {
        (all, all_rows, "")
    } else {
        return None;
    };
    let first = *evidence.first()?;
    let place = if from.is_empty() {
        String::new()
    } else {
        format!(" from {from}")
    };
    let explain = format!("{user}{place} asked for tickets {what}of {count} services within minutes");
    let tool = evidence
        .iter()
        .any(|r| r.int(t::TICKET_OPTS).is_some_and(|o| TOOL_OPTIONS.contains(&o)));
    let level = if count as f64 >= high {
        Level::High
    } else {
        Level::Medium
    };
    let mut hit = Hit::at(&META, first, format!("tgs|{user}"), explain)
        .level(level)
        .techniques(&["T1558.003"]);
    hit = hit.quality(if tool || what.is_empty() { 1.0 } else { 0.8 });
    evidence.iter().skip(1).take(19).for_each(|r| hit.add_row(*r));
    (hit.count, hit.last) = (evidence.len() as u64, evidence.last()?.ts());
    hit.iocs.push(Ioc::Account(user.to_owned()));
    Some(hit)
}

fn most_services<'a>(rows: &[Row<'a>], window: i64) -> (usize, Vec<Row<'a>>) {
    let mut best = (0, 0, 0);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut start = 0;
    for (end, row) in rows.iter().enumerate() {
        *counts.entry(row.str(t::SERVICE).to_lowercase()).or_default() += 1;
        while let Some(old) = rows.get(start).filter(|o| row.ts() - o.ts() > window) {
            let service = old.str(t::SERVICE).to_lowercase();
            if let Some(n) = counts.get_mut(&service) {
                *n -= 1;
                if *n == 0 {
                    counts.remove(&service);
                }
            }
            start += 1;
        }
        if counts.len() > best.0 {
            best = (counts.len(), start, end + 1);
        }
    }
    (best.0, rows.get(best.1..best.2).unwrap_or(&[]).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn tickets(n: usize, enc: i64, service: impl Fn(usize) -> String) -> Vec<Hit> {
        let mut sample = Sample::default();
        for i in 0..n {
            sample.row(&t::TABLE, "dc01", &format!("2026-03-02T09:00:{i:02}Z"), |b| {
                b.text(common::ACTION, "krb_tgs");
                b.text(t::TARGET_USER, "ann");
                b.text(t::SERVICE, &service(i));
                b.int(t::TICKET_ENC, enc);
            });
        }
        sample.hits(&Cred03)
    }

    #[test]
    fn many_weak_services_in_a_minute_are_a_roast() {
        let hits = tickets(6, 0x17, |i| format!("svc{i}"));
        assert_eq!((hits.len(), hits[0].level, hits[0].count), (1, Level::Medium, 6));
        assert_eq!(tickets(12, 0x17, |i| format!("svc{i}"))[0].level, Level::High);
        assert_eq!(tickets(12, 0x12, |i| format!("svc{i}")).len(), 1);
    }

    #[test]
    fn machine_services_single_services_and_strong_keys_are_silent() {
        assert!(tickets(9, 0x17, |i| format!("FS{i}$")).is_empty());
        assert!(tickets(9, 0x17, |_| "legacy".to_owned()).is_empty());
        assert!(tickets(1, 0x12, |_| "svc".to_owned()).is_empty());
    }

    #[test]
    fn no_preauthentication_and_own_kerberos_count() {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "dc01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "krb_tgt");
            b.text(t::TARGET_USER, "bob");
            b.int(t::PREAUTH_TYPE, 0);
            b.int(t::TICKET_ENC, 0x17);
        });
        sample.row(&network::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.int(network::DST_PORT, 88);
            b.text(network::IMAGE, r"C:\t\rubeus.exe");
        });
        let found: Vec<_> = sample
            .hits(&Cred03)
            .iter()
            .map(|h| h.techniques[0].to_string())
            .collect();
        assert_eq!(found, ["T1558.004", "T1558.003"]);
    }
}
