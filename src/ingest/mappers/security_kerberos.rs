//! Security 4768 to 4777: tickets and passwords checked by a domain controller. Verbs: `krb_tgt` (4768, 4771, 4772),
//! `krb_tgs` (4769, 4773), `krb_renew` (4770), `cert_map` (4774, 4775), `ntlm` (4776, 4777).
//!
//! The row's host is the domain controller. `user@REALM` becomes the name alone; the text stays in `extra`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row, status_outcome, verb};
use crate::schema::builder::TableSet;
use crate::schema::{auth as t, common};

/// Tickets and NTLM checks of a domain controller.
pub struct SecurityKerberos;

static FIELDS: FieldMap = FieldMap::new(&[
    ("TargetUserName", t::TARGET_USER, Dec::User),
    ("TargetDomainName", t::TARGET_DOMAIN, Dec::Text),
    ("TargetSid", t::TARGET_SID, Dec::Sid),
    ("TargetUserSid", t::TARGET_SID, Dec::Sid),
    ("ServiceName", t::SERVICE, Dec::Text),
    ("TicketOptions", t::TICKET_OPTS, Dec::Hex),
    ("TicketEncryptionType", t::TICKET_ENC, Dec::Hex),
    ("PreAuthType", t::PREAUTH_TYPE, Dec::Int),
    ("Status", t::STATUS, Dec::Hex),
    ("FailureCode", t::STATUS, Dec::Hex),
    ("IpAddress", t::SRC_IP, Dec::Ip),
    ("ClientAddress", t::SRC_IP, Dec::Ip),
    ("IpPort", t::SRC_PORT, Dec::Int),
    ("LogonGuid", t::LOGON_GUID, Dec::Guid),
    ("PackageName", t::AUTH_PKG, Dec::Text),
    ("Workstation", t::SRC_HOST, Dec::Text),
    ("WorkstationName", t::SRC_HOST, Dec::Text),
    // 4774, 4775 and 4777.
    ("ClientUserName", t::TARGET_USER, Dec::User),
    ("MappedName", t::TARGET_USER, Dec::User),
    ("MappingBy", t::AUTH_PKG, Dec::Text),
    ("location", t::LOCATION, Dec::Text),
    ("country", t::COUNTRY, Dec::Text),
    ("city", t::CITY, Dec::Text),
]);

const VERBS: &[(i32, &str)] = &[
    (4768, "krb_tgt"),
    (4769, "krb_tgs"),
    (4770, "krb_renew"),
    (4771, "krb_tgt"),
    (4772, "krb_tgt"),
    (4773, "krb_tgs"),
    (4774, "cert_map"),
    (4775, "cert_map"),
    (4776, "ntlm"),
    (4777, "ntlm"),
];

impl Mapper for SecurityKerberos {
    fn id(&self) -> &'static str {
        "security_kerberos"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Security,
            &[4768, 4769, 4770, 4771, 4772, 4773, 4774, 4775, 4776, 4777],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        let outcome = match raw.code {
            Some(4771 | 4772 | 4773 | 4775 | 4777) => Some("failure"),
            _ => status_outcome(row.peek("Status").or(row.peek("FailureCode"))),
        };
        if let Some(o) = outcome {
            row.cells.text(common::OUTCOME, o);
        }
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;

    #[test]
    fn a_service_ticket_names_its_service_and_cipher() {
        let s = security(
            4769,
            &[
                ("TargetUserName", "ann@CORP.EXAMPLE"),
                ("TargetDomainName", "CORP.EXAMPLE"),
                ("ServiceName", "MSSQL"),
                ("TicketOptions", "0x40810000"),
                ("TicketEncryptionType", "0x17"),
                ("IpAddress", "::ffff:10.0.0.42"),
                ("Status", "0x0"),
            ],
        );
        assert_eq!((s.table, s.action(), s.outcome()), ("auth", "krb_tgs", "success"));
        assert_eq!((s.text(t::TARGET_USER), s.text(t::SERVICE)), ("ann", "MSSQL"));
        assert_eq!(
            (s.int(t::TICKET_ENC), s.int(t::TICKET_OPTS)),
            (Some(0x17), Some(0x4081_0000))
        );
        assert_eq!(s.ip(t::SRC_IP), "10.0.0.42");
        assert_eq!(s.extra("IpAddress").as_deref(), Some("::ffff:10.0.0.42"));
    }

    #[test]
    fn the_status_decides_the_outcome() {
        assert_eq!(security(4768, &[("Status", "0x6")]).outcome(), "failure");
        assert_eq!(
            security(4771, &[("Status", "0x18"), ("PreAuthType", "2")]).outcome(),
            "failure"
        );
        let s = security(4776, &[("Workstation", "WS07"), ("Status", "0xC000006A")]);
        assert_eq!(
            (s.action(), s.outcome(), s.text(t::SRC_HOST)),
            ("ntlm", "failure", "WS07")
        );
    }
}
