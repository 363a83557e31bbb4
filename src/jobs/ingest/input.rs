//! One input: its content told apart from those the lake has, its encoding, its format.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::Run;
use super::blocks::Source;
use super::content::{Content, Hashing, Prefix};
use crate::base::error::{Error, Result};
use crate::base::time::Ts;
use crate::ingest::container::{Body, Member, SharedBytes};
use crate::ingest::encoding;
use crate::ingest::formats::{self, Format, Head};
use crate::ingest::framing::{BlockReader, BlockSizes};
use crate::ingest::unknown;
use crate::lake::catalogue::Input;

/// What is looked at to tell the format.
const HEAD_BYTES: u64 = 256 * 1024;
/// EVTX is binary: no question of its encoding arises.
const EVTX_MAGIC: &[u8] = b"ElfFile\0";

/// What a file says of its members.
#[derive(Clone, Copy)]
pub(super) struct Opened<'o> {
    /// When it was modified.
    pub(super) mtime: Ts,
    /// Its SHA-256, with `--custody`.
    pub(super) sha256: Option<&'o str>,
    /// Told of bytes that were read where the container does not count them.
    pub(super) count: &'o (dyn Fn(u64) + Sync),
    /// Whether the member may be read over several runs: it is large, and the file can be opened anew.
    pub(super) checkpoints: bool,
}

/// Why reading a member ended.
#[derive(Debug)]
pub(super) enum Failed {
    /// The run cannot go on.
    Run(Error),
    /// It is not what a checkpoint told of it, which is gone now; it must be opened anew.
    Replaced,
}

impl From<Error> for Failed {
    fn from(e: Error) -> Self {
        Self::Run(e)
    }
}

