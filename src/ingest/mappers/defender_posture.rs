//! Defender's own state. Verbs: `disable` (5001, 5010, 5012), `enable` (5000, 5009, 5011), `change` (5004, 5007, 5013
//! refused by tamper protection), `fail` (1005, 2001, 2003, 3002, 5008), `update` (2000, 2002, 2004), `scan` (1000 to
//! 1002), `restore` and `purge` of what was quarantined or remembered (1009, 1011, 1013), `report` (1150, 1151),
//! `recover` (3007).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{first, set};
use crate::schema::builder::TableSet;
use crate::schema::{common, posture as t};

/// State, configuration and health of Defender.
pub struct DefenderPosture;

static FIELDS: FieldMap = FieldMap::new(&[
    ("Old Value", t::OLD, Dec::Text),
    ("New Value", t::NEW, Dec::Text),
    ("Changed Type", t::SETTING, Dec::Text),
    ("Value", t::NEW, Dec::Text),
    ("Feature Name", t::SETTING, Dec::Text),
    ("Configuration", t::NEW, Dec::Text),
    ("Current Signature Version", t::NEW, Dec::Text),
    ("Previous Signature Version", t::OLD, Dec::Text),
    ("Current security intelligence Version", t::NEW, Dec::Text),
    ("Previous security intelligence Version", t::OLD, Dec::Text),
    ("Threat Name", t::NEW, Dec::Text),
    ("User", common::USER, Dec::User),
]);

/// Event id, kind, verb, setting where no field names it.
const MEANING: &[(i32, &str, &str, &str)] = &[
    (1000, "av_state", "scan", "scan started"),
    (1001, "av_state", "scan", "scan finished"),
    (1002, "av_state", "scan", "scan stopped"),
    (1005, "av_state", "fail", "scan"),
    (1009, "av_state", "restore", "quarantine"),
    (1011, "av_state", "purge", "quarantine"),
    (1013, "av_state", "purge", "history"),
    (1150, "av_state", "report", "health"),
    (1151, "av_state", "report", "health"),
    (2000, "av_state", "update", "signatures"),
    (2001, "av_state", "fail", "signatures"),
    (2002, "av_state", "update", "engine"),
    (2003, "av_state", "fail", "engine"),
    (2004, "av_state", "update", "signatures reverted"),
    (3002, "av_state", "fail", "real-time protection"),
    (3007, "av_state", "recover", "real-time protection"),
    (5000, "av_on", "enable", "real-time protection"),
    (5001, "av_off", "disable", "real-time protection"),
    (5004, "av_config", "change", "real-time protection"),
    (5007, "av_config", "change", "configuration"),
    (5008, "av_state", "fail", "engine"),
    (5009, "av_on", "enable", "scanning for malware"),
    (5010, "av_off", "disable", "scanning for malware"),
    (5011, "av_on", "enable", "scanning for viruses"),
    (5012, "av_off", "disable", "scanning for viruses"),
    (5013, "av_config", "change", "tamper protection"),
];

impl Mapper for DefenderPosture {
    fn id(&self) -> &'static str {
        "defender_posture"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::Defender,
            &[
                1000, 1001, 1002, 1005, 1009, 1011, 1013, 1150, 1151, 2000, 2001, 2002, 2003, 2004, 3002, 3007, 5000,
                5001, 5004, 5007, 5008, 5009, 5010, 5011, 5012, 5013,
            ],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        if raw.code == Some(1151) {
            states(&mut row);
        }
        row.fields(&FIELDS);
        let meaning = MEANING.iter().find(|m| Some(m.0) == raw.code);
        let (kind, verb, setting) = meaning.map_or(("av_state", "event", ""), |(_, k, v, s)| (*k, *v, *s));
        row.action(verb);
        let changed = changed_setting(&row).filter(|_| raw.code == Some(5007));
        row.cells.text(
            t::KIND,
            if changed.is_some_and(is_exclusion) {
                "exclusion"
            } else {
                kind
            },
        );
        set(&mut row, t::SETTING, changed.unwrap_or(setting));
        match (raw.code, verb) {
            (Some(5013), _) => row.cells.text(common::OUTCOME, "blocked"),
            (_, "fail") => row.cells.text(common::OUTCOME, "failure"),
            _ => {}
        }
        row.finish();
    }
}

/// The registry value that a 5007 is about: what stands before ` = ` in its new or old value.
fn changed_setting<'r>(row: &Row<'_, 'r>) -> Option<&'r str> {
    let text = first(row, &["New Value", "Old Value"])?;
    Some(text.rsplit_once(" = ").map_or(text, |(setting, _)| setting).trim())
}

fn is_exclusion(setting: &str) -> bool {
    setting.to_ascii_lowercase().contains("\\exclusions\\")
}

/// The protection states of a health report in one text, as logged (they are localised).
fn states(row: &mut Row<'_, '_>) {
    let names = ["RTP state", "OA state", "IOAV state", "BM state"];
    let parts: Vec<String> = names
        .iter()
        .filter_map(|n| Some(format!("{n}={}", row.peek(n)?)))
        .collect();
    set(row, t::NEW, &parts.join("; "));
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
    fn protection_switched_off_and_on_are_kinds_of_their_own() {
        for (code, kind, verb) in [
            (5001, "av_off", "disable"),
            (5010, "av_off", "disable"),
            (5000, "av_on", "enable"),
        ] {
            let s = defender(code, &[]);
            assert_eq!((s.table, s.text(t::KIND), s.action()), ("posture", kind, verb));
        }
        let s = defender(5013, &[("Changed Type", "Ignored"), ("Value", "HKLM\\x = 0x1")]);
        assert_eq!((s.outcome(), s.text(t::NEW)), ("blocked", "HKLM\\x = 0x1"));
    }

    #[test]
    fn an_exclusion_is_told_from_other_changes() {
        let new = "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Exclusions\\Paths\\C:\\Temp = 0x0";
        let s = defender(5007, &[("Old Value", "-"), ("New Value", new)]);
        assert_eq!((s.text(t::KIND), s.text(t::NEW)), ("exclusion", new));
        assert_eq!(
            s.text(t::SETTING),
            "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Exclusions\\Paths\\C:\\Temp"
        );
        assert_eq!(
            defender(5007, &[("New Value", "HKLM\\x\\SpyNet = 0x2")]).text(t::KIND),
            "av_config"
        );
    }

    #[test]
    fn a_health_report_keeps_its_states() {
        let s = defender(1151, &[("RTP state", "Disabled"), ("BM state", "Enabled")]);
        assert_eq!(
            (s.text(t::SETTING), s.text(t::NEW)),
            ("health", "RTP state=Disabled; BM state=Enabled")
        );
    }
}
