//! Security 4697: a service is installed (`create`). Service types 0x1, 0x2 and 0x8 are drivers.

use super::{Claim, Mapper};
use crate::ingest::decode::{Dec, parse_int};
use crate::ingest::raw::Raw;
use crate::ingest::row::FieldMap;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, security_row};
use crate::schema::builder::TableSet;
use crate::schema::persist as t;

/// Services installed, as the Security log sees them.
pub struct SecurityService;

static FIELDS: FieldMap = FieldMap::new(&[
    ("ServiceName", t::NAME, Dec::Text),
    ("ServiceFileName", t::COMMAND, Dec::Text),
    ("ServiceType", t::SERVICE_TYPE, Dec::Text),
    ("ServiceStartType", t::START_TYPE, Dec::Text),
    ("ServiceAccount", t::ACCOUNT, Dec::Text),
    ("ClientProcessId", t::CLIENT_PID, Dec::Int),
]);

impl Mapper for SecurityService {
    fn id(&self) -> &'static str {
        "security_service"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Security, &[4697])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action("create");
        let driver = matches!(row.peek("ServiceType").and_then(parse_int), Some(1 | 2 | 8));
        row.cells
            .text(t::KIND, if driver { "driver_service" } else { "service" });
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;
    use crate::schema::common;

    #[test]
    fn a_driver_is_told_from_a_service() {
        let s = security(
            4697,
            &[
                ("SubjectLogonId", "0x1"),
                ("ServiceName", "upd"),
                ("ServiceFileName", "C:\\x.exe -s"),
                ("ServiceType", "0x10"),
            ],
        );
        assert_eq!((s.table, s.action(), s.text(t::KIND)), ("persist", "create", "service"));
        assert_eq!(
            (s.text(t::NAME), s.text(t::COMMAND), s.int(common::LOGON_ID)),
            ("upd", "C:\\x.exe -s", Some(1))
        );
        assert_eq!(
            security(4697, &[("ServiceType", "0x1")]).text(t::KIND),
            "driver_service"
        );
    }
}