impl Run<'_> {
    /// Reads one member of an input. The number of the member among the run's inputs; `None` where it has no known format.
    pub(super) fn member(&self, member: Member<'_>, of: Opened<'_>) -> Result<Option<u32>, Failed> {
        let mut input = Input {
            path: member.name.clone(),
            sha256: of.sha256.map(str::to_owned),
            ..Input::default()
        };
        match member.body {
            Body::Bytes(bytes) => self.bytes(&mut input, bytes, of),
            Body::Reader(reader) => self.stream(&mut input, reader, of),
        }
    }

    fn bytes(&self, input: &mut Input, bytes: SharedBytes, of: Opened<'_>) -> Result<Option<u32>, Failed> {
        input.content_id = blake3::hash(&bytes).to_hex().to_string();
        input.bytes = bytes.len() as u64;
        if let Some(known) = self.lake.catalogue().input(&input.content_id) {
            (of.count)(input.bytes);
            let again = self.again(known, std::mem::take(&mut input.path));
            return Ok(Some(self.register(again)));
        }
        let id = input.content_id.clone();
        let content = of.checkpoints.then_some(Content::Whole(&id, &bytes));
        let encoding = match bytes.starts_with(EVTX_MAGIC) {
            true => encoding::Detected::Bytes { bom: 0 },
            false => encoding::detect(&bytes),
        };
        match encoding {
            encoding::Detected::Bytes { bom } if !encoding::ends_with_cr(beginning(&bytes)) => {
                let text = bytes.slice(bom..bytes.len());
                let head = text.slice(0..HEAD_BYTES as usize);
                let name = input.path.clone();
                let head = Head::new(&head, &name);
                let Some(format) = self.format(&head, input) else {
                    return Ok(None);
                };
                let mut blocks = BlockReader::from_bytes(format.framing(), text, BlockSizes::default());
                let source = Source {
                    format,
                    head: &head,
                    mtime: of.mtime,
                    base: bom as u64,
                    count: Some(of.count),
                    content,
                };
                self.decode(&source, &mut blocks, input).map(Some)
            }
            _ => {
                let size = input.bytes;
                let mut cursor = io::Cursor::new(&bytes[..]);
                let ordinal = self.text_of(input, &mut cursor, of.mtime, content)?;
                (of.count)(size);
                Ok(ordinal)
            }
        }
    }

    fn stream(&self, input: &mut Input, reader: &mut dyn Read, of: Opened<'_>) -> Result<Option<u32>, Failed> {
        let prefix = Mutex::default();
        let mut hashing = Hashing::new(reader, &prefix);
        let content = of.checkpoints.then_some(Content::Stream(&prefix));
        let ordinal = self.text_of(input, &mut hashing, of.mtime, content)?;
        // A format that stopped early must not make two inputs look alike.
        let rest = io::copy(&mut hashing, &mut io::sink());
        let (content_id, bytes) = Prefix::told(&prefix);
        let mut done = self.done();
        if let Some(o) = ordinal
            && let Some(i) = done.inputs.get_mut(&o)
        {
            i.content_id = content_id;
            i.bytes = bytes;
            if let Err(e) = rest {
                i.notes.push(format!("not read to its end: {e}"));
            }
        }
        Ok(ordinal)
    }

    /// Reads text of any encoding from a stream. The number of the input.
    fn text_of(
        &self,
        input: &mut Input,
        reader: &mut dyn Read,
        mtime: Ts,
        content: Option<Content<'_>>,
    ) -> Result<Option<u32>, Failed> {
        let mut magic = Vec::new();
        if let Err(e) = (&mut *reader).take(EVTX_MAGIC.len() as u64).read_to_end(&mut magic) {
            return Ok(self.unread(input, &e));
        }
        let binary = magic.starts_with(EVTX_MAGIC);
        let mut whole = io::Cursor::new(magic).chain(reader);
        let mut utf8: Box<dyn Read + '_> = match binary {
            true => Box::new(whole),
            false => match encoding::utf8_reader(&mut whole) {
                Ok(r) => r,
                Err(e) => return Ok(self.unread(input, &e)),
            },
        };
        let mut head = Vec::new();
        if let Err(e) = utf8.by_ref().take(HEAD_BYTES).read_to_end(&mut head) {
            // What came before the damage is read; the container notes the damage itself.
            if head.is_empty() {
                return Ok(self.unread(input, &e));
            }
        }
        if !binary && encoding::ends_with_cr(&head) {
            encoding::cr_to_lf(&mut head);
            utf8 = Box::new(encoding::CrLines(utf8));
        }
        let name = input.path.clone();
        let first = head.clone();
        let head_view = Head::new(&first, &name);
        let Some(format) = self.format(&head_view, input) else {
            return Ok(None);
        };
        let mut whole = io::Cursor::new(head).chain(utf8);
        let mut blocks = BlockReader::from_reader(format.framing(), &mut whole, BlockSizes::default(), &self.buffers);
        let source = Source {
            format,
            head: &head_view,
            mtime,
            base: 0,
            count: None,
            content,
        };
        self.decode(&source, &mut blocks, input).map(Some)
    }

    fn unread(&self, input: &mut Input, e: &io::Error) -> Option<u32> {
        let text = format!("{}: cannot be read: {e}", input.path);
        input.notes.push(text.clone());
        self.done().unreadable.push(text);
        Some(self.register(std::mem::take(input)))
    }

    /// The format of an input; where it has none the input is registered as unreadable.
    fn format(&self, head: &Head<'_>, input: &mut Input) -> Option<&'static (dyn Format + Sync)> {
        if let Some(id) = &self.options.format {
            let format = formats::by_id(id);
            input.format = format.map_or_else(String::new, |f| f.id().to_owned());
            return format;
        }
        match formats::sniff(head) {
            Ok((format, _, _)) => {
                input.format = format.id().to_owned();
                Some(format)
            }
            Err(_) => {
                let text = format!(
                    "no known log format: {}; see `coldtrail sniff`, or say --format",
                    unknown::looks_like(head)
                );
                self.done().unreadable.push(format!("{}: {text}", input.path));
                input.notes.push(text);
                self.register(std::mem::take(input));
                None
            }
        }
    }

    pub(super) fn register(&self, input: Input) -> u32 {
        let ordinal = self.next.fetch_add(1, Ordering::Relaxed);
        self.done().inputs.insert(ordinal, input);
        ordinal
    }
}

/// What is looked at to tell how lines end.
fn beginning(bytes: &[u8]) -> &[u8] {
    bytes.get(..HEAD_BYTES as usize).unwrap_or(bytes)
}
