//! `<Event>` elements, found by their tags: exports often lack a root, and break off in the middle.

use std::borrow::Cow;

use memchr::memmem;

use super::Piece;

const START: &[u8] = b"<Event";
const END: &[u8] = b"</Event>";

/// The events of a block, from `<Event` to `</Event>`. An event that breaks off, because the next one begins or the block
/// ends, is a damaged piece: what it has can still be read. Everything between events is passed over.
pub struct XmlEvents<'a> {
    block: &'a [u8],
    at: usize,
    /// Position behind the next end tag from `at` on, once searched; `None` in it if there is no more.
    end: Option<Option<usize>>,
}

impl<'a> XmlEvents<'a> {
    /// Iterates over a block.
    pub fn new(block: &'a [u8]) -> Self {
        Self {
            block,
            at: 0,
            end: None,
        }
    }

    /// The next end tag behind `start`. It is kept, so that many starts without an end are searched once.
    fn end_behind(&mut self, start: usize) -> Option<usize> {
        let known = self.end.filter(|end| end.is_none_or(|end| end > start));
        let end = known.unwrap_or_else(|| {
            let rest = self.block.get(start..)?;
            memmem::find(rest, END).map(|at| start + at + END.len())
        });
        self.end = Some(end);
        end
    }
}

impl<'a> Iterator for XmlEvents<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = find_start(self.block, self.at)?;
        let end = self.end_behind(start);
        let until = end.unwrap_or(self.block.len());
        let next = self
            .block
            .get(..until)
            .and_then(|block| find_start(block, start + START.len()));
        self.at = next.unwrap_or(until);
        let bytes = self.block.get(start..self.at)?;
        let complete = next.is_none() && end.is_some();
        Some(if complete {
            Piece::Record(start, bytes)
        } else {
            Piece::Damaged(start, bytes)
        })
    }
}

/// Up to the last end tag.
pub(super) fn boundary(block: &[u8]) -> usize {
    memmem::rfind(block, END).map_or(0, |at| at + END.len())
}

/// The next `<Event` from a position on that is not `<Events`, `<EventID` or `<EventData`.
pub(super) fn find_start(block: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memmem::find(block.get(at..)?, START)?;
        if matches!(
            block.get(found + START.len()),
            Some(b' ' | b'>' | b'\t' | b'\r' | b'\n')
        ) {
            return Some(found);
        }
        at = found + START.len();
    }
}

/// Removes the dashes of a browser's tree view, `- <System>`, that a copied event carries between its tags.
pub fn strip_tree_dashes(event: &[u8]) -> Cow<'_, [u8]> {
    if memmem::find(event, b"- <").is_none() {
        return Cow::Borrowed(event);
    }
    let mut out = Vec::with_capacity(event.len());
    let mut rest = event;
    while let Some(at) = memmem::find(rest, b"- <") {
        let Some((before, dash)) = rest.split_at_checked(at) else {
            break;
        };
        out.extend_from_slice(before);
        // A value such as `<Data>- </Data>` ends with a closing tag and keeps its dash.
        let between_tags = out.trim_ascii_end().last().is_none_or(|&b| b == b'>') && dash.get(3) != Some(&b'/');
        let (gone, kept) = if between_tags { (2, 3) } else { (0, 3) };
        out.extend_from_slice(dash.get(gone..kept).unwrap_or_default());
        rest = dash.get(kept..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_without_a_root_and_when_cut() {
        let text = b"<Events><Event xmlns='x'><EventID>1</EventID><EventData/></Event>\n- <Event>cut\n<Event>2</Event></Events>";
        let found: Vec<_> = XmlEvents::new(text).collect();
        assert_eq!(found.len(), 3);
        assert!(found[0].record().unwrap().ends_with(b"<EventData/></Event>"));
        assert_eq!(found[1], Piece::Damaged(68, b"<Event>cut\n"));
        assert_eq!(found[2].record(), Some(&b"<Event>2</Event>"[..]));
        assert_eq!(boundary(b"<Event>1</Event><Event>"), 16);
    }

    #[test]
    fn tree_dashes_go_and_dash_values_stay() {
        let text = b"<Event>- <System>  <A>-</A> <B>- </B>- <C x='a- <b'/></System></Event>";
        let want = b"<Event><System>  <A>-</A> <B>- </B><C x='a- <b'/></System></Event>";
        assert_eq!(&*strip_tree_dashes(text), want);
    }
}
