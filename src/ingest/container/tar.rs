//! Tar archives as a stream, with bounded memory: long names are limited, damage is skipped block by block.

use std::io::{self, Read};

use super::reader::State;
use super::walk::{self, Visit};
use super::{Error, NoteKind, magic, name};

const BLOCK: usize = 512;

/// Longest extension record (long name, PAX header) that is read; longer ones are ignored.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// Visits the members of a tar stream.
pub(super) fn walk(
    state: &State<'_>,
    visit: &mut Visit<'_>,
    archive: &str,
    reader: &mut dyn Read,
    depth: u8,
) -> Result<(), Error> {
    let mut extension = Extension::default();
    let mut damaged = false;
    while !state.is_capped() {
        let block = match next_block(reader) {
            Ok(Some(block)) => block,
            Ok(None) => break,
            Err(e) => {
                state.note(
                    archive,
                    NoteKind::Truncated,
                    format!("the tar archive ends too early: {e}"),
                    LOOK,
                );
                break;
            }
        };
        if block.iter().all(|&b| b == 0) {
            continue;
        }
        let Some(header) = magic::is_tar(&block).then(|| Header::read(&block)).flatten() else {
            if !damaged {
                state.note(
                    archive,
                    NoteKind::Truncated,
                    "a header of the tar archive is damaged",
                    LOOK,
                );
            }
            damaged = true;
            continue;
        };
        let size = extension.size.filter(|_| !header.is_extension()).unwrap_or(header.size);
        let mut data = reader.take(size);
        if header.is_extension() {
            if size <= LONGEST_EXTENSION {
                extension.read(header.kind, &mut data);
            }
        } else {
            let extension = std::mem::take(&mut extension);
            let place = name::join(archive, extension.name.as_deref().unwrap_or(&header.name));
            member(state, visit, &place, &header, extension.sparse, &mut data, depth)?;
        }
        let missing = io::copy(&mut data, &mut io::sink()).is_err() || data.limit() > 0;
        let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        if missing || io::copy(&mut reader.take(padding), &mut io::sink()).is_err() {
            state.note(
                archive,
                NoteKind::Truncated,
                "the tar archive ends inside a member",
                LOOK,
            );
            break;
        }
    }
    Ok(())
}

const LOOK: &str = "what came before was read; look for an intact copy";

fn member(
    state: &State<'_>,
    visit: &mut Visit<'_>,
    place: &str,
    header: &Header,
    sparse: bool,
    data: &mut dyn Read,
    depth: u8,
) -> Result<(), Error> {
    match header.kind {
        b'5' => {}
        b'S' => state.note(
            place,
            NoteKind::Unreadable,
            "sparse tar members are not supported",
            UNPACK,
        ),
        b'0' | 0 | b'7' if sparse => {
            state.note(
                place,
                NoteKind::Unreadable,
                "sparse tar members are not supported",
                UNPACK,
            );
        }
        b'0' | 0 | b'7' if name::is_junk(place) => state.note(place, NoteKind::Skipped, "desktop metadata", ""),
        b'0' | 0 | b'7' => walk::stream(state, visit, place, data, depth + 1)?,
        _ => state.note(place, NoteKind::Skipped, "a link or device, not a file", ""),
    }
    Ok(())
}

const UNPACK: &str = "unpack the archive with `tar -x`";

/// The next full block; `None` at the end, also in the middle of zero padding.
fn next_block(reader: &mut dyn Read) -> io::Result<Option<[u8; BLOCK]>> {
    let mut bytes = Vec::with_capacity(BLOCK);
    reader.take(BLOCK as u64).read_to_end(&mut bytes)?;
    match bytes.first_chunk::<BLOCK>() {
        Some(block) => Ok(Some(*block)),
        None if bytes.iter().all(|&b| b == 0) => Ok(None),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

struct Header {
    name: Vec<u8>,
    size: u64,
    kind: u8,
}

impl Header {
    fn read(block: &[u8; BLOCK]) -> Option<Self> {
        let mut name = until_nul(block.get(..100)?).to_vec();
        let posix = block.get(257..263) == Some(b"ustar\0".as_slice());
        let prefix = until_nul(block.get(345..500)?);
        if posix && !prefix.is_empty() {
            name = [prefix, b"/", name.as_slice()].concat();
        }
        Some(Self {
            name,
            size: number(block.get(124..136)?)?,
            kind: *block.get(156)?,
        })
    }

    fn is_extension(&self) -> bool {
        matches!(self.kind, b'L' | b'K' | b'x' | b'X' | b'g')
    }
}

/// What an extension record says about the member behind it.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Extension {
    fn read(&mut self, kind: u8, data: &mut dyn Read) {
        let mut bytes = Vec::new();
        // What is missing is noticed by the caller, who skips the rest.
        let _ = data.read_to_end(&mut bytes);
        match kind {
            b'L' => self.name = Some(until_nul(&bytes).to_vec()),
            b'x' | b'X' => self.read_pax(&bytes),
            _ => {}
        }
    }

    /// Records of the form `length key=value\n`.
    fn read_pax(&mut self, mut bytes: &[u8]) {
        while let Some((record, rest)) = pax_record(bytes) {
            bytes = rest;
            let Some(equals) = record.iter().position(|&b| b == b'=') else {
                continue;
            };
            let Some((key, value)) = record.split_at_checked(equals) else {
                continue;
            };
            let value = value.strip_prefix(b"=").unwrap_or(value);
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"size" => self.size = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()),
                key => self.sparse |= key.starts_with(b"GNU.sparse"),
            }
        }
    }
}

fn pax_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|&b| b == b' ')?;
    let length: usize = std::str::from_utf8(bytes.get(..blank)?).ok()?.parse().ok()?;
    let record = bytes.get(blank + 1..length.checked_sub(1)?)?;
    Some((record, bytes.get(length..)?))
}

/// Octal text, or big-endian binary if the first bit is set (sizes of 8 GiB and more).
fn number(field: &[u8]) -> Option<u64> {
    let first = *field.first()?;
    if first & 0x80 != 0 {
        let tail = field.last_chunk::<8>()?;
        return Some(u64::from_be_bytes(*tail)).filter(|&n| n < 1 << 62);
    }
    let digits = field
        .iter()
        .skip_while(|&&b| b == b' ')
        .take_while(|b| (b'0'..=b'7').contains(b));
    Some(digits.fold(0, |sum, b| sum * 8 + u64::from(b - b'0')))
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}
