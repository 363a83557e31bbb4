//! WMI's own log. Verbs: `load` (5857, a provider), `fail` (5858, an operation), `create` (5859 and 5860 an event
//! query is registered, 5861 a filter is bound to a consumer for good).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{context_value, set};
use crate::schema::builder::TableSet;
use crate::schema::{common, persist as t};

/// Providers, operations and subscriptions of WMI.
pub struct WmiActivity;

static FIELDS: FieldMap = FieldMap::new(&[
    ("ProviderName", t::NAME, Dec::Text),
    ("ProviderPath", t::COMMAND, Dec::Text),
    ("Operation", t::CONTENT, Dec::Text),
    ("Query", t::CONTENT, Dec::Text),
    ("NotificationQuery", t::CONTENT, Dec::Text),
    ("ESS", t::FILTER, Dec::Text),
    ("CONSUMER", t::CONSUMER, Dec::Text),
    ("Consumer", t::CONSUMER, Dec::Text),
    ("ClientMachine", t::CLIENT_HOST, Dec::Text),
    ("ClientMachineFQDN", t::CLIENT_HOST, Dec::Text),
    ("ClientProcessId", t::CLIENT_PID, Dec::Int),
    ("User", common::USER, Dec::User),
    ("UserName", common::USER, Dec::User),
]);

impl Mapper for WmiActivity {
    fn id(&self) -> &'static str {
        "wmi_activity"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::WmiActivity, &[5857, 5858, 5859, 5860, 5861])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        let (verb, kind) = match raw.code {
            Some(5857) => ("load", "wmi_provider"),
            Some(5858) => ("fail", "wmi_operation"),
            Some(5861) => ("create", "wmi_binding"),
            _ => ("create", "wmi_filter"),
        };
        if raw.code == Some(5861) {
            binding(&mut row);
        }
        row.fields(&FIELDS);
        row.action(verb);
        row.cells.text(t::KIND, kind);
        if verb == "fail" {
            row.cells.text(common::OUTCOME, "failure");
        }
        row.finish();
    }
}

/// `PossibleCause` prints filter and consumer with all their properties: what the consumer runs is the point of it.
fn binding(row: &mut Row<'_, '_>) {
    row.field("PossibleCause", t::CONTENT, Dec::Text);
    let Some(cause) = row.peek("PossibleCause") else {
        return;
    };
    let keys = ["CommandLineTemplate", "ExecutablePath", "ScriptText", "ScriptFileName"];
    let property = keys.iter().find_map(|key| context_value(cause, key));
    if let Some(value) = property {
        set(row, t::COMMAND, value.trim_end_matches(';').trim_matches('"'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{Seen, event, run};

    fn wmi(code: i32, fields: &[(&str, &str)]) -> Seen {
        let channel = "Microsoft-Windows-WMI-Activity/Operational";
        run(&event("Microsoft-Windows-WMI-Activity", channel, code, fields))
    }

    #[test]
    fn a_binding_gives_the_command_of_its_consumer() {
        let cause = "Binding EventFilter: \ninstance of __EventFilter\n{\n\tName = \"f\";\n};\nPerm. Consumer: \n\
            instance of CommandLineEventConsumer\n{\n\tCommandLineTemplate = \"cmd.exe /c x\";\n};\n";
        let s = wmi(
            5861,
            &[
                ("ESS", "f"),
                ("CONSUMER", "CommandLineEventConsumer=\"c\""),
                ("PossibleCause", cause),
            ],
        );
        assert_eq!(
            (s.table, s.text(t::KIND), s.action()),
            ("persist", "wmi_binding", "create")
        );
        assert_eq!((s.text(t::COMMAND), s.text(t::FILTER)), ("cmd.exe /c x", "f"));
    }

    #[test]
    fn a_failed_operation_names_client_and_query() {
        let s = wmi(
            5858,
            &[
                ("ClientMachine", "WS07"),
                ("User", "CORP\\ann"),
                ("ClientProcessId", "25920"),
                ("Operation", "Start …"),
            ],
        );
        assert_eq!(
            (s.outcome(), s.text(t::CLIENT_HOST), s.int(t::CLIENT_PID)),
            ("failure", "WS07", Some(25920))
        );
        assert_eq!((s.text(common::USER), s.text(t::CONTENT)), ("ann", "Start …"));
    }
}
