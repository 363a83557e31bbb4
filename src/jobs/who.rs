//! Who had an address when, for jobs that look at a part of a lake: the claims of that time, without the rest of its rows.

use crate::base::error::Result;
use crate::base::ip::Ip;
use crate::base::time::{DAY, Ts};
use crate::entity::{address, resolve};
use crate::lake::Lake;
use crate::lake::frame::{ALWAYS, Frames, NO_STR, Row, Wanted, add_reads};
use crate::lake::scan::TimeRange;
use crate::lake::seek::{Group, Probe, seek};
use crate::schema::{Col, TABLES, common, network, process};

/// More rows than these are not read only to name addresses.
const MAX_ROWS: u64 = 6_000_000;
/// Leases are good for days.
const BEFORE: Ts = 8 * DAY;

/// Does something with the connections that say which address their own host has, of each row group that holds some. A sensor's
/// may be a hundred times as many, and are not read.
fn of_endpoints<R: Send>(
    lake: &Lake,
    range: TimeRange,
    work: impl Fn(&Group<'_>) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let test = |source: &[u8], out: &mut Vec<u32>| {
        if std::str::from_utf8(source).is_ok_and(address::names_itself) {
            out.push(0);
        }
    };
    let probe = Probe {
        col: common::SOURCE,
        values: None,
        test: &test,
    };
    Ok(seek(lake, &network::TABLE, &[probe], range, work)?.found)
}

/// Hosts of addresses.
pub struct Who {
    frames: Frames,
    entities: resolve::Entities,
}

impl Who {
    /// Reads who had which address around a range. `None`, with a warning, where that would be too much to read.
    ///
    /// # Errors
    /// Where the lake cannot be read.
    pub fn load(lake: &Lake, range: TimeRange, warnings: &mut Vec<String>) -> Result<Option<Self>> {
        let mut wanted: Wanted = TABLES
            .iter()
            .copied()
            .filter(|t| address::READS.iter().any(|(r, _)| r.ix() == t.ix()))
            .map(|t| (t, Vec::new()))
            .collect();
        add_reads(&mut wanted, address::READS);
        // Sysmon's own clock, from which offsets are learned.
        wanted.push((&process::TABLE, Vec::new()));
        let (connections, wanted): (Wanted, Wanted) =
            wanted.into_iter().partition(|(t, _)| t.ix() == network::TABLE.ix());
        let rows = |range: TimeRange| -> Result<u64> {
            let others = wanted.iter().map(|(t, _)| range.rows(lake, t));
            let of_endpoints = of_endpoints(lake, range, |group| Ok(group.rows().len() as u64))?;
            Ok(others.chain(of_endpoints).sum())
        };
        let around = [BEFORE, DAY, 0].map(|before| TimeRange {
            from: range.from.map(|t| t.saturating_sub(before)),
            to: range.to.map(|t| t.saturating_add(before.min(DAY))),
        });
        let mut least = 0;
        for range in around {
            least = rows(range)?;
            if least <= MAX_ROWS {
                let mut frames = Frames::load(lake, &wanted, range)?;
                for (table, columns) in &connections {
                    let columns: Vec<Col> = ALWAYS.iter().chain(columns).copied().collect();
                    let found = of_endpoints(lake, range, |group| group.read(Some(&columns), &group.rows()))?;
                    found.iter().for_each(|batches| frames.add(table, &columns, batches));
                }
                let entities = resolve::resolve(&mut frames);
                return Ok(Some(Self { frames, entities }));
            }
        }
        warnings.push(format!(
            "addresses are not given host names, and clocks not corrected: {least} rows would have to be read for it; narrow --from and --to"
        ));
        Ok(None)
    }

    /// Whether a row's time was logged without a zone, by a source whose offset may be learned.
    pub fn may_correct(row: Row<'_>) -> bool {
        let windows = row.id(common::CHANNEL) != NO_STR || row.int(common::EVENT_CODE).is_some();
        windows && row.text(common::TIME_QUALITY) == Some("assumed")
    }

    /// The time of a row on a clock that is right, where it was logged without a zone and the host's offset is known.
    pub fn corrected(&self, row: Row<'_>, host: &str) -> Option<Ts> {
        match Self::may_correct(row) {
            true => self.correct(host, row.ts(), row.int(common::FILE_ID)?),
            false => None,
        }
    }

    /// A time without zone of a host's log on a clock that is right.
    pub fn correct(&self, host: &str, ts: Ts, file_id: i64) -> Option<Ts> {
        let host = self.frames.strings.code(host).unwrap_or(NO_STR);
        let offset = self.entities.offsets.offset(host, ts, Some(file_id))?;
        Some(ts.saturating_sub(offset))
    }

    /// The host that had an address.
    pub fn host_at(&self, address: &Ip, ts: Ts) -> Option<String> {
        let (host, _) = self.entities.addresses.host_at(address, ts)?;
        self.frames.text(host).map(str::to_owned)
    }

    /// The addresses that a host had at some time.
    pub fn addresses_of(&self, host: &str) -> Vec<Ip> {
        let mut out: Vec<Ip> = self
            .entities
            .addresses
            .iter()
            .filter(|(_, i)| self.frames.text(i.host) == Some(host))
            .map(|(ip, _)| *ip)
            .collect();
        out.dedup();
        out
    }
}
