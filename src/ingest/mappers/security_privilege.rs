//! Rights and privileges. Verbs: `privilege_use` (4673 a privileged service is called, 4674 a privileged object is
//! touched), `token_rights` (4703: `new` holds the enabled, `old` the disabled privileges), `right_grant` and
//! `right_revoke` (4704, 4705, 4717, 4718).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row, verb};
use crate::schema::account as t;
use crate::schema::builder::TableSet;

/// Use and assignment of privileges.
pub struct SecurityPrivilege;

static FIELDS: FieldMap = FieldMap::new(&[
    ("TargetUserName", t::TARGET_USER, Dec::Text),
    ("TargetDomainName", t::TARGET_DOMAIN, Dec::Text),
    ("TargetSid", t::TARGET_SID, Dec::Sid),
    ("TargetUserSid", t::TARGET_SID, Dec::Sid),
    ("PrivilegeList", t::PRIVILEGES, Dec::Text),
    ("EnabledPrivilegeList", t::NEW, Dec::Text),
    ("DisabledPrivilegeList", t::OLD, Dec::Text),
    ("AccessGranted", t::PRIVILEGES, Dec::Text),
    ("AccessRemoved", t::PRIVILEGES, Dec::Text),
    ("Service", t::OBJECT, Dec::Text),
    ("ObjectName", t::OBJECT, Dec::Text),
    ("ObjectType", t::OBJECT_TYPE, Dec::Text),
    ("AccessMask", t::ACCESS_MASK, Dec::Hex),
    ("ProcessId", t::PID, Dec::Hex),
    ("ProcessName", t::IMAGE, Dec::Text),
]);

const VERBS: &[(i32, &str)] = &[
    (4673, "privilege_use"),
    (4674, "privilege_use"),
    (4703, "token_rights"),
    (4704, "right_grant"),
    (4705, "right_revoke"),
    (4717, "right_grant"),
    (4718, "right_revoke"),
];

impl Mapper for SecurityPrivilege {
    fn id(&self) -> &'static str {
        "security_privilege"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Security,
            &[4673, 4674, 4703, 4704, 4705, 4717, 4718],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::raw::Field;
    use crate::ingest::windows_fields::testing::{event, run, security};

    #[test]
    fn a_denied_privilege_is_a_failure_by_its_keyword() {
        let f = [
            ("Service", "-"),
            ("PrivilegeList", "SeTcbPrivilege"),
            ("ProcessName", "C:\\a.exe"),
        ];
        let mut raw = event("Microsoft-Windows-Security-Auditing", "Security", 4673, &f);
        raw.envelope.push(Field::str("Keywords", "0x8010000000000000"));
        let s = run(&raw);
        assert_eq!(
            (s.table, s.action(), s.outcome()),
            ("account", "privilege_use", "failure")
        );
        assert_eq!(
            (s.text(t::PRIVILEGES), s.text(t::IMAGE)),
            ("SeTcbPrivilege", "C:\\a.exe")
        );
    }

    #[test]
    fn enabled_privileges_are_the_new_ones() {
        let s = security(
            4703,
            &[
                ("EnabledPrivilegeList", "SeDebugPrivilege"),
                ("DisabledPrivilegeList", "-"),
            ],
        );
        assert_eq!((s.text(t::NEW), s.text(t::OLD)), ("SeDebugPrivilege", ""));
    }
}
