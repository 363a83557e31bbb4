//! Background transfers. Verbs: `create` (3), `end` (4), `start` (59), `stop` (60, 61), `update` (16403, a file is added).
//! `content` is the address, `args` the local file.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{first, set_user, verb};
use crate::schema::builder::TableSet;
use crate::schema::{common, persist as t};

/// Transfer jobs.
pub struct Bits;

static FIELDS: FieldMap = FieldMap::new(&[
    ("jobTitle", t::NAME, Dec::Text),
    ("JobTitle", t::NAME, Dec::Text),
    ("name", t::NAME, Dec::Text),
    ("string", t::NAME, Dec::Text),
    ("url", t::CONTENT, Dec::Text),
    ("RemoteName", t::CONTENT, Dec::Text),
    ("LocalName", t::ARGS, Dec::Text),
    ("processPath", t::IMAGE, Dec::Text),
    ("processId", t::PID, Dec::Int),
]);

const VERBS: &[(i32, &str)] = &[
    (3, "create"),
    (4, "end"),
    (59, "start"),
    (60, "stop"),
    (61, "stop"),
    (16403, "update"),
];

impl Mapper for Bits {
    fn id(&self) -> &'static str {
        "bits"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Bits, &[3, 4, 59, 60, 61, 16403])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        row.cells.text(t::KIND, "bits");
        if let Some(user) = first(&row, &["jobOwner", "User", "string2"]) {
            set_user(&mut row, user);
        }
        if raw.code == Some(61) {
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
    fn a_transfer_names_job_and_address() {
        let channel = "Microsoft-Windows-Bits-Client/Operational";
        let f = [("name", "upd"), ("url", "https://example.test/a"), ("bytesTotal", "5")];
        let s = run(&event("Microsoft-Windows-Bits-Client", channel, 59, &f));
        assert_eq!((s.table, s.text(t::KIND), s.action()), ("persist", "bits", "start"));
        assert_eq!((s.text(t::NAME), s.text(t::CONTENT)), ("upd", "https://example.test/a"));
        let f = [
            ("jobTitle", "upd"),
            ("jobOwner", "CORP\\ann"),
            ("processPath", "C:\\x.exe"),
            ("processId", "7"),
        ];
        let s = run(&event("Microsoft-Windows-Bits-Client", channel, 3, &f));
        assert_eq!(
            (s.action(), s.text(common::USER), s.int(t::PID)),
            ("create", "ann", Some(7))
        );
    }
}
