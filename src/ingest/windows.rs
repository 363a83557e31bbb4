//! Which Windows source a provider or channel is: the key by which mappers claim Windows events.

use std::cell::RefCell;
use std::sync::OnceLock;

use crate::base::names::{Names, hash};

/// A Windows event source with mappers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Microsoft-Windows-Sysmon.
    Sysmon,
    /// Microsoft-Windows-Security-Auditing.
    Security,
    /// Microsoft-Windows-Eventlog (1102, 104, 1100).
    Eventlog,
    /// Service Control Manager (System log).
    Services,
    /// Other System log providers.
    System,
    /// Microsoft-Windows-PowerShell and PowerShellCore.
    PowerShell,
    /// The classic "Windows PowerShell" log.
    PowerShellClassic,
    /// Microsoft-Windows-Windows Defender.
    Defender,
    /// Microsoft-Windows-TaskScheduler.
    TaskScheduler,
    /// Microsoft-Windows-WMI-Activity.
    WmiActivity,
    /// Microsoft-Windows-Bits-Client.
    Bits,
    /// Terminal services: LocalSessionManager.
    TsLocalSession,
    /// Terminal services: RemoteConnectionManager.
    TsRemoteConnection,
    /// Terminal services: RdpCoreTS.
    RdpCore,
    /// Terminal services: the client's ActiveX core.
    RdpClient,
    /// Microsoft-Windows-Windows Firewall With Advanced Security.
    Firewall,
    /// AppLocker.
    AppLocker,
    /// Code Integrity.
    CodeIntegrity,
    /// Microsoft-Windows-NTLM.
    Ntlm,
    /// SMB server and client.
    Smb,
    /// DNS client.
    DnsClient,
    /// DNS server (audit and analytic).
    DnsServer,
    /// DHCP server.
    DhcpServer,
    /// OpenSSH.
    OpenSsh,
    /// MsiInstaller (Application log).
    Msi,
    /// Exchange administration ("MSExchange Management" log).
    Exchange,
    /// Virtual disks and images being mounted.
    Vhdmp,
    /// Print service.
    Print,
    /// Anything else.
    Other,
}

impl Source {
    /// The `source` column.
    pub fn name(self) -> &'static str {
        match self {
            Source::Sysmon => "sysmon",
            Source::Security => "security",
            Source::Eventlog => "eventlog",
            Source::Services | Source::System => "system",
            Source::PowerShell | Source::PowerShellClassic => "powershell",
            Source::Defender => "defender",
            Source::TaskScheduler => "taskscheduler",
            Source::WmiActivity => "wmi",
            Source::Bits => "bits",
            Source::TsLocalSession | Source::TsRemoteConnection | Source::RdpCore | Source::RdpClient => "rdp",
            Source::Firewall => "firewall",
            Source::AppLocker => "applocker",
            Source::CodeIntegrity => "codeintegrity",
            Source::Ntlm => "ntlm",
            Source::Smb => "smb",
            Source::DnsClient => "dnsclient",
            Source::DnsServer => "dnsserver",
            Source::DhcpServer => "dhcpserver",
            Source::OpenSsh => "openssh",
            Source::Msi => "msi",
            Source::Exchange => "exchange",
            Source::Vhdmp => "vhdmp",
            Source::Print => "printservice",
            Source::Other => "windows",
        }
    }
}

/// Substrings of provider or channel names, tried in order, in lower case.
const NAMES: &[(&str, Source)] = &[
    ("sysmon", Source::Sysmon),
    ("security-auditing", Source::Security),
    ("security auditing", Source::Security),
    ("windows-eventlog", Source::Eventlog),
    ("service control manager", Source::Services),
    ("service-control-manager", Source::Services),
    ("windows-powershell", Source::PowerShell),
    ("powershellcore", Source::PowerShell),
    ("windows defender", Source::Defender),
    ("windows-defender", Source::Defender),
    ("taskscheduler", Source::TaskScheduler),
    ("wmi-activity", Source::WmiActivity),
    ("bits-client", Source::Bits),
    ("terminalservices-localsessionmanager", Source::TsLocalSession),
    ("terminalservices-remoteconnectionmanager", Source::TsRemoteConnection),
    ("rdpcorets", Source::RdpCore),
    ("terminalservices-clientactivexcore", Source::RdpClient),
    ("terminalservices-rdpclient", Source::RdpClient),
    ("firewall with advanced security", Source::Firewall),
    ("applocker", Source::AppLocker),
    ("codeintegrity", Source::CodeIntegrity),
    ("windows-ntlm", Source::Ntlm),
    // Writes 8004 into the NTLM log.
    ("security-netlogon", Source::Ntlm),
    ("smbserver", Source::Smb),
    ("smbclient", Source::Smb),
    ("dns-client", Source::DnsClient),
    ("dnsserver", Source::DnsServer),
    ("dns-server", Source::DnsServer),
    ("dhcp-server", Source::DhcpServer),
    ("openssh", Source::OpenSsh),
    ("msiinstaller", Source::Msi),
    ("msexchange cmdletlogs", Source::Exchange),
    ("msexchange management", Source::Exchange),
    ("windows-vhdmp", Source::Vhdmp),
    ("printservice", Source::Print),
];

