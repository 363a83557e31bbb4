//! Finding the end of a JSON value without reading it.

use memchr::memchr3;

/// Deepest nesting of one record.
const DEEPEST: u32 = 128;

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scanned {
    /// Complete, of this length.
    Complete(usize),
    /// The bytes end first.
    Incomplete,
    /// Not JSON from this position on.
    Broken(usize),
}

/// The extent of the object or array that the bytes begin with. Checked is what decides the extent: strings without raw
/// line breaks, matching brackets, and that objects and arrays stand only where a value may.
pub(super) fn value(bytes: &[u8]) -> Scanned {
    Scan::default().run(bytes, 0)
}

/// The extent of the rest of a wrapper behind its array, to the end of its outermost object.
pub(super) fn tail(bytes: &[u8], levels: u8) -> Scanned {
    // The enclosing containers are objects, which is what zeros on the stack say.
    Scan {
        depth: u32::from(levels),
        arrays: 0,
        last: b']',
    }
    .run(bytes, 0)
}

/// The extent of a string, the bytes beginning behind its opening quote.
pub(super) fn string(bytes: &[u8]) -> Scanned {
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(special) {
        let found = at + found;
        match bytes.get(found) {
            Some(b'"') => return Scanned::Complete(found + 1),
            // An escaped line break is as impossible as a raw one.
            Some(b'\\') if bytes.get(found + 1) == Some(&b'\n') => {
                return Scanned::Broken(found + 1);
            }
            Some(b'\\') => at = found + 2,
            _ => return Scanned::Broken(found),
        }
    }
    Scanned::Incomplete
}

/// The next quote, backslash or line break. Most strings are short: a plain loop beats the set-up of the vector search.
fn special(bytes: &[u8]) -> Option<usize> {
    let is_special = |b: &u8| matches!(b, b'"' | b'\\' | b'\n');
    let (front, back) = bytes.split_at_checked(SHORT).unwrap_or((bytes, b""));
    front
        .iter()
        .position(is_special)
        .or_else(|| Some(SHORT + memchr3(b'"', b'\\', b'\n', back)?))
}

/// Bytes of a string looked at one by one.
const SHORT: usize = 16;

#[derive(Default)]
struct Scan {
    depth: u32,
    /// One bit for each open container, the innermost lowest: set for an array.
    arrays: u128,
    /// The last byte outside strings that is not white space; a string leaves its quote.
    last: u8,
}

impl Scan {
    fn run(mut self, bytes: &[u8], start: usize) -> Scanned {
        let mut at = start;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => match string(bytes.get(at + 1..).unwrap_or_default()) {
                    // The loop adds one for the opening quote.
                    Scanned::Complete(len) => at += len,
                    Scanned::Broken(len) => return Scanned::Broken(at + 1 + len),
                    Scanned::Incomplete => return Scanned::Incomplete,
                },
                b'{' | b'[' if !self.open(byte == b'[') => return Scanned::Broken(at),
                b'}' | b']' => {
                    if (self.arrays & 1 == 1) != (byte == b']') {
                        return Scanned::Broken(at);
                    }
                    self.arrays >>= 1;
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Scanned::Complete(at + 1);
                    }
                }
                _ => {}
            }
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                self.last = byte;
            }
            at += 1;
        }
        Scanned::Incomplete
    }

    /// Whether a container may begin here, and if so the step into it.
    fn open(&mut self, array: bool) -> bool {
        let allowed = match self.last {
            b':' | b'[' => true,
            b',' => self.arrays & 1 == 1,
            _ => self.depth == 0,
        };
        if !allowed || self.depth >= DEEPEST {
            return false;
        }
        self.arrays = self.arrays << 1 | u128::from(array);
        self.depth += 1;
        true
    }
}
