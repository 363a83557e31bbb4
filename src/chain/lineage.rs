//! Processes of all hosts as nodes with a pointer to their parent.
//!
//! A process is one node whatever logs saw it: Sysmon 1, Security 4688 and an EDR row of the same host, pid and image
//! within two seconds are the same start. Parents and acting processes that no row starts become nodes without a
//! start, so that two acts of one unlogged process still meet.

use std::collections::HashMap;

use ahash::RandomState;

use crate::entity::resolve;
use crate::knowledge::core_processes::core_process;
use crate::knowledge::programs::{self, base_name};
use crate::lake::frame::{Frames, NO_STR, Row, StrId};
use crate::schema::{Col, TABLES, Table, common, process};

/// Number of a process in [`Lineage`].
pub type NodeId = u32;

/// Rows of one start lie at most this far apart (detection.md 4).
const SAME_START_US: i64 = 2_000_000;
/// A start time given beside the pid counts as exact up to this distance.
const EXACT_START_US: i64 = 1_000_000;
/// A parent known by pid and name only is the same process for children within this time.
const UNLOGGED_US: i64 = 24 * 3_600_000_000;
/// A pid that comes without an image is the same process over pauses of at most this.
const UNNAMED_US: i64 = 3_600_000_000;
/// Starts looked back at for the same start without a pid.
const MAX_RECENT: usize = 64;
/// More children than this, or more distinct child images than [`HUB_IMAGES`]: a hub (detection.md 4).
const HUB_CHILDREN: usize = 200;
/// See [`HUB_CHILDREN`].
const HUB_IMAGES: usize = 50;
/// How far up a chain looks.
pub const MAX_DEPTH: usize = 12;

/// One process over its life.
#[derive(Debug, Clone)]
pub struct Process {
    /// Host.
    pub host: StrId,
    /// Start, microseconds UTC; `None` where only a child or an act names it.
    pub start: Option<i64>,
    /// End, where it was logged.
    pub end: Option<i64>,
    /// Process id.
    pub pid: Option<u32>,
    /// Sysmon ProcessGuid.
    pub guid: StrId,
    /// Path of the executable.
    pub image: StrId,
    /// Command line.
    pub cmdline: StrId,
    /// User it runs as.
    pub user: StrId,
    /// Parent.
    pub parent: Option<NodeId>,
    /// How sure the parent is, 0 to 1.
    pub parent_strength: f64,
    /// Whether everything on the machine is related through it, so that no chain passes.
    pub hub: bool,
    /// Its richest start row in the `process` table.
    pub row: Option<u32>,
}

/// All processes.
#[derive(Debug, Default)]
pub struct Lineage {
    nodes: Vec<Process>,
    guids: HashMap<(StrId, StrId), NodeId, RandomState>,
    pids: HashMap<(StrId, u32), Vec<NodeId>, RandomState>,
    unlogged: HashMap<(StrId, u32, StrId), (NodeId, i64), RandomState>,
    of_row: Vec<NodeId>,
    recent: Vec<NodeId>,
    acting: Vec<ActingColumns>,
}

/// Where a table keeps the acting process.
#[derive(Debug, Clone, Copy)]
struct ActingColumns {
    pid: Option<Col>,
    guid: Option<Col>,
    start: Option<Col>,
    image: Option<Col>,
}

const NONE: NodeId = NodeId::MAX;

impl Lineage {
    /// The processes of all rows. Numbers follow host, time and place, never the order of loading.
    pub fn new(frames: &Frames) -> Self {
        let mut out = Self {
            of_row: vec![NONE; frames.frame(&process::TABLE).len()],
            acting: TABLES.iter().copied().map(acting_columns).collect(),
            ..Self::default()
        };
        let order = resolve::order_of(frames, &process::TABLE);
        for at in &order {
            out.add_row(frames, frames.row(&process::TABLE, *at));
        }
        for at in &order {
            out.set_parent(frames, frames.row(&process::TABLE, *at));
        }
        out.mark_hubs(frames);
        out
    }

