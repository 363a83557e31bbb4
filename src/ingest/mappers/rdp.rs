//! Remote desktop. Verbs: `session_connect` (21, 22, 25), `session_disconnect` (24, 39, 40), `logoff` (23),
//! `session_begin` and `session_ready` (41, 42), `connect` (261, 98, 131: no credentials yet), `rdp_auth` (1149: the
//! network level was passed, which is no logon yet), `rdp_fail` (140), `outgoing` (1024, 1102: this host is the client).

use super::{Claim, Mapper};
use crate::base::ip;
use crate::ingest::decode::{Dec, split_user};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{first, set, unmapped};
use crate::schema::builder::TableSet;
use crate::schema::{auth as t, common};

/// Remote desktop sessions.
pub struct Rdp;

static FIELDS: FieldMap = FieldMap::new(&[
    ("Address", t::SRC_IP, Dec::Ip),
    ("IPString", t::SRC_IP, Dec::Ip),
    ("ClientName", t::SRC_HOST, Dec::Text),
]);

static CONNECTION: FieldMap = FieldMap::new(&[
    ("Param1", t::TARGET_USER, Dec::Text),
    ("Param2", t::TARGET_DOMAIN, Dec::Text),
    ("Param3", t::SRC_IP, Dec::Ip),
    ("param1", t::TARGET_USER, Dec::Text),
    ("param2", t::TARGET_DOMAIN, Dec::Text),
    ("param3", t::SRC_IP, Dec::Ip),
]);

impl Mapper for Rdp {
    fn id(&self) -> &'static str {
        "rdp"
    }

    fn claims(&self) -> &'static [Claim] {
        &[
            Claim::Windows(Source::TsLocalSession, &[21, 22, 23, 24, 25, 39, 40, 41, 42]),
            Claim::Windows(Source::TsRemoteConnection, &[261, 1149]),
            Claim::Windows(Source::RdpCore, &[98, 131, 140]),
            Claim::Windows(Source::RdpClient, &[1024, 1102]),
        ]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let Some((verb, outcome)) = meaning(raw.code) else {
            return unmapped(raw, out, cx);
        };
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb);
        set(&mut row, common::OUTCOME, outcome);
        match raw.code {
            Some(1149) => row.fields(&CONNECTION),
            Some(131) => client_address(&mut row),
            Some(1024 | 1102) => {
                row.field("Value", t::TARGET_SERVER, Dec::Text);
            }
            _ => session_user(&mut row),
        }
        row.finish();
    }
}

fn meaning(code: Option<i32>) -> Option<(&'static str, &'static str)> {
    Some(match code? {
        21 | 25 => ("session_connect", "success"),
        22 => ("session_connect", ""),
        23 => ("logoff", ""),
        24 | 39 | 40 => ("session_disconnect", ""),
        41 => ("session_begin", ""),
        42 => ("session_ready", ""),
        98 | 131 | 261 => ("connect", ""),
        140 => ("rdp_fail", "failure"),
        1024 | 1102 => ("outgoing", ""),
        1149 => ("rdp_auth", "success"),
        _ => return None,
    })
}

fn session_user(row: &mut Row<'_, '_>) {
    let Some(text) = first(row, &["User"]) else {
        return;
    };
    let (user, domain) = split_user(text);
    row.cells.text(t::TARGET_USER, user);
    if let Some(d) = domain {
        row.cells.text(t::TARGET_DOMAIN, d);
        if text.contains('\\') {
            row.take("User");
        }
    } else {
        row.take("User");
    }
}

/// `10.0.0.5:51123`
fn client_address(row: &mut Row<'_, '_>) {
    if let Some((address, port)) = row.peek("ClientIP").and_then(ip::parse_with_port) {
        row.cells.ip(t::SRC_IP, &address);
        if let Some(p) = port {
            row.cells.int(t::SRC_PORT, i64::from(p));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn sessions_name_user_and_address() {
        let f = [("User", "CORP\\ann"), ("SessionID", "2"), ("Address", "10.0.0.5")];
        let provider = "Microsoft-Windows-TerminalServices-LocalSessionManager";
        let s = run(&event(provider, "x/Operational", 21, &f));
        assert_eq!(
            (s.table, s.action(), s.outcome()),
            ("auth", "session_connect", "success")
        );
        assert_eq!((s.text(t::TARGET_USER), s.text(t::TARGET_DOMAIN)), ("ann", "CORP"));
        assert_eq!(s.ip(t::SRC_IP), "10.0.0.5");
        let f = [("User", "CORP\\ann"), ("Address", "LOCAL")];
        let s = run(&event(provider, "x/Operational", 25, &f));
        assert!(s.is_null(t::SRC_IP));
        assert_eq!(s.extra("Address").as_deref(), Some("LOCAL"));
    }

    #[test]
    fn connections_name_their_origin_and_their_target() {
        let f = [("Param1", "ann"), ("Param2", "CORP"), ("Param3", "10.0.0.5")];
        let provider = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
        let s = run(&event(provider, "x/Operational", 1149, &f));
        assert_eq!(
            (s.action(), s.text(t::TARGET_USER), s.ip(t::SRC_IP).as_str()),
            ("rdp_auth", "ann", "10.0.0.5")
        );
        let f = [("ConnType", "TCP"), ("ClientIP", "10.0.0.5:51123")];
        let s = run(&event(
            "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS",
            "x",
            131,
            &f,
        ));
        assert_eq!(
            (s.ip(t::SRC_IP).as_str(), s.int(t::SRC_PORT)),
            ("10.0.0.5", Some(51123))
        );
        let f = [("Name", "Server Name"), ("Value", "srv01")];
        let s = run(&event(
            "Microsoft-Windows-TerminalServices-ClientActiveXCore",
            "x",
            1024,
            &f,
        ));
        assert_eq!((s.action(), s.text(t::TARGET_SERVER)), ("outgoing", "srv01"));
    }
}
