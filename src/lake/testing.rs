//! Lakes of a few rows, for tests.

use super::Lake;
use super::catalogue::Input;
use super::commit::commit;
use super::staging::Staging;
use crate::schema::builder::TableSet;

/// Commits rows as those of one input.
pub fn commit_rows(lake: &mut Lake, staging: &Staging, set: &mut TableSet) {
    staging.add(set).unwrap();
    let mut inputs = [Input {
        content_id: blake3::hash(b"x").to_hex().to_string(),
        ..Input::default()
    }];
    commit(lake, staging, &mut inputs, &[]).unwrap();
}
