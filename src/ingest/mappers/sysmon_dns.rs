//! Sysmon 22: a name is looked up (`query`).

use super::{Claim, Mapper};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_dns::{answers, query_name, rcode};
use crate::ingest::windows_fields::sysmon_fields;
use crate::schema::builder::TableSet;
use crate::schema::{common, dns as t};

/// Look-ups as Sysmon sees them.
pub struct SysmonDns;

static FIELDS: FieldMap = sysmon_fields!(t;);

impl Mapper for SysmonDns {
    fn id(&self) -> &'static str {
        "sysmon_dns"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Sysmon, &[22])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action("query");
        query_name(&mut row, "QueryName");
        if let Some(name) = row.peek("QueryStatus").and_then(rcode) {
            row.cells.text(t::RCODE, &name);
            row.cells
                .text(common::OUTCOME, if name == "NOERROR" { "success" } else { "failure" });
        }
        answers(&mut row, "QueryResults");
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::sysmon;

    #[test]
    fn answers_are_names_and_plain_addresses() {
        let s = sysmon(
            22,
            &[
                ("QueryName", "CDN.Example."),
                ("QueryStatus", "0"),
                ("QueryResults", "type:  5 a.cdn.example;::ffff:192.0.2.4;2001:db8::1;"),
            ],
        );
        assert_eq!(
            (s.table, s.text(t::QNAME), s.text(t::RCODE)),
            ("dns", "cdn.example", "NOERROR")
        );
        assert_eq!(s.list(t::ANSWERS), ["a.cdn.example", "192.0.2.4", "2001:db8::1"]);
        assert_eq!(s.extra("QueryName").as_deref(), Some("CDN.Example."));
    }

    #[test]
    fn a_name_that_does_not_exist_is_a_failure() {
        let s = sysmon(
            22,
            &[
                ("QueryName", "q.example"),
                ("QueryStatus", "9003"),
                ("QueryResults", "-"),
            ],
        );
        assert_eq!((s.text(t::RCODE), s.outcome()), ("NXDOMAIN", "failure"));
        assert!(s.is_null(t::ANSWERS) && s.extra("QueryName").is_none());
    }
}
