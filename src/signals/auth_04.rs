//! AUTH-04, a new place, host or hour for an account.
//!
//! Sees: the first logon of an account from a country (or, without a country, a provider's network), the first remote
//! desktop session from a network, the first session on a host at an unusual hour, or a session at an hour of the day at
//! which the account was never seen.
//! Why: whoever uses a stolen account comes from elsewhere and keeps other hours.
//! Benign: business trips, new machines, night work, new providers.
//! Sources: detection notes family 7 \[J\].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::logons::{self, CLOUD, REMOTE_DESKTOP, by_account, network_of, spot, succeeded};
use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, RowRef, Signal, Threshold};
use crate::base::ip;
use crate::base::time::{DAY, SECOND, format_rfc3339};
use crate::lake::frame::Row;
use crate::schema::{auth, common};

/// The signal.
pub struct Auth04;

const BASELINE_DAYS: i64 = 14;
const OTHER_PLACES: u32 = 5;
const HOUR_DAYS: usize = 10;
const HOUR_LOGONS: u32 = 20;
const PROVIDER_QUALITY: f64 = 0.7;
const HOUR_QUALITY: f64 = 0.5;

static META: Meta = Meta {
    id: "AUTH-04",
    title: "New place, host or time for a user",
    sees: "the first logon of an account from a country or provider, the first remote desktop session from a network, \
           the first session on a host at an unusual hour, or a session at an hour never seen before",
    why: "whoever uses a stolen account comes from elsewhere, goes elsewhere and keeps other hours",
    techniques: &["T1078", "T1078.004"],
    stage: "initial-access",
    family: "authentication",
    key: Key::Fleet,
    reads: &[Reads {
        table: &auth::TABLE,
        columns: logons::COLUMNS,
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "baseline",
            value: BASELINE_DAYS as f64,
            unit: "d since the account's first logon",
            source: "[J]",
        },
        Threshold {
            name: "other_places",
            value: OTHER_PLACES as f64,
            unit: "earlier logons from other places that replace the baseline for a new country",
            source: "[J]",
        },
        Threshold {
            name: "hour_days",
            value: HOUR_DAYS as f64,
            unit: "d with sessions before hours count",
            source: "[J]",
        },
        Threshold {
            name: "hour_logons",
            value: HOUR_LOGONS as f64,
            unit: "sessions before hours count",
            source: "[J]",
        },
        Threshold {
            name: "provider_quality",
            value: PROVIDER_QUALITY,
            unit: "quality",
            source: "[J]",
        },
        Threshold {
            name: "hour_quality",
            value: HOUR_QUALITY,
            unit: "quality of an hour alone",
            source: "[J]",
        },
    ],
    benign: &["business trips", "new machines and providers", "night work"],
};

impl Signal for Auth04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn gather(&self, rows: &KeyRows<'_>) -> Vec<RowRef> {
        logons::telling(rows.table(&auth::TABLE))
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let logons = rows
            .table(&auth::TABLE)
            .iter()
            .filter(|r| succeeded(*r) && r.str(common::ACTION) != "ntlm");
        for (user, logons) in by_account(logons) {
            let mut known = Known::new(&user, logons.first().map_or(0, |r| r.ts()));
            for row in logons {
                known.look(cx, row, hits);
            }
        }
    }
}

/// What is known of an account so far.
struct Known<'u> {
    user: &'u str,
    since: i64,
    countries: BTreeMap<String, u32>,
    providers: BTreeSet<i64>,
    desks: BTreeSet<String>,
    hosts: BTreeSet<u32>,
    hours: [u32; 24],
    days: BTreeSet<i64>,
}

impl<'u> Known<'u> {
    fn new(user: &'u str, since: i64) -> Self {
        Self {
            user,
            since,
            countries: BTreeMap::new(),
            providers: BTreeSet::new(),
            desks: BTreeSet::new(),
            hosts: BTreeSet::new(),
            hours: [0; 24],
            days: BTreeSet::new(),
        }
    }

