//! Floor 7: the red flags. One file per signal; each is a pure function of (the rows of its key, facts of the fleet)
//! to hits, and its `meta` is the manual: `coldtrail signals` and `docs/signals.md` are generated from it.

mod autostart_places;
pub mod contacts;
pub mod deeds;
pub mod event_fields;
pub mod file_events;
pub mod geography;
mod hit;
pub mod logons;
pub mod lolbin_starts;
mod meta;
pub mod numbers;
pub mod questions;
mod registry_changes;
mod remote_sessions;
mod rows;
pub mod run;
pub mod script_blocks;
pub mod sigma;
pub mod starts;
#[cfg(test)]
pub mod testing;
pub mod windows;

pub use hit::{Hit, Ioc, Prevalence, RowRef};
pub use meta::{Key, Level, Meta, Reads, Threshold};
pub use numbers::Overrides;
pub use rows::{KeyRows, View};

use crate::entity::fleet::Facts;
use crate::entity::lists::Lists;
use crate::knowledge::Knowledge;
use crate::lake::frame::Frames;

/// Everything a signal may look at beside its own rows; read-only.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// All rows of the hunt.
    pub frames: &'a Frames,
    /// Facts of the fleet: on how many hosts and days each thing was seen.
    pub facts: &'a Facts,
    /// Compiled-in tables, or the files that replace them.
    pub knowledge: &'a Knowledge,
    /// The user's lists: IOCs, hashes, WHOIS dates, places of addresses, approved tools.
    pub lists: &'a Lists,
    /// Thresholds that the user set.
    pub overrides: &'a Overrides,
}

impl Cx<'_> {
    /// A number that decides: what the user set, else what the signal declares.
    pub fn number(&self, meta: &Meta, name: &str) -> f64 {
        self.overrides.number(meta, name)
    }
}

/// What another signal of another family found on the same host.
#[derive(Debug, Clone, Copy)]
pub struct Neighbour {
    /// The other signal.
    pub meta: &'static Meta,
    /// When, microseconds since 1970 UTC.
    pub time: i64,
    host: crate::lake::frame::StrId,
}

/// One red flag.
pub trait Signal {
    /// What it is; the manual.
    fn meta(&self) -> &'static Meta;
    /// Looks at the rows of one key (one host, one user, or all) and adds hits.
    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>);
    /// Whether what it finds on a host depends on the rows of no other host, so that hosts can be looked at in parts. Signals over the
    /// fleet may be so, and look at many hosts at once to share work.
    fn is_by_host(&self) -> bool {
        self.meta().key == Key::Host
    }
    /// Of the rows of some hosts those that it has to see together with those of all others; without them it finds the same. Asked only
    /// of signals that are not by host.
    fn gather(&self, rows: &KeyRows<'_>) -> Vec<RowRef> {
        let tables = self.meta().reads.iter().map(|r| r.table);
        tables.flat_map(|t| rows.table(t).iter().map(RowRef::from)).collect()
    }
    /// Looks at all hits of this signal once more, when every key has been scanned: what only the fleet shows.
    fn settle(&self, _cx: &Cx<'_>, _hits: &mut [Hit]) {}
    /// Looks at one of its hits beside those of other families on the host within a day before and after, which are of high
    /// level or above; called after [`settle`](Self::settle).
    fn beside(&self, _hit: &mut Hit, _others: &[Neighbour]) {}
}

crate::registry! {
    /// All signals in the order of the manual.
    SIGNALS: dyn Signal = [
        proc_01::Proc01,
        proc_02::Proc02,
        proc_03::Proc03,
        proc_04::Proc04,
        proc_05::Proc05,
        proc_06::Proc06,
        proc_07::Proc07,
        script_01::Script01,
        script_02::Script02,
        script_03::Script03,
        net_01::Net01,
        net_02::Net02,
        net_03::Net03,
        net_04::Net04,
        net_05::Net05,
        net_06::Net06,
        dns_01::Dns01,
        dns_02::Dns02,
        dns_03::Dns03,
        dns_04::Dns04,
        dns_05::Dns05,
        dns_06::Dns06,
        file_01::File01,
        file_02::File02,
        file_03::File03,
        file_11::File11,
        file_12::File12,
        file_13::File13,
        file_14::File14,
        auth_01::Auth01,
        auth_02::Auth02,
        auth_03::Auth03,
        auth_04::Auth04,
        auth_05::Auth05,
        auth_06::Auth06,
        acct_01::Acct01,
        acct_02::Acct02,
        acct_03::Acct03,
        acct_04::Acct04,
        acct_05::Acct05,
        acct_06::Acct06,
        pers_01::Pers01,
        pers_02::Pers02,
        pers_03::Pers03,
        pers_04::Pers04,
        pers_05::Pers05,
        pers_06::Pers06,
        pers_07::Pers07,
        rmm_01::Rmm01,
        rmm_02::Rmm02,
        av_01::Av01,
        av_02::Av02,
        av_03::Av03,
        av_04::Av04,
        mask_01::Mask01,
        logt_01::Logt01,
        logt_02::Logt02,
        logt_03::Logt03,
        logt_04::Logt04,
        stlh_01::Stlh01,
        stlh_02::Stlh02,
        cred_01::Cred01,
        cred_02::Cred02,
        cred_03::Cred03,
        cred_04::Cred04,
        cred_05::Cred05,
        cred_06::Cred06,
        cred_07::Cred07,
        cred_08::Cred08,
        imp_01::Imp01,
        imp_02::Imp02,
        imp_03::Imp03,
        imp_04::Imp04,
        lat_01::Lat01,
        lat_02::Lat02,
        lat_03::Lat03,
        lat_04::Lat04,
        lat_05::Lat05,
        lat_06::Lat06,
        lat_07::Lat07,
        lat_08::Lat08,
        lat_09::Lat09,
        exf_01::Exf01,
        exf_02::Exf02,
        exf_03::Exf03,
        exf_04::Exf04,
        priv_01::Priv01,
        priv_02::Priv02,
        priv_03::Priv03,
        priv_04::Priv04,
        priv_05::Priv05,
        disc_01::Disc01,
        disc_02::Disc02,
        disc_03::Disc03,
        ioc_01::Ioc01,
        lol_01::Lol01,
        lol_02::Lol02,
        lol_03::Lol03,
        sql_01::Sql01,
        pipe_01::Pipe01,
    ]
}

/// The signal with this id.
pub fn by_id(id: &str) -> Option<&'static (dyn Signal + Sync)> {
    SIGNALS.iter().copied().find(|s| s.meta().id.eq_ignore_ascii_case(id))
}
