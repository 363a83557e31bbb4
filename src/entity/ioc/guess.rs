//! What a text is, by its shape or by the word a list puts beside it.

use super::{Kind, is_empty_file};
use crate::base::ip::{self, Cidr};
use crate::base::text::basename;
use crate::knowledge::domains;

/// Longest value that is looked at; longer ones are mistakes.
const MAX_LEN: usize = 4_096;

/// Endings of files that attackers drop; some are also top-level domains.
const EXTENSIONS: &[&str] = &[
    "exe",
    "dll",
    "sys",
    "scr",
    "bat",
    "cmd",
    "ps1",
    "psm1",
    "vbs",
    "vbe",
    "js",
    "jse",
    "wsf",
    "wsh",
    "hta",
    "msi",
    "msp",
    "lnk",
    "cpl",
    "ocx",
    "drv",
    "efi",
    "jar",
    "py",
    "pl",
    "sh",
    "rb",
    "php",
    "asp",
    "aspx",
    "ashx",
    "asmx",
    "jsp",
    "jspx",
    "doc",
    "docm",
    "docx",
    "dotm",
    "xls",
    "xlsm",
    "xlsb",
    "xlsx",
    "xll",
    "ppt",
    "pptm",
    "rtf",
    "pdf",
    "one",
    "chm",
    "iso",
    "img",
    "vhd",
    "vhdx",
    "zip",
    "rar",
    "7z",
    "cab",
    "tar",
    "gz",
    "tmp",
    "dat",
    "bin",
    "log",
    "txt",
    "ini",
    "cfg",
    "conf",
    "xml",
    "json",
    "db",
    "key",
    "pem",
    "dmp",
    "kirbi",
    "ccache",
    "reg",
    "inf",
    "sct",
    "url",
    "so",
    "elf",
    "bak",
    "job",
    "library-ms",
    "searchconnector-ms",
    "theme",
    "html",
    "htm",
    "svg",
    "ico",
    "jpg",
    "png",
    "gif",
    "css",
];
/// Of those, the ones that are top-level domains too: such a name is searched as both.
const BOTH: &[&str] = &["py", "pl", "sh", "zip", "so", "cab", "one"];

/// Hives as threat reports write them.
const HIVES: &[(&str, &str)] = &[
    ("hkey_local_machine", "hklm"),
    ("hkey_current_user", "hkcu"),
    ("hkey_users", "hku"),
    ("hkey_classes_root", "hkcr"),
    ("hklm", "hklm"),
    ("hkcu", "hkcu"),
    ("hku", "hku"),
    ("hkcr", "hkcr"),
];

/// Folders that a variable in a path stands for, as the end of a path that logs hold.
const VARIABLES: &[(&str, &str)] = &[
    ("%appdata%", "\\appdata\\roaming"),
    ("%localappdata%", "\\appdata\\local"),
    ("%temp%", "\\temp"),
    ("%tmp%", "\\temp"),
    ("%programdata%", "\\programdata"),
    ("%allusersprofile%", "\\programdata"),
    ("%public%", "\\users\\public"),
    ("%windir%", "\\windows"),
    ("%systemroot%", "\\windows"),
    ("%system%", "\\windows\\system32"),
    ("%programfiles%", "\\program files"),
    ("%programfiles(x86)%", "\\program files (x86)"),
    ("%userprofile%", ""),
    ("%systemdrive%", ""),
    ("%homepath%", ""),
];

/// First folders of Unix paths; any other text that begins with a slash is a part of a URL.
const UNIX_ROOTS: &[&str] = &[
    "tmp",
    "usr",
    "etc",
    "var",
    "home",
    "opt",
    "bin",
    "sbin",
    "dev",
    "root",
    "lib",
    "mnt",
    "private",
    "library",
    "users",
    "applications",
    "run",
    "srv",
    "proc",
    "boot",
];

/// What the text may be, in its one spelling; more than one kind where its shape fits more.
///
/// # Errors
/// Why it is nothing that can be searched for.
pub fn guess(text: &str) -> Result<Vec<(Kind, String)>, String> {
    let text = text.trim();
    if let Some((name, rest)) = text.split_once(':')
        && let Some(kind) = Kind::ALL.into_iter().find(|k| k.name() == name.to_ascii_lowercase())
    {
        return parse_as(kind, rest).map(|v| vec![v]);
    }
    let clean = refang(text);
    if clean.is_empty() {
        return Err("an empty value".to_owned());
    }
    if clean.len() > MAX_LEN {
        return Err(format!("longer than {MAX_LEN} characters"));
    }
    if let Some(hash) = hash(&clean) {
        return hash.map(|h| vec![h]);
    }
    if let Some(found) = address(&clean).or_else(|| url(&clean)).or_else(|| registry(&clean)) {
        return Ok(vec![found]);
    }
    if let Some(found) = mail(&clean).or_else(|| sid(&clean)).or_else(|| path(&clean)) {
        return Ok(vec![found]);
    }
    if let Some(found) = domain_account(&clean) {
        return Ok(vec![found]);
    }
    let both: Vec<_> = domain(&clean).into_iter().chain(file_name(&clean)).collect();
    match both.is_empty() {
        true => Err(format!(
            "'{text}' has no shape of a hash, address, domain, URL, path, registry key, account or mail address; say which, as in account:{text} or file:{text}"
        )),
        false => Ok(both),
    }
}

