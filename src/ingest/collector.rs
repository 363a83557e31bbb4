//! Evidence folders as collectors leave them: which host a log lay on, by its path.
//!
//! KAPE and CyLR keep the tree of the disk below the drive's letter (`PC-07/C/Windows/System32/winevt/Logs`), Velociraptor below
//! the client and `uploads` (`Client.C.1a2b/…/uploads/auto/C%3A/Windows`) or in `Collection-PC-07-<time>.zip`, UAC in
//! `uac-web01-linux-<time>.tar.gz`. Only logs that name no host are given the guess, and their input says so.

use crate::base::text::basename;

/// A host by a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// Name as in the path.
    pub host: String,
    /// Which collector leaves such paths.
    pub collector: &'static str,
}

/// Folders right below a drive that make the letter above them a drive.
const BELOW_DRIVE: &[&str] = &[
    "windows",
    "users",
    "programdata",
    "inetpub",
    "program files",
    "$extend",
    "winnt",
];
/// Folders right below the root of a Unix disk.
const BELOW_ROOT: &[&str] = &["var", "etc", "home", "root", "usr"];
/// Names of folders between a host and its disk that are no hosts.
const GENERIC: &[&str] = &[
    "uploads",
    "auto",
    "ntfs",
    "file",
    "lazy_ntfs",
    "kape",
    "triage",
    "output",
    "out",
    "evidence",
    "targets",
    "tdest",
    "target",
    "collection",
    "collections",
    "modules",
    "results",
    "artifacts",
    "data",
    "raw",
    "fs",
    "[root]",
    "root",
    "disk",
    "image",
    "volume",
    "files",
    "logs",
    "cases",
    "case",
    "hosts",
    "clients",
    "vss",
    "live",
    "download",
    "downloads",
    "incident",
    "ir",
];
/// Endings of archives.
const ARCHIVES: &[&str] = &[".tar.gz", ".tgz", ".tar", ".zip", ".7z", ".gz"];

/// The host that the path of a log names, where it is one that a collector leaves.
pub fn host_of(path: &str) -> Option<Guess> {
    let path = path.replace("%3A", ":").replace("%3a", ":");
    let parts: Vec<&str> = path
        .split(['/', '\\', '!'])
        .filter(|p| !p.is_empty() && *p != ".")
        .collect();
    let (_, folders) = parts.split_last()?;
    velociraptor(folders)
        .or_else(|| uac(folders))
        .or_else(|| below_disk(folders))
}

/// `Client.<id>` or `C.<id>` with uploads below; an id says nothing, a name does.
fn velociraptor(folders: &[&str]) -> Option<Guess> {
    let guess = |host: String| Guess {
        host,
        collector: "Velociraptor",
    };
    let archive = folders.iter().rev().find_map(|f| {
        let name = without_archive(f).strip_prefix("Collection-")?;
        Some(guess(without_time(name).to_owned()).into_plausible())
    });
    if let Some(found) = archive.flatten() {
        return Some(found);
    }
    folders
        .iter()
        .any(|f| f.eq_ignore_ascii_case("uploads"))
        .then_some(())?;
    folders.iter().rev().find_map(|f| {
        let id = f.strip_prefix("Client.").or_else(|| f.strip_prefix("client."));
        let id = id.or_else(|| f.starts_with("C.").then_some(f))?;
        Some(match id.strip_prefix("C.") {
            Some(hex) => guess(format!("client-{}", hex.to_ascii_lowercase())),
            None => guess(id.to_owned()),
        })
    })
}

/// The folder above a drive's letter, or above the folders of a Unix disk.
fn below_disk(folders: &[&str]) -> Option<Guess> {
    let lower: Vec<String> = folders.iter().map(|f| f.to_lowercase()).collect();
    let is_drive = |f: &str| matches!(f.as_bytes(), [d] | [d, b':'] if d.is_ascii_alphabetic());
    let windows = lower.windows(2).position(|w| match w {
        [drive, below] => is_drive(drive) && BELOW_DRIVE.contains(&below.as_str()),
        _ => false,
    });
    let unix = || {
        lower.windows(2).position(|w| match w {
            [root, below] => root == "[root]" && BELOW_ROOT.contains(&below.as_str()),
            _ => false,
        })
    };
    let (at, collector) = windows
        .map(|at| (at, "KAPE"))
        .or_else(|| unix().map(|at| (at, "UAC")))?;
    folders.get(..at)?.iter().rev().find_map(|f| {
        let name = without_archive(f);
        if GENERIC.contains(&name.to_lowercase().as_str()) || without_time(name).is_empty() {
            return None;
        }
        Some(
            Guess {
                host: without_time(without_tool(name)).to_owned(),
                collector,
            }
            .into_plausible(),
        )
    })?
}

