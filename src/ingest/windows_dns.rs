//! Names, types and codes of Windows DNS events, shared by Sysmon, the DNS client and the DNS server.

use super::row::Row;
use crate::base::ip;
use crate::schema::dns as t;

/// Name of a DNS record type; an unknown one is `TYPE` and its number (RFC 3597).
pub fn qtype(number: &str) -> Option<String> {
    let n: u16 = number.trim().parse().ok()?;
    Some(match n {
        1 => "A".into(),
        2 => "NS".into(),
        5 => "CNAME".into(),
        6 => "SOA".into(),
        10 => "NULL".into(),
        12 => "PTR".into(),
        13 => "HINFO".into(),
        15 => "MX".into(),
        16 => "TXT".into(),
        25 => "KEY".into(),
        28 => "AAAA".into(),
        33 => "SRV".into(),
        35 => "NAPTR".into(),
        37 => "CERT".into(),
        39 => "DNAME".into(),
        43 => "DS".into(),
        46 => "RRSIG".into(),
        47 => "NSEC".into(),
        48 => "DNSKEY".into(),
        64 => "SVCB".into(),
        65 => "HTTPS".into(),
        251 => "IXFR".into(),
        252 => "AXFR".into(),
        255 => "ANY".into(),
        n => format!("TYPE{n}"),
    })
}

/// Name of a response code, given as Win32 status (`9003`) or as the code on the wire (`3`). A status that is no
/// response code (a time-out) stays a number.
pub fn rcode(status: &str) -> Option<String> {
    let n: u32 = status.trim().parse().ok()?;
    let name = match n {
        // 9501: the name exists, without records of this type.
        0 | 9501 => "NOERROR",
        1 | 9001 => "FORMERR",
        2 | 9002 => "SERVFAIL",
        3 | 9003 => "NXDOMAIN",
        4 | 9004 => "NOTIMP",
        5 | 9005 => "REFUSED",
        1460 => "TIMEOUT",
        _ => return Some(n.to_string()),
    };
    Some(name.to_owned())
}

/// Writes the name asked for: lower case, without the trailing dot. The field leaves `extra` where nothing changed.
pub fn query_name(row: &mut Row<'_, '_>, field: &'static str) {
    let Some(text) = row.peek(field).filter(|t| !t.is_empty() && *t != "-") else {
        return;
    };
    let name = text
        .strip_suffix('.')
        .filter(|n| !n.is_empty())
        .unwrap_or(text)
        .to_lowercase();
    row.cells.text(t::QNAME, &name);
    if name == text {
        row.take(field);
    }
}

/// Writes the answers of `type:  5 name;::ffff:1.2.3.4;`: names and addresses, IPv4 in its usual form. The field
/// stays in `extra`, which alone knows the types.
pub fn answers(row: &mut Row<'_, '_>, field: &'static str) {
    let Some(text) = row.peek(field).filter(|t| !t.is_empty() && *t != "-") else {
        return;
    };
    let items: Vec<String> = text.split(';').filter_map(answer).collect();
    if !items.is_empty() {
        row.cells.list(t::ANSWERS, items.iter().map(String::as_str));
    }
}

fn answer(item: &str) -> Option<String> {
    let item = item.trim();
    let value = match item.strip_prefix("type:") {
        Some(rest) => {
            let rest = rest.trim_start();
            rest.split_once(' ').map_or("", |(_, v)| v).trim()
        }
        None => item,
    };
    if value.is_empty() || value == "-" {
        return None;
    }
    Some(match ip::parse(value) {
        Some(address) => ip::display(&address),
        None => value.trim_end_matches('.').to_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_types_have_names() {
        assert_eq!(rcode("9003").as_deref(), Some("NXDOMAIN"));
        assert_eq!(rcode("11001").as_deref(), Some("11001"));
        assert_eq!(rcode("x"), None);
        assert_eq!(qtype("16").as_deref(), Some("TXT"));
        assert_eq!(qtype("999").as_deref(), Some("TYPE999"));
    }

    #[test]
    fn an_answer_loses_its_type_and_its_mapping() {
        assert_eq!(answer("type:  5 A.Example").as_deref(), Some("a.example"));
        assert_eq!(answer("::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(answer("type:  6 "), None);
    }
}
