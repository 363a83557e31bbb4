//! BIND's query and other logs, in its own files or through syslog, and Infoblox's lines with answers.
//!
//! Queries and refusals become `bind` records; what named says about itself becomes `bind.service`.

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::dhcpd;
use crate::ingest::framing::Framing;
use crate::ingest::lines::{emptied, peel, texts, vote};
use crate::ingest::named::{is_named, is_ours, record, strip_time};
use crate::ingest::sink::Sink;

/// BIND and Infoblox.
pub struct Bind;

impl Format for Bind {
    fn id(&self) -> &'static str {
        "bind"
    }

    fn about(&self) -> &'static str {
        "BIND 9 query logs (files or syslog) and Infoblox DNS lines with answers"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let (hits, of) = vote(head, 15, |l| is_named(l.tag) || is_ours(strip_time(l.payload).1));
        if hits == 0 || hits * 3 < of {
            return Sniff::No("lines are neither named's nor `client ADDRESS#PORT (name): …`");
        }
        Sniff::Yes(45 + (hits * 45 / of) as u8, format!("{hits} of {of} lines are BIND's"))
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let mut room = Vec::new();
        for (offset, _, decoded) in texts(block, carry.codepage) {
            let line = peel(&decoded, carry);
            // One syslog file often holds both daemons of an appliance.
            match dhcpd::is_dhcpd(line.tag) {
                true => sink.event(&dhcpd::record(&line, offset)),
                false => {
                    let raw = record(&line, offset, std::mem::take(&mut room));
                    sink.event(&raw);
                    room = emptied(raw.fields);
                }
            }
        }
    }
}
