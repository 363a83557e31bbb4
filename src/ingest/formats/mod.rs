//! Syntax: one file per log format. A format turns a block of bytes into raw events and knows nothing of their meaning.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::framing::{Framing, JsonPlace};
use super::lines;
use super::sink::Sink;
use crate::base::time::{DateOrder, Ts};

/// Lines that every sniffer may ask for: more than that only the one format that an input is of.
const LINES_KEPT: usize = 60;

/// The beginning of an input, decompressed and in UTF-8, and its name.
#[derive(Debug)]
pub struct Head<'a> {
    /// Up to 256 KiB.
    pub bytes: &'a [u8],
    /// Path of the input, with `!member` for members of archives.
    pub name: &'a str,
    /// Where the first [`LINES_KEPT`] lines are, once somebody asked.
    lines: OnceLock<Vec<Range<usize>>>,
}

impl<'a> Head<'a> {
    /// The beginning `bytes` of the input `name`.
    pub fn new(bytes: &'a [u8], name: &'a str) -> Self {
        Self {
            bytes,
            name,
            lines: OnceLock::new(),
        }
    }

    /// The first `n` lines that are not blank, lossily decoded, without line ends.
    pub fn lines(&self, n: usize) -> Vec<Cow<'a, str>> {
        let bytes = self.bytes;
        let text = |place: Range<usize>| String::from_utf8_lossy(bytes.get(place).unwrap_or_default());
        if n > LINES_KEPT {
            return self.places().take(n).map(text).collect();
        }
        let kept = self.lines.get_or_init(|| self.places().take(LINES_KEPT).collect());
        kept.iter().take(n).cloned().map(text).collect()
    }

    /// Where the lines are that are not blank.
    fn places(&self) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let block = Block {
            bytes: self.bytes,
            ..Block::default()
        };
        lines::lines(&block).map(|(at, line)| at as usize..at as usize + line.len())
    }
}

/// How sure a format is that an input is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sniff {
    /// It is not; why, in a few words.
    No(&'static str),
    /// It is, with a confidence of 1 (could be) to [`CERTAIN`] (magic bytes).
    Yes(u8, String),
}

/// The confidence that leaves no question to other formats.
pub const CERTAIN: u8 = 100;

/// State that a block needs from the blocks before it (the header in force, the order of dates).
#[derive(Debug, Clone, Default)]
pub struct Carry {
    /// Header lines in force at the beginning of the block.
    pub header: Arc<[u8]>,
    /// Order of day and month in numeric dates.
    pub date_order: Option<DateOrder>,
    /// The input's own time, for years that lines do not name.
    pub input_time: Ts,
    /// Base name of the input, for dates that only the name holds.
    pub name: Arc<str>,
    /// Code page for bytes that are not UTF-8; windows-1252 if none.
    pub codepage: Option<&'static encoding_rs::Encoding>,
}

/// A run of whole records.
#[derive(Debug, Clone, Copy, Default)]
pub struct Block<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Offset of the first byte in the decompressed input.
    pub offset: u64,
    /// For JSON, where in the document the block begins.
    pub place: JsonPlace,
}

/// One log format.
pub trait Format {
    /// Short name, as `--format` takes it.
    fn id(&self) -> &'static str;
    /// One line for `coldtrail formats`.
    fn about(&self) -> &'static str;
    /// How blocks are cut.
    fn framing(&self) -> Framing;
    /// Whether the input is of this format, told by content.
    fn sniff(&self, head: &Head<'_>) -> Sniff;
    /// State at the beginning of the input.
    fn open(&self, _head: &Head<'_>, _carry: &mut Carry) {}
    /// Updates the state with what `block` says to later blocks. Runs before `decode`, in order.
    fn carry(&self, _block: &Block<'_>, _carry: &mut Carry) {}
    /// Decodes whole records. What cannot be read is a reject; decoding never fails as a whole.
    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>);
    /// Says what only the end of the input tells, `end` bytes from its beginning: what should have come and did not. No rows.
    fn close(&self, _end: u64, _carry: &Carry, _sink: &mut Sink<'_>) {}
}

crate::registry! {
    /// All formats in the order of sniffing. The place in the list is also the rank by which the better copy of a
    /// record that came twice is kept: what lies nearer to the source comes first.
    FORMATS: dyn Format = [
        evtx::Evtx,
        windows_xml::WindowsXml,
        windows_json::WindowsJson,
        evtxecmd_csv::EvtxecmdCsv,
        windows_csv::WindowsCsv,
        windows_text::WindowsText,
        splunk::Splunk,
        mde_csv::MdeCsv,
        mde_json::MdeJson,
        entra_json::EntraJson,
        zeek_tsv::ZeekTsv,
        zeek_json::ZeekJson,
        w3c::W3c,
        squid::Squid,
        bind::Bind,
        msdns::MsDns,
        dhcp_windows::DhcpWindows,
        dhcp_isc::DhcpIsc,
        json::Json,
    ]
}

#[cfg(test)]
mod real_logs;
#[cfg(test)]
mod real_network_logs;
#[cfg(test)]
pub mod testing;

/// The format with this id.
pub fn by_id(id: &str) -> Option<&'static (dyn Format + Sync)> {
    FORMATS.iter().copied().find(|f| f.id() == id)
}

/// A format, how sure it is (1 to 100), and why.
pub type Sniffed = (&'static (dyn Format + Sync), u8, String);

/// The surest format for an input, or every format's reason against it.
pub fn sniff(head: &Head<'_>) -> Result<Sniffed, Vec<(&'static str, &'static str)>> {
    let mut best: Option<Sniffed> = None;
    let mut reasons = Vec::new();
    for format in FORMATS.iter().copied() {
        match format.sniff(head) {
            Sniff::Yes(CERTAIN, why) => return Ok((format, CERTAIN, why)),
            Sniff::Yes(sure, why) if best.as_ref().is_none_or(|(_, b, _)| sure > *b) => {
                best = Some((format, sure, why));
            }
            Sniff::Yes(..) => {}
            Sniff::No(why) => reasons.push((format.id(), why)),
        }
    }
    best.ok_or(reasons)
}
