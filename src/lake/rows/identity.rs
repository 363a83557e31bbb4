//! What a row says, as a hash: equal for equal rows wherever they come from, so that copies are found.

use std::hash::{BuildHasher, Hasher};

use ahash::RandomState;

use super::{Column, Rows};
use crate::schema::builder::{NULL_CODE, NULL_INT};
use crate::schema::{Col, common};

/// Columns that say where a record was found, not what it is.
const PROVENANCE: &[Col] = &[common::FILE_ID, common::ROW, common::FORMAT];

impl Rows {
    /// A hash of everything that a row says, and nothing of where it was found.
    pub fn identity(&self, at: usize) -> u128 {
        let (mut a, mut b) = (
            RandomState::with_seeds(1, 2, 3, 4).build_hasher(),
            RandomState::with_seeds(5, 6, 7, 8).build_hasher(),
        );
        let mut write = |col: usize, bytes: &[u8]| {
            for h in [&mut a, &mut b] {
                h.write_u64((col as u64) << 48 | bytes.len() as u64);
                h.write(bytes);
            }
        };
        for (col, column) in self.columns.iter().enumerate() {
            if PROVENANCE.contains(&Col(col as u16)) {
                continue;
            }
            match column {
                Column::Null => {}
                Column::Int(v) => {
                    let v = v.get(at);
                    if v != NULL_INT {
                        write(col, &v.to_le_bytes());
                    }
                }
                Column::Text { codes, values } => {
                    let code = codes.code(at);
                    if code != NULL_CODE {
                        write(col, values.get(code));
                    }
                }
                Column::Fixed { .. } => {
                    if let Some(v) = column.fixed(at) {
                        write(col, v);
                    }
                }
                Column::List { .. } => {
                    if let Some(items) = column.list(at) {
                        write(col, &items.len().to_le_bytes());
                        items.for_each(|item| write(col, item));
                    }
                }
            }
        }
        u128::from(a.finish()) << 64 | u128::from(b.finish())
    }

    /// A cheap hash of a part of what [`Rows::identity`] covers: rows that differ here are not the same.
    pub fn glance(&self, at: usize) -> u64 {
        let mut h = 0u64;
        let mut mix = |v: u64| h = (h.rotate_left(23) ^ v).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for (col, column) in self.columns.iter().enumerate() {
            if PROVENANCE.contains(&Col(col as u16)) {
                continue;
            }
            // A column that is null in all rows here may hold values elsewhere: a null cell adds nothing.
            match column {
                Column::Int(v) => {
                    let v = v.get(at);
                    if v != NULL_INT {
                        mix(v as u64 ^ col as u64);
                    }
                }
                Column::Text { codes, values } => {
                    let code = codes.code(at);
                    if code != NULL_CODE {
                        let text = values.get(code);
                        let tail = text.last_chunk::<8>().map_or(0, |t| u64::from_le_bytes(*t));
                        mix(tail ^ (text.len() as u64) << 8 ^ col as u64);
                    }
                }
                _ => {}
            }
        }
        h
    }
}
