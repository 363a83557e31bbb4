//! Windows events as text, for the formats that meet them: by themselves, and among events in XML.

use encoding_rs::Encoding;

use super::encoding;
use super::event::kv;
use super::framing::{Piece, RenderedEvents};
use super::sink::Sink;

/// Decodes the events of a text that begins at `offset` of the input; what stands in front of the first is rejected.
pub fn decode(text: &[u8], offset: u64, codepage: &'static Encoding, sink: &mut Sink<'_>) {
    for piece in RenderedEvents::new(text) {
        let (Piece::Record(at, bytes) | Piece::Damaged(at, bytes)) = piece;
        let offset = offset + at as u64;
        if piece.record().is_none() {
            sink.reject(offset, "text in front of the first event", bytes);
            continue;
        }
        let (text, _) = encoding::fallback(bytes, codepage);
        match kv::parse(&text, offset) {
            Ok(raw) => sink.event(&raw),
            Err(reason) => sink.reject(offset, reason, bytes),
        }
    }
}
