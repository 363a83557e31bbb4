//! The user's lists: what analysts know beside the logs. Read offline; a bad line is named, a missing file stops the run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ahash::RandomState;

use super::ioc::{self, Indicator, Kind};
use crate::base::error::{Error, Result};
use crate::base::ip::{self, Cidr, Ip};
use crate::base::time::{self, Ts};

type Map<K, V> = HashMap<K, V, RandomState>;

/// How much a host matters (detection.md 7: factor 0.8, 1, 1.25, 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asset {
    /// Test machines, kiosks.
    Low,
    /// Everything else.
    Normal,
    /// Servers.
    Server,
    /// Domain controllers, identity, backup.
    Tier0,
}

impl Asset {
    /// The factor on evidence.
    pub fn factor(self) -> f64 {
        match self {
            Asset::Low => 0.8,
            Asset::Normal => 1.0,
            Asset::Server => 1.25,
            Asset::Tier0 => 1.5,
        }
    }

    /// Name as in the file.
    pub fn name(self) -> &'static str {
        match self {
            Asset::Low => "low",
            Asset::Normal => "normal",
            Asset::Server => "server",
            Asset::Tier0 => "tier-0",
        }
    }
}

/// Where an address is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// ISO country code or name.
    pub country: String,
    /// City, where known.
    pub city: String,
    /// Latitude and longitude in degrees, where known.
    pub at: Option<(f64, f64)>,
}

/// All lists of a run.
#[derive(Default)]
pub struct Lists {
    hashes: Map<String, String>,
    domains: Map<String, String>,
    addresses: Map<Ip, String>,
    networks: Vec<(Cidr, String)>,
    whois: Map<String, Ts>,
    assets: Map<String, Asset>,
    geoip: Option<maxminddb::Reader<Vec<u8>>>,
    /// Lines that could not be used: `file:line: reason`.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for Lists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Lists({} hashes, {} domains, {} whois, {} assets)",
            self.hashes.len(),
            self.domains.len(),
            self.whois.len(),
            self.assets.len()
        )
    }
}

/// The files of the flags of the same names.
#[derive(Debug, Clone, Default)]
pub struct ListFiles {
    /// `--iocs`: hashes, addresses, networks, domains, URLs; plain, CSV or STIX.
    pub iocs: Vec<PathBuf>,
    /// `--hashes`: hashes of known-bad files; plain or CSV.
    pub hashes: Vec<PathBuf>,
    /// `--whois`: CSV `e2ld,created`.
    pub whois: Vec<PathBuf>,
    /// `--assets`: CSV `host,criticality` (low, normal, server, tier-0).
    pub assets: Option<PathBuf>,
    /// `--geoip`: MaxMind database.
    pub geoip: Option<PathBuf>,
}

impl Lists {
    /// Reads all files.
    ///
    /// # Errors
    /// [`Error::Usage`] where a file cannot be read or holds nothing usable.
    pub fn load(files: &ListFiles) -> Result<Self> {
        let mut lists = Self::default();
        for path in &files.hashes {
            lists.each_line(path, Self::add_known_hash)?;
        }
        for path in &files.iocs {
            lists.add_indicators(path)?;
        }
        for path in &files.whois {
            lists.each_line(path, Self::add_whois)?;
        }
        if let Some(path) = &files.assets {
            lists.each_line(path, Self::add_asset)?;
        }
        if let Some(path) = &files.geoip {
            let reader = maxminddb::Reader::open_readfile(path).map_err(|e| {
                Error::Usage(format!(
                    "{}: not a MaxMind database ({e}); give a .mmdb file",
                    path.display()
                ))
            })?;
            lists.geoip = Some(reader);
        }
        Ok(lists)
    }

    /// The name under which a hash (any case) is known bad.
    pub fn bad_hash(&self, hash: &str) -> Option<&str> {
        match hash.bytes().any(|c| c.is_ascii_uppercase()) {
            true => self.hashes.get(&hash.to_ascii_lowercase()),
            false => self.hashes.get(hash),
        }
        .map(String::as_str)
    }

    /// The indicator that a domain name (lower case) equals or lies under.
    pub fn bad_domain(&self, name: &str) -> Option<&str> {
        let mut rest = name;
        loop {
            if let Some(note) = self.domains.get(rest) {
                return Some(note);
            }
            rest = rest.split_once('.')?.1;
        }
    }

    /// The indicator that an address is or lies in.
    pub fn bad_address(&self, address: &Ip) -> Option<&str> {
        let network = || self.networks.iter().find(|(c, _)| c.contains(address)).map(|(_, n)| n);
        self.addresses.get(address).or_else(network).map(String::as_str)
    }

