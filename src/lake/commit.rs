//! The commit: staged rows become files of the lake, day by day, and the catalogue names them in one rename.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ahash::RandomState;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch, UInt64Array};
use rayon::prelude::*;

use super::batch::internal;
use super::catalogue::{DataFile, Input, partition_dir, sync_dir};
use super::dedup::{self, Entry};
use super::staging::{Partition, Staging, day_name};
use super::{Lake, META_DIR, files};
use crate::base::error::{Error, Result};
use crate::schema::{TABLES, Table};

/// What a commit did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Committed {
    /// New rows.
    pub rows: u64,
    /// Files written.
    pub files: u64,
}

/// Commits staged rows. `inputs` is this run's inputs by their number in the rows' `file_id`; their `stored` and
/// `duplicates` are filled in. Inputs whose content the lake has, or that came twice, add nothing.
///
/// # Errors
/// On any failure the lake stays as it was.
pub fn commit(lake: &mut Lake, staging: &Staging, inputs: &mut [Input]) -> Result<Committed> {
    debug_assert!(lake.may_write());
    let plan = Plan::new(lake, inputs);
    let done: Vec<PartitionResult> = staging
        .partitions()
        .into_par_iter()
        .map(|p| commit_partition(lake, staging, &plan, p))
        .collect::<Result<_>>()?;
    let mut catalogue = lake.catalogue().clone();
    let mut out = Committed::default();
    let mut lost: HashMap<u64, u64, RandomState> = HashMap::default();
    let replaced: BTreeSet<(String, String, String)> = done
        .iter()
        .flat_map(|d| d.replaced.iter())
        .map(|f| (f.table.clone(), f.date.clone(), f.name.clone()))
        .collect();
    catalogue
        .files
        .retain(|f| !replaced.contains(&(f.table.clone(), f.date.clone(), f.name.clone())));
    let mut stored: HashMap<u64, u64, RandomState> = HashMap::default();
    for d in done {
        for (id, n) in d.stored {
            *stored.entry(id).or_default() += n;
            out.rows += n;
        }
        for (id, n) in d.lost {
            *lost.entry(id).or_default() += n;
        }
        if let Some(f) = d.file {
            out.files += 1;
            catalogue.files.push(f);
        }
    }
    for (ordinal, input) in inputs.iter_mut().enumerate() {
        let id = plan.ids.get(ordinal).copied().flatten();
        input.stored = id.and_then(|id| stored.get(&id)).copied().unwrap_or(0);
        input.duplicates = input.records.saturating_sub(input.rejected + input.stored);
    }
    for known in &mut catalogue.inputs {
        let n = lost.get(&known.file_id()).copied().unwrap_or(0);
        known.stored = known.stored.saturating_sub(n);
        known.duplicates += n;
    }
    let fresh = inputs
        .iter()
        .enumerate()
        .filter(|(i, _)| plan.ids.get(*i).copied().flatten().is_some())
        .map(|(_, input)| input.clone());
    catalogue.inputs.extend(fresh);
    catalogue.inputs.sort_by(|a, b| a.content_id.cmp(&b.content_id));
    catalogue
        .files
        .sort_by(|a, b| (&a.table, &a.date, &a.name).cmp(&(&b.table, &b.date, &b.name)));
    if catalogue != *lake.catalogue() {
        catalogue.generation += 1;
        lake.set_catalogue(catalogue)?;
    }
    remove_leftovers(lake)?;
    Ok(out)
}

/// Which inputs are new, by their number in this run.
struct Plan {
    ids: Vec<Option<u64>>,
}

impl Plan {
    fn new(lake: &Lake, inputs: &[Input]) -> Self {
        let mut seen = BTreeSet::new();
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_by_key(|i| inputs.get(*i).map(|x| &x.path));
        let mut ids = vec![None; inputs.len()];
        for i in order {
            let Some(input) = inputs.get(i) else { continue };
            let known = lake.catalogue().input(&input.content_id).is_some();
            let new = !input.content_id.is_empty() && !known && seen.insert(input.content_id.as_str());
            if let (true, Some(slot)) = (new, ids.get_mut(i)) {
                *slot = Some(input.file_id());
            }
        }
        Self { ids }
    }
}

#[derive(Default)]
struct PartitionResult {
    file: Option<DataFile>,
    replaced: Vec<DataFile>,
    /// Rows that stay, by new input.
    stored: BTreeMap<u64, u64>,
    /// Rows that gave way to a better copy, by older input.
    lost: BTreeMap<u64, u64>,
}

