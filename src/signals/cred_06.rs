//! CRED-06: secrets are opened, kept in the clear, exported or sniffed.
//!
//! Sees: full access of a person to the account database through its server (4661), the registry pipe followed by a file with a random name below
//! ADMIN$ (remote dump of secrets), WDigest told to keep passwords, the credential manager backed up (5376), private keys of certificates acquired
//! by odd programs (CAPI2 70), packet captures.
//! Why: each yields passwords, hashes or keys for the next step.
//! Benign causes: migration of accounts, back-up of stored credentials by their owner, network debugging.
//! Sources: Impacket's secretsdump; Microsoft's documentation of events 4661, 5376 and of WDigest; MITRE ATT&CK T1003, T1112, T1555.004, T1552.004, T1040.

use super::deeds::{Folded, actor, by_person};
use super::event_fields::{self, events};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip::{self, Ip};
use crate::knowledge::programs::{base_name, stem};
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::{account as t, common, event, file, process, registry};

/// See the module.
pub struct Cred06;

const NEAR_S: f64 = 60.0;
/// Full control of objects of the account database: every specific right, and to change permissions and owner.
const FULL_CONTROL: i64 = 0xF_0000;

static META: Meta = Meta {
    id: "CRED-06",
    title: "Secrets opened, exported or sniffed",
    sees: "A person gets full control of the account database's server or accounts (medium); one client uses the registry pipe and then a file with a \
           random name below ADMIN$ (high); WDigest is told to keep passwords (medium); stored credentials are backed up (low); private keys are \
           acquired by an odd program (low; medium by a known tool); packets are captured (low).",
    why: "Each yields passwords, hashes or keys for the next step.",
    techniques: &["T1003", "T1003.002", "T1112", "T1555.004", "T1552.004", "T1040"],
    stage: "credential-access",
    family: "credentials",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::EVENT_CODE,
                common::USER,
                common::USER_SID,
                t::OBJECT,
                t::OBJECT_TYPE,
                t::ACCESS_MASK,
            ],
        },
        Reads {
            table: &file::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                common::USER_SID,
                file::SHARE,
                file::PATH,
                file::NAME,
                file::CLIENT_IP,
            ],
        },
        Reads {
            table: &registry::TABLE,
            columns: registry_changes::COLUMNS,
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &event::TABLE,
            columns: event_fields::COLUMNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "near",
        value: NEAR_S,
        unit: "s",
        source: "[J] the remote registry and the file that it saved",
    }],
    benign: &[
        "migration of accounts",
        "back-up of stored credentials by their owner",
        "network debugging",
    ],
};

/// Programs that use certificates' keys as their work.
const KEY_USERS: &[&str] = &[
    "certreq",
    "chrome",
    "dsregcmd",
    "explorer",
    "firefox",
    "lsass",
    "mmc",
    "msedge",
    "mstsc",
    "outlook",
    "services",
    "svchost",
    "taskhostw",
    "w3wp",
    "winlogon",
    "wsmprovhost",
    "wmiprvse",
];
/// Tools that export keys.
const KEY_TOOLS: &[&str] = &["certify", "mimikatz", "rubeus", "seatbelt", "sharpdpapi"];
/// Programs that capture packets whenever they run.
const SNIFFERS: &[&str] = &["dumpcap", "rawcap", "tcpdump", "tshark", "windump"];

impl Signal for Cred06 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows.table(&t::TABLE).iter().filter(|r| by_person(*r)) {
            let hit = match (row.code(), row.str(common::ACTION)) {
                (4661, _) => opened(row),
                (_, "credential_backup") => {
                    let explain = format!(
                        "{} backed up the credential manager to {}",
                        actor(row),
                        quote(row.str(t::OBJECT))
                    );
                    Some(
                        Hit::at(&META, row, "backup", explain)
                            .level(Level::Medium)
                            .techniques(&["T1555.004"]),
                    )
                }
                _ => None,
            };
            hit.into_iter().for_each(|h| found.add(h));
        }
        for change in changes(rows.table(&registry::TABLE), |k| {
            k.ends_with("\\control\\securityproviders\\wdigest")
        }) {
            let on = change.value == "uselogoncredential" && change.is_set() && !is_zero(change.data);
            if on {
                let explain = format!(
                    "WDigest was told by {} to keep passwords in memory",
                    quote(change.row.str(registry::IMAGE))
                );
                found.add(Hit::at(&META, change.row, "wdigest", explain).techniques(&["T1112"]));
            }
        }
        for row in starts(rows.table(&process::TABLE)) {
            captures(row).into_iter().for_each(|h| found.add(h));
        }
        for (row, fields) in events(rows.table(&event::TABLE), "capi2", &[70]) {
            let program = fields.get("EventAuxInfo_ProcessName");
            key_used(row, program, fields.get("Certificate_subjectName"))
                .into_iter()
                .for_each(|h| found.add(h));
        }
        remote(cx, rows, &mut found);
        hits.extend(found.into_hits());
    }
}

