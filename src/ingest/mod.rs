//! Floor 3: from bytes to rows. discover → container → sniff → blocks → decode → map.

pub mod container;
pub mod decode;
pub mod discover;
pub mod encoding;
pub mod formats;
pub mod framing;
pub mod json_object;
pub mod lines;
pub mod mappers;
pub mod raw;
pub mod row;
pub mod sink;
pub mod syslog;
#[cfg(test)]
pub mod testing;
pub mod url;
pub mod windows;
pub mod zeek;
