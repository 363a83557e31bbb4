//! Constants of Windows and DNS that logs write as numbers: message parameters, logon status codes, well-known RIDs,
//! DNS types and result codes, names of ports. Sources: Microsoft's event and error documentation and IANA's registries.

/// The text behind a Windows message parameter such as `%%1842`, which exports leave unresolved.
/// Takes the parameter with or without its percent signs; `None` when it is not in this small table.
pub fn message_parameter(parameter: &str) -> Option<&'static str> {
    let number = parameter.trim().trim_start_matches('%').parse().ok()?;
    lookup(MESSAGE_PARAMETERS, number)
}

/// What a logon `Status` or `SubStatus` of event 4625 or 4776 means. Takes `0xC000006A` in either case.
pub fn logon_status(code: &str) -> Option<&'static str> {
    lookup(LOGON_STATUS, hex_code(code)?)
}

/// What a Kerberos result code of events 4768, 4769 and 4771 means (RFC 4120). Takes `0x18`.
pub fn kerberos_status(code: &str) -> Option<&'static str> {
    lookup(KERBEROS_STATUS, hex_code(code)?)
}

/// The account or group of a well-known relative identifier, the last number of a SID.
pub fn well_known_rid(rid: u32) -> Option<&'static str> {
    lookup(WELL_KNOWN_RIDS, rid)
}

/// Whether membership in the group with this RID gives power over a machine or a domain.
pub fn is_privileged_rid(rid: u32) -> bool {
    PRIVILEGED_RIDS.contains(&rid)
}

/// The last number of a SID: 512 for `S-1-5-21-…-512`.
pub fn rid_of_sid(sid: &str) -> Option<u32> {
    let rest = sid.trim().strip_prefix("S-1-")?;
    rest.rsplit_once('-')?.1.parse().ok()
}

/// The service that usually listens on a port.
pub fn port_name(port: u16) -> Option<&'static str> {
    lookup(PORT_NAMES, u32::from(port))
}

/// The name of a logon type of event 4624 or 4625.
pub fn logon_type(kind: u32) -> Option<&'static str> {
    lookup(LOGON_TYPES, kind)
}

/// The DNS result code that a Win32 status of Sysmon 22 or of the DNS client stands for: 9003 is `NXDOMAIN`.
pub fn dns_status_rcode(status: u32) -> Option<&'static str> {
    lookup(DNS_STATUS, status)
}

/// The name of a DNS result code (RFC 6895): 3 is `NXDOMAIN`.
pub fn rcode_name(code: u16) -> Option<&'static str> {
    lookup(RCODES, u32::from(code))
}

/// The number of a DNS result code, without case.
pub fn rcode_number(name: &str) -> Option<u16> {
    reverse(RCODES, name)
}

/// The name of a DNS record type: 16 is `TXT`.
pub fn qtype_name(number: u16) -> Option<&'static str> {
    lookup(QTYPES, u32::from(number))
}

/// The number of a DNS record type: its name without case, or `TYPE65` for those without one (RFC 3597).
pub fn qtype_number(name: &str) -> Option<u16> {
    let name = name.trim();
    reverse(QTYPES, name).or_else(|| {
        let prefix = name.get(..4)?;
        let generic = prefix.eq_ignore_ascii_case("TYPE");
        generic.then(|| name.get(4..)?.parse().ok()).flatten()
    })
}

type Names = &'static [(u32, &'static str)];

fn lookup(table: Names, number: u32) -> Option<&'static str> {
    let at = table.binary_search_by_key(&number, |(n, _)| *n).ok()?;
    table.get(at).map(|(_, name)| *name)
}

fn reverse(table: Names, name: &str) -> Option<u16> {
    let name = name.trim();
    let hit = table.iter().find(|(_, n)| n.eq_ignore_ascii_case(name))?;
    u16::try_from(hit.0).ok()
}

fn hex_code(code: &str) -> Option<u32> {
    let code = code.trim();
    let digits = code.strip_prefix("0x").or_else(|| code.strip_prefix("0X"))?;
    u32::from_str_radix(digits, 16).ok()
}

