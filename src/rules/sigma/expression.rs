//! Regular expressions of rules: linear time only, bounded in size, with the texts that every match must hold.

use std::sync::OnceLock;

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::question::Expression;

/// Longest expression.
const MAX_CHARS: usize = 10_000;
/// Bytes that one compiled expression may take.
const MAX_COMPILED: usize = 10 << 20;
/// Nesting of groups.
const MAX_NEST: u32 = 50;
/// Most bytes that are looked for before an expression is asked.
const MAX_BYTES: usize = 3;
/// Up to this [`weight`] an expression is far from [`MAX_COMPILED`], so that compiling it can wait until it is asked.
const LIGHT: u64 = 20_000;
/// States of one range of characters: at most four sequences of up to four bytes.
const STATES_PER_RANGE: u64 = 16;
/// Most texts of which one must be there; with more the filter would let everything through.
const MAX_NEEDS: usize = 64;

/// Compiles an expression with the flags of `re|i`, `re|m` and `re|s`.
///
/// # Errors
/// What is wrong with it: not an expression, needs backtracking (look-around, back references), or too large.
pub fn compile(source: &str, flags: &str) -> Result<Expression, String> {
    if source.len() > MAX_CHARS {
        return Err(format!("the regular expression has more than {MAX_CHARS} characters"));
    }
    let full = match flags {
        "" => source.to_owned(),
        f => format!("(?{f}){source}"),
    };
    let hir = regex_syntax::ParserBuilder::new()
        .nest_limit(MAX_NEST)
        .build()
        .parse(&full)
        .map_err(|e| explain(&full, &e))?;
    let regex = OnceLock::new();
    if weight(&hir) > LIGHT {
        let _ = regex.set(Some(build(&full)?));
    }
    let mut needs = needs(&hir).unwrap_or_default();
    if needs.iter().any(|n| n.len() < 2) || needs.len() > MAX_NEEDS {
        needs.clear();
    }
    let mut bytes = Vec::new();
    required(&hir, &mut bytes);
    Ok(Expression {
        source: full,
        regex,
        needs,
        shortest: hir.properties().minimum_len().unwrap_or(0),
        bytes,
    })
}

/// The expression ready to match.
///
/// # Errors
/// Where it grows too large.
pub fn build(source: &str) -> Result<Regex, String> {
    let built = regex::RegexBuilder::new(source)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .nest_limit(MAX_NEST)
        .build();
    built.map_err(|e| match e {
        regex::Error::CompiledTooBig(_) => {
            "the regular expression grows too large; repeat less inside of repetitions".to_owned()
        }
        e => format!("the regular expression is not usable: {e}"),
    })
}

/// About how many states an expression becomes, rather too many than too few.
fn weight(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Literal(l) => l.0.len() as u64,
        HirKind::Class(Class::Unicode(c)) => c.ranges().len() as u64 * STATES_PER_RANGE,
        HirKind::Repetition(r) => {
            let times = u64::from(r.max.unwrap_or(r.min).max(r.min).saturating_add(1));
            weight(&r.sub).saturating_add(1).saturating_mul(times)
        }
        HirKind::Capture(c) => weight(&c.sub).saturating_add(2),
        HirKind::Concat(list) | HirKind::Alternation(list) => list
            .iter()
            .fold(1, |sum: u64, e| sum.saturating_add(weight(e)).saturating_add(1)),
    }
}

/// Adds bytes that stand in every match. Letters and digits are in most texts, so that they would rule nothing out.
fn required(hir: &Hir, out: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Literal(l) => {
            for b in l.0.iter().filter(|b| b.is_ascii_punctuation()) {
                if out.len() < MAX_BYTES && !out.contains(b) {
                    out.push(*b);
                }
            }
        }
        HirKind::Capture(c) => required(&c.sub, out),
        HirKind::Repetition(r) if r.min > 0 => required(&r.sub, out),
        HirKind::Concat(list) => list.iter().for_each(|e| required(e, out)),
        _ => {}
    }
}

fn explain(source: &str, e: &regex_syntax::Error) -> String {
    let backtracking = ["(?=", "(?!", "(?<=", "(?<!", "(?>"].iter().any(|s| source.contains(s));
    let kind = match e {
        regex_syntax::Error::Parse(e) => e.kind().to_string(),
        regex_syntax::Error::Translate(e) => e.kind().to_string(),
        _ => "it cannot be read".to_owned(),
    };
    match backtracking {
        true => "the regular expression looks around; that needs backtracking, write it without".to_owned(),
        false => format!("the regular expression is not usable: {kind}"),
    }
}

/// Texts in lower case of which at least one stands in every match; `None` where nothing is known.
fn needs(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(l) => {
            let text = std::str::from_utf8(&l.0).ok()?;
            Some(vec![super::pattern::lower(text)])
        }
        HirKind::Class(c) => single(c).map(|c| vec![c.to_string()]),
        HirKind::Capture(c) => needs(&c.sub),
        HirKind::Repetition(r) if r.min > 0 => needs(&r.sub),
        HirKind::Alternation(list) => {
            let mut out = Vec::new();
            for e in list {
                out.extend(needs(e)?);
            }
            Some(out)
        }
        HirKind::Concat(list) => best_of(list),
        _ => None,
    }
}

