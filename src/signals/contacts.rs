//! Contacts of a host with the outside: its connections and web requests as one series per destination.
//!
//! A destination is the name that was connected to (server name of TLS, host of the URL, DNS name) where one is known,
//! else address, port and protocol, so that endpoint, proxy and network sensor give one series. Names of addresses come
//! from the host's own DNS answers and named connections, and only where an address had one single name.

use std::collections::{BTreeMap, HashMap, HashSet};

use ahash::RandomState;

use super::questions::on_internet;
use super::rows::Series;
use super::{Cx, Ioc, KeyRows, Prevalence};
use crate::base::ip::{self, Ip};
use crate::base::text::basename;
use crate::entity::fleet::Thing;
use crate::knowledge::domains;
use crate::knowledge::programs::{self, INTERPRETERS, SCRIPT_HOSTS};
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::rules::paths;
use crate::schema::{Col, common, dns, http, network};

/// Columns of `network` that are read.
pub const NETWORK: &[Col] = &[
    common::ACTION,
    common::USER,
    network::DIRECTION,
    network::PROTO,
    network::DST_IP,
    network::DST_PORT,
    network::DST_HOST,
    network::TLS_SNI,
    network::TLS_VERSION,
    network::APP,
    network::BYTES_OUT,
    network::PID,
    network::PROC_GUID,
    network::IMAGE,
];

/// Columns of `http` that are read.
pub const HTTP: &[Col] = &[
    common::ACTION,
    common::USER,
    http::CLIENT_IP,
    http::URL_HOST,
    http::URL_PORT,
    http::URL_PATH,
    http::DST_IP,
    http::DST_PORT,
    http::METHOD,
    http::SCHEME,
    http::UA,
    http::REFERER,
    http::BYTES_OUT,
    http::IMAGE,
];

/// Columns of `dns` that are read.
pub const DNS: &[Col] = &[dns::QNAME, dns::ANSWERS];

/// Programs of Windows that run foreign code or fetch files and have little reason to call out on their own. Source:
/// the LOLBAS project's categories Execute and Download.
#[rustfmt::skip]
static LOLBINS: &[&str] = &[
    "bitsadmin", "certreq", "certutil", "cmstp", "desktopimgdownldr", "esentutl", "expand", "forfiles", "hh",
    "ieexec", "installutil", "mavinject", "msbuild", "msdt", "mshta", "msiexec", "odbcconf", "pcalua",
    "presentationhost", "regasm", "regsvcs", "regsvr32", "rundll32", "wmic", "xwizard",
];

/// Time and name services: periodic by nature, and DNS has signals of its own.
const INFRASTRUCTURE_PORTS: [i64; 2] = [53, 123];

/// One destination and everything that went to it, by sensor and time.
#[derive(Debug)]
pub struct Contact<'a> {
    /// Name, or `address:port/protocol`, lower case.
    pub key: String,
    /// Registrable domain of the name, if it has a name.
    pub e2ld: Option<String>,
    /// Address, where the destination has no name.
    pub address: Option<Ip>,
    /// Port of the first connection.
    pub port: Option<i64>,
    /// The rows: `network` by time, then `http` by time.
    pub rows: Vec<Row<'a>>,
}

/// All destinations of the host outside, ordered by key; time and name services are left out. Worked out once for all signals.
pub fn contacts<'a>(rows: &KeyRows<'a>) -> Vec<Contact<'a>> {
    let known = rows.series(|| series(rows));
    known
        .iter()
        .map(|s| Contact {
            key: s.key.clone(),
            e2ld: s.e2ld.clone(),
            address: s.address,
            port: s.port,
            rows: s.rows.iter().map(|r| rows.row(r)).collect(),
        })
        .collect()
}

fn series(rows: &KeyRows<'_>) -> Vec<Series> {
    let names = names_of_addresses(rows);
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen: HashMap<Cells, Option<usize>, RandomState> = HashMap::default();
    let mut all: Vec<Series> = Vec::new();
    let network = rows.table(&network::TABLE).iter().filter(is_outgoing);
    let web = rows.table(&http::TABLE).iter().filter(is_request);
    for row in network.chain(web) {
        let cells = cells(row);
        let at = *seen.entry(cells).or_insert_with(|| {
            let found = destination(row, cells, &names)?;
            let at = *place.entry(found.key.clone()).or_insert(all.len());
            if at == all.len() {
                all.push(found);
            }
            Some(at)
        });
        if let Some(contact) = at.and_then(|at| all.get_mut(at)) {
            contact.rows.push(row.into());
        }
    }
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
}

