//! Writing the files of a day: rows in order, cut into files of bounded size, named after their content.
//!
//! The parquet crate's own Arrow writer hashes and compares the text of every cell, though the rows come with codes;
//! here a distinct text is looked at once a row group. Bloom filters, page index and footer are the crate's.

mod bound;
mod column;
mod delta;
pub mod extra_names;
mod file;
mod ints;
pub mod layout;
mod page_header;
mod pages;
mod rle;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

pub use layout::Layout;

use file::FileWriter;

use super::catalogue::{DataFile, partition_dir};
use super::files;
use super::merge::{Pick, View};
use crate::base::error::{Error, Result};
use crate::schema::{Table, common};

/// Writes the rows of one day of one table.
pub struct DayWriter<'l> {
    root: &'l Path,
    table: &'static Table,
    date: String,
    layout: Layout,
    open: Option<Open>,
    done: Vec<DataFile>,
}

struct Open {
    file: FileWriter,
    tmp: PathBuf,
    first: i64,
    last: i64,
    host: Vec<u8>,
}

impl<'l> DayWriter<'l> {
    /// A writer into the lake at `root`; no file is made before the first row.
    pub fn new(root: &'l Path, table: &'static Table, date: &str, layout: &Layout) -> Self {
        Self {
            root,
            table,
            date: date.to_owned(),
            layout: layout.clone(),
            open: None,
            done: Vec::new(),
        }
    }

    /// The table.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Adds picked rows, which come in order.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn append(&mut self, slots: &View, mut picks: &[Pick]) -> Result<()> {
        while !picks.is_empty() {
            let open = match &mut self.open {
                Some(o) => o,
                None => {
                    let new = self.create()?;
                    self.open.insert(new)
                }
            };
            let n = open.until_cut(slots, picks, &self.layout);
            if n == 0 {
                self.end_file()?;
                continue;
            }
            let n = open.append(slots, picks.get(..n).unwrap_or(picks))?;
            picks = picks.get(n..).unwrap_or(&[]);
        }
        Ok(())
    }

    fn create(&self) -> Result<Open> {
        let dir = partition_dir(self.root, self.table.name, &self.date);
        files::make_dir(&dir)?;
        let tmp = dir.join(format!(".{}-{}.tmp", self.date, self.done.len()));
        Ok(Open {
            file: FileWriter::create(tmp.clone(), self.table, &self.layout)?,
            tmp,
            first: i64::MAX,
            last: i64::MIN,
            host: Vec::new(),
        })
    }

    fn end_file(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let written = open.file.finish()?;
        let dir = partition_dir(self.root, self.table.name, &self.date);
        let name = format!("part-{}.parquet", written.blake3.get(..16).unwrap_or(&written.blake3));
        let path = dir.join(&name);
        fs::rename(&open.tmp, &path).map_err(|e| Error::io(&path, "cannot name a file of the lake", e))?;
        self.done.push(DataFile {
            table: self.table.name.to_owned(),
            date: self.date.clone(),
            name,
            rows: written.rows,
            bytes: written.bytes,
            blake3: written.blake3,
            tail: Some(written.tail),
            first: open.first,
            last: open.last,
        });
        Ok(())
    }

    /// Ends the last file; all files, durable and under their names.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn finish(mut self) -> Result<Vec<DataFile>> {
        self.end_file()?;
        Ok(self.done)
    }
}

impl Open {
    /// How many of the rows belong to this file. One that has its size ends where the next host begins, so that the
    /// hosts of files of one commit do not overlap; one of twice the rows ends anywhere.
    fn until_cut(&self, slots: &View, picks: &[Pick], layout: &Layout) -> usize {
        let large = self.file.bytes() >= layout.file_bytes;
        let rows = self.file.rows();
        if !large && rows + picks.len() as u64 <= layout.file_rows {
            return picks.len();
        }
        let mut before = self.host.as_slice();
        for (i, p) in picks.iter().enumerate() {
            let (rows, now) = (rows + i as u64, host(slots, *p));
            let may = rows > 0 && (large || rows >= layout.file_rows);
            if rows >= layout.file_rows * 2 || (may && now != before) {
                return i;
            }
            before = now;
        }
        picks.len()
    }

    fn append(&mut self, slots: &View, picks: &[Pick]) -> Result<usize> {
        let n = self.file.append(slots, picks)?;
        let taken = picks.get(..n).unwrap_or(picks);
        for p in taken {
            if let Some(s) = slots.get(p.slot) {
                let ts = s.rows.int(common::TS, p.at as usize);
                self.first = self.first.min(ts);
                self.last = self.last.max(ts);
            }
        }
        if let Some(p) = taken.last() {
            self.host.clear();
            self.host.extend_from_slice(host(slots, *p));
        }
        Ok(n)
    }
}

fn host(slots: &View, p: Pick) -> &[u8] {
    let rows = slots.get(p.slot).map(|s| &s.rows);
    rows.and_then(|r| r.text(common::HOST, p.at as usize)).unwrap_or(&[])
}
