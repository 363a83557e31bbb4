//! Hits of one logon session.

use std::collections::{BTreeMap, HashMap, HashSet};

use ahash::RandomState;

use super::{Edge, End, Graph, Input, Kind};
use crate::lake::frame::{Row, StrId};
use crate::schema::{auth, common, process};

/// Sessions of the system and its services: everything on the machine shares them.
const SHARED_SESSIONS: &[i64] = &[0, 0x3e3, 0x3e4, 0x3e5, 0x3e7];
/// λ of a session.
const STRENGTH: f64 = 0.8;
/// Two hits of a session join when no more time than this lies between them. The session of a person who never signs
/// out lasts for weeks; without the limit everything odd of a month would become one chain.
const GAP_US: i64 = 24 * 3_600_000_000;

/// When sessions of a number began on a host: numbers are used again after a reboot.
struct Sessions {
    began: HashMap<(StrId, i64), Vec<i64>, RandomState>,
    linked: HashMap<(StrId, i64), i64, RandomState>,
}

/// A session: host, number, how many sessions of that number began before.
type Session = (StrId, i64, usize);

/// Hit ↔ hit of the same (host, session), both sessions of a split token counting as one.
pub(super) fn sessions(input: Input<'_>, graph: &mut Graph) {
    let known = Sessions::read(input);
    let mut last: BTreeMap<Session, (i64, usize)> = BTreeMap::new();
    for (place, hit) in input.iter() {
        for session in of_hit(input, &known, hit) {
            if let Some((time, before)) = last.get(&session).copied()
                && before != place
                && hit.time - time <= GAP_US
            {
                graph.edges.push(Edge {
                    a: End::Hit(before),
                    b: End::Hit(place),
                    strength: STRENGTH,
                    kind: Kind::Session,
                    span: (time, hit.time),
                });
            }
            last.insert(session, (hit.last.max(hit.time), place));
        }
    }
}

/// The session of the leading row, for splitting chains that are too big.
pub(in crate::chain) fn root(input: Input<'_>, hit: &crate::signals::Hit) -> Option<i64> {
    let row = input.rows(hit).next()?;
    row.int(common::LOGON_ID).filter(|id| !SHARED_SESSIONS.contains(id))
}

fn of_hit(input: Input<'_>, known: &Sessions, hit: &crate::signals::Hit) -> Vec<Session> {
    let mut out: Vec<Session> = numbers(input, hit)
        .into_iter()
        .map(|(id, ts)| known.session(hit.host, id, ts))
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// The numbers of the sessions in the rows of a hit on its own host, and the times of these rows.
fn numbers(input: Input<'_>, hit: &crate::signals::Hit) -> Vec<(i64, i64)> {
    let mut out = Vec::new();
    let frames = input.cx.frames;
    for row in hit.rows.iter().take(super::MAX_ROWS).map(|r| frames.row(r.table, r.at)) {
        if row.id(common::HOST) != hit.host {
            continue;
        }
        let table = row.table().ix();
        let target = match table {
            t if t == auth::TABLE.ix() => row.int(auth::TARGET_LOGON_ID),
            t if t == process::TABLE.ix() => row.int(process::TARGET_LOGON_ID),
            _ => None,
        };
        let ids = [row.int(common::LOGON_ID), target].into_iter().flatten();
        out.extend(ids.filter(|id| !SHARED_SESSIONS.contains(id)).map(|id| (id, row.ts())));
    }
    out
}

/// The logons of the sessions of hits, which [`sessions`] and [`root`] go by.
pub(super) fn logons<'a>(input: Input<'a>) -> Vec<Row<'a>> {
    let frames = input.cx.frames;
    let mut wanted: HashSet<(StrId, i64), RandomState> = HashSet::default();
    for (_, hit) in input.iter() {
        wanted.extend(numbers(input, hit).into_iter().map(|(id, _)| (hit.host, id)));
    }
    let all = crate::entity::resolve::order_of(frames, &auth::TABLE).into_iter();
    let logons: Vec<(Row<'_>, StrId, i64, Option<i64>)> = all
        .map(|at| frames.row(&auth::TABLE, at))
        .filter(|row| row.text(common::ACTION) == Some("logon"))
        .filter_map(|row| {
            let linked = row.int(auth::LINKED_LOGON_ID);
            Some((row, row.id(common::HOST), row.int(auth::TARGET_LOGON_ID)?, linked))
        })
        .collect();
    // Of a split token both numbers stand for one session.
    let halves: Vec<(StrId, i64)> = logons
        .iter()
        .filter_map(|(_, host, id, linked)| Some((*host, *id, (*linked)?)))
        .filter(|(host, id, linked)| wanted.contains(&(*host, *id)) || wanted.contains(&(*host, *linked)))
        .flat_map(|(host, id, linked)| [(host, id), (host, linked)])
        .collect();
    wanted.extend(halves);
    let known = |host: StrId, id: i64| wanted.contains(&(host, id));
    let kept = logons
        .into_iter()
        .filter(|(_, host, id, linked)| known(*host, *id) || linked.is_some_and(|l| known(*host, l)));
    kept.map(|(row, ..)| row).collect()
}

impl Sessions {
    fn read(input: Input<'_>) -> Self {
        let frames = input.cx.frames;
        let mut out = Self {
            began: HashMap::default(),
            linked: HashMap::default(),
        };
        for at in crate::entity::resolve::order_of(frames, &auth::TABLE) {
            let row = frames.row(&auth::TABLE, at);
            let (host, Some(id)) = (row.id(common::HOST), row.int(auth::TARGET_LOGON_ID)) else {
                continue;
            };
            if row.text(common::ACTION) != Some("logon") || SHARED_SESSIONS.contains(&id) {
                continue;
            }
            if let Some(linked) = row.int(auth::LINKED_LOGON_ID).filter(|l| !SHARED_SESSIONS.contains(l)) {
                out.linked.insert((host, id.max(linked)), id.min(linked));
            }
            out.began.entry((host, id)).or_default().push(row.ts());
        }
        out
    }

    fn session(&self, host: StrId, id: i64, ts: i64) -> Session {
        let id = self.linked.get(&(host, id)).copied().unwrap_or(id);
        // The logon is logged a moment after the first acts of its session may be.
        const SLACK_US: i64 = 2_000_000;
        let number = self
            .began
            .get(&(host, id))
            .map_or(0, |b| b.partition_point(|t| *t <= ts + SLACK_US));
        (host, id, number)
    }
}
