//! JSON objects in a stream: one per line, in one array, concatenated and pretty-printed, or inside a wrapper object.
//!
//! What makes cutting cheap: between two values of which neither is inside the other JSON demands a comma, except at the
//! top level, and a line break cannot stand inside a string. So `}`, a line break and `{` mark the top level wherever they
//! are seen, without reading what came before. The scanner treats them as such in broken input too, which is why one
//! broken object never costs more than itself.

mod scan;
mod wrapper;

use super::Piece;
use scan::Scanned;
use wrapper::Wrapper;

/// The byte order mark of UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Where in a document a block begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JsonPlace {
    /// Between values of the top level, or in an array there.
    #[default]
    Top,
    /// In the record array of a wrapper, so many objects deep.
    Records(u8),
    /// Behind the record array of a wrapper.
    Tail(u8),
}

/// An object that was understood: its place in the block, its bytes, and what it is.
pub type Read<'a, T> = (usize, &'a [u8], T);

/// The objects of a block.
///
/// Arrays at the top level are looked through, and so are wrappers: `{"value":[…]}`, `{"records":[…]}`, `{"results":[…]}`
/// (any case, behind no other keys than the usual ones of a reply) and `{"hits":{"hits":[…]}}`. Behind a broken object, or
/// anything that is not one, reading goes on at the next line that begins with `{` or with the broken object's own indent.
pub struct JsonObjects<'a> {
    block: &'a [u8],
    at: usize,
    place: JsonPlace,
    at_eof: bool,
}

impl<'a> JsonObjects<'a> {
    /// Iterates over a whole document.
    pub fn new(block: &'a [u8]) -> Self {
        Self::at(block, JsonPlace::Top)
    }

    /// Iterates over a block that begins at a place, as the block reader says.
    pub fn at(block: &'a [u8], place: JsonPlace) -> Self {
        Self {
            block,
            at: 0,
            place,
            at_eof: true,
        }
    }

    /// The next object as `read` understands it, or as a piece where it does not. `read` is given the object's place
    /// in the block and returns its length and what it is; so an object is scanned once and not twice.
    pub fn next_with<T>(
        &mut self,
        read: impl FnOnce(usize) -> Option<(usize, T)>,
    ) -> Option<Result<Read<'a, T>, Piece<'a>>> {
        if !self.find_object()? {
            return self.resync().map(Err);
        }
        let start = self.at;
        match read(start).and_then(|(len, what)| Some((len, self.rest().get(..len)?, what))) {
            Some((len, bytes, what)) => {
                self.at += len;
                Some(Ok((start, bytes, what)))
            }
            None => self.scan_object().map(Err),
        }
    }

    fn scan_object(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest();
        match scan::value(rest) {
            Scanned::Complete(len) => {
                let start = self.at;
                self.at += len;
                Some(Piece::Record(start, rest.get(..len)?))
            }
            Scanned::Incomplete if !self.at_eof => None,
            Scanned::Incomplete | Scanned::Broken(_) => self.resync(),
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.block.get(self.at..).unwrap_or_default()
    }

    /// Moves to the next object of interest; `Some(false)` if something else is there, `None` at the end.
    fn find_object(&mut self) -> Option<bool> {
        loop {
            if let JsonPlace::Tail(levels) = self.place {
                match scan::tail(self.rest(), levels) {
                    Scanned::Complete(len) | Scanned::Broken(len) => self.at += len,
                    Scanned::Incomplete => return None,
                }
                self.place = JsonPlace::Top;
            }
            self.skip_separators();
            let byte = *self.rest().first()?;
            match (byte, self.place) {
                (b']', JsonPlace::Records(levels)) => {
                    self.at += 1;
                    self.place = JsonPlace::Tail(levels);
                }
                (b'{', JsonPlace::Records(_)) if self.is_behind_object() => self.place = JsonPlace::Top,
                (b'{', JsonPlace::Records(_)) => return Some(true),
                (b'{', _) => match wrapper::open(self.rest()) {
                    Wrapper::Records { skip, levels } => {
                        self.at += skip;
                        self.place = JsonPlace::Records(levels);
                    }
                    Wrapper::Unknown if !self.at_eof => return None,
                    Wrapper::Unknown | Wrapper::None => return Some(true),
                },
                _ => return Some(false),
            }
        }
    }

    fn skip_separators(&mut self) {
        let top = self.place == JsonPlace::Top;
        // 0x1E introduces a record of an RFC 7464 sequence.
        let is_separator = |b: &u8| b" \t\r\n,".contains(b) || (top && b"[]\x1E".contains(b));
        loop {
            self.at += self.rest().iter().take_while(|b| is_separator(b)).count();
            // Files that were put one behind the other bring their marks with them.
            if !top || !self.rest().starts_with(BOM) {
                return;
            }
            self.at += BOM.len();
        }
    }

    /// Whether only white space lies between the last object and here: no comma, so this is the top level again. At the
    /// start of a block it is, because a block inside an array ends behind an object.
    fn is_behind_object(&self) -> bool {
        let before = self.block.get(..self.at).unwrap_or_default().trim_ascii_end();
        before.last().is_none_or(|&b| b == b'}')
    }

    /// Gives up what begins here and moves to where reading can go on.
    fn resync(&mut self) -> Option<Piece<'a>> {
        let start = self.at;
        let indent = self.indent();
        let rest = self.rest();
        let next = memchr::memchr_iter(b'\n', rest).find_map(|at| {
            let line = rest.get(at + 1..)?;
            let own = line.strip_prefix(indent).is_some_and(|l| l.first() == Some(&b'{'));
            let margin = line.first() == Some(&b'{');
            (own || margin).then_some(at + 1 + if margin { 0 } else { indent.len() })
        });
        let len = match next {
            Some(len) => len,
            None if self.at_eof => rest.len(),
            None => return None,
        };
        self.at += len;
        Some(Piece::Damaged(start, rest.get(..len)?))
    }