impl<'a> Contact<'a> {
    /// The rows of each sensor and kind of record, in time order: one connection that three sensors saw is not three.
    pub fn sensors(&self) -> Vec<Vec<Row<'a>>> {
        let mut keys: Vec<(usize, StrId, StrId)> = Vec::new();
        let mut groups: Vec<Vec<Row<'a>>> = Vec::new();
        for row in &self.rows {
            let key = (row.table().ix(), row.id(common::SOURCE), row.id(common::ACTION));
            let at = keys.iter().position(|k| *k == key).unwrap_or_else(|| {
                keys.push(key);
                groups.push(Vec::new());
                keys.len() - 1
            });
            if let Some(group) = groups.get_mut(at) {
                group.push(*row);
            }
        }
        groups
    }

    /// Hosts that were seen with this destination, and hosts that could have been.
    pub fn spread(&self, cx: &Cx<'_>) -> (u32, u32) {
        let seen = match (&self.e2ld, &self.address) {
            (Some(domain), _) => cx.facts.seen(Thing::Domain, domain),
            (None, Some(address)) => cx.facts.seen(Thing::Address, &ip::display(address)),
            (None, None) => cx.facts.seen(Thing::Name, &self.key),
        };
        let tables = [&network::TABLE, &http::TABLE, &dns::TABLE];
        let population = tables.into_iter().map(|t| cx.facts.hosts_with(t)).max().unwrap_or(0);
        (seen.hosts.max(1), population.max(seen.hosts).max(1))
    }

    /// [`spread`](Self::spread) as the prevalence of a hit.
    pub fn prevalence(&self, cx: &Cx<'_>) -> Prevalence {
        let (hosts, population) = self.spread(cx);
        Prevalence::Hosts { hosts, population }
    }

    /// Whether at least half of the hosts go there, in a fleet large enough (10 hosts) for that to mean something.
    pub fn is_everywhere(&self, cx: &Cx<'_>) -> bool {
        let (hosts, population) = self.spread(cx);
        population >= 10 && hosts * 2 >= population
    }

    /// The first row within `from..=to` that names its process, of whatever sensor.
    pub fn process_row(&self, from: i64, to: i64) -> Option<Row<'a>> {
        // A connection is logged by several sensors at slightly different times.
        const SLACK_US: i64 = 5_000_000;
        let within = |r: &&Row<'a>| (from - SLACK_US..=to + SLACK_US).contains(&r.ts());
        self.rows.iter().filter(within).find(|r| image(**r).is_some()).copied()
    }

    /// The indicator for the analyst: the name or the address.
    pub fn ioc(&self) -> Ioc {
        match &self.address {
            Some(address) => Ioc::Ip(ip::display(address)),
            None => Ioc::Domain(self.key.clone()),
        }
    }

    /// What the protocol shows: the leading technique first.
    pub fn techniques(&self) -> Vec<&'static str> {
        let tls = self.rows.iter().any(|r| is_tls(*r));
        let web = tls || self.rows.iter().any(|r| is_web(*r)) || matches!(self.port, Some(80 | 443 | 8080 | 8443));
        let datagram = self
            .rows
            .iter()
            .all(|r| matches!(r.str(network::PROTO), "icmp" | "icmp6" | "udp") && is_network(*r));
        let usual = matches!(self.port, None | Some(80 | 443 | 8080 | 8443 | 3128 | 8000));
        let mut ids = Vec::new();
        if web {
            ids.push("T1071.001");
        } else if datagram {
            ids.push("T1095");
        }
        if !usual && !datagram {
            ids.push("T1571");
        }
        if tls {
            ids.push("T1573");
        }
        if ids.is_empty() {
            ids.push("T1071.001");
        }
        ids
    }
}

/// Full path of the process behind a connection.
pub fn image<'a>(row: Row<'a>) -> Option<&'a str> {
    row.text(if is_network(row) { network::IMAGE } else { http::IMAGE })
}

/// Why a process that calls out regularly deserves a second look: it interprets scripts, is a helper of Windows that
/// has no business outside, or lies where every user may write.
pub fn odd_process(image: &str) -> Option<String> {
    let base = basename(image);
    if [INTERPRETERS, SCRIPT_HOSTS, LOLBINS]
        .iter()
        .any(|set| programs::contains(set, base))
    {
        return Some(format!("{base} runs foreign code"));
    }
    paths::user_writable(image).map(|place| format!("{base} lies in {place}"))
}

/// At most `n` rows, evenly spread, the first and the last among them.
pub fn spread_out<'a>(rows: &[Row<'a>], n: usize) -> Vec<Row<'a>> {
    if rows.len() <= n || n < 2 {
        return rows.iter().take(n).copied().collect();
    }
    let at = |i: usize| i * (rows.len() - 1) / (n - 1);
    (0..n).filter_map(|i| rows.get(at(i)).copied()).collect()
}

fn is_network(row: Row<'_>) -> bool {
    row.table().ix() == network::TABLE.ix()
}

fn is_tls(row: Row<'_>) -> bool {
    if is_network(row) {
        let app = row.str(network::APP);
        return row.text(network::TLS_SNI).is_some()
            || row.text(network::TLS_VERSION).is_some()
            || matches!(app, "ssl" | "tls" | "https");
    }
    row.str(http::SCHEME) == "https" || row.str(http::METHOD) == "CONNECT" && row.int(http::URL_PORT) == Some(443)
}

fn is_web(row: Row<'_>) -> bool {
    !is_network(row) || row.str(network::APP) == "http"
}

