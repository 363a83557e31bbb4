//! Cutting a URL into the columns of the `http` table, such that the columns re-create it.

use std::borrow::Cow;

use super::row::Row;
use crate::base::text::{cut, lower_ascii};
use crate::schema::http;

/// The parts of a URL. Joined as `scheme://host:port` + path + `?query` they are the URL again if `exact`.
#[derive(Debug, PartialEq, Eq)]
pub struct Url<'a> {
    /// Scheme; for `host:port` (CONNECT) `https` on port 443, else `tcp`.
    pub scheme: Cow<'a, str>,
    /// Host in lower case, without the brackets of an IPv6 address.
    pub host: Cow<'a, str>,
    /// Port, where the URL names it.
    pub port: Option<u16>,
    /// Path as written, may be empty.
    pub path: &'a str,
    /// Query without the question mark.
    pub query: Option<&'a str>,
    /// Whether the parts re-create the text.
    pub exact: bool,
}

/// Cuts an absolute URL, or the `host:port` of a CONNECT.
pub fn split(url: &str, connect: bool) -> Option<Url<'_>> {
    if let Some((scheme, rest)) = cut(url, b':') {
        if let Some(rest) = rest.strip_prefix("//") {
            let known = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
            return if known { absolute(scheme, rest) } else { None };
        }
        // A scheme has no colon in it.
        if memchr::memchr(b'/', rest.as_bytes()).is_some() && rest.contains("://") {
            return None;
        }
    }
    if !connect {
        return None;
    }
    let (host, port, exact) = authority(url)?;
    let scheme = if port == Some(443) { "https" } else { "tcp" };
    Some(Url {
        scheme: scheme.into(),
        host,
        port,
        path: "",
        query: None,
        exact: exact && port.is_some(),
    })
}

/// Cuts path and query at the first question mark.
pub fn split_query(path: &str) -> (&str, Option<&str>) {
    match cut(path, b'?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    }
}

/// Writes a full URL field into the row; it stays in `extra` unless its parts re-create it.
pub fn write(row: &mut Row<'_, '_>, field: &'static str, connect: bool) {
    let Some(text) = row.peek(field) else { return };
    let Some(url) = split(text, connect) else {
        if text.starts_with('/') {
            row.take(field);
            write_path(row, text);
        }
        return;
    };
    if url.exact {
        row.take(field);
    }
    row.cells.text(http::SCHEME, &url.scheme);
    row.cells.text(http::URL_HOST, &url.host);
    if let Some(port) = url.port {
        row.cells.int(http::URL_PORT, i64::from(port));
    }
    if !url.path.is_empty() {
        row.cells.text(http::URL_PATH, url.path);
    }
    if let Some(query) = url.query {
        row.cells.text(http::URL_QUERY, query);
    }
}

/// Writes `path?query` into the row.
pub fn write_path(row: &mut Row<'_, '_>, text: &str) {
    let (path, query) = split_query(text);
    row.cells.text(http::URL_PATH, path);
    if let Some(query) = query {
        row.cells.text(http::URL_QUERY, query);
    }
}

fn absolute<'a>(scheme: &'a str, rest: &'a str) -> Option<Url<'a>> {
    let end = memchr::memchr3(b'/', b'?', b'#', rest.as_bytes()).unwrap_or(rest.len());
    let (host, tail) = rest.split_at_checked(end)?;
    let (host, port, plain) = authority(host)?;
    let (path, query) = split_query(tail);
    let exact = plain && !scheme.bytes().any(|b| b.is_ascii_uppercase());
    if scheme == "tunnel" {
        // Cisco's word for CONNECT.
        let scheme = if port == Some(443) { "https" } else { "tcp" };
        return Some(Url {
            scheme: scheme.into(),
            host,
            port,
            path: "",
            query,
            exact: false,
        });
    }
    Some(Url {
        scheme: lower_ascii(scheme),
        host,
        port,
        path,
        query,
        exact,
    })
}

/// (host, port, whether both re-create the text).
fn authority(text: &str) -> Option<(Cow<'_, str>, Option<u16>, bool)> {
    let letters = Letters::of(text.as_bytes());
    let (bare, host, port, inner) = match letters.colon {
        _ if letters.odd => any_authority(text),
        None => (text, text, None, None),
        Some(at) => (text, text.get(..at)?, text.get(at + 1..), None),
    };
    let number = port.and_then(|p| p.parse::<u16>().ok());
    let name = inner.unwrap_or(host);
    if name.is_empty() || letters.odd && name.chars().any(char::is_whitespace) {
        return None;
    }
    let port_exact = port.is_none_or(|p| number.is_some() && (p == "0" || !p.starts_with(['0', '+'])));
    let brackets_exact = !letters.odd || inner.is_some() == name.contains(':');
    let name = if letters.upper { lower_ascii(name) } else { name.into() };
    let exact = bare.len() == text.len() && port_exact && brackets_exact && matches!(name, Cow::Borrowed(_));
    Some((name, number, exact))
}

/// What stands behind a user, the host there, the port, and the host without brackets.
fn any_authority(text: &str) -> (&str, &str, Option<&str>, Option<&str>) {
    let bare = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (bare, None),
    };
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    (bare, host, port, inner)
}