    /// The blanks between the line's start and here; empty if there is something else or the line starts in another block.
    fn indent(&self) -> &'a [u8] {
        let before = self.block.get(..self.at).unwrap_or_default();
        let blanks = before.iter().rev().take_while(|&&b| b == b' ' || b == b'\t').count();
        let (line_start, indent) = before.split_at_checked(before.len() - blanks).unwrap_or_default();
        if line_start.last() == Some(&b'\n') { indent } else { b"" }
    }
}

impl<'a> Iterator for JsonObjects<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.find_object()? {
            return self.resync();
        }
        self.scan_object()
    }
}

/// Up to the last mark of the top level, or else behind the last complete object.
pub(super) fn boundary(block: &[u8], place: JsonPlace) -> (usize, JsonPlace) {
    let is_mark = |&at: &usize| {
        let before = block
            .get(..at)
            .map(|b| b.strip_suffix(b"\r").unwrap_or(b))
            .and_then(<[u8]>::last);
        before == Some(&b'}') && block.get(at + 1) == Some(&b'{')
    };
    if let Some(mark) = memchr::memrchr_iter(b'\n', block).find(is_mark) {
        return (mark + 1, JsonPlace::Top);
    }
    let mut objects = JsonObjects {
        block,
        at: 0,
        place,
        at_eof: false,
    };
    let mut last = (0, place);
    while let Some(piece) = objects.next() {
        if piece.record().is_some() {
            last = (objects.at, objects.place);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> Vec<&str> {
        JsonObjects::new(text.as_bytes())
            .filter_map(Piece::record)
            .map(|r| std::str::from_utf8(r).unwrap())
            .collect()
    }

    fn damaged(text: &str) -> usize {
        JsonObjects::new(text.as_bytes())
            .filter(|p| p.record().is_none())
            .count()
    }

    #[test]
    fn all_documents_become_a_stream_of_objects() {
        let want = [r#"{"a":"}{\""}"#, r#"{"b":[{"c":{}}]}"#];
        let [a, b] = want;
        for text in [
            format!("{a}\n{b}\n"),
            format!("{a}\r\n\r\n{b}"),
            format!("{a}{b}"),
            format!("[{a},{b}]"),
            format!("[\n  {a},\n  {b}\n]\n"),
            format!("\u{1e}{a}\n\u{1e}{b}\n"),
            format!(r#"{{"value":[{a},{b}]}}"#),
            format!(r#"{{"@odata.context":"x","@odata.count":2,"value":[{a},{b}],"@odata.nextLink":"y"}}"#),
            format!(r#"{{"Stats":{{"t":1.5}},"Schema":[{{"Name":"x"}}],"Results":[{a},{b}],"x":[{{}}]}}"#),
            format!(r#"{{"records":[{a}]}}{}{{"records":[{b}]}}"#, "\n"),
            format!(r#"{{"took":1,"hits":{{"total":{{"value":2}},"max_score":null,"hits":[{a},{b}]}},"x":{{}}}}"#),
            format!(r#"[{{"value":[]}},{{"value":[{a}]}},{b}]"#),
        ] {
            assert_eq!(objects(&text), want, "{text}");
            assert_eq!(damaged(&text), 0, "{text}");
        }
    }

    #[test]
    fn pretty_printed_objects_are_whole() {
        let text = "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n{\n  \"c\": [\n    {\n    }\n  ]\n}\n";
        assert_eq!(objects(text).len(), 2);
    }

    #[test]
    fn an_object_with_an_array_called_value_is_no_wrapper() {
        for text in [
            r#"{"id":1,"value":[{"a":1}]}"#,
            r#"{"value":[1,2]}"#,
            r#"{"records":3}"#,
            r#"{"hits":[1]}"#,
        ] {
            assert_eq!(objects(text), [text]);
        }
    }

    #[test]
    fn one_broken_object_costs_only_itself() {
        for broken in [
            "{\"a\":\"cut",
            "{\"a\":1,",
            "{\"a\":[{}",
            "garbage",
            "{\"a\":]}",
            "{\"a\":{\"b\":1",
        ] {
            let text = format!("{{\"x\":1}}\n{broken}\n{{\"y\":2}}\n");
            assert_eq!(objects(&text), ["{\"x\":1}", "{\"y\":2}"], "{broken}");
            assert_eq!(damaged(&text), 1, "{broken}");
        }
        assert_eq!(objects("[\n  {\"x\":1},\n  {\"a\":\n  {\"y\":2}\n]").len(), 2);
        assert_eq!(objects("[\n  {\"x\":1},\n  {\"a\":\"cut\n  {\"y\":2}\n]").len(), 2);
        assert_eq!(objects("[{\"x\":1},{\"y\":2},{\"z\"").len(), 2);
    }

    #[test]
    fn depth_is_limited() {
        let deep = |n: usize| format!("{}{}\n{{\"ok\":1}}\n", "{\"a\":".repeat(n), "}".repeat(n));
        assert_eq!((objects(&deep(128)).len(), damaged(&deep(128))), (2, 0));
        assert_eq!((objects(&deep(129)).len(), damaged(&deep(129))), (1, 1));
    }
}
