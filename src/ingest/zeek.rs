//! What Zeek's two syntaxes share: the name of a log, its time, and its vectors.

use std::borrow::Cow;

use super::json_object;
use super::raw::{Field, Raw, Value};
use crate::base::text::push_json_str;
use crate::base::time::{self, TimeQuality};

/// Logs that the base name of a file may tell; longer names first where one begins with another.
const NAMES: &[&str] = &[
    "smb_mapping",
    "smb_files",
    "conn",
    "dns",
    "http",
    "ssl",
    "dhcp",
    "files",
    "kerberos",
    "ntlm",
    "rdp",
    "dce_rpc",
    "x509",
    "notice",
    "weird",
    "software",
    "smtp",
    "ssh",
    "pe",
    "tunnel",
    "known_hosts",
    "known_services",
    "ftp",
    "snmp",
    "sip",
    "ntp",
    "ldap",
    "ldap_search",
    "ocsp",
    "dpd",
    "capture_loss",
    "stats",
    "reporter",
    "analyzer",
];

/// Which keys tell which log: the log if one of its sets is there as a whole. Order matters.
const KEYS: &[(&str, &[&[&str]])] = &[
    ("conn", &[&["conn_state"], &["history", "proto", "uid"]]),
    ("smtp", &[&["helo"], &["mailfrom"]]),
    ("http", &[&["trans_depth", "uid"]]),
    (
        "dns",
        &[
            &["qtype_name"],
            &["trans_id", "rejected"],
            &["trans_id", "query"],
            &["rcode_name"],
        ],
    ),
    (
        "ssl",
        &[
            &["cipher", "version"],
            &["ssl_history"],
            &["cert_chain_fuids"],
            &["cert_chain_fps"],
            &["resumed", "established"],
        ],
    ),
    (
        "dhcp",
        &[
            &["msg_types"],
            &["mac", "assigned_ip"],
            &["mac", "assigned_addr"],
            &["mac", "lease_time"],
        ],
    ),
    ("files", &[&["fuid", "seen_bytes"], &["fuid", "tx_hosts"]]),
    ("smb_mapping", &[&["share_type"]]),
    ("kerberos", &[&["request_type"]]),
    (
        "ntlm",
        &[
            &["server_nb_computer_name"],
            &["domainname", "username"],
            &["username", "hostname", "success"],
        ],
    ),
    (
        "rdp",
        &[&["security_protocol"], &["cookie", "result"], &["keyboard_layout"]],
    ),
    ("dce_rpc", &[&["endpoint", "operation"], &["named_pipe"]]),
    ("x509", &[&["certificate.version"], &["certificate.serial"]]),
    ("notice", &[&["note", "msg"]]),
    ("weird", &[&["name", "notice", "peer"], &["name", "notice", "uid"]]),
    ("software", &[&["software_type"]]),
    ("pe", &[&["is_exe", "machine"]]),
    ("capture_loss", &[&["percent_lost"]]),
];

/// The log that a record itself names: Zeek's `_path`, or `@stream` of RockNSM's sensors.
pub fn named_path<'f>(fields: &'f [Field<'_>]) -> Option<&'f str> {
    let named = |name: &str| fields.iter().find(|f| f.name == name).and_then(|f| f.value.text());
    named("_path").or_else(|| named("@stream"))
}

/// The log that these fields belong to.
pub fn path_of_keys(fields: &[Field<'_>]) -> Option<&'static str> {
    let find = |name: &str| fields.iter().find(|f| f.name == name);
    if find("action")
        .and_then(|f| f.value.text())
        .is_some_and(|a| a.starts_with("SMB::"))
    {
        return Some("smb_files");
    }
    let (path, _) = KEYS
        .iter()
        .find(|(_, sets)| sets.iter().any(|set| set.iter().all(|k| find(k).is_some())))?;
    Some(path)
}

/// The log that a file's base name tells: `conn.log`, `dns.2024-01-01.json`, `ssl_20240101.log`.
pub fn path_of_name(name: &str) -> Option<&'static str> {
    let base = crate::base::text::basename(name);
    let base = base.rsplit('!').next().unwrap_or(base);
    NAMES
        .iter()
        .find(|n| {
            base.strip_prefix(**n)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        })
        .copied()
}

/// What a field of any log means to the record itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The record's time.
    Time,
    /// The name of the log, which the record's kind holds.
    Log,
    /// The sensor.
    Observer,
    /// Nothing: it is for the log's mapper.
    Data,
}

impl Role {
    /// By name.
    #[inline]
    pub fn of(name: &str) -> Self {
        match name {
            "ts" => Self::Time,
            "_path" | "_stream" | "@stream" => Self::Log,
            "_system_name" | "@system" => Self::Observer,
            _ => Self::Data,
        }
    }
}

/// Adds a field, or makes it the record's time, observer or (held by the kind) name.
#[inline]
pub fn push_field<'a>(raw: &mut Raw<'a>, field: Field<'a>) {
    push_as(raw, Role::of(&field.name), field);
}

