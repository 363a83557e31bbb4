//! Auditing, the firewall and the system in the Security log. Verbs: `change` (of a policy, the clock or a rule),
//! `create` and `delete` (of a firewall rule or an event source), `start`, `stop`, `fail` (events were lost), `access`
//! (to key files).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, first, security_row, set};
use crate::schema::builder::TableSet;
use crate::schema::posture as t;

/// Auditing, firewall and system state.
pub struct SecurityPosture;

static FIELDS: FieldMap = FieldMap::new(&[
    ("SubcategoryGuid", t::SETTING, Dec::Guid),
    ("AuditPolicyChanges", t::NEW, Dec::Text),
    ("AuditSourceName", t::SETTING, Dec::Text),
    ("CrashOnAuditFailValue", t::NEW, Dec::Text),
    ("ObjectName", t::SETTING, Dec::Text),
    ("OldSd", t::OLD, Dec::Text),
    ("NewSd", t::NEW, Dec::Text),
    ("PreviousTime", t::OLD, Dec::Text),
    ("NewTime", t::NEW, Dec::Text),
    ("RuleName", t::SETTING, Dec::Text),
    ("SettingType", t::SETTING, Dec::Text),
    ("SettingValue", t::NEW, Dec::Text),
    ("KeyFilePath", t::SETTING, Dec::Text),
    ("KeyName", t::SETTING, Dec::Text),
    ("ProcessId", t::PID, Dec::Hex),
    ("ProcessName", t::IMAGE, Dec::Text),
]);

/// Event id, kind, verb, setting where no field names it.
const MEANING: &[(i32, &str, &str, &str)] = &[
    (4608, "system", "start", "Windows"),
    (4612, "log_stopped", "fail", "audit queue"),
    (4616, "system", "change", "system time"),
    (4719, "audit_policy", "change", "audit policy"),
    (4902, "audit_policy", "create", "per-user audit policy"),
    (4904, "audit_policy", "create", "event source"),
    (4905, "audit_policy", "delete", "event source"),
    (4906, "audit_policy", "change", "CrashOnAuditFail"),
    (4907, "audit_policy", "change", "object auditing"),
    (4912, "audit_policy", "change", "per-user audit policy"),
    (4946, "fw_change", "create", "rule"),
    (4947, "fw_change", "change", "rule"),
    (4948, "fw_change", "delete", "rule"),
    (4949, "fw_change", "change", "defaults restored"),
    (4950, "fw_change", "change", "setting"),
    (4951, "fw_change", "fail", "rule ignored"),
    (4952, "fw_change", "fail", "rule partly ignored"),
    (4953, "fw_change", "fail", "rule not parsed"),
    (4954, "fw_change", "change", "group policy"),
    (4955, "fw_change", "change", "group policy"),
    (4956, "fw_change", "change", "active profile"),
    (4957, "fw_change", "fail", "rule not applied"),
    (4958, "fw_change", "fail", "rule not applied"),
    (5024, "fw_change", "start", "firewall service"),
    (5025, "fw_change", "stop", "firewall service"),
    (5058, "system", "access", "key file"),
    (5059, "system", "access", "key migration"),
];

impl Mapper for SecurityPosture {
    fn id(&self) -> &'static str {
        "security_posture"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Security,
            &[
                4608, 4612, 4616, 4719, 4902, 4904, 4905, 4906, 4907, 4912, 4946, 4947, 4948, 4949, 4950, 4951, 4952,
                4953, 4954, 4955, 4956, 4957, 4958, 5024, 5025, 5058, 5059,
            ],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        let meaning = MEANING.iter().find(|m| Some(m.0) == raw.code);
        let (kind, verb, setting) = meaning.map_or(("system", "event", ""), |(_, k, v, s)| (*k, *v, *s));
        row.action(verb);
        row.cells.text(t::KIND, kind);
        set(&mut row, t::SETTING, setting);
        if let Some(profile) = first(&row, &["ProfileChanged", "Profiles"]).filter(|_| kind == "fw_change") {
            row.cells.text(t::NEW, profile);
        }
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;
    use crate::schema::common;

    #[test]
    fn a_changed_audit_policy_names_subcategory_and_change() {
        let s = security(
            4719,
            &[
                ("SubjectUserName", "ann"),
                ("SubcategoryGuid", "{0CCE922B-69AE-11D9-BED3-505054503030}"),
                ("AuditPolicyChanges", "%%8448, %%8450"),
            ],
        );
        assert_eq!(
            (s.table, s.text(t::KIND), s.action()),
            ("posture", "audit_policy", "change")
        );
        assert_eq!(
            (s.text(t::SETTING), s.text(t::NEW)),
            ("{0CCE922B-69AE-11D9-BED3-505054503030}", "%%8448, %%8450")
        );
        assert_eq!(s.text(common::USER), "ann");
    }

    #[test]
    fn firewall_rules_are_named() {
        let s = security(4946, &[("ProfileChanged", "All"), ("RuleName", "open")]);
        assert_eq!(
            (s.text(t::KIND), s.action(), s.text(t::SETTING)),
            ("fw_change", "create", "open")
        );
        assert_eq!(security(5025, &[]).action(), "stop");
    }
}
