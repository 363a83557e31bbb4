//! Weak edges: what stands alone is attached to a backbone of the same host or user nearby in time, at a discount.

use std::collections::BTreeMap;

use super::build::Group;
use super::links::Input;
use crate::lake::frame::StrId;
use crate::schema::{auth, network};
use crate::signals::Hit;

/// Weak edges reach this far (detection.md 4).
const NEAR_US: i64 = 30 * 60 * 1_000_000;
/// λ of the same user in an authentication log of that user's own logon.
const OWN_LOGON: f64 = 0.6;
/// λ of the same user elsewhere, and of the same host by time only.
const SAME: f64 = 0.4;
/// Hits of one signal and key on one host are one story while no more time than this lies between them.
const REPEAT_US: i64 = 24 * 3_600_000_000;

/// A hit of a backbone, as what stands alone sees it.
struct Anchor {
    time: i64,
    last: i64,
    group: usize,
    link: f64,
    users: Vec<String>,
}

/// Attaches lone groups to backbones, then joins what is left of one signal and key.
///
/// A backbone is a group that strong edges made of at least two different findings (signal and key). Two hops at
/// most: directly, or over something that is itself attached directly.
pub(super) fn attach(input: Input<'_>, groups: Vec<Group>) -> Vec<Group> {
    let (mut backbones, mut alone): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(|g| is_backbone(input, g));
    let mut anchors: Vec<(StrId, Anchor)> = Vec::new();
    for (i, group) in backbones.iter().enumerate() {
        anchors.extend(group.members.iter().filter_map(|(p, _)| anchor(input, *p, i, 1.0)));
    }
    for _hop in 0..2 {
        let near = Near::new(std::mem::take(&mut anchors));
        let mut rest = Vec::new();
        for group in alone {
            match near.best(input, &group) {
                Some((backbone, link)) => {
                    anchors.extend(
                        group
                            .members
                            .iter()
                            .filter_map(|(p, _)| anchor(input, *p, backbone, link)),
                    );
                    if let Some(b) = backbones.get_mut(backbone) {
                        b.members.extend(group.members.iter().map(|(p, _)| (*p, link)));
                    }
                }
                None => rest.push(group),
            }
        }
        alone = rest;
    }
    for group in &mut backbones {
        group.members.sort_by_key(|(p, _)| *p);
    }
    backbones.extend(repeats(input, alone));
    backbones.sort_by_key(|g| g.members.iter().find(|m| m.1 >= 1.0).map(|(p, _)| *p));
    backbones
}

fn is_backbone(input: Input<'_>, group: &Group) -> bool {
    let mut kinds: Vec<(&str, &str)> = group
        .members
        .iter()
        .filter_map(|(p, _)| input.hit(*p))
        .map(|h| (h.meta.id, h.key.as_str()))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.len() > 1
}

fn anchor(input: Input<'_>, place: usize, group: usize, link: f64) -> Option<(StrId, Anchor)> {
    let hit = input.hit(place)?;
    Some((
        hit.host,
        Anchor {
            time: hit.time,
            last: hit.last.max(hit.time),
            group,
            link,
            users: users(hit),
        },
    ))
}

/// Anchors by host and by user, each sorted by time.
struct Near {
    by_host: BTreeMap<StrId, Vec<Anchor>>,
    by_user: BTreeMap<String, Vec<(i64, i64, usize, f64)>>,
}

impl Near {
    fn new(anchors: Vec<(StrId, Anchor)>) -> Self {
        let mut out = Self {
            by_host: BTreeMap::new(),
            by_user: BTreeMap::new(),
        };
        for (host, a) in anchors {
            for user in &a.users {
                out.by_user
                    .entry(user.clone())
                    .or_default()
                    .push((a.time, a.last, a.group, a.link));
            }
            out.by_host.entry(host).or_default().push(a);
        }
        out
    }

    /// The backbone with the best link, then the nearest in time, then the first.
    fn best(&self, input: Input<'_>, group: &Group) -> Option<(usize, f64)> {
        let mut best: Option<(f64, i64, usize)> = None;
        let mut offer = |link: f64, away: i64, backbone: usize| {
            let better = best
                .is_none_or(|(l, d, b)| (link, std::cmp::Reverse((away, backbone))) > (l, std::cmp::Reverse((d, b))));
            if away <= NEAR_US && better {
                best = Some((link, away, backbone));
            }
        };
        for hit in group.members.iter().filter_map(|(p, _)| input.hit(*p)) {
            let mine = users(hit);
            let own = if is_own_logon(input, hit) { OWN_LOGON } else { SAME };
            let floating = input.cx.frames.text(hit.host).is_some_and(|h| h.starts_with("user:"));
            for a in self.by_host.get(&hit.host).into_iter().flatten() {
                let same_user = a.users.iter().any(|u| mine.contains(u));
                let strength = if same_user { own } else { SAME };
                offer(strength * a.link, away(hit, a.time, a.last), a.group);
            }
            if floating {
                for (time, last, group, link) in mine.iter().filter_map(|u| self.by_user.get(u)).flatten() {
                    offer(own * link, away(hit, *time, *last), *group);
                }
            }
        }
        best.map(|(link, _, backbone)| (backbone, link))
    }
}

/// Time between a hit and a span; 0 where they overlap.
fn away(hit: &Hit, from: i64, until: i64) -> i64 {
    (from - hit.last.max(hit.time)).max(hit.time - until).max(0)
}

/// Whether a hit lies in an authentication log, of the user's own logon and not of the machine's.
fn is_own_logon(input: Input<'_>, hit: &Hit) -> bool {
    let rows = || input.rows(hit).map(|r| r.table().ix());
    rows().next() == Some(auth::TABLE.ix()) && rows().all(|t| t != network::TABLE.ix())
}

/// The people of a hit in lower case, without system accounts.
pub(super) fn users(hit: &Hit) -> Vec<String> {
    let mut out: Vec<String> = hit
        .users
        .iter()
        .map(|u| {
            u.rsplit('\\')
                .next()
                .unwrap_or(u)
                .split('@')
                .next()
                .unwrap_or(u)
                .to_lowercase()
        })
        .filter(|u| !u.is_empty() && !u.ends_with('$') && !SYSTEM_ACCOUNTS.contains(&u.as_str()))
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

const SYSTEM_ACCOUNTS: &[&str] = &[
    "-",
    "anonymous logon",
    "local service",
    "localservice",
    "network service",
    "networkservice",
    "system",
];

/// What stayed alone: hits of one signal and key on one host become one group while they keep coming.
fn repeats(input: Input<'_>, alone: Vec<Group>) -> Vec<Group> {
    let mut out: Vec<Group> = Vec::new();
    let mut open: BTreeMap<(StrId, &str, &str), (usize, i64)> = BTreeMap::new();
    for group in alone {
        let Some(hit) = group.members.first().and_then(|(p, _)| input.hit(*p)) else {
            continue;
        };
        let last = group
            .members
            .iter()
            .filter_map(|(p, _)| input.hit(*p))
            .map(|h| h.last.max(h.time))
            .max();
        let last = last.unwrap_or(hit.time);
        let key = (hit.host, hit.meta.id, hit.key.as_str());
        match open.get_mut(&key) {
            Some((at, until)) if hit.time - *until <= REPEAT_US => {
                *until = (*until).max(last);
                if let Some(g) = out.get_mut(*at) {
                    g.members.extend(group.members);
                }
            }
            _ => {
                open.insert(key, (out.len(), last));
                out.push(group);
            }
        }
    }
    for group in &mut out {
        group.members.sort_by_key(|(p, _)| *p);
    }
    out
}
