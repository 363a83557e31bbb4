//! Text encodings: a whole stream in UTF-16 becomes UTF-8, a single record that is not UTF-8 is read with a code page.

use std::borrow::Cow;
use std::io::{self, Cursor, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_16BE, UTF_16LE};

/// Bytes that decide: enough for a byte order mark and for a look at the share of NULs.
const HEAD: usize = 64;

/// How a stream of text is encoded, and how many bytes its byte order mark has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detected {
    /// UTF-8 or a code page; `bom` is 0 or 3.
    Bytes {
        /// Bytes to skip.
        bom: usize,
    },
    /// UTF-16, little endian; `bom` is 0 or 2.
    Utf16Le {
        /// Bytes to skip.
        bom: usize,
    },
    /// UTF-16, big endian; `bom` is 0 or 2.
    Utf16Be {
        /// Bytes to skip.
        bom: usize,
    },
}

/// Decides by the first bytes of a text. Binary formats (EVTX) must have been told apart before: they hold many NULs.
///
/// Without a byte order mark more than a third of NULs in the first 64 bytes mean UTF-16, and their position its order.
pub fn detect(head: &[u8]) -> Detected {
    match head {
        [0xEF, 0xBB, 0xBF, ..] => return Detected::Bytes { bom: 3 },
        [0xFF, 0xFE, ..] => return Detected::Utf16Le { bom: 2 },
        [0xFE, 0xFF, ..] => return Detected::Utf16Be { bom: 2 },
        _ => {}
    }
    let head = head.get(..HEAD).unwrap_or(head);
    let nuls = |odd: usize| head.iter().skip(odd).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    if (even + odd) * 3 <= head.len() {
        Detected::Bytes { bom: 0 }
    } else if even > odd {
        Detected::Utf16Be { bom: 0 }
    } else {
        Detected::Utf16Le { bom: 0 }
    }
}

/// Whether the lines of a text end with CR alone, by its beginning. Line breaks mean nothing to JSON and XML.
pub fn ends_with_cr(head: &[u8]) -> bool {
    let text = head.trim_ascii();
    let is_document = match text {
        [b'{' | b'[', ..] => true,
        [b'<', next, ..] => !next.is_ascii_digit(),
        _ => false,
    };
    !is_document && memchr::memchr(b'\r', text).is_some() && memchr::memchr2(b'\n', b'\0', text).is_none()
}

/// Puts LF in place of every CR.
pub fn cr_to_lf(text: &mut [u8]) {
    text.iter_mut().filter(|b| **b == b'\r').for_each(|b| *b = b'\n');
}

/// The same text with LF in place of every CR; places stay what they are.
pub struct CrLines<R>(pub R);

impl<R: Read> Read for CrLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        cr_to_lf(buffer.get_mut(..read).unwrap_or_default());
        Ok(read)
    }
}

/// The beginning of an input as formats see it: EVTX as it is, text in UTF-8 and with lines that end with LF.
pub fn beginning(raw: Vec<u8>) -> Vec<u8> {
    if raw.starts_with(b"ElfFile\0") {
        return raw;
    }
    let mut text = Vec::with_capacity(raw.len());
    let read = utf8_reader(&mut &raw[..]).and_then(|mut r| r.read_to_end(&mut text));
    let mut text = if read.is_err() { raw } else { text };
    if ends_with_cr(&text) {
        cr_to_lf(&mut text);
    }
    text
}

/// A reader of the same text without its byte order mark, UTF-16 turned into UTF-8. Other bytes pass unchanged.
///
/// # Errors
/// Fails if the first bytes cannot be read.
pub fn utf8_reader<'r>(reader: &'r mut dyn Read) -> io::Result<Box<dyn Read + 'r>> {
    let mut head = Vec::with_capacity(HEAD);
    reader.take(HEAD as u64).read_to_end(&mut head)?;
    let detected = detect(&head);
    let mut whole = Cursor::new(head).chain(reader);
    Ok(match detected {
        Detected::Bytes { bom } => {
            whole.get_mut().0.set_position(bom as u64);
            Box::new(whole)
        }
        Detected::Utf16Le { bom } => {
            whole.get_mut().0.set_position(bom as u64);
            Box::new(Transcoder::new(whole, UTF_16LE))
        }
        Detected::Utf16Be { bom } => {
            whole.get_mut().0.set_position(bom as u64);
            Box::new(Transcoder::new(whole, UTF_16BE))
        }
    })
}

