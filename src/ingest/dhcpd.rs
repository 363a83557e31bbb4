//! What ISC dhcpd and Infoblox DHCP write on a line: the lease cycle and notes about themselves.

use std::borrow::Cow;

use super::lines::Line;
use super::raw::{Raw, Value};
use crate::base::ip;

const VERBS: &[&str] = &[
    "DHCPACK",
    "DHCPREQUEST",
    "DHCPDISCOVER",
    "DHCPOFFER",
    "DHCPNAK",
    "DHCPNACK",
    "DHCPRELEASE",
    "DHCPDECLINE",
    "DHCPINFORM",
    "DHCPEXPIRE",
    "BOOTREQUEST",
    "BOOTREPLY",
];

/// Whether a syslog tag is dhcpd's.
pub fn is_dhcpd(tag: Option<&str>) -> bool {
    tag.is_some_and(|t| t.starts_with("dhcpd"))
}

/// Reads one line of dhcpd.
pub fn record<'a>(line: &Line<'a>, offset: u64) -> Raw<'a> {
    let payload = line.payload.trim();
    let mut raw = Raw::log("dhcp.service", offset);
    raw.observer = line.host.map(Cow::Borrowed);
    if let Some((ts, quality)) = line.time {
        (raw.time, raw.quality) = (Some(ts), quality);
    }
    if let Some(tag) = line.tag.filter(|t| !is_dhcpd(Some(t))) {
        raw.push("tag", Value::str(tag));
    }
    match verb(payload) {
        Some((verb, rest)) => {
            raw.kind = Cow::Borrowed("dhcp.isc");
            raw.push("message_type", Value::str(verb));
            lease(&mut raw, rest);
        }
        None => raw.push("message", Value::str(payload)),
    }
    raw
}

/// The message type of a line, and what follows it.
pub fn verb(payload: &str) -> Option<(&'static str, &str)> {
    let payload = payload.trim_start();
    let payload = payload.strip_prefix("DHCP4o6 ").unwrap_or(payload);
    VERBS.iter().find_map(|v| {
        let rest = payload.strip_prefix(v)?;
        rest.starts_with([' ', ':']).then_some((*v, rest))
    })
}

/// `on|for|of ADDRESS [(server)] to|from MAC [(host)] via X [relay Y] [lease-duration N] …`; the rest is `detail`.
fn lease<'a>(raw: &mut Raw<'a>, text: &'a str) {
    let mut rest = text.trim();
    let mut last = "";
    while let Some((cell, after)) = word(rest) {
        let named = cell
            .strip_prefix('(')
            .and_then(|c| c.trim_end_matches(':').strip_suffix(')'));
        let (name, value, next) = match (cell, named) {
            (_, Some(inner)) if matches!(last, "ip" | "client_host") && is_mac(inner) => ("mac", inner, after),
            (_, Some(inner)) if last == "mac" => ("client_host", inner, after),
            (_, Some(inner)) if last == "ip" => ("server", inner, after),
            ("on" | "for" | "of" | "to" | "from", None) => {
                let Some((value, next)) = word(after) else { break };
                (subject(cell, value), value, next)
            }
            ("via" | "relay" | "lease-duration" | "offered-duration" | "TransID" | "uid", None) => {
                let Some((value, next)) = word(after) else { break };
                (key(cell), value, next)
            }
            _ => break,
        };
        let bare = value.trim_end_matches([':', ',']);
        if raw.get(name).is_some() || bare.is_empty() {
            break;
        }
        raw.push(name, Value::str(bare));
        last = name;
        rest = next;
        // `via eth0: network …: no free leases`
        if value.ends_with(':') && name != "mac" {
            break;
        }
    }
    if let Some(seconds) = rest.strip_prefix('[').and_then(|r| r.strip_suffix(']')) {
        raw.push("lease-duration", Value::str(seconds));
    } else if !rest.is_empty() {
        raw.push("detail", Value::str(rest));
    }
}

fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(' ').unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    (!word.is_empty()).then_some((word, rest.trim_start()))
}

