//! PROC-05: a server process starts a shell.
//!
//! Sees: a web, application, mail or database server as the parent of a shell or another interpreter.
//! Why: a web shell, an exploited application or xp_cmdshell runs its commands this way.
//! Benign causes: the compilers of ASP.NET (not reported), jobs of the SQL agent, administration pages.
//! Sources: MITRE ATT&CK T1505.003 and T1505.001; Elastic's and Microsoft's descriptions of web shell parents.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command, names, technique_of};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::{DATABASE_SERVERS, INTERPRETERS, SERVER_HELPERS, SERVER_PROCESSES, contains, stem};
use crate::lake::frame::Row;
use crate::schema::process as t;

/// See the module.
pub struct Proc05;

const QUALITY_AGENT: f64 = 0.5;

static META: Meta = Meta {
    id: "PROC-05",
    title: "Server process spawns a shell",
    sees: "A web, application, mail or database server starts a shell, script host or a system tool that runs code of \
           others.",
    why: "Web shells, exploited applications and xp_cmdshell run their commands this way.",
    techniques: &["T1505.003", "T1505.001", "T1059.001", "T1059.003"],
    stage: "persistence",
    family: "process lineage",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "agent_quality",
        value: QUALITY_AGENT,
        unit: "quality",
        source: "[J] jobs of the SQL agent are backup scripts more often than attacks",
    }],
    benign: &[
        "jobs of the SQL Server agent",
        "an application that calls a command on purpose",
    ],
};

impl Signal for Proc05 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        for row in starts::starts(rows.table(&t::TABLE)) {
            if let Some(server) = server(row)
                && starts::is_one_of(row, INTERPRETERS)
                && !starts::is_one_of(row, SERVER_HELPERS)
            {
                hits.push(hit(row, server));
            }
        }
    }
}

/// The server above a row, by its name or, for Java, by what it runs.
fn server(row: Row<'_>) -> Option<&str> {
    let parent = stem(row.str(t::PARENT_NAME));
    if contains(SERVER_PROCESSES, parent) || contains(DATABASE_SERVERS, parent) {
        return Some(parent);
    }
    let java = matches!(parent, "java" | "javaw");
    let line = if java {
        row.str(t::PARENT_CMDLINE).to_ascii_lowercase()
    } else {
        String::new()
    };
    let named = JAVA_SERVERS.iter().any(|s| line.contains(s));
    (java && named).then_some(parent)
}

/// What the command lines of Java application servers hold.
const JAVA_SERVERS: &[&str] = &[
    "catalina",
    "tomcat",
    "jboss",
    "wildfly",
    "weblogic",
    "jetty",
    "glassfish",
    "confluence",
    "jenkins",
    "solr",
    "websphere",
    "activemq",
    "manageengine",
    "elasticsearch",
];

fn hit(row: Row<'_>, server: &str) -> Hit {
    let (image, original) = names(row);
    let program = if contains(INTERPRETERS, &image) {
        image
    } else {
        original
    };
    let database = contains(DATABASE_SERVERS, server);
    let own = technique_of(&program, row.str(t::CMDLINE)).filter(|id| id.starts_with("T1059"));
    let techniques: Vec<&'static str> = match (database, server) {
        // xp_cmdshell is a stored procedure; the agent and other databases have their own ways.
        (true, "sqlservr") => own.into_iter().chain(["T1505.001"]).collect(),
        (true, _) => vec![own.unwrap_or("T1059.003")],
        (false, _) => ["T1505.003"].into_iter().chain(own).collect(),
    };
    let explain = format!("the server process {server} started {program}: {}", command(row));
    let mut hit = Hit::at(&META, row, format!("{server}>{program}"), explain)
        .techniques(&techniques)
        .quality(if server == "sqlagent" { QUALITY_AGENT } else { 1.0 });
    hit.iocs = starts::iocs(row);
    hit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    #[test]
    fn servers_that_start_shells_are_told_by_kind() {
        let web = hits_of(
            &Proc05,
            "cmd.exe",
            r"C:\Windows\System32\inetsrv\w3wp.exe",
            "cmd /c whoami",
        );
        assert_eq!(web[0].techniques, ["T1505.003", "T1059.003"]);
        let sql = hits_of(&Proc05, "powershell.exe", r"C:\SQL\sqlservr.exe", "powershell -c dir");
        assert_eq!(sql[0].techniques, ["T1059.001", "T1505.001"]);
        assert_eq!(
            hits_of(&Proc05, "cmd.exe", r"C:\tomcat\bin\tomcat9.exe", "cmd /c ipconfig").len(),
            1
        );
        assert_eq!(
            hits_of(&Proc05, "cmd.exe", "sqlagent.exe", "cmd /c x")[0].quality,
            QUALITY_AGENT
        );
    }

    #[test]
    fn compilers_and_plain_java_are_ordinary() {
        for (image, parent) in [
            ("csc.exe", "w3wp.exe"),
            ("w3wp.exe", "svchost.exe"),
            ("java.exe", "java.exe"),
            ("cmd.exe", "java.exe"),
        ] {
            assert!(hits_of(&Proc05, image, parent, "").is_empty(), "{parent} {image}");
        }
    }
}