/// The best of what the parts need; neighbouring letters make one text.
fn best_of(list: &[Hir]) -> Option<Vec<String>> {
    let mut candidates: Vec<Vec<String>> = Vec::new();
    let mut run = String::new();
    for part in list {
        let letters = match part.kind() {
            HirKind::Literal(l) => std::str::from_utf8(&l.0).ok().map(super::pattern::lower),
            HirKind::Class(c) => single(c).map(String::from),
            _ => None,
        };
        match letters {
            Some(t) => run.push_str(&t),
            None => {
                if !run.is_empty() {
                    candidates.push(vec![std::mem::take(&mut run)]);
                }
                candidates.extend(needs(part));
            }
        }
    }
    if !run.is_empty() {
        candidates.push(vec![run]);
    }
    // The longest shortest text; fewer alternatives where that is equal.
    let worth = |c: &Vec<String>| {
        let shortest = c.iter().map(String::len).min().unwrap_or(0);
        (shortest, std::cmp::Reverse(c.len()))
    };
    candidates
        .into_iter()
        .reduce(|a, b| if worth(&b) > worth(&a) { b } else { a })
}

/// The character of a class whose members are one letter in all its cases.
fn single(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let mut found: Option<char> = None;
    let mut n = 0;
    for range in class.iter() {
        for c in range.start()..=range.end() {
            n += 1;
            if n > 4 {
                return None;
            }
            // The Kelvin sign and the long s fold to letters only in expressions: a text that holds them is lower-cased
            // to them as well, so they must be told apart here.
            let mut lower = c.to_lowercase();
            let (first, more) = (lower.next()?, lower.next());
            let ascii = match first {
                'ſ' => 's',
                c => c,
            };
            if more.is_some() || found.is_some_and(|f| f != ascii) {
                return None;
            }
            if first != ascii {
                return None;
            }
            found = Some(ascii);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needs_of(source: &str, flags: &str) -> Vec<String> {
        compile(source, flags).unwrap().needs
    }

    #[test]
    fn the_texts_that_every_match_holds() {
        assert_eq!(needs_of(r"power(shell|cmd)\.exe", ""), ["power"]);
        assert_eq!(needs_of(r"(?:wget|curl)\s+http", ""), ["http"]);
        assert_eq!(needs_of(r"\d+(abc|defg)", ""), ["abc", "defg"]);
        assert_eq!(needs_of(r"INVOKE.*Mimi", ""), ["invoke"]);
        assert!(needs_of(r"[a-z]{5}", "").is_empty());
        assert!(needs_of(r"(abc)?", "").is_empty());
    }

    proptest! {
        #[test]
        fn bytes_and_length_rule_out_only_what_does_not_match(
            source in "([ab^{`+]|\\(|\\)|\\||\\.\\*|\\+|\\?|\\^|\\{){1,10}", text in "[ab^{`+]{0,12}", i in any::<bool>()
        ) {
            if let Ok(e) = compile(&source, if i { "i" } else { "" }) {
                prop_assert_eq!(e.is_match(&text), build(&e.source).unwrap().is_match(&text), "{} {:?}", source, e.bytes);
            }
        }
    }

    #[test]
    fn what_every_match_holds_is_looked_for_first() {
        let e = compile(r"\^.*\^|x", "").unwrap();
        assert!(e.bytes.is_empty());
        let e = compile(r"(?:\{\d\})+\s*-f.{3}", "i").unwrap();
        assert_eq!((e.bytes.as_slice(), e.shortest), (&b"{}-"[..], 8));
    }

    #[test]
    fn what_is_light_is_compiled_when_first_asked() {
        let light = compile(r"(?:[a-z]{2,8}|\d+)\.exe$", "i").unwrap();
        assert!(light.regex.get().is_none());
        assert!(light.is_match("CMD.exe") && light.regex.get().is_some());
        let heavy = compile(r"\w{200}x", "").unwrap();
        assert!(heavy.regex.get().is_some());
    }

    proptest! {
        #[test]
        fn what_is_light_is_never_too_large(
            class in prop::sample::select(vec![r"\w", r"\d", ".", r"\P{L}", "[a-c]", r"[^\r\n]", "ä", r"(?:ab|\W)"]), n in 1u32..400, m in 1u32..4
        ) {
            let source = format!("(?:{class}{{0,{n}}}){{{m}}}");
            let hir = regex_syntax::parse(&source).unwrap();
            if weight(&hir) <= LIGHT {
                prop_assert!(build(&source).is_ok(), "{source}");
            }
        }
    }

    #[test]
    fn bombs_are_refused_and_look_around_is_named() {
        for bomb in ["((a{100}){100}){100}", "(?:x{1000}){1000}", &"(".repeat(500)] {
            assert!(compile(bomb, "").is_err(), "{bomb}");
        }
        assert!(compile("a(?!b)", "").unwrap_err().contains("looks around"));
    }

    #[test]
    fn catastrophic_expressions_take_linear_time() {
        let e = compile("(a+)+$", "").unwrap();
        assert!(!e.is_match(&format!("{}!", "a".repeat(100_000))));
    }

    proptest! {
        #[test]
        fn a_match_holds_one_of_the_needed_texts(
            source in "([abk]|\\(|\\)|\\||\\.\\*|\\+|\\?|[abk]{2}){1,10}", text in "[abkABKſK]{0,12}", i in any::<bool>()
        ) {
            if let Ok(e) = compile(&source, if i { "i" } else { "" })
                && e.is_match(&text)
                && !e.needs.is_empty()
            {
                let lower = text.to_lowercase();
                prop_assert!(e.needs.iter().any(|n| lower.contains(n)), "{source} {text} {:?}", e.needs);
            }
        }
    }
}