/// The text as an indicator of this kind; hashes go by their length, addresses and networks by their slash.
///
/// # Errors
/// Why it is none.
pub fn parse_as(kind: Kind, text: &str) -> Result<(Kind, String), String> {
    let clean = refang(text.trim());
    let wrong = || format!("'{}' is no {}", text.trim(), kind.name());
    if clean.is_empty() || clean.len() > MAX_LEN {
        return Err(wrong());
    }
    match kind {
        Kind::Md5 | Kind::Sha1 | Kind::Sha256 => hash(&clean).ok_or_else(wrong)?,
        Kind::Address | Kind::Network => address(&clean).ok_or_else(wrong),
        Kind::Domain => host_of(&clean).map(|d| (Kind::Domain, d)).ok_or_else(wrong),
        Kind::Url => url(&clean)
            .or_else(|| url(&format!("http://{clean}")))
            .ok_or_else(wrong),
        Kind::UrlPart => Ok((Kind::UrlPart, clean)),
        Kind::File => Ok((
            Kind::File,
            path(&clean).map_or_else(|| clean.replace('/', "\\"), |p| p.1),
        )),
        Kind::Registry => Ok((Kind::Registry, registry_key(&clean))),
        Kind::Account => Ok((Kind::Account, clean)),
        Kind::Mail => mail(&clean).ok_or_else(wrong),
    }
}

/// The kind that a column of a list names (`ip-dst`, `FileHash-SHA256`, `hostname`); `None` for words we do not know.
pub(super) fn kind_of(word: &str) -> Option<Kind> {
    let word: String = word
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let has = |part: &str| word.contains(part);
    Some(match word.as_str() {
        _ if has("imphash") || has("md5") => Kind::Md5,
        _ if has("sha256") => Kind::Sha256,
        _ if has("sha1") || word == "hash" || word == "filehash" => Kind::Sha1,
        _ if has("mail") || word == "sender" => Kind::Mail,
        _ if has("regist") || has("regkey") => Kind::Registry,
        "ip" | "ipv4" | "ipv6" | "ipsrc" | "ipdst" | "ipaddress" | "address" | "ipv4addr" | "ipv6addr" | "cidr"
        | "network" => Kind::Address,
        "domain" | "hostname" | "fqdn" | "domainname" => Kind::Domain,
        "url" | "uri" | "link" => Kind::Url,
        "urlpart" | "uripath" | "urlpath" => Kind::UrlPart,
        "file" | "filename" | "filepath" | "path" => Kind::File,
        "account" | "user" | "username" | "useraccount" | "sid" | "accountname" => Kind::Account,
        _ => return None,
    })
}

/// Without the marks that keep readers from clicking; lower case.
fn refang(text: &str) -> String {
    let mut out = text.trim_matches(['"', '\'', '`', '<', '>', ' ']).to_lowercase();
    for (from, to) in [
        ("[.]", "."),
        ("(.)", "."),
        ("{.}", "."),
        ("[dot]", "."),
        ("(dot)", "."),
        ("[:]", ":"),
        ("[://]", "://"),
        ("[@]", "@"),
        ("[at]", "@"),
        ("(at)", "@"),
        ("[/]", "/"),
    ] {
        if out.contains(from) {
            out = out.replace(from, to);
        }
    }
    match out.strip_prefix("hxxp") {
        Some(rest) => format!("http{rest}"),
        None => out,
    }
}

#[allow(clippy::type_complexity)] // no hash, a bad hash, a hash
fn hash(text: &str) -> Option<Result<(Kind, String), String>> {
    if !text.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let kind = match text.len() {
        32 => Kind::Md5,
        40 => Kind::Sha1,
        64 => Kind::Sha256,
        _ => return None,
    };
    Some(match is_empty_file(text) {
        true => Err("the hash of the empty file is in every corpus and is not used".to_owned()),
        false => Ok((kind, text.to_owned())),
    })
}

