//! What a stream is, told from its first bytes.

use std::io::{self, Read};

/// Bytes looked at: a tar header is one block of 512.
const HEAD: usize = 512;

/// The types that matter to the opening of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Zip,
    Tar,
    Refused(Refusal),
}

/// A type that is recognised and cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    pub(super) next_step: &'static str,
}

/// The first bytes of a stream, fewer than asked for only at its end.
pub(super) fn read_head(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    reader.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The type of a stream that begins with these bytes.
pub(super) fn kind(head: &[u8]) -> Kind {
    match head {
        [0x1F, 0x8B, 8, ..] => Kind::Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Kind::Zstd,
        // The block magic (pi, or the square root of pi in an empty file) keeps a text that begins with "BZh" out.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, 0x41 | 0x72, ..] => Kind::Bzip2,
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Kind::Xz,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        _ if is_tar(head) => Kind::Tar,
        _ => refusal(head).map_or(Kind::Plain, Kind::Refused),
    }
}

/// Whether a block is a tar header: the word `ustar` and a checksum that fits.
pub(super) fn is_tar(block: &[u8]) -> bool {
    block.get(257..262) == Some(b"ustar".as_slice()) && checksum_fits(block)
}

fn checksum_fits(block: &[u8]) -> bool {
    let (Some(block), Some(field)) = (block.get(..512), block.get(148..156)) else {
        return false;
    };
    let stated = field
        .iter()
        .filter(|b| (b'0'..=b'7').contains(b))
        .fold(0u32, |sum, b| sum * 8 + u32::from(b - b'0'));
    // The checksum counts its own field as blanks.
    let sum = |bytes: &[u8]| bytes.iter().map(|&b| u32::from(b)).sum::<u32>();
    stated == sum(block) - sum(field) + 8 * u32::from(b' ')
}

fn refusal(head: &[u8]) -> Option<Refusal> {
    if head.is_empty() {
        return Some(Refusal {
            reason: "the file is empty",
            next_step: "",
        });
    }
    let known: &[(&[u8], &str, &str)] = &[
        (
            b"7z\xBC\xAF\x27\x1C",
            "7z archives are not supported",
            "unpack it with `7z x`",
        ),
        (
            b"Rar!\x1A\x07",
            "RAR archives are not supported",
            "unpack it with `unrar x`",
        ),
        (
            b"MSCF\0\0\0\0",
            "cabinet archives are not supported",
            "unpack it with `cabextract`",
        ),
        (
            b"\x1F\x9D",
            "compress (.Z) files are not supported",
            "unpack it with `gzip -d`",
        ),
        (
            b"\x04\x22\x4D\x18",
            "LZ4 frames are not supported",
            "unpack it with `lz4 -d`",
        ),
        (
            b"PAR1",
            "it is a Parquet file, not a log",
            "give the logs it was made from, or export it as NDJSON",
        ),
        (
            b"Obj\x01",
            "it is an Avro file",
            "export it as NDJSON, for example with `avro-tools tojson`",
        ),
        (
            b"SQLite format 3\0",
            "it is an SQLite database",
            "export its tables as CSV",
        ),
        (
            b"\x30\0\0\0LfLe",
            "it is a Windows event log from before Vista (.evt)",
            "convert it: `wevtutil epl old.evt new.evtx /lf:true`",
        ),
        (b"\xD4\xC3\xB2\xA1", CAPTURE, ZEEK),
        (b"\xA1\xB2\xC3\xD4", CAPTURE, ZEEK),
        (b"\x0A\x0D\x0D\x0A", CAPTURE, ZEEK),
        (
            b"version https://git-lfs",
            "it is a Git LFS pointer, not the file itself",
            "fetch the content with `git lfs pull`",
        ),
    ];
    let hit = known.iter().find(|(magic, ..)| head.starts_with(magic));
    if let Some(&(_, reason, next_step)) = hit {
        return Some(Refusal { reason, next_step });
    }
    is_etl(head).then_some(Refusal {
        reason: "it is an event trace (.etl)",
        next_step: "convert it on Windows: `tracerpt trace.etl -of XML -o trace.xml`",
    })
}

const CAPTURE: &str = "it is a packet capture";
const ZEEK: &str = "turn it into logs first, for example with `zeek -r`";

/// An event trace begins with a buffer header: its size in whole KiB, and at offset 72 a system trace header with version
/// 2 or less, type 1 or 2 (32 or 64 bit) and the flag byte 0xC0.
fn is_etl(head: &[u8]) -> bool {
    let size = head.first_chunk::<4>().map_or(0, |b| u32::from_le_bytes(*b));
    let marker = matches!(head.get(72..76), Some([0..=2, 0, 1 | 2, 0xC0]));
    marker && size != 0 && size % 1024 == 0 && size <= 16 << 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_resembles_a_magic_stays_text() {
        for text in ["BZh9 is a ticket", "PK\t1", "Obj 1", "{}", "7zip", "version 1"] {
            assert_eq!(kind(text.as_bytes()), Kind::Plain, "{text}");
        }
        let mut line = vec![b' '; 600];
        line[257..262].copy_from_slice(b"ustar");
        assert_eq!(kind(&line), Kind::Plain);
    }

    #[test]
    fn what_cannot_be_read_says_what_to_do() {
        for head in [
            &b"7z\xBC\xAF\x27\x1C\0\x04"[..],
            b"PAR1\x15",
            b"version https://git-lfs.github.com/spec/v1\n",
        ] {
            assert!(matches!(kind(head), Kind::Refused(r) if !r.next_step.is_empty()));
        }
        let mut etl = vec![0; 128];
        etl[..4].copy_from_slice(&0x10000u32.to_le_bytes());
        etl[72..76].copy_from_slice(&[2, 0, 2, 0xC0]);
        assert!(matches!(kind(&etl), Kind::Refused(_)));
    }
}
