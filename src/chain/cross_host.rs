//! Chains of different hosts that belong together: remote logons, services and shares, shared rare artefacts, the
//! same user. Links never merge chains: findings stay per host, cases group them.

use std::collections::{BTreeMap, BTreeSet};

use super::weak::users;
use super::{Chain, Hop, Link};
use crate::base::ip::{self, Ip};
use crate::entity::address::AddressMap;
use crate::entity::fleet::Thing;
use crate::ingest::row::canonical_host;
use crate::knowledge::domains;
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::schema::{account, auth, common, file, network, persist};
use crate::signals::{Cx, Hit, Ioc};

/// λ of a remote logon, with rows of the source.
const REMOTE: f64 = 0.9;
/// λ of a remote logon without rows of the source.
const REMOTE_ONE_SIDED: f64 = 0.6;
/// λ of a shared rare artefact.
const SHARED: f64 = 0.5;
/// λ of the same user, or of the same host by time only.
const SAME: f64 = 0.4;
/// An artefact is rare on at most this many hosts (detection.md 4).
const RARE_HOSTS: usize = 5;
/// Chains are linked when no more time than this lies between them.
const DAY_US: i64 = 24 * 3_600_000_000;
/// Time for the weak joins.
const NEAR_US: i64 = 30 * 60 * 1_000_000;
/// Rows looked at per chain.
const MAX_ROWS: usize = 2_000;
/// Links kept per chain and kind, so that a user or address that is everywhere does not link all with all.
const MAX_LINKS: usize = 20;
/// Ports of remote administration: a connection to them from one host belongs to what happens on the other.
const REMOTE_PORTS: &[i64] = &[22, 135, 139, 445, 3389, 5985, 5986];

/// Chains as the links see them.
struct Side<'a> {
    chain: &'a Chain,
    from: i64,
    until: i64,
    users: BTreeSet<String>,
    artefacts: BTreeSet<(&'static str, String)>,
}

/// All links, by chain numbers.
pub fn links(hits: &[Hit], cx: &Cx<'_>, addresses: &AddressMap, chains: &[Chain]) -> Vec<Link> {
    let sides: Vec<Side<'_>> = chains.iter().map(|c| side(hits, cx, c)).collect();
    let mut found: BTreeMap<(usize, usize), Link> = BTreeMap::new();
    remote(hits, cx, addresses, &sides, &mut found);
    shared(cx, &sides, &mut found);
    same_user(&sides, &mut found);
    same_host(&sides, &mut found);
    found.into_values().collect()
}

fn side<'a>(hits: &[Hit], cx: &Cx<'_>, chain: &'a Chain) -> Side<'a> {
    let members = || chain.members.iter().filter_map(|m| hits.get(m.hit));
    Side {
        chain,
        from: members().map(|h| h.time).min().unwrap_or(0),
        until: members().map(|h| h.last.max(h.time)).max().unwrap_or(0),
        users: members().flat_map(users).collect(),
        artefacts: members().flat_map(|h| artefacts(cx, h)).collect(),
    }
}

/// Keeps the stronger of two links between the same chains.
fn add(found: &mut BTreeMap<(usize, usize), Link>, a: usize, b: usize, strength: f64, reason: String) {
    let (a, b) = (a.min(b), a.max(b));
    if a == b {
        return;
    }
    let hop = None;
    let slot = found.entry((a, b)).or_insert_with(|| Link {
        a,
        b,
        strength,
        reason: reason.clone(),
        hop,
    });
    if (strength, std::cmp::Reverse(&reason)) > (slot.strength, std::cmp::Reverse(&slot.reason)) {
        (slot.strength, slot.reason) = (strength, reason);
    }
}

/// Keeps the earliest step between two linked chains.
fn add_hop(found: &mut BTreeMap<(usize, usize), Link>, hop: Hop) {
    let place = (hop.from.min(hop.to), hop.from.max(hop.to));
    if let Some(link) = found.get_mut(&place)
        && link.hop.as_ref().is_none_or(|known| hop < *known)
    {
        link.hop = Some(hop);
    }
}

