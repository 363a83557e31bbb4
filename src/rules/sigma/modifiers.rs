//! From a field with its modifiers (`CommandLine|contains|all`) and its values to questions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use std::sync::Arc;

use super::cidr::Net;
use super::expr::{Expr, join, negate};
use super::expression;
use super::pattern::Pattern;
use super::placeholders::Filling;
use super::question::{Compare, Question, TimePart};
use super::yaml::Node;

/// Most questions that one field may ask.
const MAX_QUESTIONS: usize = 50_000;

/// A question about a field; without a field about the whole event.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The field, as the rule names it.
    pub field: Option<String>,
    /// The question.
    pub question: Question,
}

/// Names of all modifiers, for the message about one that does not exist.
const MODIFIERS: &[&str] = &[
    "all",
    "base64",
    "base64offset",
    "cased",
    "cidr",
    "contains",
    "day",
    "endswith",
    "exists",
    "expand",
    "fieldref",
    "gt",
    "gte",
    "hour",
    "i",
    "ignorecase",
    "lt",
    "lte",
    "m",
    "minute",
    "month",
    "multiline",
    "neq",
    "re",
    "s",
    "dotall",
    "startswith",
    "utf16",
    "utf16be",
    "utf16le",
    "week",
    "wide",
    "windash",
    "year",
];

/// What the modifiers of one field say, in order where order matters.
#[derive(Debug, Default)]
struct Chain {
    all: bool,
    before: bool,
    after: bool,
    cased: bool,
    not: bool,
    exists: bool,
    cidr: bool,
    regex: bool,
    flags: String,
    fieldref: bool,
    expand: bool,
    compare: Option<Compare>,
    part: Option<TimePart>,
    /// Encodings and `windash` in the order in which they apply.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Base64,
    Base64Offset,
    Utf16Le,
    Utf16Be,
    Utf16Bom,
    Windash,
}

/// The questions of one entry of a search: `key` is the field with its modifiers, empty for a search in everything.
///
/// # Errors
/// The modifier or the value that does not go, and what would.
pub fn questions(key: &str, values: &[Node], known: &Filling<'_>) -> Result<Expr<Ask>, String> {
    let mut words = key.split('|');
    let field = words.next().unwrap_or("").trim();
    let mut chain = Chain::default();
    for word in words {
        chain.add(word.trim()).map_err(|e| format!("{key}: {e}"))?;
    }
    let field = (!field.is_empty()).then(|| field.to_owned());
    if field.is_none() {
        // Words are looked for inside of everything that the event says.
        (chain.before, chain.after) = (true, true);
    }
    if values.len() > MAX_QUESTIONS {
        return Err(format!("{key}: more than {MAX_QUESTIONS} values"));
    }
    let mut list = Vec::new();
    for value in values {
        let asked = chain.value(value, known).map_err(|e| format!("{key}: {e}"))?;
        let leaf = |q: Question| {
            Expr::Leaf(Ask {
                field: field.clone(),
                question: q,
            })
        };
        let one = match asked {
            Asked::Yes(questions) => join(questions.into_iter().map(leaf), false),
            Asked::No(question) => negate(leaf(question)),
        };
        list.push(one);
    }
    if list.is_empty() {
        return Err(format!("{key}: an empty list of values matches nothing"));
    }
    let out = join(list, chain.all);
    Ok(if chain.not { negate(out) } else { out })
}

/// What one value asks.
enum Asked {
    /// Any of these.
    Yes(Vec<Question>),
    /// Not this.
    No(Question),
}