    /// A process.
    pub fn get(&self, node: NodeId) -> Option<&Process> {
        self.nodes.get(node as usize)
    }

    /// All processes with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Process)> {
        self.nodes.iter().enumerate().map(|(n, p)| (n as NodeId, p))
    }

    /// Whether no chain passes through it.
    pub fn is_hub(&self, node: NodeId) -> bool {
        self.get(node).is_some_and(|p| p.hub)
    }

    /// The process that acts in a row (of a start row: the process itself), and how sure that is: 1 by its guid, 0.9
    /// by pid and start time, 0.7 by pid and the time of the row. `None` where the row names no process.
    pub fn acting(&mut self, frames: &Frames, row: Row<'_>) -> Option<(NodeId, f64)> {
        if row.table().ix() == process::TABLE.ix() {
            let node = self.of_row.get(row.at() as usize).copied().filter(|n| *n != NONE)?;
            return Some((node, 1.0));
        }
        let columns = *self.acting.get(row.table().ix())?;
        let guid = columns.guid.map_or(NO_STR, |c| row.id(c));
        let pid = columns.pid.and_then(|c| row.int(c)).and_then(|p| u32::try_from(p).ok());
        let image = columns.image.map_or(NO_STR, |c| row.id(c));
        let start = columns.start.and_then(|c| row.int(c));
        let found = self.known(row, guid, pid, start);
        found.or_else(|| self.unlogged(frames, row, guid, pid, image))
    }

    /// The process of a guid on a host, if a row or a child names it.
    pub fn by_guid(&self, host: StrId, guid: StrId) -> Option<NodeId> {
        self.guids.get(&(host, guid)).copied()
    }

    /// The process with this pid at this time.
    pub fn by_pid(&self, host: StrId, pid: u32, ts: i64) -> Option<NodeId> {
        let list = self.pids.get(&(host, pid))?;
        let at = list.partition_point(|n| self.start_of(*n) <= ts.saturating_add(SAME_START_US));
        let node = list.get(at.checked_sub(1)?).copied()?;
        let ended = self
            .get(node)?
            .end
            .is_some_and(|e| e.saturating_add(SAME_START_US) < ts);
        (!ended).then_some(node)
    }

    /// The process and its ancestors, at most [`MAX_DEPTH`] steps up.
    pub fn upwards(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let parent = |n: &NodeId| self.get(*n).and_then(|p| p.parent);
        std::iter::successors(Some(node), parent).take(MAX_DEPTH + 1)
    }

    fn known(&self, row: Row<'_>, guid: StrId, pid: Option<u32>, start: Option<i64>) -> Option<(NodeId, f64)> {
        let host = row.id(common::HOST);
        if guid != NO_STR {
            return self.by_guid(host, guid).map(|n| (n, 1.0));
        }
        if let (Some(pid), Some(start)) = (pid, start) {
            let node = self.by_pid(host, pid, start)?;
            let exact = (self.start_of(node) - start).abs() <= EXACT_START_US;
            return exact.then_some((node, 0.9));
        }
        self.by_pid(host, pid?, row.ts()).map(|n| (n, 0.7))
    }

    /// A node for an acting process that no row starts.
    fn unlogged(
        &mut self,
        frames: &Frames,
        row: Row<'_>,
        guid: StrId,
        pid: Option<u32>,
        image: StrId,
    ) -> Option<(NodeId, f64)> {
        let host = row.id(common::HOST);
        if guid != NO_STR {
            let mut p = unlogged_process(frames, host, pid, image);
            p.guid = guid;
            p.user = row.id(common::USER);
            return Some((self.push(p), 1.0));
        }
        let node = self.by_name(frames, host, pid?, image, row.ts())?;
        Some((node, 0.7))
    }

    /// The unlogged process of this pid and image. A pid without an image is soon used by another process.
    fn by_name(&mut self, frames: &Frames, host: StrId, pid: u32, image: StrId, ts: i64) -> Option<NodeId> {
        if pid == 0 {
            return None;
        }
        let window = if image == NO_STR { UNNAMED_US } else { UNLOGGED_US };
        match self.unlogged.get_mut(&(host, pid, image)) {
            Some((node, last)) if (ts - *last).abs() <= window => {
                *last = ts;
                Some(*node)
            }
            _ => {
                let node = self.push(unlogged_process(frames, host, Some(pid), image));
                self.unlogged.insert((host, pid, image), (node, ts));
                Some(node)
            }
        }
    }

    fn push(&mut self, p: Process) -> NodeId {
        let node = self.nodes.len() as NodeId;
        if p.guid != NO_STR {
            self.guids.entry((p.host, p.guid)).or_insert(node);
        }
        self.nodes.push(p);
        node
    }

    fn start_of(&self, node: NodeId) -> i64 {
        self.get(node).and_then(|p| p.start).unwrap_or(i64::MIN)
    }

    fn add_row(&mut self, frames: &Frames, row: Row<'_>) {
        let (host, ts) = (row.id(common::HOST), row.ts());
        let pid = row.int(process::PID).and_then(|p| u32::try_from(p).ok());
        let guid = row.id(process::PROC_GUID);
        if row.text(common::ACTION) != Some("start") {
            let by_guid = (guid != NO_STR).then(|| self.by_guid(host, guid)).flatten();
            let node = by_guid.or_else(|| self.by_pid(host, pid?, ts));
            if let Some(node) = node {
                self.set_row(row, node);
                if let Some(p) = self.nodes.get_mut(node as usize) {
                    p.end = Some(p.end.map_or(ts, |e| e.max(ts)));
                }
            }
            return;
        }
        let start = row.int(process::PROC_START).unwrap_or(ts);
        let node = match self.same_start(frames, row, start) {
            Some(node) => {
                if let (Some(pid), Some(None)) = (pid, self.get(node).map(|p| p.pid)) {
                    self.insert_pid(host, pid, node, start);
                }
                node
            }
            None => {
                let node = self.push(new_process(row, host, guid, pid, start));
                if let Some(pid) = pid {
                    self.insert_pid(host, pid, node, start);
                }
                self.remember(node, host, start);
                node
            }
        };
        if let Some(p) = self.nodes.get_mut(node as usize) {
            fill(p, row, guid, pid, start);
        }
        if guid != NO_STR {
            self.guids.entry((host, guid)).or_insert(node);
        }
        self.set_row(row, node);
    }

    /// Keeps the list of a pid in the order of starts: an EDR's start time may lie before rows that were read earlier.
    fn insert_pid(&mut self, host: StrId, pid: u32, node: NodeId, start: i64) {
        let mut list = self.pids.remove(&(host, pid)).unwrap_or_default();
        let at = list.partition_point(|n| self.start_of(*n) <= start);
        list.insert(at.min(list.len()), node);
        self.pids.insert((host, pid), list);
    }

    fn set_row(&mut self, row: Row<'_>, node: NodeId) {
        if let Some(slot) = self.of_row.get_mut(row.at() as usize) {
            *slot = node;
        }
    }

    /// The node that another log made of the same start.
    fn same_start(&self, frames: &Frames, row: Row<'_>, start: i64) -> Option<NodeId> {
        let host = row.id(common::HOST);
        let guid = row.id(process::PROC_GUID);
        if guid != NO_STR
            && let Some(node) = self.by_guid(host, guid)
        {
            return Some(node);
        }
        let Some(pid) = row.int(process::PID).and_then(|p| u32::try_from(p).ok()) else {
            return self.same_command(frames, row, start, false);
        };
        let Some(node) = self.by_pid(host, pid, start) else {
            return self.same_command(frames, row, start, true);
        };
        let p = self.get(node)?;
        let near = p.start.is_some_and(|s| (s - start).abs() <= SAME_START_US);
        let other_guid = guid != NO_STR && p.guid != NO_STR;
        // Paths differ in case and device names between logs; base names do not.
        let base = |id: StrId| base_name(frames.text(id).unwrap_or("")).to_lowercase();
        let (a, b) = (base(p.image), base(row.id(process::IMAGE)));
        match near && !other_guid && (a.is_empty() || b.is_empty() || a == b) {
            true => Some(node),
            false => self.same_command(frames, row, start, true),
        }
    }

    /// The same start in a log that lost the pid (a collector's own field of that name hides Sysmon's): same image and
    /// command line, one of the two with a pid and the other with a guid.
    fn same_command(&self, frames: &Frames, row: Row<'_>, start: i64, has_pid: bool) -> Option<NodeId> {
        let base = |id: StrId| base_name(frames.text(id).unwrap_or("")).to_lowercase();
        let command = |id: StrId| {
            frames
                .text(id)
                .unwrap_or("")
                .replace("%%", "%")
                .split_whitespace()
                .collect::<String>()
        };
        let (image, cmdline) = (row.id(process::IMAGE), row.id(process::CMDLINE));
        let guid = row.id(process::PROC_GUID);
        self.recent.iter().copied().find(|node| {
            self.get(*node).is_some_and(|p| {
                p.host == row.id(common::HOST)
                    && p.pid.is_some() != has_pid
                    && (p.guid != NO_STR) != (guid != NO_STR)
                    && p.start.is_some_and(|s| (s - start).abs() <= SAME_START_US)
                    && base(p.image) == base(image)
                    && (p.cmdline == NO_STR || cmdline == NO_STR || command(p.cmdline) == command(cmdline))
            })
        })
    }

    fn remember(&mut self, node: NodeId, host: StrId, start: i64) {
        let nodes = &self.nodes;
        self.recent.retain(|n| {
            let p = nodes.get(*n as usize);
            p.is_some_and(|p| p.host == host && p.start.is_some_and(|s| start - s <= SAME_START_US))
        });
        if self.recent.len() >= MAX_RECENT {
            self.recent.remove(0);
        }
        self.recent.push(node);
    }

    fn set_parent(&mut self, frames: &Frames, row: Row<'_>) {
        let Some(node) = self.of_row.get(row.at() as usize).copied().filter(|n| *n != NONE) else {
            return;
        };
        if row.text(common::ACTION) != Some("start") || self.get(node).is_none_or(|p| p.parent_strength >= 1.0) {
            return;
        }
        let found = self.parent_of(frames, row, node);
        let Some((parent, strength)) = found.filter(|(parent, _)| *parent != node) else {
            return;
        };
        if let Some(p) = self.nodes.get_mut(node as usize)
            && strength > p.parent_strength
        {
            p.parent = Some(parent);
            p.parent_strength = strength;
        }
    }

    fn parent_of(&mut self, frames: &Frames, row: Row<'_>, node: NodeId) -> Option<(NodeId, f64)> {
        let host = row.id(common::HOST);
        let guid = row.id(process::PARENT_GUID);
        let ppid = row.int(process::PPID).and_then(|p| u32::try_from(p).ok());
        let image = row.id(process::PARENT_IMAGE);
        if guid != NO_STR {
            let parent = self.by_guid(host, guid).unwrap_or_else(|| {
                let mut p = unlogged_process(frames, host, ppid, image);
                p.guid = guid;
                p.cmdline = row.id(process::PARENT_CMDLINE);
                p.user = row.id(process::PARENT_USER);
                self.push(p)
            });
            return Some((parent, 1.0));
        }
        let ppid = ppid?;
        let start = self.start_of(node);
        if let Some(parent_start) = row.int(process::PARENT_START) {
            let exact = self.by_pid(host, ppid, parent_start);
            if let Some(parent) = exact.filter(|p| (self.start_of(*p) - parent_start).abs() <= EXACT_START_US) {
                return Some((parent, 0.9));
            }
        } else if let Some(parent) = self
            .by_pid(host, ppid, start)
            .filter(|p| *p != node && self.start_of(*p) <= start)
        {
            return Some((parent, 0.7));
        }
        self.by_name(frames, host, ppid, image, start).map(|p| (p, 0.7))
    }

    fn mark_hubs(&mut self, frames: &Frames) {
        let mut children: HashMap<NodeId, Vec<StrId>, RandomState> = HashMap::default();
        for p in &self.nodes {
            if let Some(parent) = p.parent {
                children.entry(parent).or_default().push(p.image);
            }
        }
        for (node, p) in self.nodes.iter_mut().enumerate() {
            let by_data = children.get_mut(&(node as NodeId)).is_some_and(|images| {
                let many = images.len() > HUB_CHILDREN;
                images.sort_unstable();
                images.dedup();
                many || images.len() > HUB_IMAGES
            });
            p.hub = by_data || is_hub_name(frames.text(p.image).unwrap_or(""));
        }
    }
}

