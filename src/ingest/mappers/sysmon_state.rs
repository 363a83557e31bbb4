//! Sysmon about itself. Verbs: `start` and `stop` of the service (4), `change` of its configuration (16), `error` (255).
//! A stop has the kind `log_stopped`, everything else `sysmon_config`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::sysmon_fields;
use crate::schema::builder::TableSet;
use crate::schema::{common, posture as t};

/// The sensor's own state.
pub struct SysmonState;

static FIELDS: FieldMap = sysmon_fields!(t;
    ("State", t::NEW, Dec::Text),
    ("Configuration", t::NEW, Dec::Text),
    ("ID", t::SETTING, Dec::Text),
    ("Description", t::NEW, Dec::Text),
);

impl Mapper for SysmonState {
    fn id(&self) -> &'static str {
        "sysmon_state"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Sysmon, &[4, 16, 255])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        let stopped = row.peek("State").is_some_and(|s| s.eq_ignore_ascii_case("stopped"));
        let (verb, setting) = match (raw.code, stopped) {
            (Some(4), true) => ("stop", "Sysmon service"),
            (Some(4), false) => ("start", "Sysmon service"),
            (Some(16), _) => ("change", "Sysmon configuration"),
            _ => ("error", "Sysmon"),
        };
        row.action(verb);
        row.cells
            .text(t::KIND, if verb == "stop" { "log_stopped" } else { "sysmon_config" });
        row.cells.text(t::SETTING, setting);
        if verb == "error" {
            row.cells.text(common::OUTCOME, "failure");
        }
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::sysmon;

    #[test]
    fn a_stopped_sensor_is_a_stopped_log() {
        let s = sysmon(4, &[("State", "Stopped"), ("Version", "15.15")]);
        assert_eq!(
            (s.table, s.text(t::KIND), s.action()),
            ("posture", "log_stopped", "stop")
        );
        assert_eq!(sysmon(4, &[("State", "Started")]).action(), "start");
        let s = sysmon(16, &[("Configuration", "C:\\c.xml")]);
        assert_eq!((s.text(t::KIND), s.text(t::NEW)), ("sysmon_config", "C:\\c.xml"));
    }
}