/// [`push_field`] for a reader that has looked at the name before.
pub fn push_as<'a>(raw: &mut Raw<'a>, role: Role, field: Field<'a>) {
    match role {
        Role::Data => {}
        Role::Time => {
            if set_time(raw, field.value.text().unwrap_or("")) == Some(true) {
                return;
            }
        }
        Role::Log => return,
        Role::Observer => {
            if matches!(field.value, Value::Str(_) | Value::Escaped(_)) {
                raw.observer = field.value.into_text();
                return;
            }
        }
    }
    raw.fields.push(field);
}

/// The items of a set or vector: a JSON array, or text joined by commas.
#[derive(Debug)]
pub struct Items<'t> {
    text: &'t str,
    /// Those of an array.
    array: Option<Vec<Cow<'t, str>>>,
}

/// The items of a set or vector.
pub fn items(text: &str) -> Items<'_> {
    let array = match text.as_bytes().first() {
        Some(b'[') => json_object::items(text),
        _ => None,
    };
    Items { text, array }
}

impl Items<'_> {
    /// The items in order; text that is no array has one at least.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut array = self.array.as_deref().map(|items| items.iter());
        let mut joined = Some(self.text);
        std::iter::from_fn(move || {
            if let Some(items) = &mut array {
                return items.next().map(|i| &**i);
            }
            let text = joined?;
            // Items are short, and mostly there is one.
            let end = text.as_bytes().iter().position(|b| *b == b',');
            joined = end.and_then(|end| text.get(end + 1..));
            text.get(..end.unwrap_or(text.len()))
        })
    }

    /// The item, where there is one alone.
    pub fn only(&self) -> Option<&str> {
        let mut items = self.iter();
        items.next().filter(|_| items.next().is_none())
    }

    /// Whether a list of them re-creates the text that they came from.
    pub fn recreate(&self) -> bool {
        match &self.array {
            None => self.text.as_bytes().first() != Some(&b'['),
            Some(items) => self.text == array(items.iter().map(|i| &**i)),
        }
    }
}

/// A JSON array of strings.
pub fn array<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::from("[");
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_json_str(&mut out, item);
    }
    out.push(']');
    out
}

/// Sets the time from an epoch number or an ISO text; whether the stored time re-creates it.
fn set_time(raw: &mut Raw<'_>, text: &str) -> Option<bool> {
    if let Some(ts) = time::epoch(text.as_bytes()) {
        raw.time = Some(ts);
        raw.quality = TimeQuality::Utc;
        // Microseconds hold six decimals.
        let point = text.as_bytes().iter().position(|b| *b == b'.');
        return Some(point.is_none_or(|point| text.len() - point <= 7));
    }
    let (ts, zone) = time::rfc3339(text.as_bytes())?;
    raw.time = Some(ts);
    raw.quality = zone.quality();
    Some(time::format_rfc3339(ts) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_told_by_keys_before_names() {
        let f = |names: &[&'static str]| names.iter().map(|n| Field::str(n, "x")).collect::<Vec<_>>();
        assert_eq!(path_of_keys(&f(&["ts", "uid", "conn_state"])), Some("conn"));
        assert_eq!(path_of_keys(&f(&["ts", "uid", "trans_id", "rejected"])), Some("dns"));
        assert_eq!(path_of_keys(&f(&["ts", "other"])), None);
        assert_eq!(path_of_name("a/b/dns.2024-01-01.json.gz"), Some("dns"));
        assert_eq!(path_of_name("logs.zip!conn.log"), Some("conn"));
        assert_eq!(path_of_name("smb_files.log"), Some("smb_files"));
        assert_eq!(path_of_name("connection.log"), None);
    }

    #[test]
    fn times_are_exact_to_the_microsecond() {
        let mut raw = Raw::log("zeek.conn", 0);
        push_field(&mut raw, Field::str("ts", "1379288667.706265"));
        assert_eq!((raw.time, raw.fields.len()), (Some(1_379_288_667_706_265), 0));
        let mut raw = Raw::log("zeek.conn", 0);
        push_field(&mut raw, Field::str("ts", "XXXXXXXXXX.XXXXXX"));
        assert_eq!((raw.time, raw.quality, raw.fields.len()), (None, TimeQuality::None, 1));
    }

    #[test]
    fn vectors_of_both_syntaxes() {
        let all = |text| items(text).iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(all("a,b"), ["a", "b"]);
        assert_eq!(all(r#"["a","b,c"]"#), ["a", "b,c"]);
        assert!(all("[]").is_empty() && items("[]").only().is_none());
        assert_eq!((items("a").only(), items("a,b").only()), (Some("a"), None));
        assert!(items("a,b").recreate() && items(r#"["a","b,c"]"#).recreate());
        assert!(!items(r#"["a", 1]"#).recreate());
        assert!(!items("[cut").recreate());
    }
}
