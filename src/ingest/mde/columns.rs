//! Column names of the deliveries, brought to the names of advanced hunting.

use std::borrow::Cow;

/// The advanced-hunting name of a column: blanks and ` [UTC]` removed, case and aliases (device timeline, raw "cyber"
/// schema) resolved. A column that nothing maps keeps its name.
pub fn canonical(column: &str) -> Cow<'_, str> {
    let column = column.trim();
    let bare = column.strip_suffix("[UTC]").unwrap_or(column);
    let squashed: Cow<'_, str> = match bare.contains(char::is_whitespace) {
        true => Cow::Owned(bare.split_whitespace().collect()),
        false => Cow::Borrowed(bare),
    };
    if let Some((_, name)) = ALIASES.iter().find(|(a, _)| a.eq_ignore_ascii_case(&squashed)) {
        return Cow::Borrowed(name);
    }
    match COLUMNS.iter().find(|c| c.eq_ignore_ascii_case(&squashed)) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Borrowed(column),
    }
}

/// Names that the device timeline and the raw schema use for columns of advanced hunting.
const ALIASES: &[(&str, &str)] = &[
    ("EventTime", "Timestamp"),
    ("MachineId", "DeviceId"),
    ("ComputerName", "DeviceName"),
    ("RemoteComputerName", "RemoteDeviceName"),
    ("ReportTime", "Timestamp"),
    ("ReportIndex", "ReportId"),
    ("ComputerDnsName", "DeviceName"),
    ("CreatedProcessId", "ProcessId"),
    ("CreatedProcessName", "FileName"),
    ("CreatedProcessFilePath", "FolderPath"),
    ("CreatedProcessFileSize", "FileSize"),
    ("CreatedProcessFileMd5", "MD5"),
    ("CreatedProcessFileSha1", "SHA1"),
    ("CreatedProcessFileSha256", "SHA256"),
    ("CreatedProcessCommandLine", "ProcessCommandLine"),
    ("CreatedProcessCreationTime", "ProcessCreationTime"),
    ("CreatedProcessIntegrityLevel", "ProcessIntegrityLevel"),
    ("CreatedProcessTokenElevationType", "ProcessTokenElevation"),
    ("CreatedProcessAccountName", "AccountName"),
    ("CreatedProcessAccountDomainName", "AccountDomain"),
    ("CreatedProcessAccountSid", "AccountSid"),
    ("CreatedProcessAccountUpn", "AccountUpn"),
    ("CreatedProcessVersionInfoCompanyName", "ProcessVersionInfoCompanyName"),
    ("CreatedProcessVersionInfoProductName", "ProcessVersionInfoProductName"),
    (
        "CreatedProcessVersionInfoProductVersion",
        "ProcessVersionInfoProductVersion",
    ),
    (
        "CreatedProcessVersionInfoInternalFileName",
        "ProcessVersionInfoInternalFileName",
    ),
    (
        "CreatedProcessVersionInfoOriginalFileName",
        "ProcessVersionInfoOriginalFileName",
    ),
    (
        "CreatedProcessVersionInfoFileDescription",
        "ProcessVersionInfoFileDescription",
    ),
    ("CreatedProcessSignatureStatus", "ProcessSignatureStatus"),
    ("InitiatingProcessName", "InitiatingProcessFileName"),
    ("InitiatingProcessImageFilePath", "InitiatingProcessFolderPath"),
    ("InitiatingProcessImageMd5", "InitiatingProcessMD5"),
    ("InitiatingProcessImageSha1", "InitiatingProcessSHA1"),
    ("InitiatingProcessImageSha256", "InitiatingProcessSHA256"),
    ("Process_CommandLine", "InitiatingProcessCommandLine"),
    ("InitiatingProcessAccountDomainName", "InitiatingProcessAccountDomain"),
    ("InitiatingProcessTokenElevationType", "InitiatingProcessTokenElevation"),
    ("InitiatingProcessParentProcessId", "InitiatingProcessParentId"),
    ("InitiatingProcessParentProcessName", "InitiatingProcessParentFileName"),
];

