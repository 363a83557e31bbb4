//! PIPE-01: a named pipe that a known tool makes.
//!
//! Sees: pipes with the default names of command-and-control frameworks, of password dumpers and of programs that become SYSTEM by making a
//! service connect to them (a pipe below another name, `…\pipe\srvsvc`); the database pipe of the federation service opened by another program.
//! Why: tools talk to their parts through pipes, and their authors' defaults are known.
//! Benign causes: software that happens to use such a name; the database's own management tools.
//! Sources: Sigma (Cobalt Strike, credential dumping tools, EfsPotato named pipes: critical to high; AD FS database pipe: medium); the
//! tools' own defaults; ATT&CK T1055, T1003, T1134.001, T1559.

use std::sync::LazyLock;

use regex::Regex;

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::{base_name, contains};
use crate::lake::frame::Row;
use crate::schema::{common, file as t};

/// See the module.
pub struct Pipe01;

/// Patterns of lower-case pipe names without the leading backslash: what they belong to, ATT&CK id, level.
const NAMES: &[(&str, &str, &str, Level)] = &[
    (r"^msse-[0-9a-f]+-server$", "Cobalt Strike", "T1055", Level::High),
    (
        r"^(msagent_|postex_|postex_ssh_|status_)[0-9a-f]{2,4}$",
        "Cobalt Strike",
        "T1055",
        Level::High,
    ),
    (
        r"^(mypipe-[fh][0-9a-f]+|windows\.update\.manager\d*|ntsvcs[0-9a-f]+$|scerpc[0-9a-f]+$|mojo\.5688\.8052\.)",
        "Cobalt Strike with a published profile",
        "T1055",
        Level::Medium,
    ),
    (r"^(gruntsvc|covenant)", "Covenant", "T1055", Level::High),
    (
        r"^(lsadump|cachedump|wceservicepipe|isapi_http|isapi_dg|testpipe$)",
        "a dumper of passwords",
        "T1003",
        Level::High,
    ),
    (
        r"^[0-9a-z{}.-]+\\pipe\\(srvsvc|spoolss|lsarpc|epmapper|netlogon|samr|efsrpc)",
        "a program that becomes SYSTEM through a service that connects",
        "T1134.001",
        Level::High,
    ),
    (
        r"^(petit\\pipe|coercer|roguepotato|rogueoxidresolver|sweetpotato|juicypotato)",
        "a program that becomes SYSTEM through a service that connects",
        "T1134.001",
        Level::High,
    ),
    (
        r"^(remcom_|csexecsvc|paexec|winexesvc|psexecsvc)",
        "a tool for remote execution",
        "T1569.002",
        Level::Medium,
    ),
];
static COMPILED: LazyLock<Vec<(Regex, usize)>> = LazyLock::new(|| {
    NAMES
        .iter()
        .enumerate()
        .filter_map(|(i, n)| Some((Regex::new(n.0).ok()?, i)))
        .collect()
});
/// Programs that open the database of the federation service by right. Sorted.
const FEDERATION: &[&str] = &[
    "adfssrv",
    "mmc",
    "microsoft.identityserver.servicehost",
    "sqlservr",
    "ssms",
    "svchost",
    "tssdis",
    "wsmprovhost",
    "wsusservice",
];

static META: Meta = Meta {
    id: "PIPE-01",
    title: "Named pipe of a tool",
    sees: "A pipe with the default name of a command-and-control framework, a dumper of passwords, a program that becomes SYSTEM, or a tool \
           for remote execution; the pipe of the federation service's database opened by another program.",
    why: "Tools talk to their parts through pipes, and their defaults are known.",
    techniques: &["T1055", "T1003", "T1134.001", "T1569.002", "T1552.004"],
    stage: "privilege-escalation",
    family: "named pipes",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::USER,
            t::PATH,
            t::NAME,
            t::KIND,
            t::PID,
            t::PROC_GUID,
            t::IMAGE,
            t::CLIENT_IP,
        ],
    }],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "database_quality",
        value: 0.8,
        unit: "quality of the federation service's database opened",
        source: "[J] management tools of the database",
    }],
    benign: &["software with such a name", "management tools of the database"],
};

