//! Which host had which address when: claims become non-overlapping intervals per address.
//!
//! Weights and rules are detection.md 4: leases 1.0, Sysmon 3 and 5156 outbound .9, EDR .9, machine tickets .8, logons
//! that name both .6. Claims of one host merge over gaps of at most 12 hours (or the lease); contradicting claims are
//! cut at the midpoint; an address claimed by more than three hosts within an hour is shared and joins nothing.

use std::collections::BTreeMap;

use crate::base::ip::{self, Ip};
use crate::ingest::row::canonical_host;
use crate::lake::frame::{Frames, NO_STR, Row, StrId};
use crate::schema::{auth, common, lease, network, posture};

const HOUR_US: i64 = 3_600_000_000;
/// Claims of one host merge over this gap.
const MERGE_US: i64 = 12 * HOUR_US;
/// Outside every interval the nearest one counts up to this distance, with 0.6 of its weight.
const NEAR_US: i64 = 4 * HOUR_US;
/// A lease whose log does not say how long it lasts: Windows' default is eight days, renewed at half.
const DEFAULT_LEASE_US: i64 = 4 * 24 * HOUR_US;
/// More hosts than this within an hour: NAT, proxy or jump host.
const SHARED_HOSTS: usize = 3;

/// One statement that a host had an address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    /// Address.
    pub ip: Ip,
    /// Host.
    pub host: StrId,
    /// From when, microseconds UTC.
    pub from: i64,
    /// Until when; equal to `from` for a single sighting.
    pub until: i64,
    /// How much it is worth, 0 to 1.
    pub weight: f32,
}

/// A host held an address over `[from, until]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// From when, microseconds UTC.
    pub from: i64,
    /// Until when.
    pub until: i64,
    /// Host.
    pub host: StrId,
    /// Best weight of its claims.
    pub weight: f32,
}

/// The map of one hunt.
#[derive(Debug, Default)]
pub struct AddressMap {
    intervals: BTreeMap<Ip, Vec<Interval>>,
    shared: Vec<Ip>,
}

impl AddressMap {
    /// Builds the map from claims in any order.
    pub fn new(mut claims: Vec<Claim>, name: impl Fn(StrId) -> String) -> Self {
        claims.retain(|c| ip::is_internal(&c.ip) && !ip::is_loopback(&c.ip) && c.host != NO_STR);
        // Names, not ids: ids depend on the order of loading.
        claims.sort_by(|a, b| {
            (a.ip, a.from, a.until, name(a.host))
                .cmp(&(b.ip, b.from, b.until, name(b.host)))
                .then(a.weight.total_cmp(&b.weight))
        });
        let mut map = Self::default();
        for group in claims.chunk_by(|a, b| a.ip == b.ip) {
            let Some(first) = group.first() else { continue };
            if is_shared(group) {
                map.shared.push(first.ip);
            } else {
                map.intervals.insert(first.ip, intervals(group));
            }
        }
        map
    }

    /// The host that had `ip` at `ts`, and how sure that is.
    pub fn host_at(&self, ip: &Ip, ts: i64) -> Option<(StrId, f32)> {
        let list = self.intervals.get(ip)?;
        let after = list.partition_point(|i| i.from <= ts);
        let before = after.checked_sub(1).and_then(|i| list.get(i));
        if let Some(i) = before.filter(|i| ts <= i.until) {
            return Some((i.host, i.weight));
        }
        let distance = |i: &Interval| if ts < i.from { i.from - ts } else { ts - i.until };
        before
            .into_iter()
            .chain(list.get(after))
            .filter(|i| distance(i) <= NEAR_US)
            .min_by_key(|i| distance(i))
            .map(|i| (i.host, i.weight * 0.6))
    }

    /// All intervals in address order.
    pub fn iter(&self) -> impl Iterator<Item = (&Ip, &Interval)> {
        self.intervals.iter().flat_map(|(ip, v)| v.iter().map(move |i| (ip, i)))
    }

    /// Addresses that too many hosts claim at once.
    pub fn shared(&self) -> &[Ip] {
        &self.shared
    }
}

fn is_shared(claims: &[Claim]) -> bool {
    claims.iter().enumerate().any(|(i, c)| {
        let mut hosts: Vec<StrId> = claims
            .iter()
            .skip(i)
            .take_while(|d| d.from - c.from <= HOUR_US)
            .map(|d| d.host)
            .take(256)
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts.len() > SHARED_HOSTS
    })
}

fn intervals(claims: &[Claim]) -> Vec<Interval> {
    let mut out: Vec<Interval> = Vec::new();
    for c in claims {
        match out.last_mut() {
            Some(last) if last.host == c.host && c.from.saturating_sub(last.until) <= MERGE_US => {
                last.until = last.until.max(c.until);
                last.weight = last.weight.max(c.weight);
            }
            Some(last) if last.host == c.host => out.push(interval(c)),
            Some(last) => {
                if last.until >= c.from {
                    // A lease that another host's claim ends.
                    last.until = last.from.max(c.from - 1);
                } else if c.from - last.until <= MERGE_US {
                    let middle = last.until + (c.from - last.until) / 2;
                    last.until = middle;
                    let mut next = interval(c);
                    next.from = middle + 1;
                    out.push(next);
                    continue;
                }
                out.push(interval(c));
            }
            None => out.push(interval(c)),
        }
    }
    out
}

fn interval(c: &Claim) -> Interval {
    Interval {
        from: c.from,
        until: c.until,
        host: c.host,
        weight: c.weight,
    }
}

