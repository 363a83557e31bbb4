//! Networks in CIDR notation.

use crate::base::ip::{self, Ip};

/// A network; IPv4 ones in the mapped part of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Net {
    address: Ip,
    bits: u8,
}

impl Net {
    /// Reads `10.0.0.0/8`, `fe80::/10` or a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.trim().split_once('/') {
            Some((a, b)) => (a, Some(b.parse::<u8>().ok()?)),
            None => (text.trim(), None),
        };
        let v4 = !address.contains(':');
        let address = ip::parse(address)?;
        let bits = match (bits, v4) {
            (None, _) => 128,
            (Some(b @ 0..=32), true) => b + 96,
            (Some(b @ 0..=128), false) => b,
            _ => return None,
        };
        Some(Self { address, bits })
    }

    /// Whether an address lies in it.
    pub fn holds(&self, ip: &Ip) -> bool {
        let mask = match self.bits {
            0 => 0,
            b => u128::MAX << (128 - u32::from(b.min(128))),
        };
        (u128::from_be_bytes(self.address) ^ u128::from_be_bytes(*ip)) & mask == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lie_in_their_networks() {
        let holds = |net: &str, ip: &str| Net::parse(net).unwrap().holds(&ip::parse(ip).unwrap());
        assert!(holds("10.0.0.0/8", "10.9.8.7") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.168.1.1", "192.168.1.1") && !holds("192.168.1.1", "192.168.1.2"));
        assert!(holds("fe80::/10", "fe80::1") && !holds("fe80::/10", "10.0.0.1"));
        assert!(holds("0.0.0.0/0", "8.8.8.8"));
        assert!(Net::parse("10.0.0.0/33").is_none() && Net::parse("x").is_none());
    }
}