    fn look(&mut self, cx: &Cx<'_>, row: Row<'_>, hits: &mut Vec<Hit>) {
        let mature = row.ts() - self.since >= (cx.number(&META, "baseline") as i64) * DAY;
        let place = self.place(cx, row, mature);
        let found = place.or(self.desk(row, mature)).or(self.session(cx, row, mature));
        if let Some((what, quality, why)) = found {
            hits.push(self.hit(row, &what, quality, &why));
        }
    }

    /// A new country; where none is known, a new provider.
    fn place(&mut self, cx: &Cx<'_>, row: Row<'_>, mature: bool) -> Option<(String, f64, String)> {
        let asn = row.int(auth::ASN);
        let new_provider = asn.is_some_and(|a| self.providers.insert(a)) && self.providers.len() > 1;
        let Some(spot) = spot(row, cx.lists) else {
            let number = asn.filter(|_| new_provider && mature)?;
            return Some((
                format!("asn:{number}"),
                cx.number(&META, "provider_quality"),
                format!("the first logon from network AS{number}"),
            ));
        };
        let place = spot.country.unwrap_or_else(|| spot.label.to_lowercase());
        let earlier: u32 = self.countries.values().sum();
        let seen = self.countries.entry(place.clone()).or_insert(0);
        *seen += 1;
        if *seen > 1 || earlier == 0 || !(mature || earlier >= (cx.number(&META, "other_places") as u32)) {
            return None;
        }
        let others: Vec<&str> = self
            .countries
            .keys()
            .filter(|c| **c != place)
            .map(String::as_str)
            .take(5)
            .collect();
        Some((
            format!("place:{}", place.to_lowercase()),
            1.0,
            format!(
                "the first logon from {} after {earlier} from {}",
                spot.label,
                others.join(", ")
            ),
        ))
    }

    /// The first remote desktop session from a network (or a client's name).
    fn desk(&mut self, row: Row<'_>, mature: bool) -> Option<(String, f64, String)> {
        if row.int(auth::LOGON_TYPE) != Some(REMOTE_DESKTOP) && row.str(common::ACTION) != "session_connect" {
            return None;
        }
        let address = row.ip(auth::SRC_IP).filter(|a| !ip::is_loopback(a));
        let from = address
            .map(|a| network_of(&a))
            .or_else(|| row.text(auth::SRC_HOST).map(str::to_lowercase))?;
        let new = self.desks.insert(from.clone());
        (new && mature).then(|| {
            (
                format!("rdp:{from}"),
                1.0,
                format!("the first remote desktop session from {from}"),
            )
        })
    }

    /// A session (at the machine or by remote desktop) at an hour without precedent, or on a new host at such an hour.
    fn session(&mut self, cx: &Cx<'_>, row: Row<'_>, mature: bool) -> Option<(String, f64, String)> {
        if !matches!(row.int(auth::LOGON_TYPE), Some(2 | 10 | 11)) {
            return None;
        }
        let hour = usize::try_from(row.ts().div_euclid(3_600 * SECOND).rem_euclid(24)).unwrap_or(0);
        let unusual = self.is_unusual(cx, hour);
        if let Some(n) = self.hours.get_mut(hour) {
            *n += 1;
        }
        self.days.insert(row.ts().div_euclid(DAY));
        let new_host = self.hosts.insert(row.id(common::HOST));
        if !mature || !unusual {
            return None;
        }
        Some(match new_host {
            true => (
                format!("host:{}", row.host()),
                1.0,
                format!(
                    "the first session on {}, at an hour ({hour}:00 UTC) at which the account was never seen",
                    row.host()
                ),
            ),
            false => (
                format!("hour:{hour:02}"),
                cx.number(&META, "hour_quality"),
                format!("a session at {hour}:00 UTC, an hour at which the account was never seen"),
            ),
        })
    }

    /// Whether enough sessions are known and none lies within an hour of this one.
    fn is_unusual(&self, cx: &Cx<'_>, hour: usize) -> bool {
        let sessions = self.hours.iter().sum::<u32>();
        let enough = self.days.len() as f64 >= cx.number(&META, "hour_days")
            && f64::from(sessions) >= cx.number(&META, "hour_logons");
        let near = [hour + 23, hour, hour + 1].map(|h| h % 24);
        enough && near.iter().all(|h| self.hours.get(*h) == Some(&0))
    }

