//! Applies who-is-who to the rows: clock offsets first, then addresses to hosts, then the order of time.

use super::address::{self, AddressMap};
use super::clock::Offsets;
use crate::base::ip;
use crate::lake::frame::{Frames, NO_STR};
use crate::schema::{TABLES, Table, auth, common};

/// What was learned about hosts, for coverage and reports.
#[derive(Debug, Default)]
pub struct Entities {
    /// Clock offsets.
    pub offsets: Offsets,
    /// Addresses.
    pub addresses: AddressMap,
    /// Rows that came with an address only and now have a host.
    pub joined: u64,
    /// Rows that stay with their address.
    pub unjoined: u64,
}

/// Corrects times and hosts in place and puts every frame into the order (host, time, input, place).
pub fn resolve(frames: &mut Frames) -> Entities {
    resolve_as_of(frames, None)
}

/// As [`resolve`], and forgets every row from `as_of` on (corrected time, microseconds UTC): who had which address, and all that
/// is counted afterwards, know nothing later.
pub fn resolve_as_of(frames: &mut Frames, as_of: Option<i64>) -> Entities {
    let offsets = Offsets::learn(frames);
    correct(frames, &offsets, as_of);
    let claims = address::claims(frames);
    let addresses = AddressMap::new(claims, |id| frames.text(id).unwrap_or("").to_owned());
    let mut out = Entities {
        offsets,
        addresses,
        ..Entities::default()
    };
    let joined = place(frames, &out.addresses);
    out.count(joined);
    set_order(frames);
    out
}

impl Entities {
    /// Applies what is known to other rows of the same lake, whose texts must have the ids that it was learned with. Their order
    /// is left as it is.
    pub fn apply(&self, frames: &mut Frames, as_of: Option<i64>) -> Joined {
        correct(frames, &self.offsets, as_of);
        place(frames, &self.addresses)
    }

    /// Adds to the counts of rows.
    pub fn count(&mut self, joined: Joined) {
        self.joined += joined.joined;
        self.unjoined += joined.unjoined;
    }
}

/// Rows that came with an address only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Joined {
    /// Those that have a host now.
    pub joined: u64,
    /// Those that stay with their address.
    pub unjoined: u64,
}

/// Sets clocks right, and forgets what is from `as_of` on.
pub fn correct(frames: &mut Frames, offsets: &Offsets, as_of: Option<i64>) {
    offsets.apply(frames);
    if let Some(end) = as_of {
        frames.forget_from(end);
    }
}

/// Gives rows with an address or a user only their host.
fn place(frames: &mut Frames, addresses: &AddressMap) -> Joined {
    let mut out = Joined::default();
    for table in TABLES.iter().copied() {
        join_addresses(frames, table, addresses, &mut out);
    }
    name_users_without_host(frames);
    out
}

/// Puts every frame into the order (host, time, input, place).
pub fn set_order(frames: &mut Frames) {
    for table in TABLES.iter().copied() {
        let order = compute_order(frames, table);
        frames.frame_mut(table).set_order(order);
    }
}

/// The rows of a frame by (host, time, input, place).
pub fn order_of(frames: &Frames, table: &'static Table) -> Vec<u32> {
    frames.frame(table).order().to_vec()
}

fn join_addresses(frames: &mut Frames, table: &'static Table, addresses: &AddressMap, out: &mut Joined) {
    let mut changes = Vec::new();
    // Rows of one address lie together.
    let mut last = (NO_STR, None);
    for at in 0..frames.frame(table).len() as u32 {
        let row = frames.row(table, at);
        let id = row.id(common::HOST);
        if id != last.0 {
            last = (id, row.host().strip_prefix("ip:").and_then(ip::parse));
        }
        let Some(address) = last.1 else { continue };
        match addresses.host_at(&address, row.ts()) {
            Some((host, _)) => {
                changes.push((at as usize, host));
                out.joined += 1;
            }
            None => out.unjoined += 1,
        }
    }
    let hosts = frames.frame_mut(table).strs_mut(common::HOST);
    for (at, host) in changes {
        if let Some(h) = hosts.get_mut(at) {
            *h = host;
        }
    }
}

/// Sign-ins that name no host belong to their user: `user:NAME`, so that nothing is without an owner.
fn name_users_without_host(frames: &mut Frames) {
    let table = &auth::TABLE;
    let mut changes = Vec::new();
    for at in 0..frames.frame(table).len() as u32 {
        let row = frames.row(table, at);
        if row.id(common::HOST) == NO_STR
            && let Some(user) = row.text(auth::TARGET_USER)
        {
            changes.push((at as usize, format!("user:{}", user.to_lowercase())));
        }
    }
    for (at, name) in changes {
        let id = frames.strings.intern(&name);
        if let Some(h) = frames.frame_mut(table).strs_mut(common::HOST).get_mut(at) {
            *h = id;
        }
    }
}

fn compute_order(frames: &Frames, table: &'static Table) -> Vec<u32> {
    let frame = frames.frame(table);
    let mut hosts: Vec<u32> = frame.strs(common::HOST).to_vec();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.sort_by(|a, b| frames.text(*a).cmp(&frames.text(*b)));
    let rank: std::collections::HashMap<u32, u32> = hosts.iter().enumerate().map(|(i, h)| (*h, i as u32)).collect();
    let mut order: Vec<u32> = (0..frame.len() as u32).collect();
    order.sort_by_cached_key(|at| {
        let row = frames.row(table, *at);
        (
            rank.get(&row.id(common::HOST)).copied().unwrap_or(0),
            row.ts(),
            row.int(common::FILE_ID),
            row.int(common::ROW),
        )
    });
    order
}