/// Rows of a chain that name another host which has a chain at that time.
fn remote(
    hits: &[Hit],
    cx: &Cx<'_>,
    addresses: &AddressMap,
    sides: &[Side<'_>],
    found: &mut BTreeMap<(usize, usize), Link>,
) {
    let mut by_host: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, s) in sides.iter().enumerate() {
        by_host
            .entry(cx.frames.text(s.chain.host).unwrap_or(""))
            .or_default()
            .push(i);
    }
    for (i, s) in sides.iter().enumerate() {
        let own = cx.frames.text(s.chain.host).unwrap_or("");
        let rows = s
            .chain
            .members
            .iter()
            .filter_map(|m| hits.get(m.hit))
            .flat_map(|h| h.rows.iter().take(8));
        let mut linked = 0;
        for r in rows.take(MAX_ROWS) {
            let row = cx.frames.row(r.table, r.at);
            for End { host, what, way } in far_ends(cx, addresses, row, s.chain.host) {
                if host == own || linked >= MAX_LINKS {
                    continue;
                }
                for other in by_host.get(host.as_str()).into_iter().flatten() {
                    let near = sides
                        .get(*other)
                        .is_some_and(|o| row.ts() >= o.from - DAY_US && row.ts() <= o.until + DAY_US);
                    if near {
                        let strength = if row.id(common::HOST) == s.chain.host {
                            REMOTE
                        } else {
                            REMOTE_ONE_SIDED
                        };
                        add(found, i, *other, strength, format!("{what} between {own} and {host}"));
                        let (from, to) = match way {
                            Way::Here => (*other, i),
                            Way::There => (i, *other),
                            Way::Unknown => (i, i),
                        };
                        if from != to {
                            let user = who(row);
                            let how = what.clone();
                            add_hop(
                                found,
                                Hop {
                                    time: row.ts(),
                                    from,
                                    to,
                                    how,
                                    user,
                                },
                            );
                        }
                        linked += 1;
                    }
                }
            }
        }
    }
}

/// Which way a row leads between its own host and the other one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the other host to this one.
    Here,
    /// From this host to the other one.
    There,
    /// It does not say.
    Unknown,
}

/// Another host that a row names.
struct End {
    host: String,
    what: String,
    way: Way,
}

/// The account with which a step was made.
fn who(row: Row<'_>) -> Option<String> {
    let table = row.table().ix();
    let named = if table == auth::TABLE.ix() {
        row.text(auth::TARGET_USER)
    } else {
        None
    };
    let user = named.or(row.text(common::USER))?;
    (user != "-" && !user.eq_ignore_ascii_case("anonymous logon")).then(|| user.to_owned())
}

/// Hosts that a row names beside its own, and how.
fn far_ends(cx: &Cx<'_>, addresses: &AddressMap, row: Row<'_>, own: StrId) -> Vec<End> {
    let mut out = Vec::new();
    let table = row.table().ix();
    let resolve = |address: Option<Ip>| {
        let (host, _) = addresses.host_at(&address?, row.ts())?;
        cx.frames.text(host).map(str::to_owned)
    };
    // A row that another host wrote says nothing of the way to this one.
    let foreign = row.id(common::HOST) != own;
    let mut push = |host: Option<String>, what: &str, way: Way| {
        let way = if foreign { Way::Unknown } else { way };
        out.extend(host.filter(|h| !h.is_empty()).map(|host| End {
            host,
            what: what.to_owned(),
            way,
        }));
    };
    if foreign {
        push(Some(row.host().to_owned()), "evidence", Way::Unknown);
    }
    if table == auth::TABLE.ix() {
        let user = row
            .text(auth::TARGET_USER)
            .map_or_else(String::new, |u| format!(" of {u}"));
        push(resolve(row.ip(auth::SRC_IP)), &format!("remote logon{user}"), Way::Here);
        push(
            row.text(auth::SRC_HOST).map(canonical_host),
            &format!("remote logon{user}"),
            Way::Here,
        );
        push(
            row.text(auth::TARGET_SERVER).map(canonical_host),
            &format!("credentials{user} used"),
            Way::There,
        );
    } else if table == account::TABLE.ix() {
        push(resolve(row.ip(account::SRC_IP)), "account change", Way::Here);
    } else if table == file::TABLE.ix() {
        push(resolve(row.ip(file::CLIENT_IP)), "file share access", Way::Here);
    } else if table == persist::TABLE.ix() {
        push(
            row.text(persist::CLIENT_HOST).map(canonical_host),
            "remote service or task",
            Way::Here,
        );
    } else if table == network::TABLE.ix() {
        let port = row.int(network::DST_PORT);
        if let Some(port) = port.filter(|p| REMOTE_PORTS.contains(p)) {
            let what = format!("connection to port {port}");
            push(resolve(row.ip(network::DST_IP)), &what, Way::There);
            push(resolve(row.ip(network::SRC_IP)), &what, Way::Here);
        }
    }
    out
}

