//! Sysmon 6 and 7: a driver or a library is loaded (`load`).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::sysmon_fields;
use crate::schema::builder::TableSet;
use crate::schema::image_load as t;

/// Loads of drivers and libraries as Sysmon sees them.
pub struct SysmonImage;

static FIELDS: FieldMap = sysmon_fields!(t;
    ("ImageLoaded", t::PATH, Dec::Text),
    ("Hashes", t::SHA1, Dec::Hashes),
    ("Hash", t::SHA1, Dec::Hashes),
    ("Signed", t::SIGNED, Dec::Bool),
    ("Signature", t::SIGNER, Dec::Text),
    ("SignatureStatus", t::SIG_STATUS, Dec::Text),
    ("Company", t::COMPANY, Dec::Text),
    ("Product", t::PRODUCT, Dec::Text),
    ("Description", t::DESCR, Dec::Text),
    ("FileVersion", t::FILEVER, Dec::Text),
    ("OriginalFileName", t::ORIG_NAME, Dec::Text),
);

impl Mapper for SysmonImage {
    fn id(&self) -> &'static str {
        "sysmon_image"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Sysmon, &[6, 7])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action("load");
        row.cells
            .text(t::KIND, if raw.code == Some(6) { "driver" } else { "dll" });
        row.base_name(t::PATH, t::NAME);
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::sysmon;

    #[test]
    fn a_loaded_library_carries_its_signature() {
        let s = sysmon(
            7,
            &[
                ("Image", "C:\\Windows\\System32\\rundll32.exe"),
                ("ImageLoaded", "C:\\Users\\Public\\Evil.DLL"),
                ("Signed", "false"),
                ("SignatureStatus", "Unavailable"),
            ],
        );
        assert_eq!(
            (s.table, s.action(), s.text(t::KIND), s.text(t::NAME)),
            ("image_load", "load", "dll", "evil.dll")
        );
        assert_eq!((s.int(t::SIGNED), s.text(t::SIG_STATUS)), (Some(0), "Unavailable"));
        assert_eq!(sysmon(6, &[("ImageLoaded", "C:\\d.sys")]).text(t::KIND), "driver");
    }
}
