//! Detections of Defender. Verbs: `detect` (1006, 1015, 1116), `remediate` (1007, 1010, 1012, 1117; failed 1008, 1016,
//! 1118, 1119), `suspend` (1017 to 1019), `block` (1121, 1123, 1126, 1127, 1131), `audit` (1122, 1124, 1125, 1128,
//! 1132, 1133), `bypass` (1129: a user allowed what a rule had blocked).

use super::{Claim, Mapper};
use crate::ingest::decode::{Dec, hex_bytes};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::verb;
use crate::schema::builder::TableSet;
use crate::schema::{alert as t, common};

/// Threats found and rules hit.
pub struct DefenderAlert;

// Field names carry spaces, and their spelling differs between event versions.
static FIELDS: FieldMap = FieldMap::new(&[
    ("Product Name", t::PRODUCT, Dec::Text),
    ("Company name", t::PRODUCT, Dec::Text),
    ("Threat Name", t::THREAT, Dec::Text),
    ("Severity Name", t::SEVERITY, Dec::Text),
    ("Severity", t::SEVERITY, Dec::Text),
    ("Category Name", t::CATEGORY, Dec::Text),
    ("Category", t::CATEGORY, Dec::Text),
    ("Detection ID", t::DETECTION_ID, Dec::Text),
    ("Path", t::OBJECT, Dec::Text),
    ("Resource Path", t::OBJECT, Dec::Text),
    ("Destination", t::OBJECT, Dec::Text),
    ("Process Name", t::IMAGE, Dec::Text),
    ("Process name", t::IMAGE, Dec::Text),
    ("Detection User", common::USER, Dec::User),
    ("User", common::USER, Dec::User),
    ("Action Name", t::ACTION_TAKEN, Dec::Text),
    ("Action", t::ACTION_TAKEN, Dec::Text),
    ("Error Code", t::STATUS, Dec::Text),
    ("Rule Name", t::TITLE, Dec::Text),
    ("Rule ID", t::RULE, Dec::Text),
    ("Target Commandline", t::EVIDENCE, Dec::Text),
    ("Process ID", t::PID, Dec::Int),
]);

const VERBS: &[(i32, &str)] = &[
    (1006, "detect"),
    (1007, "remediate"),
    (1008, "remediate"),
    (1010, "remediate"),
    (1012, "remediate"),
    (1014, "remediate"),
    (1015, "detect"),
    (1016, "remediate"),
    (1017, "suspend"),
    (1018, "suspend"),
    (1019, "suspend"),
    (1116, "detect"),
    (1117, "remediate"),
    (1118, "remediate"),
    (1119, "remediate"),
    (1121, "block"),
    (1122, "audit"),
    (1123, "block"),
    (1124, "audit"),
    (1125, "audit"),
    (1126, "block"),
    (1127, "block"),
    (1128, "audit"),
    (1129, "bypass"),
    (1130, "audit"),
    (1131, "block"),
    (1132, "audit"),
    (1133, "audit"),
    (1134, "block"),
];

const FAILED: &[i32] = &[1008, 1010, 1012, 1014, 1016, 1118, 1119];
const REMEDIATED: &[i32] = &[1007, 1117];

impl Mapper for DefenderAlert {
    fn id(&self) -> &'static str {
        "defender_alert"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Defender,
            &[
                1006, 1007, 1008, 1010, 1012, 1014, 1015, 1016, 1017, 1018, 1019, 1116, 1117, 1118, 1119, 1121, 1122,
                1123, 1124, 1125, 1126, 1127, 1128, 1129, 1130, 1131, 1132, 1133, 1134,
            ],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        let verb = verb(VERBS, raw);
        row.action(verb);
        row.cells.text(t::PRODUCT, "Microsoft Defender Antivirus");
        let code = raw.code.unwrap_or_default();
        if code >= 1121 {
            // `ID` is the rule here, and the threat in older events.
            row.field("ID", t::RULE, Dec::Text);
        }
        if let Some(title) = row.peek("Threat Name").or(row.peek("Rule Name")) {
            row.cells.text(t::TITLE, title);
        }
        let outcome = match verb {
            "block" => Some("blocked"),
            _ if FAILED.contains(&code) => Some("failure"),
            _ if REMEDIATED.contains(&code) => Some("success"),
            _ => None,
        };
        if let Some(o) = outcome {
            row.cells.text(common::OUTCOME, o);
        }
        hashes(&mut row);
        row.finish();
    }
}

/// `SHA256=…` or `SHA1:…;`: the field stays in `extra`, its separators differ.
fn hashes(row: &mut Row<'_, '_>) {
    let Some(text) = row.peek("Hashes") else {
        return;
    };
    for part in text.split([',', ';']) {
        let Some((name, hex)) = part.trim().split_once([':', '=']) else {
            continue;
        };
        let col = match name {
            "SHA1" => t::SHA1,
            "SHA256" => t::SHA256,
            _ => continue,
        };
        if let Some(bytes) = hex_bytes(hex.trim()) {
            row.cells.fixed(col, &bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{Seen, event, run};

    fn defender(code: i32, fields: &[(&str, &str)]) -> Seen {
        let channel = "Microsoft-Windows-Windows Defender/Operational";
        run(&event("Microsoft-Windows-Windows Defender", channel, code, fields))
    }

    #[test]
    fn a_threat_is_named_with_file_process_and_user() {
        let s = defender(
            1116,
            &[
                ("Product Name", "Microsoft Defender Antivirus"),
                ("Threat Name", "HackTool:Win64/Mikatz!dha"),
                ("Severity Name", "High"),
                ("Category Name", "Tool"),
                ("Path", "file:_C:\\x.exe"),
                ("Process Name", "C:\\Windows\\explorer.exe"),
                ("Detection User", "CORP\\ann"),
                ("Action Name", "Not Applicable"),
            ],
        );
        assert_eq!((s.table, s.action(), s.outcome()), ("alert", "detect", ""));
        assert_eq!(
            (s.text(t::THREAT), s.text(t::TITLE)),
            ("HackTool:Win64/Mikatz!dha", "HackTool:Win64/Mikatz!dha")
        );
        assert_eq!(
            (s.text(t::OBJECT), s.text(t::IMAGE)),
            ("file:_C:\\x.exe", "C:\\Windows\\explorer.exe")
        );
        assert_eq!((s.text(t::SEVERITY), s.text(common::USER)), ("High", "ann"));
    }

    #[test]
    fn remediation_says_whether_it_worked_and_rules_whether_they_blocked() {
        assert_eq!(defender(1117, &[]).outcome(), "success");
        assert_eq!(defender(1119, &[("Error Code", "0x80070020")]).outcome(), "failure");
        let s = defender(
            1121,
            &[
                ("ID", "d4f940ab-401b-4efc-aadc-ad5f3c50688a"),
                ("Process Name", "C:\\w.exe"),
            ],
        );
        assert_eq!((s.action(), s.outcome()), ("block", "blocked"));
        assert_eq!(s.text(t::RULE), "d4f940ab-401b-4efc-aadc-ad5f3c50688a");
        assert_eq!(defender(1122, &[]).outcome(), "");
    }
}