fn address(text: &str) -> Option<(Kind, String)> {
    if let Some((ip, _)) = ip::parse_with_port(text).filter(|_| !text.contains('/')) {
        return Some((Kind::Address, ip::display(&ip)));
    }
    Cidr::parse(text.contains('/').then_some(text)?)?;
    Some((Kind::Network, text.to_owned()))
}

fn url(text: &str) -> Option<(Kind, String)> {
    let (scheme, rest) = match text.split_once("://") {
        Some((s, r)) if s.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'+') => (Some(s), r),
        Some(_) => return None,
        None => (None, text),
    };
    let (host, path) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
    let host = host.rsplit_once('@').map_or(host, |(_, h)| h);
    let name = host.split(':').next().unwrap_or(host).trim_matches('.');
    let is_address = ip::parse(name).is_some();
    if scheme.is_none() {
        // A network with too long a prefix.
        let prefix = path.trim_start_matches('/');
        if is_address && !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // Without a scheme a slash alone makes a URL, after something that is a host.
        let host_like = name.contains('.') && (is_address || domains::registrable(name).is_some());
        if text.starts_with('/') && !text.starts_with("//") {
            let first = text.trim_start_matches('/').split(['/', '?']).next().unwrap_or("");
            return (!UNIX_ROOTS.contains(&first) && text.len() > 1).then(|| (Kind::UrlPart, text.to_owned()));
        }
        if !host_like || path.is_empty() || text.contains('\\') {
            return None;
        }
    }
    let path = path.split('#').next().unwrap_or(path).trim_end_matches('*');
    if name.is_empty() {
        return None;
    }
    Some(match (path, is_address) {
        ("" | "/", true) => (Kind::Address, ip::display(&ip::parse(name)?)),
        ("" | "/", false) => (Kind::Domain, name.to_owned()),
        _ => (Kind::Url, format!("{name}{path}")),
    })
}

fn registry(text: &str) -> Option<(Kind, String)> {
    let named = HIVES.iter().any(|(h, _)| {
        let rest = text.strip_prefix(h);
        rest.is_some_and(|r| r.starts_with(['\\', ':', '/']))
    });
    let system = text.starts_with("\\registry\\")
        || text.starts_with("software\\")
        || text.starts_with("system\\currentcontrolset");
    (named || system).then(|| (Kind::Registry, registry_key(text)))
}

/// One spelling: short hive, single backslashes, no control set's number, no 32-bit view.
pub(super) fn registry_key(text: &str) -> String {
    let mut key = text.replace('/', "\\").replace(":\\", "\\");
    while key.contains("\\\\") {
        key = key.replace("\\\\", "\\");
    }
    let key = key.trim_end_matches('\\');
    let short = HIVES.iter().find_map(|(long, short)| {
        let rest = key.strip_prefix(long)?;
        (rest.is_empty() || rest.starts_with('\\')).then(|| format!("{short}{rest}"))
    });
    short.unwrap_or_else(|| key.to_owned()).replace("\\wow6432node", "")
}

fn mail(text: &str) -> Option<(Kind, String)> {
    let (user, host) = text.split_once('@')?;
    let name = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_{|}~.-".contains(c);
    let ok = !user.is_empty() && user.chars().all(name) && host.contains('.') && is_host(host);
    ok.then(|| (Kind::Mail, text.to_owned()))
}

fn sid(text: &str) -> Option<(Kind, String)> {
    let rest = text.strip_prefix("s-1-")?;
    let ok = rest.contains('-') && rest.bytes().all(|c| c.is_ascii_digit() || c == b'-');
    ok.then(|| (Kind::Account, text.to_owned()))
}

fn path(text: &str) -> Option<(Kind, String)> {
    let windows = text.replace('/', "\\");
    for (variable, folder) in VARIABLES {
        if let Some(rest) = windows.strip_prefix(variable) {
            return Some((Kind::File, format!("{folder}{rest}")));
        }
    }
    let drive = matches!(windows.as_bytes(), [d, b':', b'\\', _, ..] if d.is_ascii_alphabetic());
    let rooted = text.starts_with('\\') || (text.starts_with('/') && text.len() > 1);
    let folders = text.contains('\\') && has_extension(basename(text));
    (drive || rooted || folders).then_some((Kind::File, windows))
}

fn domain_account(text: &str) -> Option<(Kind, String)> {
    let (domain, user) = text.split_once('\\')?;
    let plain = |t: &str| !t.is_empty() && !t.contains(['\\', '/', ':', '*', '?', '"']);
    (plain(domain) && plain(user)).then(|| (Kind::Account, text.to_owned()))
}

