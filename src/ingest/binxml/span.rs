//! Parts of texts.

use std::ops::Range;

/// Where a part of a text lies. Start and end are one number, so that it moves in one register: fields are written by
/// the million, and a number that is read right after its halves were written makes the processor wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span(u64);

/// Marks a part of the program's text in [`Found`].
const IN_PROGRAM: u64 = 1 << 63;

impl Span {
    /// From `start` to `end`, both below 2 GiB.
    #[inline]
    pub fn new(start: usize, end: usize) -> Self {
        Self(((start as u64) << 32 | end as u64) & !IN_PROGRAM)
    }

    /// First byte, and behind the last byte.
    #[inline]
    pub fn range(self) -> Range<usize> {
        (self.0 >> 32) as usize..(self.0 & 0xFFFF_FFFF) as usize
    }

    /// Whether there is nothing in it.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.range().is_empty()
    }

    /// The part of `text`.
    #[inline]
    pub fn of(self, text: &str) -> Option<&str> {
        text.get(self.range())
    }
}

/// A text that was found, either in the program or in the buffer of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found(u64);

impl Found {
    /// In the program.
    #[inline]
    pub fn in_program(span: Span) -> Self {
        Self(span.0 | IN_PROGRAM)
    }

    /// In the buffer.
    #[inline]
    pub fn in_buffer(span: Span) -> Self {
        Self(span.0)
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        Span(self.0 & !IN_PROGRAM).is_empty()
    }

    /// Where in the buffer, if it is there.
    #[inline]
    pub fn buffered(self) -> Option<Span> {
        (self.0 & IN_PROGRAM == 0).then_some(Span(self.0))
    }

    /// The text.
    #[inline]
    pub fn of<'t>(self, program: &'t str, buffer: &'t str) -> Option<&'t str> {
        let text = if self.0 & IN_PROGRAM != 0 { program } else { buffer };
        Span(self.0 & !IN_PROGRAM).of(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_again() {
        let span = Span::new(2, 5);
        assert_eq!((span.range(), span.of("abcdefg")), (2..5, Some("cde")));
        assert_eq!(Found::in_program(span).of("abcdefg", "1234567"), Some("cde"));
        assert_eq!(Found::in_buffer(span).of("abcdefg", "1234567"), Some("345"));
        assert_eq!(Found::in_program(span).buffered(), None);
        assert_eq!(Found::in_buffer(span).buffered(), Some(span));
        assert!(Span::new(7, 7).is_empty() && Found::in_program(Span::new(7, 7)).is_empty());
        assert_eq!(Span::new(2, 9).of("abc"), None);
    }
}
