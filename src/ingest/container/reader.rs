//! The reader around every decompressor: counts what comes out, and turns damage into an early end with a note.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};

use super::{Note, NoteKind, OpenOptions};

/// Largest single read from a decompressor: on damage it loses what it decoded in the call that failed.
const STEP: usize = 16 << 10;

/// What is shared by all levels of one input.
pub(super) struct State<'o> {
    pub(super) options: &'o OpenOptions,
    notes: RefCell<Vec<Note>>,
    expanded: Cell<u64>,
    capped: Cell<bool>,
}

impl<'o> State<'o> {
    pub(super) fn new(options: &'o OpenOptions) -> Self {
        Self {
            options,
            notes: RefCell::default(),
            expanded: Cell::new(0),
            capped: Cell::new(false),
        }
    }

    pub(super) fn into_notes(self) -> Vec<Note> {
        self.notes.into_inner()
    }

    /// Whether the limit of expansion was reached; nothing more is read then.
    pub(super) fn is_capped(&self) -> bool {
        self.capped.get()
    }

    pub(super) fn note(&self, place: &str, kind: NoteKind, reason: impl Into<String>, next_step: &'static str) {
        // Behind the limit every level looks cut off; the note about the limit says it all.
        if self.capped.get() && kind == NoteKind::Truncated {
            return;
        }
        let note = Note {
            place: place.to_owned(),
            kind,
            reason: reason.into(),
            next_step,
        };
        self.notes.borrow_mut().push(note);
    }

    /// Counts decoded bytes and gives back how many of them are still within the limit.
    fn count(&self, place: &str, bytes: usize) -> usize {
        let room = self.options.max_expanded.saturating_sub(self.expanded.get());
        let kept = usize::try_from(room).unwrap_or(usize::MAX).min(bytes);
        self.expanded.set(self.expanded.get() + kept as u64);
        if kept < bytes {
            let reason = format!("more than {} bytes came out of this input", self.options.max_expanded);
            self.note(
                place,
                NoteKind::Capped,
                reason,
                "raise the limit of expansion if the archive is trusted",
            );
            self.capped.set(true);
        }
        kept
    }
}

/// A decompressor whose errors end the stream.
pub(super) struct Lenient<'s, R> {
    inner: R,
    state: &'s State<'s>,
    place: &'s str,
    what: &'static str,
    ended: bool,
}

impl<'s, R: Read> Lenient<'s, R> {
    /// `what` names the compression in notes.
    pub(super) fn new(inner: R, state: &'s State<'s>, place: &'s str, what: &'static str) -> Self {
        Self {
            inner,
            state,
            place,
            what,
            ended: false,
        }
    }
}

impl<R: Read> Read for Lenient<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || self.state.is_capped() || buffer.is_empty() {
            return Ok(0);
        }
        let len = buffer.len().min(STEP);
        let buffer = buffer.get_mut(..len).unwrap_or_default();
        match self.inner.read(buffer) {
            Ok(0) => self.ended = true,
            Ok(read) => return Ok(self.state.count(self.place, read)),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
            Err(e) => {
                self.ended = true;
                let reason = if e.kind() == io::ErrorKind::UnexpectedEof {
                    format!("the {} data ends too early", self.what)
                } else {
                    format!("the {} data is damaged: {e}", self.what)
                };
                let next_step = "what came before was read; look for an intact copy";
                self.state.note(self.place, NoteKind::Truncated, reason, next_step);
            }
        }
        Ok(0)
    }
}
