//! What a hit and its rows offer to the keys of an entry.

use super::{Hours, Test};
use crate::base::ip::{self, Ip};
use crate::lake::frame::Row;
use crate::schema::{Kind, common, persist};
use crate::signals::{Cx, Hit, Ioc};

/// Rows of a hit that are looked at.
const MAX_ROWS: usize = 32;
const MINUTE_US: i64 = 60_000_000;
const DAY_MINUTES: i64 = 24 * 60;

/// Values by what they are, in lower case.
pub(super) struct Facts<'a> {
    hit: &'a Hit,
    host: String,
    hashes: Vec<String>,
    signers: Vec<String>,
    images: Vec<String>,
    edges: Vec<String>,
    commands: Vec<String>,
    domains: Vec<String>,
    addresses: Vec<Ip>,
    users: Vec<String>,
    services: Vec<String>,
    tasks: Vec<String>,
    tools: Vec<String>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(hit: &'a Hit, cx: &Cx<'_>) -> Self {
        let mut f = Facts {
            hit,
            host: cx.frames.text(hit.host).unwrap_or("").to_lowercase(),
            hashes: Vec::new(),
            signers: Vec::new(),
            images: Vec::new(),
            edges: Vec::new(),
            commands: Vec::new(),
            domains: Vec::new(),
            addresses: Vec::new(),
            users: hit.users.iter().map(|u| account(u)).collect(),
            services: Vec::new(),
            tasks: Vec::new(),
            tools: vec![hit.key.to_lowercase()],
        };
        for ioc in &hit.iocs {
            match ioc {
                Ioc::Sha256(h) => f.hashes.push(h.to_lowercase()),
                Ioc::Domain(d) => f.domains.push(d.to_lowercase()),
                Ioc::Ip(a) => f.addresses.extend(ip::parse(a)),
                Ioc::File(p) => f.images.push(p.to_lowercase()),
                Ioc::Account(a) => f.users.push(account(a)),
                Ioc::Url(_) => {}
            }
        }
        for r in hit.rows.iter().take(MAX_ROWS) {
            f.row(cx.frames.row(r.table, r.at), cx);
        }
        f
    }

    pub(super) fn meets(&self, test: &Test) -> bool {
        let glob = |globs: &[globset::GlobMatcher], values: &[String]| {
            globs.iter().any(|g| values.iter().any(|v| g.is_match(v)))
        };
        match test {
            Test::Hash(all) => all.iter().any(|h| self.hashes.contains(h)),
            Test::Signer(all) => glob(all, &self.signers),
            Test::ImagePath(all) => glob(all, &self.images),
            Test::ParentChild(all) => glob(all, &self.edges),
            Test::Cmdline(all) => all.iter().any(|r| self.commands.iter().any(|c| r.is_match(c))),
            Test::Domain(all) => all.iter().any(|d| self.domains.iter().any(|v| is_under(v, d))),
            Test::Address(all) => all.iter().any(|c| self.addresses.iter().any(|a| c.contains(a))),
            Test::User(all) => glob(all, &self.users),
            Test::Host(all) => all.iter().any(|g| g.is_match(&self.host)),
            Test::Service(all) => glob(all, &self.services),
            Test::Task(all) => glob(all, &self.tasks),
            Test::Rmm(all) => {
                self.hit.meta.family == "rmm" && all.iter().any(|t| self.tools.iter().any(|v| names(v, t)))
            }
            Test::Signal(all) => all.iter().any(|s| s.eq_ignore_ascii_case(self.hit.meta.id)),
            Test::Key(all) => {
                let key = self.hit.key.to_lowercase();
                all.contains(&key)
            }
            Test::Time(all) => all.iter().any(|h| h.hold(self.hit.time)),
        }
    }

    fn row(&mut self, row: Row<'_>, cx: &Cx<'_>) {
        let text = |name: &str| {
            let col = row
                .table()
                .find(name)
                .filter(|(_, c)| !matches!(c.kind, Kind::Ip))
                .map(|(c, _)| c);
            col.and_then(|c| row.text(c)).map(str::to_lowercase)
        };
        self.hashes
            .extend(["sha256", "sha1", "md5"].iter().filter_map(|n| text(n)));
        self.signers.extend(text("signer"));
        self.images.extend(text("image"));
        if row.table().name == "image_load" {
            self.images.extend(text("path"));
        }
        if let (Some(parent), Some(child)) = (text("parent_name"), text("image_name")) {
            self.edges.push(format!("{parent}>{child}"));
        }
        self.commands.extend(
            ["cmdline", "command", "host_app", "text"]
                .iter()
                .filter_map(|n| text(n)),
        );
        for name in ["qname", "url_host", "dst_host", "tls_sni"] {
            self.domains
                .extend(text(name).map(|d| d.trim_end_matches('.').to_owned()));
        }
        for name in ["dst_ip", "src_ip", "client_ip", "server_ip"] {
            self.addresses
                .extend(row.table().find(name).and_then(|(c, _)| row.ip(c)));
        }
        self.users.extend(row.text(common::USER).map(account));
        self.users.extend(text("target_user").map(|u| account(&u)));
        if row.table().ix() == persist::TABLE.ix() {
            let name = row.text(persist::NAME).map(str::to_lowercase);
            match row.str(persist::KIND) {
                "service" | "driver_service" => self.services.extend(name),
                "task" => self.tasks.extend(name.map(|n| n.trim_start_matches('\\').to_owned())),
                _ => {}
            }
        }
        self.tools
            .extend(text("image_name").and_then(|n| Some(cx.knowledge.rmm.binary(&n)?.tool.to_lowercase())));
    }
}

/// `DOMAIN\user` and `user@domain` as `user`.
fn account(name: &str) -> String {
    let name = name.rsplit('\\').next().unwrap_or(name);
    name.split('@').next().unwrap_or(name).to_lowercase()
}

fn is_under(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a key like `anydesk|c:\…` names a tool, as a whole word.
fn names(key: &str, tool: &str) -> bool {
    key.match_indices(tool).any(|(at, _)| {
        let before = key.get(..at).and_then(|t| t.chars().next_back());
        let after = key.get(at + tool.len()..).and_then(|t| t.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

impl Hours {
    fn hold(self, ts: i64) -> bool {
        let minutes = ts.div_euclid(MINUTE_US);
        let minute = minutes.rem_euclid(DAY_MINUTES) as u32;
        // 1970-01-01 was a Thursday.
        let day = (minutes.div_euclid(DAY_MINUTES) + 3).rem_euclid(7);
        let on = |day: i64| self.days >> day & 1 == 1;
        if self.from <= self.until {
            on(day) && self.from <= minute && minute < self.until
        } else {
            (on(day) && minute >= self.from) || (on((day + 6) % 7) && minute < self.until)
        }
    }
}
