//! NET-06: a host forwards connections for somebody else.
//!
//! Sees: a port proxy set by `netsh` or in the registry; SSH and PuTTY's plink asked for a reverse or dynamic tunnel; the arguments of
//! tunnelling tools (chisel, ngrok, frp, socat, ligolo).
//! Why: one forwarding host leads past every firewall between the intruder and his goal.
//! Benign causes: port proxies of developers (WSL, containers), administrators who tunnel to a database.
//! Sources: Sigma (netsh port forwarding: medium, to port 3389: high); ATT&CK T1090.001, T1572.

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes};
use super::starts::{self, command, names, quote};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::{process as t, registry};

/// See the module.
pub struct Net06;

static META: Meta = Meta {
    id: "NET-06",
    title: "Connections forwarded",
    sees: "A port proxy set by netsh or in the registry; a reverse or dynamic tunnel of ssh or plink; the arguments of chisel, ngrok, frp and \
           similar tools.",
    why: "One forwarding host leads past every firewall.",
    techniques: &["T1090.001", "T1572"],
    stage: "command-and-control",
    family: "tunnels",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &registry::TABLE,
            columns: registry_changes::COLUMNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "local_quality",
        value: 0.5,
        unit: "quality of a tunnel to a port of the own host",
        source: "[J] administrators reach databases so",
    }],
    benign: &["port proxies of developers", "administrators who tunnel to a database"],
};

impl Signal for Net06 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in starts::starts(rows.table(&t::TABLE)) {
            if let Some((technique, what, quality)) = forwards(cx, row) {
                let explain = format!("{what}: {}", command(row));
                let mut hit = Hit::at(&META, row, what, explain)
                    .quality(quality)
                    .techniques(technique);
                hit.iocs = starts::iocs(row);
                found.add(hit);
            }
        }
        for change in changes(rows.table(&registry::TABLE), |key| {
            key.to_lowercase().contains("\\services\\portproxy\\")
        }) {
            if change.is_set() && change.data.contains('/') {
                let explain = format!(
                    "{} forwards {} to {}",
                    change.writer(),
                    quote(&change.value),
                    quote(change.data)
                );
                found.add(Hit::at(&META, change.row, "a port proxy is set", explain).techniques(&["T1090.001"]));
            }
        }
        hits.extend(found.into_hits());
    }
}

type Way = (&'static [&'static str], &'static str, f64);

fn forwards(cx: &Cx<'_>, row: Row<'_>) -> Option<Way> {
    let line = row.str(t::CMDLINE);
    let words = tokenize(line);
    let lower: Vec<String> = words.iter().map(|w| w.to_lowercase()).collect();
    let (image, original) = names(row);
    let is = |name: &str| image == name || original == name;
    if is("netsh") && port_proxy(&lower) {
        return Some((&["T1090.001"], "a port proxy is set", 1.0));
    }
    let flag = |letter: char| {
        words.iter().skip(1).any(|w| {
            w.strip_prefix('-').is_some_and(|f| {
                f.starts_with(letter)
                    && (f.len() == 1
                        || f.ends_with(letter)
                        || f.contains(':')
                        || f.bytes().skip(1).all(|b| b.is_ascii_digit()))
            })
        })
    };
    if is("ssh") || is("plink") || is("kitty") {
        if flag('R') || flag('D') {
            return Some((&["T1572"], "a tunnel opens a way back or to everywhere", 1.0));
        }
        return flag('L').then(|| {
            (
                &["T1572"][..],
                "a tunnel leads to a port elsewhere",
                cx.number(&META, "local_quality"),
            )
        });
    }
    let has = |word: &str| lower.iter().any(|w| w == word || w.starts_with(&format!("{word}:")));
    let chisel = has("client")
        && lower
            .iter()
            .any(|w| w.starts_with("r:") || w == "socks" || w.ends_with(":socks"));
    let ngrok = (is("ngrok") || is("cloudflared")) && (has("tcp") || has("http") || has("tunnel") || has("start"));
    let frp = (is("frpc") || is("frps")) && lower.iter().any(|w| w.starts_with("-c"));
    let other = is("ligolo")
        || is("ligolo-agent")
        || is("gost") && lower.iter().any(|w| w.starts_with("-l"))
        || is("socat") && line.to_lowercase().contains("fork");
    (chisel || ngrok || frp || other).then_some((&["T1572"], "a tunnelling tool runs", 1.0))
}

/// `netsh interface portproxy add v4tov4 …`, also shortened as netsh allows (`I p a v`).
fn port_proxy(words: &[String]) -> bool {
    let at = |i: usize| words.get(i).map_or("", String::as_str);
    let begins = |i: usize, word: &str| !at(i).is_empty() && word.starts_with(at(i));
    begins(1, "interface") && begins(2, "portproxy") && (begins(3, "add") || begins(3, "set")) && at(4).starts_with('v')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    fn hits(image: &str, line: &str) -> usize {
        hits_of(&Net06, image, "cmd.exe", line).len()
    }

    #[test]
    fn proxies_and_tunnels_fire() {
        assert_eq!(
            hits(
                "netsh.exe",
                "netsh interface portproxy add v4tov4 listenport=8001 connectport=3389 connectaddress=10.0.0.5"
            ),
            1
        );
        assert_eq!(
            hits(
                "netsh.exe",
                "netsh  I p a v l=8001 listena=1.2.3.4 connectp=3389 c=1.2.3.5"
            ),
            1
        );
        assert_eq!(hits("plink.exe", "plink -R 3389:127.0.0.1:3389 -l u 203.0.113.9"), 1);
        assert_eq!(hits("x.exe", "x.exe client 203.0.113.9:443 R:socks"), 1);
    }

    #[test]
    fn shells_and_questions_stay_quiet() {
        assert_eq!(hits("netsh.exe", "netsh interface portproxy show all"), 0);
        assert_eq!(hits("netsh.exe", "netsh interface ip add address x"), 0);
        assert_eq!(hits("ssh.exe", "ssh -i key admin@10.0.0.5 -p 22"), 0);
    }
}
