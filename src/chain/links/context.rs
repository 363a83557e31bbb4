//! What chains are built from beside the rows of their hits.

use std::collections::BTreeSet;

use super::super::lineage::Lineage;
use super::{Input, files, network, reached, script, session};
use crate::lake::frame::StrId;
use crate::schema::{common, process};
use crate::signals::{Cx, Hit, RowRef};

/// Of the rows that `cx` holds, which are all those of some hosts, the ones that [`build`](crate::chain::build()) looks at for these hits,
/// whatever their levels become and whichever of them are kept: without the others it builds the same chains. Those of the hits
/// themselves are not among them.
pub fn context(cx: &Cx<'_>, hits: &[Hit]) -> Vec<RowRef> {
    let order: Vec<usize> = (0..hits.len()).collect();
    let input = Input {
        hits,
        order: &order,
        cx,
    };
    let mut lineage = Lineage::new(cx.frames);
    let hosting = script::Hosting::new(input, &lineage);
    let mut around = BTreeSet::new();
    for row in input.iter().flat_map(|(_, hit)| input.rows(hit)) {
        for (node, _) in reached(input, &mut lineage, &hosting, row) {
            around.extend(lineage.upwards(node));
        }
    }
    let mut out: Vec<RowRef> = processes(input);
    let written = files::written(input, &lineage, &around);
    out.extend(written.into_iter().map(|(row, _)| RowRef::from(row)));
    out.extend(network::near_hits(input).into_iter().map(RowRef::from));
    out.extend(session::logons(input).into_iter().map(RowRef::from));
    out
}

/// The processes of the hosts that have hits.
fn processes(input: Input<'_>) -> Vec<RowRef> {
    let frames = input.cx.frames;
    let hosts: BTreeSet<StrId> = input.iter().map(|(_, h)| h.host).collect();
    let all = 0..frames.frame(&process::TABLE).len() as u32;
    let rows = all.map(|at| frames.row(&process::TABLE, at));
    rows.filter(|r| hosts.contains(&r.id(common::HOST)))
        .map(RowRef::from)
        .collect()
}
