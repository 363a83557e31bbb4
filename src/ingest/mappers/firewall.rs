//! The firewall's own log. Verbs: `change` (2003 profile, 2005 rule), `create` (2004, 2097), `delete` (2006, 2052, 2033
//! all rules). The setting is the rule's name, the new value its program.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{first, verb};
use crate::schema::builder::TableSet;
use crate::schema::{common, posture as t};

/// Rules and profiles of the firewall.
pub struct Firewall;

static FIELDS: FieldMap = FieldMap::new(&[
    ("RuleName", t::SETTING, Dec::Text),
    ("ApplicationPath", t::NEW, Dec::Text),
    ("SettingType", t::SETTING, Dec::Text),
    ("SettingValue", t::NEW, Dec::Text),
    ("SettingValueString", t::NEW, Dec::Text),
    ("ModifyingUser", common::USER_SID, Dec::Sid),
    ("ModifyingApplication", t::IMAGE, Dec::Text),
]);

const VERBS: &[(i32, &str)] = &[
    (2003, "change"),
    (2004, "create"),
    (2005, "change"),
    (2006, "delete"),
    (2033, "delete"),
    (2052, "delete"),
    (2097, "create"),
];

impl Mapper for Firewall {
    fn id(&self) -> &'static str {
        "firewall"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Firewall,
            &[2003, 2004, 2005, 2006, 2033, 2052, 2097],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        // The readable form of a setting stands beside its bytes.
        if let Some(name) = first(&row, &["SettingValueDisplay", "SettingValueString"]) {
            row.cells.text(t::NEW, name);
        }
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        row.cells.text(t::KIND, "fw_change");
        if raw.code == Some(2033) {
            row.cells.text(t::SETTING, "all rules");
        }
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn a_new_rule_names_program_and_author() {
        let f = [
            ("RuleName", "open"),
            ("ApplicationPath", "C:\\x.exe"),
            ("ModifyingUser", "S-1-5-21-1"),
            ("ModifyingApplication", "C:\\Windows\\System32\\netsh.exe"),
        ];
        let provider = "Microsoft-Windows-Windows Firewall With Advanced Security";
        let s = run(&event(provider, "x/Firewall", 2004, &f));
        assert_eq!(
            (s.table, s.text(t::KIND), s.action()),
            ("posture", "fw_change", "create")
        );
        assert_eq!((s.text(t::SETTING), s.text(t::NEW)), ("open", "C:\\x.exe"));
        assert_eq!(
            (s.text(common::USER_SID), s.text(t::IMAGE)),
            ("S-1-5-21-1", "C:\\Windows\\System32\\netsh.exe")
        );
    }
}
