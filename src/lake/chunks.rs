//! Row groups as the Parquet reader wants them, with one decompressor a thread: the reader's own makes two of more than a
//! hundred kilobytes for each column of each row group, which takes longer than a small file.

use std::cell::RefCell;
use std::fs::File;
use std::sync::Arc;

use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;
use zstd::zstd_safe;

/// Some row groups of a file.
pub struct Groups {
    /// The file.
    pub file: Arc<File>,
    /// Its footer.
    pub metadata: Arc<ParquetMetaData>,
    /// Which of its row groups.
    pub groups: Vec<usize>,
}

impl RowGroups for Groups {
    fn num_rows(&self) -> usize {
        self.row_groups()
            .filter_map(|g| usize::try_from(g.num_rows()).ok())
            .sum()
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>> {
        Ok(Box::new(Chunks {
            file: Arc::clone(&self.file),
            metadata: Arc::clone(&self.metadata),
            groups: self.groups.clone().into_iter(),
            leaf,
        }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        let all = self.metadata.row_groups();
        Box::new(self.groups.iter().filter_map(move |g| all.get(*g)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// One column of some row groups.
struct Chunks {
    file: Arc<File>,
    metadata: Arc<ParquetMetaData>,
    groups: std::vec::IntoIter<usize>,
    leaf: usize,
}

impl Chunks {
    fn open(&self, group: usize) -> Result<Box<dyn PageReader>> {
        let missing = || ParquetError::General(format!("no column {} in row group {group}", self.leaf));
        let of_group = self.metadata.row_groups().get(group).ok_or_else(missing)?;
        let chunk = of_group.columns().get(self.leaf).ok_or_else(missing)?;
        let locations = self.metadata.page_index();
        let locations = locations.and_then(|i| i.page_locations(group, self.leaf).cloned());
        let rows = usize::try_from(of_group.num_rows()).unwrap_or(0);
        let file = Arc::clone(&self.file);
        if !matches!(chunk.compression(), Compression::ZSTD(_)) {
            return Ok(Box::new(SerializedPageReader::new(file, chunk, rows, locations)?));
        }
        // Told that nothing is compressed, the reader hands the pages over as they are.
        let packed = chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED);
        let pages = SerializedPageReader::new(file, &packed.build()?, rows, locations)?;
        Ok(Box::new(Unpacked { pages }))
    }
}

impl Iterator for Chunks {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let group = self.groups.next()?;
        Some(self.open(group))
    }
}

impl PageIterator for Chunks {}

/// The pages of a column, decompressed.
struct Unpacked {
    pages: SerializedPageReader<File>,
}

impl PageReader for Unpacked {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.pages.get_next_page()?.map(unpack).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.pages.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> Result<Option<Page>> {
        self.pages.take_deferred_dictionary()?.map(unpack).transpose()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

impl Iterator for Unpacked {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

fn unpack(mut page: Page) -> Result<Page> {
    match &mut page {
        Page::DictionaryPage { buf, .. } | Page::DataPage { buf, .. } => *buf = decompress(buf, 0)?.into(),
        Page::DataPageV2 {
            buf,
            is_compressed,
            rep_levels_byte_len,
            def_levels_byte_len,
            ..
        } if *is_compressed => {
            let levels = rep_levels_byte_len.saturating_add(*def_levels_byte_len) as usize;
            *buf = decompress(buf, levels)?.into();
        }
        Page::DataPageV2 { .. } => {}
    }
    Ok(page)
}

/// Decompresses what stands behind the first `plain` bytes.
fn decompress(packed: &[u8], plain: usize) -> Result<Vec<u8>> {
    type Unpacker = Option<zstd::bulk::Decompressor<'static>>;
    thread_local! {
        static UNPACKER: RefCell<Unpacker> = const { RefCell::new(None) };
    }
    let damaged = |e: &dyn std::fmt::Display| ParquetError::General(format!("a page cannot be decompressed: {e}"));
    let (levels, packed) = packed
        .split_at_checked(plain)
        .ok_or_else(|| damaged(&"it is shorter than its levels"))?;
    if packed.is_empty() {
        return Ok(levels.to_vec());
    }
    let size = zstd_safe::get_frame_content_size(packed).ok().flatten();
    // As many bytes as the header of a page can state.
    let size = size.and_then(|n| i32::try_from(n).ok()).map(|n| n as usize);
    let size = size.ok_or_else(|| damaged(&"it does not tell its size"))?;
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(u) => u,
            None => unpacker.insert(zstd::bulk::Decompressor::new().map_err(|e| damaged(&e))?),
        };
        let values = unpacker.decompress(packed, size).map_err(|e| damaged(&e))?;
        Ok(match levels {
            [] => values,
            levels => [levels, &values].concat(),
        })
    })
}
