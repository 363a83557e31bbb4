use super::EntraJson;
use crate::ingest::formats::{Format, Head, Sniff};
use crate::ingest::mde::testing::{Shown, decode, sample};

fn all(json: &str) -> Vec<Shown> {
    let (rows, rejects) = decode(&EntraJson, json.as_bytes());
    assert!(rejects.is_empty(), "{rejects:?}");
    rows
}

fn diagnostic(result: &str) -> Shown {
    let text = r#"{"time":"2025-03-01T10:03:00Z","category":"SignInLogs","resultType":"RESULT","callerIpAddress":"192.0.2.1:443","location":"DE","properties":{"createdDateTime":"2025-03-01T10:00:00.5+00:00","userPrincipalName":"ann.b@corp.example","userId":"u1","ipAddress":"192.0.2.9","appDisplayName":"Portal","userAgent":"ua","deviceDetail":{"deviceId":"d","displayName":"WS01"},"location":{"city":"Berlin","countryOrRegion":"DE","geoCoordinates":{"latitude":52.5,"longitude":13.4}},"status":{"errorCode":RESULT,"failureReason":"why"},"riskLevelDuringSignIn":"none","authenticationRequirement":"multiFactorAuthentication","autonomousSystemNumber":3320}}"#;
    all(&text.replace("RESULT", result)).remove(0)
}

#[test]
fn a_sign_in_has_a_user_a_place_and_no_host() {
    let row = diagnostic("0");
    assert_eq!(row.table, "auth");
    for (column, want) in [
        ("ts", "2025-03-01T10:00:00.500Z"),
        ("time_quality", "offset"),
        ("source", "entra"),
        ("host", ""),
        ("action", "logon"),
        ("outcome", "success"),
        ("logon_type", "100"),
        ("user", "ann.b"),
        ("user_domain", "corp.example"),
        ("target_user", "ann.b"),
        ("target_domain", "corp.example"),
        ("src_ip", "192.0.2.9"),
        ("app", "Portal"),
        ("device", "WS01"),
        ("ua", "ua"),
        ("city", "Berlin"),
        ("country", "DE"),
        ("lat", "52.5"),
        ("lon", "13.4"),
        ("asn", "3320"),
        ("risk", "none"),
        ("mfa", "multiFactorAuthentication"),
        ("status", "0"),
        ("fail_reason", ""),
    ] {
        assert_eq!(row.get(column), want, "{column}");
    }
    assert!(row.get("extra").contains("envelope.location"));
}

#[test]
fn interruptions_are_no_failures_and_refusals_are_blocked() {
    for (code, want) in [
        ("50126", "failure"),
        ("50053", "failure"),
        ("50057", "failure"),
        ("500121", "failure"),
        ("50074", ""),
        ("50076", ""),
        ("50079", ""),
        ("50140", ""),
        ("53003", "blocked"),
    ] {
        let row = diagnostic(code);
        assert_eq!((row.get("outcome"), row.get("status")), (want, code), "{code}");
    }
}

#[test]
fn graph_and_sentinel_shapes_are_read() {
    let graph = r#"{"value":[{"id":"1","createdDateTime":"2025-03-01T10:00:00Z","userPrincipalName":"a@b.example","appDisplayName":"x","ipAddress":"2001:db8::1","location":{"city":"Oslo","countryOrRegion":"NO","geoCoordinates":{}},"status":{"errorCode":50126,"failureReason":"bad"}}]}"#;
    let rows = all(graph);
    assert_eq!(
        (rows.len(), rows[0].get("outcome"), rows[0].get("fail_reason")),
        (1, "failure", "bad")
    );
    assert_eq!(
        (rows[0].get("city"), rows[0].get("lat"), rows[0].get("src_ip")),
        ("Oslo", "", "2001:db8::1")
    );
    let sentinel = r#"{"TimeGenerated":"2025-03-01T10:02:00Z","CreatedDateTime":"2025-03-01T10:00:00Z","Category":"SignInLogs","ResultType":"0","UserPrincipalName":"a@b.example","IPAddress":"192.0.2.9","AppDisplayName":"x","Location":"NO","LocationDetails":"{\"city\":\"Oslo\",\"countryOrRegion\":\"NO\",\"geoCoordinates\":{\"latitude\":59.9,\"longitude\":10.7}}","DeviceDetail":"{\"displayName\":\"WS02\"}"}"#;
    let rows = all(sentinel);
    assert_eq!(
        (rows[0].table, rows[0].get("outcome"), rows[0].get("ts")),
        ("auth", "success", "2025-03-01T10:00:00Z")
    );
    assert_eq!(
        (
            rows[0].get("city"),
            rows[0].get("lat"),
            rows[0].get("device"),
            rows[0].get("country")
        ),
        ("Oslo", "59.9", "WS02", "NO")
    );
}

#[test]
fn other_json_is_left_alone() {
    for other in [
        r#"{"category":"AdvancedHunting-DeviceEvents","properties":{"ActionType":"x","DeviceId":"y"}}"#,
        r#"{"id.orig_h":"10.0.0.1","category":"dns"}"#,
        r#"{"EventID":4624,"TargetUserName":"a"}"#,
    ] {
        assert!(
            matches!(EntraJson.sniff(&Head::new(other.as_bytes(), "x")), Sniff::No(_)),
            "{other}"
        );
    }
}

#[test]
fn the_samples_are_read_whole() {
    let Some(bytes) = sample("entra_signin/cases_azure-ad.ndjson") else {
        return;
    };
    let mut signins = 0;
    for line in std::str::from_utf8(&bytes).unwrap().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let message = case["message"].as_str().unwrap();
        let rows = all(message);
        assert_eq!(rows.len(), 1);
        assert_ne!(rows[0].get("time_quality"), "none", "{message}");
        let signin = message.contains("SignInLogs\"");
        assert_eq!(rows[0].table == "auth", signin, "{message}");
        assert!(!signin || !rows[0].get("user").is_empty(), "{message}");
        signins += u32::from(signin);
        if std::env::var_os("SHOW_ROWS").is_some() && signin {
            eprintln!("{:#?}", rows[0]);
        }
    }
    assert_eq!(signins, 5);
    let Some(graph) = sample("entra_signin/graph__sign-ins.ndjson") else {
        return;
    };
    assert!(matches!(EntraJson.sniff(&Head::new(&graph, "x")), Sniff::Yes(..)));
    assert_eq!(all(std::str::from_utf8(&graph).unwrap())[0].get("user"), "alice");
}
