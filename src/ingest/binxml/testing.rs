//! Chunks made for tests.
#![allow(missing_docs)]

use crate::base::time::Ts;

/// When records made here were written.
pub const TIME: Ts = 1_700_000_000_000_000;

/// A value of an instance.
pub enum Value<'v> {
    /// Its type and bytes.
    Plain(u8, Vec<u8>),
    /// Binary XML.
    Nested(Box<dyn FnOnce(&mut Chunk) + 'v>),
}

/// A chunk in the making.
pub struct Chunk {
    bytes: Vec<u8>,
    records: u64,
    last: usize,
}

impl Default for Chunk {
    fn default() -> Self {
        let mut bytes = vec![0; 512];
        bytes[..8].copy_from_slice(b"ElfChnk\0");
        Self {
            bytes,
            records: 0,
            last: 0,
        }
    }
}

impl Chunk {
    pub fn new() -> Self {
        Self::default()
    }

    /// Offset of what is added next.
    pub fn at(&self) -> usize {
        self.bytes.len()
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn token(&mut self, token: u8) {
        self.bytes.push(token);
    }

    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    /// A string of the table; returns its offset.
    pub fn name(&mut self, name: &str) -> usize {
        let at = self.at();
        self.bytes(&[0; 6]);
        let units: Vec<u16> = name.encode_utf16().collect();
        self.u16(units.len() as u16);
        self.units(&units);
        self.u16(0);
        at
    }

    /// The offset of a name, and the name itself if it is new.
    pub fn reference(&mut self, name: &str) {
        let mut wanted = vec![0; 6];
        wanted.extend((name.len() as u16).to_le_bytes());
        wanted.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        wanted.extend([0, 0]);
        let known = self.bytes.windows(wanted.len()).position(|w| w == wanted);
        let here = self.at() + 4;
        self.u32(known.unwrap_or(here) as u32);
        if known.is_none() {
            self.name(name);
        }
    }

    /// The beginning of an element; with a dependency it is one of a template.
    pub fn open(&mut self, name: &str, depends: Option<u16>) {
        self.token(0x41);
        if let Some(depends) = depends {
            self.u16(depends);
        }
        self.u32(0);
        self.reference(name);
        self.u32(0);
    }

    pub fn attribute(&mut self, name: &str) {
        self.token(6);
        self.reference(name);
    }

    pub fn text(&mut self, text: &str) {
        self.bytes(&[5, 1]);
        let units: Vec<u16> = text.encode_utf16().collect();
        self.u16(units.len() as u16);
        self.units(&units);
    }

    /// The place of a value.
    pub fn value(&mut self, index: u16) {
        self.token(0x0D);
        self.u16(index);
        self.token(1);
    }

    /// An instance of a template that is defined right there: the tokens of its body, its values.
    pub fn instance(&mut self, body: impl FnOnce(&mut Chunk), values: Vec<Value<'_>>) {
        self.bytes(&[0x0F, 1, 1, 0, 0x0C, 1]);
        self.u32(0);
        let definition = self.at() + 4;
        self.u32(definition as u32);
        self.bytes(&[0; 24]);
        self.bytes(&[0x0F, 1, 1, 0]);
        body(self);
        self.token(0);
        let size = (self.at() - definition - 24) as u32;
        self.bytes[definition + 20..definition + 24].copy_from_slice(&size.to_le_bytes());
        self.u32(values.len() as u32);
        let mut entry = self.at();
        self.bytes(&vec![0; 4 * values.len()]);
        for value in values {
            let start = self.at();
            let kind = match value {
                Value::Plain(kind, bytes) => {
                    self.bytes(&bytes);
                    kind
                }
                Value::Nested(write) => {
                    write(self);
                    0x21
                }
            };
            let size = (self.at() - start) as u16;
            self.bytes[entry..entry + 2].copy_from_slice(&size.to_le_bytes());
            self.bytes[entry + 2] = kind;
            entry += 4;
        }
    }

    fn units(&mut self, units: &[u16]) {
        for unit in units {
            self.u16(*unit);
        }
    }

    /// A record with this binary XML.
    pub fn record(&mut self, body: &[u8]) {
        let start = self.begin();
        self.bytes(body);
        self.end(start);
    }

    /// Begins a record; what is added is its binary XML.
    pub fn begin(&mut self) -> usize {
        self.records += 1;
        self.last = self.at();
        let filetime = (TIME as u64 / 1_000_000 + 11_644_473_600) * 10_000_000;
        self.bytes(b"**\0\0\0\0\0\0");
        self.bytes(&self.records.to_le_bytes());
        self.bytes(&filetime.to_le_bytes());
        self.last
    }

    /// Ends the record that began at `start`.
    pub fn end(&mut self, start: usize) {
        let size = (self.at() - start + 4) as u32;
        self.u32(size);
        self.bytes[start + 4..start + 8].copy_from_slice(&size.to_le_bytes());
    }

    /// The chunk, 64 KiB long.
    pub fn done(mut self) -> Vec<u8> {
        let free = self.bytes.len() as u32;
        self.bytes[24..32].copy_from_slice(&1_u64.to_le_bytes());
        self.bytes[32..40].copy_from_slice(&self.records.to_le_bytes());
        self.bytes[44..48].copy_from_slice(&(self.last as u32).to_le_bytes());
        self.bytes[48..52].copy_from_slice(&free.to_le_bytes());
        self.bytes.resize(65_536, 0);
        self.bytes
    }
}
