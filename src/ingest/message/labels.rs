//! The labels of rendered messages and the names of event data they stand for.

use std::borrow::Cow;

use crate::ingest::windows::Source;

/// The name of event data for a label under a heading, both in English.
pub(super) fn field(source: Source, code: i32, section: &str, key: &str) -> Option<&'static str> {
    if !matches!(
        source,
        Source::Security | Source::Eventlog | Source::Other | Source::Services
    ) {
        return None;
    }
    // 1102 names its user without the prefix that the Security log's own events have.
    let who = match section {
        "Subject" | "" => "Subject",
        "Member" => "Member",
        "Group" | "New Group" | "Deleted Group" => "Group",
        _ => "Target",
    };
    let account = match (who, key) {
        ("Subject", "Security ID") => "SubjectUserSid",
        ("Subject", "Account Name") => "SubjectUserName",
        ("Subject", "Account Domain" | "Domain Name") => "SubjectDomainName",
        ("Subject", "Logon ID") => "SubjectLogonId",
        ("Member", "Security ID") => "MemberSid",
        ("Member", "Account Name") => "MemberName",
        ("Target" | "Group", "Security ID") => "TargetSid",
        ("Target", "Account Name" | "User ID") => "TargetUserName",
        ("Group", "Account Name" | "Group Name") => "TargetUserName",
        ("Target", "Account Domain" | "Supplied Realm Name") => "TargetDomainName",
        ("Group", "Account Domain" | "Group Domain") => "TargetDomainName",
        ("Target", "Logon ID") => "TargetLogonId",
        _ => "",
    };
    match account {
        "" => SPECIAL
            .iter()
            .find(|(codes, s, k, _)| {
                *k == key && (s.is_empty() || *s == section) && (codes.is_empty() || codes.contains(&code))
            })
            .map(|(_, _, _, name)| *name),
        // A logon names the SID of its account otherwise than a change of an account does.
        "TargetSid" if matches!(code, 4624 | 4625 | 4634 | 4647 | 4688 | 4768) => match code {
            4768 => Some("TargetSid"),
            _ => Some("TargetUserSid"),
        },
        name => Some(name),
    }
}

/// Event ids (all if none), heading (any if none), label, name.
type Label = (&'static [i32], &'static str, &'static str, &'static str);

