//! `coldtrail sniff`: what files would be read as, and why.

use std::io::Read;

use super::args::SniffArgs;
use super::exit::Exit;
use super::print;
use crate::base::error::Result;
use crate::base::text::for_terminal;
use crate::ingest::container::{self, Body, OpenOptions};
use crate::ingest::encoding;
use crate::ingest::formats::{Head, sniff};
use crate::jobs::ingest::find;

/// Bytes looked at.
const HEAD: u64 = 256 * 1024;

/// Runs the command.
pub fn run(args: &SniffArgs) -> Result<Exit> {
    let found = find(&args.input)?;
    let mut exit = Exit::Done;
    for lost in &found.unreadable {
        exit = Exit::Incomplete;
        print(&format!("{}\n", for_terminal(&lost.to_string())));
    }
    for path in &found.files {
        let notes = container::open(path, &OpenOptions::default(), &|_| {}, &mut |member| {
            let mut head = Vec::new();
            let read = match member.body {
                Body::Bytes(bytes) => read_head(&mut &bytes[..], &mut head),
                Body::Reader(reader) => read_head(reader, &mut head),
            };
            read?;
            if !say(&member.name, &head) {
                exit = Exit::Incomplete;
            }
            Ok(())
        });
        match notes {
            Ok(notes) => {
                for n in notes {
                    let place = for_terminal(&n.place).into_owned();
                    print(&format!("{place}: {}. {}\n", n.reason, n.next_step));
                }
            }
            Err(e) => {
                exit = Exit::Incomplete;
                print(&format!("{}\n", for_terminal(&e.to_string())));
            }
        }
    }
    Ok(exit)
}

fn read_head(reader: &mut dyn Read, head: &mut Vec<u8>) -> std::io::Result<()> {
    reader.take(HEAD).read_to_end(head)?;
    *head = encoding::beginning(std::mem::take(head));
    Ok(())
}

fn say(name: &str, head: &[u8]) -> bool {
    let view = Head::new(head, name);
    let name = for_terminal(name);
    match sniff(&view) {
        Ok((format, sure, why)) => {
            print(&format!("{name}: {} ({sure} %, {})\n", format.id(), for_terminal(&why)));
            true
        }
        Err(reasons) => {
            let first = view
                .lines(1)
                .first()
                .map(|l| for_terminal(l).into_owned())
                .unwrap_or_default();
            let first: String = first.chars().take(100).collect();
            let mut out = format!("{name}: unknown; first line: {first}\n");
            for (id, why) in reasons {
                out.push_str(&format!("    not {id}: {why}\n"));
            }
            print(&out);
            false
        }
    }
}
