//! AUTH-06: logons that are refused though the password was right, and guesses that carry no address.
//!
//! Sees: remote logons refused by a restriction of the account (hours, workstation, policy), remote desktop refused to an authenticated
//! account (4825, medium as in Sigma), and bursts of failures that a service made on this host for somebody else (OpenSSH for Windows), for which no address is logged.
//! Why: a restriction is checked after the password: whoever meets it has the password. Guesses without an address escape AUTH-03.
//! Benign causes: people at odd hours, new servers whose remote desktop group is not yet filled.
//! Sources: Microsoft's NTSTATUS values (STATUS_ACCOUNT_RESTRICTION: the authentication information is valid); MITRE ATT&CK T1078, T1110, T1021.001.

use super::deeds::{Folded, is_person};
use super::event_fields::{self, events};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::knowledge::programs::base_name;
use crate::lake::frame::Row;
use crate::schema::{auth as t, common, event};

/// See the module.
pub struct Auth06;

const FAILURES: f64 = 5.0;
const WINDOW_S: f64 = 600.0;
/// A restriction of the account, its hours, its workstations.
const RESTRICTED: &[i64] = &[0xC000_006E, 0xC000_006F, 0xC000_0070];
const REMOTE: &[i64] = &[3, 8, 10];
/// The name under which OpenSSH for Windows tries accounts that do not exist.
const NO_USER: &str = "nouser";

static META: Meta = Meta {
    id: "AUTH-06",
    title: "Logon refused after the password, or guessed through a service",
    sees: "A remote logon refused by a restriction of the account, remote desktop refused to an authenticated account; five failures within ten \
           minutes made by sshd on this host without an address.",
    why: "Restrictions are checked after the password; and guesses without an address escape the usual counts.",
    techniques: &["T1078", "T1110", "T1021.001"],
    stage: "credential-access",
    family: "authentication",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::EVENT_CODE,
                common::OUTCOME,
                t::LOGON_TYPE,
                t::TARGET_USER,
                t::STATUS,
                t::SUB_STATUS,
                t::SRC_IP,
                t::IMAGE,
            ],
        },
        Reads {
            table: &event::TABLE,
            columns: event_fields::COLUMNS,
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "failures",
            value: FAILURES,
            unit: "logons",
            source: "[J] below the limit of sshd's own six tries",
        },
        Threshold {
            name: "window",
            value: WINDOW_S,
            unit: "s",
            source: "[J]",
        },
    ],
    benign: &["people at odd hours", "new servers", "typing errors"],
};

impl Signal for Auth06 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        let mut guesses: Vec<Row<'_>> = Vec::new();
        let failed = |r: &Row<'_>| r.str(common::ACTION) == "logon" && r.str(common::OUTCOME) == "failure";
        for row in rows.table(&t::TABLE).iter().filter(failed) {
            if by_sshd(row) {
                guesses.push(row);
            } else if let Some(hit) = restricted(row) {
                found.add(hit);
            }
        }
        for (row, fields) in events(rows.table(&event::TABLE), "security", &[4825]) {
            let (user, from) = (fields.get("AccountName"), fields.get("ClientAddress"));
            if is_person(user) {
                let explain = format!("Remote desktop was refused to {user} from {from}, who had authenticated");
                let mut hit = Hit::at(&META, row, format!("rdp|{}", user.to_lowercase()), explain)
                    .level(Level::Medium)
                    .techniques(&["T1021.001"]);
                hit.users = vec![user.to_owned()];
                found.add(hit);
            }
        }
        hits.extend(found.into_hits());
        bursts(cx, &guesses, hits);
    }
}

fn by_sshd(row: Row<'_>) -> bool {
    let sshd = base_name(row.str(t::IMAGE)).eq_ignore_ascii_case("sshd.exe");
    let nobody = row.str(t::TARGET_USER).eq_ignore_ascii_case(NO_USER);
    (sshd || nobody) && row.ip(t::SRC_IP).is_none()
}

