//! Shared by the tests of the formats.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::framing::JsonPlace;
use crate::ingest::sink::{RecordContext, Sink};

/// Where the collections of real logs lie, if they lie beside the project.
pub fn shared() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !path.is_dir() {
        eprintln!("skipped: no ../shared/data beside the project");
        return None;
    }
    Some(path)
}

/// A real log of the format collection; `None` skips the test.
pub fn sample(name: &str) -> Option<Vec<u8>> {
    std::fs::read(shared()?.join("formats").join(name)).ok()
}

/// Decodes a whole input as one block.
pub fn decode(format: &dyn Format, bytes: &[u8]) -> Sink<'static> {
    let mut carry = Carry {
        name: Arc::from("test"),
        ..Carry::default()
    };
    format.open(&Head::new(bytes, "test"), &mut carry);
    let mut sink = Sink::new(RecordContext {
        input: 0,
        format: format.id(),
        fallback_time: 0,
        zone: None,
        input_host: None,
    });
    let block = Block {
        bytes,
        offset: 0,
        place: JsonPlace::default(),
    };
    format.carry(&block, &mut carry.clone());
    format.decode(&block, &carry, &mut sink);
    format.close(bytes.len() as u64, &carry, &mut sink);
    sink
}

/// What a format says to the beginning of an input.
pub fn sniff(format: &dyn Format, bytes: &[u8]) -> Sniff {
    format.sniff(&Head::new(bytes, "test"))
}
