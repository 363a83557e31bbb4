//! Disguises of PowerShell text: names broken by backticks, put together from pieces, or computed from numbers.

use std::sync::LazyLock;

use regex::Regex;

use super::cmdline::capped;

/// Longest text that is searched, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// Backticks inside words from which a text is disguised: one or two are typing errors or line breaks. \[J\]
const MIN_BACKTICKS: usize = 5;

/// Joined pieces of literals (`'a'+'b'`) from which a text is disguised. \[J\]
const MIN_PIECES: usize = 8;

/// The disguise of a PowerShell text, in words; `None` for plain text.
pub fn disguise(text: &str) -> Option<&'static str> {
    let text = capped(text, MAX_TEXT);
    if shuffled_format(text) {
        return Some("words put together by the format operator in shuffled order");
    }
    if count(&BACKTICKS, text, MIN_BACKTICKS) {
        return Some("words broken by backticks");
    }
    if count(&PIECES, text, MIN_PIECES) {
        return Some("words put together from pieces of literals");
    }
    let executes = matches(&EXECUTES, text);
    if executes && matches(&NUMBERS, text) {
        return Some("text computed from character codes and run");
    }
    if executes && matches(&XOR, text) {
        return Some("text decoded with xor and run");
    }
    if executes && matches(&REVERSED, text) {
        return Some("text reversed and run");
    }
    None
}

type Pattern = LazyLock<Option<Regex>>;

static BACKTICKS: Pattern = LazyLock::new(|| Regex::new(r"[A-Za-z]`[A-Za-z]").ok());
static PIECES: Pattern = LazyLock::new(|| Regex::new(r#"['"]\s*\+\s*['"]"#).ok());
static FORMAT: Pattern = LazyLock::new(|| Regex::new(r#"['"]((?:\{\d{1,3}\}){3,})['"]\s*-f"#).ok());
static EXECUTES: Pattern = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?:^|[^\w.\-])iex(?:[^\w.\-]|$)|invoke-expression|\[scriptblock\]::create|(?:&|\.)\s*\(\s*(?:\$env:|\$pshome|\$shellid|\$verbosepreference|['"]\s*i|gcm|gal|get-command|get-alias|variable|\([^)]{0,40}mdr)"#,
    )
    .ok()
});
static NUMBERS: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\d{1,3}\s*[,;~:.\-_&x]\s*){15,}.{0,400}\[char\]|\[char\]\s*(?:\(\s*\[convert\]|\$_|\(\s*\$_).{0,400}-join|-join.{0,400}\[char\]").ok()
});
static XOR: Pattern = LazyLock::new(|| Regex::new(r"(?i)-bxor\s*(?:0x)?[\w$]").ok());
static REVERSED: Pattern = LazyLock::new(|| Regex::new(r"(?i)\[-?1\s*\.\.\s*-|righttoleft|\[array\]::reverse").ok());

fn matches(pattern: &Pattern, text: &str) -> bool {
    pattern.as_ref().is_some_and(|r| r.is_match(text))
}

fn count(pattern: &Pattern, text: &str, least: usize) -> bool {
    pattern
        .as_ref()
        .is_some_and(|r| r.find_iter(text).take(least).count() == least)
}

/// `'{2}{0}{1}' -f …`: three or more places without anything between them, not in the order of their numbers.
fn shuffled_format(text: &str) -> bool {
    let Some(regex) = FORMAT.as_ref() else {
        return false;
    };
    regex.captures_iter(text).filter_map(|c| c.get(1)).any(|places| {
        let numbers: Vec<u32> = places
            .as_str()
            .split(['{', '}'])
            .filter_map(|n| n.parse().ok())
            .collect();
        !numbers.is_sorted()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_recognised() {
        for text in [
            "&('{2}{0}{1}' -f 'oke-Exp','ression','Inv') $x",
            "In`vok`e-Ex`pre`ssi`on $x",
            "'i'+'n'+'v'+'o'+'k'+'e'+'-'+'e'+'x'",
            "iex (-join ('105;101;120' -split ';' | % { [char]([convert]::ToInt16($_)) }))",
            "IEX( ('73t69' -split 't' | %{ [char]($_ -bxor 0x12) }) )",
            ".( $pshome[4]+$pshome[30]+'x') ( 'x'[-1..-5] -join '')",
        ] {
            assert!(disguise(text).is_some(), "{text}");
        }
    }

    #[test]
    fn everyday_text_is_plain() {
        for text in [
            "Write-Host ('{0}{1}{2}' -f $a, $b, $c)",
            "Write-Host (\"{0} of {2}, {1}\" -f 1, 2, 3)",
            "Get-Service `\n  | Where Status -eq Running `\n  | Sort Name",
            "$path = 'C:' + '\\x' + $name; [char]9 -join ','",
            "$flags = $a -bxor 0x10",
        ] {
            assert!(disguise(text).is_none(), "{text}");
        }
    }
}
