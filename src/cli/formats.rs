//! `coldtrail formats`: the log formats that are read.

use std::fmt::Write;

use super::exit::Exit;
use super::print;
use crate::base::error::Result;
use crate::ingest::formats::FORMATS;

/// Runs the command.
pub fn run() -> Result<Exit> {
    let mut out = String::new();
    for f in FORMATS {
        let _ = writeln!(out, "{:16} {}", f.id(), f.about());
    }
    out.push_str(
        "\nEach may lie plain or in gz, zst, bz2, xz, zip and tar, three levels deep; UTF-8, UTF-16 or a code page (--codepage).\n",
    );
    print(&out);
    Ok(Exit::Done)
}
