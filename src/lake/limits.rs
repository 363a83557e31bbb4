//! How the memory of staging and commit is divided. What is written does not depend on it.

/// Division of a budget in bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Rows in memory before they are spilled.
    pub staged: usize,
    /// Rows in memory at which a spill begins while others go on adding.
    pub spill_at: usize,
    /// What the commit may take beside the staged rows.
    pub merge: usize,
    /// Rows of a chunk on disk, in bytes in memory.
    pub chunk_bytes: usize,
    /// Rows handed to the writer at a time.
    pub batch_rows: usize,
    /// Rows of one host and millisecond that are told apart in memory.
    pub group_rows: usize,
    /// Bytes of rows that a merge may hold after it has passed them.
    pub pinned_bytes: usize,
    /// Entries of a large group that are sorted in memory.
    pub entries: usize,
}

/// What one day's writer takes beside the rows it reads: pages under way, dictionaries, a row group's compressed pages.
pub const WRITER_BYTES: usize = 24 << 20;

/// What the program itself takes, and each of its threads: a block or two under way and what decodes them.
const PROGRAM_BYTES: u64 = 48 << 20;
const THREAD_BYTES: u64 = 16 << 20;

/// Bytes that staging and commit may take together where the program may take `limit`: two thirds of what it does not need
/// itself. The last third is for rows under construction, for those on their way to disk, and for what the allocator holds.
/// Peaks of anonymous memory measured with 1 GB of JSON and 250 MB of Zeek: 195 of 256 MiB and 375 MiB of 1 GiB (all rows
/// stay in memory) with 2 threads, 620 MiB of 1 GiB with 16; 5 GB of JSON with 2 threads: 500 MiB of 1 GiB.
pub fn budget(limit: u64, threads: usize) -> usize {
    let own = PROGRAM_BYTES + THREAD_BYTES * threads as u64;
    let free = limit.saturating_sub(own).max(limit / 4);
    usize::try_from(free / 3 * 2).unwrap_or(usize::MAX)
}

impl Limits {
    /// Divides `budget` bytes, which staging and commit take together.
    pub fn new(budget: usize) -> Self {
        let staged = budget / 8 * 5;
        Self {
            staged,
            spill_at: staged / 4 * 3,
            merge: budget - staged,
            chunk_bytes: (budget / 1024).clamp(64 << 10, 256 << 10),
            batch_rows: 8 << 10,
            group_rows: 64 << 10,
            pinned_bytes: (budget / 32).clamp(256 << 10, 8 << 20),
            entries: 64 << 10,
        }
    }

    /// Days that may be committed at the same time.
    pub fn days(&self, threads: usize) -> usize {
        (self.merge / (WRITER_BYTES * 3 / 2)).clamp(1, threads.max(1))
    }

    /// What the runs of one of `days` days may take while they are read.
    pub fn runs(&self, days: usize) -> usize {
        (self.merge / days.max(1))
            .saturating_sub(WRITER_BYTES)
            .max(self.chunk_bytes * 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_make_up_the_budget() {
        for mib in [40, 102, 410, 4_000] {
            let l = Limits::new(mib << 20);
            assert!(l.staged + l.merge <= mib << 20, "{mib}");
            let days = l.days(16);
            assert!(mib < 100 || days * (WRITER_BYTES + l.runs(days)) <= l.merge, "{mib}");
        }
        assert_eq!([256, 1_024].map(|mib| budget(mib << 20, 2) >> 20), [117, 629]);
        assert_eq!([64, 1_024].map(|mib| budget(mib << 20, 16) >> 20), [10, 480]);
        assert_eq!(Limits::new(410 << 20).days(2), 2);
        assert_eq!(Limits::new(102 << 20).days(2), 1);
    }
}
