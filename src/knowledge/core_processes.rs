//! Windows' own processes: who may start them and where they live.
//!
//! Sources: Elastic's rule on unusual parent-child relationships, Sigma's rule svchost_uncommon_parent, Microsoft's
//! description of the boot sequence. A parent that a log does not name is never wrong.

use super::programs::{base_name, contains, stem};

/// What is known about one core process.
#[derive(Debug)]
pub struct CoreProcess {
    /// Base name without `.exe`.
    pub name: &'static str,
    /// Base names of the processes that may start it; empty when that is not known.
    pub parents: &'static [&'static str],
    /// Folders under the Windows folder in which it may lie, in lower case without drive.
    pub folders: &'static [&'static str],
    /// Text that its command line must contain, if it always does.
    pub argument: Option<&'static str>,
}

/// The core process of this base name, with or without `.exe`, in any case.
pub fn core_process(base: &str) -> Option<&'static CoreProcess> {
    let stem = stem(base).to_ascii_lowercase();
    let at = CORE.binary_search_by(|p| p.name.cmp(stem.as_str())).ok()?;
    CORE.get(at)
}

impl CoreProcess {
    /// Whether a process of this image (path or base name) may have started it. An unknown parent (empty, `-`) may.
    pub fn allows_parent(&self, parent: &str) -> bool {
        let base = base_name(parent.trim());
        let unknown = base.is_empty() || base == "-" || base == "?";
        unknown || self.parents.is_empty() || contains(self.parents, base)
    }

    /// Whether it may lie at this path. A path without a folder says nothing and is allowed.
    pub fn allows_path(&self, image: &str) -> bool {
        let lower = image.trim().to_ascii_lowercase().replace('/', "\\");
        let Some((folder, _)) = lower.rsplit_once('\\') else {
            return true;
        };
        let Some(inside) = below_windows(folder) else {
            return false;
        };
        self.folders.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(prefix) => inside.starts_with(prefix),
            None => inside == *allowed,
        })
    }

    /// Whether a command line has what this process is always started with. An empty one is not known.
    pub fn allows_command_line(&self, command_line: &str) -> bool {
        self.argument.is_none_or(|argument| {
            command_line.trim().is_empty() || command_line.to_ascii_lowercase().contains(argument)
        })
    }
}

/// The part of a folder below the Windows folder, `""` for that folder itself. The Windows folder is recognised at the
/// root of a drive, under a device path, and by its variables; `C:\Users\x\Windows` is none.
fn below_windows(folder: &str) -> Option<&str> {
    let folder = ["\\??\\", "\\\\?\\", "\\\\.\\"]
        .iter()
        .find_map(|p| folder.strip_prefix(p))
        .unwrap_or(folder);
    let inside = ["\\systemroot", "%systemroot%", "%windir%"]
        .iter()
        .find_map(|root| folder.strip_prefix(root));
    let inside = match inside {
        Some(inside) => inside,
        None => drive_root(folder)?.strip_prefix("\\windows")?,
    };
    if inside.is_empty() {
        return Some("");
    }
    inside.strip_prefix('\\')
}

/// What follows `c:` or `\device\harddiskvolume3`.
fn drive_root(folder: &str) -> Option<&str> {
    if let Some(rest) = folder.strip_prefix("\\device\\harddiskvolume") {
        return rest.find('\\').and_then(|at| rest.get(at..));
    }
    let (drive, rest) = folder.split_once(':')?;
    (drive.len() == 1).then_some(rest)
}

const SYSTEM32: &[&str] = &["system32"];
const SYSTEM32_OR_WOW64: &[&str] = &["system32", "syswow64"];

