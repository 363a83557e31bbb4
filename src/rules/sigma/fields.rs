//! From the name of a field in a rule to where rows of a shape keep it.

use super::access::{Access, Reach};
use super::probe::Probe;
use super::shape::Shape;
use crate::schema::{
    Col, account, alert, auth, common, dns, file, http, image_load, network, persist, posture, process, process_access,
    registry, script,
};

/// The field that means the whole event.
pub const EVERYTHING: &str = "";

/// What a shape knows without looking at a row: event id, channel, provider.
pub fn constant<'s>(shape: &Shape<'s>, field: &str) -> Option<Constant<'s>> {
    Some(match field {
        "EventID" | "EventId" | "event_id" | "winlog.event_id" => match shape.code {
            Some(code) if shape.is_windows() => Constant::Code(code),
            _ => return None,
        },
        // 104 names the log that was cleared in a field of this name.
        "Channel" if shape.code != Some(104) && shape.is_windows() => Constant::Text(shape.channel),
        "Provider_Name" | "ProviderName" if shape.is_windows() => Constant::Text(shape.provider),
        _ => return None,
    })
}

/// A value that all rows of a shape share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant<'s> {
    /// Event id.
    Code(i32),
    /// Text; empty where there is none.
    Text(&'s str),
}

/// Where rows of a shape keep a field.
pub fn reach(probe: &mut Probe<'_>, field: &str) -> Reach {
    if field == EVERYTHING {
        return Reach {
            columns: Some(Access::Everything),
            extra: Vec::new(),
            each: true,
        };
    }
    let shape = probe.shape();
    let shape = &shape;
    if let Some(own) = special(shape, field) {
        return own;
    }
    let mut extra = spellings(field);
    let columns = extra
        .iter()
        .find_map(|name| probe.find(name))
        .or_else(|| alias(shape, field))
        .or_else(|| header(field));
    for name in renamed(shape, field) {
        extra.push((*name).to_owned());
    }
    Reach {
        columns,
        extra,
        each: false,
    }
}

/// The field under the names that collectors write: `ProcessName` is `Process Name` in Defender's own events, names with
/// an underscore stand for names with a blank.
fn spellings(field: &str) -> Vec<String> {
    let mut out = vec![field.to_owned()];
    let mut spaced = String::new();
    let mut lower = false;
    for c in field.chars() {
        if c.is_uppercase() && lower {
            spaced.push(' ');
        }
        lower = c.is_lowercase();
        spaced.push(if c == '_' { ' ' } else { c });
    }
    if spaced != field {
        out.push(spaced);
    }
    out
}

/// Fields of several values, and values that follow from others.
fn special(shape: &Shape<'_>, field: &str) -> Option<Reach> {
    let columns = |a: Access| {
        Some(Reach {
            columns: Some(a),
            extra: vec![field.to_owned()],
            each: false,
        })
    };
    match (field, shape.table.name) {
        ("Data", _) => {
            let numbered = (2..=12).map(|i| format!("Data_{i}"));
            let held = shape.is(&script::TABLE).then(|| {
                Access::Each(vec![
                    Access::Text(script::CONTEXT),
                    Access::Text(script::TEXT),
                    Access::Text(script::HOST_APP),
                ])
            });
            Some(Reach {
                columns: held,
                extra: std::iter::once("Data".to_owned()).chain(numbered).collect(),
                each: true,
            })
        }
        ("Channel", "posture") => columns(Access::Each(vec![
            Access::Text(common::CHANNEL),
            Access::Text(posture::SETTING),
        ])),
        ("Initiated", "network") => columns(Access::Words(
            network::DIRECTION,
            vec![("out", "true"), ("in", "false")],
        )),
        ("DestinationIsIpv6", "network") => columns(Access::IsV6(network::DST_IP)),
        ("SourceIsIpv6", "network") => columns(Access::IsV6(network::SRC_IP)),
        ("AttributeValue", "account") => columns(Access::First(vec![
            Access::Text(account::NEW),
            Access::Text(account::OLD),
        ])),
        ("Protocol", "network") if shape.source == "security" => columns(Access::Words(
            network::PROTO,
            vec![
                ("icmp", "1"),
                ("igmp", "2"),
                ("tcp", "6"),
                ("udp", "17"),
                ("gre", "47"),
                ("icmp6", "58"),
            ],
        )),
        _ => None,
    }
}

