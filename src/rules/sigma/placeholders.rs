//! Values of placeholders (`%admins%`) that `expand` fills in.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::yaml;

/// Values by the name of their placeholder.
#[derive(Debug, Clone, Default)]
pub struct Placeholders {
    values: BTreeMap<String, Vec<String>>,
}

/// Placeholders while one rule is read, and those of it that have no values.
#[derive(Debug)]
pub struct Filling<'p> {
    known: &'p Placeholders,
    missing: RefCell<BTreeSet<String>>,
}

impl<'p> Filling<'p> {
    /// For one rule.
    pub fn new(known: &'p Placeholders) -> Self {
        Self {
            known,
            missing: RefCell::new(BTreeSet::new()),
        }
    }

    /// A text with every `%name%` replaced by each of its values; none where a placeholder has no values, which is noted.
    ///
    /// # Errors
    /// Where there would be too many texts.
    pub fn expand(&self, text: &str) -> Result<Vec<String>, String> {
        match self.known.expand(text)? {
            Ok(texts) => Ok(texts),
            Err(name) => {
                self.missing.borrow_mut().insert(name);
                Ok(Vec::new())
            }
        }
    }

    /// What to say about placeholders without values.
    pub fn notes(&self) -> Vec<String> {
        let missing = self.missing.borrow();
        let note = |name: &String| {
            format!(
                "the placeholder %{name}% has no values, so what asks for it never matches; give them with --sigma-vars FILE (a line '{name}: [a, b]')"
            )
        };
        missing.iter().map(note).collect()
    }
}

/// Most texts that one value may become.
const MAX_TEXTS: usize = 10_000;

impl Placeholders {
    /// Adds the map of a file: `name: value` or `name: [values]`, also under a key `vars`.
    ///
    /// # Errors
    /// The line and what is wrong there.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let docs = yaml::parse(text).map_err(|e| format!("line {}: {}", e.line, e.reason))?;
        for doc in &docs {
            let map = doc.get("vars").unwrap_or(doc);
            let Some(entries) = map.map() else {
                return Err(format!("line {}: expected a map of names to values", doc.line));
            };
            for e in entries {
                let texts: Option<Vec<String>> = e.value.items().iter().map(|n| n.text().map(str::to_owned)).collect();
                let Some(texts) = texts else {
                    return Err(format!("line {}: '{}' needs a text or a list of texts", e.line, e.key));
                };
                self.values
                    .entry(e.key.trim_matches('%').to_owned())
                    .or_default()
                    .extend(texts);
            }
        }
        Ok(())
    }

    /// A text with every `%name%` replaced by each of its values, or the placeholder that has none.
    fn expand(&self, text: &str) -> Result<Result<Vec<String>, String>, String> {
        let mut out = vec![String::new()];
        let mut rest = text;
        while let Some((before, name, after)) = placeholder(rest) {
            let Some(values) = self.values.get(name) else {
                return Ok(Err(name.to_owned()));
            };
            if out.len().saturating_mul(values.len()) > MAX_TEXTS {
                return Err(format!("its placeholders make more than {MAX_TEXTS} texts"));
            }
            out = out
                .iter()
                .flat_map(|o| values.iter().map(move |v| format!("{o}{before}{v}")))
                .collect();
            rest = after;
        }
        out.iter_mut().for_each(|o| o.push_str(rest));
        Ok(Ok(out))
    }
}

fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, tail) = text.split_once('%')?;
    let (name, after) = tail.split_once('%')?;
    let named = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    named.then_some((before, name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_placeholder() {
        let mut p = Placeholders::default();
        p.add("admins: [ann, bob]\n'%hosts%': srv*\n").unwrap();
        let filling = Filling::new(&p);
        assert_eq!(filling.expand(r"CORP\%admins%").unwrap(), [r"CORP\ann", r"CORP\bob"]);
        assert_eq!(filling.expand("%admins%@%hosts%").unwrap(), ["ann@srv*", "bob@srv*"]);
        assert_eq!(filling.expand("100%").unwrap(), ["100%"]);
        assert!(filling.notes().is_empty());
        assert_eq!(filling.expand("%nobody%").unwrap(), [""; 0]);
        assert!(filling.notes()[0].contains("--sigma-vars"));
        assert!(p.add("- a\n").is_err());
    }
}
