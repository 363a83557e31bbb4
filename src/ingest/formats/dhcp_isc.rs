//! ISC dhcpd and Infoblox DHCP lines, usually through syslog.
//!
//! `DHCPACK on 10.0.0.9 to 00:15:5d:01:02:03 (pc1) via eth0`. What dhcpd says about itself becomes `dhcp.service`.

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::dhcpd::{is_dhcpd, record, verb};
use crate::ingest::framing::Framing;
use crate::ingest::lines::{lines, peel, text, vote};
use crate::ingest::named;
use crate::ingest::sink::Sink;

/// ISC dhcpd.
pub struct DhcpIsc;

impl Format for DhcpIsc {
    fn id(&self) -> &'static str {
        "dhcp-isc"
    }

    fn about(&self) -> &'static str {
        "ISC dhcpd and Infoblox DHCP logs (DHCPACK on … to …)"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let (hits, of) = vote(head, 15, |l| is_dhcpd(l.tag) || verb(l.payload).is_some());
        if hits == 0 || hits * 3 < of {
            return Sniff::No("lines are neither dhcpd's nor `DHCPACK on …`");
        }
        Sniff::Yes(45 + (hits * 45 / of) as u8, format!("{hits} of {of} lines are dhcpd's"))
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        for (offset, bytes) in lines(block) {
            let decoded = text(bytes, carry.codepage);
            let line = peel(&decoded, carry);
            // One syslog file often holds both daemons of an appliance.
            match named::is_named(line.tag) {
                true => sink.event(&named::record(&line, offset, Vec::new())),
                false => sink.event(&record(&line, offset)),
            }
        }
    }
}
