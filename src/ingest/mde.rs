//! Microsoft Defender for Endpoint, whatever the delivery: which family a row belongs to, and what its columns are called.
//!
//! A `union` export and the device timeline mix all tables in one file, so every row is routed by its own `ActionType`;
//! tables without one (DeviceInfo, AlertInfo …) by the name of the table, else by their columns.

use std::borrow::Cow;

use super::raw::{Field, Raw, Value};
use crate::base::time::{self, DateOrder, TimeQuality, Ts};

mod columns;
#[cfg(test)]
pub mod testing;

pub use columns::canonical;

/// The kinds of rows: `Raw::kind`, and what mappers claim.
pub mod kind {
    /// Process starts.
    pub const PROCESS: &str = "mde.process";
    /// Connections.
    pub const NETWORK: &str = "mde.network";
    /// DNS questions.
    pub const DNS: &str = "mde.dns";
    /// Web requests.
    pub const HTTP: &str = "mde.http";
    /// Files and named pipes.
    pub const FILE: &str = "mde.file";
    /// Registry.
    pub const REGISTRY: &str = "mde.registry";
    /// Libraries and drivers.
    pub const IMAGE: &str = "mde.image";
    /// One process reaching into another.
    pub const ACCESS: &str = "mde.access";
    /// Logons on devices.
    pub const LOGON: &str = "mde.logon";
    /// Logons seen by domain controllers and cloud applications.
    pub const IDENTITY: &str = "mde.identity";
    /// Accounts and groups.
    pub const ACCOUNT: &str = "mde.account";
    /// Services, tasks, WMI bindings.
    pub const PERSIST: &str = "mde.persist";
    /// Script text.
    pub const SCRIPT: &str = "mde.script";
    /// Detections and blocks, AlertInfo, AlertEvidence.
    pub const ALERT: &str = "mde.alert";
    /// State of the device and its protection.
    pub const POSTURE: &str = "mde.posture";
    /// DeviceTvmSecureConfigurationAssessment.
    pub const TVM: &str = "mde.tvm";
    /// Everything else.
    pub const EVENT: &str = "mde.event";
}

/// Takes the common columns out of the fields (`Timestamp`, `DeviceName`, `DeviceId`, `ReportId`) and sets the kind.
///
/// `table` is the table the delivery names, if it names one; `fallback` its own time of delivery.
pub fn settle(raw: &mut Raw<'_>, table: Option<&str>, fallback: Option<&str>) {
    let table = table.map(|t| t.strip_prefix("AdvancedHunting-").unwrap_or(t));
    let family = family(raw.get("ActionType"), table, &|name| raw.get(name).is_some());
    raw.kind = Cow::Borrowed(family);
    let stamp = ["Timestamp", "TimeGenerated"]
        .into_iter()
        .find_map(|n| Some((n, time_of(raw.get(n)?)?)));
    let known = stamp.map(|(_, t)| t).or_else(|| time_of(fallback?));
    if let Some((ts, quality)) = known {
        (raw.time, raw.quality) = (Some(ts), quality);
    }
    // A column of microseconds does not hold the seventh digit: such a time stays in `extra` too.
    let held = stamp.and_then(|(n, (ts, _))| (raw.get(n)? == time::format_rfc3339(ts)).then_some(n));
    // In IdentityLogonEvents the device is where the logon came from, not where it happened.
    let host = if family == kind::IDENTITY {
        "DestinationDeviceName"
    } else {
        "DeviceName"
    };
    let mut left = Vec::with_capacity(raw.fields.len());
    for field in std::mem::take(&mut raw.fields) {
        let name = &*field.name;
        match (name, &field.value) {
            _ if Some(name) == held => {}
            ("DeviceId", Value::Str(_) | Value::Escaped(_)) => raw.host_id = text(field),
            ("ReportId", v) if number(v).is_some() => raw.record_id = number(v),
            (n, Value::Str(_) | Value::Escaped(_)) if n == host => raw.host = text(field),
            _ => left.push(field),
        }
    }
    raw.fields = left;
}

/// The family of a row.
pub fn family(action: Option<&str>, table: Option<&str>, has: &dyn Fn(&str) -> bool) -> &'static str {
    if table == Some("IdentityLogonEvents") || has("DestinationDeviceName") || has("TargetDeviceName") {
        return kind::IDENTITY;
    }
    // Their actions have the names of device actions (`FileDeleted` in a cloud store) and other columns.
    if matches!(
        table,
        Some("CloudAppEvents" | "UrlClickEvents" | "IdentityDirectoryEvents" | "IdentityQueryEvents")
    ) {
        return kind::EVENT;
    }
    if let Some(action) = action.filter(|a| !a.is_empty()) {
        return by_action(action).or_else(|| by_table(table?)).unwrap_or(kind::EVENT);
    }
    table.and_then(by_table).unwrap_or_else(|| by_columns(has))
}

