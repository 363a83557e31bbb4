//! The rows a signal gets: per table, in time order, for one key.

use std::sync::OnceLock;

use crate::base::ip::Ip;
use crate::lake::frame::{Frames, NO_STR, Row, StrId};
use crate::schema::{TABLES, Table, auth};

use super::hit::RowRef;
use super::meta::Key;

/// Rows of one key, table by table.
#[derive(Debug, Clone, Copy)]
pub struct KeyRows<'a> {
    frames: &'a Frames,
    /// The host or user; [`NO_STR`] for the fleet.
    pub key: StrId,
    rows: &'a [Vec<u32>],
    contacts: &'a OnceLock<Vec<Series>>,
}

/// What went to one destination: a [`Contact`](super::contacts::Contact) by the places of its rows, which several signals look at.
#[derive(Debug)]
pub(super) struct Series {
    pub key: String,
    pub e2ld: Option<String>,
    pub address: Option<Ip>,
    pub port: Option<i64>,
    pub rows: Vec<RowRef>,
}

/// Rows of one table for one key, in time order.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    frames: &'a Frames,
    table: &'static Table,
    rows: &'a [u32],
}

impl<'a> KeyRows<'a> {
    /// The rows of a table.
    pub fn table(&self, table: &'static Table) -> View<'a> {
        View {
            frames: self.frames,
            table,
            rows: self.rows.get(table.ix()).map_or(&[], Vec::as_slice),
        }
    }

    /// What went to each destination, worked out when first asked for.
    pub(super) fn series(&self, work: impl FnOnce() -> Vec<Series>) -> &'a [Series] {
        self.contacts.get_or_init(work)
    }

    /// A row.
    pub(super) fn row(&self, row: &RowRef) -> Row<'a> {
        self.frames.row(row.table, row.at)
    }

    /// The key as text.
    pub fn key(&self) -> &'a str {
        self.frames.text(self.key).unwrap_or("")
    }
}

impl<'a> View<'a> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows in time order (for the fleet: by host, then time).
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Row<'a>> + ExactSizeIterator + use<'a> {
        let (frames, table) = (self.frames, self.table);
        self.rows.iter().map(move |at| frames.row(table, *at))
    }

    /// The `i`-th row.
    pub fn get(&self, i: usize) -> Option<Row<'a>> {
        self.rows.get(i).map(|at| self.frames.row(self.table, *at))
    }

    /// The rows with `from <= ts <= to` (microseconds UTC). Only for rows in time order, that is not for the fleet.
    pub fn between(&self, from: i64, to: i64) -> View<'a> {
        let ts = |at: &u32| self.frames.row(self.table, *at).ts();
        let start = self.rows.partition_point(|at| ts(at) < from);
        let end = self.rows.partition_point(|at| ts(at) <= to);
        View {
            rows: self.rows.get(start..end).unwrap_or(&[]),
            ..*self
        }
    }
}

/// Groups of rows for each kind of key, made once per hunt.
#[derive(Debug)]
pub struct Groups {
    groups: Vec<Group>,
}

/// The key, its rows per table, and its contacts once they are known.
type Group = (StrId, Vec<Vec<u32>>, OnceLock<Vec<Series>>);

impl Groups {
    /// The groups of one kind of key, ordered by the key's text.
    pub fn new(frames: &Frames, key: Key) -> Self {
        match key {
            Key::Host => Self::by(frames, |_| true, |r| r.id(crate::schema::common::HOST)),
            Key::User => {
                // One group per user whatever the case in which sources write the name.
                let mut canonical = std::collections::HashMap::new();
                let names = frames.frame(&auth::TABLE).strs(auth::TARGET_USER);
                let mut first = std::collections::HashMap::new();
                for id in names.iter().copied().filter(|id| *id != NO_STR) {
                    canonical.entry(id).or_insert_with(|| {
                        let lower = frames.text(id).unwrap_or("").to_lowercase();
                        *first.entry(lower).or_insert(id)
                    });
                }
                Self::by(
                    frames,
                    |t| t.ix() == auth::TABLE.ix(),
                    |r| canonical.get(&r.id(auth::TARGET_USER)).copied().unwrap_or(NO_STR),
                )
            }
            Key::Fleet => {
                let rows = TABLES.iter().map(|t| order(frames, t).collect::<Vec<u32>>()).collect();
                Self {
                    groups: vec![(NO_STR, rows, OnceLock::new())],
                }
            }
        }
    }

    fn by(frames: &Frames, table: impl Fn(&Table) -> bool, key: impl Fn(Row<'_>) -> StrId) -> Self {
        let mut place = std::collections::HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        for t in TABLES.iter().copied().filter(|t| table(t)) {
            for at in order(frames, t) {
                let k = key(frames.row(t, at));
                if k == NO_STR {
                    continue;
                }
                let i = *place.entry(k).or_insert_with(|| {
                    groups.push((k, vec![Vec::new(); TABLES.len()], OnceLock::new()));
                    groups.len() - 1
                });
                if let Some(rows) = groups.get_mut(i).and_then(|(_, r, _)| r.get_mut(t.ix())) {
                    rows.push(at);
                }
            }
        }
        for (_, rows, _) in &mut groups {
            for (t, of_table) in TABLES.iter().copied().zip(rows) {
                // Groups that join hosts are not in time order yet.
                of_table.sort_by_key(|at| frames.row(t, *at).ts());
            }
        }
        groups.sort_by(|a, b| frames.text(a.0).cmp(&frames.text(b.0)));
        Self { groups }
    }

    /// The groups.
    pub fn iter<'a>(&'a self, frames: &'a Frames) -> impl Iterator<Item = KeyRows<'a>> {
        self.groups.iter().map(move |(key, rows, contacts)| KeyRows {
            frames,
            key: *key,
            rows,
            contacts,
        })
    }

    /// The groups as a slice, for parallel iteration.
    pub fn as_slice<'a>(&'a self, frames: &'a Frames) -> Vec<KeyRows<'a>> {
        self.iter(frames).collect()
    }
}

fn order(frames: &Frames, table: &'static Table) -> impl Iterator<Item = u32> + use<> {
    crate::entity::resolve::order_of(frames, table).into_iter()
}
