//! Is every byte of the lake as it was committed?

use rayon::prelude::*;

use super::{Lake, files};
use crate::base::error::Result;

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Path within the lake.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// Compares every file that the catalogue names with its BLAKE3. Returns the damages in the catalogue's order.
///
/// # Errors
/// Never for a damaged file; that is a result.
pub fn verify(lake: &Lake) -> Result<Vec<Damage>> {
    let check = |f: &super::catalogue::DataFile| {
        let path = f.path(lake.root());
        let reason = match files::digest(&path) {
            Err(e) => Some(e.to_string()),
            Ok((_, n)) if n != f.bytes => Some(format!("{n} bytes, committed were {}", f.bytes)),
            Ok((digest, _)) if digest != f.blake3 => Some("its bytes are not those that were committed".to_owned()),
            Ok(_) => None,
        };
        reason.map(|reason| Damage {
            path: format!("{}/date={}/{}", f.table, f.date, f.name),
            reason,
        })
    };
    Ok(lake.catalogue().files.par_iter().filter_map(check).collect())
}