/// Other names under which `extra` keeps a field.
fn renamed(shape: &Shape<'_>, field: &str) -> &'static [&'static str] {
    match (field, shape.source) {
        ("FileNameBuffer", "codeintegrity") => &["File Name", "FileName"],
        ("ProcessNameBuffer", "codeintegrity") => &["Process Name", "ProcessName"],
        ("RequestedPolicy", "codeintegrity") => &["Requested Signing Level", "RequestedSigningLevel"],
        ("ValidatedPolicy", "codeintegrity") => &["Validated Signing Level", "ValidatedSigningLevel"],
        ("Feature_Name", "defender") => &["Feature Name"],
        ("PackagePath", _) => &["PackagePath", "packagePath"],
        ("FileName", "security") => &["ObjectName"],
        ("cs-user-agent" | "c-useragent", _) => &["cs(User-Agent)", "user_agent"],
        ("cs-referer" | "cs-referrer" | "c-referer", _) => &["cs(Referer)", "referrer"],
        ("cs-cookie", _) => &["cs(Cookie)", "cookie"],
        ("cs-uri-query" | "c-uri-query", _) => &["cs-uri-query"],
        ("cs-uri" | "c-uri", _) => &["cs-uri", "c-uri", "url", "cs-url", "c-url"],
        ("cs-host" | "r-dns", _) => &["cs-host", "host"],
        ("query", _) if shape.is(&dns::TABLE) => &["QueryName", "QNAME", "name"],
        ("QueryName", _) if shape.is(&dns::TABLE) => &["QNAME", "query"],
        _ => &[],
    }
}

/// Columns of the record's header.
fn header(field: &str) -> Option<Access> {
    Some(match field {
        "Computer" | "ComputerName" | "Hostname" | "host.name" => {
            Access::First(vec![Access::Text(common::HOST_RAW), Access::Text(common::HOST)])
        }
        "EventRecordID" | "RecordNumber" => Access::Int(common::RECORD_ID),
        "UserID" | "SubjectUserSid" => Access::Text(common::USER_SID),
        "SubjectUserName" => Access::Text(common::USER),
        "SubjectDomainName" => Access::Text(common::USER_DOMAIN),
        "SubjectLogonId" => Access::Hex(common::LOGON_ID),
        "User" => Access::Joined(common::USER_DOMAIN, common::USER, '\\'),
        "UtcTime" | "TimeCreated" | "SystemTime" | "@timestamp" => Access::Time(common::TS),
        "Channel" => Access::Text(common::CHANNEL),
        "Provider_Name" | "ProviderName" => Access::Text(common::PROVIDER),
        "EventID" => Access::Int(common::EVENT_CODE),
        _ => return None,
    })
}

/// The field of one source under the name of another: rules are written with Sysmon's names and W3C's.
fn alias(shape: &Shape<'_>, field: &str) -> Option<Access> {
    let text = |c: Col| Some(Access::Text(c));
    match shape.table.name {
        "process" => match field {
            "Image" | "NewProcessName" | "ProcessName" | "FolderPath" => text(process::IMAGE),
            "CommandLine" | "ProcessCommandLine" | "process.command_line" => text(process::CMDLINE),
            "ParentImage" | "ParentProcessName" | "InitiatingProcessFolderPath" => text(process::PARENT_IMAGE),
            "ParentCommandLine" | "InitiatingProcessCommandLine" => text(process::PARENT_CMDLINE),
            "CurrentDirectory" => text(process::CWD),
            "OriginalFileName" => text(process::ORIG_NAME),
            "Company" => text(process::COMPANY),
            "Product" => text(process::PRODUCT),
            "Description" => text(process::DESCR),
            "FileVersion" => text(process::FILEVER),
            "IntegrityLevel" => text(process::INTEGRITY),
            "ParentUser" => text(process::PARENT_USER),
            "GrandParentImage" | "GrandparentImage" => text(process::GPARENT_IMAGE),
            "ProcessId" | "NewProcessId" => Some(Access::Int(process::PID)),
            "ParentProcessId" => Some(Access::Int(process::PPID)),
            "LogonId" => Some(Access::Hex(common::LOGON_ID)),
            _ => hash(shape, field),
        },
        "network" => match field {
            "Image" | "Application" => text(network::IMAGE),
            "SourceIp" | "src_ip" | "SourceAddress" | "id.orig_h" => Some(Access::Ip(network::SRC_IP)),
            "DestinationIp" | "dst_ip" | "DestAddress" | "id.resp_h" => Some(Access::Ip(network::DST_IP)),
            "SourcePort" | "src_port" | "id.orig_p" => Some(Access::Int(network::SRC_PORT)),
            "DestinationPort" | "dst_port" | "DestPort" | "id.resp_p" => Some(Access::Int(network::DST_PORT)),
            "DestinationHostname" => text(network::DST_HOST),
            "SourceHostname" => text(network::SRC_HOST),
            "Protocol" | "proto" => text(network::PROTO),
            "action" => text(common::ACTION),
            _ => None,
        },
        "dns" => match field {
            "Image" => text(dns::IMAGE),
            "QueryName" | "query" | "QNAME" => text(dns::QNAME),
            "record_type" | "qtype_name" | "QueryType" => text(dns::QTYPE),
            "QueryResults" | "answer" | "answers" => Some(Access::List(dns::ANSWERS)),
            "QueryStatus" | "rcode_name" => text(dns::RCODE),
            "id.orig_h" | "src_ip" => Some(Access::Ip(dns::CLIENT_IP)),
            "id.resp_h" | "dst_ip" => Some(Access::Ip(dns::SERVER_IP)),
            "id.resp_p" | "dst_port" => Some(Access::Int(dns::SERVER_PORT)),
            _ => None,
        },
        "http" => match field {
            "c-uri" | "cs-uri" | "url" => Some(Access::Url),
            "cs-uri-query" | "c-uri-query" => text(http::URL_QUERY),
            "cs-uri-stem" | "c-uri-stem" | "cs-uri-path" => text(http::URL_PATH),
            "uri" => Some(Access::Url),
            "c-useragent" | "cs-user-agent" | "user_agent" => text(http::UA),
            "cs-method" | "method" => text(http::METHOD),
            "cs-host" | "r-dns" | "host" | "cs-uri-host" => text(http::URL_HOST),
            "sc-status" | "status_code" => Some(Access::Int(http::STATUS)),
            "cs-referer" | "cs-referrer" | "c-referer" | "referrer" => text(http::REFERER),
            "cs-username" | "c-username" => Some(Access::Joined(common::USER_DOMAIN, common::USER, '\\')),
            "dst_ip" | "r-ip" | "id.resp_h" => Some(Access::Ip(http::DST_IP)),
            "src_ip" | "c-ip" | "id.orig_h" => Some(Access::Ip(http::CLIENT_IP)),
            "dst_port" | "r-port" => Some(Access::Int(http::DST_PORT)),
            "cs-content-type" | "sc-content-type" | "resp_mime_types" => text(http::MIME),
            "sc-bytes" => Some(Access::Int(http::BYTES_IN)),
            "cs-bytes" => Some(Access::Int(http::BYTES_OUT)),
            _ => None,
        },
        "file" => match field {
            "TargetFilename" | "TargetFileName" | "PipeName" | "FileName" | "Filename" => text(file::PATH),
            "SourceFilename" => text(file::PREV_PATH),
            "Image" | "ProcessName" => text(file::IMAGE),
            "Contents" => text(file::CONTENTS),
            _ => hash(shape, field),
        },
        "registry" => match field {
            "TargetObject" => Some(Access::Joined(registry::KEY, registry::VALUE_NAME, '\\')),
            "Details" => text(registry::DATA),
            "NewName" => text(registry::KEY),
            "Image" => text(registry::IMAGE),
            "EventType" => Some(Access::Words(
                common::ACTION,
                vec![
                    ("set_value", "SetValue"),
                    ("create_key", "CreateKey"),
                    ("create_value", "CreateValue"),
                    ("delete_key", "DeleteKey"),
                    ("delete_value", "DeleteValue"),
                    ("rename_key", "RenameKey"),
                    ("rename_value", "RenameValue"),
                ],
            )),
            _ => None,
        },
        "image_load" => match field {
            "ImageLoaded" | "FileNameBuffer" => text(image_load::PATH),
            "Image" | "ProcessNameBuffer" => text(image_load::IMAGE),
            "OriginalFileName" => text(image_load::ORIG_NAME),
            "Signed" => Some(Access::Bool(image_load::SIGNED)),
            "Signature" => text(image_load::SIGNER),
            "SignatureStatus" => text(image_load::SIG_STATUS),
            "Company" => text(image_load::COMPANY),
            "Product" => text(image_load::PRODUCT),
            "Description" => text(image_load::DESCR),
            _ => hash(shape, field),
        },
        "process_access" => match field {
            "SourceImage" | "Image" => text(process_access::IMAGE),
            "TargetImage" => text(process_access::TARGET_IMAGE),
            "GrantedAccess" => Some(Access::Hex(process_access::ACCESS)),
            "SourceUser" => Some(Access::Joined(common::USER_DOMAIN, common::USER, '\\')),
            _ => None,
        },
        "auth" => match field {
            "LogonType" => Some(Access::Int(auth::LOGON_TYPE)),
            "TargetUserName" => text(auth::TARGET_USER),
            "IpAddress" => Some(Access::Ip(auth::SRC_IP)),
            "WorkstationName" => text(auth::SRC_HOST),
            _ => None,
        },
        "alert" => match field {
            "Signature" | "ThreatName" => text(alert::THREAT),
            "Filename" | "FileName" => text(alert::OBJECT),
            _ => None,
        },
        "persist" => match field {
            "ServiceFileName" | "ImagePath" => text(persist::COMMAND),
            "ServiceName" | "TaskName" => text(persist::NAME),
            _ => None,
        },
        "script" => match field {
            "ScriptBlockText" | "Payload" => text(script::TEXT),
            "ContextInfo" => text(script::CONTEXT),
            "Path" => text(script::PATH),
            "HostApplication" => text(script::HOST_APP),
            _ => None,
        },
        _ => None,
    }
}

/// The joined hashes, or one of them.
fn hash(shape: &Shape<'_>, field: &str) -> Option<Access> {
    match field.to_ascii_lowercase().as_str() {
        "hashes" | "hash" => Some(Access::Hashes),
        one @ ("md5" | "sha1" | "sha256" | "imphash") => shape.table.find(one).map(|(c, _)| Access::Hash(c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(source: &'static str, code: i32) -> Shape<'static> {
        let (provider, channel) = match source {
            "sysmon" => ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational"),
            _ => ("Microsoft-Windows-Security-Auditing", "Security"),
        };
        Shape {
            table: &process::TABLE,
            source,
            channel,
            provider,
            code: Some(code),
            action: "start",
        }
    }

    #[test]
    fn sysmons_names_reach_the_columns_of_security_events() {
        for (field, access) in [
            ("Image", Access::Text(process::IMAGE)),
            ("CommandLine", Access::Text(process::CMDLINE)),
            ("ParentImage", Access::Text(process::PARENT_IMAGE)),
        ] {
            assert_eq!(
                reach(&mut Probe::new(start("security", 4688)), field).columns,
                Some(access.clone())
            );
            assert_eq!(reach(&mut Probe::new(start("sysmon", 1)), field).columns, Some(access));
        }
        let own = reach(&mut Probe::new(start("security", 4688)), "ProcessId");
        assert_eq!(
            own.columns,
            Some(Access::Hex(process::PPID)),
            "a name of the event itself keeps its meaning"
        );
    }

    #[test]
    fn event_ids_are_known_without_a_row() {
        assert_eq!(constant(&start("sysmon", 1), "EventID"), Some(Constant::Code(1)));
        assert_eq!(constant(&start("sysmon", 1), "Image"), None);
    }

    #[test]
    fn names_with_blanks_are_found_under_the_name_without() {
        assert_eq!(spellings("ThreatName"), ["ThreatName", "Threat Name"]);
        assert_eq!(spellings("Feature_Name"), ["Feature_Name", "Feature Name"]);
        assert_eq!(spellings("EventID"), ["EventID", "Event ID"]);
        assert_eq!(spellings("name"), ["name"]);
    }
}
