//! Where a program lies: places that every user may write to, and places that only administrators may.

/// Fragments of lower-case Windows paths that ordinary users may write to, and what to call the place. Order matters:
/// the more telling place comes first.
static WRITABLE: &[(&str, &str)] = &[
    ("\\$recycle.bin\\", "the recycle bin"),
    ("\\users\\public\\", "the public profile"),
    ("\\windows\\temp\\", "the Windows temp folder"),
    ("\\windows\\tasks\\", "the Windows tasks folder"),
    ("\\windows\\debug\\", "the Windows debug folder"),
    ("\\perflogs\\", "the performance log folder"),
    ("\\downloads\\", "a download folder"),
    ("\\content.outlook\\", "a mail attachment"),
    ("\\inetcache\\", "the browser cache"),
    ("\\appdata\\local\\temp\\", "a temp folder"),
    ("\\appdata\\", "AppData"),
    ("\\desktop\\", "a desktop"),
    ("\\documents\\", "a documents folder"),
    ("\\programdata\\", "ProgramData"),
    ("%temp%", "a temp folder"),
    ("%tmp%", "a temp folder"),
    ("%appdata%", "AppData"),
    ("%localappdata%", "AppData"),
    ("%public%", "the public profile"),
    ("$env:temp", "a temp folder"),
    ("$env:appdata", "AppData"),
    ("$env:public", "the public profile"),
    ("\\temp\\", "a temp folder"),
    ("\\tmp\\", "a temp folder"),
];

/// Places below writable ones where software installs itself for one user or for all, so that being there says nothing.
static INSTALLED: &[&str] = &[
    "\\programdata\\microsoft\\",
    "\\programdata\\package cache\\",
    "\\programdata\\chocolatey\\",
    "\\programdata\\anaconda",
    "\\programdata\\miniconda",
    "\\appdata\\local\\microsoft\\edge",
    "\\appdata\\local\\microsoft\\onedrive\\",
    "\\appdata\\local\\microsoft\\teams\\",
    "\\appdata\\local\\microsoft\\windowsapps\\",
    "\\appdata\\local\\google\\",
    "\\appdata\\local\\mozilla",
    "\\appdata\\local\\slack\\",
    "\\appdata\\local\\programs\\",
    "\\appdata\\roaming\\zoom\\bin\\",
];

/// What to call the place when a path, or a command line, lies in or names one that ordinary users may write to.
/// `None` for other places, and for the folders below them where common software installs itself.
pub fn user_writable(path: &str) -> Option<&'static str> {
    let lower = path.to_lowercase().replace('/', "\\");
    if INSTALLED.iter().any(|p| lower.contains(p)) {
        return None;
    }
    if let Some((_, name)) = WRITABLE.iter().find(|(p, _)| lower.contains(p)) {
        return Some(name);
    }
    if is_unc(&lower) {
        return Some("a network share");
    }
    has_stream(&lower).then_some("an alternate data stream")
}

/// Whether an image lies below the Windows folder or a program folder of any drive, where only administrators write.
/// The writable corners of the Windows folder do not count.
pub fn is_protected(path: &str) -> bool {
    let lower = path.to_lowercase().replace('/', "\\");
    let Some(inside) = below_root(&lower) else {
        return false;
    };
    let protected = ["\\windows\\", "\\program files\\", "\\program files (x86)\\"];
    protected.iter().any(|p| inside.starts_with(p)) && user_writable(&lower).is_none()
}

/// Whether a path names a share of another machine. Device and long-path prefixes are none.
fn is_unc(lower: &str) -> bool {
    let Some(rest) = lower.strip_prefix("\\\\") else {
        return false;
    };
    let rest = match rest.strip_prefix("?\\unc\\") {
        Some(share) => share,
        None => rest,
    };
    rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && rest.contains('\\')
}

/// Whether a path names a stream of a file: a colon behind the drive's.
fn has_stream(lower: &str) -> bool {
    let name = lower.rsplit('\\').next().unwrap_or(lower);
    lower.contains('\\')
        && name
            .split_once(':')
            .is_some_and(|(file, stream)| file.contains('.') && !stream.is_empty() && !stream.contains(' '))
}

/// What follows the drive or the device.
fn below_root(lower: &str) -> Option<&str> {
    let lower = lower
        .strip_prefix("\\??\\")
        .or_else(|| lower.strip_prefix("\\\\?\\"))
        .unwrap_or(lower);
    if let Some(rest) = lower.strip_prefix("\\device\\harddiskvolume") {
        return rest.find('\\').and_then(|at| rest.get(at..));
    }
    let (drive, rest) = lower.split_once(':')?;
    (drive.len() == 1).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        assert_eq!(
            user_writable(r"C:\Users\a\AppData\Local\Temp\x.exe"),
            Some("a temp folder")
        );
        assert_eq!(user_writable(r"C:\Users\Public\x.exe"), Some("the public profile"));
        assert_eq!(user_writable(r"C:\$Recycle.Bin\c.exe"), Some("the recycle bin"));
        assert_eq!(user_writable(r"\\files\tools\a.exe"), Some("a network share"));
        assert_eq!(user_writable(r"C:\x\a.txt:b.exe"), Some("an alternate data stream"));
        assert_eq!(
            user_writable(r"C:\Users\a\AppData\Local\Microsoft\OneDrive\OneDrive.exe"),
            None
        );
        assert_eq!(
            user_writable(r"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18\MsMpEng.exe"),
            None
        );
        assert_eq!(user_writable(r"C:\Program Files\v\d.exe"), None);
        assert_eq!(user_writable(r"\\?\C:\Windows\System32\cmd.exe"), None);
    }

    #[test]
    fn only_folders_of_administrators_are_protected() {
        assert!(is_protected(r"C:\Windows\System32\cmd.exe"));
        assert!(is_protected(r"\Device\HarddiskVolume3\Program Files (x86)\v\d.exe"));
        assert!(!is_protected(r"C:\Windows\Temp\a.exe"));
        assert!(!is_protected(r"C:\Users\a\Windows\System32\a.exe"));
        assert!(!is_protected("a.exe"));
    }
}
