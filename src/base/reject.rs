//! A record that could not be read: counted, kept, never dropped silently.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::text;

/// How many bytes of a rejected record are kept for the analyst.
pub const HEAD_BYTES: usize = 200;

/// One record that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Byte offset of the record in its (decompressed) input.
    pub offset: u64,
    /// Why, in words that tell what to do.
    pub reason: Cow<'static, str>,
    /// The first [`HEAD_BYTES`] bytes, escaped for printing.
    pub head: String,
}

impl Reject {
    /// Builds a reject from the raw bytes of the record.
    pub fn new(offset: u64, reason: impl Into<Cow<'static, str>>, record: &[u8]) -> Self {
        Self {
            offset,
            reason: reason.into(),
            head: text::escape_head(record, HEAD_BYTES),
        }
    }
}