impl Chain {
    fn add(&mut self, word: &str) -> Result<(), String> {
        match word.to_ascii_lowercase().as_str() {
            "all" => self.all = true,
            "contains" => (self.before, self.after) = (true, true),
            "startswith" => self.after = true,
            "endswith" => self.before = true,
            "cased" => self.cased = true,
            "neq" => self.not = true,
            "exists" => self.exists = true,
            "cidr" => self.cidr = true,
            "re" => self.regex = true,
            "i" | "ignorecase" if self.regex => self.flags.push('i'),
            "m" | "multiline" if self.regex => self.flags.push('m'),
            "s" | "dotall" if self.regex => self.flags.push('s'),
            "fieldref" => self.fieldref = true,
            "expand" => self.expand = true,
            "lt" => self.compare = Some(Compare::Less),
            "lte" => self.compare = Some(Compare::AtMost),
            "gt" => self.compare = Some(Compare::Greater),
            "gte" => self.compare = Some(Compare::AtLeast),
            "minute" => self.part = Some(TimePart::Minute),
            "hour" => self.part = Some(TimePart::Hour),
            "day" => self.part = Some(TimePart::Day),
            "week" => self.part = Some(TimePart::Week),
            "month" => self.part = Some(TimePart::Month),
            "year" => self.part = Some(TimePart::Year),
            "base64" => self.steps.push(Step::Base64),
            "base64offset" => self.steps.push(Step::Base64Offset),
            "wide" | "utf16le" => self.steps.push(Step::Utf16Le),
            "utf16be" => self.steps.push(Step::Utf16Be),
            "utf16" => self.steps.push(Step::Utf16Bom),
            "windash" => self.steps.push(Step::Windash),
            "i" | "ignorecase" | "m" | "multiline" | "s" | "dotall" => {
                return Err(format!("the modifier '{word}' goes behind 're' only"));
            }
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    fn value(&self, node: &Node, known: &Filling<'_>) -> Result<Asked, String> {
        if self.exists {
            return match node.text() {
                Some(t) if matches!(t.to_ascii_lowercase().as_str(), "true" | "yes") => {
                    Ok(Asked::Yes(vec![Question::Exists]))
                }
                Some(t) if matches!(t.to_ascii_lowercase().as_str(), "false" | "no") => Ok(Asked::No(Question::Exists)),
                _ => Err("'exists' takes true or false".into()),
            };
        }
        if node.is_null() {
            return Ok(Asked::Yes(vec![Question::Null]));
        }
        let Some(text) = node.text() else {
            return Err(format!("line {}: a value must be a text, a number or null", node.line));
        };
        if self.fieldref {
            return Ok(Asked::Yes(vec![Question::SameAs {
                field: text.to_owned(),
                before: self.before,
                after: self.after,
                cased: self.cased,
            }]));
        }
        if self.cidr {
            return match Net::parse(text) {
                Some(net) => Ok(Asked::Yes(vec![Question::Cidr(net)])),
                None => Err(format!("'{text}' is no network; write it like 10.0.0.0/8")),
            };
        }
        if self.regex {
            return expression::compile(text, &self.flags).map(|e| Asked::Yes(vec![Question::Regex(Arc::new(e))]));
        }
        if self.compare.is_some() || self.part.is_some() {
            return self.number(node, text);
        }
        let texts = match self.expand {
            true => known.expand(text)?,
            false => vec![text.to_owned()],
        };
        let mut out = Vec::new();
        for text in texts {
            out.extend(self.texts(&text)?);
        }
        Ok(Asked::Yes(out))
    }

    fn number(&self, node: &Node, text: &str) -> Result<Asked, String> {
        let n = node.number().or_else(|| super::yaml::number(text));
        let Some(n) = n else {
            return Err(format!("'{text}' is no number"));
        };
        let compare = self.compare.unwrap_or(Compare::Equal);
        Ok(Asked::Yes(vec![match self.part {
            Some(part) => Question::TimePart(part, compare, n),
            None => Question::Number(compare, n),
        }]))
    }

    fn texts(&self, text: &str) -> Result<Vec<Question>, String> {
        let encodes = self.steps.iter().any(|s| *s != Step::Windash);
        if encodes {
            return self.encoded(text);
        }
        let mut pattern = Pattern::parse(text);
        if self.steps.contains(&Step::Windash) {
            pattern = pattern.windash();
        }
        Ok(vec![self.around(pattern, self.cased)])
    }

    /// `contains` and the like, and letter case.
    fn around(&self, mut pattern: Pattern, cased: bool) -> Question {
        if self.before {
            pattern.any_before();
        }
        if self.after {
            pattern.any_after();
        }
        if !cased {
            pattern = pattern.lower();
        }
        Question::Text { pattern, cased }
    }

    /// Encoded texts compare with their letter case: it carries their meaning.
    fn encoded(&self, text: &str) -> Result<Vec<Question>, String> {
        let plain = Pattern::parse(text);
        let mut variants: Vec<Vec<u8>> = match self.steps.first() {
            Some(Step::Windash) => dashes(text).into_iter().map(String::into_bytes).collect(),
            _ => match plain.as_literal() {
                Some(t) => vec![t.as_bytes().to_vec()],
                None => return Err("wildcards cannot be encoded; write '\\*' for a star".into()),
            },
        };
        for step in &self.steps {
            variants = variants.into_iter().flat_map(|v| apply(*step, &v)).collect();
        }
        let text = |v: Vec<u8>| {
            String::from_utf8(v).map_err(|_| {
                "utf16 gives bytes that no log field holds; put base64 or base64offset behind it".to_owned()
            })
        };
        variants
            .into_iter()
            .map(|v| Ok(self.around(Pattern::literal(&text(v)?), true)))
            .collect()
    }
}

fn apply(step: Step, bytes: &[u8]) -> Vec<Vec<u8>> {
    match step {
        Step::Windash => vec![bytes.to_vec()],
        Step::Base64 => vec![STANDARD.encode(bytes).into_bytes()],
        Step::Base64Offset => (0..3).map(|o| offset(bytes, o)).collect(),
        Step::Utf16Le => vec![utf16(bytes, u16::to_le_bytes)],
        Step::Utf16Be => vec![utf16(bytes, u16::to_be_bytes)],
        Step::Utf16Bom => vec![[&[0xff, 0xfe][..], &utf16(bytes, u16::to_le_bytes)].concat()],
    }
}

fn utf16(bytes: &[u8], order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    String::from_utf8_lossy(bytes).encode_utf16().flat_map(order).collect()
}

/// The characters of base64 that are the same whatever stands around, where `offset` bytes of the text before belong to
/// the first group of three.
fn offset(bytes: &[u8], offset: usize) -> Vec<u8> {
    let padded = [&vec![b' '; offset.min(3)][..], bytes].concat();
    let all = STANDARD.encode(&padded).into_bytes();
    let start = [0, 2, 3].get(offset).copied().unwrap_or(0);
    let end = match padded.len() % 3 {
        0 => all.len(),
        1 => all.len().saturating_sub(3),
        _ => all.len().saturating_sub(2),
    };
    all.get(start..end).unwrap_or(&[]).to_vec()
}

/// Every dash that begins an option in each of the two usual forms; at most 64 variants.
fn dashes(text: &str) -> Vec<String> {
    let marked = Pattern::parse(text).windash();
    let mut out = vec![String::new()];
    for part in marked.parts() {
        match part {
            super::pattern::Part::Text(t) => out.iter_mut().for_each(|o| o.push_str(t)),
            super::pattern::Part::Dash if out.len() <= 32 => {
                let mut other = out.clone();
                out.iter_mut().for_each(|o| o.push('-'));
                other.iter_mut().for_each(|o| o.push('/'));
                out.extend(other);
            }
            _ => out.iter_mut().for_each(|o| o.push('-')),
        }
    }
    out
}

fn unknown(word: &str) -> String {
    let near = MODIFIERS.iter().min_by_key(|m| distance(m, word));
    match near {
        Some(m) if distance(m, word) <= 3 => format!("there is no modifier '{word}'; did you mean '{m}'?"),
        _ => format!("there is no modifier '{word}'"),
    }
}

/// Edits between two short words.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(40).enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (j, cb) in b.iter().enumerate() {
            let up = row.get(j + 1).copied().unwrap_or(0);
            let cost = (diagonal + usize::from(ca != *cb)).min(left + 1).min(up + 1);
            diagonal = up;
            if let Some(slot) = row.get_mut(j) {
                *slot = left;
            }
            left = cost;
        }
        if let Some(slot) = row.last_mut() {
            *slot = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::sigma::placeholders::Placeholders;
    use crate::rules::sigma::yaml;

    fn ask(key: &str, values: &str) -> Result<Expr<Ask>, String> {
        let docs = yaml::parse(&format!("v: {values}\n")).unwrap();
        questions(
            key,
            docs[0].get("v").unwrap().items(),
            &Filling::new(&Placeholders::default()),
        )
    }

    fn check(key: &str, values: &str, text: &str) -> bool {
        ask(key, values)
            .unwrap()
            .eval(&mut |a| a.question.matches(text, &text.to_lowercase()))
    }

    #[test]
    fn modifiers_of_texts() {
        assert!(check("f", "'PowerShell.exe'", "powershell.EXE"));
        assert!(!check("f|cased", "'PowerShell.exe'", "powershell.exe"));
        assert!(check("f|contains", "['b', 'x']", "abc") && !check("f|contains|all", "['b', 'x']", "abc"));
        assert!(check("f|endswith", "'\\x.exe'", "c:\\x.exe") && !check("f|startswith", "'b'", "ab"));
        assert!(check("f|windash|contains", "' -enc '", "p /ENC x"));
        assert!(check("f|neq", "a", "b") && !check("f|neq", "a", "A"));
        assert!(check("f", "''", "") && !check("f", "''", "x"));
        assert!(check("f|re", "'a+b'", "xaab") && !check("f|re", "'A+b'", "aab") && check("f|re|i", "'A+b'", "aab"));
    }

    #[test]
    fn numbers_addresses_and_times() {
        assert!(check("f|gte", "10", "0x0A") && !check("f|gt", "10", "10") && check("f|lt", "3", "2.5"));
        assert!(check("f|cidr", "10.0.0.0/8", "10.1.2.3"));
        assert!(check("f|hour|gte", "22", "2025-01-01 23:00:00"));
        assert!(check("f", "443", "443"));
    }

    #[test]
    fn encodings_are_what_the_shell_would_write() {
        // "IEX" at each place of base64 of "x", "xy", "xyz" before it.
        for before in ["", "x", "xy"] {
            let text = STANDARD.encode(format!("{before}Invoke-Expression, more"));
            assert!(
                check("f|base64offset|contains", "'Invoke-Expression'", &text),
                "{before}"
            );
            let wide: Vec<u8> = format!("{before}Invoke-Expression, more")
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect();
            assert!(
                check(
                    "f|wide|base64offset|contains",
                    "'Invoke-Expression'",
                    &STANDARD.encode(wide)
                ),
                "wide {before}"
            );
        }
        assert!(check("f|base64|contains", "'abc'", "x YWJj y"));
        assert!(
            !check("f|base64|contains", "'abc'", "x ywjj y"),
            "letter case is meaning in base64"
        );
        assert!(ask("f|base64", "'a*'").is_err());
        assert!(ask("f|wide", "'é'").is_err());
    }

    #[test]
    fn mistakes_name_the_modifier_and_the_nearest_one() {
        assert!(ask("f|contain", "a").unwrap_err().contains("'contains'"));
        assert!(ask("f|i", "a").unwrap_err().contains("behind 're'"));
        assert!(ask("f|re", "'a(?=b)'").unwrap_err().contains("looks around"));
        assert!(ask("f|cidr", "10.0.0.0/64").unwrap_err().contains("10.0.0.0/8"));
        assert!(ask("f", "[]").unwrap_err().contains("empty list"));
        assert_eq!(ask("f|expand", "'%users%'").unwrap().len(), 0);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
