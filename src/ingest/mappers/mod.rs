//! Meaning: one file per event family. A mapper turns a raw event into exactly one row of one table.

use std::collections::HashMap;
use std::sync::OnceLock;

use ahash::RandomState;

use super::raw::{Family, Raw};
use super::sink::RecordContext;
use super::windows::{self, Source};
use crate::schema::builder::TableSet;

/// What a mapper takes.
#[derive(Debug, Clone, Copy)]
pub enum Claim {
    /// These event ids of a Windows source.
    Windows(Source, &'static [i32]),
    /// A log by its name.
    Log(&'static str),
}

/// One family of events.
pub trait Mapper {
    /// Short name.
    fn id(&self) -> &'static str;
    /// The events it takes. A claim that stands in two mappers goes to the first in [`MAPPERS`].
    fn claims(&self) -> &'static [Claim];
    /// Writes exactly one row.
    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>);
}

crate::registry! {
    /// All mappers. The last one takes what no other claims.
    MAPPERS: dyn Mapper = [
        zeek_conn::ZeekConn,
        zeek_dns::ZeekDns,
        zeek_http::ZeekHttp,
        zeek_ssl::ZeekSsl,
        zeek_dhcp::ZeekDhcp,
        zeek_files::ZeekFiles,
        zeek_smb::ZeekSmb,
        zeek_auth::ZeekAuth,
        zeek_dce_rpc::ZeekDceRpc,
        proxy_w3c::ProxyW3c,
        iis::Iis,
        pfirewall::Pfirewall,
        squid::Squid,
        dns_text::DnsText,
        dhcp::Dhcp,
        other::Other,
    ]
}

type MapperRef = &'static (dyn Mapper + Sync);

struct Index {
    windows: HashMap<(Source, i32), MapperRef, RandomState>,
    logs: HashMap<&'static str, MapperRef, RandomState>,
}

/// The mapper of a raw event.
pub fn find(raw: &Raw<'_>) -> MapperRef {
    static INDEX: OnceLock<Index> = OnceLock::new();
    let index = INDEX.get_or_init(build);
    let found = match raw.family {
        Family::Windows => {
            let source = windows::source(&raw.kind, raw.channel.as_deref());
            raw.code.and_then(|c| index.windows.get(&(source, c)))
        }
        Family::Log => index.logs.get(&*raw.kind),
    };
    found.copied().unwrap_or(&other::Other)
}

fn build() -> Index {
    let seeds = || RandomState::with_seeds(1, 2, 3, 4);
    let mut index = Index {
        windows: HashMap::with_hasher(seeds()),
        logs: HashMap::with_hasher(seeds()),
    };
    for mapper in MAPPERS.iter().copied() {
        for claim in mapper.claims() {
            match *claim {
                Claim::Windows(source, codes) => {
                    for code in codes {
                        index.windows.entry((source, *code)).or_insert(mapper);
                    }
                }
                Claim::Log(name) => {
                    index.logs.entry(name).or_insert(mapper);
                }
            }
        }
    }
    index
}