/// `DWORD (0x00000000)`, `0` or nothing.
fn is_zero(data: &str) -> bool {
    let digits = data.trim().trim_start_matches("DWORD").trim().trim_matches(['(', ')']);
    digits.trim_start_matches("0x").trim_matches('0').is_empty()
}

fn opened(row: Row<'_>) -> Option<Hit> {
    let kind = row.str(t::OBJECT_TYPE);
    let full = row
        .int(t::ACCESS_MASK)
        .is_some_and(|m| m & FULL_CONTROL == FULL_CONTROL);
    if !full || !matches!(kind, "SAM_SERVER" | "SAM_USER" | "SAM_DOMAIN") {
        return None;
    }
    let explain = format!(
        "{} got full control of the account database ({kind} {})",
        actor(row),
        quote(row.str(t::OBJECT))
    );
    Some(
        Hit::at(
            &META,
            row,
            format!("sam|{}", row.str(common::USER).to_lowercase()),
            explain,
        )
        .techniques(&["T1003"]),
    )
}

fn key_used(row: Row<'_>, program: &str, subject: &str) -> Option<Hit> {
    let name = stem(base_name(program)).to_lowercase();
    if name.is_empty() || KEY_USERS.contains(&name.as_str()) {
        return None;
    }
    let level = if KEY_TOOLS.contains(&name.as_str()) {
        Level::Medium
    } else {
        Level::Low
    };
    let explain = format!(
        "{} acquired the private key of the certificate {}",
        quote(program),
        quote(subject)
    );
    Some(
        Hit::at(&META, row, format!("key|{name}"), explain)
            .level(level)
            .techniques(&["T1552.004"]),
    )
}

fn captures(row: Row<'_>) -> Option<Hit> {
    let tokens = tokenize(&row.str(process::CMDLINE).to_lowercase());
    let word = |i: usize| tokens.get(i).map_or("", String::as_str);
    let windows = (starts::is_one_of(row, &["pktmon"])
        && (word(1) == "start" || (word(1) == "filter" && word(2) == "add")))
        || (starts::is_one_of(row, &["netsh"])
            && word(1) == "trace"
            && word(2) == "start"
            && tokens.iter().any(|w| w == "capture=yes"));
    if !windows && !starts::is_one_of(row, SNIFFERS) {
        return None;
    }
    let explain = format!("Packets are captured: {}", starts::command(row));
    Some(Hit::at(&META, row, "capture", explain).techniques(&["T1040"]))
}

