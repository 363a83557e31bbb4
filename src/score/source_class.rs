//! Which independent source a row comes from: two logs written by one sensor corroborate nothing.

use crate::lake::frame::Row;
use crate::schema::{account, alert, auth, dns, file, http, mail, network, posture};

/// Logs that the host itself writes, by their name in the `source` column.
const HOST_LOGS: &[&str] = &["sysmon", "security", "mde", "system", "powershell"];

/// endpoint, proxy, dns, auth, av, fileserver or mail.
pub fn of(row: Row<'_>) -> &'static str {
    let table = row.table().ix();
    let on_host = HOST_LOGS.contains(&row.source()) || names_process(row);
    if table == auth::TABLE.ix() || table == account::TABLE.ix() {
        "auth"
    } else if table == http::TABLE.ix() || table == network::TABLE.ix() {
        if on_host { "endpoint" } else { "proxy" }
    } else if table == dns::TABLE.ix() {
        if on_host { "endpoint" } else { "dns" }
    } else if table == alert::TABLE.ix() {
        if is_network_sensor(row.source()) { "proxy" } else { "av" }
    } else if table == posture::TABLE.ix() {
        let kind = row.str(posture::KIND);
        if kind.starts_with("av_") || matches!(kind, "exclusion" | "tvm") {
            "av"
        } else {
            "endpoint"
        }
    } else if table == file::TABLE.ix() {
        let share = matches!(row.code(), 5140 | 5145) && row.source() == "security";
        if share || is_network_sensor(row.source()) {
            "fileserver"
        } else {
            "endpoint"
        }
    } else if table == mail::TABLE.ix() {
        "mail"
    } else {
        "endpoint"
    }
}

/// Only a sensor on the host knows the process.
fn names_process(row: Row<'_>) -> bool {
    let set = |name: &str| {
        let col = row.table().find(name).map(|(c, _)| c);
        col.is_some_and(|c| row.text(c).is_some() || row.int(c).is_some())
    };
    set("proc_guid") || set("pid") || set("image")
}

fn is_network_sensor(source: &str) -> bool {
    ["zeek", "suricata", "snort", "paloalto", "fortigate", "asa"]
        .iter()
        .any(|s| source.starts_with(s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::testing::Rows;
    use crate::schema::common;

    #[test]
    fn one_table_can_hold_several_sources() {
        let mut rows = Rows::default();
        for (table, source, code, expected) in [
            (&dns::TABLE, "sysmon", 22, "endpoint"),
            (&dns::TABLE, "bind", 0, "dns"),
            (&network::TABLE, "sysmon", 3, "endpoint"),
            (&network::TABLE, "zeek", 0, "proxy"),
            (&http::TABLE, "squid", 0, "proxy"),
            (&file::TABLE, "security", 5145, "fileserver"),
            (&file::TABLE, "sysmon", 11, "endpoint"),
            (&auth::TABLE, "security", 4624, "auth"),
            (&alert::TABLE, "defender", 1116, "av"),
            (&alert::TABLE, "suricata", 0, "proxy"),
        ] {
            let corpus = rows
                .row(table, "h", 0, |b| {
                    b.text(common::SOURCE, source);
                    b.int(common::EVENT_CODE, code);
                })
                .corpus();
            assert_eq!(of(corpus.frames.row(table, 0)), expected, "{source}");
        }
    }
}
