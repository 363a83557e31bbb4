//! Logons as the authentication signals look at them: whose, from where, and which attempts count.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::base::ip::{self, Ip};
use crate::entity::lists::Lists;
use crate::lake::frame::Row;
use crate::schema::{Col, auth, common};

use super::geography;
use super::{RowRef, View};

/// Columns of `auth` that the signals read.
pub const COLUMNS: &[Col] = &[
    common::ACTION,
    common::OUTCOME,
    common::USER,
    common::USER_DOMAIN,
    auth::LOGON_TYPE,
    auth::TARGET_USER,
    auth::TARGET_DOMAIN,
    auth::TARGET_LOGON_ID,
    auth::SRC_IP,
    auth::SRC_HOST,
    auth::STATUS,
    auth::SUB_STATUS,
    auth::SERVICE,
    auth::COUNTRY,
    auth::CITY,
    auth::LOCATION,
    auth::LAT,
    auth::LON,
    auth::ASN,
    auth::APP,
    auth::DEVICE,
    auth::UA,
];

/// Logon type of a sign-in to a cloud service.
pub const CLOUD: i64 = 100;
/// Logon type of remote desktop.
pub const REMOTE_DESKTOP: i64 = 10;

/// Accounts that are no person's and no service's own.
const BUILT_IN: &[&str] = &[
    "anonymous logon",
    "iusr",
    "local service",
    "network service",
    "system",
    "local system",
    "-",
    "defaultaccount",
];

/// The account as a key: lower case without domain. `None` for machine and built-in accounts.
pub fn account(row: Row<'_>) -> Option<String> {
    let user = row.text(auth::TARGET_USER)?.trim().to_lowercase();
    let user = user
        .rsplit('\\')
        .next()
        .unwrap_or("")
        .split('@')
        .next()
        .unwrap_or("")
        .to_owned();
    let session = user
        .strip_prefix("dwm-")
        .or(user.strip_prefix("umfd-"))
        .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let own = !user.is_empty() && !user.ends_with('$') && !session && !BUILT_IN.contains(&user.as_str());
    own.then_some(user)
}

/// Whether the row is a logon that succeeded (a new session, a granted ticket or a checked password).
pub fn succeeded(row: Row<'_>) -> bool {
    let verb = matches!(
        row.str(common::ACTION),
        "logon" | "krb_tgt" | "ntlm" | "session_connect"
    );
    verb && (row.str(common::OUTCOME) == "success" || row.str(common::ACTION) == "session_connect")
}

/// The logons of some hosts that say something of people: those of accounts, and one for each address and machine account, for
/// [`shared_addresses`] counts these too.
pub fn telling(view: View<'_>) -> Vec<RowRef> {
    let mut accounts: HashMap<u32, bool> = HashMap::new();
    let mut seen: HashSet<(Ip, u32)> = HashSet::new();
    let logons = view.iter().filter(|r| succeeded(*r)).filter(|row| {
        let user = row.id(auth::TARGET_USER);
        let is_account = *accounts.entry(user).or_insert_with(|| account(*row).is_some());
        is_account || row.ip(auth::SRC_IP).is_some_and(|a| seen.insert((a, user)))
    });
    logons.map(RowRef::from).collect()
}

/// Rows by account, each in time order.
pub fn by_account<'a>(rows: impl Iterator<Item = Row<'a>>) -> BTreeMap<String, Vec<Row<'a>>> {
    let mut keys: HashMap<u32, Option<String>> = HashMap::new();
    let mut out: BTreeMap<String, Vec<Row<'a>>> = BTreeMap::new();
    for row in rows {
        let key = keys.entry(row.id(auth::TARGET_USER)).or_insert_with(|| account(row));
        if let Some(user) = key {
            match out.get_mut(user.as_str()) {
                Some(of_user) => of_user.push(row),
                None => {
                    out.insert(user.clone(), vec![row]);
                }
            }
        }
    }
    for of_user in out.values_mut() {
        of_user.sort_by_key(|r| r.ts());
    }
    out
}

/// Addresses from which at least `users` accounts logged on: gateways, proxies and jump hosts.
pub fn shared_addresses(view: View<'_>, users: usize) -> Vec<Ip> {
    let mut by_address: BTreeMap<Ip, Vec<u32>> = BTreeMap::new();
    for row in view.iter().filter(|r| succeeded(*r)) {
        if let Some(address) = row.ip(auth::SRC_IP) {
            let of = by_address.entry(address).or_default();
            let user = row.id(auth::TARGET_USER);
            if of.len() < users && !of.contains(&user) {
                of.push(user);
            }
        }
    }
    by_address
        .into_iter()
        .filter(|(_, of)| of.len() >= users)
        .map(|(a, _)| a)
        .collect()
}

/// Where somebody logged on from.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// ISO code of the country where it is known, else its name in lower case.
    pub country: Option<String>,
    /// Latitude and longitude, degrees.
    pub at: Option<(f64, f64)>,
    /// For people.
    pub label: String,
}

/// The place of a logon: what the record says, else where the GeoIP database puts its address.
pub fn spot(row: Row<'_>, lists: &Lists) -> Option<Spot> {
    let at = row
        .float(auth::LAT)
        .zip(row.float(auth::LON))
        .map(|(a, b)| (f64::from(a), f64::from(b)));
    let at = at.filter(|(a, b)| (-90.0..=90.0).contains(a) && (-180.0..=180.0).contains(b) && (*a, *b) != (0.0, 0.0));
    let (country, city, location) = (row.text(auth::COUNTRY), row.text(auth::CITY), row.text(auth::LOCATION));
    if at.is_some() || country.is_some() || location.is_some() {
        let code = country
            .map(geography::country)
            .or_else(|| location.and_then(geography::country_in));
        let words: Vec<&str> = [city, country].into_iter().flatten().collect();
        let label = match location.filter(|_| words.is_empty()) {
            Some(text) => text.to_owned(),
            None if words.is_empty() => "an unnamed place".to_owned(),
            None => words.join(", "),
        };
        return Some(Spot {
            country: code,
            at,
            label,
        });
    }
    let address = row.ip(auth::SRC_IP).filter(|a| !ip::is_internal(a))?;
    let place = lists.place(&address)?;
    let words: Vec<&str> = [place.city.as_str(), place.country.as_str()]
        .into_iter()
        .filter(|w| !w.is_empty())
        .collect();
    let country = (!place.country.is_empty()).then(|| geography::country(&place.country));
    Some(Spot {
        country,
        at: place.at,
        label: words.join(", "),
    })
}

/// The network an address belongs to, as a key: /24 of IPv4, /64 of IPv6.
pub fn network_of(address: &Ip) -> String {
    let text = ip::display(address);
    match text.rsplit_once('.') {
        Some((net, _)) => format!("{net}.0/24"),
        None => {
            let groups = std::net::Ipv6Addr::from(*address).segments();
            let head: Vec<String> = groups.iter().take(4).map(|g| format!("{g:x}")).collect();
            format!("{}::/64", head.join(":"))
        }
    }
}