const SPECIAL: &[Label] = &[
    (
        &[4689, 4656, 4658, 4660, 4663, 4670, 4673, 4674, 4985, 5145],
        "",
        "Process ID",
        "ProcessId",
    ),
    (
        &[5152, 5154, 5155, 5156, 5157, 5158, 5159],
        "",
        "Process ID",
        "ProcessID",
    ),
    (&[4624, 4648, 4611], "", "Process ID", "ProcessId"),
    (&[], "", "Caller Process ID", "ProcessId"),
    (&[], "", "Caller Process Name", "ProcessName"),
    (&[4688], "", "New Process ID", "NewProcessId"),
    (&[4688], "", "New Process Name", "NewProcessName"),
    (&[4688], "", "Creator Process ID", "ProcessId"),
    (&[4688], "", "Creator Process Name", "ParentProcessName"),
    (&[4688], "", "Process Command Line", "CommandLine"),
    (&[4688], "", "Token Elevation Type", "TokenElevationType"),
    (&[4688], "", "Mandatory Label", "MandatoryLabel"),
    (
        &[5152, 5154, 5155, 5156, 5157, 5158, 5159],
        "",
        "Application Name",
        "Application",
    ),
    (
        &[5152, 5154, 5155, 5156, 5157, 5158, 5159],
        "",
        "Direction",
        "Direction",
    ),
    (
        &[5152, 5154, 5155, 5156, 5157, 5158, 5159],
        "",
        "Source Address",
        "SourceAddress",
    ),
    (
        &[5152, 5154, 5155, 5156, 5157, 5158, 5159],
        "",
        "Source Port",
        "SourcePort",
    ),
    (
        &[5152, 5154, 5155, 5156, 5157, 5158, 5159],
        "",
        "Destination Address",
        "DestAddress",
    ),
    (
        &[5152, 5154, 5155, 5156, 5157, 5158, 5159],
        "",
        "Destination Port",
        "DestPort",
    ),
    (&[5152, 5154, 5155, 5156, 5157, 5158, 5159], "", "Protocol", "Protocol"),
    (&[], "", "Process Name", "ProcessName"),
    (&[], "", "Logon Type", "LogonType"),
    (&[], "", "Workstation Name", "WorkstationName"),
    (&[4776], "", "Source Workstation", "Workstation"),
    (&[4776], "", "Logon Account", "TargetUserName"),
    (&[4776], "", "Error Code", "Status"),
    (&[], "", "Source Network Address", "IpAddress"),
    (&[4624, 4625, 4648], "", "Source Port", "IpPort"),
    (&[4648], "", "Network Address", "IpAddress"),
    (&[4648], "", "Port", "IpPort"),
    (&[4648], "", "Target Server Name", "TargetServerName"),
    (&[4768, 4769, 4770, 4771], "", "Client Address", "IpAddress"),
    (&[4768, 4769, 4770, 4771], "", "Client Port", "IpPort"),
    (&[4768, 4769, 4770, 4771], "", "Service Name", "ServiceName"),
    (&[4768, 4769, 4770, 4771], "", "Ticket Options", "TicketOptions"),
    (
        &[4768, 4769, 4770],
        "",
        "Ticket Encryption Type",
        "TicketEncryptionType",
    ),
    (&[4768, 4769], "", "Result Code", "Status"),
    (&[4769, 4771], "", "Failure Code", "Status"),
    (&[4768, 4771], "", "Pre-Authentication Type", "PreAuthType"),
    (&[], "", "Logon Process", "LogonProcessName"),
    (&[], "", "Authentication Package", "AuthenticationPackageName"),
    (&[], "", "Package Name (NTLM only)", "LmPackageName"),
    (&[], "", "Key Length", "KeyLength"),
    (&[], "", "Failure Reason", "FailureReason"),
    (&[4625], "", "Status", "Status"),
    (&[], "", "Sub Status", "SubStatus"),
    (&[], "", "Elevated Token", "ElevatedToken"),
    (&[], "", "Impersonation Level", "ImpersonationLevel"),
    (&[], "", "Share Name", "ShareName"),
    (&[], "", "Share Path", "ShareLocalPath"),
    (&[], "", "Relative Target Name", "RelativeTargetName"),
    (&[5140, 5145], "", "Source Address", "IpAddress"),
    (&[5140, 5145], "", "Source Port", "IpPort"),
    (&[], "", "Object Server", "ObjectServer"),
    (&[], "", "Object Type", "ObjectType"),
    (&[], "", "Object Name", "ObjectName"),
    (&[], "", "Object Value Name", "ObjectValueName"),
    (&[], "", "Handle ID", "HandleId"),
    (&[], "", "Access Mask", "AccessMask"),
    (&[4697, 7045], "", "Service Name", "ServiceName"),
    (&[4697], "", "Service File Name", "ServiceFileName"),
    (&[7045], "", "Service File Name", "ImagePath"),
    (&[4697, 7045], "", "Service Type", "ServiceType"),
    (&[4697], "", "Service Start Type", "ServiceStartType"),
    (&[7045], "", "Service Start Type", "StartType"),
    (&[4697], "", "Service Account", "ServiceAccount"),
    (&[7045], "", "Service Account", "AccountName"),
    (&[4698, 4699, 4700, 4701, 4702], "", "Task Name", "TaskName"),
];