    fn hit(&self, row: Row<'_>, what: &str, quality: f64, why: &str) -> Hit {
        let source = row
            .ip(auth::SRC_IP)
            .map(|a| format!(" from {}", ip::display(&a)))
            .unwrap_or_default();
        let explain = format!("{} logged on{source} at {}: {why}", self.user, format_rfc3339(row.ts()));
        let mut hit = Hit::at(&META, row, format!("{}:{what}", self.user), explain).quality(quality);
        hit.users = vec![self.user.to_owned()];
        hit.iocs.push(Ioc::Account(self.user.to_owned()));
        if let Some(address) = row.ip(auth::SRC_IP).filter(|a| !ip::is_internal(a)) {
            hit.iocs.push(Ioc::Ip(ip::display(&address)));
        }
        let cloud = row.int(auth::LOGON_TYPE) == Some(CLOUD);
        hit.techniques = vec![Cow::Borrowed(if cloud { "T1078.004" } else { "T1078" })];
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::builder::TableBuilder;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn logon(s: &mut Sample, host: &str, ts: i64, kind: i64, address: &str, cells: &dyn Fn(&mut TableBuilder)) {
        s.row_us(&auth::TABLE, host, ts, |b| {
            b.text(common::ACTION, "logon");
            b.text(common::OUTCOME, "success");
            b.text(auth::TARGET_USER, "ann");
            b.int(auth::LOGON_TYPE, kind);
            b.ip(auth::SRC_IP, &ip::parse(address).unwrap());
            cells(b);
        });
    }

    fn keys(s: Sample) -> Vec<String> {
        s.hits(&Auth04).into_iter().map(|h| h.key).collect()
    }

    fn country(code: &'static str) -> impl Fn(&mut TableBuilder) {
        move |b| b.text(auth::COUNTRY, code)
    }

    #[test]
    fn a_first_country_fires_after_a_baseline_or_enough_other_logons() {
        let run = |days: &[i64]| {
            let mut s = Sample::default();
            for d in days {
                logon(&mut s, "dc01", T0 - d * DAY, 3, "192.0.2.1", &country("JP"));
            }
            logon(&mut s, "dc01", T0, 3, "203.0.113.45", &|b| {
                b.text(auth::LOCATION, "Russia, Moscow")
            });
            logon(&mut s, "dc01", T0 + 60 * SECOND, 3, "203.0.113.45", &country("RU"));
            keys(s)
        };
        assert_eq!(run(&[90, 20]), ["ann:place:ru"]);
        assert_eq!(run(&[3, 2, 2, 1, 1]), ["ann:place:ru"]);
        assert!(run(&[3]).is_empty());
        assert!(run(&[]).is_empty());
    }

    #[test]
    fn a_new_desk_and_a_new_host_at_night_fire() {
        let mut s = Sample::default();
        for d in 0..40 {
            logon(&mut s, "ws01", T0 - (60 - d) * DAY, 2, "127.0.0.1", &|_| {});
        }
        logon(&mut s, "srv9", T0 - 6 * 3_600 * SECOND, 2, "127.0.0.1", &|_| {});
        logon(&mut s, "ws01", T0 + 60 * SECOND, 10, "10.9.9.9", &|_| {});
        logon(&mut s, "ws01", T0 + 120 * SECOND, 10, "10.9.9.77", &|_| {});
        assert_eq!(keys(s), ["ann:host:srv9", "ann:rdp:10.9.9.0/24"]);
    }

    #[test]
    fn new_machines_by_day_and_service_logons_stay_quiet() {
        let mut s = Sample::default();
        for d in 0..40 {
            logon(&mut s, "ws01", T0 - (60 - d) * DAY, 2, "127.0.0.1", &|_| {});
        }
        logon(&mut s, "ws02", T0, 2, "127.0.0.1", &|_| {});
        logon(&mut s, "srv9", T0 - 6 * 3_600 * SECOND, 5, "127.0.0.1", &|_| {});
        logon(&mut s, "srv9", T0 - 6 * 3_600 * SECOND, 3, "10.0.0.8", &|_| {});
        assert!(keys(s).is_empty());
    }
}
