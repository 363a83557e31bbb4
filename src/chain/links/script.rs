//! The process that hosts a script, where the record names no process but its command line (PowerShell 400, 600, 800).

use std::collections::{BTreeMap, BTreeSet};

use super::super::lineage::{Lineage, NodeId};
use super::Input;
use super::files::one_spelling;
use crate::knowledge::programs::{self, base_name};
use crate::lake::frame::{Frames, Row, StrId};
use crate::schema::{common, script};

/// λ of a process found by host and command line.
const STRENGTH: f64 = 0.7;
/// A host application runs its scripts within this time of its start.
const DAY_US: i64 = 24 * 3_600_000_000;
/// The record may carry a time a little before the process's.
const SLACK_US: i64 = 2_000_000;

/// Script hosts by host and command line, with their starts in order.
pub(super) struct Hosting {
    starts: BTreeMap<(StrId, String), Vec<(i64, NodeId)>>,
}

impl Hosting {
    /// Looks only at hosts that have a hit on such a record.
    pub(super) fn new(input: Input<'_>, lineage: &Lineage) -> Self {
        let rows = input.iter().flat_map(|(_, hit)| input.rows(hit));
        let hosts: BTreeSet<StrId> = rows.filter(|r| is_nameless(*r)).map(|r| r.id(common::HOST)).collect();
        let mut starts: BTreeMap<(StrId, String), Vec<(i64, NodeId)>> = BTreeMap::new();
        for (node, p) in lineage.iter().filter(|(_, p)| hosts.contains(&p.host)) {
            let base = base_name(input.cx.frames.text(p.image).unwrap_or(""));
            let (Some(start), Some(command)) = (p.start, input.cx.frames.text(p.cmdline)) else {
                continue;
            };
            if programs::contains(programs::SCRIPT_HOSTS, base) {
                starts
                    .entry((p.host, one_spelling(command)))
                    .or_default()
                    .push((start, node));
            }
        }
        starts.values_mut().for_each(|v| v.sort_unstable());
        Self { starts }
    }

    /// The latest start of the host application before the record.
    pub(super) fn of(&self, frames: &Frames, row: Row<'_>) -> Option<(NodeId, f64)> {
        if !is_nameless(row) {
            return None;
        }
        let command = one_spelling(frames.text(row.id(script::HOST_APP))?);
        let starts = self.starts.get(&(row.id(common::HOST), command))?;
        let at = starts
            .partition_point(|(s, _)| *s <= row.ts() + SLACK_US)
            .checked_sub(1)?;
        let (start, node) = *starts.get(at)?;
        (row.ts() - start <= DAY_US).then_some((node, STRENGTH))
    }
}

fn is_nameless(row: Row<'_>) -> bool {
    row.table().ix() == script::TABLE.ix() && row.int(script::PID).is_none() && row.text(script::HOST_APP).is_some()
}
