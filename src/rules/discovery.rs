//! Commands that ask about users, groups, hosts and the network: what each asks, and as which technique it counts.

use super::cmdline::tokenize;
use crate::knowledge::programs::{DISCOVERY_COMMANDS, contains};

/// A question of one command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Command and what tells its uses apart: `whoami`, `net group`, `nltest /dclist`.
    pub name: String,
    /// ATT&CK ids.
    pub techniques: &'static [&'static str],
}

/// The question that a program (base name without `.exe`, lower case) asks with this command line. `None` for
/// other programs and for uses that change something.
pub fn question(program: &str, line: &str) -> Option<Question> {
    if !contains(DISCOVERY_COMMANDS, program) {
        return None;
    }
    let arguments: Vec<String> = tokenize(line).into_iter().skip(1).map(|a| a.to_lowercase()).collect();
    let first = arguments.first().map_or("", String::as_str);
    let has = |word: &str| {
        arguments
            .iter()
            .any(|a| a.trim_start_matches(['-', '/']).starts_with(word))
    };
    let simple = |techniques: &'static [&'static str]| {
        Some(Question {
            name: program.to_owned(),
            techniques,
        })
    };
    match program {
        "net" | "net1" => net(&arguments),
        "nltest" => nltest(&arguments),
        "wmic" => wmic(&arguments),
        "query" => Some(Question {
            name: format!("query {first}"),
            techniques: if first == "session" { &["T1049"] } else { &["T1033"] },
        }),
        "dsquery" | "dsget" => Some(Question {
            name: format!("{program} {first}"),
            techniques: directory(first),
        }),
        "adfind" | "adrecon" => simple(if has("sc") && line.contains("trust") {
            &["T1482"]
        } else {
            &["T1087.002", "T1069.002"]
        }),
        "sharphound" => simple(&["T1087.002", "T1069.002", "T1482"]),
        "whoami" => simple(if has("groups") {
            &["T1033", "T1069.001"]
        } else {
            &["T1033"]
        }),
        "quser" | "qwinsta" => simple(&["T1033"]),
        "cmdkey" | "klist" => simple(&[]),
        "ipconfig" if has("release") || has("renew") || has("flushdns") => None,
        "ipconfig" | "getmac" | "nbtstat" | "pathping" | "tracert" | "nslookup" => simple(&["T1016"]),
        "route" if has("add") || has("delete") || has("change") => None,
        "route" => simple(&["T1016"]),
        "arp" | "nbtscan" => simple(&["T1018"]),
        "systeminfo" | "hostname" => simple(&["T1082"]),
        "driverquery" => simple(&["T1652"]),
        "tasklist" | "qprocess" => simple(&["T1057"]),
        "netstat" => simple(&["T1049"]),
        "gpresult" => simple(&["T1615"]),
        "setspn" => simple(&["T1087.002"]),
        _ => simple(&[]),
    }
}

/// `net` asks with some of its words and changes things with options behind them.
fn net(arguments: &[String]) -> Option<Question> {
    let first = arguments.first()?.as_str();
    let changes = [
        "/add",
        "/delete",
        "/del",
        "/active",
        "/grant",
        "/persistent",
        "/expires",
    ];
    if arguments.iter().any(|a| changes.iter().any(|c| a.starts_with(c))) {
        return None;
    }
    let domain = arguments.iter().any(|a| a.starts_with("/do"));
    let techniques: &'static [&'static str] = match first {
        "user" | "users" if domain => &["T1087.002"],
        "user" | "users" => &["T1087.001"],
        "group" | "groups" => &["T1069.002"],
        "localgroup" if domain => &["T1069.002"],
        "localgroup" => &["T1069.001"],
        "accounts" => &["T1201"],
        "view" if arguments.iter().any(|a| a.starts_with("\\\\")) => &["T1135"],
        "view" => &["T1018"],
        "share" if arguments.len() == 1 => &["T1135"],
        "use" if arguments.len() == 1 => &["T1049"],
        "session" | "sessions" | "file" => &["T1049"],
        "start" if arguments.len() == 1 => &["T1007"],
        "time" => &["T1124"],
        "config" => &["T1016"],
        _ => return None,
    };
    Some(Question {
        name: format!("net {}", first.trim_end_matches('s')),
        techniques,
    })
}

fn nltest(arguments: &[String]) -> Option<Question> {
    let option = arguments.iter().find(|a| a.starts_with(['/', '-']))?;
    let name = option
        .trim_start_matches(['/', '-'])
        .split(':')
        .next()
        .unwrap_or("")
        .to_owned();
    let techniques: &'static [&'static str] = match name.as_str() {
        "domain_trusts" | "trusted_domains" | "all_trusts" => &["T1482"],
        "dclist" | "dsgetdc" | "dcname" => &["T1018"],
        "user" => &["T1087.002"],
        _ => &["T1016"],
    };
    Some(Question {
        name: format!("nltest {name}"),
        techniques,
    })
}

fn wmic(arguments: &[String]) -> Option<Question> {
    if arguments
        .iter()
        .any(|a| matches!(a.as_str(), "call" | "create" | "delete" | "set"))
    {
        return None;
    }
    let class = arguments.iter().find(|a| !a.starts_with(['/', '-']))?;
    let techniques: &'static [&'static str] = match class.as_str() {
        "product" | "qfe" => &["T1518"],
        "useraccount" | "sysaccount" => &["T1087.001"],
        "group" => &["T1069.001"],
        "process" => &["T1057"],
        "service" => &["T1007"],
        "share" | "netuse" => &["T1135"],
        "ntdomain" => &["T1482"],
        "nic" | "nicconfig" => &["T1016"],
        "computersystem" | "os" | "bios" | "logicaldisk" | "cpu" | "volume" => &["T1082"],
        _ => &[],
    };
    Some(Question {
        name: format!("wmic {class}"),
        techniques,
    })
}

fn directory(kind: &str) -> &'static [&'static str] {
    match kind {
        "group" => &["T1069.002"],
        "computer" | "server" => &["T1018"],
        "user" | "*" => &["T1087.002"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_told_from_changes() {
        for (program, line, expected) in [
            (
                "net",
                "net group \"domain admins\" /domain",
                Some(("net group", "T1069.002")),
            ),
            ("net1", "net1 user /domain", Some(("net user", "T1087.002"))),
            ("net", "net user eve Passw0rd /add", None),
            ("net", "net use \\\\fs\\x /user:a b", None),
            (
                "nltest",
                "nltest /domain_trusts /all_trusts",
                Some(("nltest domain_trusts", "T1482")),
            ),
            ("wmic", "wmic process call create calc", None),
            ("wmic", "wmic product get name", Some(("wmic product", "T1518"))),
            ("route", "route add 10.0.0.0 mask 255.0.0.0 10.1.1.1", None),
            ("notepad", "notepad", None),
        ] {
            let found = question(program, line);
            assert_eq!(
                found.as_ref().map(|q| (q.name.as_str(), q.techniques[0])),
                expected,
                "{line}"
            );
        }
    }
}