fn domain(text: &str) -> Option<(Kind, String)> {
    let host = text.strip_prefix("*.").unwrap_or(text);
    let extension = host.rsplit_once('.').map_or("", |(_, e)| e);
    if EXTENSIONS.contains(&extension) && !BOTH.contains(&extension) {
        return None;
    }
    host_of(host).map(|h| (Kind::Domain, h))
}

fn host_of(text: &str) -> Option<String> {
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = host.split(['/', ':', '?']).next().unwrap_or(host);
    let host = host.strip_prefix("*.").unwrap_or(host).trim_matches('.');
    let ok = host.contains('.') && is_host(host) && domains::registrable(host).is_some();
    ok.then(|| host.to_owned())
}

fn is_host(text: &str) -> bool {
    let label = |l: &str| !l.is_empty() && l.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    text.split('.').all(label)
}

fn file_name(text: &str) -> Option<(Kind, String)> {
    let glob = text.contains(['*', '?']) && text.contains('.') && !text.starts_with("*.")
        || text.starts_with("*.") && {
            let rest = text.strip_prefix("*.").unwrap_or("");
            !rest.contains('.') && !rest.is_empty()
        };
    (glob || has_extension(text)).then(|| (Kind::File, text.to_owned()))
}

fn has_extension(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(stem, e)| !stem.is_empty() && EXTENSIONS.contains(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(Kind, &str)]) {
        let found = guess(text).unwrap_or_default();
        let found: Vec<(Kind, &str)> = found.iter().map(|(k, v)| (*k, v.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn shapes_decide() {
        check(
            "44D88612FEA8A8F36DE82E1278ABB02F",
            &[(Kind::Md5, "44d88612fea8a8f36de82e1278abb02f")],
        );
        check("203.0.113[.]7", &[(Kind::Address, "203.0.113.7")]);
        check("203.0.113.7:443", &[(Kind::Address, "203.0.113.7")]);
        check("203.0.113.0/24", &[(Kind::Network, "203.0.113.0/24")]);
        check("2001:DB8::1", &[(Kind::Address, "2001:db8::1")]);
        check("Evil[.]Example.com", &[(Kind::Domain, "evil.example.com")]);
        check("*.evil.com", &[(Kind::Domain, "evil.com")]);
        check(
            "hxxps://evil[.]com/Gate.php?id=1#x",
            &[(Kind::Url, "evil.com/gate.php?id=1")],
        );
        check("http://evil.com/", &[(Kind::Domain, "evil.com")]);
        check("http://203.0.113.7:8080/", &[(Kind::Address, "203.0.113.7")]);
        check("evil.com/a/b", &[(Kind::Url, "evil.com/a/b")]);
        check("/submit.php?id=", &[(Kind::UrlPart, "/submit.php?id=")]);
        check("/tmp/.x/miner", &[(Kind::File, "\\tmp\\.x\\miner")]);
        check("invoice.exe", &[(Kind::File, "invoice.exe")]);
        check("*.locky", &[(Kind::File, "*.locky")]);
        check(
            "update.zip",
            &[(Kind::Domain, "update.zip"), (Kind::File, "update.zip")],
        );
        check("%APPDATA%\\x\\y.exe", &[(Kind::File, "\\appdata\\roaming\\x\\y.exe")]);
        check(r"C:\Users\Public\a.dll", &[(Kind::File, r"c:\users\public\a.dll")]);
        check(
            r"HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Evil",
            &[(Kind::Registry, r"hklm\software\evil")],
        );
        check(r"CORP\alice", &[(Kind::Account, r"corp\alice")]);
        check("S-1-5-21-1-2-3-1104", &[(Kind::Account, "s-1-5-21-1-2-3-1104")]);
        check("a.b@evil.com", &[(Kind::Mail, "a.b@evil.com")]);
        check("account:svc_backup", &[(Kind::Account, "svc_backup")]);
    }

    #[test]
    fn what_has_no_shape_is_refused_with_the_way_to_say_it() {
        assert!(guess("svc_backup").unwrap_err().contains("account:svc_backup"));
        assert!(guess("").is_err() && guess(&"a".repeat(9_000)).is_err());
        assert!(
            guess("d41d8cd98f00b204e9800998ecf8427e")
                .unwrap_err()
                .contains("empty file")
        );
    }

    #[test]
    fn lists_name_kinds_in_their_own_words() {
        for (word, kind) in [
            ("FileHash-SHA256", Kind::Sha256),
            ("ip-dst", Kind::Address),
            ("hostname", Kind::Domain),
            ("regkey", Kind::Registry),
            ("email-src", Kind::Mail),
        ] {
            assert_eq!(kind_of(word), Some(kind), "{word}");
        }
        assert_eq!(kind_of("threat actor"), None);
    }
}
