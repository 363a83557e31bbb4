//! Code Integrity: images whose signature did not satisfy. Verbs: `block` (3004, 3023, 3033, 3077 and others), `audit`
//! (3034, 3064, 3066, 3076), `signature` (3089, the signature belonging to another event), `load` for the rest.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::schema::builder::TableSet;
use crate::schema::{common, image_load as t};

/// Decisions of Code Integrity.
pub struct CodeIntegrity;

// Names differ between versions, with and without blanks.
static FIELDS: FieldMap = FieldMap::new(&[
    ("FileNameBuffer", t::PATH, Dec::Text),
    ("File Name", t::PATH, Dec::Text),
    ("FileName", t::PATH, Dec::Text),
    ("ProcessNameBuffer", t::IMAGE, Dec::Text),
    ("Process Name", t::IMAGE, Dec::Text),
    ("ProcessName", t::IMAGE, Dec::Text),
    ("OriginalFileName", t::ORIG_NAME, Dec::Text),
    ("ProductName", t::PRODUCT, Dec::Text),
    ("FileDescription", t::DESCR, Dec::Text),
    ("FileVersion", t::FILEVER, Dec::Text),
    ("PublisherName", t::SIGNER, Dec::Text),
    ("PublisherNameBuffer", t::SIGNER, Dec::Text),
    ("Status", t::SIG_STATUS, Dec::Text),
    ("SHA1 Flat Hash", t::SHA1, Dec::Hash),
    ("SHA256 Flat Hash", t::SHA256, Dec::Hash),
]);

const AUDIT: &[i32] = &[3034, 3064, 3066, 3076, 3065];
const BLOCK: &[i32] = &[3004, 3023, 3033, 3063, 3077];

impl Mapper for CodeIntegrity {
    fn id(&self) -> &'static str {
        "code_integrity"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::CodeIntegrity,
            &[
                3001, 3002, 3003, 3004, 3021, 3022, 3023, 3024, 3026, 3032, 3033, 3034, 3035, 3036, 3037, 3050, 3057,
                3058, 3059, 3061, 3063, 3064, 3065, 3066, 3068, 3069, 3070, 3071, 3072, 3073, 3074, 3075, 3076, 3077,
                3089,
            ],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        let code = raw.code.unwrap_or_default();
        let blocked = BLOCK.contains(&code);
        row.action(match code {
            3089 => "signature",
            _ if blocked => "block",
            _ if AUDIT.contains(&code) => "audit",
            _ => "load",
        });
        if blocked {
            row.cells.text(common::OUTCOME, "blocked");
        }
        row.base_name(t::PATH, t::NAME);
        let driver = row.cells.current_text(t::NAME).is_some_and(|n| n.ends_with(".sys"));
        row.cells.text(t::KIND, if driver { "driver" } else { "dll" });
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn a_blocked_library_names_file_and_process() {
        let f = [
            ("FileNameBuffer", "\\Device\\HarddiskVolume3\\E.DLL"),
            ("ProcessNameBuffer", "\\Device\\x\\lsass.exe"),
        ];
        let s = run(&event("Microsoft-Windows-CodeIntegrity", "x/Operational", 3033, &f));
        assert_eq!(
            (s.table, s.action(), s.outcome(), s.text(t::NAME)),
            ("image_load", "block", "blocked", "e.dll")
        );
        let f = [("File Name", "C:\\d.sys")];
        let s = run(&event("Microsoft-Windows-CodeIntegrity", "x/Operational", 3076, &f));
        assert_eq!((s.action(), s.text(t::KIND)), ("audit", "driver"));
    }
}