/// Message parameters of the security channel (msobjs.dll, adtschema.dll).
static MESSAGE_PARAMETERS: Names = &[
    (1537, "DELETE"),
    (1538, "READ_CONTROL"),
    (1539, "WRITE_DAC"),
    (1540, "WRITE_OWNER"),
    (1541, "SYNCHRONIZE"),
    (1542, "ACCESS_SYS_SEC"),
    (1601, "Not used"),
    (1832, "Identification"),
    (1833, "Impersonation"),
    (1840, "Delegation"),
    (1842, "Yes"),
    (1843, "No"),
    (1904, "New registry value created"),
    (1905, "Existing registry value modified"),
    (1906, "Registry value deleted"),
    (1936, "TokenElevationTypeDefault (1)"),
    (1937, "TokenElevationTypeFull (2)"),
    (1938, "TokenElevationTypeLimited (3)"),
    (2304, "An error occurred during logon"),
    (2305, "The specified user account has expired"),
    (2306, "The NetLogon component is not active"),
    (2307, "Account locked out"),
    (
        2308,
        "The user has not been granted the requested logon type at this machine",
    ),
    (2309, "The specified account's password has expired"),
    (2310, "Account currently disabled"),
    (2311, "Account logon time restriction violation"),
    (2312, "User not allowed to logon at this computer"),
    (2313, "Unknown user name or bad password"),
    (2314, "Domain sid inconsistent"),
    (4416, "ReadData (or ListDirectory)"),
    (4417, "WriteData (or AddFile)"),
    (4418, "AppendData (or AddSubdirectory or CreatePipeInstance)"),
    (4419, "ReadEA"),
    (4420, "WriteEA"),
    (4421, "Execute/Traverse"),
    (4422, "DeleteChild"),
    (4423, "ReadAttributes"),
    (4424, "WriteAttributes"),
    (4432, "Query key value"),
    (4433, "Set key value"),
    (4434, "Create sub-key"),
    (4435, "Enumerate sub-keys"),
    (4436, "Notify about changes to keys"),
    (4437, "Create Link"),
    (4480, "Force process termination"),
    (4481, "Create new thread in process"),
    (4482, "Set process session ID"),
    (4483, "Perform virtual memory operation"),
    (4484, "Read from process memory"),
    (4485, "Write to process memory"),
    (4486, "Duplicate handle into or out of process"),
    (4487, "Create a subprocess of process"),
    (4488, "Set process quotas"),
    (4489, "Set process information"),
    (4490, "Query process information"),
    (4491, "Set process termination port"),
    (7680, "Create Child"),
    (7681, "Delete Child"),
    (7682, "List Contents"),
    (7683, "Write Self"),
    (7684, "Read Property"),
    (7685, "Write Property"),
    (7686, "Delete Tree"),
    (7687, "List Object"),
    (7688, "Control Access"),
    (8448, "Success removed"),
    (8449, "Success Added"),
    (8450, "Failure removed"),
    (8451, "Failure added"),
    (14592, "Inbound"),
    (14593, "Outbound"),
];

/// NTSTATUS values of failed logons.
static LOGON_STATUS: Names = &[
    (0x0000_0000, "success"),
    (0xC000_005E, "no logon servers available"),
    (0xC000_0064, "user name does not exist"),
    (0xC000_006A, "wrong password"),
    (0xC000_006D, "bad user name or password"),
    (0xC000_006E, "account restriction"),
    (0xC000_006F, "outside of allowed logon hours"),
    (0xC000_0070, "workstation not allowed"),
    (0xC000_0071, "password expired"),
    (0xC000_0072, "account disabled"),
    (0xC000_00DC, "server in the wrong state"),
    (0xC000_0133, "clocks out of sync"),
    (0xC000_015B, "logon type not granted"),
    (0xC000_018C, "trust relationship failed"),
    (0xC000_0192, "Netlogon service not started"),
    (0xC000_0193, "account expired"),
    (0xC000_0224, "password must change at next logon"),
    (0xC000_0225, "not found (Windows internal)"),
    (0xC000_0234, "account locked out"),
    (0xC000_02EE, "unspecified failure"),
    (0xC000_0413, "not allowed by the authentication firewall"),
];

