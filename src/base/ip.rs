//! IP addresses in one fixed shape: 16 bytes, IPv4 as `::ffff:a.b.c.d`.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address in network byte order; an IPv4 address is stored v4-mapped, so that both families compare and sort together.
pub type Ip = [u8; 16];

/// Reads an IPv4 or IPv6 address, also in brackets and with a zone id (`fe80::1%eth0`), which is dropped.
pub fn parse(text: &str) -> Option<Ip> {
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    let address: IpAddr = text.parse().ok()?;
    Some(match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    })
}

/// Reads an address, and whether [`display`] gives this very text again.
pub fn parse_exact(text: &str) -> Option<(Ip, bool)> {
    if let Some([a, b, c, d]) = octets(text) {
        return Some(([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d], true));
    }
    let ip = parse(text)?;
    Some((ip, display(&ip) == text))
}

/// The octets of an IPv4 address in its one canonical form. Network logs have several in every row, which is why the
/// library's parser, equal by a test, is not asked.
fn octets(text: &str) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let mut rest = text.as_bytes();
    for (i, octet) in octets.iter_mut().enumerate() {
        if i > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let mut value = 0u16;
        let mut digits = 0;
        while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
            value = value * 10 + u16::from(digit - b'0');
            (digits, rest) = (digits + 1, after);
            // 0 stands alone, and three digits are the most: so the value cannot grow too large either.
            if digits > 3 || (digits > 1 && value < 10) {
                return None;
            }
        }
        *octet = u8::try_from(value).ok().filter(|_| digits > 0)?;
    }
    rest.is_empty().then_some(octets)
}

/// Like [`parse`], and with a port behind: `1.2.3.4:80`, `[::1]:80`, `1.2.3.4/80` (Cisco ASA), `1.2.3.4#53` (BIND).
pub fn parse_with_port(text: &str) -> Option<(Ip, Option<u16>)> {
    let text = text.trim();
    if let Some(ip) = parse(text) {
        return Some((ip, None));
    }
    let (address, port) = text.rsplit_once([':', '/', '#'])?;
    // `::1:80` without brackets has already been read as an address, so a colon here cannot be part of one.
    Some((parse(address)?, Some(port.parse().ok()?)))
}

/// The usual text of an address; a v4-mapped one is written as IPv4.
pub fn display(ip: &Ip) -> String {
    let mut text = String::with_capacity(40);
    push(&mut text, ip);
    text
}

/// The key of a host of which only an address is known: `ip:ADDRESS`.
pub fn host_key(ip: &Ip) -> String {
    let mut key = String::with_capacity(48);
    key.push_str("ip:");
    push(&mut key, ip);
    key
}

/// Appends what [`display`] gives.
fn push(out: &mut String, ip: &Ip) {
    let Some(v4) = v4(ip) else {
        // Writing into a String cannot fail.
        let _ = write!(out, "{}", Ipv6Addr::from(*ip));
        return;
    };
    for (i, octet) in v4.octets().into_iter().enumerate() {
        if i > 0 {
            out.push('.');
        }
        let digit = |n: u8| char::from(b'0' + n % 10);
        if octet >= 100 {
            out.push(digit(octet / 100));
        }
        if octet >= 10 {
            out.push(digit(octet / 10));
        }
        out.push(digit(octet));
    }
}

/// Whether the address is the machine itself: 127.0.0.0/8 or `::1`.
pub fn is_loopback(ip: &Ip) -> bool {
    v4(ip).map_or_else(|| Ipv6Addr::from(*ip).is_loopback(), |v4| v4.is_loopback())
}

/// Whether the address cannot be a host on the internet: RFC 1918, carrier NAT (RFC 6598), unique local (RFC 4193),
/// loopback, link-local, multicast, unspecified, broadcast.
pub fn is_internal(ip: &Ip) -> bool {
    match v4(ip) {
        Some(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || a == 0
                || (a == 100 && b & 0xC0 == 64)
        }
        None => {
            let v6 = Ipv6Addr::from(*ip);
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
        }
    }
}

