//! Sysmon 19 to 21: permanent WMI subscriptions. Verbs: `create`, `update`, `delete`.
//!
//! The filter's query stands in `content`, the consumer's destination in `command`, its class in `args`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::sysmon_fields;
use crate::schema::builder::TableSet;
use crate::schema::persist as t;

/// WMI subscriptions as Sysmon sees them.
pub struct SysmonWmi;

static FIELDS: FieldMap = sysmon_fields!(t;
    ("Name", t::NAME, Dec::Text),
    ("Query", t::CONTENT, Dec::Text),
    ("Type", t::ARGS, Dec::Text),
    ("Destination", t::COMMAND, Dec::Text),
    ("Consumer", t::CONSUMER, Dec::Text),
    ("Filter", t::FILTER, Dec::Text),
);

impl Mapper for SysmonWmi {
    fn id(&self) -> &'static str {
        "sysmon_wmi"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Sysmon, &[19, 20, 21])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(match row.peek("Operation").map(str::trim) {
            Some("Deleted") => "delete",
            Some("Modified") => "update",
            _ => "create",
        });
        row.cells.text(
            t::KIND,
            match raw.code {
                Some(19) => "wmi_filter",
                Some(20) => "wmi_consumer",
                _ => "wmi_binding",
            },
        );
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::sysmon;

    #[test]
    fn filter_consumer_and_binding_are_told_apart() {
        let s = sysmon(
            19,
            &[("Operation", "Created"), ("Name", "f"), ("Query", "SELECT * FROM x")],
        );
        assert_eq!(
            (s.text(t::KIND), s.action(), s.text(t::CONTENT)),
            ("wmi_filter", "create", "SELECT * FROM x")
        );
        let s = sysmon(
            20,
            &[
                ("Name", "c"),
                ("Type", "CommandLineEventConsumer"),
                ("Destination", "cmd /c x"),
            ],
        );
        assert_eq!((s.text(t::KIND), s.text(t::COMMAND)), ("wmi_consumer", "cmd /c x"));
        let s = sysmon(21, &[("Operation", "Deleted"), ("Consumer", "c"), ("Filter", "f")]);
        assert_eq!(
            (s.text(t::KIND), s.action(), s.text(t::CONSUMER)),
            ("wmi_binding", "delete", "c")
        );
    }
}
