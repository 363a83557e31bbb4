//! The commit: staged rows become files of the lake, day by day, and the catalogue names them in one rename.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalogue::{DataFile, Input, Packed};
use super::day::{Day, DayResult, commit_days};
use super::merge::FileIds;
use super::staging::{Staging, day_name};
use super::sync::sync_files;
use super::torn::Torn;
use super::{Lake, leftovers};
use crate::base::error::Result;
use crate::schema::TABLES;

/// What a commit did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Committed {
    /// New rows.
    pub rows: u64,
    /// Files written.
    pub files: u64,
}

/// Commits staged rows. `inputs` is this run's inputs by their number in the rows' `file_id`; their `stored` and
/// `duplicates` are filled in. Inputs whose content the lake has, or that came twice, add nothing. `packed` are the packed
/// files that inputs came from.
///
/// # Errors
/// On any failure the lake stays as it was.
pub fn commit(lake: &mut Lake, staging: &Staging, inputs: &mut [Input], packed: &[Packed]) -> Result<Committed> {
    debug_assert!(lake.may_write());
    let ids = file_ids(lake, inputs);
    let days: Vec<Day> = staging
        .take(&ids)
        .into_iter()
        .filter_map(|((table, day), feeds)| {
            let table = TABLES.get(table).copied()?;
            let date = day_name(day);
            let old = lake.catalogue().files_of(table.name).filter(|f| f.date == date);
            Some(Day {
                table,
                old: old.cloned().collect(),
                date,
                feeds,
            })
        })
        .collect();
    let new: BTreeSet<u64> = ids.iter().flatten().copied().collect();
    let known = lake.catalogue().inputs.iter();
    let torn = Torn::of(
        known.chain(
            ids.iter()
                .zip(inputs.iter())
                .filter(|(id, _)| id.is_some())
                .map(|(_, i)| i),
        ),
    );
    let done = commit_days(lake.root(), days, &new, &torn, staging);
    let out = done.and_then(|done| publish(lake, inputs, packed, &ids, &new, done));
    settle(lake, out)
}

/// Puts days that were merged anew into the catalogue; copies that were found on the way are no longer stored.
pub(super) fn commit_merged(lake: &mut Lake, done: Result<Vec<DayResult>>) -> Result<()> {
    let out = done.and_then(|done| publish(lake, &mut [], &[], &FileIds::default(), &BTreeSet::new(), done));
    settle(lake, out).map(|_| ())
}

/// Removes what a commit replaced; or, where it failed, what it wrote: the disk may be full.
fn settle(lake: &Lake, out: Result<Committed>) -> Result<Committed> {
    match &out {
        Ok(_) => leftovers::remove(lake)?,
        Err(_) => leftovers::remove_failed(lake),
    }
    out
}

/// Puts what was written into the catalogue.
fn publish(
    lake: &mut Lake,
    inputs: &mut [Input],
    packed: &[Packed],
    ids: &FileIds,
    new: &BTreeSet<u64>,
    done: Vec<DayResult>,
) -> Result<Committed> {
    let written: Vec<_> = done
        .iter()
        .flat_map(|d| d.files.iter().map(|f| f.path(lake.root())))
        .collect();
    sync_files(lake.root(), &written)?;
    let mut catalogue = lake.catalogue().clone();
    let mut out = Committed::default();
    let (mut stored, mut lost) = (BTreeMap::<u64, u64>::new(), BTreeMap::<u64, u64>::new());
    let key = |f: &DataFile| (f.table.clone(), f.date.clone(), f.name.clone());
    let replaced: BTreeSet<_> = done.iter().flat_map(|d| d.replaced.iter()).map(key).collect();
    catalogue.files.retain(|f| !replaced.contains(&key(f)));
    for d in done {
        for (id, n) in d.tally.kept.iter().filter(|(id, _)| new.contains(id)) {
            *stored.entry(*id).or_default() += n;
            out.rows += n;
        }
        for (id, n) in d.tally.dropped.iter().filter(|(id, _)| !new.contains(id)) {
            *lost.entry(*id).or_default() += n;
        }
        out.files += d.files.len() as u64;
        catalogue.files.extend(d.files);
    }
    for (id, input) in ids.iter().zip(inputs.iter_mut()) {
        input.stored = id.and_then(|id| stored.get(&id)).copied().unwrap_or(0);
        input.duplicates = input.records.saturating_sub(input.rejected + input.stored);
    }
    for known in &mut catalogue.inputs {
        let n = lost.get(&known.file_id()).copied().unwrap_or(0);
        known.stored = known.stored.saturating_sub(n);
        known.duplicates += n;
    }
    let fresh = ids.iter().zip(inputs.iter()).filter(|(id, _)| id.is_some());
    catalogue.inputs.extend(fresh.map(|(_, input)| input.clone()));
    catalogue.inputs.sort_by(|a, b| a.content_id.cmp(&b.content_id));
    catalogue.remember(packed);
    catalogue
        .files
        .sort_by(|a, b| (&a.table, &a.date, &a.name).cmp(&(&b.table, &b.date, &b.name)));
    if catalogue != *lake.catalogue() {
        catalogue.generation += 1;
        lake.set_catalogue(catalogue)?;
    }
    Ok(out)
}

/// The content ids of this run's inputs by their number; `None` for those whose content the lake has or that came twice.
fn file_ids(lake: &Lake, inputs: &[Input]) -> FileIds {
    let mut seen = BTreeSet::new();
    let mut order: Vec<(usize, &Input)> = inputs.iter().enumerate().collect();
    order.sort_by_key(|(_, input)| &input.path);
    let mut ids = vec![None; inputs.len()];
    for (i, input) in order {
        let known = lake.catalogue().input(&input.content_id).is_some();
        let new = !input.content_id.is_empty() && !known && seen.insert(input.content_id.as_str());
        if let (true, Some(slot)) = (new, ids.get_mut(i)) {
            *slot = Some(input.file_id());
        }
    }
    Arc::new(ids)
}
