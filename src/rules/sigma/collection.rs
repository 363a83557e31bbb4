//! Several documents in one file: `action: global` gives its keys to those that follow, `reset` ends that, `repeat` takes
//! what the rule before had.

use super::yaml::{Entry, Node, Value};

/// The rules of a file, with what they share put into each.
pub(super) fn merge(nodes: Vec<Node>) -> Vec<Node> {
    let mut global: Option<Node> = None;
    let mut last: Option<Node> = None;
    let mut out = Vec::new();
    for mut node in nodes {
        let action = take_action(&mut node);
        let full = match action.as_deref() {
            Some("global") => {
                global = Some(match global {
                    Some(g) => onto(&g, &node),
                    None => node,
                });
                continue;
            }
            Some("reset") => {
                global = None;
                if node.map().is_some_and(<[Entry]>::is_empty) {
                    continue;
                }
                node
            }
            Some("repeat") => match &last {
                Some(before) => onto(before, &node),
                None => node,
            },
            _ => match &global {
                Some(g) => onto(g, &node),
                None => node,
            },
        };
        last = Some(full.clone());
        out.push(full);
    }
    out
}

/// Removes and returns a document's `action`. Correlations have none.
fn take_action(node: &mut Node) -> Option<String> {
    let Value::Map(entries) = &mut node.value else {
        return None;
    };
    let at = entries.iter().position(|e| e.key == "action")?;
    let action = entries.get(at)?.value.text()?.to_owned();
    if matches!(action.as_str(), "global" | "reset" | "repeat") {
        entries.remove(at);
        return Some(action);
    }
    None
}

/// `over` on top of `base`: maps are joined key by key, everything else is replaced.
fn onto(base: &Node, over: &Node) -> Node {
    let (Value::Map(a), Value::Map(b)) = (&base.value, &over.value) else {
        return over.clone();
    };
    let mut entries = a.clone();
    for e in b {
        match entries.iter_mut().find(|x| x.key == e.key) {
            Some(x) => {
                *x = Entry {
                    value: onto(&x.value, &e.value),
                    ..e.clone()
                }
            }
            None => entries.push(e.clone()),
        }
    }
    Node {
        line: over.line,
        value: Value::Map(entries),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::sigma::yaml;

    fn merged(text: &str) -> Vec<Node> {
        merge(yaml::parse(text).unwrap())
    }

    #[test]
    fn global_repeat_and_reset() {
        let docs = merged(
            "action: global\ntitle: t\ndetection: {condition: sel}\n---\nid: 1\ndetection: {sel: a}\n---\naction: repeat\nid: 2\n---\naction: reset\n---\nid: 3\n",
        );
        assert_eq!(docs.len(), 3);
        assert_eq!(
            (docs[0].get_text("title"), docs[0].get_text("id")),
            (Some("t"), Some("1"))
        );
        assert_eq!(docs[0].get("detection").unwrap().get_text("condition"), Some("sel"));
        assert_eq!(docs[1].get("detection").unwrap().get_text("sel"), Some("a"));
        assert_eq!((docs[2].get_text("title"), docs[2].get_text("id")), (None, Some("3")));
    }
}
