//! Names of archive members, which are attacker-written like everything else in an archive.

use crate::base::text;

/// Longest member name kept, in characters.
const LONGEST: usize = 1024;

/// `archive!member`, with the member's name made harmless: `/` between components, no root, no drive, `..` as `__`,
/// control characters escaped, at most 1024 characters.
pub(super) fn join(archive: &str, member: &[u8]) -> String {
    let member = String::from_utf8_lossy(member);
    let parts = member.split(['/', '\\']).filter(|part| !matches!(*part, "" | "."));
    let joined = parts
        .map(|part| if part == ".." { "__" } else { part })
        .collect::<Vec<_>>()
        .join("/");
    let safe = text::for_terminal(&joined);
    let short = text::truncate_chars(&safe, LONGEST);
    format!("{archive}!{short}")
}

/// Whether a path is what desktops leave behind: AppleDouble forks, Finder and Explorer caches.
pub fn is_junk(path: &str) -> bool {
    let name = text::basename(path);
    let known = [".DS_Store", "Thumbs.db", "desktop.ini"];
    name.starts_with("._")
        || known.iter().any(|k| k.eq_ignore_ascii_case(name))
        || path.split(['/', '\\', '!']).any(|part| part == "__MACOSX")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_names_cannot_leave_the_archive() {
        assert_eq!(join("a.zip", b"../../etc/passwd"), "a.zip!__/__/etc/passwd");
        assert_eq!(join("a.zip", b"/abs/x"), "a.zip!abs/x");
        assert_eq!(join("a.zip", b"dir\\x\x1b[2J"), "a.zip!dir/x\\x1b[2J");
        assert!(join("a", &[b'x'; 9999]).len() < 1100);
    }

    #[test]
    fn resource_forks_and_caches_are_junk() {
        for path in ["a.zip!__MACOSX/dir/f.log", "dir/._f.log", "x/.DS_Store", r"x\thumbs.db"] {
            assert!(is_junk(path), "{path}");
        }
        assert!(!is_junk("dir/f._log") && !is_junk("_.log"));
    }
}
