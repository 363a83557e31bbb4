//! Names that imitate other names: a system program's name with a letter swapped, a document's extension in front of
//! the real one, characters that turn the text round, a tool under another name.

use std::sync::LazyLock;

use regex::Regex;

use crate::knowledge::programs::{LOOKALIKE_TARGETS, RENAME_WATCHED, base_name, stem};

/// Longest name that is compared, in characters.
const MAX_NAME: usize = 64;

/// Shortest imitated name for which one changed letter is a sign; below it neighbours are ordinary names.
const MIN_EDITED: usize = 5;

/// Ordinary names one letter away from a system program.
const NEIGHBOURS: &[&str] = &["rundll", "runtimebrokers", "service", "taskhosts"];

/// Damerau–Levenshtein distance (insert, delete, replace, swap of neighbours), in its restricted form.
/// `None` when it exceeds `cap` or a name is longer than 64 characters.
pub fn distance(a: &str, b: &str, cap: usize) -> Option<usize> {
    let a: Vec<char> = a.chars().take(MAX_NAME + 1).collect();
    let b: Vec<char> = b.chars().take(MAX_NAME + 1).collect();
    if a.len() > MAX_NAME || b.len() > MAX_NAME || a.len().abs_diff(b.len()) > cap {
        return None;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous_a = None;
    for (i, ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        let mut left = i + 1;
        row.push(left);
        let mut previous_b = None;
        for (j, cb) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let replace = at(&last, j) + usize::from(ca != cb);
            let mut best = replace.min(at(&last, j + 1) + 1).min(left + 1);
            if j > 0 && previous_a == Some(cb) && previous_b == Some(ca) {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
            left = best;
            previous_b = Some(cb);
        }
        if row.iter().min().is_some_and(|least| *least > cap) {
            return None;
        }
        before_last = std::mem::replace(&mut last, row);
        previous_a = Some(ca);
    }
    last.last().copied().filter(|d| *d <= cap)
}

/// The word nearest to what somebody wrote, in any case, at most three edits away.
pub fn nearest<'a>(written: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    words
        .filter_map(|w| Some((distance(&lower, &w.to_lowercase(), 3)?, w)))
        .min()
        .map(|(_, w)| w)
}

/// The system program that a base name imitates without being it: by one edit, by digits or letters that look
/// alike (`expl0rer`, `1sass`, Cyrillic `а`), or by a number at its end (`svchost1`).
pub fn looks_like_core(base: &str) -> Option<&'static str> {
    let stem = stem(base).to_lowercase();
    if stem.len() > MAX_NAME * 4 || is_exact(&stem) || NEIGHBOURS.contains(&stem.as_str()) {
        return None;
    }
    let shape = look(&stem);
    let bare = stem.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | ' '));
    LOOKALIKE_TARGETS.iter().copied().find(|core| {
        bare == *core || shape == look(core) || (core.len() >= MIN_EDITED && distance(&stem, core, 1) == Some(1))
    })
}

/// The watched tool that runs under another name: its `OriginalFileName` against the image's base name.
///
/// `None` when the names agree up to a bitness or `-preview`, when the original name is empty, `-` or `?`, and
/// for tools that are not watched.
pub fn renamed_tool(original_file_name: &str, base: &str) -> Option<&'static str> {
    let original = original_file_name.trim().to_lowercase();
    let original = [".mui", ".exe", ".dll", ".c"]
        .iter()
        .fold(original.as_str(), |name, suffix| {
            name.strip_suffix(suffix).unwrap_or(name)
        });
    let at = RENAME_WATCHED.binary_search(&original).ok()?;
    let image = stem(base_name(base)).to_lowercase();
    if image.is_empty() || image == "-" || image == "?" {
        return None;
    }
    let same = match image.strip_prefix(original) {
        Some(rest) => VARIANTS.contains(&rest),
        // The other way round: PsExec64's resource may say `psexec64`.
        None => original
            .strip_prefix(image.as_str())
            .is_some_and(|rest| VARIANTS.contains(&rest)),
    };
    if same { None } else { RENAME_WATCHED.get(at).copied() }
}

/// A name that ends in two extensions, a document's and a program's (`invoice.pdf   .exe`): returns both.
pub fn double_extension(base: &str) -> Option<(String, String)> {
    static DOUBLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)\.(pdf|docx?|docm|xlsx?|xlsm|pptx?|rtf|odt|jpe?g|png|gif|bmp|txt|csv|html?|mp[34]|zip|eml|msg|jtd)[\s_\x{a0}\x{2000}-\x{200b}\x{3000}]*\.(exe|scr|com|pif|cmd|bat|js|jse|vbs|vbe|wsf|wsh|ps1|lnk|hta|cpl|msi)\s*$",
        )
        .ok()
    });
    let captures = DOUBLE.as_ref()?.captures(base)?;
    let part = |i| captures.get(i).map(|m| m.as_str().to_ascii_lowercase());
    Some((part(1)?, part(2)?))
}