fn commit_partition(lake: &Lake, staging: &Staging, plan: &Plan, p: Partition) -> Result<PartitionResult> {
    let Some(table) = TABLES.get(p.0).copied() else {
        return Ok(PartitionResult::default());
    };
    let date = day_name(p.1);
    let mut batches = Vec::new();
    for b in staging.take(p)? {
        batches.extend(number_inputs(b, plan)?);
    }
    if batches.is_empty() {
        return Ok(PartitionResult::default());
    }
    let new_ids: BTreeSet<u64> = plan.ids.iter().flatten().copied().collect();
    let old: Vec<DataFile> = lake
        .catalogue()
        .files_of(table.name)
        .filter(|f| f.date == date)
        .cloned()
        .collect();
    let fresh_batches = batches.len() as u32;
    for f in &old {
        let columns: Vec<&str> = table.all_columns().map(|(_, c)| c.name).collect();
        for b in files::read(&f.path(lake.root()), table, &columns, files::ROW_GROUP_ROWS)? {
            batches.push(conform(table, b.map_err(internal)?)?);
        }
    }
    let mut split = dedup::split(&batches);
    let mut out = PartitionResult::default();
    for e in &split.dropped {
        if e.batch >= fresh_batches {
            *out.lost.entry(e.file_id).or_default() += 1;
        }
    }
    for e in &split.kept {
        if e.batch < fresh_batches && new_ids.contains(&e.file_id) {
            *out.stored.entry(e.file_id).or_default() += 1;
        }
    }
    if out.lost.is_empty() {
        // Nothing old gives way: the old files stay as they are.
        split.kept.retain(|e| e.batch < fresh_batches);
        batches.truncate(fresh_batches as usize);
    } else {
        out.replaced = old;
    }
    if !split.kept.is_empty() {
        out.file = Some(write_partition(lake, table, &date, &batches, split.kept)?);
    }
    Ok(out)
}

/// Gives a batch every column of the table, with nulls for those it lacks.
fn conform(table: &'static Table, batch: RecordBatch) -> Result<RecordBatch> {
    let schema = super::batch::arrow_schema(table);
    let columns = schema
        .fields()
        .iter()
        .map(|f| match batch.column_by_name(f.name()) {
            Some(c) => c.clone(),
            None => arrow_array::new_null_array(f.data_type(), batch.num_rows()),
        })
        .collect();
    RecordBatch::try_new(schema, columns).map_err(internal)
}

/// Replaces the run's numbers of inputs by content ids; drops the rows of inputs that add nothing.
fn number_inputs(batch: RecordBatch, plan: &Plan) -> Result<Option<RecordBatch>> {
    let place = batch.schema().index_of("file_id").map_err(internal)?;
    let numbers = batch.column(place).as_primitive::<UInt64Type>();
    let id = |n: u64| plan.ids.get(n as usize).copied().flatten();
    let keep: Vec<bool> = numbers.values().iter().map(|n| id(*n).is_some()).collect();
    if !keep.iter().any(|k| *k) {
        return Ok(None);
    }
    let ids: UInt64Array = numbers.values().iter().map(|n| id(*n)).collect();
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    if let Some(slot) = columns.get_mut(place) {
        *slot = Arc::new(ids);
    }
    let batch = RecordBatch::try_new(batch.schema(), columns).map_err(internal)?;
    if keep.iter().all(|k| *k) {
        return Ok(Some(batch));
    }
    let filtered = arrow_select::filter::filter_record_batch(&batch, &keep.into()).map_err(internal)?;
    Ok(Some(filtered))
}

fn write_partition(
    lake: &Lake,
    table: &'static Table,
    date: &str,
    batches: &[RecordBatch],
    kept: Vec<Entry>,
) -> Result<DataFile> {
    let (order, first, last) = sorted(batches, kept);
    let dir = partition_dir(lake.root(), table.name, date);
    files::make_dir(&dir)?;
    let tmp = dir.join(format!(".{date}.tmp"));
    let refs: Vec<&RecordBatch> = batches.iter().collect();
    let chunks = order
        .chunks(files::ROW_GROUP_ROWS / 4)
        .map(|chunk| arrow_select::interleave::interleave_record_batch(&refs, chunk).map_err(internal));
    files::write(&tmp, table, order.len(), chunks)?;
    let (blake3, bytes) = files::digest(&tmp)?;
    let name = format!("part-{}.parquet", blake3.get(..16).unwrap_or(&blake3));
    let path = dir.join(&name);
    fs::rename(&tmp, &path).map_err(|e| Error::io(&path, "cannot name a file of the lake", e))?;
    sync_dir(&dir).map_err(|e| Error::io(&dir, "cannot sync a folder of the lake", e))?;
    Ok(DataFile {
        table: table.name.to_owned(),
        date: date.to_owned(),
        name,
        rows: order.len() as u64,
        bytes,
        blake3,
        first,
        last,
    })
}

