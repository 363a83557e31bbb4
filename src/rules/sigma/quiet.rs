//! Fields that point out no row of a row group, by the dictionaries of their columns alone: their rows are not read.

use super::access::Access;
use super::cells::Cells;
use super::evaluate::Evaluation;
use super::origin::Origin;
use super::plan::{AnchorField, Plan, TablePlan};
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
            if any && (is_list || part.any_text(group, col, points)? != Some(false)) {
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
        Some(Access::Everything) if origin.words => Some(Cells::word_columns(plan.table).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::lake::Lake;
    use crate::lake::scan::TimeRange;
    use crate::lake::staging::Staging;
    use crate::lake::testing::commit_rows;
    use crate::rules::sigma::document;
    use crate::rules::sigma::hunt::{hunt, shapes};
    use crate::rules::sigma::link::link;
    use crate::rules::sigma::load::{RuleSet, Selection};
    use crate::rules::sigma::placeholders::Placeholders;
    use crate::schema::builder::TableSet;
    use crate::schema::{common, dns};

    const ROWS: i64 = 5_000;
    const EVIL: i64 = 4_321;

    fn rules(details: &[&str]) -> RuleSet {
        let rule = |(i, d): (usize, &&str)| {
            format!(
                "title: r{i}\nid: r{i}\nlogsource: {{product: zeek, service: dns}}\ndetection: {{s: {{{d}}}, condition: s}}\n"
            )
        };
        let text = details.iter().enumerate().map(rule).collect::<Vec<_>>().join("---\n");
        let (documents, rejected) = document::read(&Arc::from("f"), &text, &Placeholders::default());
        link(documents, rejected, &Selection::default())
    }

    /// Queries in Zeek's log, of which one is evil; a Windows event among them where the row group is to be `mixed`.
    fn lake(root: &std::path::Path, mixed: bool) -> Lake {
        let mut lake = Lake::open_for_writing(root).unwrap();
        let staging = Staging::new(lake.staging_dir(), 64 << 20);
        let mut set = TableSet::default();
        for i in 0..ROWS {
            let b = set.table(&dns::TABLE);
            b.int(common::TS, i * 1_000_000);
            b.text(common::HOST, "sensor");
            b.int(common::FILE_ID, 0);
            b.int(common::ROW, i);
            b.text(common::ACTION, "query");
            match mixed && i == 77 {
                true => {
                    b.text(common::SOURCE, "sysmon");
                    b.text(common::PROVIDER, "Microsoft-Windows-Sysmon");
                    b.text(common::CHANNEL, "Microsoft-Windows-Sysmon/Operational");
                    b.int(common::EVENT_CODE, 22);
                    b.text(dns::QNAME, "evil.example");
                }
                false => {
                    b.text(common::SOURCE, "zeek");
                    b.text(common::PROVIDER, "zeek.dns");
                    b.text(
                        dns::QNAME,
                        &match i {
                            EVIL => "evil.example".to_owned(),
                            _ => format!("h{}.example", i % 50),
                        },
                    );
                }
            }
            b.end_row();
        }
        commit_rows(&mut lake, &staging, &mut set);
        lake
    }

    #[test]
    fn what_is_not_read_would_not_have_matched() {
        let set = rules(&[
            "query: evil.example",
            "query: nowhere.example",
            "query|endswith: '7.example'",
            "answers|contains: '203.0.113.9'",
        ]);
        let none = TimeRange::default();
        let late = TimeRange {
            from: Some(1_000_000_000),
            to: None,
        };
        for (mixed, range, first) in [
            (false, none, 0),
            (true, none, 0),
            (false, late, 1_000),
            (true, late, 1_000),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let lake = lake(dir.path(), mixed);
            let found = hunt(&lake, &set, &shapes(&lake, range).unwrap(), range, false).unwrap();
            let windows = u64::from(mixed && first == 0);
            let rows: Vec<u64> = (0..4).map(|r| found.tallies[&r].rows).collect();
            assert_eq!(rows, [(ROWS - first) as u64 - windows; 4]);
            let at = |rule| -> Vec<u64> {
                let all = found.matches.iter().flat_map(|(_, m)| m);
                all.filter(|m| m.rule == rule).map(|m| m.at).collect()
            };
            assert_eq!(at(0), [(EVIL - first) as u64]);
            assert!(at(1).is_empty() && at(3).is_empty());
            let sevens = (first..ROWS).filter(|i| i % 10 == 7 && !(mixed && *i == 77));
            assert_eq!(at(2), sevens.map(|i| (i - first) as u64).collect::<Vec<_>>());
            let blind: Vec<u32> = found.blind.iter().map(|(r, _)| *r).collect();
            assert_eq!(blind, [3], "the query has values, answers have none: {:?}", found.blind);
        }
    }
}
