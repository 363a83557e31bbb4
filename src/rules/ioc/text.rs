//! Names inside longer texts: where a needle begins and ends matters, or `evil.com` would be found in `notevil.com`.

use crate::base::ip::{self, Ip};

/// What may stand beside a needle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// A domain: a dot in front makes a subdomain, a dot and a letter behind another domain.
    Domain,
    /// Host and path of a URL: the host is whole, the path may go on.
    Url,
    /// Any part.
    Part,
    /// A file's name: whole.
    File,
    /// A path that begins with a separator: whole at its end.
    PathTail,
    /// A path that begins with a drive.
    Path,
    /// A registry key without hive: begins after a separator, whole at its end.
    Key,
    /// A mail address: whole.
    Mail,
    /// Hexadecimal digits: whole.
    Hex,
    /// An IPv6 address: whole.
    Ip6,
}

impl Edge {
    /// Whether a needle at `[from, to)` of `text` stands as it must.
    pub fn fits(self, text: &str, from: usize, to: usize) -> bool {
        let before = text.get(..from).and_then(|t| t.chars().next_back());
        let mut rest = text.get(to..).unwrap_or("").chars();
        let (after, next) = (rest.next(), rest.next());
        let word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        // A full stop ends a sentence, or goes on with the name.
        let goes_on = |c: char| word(c) || (c == '.' && next.is_some_and(char::is_alphanumeric));
        let ends = !after.is_some_and(goes_on);
        match self {
            Edge::Domain => before.is_none_or(|c| !word(c)) && ends,
            Edge::Url => before.is_none_or(|c| !word(c) && c != '.'),
            Edge::Part => true,
            Edge::File => before.is_none_or(|c| !word(c) && c != '.') && ends,
            Edge::PathTail => ends,
            Edge::Path => before.is_none_or(|c| !c.is_alphanumeric()) && ends,
            Edge::Key => before.is_none_or(|c| c == '\\' || c == '/') && ends,
            Edge::Mail => before.is_none_or(|c| !word(c) && !".%+".contains(c)) && ends,
            Edge::Hex => before.is_none_or(|c| !c.is_alphanumeric()) && after.is_none_or(|c| !c.is_alphanumeric()),
            Edge::Ip6 => {
                let part = |c: char| c.is_ascii_hexdigit() || c == ':';
                before.is_none_or(|c| !part(c)) && after.is_none_or(|c| !part(c))
            }
        }
    }
}

/// The IPv4 addresses in a text, whole ones only.
pub fn addresses(text: &str) -> impl Iterator<Item = Ip> + '_ {
    let bytes = text.as_bytes();
    let is_part = |b: u8| b.is_ascii_digit() || b == b'.';
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at + bytes.get(at..)?.iter().position(u8::is_ascii_digit)?;
            let len = bytes.get(start..)?.iter().position(|b| !is_part(*b));
            let end = len.map_or(bytes.len(), |n| start + n);
            at = end;
            let whole = start.checked_sub(1).and_then(|i| bytes.get(i));
            let free = |b: Option<&u8>| b.is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
            if !free(whole) || !free(bytes.get(end)) {
                continue;
            }
            let quad = text.get(start..end)?.trim_end_matches('.');
            if quad.bytes().filter(|b| *b == b'.').count() == 3
                && let Some(ip) = ip::parse(quad)
            {
                return Some(ip);
            }
        }
        None
    })
}

/// Words that may be a file's name or path: what stands between quotes, spaces and separators of lists.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "\"'`,;=()<>|&".contains(c))
        .filter(|w| !w.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(edge: Edge, text: &str, needle: &str) -> bool {
        let at = text.find(needle).unwrap();
        edge.fits(text, at, at + needle.len())
    }

    #[test]
    fn domains_cover_subdomains_and_nothing_else() {
        for yes in [
            "evil.com",
            "a.evil.com",
            "http://evil.com/x",
            "x@evil.com",
            "see evil.com.",
            "evil.com:443",
        ] {
            assert!(fits(Edge::Domain, yes, "evil.com"), "{yes}");
        }
        for no in [
            "notevil.com",
            "evil.com.au",
            "evil.community",
            "my-evil.com",
            "evil.com-x",
        ] {
            assert!(!fits(Edge::Domain, no, "evil.com"), "{no}");
        }
    }

    #[test]
    fn files_are_whole() {
        for yes in [r"c:\x\a.exe", "run a.exe /x", "\"a.exe\"", "a.exe,"] {
            assert!(fits(Edge::File, yes, "a.exe"), "{yes}");
        }
        for no in ["ba.exe", "a.exe.mui", "x-a.exe", "a.exe2"] {
            assert!(!fits(Edge::File, no, "a.exe"), "{no}");
        }
    }

    #[test]
    fn addresses_are_whole() {
        let of = |t: &str| addresses(t).map(|a| ip::display(&a)).collect::<Vec<_>>();
        assert_eq!(of("to 10.0.0.1:80, 203.0.113.7."), ["10.0.0.1", "203.0.113.7"]);
        assert!(of("v1.2.3.4 1.2.3 1.2.3.4.5 999.1.1.1 1.2.3.4x").is_empty());
    }
}
