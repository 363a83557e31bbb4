//! ProxySG's format for Splunk: the same names as in `#Fields`, as `key=value` pairs behind a syslog prefix.

use std::borrow::Cow;

use crate::ingest::lines::Line;
use crate::ingest::raw::{Raw, Value};

/// Whether a line has the pairs that every request has.
pub(super) fn is_proxy(payload: &str) -> bool {
    payload.contains("c-ip=") && payload.contains(" sc-status=") && payload.contains(" cs-method=")
}

/// Reads the pairs; what stands before the first is kept as `prefix`. The time is that of the prefix.
pub(super) fn record<'a>(line: &Line<'a>, offset: u64) -> Raw<'a> {
    let mut raw = Raw::log("w3c.proxy", offset);
    raw.observer = line.host.map(Cow::Borrowed);
    if let Some((ts, quality)) = line.time {
        (raw.time, raw.quality) = (Some(ts), quality);
    }
    let mut rest = line.payload.trim();
    while let Some((head, after)) = rest.split_once('=') {
        let (before, key) = head.rsplit_once(' ').unwrap_or(("", head));
        if !before.trim().is_empty() {
            raw.push("prefix", Value::str(before.trim()));
        }
        let (value, next) = value(after);
        if !matches!(value, "-" | "") {
            raw.push(original(key), Value::str(value));
        }
        rest = next.trim_start();
    }
    if !rest.is_empty() {
        raw.push("rest", Value::str(rest));
    }
    raw
}

/// Up to a blank, or up to the closing quote.
fn value(text: &str) -> (&str, &str) {
    if let Some((value, rest)) = text.strip_prefix('"').and_then(|t| t.split_once('"')) {
        return (value, rest);
    }
    text.split_once(' ').unwrap_or((text, ""))
}

/// Header names lost their brackets on the way.
fn original(key: &str) -> &str {
    match key {
        "cs-User-Agent" | "cs-user-agent" => "cs(User-Agent)",
        "cs-Referer" | "cs-referer" => "cs(Referer)",
        "rs-Content-Type" | "rs-content-type" => "rs(Content-Type)",
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_become_the_fields_of_the_other_layout() {
        let payload = "SPLV5.1 c-ip=10.0.0.6 cs-bytes=62 cs-method=GET cs-User-Agent=\"a b=c\" s-action=TCP_HIT sc-status=200 x-y=- c-url=\"http://a.example/\"";
        assert!(is_proxy(payload));
        let raw = record(
            &Line {
                payload,
                tag: None,
                host: Some("sg1"),
                time: None,
            },
            0,
        );
        let of = |n: &str| raw.get(n).unwrap_or("");
        assert_eq!(
            (of("prefix"), of("c-ip"), of("cs(User-Agent)"), of("sc-status")),
            ("SPLV5.1", "10.0.0.6", "a b=c", "200")
        );
        assert_eq!(
            (of("c-url"), raw.get("x-y"), raw.get("rest")),
            ("http://a.example/", None, None)
        );
    }

    #[test]
    fn quotes_without_end_lose_nothing() {
        let payload = "c-ip=10.0.0.6 cs-method=GET sc-status=200 u=\"open end";
        let raw = record(
            &Line {
                payload,
                tag: None,
                host: None,
                time: None,
            },
            0,
        );
        assert_eq!((raw.get("u"), raw.get("rest")), (Some("\"open"), Some("end")));
    }
}