/// Reads a time of any delivery. ISO without a zone (device timeline) is an assumption; the portal's US form is UTC.
pub fn time_of(text: &str) -> Option<(Ts, TimeQuality)> {
    if let Some((ts, zone)) = time::rfc3339(text.as_bytes()) {
        return Some((ts, zone.quality()));
    }
    let (ts, _) = time::us_datetime(text.as_bytes(), DateOrder::Mdy)?;
    Some((ts, TimeQuality::Utc))
}

fn text<'a>(field: Field<'a>) -> Option<Cow<'a, str>> {
    match field.value {
        Value::Raw(_) => None,
        value => value.into_text(),
    }
}

fn number(value: &Value<'_>) -> Option<u64> {
    let text = value.text()?;
    text.parse().ok().filter(|n: &u64| n.to_string() == text)
}

/// Beginnings of `ActionType`, the first that fits counts. Sensors add suffixes (`…AggregatedReport`), hence beginnings.
const ACTIONS: &[(&str, &str)] = &[
    ("ProcessPrimaryTokenModified", kind::ACCESS),
    ("ProcessCreated", kind::PROCESS),
    ("ProcessTerminated", kind::PROCESS),
    ("DnsConnectionInspected", kind::DNS),
    ("DnsQuery", kind::DNS),
    ("HttpConnectionInspected", kind::HTTP),
    ("BrowserLaunchedToOpenUrl", kind::HTTP),
    ("Connection", kind::NETWORK),
    ("InboundConnection", kind::NETWORK),
    ("InboundInternetScanInspected", kind::NETWORK),
    ("ListeningConnectionCreated", kind::NETWORK),
    ("NetworkSignatureInspected", kind::NETWORK),
    ("FirewallInboundConnection", kind::NETWORK),
    ("FirewallOutboundConnection", kind::NETWORK),
    ("FileCreated", kind::FILE),
    ("FileModified", kind::FILE),
    ("FileRenamed", kind::FILE),
    ("FileDeleted", kind::FILE),
    ("FileTimestampModification", kind::FILE),
    ("ShellLinkCreateFileEvent", kind::FILE),
    ("NamedPipeEvent", kind::FILE),
    ("SensitiveFileRead", kind::FILE),
    ("Registry", kind::REGISTRY),
    ("ImageLoaded", kind::IMAGE),
    ("DriverLoad", kind::IMAGE),
    ("OpenProcessApiCall", kind::ACCESS),
    ("ReadProcessMemoryApiCall", kind::ACCESS),
    ("WriteProcessMemoryApiCall", kind::ACCESS),
    ("WriteToLsassProcessMemory", kind::ACCESS),
    ("CreateRemoteThreadApiCall", kind::ACCESS),
    ("QueueUserApcRemoteApiCall", kind::ACCESS),
    ("SetThreadContextRemoteApiCall", kind::ACCESS),
    ("NtAllocateVirtualMemory", kind::ACCESS),
    ("NtMapViewOfSection", kind::ACCESS),
    ("NtProtectVirtualMemory", kind::ACCESS),
    ("MemoryRemoteProtect", kind::ACCESS),
    ("DpapiAccessed", kind::ACCESS),
    ("LogonSuccess", kind::LOGON),
    ("LogonFailed", kind::LOGON),
    ("LogonAttempted", kind::LOGON),
    ("UserAccount", kind::ACCOUNT),
    ("SecurityGroup", kind::ACCOUNT),
    ("PasswordChangeAttempt", kind::ACCOUNT),
    ("ServiceInstalled", kind::PERSIST),
    ("ScheduledTask", kind::PERSIST),
    ("WmiBind", kind::PERSIST),
    ("PowerShellCommand", kind::SCRIPT),
    ("AmsiScript", kind::SCRIPT),
    ("ScriptContent", kind::SCRIPT),
    ("AntivirusScan", kind::POSTURE),
    ("AntivirusDefinitions", kind::POSTURE),
    ("AntivirusEmergencyUpdates", kind::POSTURE),
    ("AuditPolicyModification", kind::POSTURE),
    ("SecurityLogCleared", kind::POSTURE),
    ("FirewallServiceStopped", kind::POSTURE),
    ("Antivirus", kind::ALERT),
    ("Asr", kind::ALERT),
    ("ExploitGuard", kind::ALERT),
    ("ControlledFolderAccess", kind::ALERT),
    ("SmartScreen", kind::ALERT),
    ("Tampering", kind::ALERT),
    ("AppControl", kind::ALERT),
    ("OtherAlertRelatedActivity", kind::ALERT),
];

