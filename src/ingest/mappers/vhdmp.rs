//! Disk images: `mount` (1, one comes online) and `access` (12, a handle to one opens).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::file_names;
use crate::schema::builder::TableSet;
use crate::schema::file as t;

/// Disk images that come online.
pub struct Vhdmp;

static FIELDS: FieldMap = FieldMap::new(&[("VhdFileName", t::PATH, Dec::Text), ("VhdFile", t::PATH, Dec::Text)]);

impl Mapper for Vhdmp {
    fn id(&self) -> &'static str {
        "vhdmp"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Vhdmp, &[1, 12])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(if raw.code == Some(1) { "mount" } else { "access" });
        row.cells.text(t::KIND, "image");
        file_names(&mut row);
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn a_mounted_image_is_a_file() {
        let f = [("VhdFileName", "\\\\?\\C:\\Users\\ann\\Downloads\\Invoice.iso")];
        let s = run(&event(
            "Microsoft-Windows-VHDMP",
            "Microsoft-Windows-VHDMP-Operational",
            1,
            &f,
        ));
        assert_eq!(
            (s.table, s.action(), s.text(t::NAME), s.text(t::EXT)),
            ("file", "mount", "invoice.iso", "iso")
        );
    }
}