/// Providers that fill most logs, to be found without a search for parts of their names.
const COMMON: &[&str] = &[
    "Microsoft-Windows-Sysmon",
    "Microsoft-Windows-Security-Auditing",
    "Microsoft-Windows-PowerShell",
    "Microsoft-Windows-Windows Defender",
    "Microsoft-Windows-TaskScheduler",
    "Microsoft-Windows-WMI-Activity",
    "Microsoft-Windows-Bits-Client",
    "Microsoft-Windows-TerminalServices-LocalSessionManager",
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager",
    "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS",
    "Microsoft-Windows-Windows Firewall With Advanced Security",
    "Microsoft-Windows-AppLocker",
    "Microsoft-Windows-CodeIntegrity",
    "Microsoft-Windows-NTLM",
    "Microsoft-Windows-SMBServer",
    "Microsoft-Windows-SMBClient",
    "Microsoft-Windows-DNS-Client",
    "Microsoft-Windows-DNSServer",
    "Microsoft-Windows-Eventlog",
    "Microsoft-Windows-Kernel-General",
    "Microsoft-Windows-Kernel-Power",
    "Microsoft-Windows-Kernel-Process",
    "Microsoft-Windows-GroupPolicy",
    "Microsoft-Windows-Winlogon",
    "Microsoft-Windows-WinRM",
    "Microsoft-Windows-WindowsUpdateClient",
    "Microsoft-Windows-User Profiles Service",
    "Microsoft-Windows-CAPI2",
    "Microsoft-Windows-Security-SPP",
    "Microsoft-Windows-DistributedCOM",
    "Microsoft-Windows-Time-Service",
    "Service Control Manager",
    "MsiInstaller",
    "ESENT",
    "EventLog",
    "NETLOGON",
    "User32",
];

/// The source of an event, by provider first, then by channel. Names are compared without case.
#[inline]
pub fn source(provider: &str, channel: Option<&str>) -> Source {
    if provider.eq_ignore_ascii_case("powershell") {
        return Source::PowerShellClassic;
    }
    by_provider(provider)
        .or_else(|| by_channel(provider, channel?))
        .unwrap_or(Source::Other)
}

#[inline]
fn by_provider(provider: &str) -> Option<Source> {
    static KNOWN: OnceLock<(Names, Vec<Option<Source>>)> = OnceLock::new();
    let (names, sources) = KNOWN.get_or_init(|| {
        let sources = COMMON.iter().map(|n| by_name(n)).collect();
        (Names::new(COMMON.iter().copied()), sources)
    });
    match names.find(provider) {
        Some(at) => sources.get(at).copied().flatten(),
        None => by_rare_name(provider),
    }
}

/// Longest name that is looked at, in bytes.
const LONGEST: usize = 256;

/// How many rare providers a thread keeps in mind.
const RARE: usize = 64;

/// [`by_name`], which is a long search, for providers that are asked for several times a record, record after record.
fn by_rare_name(name: &str) -> Option<Source> {
    type Known = (String, Option<Source>);
    thread_local! {
        static KNOWN: RefCell<[Known; RARE]> = RefCell::new(std::array::from_fn(|_| Known::default()));
    }
    if name.len() > LONGEST {
        return None;
    }
    let place = hash(name.as_bytes()) as usize % RARE;
    KNOWN.with_borrow_mut(|known| match known.get_mut(place) {
        Some((of, source)) if of == name => *source,
        Some(slot) => {
            let source = by_name(name);
            slot.0.clear();
            slot.0.push_str(name);
            slot.1 = source;
            source
        }
        None => by_name(name),
    })
}

fn by_name(name: &str) -> Option<Source> {
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    NAMES.iter().find(|(n, _)| lower.contains(n)).map(|(_, s)| *s)
}

fn by_channel(provider: &str, channel: &str) -> Option<Source> {
    if channel.eq_ignore_ascii_case("windows powershell") {
        return Some(Source::PowerShellClassic);
    }
    if channel.eq_ignore_ascii_case("system") {
        return Some(Source::System);
    }
    // A channel speaks for its provider only where the provider is not given.
    if !provider.is_empty() {
        return None;
    }
    if channel.eq_ignore_ascii_case("security") {
        return Some(Source::Security);
    }
    by_name(channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_by_provider_then_by_channel() {
        assert_eq!(source("Microsoft-Windows-Sysmon", None), Source::Sysmon);
        assert_eq!(source("", Some("Security")), Source::Security);
        assert_eq!(source("", Some("Microsoft-Windows-Sysmon/Operational")), Source::Sysmon);
        assert_eq!(
            source("PowerShell", Some("Windows PowerShell")),
            Source::PowerShellClassic
        );
        assert_eq!(source("Microsoft-Windows-PowerShell", None), Source::PowerShell);
        assert_eq!(source("Microsoft-Windows-Eventlog", Some("Security")), Source::Eventlog);
        assert_eq!(source("NETLOGON", Some("System")), Source::System);
        assert_eq!(source("Nonesuch", Some("Security")), Source::Other);
    }

    #[test]
    fn rare_providers_are_kept_apart() {
        let names: Vec<String> = (0..500)
            .map(|i| format!("Nonesuch {i}{}", if i % 3 == 0 { " OpenSSH" } else { "" }))
            .collect();
        for _ in 0..2 {
            for name in &names {
                assert_eq!(by_rare_name(name), by_name(name), "{name}");
                assert_eq!(by_rare_name(name), by_name(name), "{name}");
            }
        }
        assert_eq!(by_rare_name(&"openssh ".repeat(100)), None);
        assert_eq!(by_rare_name(""), None);
    }
}
