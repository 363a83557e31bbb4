//! The objects of a block, read as they are found.

use std::cell::Cell;

use encoding_rs::Encoding;
use simdutf8::basic::from_utf8;

use super::Object;
use super::outline::Outlines;
use crate::ingest::encoding;
use crate::ingest::formats::{Block, Carry};
use crate::ingest::framing::{JsonObjects, Piece};
use crate::ingest::sink::Sink;

/// Visits every object of a block with its offset in the input and its bytes; `visit` says why one is no record.
///
/// Bytes that are no whole object are rejected here. A record that is not UTF-8 is read with the code page.
pub fn each(
    block: &Block<'_>,
    carry: &Carry,
    sink: &mut Sink<'_>,
    mut visit: impl FnMut(Object<'_>, u64, &mut Sink<'_>) -> Result<(), &'static str>,
) {
    let codepage = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
    let text = from_utf8(block.bytes).ok();
    let mut objects = JsonObjects::at(block.bytes, block.place);
    let mut outlines = outlines();
    let mut room = 64;
    let read = |room: usize, at: usize, outlines: &mut Outlines| outlines.read(text?.get(at..)?, room);
    while let Some(next) = objects.next_with(|at| read(room, at, &mut outlines)) {
        let (at, bytes, outcome) = match next {
            Ok((at, bytes, read)) => {
                let object = outlines.object(read);
                // The next record is probably like this one.
                room = object.len() + 8;
                (at, bytes, visit(object, block.offset + at as u64, sink))
            }
            Err(Piece::Record(at, bytes)) => (
                at,
                bytes,
                odd(bytes, codepage, block.offset + at as u64, sink, &mut visit),
            ),
            Err(Piece::Damaged(at, bytes)) => (at, bytes, Err("not a whole JSON object; cut off or damaged")),
        };
        if let Err(reason) = outcome {
            sink.reject(block.offset + at as u64, reason, bytes);
        }
    }
    OUTLINES.set(Some(outlines));
}

thread_local! {
    /// Those of earlier blocks: most logs go on as they began.
    static OUTLINES: Cell<Option<Outlines>> = const { Cell::new(None) };
}

/// Those of earlier blocks, unless they have no room for what comes.
fn outlines() -> Outlines {
    OUTLINES.take().filter(|o| !o.is_full()).unwrap_or_default()
}

/// A record that the scanner did not take, or in a block that is not UTF-8.
fn odd(
    bytes: &[u8],
    codepage: &'static Encoding,
    offset: u64,
    sink: &mut Sink<'_>,
    visit: &mut impl FnMut(Object<'_>, u64, &mut Sink<'_>) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let (text, _) = encoding::fallback(bytes, codepage);
    let object = Object::parse(&text).ok_or("not a JSON object; the record is cut off or not JSON")?;
    visit(object, offset, sink)
}
