//! The native format.

use std::borrow::Cow;

use super::{Cells, is_null};
use crate::base::text::{cut, trim_start};
use crate::base::time::{self, TimeQuality};
use crate::ingest::layout::Layout;
use crate::ingest::lines::Line;
use crate::ingest::name::Name;
use crate::ingest::placed::{Cell, Placed};
use crate::ingest::raw::Raw;

/// `epoch.ms elapsed client CODE/status bytes METHOD url user HIERARCHY/peer mime …`
pub(super) struct Native {
    layout: Layout,
}

/// The values of a line, by [`Column`].
pub(super) type Values<'r> = [Cell<'r>; NAMES.len()];

/// None yet.
pub(super) const NO_VALUES: Values<'static> = [Cell::NONE; NAMES.len()];

/// The fields of the native format.
#[derive(Clone, Copy)]
enum Column {
    Time,
    Elapsed,
    RemoteHost,
    Code,
    Status,
    Bytes,
    Method,
    Url,
    User,
    PeerStatus,
    PeerHost,
    Type,
    AclTag,
    BeforeAclTag,
    Verdict,
    Referer,
    UserAgent,
    Tail,
}

/// Their names.
const NAMES: [&str; 18] = [
    "time",
    "elapsed",
    "remotehost",
    "code",
    "status",
    "bytes",
    "method",
    "url",
    "rfc931",
    "peerstatus",
    "peerhost",
    "type",
    "acl_tag",
    "before_acl_tag",
    "verdict",
    "referer",
    "user_agent",
    "tail",
];

impl Native {
    pub(super) fn new() -> Self {
        let names = NAMES.map(Name::from);
        Self {
            layout: Layout::new(names.iter()).unwrap_or_default(),
        }
    }

    /// Where mappers find the values of a line.
    pub(super) fn placed<'r>(&'r self, values: &'r Values<'r>) -> Placed<'r> {
        Placed::cells(&self.layout, values)
    }

    /// Reads a line; `None` if it is none of this format.
    pub(super) fn read<'r>(line: &Line<'r>, values: &mut Values<'r>, raw: &mut Raw<'r>) -> Option<()> {
        let payload = trim_start(line.payload);
        let payload = match payload.as_bytes() {
            [b'I', ..] => payload.strip_prefix("Info: ").unwrap_or(payload),
            _ => payload,
        };
        let mut cells = Cells::of(payload);
        let when = cells.next().filter(|when| when.len() >= 12)?;
        let ts = time::epoch(when.as_bytes())?;
        let (_, decimals) = cut(when, b'.')?;
        let (elapsed, first) = (cells.next()?, cells.next()?);
        // The appliance's W3C-like layout puts a dash before the client, and other columns behind the url.
        let shifted = first == "-";
        let client = if shifted { cells.next()? } else { first };
        let (code, status) = cut(cells.next()?, b'/')?;
        let digits = |text: &str| !text.is_empty() && text.as_bytes().iter().all(u8::is_ascii_digit);
        let of_code = |b: &u8| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_');
        let plausible = (digits(elapsed) || elapsed.parse::<f64>().is_ok())
            && code.as_bytes().iter().all(of_code)
            && digits(status);
        if !plausible {
            return None;
        }
        raw.observer = line.host.map(Cow::Borrowed);
        (raw.time, raw.quality) = (Some(ts), TimeQuality::Utc);
        if decimals.len() != 3 {
            put(values, Column::Time, when);
        }
        put(values, Column::Elapsed, elapsed);
        put(values, Column::RemoteHost, client);
        put(values, Column::Code, code);
        put(values, Column::Status, status);
        // The url at least must be there; relays cut long lines behind it.
        for column in [Column::Bytes, Column::Method, Column::Url] {
            put(values, column, cells.next()?);
        }
        if shifted {
            put(values, Column::Tail, cells.rest());
            return Some(());
        }
        if let Some(user) = cells.next() {
            put(values, Column::User, user);
        }
        if let Some(peer) = cells.next() {
            let (hierarchy, host) = cut(peer, b'/').unwrap_or((peer, ""));
            put(values, Column::PeerStatus, hierarchy);
            put(values, Column::PeerHost, host);
        }
        if let Some(mime) = cells.next() {
            put(values, Column::Type, mime);
        }
        tail(values, cells.rest());
        Some(())
    }
}

/// Sets a value unless it is Squid's null.
#[inline(always)]
fn put<'r>(values: &mut Values<'r>, column: Column, cell: &'r str) {
    if let Some(value) = values.get_mut(column as usize).filter(|_| !is_null(cell)) {
        *value = Cell::Text(cell);
    }
}

/// What follows the content type: Cisco's policy and verdicts, or referer and agent.
fn tail<'r>(values: &mut Values<'r>, rest: &'r str) {
    if rest.is_empty() {
        return;
    }
    let verdict = ["<", "&lt;"]
        .iter()
        .find_map(|open| rest.find(open))
        .and_then(|at| rest.split_at_checked(at));
    if let Some((before, block)) = verdict {
        if let Some(tag) = before.split_whitespace().last() {
            put(values, Column::AclTag, tag);
        }
        if let Some(other) = before.trim_end().rsplit_once(' ').map(|(o, _)| o) {
            put(values, Column::BeforeAclTag, other);
        }
        put(values, Column::Verdict, block);
        return;
    }
    let mut cells = Cells::of(rest);
    if let (Some(referer), Some(agent)) = (cells.quoted(), cells.quoted()) {
        put(values, Column::Referer, referer);
        put(values, Column::UserAgent, agent);
        put(values, Column::Tail, cells.rest());
        return;
    }
    put(values, Column::Tail, rest);
}
