//! Meaning: one file per event family. A mapper turns a raw event into exactly one row of one table.

use std::collections::HashMap;
use std::sync::OnceLock;

use ahash::RandomState;

use super::raw::{Family, Raw};
use super::sink::RecordContext;
use super::windows::Source;
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
        mde_process::MdeProcess,
        mde_network::MdeNetwork,
        mde_dns::MdeDns,
        mde_http::MdeHttp,
        mde_file::MdeFile,
        mde_registry::MdeRegistry,
        mde_image::MdeImage,
        mde_access::MdeAccess,
        mde_auth::MdeAuth,
        mde_account::MdeAccount,
        mde_persist::MdePersist,
        mde_script::MdeScript,
        mde_alert::MdeAlert,
        mde_posture::MdePosture,
        entra_signin::EntraSignin,
        sysmon_process::SysmonProcess,
        sysmon_network::SysmonNetwork,
        sysmon_file::SysmonFile,
        sysmon_registry::SysmonRegistry,
        sysmon_image::SysmonImage,
        sysmon_access::SysmonAccess,
        sysmon_dns::SysmonDns,
        sysmon_wmi::SysmonWmi,
        sysmon_state::SysmonState,
        security_process::SecurityProcess,
        security_logon::SecurityLogon,
        security_nps::SecurityNps,
        security_kerberos::SecurityKerberos,
        security_account::SecurityAccount,
        security_directory::SecurityDirectory,
        security_privilege::SecurityPrivilege,
        security_object::SecurityObject,
        security_registry::SecurityRegistry,
        security_service::SecurityService,
        security_task::SecurityTask,
        security_network::SecurityNetwork,
        security_posture::SecurityPosture,
        security_lsa::SecurityLsa,
        eventlog::Eventlog,
        services::Services,
        system::System,
        netlogon::Netlogon,
        powershell::PowerShell,
        powershell_classic::PowerShellClassic,
        exchange::Exchange,
        defender_alert::DefenderAlert,
        defender_posture::DefenderPosture,
        taskscheduler::TaskScheduler,
        wmi_activity::WmiActivity,
        bits::Bits,
        rdp::Rdp,
        firewall::Firewall,
        applocker::AppLocker,
        code_integrity::CodeIntegrity,
        ntlm::Ntlm,
        smb::Smb,
        dns_windows::DnsWindows,
        dns_server_audit::DnsServerAudit,
        openssh::OpenSsh,
        msi::Msi,
        vhdmp::Vhdmp,
        print::Print,
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
            let source = raw.source();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    /// Provider, channel, table, ids (a pair is a range).
    type Expected = (&'static str, &'static str, &'static str, &'static [(i32, i32)]);

    const fn one(id: i32) -> (i32, i32) {
        (id, id)
    }

    const SYSMON: &str = "Microsoft-Windows-Sysmon";
    const SECURITY: &str = "Microsoft-Windows-Security-Auditing";
    const POWERSHELL: &str = "Microsoft-Windows-PowerShell";
    const DEFENDER: &str = "Microsoft-Windows-Windows Defender";

    /// The tables that the input specification names, by source.
    const TABLES: &[Expected] = &[
        (SYSMON, "o", "process", &[one(1), one(5)]),
        (
            SYSMON,
            "o",
            "file",
            &[one(2), one(11), one(15), (17, 18), one(23), (26, 29)],
        ),
        (SYSMON, "o", "network", &[one(3)]),
        (SYSMON, "o", "posture", &[one(4), one(16), one(255)]),
        (SYSMON, "o", "image_load", &[(6, 7)]),
        (SYSMON, "o", "process_access", &[(8, 10), one(25)]),
        (SYSMON, "o", "registry", &[(12, 14)]),
        (SYSMON, "o", "persist", &[(19, 21)]),
        (SYSMON, "o", "dns", &[one(22)]),
        (SYSMON, "o", "event", &[one(24)]),
        (SECURITY, "Security", "process", &[(4688, 4689), one(4696)]),
        (
            SECURITY,
            "Security",
            "auth",
            &[
                (4624, 4625),
                one(4634),
                (4647, 4649),
                one(4672),
                one(4675),
                one(4740),
                (4768, 4779),
                (4800, 4803),
                one(4964),
                (6272, 6280),
            ],
        ),
        (
            SECURITY,
            "Security",
            "account",
            &[
                one(4720),
                (4722, 4726),
                (4728, 4735),
                (4737, 4738),
                (4741, 4743),
                (4754, 4758),
                (4764, 4767),
                (4780, 4781),
                (4793, 4794),
                (4798, 4799),
                (5376, 5377),
                (4661, 4662),
                (5136, 5139),
                one(5141),
                (4706, 4707),
                one(4713),
                one(4716),
                (4703, 4705),
                (4717, 4718),
                (4673, 4674),
            ],
        ),
        (
            SECURITY,
            "Security",
            "file",
            &[
                one(4656),
                one(4658),
                one(4660),
                (4663, 4664),
                one(4670),
                one(4985),
                one(5140),
                (5142, 5145),
                one(5168),
            ],
        ),
        (SECURITY, "Security", "registry", &[one(4657)]),
        (SECURITY, "Security", "persist", &[(4697, 4702)]),
        (SECURITY, "Security", "network", &[(5152, 5159), one(5031)]),
        (
            SECURITY,
            "Security",
            "posture",
            &[
                one(4608),
                one(4612),
                one(4616),
                one(4719),
                one(4902),
                (4904, 4907),
                one(4912),
                (4946, 4958),
                (5024, 5025),
                (5058, 5059),
            ],
        ),
        (
            SECURITY,
            "Security",
            "image_load",
            &[(4610, 4611), one(4614), one(4622)],
        ),
        (
            "Microsoft-Windows-Eventlog",
            "Security",
            "posture",
            &[one(1100), one(1102), one(1104), one(1108)],
        ),
        ("Microsoft-Windows-Eventlog", "System", "posture", &[one(104)]),
        (
            "Service Control Manager",
            "System",
            "persist",
            &[one(7000), one(7009), (7034, 7036), one(7040), one(7045)],
        ),
        ("EventLog", "System", "posture", &[(6005, 6006), (6008, 6009)]),
        ("User32", "System", "posture", &[one(1074)]),
        ("Microsoft-Windows-Kernel-General", "System", "posture", &[(12, 13)]),
        ("NETLOGON", "System", "auth", &[one(5723), one(5805), (5827, 5831)]),
        (
            "Microsoft-Windows-UserPnp",
            "System",
            "event",
            &[one(20001), one(20003)],
        ),
        (
            POWERSHELL,
            "o",
            "script",
            &[one(4100), (4103, 4106), (40961, 40962), one(53504)],
        ),
        (
            "PowerShellCore",
            "o",
            "script",
            &[one(4100), (4103, 4106), (40961, 40962), one(53504)],
        ),
        (
            "PowerShell",
            "Windows PowerShell",
            "script",
            &[one(400), one(403), (500, 501), one(600), one(800)],
        ),
        (
            DEFENDER,
            "o",
            "alert",
            &[
                (1006, 1008),
                one(1010),
                one(1012),
                (1014, 1019),
                (1116, 1119),
                (1121, 1134),
            ],
        ),
        (
            DEFENDER,
            "o",
            "posture",
            &[
                (1000, 1002),
                one(1005),
                one(1009),
                one(1011),
                one(1013),
                (1150, 1151),
                (2000, 2004),
                one(3002),
                one(3007),
                (5000, 5001),
                one(5004),
                (5007, 5013),
            ],
        ),
        (
            "Microsoft-Windows-TaskScheduler",
            "o",
            "persist",
            &[
                (100, 102),
                (106, 108),
                one(110),
                (118, 119),
                one(129),
                (140, 142),
                (200, 201),
                one(325),
            ],
        ),
        ("Microsoft-Windows-WMI-Activity", "o", "persist", &[(5857, 5861)]),
    ];

    #[test]
    fn every_event_id_of_the_specification_lands_in_its_table() {
        for (provider, channel, table, ranges) in TABLES {
            for id in ranges.iter().flat_map(|(from, to)| *from..=*to) {
                let seen = run(&event(provider, channel, id, &[]));
                assert_eq!(seen.table, *table, "{provider} {id}");
                assert_eq!(seen.mapper == "other", *table == "event", "{provider} {id}");
                // An id that its mapper has no verb for would be called an event.
                assert_eq!(seen.action() == "event", *table == "event", "{provider} {id}");
            }
        }
    }

    #[test]
    fn the_object_type_moves_object_access_to_its_own_table() {
        for (kind, table) in [("Process", "process_access"), ("Key", "registry"), ("File", "file")] {
            for id in [4656, 4663] {
                let seen = run(&event(SECURITY, "Security", id, &[("ObjectType", kind)]));
                assert_eq!(seen.table, table);
            }
        }
    }

    #[test]
    fn no_windows_event_is_claimed_twice() {
        let mut seen = std::collections::BTreeMap::new();
        for mapper in MAPPERS {
            for claim in mapper.claims() {
                if let Claim::Windows(source, codes) = claim {
                    for code in *codes {
                        let other = seen.insert((format!("{source:?}"), *code), mapper.id());
                        assert_eq!(other, None, "{source:?} {code} is claimed by {} too", mapper.id());
                    }
                }
            }
        }
    }
}
