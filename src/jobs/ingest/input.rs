//! One input: its content told apart from those the lake has, its encoding, its format.

use std::io::{self, Read};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::blocks::Source;
use super::resume::Proof;
use super::{Run, again};
use crate::base::error::{Error, Result};
use crate::base::time::Ts;
use crate::ingest::container::{Body, Member, SharedBytes};
use crate::ingest::encoding;
use crate::ingest::formats::{self, Format, Head};
use crate::ingest::framing::{BlockReader, BlockSizes};
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

/// By what the content of an input is told.
#[derive(Clone, Copy)]
pub(super) enum Content<'c> {
    /// It is at hand: its BLAKE3 and itself.
    Whole(&'c str, &'c [u8]),
    /// It is being read.
    Stream(&'c Mutex<Prefix>),
}

impl Content<'_> {
    /// What tells the content, as far as it was read.
    pub(super) fn proof(&self) -> Proof {
        match self {
            Self::Whole(id, _) => Proof::Content((*id).to_owned()),
            Self::Stream(prefix) => {
                let prefix = locked(prefix);
                Proof::Prefix(prefix.bytes, hex(&prefix.hasher))
            }
        }
    }

    /// Whether the content can be what a checkpoint told of; a stream is watched from here on.
    pub(super) fn may_prove(&self, proof: &Proof) -> bool {
        match (self, proof) {
            (Self::Whole(id, _), Proof::Content(told)) => id == told,
            (Self::Whole(_, bytes), Proof::Prefix(len, told)) => {
                let first = usize::try_from(*len).ok().and_then(|len| bytes.get(..len));
                first.is_some_and(|first| blake3::hash(first).to_hex().as_str() == told)
            }
            (Self::Stream(_), Proof::Content(_)) => false,
            (Self::Stream(prefix), Proof::Prefix(len, _)) => locked(prefix).watch(*len),
        }
    }

    /// Whether the content is, as far as was read, what a checkpoint told of that may prove it.
    pub(super) fn is_proven(&self, proof: &Proof) -> bool {
        match (self, proof) {
            (Self::Stream(prefix), Proof::Prefix(_, told)) => locked(prefix).seen.as_ref() == Some(told),
            _ => true,
        }
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
            let again = again(known, std::mem::take(&mut input.path));
            return Ok(Some(self.register(again)));
        }
        let id = input.content_id.clone();
        let content = of.checkpoints.then_some(Content::Whole(&id, &bytes));
        let encoding = match bytes.starts_with(EVTX_MAGIC) {
            true => encoding::Detected::Bytes { bom: 0 },
            false => encoding::detect(&bytes),
        };
        match encoding {
            encoding::Detected::Bytes { bom } => {
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
        let mut hashing = Hashing {
            inner: reader,
            prefix: &prefix,
        };
        let content = of.checkpoints.then_some(Content::Stream(&prefix));
        let ordinal = self.text_of(input, &mut hashing, of.mtime, content)?;
        // A format that stopped early must not make two inputs look alike.
        let rest = io::copy(&mut hashing, &mut io::sink());
        let prefix = locked(&prefix);
        let mut done = self.done();
        if let Some(o) = ordinal
            && let Some(i) = done.inputs.get_mut(&o)
        {
            i.content_id = hex(&prefix.hasher);
            i.bytes = prefix.bytes;
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
            Err(reasons) => {
                let first = head
                    .lines(1)
                    .first()
                    .map(|l| crate::base::text::escape_head(l.as_bytes(), 120));
                let why = reasons
                    .iter()
                    .find(|(_, why)| why.len() > 40)
                    .map(|(_, why)| format!(" ({why})"));
                let text = format!(
                    "no known log format{}; its first line: {}; see `coldtrail sniff`, or say --format",
                    why.unwrap_or_default(),
                    first.unwrap_or_default()
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

/// What was read of a stream so far.
#[derive(Default)]
pub(super) struct Prefix {
    hasher: blake3::Hasher,
    bytes: u64,
    /// A number of bytes to tell the BLAKE3 of when they were read, and that.
    watched: Option<u64>,
    seen: Option<String>,
}

impl Prefix {
    fn add(&mut self, bytes: &[u8]) {
        let left = self.watched.and_then(|at| at.checked_sub(self.bytes));
        let split = left.and_then(|left| bytes.split_at_checked(usize::try_from(left).ok()?));
        let (first, rest) = split.filter(|_| self.seen.is_none()).unwrap_or((&[], bytes));
        self.hasher.update(first);
        if split.is_some() && self.seen.is_none() {
            self.seen = Some(hex(&self.hasher));
        }
        self.hasher.update(rest);
        self.bytes += bytes.len() as u64;
    }

    /// Has the BLAKE3 of the first `bytes` told; whether that is possible still.
    fn watch(&mut self, bytes: u64) -> bool {
        self.watched = Some(bytes);
        self.add(&[]);
        self.bytes <= bytes
    }
}

fn locked(prefix: &Mutex<Prefix>) -> MutexGuard<'_, Prefix> {
    prefix.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hex(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex().to_string()
}

struct Hashing<'r> {
    inner: &'r mut dyn Read,
    prefix: &'r Mutex<Prefix>,
}

impl Read for Hashing<'_> {
    /// Fills the buffer, so that what was read at a place of the text is the same in every run.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if filled == 0 => return Err(e),
                Err(_) => break,
            }
        }
        locked(self.prefix).add(buf.get(..filled).unwrap_or(&[]));
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_tells_the_hash_of_its_beginning_however_it_is_read() {
        let text = b"one line of text\nand another";
        for at in 0..=text.len() {
            for step in [1, 3, text.len()] {
                let prefix = Mutex::default();
                let told = Proof::Prefix(at as u64, blake3::hash(&text[..at]).to_hex().to_string());
                let other = Proof::Prefix(at as u64, blake3::hash(b"other").to_hex().to_string());
                let content = Content::Stream(&prefix);
                assert!(content.may_prove(&told));
                text.chunks(step).for_each(|part| locked(&prefix).add(part));
                assert!(content.is_proven(&told) && !content.is_proven(&other), "{at} by {step}");
                assert_eq!(hex(&locked(&prefix).hasher), blake3::hash(text).to_hex().as_str());
                assert_eq!(locked(&prefix).bytes, text.len() as u64);
                assert_eq!(content.may_prove(&told), at == text.len());
                let whole = blake3::hash(text).to_hex().to_string();
                assert_eq!(Content::Whole(&whole, text).may_prove(&told), true);
                assert!(!Content::Whole(&whole, text).may_prove(&other));
                assert!(!content.may_prove(&Proof::Content(whole)));
            }
        }
        let prefix = Mutex::default();
        let beyond = Proof::Prefix(99, blake3::hash(text).to_hex().to_string());
        let content = Content::Stream(&prefix);
        assert!(content.may_prove(&beyond));
        locked(&prefix).add(text);
        assert!(!content.is_proven(&beyond));
    }

    #[test]
    fn short_reads_become_full_ones_and_damage_ends_them() {
        struct Slow(Vec<io::Result<&'static [u8]>>);
        impl Read for Slow {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let next = if self.0.is_empty() {
                    Ok(&b""[..])
                } else {
                    self.0.remove(0)
                }?;
                buf[..next.len()].copy_from_slice(next);
                Ok(next.len())
            }
        }
        let prefix = Mutex::default();
        let broken = || io::Error::other("broken");
        let mut slow = Slow(vec![Ok(b"a"), Ok(b"bc"), Err(broken()), Err(broken()), Ok(b"")]);
        let mut hashing = Hashing {
            inner: &mut slow,
            prefix: &prefix,
        };
        let mut buf = [0; 8];
        assert_eq!(hashing.read(&mut buf).unwrap(), 3);
        assert!(hashing.read(&mut buf).is_err());
        assert_eq!(hashing.read(&mut buf).unwrap(), 0);
        assert_eq!(hex(&locked(&prefix).hasher), blake3::hash(b"abc").to_hex().as_str());
    }
}