fn by_action(action: &str) -> Option<&'static str> {
    let listed = ACTIONS.iter().find(|(a, _)| action.starts_with(a)).map(|(_, k)| *k);
    // Ssl, Icmp, Ssh, Smtp, Ftp … of the sensor's protocol analysis.
    listed.or_else(|| action.ends_with("ConnectionInspected").then_some(kind::NETWORK))
}

fn by_table(table: &str) -> Option<&'static str> {
    Some(match table {
        "DeviceProcessEvents" => kind::PROCESS,
        "DeviceNetworkEvents" => kind::NETWORK,
        "DeviceFileEvents" => kind::FILE,
        "DeviceRegistryEvents" => kind::REGISTRY,
        "DeviceImageLoadEvents" => kind::IMAGE,
        "DeviceLogonEvents" => kind::LOGON,
        "AlertInfo" | "AlertEvidence" | "DeviceAlertEvents" => kind::ALERT,
        "DeviceInfo" | "DeviceNetworkInfo" => kind::POSTURE,
        "DeviceTvmSecureConfigurationAssessment" => kind::TVM,
        _ => return None,
    })
}

/// Columns that tell a table, for exports that project `ActionType` away.
fn by_columns(has: &dyn Fn(&str) -> bool) -> &'static str {
    const TELLING: &[(&str, &str)] = &[
        ("ConfigurationId", kind::TVM),
        ("AlertId", kind::ALERT),
        ("OnboardingStatus", kind::POSTURE),
        ("NetworkAdapterName", kind::POSTURE),
        ("OSPlatform", kind::POSTURE),
        ("RegistryKey", kind::REGISTRY),
        ("LogonType", kind::LOGON),
        ("RemoteIP", kind::NETWORK),
        ("RemoteUrl", kind::NETWORK),
        ("ProcessCommandLine", kind::PROCESS),
        ("ProcessCreationTime", kind::PROCESS),
    ];
    TELLING
        .iter()
        .find(|(name, _)| has(name))
        .map_or(kind::EVENT, |(_, k)| *k)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(action: &str) -> &'static str {
        family(Some(action), None, &|_| false)
    }

    #[test]
    fn every_row_is_routed_by_its_own_action() {
        for (action, want) in [
            ("ProcessCreated", kind::PROCESS),
            ("ProcessCreatedUsingWmiQuery", kind::PROCESS),
            ("ProcessPrimaryTokenModified", kind::ACCESS),
            ("ConnectionSuccessAggregatedReport", kind::NETWORK),
            ("SslConnectionInspected", kind::NETWORK),
            ("DnsConnectionInspected", kind::DNS),
            ("HttpConnectionInspected", kind::HTTP),
            ("NamedPipeEvent", kind::FILE),
            ("AntivirusScanCompleted", kind::POSTURE),
            ("AntivirusDetection", kind::ALERT),
            ("AsrLsassCredentialTheftAudited", kind::ALERT),
            ("UsbDriveMounted", kind::EVENT),
        ] {
            assert_eq!(routed(action), want, "{action}");
        }
    }

    #[test]
    fn rows_without_action_are_routed_by_table_then_by_columns() {
        assert_eq!(family(None, Some("AlertInfo"), &|_| false), kind::ALERT);
        assert_eq!(family(None, None, &|n| n == "ConfigurationId"), kind::TVM);
        assert_eq!(family(Some(""), None, &|n| n == "RemoteIP"), kind::NETWORK);
        assert_eq!(
            family(Some("LogonSuccess"), Some("IdentityLogonEvents"), &|_| { false }),
            kind::IDENTITY
        );
        assert_eq!(
            family(Some("FileDeleted"), Some("CloudAppEvents"), &|_| false),
            kind::EVENT
        );
        assert_eq!(
            family(Some("NewThing"), Some("DeviceFileEvents"), &|_| false),
            kind::FILE
        );
    }

    #[test]
    fn common_columns_leave_the_fields_unless_they_would_lose_digits() {
        let mut raw = Raw::log("", 0);
        for (n, v) in [
            ("Timestamp", "2025-01-02T03:04:05.1234567Z"),
            ("DeviceName", "ws01.corp.example"),
            ("DeviceId", "ab"),
            ("ReportId", "7"),
        ] {
            raw.push(n, Value::str(v));
        }
        settle(&mut raw, Some("AdvancedHunting-DeviceInfo"), None);
        assert_eq!(
            (raw.host.as_deref(), raw.host_id.as_deref(), raw.record_id),
            (Some("ws01.corp.example"), Some("ab"), Some(7))
        );
        assert_eq!(raw.time.map(|t| t % 1_000_000), Some(123_456));
        assert_eq!(raw.fields.len(), 1, "the seventh digit stays");
        assert_eq!(raw.kind, kind::POSTURE);
    }
}
