//! Directory objects, trusts and the account database. Verbs: `object_access` (4661, 4662), `attr_change` (5136),
//! `create`, `undelete`, `move`, `delete` (5137, 5138, 5139, 5141), `trust_add`, `trust_remove`, `trust_change`
//! (4706, 4707, 4716), `policy_change` (4713).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row, verb};
use crate::schema::account as t;
use crate::schema::builder::TableSet;

/// Changes of and access to directory objects.
pub struct SecurityDirectory;

static FIELDS: FieldMap = FieldMap::new(&[
    ("ObjectName", t::OBJECT, Dec::Text),
    ("ObjectDN", t::OBJECT, Dec::Text),
    ("ObjectType", t::OBJECT_TYPE, Dec::Text),
    ("ObjectClass", t::OBJECT_TYPE, Dec::Text),
    ("Properties", t::ATTR, Dec::Text),
    ("AttributeLDAPDisplayName", t::ATTR, Dec::Text),
    ("OldObjectDN", t::OLD, Dec::Text),
    ("NewObjectDN", t::NEW, Dec::Text),
    ("AccessMask", t::ACCESS_MASK, Dec::Hex),
    ("PrivilegeList", t::PRIVILEGES, Dec::Text),
    ("ProcessId", t::PID, Dec::Hex),
    ("ProcessName", t::IMAGE, Dec::Text),
    // Trusts and the Kerberos policy.
    ("DomainName", t::OBJECT, Dec::Text),
    ("DomainSid", t::TARGET_SID, Dec::Sid),
    ("KerberosPolicyChange", t::NEW, Dec::Text),
]);

const VERBS: &[(i32, &str)] = &[
    (4661, "object_access"),
    (4662, "object_access"),
    (4706, "trust_add"),
    (4707, "trust_remove"),
    (4713, "policy_change"),
    (4716, "trust_change"),
    (5136, "attr_change"),
    (5137, "create"),
    (5138, "undelete"),
    (5139, "move"),
    (5141, "delete"),
];

impl Mapper for SecurityDirectory {
    fn id(&self) -> &'static str {
        "security_directory"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Security,
            &[4661, 4662, 4706, 4707, 4713, 4716, 5136, 5137, 5138, 5139, 5141],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        // One record for each value: %%14674 it was added, %%14675 it was removed.
        let removed = row.peek("OperationType") == Some("%%14675");
        row.field("AttributeValue", if removed { t::OLD } else { t::NEW }, Dec::Text);
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;
    use crate::schema::common;

    #[test]
    fn an_attribute_value_is_old_or_new_by_the_operation() {
        let f = |op| {
            [
                ("ObjectDN", "CN=x,DC=corp"),
                ("ObjectClass", "user"),
                ("AttributeLDAPDisplayName", "servicePrincipalName"),
                ("AttributeValue", "http/x"),
                ("OperationType", op),
            ]
        };
        let s = security(5136, &f("%%14674"));
        assert_eq!(
            (s.table, s.action(), s.text(t::NEW), s.text(t::OLD)),
            ("account", "attr_change", "http/x", "")
        );
        assert_eq!(s.text(t::ATTR), "servicePrincipalName");
        assert_eq!(security(5136, &f("%%14675")).text(t::OLD), "http/x");
    }

    #[test]
    fn replication_rights_are_kept_with_their_session() {
        let guid = "%%7688\n\t\t{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}";
        let s = security(
            4662,
            &[
                ("SubjectLogonId", "0x8e99e"),
                ("Properties", guid),
                ("AccessMask", "0x100"),
            ],
        );
        assert_eq!(
            (s.text(t::ATTR), s.int(t::ACCESS_MASK), s.int(common::LOGON_ID)),
            (guid, Some(0x100), Some(0x8e99e))
        );
    }
}
