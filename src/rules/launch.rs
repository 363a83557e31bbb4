//! What a service, task, autostart value or WMI consumer starts, and what is odd about it.

use std::sync::LazyLock;

use regex::Regex;

use super::cmdline::capped;
use super::encoded::encoded_command;
use super::paths;
use crate::knowledge::programs::{INTERPRETERS, base_name, contains, stem};

/// Longest command that is looked at, in bytes.
const MAX_COMMAND: usize = 64 << 10;

/// A command taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Launch {
    /// Path of the program, variables of the system folder resolved.
    pub path: String,
    /// Lower-case base name without `.exe`.
    pub program: String,
    /// What is odd about it, for a sentence; empty for an ordinary program of an ordinary folder.
    pub reasons: Vec<&'static str>,
}

/// Reads a command.
pub fn read(command: &str) -> Launch {
    let command = capped(command.trim(), MAX_COMMAND);
    let path = resolve(program_path(command));
    let program = stem(base_name(&path)).to_lowercase();
    let lower = command.to_lowercase();
    let mut launch = Launch {
        path,
        program,
        reasons: Vec::new(),
    };
    if lower.is_empty() {
        return launch;
    }
    let interpreter = contains(INTERPRETERS, &launch.program) && !is_routine(&launch.program, &lower);
    let mut add = |odd: bool, reason: &'static str| {
        if odd && !launch.reasons.contains(&reason) {
            launch.reasons.push(reason);
        }
    };
    add(lower.contains("\\\\.\\pipe\\"), "writes to a named pipe");
    add(
        lower.contains("\\\\127.0.0.1\\") || lower.contains("\\\\localhost\\"),
        "goes through a share of its own host",
    );
    add(interpreter, "runs an interpreter or system tool");
    add(
        encoded_command(command, &format!("{}.exe", launch.program)).is_some(),
        "carries an encoded command",
    );
    add(is_script(&lower, &launch.path), "runs a script file");
    add(lower.contains("http://") || lower.contains("https://"), "names a URL");
    add(
        paths::user_writable(&launch.path).is_some(),
        "lies in a folder that users may write to",
    );
    add(
        interpreter && paths::user_writable(&lower).is_some(),
        "takes a file from a folder that users may write to",
    );
    add(in_root(&launch.path), "lies in the root of a drive");
    launch
}

/// A text as a part of a prevalence key: lower case, without what differs from host to host and run to run (names of
/// users, GUIDs, SIDs, long numbers), at most 200 characters.
pub fn folded(text: &str) -> String {
    static VARYING: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"\{[0-9a-f]{8}-[0-9a-f-]{27}\}|s-1-5-21-[0-9-]{5,60}|\\users\\[^\\]{1,64}\\|[0-9a-f]*[0-9][0-9a-f]{5,}|[0-9]{3,}",
        )
        .ok()
    });
    let lower = capped(text.trim(), 2_000).to_lowercase();
    let folded = match VARYING.as_ref() {
        Some(r) => r.replace_all(&lower, |c: &regex::Captures<'_>| {
            match c.get(0).map_or("", |m| m.as_str()) {
                user if user.starts_with("\\users\\") => "\\users\\*\\",
                _ => "#",
            }
        }),
        None => lower.into(),
    };
    crate::base::text::truncate_chars(&folded, 200).to_owned()
}

/// The program of a command: up to its closing quote, else up to the first name that ends like a program, else up to
/// the first blank. Services name paths with blanks and without quotes.
fn program_path(command: &str) -> &str {
    static ENDING: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^.{1,400}?\.(?:exe|com|sys|dll|bat|cmd|ps1|vbs|vbe|js|jse|wsf|hta|scr|pif)(?:[\s,]|$)").ok()
    });
    if let Some(quoted) = command.strip_prefix('"') {
        return quoted.split('"').next().unwrap_or("").trim();
    }
    let first = command.split_whitespace().next().unwrap_or("");
    if !first.contains(['\\', '/', ':']) {
        return first;
    }
    match ENDING.as_ref().and_then(|r| r.find(command)) {
        Some(found) => found.as_str().trim_end_matches([',', ' ', '\t']),
        None => first,
    }
}

fn resolve(path: &str) -> String {
    let lower = path.to_lowercase();
    for (from, to) in [
        ("%systemroot%", "C:\\Windows"),
        ("%windir%", "C:\\Windows"),
        ("\\systemroot", "C:\\Windows"),
        ("%comspec%", "C:\\Windows\\System32\\cmd.exe"),
        ("%programfiles%", "C:\\Program Files"),
        ("system32\\", "C:\\Windows\\System32\\"),
        ("\\??\\", ""),
    ] {
        if lower.starts_with(from) {
            return format!("{to}{}", path.get(from.len()..).unwrap_or(""));
        }
    }
    path.to_owned()
}

