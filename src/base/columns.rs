//! Columns of a line that stand between blanks.

use super::places::Places;

/// The columns of a text, from front to back. A run of blanks is one gap.
#[derive(Debug)]
pub struct Columns<'t> {
    text: &'t str,
    blanks: Places<'t>,
    /// Where the next column begins, or a gap before it.
    at: usize,
    /// The first blank that is not before `at`, or the text's end.
    blank: usize,
}

impl<'t> Columns<'t> {
    /// Of a text whose columns stand between either of two ASCII bytes.
    #[inline]
    pub fn new(text: &'t str, blanks: [u8; 2]) -> Self {
        let mut blanks = Places::of_both(blanks, text.as_bytes());
        let blank = blanks.next().unwrap_or(text.len());
        Self {
            text,
            blanks,
            at: 0,
            blank,
        }
    }

    /// The first byte of the next column; `None` at the end.
    #[inline(always)]
    pub fn peek(&mut self) -> Option<u8> {
        while self.at == self.blank {
            // At the end, too, a step is made: there `at` comes to stand behind the text.
            self.at += 1;
            self.pass_blank();
        }
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next column up to a blank; empty at the end.
    #[inline(always)]
    pub fn take(&mut self) -> &'t str {
        let column = self.text.get(self.at..self.blank).unwrap_or("");
        self.at = self.blank;
        column
    }

    /// What comes from here on.
    #[inline]
    pub fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Goes on where `rest`, the end of [`Columns::rest`], begins.
    #[inline]
    pub fn go_on(&mut self, rest: &str) {
        self.at = self.text.len() - rest.len();
        while self.blank < self.at {
            self.pass_blank();
        }
    }

    #[inline(always)]
    fn pass_blank(&mut self) {
        self.blank = self.blanks.next().unwrap_or(self.text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_the_words_of_the_text(text in "[aé \\t]{0,200}") {
            let (mut columns, mut words) = (Columns::new(&text, [b' ', b'\t']), Vec::new());
            while columns.peek().is_some() {
                words.push(columns.take());
            }
            prop_assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
            prop_assert_eq!((columns.peek(), columns.take(), columns.rest()), (None, "", ""));
        }

        #[test]
        fn one_may_go_on_anywhere(text in "[a ]{0,200}", steps in prop::collection::vec(0usize..20, 0..20)) {
            let mut columns = Columns::new(&text, [b' '; 2]);
            for step in steps {
                let rest = columns.rest();
                let rest = rest.get(step..).unwrap_or("");
                columns.go_on(rest);
                prop_assert_eq!(columns.rest(), rest);
                columns.peek();
                prop_assert_eq!(columns.rest(), rest.trim_start());
                prop_assert_eq!(columns.take(), rest.split_whitespace().next().unwrap_or(""));
            }
        }
    }
}
