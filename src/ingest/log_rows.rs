//! What rows of network logs have in common, whatever log they come from.

use super::row::Row;
use crate::base::ip;
use crate::schema::{common, dns, file, http, network};

/// Success or failure of a web request by its status, where there is one.
pub fn web_outcome(row: &mut Row<'_, '_>) {
    let outcome = match row.cells.current_int(http::STATUS) {
        Some(1..400) => "success",
        Some(400..) => "failure",
        _ => return,
    };
    row.cells.text(common::OUTCOME, outcome);
}

/// Whether a proxy's word for what it did says that it let nothing through. The words are short.
pub fn is_denied(action: &str) -> bool {
    action.as_bytes().windows(6).any(|word| word == b"DENIED")
}

/// Sets host and direction of a network row that knows only addresses. Zeek's own word on what is local goes first.
pub fn host_and_direction(row: &mut Row<'_, '_>) {
    let local = |name| row.peek(name).map(|v| matches!(v, "T" | "true"));
    let (src, dst) = (
        row.cells.current_ip(network::SRC_IP),
        row.cells.current_ip(network::DST_IP),
    );
    let inside = |address: Option<ip::Ip>| address.is_some_and(|a| ip::is_internal(&a));
    let src_inside = local("local_orig").filter(|l| *l).unwrap_or(inside(src));
    let (host, direction) = if src_inside { (src, "out") } else { (dst, "in") };
    if let Some(host) = host {
        row.host_is_ip(&host);
        row.cells.text(network::DIRECTION, direction);
    }
}

/// Success or failure by the response code, where there is one.
pub fn dns_outcome(row: &mut Row<'_, '_>) {
    if !row.cells.is_set(dns::RCODE) {
        return;
    }
    let asked = matches!(row.cells.current_text(common::ACTION), Some("recurse"));
    let client_query = row.peek("direction") == Some("Rcv") && row.peek("qr").is_none();
    // A question carries NOERROR in its header, too; it means nothing there.
    if asked || client_query {
        return;
    }
    answered(row);
}

/// Success or failure of an answer by its code, where there is one.
pub fn answered(row: &mut Row<'_, '_>) {
    let outcome = |code: &str| if code == "NOERROR" { "success" } else { "failure" };
    row.cells
        .derive(dns::RCODE, common::OUTCOME, |code| Some(outcome(code).to_owned()));
}

/// Lower-case base name and extension of the path.
pub fn name_and_extension(row: &mut Row<'_, '_>) {
    row.base_name(file::PATH, file::NAME);
    let ext = row
        .cells
        .current_text(file::NAME)
        .and_then(|n| n.rsplit_once('.'))
        .map(|(_, e)| e.to_owned());
    if let Some(ext) = ext.filter(|e| !e.is_empty() && e.len() <= 16) {
        row.cells.text(file::EXT, &ext);
    }
}

/// Writes the name asked for: lower case, no dot at the end. It stays in `extra` where it was written otherwise.
pub fn qname(row: &mut Row<'_, '_>, field: &'static str) {
    let Some(spot) = row.spot(field) else { return };
    let text = spot.text;
    let name = match text.as_bytes() {
        [_, .., b'.'] => text.get(..text.len() - 1).unwrap_or(text),
        _ => text,
    };
    let name = crate::base::text::lower_ascii(name);
    row.cells.text(dns::QNAME, &name);
    if *name == *text {
        row.take_spot(spot);
    }
}
