//! BIND's query and other logs, in its own files or through syslog, and Infoblox's lines with answers.
//!
//! Queries and refusals become `bind` records; what named says about itself becomes `bind.service`.

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::dhcpd;
use crate::ingest::framing::Framing;
use crate::ingest::lines::{Line, emptied, peel, texts, vote};
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
                    sink.foreign += u64::from(raw.kind != "bind" && is_foreign(&line));
                    sink.event(&raw);
                    room = emptied(raw.fields);
                }
            }
        }
    }
}

/// Whether a line that is no query was written by another program: its tag says so, or it has neither a tag nor anything of BIND's.
fn is_foreign(line: &Line<'_>) -> bool {
    match line.tag {
        Some(_) => !is_named(line.tag),
        None => {
            let (when, payload) = strip_time(line.payload);
            when.is_none() && !is_ours(payload)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::formats::testing;

    #[test]
    fn lines_of_other_programs_are_kept_and_counted() {
        let text = "Feb  5 11:30:29 ns1 named[7]: client @0x7f 10.0.0.7#53211 (www.example.com): query: www.example.com IN A + (10.0.0.1)\n\
            Feb  5 11:30:29 ns1 named[7]: zone example.com/IN: loaded serial 5\n\
            05-Feb-2025 11:30:29.123 resolver: info: shutting down\n\
            Feb  5 11:30:30 ns1 sshd[9]: Accepted publickey for root from 10.0.0.9 port 4711\n\
            1505.1 2 10.0.0.1 TCP_MISS/200 5 GET http://x/ - DIRECT/1.1.1.1 -\n";
        let sink = testing::decode(&Bind, text.as_bytes());
        assert_eq!((sink.records, sink.rejects.len(), sink.foreign), (5, 0, 2));
    }
}
