//! One level of nesting: look at the first bytes, unwrap, go one level down.

use std::io::{self, BufReader, Cursor, Read};

use super::magic::{self, Kind};
use super::reader::{Lenient, State};
use super::{Body, Error, MAX_DEPTH, Member, NoteKind, VisitError, gzip, tar, zip};

/// The caller's function for members.
pub(super) type Visit<'v> = dyn FnMut(Member<'_>) -> Result<(), VisitError> + 'v;

/// Memory an xz stream may ask for: the highest preset of `xz` needs 65 MiB to decode.
const XZ_MEMORY: u64 = 512 << 20;

/// Hands a member to the caller.
pub(super) fn give(visit: &mut Visit<'_>, member: Member<'_>) -> Result<(), Error> {
    let name = member.name.clone();
    visit(member).map_err(|source| Error::Visit { member: name, source })
}

/// Unwraps a stream that lies `depth` archives deep.
pub(super) fn stream(
    state: &State<'_>,
    visit: &mut Visit<'_>,
    name: &str,
    reader: &mut dyn Read,
    depth: u8,
) -> Result<(), Error> {
    let head = match magic::read_head(reader) {
        Ok(head) => head,
        Err(e) => {
            state.note(
                name,
                NoteKind::Unreadable,
                e.to_string(),
                "check the file and its medium",
            );
            return Ok(());
        }
    };
    let kind = magic::kind(&head);
    let mut whole = Cursor::new(head).chain(reader);
    match kind {
        Kind::Plain => {
            return give(
                visit,
                Member {
                    name: name.to_owned(),
                    body: Body::Reader(&mut whole),
                },
            );
        }
        Kind::Refused(refusal) => {
            // Behind the limit nothing can be said about a member that looks empty.
            if !state.is_capped() {
                state.note(name, NoteKind::Unreadable, refusal.reason, refusal.next_step);
            }
            return Ok(());
        }
        _ if depth >= MAX_DEPTH => {
            let reason = format!("archives are nested more than {MAX_DEPTH} deep");
            state.note(name, NoteKind::Unreadable, reason, "unpack the outer archive first");
            return Ok(());
        }
        Kind::Tar => return tar::walk(state, visit, name, &mut whole, depth),
        Kind::Zip => return zip_in_memory(state, visit, name, &mut whole, depth),
        Kind::Gzip | Kind::Zstd | Kind::Bzip2 | Kind::Xz => {}
    }
    match decoder(kind, &mut whole) {
        Ok((mut decoder, what)) => stream(
            state,
            visit,
            name,
            &mut Lenient::new(&mut decoder, state, name, what),
            depth + 1,
        ),
        Err(e) => {
            state.note(name, NoteKind::Unreadable, e.to_string(), "");
            Ok(())
        }
    }
}

/// All decoders read concatenated streams to the end, as log rotation produces them.
fn decoder<'r>(kind: Kind, reader: &'r mut dyn Read) -> io::Result<(Box<dyn Read + 'r>, &'static str)> {
    Ok(match kind {
        Kind::Zstd => (Box::new(zstd::stream::read::Decoder::new(reader)?), "zstd"),
        Kind::Bzip2 => (Box::new(bzip2::read::MultiBzDecoder::new(reader)), "bzip2"),
        Kind::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            (Box::new(liblzma::read::XzDecoder::new_stream(reader, stream)), "xz")
        }
        _ => (Box::new(gzip::Members::new(BufReader::new(reader))), "gzip"),
    })
}

fn zip_in_memory(
    state: &State<'_>,
    visit: &mut Visit<'_>,
    name: &str,
    reader: &mut dyn Read,
    depth: u8,
) -> Result<(), Error> {
    let most = state.options.max_zip_in_memory;
    let mut buffer = Vec::new();
    if let Err(e) = reader.take(most.saturating_add(1)).read_to_end(&mut buffer) {
        state.note(
            name,
            NoteKind::Truncated,
            e.to_string(),
            "check the file and its medium",
        );
    }
    if buffer.len() as u64 > most {
        let reason = format!("a zip archive of more than {most} bytes that cannot be read in place");
        state.note(
            name,
            NoteKind::Unreadable,
            reason,
            "unpack the outer archive, or give the zip as a file",
        );
        return Ok(());
    }
    zip::walk(state, visit, name, &mut Cursor::new(buffer), depth)
}
