//! A Windows event as text, for the formats that meet it: by itself, and among events in XML.

use encoding_rs::Encoding;

use super::encoding;
use super::event::kv;
use super::sink::Sink;

/// Takes one event that stands at `offset` of the input.
pub fn event(bytes: &[u8], offset: u64, codepage: &'static Encoding, sink: &mut Sink<'_>) {
    let (text, _) = encoding::fallback(bytes, codepage);
    match kv::parse(&text, offset) {
        Ok(raw) => sink.event(&raw),
        Err(reason) => sink.reject(offset, reason, bytes),
    }
}