fn new_process(row: Row<'_>, host: StrId, guid: StrId, pid: Option<u32>, start: i64) -> Process {
    Process {
        host,
        start: Some(start),
        end: None,
        pid,
        guid,
        image: row.id(process::IMAGE),
        cmdline: row.id(process::CMDLINE),
        user: NO_STR,
        parent: None,
        parent_strength: 0.0,
        hub: false,
        row: Some(row.at()),
    }
}

fn unlogged_process(frames: &Frames, host: StrId, pid: Option<u32>, image: StrId) -> Process {
    Process {
        host,
        start: None,
        end: None,
        pid,
        guid: NO_STR,
        image,
        cmdline: NO_STR,
        user: NO_STR,
        parent: None,
        parent_strength: 0.0,
        hub: is_hub_name(frames.text(image).unwrap_or("")),
        row: None,
    }
}

/// Takes from a second row of the same start what the first one left open.
fn fill(p: &mut Process, row: Row<'_>, guid: StrId, pid: Option<u32>, start: i64) {
    let or = |have: StrId, new: StrId| if have == NO_STR { new } else { have };
    if p.cmdline == NO_STR && row.id(process::CMDLINE) != NO_STR {
        p.row = Some(row.at());
    }
    p.start = Some(p.start.map_or(start, |s| s.min(start)));
    p.pid = p.pid.or(pid);
    p.guid = or(p.guid, guid);
    p.image = or(p.image, row.id(process::IMAGE));
    p.cmdline = or(p.cmdline, row.id(process::CMDLINE));
    p.user = or(p.user, or(row.id(process::TARGET_USER), row.id(common::USER)));
}

