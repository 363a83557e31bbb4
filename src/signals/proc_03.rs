//! PROC-03: a program starts a common program that it hardly ever starts.
//!
//! Sees: a pair of parent and child on at most two hosts (one in a hundred of a large fleet), whose child is common and whose parent starts
//! many other things. The desktop and shells do not count as parents: people start anything there.
//! Why: intruders make familiar programs do unfamiliar things; the pair shows it without a list.
//! Benign causes: new software and roll-outs (the pair becomes common within days), administrators who try something.
//! Sources: NoDoze (NDSS 2019) for pairs counted once per host; limits are judgement. The published vectors ask for a share of 0.005 and
//! for one start among 60 (0.017) to fire: the limit here is one in fifty.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command};
use super::{Cx, Hit, KeyRows, Prevalence, Signal};
use crate::entity::fleet::Thing;
use crate::knowledge::programs::{SHELLS, contains};
use crate::schema::process as t;

/// See the module.
pub struct Proc03;

static META: Meta = Meta {
    id: "PROC-03",
    title: "Rare parent and child",
    sees: "A common program started by a parent that starts many things but this one on at most two hosts (or 1 % of the fleet).",
    why: "Exploited and hollowed programs start what they never start elsewhere.",
    techniques: &[],
    stage: "execution",
    family: "process lineage",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "edge_hosts",
            value: 2.0,
            unit: "hosts with the pair, at most",
            source: "detection notes PROC-03 [J]",
        },
        Threshold {
            name: "edge_share",
            value: 0.01,
            unit: "share of the fleet, where that is more",
            source: "detection notes PROC-03 [J]",
        },
        Threshold {
            name: "child_hosts",
            value: 20.0,
            unit: "hosts that start the child",
            source: "detection notes PROC-03 [J]",
        },
        Threshold {
            name: "parent_starts",
            value: 50.0,
            unit: "starts by the parent",
            source: "detection notes PROC-03 [J]",
        },
        Threshold {
            name: "probability",
            value: 0.02,
            unit: "hosts with the pair per start by the parent",
            source: "[J] one strange child among fifty",
        },
    ],
    benign: &["new software and roll-outs", "administrators who try something"],
};

impl Signal for Proc03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let population = cx.facts.hosts_with(&t::TABLE);
        if f64::from(population) < cx.number(&META, "child_hosts") {
            return;
        }
        let most = (f64::from(population) * cx.number(&META, "edge_share")).max(cx.number(&META, "edge_hosts"));
        let mut seen = std::collections::HashSet::new();
        for row in starts::starts(rows.table(&t::TABLE)) {
            let (parent, child) = (row.str(t::PARENT_NAME), row.str(t::IMAGE_NAME));
            // People start anything from a desktop or a shell.
            let by_hand = parent == "explorer.exe" || contains(SHELLS, parent);
            if parent.is_empty() || child.is_empty() || parent == child || by_hand {
                continue;
            }
            if !seen.insert((row.id(t::PARENT_NAME), row.id(t::IMAGE_NAME))) {
                continue;
            }
            let key = format!("{parent}>{child}");
            let edge = cx.facts.seen(Thing::Edge, &key);
            let of_child = cx.facts.seen(Thing::Image, child).hosts;
            let of_parent = cx.facts.seen(Thing::Parent, parent).count;
            let probability = f64::from(edge.hosts) / (of_parent.max(1) as f64);
            if f64::from(edge.hosts) > most
                || f64::from(of_child) < cx.number(&META, "child_hosts")
                || (of_parent as f64) < cx.number(&META, "parent_starts")
                || probability > cx.number(&META, "probability")
            {
                continue;
            }
            let explain = format!(
                "{parent} started {child} ({}), as on {} of {population} hosts; {of_child} hosts start {child}, and {parent} started {of_parent} programs",
                command(row),
                edge.hosts
            );
            let hit = Hit::at(&META, row, key, explain)
                .quality(1.0 - probability / cx.number(&META, "probability").max(f64::EPSILON) / 2.0)
                .prevalence(Prevalence::Hosts {
                    hosts: edge.hosts.max(1),
                    population,
                });
            hits.push(hit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn hits(fleet: usize, having: usize, parent_starts: usize) -> usize {
        let mut sample = Sample::default();
        let mut start = |host: usize, parent: &str, child: &str| {
            sample.row(&t::TABLE, &format!("ws{host:03}"), "2026-03-02T09:00:00Z", |b| {
                b.text(t::IMAGE_NAME, child);
                b.text(t::PARENT_NAME, parent);
            });
        };
        for host in 0..fleet {
            start(host, "explorer.exe", "cmd.exe");
        }
        for n in 0..parent_starts {
            start(n % fleet, "msdtc.exe", "helper.exe");
        }
        for host in 0..having {
            start(host, "msdtc.exe", "cmd.exe");
        }
        sample
            .hits(&Proc03)
            .iter()
            .filter(|h| h.key == "msdtc.exe>cmd.exe")
            .count()
    }

    #[test]
    fn a_pair_of_one_host_fires_and_common_pairs_and_small_fleets_do_not() {
        assert_eq!(hits(40, 1, 100), 1);
        assert_eq!(hits(40, 30, 100), 0);
        assert_eq!(hits(40, 1, 2), 0);
        assert_eq!(hits(10, 1, 100), 0);
    }
}
