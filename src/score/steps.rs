//! What to do next, chosen by what was seen: triage, contain, investigate, eradicate.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::base::text::truncate_chars;
use crate::signals::Level;

/// Values named in one step.
const MAX_VALUES: usize = 5;

/// Steps in the order in which they are done.
pub(super) fn next_steps(finding: &Finding) -> Vec<String> {
    let seen = Seen::of(finding);
    let mut out = Vec::new();
    triage(finding, &seen, &mut out);
    if seen.level >= Level::Medium {
        contain(finding, &seen, &mut out);
    }
    investigate(finding, &seen, &mut out);
    if seen.level >= Level::Medium {
        eradicate(&seen, &mut out);
    }
    if seen.level >= Level::High {
        lessons(&seen, &mut out);
    }
    out
}

struct Seen<'a> {
    families: BTreeSet<&'a str>,
    stages: BTreeSet<&'a str>,
    level: Level,
}

impl<'a> Seen<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            families: finding.signals.iter().map(|s| s.family.as_str()).collect(),
            stages: finding.signals.iter().map(|s| s.stage.as_str()).collect(),
            level: Level::parse(&finding.severity).unwrap_or(Level::Info),
        }
    }

    fn family(&self, any: &[&str]) -> bool {
        any.iter().any(|f| self.families.contains(f))
    }

    fn stage(&self, any: &[&str]) -> bool {
        any.iter().any(|s| self.stages.contains(s))
    }
}

fn triage(finding: &Finding, seen: &Seen<'_>, out: &mut Vec<String>) {
    out.push(format!(
        "Triage: lay processes, network, DNS and logons of {} side by side around {} (coldtrail timeline).",
        finding.host, finding.first_seen
    ));
    if finding.host.starts_with("ip:") || finding.host.starts_with("user:") {
        out.push("Triage: find the host behind this address or user (DHCP leases, VPN, inventory).".to_owned());
    }
    if seen.level < Level::High {
        let who = values(&finding.users);
        let ask = if who.is_empty() {
            "the owner of the host".to_owned()
        } else {
            who
        };
        out.push(format!(
            "Triage: check for a scheduled job or approved administration tool, and ask {ask} whether they did this; if it is \
             routine, allow exactly this and nothing wider."
        ));
    }
    if !finding.iocs.domains.is_empty() || !finding.iocs.ips.is_empty() || !finding.iocs.sha256.is_empty() {
        let all: Vec<String> = [&finding.iocs.sha256, &finding.iocs.domains, &finding.iocs.ips]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        out.push(format!(
            "Triage: look for the same indicators on all other hosts (coldtrail scope): {}.",
            values(&all)
        ));
    }
}

fn contain(finding: &Finding, seen: &Seen<'_>, out: &mut Vec<String>) {
    if seen.level >= Level::High {
        out.push(format!(
            "Contain: isolate {} from the network through the EDR, without switching it off.",
            finding.host
        ));
    }
    let credentials = seen.family(&["authentication", "credentials", "lateral movement"]);
    if credentials && !finding.users.is_empty() {
        out.push(format!(
            "Contain: disable the accounts or reset their passwords, end their sessions and enforce MFA: {}.",
            values(&finding.users)
        ));
    }
    if seen.stage(&["command-and-control", "exfiltration"]) {
        let far: Vec<String> = finding.iocs.domains.iter().chain(&finding.iocs.ips).cloned().collect();
        let what = if far.is_empty() {
            "the destinations named in the evidence".to_owned()
        } else {
            values(&far)
        };
        out.push(format!("Contain: block at proxy, DNS and firewall: {what}."));
    }
    if seen.family(&["mass files", "impact"]) {
        out.push(
            "Contain: take file shares and backups that this host can write to offline until the writer is stopped."
                .to_owned(),
        );
    }
}

fn investigate(finding: &Finding, seen: &Seen<'_>, out: &mut Vec<String>) {
    if seen.level >= Level::High {
        out.push("Investigate: secure evidence in this order: process chain and command lines, connections, memory, files with their hashes, autostart entries and tasks, logon history.".to_owned());
    }
    if seen.family(&["process lineage", "scripts", "lolbins", "privilege escalation"]) {
        out.push("Investigate: capture the processes of the tree with command lines, children and connections; take a memory image before anything is closed.".to_owned());
    }
    let files: Vec<String> = finding.iocs.files.iter().chain(&finding.iocs.sha256).cloned().collect();
    if !files.is_empty() {
        out.push(format!(
            "Investigate: secure these files and detonate them in a sandbox: {}.",
            values(&files)
        ));
    }
    if seen.family(&["scripts"]) {
        out.push(
            "Investigate: read the decoded script in the evidence and follow every address and file it names."
                .to_owned(),
        );
    }
    if seen.family(&["authentication"]) {
        out.push("Investigate: compare the logons with VPN, travel and device records of the user; list everything the account did since.".to_owned());
    }
    if seen.family(&["credentials"]) {
        out.push(
            "Investigate: treat every account that was signed in to this host as known to the attacker.".to_owned(),
        );
    }
    if seen.stage(&["lateral-movement"]) || seen.family(&["lateral movement"]) {
        out.push(
            "Investigate: follow the sessions to and from this host; the related findings name the other ends."
                .to_owned(),
        );
    }
    if seen.stage(&["exfiltration", "collection"]) {
        out.push(
            "Investigate: establish which data left, how much and where to; involve data protection early.".to_owned(),
        );
    }
    if seen.stage(&["initial-access", "execution"]) && seen.family(&["process lineage"]) {
        out.push("Investigate: find the mail or download that brought the document, and who else got it.".to_owned());
    }
}

fn eradicate(seen: &Seen<'_>, out: &mut Vec<String>) {
    if seen.family(&["persistence"]) {
        out.push("Eradicate: remove the services, tasks, autostart values and subscriptions named in the evidence, after a copy was kept.".to_owned());
    }
    if seen.family(&["protection", "log tampering"]) {
        out.push("Eradicate: restore protection and logging, remove exclusions, and treat the time without them as unobserved.".to_owned());
    }
    if seen.family(&["rmm"]) {
        out.push(
            "Eradicate: remove the remote-management tool if nobody answers for it, and its account at the vendor."
                .to_owned(),
        );
    }
    if seen.family(&["mass files", "impact"]) {
        out.push("Recover: verify that backups are whole and older than the first event before restoring.".to_owned());
    }
    if seen.level >= Level::High {
        out.push(
            "Recover: rebuild the host from a known image, close the way in, and watch it against its baseline."
                .to_owned(),
        );
    }
}

fn lessons(seen: &Seen<'_>, out: &mut Vec<String>) {
    out.push("Lessons: put what was seen into detection rules and this playbook, and automate the steps that were done by hand.".to_owned());
    if seen.stage(&["initial-access"]) || seen.family(&["process lineage", "authentication"]) {
        out.push("Lessons: close the way in for all: mail gateway rules, macros, multi-factor authentication, and training of the users concerned.".to_owned());
    }
}

/// A few values, cut, so that a step stays a sentence.
fn values(all: &[String]) -> String {
    let mut out: Vec<String> = all
        .iter()
        .take(MAX_VALUES)
        .map(|v| truncate_chars(v, 100).to_owned())
        .collect();
    if all.len() > MAX_VALUES {
        out.push(format!("{} more", all.len() - MAX_VALUES));
    }
    out.join(", ")
}
