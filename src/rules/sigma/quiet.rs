//! Fields that point out no row of a row group, by the dictionaries of their columns alone: their rows are not read.

use super::access::Access;
use super::evaluate::Evaluation;
use super::plan::{AnchorField, Origin, Plan, TablePlan};
use super::program::LeafId;
use super::shape::ShapeKey;
use crate::base::error::Result;
use crate::lake::scan::{Part, Sought, TimeRange};
use crate::schema::{Col, Kind, Table, common};

/// Rows of a row group below which reading them is cheaper than reading dictionaries first.
const FEW: u64 = 4_096;

/// The shape of all rows of a row group, where its statistics tell that there is but one.
pub fn only_shape(part: &Part, table: &Table, group: usize) -> Option<ShapeKey> {
    let text = |col| match part.only(group, col)? {
        Sought::Text(t) => Some(t.to_owned()),
        Sought::Int(_) => None,
    };
    let code = match part.only(group, common::EVENT_CODE)? {
        Sought::Int(code) => code,
        Sought::Text(_) => return None,
    };
    Some(ShapeKey {
        table: table.ix(),
        source: text(common::SOURCE)?,
        channel: text(common::CHANNEL)?,
        provider: text(common::PROVIDER)?,
        code,
        action: text(common::ACTION)?,
    })
}

impl<'p> Evaluation<'p> {
    /// Begins a row group of which all rows are of one shape, and finds the fields that need not be read.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn begin_sure(&mut self, plan: &'p Plan, part: &Part, group: usize) -> Result<()> {
        self.begin();
        self.sure = Some(plan);
        if part
            .rows_within(group, TimeRange::default())
            .is_none_or(|rows| rows < FEW)
        {
            return Ok(());
        }
        for (i, anchor) in plan.anchors.iter().enumerate() {
            let seen = self.quiet_seen(anchor, part, group)?;
            self.quiet.push(seen.is_some());
            self.see(plan, i, seen == Some(true));
        }
        Ok(())
    }

    /// Whether a field has a value, if none of them points out a row; `None` where one may.
    fn quiet_seen(&mut self, anchor: &AnchorField, part: &Part, group: usize) -> Result<Option<bool>> {
        let Some(origin) = self.plan.origins().get(self.plan.origin_of(anchor.slot)) else {
            return Ok(None);
        };
        if !anchor.extra && !anchor.nothing.is_empty() && self.is_in_extra(anchor.slot) {
            return Ok(None);
        }
        let Some(columns) = columns(self.plan, origin) else {
            return Ok(None);
        };
        let matcher = origin.pointer(self.program);
        let mut seen = false;
        let mut yes: Vec<LeafId> = Vec::new();
        for col in columns {
            let Some(any) = part.holds_any(group, col) else {
                return Ok(None);
            };
            seen |= any;
            let points = |text: &str| {
                yes.clear();
                matcher.ask(text, &mut self.scratch, &mut yes);
                yes.iter().any(|l| anchor.rules.contains_key(l))
            };
            // The items of a list count joined, too.
            let is_list = self.plan.table.column(col).is_some_and(|c| c.kind == Kind::List);
            if any && is_list || any && part.any_text(group, col, points)? != Some(false) {
                return Ok(None);
            }
        }
        Ok(Some(seen))
    }
}

/// The columns of an origin, where all that can point out a row are texts.
fn columns(plan: &TablePlan, origin: &Origin) -> Option<Vec<Col>> {
    match &origin.columns {
        None => Some(Vec::new()),
        Some(Access::Text(col)) => Some(vec![*col]),
        Some(Access::Everything) if origin.words => {
            let texts = plan
                .table
                .all_columns()
                .filter(|(c, _)| ![common::EXTRA, common::HOST, common::FORMAT, common::TIME_QUALITY].contains(c));
            let wanted = texts.filter(|(_, c)| c.kind.is_text() || c.kind == Kind::List);
            Some(wanted.map(|(c, _)| c).collect())
        }
        _ => None,
    }
}
