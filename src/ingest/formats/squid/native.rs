//! The native format.

use std::borrow::Cow;

use super::{Cells, is_null};
use crate::base::text::{cut, trim_start};
use crate::base::time::{self, TimeQuality};
use crate::ingest::layout::{Layout, Placed};
use crate::ingest::lines::Line;
use crate::ingest::name::Name;
use crate::ingest::raw::{Raw, Value};

/// `epoch.ms elapsed client CODE/status bytes METHOD url user HIERARCHY/peer mime …`
pub(super) struct Native {
    /// By [`Column`].
    names: [Name<'static>; NAMES.len()],
    layout: Option<Layout>,
}

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
        let layout = Layout::new(names.iter());
        Self { names, layout }
    }

    /// Reads a line into an empty record; `None` if it is none of this format.
    pub(super) fn read<'r>(&'r self, line: &Line<'r>, raw: &mut Raw<'r>) -> Option<()> {
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
        raw.placed = self.layout.as_ref().map(Placed::new);
        raw.fields.reserve(NAMES.len());
        if decimals.len() != 3 {
            self.put(raw, Column::Time, when);
        }
        self.put(raw, Column::Elapsed, elapsed);
        self.put(raw, Column::RemoteHost, client);
        self.put(raw, Column::Code, code);
        self.put(raw, Column::Status, status);
        // The url at least must be there; relays cut long lines behind it.
        for column in [Column::Bytes, Column::Method, Column::Url] {
            self.put(raw, column, cells.next()?);
        }
        if shifted {
            self.put(raw, Column::Tail, cells.rest());
            return Some(());
        }
        if let Some(user) = cells.next() {
            self.put(raw, Column::User, user);
        }
        if let Some(peer) = cells.next() {
            let (hierarchy, host) = cut(peer, b'/').unwrap_or((peer, ""));
            self.put(raw, Column::PeerStatus, hierarchy);
            self.put(raw, Column::PeerHost, host);
        }
        if let Some(mime) = cells.next() {
            self.put(raw, Column::Type, mime);
        }
        self.tail(raw, cells.rest());
        Some(())
    }

    /// Adds a field unless it is Squid's null.
    #[inline(always)]
    fn put<'r>(&'r self, raw: &mut Raw<'r>, column: Column, cell: &'r str) {
        let Some(name) = self.names.get(column as usize).filter(|_| !is_null(cell)) else {
            return;
        };
        if let Some(placed) = &mut raw.placed {
            placed.put(column as usize, raw.fields.len());
        }
        raw.push(name.borrowed(), Value::Str(cell.into()));
    }

    /// What follows the content type: Cisco's policy and verdicts, or referer and agent.
    fn tail<'r>(&'r self, raw: &mut Raw<'r>, rest: &'r str) {
        if rest.is_empty() {
            return;
        }
        let verdict = ["<", "&lt;"]
            .iter()
            .find_map(|open| rest.find(open))
            .and_then(|at| rest.split_at_checked(at));
        if let Some((before, block)) = verdict {
            if let Some(tag) = before.split_whitespace().last() {
                self.put(raw, Column::AclTag, tag);
            }
            if let Some(other) = before.trim_end().rsplit_once(' ').map(|(o, _)| o) {
                self.put(raw, Column::BeforeAclTag, other);
            }
            self.put(raw, Column::Verdict, block);
            return;
        }
        let mut cells = Cells::of(rest);
        if let (Some(referer), Some(agent)) = (cells.quoted(), cells.quoted()) {
            self.put(raw, Column::Referer, referer);
            self.put(raw, Column::UserAgent, agent);
            self.put(raw, Column::Tail, cells.rest());
            return;
        }
        self.put(raw, Column::Tail, rest);
    }
}
