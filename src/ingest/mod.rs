//! Floor 3: from bytes to rows. discover → container → sniff → blocks → decode → map.

pub mod binxml;
pub mod collector;
pub mod container;
pub mod csv_table;
pub mod decode;
pub mod dhcpd;
pub mod discover;
pub mod encoding;
pub mod event;
pub mod formats;
pub mod framing;
pub mod json;
pub mod json_fields;
pub mod json_object;
pub mod layout;
pub mod lines;
pub mod log_rows;
pub mod mappers;
pub mod mde;
pub mod mde_row;
pub mod message;
pub mod name;
pub mod named;
pub mod placed;
pub mod raw;
pub mod rendered;
pub mod row;
pub mod sink;
pub mod syslog;
pub mod task_xml;
pub mod unknown;
pub mod url;
pub mod windows;
pub mod windows_dns;
pub mod windows_fields;
pub mod zeek;

#[cfg(test)]
pub mod testing;