/// The same rare hash, domain, address, URL or script on few hosts.
fn shared(cx: &Cx<'_>, sides: &[Side<'_>], found: &mut BTreeMap<(usize, usize), Link>) {
    let mut holders: BTreeMap<&(&'static str, String), Vec<usize>> = BTreeMap::new();
    for (i, s) in sides.iter().enumerate() {
        for artefact in &s.artefacts {
            holders.entry(artefact).or_default().push(i);
        }
    }
    for (artefact, chains) in holders {
        let host = |i: &usize| sides.get(*i).map_or(NO_STR, |s| s.chain.host);
        let mut hosts: Vec<StrId> = chains.iter().map(host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        if hosts.len() < 2 || hosts.len() > RARE_HOSTS || !is_rare(cx, artefact) {
            continue;
        }
        for (n, a) in chains.iter().enumerate() {
            for b in chains.iter().skip(n + 1).take(MAX_LINKS).filter(|b| host(a) != host(b)) {
                let value = crate::base::text::truncate_chars(&artefact.1, 80);
                add(found, *a, *b, SHARED, format!("same {} {value}", artefact.0));
            }
        }
    }
}

fn artefacts(cx: &Cx<'_>, hit: &Hit) -> Vec<(&'static str, String)> {
    let mut out: Vec<(&'static str, String)> = hit
        .iocs
        .iter()
        .filter_map(|ioc| match ioc {
            Ioc::Sha256(h) => Some(("file hash", h.to_lowercase())),
            Ioc::Domain(d) => {
                let lower = d.to_ascii_lowercase();
                domains::registrable(&lower).map(|d| ("domain", d.to_owned()))
            }
            Ioc::Ip(a) => ip::parse(a)
                .filter(|a| !ip::is_internal(a))
                .map(|a| ("address", ip::display(&a))),
            Ioc::Url(u) => Some(("URL", u.clone())),
            Ioc::File(_) | Ioc::Account(_) => None,
        })
        .collect();
    if hit.meta.family == "scripts" && hit.key.len() >= 16 && cx.facts.hosts() > RARE_HOSTS as u32 {
        out.push(("script", hit.key.clone()));
    }
    out
}

/// Over the whole fleet, not only over the hits.
fn is_rare(cx: &Cx<'_>, (kind, value): &(&'static str, String)) -> bool {
    let thing = match *kind {
        "file hash" => Thing::Hash,
        "domain" => Thing::Domain,
        "address" => Thing::Address,
        _ => return true,
    };
    cx.facts.seen(thing, value).hosts as usize <= RARE_HOSTS
}

/// The same person on two hosts within half an hour.
fn same_user(sides: &[Side<'_>], found: &mut BTreeMap<(usize, usize), Link>) {
    let mut by_user: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, s) in sides.iter().enumerate() {
        for user in &s.users {
            by_user.entry(user).or_default().push(i);
        }
    }
    for (user, mut chains) in by_user {
        chains.sort_by_key(|i| sides.get(*i).map(|s| (s.from, *i)));
        link_near(sides, &chains, found, |a, b| {
            (a.chain.host != b.chain.host).then(|| format!("same user {user} within 30 minutes"))
        });
    }
}

/// Two chains of one host within half an hour that no strong edge joined.
fn same_host(sides: &[Side<'_>], found: &mut BTreeMap<(usize, usize), Link>) {
    let mut by_host: BTreeMap<StrId, Vec<usize>> = BTreeMap::new();
    for (i, s) in sides.iter().enumerate() {
        by_host.entry(s.chain.host).or_default().push(i);
    }
    for chains in by_host.values_mut() {
        chains.sort_by_key(|i| sides.get(*i).map(|s| (s.from, *i)));
        link_near(sides, chains, found, |_, _| {
            Some("same host within 30 minutes".to_owned())
        });
    }
}

fn link_near(
    sides: &[Side<'_>],
    chains: &[usize],
    found: &mut BTreeMap<(usize, usize), Link>,
    reason: impl Fn(&Side<'_>, &Side<'_>) -> Option<String>,
) {
    for (n, a) in chains.iter().enumerate() {
        let Some(left) = sides.get(*a) else { continue };
        for b in chains.iter().skip(n + 1).take(MAX_LINKS) {
            let Some(right) = sides.get(*b) else { continue };
            let apart = (right.from - left.until).max(left.from - right.until).max(0);
            if apart <= NEAR_US
                && let Some(reason) = reason(left, right)
            {
                add(found, *a, *b, SAME, reason);
            }
        }
    }
}