/// The registry pipe, then a file with a random name that the remote registry saved and the client fetched.
fn remote(cx: &Cx<'_>, rows: &KeyRows<'_>, found: &mut Folded) {
    let mut pipes: Vec<(Ip, Row<'_>)> = Vec::new();
    let near = (cx.number(&META, "near") * 1e6) as i64;
    for row in rows
        .table(&file::TABLE)
        .iter()
        .filter(|r| r.str(common::ACTION) == "share_access" && by_person(*r))
    {
        let Some(client) = row.ip(file::CLIENT_IP) else {
            continue;
        };
        let share = row.str(file::SHARE).to_ascii_lowercase();
        if share.ends_with("ipc$") && row.str(file::NAME) == "winreg" {
            pipes.push((client, row));
        } else if share.ends_with("admin$") && is_saved(row.str(file::PATH)) {
            let pipe = pipes
                .iter()
                .rev()
                .find(|(c, p)| *c == client && row.ts() - p.ts() <= near);
            let Some((_, pipe)) = pipe else { continue };
            let address = ip::display(&client);
            let explain = format!(
                "{} from {address} used the remote registry and then fetched {} below ADMIN$: a dump of local secrets",
                actor(row),
                quote(row.str(file::PATH))
            );
            let mut hit = Hit::at(&META, row, format!("remote|{address}"), explain)
                .level(Level::High)
                .techniques(&["T1003.002"])
                .ioc(Ioc::Ip(address));
            hit.add_row(*pipe);
            found.add(hit);
        }
    }
}

/// `System32\abcdefgh.tmp` or `Temp\abcdefgh.tmp`: eight letters, as Impacket names what it saves.
fn is_saved(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let Some((folder, name)) = lower.rsplit_once('\\') else {
        return false;
    };
    let letters = name
        .strip_suffix(".tmp")
        .is_some_and(|n| n.len() == 8 && n.bytes().all(|c| c.is_ascii_alphabetic()));
    letters && matches!(folder.trim_start_matches('\\'), "system32" | "temp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    fn share(sample: &mut Sample, second: i64, share: &str, path: &str, from: &str) {
        sample.row_us(&file::TABLE, "srv01", 1_772_442_000_000_000 + second * 1_000_000, |b| {
            b.text(common::ACTION, "share_access");
            b.text(common::USER, "adm");
            b.text(file::SHARE, share);
            b.text(file::PATH, path);
            b.text(file::NAME, &base_name(path).to_lowercase());
            b.ip(file::CLIENT_IP, &ip::parse(from).unwrap());
        });
    }

    #[test]
    fn the_remote_registry_and_a_random_file_are_a_dump() {
        let run = |path: &str, from: &str| {
            let mut sample = Sample::default();
            share(&mut sample, 0, r"\\*\IPC$", "winreg", "10.0.5.21");
            share(&mut sample, 3, r"\\*\ADMIN$", path, from);
            sample.hits(&Cred06).first().map(|h| (h.level, h.rows.len()))
        };
        assert_eq!(run(r"System32\qWkXbTzP.tmp", "10.0.5.21"), Some((Level::High, 2)));
        assert_eq!(run(r"System32\qWkXbTzP.tmp", "10.0.5.99"), None);
        assert_eq!(run(r"System32\notepad.exe", "10.0.5.21"), None);
    }

    #[test]
    fn full_control_of_the_account_database_counts_for_people() {
        let run = |user: &str, mask: i64| {
            let mut sample = Sample::default();
            sample.row(&t::TABLE, "dc01", "2026-03-02T09:00:00Z", |b| {
                b.int(common::EVENT_CODE, 4661);
                b.text(common::USER, user);
                b.text(t::OBJECT_TYPE, "SAM_SERVER");
                b.int(t::ACCESS_MASK, mask);
            });
            sample.hits(&Cred06).len()
        };
        assert_eq!(run("adm", 0xF_003F), 1);
        assert_eq!(run("adm", 0x30), 0);
        assert_eq!(run("DC01$", 0xF_003F), 0);
    }

    #[test]
    fn wdigest_keys_and_captures_are_told_from_their_harmless_likes() {
        let wdigest = |data: &str| {
            let mut sample = Sample::default();
            sample.row(&registry::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(common::ACTION, "set_value");
                b.text(
                    registry::KEY,
                    r"HKLM\System\CurrentControlSet\Control\SecurityProviders\WDigest",
                );
                b.text(registry::VALUE_NAME, "UseLogonCredential");
                b.text(registry::DATA, data);
            });
            sample.hits(&Cred06).len()
        };
        assert_eq!((wdigest("DWORD (0x00000001)"), wdigest("DWORD (0x00000000)")), (1, 0));
        let capture = |line: &str| hits_of(&Cred06, line.split(' ').next().unwrap(), "cmd.exe", line).len();
        assert_eq!(capture("pktmon.exe start --etw"), 1);
        assert_eq!(capture("netsh.exe trace start capture=yes"), 1);
        assert_eq!(capture("pktmon.exe status"), 0);
    }
}
