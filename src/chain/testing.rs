//! A small corpus and hand-made hits for the tests of chains and scores.

use std::borrow::Cow;

use crate::entity::fleet::Facts;
use crate::entity::lists::Lists;
use crate::entity::resolve::{self, Entities};
use crate::knowledge::Knowledge;
use crate::lake::batch;
use crate::lake::frame::Frames;
use crate::schema::builder::{TableBuilder, TableSet};
use crate::schema::{Table, common, process};
use crate::signals::{Cx, Hit, Key, Level, Meta, Prevalence};

/// Rows under construction; times are seconds.
#[derive(Default)]
pub struct Rows {
    set: TableSet,
    n: i64,
}

/// Resolved and counted rows.
pub struct Corpus {
    /// Rows.
    pub frames: Frames,
    /// Counts.
    pub facts: Facts,
    /// Who is who.
    pub entities: Entities,
    /// The user's lists.
    pub lists: Lists,
    /// The thresholds that differ.
    pub overrides: crate::signals::Overrides,
}

impl Rows {
    /// Adds a row; `source` is sysmon and `action` start unless the cells say otherwise.
    pub fn row(
        &mut self,
        table: &'static Table,
        host: &str,
        second: i64,
        cells: impl FnOnce(&mut TableBuilder),
    ) -> &mut Self {
        self.n += 1;
        let b = self.set.table(table);
        b.int(common::TS, second * 1_000_000);
        if !host.is_empty() {
            b.text(common::HOST, host);
        }
        b.text(common::TIME_QUALITY, "utc");
        b.int(common::FILE_ID, 1);
        b.int(common::ROW, self.n);
        cells(b);
        b.text(common::SOURCE, "sysmon");
        b.text(common::ACTION, "start");
        b.end_row();
        self
    }

    /// Adds a process start with guids.
    pub fn process(
        &mut self,
        host: &str,
        second: i64,
        guid: &str,
        parent: &str,
        image: &str,
        parent_image: &str,
    ) -> &mut Self {
        self.row(&process::TABLE, host, second, |b| {
            b.text(process::PROC_GUID, guid);
            b.text(process::PARENT_GUID, parent);
            b.int(process::PID, second % 10 + 1);
            b.text(process::IMAGE, image);
            b.text(process::PARENT_IMAGE, parent_image);
        })
    }

    /// Resolves and counts.
    pub fn corpus(&mut self) -> Corpus {
        let batches: Vec<_> = std::mem::take(&mut self.set)
            .into_builders()
            .map(|b| (b.table(), batch::from_builder(b).unwrap()))
            .collect();
        let mut frames = Frames::from_batches(&batches);
        let entities = resolve::resolve(&mut frames);
        let facts = Facts::count(&frames);
        Corpus {
            frames,
            facts,
            entities,
            lists: Lists::default(),
            overrides: crate::signals::Overrides::default(),
        }
    }
}

impl Corpus {
    /// What signals and scores see.
    pub fn cx(&self) -> Cx<'_> {
        Cx {
            frames: &self.frames,
            facts: &self.facts,
            knowledge: Knowledge::builtin(),
            lists: &self.lists,
            overrides: &self.overrides,
        }
    }

    /// A hit on a row, with full quality and no claim of rarity.
    pub fn hit(&self, meta: &'static Meta, table: &'static Table, at: u32, key: &str) -> Hit {
        Hit::at(
            meta,
            self.frames.row(table, at),
            key,
            format!("{} on {key}", meta.title),
        )
        .prevalence(Prevalence::Neutral)
    }
}

/// A signal that does not exist.
pub fn meta(
    id: &'static str,
    family: &'static str,
    stage: &'static str,
    level: Level,
    decisive: bool,
) -> &'static Meta {
    Box::leak(Box::new(Meta {
        id,
        title: id,
        sees: "",
        why: "",
        techniques: &[],
        stage,
        family,
        key: Key::Host,
        reads: &[],
        level,
        decisive,
        thresholds: &[],
        benign: &[],
    }))
}

/// With these techniques.
pub fn with_techniques(mut hit: Hit, ids: &[&'static str]) -> Hit {
    hit.techniques = ids.iter().map(|t| Cow::Borrowed(*t)).collect();
    hit
}
