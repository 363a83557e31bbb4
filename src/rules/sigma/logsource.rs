//! Which rows a rule's logsource means.

use super::model::Logsource;
use super::shape::Shape;
use crate::schema::{alert, dns, file, http, image_load, network, persist, process, process_access, registry, script};

/// A category of Windows (or of any endpoint) and the rows it means.
type Category = (&'static str, fn(&Shape<'_>) -> bool);

fn sysmon(s: &Shape<'_>, codes: &[i32]) -> bool {
    s.source == "sysmon" && s.code.is_some_and(|c| codes.contains(&c))
}

fn security(s: &Shape<'_>, codes: &[i32]) -> bool {
    s.source == "security" && s.code.is_some_and(|c| codes.contains(&c))
}

fn mde(s: &Shape<'_>, actions: &[&str]) -> bool {
    s.source == "mde" && actions.contains(&s.action)
}

const CATEGORIES: &[Category] = &[
    ("process_creation", |s| s.is(&process::TABLE) && s.action == "start"),
    ("process_termination", |s| {
        s.is(&process::TABLE) && matches!(s.action, "end" | "stop")
    }),
    ("process_access", |s| {
        s.is(&process_access::TABLE) && (sysmon(s, &[10]) || mde(s, &["open"]))
    }),
    ("process_tampering", |s| sysmon(s, &[25])),
    ("create_remote_thread", |s| {
        s.is(&process_access::TABLE) && s.action == "remote_thread"
    }),
    ("raw_access_thread", |s| sysmon(s, &[9])),
    ("image_load", |s| {
        s.is(&image_load::TABLE) && (sysmon(s, &[7]) || mde(s, &["load"]))
    }),
    ("driver_load", |s| {
        s.is(&image_load::TABLE) && (sysmon(s, &[6]) || mde(s, &["load"]))
    }),
    ("network_connection", |s| {
        let endpoint = sysmon(s, &[3]) || security(s, &[5156]) || s.source == "mde";
        s.is(&network::TABLE) && endpoint && matches!(s.action, "connect" | "accept")
    }),
    ("dns_query", |s| {
        s.is(&dns::TABLE) && (sysmon(s, &[22]) || s.source == "dnsclient" && s.code == Some(3008) || s.source == "mde")
    }),
    ("file_event", |s| {
        sysmon(s, &[11]) || s.is(&file::TABLE) && mde(s, &["create"])
    }),
    ("file_change", |s| s.is(&file::TABLE) && s.action == "modify_time"),
    ("file_rename", |s| {
        s.is(&file::TABLE) && s.action == "rename" && s.on_host()
    }),
    ("file_delete", |s| {
        sysmon(s, &[23, 26]) || s.is(&file::TABLE) && mde(s, &["delete"])
    }),
    ("file_access", |s| {
        s.is(&file::TABLE) && (security(s, &[4656, 4663]) || mde(s, &["read"]))
    }),
    ("file_executable_detected", |s| sysmon(s, &[29])),
    ("file_block_executable", |s| sysmon(s, &[27])),
    ("file_block_shredding", |s| sysmon(s, &[28])),
    ("create_stream_hash", |s| sysmon(s, &[15])),
    ("pipe_created", |s| {
        s.is(&file::TABLE) && matches!(s.action, "pipe_create" | "pipe_connect") && s.on_host()
    }),
    ("registry_event", |s| s.is(&registry::TABLE) && s.action != "access"),
    ("registry_set", |s| s.is(&registry::TABLE) && s.action == "set_value"),
    ("registry_add", |s| {
        s.is(&registry::TABLE) && matches!(s.action, "create_key" | "create_value")
    }),
    ("registry_delete", |s| {
        s.is(&registry::TABLE) && matches!(s.action, "delete_key" | "delete_value")
    }),
    ("registry_rename", |s| {
        s.is(&registry::TABLE) && s.action.starts_with("rename")
    }),
    ("wmi_event", |s| s.is(&persist::TABLE) && sysmon(s, &[19, 20, 21])),
    ("sysmon_status", |s| sysmon(s, &[4, 16])),
    ("sysmon_error", |s| sysmon(s, &[255])),
    ("clipboard_capture", |s| sysmon(s, &[24])),
    ("ps_script", |s| {
        s.is(&script::TABLE) && (s.code == Some(4104) || s.source == "mde")
    }),
    ("ps_module", |s| s.is(&script::TABLE) && s.code == Some(4103)),
    ("ps_classic_start", |s| s.is(&script::TABLE) && s.code == Some(400)),
    ("ps_classic_provider_start", |s| {
        s.is(&script::TABLE) && s.code == Some(600)
    }),
    ("ps_classic_script", |s| s.is(&script::TABLE) && s.code == Some(800)),
    ("antivirus", |s| s.is(&alert::TABLE)),
    ("proxy", |s| s.is(&http::TABLE) && s.provider != "w3c.iis"),
    ("webserver", |s| s.is(&http::TABLE) && s.provider == "w3c.iis"),
    ("dns", |s| s.is(&dns::TABLE) && !s.on_host()),
    ("firewall", |s| s.is(&network::TABLE) && !s.on_host()),
];

