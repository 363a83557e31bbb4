//! Security 6272 to 6280, the network policy server (RADIUS). Verbs: `network_access` (6272 granted, 6273 denied,
//! 6274 discarded, 6275 accounting discarded), `quarantine` (6276 to 6278), `lockout` (6279), `unlock` (6280).
//! The subject of these events is the account that wants in.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, verb};
use crate::schema::builder::TableSet;
use crate::schema::{auth as t, common};

/// Decisions of a network policy server.
pub struct SecurityNps;

static FIELDS: FieldMap = FieldMap::new(&[
    ("SubjectUserName", t::TARGET_USER, Dec::Text),
    ("SubjectDomainName", t::TARGET_DOMAIN, Dec::Text),
    ("SubjectUserSid", t::TARGET_SID, Dec::Sid),
    ("SubjectMachineName", t::DEVICE, Dec::Text),
    ("CallingStationID", t::SRC_HOST, Dec::Text),
    ("ClientIPAddress", t::SRC_IP, Dec::Ip),
    ("NASIdentifier", t::TARGET_SERVER, Dec::Text),
    ("NetworkPolicyName", t::APP, Dec::Text),
    ("AuthenticationType", t::AUTH_PKG, Dec::Text),
    ("Reason", t::FAIL_REASON, Dec::Text),
    ("ReasonCode", t::STATUS, Dec::Int),
]);

const VERBS: &[(i32, &str)] = &[
    (6272, "network_access"),
    (6273, "network_access"),
    (6274, "network_access"),
    (6275, "network_access"),
    (6276, "quarantine"),
    (6277, "quarantine"),
    (6278, "quarantine"),
    (6279, "lockout"),
    (6280, "unlock"),
];

impl Mapper for SecurityNps {
    fn id(&self) -> &'static str {
        "security_nps"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Security,
            &[6272, 6273, 6274, 6275, 6276, 6277, 6278, 6279, 6280],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        match raw.code {
            Some(6272 | 6277 | 6278) => row.cells.text(common::OUTCOME, "success"),
            Some(6273..=6276 | 6279) => row.cells.text(common::OUTCOME, "failure"),
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
    fn the_subject_is_the_account_that_wants_in() {
        let s = security(
            6273,
            &[
                ("SubjectUserName", "ann"),
                ("CallingStationID", "00-11-22"),
                ("ReasonCode", "16"),
            ],
        );
        assert_eq!(
            (s.text(t::TARGET_USER), s.outcome(), s.int(t::STATUS)),
            ("ann", "failure", Some(16))
        );
        assert!(s.is_null(common::USER));
    }
}
