//! What a domain name is: its registrable part, and well-known zones of services.
//!
//! The Public Suffix List (MPL-2.0, compiled in through the `psl` crate) is used with both of its sections: what lies
//! under `duckdns.org` or `cloudfront.net` belongs to different people, so those zones count as suffixes.
//! The lists of zones lie in `domain_lists.rs`.

use std::net::IpAddr;

use super::domain_lists::*;

/// The registrable domain (e2LD) of a host name: `example.co.jp` for `www.example.co.jp`.
///
/// A trailing dot is ignored, case is not: the result is a part of the argument. `None` for an address, a public suffix
/// itself, a single label, an empty label or a name longer than DNS allows.
pub fn registrable(name: &str) -> Option<&str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > 253 || is_address(name) || name.split('.').any(str::is_empty) {
        return None;
    }
    if !name.bytes().any(|b| b.is_ascii_uppercase()) {
        return psl::domain_str(name);
    }
    // The list is in lower case. ASCII folding keeps lengths, so the tail of the original is the answer.
    let lower = name.to_ascii_lowercase();
    let tail = psl::domain_str(&lower)?.len();
    name.get(name.len().checked_sub(tail)?..)
}

/// The label that the owner of a domain chose: `example` for `www.example.co.jp`.
pub fn registrable_label(name: &str) -> Option<&str> {
    registrable(name)?.split('.').next()
}

/// What stands before the registrable domain: `a.b` for `a.b.example.com`, `None` when nothing does.
pub fn subdomain(name: &str) -> Option<&str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let tail = registrable(name)?.len();
    name.get(..name.len().checked_sub(tail)?)?.strip_suffix('.')
}

/// Whether a name lies in the zone of a dynamic-DNS provider.
pub fn is_dynamic_dns_suffix(name: &str) -> bool {
    zone_in(DYNAMIC_DNS, name).is_some()
}

/// Whether a name lies in a zone of a content network or cloud, whose labels are made by machines.
pub fn cdn_or_cloud(name: &str) -> bool {
    zone_in(CDN_OR_CLOUD, name).is_some()
}

/// Where data can leave to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExfilService {
    /// Storage and synchronisation.
    CloudStorage,
    /// Text paste.
    Paste,
    /// Anonymous or one-off file transfer.
    FileDrop,
    /// Messaging interfaces, request collectors and tunnels.
    Messaging,
}

/// The kind of service that takes data at this name, if it is a known one. Many are approved somewhere.
pub fn exfil_service(name: &str) -> Option<ExfilService> {
    let lists = [
        (FILE_DROPS, ExfilService::FileDrop),
        (PASTE_SITES, ExfilService::Paste),
        (MESSAGING_WEBHOOKS, ExfilService::Messaging),
        (CLOUD_STORAGE, ExfilService::CloudStorage),
    ];
    let hit = lists.iter().find(|(list, _)| zone_in(list, name).is_some());
    hit.map(|(_, kind)| *kind)
}

/// Whether a host name or address is a public DNS-over-HTTPS resolver.
pub fn is_doh_resolver(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => {
            let text = address.to_canonical().to_string();
            DOH_ADDRESSES.binary_search(&text.as_str()).is_ok()
        }
        Err(_) => zone_in(DOH_RESOLVERS, host).is_some(),
    }
}

/// Whether many long, unique names under this one are ordinary: block lists, antivirus lookups, reverse lookups,
/// service discovery of Active Directory and of the local link.
pub fn is_bulk_lookup(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let local = lower.ends_with(".local") || lower.ends_with(".local.");
    let service_label = lower
        .split('.')
        .any(|label| matches!(label, "_tcp" | "_udp" | "_msdcs" | "_sites"));
    local || service_label || zone_in(DNS_BULK_LOOKUPS, name).is_some()
}

/// The zone of a sorted list in which a name lies: the name itself or one of its parents.
fn zone_in(list: &'static [&'static str], name: &str) -> Option<&'static str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > 253 {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let mut rest = Some(lower.as_str());
    while let Some(zone) = rest {
        if let Ok(at) = list.binary_search(&zone) {
            return list.get(at).copied();
        }
        rest = zone.split_once('.').map(|(_, parent)| parent);
    }
    None
}

/// An IP literal, or a name whose last label is a number (no such top-level domain can exist).
fn is_address(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains(':') || name.starts_with('[') || last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrable_uses_both_sections_of_the_list() {
        assert_eq!(registrable("www.example.co.jp"), Some("example.co.jp"));
        assert_eq!(registrable("WWW.Example.COM."), Some("Example.COM"));
        assert_eq!(registrable("a.evil.duckdns.org"), Some("evil.duckdns.org"));
        assert_eq!(registrable("_ldap._tcp.dc.corp.local"), Some("corp.local"));
        assert_eq!(subdomain("a.b.example.com."), Some("a.b"));
        assert_eq!(subdomain("example.com"), None);
        assert_eq!(registrable_label("login-portal.co.jp"), Some("login-portal"));
    }

    #[test]
    fn what_is_no_domain_has_no_registrable_part() {
        for name in [
            "",
            ".",
            "com",
            "co.jp",
            "localhost",
            "10.0.0.1",
            "::1",
            "[::1]",
            "a..com",
            ".com",
            "1.2.3",
        ] {
            assert_eq!(registrable(name), None, "{name}");
        }
        assert_eq!(registrable(&"a.".repeat(500)), None);
    }

    #[test]
    fn lists_are_sorted_lower_case_names() {
        for list in [
            DYNAMIC_DNS,
            CDN_OR_CLOUD,
            CLOUD_STORAGE,
            PASTE_SITES,
            FILE_DROPS,
            MESSAGING_WEBHOOKS,
            DOH_RESOLVERS,
            DNS_BULK_LOOKUPS,
            DOH_ADDRESSES,
        ] {
            assert!(list.is_sorted_by(|a, b| a < b));
            assert!(list.iter().all(|z| z.contains('.') || z.contains(':')));
            assert!(list.iter().all(|z| *z == z.to_ascii_lowercase()));
        }
    }

    #[test]
    fn zones_cover_what_lies_below_and_nothing_beside() {
        assert!(is_dynamic_dns_suffix("x.evil.DuckDNS.org"));
        assert!(!is_dynamic_dns_suffix("notduckdns.org"));
        assert!(cdn_or_cloud("d1a2b3c4e5.cloudfront.net"));
        assert!(!cdn_or_cloud("cloudfront.net.evil.example"));
        assert_eq!(
            exfil_service("gfs270n071.userstorage.mega.co.nz"),
            Some(ExfilService::CloudStorage)
        );
        assert_eq!(exfil_service("transfer.sh"), Some(ExfilService::FileDrop));
        assert_eq!(exfil_service("example.com"), None);
        assert!(is_doh_resolver("mozilla.cloudflare-dns.com"));
        assert!(is_doh_resolver("1.1.1.1") && is_doh_resolver("::ffff:1.1.1.1"));
        assert!(!is_doh_resolver("10.0.0.53"));
    }

    #[test]
    fn ordinary_bulk_lookups_are_known() {
        for name in [
            "2.0.0.127.zen.spamhaus.org",
            "_ldap._tcp.dc._msdcs.corp.example",
            "4.3.2.1.in-addr.arpa",
            "printer.local",
        ] {
            assert!(is_bulk_lookup(name), "{name}");
        }
        assert!(!is_bulk_lookup("mfzwizltoq.t.example.com"));
    }
}
