//! Web requests of Defender for Endpoint: HttpConnectionInspected (Zeek's names) and BrowserLaunchedToOpenUrl.
//!
//! Verbs: `request`, `open_url`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::http;

/// Web requests.
pub struct MdeHttp;

impl Mapper for MdeHttp {
    fn id(&self) -> &'static str {
        "mde_http"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::HTTP)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &http::TABLE, raw, cx);
        let more = Additional::of(&row);
        let (local, remote) = match more.get("direction") {
            Some("In") => ((http::DST_IP, http::DST_PORT), (http::CLIENT_IP, http::CLIENT_PORT)),
            _ => ((http::CLIENT_IP, http::CLIENT_PORT), (http::DST_IP, http::DST_PORT)),
        };
        row.field("LocalIP", local.0, Dec::Ip);
        row.field("LocalPort", local.1, Dec::Int);
        row.field("RemoteIP", remote.0, Dec::Ip);
        row.field("RemotePort", remote.1, Dec::Int);
        if row.peek("ActionType") == Some("BrowserLaunchedToOpenUrl") {
            row.action("open_url");
            if let Some(url) = row.peek("RemoteUrl") {
                write_url(&mut row, url);
            }
        } else {
            row.action("request");
            inspected(&mut row, &more);
        }
        actor(&mut row, http::PID, http::PROC_START, http::IMAGE);
        row.finish();
    }
}

fn inspected(row: &mut Row<'_, '_>, more: &Additional<'_>) {
    more.text(row, "method", http::METHOD);
    row.cells.text(http::SCHEME, "http");
    if let Some(host) = more.get("host") {
        write_authority(row, host);
    }
    if let Some(uri) = more.get("uri") {
        write_target(row, uri);
    }
    more.int(row, "status_code", http::STATUS, 999);
    more.int(row, "request_body_len", http::BYTES_OUT, i64::MAX);
    more.int(row, "response_body_len", http::BYTES_IN, i64::MAX);
    more.text(row, "user_agent", http::UA);
    more.text(row, "referrer", http::REFERER);
    more.text(row, "uid", http::CONN_UID);
}

/// Splits an absolute URL; what is none (a local file opened in the browser) becomes the path. It stays in `extra`.
fn write_url(row: &mut Row<'_, '_>, url: &str) {
    let Some((scheme, rest)) = url.split_once("://") else {
        row.cells.text(http::URL_PATH, url);
        return;
    };
    row.cells.text(http::SCHEME, &scheme.to_ascii_lowercase());
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
    write_authority(row, authority.rsplit('@').next().unwrap_or(authority));
    write_target(row, target);
}

fn write_authority(row: &mut Row<'_, '_>, authority: &str) {
    let port = authority
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let host = port.map_or(authority, |(host, _)| host);
    if !host.is_empty() {
        row.cells.text(http::URL_HOST, &host.to_lowercase());
    }
    if let Some((_, port)) = port {
        row.cells.int(http::URL_PORT, i64::from(port));
    }
}

fn write_target(row: &mut Row<'_, '_>, target: &str) {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    if !path.is_empty() {
        row.cells.text(http::URL_PATH, path);
    }
    if let Some(q) = query {
        row.cells.text(http::URL_QUERY, q);
    }
}
