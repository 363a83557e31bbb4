//! YAML as a tree with line numbers, bounded: what a rule file can make of itself is limited before anything looks at it.

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Nodes of one file, aliases expanded. The largest rule of SigmaHQ has about 2,000.
const MAX_NODES: usize = 200_000;
/// Nesting of one file. Rules of SigmaHQ nest five deep.
const MAX_DEPTH: usize = 32;
/// Bytes of one file.
pub const MAX_BYTES: usize = 4 << 20;

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Line it begins on, from 1.
    pub line: u32,
    /// What it is.
    pub value: Value,
}

/// The value of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A scalar; `plain` where it was written without quotes, so that `null` and `12` mean more than their letters.
    Scalar {
        /// The text, unescaped.
        text: String,
        /// Written without quotes.
        plain: bool,
    },
    /// A list.
    Seq(Vec<Node>),
    /// A map in the order of the file.
    Map(Vec<Entry>),
}

/// One key of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its line.
    pub line: u32,
    /// The value.
    pub value: Node,
}

/// Why a text is no YAML that is read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// Line, from 1.
    pub line: u32,
    /// What is wrong and what to do.
    pub reason: String,
}

fn error(line: u32, reason: impl Into<String>) -> YamlError {
    YamlError {
        line,
        reason: reason.into(),
    }
}

/// The documents of a text. Empty documents are left out.
///
/// # Errors
/// Where the text is not YAML, nests too deep, grows too large through aliases, or names a key twice.
pub fn parse(text: &str) -> Result<Vec<Node>, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(error(1, "larger than 4 MiB: no rule is; split the file"));
    }
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| error(line_of(e.marker().line()), e.info()))?;
        tree.take(event, line_of(span.start.line()))?;
    }
    Ok(tree.documents)
}

fn line_of(line: usize) -> u32 {
    u32::try_from(line.max(1)).unwrap_or(u32::MAX)
}

/// A list or map whose end has not come yet.
struct Open {
    line: u32,
    anchor: usize,
    items: Items,
}

enum Items {
    Seq(Vec<Node>),
    Map(Vec<Entry>, Option<(String, u32)>),
}

#[derive(Default)]
struct Tree {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: std::collections::BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), YamlError> {
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, ..) => {
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                let node = Node {
                    line,
                    value: Value::Scalar { text, plain },
                };
                self.add(node, anchor, 1)?;
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(error(line, "an alias without its anchor"));
                };
                self.add(node, 0, size)?;
            }
            Event::SequenceStart(anchor, ..) => self.begin(line, anchor, Items::Seq(Vec::new()))?,
            Event::MappingStart(anchor, ..) => self.begin(line, anchor, Items::Map(Vec::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, line: u32, anchor: usize, items: Items) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(error(line, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push(Open { line, anchor, items });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.items {
            Items::Seq(items) => Value::Seq(items),
            Items::Map(entries, _) => Value::Map(entries),
        };
        let node = Node { line: open.line, value };
        self.add(node, open.anchor, 1)
    }

    fn add(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), YamlError> {
        self.nodes += size;
        if self.nodes > MAX_NODES {
            return Err(error(
                node.line,
                format!("more than {MAX_NODES} values, aliases counted in full"),
            ));
        }
        if anchor > 0 {
            let size = count(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let line = node.line;
        match self.open.last_mut().map(|o| &mut o.items) {
            None => {
                if !node.is_null() {
                    self.documents.push(node);
                }
            }
            Some(Items::Seq(items)) => items.push(node),
            Some(Items::Map(entries, key @ None)) => {
                let Value::Scalar { text, .. } = node.value else {
                    return Err(error(line, "a key that is not a text"));
                };
                if entries.iter().any(|e| e.key == text) {
                    return Err(error(
                        line,
                        format!("the key '{text}' stands here twice; only one of them could count"),
                    ));
                }
                *key = Some((text, line));
            }
            Some(Items::Map(entries, key)) => {
                if let Some((key, line)) = key.take() {
                    entries.push(Entry { key, line, value: node });
                }
            }
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Scalar { .. } => 0,
        Value::Seq(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|e| count(&e.value)).sum(),
    }
}

impl Node {
    /// Whether it is `null`, `~` or nothing.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar; `None` for null, lists and maps.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// The number of a scalar written without quotes: decimal, `0x` hexadecimal or a fraction.
    pub fn number(&self) -> Option<f64> {
        let Value::Scalar { text, plain: true } = &self.value else {
            return None;
        };
        number(text)
    }

    /// The entries of a map.
    pub fn map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list; a value that is no list counts as a list of one.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Seq(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|e| e.key == key).map(|e| &e.value)
    }

    /// The text of a key.
    pub fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }
}

/// Reads a number as YAML writes it.
pub fn number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hex) = digits.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(|n| sign * n as f64);
    }
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    numeric.then(|| digits.parse::<f64>().ok()).flatten().map(|n| sign * n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_and_quotes_are_kept() {
        let docs = parse("title: a\nlist:\n  - '1'\n  - 2\n  - null\n---\nb: |\n  x\n  y\n").unwrap();
        assert_eq!(docs.len(), 2);
        let list = docs[0].get("list").unwrap().items();
        assert_eq!((list[0].number(), list[1].number(), list[1].line), (None, Some(2.0), 4));
        assert!(list[2].is_null());
        assert_eq!(docs[1].get_text("b"), Some("x\ny\n"));
    }

    #[test]
    fn aliases_cannot_grow_without_bound() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..12 {
            let refs = vec![format!("*a{}", i - 1); 10].join(",");
            text += &format!("a{i}: &a{i} [{refs}]\n");
        }
        assert!(parse(&text).unwrap_err().reason.contains("aliases"));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(5_000);
        assert!(parse(&deep).is_err());
        let closed = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
        assert!(parse(&closed).unwrap_err().reason.contains("deeper"));
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_by_name() {
        let e = parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(e.line, 3);
        assert!(e.reason.contains("'a'"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn yaml_like_text_is_read_or_refused(text in "([a-z]{1,3}(: |:\n  )?|- |\\[|\\]|\\{|\\}|&a |\\*a |'|\"|\\||>|\n|#|,| ){0,60}") {
            let _ = parse(&text);
        }
    }
}
