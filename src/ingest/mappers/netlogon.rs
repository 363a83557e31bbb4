//! Netlogon in the System log. Verb `secure_channel`: 5723 and 5805 (a machine failed to authenticate), 5827 to 5831
//! (a vulnerable secure channel was denied or, by exception, allowed).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{set, unmapped, unnamed};
use crate::schema::builder::TableSet;
use crate::schema::{auth as t, common};

/// Secure channels of machines.
pub struct Netlogon;

static FIELDS: FieldMap = FieldMap::new(&[
    ("SamAccountName", t::TARGET_USER, Dec::Text),
    ("MachineSamAccountName", t::TARGET_USER, Dec::Text),
    ("Domain", t::TARGET_DOMAIN, Dec::Text),
    ("MachineOperatingSystem", t::DEVICE, Dec::Text),
]);

impl Mapper for Netlogon {
    fn id(&self) -> &'static str {
        "netlogon"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::System,
            &[5723, 5805, 5827, 5828, 5829, 5830, 5831],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        if !raw.kind.is_empty() && !raw.kind.eq_ignore_ascii_case("netlogon") {
            return unmapped(raw, out, cx);
        }
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action("secure_channel");
        let allowed = matches!(raw.code, Some(5829..=5831));
        row.cells
            .text(common::OUTCOME, if allowed { "success" } else { "failure" });
        if let Some((_, machine)) = unnamed(raw).next() {
            // 5723 and 5805 begin with the machine, 5827 to 5831 with its account.
            let col = if matches!(raw.code, Some(5723 | 5805)) {
                t::SRC_HOST
            } else {
                t::TARGET_USER
            };
            set(&mut row, col, machine);
        }
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn denied_and_allowed_channels_are_told_apart() {
        let s = run(&event(
            "NETLOGON",
            "System",
            5805,
            &[("Data_1", "WS07"), ("Data_2", "%%5")],
        ));
        assert_eq!(
            (s.table, s.action(), s.outcome(), s.text(t::SRC_HOST)),
            ("auth", "secure_channel", "failure", "WS07")
        );
        assert_eq!(run(&event("NETLOGON", "System", 5829, &[])).outcome(), "success");
    }
}
