//! Command lines as Windows takes them apart, and how much a `cmd` line hides itself.

use std::sync::LazyLock;

use regex::Regex;

/// Longest command line that is looked at, in bytes: twice what Windows can pass (32,767 UTF-16 units).
pub const MAX_COMMAND_LINE: usize = 128 << 10;

/// Splits a command line into arguments as `CommandLineToArgvW` does.
///
/// The first argument (the program) ends at a blank or at its closing quote and knows no escapes. In the others
/// `\"` is a quote, backslashes count only in front of one, and `""` inside quotes is a quote that also closes them.
/// What lies beyond [`MAX_COMMAND_LINE`] is ignored.
pub fn tokenize(command_line: &str) -> Vec<String> {
    let mut rest = capped(command_line, MAX_COMMAND_LINE).trim_start_matches(BLANK);
    let mut tokens = Vec::new();
    if rest.is_empty() {
        return tokens;
    }
    let (program, tail) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => rest.split_at(rest.find(BLANK).unwrap_or(rest.len())),
    };
    tokens.push(program.to_owned());
    rest = tail.trim_start_matches(BLANK);
    while !rest.is_empty() {
        let (token, tail) = argument(rest);
        tokens.push(token);
        rest = tail.trim_start_matches(BLANK);
    }
    tokens
}

/// The first `max` bytes of a text, cut back to a character boundary.
pub fn capped(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|&i| text.is_char_boundary(i));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// How much a `cmd` line hides itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CmdObfuscation {
    /// Share of the characters that are carets, 0 to 1.
    pub caret_density: f64,
    /// Number of carets.
    pub carets: usize,
    /// Number of substring expansions, `%name:~n,m%` or `!name:~n,m!`.
    pub substrings: usize,
}

impl CmdObfuscation {
    /// Carets at 5 % of the line or more (and at least [`MIN_CARETS`]), or three substring expansions.
    pub fn is_obfuscated(&self) -> bool {
        (self.carets >= MIN_CARETS && self.caret_density >= 0.05) || self.substrings >= 3
    }
}

/// Fewest carets that count: one or two in a short line escape a `&` or a `>` and hide nothing.
pub const MIN_CARETS: usize = 4;

/// Measures a command line that `cmd` runs.
pub fn cmd_obfuscation(command_line: &str) -> CmdObfuscation {
    static SUBSTRING: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"[%!][A-Za-z0-9_()#$@.\-]{1,64}:~\s*-?\d{1,5}(?:\s*,\s*-?\d{1,5})?[%!]").ok());
    let text = capped(command_line, MAX_COMMAND_LINE);
    let chars = text.chars().count();
    let carets = text.bytes().filter(|b| *b == b'^').count();
    CmdObfuscation {
        caret_density: if chars == 0 { 0.0 } else { carets as f64 / chars as f64 },
        carets,
        substrings: SUBSTRING.as_ref().map_or(0, |regex| regex.find_iter(text).count()),
    }
}

const BLANK: [char; 2] = [' ', '\t'];

/// One argument from the start of `text`, and what follows it.
fn argument(text: &str) -> (String, &str) {
    let mut token = String::new();
    let mut backslashes = 0usize;
    // 0: outside quotes; 1: inside. A quote that follows one directly counts on, see below.
    let mut quotes = 0u8;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            ' ' | '\t' if quotes == 0 => {
                return (token, text.get(at..).unwrap_or_default());
            }
            '\\' => {
                token.push('\\');
                backslashes += 1;
            }
            '"' => {
                // 2n backslashes stand for n and leave the quote its meaning, 2n+1 for n and a plain quote.
                let kept = token.len() - backslashes + backslashes / 2;
                token.truncate(kept);
                if backslashes.is_multiple_of(2) {
                    quotes += 1;
                } else {
                    token.push('"');
                }
                backslashes = 0;
                // Windows counts quotes in a row, the one that opened included: the third is a plain quote and closes.
                while chars.next_if(|(_, next)| *next == '"').is_some() {
                    quotes += 1;
                    if quotes == 3 {
                        token.push('"');
                        quotes = 0;
                    }
                }
                if quotes == 2 {
                    quotes = 0;
                }
            }
            _ => {
                token.push(c);
                backslashes = 0;
            }
        }
    }
    (token, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command_line: &str, expected: &[&str]) {
        assert_eq!(tokenize(command_line), expected, "{command_line}");
    }

    #[test]
    fn arguments_split_as_windows_splits_them() {
        check("", &[]);
        check("  cmd   /c  dir ", &["cmd", "/c", "dir"]);
        check(r#""C:\Program Files\a.exe" -x"#, &[r"C:\Program Files\a.exe", "-x"]);
        check(r#"a "b c" d"#, &["a", "b c", "d"]);
        check(r#"a b\"c"#, &["a", r#"b"c"#]);
        check(r#"a "b\\" c"#, &["a", r"b\", "c"]);
        check(r#"a \\x\y "z\\\"w""#, &["a", r"\\x\y", r#"z\"w"#]);
        check(r#"a b"c d"e"#, &["a", "bc de"]);
        check(r#"a """b""" c"#, &["a", "\"b\"", "c"]);
        check(r#"a "" b"#, &["a", "", "b"]);
        // The doubled quote closes as well: Windows and Microsoft's C runtime differ here.
        check(r#"a "b ""c"" d" e"#, &["a", "b \"c", "d e"]);
        check(r#"a "unclosed b"#, &["a", "unclosed b"]);
        check("\"only", &["only"]);
        check("日本 \"語 x\"", &["日本", "語 x"]);
    }

    #[test]
    fn hostile_lines_are_cut_at_a_character() {
        let long = "あ".repeat(MAX_COMMAND_LINE);
        let tokens = tokenize(&long);
        assert!(tokens[0].len() <= MAX_COMMAND_LINE);
        assert_eq!(capped("日本", 4), "日");
        assert_eq!(tokenize(&"\\\"".repeat(10_000)).len(), 1);
        assert_eq!(tokenize(&format!("a {}", "\"".repeat(30_000))).len(), 2);
    }

    #[test]
    fn carets_and_substrings_are_measured() {
        let carets = cmd_obfuscation("cmd /c p^o^w^e^r^s^h^e^l^l -c whoami");
        assert_eq!(carets.carets, 9);
        assert!(carets.is_obfuscated());
        let parts = cmd_obfuscation("cmd /v /c %comspec:~0,1%%comspec:~4%!path:~-2,1!");
        assert_eq!(parts.substrings, 3);
        assert!(parts.is_obfuscated());
        assert!(!cmd_obfuscation("cmd /c dir ^& echo a ^> b").is_obfuscated());
        assert!(!cmd_obfuscation("cmd /c echo %date:~0,4%").is_obfuscated());
        assert!(!cmd_obfuscation("").is_obfuscated());
    }
}