/// Whether a name holds a character that turns text round, such as U+202E: `ann\u{202e}fdp.exe` is shown as `annexe.pdf`.
pub fn has_bidi_override(name: &str) -> bool {
    name.chars()
        .any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// Whether blanks hide at the end of a name or in front of its extension.
pub fn has_hidden_blanks(base: &str) -> bool {
    let before_extension = base.rsplit_once('.').map_or(base, |(name, _)| name);
    [base, before_extension]
        .iter()
        .any(|part| part.ends_with(|c: char| c.is_whitespace() || c == '\u{200b}'))
}

/// What may follow a tool's name without making it another one.
const VARIANTS: &[&str] = &[
    "", "-preview", "-x64", "-x86", "32", "64", "64a", "_x64", "_x86", "a64", "x64", "x86",
];

fn is_exact(stem: &str) -> bool {
    LOOKALIKE_TARGETS.binary_search(&stem).is_ok()
}

/// A name with everything that looks alike made alike.
fn look(name: &str) -> String {
    let letters: String = name.chars().map(same_look).collect();
    letters.replace("rn", "m").replace("vv", "w")
}

fn same_look(c: char) -> char {
    match c {
        '0' | 'о' | 'ο' => 'o',
        '1' | 'i' | '|' | '!' | 'і' | 'ı' | 'ι' => 'l',
        '3' | 'е' => 'e',
        '5' | '$' | 'ѕ' => 's',
        '4' | '@' | 'а' | 'α' => 'a',
        '7' => 't',
        '8' => 'b',
        'с' | 'ϲ' => 'c',
        'р' | 'ρ' => 'p',
        'х' | 'χ' => 'x',
        'у' => 'y',
        'һ' => 'h',
        'ν' | 'ѵ' => 'v',
        'ԁ' => 'd',
        'ո' => 'n',
        'ԝ' => 'w',
        // Full-width forms of the ASCII letters.
        '\u{ff41}'..='\u{ff5a}' => char::from_u32(c as u32 - 0xff41 + u32::from(b'a')).map_or(c, same_look),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_a_swap_as_one() {
        assert_eq!(distance("svchost", "svchost", 2), Some(0));
        assert_eq!(distance("scvhost", "svchost", 2), Some(1));
        assert_eq!(distance("svhost", "svchost", 2), Some(1));
        assert_eq!(distance("lsasss", "lsass", 2), Some(1));
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("kitten", "sitting", 2), None);
        assert_eq!(distance("", "ab", 2), Some(2));
        assert_eq!(distance(&"a".repeat(100), "a", 1_000), None);
    }

    #[test]
    fn imitations_of_system_programs_are_found() {
        for (name, core) in [
            ("svchost1.exe", "svchost"),
            ("scvhost.exe", "svchost"),
            ("lsasss.exe", "lsass"),
            ("EXPL0RER.EXE", "explorer"),
            ("1sass.exe", "lsass"),
            ("isass.exe", "lsass"),
            ("svсhost.exe", "svchost"),
            ("svchost-2.exe", "svchost"),
            ("cssrs.exe", "csrss"),
            ("winlogin.exe", "winlogon"),
        ] {
            assert_eq!(looks_like_core(name), Some(core), "{name}");
        }
    }

    #[test]
    fn ordinary_names_imitate_nothing() {
        for name in [
            "svchost.exe",
            "SVCHOST.EXE",
            "taskhostw.exe",
            "smss.exe",
            "service.exe",
            "python3.exe",
            "OneDriveSetup.exe",
            "iexplore.exe",
            "rundll32.exe",
            "sms.exe",
            "cmd.exe",
            "",
            "日本.exe",
        ] {
            assert_eq!(looks_like_core(name), None, "{name}");
        }
    }

    #[test]
    fn renamed_tools_are_told_from_variants_of_their_name() {
        assert_eq!(
            renamed_tool("rclone.exe", r"C:\ProgramData\svchost.exe"),
            Some("rclone")
        );
        assert_eq!(renamed_tool("PowerShell.EXE.MUI", "update.exe"), Some("powershell"));
        assert_eq!(renamed_tool("psexec.c", "ps.exe"), Some("psexec"));
        for (original, image) in [
            ("Cmd.Exe", "cmd.EXE"),
            ("PowerShell.EXE.MUI", "powershell.exe"),
            ("procdump", "procdump64.exe"),
            ("pwsh.dll", "pwsh-preview.exe"),
            ("python.exe", "python3.exe"),
            ("OneDriveSetup.exe", "OneDriveSetup.exe"),
            ("-", "a.exe"),
            ("", "a.exe"),
            ("cmd.exe", ""),
        ] {
            assert_eq!(renamed_tool(original, image), None, "{original} {image}");
        }
    }

    #[test]
    fn double_extensions_and_turned_text_are_found() {
        let both = double_extension("invoice.PDF    .exe").unwrap();
        assert_eq!(both, ("pdf".to_owned(), "exe".to_owned()));
        assert!(double_extension("請求書.xlsx.lnk").is_some());
        assert!(double_extension("setup.v1.exe").is_none());
        assert!(double_extension("notes.txt").is_none());
        assert!(has_bidi_override("ann\u{202e}fdp.exe"));
        assert!(!has_bidi_override("日本.exe"));
        assert!(has_hidden_blanks("svchost.exe "));
        assert!(has_hidden_blanks("svchost .exe"));
        assert!(!has_hidden_blanks("a b.exe"));
    }
}