fn restricted(row: Row<'_>) -> Option<Hit> {
    let code = [t::STATUS, t::SUB_STATUS]
        .into_iter()
        .filter_map(|c| row.int(c))
        .find(|c| RESTRICTED.contains(c))?;
    let from = row.ip(t::SRC_IP).filter(|a| !ip::is_loopback(a))?;
    if !REMOTE.contains(&row.int(t::LOGON_TYPE)?) || row.str(t::TARGET_USER).ends_with('$') {
        return None;
    }
    let (user, address) = (row.text(t::TARGET_USER).unwrap_or("an account"), ip::display(&from));
    let why = match code {
        0xC000_006F => "its hours",
        0xC000_0070 => "its workstations",
        _ => "its restrictions",
    };
    let explain = format!("A logon of {user} from {address} was refused by {why}: the password was right");
    let mut hit = Hit::at(
        &META,
        row,
        format!("restricted|{}|{address}", user.to_lowercase()),
        explain,
    )
    .techniques(&["T1078"])
    .ioc(Ioc::Ip(address));
    hit.users = row.text(t::TARGET_USER).map(str::to_owned).into_iter().collect();
    Some(hit)
}

fn bursts(cx: &Cx<'_>, guesses: &[Row<'_>], hits: &mut Vec<Hit>) {
    let window = (cx.number(&META, "window") * 1e6) as i64;
    for burst in guesses.chunk_by(|a, b| b.ts() - a.ts() <= window) {
        let (Some(first), Some(last)) = (burst.first(), burst.last()) else {
            continue;
        };
        let dense = burst
            .windows((cx.number(&META, "failures") as usize).max(1))
            .any(|w| w.first().zip(w.last()).is_some_and(|(a, b)| b.ts() - a.ts() <= window));
        if !dense {
            continue;
        }
        let explain = format!(
            "{} logons failed that sshd tried on this host; the address is in the log of OpenSSH",
            burst.len()
        );
        let mut hit = Hit::at(&META, *first, "sshd", explain).techniques(&["T1110"]);
        burst.iter().skip(1).take(19).for_each(|r| hit.add_row(*r));
        (hit.last, hit.count) = (last.ts(), burst.len() as u64);
        hits.push(hit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn failure(sample: &mut Sample, second: i64, user: &str, status: i64, from: Option<&str>) {
        sample.row_us(&t::TABLE, "srv01", 1_772_442_000_000_000 + second * 1_000_000, |b| {
            b.text(common::ACTION, "logon");
            b.text(common::OUTCOME, "failure");
            b.int(t::LOGON_TYPE, if from.is_some() { 10 } else { 8 });
            b.text(t::TARGET_USER, user);
            b.int(t::STATUS, status);
            if let Some(from) = from {
                b.ip(t::SRC_IP, &ip::parse(from).unwrap());
            } else {
                b.text(t::IMAGE, r"C:\Program Files\OpenSSH-Win64\sshd.exe");
            }
        });
    }

    #[test]
    fn a_restriction_is_told_from_a_wrong_password() {
        let run = |status: i64| {
            let mut sample = Sample::default();
            failure(&mut sample, 0, "ann", status, Some("10.0.5.21"));
            sample.hits(&Auth06)
        };
        assert_eq!(run(0xC000_006E)[0].techniques, ["T1078"]);
        assert!(run(0xC000_006D).is_empty());
    }

    #[test]
    fn guesses_through_sshd_count_in_bursts() {
        let run = |n: i64, gap: i64| {
            let mut sample = Sample::default();
            for i in 0..n {
                failure(&mut sample, i * gap, "NOUSER", 0xC000_006D, None);
            }
            sample.hits(&Auth06).len()
        };
        assert_eq!(run(6, 2), 1);
        assert_eq!(run(3, 2), 0);
        assert_eq!(run(6, 400), 0);
    }
}
