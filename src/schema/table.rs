//! What a table is: a name, a doc and typed columns.

use super::common;

/// Index of a column within its table: the common columns first, then the table's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Col(pub u16);

/// Number of common columns.
pub const COMMON_LEN: u16 = common::COLUMNS.len() as u16;

/// The type of a column, in memory and in Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Microseconds since 1970-01-01 UTC; Parquet `TIMESTAMP(MICROS, UTC)`.
    Ts,
    /// Text with few distinct values; dictionary encoded.
    Dict,
    /// Text with many distinct values.
    Text,
    /// Unsigned integers.
    U8,
    /// 16 bits.
    U16,
    /// 32 bits.
    U32,
    /// 64 bits.
    U64,
    /// Signed 32 bits.
    I32,
    /// 32-bit float.
    F32,
    /// True or false.
    Bool,
    /// IP address as 16 bytes, IPv4 mapped into IPv6.
    Ip,
    /// MAC address, 6 bytes.
    Mac,
    /// MD5 or import hash, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// List of texts.
    List,
}

impl Kind {
    /// Width in bytes of the fixed-width binary kinds.
    pub fn width(self) -> Option<usize> {
        match self {
            Kind::Ip | Kind::Md5 => Some(16),
            Kind::Mac => Some(6),
            Kind::Sha1 => Some(20),
            Kind::Sha256 => Some(32),
            _ => None,
        }
    }

    /// Smallest and largest value of an integer from a log; none is in the bounds of other kinds.
    pub(super) fn bounds(self) -> (i64, i64) {
        match self {
            Kind::U8 => (0, u8::MAX.into()),
            Kind::U16 => (0, u16::MAX.into()),
            Kind::U32 => (0, u32::MAX.into()),
            Kind::I32 => (i32::MIN.into(), i32::MAX.into()),
            // By its bits; one value stands for null.
            Kind::U64 => (i64::MIN + 1, i64::MAX),
            _ => (0, -1),
        }
    }

    /// Whether a value is text.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::Dict | Kind::Text)
    }
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Name in Parquet and SQL.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// What it holds; becomes `docs/lake_format.md`.
    pub doc: &'static str,
}

/// One event table.
#[derive(Debug)]
pub struct Table {
    pub(crate) ix: super::TableIx,
    /// Folder in the lake and name in SQL.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    /// The table's own columns, after the common ones.
    pub columns: &'static [Column],
}

impl Table {
    /// Place in [`super::TABLES`].
    pub fn ix(&self) -> usize {
        self.ix as usize
    }

    /// Number of columns, common ones included.
    pub fn width(&self) -> usize {
        common::COLUMNS.len() + self.columns.len()
    }

    /// The column behind an index.
    #[inline]
    pub fn column(&self, col: Col) -> Option<&'static Column> {
        match col.0.checked_sub(COMMON_LEN) {
            None => common::COLUMNS.get(col.0 as usize),
            Some(own) => self.columns.get(own as usize),
        }
    }

    /// The names of columns.
    pub fn names(&self, columns: &[Col]) -> Vec<&'static str> {
        columns.iter().filter_map(|c| Some(self.column(*c)?.name)).collect()
    }

    /// All columns with their indices, common ones first.
    pub fn all_columns(&self) -> impl Iterator<Item = (Col, &'static Column)> + use<> {
        common::COLUMNS
            .iter()
            .chain(self.columns.iter())
            .enumerate()
            .map(|(i, c)| (Col(i as u16), c))
    }

    /// All columns in the order of the file: `extra` comes last so that scans skip it.
    pub fn file_columns(&self) -> impl Iterator<Item = (Col, &'static Column)> + use<> {
        self.all_columns()
            .filter(|(c, _)| *c != common::EXTRA)
            .chain(self.all_columns().filter(|(c, _)| *c == common::EXTRA))
    }

    /// The column with this name.
    pub fn find(&self, name: &str) -> Option<(Col, &'static Column)> {
        self.all_columns().find(|(_, c)| c.name == name)
    }
}

/// Declares the columns of one table: a constant per column and the `TABLE`.
macro_rules! columns {
    ($table:ident, $doc:literal, { $($konst:ident $name:literal $kind:ident $about:literal;)* }) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, dead_code)]
        enum Ix { $($konst),* }
        $(#[doc = $about] pub const $konst: $crate::schema::Col =
            $crate::schema::Col($crate::schema::COMMON_LEN + Ix::$konst as u16);)*
        #[doc = $doc]
        pub static TABLE: $crate::schema::Table = $crate::schema::Table {
            ix: $crate::schema::TableIx::$table,
            name: stringify!($table),
            doc: $doc,
            columns: &[$($crate::schema::Column {
                name: $name, kind: $crate::schema::Kind::$kind, doc: $about,
            }),*],
        };
    };
}
