//! A row of the lake in one line, as timelines show it.

use crate::base::ip;
use crate::base::text::truncate_chars;
use crate::lake::frame::Row;
use crate::rules::encoded::decode_layers;
use crate::schema::{Col, common, process};

/// Characters of one field.
const MAX_FIELD: usize = 1_000;

/// What happened, without time, host and user.
pub fn words(row: Row<'_>) -> String {
    let r = Cells(row);
    let text = match row.table().name {
        "process" => process_line(&r),
        "network" => network(&r),
        "dns" => dns(&r),
        "http" => http(&r),
        "auth" => auth(&r),
        "file" => format!(
            "{}{} {}",
            r.action("file"),
            r.put(" ", "kind", ""),
            r.first(&["path", "name", "share"])
                + &r.put(" (was ", "prev_path", ")")
                + &r.put(" from ", "origin_url", "")
        ),
        "registry" => format!(
            "{} {}{}{}",
            r.action("registry"),
            r.text("key"),
            r.put("\\", "value_name", ""),
            r.put(" = ", "data", "")
        ),
        "image_load" => format!("loaded {}{}", r.text("path"), r.put(" signed by ", "signer", "")),
        "process_access" => format!(
            "{} {}{}",
            r.action("access"),
            r.text("target_image"),
            r.put(", rights ", "access", "")
        ),
        "account" => format!(
            "{} {}{}{}{}{}",
            r.action("account"),
            r.first(&["target_user", "object"]),
            r.put(", group ", "group_name", ""),
            r.put(", member ", "member", ""),
            r.put(", ", "attr", ""),
            r.put(" = ", "new", "")
        ),
        "persist" => format!(
            "{} {} {}{}{}",
            r.text("kind"),
            r.action("change"),
            r.first(&["name", "display_name"]),
            r.put(": ", "command", ""),
            r.put(" ", "args", "")
        ),
        "script" => format!(
            "script{}: {}",
            r.put(" ", "engine", ""),
            r.first(&["text", "host_app", "path"])
        ),
        "alert" => format!(
            "alert{}: {}{}{}",
            r.put(" of ", "product", ""),
            r.first(&["title", "threat", "category"]),
            r.put(" on ", "object", ""),
            r.put(", ", "action_taken", "")
        ),
        "posture" => format!(
            "{} {}{}{}",
            r.text("kind"),
            r.text("setting"),
            r.put(": ", "old", ""),
            r.put(" → ", "new", "")
        ),
        "lease" => format!(
            "{} {}{}",
            r.action("lease"),
            r.text("ip"),
            r.put(" to ", "client_host", "")
        ),
        "mail" => format!(
            "mail from {} to {}{}",
            r.text("sender"),
            r.text("recipients"),
            r.put(": ", "subject", "")
        ),
        _ => r.first(&["message"]),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.is_empty() {
        true => format!(
            "{} {}{}",
            r.text("provider"),
            r.put("event ", "event_code", ""),
            r.put(" ", "action", "")
        ),
        false => text,
    }
}

/// What a command line says when its encoded parts are decoded; empty where there are none.
pub fn decoded(command_line: &str, image: &str) -> Vec<String> {
    decode_layers(command_line, image).into_iter().map(|l| l.text).collect()
}

struct Cells<'a>(Row<'a>);

impl Cells<'_> {
    fn text(&self, name: &str) -> String {
        let Some((col, c)) = self.0.table().find(name) else {
            return String::new();
        };
        let text = self.cell(col, c.kind).unwrap_or_default();
        let head = truncate_chars(&text, MAX_FIELD);
        if head.len() < text.len() {
            format!("{head}…")
        } else {
            text
        }
    }

    fn cell(&self, col: Col, kind: crate::schema::Kind) -> Option<String> {
        use crate::schema::Kind;
        match kind {
            Kind::Ip => self.0.ip(col).map(|a| ip::display(&a)),
            k if k.is_text() || k.width().is_some() => self.0.text(col).map(str::to_owned),
            Kind::List => self.0.text(col).map(|t| t.replace('\n', ", ")),
            _ => self.0.int(col).map(|n| n.to_string()),
        }
    }

    /// The field with what stands around it, or nothing.
    fn put(&self, before: &str, name: &str, after: &str) -> String {
        let text = self.text(name);
        match text.is_empty() {
            true => text,
            false => format!("{before}{text}{after}"),
        }
    }

    fn first(&self, names: &[&str]) -> String {
        names
            .iter()
            .map(|n| self.text(n))
            .find(|t| !t.is_empty())
            .unwrap_or_default()
    }

    fn action(&self, otherwise: &str) -> String {
        let action = self.0.text(common::ACTION).unwrap_or(otherwise).replace('_', " ");
        let outcome = self.0.text(common::OUTCOME).filter(|o| *o != "success");
        outcome.map_or_else(|| action.clone(), |o| format!("{action} ({o})"))
    }
}

