use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::base::time::format_rfc3339;

/// (payload, tag, host, time) of a line, the year 2025 where it is missing.
fn parts(line: &str) -> (&str, &str, &str, String) {
    let peeled = peel(line.as_bytes());
    let time = peeled
        .time
        .and_then(|t| t.resolve(2025))
        .map_or(String::new(), |(ts, _)| format_rfc3339(ts));
    (
        std::str::from_utf8(peeled.payload).unwrap(),
        peeled.tag.unwrap_or(""),
        peeled.host.unwrap_or(""),
        time,
    )
}

fn check(line: &str, payload: &str, tag: &str, host: &str, time: &str) {
    assert_eq!(parts(line), (payload, tag, host, time.to_owned()), "{line}");
}

#[test]
fn old_syslog_in_its_variants() {
    let t = "2025-05-11T04:02:36Z";
    check(
        "May 11 04:02:36 host1 postfix/smtpd[26897]: warning: x",
        "warning: x",
        "postfix/smtpd",
        "host1",
        t,
    );
    check(
        "<22>May 11 04:02:36 host1 postfix/smtpd[26897]: x",
        "x",
        "postfix/smtpd",
        "host1",
        t,
    );
    check(
        "May 11 04:02:36 dnsmasq[15210]: query[A] a from b",
        "query[A] a from b",
        "dnsmasq",
        "",
        t,
    );
    check(
        "<134> May 11 04:02:36 host01 : %ASA-3-1: denied",
        "%ASA-3-1: denied",
        "",
        "host01",
        t,
    );
    check(
        "<134>:May 11 04:02:36 UTC: %ASA-6-302015: Built",
        "%ASA-6-302015: Built",
        "",
        "",
        t,
    );
    check("<189>77: *May 11 04:02:36: %SEC-6: x", "%SEC-6: x", "", "", t);
    check(
        "<134> May 11 04:02:36 fortigate date=2025-11-03 x",
        "date=2025-11-03 x",
        "",
        "fortigate",
        t,
    );
    check(
        "<134>May 11 04:02:36 [10.0.0.143] ZscalerNSS: The",
        "The",
        "ZscalerNSS",
        "10.0.0.143",
        t,
    );
    check("May 11 2024 04:02:36 fw : x", "x", "", "fw", "2024-05-11T04:02:36Z");
    check(
        "May 11 04:02:36 10.8.24.10 #Fields: date time",
        "#Fields: date time",
        "",
        "10.8.24.10",
        t,
    );
    check(
        "May 11 04:02:36 mac sock[1985] <Info>: launchd x",
        "launchd x",
        "sock",
        "mac",
        t,
    );
    check("May 11 04:02:36 h CEF:0|A|B", "CEF:0|A|B", "", "h", t);
}

#[test]
fn priority_alone_is_peeled() {
    check("<134>date=2025-11-03 time=x", "date=2025-11-03 time=x", "", "", "");
    check("<13>{\"a\":1}", "{\"a\":1}", "", "", "");
}

#[test]
fn new_syslog_in_its_variants() {
    let t = "2025-11-03T14:05:09.123456Z";
    let time = "2025-11-03T14:05:09.123456Z";
    check(
        &format!("<134>1 {time} host01 bluecoat - fmt - c-ip=1"),
        "c-ip=1",
        "bluecoat",
        "host01",
        t,
    );
    check(
        &format!("<134>1{time} h app 1 - [a b=\"\\]x\"][c] \u{feff}msg"),
        "msg",
        "app",
        "h",
        t,
    );
    check(&format!("1 {time} h app - - - msg"), "msg", "app", "h", t);
    check("<30>1 - - - - - - msg", "msg", "", "", "");
    check(&format!("99 <134>1 {time} h - - - -"), "", "", "h", t);
    assert_eq!(
        peel(format!("<134>1 {time} h systemd 18898 - - m").as_bytes()).pid,
        Some(18_898)
    );
}