const fn core(name: &'static str, parents: &'static [&'static str], folders: &'static [&'static str]) -> CoreProcess {
    CoreProcess {
        name,
        parents,
        folders,
        argument: None,
    }
}

/// Sorted by name; the lists of parents are sorted as well.
static CORE: &[CoreProcess] = &[
    core("conhost", &[], SYSTEM32),
    core("consent", &["svchost"], SYSTEM32),
    core("csrss", &["smss"], SYSTEM32),
    core("dllhost", &["services", "svchost"], SYSTEM32_OR_WOW64),
    core("dwm", &["svchost", "winlogon"], SYSTEM32),
    core("explorer", &["explorer", "userinit", "winlogon"], &["", "syswow64"]),
    core("logonui", &["wininit", "winlogon"], SYSTEM32),
    core("lsaiso", &["wininit"], SYSTEM32),
    core("lsass", &["wininit"], SYSTEM32),
    core("lsm", &["wininit"], SYSTEM32),
    core("rundll32", &[], SYSTEM32_OR_WOW64),
    core("runtimebroker", &["svchost"], SYSTEM32),
    core("searchindexer", &["services", "svchost"], SYSTEM32_OR_WOW64),
    core("services", &["wininit"], SYSTEM32),
    core("smss", &["smss", "system"], SYSTEM32),
    core("spoolsv", &["services", "svchost"], SYSTEM32),
    CoreProcess {
        name: "svchost",
        parents: &["mrt", "msmpeng", "ngen", "rpcnet", "services", "tiworker"],
        folders: SYSTEM32_OR_WOW64,
        argument: Some(" -k "),
    },
    core("taskhost", &["services", "svchost"], SYSTEM32),
    core("taskhostex", &["services", "svchost"], SYSTEM32),
    core("taskhostw", &["services", "svchost"], SYSTEM32),
    // Servicing starts it from the component store.
    core("tiworker", &["svchost"], &["system32", "winsxs\\*"]),
    core("userinit", &["dwm", "winlogon"], SYSTEM32_OR_WOW64),
    core("wininit", &["smss"], SYSTEM32),
    core("winlogon", &["smss"], SYSTEM32),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_entry_is_found() {
        assert!(CORE.is_sorted_by(|a, b| a.name < b.name));
        for process in CORE {
            assert!(process.parents.is_sorted_by(|a, b| a < b), "{}", process.name);
            assert_eq!(core_process(process.name).unwrap().name, process.name);
        }
        assert!(core_process("LSASS.EXE").is_some());
        assert!(core_process("notepad.exe").is_none());
    }

    #[test]
    fn wrong_parents_are_told_from_right_and_unknown_ones() {
        let svchost = core_process("svchost.exe").unwrap();
        assert!(svchost.allows_parent(r"C:\Windows\System32\services.exe"));
        assert!(svchost.allows_parent(r"C:\ProgramData\Microsoft\Windows Defender\MsMpEng.exe"));
        assert!(svchost.allows_parent("") && svchost.allows_parent("-"));
        assert!(!svchost.allows_parent(r"C:\Windows\explorer.exe"));
        assert!(core_process("smss").unwrap().allows_parent("System"));
    }

    #[test]
    fn paths_outside_the_windows_folder_are_wrong() {
        let lsass = core_process("lsass.exe").unwrap();
        for good in [
            r"C:\Windows\System32\lsass.exe",
            r"\Device\HarddiskVolume3\Windows\System32\lsass.exe",
            r"\??\C:\WINDOWS\system32\lsass.exe",
            r"%SystemRoot%\System32\lsass.exe",
            r"\SystemRoot\System32\lsass.exe",
            "lsass.exe",
        ] {
            assert!(lsass.allows_path(good), "{good}");
        }
        for bad in [
            r"C:\Users\Public\lsass.exe",
            r"C:\Users\x\Windows\System32\lsass.exe",
            r"C:\Windows\lsass.exe",
            r"C:\Windows \System32\lsass.exe",
            r"C:\WindowsX\System32\lsass.exe",
            r"\\host\share\lsass.exe",
        ] {
            assert!(!lsass.allows_path(bad), "{bad}");
        }
        assert!(
            core_process("explorer")
                .unwrap()
                .allows_path(r"C:\Windows\explorer.exe")
        );
        let tiworker = core_process("tiworker").unwrap();
        assert!(tiworker.allows_path(r"C:\Windows\WinSxS\amd64_x\TiWorker.exe"));
    }

    #[test]
    fn svchost_without_a_group_is_wrong() {
        let svchost = core_process("svchost").unwrap();
        assert!(svchost.allows_command_line(r"C:\Windows\system32\svchost.exe -k netsvcs -p"));
        assert!(!svchost.allows_command_line("svchost.exe"));
        assert!(svchost.allows_command_line(""));
    }
}