/// By name, unless the path is wrong for that name: a svchost in a user's folder is no hub.
fn is_hub_name(image: &str) -> bool {
    let base = base_name(image);
    programs::contains(programs::HUB_PROCESSES, base) && core_process(base).is_none_or(|c| c.allows_path(image))
}

fn acting_columns(table: &'static Table) -> ActingColumns {
    let find = |name: &str| table.find(name).map(|(c, _)| c);
    ActingColumns {
        pid: find("pid"),
        guid: find("proc_guid"),
        start: find("proc_start"),
        image: find("image"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::testing::Rows;
    use crate::schema::network;

    #[test]
    fn sysmon_and_security_rows_of_one_start_are_one_process() {
        let mut rows = Rows::default();
        rows.process("pc", 10, "p1", "p0", r"C:\a\evil.exe", r"C:\Windows\explorer.exe");
        rows.row(&process::TABLE, "pc", 11, |b| {
            b.text(common::SOURCE, "security");
            b.int(process::PID, 1);
            b.text(process::IMAGE, r"C:\A\EVIL.EXE");
            b.text(process::IMAGE_NAME, "evil.exe");
        });
        let corpus = rows.corpus();
        let mut l = Lineage::new(&corpus.frames);
        let a = l
            .acting(&corpus.frames, corpus.frames.row(&process::TABLE, 0))
            .unwrap()
            .0;
        let b = l
            .acting(&corpus.frames, corpus.frames.row(&process::TABLE, 1))
            .unwrap()
            .0;
        assert_eq!(a, b);
        let parent = l.get(a).unwrap().parent.unwrap();
        assert!(l.is_hub(parent) && l.get(parent).unwrap().start.is_none());
    }

    #[test]
    fn a_start_that_lost_its_pid_is_found_by_its_command() {
        let mut rows = Rows::default();
        for (second, guid) in [(10, "a"), (40, "b")] {
            rows.row(&process::TABLE, "pc", second, |b| {
                b.text(process::PROC_GUID, guid);
                b.text(process::IMAGE, r"C:\w\cmd.exe");
                b.text(process::CMDLINE, "cmd /c %%COMSPEC%% /c x");
            });
        }
        rows.row(&process::TABLE, "pc", 41, |b| {
            b.int(process::PID, 9);
            b.text(process::IMAGE, r"C:\W\cmd.exe");
            b.text(process::CMDLINE, "cmd  /c %COMSPEC% /c x");
        });
        let c = rows.corpus();
        let mut l = Lineage::new(&c.frames);
        let mut node = |at| l.acting(&c.frames, c.frames.row(&process::TABLE, at)).unwrap().0;
        let (first, second, third) = (node(0), node(1), node(2));
        assert!(second == third && first != second);
        assert_eq!(
            l.by_pid(c.frames.row(&process::TABLE, 2).id(common::HOST), 9, 60_000_000),
            Some(second)
        );
    }

    #[test]
    fn a_pid_means_the_process_that_had_it_then() {
        let mut rows = Rows::default();
        for (at, image) in [(10, "one.exe"), (100, "two.exe")] {
            rows.row(&process::TABLE, "pc", at, |b| {
                b.int(process::PID, 77);
                b.text(process::IMAGE, image);
            });
        }
        rows.row(&process::TABLE, "pc", 50, |b| {
            b.text(common::ACTION, "end");
            b.int(process::PID, 77);
        });
        for at in [20, 70, 120] {
            rows.row(&network::TABLE, "pc", at, |b| b.int(network::PID, 77));
        }
        let corpus = rows.corpus();
        let mut l = Lineage::new(&corpus.frames);
        let mut image = |at| {
            let (node, strength) = l.acting(&corpus.frames, corpus.frames.row(&network::TABLE, at))?;
            assert!((strength - 0.7).abs() < 1e-9);
            corpus.frames.text(l.get(node)?.image).map(str::to_owned)
        };
        assert_eq!(image(0).as_deref(), Some("one.exe"));
        assert_eq!(image(1).as_deref(), None, "it had ended");
        assert_eq!(image(2).as_deref(), Some("two.exe"));
    }

    #[test]
    fn a_core_name_in_a_wrong_folder_is_no_hub() {
        assert!(is_hub_name(r"C:\Windows\System32\svchost.exe"));
        assert!(!is_hub_name(r"C:\Users\Public\svchost.exe"));
        assert!(!is_hub_name(r"C:\Windows\System32\cmd.exe"));
    }

    #[test]
    fn circles_of_parents_end() {
        let mut rows = Rows::default();
        rows.process("pc", 1, "a", "b", "a.exe", "b.exe");
        rows.process("pc", 2, "b", "a", "b.exe", "a.exe");
        let corpus = rows.corpus();
        let l = Lineage::new(&corpus.frames);
        assert!(l.upwards(0).count() <= MAX_DEPTH + 1);
    }
}
