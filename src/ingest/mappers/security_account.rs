//! Accounts and groups. Verbs: `create`, `enable`, `disable`, `delete`, `unlock`, `rename`, `attr_change`, `pw_change`
//! (by its owner), `pw_reset` (by another), `group_create`, `group_change`, `group_delete`, `group_add`,
//! `group_remove`, `sid_history`, `acl_change`, `enumerate`, `policy_query`, `credential_backup`, `credential_restore`.
//!
//! In events on groups the `Target` fields are the group.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row, verb};
use crate::schema::builder::TableSet;
use crate::schema::{account as t, common};

/// Changes of accounts and groups.
pub struct SecurityAccount;

static ACCOUNT: FieldMap = FieldMap::new(&[
    ("TargetUserName", t::TARGET_USER, Dec::Text),
    ("NewTargetUserName", t::NEW, Dec::Text),
    ("OldTargetUserName", t::TARGET_USER, Dec::Text),
    ("TargetDomainName", t::TARGET_DOMAIN, Dec::Text),
    ("TargetSid", t::TARGET_SID, Dec::Sid),
    ("TargetUserSid", t::TARGET_SID, Dec::Sid),
    ("SourceUserName", t::MEMBER, Dec::Text),
    ("SourceSid", t::MEMBER_SID, Dec::Sid),
    ("OldUacValue", t::OLD, Dec::Text),
    ("NewUacValue", t::NEW, Dec::Text),
    ("PrivilegeList", t::PRIVILEGES, Dec::Text),
    ("Workstation", t::SRC_HOST, Dec::Text),
    ("CallerProcessId", t::PID, Dec::Hex),
    ("CallerProcessName", t::IMAGE, Dec::Text),
    ("ProcessId", t::PID, Dec::Hex),
    ("ProcessName", t::IMAGE, Dec::Text),
    ("BackupFileName", t::OBJECT, Dec::Text),
]);

static GROUP: FieldMap = FieldMap::new(&[
    ("TargetUserName", t::GROUP, Dec::Text),
    ("TargetDomainName", t::TARGET_DOMAIN, Dec::Text),
    ("TargetSid", t::GROUP_SID, Dec::Sid),
    ("MemberName", t::MEMBER, Dec::Text),
    ("MemberSid", t::MEMBER_SID, Dec::Sid),
    ("GroupTypeChange", t::NEW, Dec::Text),
    ("PrivilegeList", t::PRIVILEGES, Dec::Text),
    ("CallerProcessId", t::PID, Dec::Hex),
    ("CallerProcessName", t::IMAGE, Dec::Text),
]);

const VERBS: &[(i32, &str)] = &[
    (4720, "create"),
    (4722, "enable"),
    (4723, "pw_change"),
    (4724, "pw_reset"),
    (4725, "disable"),
    (4726, "delete"),
    (4738, "attr_change"),
    (4741, "create"),
    (4742, "attr_change"),
    (4743, "delete"),
    (4765, "sid_history"),
    (4766, "sid_history"),
    (4767, "unlock"),
    (4780, "acl_change"),
    (4781, "rename"),
    (4793, "policy_query"),
    (4794, "pw_reset"),
    (4798, "enumerate"),
    (5376, "credential_backup"),
    (5377, "credential_restore"),
];

const GROUP_VERBS: &[(i32, &str)] = &[
    (4727, "group_create"),
    (4728, "group_add"),
    (4729, "group_remove"),
    (4730, "group_delete"),
    (4731, "group_create"),
    (4732, "group_add"),
    (4733, "group_remove"),
    (4734, "group_delete"),
    (4735, "group_change"),
    (4737, "group_change"),
    (4754, "group_create"),
    (4755, "group_change"),
    (4756, "group_add"),
    (4757, "group_remove"),
    (4758, "group_delete"),
    (4764, "group_change"),
    (4799, "enumerate"),
];

impl Mapper for SecurityAccount {
    fn id(&self) -> &'static str {
        "security_account"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Security,
            &[
                4720, 4722, 4723, 4724, 4725, 4726, 4727, 4728, 4729, 4730, 4731, 4732, 4733, 4734, 4735, 4737, 4738,
                4741, 4742, 4743, 4754, 4755, 4756, 4757, 4758, 4764, 4765, 4766, 4767, 4780, 4781, 4793, 4794, 4798,
                4799, 5376, 5377,
            ],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        let of_group = GROUP_VERBS.iter().any(|(code, _)| Some(*code) == raw.code);
        row.fields(if of_group { &GROUP } else { &ACCOUNT });
        row.action(verb(if of_group { GROUP_VERBS } else { VERBS }, raw));
        if raw.code == Some(4766) {
            row.cells.text(common::OUTCOME, "failure");
        }
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;

    #[test]
    fn in_group_events_the_target_is_the_group() {
        let s = security(
            4732,
            &[
                ("SubjectUserName", "adm"),
                ("MemberName", "CN=svc,DC=corp"),
                ("MemberSid", "S-1-5-21-9"),
                ("TargetUserName", "Administrators"),
                ("TargetSid", "S-1-5-32-544"),
            ],
        );
        assert_eq!((s.table, s.action()), ("account", "group_add"));
        assert_eq!(
            (s.text(t::GROUP), s.text(t::GROUP_SID), s.text(t::MEMBER)),
            ("Administrators", "S-1-5-32-544", "CN=svc,DC=corp")
        );
        assert!(s.is_null(t::TARGET_USER));
    }

    #[test]
    fn a_new_account_and_a_reset_password_name_the_account() {
        let s = security(
            4720,
            &[
                ("SubjectUserName", "adm"),
                ("TargetUserName", "svc"),
                ("NewUacValue", "0x15"),
            ],
        );
        assert_eq!(
            (s.action(), s.text(t::TARGET_USER), s.text(common::USER)),
            ("create", "svc", "adm")
        );
        assert_eq!(security(4724, &[("TargetUserName", "svc")]).action(), "pw_reset");
    }
}
