//! The security logs of SMB server and client. In `auth`: `smb_auth` (551 a session failed, 1009 anonymous access
//! denied), `smb1` (3000 a client asked for SMB1), `outgoing` (31001, 31010 this host as client). In `file`:
//! `share_access` denied (1006 to 1008).

use super::{Claim, Mapper};
use crate::base::ip;
use crate::ingest::decode::{Dec, split_user};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{first, unmapped};
use crate::schema::builder::TableSet;
use crate::schema::{Col, auth, common, file};

/// Denied and failed SMB sessions.
pub struct Smb;

static AUTH: FieldMap = FieldMap::new(&[
    ("ServerName", auth::TARGET_SERVER, Dec::Text),
    ("Status", auth::STATUS, Dec::Hex),
    ("ServicePrincipalName", auth::SERVICE, Dec::Text),
]);

static FILE: FieldMap = FieldMap::new(&[
    ("ShareName", file::SHARE, Dec::Text),
    ("SharePath", file::PATH, Dec::Text),
    ("GrantedAccess", file::ACCESS_MASK, Dec::Hex),
]);

impl Mapper for Smb {
    fn id(&self) -> &'static str {
        "smb"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Smb,
            &[551, 1006, 1007, 1008, 1009, 3000, 31001, 31010],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let server = raw.kind.to_ascii_lowercase().contains("smbserver");
        match (raw.code, server) {
            (Some(1006..=1008), true) => share(raw, out, cx),
            (Some(551 | 1009), true) => session(raw, out, cx, "smb_auth"),
            (Some(3000), true) => session(raw, out, cx, "smb1"),
            (Some(31001 | 31010), false) => session(raw, out, cx, "outgoing"),
            _ => unmapped(raw, out, cx),
        }
    }
}

fn session(raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>, verb: &'static str) {
    let mut row = Row::begin(out, &auth::TABLE, raw, cx);
    row.fields(&AUTH);
    row.action(verb);
    if verb != "smb1" {
        row.cells.text(common::OUTCOME, "failure");
    }
    if let Some(text) = first(&row, &["UserName"]) {
        let (user, domain) = split_user(text);
        row.cells.text(auth::TARGET_USER, user);
        if let Some(d) = domain {
            row.cells.text(auth::TARGET_DOMAIN, d);
        }
    }
    client(&mut row, auth::SRC_IP, Some(auth::SRC_HOST));
    row.finish();
}

fn share(raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
    let mut row = Row::begin(out, &file::TABLE, raw, cx);
    row.fields(&FILE);
    row.action("share_access");
    row.cells.text(file::KIND, "share");
    row.cells.text(common::OUTCOME, "failure");
    if let Some(text) = first(&row, &["UserName"]) {
        let (user, domain) = split_user(text);
        row.cells.text(common::USER, user);
        if let Some(d) = domain {
            row.cells.text(common::USER_DOMAIN, d);
        }
    }
    client(&mut row, file::CLIENT_IP, None);
    row.finish();
}

/// `\\10.0.0.5` or a name.
fn client(row: &mut Row<'_, '_>, address: Col, name: Option<Col>) {
    let Some(text) = first(row, &["ClientName", "ClientAddress"]) else {
        return;
    };
    let text = text.trim_start_matches('\\');
    match (ip::parse_with_port(text), name) {
        (Some((ip, _)), _) => row.cells.ip(address, &ip),
        (None, Some(col)) => row.cells.text(col, text),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn a_failed_session_names_client_and_user() {
        let f = [
            ("UserName", "CORP\\ann"),
            ("ClientName", "\\\\10.0.0.5"),
            ("Status", "0xc000006d"),
        ];
        let s = run(&event(
            "Microsoft-Windows-SMBServer",
            "Microsoft-Windows-SMBServer/Security",
            551,
            &f,
        ));
        assert_eq!((s.table, s.action(), s.outcome()), ("auth", "smb_auth", "failure"));
        assert_eq!(
            (s.text(auth::TARGET_USER), s.ip(auth::SRC_IP).as_str()),
            ("ann", "10.0.0.5")
        );
        let f = [("ShareName", "\\\\*\\data"), ("UserName", "CORP\\ann")];
        let s = run(&event("Microsoft-Windows-SMBServer", "x", 1006, &f));
        assert_eq!(
            (s.table, s.text(file::SHARE), s.text(common::USER)),
            ("file", "\\\\*\\data", "ann")
        );
        assert_eq!(run(&event("Microsoft-Windows-SMBClient", "x", 1006, &f)).table, "event");
    }
}