/// Labels of other languages of Windows and their English originals.
const TRANSLATED: &[(&str, &str)] = &[
    // French
    ("sujet", "Subject"),
    ("id de sécurité", "Security ID"),
    ("nom du compte", "Account Name"),
    ("domaine du compte", "Account Domain"),
    ("id d'ouverture de session", "Logon ID"),
    ("id du processus de l'appelant", "Caller Process ID"),
    ("nom du processus de l'appelant", "Caller Process Name"),
    ("type d'ouverture de session", "Logon Type"),
    (
        "compte pour lequel l'ouverture de session a échoué",
        "Account For Which Logon Failed",
    ),
    ("nouvelle ouverture de session", "New Logon"),
    ("id du processus", "Process ID"),
    ("nom du processus", "Process Name"),
    ("id du nouveau processus", "New Process ID"),
    ("nom du nouveau processus", "New Process Name"),
    ("id du processus créateur", "Creator Process ID"),
    ("ligne de commande du processus", "Process Command Line"),
    ("nom de la station de travail", "Workstation Name"),
    ("adresse du réseau source", "Source Network Address"),
    ("port source", "Source Port"),
    ("raison de l'échec", "Failure Reason"),
    ("état", "Status"),
    ("sous-état", "Sub Status"),
    ("informations sur le réseau", "Network Information"),
    ("informations sur le processus", "Process Information"),
    ("type d'objet", "Object Type"),
    ("nom de l'objet", "Object Name"),
    // German
    ("antragsteller", "Subject"),
    ("sicherheits-id", "Security ID"),
    ("kontoname", "Account Name"),
    ("kontodomäne", "Account Domain"),
    ("anmelde-id", "Logon ID"),
    ("anmeldetyp", "Logon Type"),
    ("neue anmeldung", "New Logon"),
    (
        "konto, für das die anmeldung fehlgeschlagen ist",
        "Account For Which Logon Failed",
    ),
    ("prozess-id", "Process ID"),
    ("prozessname", "Process Name"),
    ("neue prozess-id", "New Process ID"),
    ("neuer prozessname", "New Process Name"),
    ("erstellerprozess-id", "Creator Process ID"),
    ("prozessbefehlszeile", "Process Command Line"),
    ("arbeitsstationsname", "Workstation Name"),
    ("quellnetzwerkadresse", "Source Network Address"),
    ("quellport", "Source Port"),
    ("netzwerkinformationen", "Network Information"),
    ("prozessinformationen", "Process Information"),
    ("fehlerursache", "Failure Reason"),
    // Japanese
    ("サブジェクト", "Subject"),
    ("セキュリティ id", "Security ID"),
    ("アカウント名", "Account Name"),
    ("アカウント ドメイン", "Account Domain"),
    ("ログオン id", "Logon ID"),
    ("ログオン タイプ", "Logon Type"),
    ("新しいログオン", "New Logon"),
    ("ログオンを失敗したアカウント", "Account For Which Logon Failed"),
    ("プロセス id", "Process ID"),
    ("プロセス名", "Process Name"),
    ("呼び出し側プロセス id", "Caller Process ID"),
    ("呼び出し側プロセス名", "Caller Process Name"),
    ("新しいプロセス id", "New Process ID"),
    ("新しいプロセス名", "New Process Name"),
    ("クリエーター プロセス id", "Creator Process ID"),
    ("プロセスのコマンド ライン", "Process Command Line"),
    ("ワークステーション名", "Workstation Name"),
    ("ソース ネットワーク アドレス", "Source Network Address"),
    ("ソース ポート", "Source Port"),
    ("ネットワーク情報", "Network Information"),
    ("プロセス情報", "Process Information"),
    ("失敗の原因", "Failure Reason"),
    ("状態", "Status"),
    ("サブ ステータス", "Sub Status"),
    ("ログオン プロセス", "Logon Process"),
    ("認証パッケージ", "Authentication Package"),
];

/// The English label.
pub(super) fn english(label: &str) -> Cow<'_, str> {
    let folded = label.to_lowercase().replace(['\u{2019}', '\u{2018}'], "'");
    translated(&folded).map_or(Cow::Borrowed(label), Cow::Borrowed)
}

fn translated(folded: &str) -> Option<&'static str> {
    TRANSLATED.iter().find(|(from, _)| *from == folded).map(|(_, to)| *to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_translations_are_lower_case_and_unique() {
        for (i, (from, _)) in TRANSLATED.iter().enumerate() {
            assert_eq!(*from, from.to_lowercase(), "{from}");
            assert!(!TRANSLATED.iter().take(i).any(|(f, _)| f == from), "{from}");
        }
    }

    #[test]
    fn every_english_label_is_reached() {
        assert_eq!(english("Kontoname"), "Account Name");
        assert_eq!(english("Account Name"), "Account Name");
        assert_eq!(
            field(Source::Security, 4624, "New Logon", "Account Name"),
            Some("TargetUserName")
        );
        assert_eq!(
            field(Source::Security, 4728, "Group", "Group Name"),
            Some("TargetUserName")
        );
        assert_eq!(field(Source::Sysmon, 1, "", "Account Name"), None);
    }
}
