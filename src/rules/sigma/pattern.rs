//! Sigma's text patterns: `*` any characters, `?` one character, `\` before one of them takes its meaning away.

/// A text with wildcards.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern {
    parts: Vec<Part>,
}

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// These characters.
    Text(String),
    /// Any characters, also none.
    Any,
    /// One character, whatever it is.
    One,
    /// One of the characters by which Windows programs begin an option: `-`, `/` and the dashes that look like it.
    Dash,
}

/// A text in lower case, character by character: a part of a text comes out as the same part of the whole.
pub fn lower(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    lower_into(text, &mut out);
    out
}

/// The same into a buffer, which is emptied first.
pub fn lower_into(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase));
    }
}

/// What `windash` takes for one another.
pub const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];

impl Pattern {
    /// Reads a text of a rule.
    pub fn parse(text: &str) -> Self {
        let mut out = Self { parts: Vec::new() };
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.peek().copied() {
                    Some(next @ ('\\' | '*' | '?')) => {
                        chars.next();
                        out.push_char(next);
                    }
                    _ => out.push_char('\\'),
                },
                '*' => out.push_any(),
                '?' => out.parts.push(Part::One),
                c => out.push_char(c),
            }
        }
        out
    }

    /// A text without wildcards.
    pub fn literal(text: &str) -> Self {
        let mut out = Self { parts: Vec::new() };
        if !text.is_empty() {
            out.parts.push(Part::Text(text.to_owned()));
        }
        out
    }

    fn push_char(&mut self, c: char) {
        if let Some(Part::Text(t)) = self.parts.last_mut() {
            t.push(c);
        } else {
            self.parts.push(Part::Text(c.to_string()));
        }
    }

    fn push_any(&mut self) {
        if self.parts.last() != Some(&Part::Any) {
            self.parts.push(Part::Any);
        }
    }

    /// Anything may stand before it.
    pub fn any_before(&mut self) {
        if self.parts.first() != Some(&Part::Any) {
            self.parts.insert(0, Part::Any);
        }
    }

    /// Anything may stand behind it.
    pub fn any_after(&mut self) {
        self.push_any();
    }

    /// The parts.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text where there are no wildcards.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(t)] => Some(t),
            _ => None,
        }
    }

    /// The same pattern in lower case.
    pub fn lower(&self) -> Self {
        let parts = self.parts.iter().map(|p| match p {
            Part::Text(t) => Part::Text(lower(t)),
            p => p.clone(),
        });
        Self { parts: parts.collect() }
    }

    /// Every dash that begins an option stands for all of them: one that no letter or digit stands before and one stands
    /// behind.
    pub fn windash(&self) -> Self {
        let mut out = Self { parts: Vec::new() };
        for part in &self.parts {
            let Part::Text(text) = part else {
                out.parts.push(part.clone());
                continue;
            };
            let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            let mut before = None;
            let mut chars = text.chars().peekable();
            while let Some(c) = chars.next() {
                if matches!(c, '-' | '/') && !word(before) && word(chars.peek().copied()) {
                    out.parts.push(Part::Dash);
                } else {
                    out.push_char(c);
                }
                before = Some(c);
            }
        }
        out
    }

    /// The longest run of plain characters, which any text that matches holds; empty where there is none.
    pub fn longest_text(&self) -> &str {
        let texts = self.parts.iter().filter_map(|p| match p {
            Part::Text(t) => Some(t.as_str()),
            _ => None,
        });
        // The first of the longest: which one it is must not depend on anything but the rule.
        texts.fold("", |best, t| if t.len() > best.len() { t } else { best })
    }

    /// Whether the whole text matches. Takes steps in proportion to text times pattern at most.
    pub fn matches(&self, text: &str) -> bool {
        glob(&self.parts, text)
    }
}