/// What stands in a host and port.
struct Letters {
    /// More than one colon, a user, brackets, or bytes that are no visible ASCII.
    odd: bool,
    upper: bool,
    /// Where the colon stands.
    colon: Option<usize>,
}

impl Letters {
    #[inline]
    fn of(text: &[u8]) -> Self {
        let (mut all, mut colons, mut colon) = (0, 0, 0);
        for (at, byte) in text.iter().enumerate() {
            let kind = KINDS.get(*byte as usize).copied().unwrap_or(0);
            all |= kind;
            if kind == COLON {
                (colons, colon) = (colons + 1, at);
            }
        }
        Self {
            odd: all & ODD != 0 || colons > 1,
            upper: all & UPPER != 0,
            colon: (colons > 0).then_some(colon),
        }
    }
}

const ODD: u8 = 1;
const UPPER: u8 = 2;
const COLON: u8 = 4;

/// What a byte is.
#[allow(clippy::indexing_slicing)] // The compiler evaluates it: a wrong index does not compile.
const KINDS: [u8; 256] = {
    let mut kinds = [ODD; 256];
    let mut byte = 0x21;
    while byte <= 0x7E_u8 {
        kinds[byte as usize] = match byte {
            b'A'..=b'Z' => UPPER,
            b':' => COLON,
            b'@' | b'[' | b']' => ODD,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// [`split`] of what is no CONNECT, as it would be written without care for speed.
    fn plain_split(url: &str) -> Option<(String, String, Option<u16>, bool)> {
        let (scheme, rest) = url.split_once("://")?;
        if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) {
            return None;
        }
        let text = rest.split(['/', '?', '#']).next()?;
        let bare = text.rsplit('@').next()?;
        let (host, port) = match bare.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
            _ => (bare, None),
        };
        let number = port.and_then(|p| p.parse::<u16>().ok());
        let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let name = inner.unwrap_or(host);
        if name.is_empty() || name.contains(char::is_whitespace) {
            return None;
        }
        let lower = name.to_ascii_lowercase();
        let exact = bare == text
            && port.is_none_or(|p| number.is_some_and(|n| n.to_string() == p))
            && inner.is_some() == name.contains(':')
            && lower == name
            && scheme.to_ascii_lowercase() == scheme;
        Some((scheme.to_ascii_lowercase(), lower, number, exact))
    }

    proptest! {
        #[test]
        fn parts_are_those_of_a_plain_reader(
            url in "(http|FTP|a:b)?(://|:|//)([aé ]@)?([aA.é \t:]{0,12}|\\[[a:]{0,5}\\]?)(:[0+]?[0-9]{0,6})?([/?#].{0,5})?(://)?",
        ) {
            let parts = split(&url, false).map(|u| (u.scheme.to_string(), u.host.to_string(), u.port, u.exact));
            prop_assert_eq!(parts, plain_split(&url));
        }
    }

    fn join(u: &Url<'_>, connect: bool) -> String {
        let host = if u.host.contains(':') {
            format!("[{}]", u.host)
        } else {
            u.host.to_string()
        };
        let port = u.port.map(|p| format!(":{p}")).unwrap_or_default();
        if connect {
            return format!("{host}{port}");
        }
        let query = u.query.map(|q| format!("?{q}")).unwrap_or_default();
        format!("{}://{host}{port}{}{query}", u.scheme, u.path)
    }

    #[test]
    fn exact_parts_recreate_the_url() {
        for url in [
            "http://a.example/x?y=1?z",
            "https://a.example:8443",
            "ftp://[2001:db8::1]:21/f",
            "http://a.example/?",
            "http://a.example?q",
        ] {
            let u = split(url, false).unwrap();
            assert!(u.exact, "{url}");
            assert_eq!(join(&u, false), url);
        }
        let u = split("a.example:443", true).unwrap();
        assert_eq!(
            (join(&u, true).as_str(), &*u.scheme, u.exact),
            ("a.example:443", "https", true)
        );
    }

    #[test]
    fn what_is_lost_is_not_exact() {
        for url in [
            "HTTP://a.example/",
            "http://A.example/",
            "http://u:p@a.example/",
            "http://a.example:080/",
            "tunnel://a.example:443/",
        ] {
            let u = split(url, false).unwrap();
            assert_eq!((&*u.host, u.exact), ("a.example", false), "{url}");
        }
        for bad in ["ahmet", "error:transaction-end-before-headers", "://x", "http://", "/p"] {
            assert_eq!(split(bad, false), None, "{bad}");
        }
    }
}