/// Columns that [`claims`] reads.
pub const READS: &[(&crate::schema::Table, &[crate::schema::Col])] = &[
    (
        &lease::TABLE,
        &[lease::IP, lease::CLIENT_HOST, lease::LEASE_S, common::ACTION],
    ),
    (&network::TABLE, &[network::SRC_IP, network::DIRECTION]),
    (
        &auth::TABLE,
        &[
            auth::SRC_IP,
            auth::SRC_HOST,
            auth::TARGET_USER,
            common::ACTION,
            auth::LOGON_TYPE,
        ],
    ),
    (&posture::TABLE, &[posture::IPS]),
];

/// Whether the connections of a source say which address its own host has; those of sensors and firewalls do not.
pub fn names_itself(source: &str) -> bool {
    matches!(source, "sysmon" | "security" | "mde")
}

/// Collects claims from all frames; interns the host names it meets.
pub fn claims(frames: &mut Frames) -> Vec<Claim> {
    let mut named: Vec<(Ip, String, i64, i64, f32)> = Vec::new();
    for at in 0..frames.frame(&lease::TABLE).len() as u32 {
        named.extend(lease_claim(frames.row(&lease::TABLE, at)));
    }
    for at in 0..frames.frame(&network::TABLE).len() as u32 {
        let row = frames.row(&network::TABLE, at);
        let endpoint = names_itself(row.source());
        if let (true, Some("out"), Some(ip)) = (endpoint, row.text(network::DIRECTION), row.ip(network::SRC_IP)) {
            named.push((ip, row.host().to_owned(), row.ts(), row.ts(), 0.9));
        }
    }
    for at in 0..frames.frame(&auth::TABLE).len() as u32 {
        named.extend(logon_claim(frames.row(&auth::TABLE, at)));
    }
    for at in 0..frames.frame(&posture::TABLE).len() as u32 {
        let row = frames.row(&posture::TABLE, at);
        for ip in row.str(posture::IPS).lines().filter_map(ip::parse) {
            named.push((ip, row.host().to_owned(), row.ts(), row.ts(), 0.9));
        }
    }
    named
        .into_iter()
        .filter(|(_, host, ..)| !host.is_empty() && !host.starts_with("ip:"))
        .map(|(ip, host, from, until, weight)| Claim {
            ip,
            host: frames.strings.intern(&host),
            from,
            until,
            weight,
        })
        .collect()
}

fn lease_claim(row: Row<'_>) -> Option<(Ip, String, i64, i64, f32)> {
    if !matches!(row.text(common::ACTION), Some("assign" | "renew")) {
        return None;
    }
    let lease = row
        .int(lease::LEASE_S)
        .map_or(DEFAULT_LEASE_US, |s| s.saturating_mul(1_000_000));
    let host = canonical_host(row.text(lease::CLIENT_HOST)?);
    Some((row.ip(lease::IP)?, host, row.ts(), row.ts().saturating_add(lease), 1.0))
}

fn logon_claim(row: Row<'_>) -> Option<(Ip, String, i64, i64, f32)> {
    let ip = row.ip(auth::SRC_IP)?;
    let (host, weight) = match row.text(common::ACTION)? {
        "krb_tgs" | "krb_tgt" => {
            let machine = row.text(auth::TARGET_USER)?.split('@').next()?.strip_suffix('$')?;
            (canonical_host(machine), 0.8)
        }
        "logon" if row.source() != "entra" => {
            let host = canonical_host(row.text(auth::SRC_HOST)?);
            // A host that names itself says nothing of the far end.
            if host == row.host() {
                return None;
            }
            (host, 0.6)
        }
        _ => return None,
    };
    Some((ip, host, row.ts(), row.ts(), weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(ip: &str, host: StrId, from_h: i64, until_h: i64) -> Claim {
        Claim {
            ip: ip::parse(ip).unwrap(),
            host,
            from: from_h * HOUR_US,
            until: until_h * HOUR_US,
            weight: 1.0,
        }
    }

    fn map(claims: Vec<Claim>) -> AddressMap {
        AddressMap::new(claims, |h| format!("h{h}"))
    }

    #[test]
    fn an_address_that_changed_hands_joins_by_time() {
        let ip = ip::parse("10.0.5.21").unwrap();
        let m = map(vec![claim("10.0.5.21", 1, 0, 96), claim("10.0.5.21", 2, 30, 126)]);
        assert_eq!(m.host_at(&ip, 29 * HOUR_US).map(|h| h.0), Some(1));
        assert_eq!(m.host_at(&ip, 31 * HOUR_US).map(|h| h.0), Some(2));
        assert_eq!(m.host_at(&ip, 200 * HOUR_US), None);
        assert_eq!(m.host_at(&ip::parse("10.0.5.22").unwrap(), 0), None);
    }

    #[test]
    fn an_address_of_many_hosts_at_once_is_shared() {
        let m = map((0..5).map(|h| claim("10.0.0.1", h, 0, 0)).collect());
        assert_eq!(m.host_at(&ip::parse("10.0.0.1").unwrap(), 0), None);
        assert_eq!(m.shared().len(), 1);
    }

    #[test]
    fn near_a_sighting_the_confidence_falls() {
        let ip = ip::parse("10.0.0.9").unwrap();
        let m = map(vec![claim("10.0.0.9", 1, 10, 10)]);
        let (_, near) = m.host_at(&ip, 12 * HOUR_US).unwrap();
        assert!((near - 0.6).abs() < 1e-6);
        assert_eq!(m.host_at(&ip, 15 * HOUR_US), None);
    }

    #[test]
    fn external_and_loopback_claims_are_ignored() {
        let m = map(vec![claim("203.0.113.5", 1, 0, 0), claim("127.0.0.1", 1, 0, 0)]);
        assert_eq!(m.iter().count(), 0);
    }
}
