//! Sessions that began over the network on one host: what ties an action to the machine it was ordered from.

use std::collections::HashMap;

use ahash::RandomState;

use super::rows::View;
use crate::base::ip;
use crate::lake::frame::Row;
use crate::schema::{Col, auth as t, common};

/// Columns of `auth` that the functions here read.
pub const COLUMNS: &[Col] = &[
    common::ACTION,
    common::OUTCOME,
    common::USER,
    t::LOGON_TYPE,
    t::TARGET_USER,
    t::TARGET_DOMAIN,
    t::TARGET_LOGON_ID,
    t::SRC_IP,
    t::SRC_HOST,
    t::AUTH_PKG,
    t::LOGON_PROCESS,
    t::KEY_LEN,
];

/// Network logons (type 3) of accounts of people and services; anonymous, machine and loopback logons are left out.
pub struct RemoteSessions<'a> {
    by_id: HashMap<i64, Row<'a>, RandomState>,
    by_time: Vec<Row<'a>>,
}

impl<'a> RemoteSessions<'a> {
    /// From the `auth` rows of one host.
    pub fn new(rows: View<'a>) -> Self {
        let mut out = Self {
            by_id: HashMap::default(),
            by_time: Vec::new(),
        };
        for row in rows.iter().filter(|r| is_network_logon(*r)) {
            if let Some(id) = row.int(t::TARGET_LOGON_ID) {
                out.by_id.insert(id, row);
            }
            out.by_time.push(row);
        }
        out
    }

    /// The logon of a session.
    pub fn of(&self, logon_id: Option<i64>) -> Option<Row<'a>> {
        self.by_id.get(&logon_id?).copied()
    }

    /// The last logon of `user` (any case; any user where it is empty) in the `within` microseconds before `ts`.
    pub fn before(&self, ts: i64, within: i64, user: &str) -> Option<Row<'a>> {
        let end = self.by_time.partition_point(|r| r.ts() <= ts);
        let rows = self.by_time.get(..end)?;
        let recent = rows.iter().rev().take_while(|r| ts - r.ts() <= within);
        recent
            .copied()
            .find(|r| user.is_empty() || r.str(t::TARGET_USER).eq_ignore_ascii_case(user))
    }
}

/// Where a logon came from, for a sentence.
pub fn origin(row: Row<'_>) -> String {
    match (row.ip(t::SRC_IP), row.text(t::SRC_HOST)) {
        (Some(a), Some(h)) => format!("{h} ({})", ip::display(&a)),
        (Some(a), None) => ip::display(&a),
        (None, Some(h)) => h.to_owned(),
        (None, None) => "another host".to_owned(),
    }
}

fn is_network_logon(row: Row<'_>) -> bool {
    let user = row.str(t::TARGET_USER);
    row.str(common::ACTION) == "logon"
        && row.int(t::LOGON_TYPE) == Some(3)
        && row.str(common::OUTCOME) != "failure"
        && !user.ends_with('$')
        && !user.eq_ignore_ascii_case("anonymous logon")
        && row.ip(t::SRC_IP).is_none_or(|a| !ip::is_loopback(&a))
        && (row.ip(t::SRC_IP).is_some()
            || row
                .text(t::SRC_HOST)
                .is_some_and(|h| !h.eq_ignore_ascii_case(row.host())))
}