#[test]
fn iso_time_is_a_prefix_only_if_the_rest_looks_like_one() {
    let t = "2019-10-08T09:29:05Z";
    check(
        "2019-10-08T11:29:05+02:00 hostfoo unbound[17265]: [17265:13] info: x",
        "[17265:13] info: x",
        "unbound",
        "hostfoo",
        t,
    );
    check(
        "2019-10-08T11:29:05+02:00 INFO scheduler[1]: job",
        "job",
        "scheduler",
        "",
        t,
    );
    check(
        "2019-10-08T11:29:05+02:00 10.0.0.1 2019-10-08 09:29:05 GET",
        "2019-10-08 09:29:05 GET",
        "",
        "10.0.0.1",
        t,
    );
    check("<134> 2019-10-08T11:29:05+02:00 h mwg: a=b", "a=b", "mwg", "h", t);
    for plain in [
        "2015-05-13T23:39:43.945958Z my-elb 192.168.131.39:2817 10.0.0.1:80 0.000073",
        "2024-01-01 10:00:00 10.0.0.1 GET /x",
        "2016-09-28 04:30:30, Info CBS Loaded",
        "{\"a\":1}",
        "<Event xmlns='x'>",
        "1 2 3",
        "",
    ] {
        check(plain, plain, "", "", "");
    }
}

#[test]
fn stacked_prefixes_are_peeled_to_the_innermost() {
    check(
        "<13>May 11 04:02:36 relay <134>1 2025-11-03T14:05:09Z fw app - - - msg",
        "msg",
        "app",
        "fw",
        "2025-11-03T14:05:09Z",
    );
    check(
        "May 11 04:02:36 relay May 11 04:02:35 fw kernel: x",
        "x",
        "kernel",
        "fw",
        "2025-05-11T04:02:35Z",
    );
}

#[test]
fn control_characters_come_back() {
    assert_eq!(&*unescape_controls(b"a#015#012#011b#0123#01"), b"a\r\n\tb\n3#01");
    assert!(matches!(unescape_controls(b"no # here"), Cow::Borrowed(_)));
}

#[test]
fn leap_day_needs_a_leap_year() {
    let time = peel(b"Feb 29 01:15:43 h x: y").time.unwrap();
    assert!(time.resolve(2024).is_some() && time.resolve(2025).is_none());
}

#[test]
fn real_relays_are_understood() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/formats/syslog_wrappers");
    if !dir.is_dir() {
        eprintln!("skipped: {} is missing", dir.display());
        return;
    }
    for (name, least, has_host) in [
        ("syslog__syslog_ssh.log", 1.0, true),
        ("syslog__syslog_cron.log", 1.0, true),
        ("syslog__syslog_rsyslog", 1.0, true),
        ("syslog__syslog_chromeos", 0.8, false),
        ("syslog__syslog_osx", 1.0, true),
        ("syslog__syslog_rsyslog_SyslogProtocol23Format", 0.8, true),
    ] {
        let text = std::fs::read(dir.join(name)).unwrap();
        let lines: Vec<_> = text.split(|&b| b == b'\n').filter(|l| !l.is_empty()).collect();
        let understood = lines
            .iter()
            .map(|line| peel(line))
            .filter(|p| p.tag.is_some() && p.time.is_some());
        let good = understood.filter(|p| p.host.is_some() == has_host).count();
        assert!(
            good as f64 >= least * lines.len() as f64,
            "{name}: {good} of {}",
            lines.len()
        );
    }
}

proptest! {
    #[test]
    fn the_payload_is_always_an_end_of_the_line(line in "(<[0-9]{1,3}>)?(1 )?(May 11 04:02:36|2025-11-03T14:05:09Z)?[ :]?[a-z\\[\\]0-9: \"-]{0,40}") {
        let line = line.as_bytes();
        prop_assert!(line.ends_with(peel(line).payload));
    }

    #[test]
    fn no_line_panics(line: Vec<u8>) {
        let _ = (peel(&line), unescape_controls(&line));
    }
}
