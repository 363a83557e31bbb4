use super::MdeCsv;
use crate::ingest::formats::{Format, Head, Sniff};
use crate::ingest::mde::testing::{Shown, decode, sample};

fn one(csv: &str) -> Shown {
    let (mut rows, rejects) = decode(&MdeCsv, csv.as_bytes());
    assert_eq!((rows.len(), rejects.len()), (1, 0), "{rejects:?}");
    rows.remove(0)
}

fn sniff(head: &str) -> bool {
    matches!(MdeCsv.sniff(&Head::new(head.as_bytes(), "x")), Sniff::Yes(..))
}

const PROCESS: &str = "Timestamp,DeviceId,DeviceName,ActionType,FileName,FolderPath,SHA1,ProcessId,ProcessCommandLine,ProcessCreationTime,AccountName,AccountDomain,LogonId,InitiatingProcessAccountName,InitiatingProcessAccountDomain,InitiatingProcessLogonId,InitiatingProcessFileName,InitiatingProcessFolderPath,InitiatingProcessId,InitiatingProcessCommandLine,InitiatingProcessCreationTime,InitiatingProcessParentFileName,ReportId\n\
2025-03-01T10:00:00.1234560Z,d1,WS01.corp.example,ProcessCreated,cmd.exe,C:\\Windows\\System32\\cmd.exe,da39a3ee5e6b4b0d3255bfef95601890afd80709,4321,\"cmd /c \"\"whoami\"\"\",2025-03-01T10:00:00.1Z,ann,CORP,777,bob,CORP,999,winword.exe,c:\\program files\\office,1234,winword.exe /n,2025-03-01T09:59:00Z,\\Device\\HarddiskVolume3\\Windows\\explorer.exe,42\n";