fn process_line(r: &Cells<'_>) -> String {
    let image = r.text("image");
    if r.0.text(common::ACTION) != Some("start") {
        return format!(
            "{} {image}{}",
            r.action("process"),
            r.put(", exit status ", "exit_status", "")
        );
    }
    let command = r.first(&["cmdline", "image"]);
    let clear: Vec<String> = decoded(r.0.str(process::CMDLINE), r.0.str(process::IMAGE))
        .into_iter()
        .map(|t| format!(" ⇒ {}", truncate_chars(&t, MAX_FIELD)))
        .collect();
    format!(
        "start {command}{}{}",
        r.put(" (by ", "parent_image", ")"),
        clear.concat()
    )
}

fn network(r: &Cells<'_>) -> String {
    let bytes = match (r.text("bytes_out"), r.text("bytes_in")) {
        (o, i) if o.is_empty() && i.is_empty() => String::new(),
        (o, i) => format!(", {o} bytes out, {i} in"),
    };
    format!(
        "{}{} {}{} → {}{}{}{}{bytes}",
        r.action("connection"),
        r.put(" ", "proto", ""),
        r.text("src_ip"),
        r.put(":", "src_port", ""),
        r.put("", "dst_host", " "),
        r.text("dst_ip"),
        r.put(":", "dst_port", ""),
        r.put(" by ", "image", ""),
    )
}

fn dns(r: &Cells<'_>) -> String {
    let answer = r.first(&["answers", "rcode"]);
    let answer = if answer.is_empty() {
        answer
    } else {
        format!(" → {answer}")
    };
    format!(
        "asked for {}{}{answer}{}",
        r.text("qname"),
        r.put(" ", "qtype", ""),
        r.put(" by ", "image", "")
    )
}

fn http(r: &Cells<'_>) -> String {
    format!(
        "{} {}{}{}{}{}{}",
        r.text("method"),
        r.put("", "scheme", "://"),
        r.first(&["url_host", "dst_ip"]),
        r.text("url_path"),
        r.put("?", "url_query", ""),
        r.put(" → ", "status", ""),
        r.put(", ", "verdict", ""),
    )
}

fn auth(r: &Cells<'_>) -> String {
    format!(
        "{}{} of {}{}{}{}{}",
        r.action("logon"),
        r.put(" type ", "logon_type", ""),
        r.put("", "target_domain", "\\") + &r.text("target_user"),
        r.put(" from ", "src_ip", ""),
        r.put(" ", "src_host", ""),
        r.put(" to ", "target_server", ""),
        r.put(", service ", "service", ""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::testing::Rows;
    use crate::schema::{TABLES, auth, http};

    #[test]
    fn every_table_has_words_even_for_a_bare_row() {
        for table in TABLES.iter().copied() {
            let corpus = Rows::default()
                .row(table, "pc", 0, |b| b.text(common::PROVIDER, "p"))
                .corpus();
            assert!(!words(corpus.frames.row(table, 0)).trim().is_empty(), "{}", table.name);
        }
    }

    #[test]
    fn lines_say_what_matters() {
        let corpus = Rows::default()
            .row(&http::TABLE, "pc", 0, |b| {
                b.text(http::METHOD, "GET");
                b.text(http::SCHEME, "http");
                b.text(http::URL_HOST, "evil.com");
                b.text(http::URL_PATH, "/a");
                b.text(http::URL_QUERY, "id=1");
                b.int(http::STATUS, 200);
            })
            .row(&auth::TABLE, "pc", 0, |b| {
                b.text(common::ACTION, "logon");
                b.text(common::OUTCOME, "failure");
                b.int(auth::LOGON_TYPE, 3);
                b.text(auth::TARGET_USER, "alice");
                b.ip(auth::SRC_IP, &ip::parse("10.0.0.7").unwrap());
            })
            .corpus();
        let line = |t| words(corpus.frames.row(t, 0));
        assert_eq!(line(&http::TABLE), "GET http://evil.com/a?id=1 → 200");
        assert_eq!(line(&auth::TABLE), "logon (failure) type 3 of alice from 10.0.0.7");
    }
}