/// A network: an address and the number of leading bits that count, of 128 (an IPv4 prefix length plus 96).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    base: u128,
    bits: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/8`, `fd00::/8` or a single address. Host bits behind the prefix are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let ip = parse(address)?;
        let (shift, most) = if v4(&ip).is_some() && !address.contains(':') {
            (96, 32)
        } else {
            (0, 128)
        };
        let bits = length.unwrap_or(most);
        if bits > most {
            return None;
        }
        let bits = bits + shift;
        Some(Self {
            base: u128::from_be_bytes(ip) & mask(bits),
            bits,
        })
    }

    /// Number of leading bits that count, of 128.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The first address as a number; what [`prefix`] gives for every address of the network.
    pub fn base(&self) -> u128 {
        self.base
    }

    /// Whether the address lies in the network.
    pub fn contains(&self, ip: &Ip) -> bool {
        u128::from_be_bytes(*ip) & mask(self.bits) == self.base
    }
}

/// The leading bits of an address as a number, the others zero.
pub fn prefix(ip: &Ip, bits: u8) -> u128 {
    u128::from_be_bytes(*ip) & mask(bits)
}

fn mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0)
}

fn v4(ip: &Ip) -> Option<Ipv4Addr> {
    Ipv6Addr::from(*ip).to_ipv4_mapped()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_address_in_many_spellings() {
        let ip = parse("192.0.2.7").unwrap();
        for text in ["::ffff:192.0.2.7", "[192.0.2.7]", " 192.0.2.7 ", "::ffff:c000:207"] {
            assert_eq!(parse(text), Some(ip), "{text}");
        }
        assert_eq!(display(&ip), "192.0.2.7");
        assert_eq!(display(&parse("[FE80::1%eth0]").unwrap()), "fe80::1");
        for bad in ["", "-", "LOCAL", "1.2.3", "1.2.3.4.5", "host01", "[::1", "1.2.3.4:80"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn ports_are_split_off() {
        let ip = parse("10.0.0.1").unwrap();
        for text in ["10.0.0.1:53", "10.0.0.1/53", "10.0.0.1#53"] {
            assert_eq!(parse_with_port(text), Some((ip, Some(53))), "{text}");
        }
        assert_eq!(
            parse_with_port("[2001:db8::1]:443"),
            Some((parse("2001:db8::1").unwrap(), Some(443)))
        );
        assert_eq!(
            parse_with_port("2001:db8::1"),
            Some((parse("2001:db8::1").unwrap(), None))
        );
        assert_eq!(parse_with_port("10.0.0.1:99999"), None);
        assert_eq!(parse_with_port("host:80"), None);
    }

    #[test]
    fn internal_means_not_on_the_internet() {
        for text in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.127.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "224.0.0.251",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "ff02::fb",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_internal(&parse(text).unwrap()), "{text}");
        }
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2001:4860:4860::8888",
            "1.0.0.1",
        ] {
            assert!(!is_internal(&parse(text).unwrap()), "{text}");
        }
        assert!(is_loopback(&parse("127.9.9.9").unwrap()) && is_loopback(&parse("::1").unwrap()));
        assert!(!is_loopback(&parse("10.0.0.1").unwrap()));
    }

    #[test]
    fn networks_of_both_families() {
        let inside = |net: &str, ip: &str| Cidr::parse(net).unwrap().contains(&parse(ip).unwrap());
        assert!(inside("10.0.0.0/8", "10.255.1.1") && !inside("10.0.0.0/8", "11.0.0.1"));
        assert!(inside("0.0.0.0/0", "8.8.8.8") && !inside("0.0.0.0/0", "2001:db8::1"));
        assert!(inside("2001:db8::/32", "2001:db8:1::1") && inside("::/0", "8.8.8.8"));
        assert!(inside("192.0.2.7", "192.0.2.7") && !inside("192.0.2.7", "192.0.2.8"));
        for bad in ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "net/8"] {
            assert_eq!(Cidr::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(ip: Ip) {
            prop_assert_eq!(parse(&display(&ip)), Some(ip));
        }

        #[test]
        fn octets_are_read_as_the_library_reads_them(text in "([0-9]{0,4}\\.){0,4}[0-9 a]{0,3}") {
            prop_assert_eq!(octets(&text), text.parse::<Ipv4Addr>().ok().map(|a| a.octets()));
        }

        #[test]
        fn nothing_panics(text: String) {
            let _ = (parse(&text), parse_with_port(&text), Cidr::parse(&text));
        }
    }
}