fn is_outgoing(row: &Row<'_>) -> bool {
    row.str(network::DIRECTION) != "in" && !matches!(row.str(common::ACTION), "accept" | "listen" | "bind")
}

/// Requests of this host, not requests to it: a web server's own log has visitors from outside.
fn is_request(row: &Row<'_>) -> bool {
    row.ip(http::CLIENT_IP).is_none_or(|client| ip::is_internal(&client))
}

/// What decides the destination of a row; equal cells have equal destinations.
type Cells = (usize, StrId, StrId, Option<Ip>, i64, StrId);

fn cells(row: Row<'_>) -> Cells {
    let t = row.table().ix();
    if is_network(row) {
        let named = match row.source() {
            // Sysmon's name is a reverse lookup of its own: the provider's name, not the one that was asked for.
            "sysmon" => NO_STR,
            _ => row.id(network::DST_HOST),
        };
        let port = row.int(network::DST_PORT).unwrap_or(-1);
        (
            t,
            row.id(network::TLS_SNI),
            named,
            row.ip(network::DST_IP),
            port,
            row.id(network::PROTO),
        )
    } else {
        let default = match (row.str(http::METHOD), row.str(http::SCHEME)) {
            ("CONNECT", _) | (_, "https") => 443,
            _ => 80,
        };
        let port = row.int(http::URL_PORT).unwrap_or(default);
        (t, row.id(http::URL_HOST), NO_STR, row.ip(http::DST_IP), port, NO_STR)
    }
}

fn destination(row: Row<'_>, cells: Cells, names: &Names) -> Option<Series> {
    let (_, _, _, address, port, _) = cells;
    if INFRASTRUCTURE_PORTS.contains(&port) {
        return None;
    }
    let (written, proto) = match is_network(row) {
        true => {
            let other = if row.source() == "sysmon" {
                None
            } else {
                row.text(network::DST_HOST)
            };
            (
                row.text(network::TLS_SNI).or(other),
                row.text(network::PROTO).unwrap_or("tcp"),
            )
        }
        false => (row.text(http::URL_HOST), "tcp"),
    };
    // A URL may name an address; the address beside it is then the proxy's next hop.
    let literal = written.and_then(ip::parse);
    let address = literal.or(address);
    if address.is_some_and(|a| ip::is_internal(&a)) {
        return None;
    }
    let name = match written.filter(|_| literal.is_none()).and_then(host_name) {
        Some(name) => Some(name),
        None => names.get(&address?).cloned().flatten(),
    };
    let port = (port >= 0).then_some(port);
    if let Some(name) = name {
        let e2ld = domains::registrable(&name)
            .filter(|d| on_internet(d))
            .map(str::to_owned)?;
        return Some(Series {
            key: name,
            e2ld: Some(e2ld),
            address: None,
            port,
            rows: Vec::new(),
        });
    }
    let key = format!(
        "{}:{}/{}",
        ip::display(&address?),
        port.unwrap_or(0),
        proto.to_lowercase()
    );
    Some(Series {
        key,
        e2ld: None,
        address,
        port,
        rows: Vec::new(),
    })
}

/// A lower-case host name with at least two labels; also from a whole URL.
fn host_name(text: &str) -> Option<String> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest
        .split(['/', ':', '?'])
        .next()?
        .trim_matches('.')
        .to_ascii_lowercase();
    domains::registrable(&host).is_some().then_some(host)
}

/// Addresses and their single name; `None` where an address had several.
type Names = HashMap<Ip, Option<String>, RandomState>;

fn names_of_addresses(rows: &KeyRows<'_>) -> Names {
    let mut names = Names::default();
    let mut pairs: HashMap<(StrId, StrId), (), RandomState> = HashMap::default();
    for row in rows.table(&dns::TABLE).iter() {
        let (Some(name), Some(answers)) = (row.text(dns::QNAME), row.text(dns::ANSWERS)) else {
            continue;
        };
        if pairs.insert((row.id(dns::QNAME), row.id(dns::ANSWERS)), ()).is_none() {
            for address in answers.split('\n').filter_map(ip::parse) {
                learn(&mut names, address, name);
            }
        }
    }
    // What was learned once needs not be learned again.
    let mut known: HashSet<(StrId, Ip), RandomState> = HashSet::default();
    let network = rows.table(&network::TABLE).iter();
    let network = network.map(|r| (r, network::TLS_SNI, network::DST_IP));
    let web = rows.table(&http::TABLE).iter();
    let web = web.map(|r| (r, http::URL_HOST, http::DST_IP));
    for (row, name, address) in network.chain(web) {
        if let (Some(text), Some(address)) = (row.text(name), row.ip(address))
            && known.insert((row.id(name), address))
        {
            learn(&mut names, address, text);
        }
    }
    names
}

fn learn(names: &mut Names, address: Ip, name: &str) {
    if ip::is_internal(&address) {
        return;
    }
    let Some(name) = host_name(name) else { return };
    match names.get_mut(&address) {
        None => {
            names.insert(address, Some(name));
        }
        Some(known) if known.as_deref() == Some(&name) => {}
        Some(known) => *known = None,
    }
}
