use super::MdeJson;
use crate::ingest::formats::{Format, Head, Sniff};
use crate::ingest::mde::testing::{Shown, decode, sample};

fn all(json: &str) -> Vec<Shown> {
    let (rows, rejects) = decode(&MdeJson, json.as_bytes());
    assert!(rejects.is_empty(), "{rejects:?}");
    rows
}

#[test]
fn streaming_records_are_read_by_their_properties() {
    let rows = all(
        r#"{"time":"2025-03-01T10:05:00Z","tenantId":"t","category":"AdvancedHunting-DeviceLogonEvents","properties":{"Timestamp":"2025-03-01T10:00:00Z","DeviceName":"ws01","ActionType":"LogonFailed","LogonType":"RemoteInteractive","AccountName":"ann","AccountDomain":"corp","RemoteIP":"192.0.2.9","RemoteDeviceName":"KALI","Protocol":"NTLM","FailureReason":"InvalidUserNameOrPassword","RemoteUrl":null,"ReportId":7}}"#,
    );
    let row = &rows[0];
    for (column, want) in [
        ("ts", "2025-03-01T10:00:00Z"),
        ("host", "ws01"),
        ("record_id", "7"),
        ("action", "logon"),
        ("outcome", "failure"),
        ("logon_type", "10"),
        ("target_user", "ann"),
        ("src_ip", "192.0.2.9"),
        ("src_host", "KALI"),
        ("auth_pkg", "NTLM"),
    ] {
        assert_eq!(row.get(column), want, "{column}");
    }
    let extra = row.get("extra");
    assert!(
        extra.contains("\"tenantId\":\"t\"") && !extra.contains("RemoteUrl"),
        "{extra}"
    );
}

#[test]
fn a_record_without_a_time_of_its_own_has_that_of_delivery() {
    let rows = all(
        r#"{"time":"2025-03-01T10:05:00Z","category":"AdvancedHunting-DeviceEvents","properties":{"ActionType":"PnpDeviceConnected","AdditionalFields":{"a":1}}}"#,
    );
    assert_eq!((rows[0].table, rows[0].get("ts")), ("event", "2025-03-01T10:05:00Z"));
    assert!(rows[0].get("extra").contains(r#""AdditionalFields":{"a":1}"#));
}

#[test]
fn replies_rows_and_tables_become_the_same_rows() {
    let row = r#"{"Timestamp":"2025-03-01T10:00:00Z","DeviceName":"ws01","ActionType":"RegistryValueSet","RegistryKey":"HKEY_LOCAL_MACHINE\\X","RegistryValueName":"v","RegistryValueData":"d"}"#;
    for text in [
        row.to_owned(),
        format!("[{row}]"),
        format!(r#"{{"Stats":{{}},"Schema":[{{"Name":"Timestamp","Type":"DateTime"}}],"Results":[{row}]}}"#),
        r#"{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"DeviceName"},{"name":"ActionType"},{"name":"RegistryKey"},{"name":"RegistryValueName"},{"name":"RegistryValueData"},{"name":"Empty"}],"rows":[["2025-03-01T10:00:00Z","ws01","RegistryValueSet","HKEY_LOCAL_MACHINE\\X","v","d",null]]}]}"#.to_owned(),
    ] {
        let rows = all(&text);
        assert_eq!(rows.len(), 1, "{text}");
        let r = &rows[0];
        assert_eq!((r.table, r.get("action"), r.get("key"), r.get("value_name"), r.get("data")), ("registry", "set_value", "HKEY_LOCAL_MACHINE\\X", "v", "d"), "{text}");
        assert_eq!((r.get("ts"), r.get("extra")), ("2025-03-01T10:00:00Z", r#"{"ActionType":"RegistryValueSet"}"#), "{text}");
    }
}

#[test]
fn rows_of_a_table_have_offsets_of_their_own() {
    let rows =
        all(r#"{"tables":[{"columns":[{"name":"DeviceName"},{"name":"ActionType"}],"rows":[["a","X"],["b","X"]]}]}"#);
    assert_eq!(rows.len(), 2);
    assert_ne!(rows[0].get("row"), rows[1].get("row"));
}

#[test]
fn evidence_names_its_device_and_techniques() {
    let rows = all(
        r#"{"time":"2025-03-01T10:05:00Z","category":"AdvancedHunting-AlertEvidence","properties":{"Timestamp":"2025-03-01T10:00:00Z","AlertId":"a1","EntityType":"Process","Title":"t","Severity":"Low","FileName":"x.exe","FolderPath":"C:\\y","AttackTechniques":"[\"Masquerading (T1036)\"]","DeviceName":null,"AdditionalFields":"{\"Host\":{\"HostName\":\"WS01\"}}"}}"#,
    );
    let row = &rows[0];
    assert_eq!(
        (row.table, row.get("action"), row.get("host"), row.get("object")),
        ("alert", "evidence", "ws01", "C:\\y\\x.exe")
    );
    assert_eq!(
        (row.get("techniques"), row.get("detection_id"), row.get("evidence")),
        ("T1036", "a1", "Process")
    );
}

#[test]
fn the_samples_are_read_whole() {
    let Some(bytes) = sample("mde/cases_microsoft-365-defender.ndjson") else {
        return;
    };
    let mut tables = std::collections::BTreeMap::new();
    for line in std::str::from_utf8(&bytes).unwrap().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let message = case["message"].as_str().unwrap();
        let sniffed = MdeJson.sniff(&Head::new(message.as_bytes(), "x"));
        assert!(matches!(sniffed, Sniff::Yes(..)), "{message}");
        let rows = all(message);
        assert_eq!(rows.len(), 1);
        assert_ne!(rows[0].get("time_quality"), "none", "{message}");
        *tables.entry(rows[0].table).or_insert(0) += 1;
        if std::env::var_os("SHOW_ROWS").is_some() {
            eprintln!("{:#?}", rows[0]);
        }
    }
    let want = [
        ("alert", 12),
        ("auth", 6),
        ("network", 3),
        ("process", 5),
        ("process_access", 2),
        ("registry", 1),
    ];
    for (table, n) in want {
        assert_eq!(tables.get(table), Some(&n), "{table} in {tables:?}");
    }
}