/// Categories that do not tell of one operating system.
const ANY_PRODUCT: &[&str] = &["antivirus", "proxy", "webserver", "dns", "firewall"];

/// A service of Windows, the `source` where a record names no channel, and its channels in lower case.
type Service = (&'static str, &'static str, &'static [&'static str]);

const SERVICES: &[Service] = &[
    ("application", "", &["application"]),
    (
        "applocker",
        "applocker",
        &[
            "microsoft-windows-applocker/msi and script",
            "microsoft-windows-applocker/exe and dll",
            "microsoft-windows-applocker/packaged app-deployment",
            "microsoft-windows-applocker/packaged app-execution",
        ],
    ),
    ("appmodel-runtime", "", &["microsoft-windows-appmodel-runtime/admin"]),
    (
        "appxdeployment-server",
        "",
        &["microsoft-windows-appxdeploymentserver/operational"],
    ),
    ("appxpackaging-om", "", &["microsoft-windows-appxpackaging/operational"]),
    ("bits-client", "bits", &["microsoft-windows-bits-client/operational"]),
    ("capi2", "", &["microsoft-windows-capi2/operational"]),
    (
        "certificateservicesclient-lifecycle-system",
        "",
        &["microsoft-windows-certificateservicesclient-lifecycle-system/operational"],
    ),
    (
        "codeintegrity-operational",
        "codeintegrity",
        &["microsoft-windows-codeintegrity/operational"],
    ),
    ("dhcp", "dhcpserver", &["microsoft-windows-dhcp-server/operational"]),
    (
        "diagnosis-scripted",
        "",
        &["microsoft-windows-diagnosis-scripted/operational"],
    ),
    (
        "dns-client",
        "dnsclient",
        &[
            "microsoft-windows-dns client events/operational",
            "microsoft-windows-dns-client/operational",
        ],
    ),
    (
        "dns-server",
        "dnsserver",
        &["dns server", "microsoft-windows-dnsserver/audit"],
    ),
    (
        "dns-server-audit",
        "dnsserver",
        &[
            "microsoft-windows-dns-server/audit",
            "microsoft-windows-dnsserver/audit",
        ],
    ),
    (
        "dns-server-analytic",
        "dnsserver",
        &[
            "microsoft-windows-dns-server/analytical",
            "microsoft-windows-dnsserver/analytical",
        ],
    ),
    (
        "driver-framework",
        "",
        &["microsoft-windows-driverframeworks-usermode/operational"],
    ),
    (
        "firewall-as",
        "firewall",
        &["microsoft-windows-windows firewall with advanced security/firewall"],
    ),
    ("hyper-v-worker", "", &["microsoft-windows-hyper-v-worker"]),
    ("iis-configuration", "", &["microsoft-iis-configuration/operational"]),
    ("kernel-event-tracing", "", &["microsoft-windows-kernel-eventtracing"]),
    (
        "kernel-shimengine",
        "",
        &[
            "microsoft-windows-kernel-shimengine/operational",
            "microsoft-windows-kernel-shimengine/diagnostic",
        ],
    ),
    ("ldap", "", &["microsoft-windows-ldap-client/debug"]),
    ("ldap_debug", "", &["microsoft-windows-ldap-client/debug"]),
    ("lsa-server", "", &["microsoft-windows-lsa/operational"]),
    ("microsoft-servicebus-client", "", &["microsoft-servicebus-client"]),
    ("msexchange-management", "exchange", &["msexchange management"]),
    ("ntfs", "", &["microsoft-windows-ntfs/operational"]),
    ("ntlm", "ntlm", &["microsoft-windows-ntlm/operational"]),
    ("openssh", "openssh", &["openssh/operational"]),
    (
        "powershell",
        "powershell",
        &["microsoft-windows-powershell/operational", "powershellcore/operational"],
    ),
    ("powershell-classic", "powershell", &["windows powershell"]),
    (
        "printservice-admin",
        "printservice",
        &["microsoft-windows-printservice/admin"],
    ),
    (
        "printservice-operational",
        "printservice",
        &["microsoft-windows-printservice/operational"],
    ),
    ("security", "security", &["security"]),
    (
        "security-mitigations",
        "",
        &[
            "microsoft-windows-security-mitigations/kernel mode",
            "microsoft-windows-security-mitigations/user mode",
            "microsoft-windows-security-mitigations/kernelmode",
            "microsoft-windows-security-mitigations/usermode",
        ],
    ),
    ("sense", "", &["microsoft-windows-sense/operational"]),
    ("shell-core", "", &["microsoft-windows-shell-core/operational"]),
    (
        "smbclient-connectivity",
        "",
        &["microsoft-windows-smbclient/connectivity"],
    ),
    ("smbclient-security", "smb", &["microsoft-windows-smbclient/security"]),
    (
        "smbserver-connectivity",
        "",
        &["microsoft-windows-smbserver/connectivity"],
    ),
    ("sysmon", "sysmon", &["microsoft-windows-sysmon/operational"]),
    ("system", "system", &["system"]),
    (
        "taskscheduler",
        "taskscheduler",
        &["microsoft-windows-taskscheduler/operational"],
    ),
    (
        "terminalservices-localsessionmanager",
        "rdp",
        &["microsoft-windows-terminalservices-localsessionmanager/operational"],
    ),
    (
        "vhdmp",
        "vhdmp",
        &[
            "microsoft-windows-vhdmp/operational",
            "microsoft-windows-vhdmp-operational",
        ],
    ),
    (
        "windefend",
        "defender",
        &["microsoft-windows-windows defender/operational"],
    ),
    ("wmi", "wmi", &["microsoft-windows-wmi-activity/operational"]),
];

