//! Where the text of a field stands in a row.

use crate::schema::{Col, common};

/// How columns give a field's text back, as the log wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    /// A column of text.
    Text(Col),
    /// A number in decimal.
    Int(Col),
    /// A number as `0x…` in lower case.
    Hex(Col),
    /// `true` or `false`.
    Bool(Col),
    /// An address.
    Ip(Col),
    /// A time in Sysmon's form, `2025-09-20 11:05:00.123`.
    Time(Col),
    /// The hashes of a row as Sysmon joins them: `SHA1=…,MD5=…,SHA256=…,IMPHASH=…`.
    Hashes,
    /// One hash in lower case.
    Hash(Col),
    /// Items joined by commas; each also stands alone.
    List(Col),
    /// Two texts with a character between: `DOMAIN\user`, a registry key and its value. One alone where the other is null.
    Joined(Col, Col, char),
    /// A text behind a character that the log writes: `?` before a query.
    Behind(char, Col),
    /// A text for each stored word.
    Words(Col, Vec<(&'static str, &'static str)>),
    /// `true` for an address of version 6.
    IsV6(Col),
    /// `scheme://host:port/path?query`.
    Url,
    /// The first that has a value.
    First(Vec<Access>),
    /// All that have a value, each by itself.
    Each(Vec<Access>),
    /// Every text of the row: for words without a field.
    Everything,
}

/// Where a field's value is found: the original in `extra` first, because it is there only where columns do not re-create
/// it, then columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Reach {
    /// Columns.
    pub columns: Option<Access>,
    /// Names in `extra`.
    pub extra: Vec<String>,
    /// Whether names in `extra` count each by themselves, beside the columns.
    pub each: bool,
}

impl Access {
    /// The columns that it reads. [`Access::Hashes`], [`Access::Url`] and [`Access::Everything`] name theirs by the table.
    pub fn columns(&self, out: &mut Vec<Col>) {
        match self {
            Access::Text(c) | Access::Int(c) | Access::Hex(c) | Access::Bool(c) | Access::Ip(c) | Access::Time(c) => {
                out.push(*c)
            }
            Access::Hash(c) | Access::List(c) | Access::Behind(_, c) | Access::Words(c, _) | Access::IsV6(c) => {
                out.push(*c)
            }
            Access::Joined(a, b, _) => out.extend([*a, *b]),
            Access::First(list) | Access::Each(list) => list.iter().for_each(|a| a.columns(out)),
            Access::Hashes | Access::Url | Access::Everything => {}
        }
    }

    /// Whether `extra` may hold the field in another form beside the column: hashes in another order, `user@domain`.
    pub fn has_forms(&self) -> bool {
        match self {
            Access::Hashes => true,
            Access::Joined(_, user, _) => *user == common::USER,
            _ => false,
        }
    }

    /// Whether a null column means that `extra` holds one of the few texts that mean nothing, or none at all.
    pub fn is_plain_text(&self) -> bool {
        match self {
            Access::Text(_) => true,
            Access::First(list) => list.iter().all(Access::is_plain_text),
            _ => false,
        }
    }
}