static KERBEROS_STATUS: Names = &[
    (0x00, "success"),
    (0x01, "client entry expired"),
    (0x02, "server entry expired"),
    (0x06, "client principal unknown"),
    (0x07, "server principal unknown"),
    (0x0C, "policy rejects the request"),
    (0x0D, "option cannot be accommodated"),
    (0x0E, "encryption type not supported"),
    (0x12, "client revoked, disabled or locked out"),
    (0x17, "password expired"),
    (0x18, "pre-authentication failed (wrong password)"),
    (0x19, "pre-authentication required"),
    (0x1B, "server principal valid for user-to-user only"),
    (0x1F, "integrity check failed"),
    (0x20, "ticket expired"),
    (0x22, "replay detected"),
    (0x25, "clock skew too great"),
    (0x29, "message stream modified"),
    (0x3C, "generic error"),
];

static WELL_KNOWN_RIDS: Names = &[
    (500, "Administrator"),
    (501, "Guest"),
    (502, "krbtgt"),
    (503, "DefaultAccount"),
    (504, "WDAGUtilityAccount"),
    (512, "Domain Admins"),
    (513, "Domain Users"),
    (514, "Domain Guests"),
    (515, "Domain Computers"),
    (516, "Domain Controllers"),
    (517, "Cert Publishers"),
    (518, "Schema Admins"),
    (519, "Enterprise Admins"),
    (520, "Group Policy Creator Owners"),
    (521, "Read-only Domain Controllers"),
    (522, "Cloneable Domain Controllers"),
    (525, "Protected Users"),
    (526, "Key Admins"),
    (527, "Enterprise Key Admins"),
    (544, "Administrators"),
    (545, "Users"),
    (546, "Guests"),
    (547, "Power Users"),
    (548, "Account Operators"),
    (549, "Server Operators"),
    (550, "Print Operators"),
    (551, "Backup Operators"),
    (552, "Replicators"),
    (555, "Remote Desktop Users"),
    (556, "Network Configuration Operators"),
    (562, "Distributed COM Users"),
    (573, "Event Log Readers"),
    (578, "Hyper-V Administrators"),
    (580, "Remote Management Users"),
];

/// Groups whose membership is worth a finding (Microsoft: privileged accounts and groups in Active Directory).
static PRIVILEGED_RIDS: &[u32] = &[512, 518, 519, 544, 548, 549, 551];

static LOGON_TYPES: Names = &[
    (0, "system"),
    (2, "interactive"),
    (3, "network"),
    (4, "batch"),
    (5, "service"),
    (7, "unlock"),
    (8, "network cleartext"),
    (9, "new credentials"),
    (10, "remote interactive"),
    (11, "cached interactive"),
    (12, "cached remote interactive"),
    (13, "cached unlock"),
];

static PORT_NAMES: Names = &[
    (20, "ftp-data"),
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (25, "smtp"),
    (53, "dns"),
    (67, "dhcp"),
    (68, "dhcp-client"),
    (69, "tftp"),
    (80, "http"),
    (88, "kerberos"),
    (110, "pop3"),
    (123, "ntp"),
    (135, "msrpc"),
    (137, "netbios-ns"),
    (138, "netbios-dgm"),
    (139, "netbios-ssn"),
    (143, "imap"),
    (161, "snmp"),
    (162, "snmptrap"),
    (389, "ldap"),
    (443, "https"),
    (445, "smb"),
    (464, "kpasswd"),
    (465, "smtps"),
    (500, "ike"),
    (514, "syslog"),
    (587, "submission"),
    (593, "http-rpc-epmap"),
    (636, "ldaps"),
    (853, "dns-over-tls"),
    (989, "ftps-data"),
    (990, "ftps"),
    (993, "imaps"),
    (995, "pop3s"),
    (1080, "socks"),
    (1194, "openvpn"),
    (1433, "mssql"),
    (1434, "mssql-browser"),
    (1521, "oracle"),
    (1723, "pptp"),
    (1812, "radius"),
    (2049, "nfs"),
    (3128, "squid"),
    (3268, "ldap-gc"),
    (3269, "ldaps-gc"),
    (3306, "mysql"),
    (3389, "rdp"),
    (4500, "ipsec-nat-t"),
    (5353, "mdns"),
    (5355, "llmnr"),
    (5432, "postgresql"),
    (5900, "vnc"),
    (5938, "teamviewer"),
    (5985, "winrm"),
    (5986, "winrm-https"),
    (6379, "redis"),
    (6667, "irc"),
    (7070, "anydesk"),
    (8080, "http-alt"),
    (8443, "https-alt"),
    (8530, "wsus"),
    (8531, "wsus-https"),
    (9001, "tor-orport"),
    (9050, "tor-socks"),
    (9100, "printer"),
    (9389, "ad-web-services"),
    (27017, "mongodb"),
];