/// `uac-HOST-linux-20250920101112`.
fn uac(folders: &[&str]) -> Option<Guess> {
    folders.iter().rev().find_map(|f| {
        let name = without_archive(f).strip_prefix("uac-")?;
        let host = ["-linux-", "-macos-", "-freebsd-", "-aix-", "-solaris-", "-esxi-"]
            .iter()
            .find_map(|system| name.split_once(system).map(|(host, _)| host))?;
        Guess {
            host: host.to_owned(),
            collector: "UAC",
        }
        .into_plausible()
    })
}

impl Guess {
    /// Itself, where the name may be a host's.
    fn into_plausible(self) -> Option<Self> {
        let name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let ok = (2..=63).contains(&self.host.chars().count())
            && self.host.chars().all(name)
            && self.host.chars().any(char::is_alphabetic);
        ok.then_some(self)
    }
}

fn without_archive(name: &str) -> &str {
    let name = basename(name);
    let lower = name.to_ascii_lowercase();
    let ending = ARCHIVES.iter().find(|a| lower.ends_with(*a));
    ending.and_then(|e| name.get(..name.len() - e.len())).unwrap_or(name)
}

/// Without the name of the tool in front or behind.
fn without_tool(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    for tool in ["kape", "cylr", "triage"] {
        for joint in ['_', '-', '.'] {
            if lower.starts_with(tool) && lower.get(tool.len()..).is_some_and(|r| r.starts_with(joint)) {
                return name.get(tool.len() + 1..).unwrap_or(name);
            }
            if lower.ends_with(tool) && lower.strip_suffix(tool).is_some_and(|r| r.ends_with(joint)) {
                return name.get(..name.len() - tool.len() - 1).unwrap_or(name);
            }
        }
    }
    name
}

/// Without a time in front or behind: digits with their separators, eight at least.
fn without_time(name: &str) -> &str {
    let part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | 'T' | 'Z' | ':' | '.' | '+');
    let digits = |t: &str| t.chars().filter(char::is_ascii_digit).count();
    let tail = name.trim_end_matches(part);
    let behind = name.get(tail.len()..).unwrap_or("");
    // The host's own digits stand in front of a year.
    let begins = |at: &usize| {
        let rest = behind.get(at + 1..).unwrap_or("");
        (rest.starts_with("20") || rest.starts_with("19")) && digits(rest) >= 8
    };
    let time = behind.match_indices(['-', '_']).map(|(at, _)| at).find(begins);
    let name = match time {
        Some(at) => name.get(..tail.len() + at).unwrap_or(name),
        None => name,
    };
    let head = name.trim_start_matches(part);
    let before = name.get(..name.len() - head.len()).unwrap_or("");
    match digits(before) >= 8 {
        true => head,
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<(&str, &str)>) {
        let found = host_of(path);
        let found = found.as_ref().map(|g| (g.host.as_str(), g.collector));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn kape_keeps_the_disk_below_the_host() {
        for path in [
            "/evidence/PC-07/C/Windows/System32/winevt/Logs/Security.evtx",
            r"E:\cases\PC-07\C\Windows\System32\LogFiles\Firewall\pfirewall.log",
            "/evidence/KAPE_PC-07/tdest/C/Windows/x.log",
            "/evidence/2025-09-20T101112_PC-07/C/Windows/x.log",
            "/evidence/PC-07_20250920T101112Z.zip!C/inetpub/logs/x.log",
        ] {
            check(path, Some(("PC-07", "KAPE")));
        }
    }

    #[test]
    fn velociraptor_names_client_or_host() {
        check(
            "/e/Client.C.4A5b6c7d/collections/F.X/uploads/auto/C%3A/Windows/x.log",
            Some(("client-4a5b6c7d", "Velociraptor")),
        );
        check(
            "/e/Client.WEB01/F.X/uploads/C%3A/inetpub/x.log",
            Some(("WEB01", "Velociraptor")),
        );
        check(
            "/e/Collection-WEB01-2025-09-20T10_11_12Z.zip!uploads/auto/C%3A/Windows/x.log",
            Some(("WEB01", "Velociraptor")),
        );
    }

    #[test]
    fn uac_names_the_host_in_its_archive() {
        check(
            "/e/uac-web01-linux-20250920101112.tar.gz!uac-web01-linux-20250920101112.tar![root]/var/log/auth.log",
            Some(("web01", "UAC")),
        );
    }

    #[test]
    fn other_folders_are_no_hosts() {
        for path in [
            "/logs/squid/access.log",
            "/e/C/Windows/x.log",
            "access.log",
            "/data/siem-export/a.json",
            "/a/b/2025/09/x.log",
        ] {
            check(path, None);
        }
    }
}
