//! FILE-02: one client reads a great part of the shares.
//!
//! Sees: 500 or more different files read from three or more shares within ten minutes by one user at one address, far above what
//! clients of this server read in ten minutes.
//! Why: before data leaves, somebody collects it.
//! Benign causes: indexers, backup, migration and antivirus over the network: allow them by account.
//! Sources: ATT&CK T1039; limits are judgement.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::contacts::spread_out;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::windows::{densest, median_and_mad};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip::{self, Ip};
use crate::base::time::SECOND;
use crate::lake::frame::{Row, StrId};
use crate::schema::{common, file as t};

/// See the module.
pub struct File02;

/// FILE_READ_DATA, and the rights that change a file.
const READ_DATA: i64 = 0x1;
const CHANGES: i64 = 0x2 | 0x4 | 0x1_0000;
const NORMAL: f64 = 0.6745;
const EVIDENCE: usize = 12;

static META: Meta = Meta {
    id: "FILE-02",
    title: "Bulk reading of shares",
    sees: "500 or more different files of three or more shares read within ten minutes by one user at one address, with a robust z-score of \
           six or more against the other ten minutes of this server.",
    why: "Data is collected before it leaves.",
    techniques: &["T1039"],
    stage: "collection",
    family: "mass files",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::USER,
            t::PATH,
            t::SHARE,
            t::KIND,
            t::ACCESS_MASK,
            t::CLIENT_IP,
        ],
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "files",
            value: 500.0,
            unit: "different files",
            source: "detection notes FILE-02 [J]",
        },
        Threshold {
            name: "shares",
            value: 3.0,
            unit: "shares",
            source: "detection notes FILE-02 [J]",
        },
        Threshold {
            name: "window",
            value: 600.0,
            unit: "s",
            source: "detection notes FILE-02 [J]",
        },
        Threshold {
            name: "z",
            value: 6.0,
            unit: "robust z-score",
            source: "detection notes FILE-02 [J]",
        },
        Threshold {
            name: "history",
            value: 6.0,
            unit: "other windows with reads",
            source: "[J] without them nothing is usual",
        },
    ],
    benign: &["indexers", "backup and migration", "antivirus over the network"],
};

type Client = (StrId, Option<Ip>);
/// Files read in each slot of time by each client.
type Usual = BTreeMap<(i64, StrId, Option<Ip>), HashSet<(StrId, StrId)>>;

impl Signal for File02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let window = ((cx.number(&META, "window") * SECOND as f64) as i64).max(1);
        let mut clients: HashMap<Client, Vec<Row<'_>>> = HashMap::new();
        let mut usual = Usual::new();
        for row in rows.table(&t::TABLE).iter().filter(|r| is_read(*r)) {
            let client = (row.id(common::USER), row.ip(t::CLIENT_IP));
            clients.entry(client).or_default().push(row);
            let slot = (row.ts().div_euclid(window), client.0, client.1);
            usual.entry(slot).or_default().insert(file_of(row));
        }
        let mut found: Vec<Hit> = clients
            .into_iter()
            .filter_map(|(client, of_client)| judge(cx, client, &of_client, &usual, window))
            .collect();
        found.sort_by(|a, b| (a.time, &a.key).cmp(&(b.time, &b.key)));
        hits.append(&mut found);
    }
}

fn is_read(row: Row<'_>) -> bool {
    let mask = row.int(t::ACCESS_MASK).unwrap_or(0);
    let used = row.str(common::ACTION) == "read" || mask & READ_DATA != 0 && mask & CHANGES == 0;
    let remote = row.ip(t::CLIENT_IP).is_some_and(|a| !ip::is_loopback(&a));
    used && remote && row.text(t::SHARE).is_some() && !matches!(row.str(t::KIND), "pipe" | "share" | "dir")
}

fn file_of(row: Row<'_>) -> (StrId, StrId) {
    (row.id(t::SHARE), row.id(t::PATH))
}

fn judge(cx: &Cx<'_>, client: Client, of_client: &[Row<'_>], usual: &Usual, window: i64) -> Option<Hit> {
    let events: Vec<(i64, (StrId, StrId))> = of_client.iter().map(|r| (r.ts(), file_of(*r))).collect();
    let found = densest(&events, window)?;
    let inside = of_client.get(found.from..found.to)?;
    let shares: HashSet<StrId> = inside.iter().map(|r| r.id(t::SHARE)).collect();
    if (found.distinct as f64) < cx.number(&META, "files") || (shares.len() as f64) < cx.number(&META, "shares") {
        return None;
    }
    let (first, last) = (inside.first()?, inside.last()?);
    let during = first.ts().div_euclid(window)..=last.ts().div_euclid(window);
    let others: Vec<f64> = usual
        .iter()
        .filter(|((slot, user, address), _)| (*user, *address) != client || !during.contains(slot))
        .map(|(_, files)| files.len() as f64)
        .collect();
    let (middle, spread) = median_and_mad(&others);
    let z = NORMAL * (found.distinct as f64 - middle) / spread.max(1.0);
    if (others.len() as f64) < cx.number(&META, "history") || z < cx.number(&META, "z") {
        return None;
    }
    let address = client.1.map(|a| ip::display(&a)).unwrap_or_default();
    let user = first.text(common::USER).unwrap_or("somebody");
    let explain = format!(
        "{user} at {address} read {} files of {} shares within {} s; clients of this server usually read {middle:.0} in that time",
        found.distinct,
        shares.len(),
        (last.ts() - first.ts()) / SECOND
    );
    let mut hit = Hit::at(&META, *first, format!("{}|{address}", user.to_lowercase()), explain)
        .ioc(Ioc::Account(user.to_owned()));
    for row in spread_out(inside, EVIDENCE).into_iter().skip(1) {
        hit.add_row(row);
    }
    (hit.last, hit.count) = (last.ts(), inside.len() as u64);
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn hits(reads: usize, shares: usize, history: usize) -> usize {
        let mut s = Sample::default();
        let mut read = |ts: i64, user: &str, share: usize, file: usize| {
            s.row_us(&t::TABLE, "fs01", ts, |b| {
                b.text(common::ACTION, "share_access");
                b.text(common::USER, user);
                b.text(t::SHARE, &format!(r"\\*\share{share}"));
                b.text(t::PATH, &format!(r"f{file}.docx"));
                b.int(t::ACCESS_MASK, 1);
                b.ip(t::CLIENT_IP, &ip::parse("10.0.5.31").unwrap());
            });
        };
        for n in 0..history {
            read(T0 - (n as i64 + 2) * 900 * SECOND, "bob", 0, n);
        }
        for n in 0..reads {
            read(T0 + n as i64 * SECOND / 2, "eve", n % shares, n);
        }
        s.hits(&File02).len()
    }

    #[test]
    fn collecting_from_several_shares_fires() {
        assert_eq!(hits(900, 4, 20), 1);
        assert_eq!(hits(600, 3, 20), 1);
    }

    #[test]
    fn one_share_few_files_and_no_history_stay_quiet() {
        assert_eq!(hits(900, 1, 20), 0);
        assert_eq!(hits(100, 3, 20), 0);
        assert_eq!(hits(900, 4, 0), 0);
    }
}