/// Whether a lake can hold such logs at all.
///
/// # Errors
/// Why not.
pub fn readable(l: &Logsource) -> Result<(), String> {
    let category = l.category.as_deref();
    let any_product = category.is_some_and(|c| ANY_PRODUCT.contains(&c));
    match (l.product.as_deref(), l.service.as_deref()) {
        (Some("windows"), service) => {
            if let Some(c) = category.filter(|c| !CATEGORIES.iter().any(|(n, _)| n == c)) {
                return Err(format!("no log that is read belongs to the category {c}"));
            }
            match service.filter(|s| !SERVICES.iter().any(|(n, ..)| n == s)) {
                Some(s) => Err(format!("the Windows service {s} is not known")),
                None => Ok(()),
            }
        }
        (Some("zeek"), _) => Ok(()),
        (Some("azure"), Some("signinlogs")) => Ok(()),
        (None, None) if category.is_some_and(|c| CATEGORIES.iter().any(|(n, _)| *n == c)) => Ok(()),
        (None, Some(_)) | (None, None) if any_product => Ok(()),
        _ => Err(format!("logs of {l} are not read into a lake")),
    }
}

/// Whether a rule with this logsource looks at such rows.
pub fn covers(l: &Logsource, s: &Shape<'_>) -> bool {
    let product = match l.product.as_deref() {
        None => true,
        Some("windows") => s.on_host(),
        Some("zeek") => s.provider.starts_with("zeek."),
        Some("azure") => s.provider == "entra.signin",
        Some(_) => false,
    };
    let category = l.category.as_deref().is_none_or(|c| {
        let found = CATEGORIES.iter().find(|(n, _)| *n == c);
        found.is_some_and(|(_, test)| test(s))
    });
    product && category && l.service.as_deref().is_none_or(|service| of_service(l, service, s))
}

fn of_service(l: &Logsource, service: &str, s: &Shape<'_>) -> bool {
    match l.product.as_deref() {
        Some("zeek") => s.provider.strip_prefix("zeek.") == Some(service),
        Some("azure") => service == "signinlogs",
        Some("windows") => {
            let Some((_, source, channels)) = SERVICES.iter().find(|(n, ..)| *n == service) else {
                return false;
            };
            match s.channel.is_empty() {
                false => channels.iter().any(|c| s.channel.eq_ignore_ascii_case(c)),
                true => s.is_windows() && !source.is_empty() && s.source == *source,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(product: &str, category: &str, service: &str) -> Logsource {
        let part = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        Logsource {
            product: part(product),
            category: part(category),
            service: part(service),
        }
    }

    const SYSMON_1: Shape<'_> = Shape {
        table: &process::TABLE,
        source: "sysmon",
        channel: "Microsoft-Windows-Sysmon/Operational",
        provider: "Microsoft-Windows-Sysmon",
        code: Some(1),
        action: "start",
    };

    #[test]
    fn process_creation_is_sysmon_1_and_security_4688() {
        let l = source("windows", "process_creation", "");
        assert!(covers(&l, &SYSMON_1));
        let security = Shape {
            source: "security",
            channel: "Security",
            provider: "Microsoft-Windows-Security-Auditing",
            code: Some(4688),
            ..SYSMON_1
        };
        assert!(covers(&l, &security));
        assert!(covers(&source("windows", "", "security"), &security));
        assert!(!covers(&source("windows", "", "system"), &security));
        assert!(!covers(
            &l,
            &Shape {
                action: "end",
                code: Some(5),
                ..SYSMON_1
            }
        ));
        assert!(!covers(&source("linux", "process_creation", ""), &SYSMON_1));
    }

    #[test]
    fn a_zeek_service_is_its_log() {
        let zeek = Shape {
            table: &http::TABLE,
            source: "zeek",
            provider: "zeek.http",
            action: "request",
            ..Shape::default()
        };
        assert!(covers(&source("zeek", "", "http"), &zeek) && !covers(&source("zeek", "", "dns"), &zeek));
        assert!(covers(&source("", "proxy", ""), &zeek));
    }

    #[test]
    fn what_no_lake_holds_is_named() {
        assert!(
            readable(&source("aws", "", "cloudtrail"))
                .unwrap_err()
                .contains("product: aws, service: cloudtrail")
        );
        assert!(
            readable(&source("windows", "", "nonesuch"))
                .unwrap_err()
                .contains("nonesuch")
        );
        assert!(readable(&source("windows", "process_creation", "")).is_ok());
    }
}