/// Interpreters at their daily work: system libraries through rundll32, an update that deletes its own leftovers.
fn is_routine(program: &str, lower: &str) -> bool {
    match program {
        "msiexec" => !lower.contains("http"),
        "rundll32" | "regsvr32" | "control" => {
            let library = lower.split_once(program).map_or("", |(_, rest)| rest);
            let library = library.trim_start_matches(".exe").trim_start_matches(['"', ' ']);
            let system = paths::is_protected(library)
                || ["%windir%", "%systemroot%", "%programfiles%"]
                    .iter()
                    .any(|p| library.starts_with(p))
                || !library.contains(['\\', '/', ':']);
            system && !lower.contains("javascript:") && !lower.contains("comsvcs") && !lower.contains("http")
        }
        "cmd" => lower.contains("onedrive") && (lower.contains("/c del ") || lower.contains("/c rmdir ")),
        _ => false,
    }
}

fn is_script(lower: &str, path: &str) -> bool {
    let scripts = [
        ".ps1", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".hta", ".bat", ".cmd", ".sct",
    ];
    let path = path.to_lowercase();
    scripts.iter().any(|s| path.ends_with(s)) || [".hta", ".vbs", ".vbe", ".sct"].iter().any(|s| lower.ends_with(s))
}

fn in_root(path: &str) -> bool {
    let mut parts = path.split('\\');
    let drive = parts.next().unwrap_or("");
    drive.len() == 2 && drive.ends_with(':') && parts.next().is_some_and(|p| !p.is_empty()) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_with_and_without_quotes() {
        for (command, path) in [
            (r#""C:\Program Files\a b\c.exe" -k"#, r"C:\Program Files\a b\c.exe"),
            (r"C:\Program Files\a b\c.exe -k", r"C:\Program Files\a b\c.exe"),
            (r"%SystemRoot%\PSEXESVC.exe", r"C:\Windows\PSEXESVC.exe"),
            (
                r"\SystemRoot\System32\drivers\x.sys",
                r"C:\Windows\System32\drivers\x.sys",
            ),
            (r"system32\DRIVERS\x.sys", r"C:\Windows\System32\DRIVERS\x.sys"),
            ("powershell -enc x", "powershell"),
            ("%COMSPEC% /c echo a", r"C:\Windows\System32\cmd.exe"),
            ("", ""),
        ] {
            assert_eq!(read(command).path, path, "{command}");
        }
    }

    #[test]
    fn odd_commands_have_reasons_and_ordinary_ones_none() {
        assert!(
            read(r"%COMSPEC% /c echo a > \\.\pipe\b")
                .reasons
                .contains(&"writes to a named pipe")
        );
        assert!(
            read("powershell -enc SQBFAFgA")
                .reasons
                .contains(&"runs an interpreter or system tool")
        );
        assert!(read(r"C:\x.exe").reasons.contains(&"lies in the root of a drive"));
        assert!(
            read(r"C:\Users\Public\x.exe")
                .reasons
                .contains(&"lies in a folder that users may write to")
        );
        assert!(
            read(r"rundll32.exe C:\Users\a\AppData\Local\Temp\x.dll,Run")
                .reasons
                .len()
                >= 2
        );
        for ordinary in [
            r#""C:\Users\a\AppData\Local\Microsoft\OneDrive\OneDrive.exe" /background"#,
            r"%windir%\system32\SecurityHealthSystray.exe",
            r"C:\Windows\system32\rundll32.exe C:\Windows\system32\pla.dll,PlaHost",
            r"%windir%\system32\rundll32.exe ndfapi.dll,NdfRunDllDuplicateIPOffendingSystem",
            r"C:\Windows\system32\svchost.exe -k netsvcs",
            r#"C:\WINDOWS\system32\cmd.exe /q /c del /q "C:\Users\a\AppData\Local\Microsoft\OneDrive\Update\OneDriveSetup.exe""#,
        ] {
            assert_eq!(read(ordinary).reasons, Vec::<&str>::new(), "{ordinary}");
        }
    }

    #[test]
    fn a_key_says_the_same_on_every_host() {
        assert_eq!(folded(r"C:\Users\ann\AppData\x.exe"), r"c:\users\*\appdata\x.exe");
        assert_eq!(
            folded("Task {0CCE922B-69AE-11D9-BED3-505054503030} S-1-5-21-1-2-3-1001"),
            "task # #"
        );
        assert_eq!(folded("MpKsl1a2b3c4d"), "mpksl#");
    }
}