    /// Whether there are indicators of the network.
    pub fn has_network_indicators(&self) -> bool {
        !(self.domains.is_empty() && self.addresses.is_empty() && self.networks.is_empty())
    }

    /// Whether there are known-bad hashes.
    pub fn has_hashes(&self) -> bool {
        !self.hashes.is_empty()
    }

    /// When a registrable domain (lower case) was registered.
    pub fn registered(&self, e2ld: &str) -> Option<Ts> {
        self.whois.get(e2ld).copied()
    }

    /// How much a host (canonical name) matters.
    pub fn asset(&self, host: &str) -> Asset {
        self.assets.get(host).copied().unwrap_or(Asset::Normal)
    }

    /// Where an address is, by the GeoIP database.
    pub fn place(&self, address: &Ip) -> Option<Place> {
        let std_ip: std::net::IpAddr = std::net::Ipv6Addr::from(*address).to_canonical();
        let city: maxminddb::geoip2::City<'_> = self.geoip.as_ref()?.lookup(std_ip).ok()?.decode().ok()??;
        Some(Place {
            country: city.country.iso_code.unwrap_or_default().to_owned(),
            city: city.city.names.english.unwrap_or_default().to_owned(),
            at: city.location.latitude.zip(city.location.longitude),
        })
    }

    /// Adds a known-bad hash, for tests and rules.
    pub fn add_hash(&mut self, hash: &str, note: &str) {
        self.hashes.insert(hash.to_ascii_lowercase(), note.to_owned());
    }

    /// Adds a listed domain.
    pub fn add_domain(&mut self, name: &str, note: &str) {
        self.domains.insert(name.to_ascii_lowercase(), note.to_owned());
    }

    /// Adds a WHOIS date.
    pub fn add_registration(&mut self, e2ld: &str, created: Ts) {
        self.whois.insert(e2ld.to_ascii_lowercase(), created);
    }

    fn each_line(
        &mut self,
        path: &Path,
        mut add: impl FnMut(&mut Self, &[String]) -> std::result::Result<(), String>,
    ) -> Result<()> {
        let bytes =
            std::fs::read(path).map_err(|e| Error::Usage(format!("{}: cannot read this list: {e}", path.display())))?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}');
        let (mut used, mut lines, mut bad) = (0u32, 0u32, Vec::new());
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            lines += 1;
            let cells: Vec<String> = line
                .split([',', ';', '\t'])
                .map(|c| c.trim().trim_matches('"').to_owned())
                .collect();
            match add(self, &cells) {
                Ok(()) => used += 1,
                Err(_) if lines == 1 && is_header(&cells) => {}
                Err(why) => bad.push(format!("{}:{}: {why}", path.display(), n + 1)),
            }
        }
        if let (0, Some(first)) = (used, bad.first()) {
            let path = path.display();
            return Err(Error::Usage(format!(
                "{path}: no line of this list can be used; the first: {first}"
            )));
        }
        if used == 0 {
            bad.push(empty(path));
        }
        self.warnings.append(&mut bad);
        Ok(())
    }

    fn add_indicators(&mut self, path: &Path) -> Result<()> {
        let found = ioc::read(path)?;
        if found.indicators.is_empty() && found.warnings.is_empty() {
            self.warnings.push(empty(path));
        }
        self.warnings.extend(found.warnings);
        let mut unused: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
        for i in found.indicators {
            let kind = i.kind;
            if !self.add_indicator(i) {
                *unused.entry(kind.name()).or_default() += 1;
            }
        }
        for (kind, n) in unused {
            self.warnings.push(format!(
                "{}: {n} indicators of kind {kind} are not hunted for; `coldtrail scope --ioc` searches for them",
                path.display()
            ));
        }
        Ok(())
    }

    /// Adds an indicator; whether it is of a kind that hunts use.
    fn add_indicator(&mut self, i: Indicator) -> bool {
        match i.kind {
            Kind::Md5 | Kind::Sha1 | Kind::Sha256 => {
                self.hashes.insert(i.value, i.note);
            }
            Kind::Address => match ip::parse(&i.value) {
                Some(address) => {
                    self.addresses.insert(address, i.note);
                }
                None => return false,
            },
            Kind::Network => match Cidr::parse(&i.value) {
                Some(network) => self.networks.push((network, i.note)),
                None => return false,
            },
            Kind::Domain => {
                self.domains.insert(i.value, i.note);
            }
            Kind::Url => {
                let host = i.value.split(['/', '?']).next().unwrap_or("");
                match ip::parse(host) {
                    Some(address) => self.addresses.insert(address, i.note),
                    None => self.domains.insert(host.to_owned(), i.note),
                };
            }
            Kind::UrlPart | Kind::File | Kind::Registry | Kind::Account | Kind::Mail => return false,
        }
        true
    }

    fn add_known_hash(&mut self, cells: &[String]) -> std::result::Result<(), String> {
        let hash = |c: &&String| is_hash(c);
        let Some(value) = cells.iter().find(hash) else {
            return Err("no hash in this line".to_owned());
        };
        let lower = value.to_ascii_lowercase();
        if ioc::is_empty_file(&lower) {
            return Err("the hash of the empty file is in every corpus and is not used".to_owned());
        }
        let note = cells.iter().skip(1).find(|c| !c.is_empty() && *c != value);
        self.hashes.insert(lower, note.cloned().unwrap_or_default());
        Ok(())
    }

    fn add_whois(&mut self, cells: &[String]) -> std::result::Result<(), String> {
        let [domain, created, ..] = cells else {
            return Err("expected e2ld,created".to_owned());
        };
        let parsed =
            time::rfc3339(created.as_bytes()).or_else(|| time::rfc3339(format!("{created}T00:00:00Z").as_bytes()));
        let Some((ts, _)) = parsed else {
            return Err(format!("'{created}' is no date; expected YYYY-MM-DD"));
        };
        self.add_registration(domain, ts);
        Ok(())
    }

    fn add_asset(&mut self, cells: &[String]) -> std::result::Result<(), String> {
        let [host, criticality, ..] = cells else {
            return Err("expected host,criticality".to_owned());
        };
        let asset = match criticality.to_ascii_lowercase().as_str() {
            "low" => Asset::Low,
            "normal" => Asset::Normal,
            "server" | "high" => Asset::Server,
            "tier-0" | "tier0" | "critical" => Asset::Tier0,
            other => return Err(format!("'{other}' is none of low, normal, server, tier-0")),
        };
        self.assets.insert(crate::ingest::row::canonical_host(host), asset);
        Ok(())
    }
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|c| c.is_ascii_hexdigit())
}

