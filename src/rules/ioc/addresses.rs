//! Addresses and networks that are searched: a look-up for the address, and one for each length of prefix.

use std::collections::HashMap;

use ahash::RandomState;

use crate::base::ip::{self, Cidr, Ip};

type Map<K, V> = HashMap<K, V, RandomState>;

/// Indicators by address and by network.
#[derive(Default)]
pub struct Addresses {
    single: Map<Ip, u32>,
    /// Networks by the length of their prefix.
    networks: Vec<(u8, Map<u128, Vec<u32>>)>,
}

impl Addresses {
    /// Adds one address.
    pub fn add(&mut self, ip: Ip, n: u32) {
        self.single.insert(ip, n);
    }

    /// Adds a network.
    pub fn add_network(&mut self, net: Cidr, n: u32) {
        let at = self.networks.iter().position(|(bits, _)| *bits == net.bits());
        let at = at.unwrap_or_else(|| {
            self.networks.push((net.bits(), Map::default()));
            self.networks.len() - 1
        });
        if let Some((_, map)) = self.networks.get_mut(at) {
            map.entry(net.base()).or_default().push(n);
        }
    }

    /// Whether nothing is searched.
    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.networks.is_empty()
    }

    /// The addresses, where no network is searched.
    pub fn all_single(&self) -> Option<impl Iterator<Item = &Ip>> {
        self.networks.is_empty().then(|| self.single.keys())
    }

    /// Adds the numbers of what an address is or lies in.
    pub fn test(&self, ip: &Ip, out: &mut Vec<u32>) {
        out.extend(self.single.get(ip));
        for (bits, map) in &self.networks {
            out.extend(map.get(&ip::prefix(ip, *bits)).into_iter().flatten());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(list: &[&str]) -> (Addresses, Vec<Cidr>) {
        let (mut all, mut nets) = (Addresses::default(), Vec::new());
        for (n, text) in list.iter().enumerate() {
            let net = Cidr::parse(text).unwrap();
            match text.contains('/') {
                true => all.add_network(net, n as u32),
                false => all.add(ip::parse(text).unwrap(), n as u32),
            }
            nets.push(net);
        }
        (all, nets)
    }

    const LIST: &[&str] = &[
        "203.0.113.7",
        "198.51.100.0/24",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.0.2.128/25",
        "2001:db8::7",
        "2001:db8:1::/48",
        "fd00::/8",
        "2001:db8:2::10/124",
    ];

    #[test]
    fn nothing_searched_nothing_found() {
        let mut out = Vec::new();
        Addresses::default().test(&ip::parse("10.0.0.1").unwrap(), &mut out);
        assert!(out.is_empty() && Addresses::default().is_empty());
    }

    proptest! {
        #[test]
        fn an_address_is_found_in_every_network_that_holds_it(v4 in any::<[u8; 4]>(), v6 in any::<[u8; 16]>(), which in 0usize..9, tail in any::<u16>()) {
            let (all, nets) = of(LIST);
            // Near an indicator as well as anywhere.
            let near = (nets[which].base() | u128::from(tail)).to_be_bytes();
            let v4 = std::net::Ipv4Addr::from(v4).to_ipv6_mapped().octets();
            for ip in [v4, v6, near, nets[which].base().to_be_bytes()] {
                let mut found = Vec::new();
                all.test(&ip, &mut found);
                found.sort_unstable();
                let slow: Vec<u32> = (0u32..).zip(&nets).filter(|(_, net)| net.contains(&ip)).map(|(n, _)| n).collect();
                prop_assert_eq!(found, slow, "{}", ip::display(&ip));
            }
        }
    }
}