impl Signal for Pipe01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows.table(&t::TABLE).iter().filter(|r| r.str(t::KIND) == "pipe") {
            named(row)
                .or_else(|| federation(cx, row))
                .into_iter()
                .for_each(|h| found.add(h));
        }
        hits.extend(found.into_hits());
    }
}

fn program(row: Row<'_>) -> &str {
    row.text(t::IMAGE).map_or("a program", base_name)
}

fn named(row: Row<'_>) -> Option<Hit> {
    let name = row.str(t::PATH).to_lowercase();
    let name = name.trim_start_matches('\\');
    let (_, at) = COMPILED.iter().find(|(regex, _)| regex.is_match(name))?;
    let (_, whose, technique, level) = NAMES.get(*at)?;
    // A service's own pipe of that name lies at the top, made by the system.
    let explain = format!("{} uses the pipe {}, as {whose} does", program(row), row.str(t::PATH));
    Some(
        Hit::at(&META, row, format!("{whose}|{}", program(row).to_lowercase()), explain)
            .level(*level)
            .techniques(&[technique])
            .ioc(Ioc::File(row.str(t::IMAGE).to_owned())),
    )
}

fn federation(cx: &Cx<'_>, row: Row<'_>) -> Option<Hit> {
    let name = row.str(t::PATH).to_lowercase();
    let opens = row.str(common::ACTION) == "pipe_connect" && name.contains("microsoft##wid\\tsql\\query");
    if !opens || contains(FEDERATION, base_name(row.text(t::IMAGE)?)) {
        return None;
    }
    let explain = format!(
        "{} opened the database of the federation service, which holds its signing keys",
        program(row)
    );
    Some(
        Hit::at(
            &META,
            row,
            format!("federation|{}", program(row).to_lowercase()),
            explain,
        )
        .level(Level::Medium)
        .quality(cx.number(&META, "database_quality"))
        .techniques(&["T1552.004"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn technique(pipe: &str, image: &str, action: &str) -> Option<String> {
        let mut s = Sample::default();
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, action);
            b.text(t::KIND, "pipe");
            b.text(t::PATH, pipe);
            b.text(t::IMAGE, image);
        });
        s.hits(&Pipe01).first().map(|h| h.techniques[0].to_string())
    }

    #[test]
    fn pipes_of_tools_fire() {
        assert_eq!(
            technique(r"\MSSE-1a2b-server", r"C:\a.exe", "pipe_create").as_deref(),
            Some("T1055")
        );
        assert_eq!(
            technique(r"\c1f2e3\pipe\srvsvc", r"C:\a.exe", "pipe_create").as_deref(),
            Some("T1134.001")
        );
        assert_eq!(
            technique(r"\lsadump", r"C:\a.exe", "pipe_create").as_deref(),
            Some("T1003")
        );
        assert_eq!(
            technique(r"\MICROSOFT##WID\tsql\query", r"C:\x\powershell.exe", "pipe_connect").as_deref(),
            Some("T1552.004")
        );
    }

    #[test]
    fn pipes_of_windows_stay_quiet() {
        assert_eq!(
            technique(r"\srvsvc", r"C:\Windows\System32\svchost.exe", "pipe_create"),
            None
        );
        assert_eq!(technique(r"\spoolss", "System", "pipe_connect"), None);
        assert_eq!(
            technique(r"\mojo.1234.5678.901234", r"C:\x\chrome.exe", "pipe_create"),
            None
        );
        assert_eq!(
            technique(
                r"\MICROSOFT##WID\tsql\query",
                r"C:\x\Microsoft.IdentityServer.ServiceHost.exe",
                "pipe_connect"
            ),
            None
        );
    }
}