/// What to say of a list without an entry.
fn empty(path: &Path) -> String {
    format!("{}: nothing is in this list", path.display())
}

/// Whether the first line names columns.
fn is_header(cells: &[String]) -> bool {
    const NAMES: &[&str] = &[
        "host",
        "hostname",
        "computer",
        "asset",
        "device",
        "name",
        "e2ld",
        "domain",
        "hash",
        "md5",
        "sha1",
        "sha256",
        "value",
        "indicator",
    ];
    let first = cells.first().map(|c| c.to_ascii_lowercase());
    first.is_some_and(|c| NAMES.contains(&c.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_indicator_covers_its_subdomains_only() {
        let mut l = Lists::default();
        l.add_domain("evil.example", "c2");
        assert_eq!(l.bad_domain("a.b.evil.example"), Some("c2"));
        assert_eq!(l.bad_domain("notevil.example"), None);
    }

    #[test]
    fn the_empty_file_is_refused_with_a_reason() {
        let mut l = Lists::default();
        assert!(
            l.add_known_hash(&["d41d8cd98f00b204e9800998ecf8427e".to_owned()])
                .is_err()
        );
        assert!(
            l.add_known_hash(&["44D88612FEA8A8F36DE82E1278ABB02F".to_owned(), "eicar".to_owned()])
                .is_ok()
        );
        assert_eq!(l.bad_hash("44d88612fea8a8f36de82e1278abb02f"), Some("eicar"));
    }

    #[test]
    fn indicators_of_all_lists_reach_the_hunt() {
        let dir = tempfile::tempdir().unwrap();
        let stix = dir.path().join("bundle.json");
        let text = r#"{"type":"bundle","objects":[{"type":"indicator","id":"i","name":"c2","pattern":"[domain-name:value = 'evil.com'] OR [url:value = 'http://203.0.113.9/x']"}]}"#;
        std::fs::write(&stix, text).unwrap();
        let plain = dir.path().join("list.txt");
        std::fs::write(&plain, "198.51.100.0/24\nHKCU\\Software\\Evil\n").unwrap();
        let files = ListFiles {
            iocs: vec![stix, plain],
            ..ListFiles::default()
        };
        let l = Lists::load(&files).unwrap();
        assert_eq!(l.bad_domain("a.evil.com"), Some("c2"));
        assert!(l.bad_address(&ip::parse("203.0.113.9").unwrap()).is_some());
        assert!(l.bad_address(&ip::parse("198.51.100.7").unwrap()).is_some());
        assert!(l.warnings.iter().any(|w| w.contains("registry")), "{:?}", l.warnings);
    }
}
