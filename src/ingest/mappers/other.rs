//! Everything that is recognised but has no table of its own: common columns, all fields in `extra`.

use super::{Claim, Mapper};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::event;

/// The mapper of last resort.
pub struct Other;

impl Mapper for Other {
    fn id(&self) -> &'static str {
        "other"
    }

    fn claims(&self) -> &'static [Claim] {
        &[]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &event::TABLE, raw, cx);
        row.action("event");
        row.finish();
    }
}