fn subject(word: &str, value: &str) -> &'static str {
    if is_mac(value) {
        "mac"
    } else if ip::parse(value.trim_end_matches(':')).is_some() {
        "ip"
    } else if matches!(word, "to" | "from") {
        "client_host"
    } else {
        "address"
    }
}

fn key(word: &str) -> &'static str {
    match word {
        "via" => "via",
        "relay" => "relay",
        "lease-duration" => "lease-duration",
        "offered-duration" => "offered-duration",
        "TransID" => "TransID",
        _ => "uid",
    }
}

fn is_mac(value: &str) -> bool {
    let value = value.trim_end_matches(':');
    value.len() == 17
        && value.bytes().enumerate().all(|(i, b)| {
            if i % 3 == 2 {
                b == b':' || b == b'-'
            } else {
                b.is_ascii_hexdigit()
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &str) -> Raw<'_> {
        record(
            &Line {
                payload,
                tag: Some("dhcpd"),
                host: Some("gw"),
                time: None,
            },
            0,
        )
    }

    fn of<'r>(raw: &'r Raw<'_>, names: &[&str]) -> Vec<&'r str> {
        names.iter().map(|n| raw.get(n).unwrap_or("")).collect()
    }

    #[test]
    fn lines_of_the_lease_cycle() {
        let names = [
            "message_type",
            "ip",
            "mac",
            "client_host",
            "via",
            "lease-duration",
            "detail",
        ];
        let r = read(
            "DHCPACK on 192.168.1.120 to 00:50:56:13:60:56 (pc1) via eth1 relay eth1 lease-duration 600 uid 01:00:50:56:13:60:56",
        );
        assert_eq!(
            of(&r, &names),
            [
                "DHCPACK",
                "192.168.1.120",
                "00:50:56:13:60:56",
                "pc1",
                "eth1",
                "600",
                ""
            ]
        );
        let r = read(
            "DHCPREQUEST for 192.168.1.120 (192.168.1.2) from 00:50:56:13:60:56 (pc1) via eth1 TransID 9a5f uid 01:00 (RENEW)",
        );
        assert_eq!(
            of(&r, &names),
            [
                "DHCPREQUEST",
                "192.168.1.120",
                "00:50:56:13:60:56",
                "pc1",
                "eth1",
                "",
                "(RENEW)"
            ]
        );
        assert_eq!(r.get("server"), Some("192.168.1.2"));
        let r = read("DHCPDISCOVER from ac:cc:8e:b0:2b:8c via 192.168.102.7: network 192.168.102.0/23: no free leases");
        assert_eq!(
            of(&r, &names),
            [
                "DHCPDISCOVER",
                "",
                "ac:cc:8e:b0:2b:8c",
                "",
                "192.168.102.7",
                "",
                "network 192.168.102.0/23: no free leases"
            ]
        );
        let r = read("BOOTREPLY for 192.0.2.20 to boot-host (aa:bb:cc:dd:ee:ff) via eth1");
        assert_eq!(
            of(&r, &names)[1..5],
            ["192.0.2.20", "aa:bb:cc:dd:ee:ff", "boot-host", "eth1"]
        );
        let r = read("DHCPACK to 192.0.2.21 (aa:bb:cc:dd:ee:11) via eth2");
        assert_eq!(
            (r.get("ip"), r.get("mac")),
            (Some("192.0.2.21"), Some("aa:bb:cc:dd:ee:11"))
        );
        assert_eq!(
            read("DHCPACK on 10.0.0.9 to 00:50:56:13:60:56 via eth1 [14400]").get("lease-duration"),
            Some("14400")
        );
    }

    #[test]
    fn other_words_of_dhcpd_are_kept_whole() {
        for text in [
            "Abandoning IP address 192.168.1.125: pinged before offer",
            "DHCPACKS",
            "no free leases on subnet 192.168.17.0",
        ] {
            let r = read(text);
            assert_eq!((&*r.kind, r.get("message")), ("dhcp.service", Some(text)));
        }
    }
}
