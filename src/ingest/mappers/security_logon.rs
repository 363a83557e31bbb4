//! Logons and sessions of the Security log.
//!
//! Verbs: `logon` (4624 success, 4625 failure), `logoff` (4634, 4647), `explicit` (4648: other credentials are used),
//! `replay` (4649), `special` (4672, 4964: privileges or special groups of a new session), `sid_filtered` (4675),
//! `lockout` (4740, whose `TargetDomainName` is the calling host), `session_connect` and `session_disconnect`
//! (4778, 4779), `lock`, `unlock`, `screensaver_on`, `screensaver_off` (4800 to 4803).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row, verb};
use crate::schema::builder::TableSet;
use crate::schema::{auth as t, common};

/// Logons and sessions.
pub struct SecurityLogon;

static FIELDS: FieldMap = FieldMap::new(&[
    ("TargetUserName", t::TARGET_USER, Dec::Text),
    ("TargetDomainName", t::TARGET_DOMAIN, Dec::Text),
    ("TargetUserSid", t::TARGET_SID, Dec::Sid),
    ("TargetSid", t::TARGET_SID, Dec::Sid),
    ("TargetLogonId", t::TARGET_LOGON_ID, Dec::Session),
    ("TargetLinkedLogonId", t::LINKED_LOGON_ID, Dec::Session),
    ("LogonGuid", t::LOGON_GUID, Dec::Guid),
    ("LogonType", t::LOGON_TYPE, Dec::Int),
    ("LogonProcessName", t::LOGON_PROCESS, Dec::Trim),
    ("AuthenticationPackageName", t::AUTH_PKG, Dec::Text),
    ("LmPackageName", t::LM_PKG, Dec::Text),
    ("KeyLength", t::KEY_LEN, Dec::Int),
    ("WorkstationName", t::SRC_HOST, Dec::Text),
    ("Workstation", t::SRC_HOST, Dec::Text),
    ("IpAddress", t::SRC_IP, Dec::Ip),
    ("IpPort", t::SRC_PORT, Dec::Int),
    ("ProcessId", t::PID, Dec::Hex),
    ("ProcessName", t::IMAGE, Dec::Text),
    ("Status", t::STATUS, Dec::Hex),
    ("SubStatus", t::SUB_STATUS, Dec::Hex),
    ("FailureReason", t::FAIL_REASON, Dec::Text),
    ("ElevatedToken", t::ELEVATED, Dec::Text),
    ("PrivilegeList", t::PRIVILEGES, Dec::Text),
    ("SidList", t::PRIVILEGES, Dec::Text),
    ("TargetServerName", t::TARGET_SERVER, Dec::Text),
    // 4778 and 4779 name the session's own account.
    ("AccountName", t::TARGET_USER, Dec::Text),
    ("AccountDomain", t::TARGET_DOMAIN, Dec::Text),
    ("LogonID", t::TARGET_LOGON_ID, Dec::Session),
    ("ClientName", t::SRC_HOST, Dec::Text),
    ("ClientAddress", t::SRC_IP, Dec::Ip),
    // What an enriching SIEM adds beside the event.
    ("location", t::LOCATION, Dec::Text),
    ("Location", t::LOCATION, Dec::Text),
    ("country", t::COUNTRY, Dec::Text),
    ("Country", t::COUNTRY, Dec::Text),
    ("city", t::CITY, Dec::Text),
    ("City", t::CITY, Dec::Text),
    ("lat", t::LAT, Dec::Float),
    ("latitude", t::LAT, Dec::Float),
    ("lon", t::LON, Dec::Float),
    ("longitude", t::LON, Dec::Float),
]);

const VERBS: &[(i32, &str)] = &[
    (4624, "logon"),
    (4625, "logon"),
    (4634, "logoff"),
    (4647, "logoff"),
    (4648, "explicit"),
    (4649, "replay"),
    (4672, "special"),
    (4675, "sid_filtered"),
    (4740, "lockout"),
    (4778, "session_connect"),
    (4779, "session_disconnect"),
    (4800, "lock"),
    (4801, "unlock"),
    (4802, "screensaver_on"),
    (4803, "screensaver_off"),
    (4964, "special"),
];

impl Mapper for SecurityLogon {
    fn id(&self) -> &'static str {
        "security_logon"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Security,
            &[
                4624, 4625, 4634, 4647, 4648, 4649, 4672, 4675, 4740, 4778, 4779, 4800, 4801, 4802, 4803, 4964,
            ],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        if raw.code == Some(4740) {
            row.field("TargetDomainName", t::SRC_HOST, Dec::Text);
        }
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        match raw.code {
            Some(4624) => row.cells.text(common::OUTCOME, "success"),
            Some(4625) => row.cells.text(common::OUTCOME, "failure"),
            _ => {}
        }
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;