#[test]
fn a_process_row_has_its_creator_as_parent() {
    let row = one(PROCESS);
    assert_eq!(row.table, "process");
    for (column, want) in [
        ("ts", "2025-03-01T10:00:00.123456Z"),
        ("time_quality", "utc"),
        ("host", "ws01"),
        ("host_raw", "WS01.corp.example"),
        ("host_id", "d1"),
        ("source", "mde"),
        ("action", "start"),
        ("record_id", "42"),
        ("pid", "4321"),
        ("proc_start", "2025-03-01T10:00:00.100Z"),
        ("image", "C:\\Windows\\System32\\cmd.exe"),
        ("image_name", "cmd.exe"),
        ("cmdline", "cmd /c \"whoami\""),
        ("sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("ppid", "1234"),
        ("parent_start", "2025-03-01T09:59:00Z"),
        ("parent_image", "c:\\program files\\office\\winword.exe"),
        ("parent_name", "winword.exe"),
        ("parent_cmdline", "winword.exe /n"),
        ("gparent_image", "?:\\Windows\\explorer.exe"),
        ("user", "bob"),
        ("target_user", "ann"),
        ("logon_id", "999"),
        ("target_logon_id", "777"),
    ] {
        assert_eq!(row.get(column), want, "{column}");
    }
    // What a column does not re-create stays: the joined folder, the device path, the action type.
    let extra = row.get("extra");
    for kept in [
        "InitiatingProcessFolderPath",
        "InitiatingProcessParentFileName",
        "ActionType",
    ] {
        assert!(extra.contains(kept), "{kept} in {extra}");
    }
    assert!(
        !extra.contains("ProcessCommandLine") && !extra.contains("\"FolderPath"),
        "{extra}"
    );
}

#[test]
fn inbound_connections_have_the_peer_as_source() {
    let head = "Timestamp,DeviceName,ActionType,RemoteIP,RemotePort,RemoteUrl,LocalIP,LocalPort,Protocol,InitiatingProcessId,InitiatingProcessFileName,AdditionalFields\n";
    let row = one(&format!(
        "{head}2025-03-01T10:00:00Z,ws01,InboundConnectionAccepted,192.0.2.9,50000,,10.0.0.5,445,TcpV4,4,system,\n"
    ));
    assert_eq!(
        (row.table, row.get("direction"), row.get("action")),
        ("network", "in", "accept")
    );
    assert_eq!(
        (
            row.get("src_ip"),
            row.get("src_port"),
            row.get("dst_ip"),
            row.get("dst_port")
        ),
        ("192.0.2.9", "50000", "10.0.0.5", "445")
    );
    let row = one(&format!(
        "{head}2025-03-01T10:00:00Z,ws01,ConnectionSuccess,192.0.2.9,443,https://c2.example/a?b,10.0.0.5,50000,Tcp,77,a.exe,\n"
    ));
    assert_eq!(
        (row.get("src_ip"), row.get("dst_ip"), row.get("dst_host")),
        ("10.0.0.5", "192.0.2.9", "c2.example")
    );
    assert_eq!(
        (row.get("outcome"), row.get("proto"), row.get("pid"), row.get("image")),
        ("success", "tcp", "77", "a.exe")
    );
}

#[test]
fn inspected_protocols_go_to_their_tables() {
    let head = "Timestamp,DeviceName,ActionType,RemoteIP,RemotePort,LocalIP,LocalPort,Protocol,InitiatingProcessId,AdditionalFields\n";
    let line = |action: &str, fields: &str| {
        let fields = fields.replace('"', "\"\"");
        one(&format!(
            "{head}2025-03-01T10:00:00Z,ws01,{action},192.0.2.9,53,10.0.0.5,5000,Udp,0,\"{fields}\"\n"
        ))
    };
    let dns = line(
        "DnsConnectionInspected",
        r#"{"direction":"Out","query":"A.Example.","qtype_name":"TXT","rcode_name":"NOERROR","answers":"[\"x\",\"y\"]","TTLs":"[60.0,5.0]","trans_id":"7"}"#,
    );
    assert_eq!(
        (
            dns.table,
            dns.get("qname"),
            dns.get("qtype"),
            dns.get("answers"),
            dns.get("ttl_min")
        ),
        ("dns", "a.example", "TXT", "x y", "5")
    );
    assert_eq!(
        (dns.get("client_ip"), dns.get("server_ip"), dns.get("pid")),
        ("10.0.0.5", "192.0.2.9", ""),
        "process 0 without a name is no process"
    );
    let http = line(
        "HttpConnectionInspected",
        r#"{"host":"H.example:8080","method":"POST","uri":"/a?b=c","user_agent":"ua","status_code":"200","response_body_len":"22"}"#,
    );
    assert_eq!(
        (
            http.table,
            http.get("url_host"),
            http.get("url_port"),
            http.get("url_path"),
            http.get("url_query")
        ),
        ("http", "h.example", "8080", "/a", "b=c")
    );
    assert_eq!(
        (http.get("status"), http.get("bytes_in"), http.get("ua")),
        ("200", "22", "ua")
    );
    let tls = line(
        "SslConnectionInspected",
        r#"{"server_name":"s.example","version":"TLSv12"}"#,
    );
    assert_eq!(
        (tls.table, tls.get("tls_sni"), tls.get("dst_host"), tls.get("app")),
        ("network", "s.example", "s.example", "ssl")
    );
}

#[test]
fn base64_hashes_of_drivers_become_hex() {
    let csv = "Timestamp,DeviceName,ActionType,FileName,FolderPath,AdditionalFields\n2025-03-01T10:00:00Z,ws01,DriverLoad,a.sys,C:\\x,\"{\"\"ImageMD5\"\":\"\"1B2M2Y8AsgTpgAmY7PhCfg==\"\"}\"\n";
    let row = one(csv);
    assert_eq!(
        (row.table, row.get("kind"), row.get("path")),
        ("image_load", "driver", "C:\\x\\a.sys")
    );
    assert_eq!(row.get("md5"), "d41d8cd98f00b204e9800998ecf8427e");
}

#[test]
fn antivirus_mode_comes_from_the_context_of_scid_2010() {
    let csv = |id: &str, context: &str| {
        one(&format!(
            "Timestamp,DeviceId,DeviceName,ConfigurationId,IsCompliant,IsApplicable,Context\n2025-03-01T10:00:00Z,d1,ws01,{id},0,1,\"{}\"\n",
            context.replace('"', "\"\"")
        ))
    };
    for (context, mode) in [
        (r#"[["0"]]"#, "active"),
        (r#"[["1","x"]]"#, "passive"),
        ("[[4]]", "edr_block"),
        ("", ""),
    ] {
        let row = csv("scid-2010", context);
        assert_eq!(
            (row.table, row.get("setting"), row.get("new")),
            ("posture", "scid-2010", mode),
            "{context}"
        );
        assert_eq!(
            (row.get("kind"), row.get("compliant"), row.get("applicable")),
            ("tvm", "0", "1")
        );
    }
    assert_eq!(csv("scid-2003", r#"[["1"]]"#).get("new"), "");
}

#[test]
fn the_device_timeline_is_read_by_its_own_names() {
    let row = one(
        "\u{feff}Event Time,Machine Id,Computer Name,Action Type,File Name,Folder Path,Sha1,Initiating Process File Name,Initiating Process Id,Report Id,Data Type\r\n2024-11-05T15:19:40.621,d1,ws01,FileRenamed,b.locked,C:\\docs,,x.exe,9,5,Events\r\n",
    );
    assert_eq!(
        (row.table, row.get("action"), row.get("path"), row.get("ext")),
        ("file", "rename", "C:\\docs\\b.locked", "locked")
    );
    assert_eq!(
        (row.get("time_quality"), row.get("ts"), row.get("pid")),
        ("assumed", "2024-11-05T15:19:40.621Z", "9")
    );
    assert!(row.get("extra").contains("\"Data Type\":\"Events\""));
}

#[test]
fn broken_lines_are_rejects_and_hostile_ones_do_no_harm() {
    let (rows, rejects) = decode(
        &MdeCsv,
        b"Timestamp,DeviceName,ActionType\ngarbage\n\"open,a,b\n2025-03-01T10:00:00Z,w\xE9s,X\n,,\n",
    );
    assert_eq!((rows.len(), rejects.len()), (3, 1));
    assert!(rows.iter().any(|r| r.get("host_raw") == "wés"));
    decode(&MdeCsv, b"");
    decode(&MdeCsv, b"\"\"\"\n\0,\xFF,\n");
}

#[test]
fn other_tables_are_left_alone() {
    assert!(sniff(PROCESS));
    for other in [
        "EventID,TimeGenerated,Computer,SubjectUserName\n",
        "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,Computer,Payload\n",
        "Date (UTC),User,Username,IP address,Location,Status\n",
        "{\"ActionType\":\"x\",\"DeviceId\":\"y\"}\n",
        "",
    ] {
        assert!(!sniff(other), "{other}");
    }
}

#[test]
fn the_samples_are_read_whole() {
    for (path, want) in [
        ("mde/data__advanced_hunting_test.csv", 26),
        ("mde/testdata__mde_proc_cs1.csv", 132),
        ("mde/timeline_export_header.csv", 0),
    ] {
        let Some(bytes) = sample(path) else { return };
        assert!(
            matches!(MdeCsv.sniff(&Head::new(&bytes, path)), Sniff::Yes(..)),
            "{path}"
        );
        let (rows, rejects) = decode(&MdeCsv, &bytes);
        assert_eq!((rows.len(), rejects.len()), (want, 0), "{path}");
        for row in &rows {
            assert_ne!(row.get("host"), "");
            assert_ne!(row.get("time_quality"), "none", "{row:?}");
            assert_ne!(row.table, "event", "{row:?}");
            if row.table == "process" && row.get("extra").contains("\"ProcessCreated\"") {
                assert!(!row.get("pid").is_empty() && !row.get("ppid").is_empty() && !row.get("proc_start").is_empty());
            }
        }
        if std::env::var_os("SHOW_ROWS").is_some() {
            rows.iter().take(30).for_each(|r| eprintln!("{r:#?}"));
        }
    }
    for path in [
        "sentinel_export/data__host_logons.csv",
        "sentinel_export/data__az_net_flows.csv",
        "sentinel_export/data__processes_on_host.csv",
    ] {
        let Some(bytes) = sample(path) else { return };
        assert!(matches!(MdeCsv.sniff(&Head::new(&bytes, path)), Sniff::No(_)), "{path}");
    }
}