/// Places of the rows by (host, time, input, place), and the range of times.
fn sorted(batches: &[RecordBatch], kept: Vec<Entry>) -> (Vec<(usize, usize)>, i64, i64) {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for b in batches {
        names.extend(host_values(b).into_iter().flatten());
    }
    let rank: HashMap<&str, u32, RandomState> = names.iter().enumerate().map(|(i, n)| (*n, i as u32 + 1)).collect();
    let per_batch: Vec<(Vec<u32>, &[i64])> = batches
        .iter()
        .map(|b| {
            let of_value: Vec<u32> = host_values(b)
                .into_iter()
                .map(|v| v.and_then(|v| rank.get(v).copied()).unwrap_or(0))
                .collect();
            let hosts = host_keys(b)
                .map(|k| k.and_then(|k| of_value.get(k as usize).copied()).unwrap_or(0))
                .collect();
            let ts: &[i64] = b
                .column_by_name("ts")
                .and_then(|a| a.as_primitive_opt::<TimestampMicrosecondType>())
                .map_or(&[], |a| a.values());
            (hosts, ts)
        })
        .collect();
    let key = |e: &Entry| {
        let (hosts, ts) = per_batch.get(e.batch as usize).map_or((None, None), |(h, t)| {
            (h.get(e.at as usize).copied(), t.get(e.at as usize).copied())
        });
        (hosts.unwrap_or(0), ts.unwrap_or(0))
    };
    let mut rows: Vec<(u32, i64, u64, u64, u32, u32)> = kept
        .par_iter()
        .map(|e| {
            let (host, ts) = key(e);
            (host, ts, e.file_id, e.row, e.batch, e.at)
        })
        .collect();
    rows.par_sort_unstable();
    let first = rows.iter().map(|r| r.1).min().unwrap_or(0);
    let last = rows.iter().map(|r| r.1).max().unwrap_or(0);
    let order = rows.into_iter().map(|r| (r.4 as usize, r.5 as usize)).collect();
    (order, first, last)
}

fn host_values(b: &RecordBatch) -> Vec<Option<&str>> {
    b.column_by_name("host")
        .and_then(|a| a.as_dictionary_opt::<Int32Type>())
        .map(|d| d.values().as_string::<i32>().iter().collect())
        .unwrap_or_default()
}

fn host_keys(b: &RecordBatch) -> Box<dyn Iterator<Item = Option<i32>> + '_> {
    match b
        .column_by_name("host")
        .and_then(|a| a.as_dictionary_opt::<Int32Type>())
    {
        Some(d) => Box::new(d.keys().iter()),
        None => Box::new(std::iter::repeat_n(None, b.num_rows())),
    }
}

/// Removes what no catalogue names: files of a killed run, replaced files, staged segments.
pub fn remove_leftovers(lake: &Lake) -> Result<()> {
    let staging = lake.staging_dir();
    if staging.exists() {
        fs::remove_dir_all(&staging).map_err(|e| Error::io(&staging, "cannot remove staged segments", e))?;
    }
    let named: BTreeSet<_> = lake.catalogue().files.iter().map(|f| f.path(lake.root())).collect();
    for table in TABLES {
        let dir = lake.root().join(table.name);
        for day in list(&dir)? {
            for file in list(&day)? {
                let ours = file.extension().is_some_and(|e| e == "parquet" || e == "tmp");
                if ours && !named.contains(&file) {
                    fs::remove_file(&file).map_err(|e| Error::io(&file, "cannot remove a leftover", e))?;
                }
            }
            // An empty folder goes; one that holds something stays, and that is no error.
            let _ = fs::remove_dir(&day);
        }
    }
    debug_assert!(lake.root().join(META_DIR).exists());
    Ok(())
}

fn list(dir: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(e) => e,
        Err(e)
            if matches!(
                e.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(e) => return Err(Error::io(dir, "cannot list a folder of the lake", e)),
    };
    let mut paths: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.sort();
    Ok(paths)
}
