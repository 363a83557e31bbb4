//! The NTLM log, verb `ntlm`: 8001 this host as client, 8002 and 8003 as server, 8004 as domain controller.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::schema::auth as t;
use crate::schema::builder::TableSet;

/// Audited use of NTLM.
pub struct Ntlm;

static FIELDS: FieldMap = FieldMap::new(&[
    ("UserName", t::TARGET_USER, Dec::Text),
    ("ClientUserName", t::TARGET_USER, Dec::Text),
    ("DomainName", t::TARGET_DOMAIN, Dec::Text),
    ("ClientDomainName", t::TARGET_DOMAIN, Dec::Text),
    ("WorkstationName", t::SRC_HOST, Dec::Text),
    ("Workstation", t::SRC_HOST, Dec::Text),
    ("TargetName", t::TARGET_SERVER, Dec::Text),
    ("SChannelName", t::TARGET_SERVER, Dec::Text),
    ("CallerPID", t::PID, Dec::Int),
    ("ProcessName", t::IMAGE, Dec::Text),
]);

impl Mapper for Ntlm {
    fn id(&self) -> &'static str {
        "ntlm"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Ntlm, &[8001, 8002, 8003, 8004])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action("ntlm");
        row.cells.text(t::AUTH_PKG, "NTLM");
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn a_domain_controller_names_user_workstation_and_server() {
        let f = [
            ("SChannelName", "SRV01"),
            ("UserName", "ann"),
            ("DomainName", "CORP"),
            ("WorkstationName", "WS07"),
        ];
        let s = run(&event(
            "Microsoft-Windows-Security-Netlogon",
            "Microsoft-Windows-NTLM/Operational",
            8004,
            &f,
        ));
        assert_eq!((s.table, s.action(), s.text(t::TARGET_USER)), ("auth", "ntlm", "ann"));
        assert_eq!((s.text(t::SRC_HOST), s.text(t::TARGET_SERVER)), ("WS07", "SRV01"));
    }
}
