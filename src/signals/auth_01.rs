//! AUTH-01, impossible travel: one account logs on from two places faster than anybody travels.
//!
//! Sees: successive successful logons of one account whose places lie at least 500 km apart and would need more than
//! 900 km/h; without coordinates, two countries within an hour.
//! Why: a stolen password is used from elsewhere while its owner works.
//! Benign: VPN exits, cloud proxies and mobile networks (pairs of addresses that five or more accounts each use are left
//! out), errors of GeoIP databases.
//! Sources: detection notes family 7 (airliner speed, as identity providers use it), Elastic's rule of two countries.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::logons::{self, CLOUD, Spot, by_account, shared_addresses, spot, succeeded};
use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, RowRef, Signal, Threshold};
use crate::base::ip;
use crate::base::time::{SECOND, format_rfc3339};
use crate::lake::frame::Row;
use crate::schema::auth;
use crate::signals::geography::distance_km;

/// The signal.
pub struct Auth01;

const MIN_KM: f64 = 500.0;
const SPEED: f64 = 900.0;
const SURE_SPEED: f64 = 2_000.0;
const SPEED_QUALITY: f64 = 0.7;
const COUNTRIES_QUALITY: f64 = 0.5;
const LEAST_S: f64 = 60.0;
const SHARED_USERS: usize = 5;
const EVIDENCE: usize = 10;

static META: Meta = Meta {
    id: "AUTH-01",
    title: "Impossible travel",
    sees: "two successive successful logons of one account from places that nobody travels between in that time",
    why: "stolen credentials are used from elsewhere while their owner works",
    techniques: &["T1078", "T1078.004"],
    stage: "initial-access",
    family: "authentication",
    key: Key::Fleet,
    reads: &[Reads {
        table: &auth::TABLE,
        columns: logons::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "distance",
            value: MIN_KM,
            unit: "km",
            source: "[J] above the error of GeoIP databases",
        },
        Threshold {
            name: "speed",
            value: SPEED,
            unit: "km/h; quality 0.7",
            source: "speed of an airliner",
        },
        Threshold {
            name: "sure_speed",
            value: SURE_SPEED,
            unit: "km/h; quality 1",
            source: "[J]",
        },
        Threshold {
            name: "countries",
            value: 60.0,
            unit: "min between two countries; quality 0.5",
            source: "[J], Elastic's rule uses 15 min",
        },
        Threshold {
            name: "shared_users",
            value: SHARED_USERS as f64,
            unit: "accounts of one address: a gateway",
            source: "[J]",
        },
    ],
    benign: &[
        "VPN exits and cloud proxies",
        "mobile networks",
        "errors of GeoIP databases",
    ],
};

impl Signal for Auth01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn gather(&self, rows: &KeyRows<'_>) -> Vec<RowRef> {
        logons::telling(rows.table(&auth::TABLE))
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let view = rows.table(&auth::TABLE);
        let gateways = shared_addresses(view, cx.number(&META, "shared_users") as usize);
        let shared = |r: Row<'_>| r.ip(auth::SRC_IP).is_some_and(|a| gateways.binary_search(&a).is_ok());
        for (user, logons) in by_account(view.iter().filter(|r| succeeded(*r))) {
            let mut found: BTreeMap<String, Hit> = BTreeMap::new();
            let mut before: Option<(Row<'_>, Spot)> = None;
            for row in logons {
                let Some(here) = spot(row, cx.lists) else { continue };
                if let Some((from, there)) = &before
                    && from.ip(auth::SRC_IP).is_none_or(|a| row.ip(auth::SRC_IP) != Some(a))
                    && !(shared(*from) && shared(row))
                    && let Some(trip) = trip(cx, (*from, there), (row, &here))
                {
                    note(&mut found, &user, (*from, there), (row, &here), trip);
                }
                before = Some((row, here));
            }
            hits.extend(found.into_values());
        }
    }
}

struct Trip {
    quality: f64,
    why: String,
}

fn trip(cx: &Cx<'_>, (from, there): (Row<'_>, &Spot), (row, here): (Row<'_>, &Spot)) -> Option<Trip> {
    let apart = row.ts() - from.ts();
    if let (Some(a), Some(b)) = (there.at, here.at) {
        let km = distance_km(a, b);
        let speed = km / (apart as f64 / SECOND as f64).max(LEAST_S) * 3_600.0;
        let quality = if speed > cx.number(&META, "sure_speed") {
            1.0
        } else {
            SPEED_QUALITY
        };
        return (km >= cx.number(&META, "distance") && speed > cx.number(&META, "speed")).then(|| Trip {
            quality,
            why: format!("{km:.0} km in {} min, {speed:.0} km/h", minutes(apart)),
        });
    }
    let (a, b) = (there.country.as_ref()?, here.country.as_ref()?);
    (a != b && apart <= (cx.number(&META, "countries") * 60e6) as i64).then(|| Trip {
        quality: COUNTRIES_QUALITY,
        why: format!("two countries in {} min", minutes(apart)),
    })
}

fn minutes(us: i64) -> i64 {
    (us + 30 * SECOND) / (60 * SECOND)
}