/// A record as text: UTF-8 if it is, otherwise decoded with the code page, and whether that was needed.
pub fn fallback<'b>(bytes: &'b [u8], code_page: &'static Encoding) -> (Cow<'b, str>, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => (code_page.decode_without_bom_handling(bytes).0, true),
    }
}

/// UTF-16 in, UTF-8 out, in blocks; an unpaired surrogate becomes U+FFFD.
struct Transcoder<R> {
    inner: R,
    decoder: Decoder,
    input: Box<[u8]>,
    /// Range of `input` that is read and not yet decoded.
    pending: std::ops::Range<usize>,
    output: String,
    given: usize,
    at_end: bool,
    finished: bool,
}

impl<R: Read> Transcoder<R> {
    const BLOCK: usize = 64 << 10;

    fn new(inner: R, encoding: &'static Encoding) -> Self {
        Self {
            inner,
            decoder: encoding.new_decoder_without_bom_handling(),
            input: vec![0; Self::BLOCK].into_boxed_slice(),
            pending: 0..0,
            output: String::with_capacity(Self::BLOCK),
            given: 0,
            at_end: false,
            finished: false,
        }
    }

    fn decode_more(&mut self) -> io::Result<()> {
        if self.pending.is_empty() && !self.at_end {
            let read = self.inner.read(&mut self.input)?;
            self.pending = 0..read;
            self.at_end = read == 0;
        }
        self.output.clear();
        self.given = 0;
        let source = self.input.get(self.pending.clone()).unwrap_or_default();
        let (result, used, _) = self.decoder.decode_to_string(source, &mut self.output, self.at_end);
        self.pending.start += used;
        self.finished = self.at_end && result == CoderResult::InputEmpty;
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.given >= self.output.len() {
            if self.finished {
                return Ok(0);
            }
            self.decode_more()?;
        }
        let mut ready = self.output.as_bytes().get(self.given..).unwrap_or_default();
        let count = ready.read(buffer)?;
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{SHIFT_JIS, WINDOWS_1252};
    use proptest::prelude::*;

    fn utf16(text: &str, little: bool, bom: bool) -> Vec<u8> {
        let units = bom.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
        units
            .flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() })
            .collect()
    }

    fn read(mut bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        utf8_reader(&mut bytes).unwrap().read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn utf16_is_found_with_and_without_its_mark() {
        let text = "Level,Date and Time,Système\r\n".repeat(9000);
        for little in [true, false] {
            for bom in [true, false] {
                assert!(read(&utf16(&text, little, bom)) == text.as_bytes(), "{little} {bom}");
            }
        }
    }

    #[test]
    fn lines_that_end_with_cr_alone_are_told_and_changed() {
        let of = |text: &str| ends_with_cr(text.as_bytes());
        assert!(of("a b\rc d\r") && of("<13>a\r<13>b"));
        for text in [
            "",
            "a\r",
            "a\r\nb",
            "a\nb\rc",
            "{\r\"a\":1}",
            "[\r]",
            "<Event>\r</Event>",
            "a\r\0",
        ] {
            assert!(!of(text), "{text:?}");
        }
        let mut changed = String::new();
        CrLines(&b"a\rb\r"[..]).read_to_string(&mut changed).unwrap();
        assert_eq!(changed, "a\nb\n");
    }

    #[test]
    fn utf8_loses_its_mark_and_nothing_else() {
        assert_eq!(read(b"\xEF\xBB\xBFa,b\n\xff"), b"a,b\n\xff");
        assert_eq!(read(b""), b"");
        assert_eq!(detect(b"a\0b"), Detected::Bytes { bom: 0 });
    }

    #[test]
    fn records_in_a_code_page_are_kept() {
        assert_eq!(
            fallback("Système".as_bytes(), WINDOWS_1252),
            (Cow::Borrowed("Système"), false)
        );
        assert_eq!(fallback(b"Syst\xE8me", WINDOWS_1252), (Cow::Borrowed("Système"), true));
        assert_eq!(fallback(b"\x93\xFA\x96\x7B", SHIFT_JIS).0, "日本");
    }

    proptest! {
        #[test]
        fn any_text_survives_utf16(text: String, little: bool) {
            prop_assert_eq!(read(&utf16(&text, little, true)), text.as_bytes());
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
