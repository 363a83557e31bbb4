use super::*;
use crate::base::time::{date, format_rfc3339};
use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use proptest::prelude::*;

fn at(text: &str) -> Ts {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
}

#[test]
fn rfc3339_accepts_its_relatives() {
    let z = at("2024-02-29T10:11:12Z");
    for (text, ts, zone) in [
        ("2024-02-29T10:11:12Z", z, Zone::Utc),
        ("2024-02-29 10:11:12 UTC", z, Zone::Utc),
        ("2024-02-29T19:11:12+09:00", z, Zone::Offset(32_400)),
        ("2024-02-29T19:11:12+0900", z, Zone::Offset(32_400)),
        ("2024-02-29 07:11:12 -03", z, Zone::Offset(-10_800)),
        ("2024-02-29 10:11:12", z, Zone::None),
        ("2024/02/29 10:11:12", z, Zone::None),
        ("2024-02-29 10:11", at("2024-02-29T10:11:00Z"), Zone::None),
        ("2024-02-29T10:11:12.1234567Z", z + 123_456, Zone::Utc),
        ("2024-02-29T10:11:12.999999999Z", z + 999_999, Zone::Utc),
        ("2024-02-29T10:11:12,5Z", z + 500_000, Zone::Utc),
    ] {
        assert_eq!(rfc3339(text.as_bytes()), Some((ts, zone)), "{text}");
    }
    for bad in [
        "",
        "2024",
        "2024-02-30T00:00:00Z",
        "2024-02-29T10:11:12Zulu",
        "2024-02/29 10:11:12",
        "2024-02-29",
    ] {
        assert_eq!(rfc3339(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn epoch_unit_comes_from_the_digit_count() {
    assert_eq!(epoch(b"1545949776"), Some(1_545_949_776_000_000));
    assert_eq!(epoch(b"1637681708541"), Some(1_637_681_708_541_000));
    assert_eq!(epoch(b"1637681708541881"), Some(1_637_681_708_541_881));
    assert_eq!(epoch(b"1637681708541881380"), Some(1_637_681_708_541_881));
    // More nanoseconds than 64 bits hold.
    assert_eq!(epoch(b"20000000000000000999"), Some(20_000_000_000_000_000));
    assert_eq!(epoch(b"1545949776.1234569"), Some(1_545_949_776_123_456));
    assert_eq!(epoch(b"-1.5"), Some(-1_500_000));
    for bad in ["", "-", ".", ".5", "1e9", "12a", "999999999999999999999"] {
        assert_eq!(epoch(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn filetime_has_no_time_for_zero_and_never() {
    assert_eq!(filetime(116_444_736_000_000_009), Some(0));
    assert_eq!(filetime(0), None);
    assert_eq!(filetime(i64::MAX as u64), None);
    assert_eq!(filetime(u64::MAX), None);
}

#[test]
fn culture_dates_follow_the_given_order_and_never_guess() {
    use DateOrder::*;
    let ok = |text: &str, order, want: &str| {
        assert_eq!(
            us_datetime(text.as_bytes(), order),
            Some((at(want), Zone::None)),
            "{text}"
        );
    };
    ok("10/18/2024, 9:29:21.125 AM", Unknown, "2024-10-18T09:29:21.125Z");
    ok("6/5/2013 10:00:32 AM", Mdy, "2013-06-05T10:00:32Z");
    ok("6/5/2013 10:00:32 AM", Dmy, "2013-05-06T10:00:32Z");
    ok("22/12/2021 21:46:04", Unknown, "2021-12-22T21:46:04Z");
    ok("23.05.2019 11:28:06", Mdy, "2019-05-23T11:28:06Z");
    ok("20190523 11:28:06", Unknown, "2019-05-23T11:28:06Z");
    ok("9/16/19 10:00", Unknown, "2019-09-16T10:00:00Z");
    ok("1/2/2024 12:00:00\u{202f}AM", Mdy, "2024-01-02T00:00:00Z");
    ok("1/2/2024 12:30:00 pm", Mdy, "2024-01-02T12:30:00Z");
    assert_eq!(us_datetime(b"6/5/2013 10:00:32", Unknown), None);
    assert_eq!(us_datetime(b"12/22/2021 10:00:32", Dmy), None);
    assert_eq!(us_datetime(b"6/5/2013 13:00:32 AM", Mdy), None);
}

#[test]
fn named_months_of_web_dns_and_syslog() {
    let z = at("2025-02-05T02:30:29Z");
    assert_eq!(apache(b"[05/Feb/2025:11:30:29 +0900]"), Some((z, Zone::Offset(32_400))));
    assert_eq!(apache(b"05/Feb/2025:02:30:29"), Some((z, Zone::None)));
    assert_eq!(apache(b"[05/Feb/2025:02:30:29"), None);
    assert_eq!(bind(b"05-Feb-2025 02:30:29.123"), Some((z + 123_000, Zone::None)));
    assert_eq!(rfc3164(b"Feb  5 02:30:29", 2025), Some((z, Zone::None)));
    assert_eq!(rfc3164(b"Feb 5 02:30:29", 2025), Some((z, Zone::None)));
    assert_eq!(
        rfc3164(b"Feb 05 2025 02:30:29.5 UTC", 1999),
        Some((z + 500_000, Zone::Utc))
    );
    assert_eq!(rfc3164(b"MMM 22 07:54:32", 2025), None);
    assert_eq!(rfc3164(b"Feb 29 07:54:32", 2025), None);
    assert_eq!(ctime(b"Wed Feb  5 02:30:29 2025"), Some((z, Zone::None)));
}

#[test]
fn a_word_that_starts_like_a_zone_is_not_one() {
    let (_, zone, used, _) = rfc3164_prefix(b"Feb  5 02:30:29 zeus sshd[1]: x", 2025).unwrap();
    assert_eq!((zone, used), (Zone::None, 15));
}

proptest! {
    #[test]
    fn rfc3339_agrees_with_chrono(ts in -62_135_596_800_000_000i64..253_402_300_800_000_000, offset in -1439i32..1440) {
        let utc = Utc.timestamp_micros(ts).unwrap();
        for format in [SecondsFormat::Micros, SecondsFormat::Nanos, SecondsFormat::AutoSi] {
            prop_assert_eq!(rfc3339(utc.to_rfc3339_opts(format, true).as_bytes()), Some((ts, Zone::Utc)));
        }
        let there = utc.with_timezone(&chrono::FixedOffset::east_opt(offset * 60).unwrap());
        let text = there.to_rfc3339_opts(SecondsFormat::Micros, false);
        if text.len() == 32 && !text.starts_with("0000") {
            prop_assert_eq!(rfc3339(text.as_bytes()), Some((ts, Zone::Offset(offset * 60))));
        }
        prop_assert_eq!(rfc3339(format_rfc3339(ts).as_bytes()), Some((ts, Zone::Utc)));
        let clf = there.format("[%d/%b/%Y:%H:%M:%S %z]").to_string();
        if clf.len() == 28 && !clf.contains("/0000") {
            prop_assert_eq!(apache(clf.as_bytes()).map(|t| t.0), Some(ts.div_euclid(SECOND) * SECOND));
        }
    }

    #[test]
    fn no_parser_panics(bytes: Vec<u8>, value: u64, text in "[0-9:/. ,TZ+apmAPM-]{0,40}") {
        for input in [bytes.as_slice(), text.as_bytes()] {
            let stamps = [
                rfc3339(input), us_datetime(input, DateOrder::Unknown), us_datetime(input, DateOrder::Dmy),
                apache(input), bind(input), ctime(input), rfc3164(input, 2024), epoch(input).map(|ts| (ts, Zone::Utc)),
            ];
            for (ts, _) in stamps.into_iter().flatten() {
                prop_assert!(date(ts).0 < 10_001);
            }
        }
        let _ = filetime(value);
    }
}