/// Greedy matching with one point of return: the last `*` seen.
fn glob(parts: &[Part], text: &str) -> bool {
    let (mut parts, mut rest) = (parts, text);
    let mut again: Option<(&[Part], &str)> = None;
    loop {
        let stepped = match parts.split_first() {
            Some((Part::Any, after)) => {
                if after.is_empty() {
                    return true;
                }
                (parts, again) = (after, Some((after, rest)));
                continue;
            }
            None if rest.is_empty() => return true,
            None => None,
            Some((Part::Text(t), after)) => rest.strip_prefix(t.as_str()).map(|r| (after, r)),
            Some((Part::One, after)) => one(rest, |_| true).map(|r| (after, r)),
            Some((Part::Dash, after)) => one(rest, |c| DASHES.contains(&c)).map(|r| (after, r)),
        };
        if let Some((p, r)) = stepped {
            (parts, rest) = (p, r);
            continue;
        }
        // Back to the last `*`, which takes one character more.
        let Some((after, from)) = again else { return false };
        let Some(from) = next_start(after, from) else {
            return false;
        };
        (parts, rest, again) = (after, from, Some((after, from)));
    }
}

/// Where the part behind a `*` may begin next, after `from` failed.
fn next_start<'t>(after: &[Part], from: &'t str) -> Option<&'t str> {
    let mut chars = from.chars();
    chars.next()?;
    let rest = chars.as_str();
    match after.first() {
        Some(Part::Text(t)) => {
            let at = memchr::memmem::find(rest.as_bytes(), t.as_bytes())?;
            rest.get(at..)
        }
        _ => Some(rest),
    }
}

fn one(text: &str, fits: impl Fn(char) -> bool) -> Option<&str> {
    let mut chars = text.chars();
    fits(chars.next()?).then_some(chars.as_str())
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(t) => f.write_str(t)?,
                Part::Any => f.write_str("*")?,
                Part::One => f.write_str("?")?,
                Part::Dash => f.write_str("-")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern).matches(text)
    }

    #[test]
    fn wildcards_and_escapes() {
        assert!(check(r"*\powershell.exe", r"c:\x\powershell.exe"));
        assert!(check("a*b?c", "axxbyc") && !check("a*b?c", "axxbc"));
        assert!(check(r"a\*b", "a*b") && !check(r"a\*b", "axb"));
        assert!(check(r"c:\\*", r"c:\x"), "an escaped backslash before a wildcard");
        assert!(check(r"\\\\srv\share", r"\\srv\share"));
        assert!(check("", "") && !check("", "x") && check("*", ""));
        assert!(check("*ab*ab", "abab") && check("*ab", "aab"));
    }

    #[test]
    fn windash_stands_for_every_dash_that_begins_an_option() {
        let p = Pattern::parse(" -enc -a-b").windash();
        for text in [" /enc –a-b", " -enc /a-b", " ―enc —a-b"] {
            assert!(p.matches(text), "{text}");
        }
        assert!(!p.matches(" -enc -a/b"), "a dash inside a word is none");
    }

    #[test]
    fn many_stars_stay_cheap() {
        let p = Pattern::parse(&"*a".repeat(200));
        assert!(!p.matches(&format!("{}b", "a".repeat(20_000))));
    }

    /// The slow and obvious way.
    fn slow(p: &[char], t: &[char]) -> bool {
        match p.split_first() {
            None => t.is_empty(),
            Some(('*', rest)) => (0..=t.len()).any(|i| slow(rest, &t[i..])),
            Some(('?', rest)) => !t.is_empty() && slow(rest, &t[1..]),
            Some((c, rest)) => t.first() == Some(c) && slow(rest, &t[1..]),
        }
    }

    proptest! {
        #[test]
        fn matches_as_the_slow_way_does(p in "[ab*?]{0,8}", t in "[ab]{0,10}") {
            let (pc, tc): (Vec<char>, Vec<char>) = (p.chars().collect(), t.chars().collect());
            prop_assert_eq!(check(&p, &t), slow(&pc, &tc));
        }

        #[test]
        fn a_match_holds_the_longest_text(p in "[ab*?]{0,8}", t in "[ab]{0,10}") {
            let p = Pattern::parse(&p);
            if p.matches(&t) {
                prop_assert!(t.contains(p.longest_text()));
            }
        }
    }
}
