//! The language of conditions: `selection and not 1 of filter_*`.

use super::expr::{Expr, join, negate};

/// Longest condition. The longest of SigmaHQ has 560 characters.
const MAX_CHARS: usize = 20_000;
/// Nesting of brackets and negations.
const MAX_DEPTH: usize = 64;

/// Something a condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// One search, correlation rule or filter.
    One(String),
    /// `1 of` or `any of` (false), `all of` (true) those whose names match; `them` is `*`.
    Of(bool, String),
}

/// Reads a condition.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(text: &str) -> Result<Expr<Name>, String> {
    if text.len() > MAX_CHARS {
        return Err(format!("the condition has more than {MAX_CHARS} characters"));
    }
    let tokens = tokens(text)?;
    let mut p = Parser {
        tokens: &tokens,
        at: 0,
        depth: 0,
    };
    let e = p.any()?;
    match p.peek() {
        None => Ok(e),
        Some("|") => Err(
            "aggregations behind '|' were taken out of Sigma; write a correlation rule (event_count, value_count, temporal …)"
                .into(),
        ),
        Some(other) => Err(format!("'{other}' was not expected here; join searches by 'and' or 'or'")),
    }
}

fn tokens(text: &str) -> Result<Vec<&str>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '*' | '?' | '-' | '.' | '$');
        let len = match c {
            '(' | ')' | '|' => 1,
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            c => return Err(format!("the character '{c}' means nothing in a condition")),
        };
        let (token, after) = rest.split_at_checked(len).unwrap_or((rest, ""));
        out.push(token);
        rest = after.trim_start();
        if token == "|" {
            break;
        }
    }
    Ok(out)
}

struct Parser<'t> {
    tokens: &'t [&'t str],
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'t str> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|t| t.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Expr<Name>, String> {
        let mut list = vec![self.all()?];
        while self.eat("or") {
            list.push(self.all()?);
        }
        Ok(join(list, false))
    }

    fn all(&mut self) -> Result<Expr<Name>, String> {
        let mut list = vec![self.not()?];
        while self.eat("and") {
            list.push(self.not()?);
        }
        Ok(join(list, true))
    }

    fn not(&mut self) -> Result<Expr<Name>, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let out = if self.eat("not") {
            self.not().map(negate)
        } else if self.eat("(") {
            let inner = self.any()?;
            match self.eat(")") {
                true => Ok(inner),
                false => Err("a '(' without its ')'".into()),
            }
        } else {
            self.name().map(Expr::Leaf)
        };
        self.depth -= 1;
        out
    }

    fn name(&mut self) -> Result<Name, String> {
        let Some(token) = self.next() else {
            return Err("the condition ends where a search is expected".into());
        };
        let quantifier = match token.to_ascii_lowercase().as_str() {
            "1" | "any" => Some(false),
            "all" => Some(true),
            _ => None,
        };
        if let Some(all) = quantifier
            && self.eat("of")
        {
            let Some(pattern) = self.next() else {
                return Err(format!(
                    "'{token} of' what? Name searches (selection_*) or write 'them'"
                ));
            };
            let pattern = if pattern.eq_ignore_ascii_case("them") {
                "*"
            } else {
                pattern
            };
            return Ok(Name::Of(all, pattern.to_owned()));
        }
        if token.bytes().all(|b| b.is_ascii_digit()) && self.eat("of") {
            return Err(format!("'{token} of': Sigma knows 1 of, any of and all of"));
        }
        if matches!(token, ")" | "|") || matches!(token.to_ascii_lowercase().as_str(), "and" | "or" | "of") {
            return Err(format!("'{token}' where a search is expected"));
        }
        Ok(Name::One(token.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(n: &str) -> Expr<Name> {
        Expr::Leaf(Name::One(n.into()))
    }

    #[test]
    fn and_binds_closer_than_or_and_not_closest() {
        assert_eq!(
            parse("a or b and not c").unwrap(),
            Expr::Any(vec![one("a"), Expr::All(vec![one("b"), negate(one("c"))])])
        );
        assert_eq!(
            parse("(a OR b) AND 1 of filter_*").unwrap(),
            Expr::All(vec![
                Expr::Any(vec![one("a"), one("b")]),
                Expr::Leaf(Name::Of(false, "filter_*".into()))
            ])
        );
        assert_eq!(parse("all of them").unwrap(), Expr::Leaf(Name::Of(true, "*".into())));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, says) in [
            ("a b", "not expected"),
            ("a and", "ends where"),
            ("(a", "without its ')'"),
            ("a | count() > 3", "correlation"),
            ("2 of a*", "1 of"),
            ("a & b", "'&'"),
            ("", "ends where"),
        ] {
            assert!(parse(text).unwrap_err().contains(says), "{text}");
        }
        assert!(parse(&"(".repeat(1_000)).unwrap_err().contains("deeper"));
        assert!(parse(&"not ".repeat(1_000)).unwrap_err().contains("deeper"));
    }

    proptest! {
        #[test]
        fn any_condition_is_read_or_refused(text in "([ab]|and|or|not|1 of|all of|them|\\(|\\)|\\*| |\\|){0,30}") {
            let _ = parse(&text);
        }
    }
}
