//! The print service: drivers that it takes in. Verbs: `update` (316, a driver is added or updated), `fail` (808, a
//! plug-in library did not load).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::schema::builder::TableSet;
use crate::schema::{common, persist as t};

/// Printer drivers.
pub struct Print;

static DRIVER: FieldMap = FieldMap::new(&[("Param1", t::NAME, Dec::Text), ("Param4", t::CONTENT, Dec::Text)]);

static PLUGIN: FieldMap = FieldMap::new(&[("PluginDllName", t::COMMAND, Dec::Text)]);

impl Mapper for Print {
    fn id(&self) -> &'static str {
        "print"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Print, &[316, 808])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.cells.text(t::KIND, "print_driver");
        if raw.code == Some(316) {
            row.fields(&DRIVER);
            row.action("update");
        } else {
            row.fields(&PLUGIN);
            row.action("fail");
            row.cells.text(common::OUTCOME, "failure");
        }
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn a_library_that_did_not_load_is_named() {
        let f = [("PluginDllName", "C:\\x\\evil.dll"), ("ErrorCode", "0x45a")];
        let s = run(&event(
            "Microsoft-Windows-PrintService",
            "Microsoft-Windows-PrintService/Admin",
            808,
            &f,
        ));
        assert_eq!(
            (s.table, s.action(), s.text(t::COMMAND)),
            ("persist", "fail", "C:\\x\\evil.dll")
        );
    }
}