/// Advanced-hunting columns that a mapper reads.
const COLUMNS: &[&str] = &[
    "Timestamp",
    "TimeGenerated",
    "DeviceId",
    "DeviceName",
    "ActionType",
    "ReportId",
    "AdditionalFields",
    "Type",
    "FileName",
    "FolderPath",
    "MD5",
    "SHA1",
    "SHA256",
    "FileSize",
    "PreviousFileName",
    "PreviousFolderPath",
    "FileOriginUrl",
    "FileOriginReferrerUrl",
    "FileOriginIP",
    "ShareName",
    "RequestSourceIP",
    "RequestSourcePort",
    "ProcessId",
    "ProcessCommandLine",
    "ProcessCreationTime",
    "ProcessIntegrityLevel",
    "ProcessTokenElevation",
    "ProcessVersionInfoCompanyName",
    "ProcessVersionInfoProductName",
    "ProcessVersionInfoProductVersion",
    "ProcessVersionInfoInternalFileName",
    "ProcessVersionInfoOriginalFileName",
    "ProcessVersionInfoFileDescription",
    "AccountDomain",
    "AccountName",
    "AccountSid",
    "AccountUpn",
    "AccountObjectId",
    "LogonId",
    "LogonType",
    "FailureReason",
    "InitiatingProcessAccountDomain",
    "InitiatingProcessAccountName",
    "InitiatingProcessAccountSid",
    "InitiatingProcessAccountUpn",
    "InitiatingProcessLogonId",
    "InitiatingProcessId",
    "InitiatingProcessCommandLine",
    "InitiatingProcessCreationTime",
    "InitiatingProcessFolderPath",
    "InitiatingProcessFileName",
    "InitiatingProcessIntegrityLevel",
    "InitiatingProcessTokenElevation",
    "InitiatingProcessMD5",
    "InitiatingProcessSHA1",
    "InitiatingProcessSHA256",
    "InitiatingProcessParentId",
    "InitiatingProcessParentFileName",
    "InitiatingProcessParentCreationTime",
    "RemoteIP",
    "RemotePort",
    "RemoteUrl",
    "RemoteDeviceName",
    "LocalIP",
    "LocalPort",
    "Protocol",
    "RegistryKey",
    "RegistryValueName",
    "RegistryValueData",
    "RegistryValueType",
    "PreviousRegistryKey",
    "PreviousRegistryValueName",
    "PreviousRegistryValueData",
    "ConfigurationId",
    "IsCompliant",
    "IsApplicable",
    "Context",
    "OSPlatform",
    "OSBuild",
    "OnboardingStatus",
    "PublicIP",
    "IPAddresses",
    "NetworkAdapterName",
    "AlertId",
    "Title",
    "Category",
    "Categories",
    "Severity",
    "ServiceSource",
    "DetectionSource",
    "EntityType",
    "EvidenceRole",
    "ThreatFamily",
    "AttackTechniques",
    "IPAddress",
    "Port",
    "DestinationDeviceName",
    "TargetDeviceName",
    "Application",
    "Location",
];

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn timeline_raw_and_portal_names_become_the_names_of_advanced_hunting() {
        for (column, want) in [
            ("Event Time", "Timestamp"),
            ("Computer Name", "DeviceName"),
            ("Sha1", "SHA1"),
            ("Remote Ip", "RemoteIP"),
            ("Initiating Process SHA256", "InitiatingProcessSHA256"),
            ("CreatedProcessCommandLine", "ProcessCommandLine"),
            ("Process_CommandLine", "InitiatingProcessCommandLine"),
            ("Timestamp [UTC]", "Timestamp"),
            ("Data Type", "Data Type"),
        ] {
            assert_eq!(canonical(column), want);
        }
    }
}