/// Adds the trip to its pair of places, whatever the direction: going to and fro is one finding.
fn note(found: &mut BTreeMap<String, Hit>, user: &str, from: (Row<'_>, &Spot), to: (Row<'_>, &Spot), trip: Trip) {
    let name = |s: &Spot| s.country.clone().unwrap_or_else(|| s.label.clone()).to_lowercase();
    let mut ends = [name(from.1), name(to.1)];
    ends.sort_unstable();
    let key = format!("{user}:{}", ends.join("-"));
    if let Some(hit) = found.get_mut(&key) {
        hit.count += 1;
        hit.last = to.0.ts();
        hit.quality = hit.quality.max(trip.quality);
        if hit.rows.len() < EVIDENCE {
            hit.add_row(to.0);
        }
        return;
    }
    let source = |r: Row<'_>| {
        r.ip(auth::SRC_IP)
            .map_or_else(|| "an unknown address".to_owned(), |a| ip::display(&a))
    };
    let explain = format!(
        "{user} logged on from {} ({}) at {} and from {} ({}) at {}: {}",
        from.1.label,
        source(from.0),
        format_rfc3339(from.0.ts()),
        to.1.label,
        source(to.0),
        format_rfc3339(to.0.ts()),
        trip.why,
    );
    let mut hit = Hit::at(&META, to.0, key.clone(), explain)
        .quality(trip.quality)
        .ioc(Ioc::Account(user.to_owned()));
    hit.time = from.0.ts();
    hit.users = vec![user.to_owned()];
    let cloud = [from.0, to.0].iter().any(|r| r.int(auth::LOGON_TYPE) == Some(CLOUD));
    hit.techniques = vec![Cow::Borrowed(if cloud { "T1078.004" } else { "T1078" })];
    for row in [to.0, from.0] {
        if let Some(address) = row.ip(auth::SRC_IP).filter(|a| !ip::is_internal(a)) {
            hit.iocs.push(Ioc::Ip(ip::display(&address)));
        }
    }
    hit.add_row(from.0);
    found.insert(key, hit);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::common;
    use crate::signals::testing::Sample;

    fn logon(
        s: &mut Sample,
        time: &str,
        user: &str,
        address: &str,
        cells: &dyn Fn(&mut crate::schema::builder::TableBuilder),
    ) {
        s.row(&auth::TABLE, "dc01", time, |b| {
            b.text(common::ACTION, "logon");
            b.text(common::OUTCOME, "success");
            b.text(auth::TARGET_USER, user);
            b.ip(auth::SRC_IP, &ip::parse(address).unwrap());
            cells(b);
        });
    }

    fn at(lat: f32, lon: f32) -> impl Fn(&mut crate::schema::builder::TableBuilder) {
        move |b| {
            b.float(auth::LAT, lat);
            b.float(auth::LON, lon);
        }
    }

    fn place(text: &'static str) -> impl Fn(&mut crate::schema::builder::TableBuilder) {
        move |b| b.text(auth::LOCATION, text)
    }

    #[test]
    fn tokyo_to_moscow_in_five_minutes_fires() {
        let mut s = Sample::default();
        logon(&mut s, "2026-03-02T11:00:00Z", "Ann", "192.0.2.1", &at(35.68, 139.77));
        logon(&mut s, "2026-03-02T11:05:00Z", "ann", "203.0.113.45", &at(55.75, 37.62));
        let hits = s.hits(&Auth01);
        assert_eq!((hits.len(), hits[0].quality), (1, 1.0));
        assert!(hits[0].explain.contains("km in 5 min"), "{}", hits[0].explain);
    }

    #[test]
    fn three_countries_in_an_hour_give_two_pairs() {
        let mut s = Sample::default();
        for (time, place_text, address) in [
            ("2026-03-02T11:00:00Z", "Kyoto, Japan", "192.0.2.1"),
            ("2026-03-02T11:20:00Z", "Russia, Moscow", "192.0.2.2"),
            ("2026-03-02T11:50:00Z", "France", "192.0.2.3"),
        ] {
            logon(&mut s, time, "ann", address, &place(place_text));
        }
        let hits = s.hits(&Auth01);
        assert_eq!(hits.len(), 2);
        assert!(hits.iter().all(|h| h.quality == 0.5));
    }

    #[test]
    fn trains_single_events_failures_and_gateways_stay_quiet() {
        let mut s = Sample::default();
        logon(&mut s, "2026-03-02T11:00:00Z", "ann", "192.0.2.1", &at(35.68, 139.77));
        logon(&mut s, "2026-03-02T12:00:00Z", "ann", "192.0.2.9", &at(34.69, 135.50));
        logon(
            &mut s,
            "2026-03-02T12:00:00Z",
            "bob",
            "192.0.2.8",
            &place("Russia, Moscow"),
        );
        for user in ["u1", "u2", "u3", "u4", "u5"] {
            logon(&mut s, "2026-03-02T11:00:00Z", user, "192.0.2.77", &place("Japan"));
            logon(&mut s, "2026-03-02T11:05:00Z", user, "192.0.2.78", &place("US"));
        }
        // The same country in two spellings, from two sensors.
        logon(
            &mut s,
            "2026-03-02T13:00:00Z",
            "eve",
            "192.0.2.30",
            &place("Russia, Moscow"),
        );
        logon(&mut s, "2026-03-02T13:01:00Z", "eve", "192.0.2.31", &|b| {
            b.text(auth::COUNTRY, "RU")
        });
        let hits = s.hits(&Auth01);
        assert!(hits.is_empty(), "{hits:?}");
    }
}
