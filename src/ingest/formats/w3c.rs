//! W3C extended log files: columns named by `#Fields`. ProxySG, IIS and the Windows firewall write them.
//!
//! `#Fields` may change in mid-file; the header in force travels with the blocks.

mod header;
mod key_value;
mod midnights;

use std::sync::Arc;

use header::{Header, Kind};

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::framing::Framing;
use crate::ingest::lines::{emptied, lines, peel, text, texts};
use crate::ingest::raw::Raw;
use crate::ingest::sink::Sink;

/// Header-driven logs separated by blanks or tabs.
pub struct W3c;

impl Format for W3c {
    fn id(&self) -> &'static str {
        "w3c"
    }

    fn about(&self) -> &'static str {
        "W3C extended logs with #Fields headers (Symantec ProxySG/Edge SWG, IIS, Windows firewall)"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let carry = Carry::default();
        let mut header = Header::default();
        let (mut main_format, mut pairs) = (0, 0);
        let lines = head.lines(15);
        for line in &lines {
            let payload = peel(line, &carry).payload.trim_start();
            header.update(payload);
            main_format += usize::from(header::is_main_format(payload));
            pairs += usize::from(key_value::is_proxy(payload));
        }
        match header.kind() {
            Kind::Foreign => Sniff::No("#Fields separated by commas: another kind of log"),
            Kind::None if main_format * 2 > lines.len() => Sniff::Yes(60, "ProxySG main format without header".into()),
            Kind::None if pairs * 2 > lines.len() => Sniff::Yes(80, "ProxySG key=value lines".into()),
            Kind::None => Sniff::No("no #Fields line"),
            Kind::Other => Sniff::Yes(60, "#Fields header".into()),
            kind => Sniff::Yes(95, format!("#Fields header of {}", kind.name())),
        }
    }

    fn carry(&self, block: &Block<'_>, carry: &mut Carry) {
        let mut header = Header::load(&carry.header);
        if memchr::memchr(b'#', block.bytes).is_none() && !header.is_dateless() {
            return;
        }
        for (_, line) in lines(block) {
            let may_be_header = memchr::memchr(b'#', line).is_some();
            if may_be_header || header.is_dateless() {
                let line = text(line, carry.codepage);
                header.take(peel(&line, carry).payload);
            }
        }
        carry.header = Arc::from(header.save().into_bytes());
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let mut header = Header::load(&carry.header);
        let (mut cells, mut fields) = (Vec::new(), Vec::new());
        for (offset, bytes, decoded) in texts(block, carry.codepage) {
            let line = peel(&decoded, carry);
            if header.take(line.payload) {
                continue;
            }
            if header.kind() == Kind::None && key_value::is_proxy(line.payload) {
                sink.event(&key_value::record(&line, offset));
                continue;
            }
            if header.kind() == Kind::None && header::is_main_format(line.payload) {
                header = Header::main_format();
            }
            let mut raw = Raw::log(header.kind().name(), offset);
            raw.fields = std::mem::take(&mut fields);
            let mut room = std::mem::take(&mut cells);
            match header.record(&line, &carry.name, &mut room, &mut raw) {
                Ok(()) => {
                    raw.placed = header.placed(&room);
                    sink.event(&raw);
                }
                Err(reason) => sink.reject(offset, reason, bytes),
            }
            fields = emptied(raw.into_fields());
            cells = emptied(room);
        }
    }
}

#[cfg(test)]
mod tests;