    #[test]
    fn a_network_logon_says_who_from_where_and_how() {
        let s = security(
            4624,
            &[
                ("SubjectUserSid", "S-1-0-0"),
                ("SubjectUserName", "-"),
                ("SubjectLogonId", "0x0"),
                ("TargetUserSid", "S-1-5-21-7"),
                ("TargetUserName", "ann"),
                ("TargetDomainName", "CORP"),
                ("TargetLogonId", "0xa1b2c3"),
                ("LogonType", "3"),
                ("LogonProcessName", "NtLmSsp "),
                ("AuthenticationPackageName", "NTLM"),
                ("WorkstationName", "WS07"),
                ("LogonGuid", "{00000000-0000-0000-0000-000000000000}"),
                ("LmPackageName", "NTLM V2"),
                ("KeyLength", "128"),
                ("ProcessId", "0x0"),
                ("ProcessName", "-"),
                ("IpAddress", "10.0.0.42"),
                ("IpPort", "49827"),
                ("ElevatedToken", "%%1842"),
                ("location", "Kyoto, Japan"),
            ],
        );
        assert_eq!((s.table, s.action(), s.outcome()), ("auth", "logon", "success"));
        assert_eq!((s.text(t::TARGET_USER), s.text(t::TARGET_DOMAIN)), ("ann", "CORP"));
        assert_eq!(
            (s.int(t::LOGON_TYPE), s.int(t::TARGET_LOGON_ID)),
            (Some(3), Some(0xa1b2c3))
        );
        assert_eq!(
            (s.ip(t::SRC_IP).as_str(), s.int(t::SRC_PORT), s.text(t::SRC_HOST)),
            ("10.0.0.42", Some(49827), "WS07")
        );
        assert_eq!(
            (s.text(t::LOGON_PROCESS), s.text(t::LM_PKG), s.int(t::KEY_LEN)),
            ("NtLmSsp", "NTLM V2", Some(128))
        );
        assert_eq!(s.text(t::LOCATION), "Kyoto, Japan");
        for col in [
            common::USER,
            common::USER_SID,
            common::LOGON_ID,
            t::LOGON_GUID,
            t::IMAGE,
        ] {
            assert!(s.is_null(col));
        }
    }

    #[test]
    fn a_local_address_stays_and_a_dash_is_null() {
        assert_eq!(security(4624, &[("IpAddress", "127.0.0.1")]).ip(t::SRC_IP), "127.0.0.1");
        assert!(security(4624, &[("IpAddress", "-")]).is_null(t::SRC_IP));
    }

    #[test]
    fn a_failed_logon_keeps_its_reason() {
        let f = [
            ("Status", "0xc000006d"),
            ("SubStatus", "0xc000006a"),
            ("FailureReason", "%%2313"),
        ];
        let s = security(4625, &f);
        assert_eq!(
            (s.outcome(), s.int(t::STATUS), s.int(t::SUB_STATUS)),
            ("failure", Some(0xc000006d), Some(0xc000006a))
        );
        assert_eq!(s.text(t::FAIL_REASON), "%%2313");
    }

    #[test]
    fn a_lockout_names_the_calling_host_where_others_name_the_domain() {
        let s = security(4740, &[("TargetUserName", "ann"), ("TargetDomainName", "WS07")]);
        assert_eq!(
            (s.action(), s.text(t::SRC_HOST), s.text(t::TARGET_DOMAIN)),
            ("lockout", "WS07", "")
        );
    }

    #[test]
    fn a_session_is_reconnected_by_its_account() {
        let s = security(
            4778,
            &[
                ("AccountName", "ann"),
                ("LogonID", "0x5c7c095"),
                ("ClientName", "WS07"),
                ("ClientAddress", "10.0.0.9"),
            ],
        );
        assert_eq!((s.action(), s.text(t::TARGET_USER)), ("session_connect", "ann"));
        assert_eq!(
            (s.int(t::TARGET_LOGON_ID), s.ip(t::SRC_IP).as_str()),
            (Some(0x5c7c095), "10.0.0.9")
        );
    }

    #[test]
    fn explicit_credentials_name_both_users() {
        let s = security(
            4648,
            &[
                ("SubjectUserName", "ann"),
                ("SubjectLogonId", "0x1"),
                ("TargetUserName", "svc"),
                ("TargetServerName", "fs01"),
                ("ProcessName", "C:\\a.exe"),
            ],
        );
        assert_eq!(
            (s.action(), s.text(common::USER), s.text(t::TARGET_USER)),
            ("explicit", "ann", "svc")
        );
        assert_eq!((s.text(t::TARGET_SERVER), s.text(t::IMAGE)), ("fs01", "C:\\a.exe"));
    }
}
