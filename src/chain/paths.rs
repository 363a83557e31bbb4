//! Paths named in command lines and configured commands, in one spelling.

use crate::knowledge::core_processes::core_process;
use crate::knowledge::programs::{self, base_name};

/// Longest command that is read, in bytes.
const MAX_COMMAND: usize = 16 * 1024;
/// Most paths taken from one command.
const MAX_PATHS: usize = 32;

/// The paths in a command line: quoted parts whole, others by blanks. Lower case, `%SystemRoot%` and the like spelt out.
pub fn in_command(command: &str) -> Vec<String> {
    let mut end = command.len().min(MAX_COMMAND);
    while !command.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = Vec::new();
    for (i, part) in command.get(..end).unwrap_or("").split(['"', '\'']).enumerate() {
        let quoted = i % 2 == 1;
        let pieces: Box<dyn Iterator<Item = &str>> = match quoted {
            true => Box::new(std::iter::once(part)),
            false => Box::new(part.split([' ', '\t', ',', ';', '\n'])),
        };
        out.extend(pieces.map(str::trim).filter(|p| looks_like_path(p)).map(normal));
        if out.len() > MAX_PATHS {
            out.truncate(MAX_PATHS);
            break;
        }
    }
    out
}

/// A path in one spelling: lower case, backslashes, without `\??\`, the Windows folder as `c:\windows`.
pub fn normal(path: &str) -> String {
    let lower = path.trim().to_lowercase().replace('/', "\\");
    let mut rest = lower.as_str();
    for prefix in ["\\??\\", "\\\\?\\", "\\\\.\\"] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    for root in ["\\systemroot", "%systemroot%", "%windir%"] {
        if let Some(inside) = rest.strip_prefix(root) {
            return format!("c:\\windows{inside}");
        }
    }
    rest.to_owned()
}

/// Whether meeting this file again says something: shells and Windows' own processes are met everywhere.
pub fn is_telling(path: &str) -> bool {
    let base = base_name(path);
    !base.is_empty()
        && !programs::contains(programs::INTERPRETERS, base)
        && !programs::contains(programs::HUB_PROCESSES, base)
        && core_process(base).is_none()
}

fn looks_like_path(text: &str) -> bool {
    let base = base_name(text);
    text.contains(['\\', '/']) && base.len() > 2 && base.contains('.') && text.len() <= 520
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_quotes_and_without() {
        let found = in_command(r#"wscript.exe "C:\Users\a b\x.js" //B C:\ProgramData\y.dat"#);
        assert_eq!(found, [r"c:\users\a b\x.js", r"c:\programdata\y.dat"]);
        assert_eq!(normal(r"%SystemRoot%\PSEXESVC.exe"), r"c:\windows\psexesvc.exe");
        assert_eq!(normal(r"\??\C:\a.exe"), r"c:\a.exe");
        assert!(!is_telling(r"c:\windows\system32\cmd.exe") && is_telling(r"c:\windows\psexesvc.exe"));
    }

    #[test]
    fn hostile_commands_are_bounded() {
        let many = "\\a.bc ".repeat(100_000);
        assert!(in_command(&many).len() <= MAX_PATHS);
        assert!(in_command(&"é".repeat(20_000)).is_empty());
    }
}
