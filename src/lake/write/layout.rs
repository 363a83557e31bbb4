//! How files of the lake are laid out, decided by measurement (docs/benchmarks.md, Layout). Nothing here depends on memory,
//! threads or the order of inputs: equal rows give equal files.

/// Numbers of the layout; a field for each so that tests can reach every limit with few rows.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Rows of a page, a multiple of [`Layout::part_rows`].
    pub page_rows: usize,
    /// Rows after which it is looked at whether a page is full.
    pub part_rows: usize,
    /// Bytes of a page before compression at which it ends early.
    pub page_bytes: usize,
    /// Bytes of a dictionary; later values of the row group stand as they are.
    pub dict_bytes: usize,
    /// Distinct integers of a dictionary.
    pub dict_ints: usize,
    /// Rows of a row group: small enough that statistics and bloom filters skip most of a day, large enough that
    /// dictionaries pay.
    pub group_rows: usize,
    /// Bytes of a row group's compressed pages and dictionaries at which it ends early; bounds the writer's memory.
    pub group_bytes: usize,
    /// Rows after which [`Layout::group_bytes`] is looked at.
    pub check_rows: usize,
    /// Bytes of large values after which it is looked at, too.
    pub check_bytes: usize,
    /// Rows of a file: files are read in parallel, and a lookup opens those whose hosts fit.
    pub file_rows: u64,
    /// Bytes of a file.
    pub file_bytes: u64,
    /// Row groups with fewer rows carry no bloom filters: reading them whole is cheaper than asking.
    pub bloom_rows: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            page_rows: 16 << 10,
            part_rows: 1 << 10,
            page_bytes: 1 << 20,
            dict_bytes: 1 << 20,
            dict_ints: 32 << 10,
            group_rows: 128 << 10,
            group_bytes: 8 << 20,
            check_rows: 4 << 10,
            check_bytes: 8 << 20,
            file_rows: 1 << 20,
            file_bytes: 256 << 20,
            bloom_rows: 10_000,
        }
    }
}

#[cfg(test)]
impl Layout {
    /// A layout of which few rows reach every limit.
    pub fn narrow() -> Self {
        Self {
            page_rows: 4,
            part_rows: 2,
            page_bytes: 64,
            dict_bytes: 24,
            dict_ints: 3,
            group_rows: 8,
            group_bytes: 4_000,
            check_rows: 2,
            check_bytes: 10,
            file_rows: 16,
            file_bytes: 6_000,
            bloom_rows: 1,
        }
    }
}

/// Values above this count as large.
pub const LARGE: usize = 512;
/// Level of zstd.
pub const LEVEL: i32 = 1;
/// Bytes of a bound in statistics and page index.
pub const BOUND_BYTES: usize = 64;
/// False positives of bloom filters.
pub const BLOOM_FPP: f64 = 0.01;

/// Columns that people scope by; they carry bloom filters.
pub const BLOOM_COLUMNS: &[&str] = &[
    "user",
    "target_user",
    "src_ip",
    "dst_ip",
    "client_ip",
    "qname",
    "url_host",
    "dst_host",
    "tls_sni",
    "src_host",
    "md5",
    "sha1",
    "sha256",
    "imphash",
    "name",
    "image_name",
];