/// Win32 DNS errors (winerror.h, 9001–9018: DNS_ERROR_RCODE_*; 9501…9701: results of the resolver).
static DNS_STATUS: Names = &[
    (0, "NOERROR"),
    (1460, "TIMEOUT"),
    (9001, "FORMERR"),
    (9002, "SERVFAIL"),
    (9003, "NXDOMAIN"),
    (9004, "NOTIMP"),
    (9005, "REFUSED"),
    (9006, "YXDOMAIN"),
    (9007, "YXRRSET"),
    (9008, "NXRRSET"),
    (9009, "NOTAUTH"),
    (9010, "NOTZONE"),
    (9016, "BADSIG"),
    (9017, "BADKEY"),
    (9018, "BADTIME"),
    // The name exists, a record of this type does not: an empty answer, not a missing name.
    (9501, "NOERROR"),
    (9701, "NOERROR"),
];

static RCODES: Names = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (16, "BADVERS"),
    (17, "BADKEY"),
    (18, "BADTIME"),
    (19, "BADMODE"),
    (20, "BADNAME"),
    (21, "BADALG"),
    (22, "BADTRUNC"),
    (23, "BADCOOKIE"),
];

static QTYPES: Names = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (10, "NULL"),
    (11, "WKS"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (24, "SIG"),
    (25, "KEY"),
    (28, "AAAA"),
    (29, "LOC"),
    (33, "SRV"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (39, "DNAME"),
    (41, "OPT"),
    (43, "DS"),
    (44, "SSHFP"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (256, "URI"),
    (257, "CAA"),
    (32769, "DLV"),
    (65281, "WINS"),
    (65282, "WINSR"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_so_that_lookups_find_every_entry() {
        for table in [
            MESSAGE_PARAMETERS,
            LOGON_STATUS,
            KERBEROS_STATUS,
            WELL_KNOWN_RIDS,
            LOGON_TYPES,
            PORT_NAMES,
            DNS_STATUS,
            RCODES,
            QTYPES,
        ] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
            assert!(table.iter().all(|(n, name)| lookup(table, *n) == Some(name)));
        }
    }

    #[test]
    fn numbers_are_read_in_the_forms_logs_use() {
        assert_eq!(message_parameter("%%1937"), Some("TokenElevationTypeFull (2)"));
        assert_eq!(message_parameter("%%14593"), Some("Outbound"));
        assert_eq!(message_parameter("%%99999999999"), None);
        assert_eq!(logon_status("0xc000006a"), Some("wrong password"));
        assert_eq!(logon_status("-"), None);
        assert_eq!(rid_of_sid("S-1-5-21-1-2-3-512"), Some(512));
        assert!(is_privileged_rid(512) && !is_privileged_rid(545));
        assert_eq!(dns_status_rcode(9003), Some("NXDOMAIN"));
    }

    #[test]
    fn dns_names_and_numbers_are_inverse() {
        for (number, name) in QTYPES {
            assert_eq!(qtype_number(name), u16::try_from(*number).ok());
        }
        assert_eq!(qtype_name(16), Some("TXT"));
        assert_eq!(qtype_number("type65"), Some(65));
        assert_eq!(qtype_number("TYPE"), None);
        assert_eq!(qtype_number("日本"), None);
        assert_eq!(rcode_number("nxdomain"), Some(3));
        assert_eq!(rcode_name(5), Some("REFUSED"));
    }
}
