//! AV-01: the antivirus is switched off, narrowed or attacked.
//!
//! Sees: Defender 5001, 5010, 5012; settings that switch protection off or exclude folders (5007, 5013 refused, registry, Set-MpPreference,
//! MpCmdRun); stopping, disabling or deleting the services of protection products.
//! Why: intruders impair protection before they use tools that it would stop.
//! Benign causes: a migration to another product, updates of the platform (switched on again within minutes), exclusions of software.
//! Sources: Sigma's windefend rules; Microsoft's event documentation of Defender; MITRE ATT&CK T1685.

use std::sync::LazyLock;

use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes};
use super::script_blocks;
use super::starts::{self, quote, starts};
use super::{Cx, Hit, KeyRows, Neighbour, Signal};
use crate::knowledge::programs::{ANTIVIRUS_SERVICES, DEFENDER_SERVICES, contains};
use crate::lake::frame::Row;
use crate::rules::launch::folded;
use crate::rules::{cmdline, paths, registry_path};
use crate::schema::{common, persist, posture as t, process, registry, script};

/// See the module.
pub struct Av01;

const JOIN_S: f64 = 60.0;
const BACK_ON_S: f64 = 300.0;
const MIGRATION_S: f64 = 86_400.0;
const NARROW_QUALITY: f64 = 0.3;

static META: Meta = Meta {
    id: "AV-01",
    title: "Defender disabled or tampered",
    sees: "Protection is switched off, a setting or exclusion takes away what it covers, or its service is stopped, disabled or deleted. \
           A refused attempt is medium; switched on again within five minutes is nothing; on the day another \
           product is installed it is info, unless execution or files of high level follow within a day.",
    why: "Tools that would be stopped follow once protection is off.",
    techniques: &["T1685"],
    stage: "defense-impairment",
    family: "protection",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                common::OUTCOME,
                t::KIND,
                t::SETTING,
                t::OLD,
                t::NEW,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &registry::TABLE,
            columns: registry_changes::COLUMNS,
        },
        Reads {
            table: &script::TABLE,
            columns: script_blocks::COLUMNS,
        },
        Reads {
            table: &persist::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                persist::KIND,
                persist::NAME,
                persist::DISPLAY_NAME,
                persist::STATE,
            ],
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "join",
            value: JOIN_S,
            unit: "s",
            source: "[J] one change as command, registry value and event",
        },
        Threshold {
            name: "back_on",
            value: BACK_ON_S,
            unit: "s",
            source: "[J] updates of the platform switch protection off and on",
        },
        Threshold {
            name: "migration",
            value: MIGRATION_S,
            unit: "s",
            source: "[J] another product is installed the same day",
        },
        Threshold {
            name: "narrow_exclusion",
            value: NARROW_QUALITY,
            unit: "quality",
            source: "[J] one program of a protected folder",
        },
    ],
    benign: &[
        "migration to another product",
        "update of Defender's platform",
        "exclusions that a vendor asks for",
    ],
};

struct Impairment<'a> {
    row: Row<'a>,
    what: String,
    explain: String,
    level: Level,
    quality: f64,
}

impl Signal for Av01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found: Vec<Impairment<'_>> = Vec::new();
        found.extend(rows.table(&t::TABLE).iter().filter_map(|r| of_event(cx, r, rows)));
        let wanted = |k: &str| {
            k.contains("\\windows defender")
                || k.contains("\\currentcontrolset\\services\\")
                || k.contains("\\microsoft antimalware")
        };
        found.extend(
            changes(rows.table(&registry::TABLE), wanted)
                .iter()
                .filter(|c| c.is_set())
                .filter_map(of_registry),
        );
        found.extend(starts(rows.table(&process::TABLE)).into_iter().filter_map(of_command));
        for block in script_blocks::blocks(rows.table(&script::TABLE)) {
            if let Some(call) = preference_call(&block.text) {
                let explain = format!("A script changed the protection: {}", quote(&call));
                found.push(Impairment {
                    row: block.row,
                    what: format!("preference {}", folded(&call)),
                    explain,
                    level: Level::High,
                    quality: 1.0,
                });
            }
        }
        found.extend(rows.table(&persist::TABLE).iter().filter_map(of_service));
        found.sort_by_key(|f| f.row.ts());
        let migration = other_product(rows);
        let mut mine: Vec<Hit> = Vec::new();
        for f in found {
            // Command, registry value and event of one change lie seconds apart.
            let same = |h: &&mut Hit| f.row.ts() - h.last <= (cx.number(&META, "join") * 1e6) as i64;
            if let Some(earlier) = mine.last_mut().filter(same) {
                merge(earlier, &f);
                continue;
            }
            let migrated = migration
                .iter()
                .any(|ts| (ts - f.row.ts()).abs() <= (cx.number(&META, "migration") * 1e6) as i64);
            let level = if migrated { Level::Info } else { f.level };
            mine.push(Hit::at(&META, f.row, f.what, f.explain).level(level).quality(f.quality));
        }
        hits.append(&mut mine);
    }

    fn beside(&self, hit: &mut Hit, others: &[Neighbour]) {
        let follows = |n: &&Neighbour| {
            n.time > hit.time && (n.meta.stage == "execution" || matches!(n.meta.family, "files" | "mass files"))
        };
        if hit.level == Level::Info
            && let Some(other) = others.iter().find(follows)
        {
            hit.level = META.level;
            hit.explain += &format!("; within a day followed by: {}", other.meta.title);
        }
    }
}

fn merge(earlier: &mut Hit, f: &Impairment<'_>) {
    if f.level > earlier.level && earlier.level != Level::Info || f.quality > earlier.quality {
        (earlier.level, earlier.quality) = (f.level.max(earlier.level), f.quality.max(earlier.quality));
        earlier.explain.clone_from(&f.explain);
    }
    if earlier.rows.len() < 20 {
        earlier.add_row(f.row);
    }
    earlier.last = f.row.ts();
    earlier.count += 1;
}

fn of_event<'a>(cx: &Cx<'_>, row: Row<'a>, rows: &KeyRows<'a>) -> Option<Impairment<'a>> {
    let setting = row.str(t::SETTING);
    match row.str(t::KIND) {
        "av_off" => {
            let until = row.ts() + (cx.number(&META, "back_on") * 1e6) as i64;
            if rows
                .table(&t::TABLE)
                .between(row.ts(), until)
                .iter()
                .any(|r| r.str(t::KIND) == "av_on")
            {
                return None;
            }
            Some(Impairment::high(
                row,
                format!("off {setting}"),
                format!("Defender: {setting} was switched off"),
            ))
        }
        "av_config" | "exclusion" => {
            let blocked = row.str(common::OUTCOME) == "blocked";
            let (path, data) = row.str(t::NEW).rsplit_once(" = ")?;
            let mut found = of_value(row, &registry_path::canonical(path), data.trim())?;
            if blocked {
                found.level = Level::Medium;
                found.explain = format!("Tamper protection refused: {}", found.explain);
            }
            Some(found)
        }
        _ => None,
    }
}

fn of_registry<'a>(change: &registry_changes::Change<'a>) -> Option<Impairment<'a>> {
    if let Some(service) = change
        .key
        .rsplit("\\services\\")
        .next()
        .filter(|_| change.value == "start" && !change.key.contains("windows defender"))
    {
        let disabled = registry_path::number(change.data) == Some(4);
        return (disabled && is_protection(service)).then(|| {
            Impairment::high(
                change.row,
                format!("service {service}"),
                format!("{} disabled the service {service} in the registry", change.writer()),
            )
        });
    }
    of_value(change.row, &change.path(), change.data)
}

/// A value below Defender's key, given as canonical path and data.
fn of_value<'a>(row: Row<'a>, path: &str, data: &str) -> Option<Impairment<'a>> {
    if !path.contains("defender") && !path.contains("antimalware") {
        return None;
    }
    if let Some((_, excluded)) = path.split_once("\\exclusions\\").filter(|_| !path.contains("\\asr")) {
        let (kind, thing) = excluded.split_once('\\')?;
        if thing.is_empty() {
            return None;
        }
        let narrow = paths::is_protected(thing) && thing.matches('\\').count() >= 3;
        let mut found = Impairment::high(
            row,
            format!("exclusion {}", folded(thing)),
            format!("Defender no longer looks at {} {}", kind, quote(thing)),
        );
        found.quality = if narrow { NARROW_QUALITY } else { 1.0 };
        return Some(found);
    }
    let (_, value) = path.rsplit_once('\\')?;
    let number = registry_path::number(data)?;
    let off = match value {
        "disableantispyware"
        | "disableantivirus"
        | "disablerealtimemonitoring"
        | "disablebehaviormonitoring"
        | "disableioavprotection"
        | "disablescriptscanning"
        | "disableonaccessprotection"
        | "disablescanonrealtimeenable"
        | "disableblockatfirstseen"
        | "disableintrusionpreventionsystem"
        | "disablearchivescanning"
        | "forcedefenderpassivemode"
        | "disableenhancednotifications" => number == 1 && value != "disableenhancednotifications",
        "spynetreporting" | "puaprotection" | "mpenablepus" | "enablenetworkprotection" | "submitsamplesconsent" => {
            number == 0 && !matches!(value, "submitsamplesconsent" | "enablenetworkprotection")
        }
        "tamperprotection" => matches!(number, 0 | 4),
        _ => false,
    };
    off.then(|| {
        Impairment::high(
            row,
            format!("setting {value}"),
            format!("Defender's setting {value} was set to {number}"),
        )
    })
}

/// Set-MpPreference, Add-MpPreference and Windows feature removal; settings that only report are left out.
fn preference_call(text: &str) -> Option<String> {
    static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)(?:set-mppreference\b[^\r\n|;]{0,200}(?:-(?:disable[a-z]{3,40}|dr[a-z]{1,30})[\s:]+(?:\$?true|1)|-(?:mapsreporting|puaprotection)[\s:]+(?:0|disabled)|-[a-z]{3,10}threatdefaultaction[\s:]+(?:allow|noaction|6|9))\b|(?:add|set)-mppreference\b[^\r\n|;]{0,200}-exclusion[a-z]{4,12}[\s:]+[^\r\n|;]{1,200}|(?:un|remove-?)install-windowsfeature\b[^\r\n|;]{0,100}defender|uninstall-windowsfeature\b[^\r\n|;]{0,100}defender)",
        )
        .ok()
    });
    CALL.as_ref()?.find(text).map(|m| m.as_str().to_owned())
}

fn of_command(row: Row<'_>) -> Option<Impairment<'_>> {
    let line = row.text(process::CMDLINE)?;
    if let Some(call) = preference_call(line) {
        return Some(Impairment::high(
            row,
            format!("preference {}", folded(&call)),
            format!("The protection was changed: {}", quote(line)),
        ));
    }
    let (image, original) = starts::names(row);
    let is = |name: &str| image == name || original == name;
    let lower = line.to_lowercase();
    if is("mpcmdrun") && (lower.contains("-removedefinitions") || lower.contains("-restore")) {
        return Some(Impairment::high(
            row,
            "mpcmdrun".to_owned(),
            format!("Defender's definitions or quarantine were attacked: {}", quote(line)),
        ));
    }
    if is("fltmc") && lower.contains("unload") && (lower.contains("wdfilter") || lower.contains("wdboot")) {
        return Some(Impairment::high(
            row,
            "fltmc".to_owned(),
            format!("Defender's driver was unloaded: {}", quote(line)),
        ));
    }
    let tokens: Vec<String> = cmdline::tokenize(&lower);
    let word = |w: &str| tokens.iter().any(|t| t == w);
    let stops = match image.as_str() {
        "sc" => word("stop") || word("delete") || (word("config") && lower.contains("disabled")),
        "net" | "net1" => word("stop"),
        "taskkill" => word("/im") || word("-im"),
        "powershell" | "pwsh" => lower.contains("stop-service") || lower.contains("set-service"),
        _ => false,
    };
    let named = tokens
        .iter()
        .skip(1)
        .find(|w| is_protection(w.trim_end_matches(".exe").trim_matches(['\'', '"'])));
    let service = named.filter(|_| stops)?;
    Some(Impairment::high(
        row,
        format!("service {service}"),
        format!(
            "The protection's service {service} was stopped or disabled: {}",
            quote(line)
        ),
    ))
}

/// Service control manager: stopped (7036) or its start type set to disabled (7040).
fn of_service(row: Row<'_>) -> Option<Impairment<'_>> {
    let name = row.str(persist::NAME).to_lowercase();
    let display = row.str(persist::DISPLAY_NAME).to_lowercase();
    let named = is_defender(&name)
        || [&name, &display]
            .iter()
            .any(|n| n.contains("defender antivirus") || n.contains("defender advanced threat"));
    let state = row.str(persist::STATE).to_lowercase();
    let disabled = row.str(common::ACTION) == "update" && (state.contains("disabled") || state == "4");
    // Defender's services stop at every shutdown: only the start type says something by itself.
    (named && disabled && row.str(persist::KIND) == "service").then(|| {
        Impairment::high(
            row,
            format!("service {name}"),
            format!("The service {} was set to disabled", row.str(persist::NAME)),
        )
    })
}

fn is_defender(name: &str) -> bool {
    contains(DEFENDER_SERVICES, name)
}

fn is_protection(name: &str) -> bool {
    is_defender(name) || name == "msmpeng" || contains(ANTIVIRUS_SERVICES, name)
}

/// When services of another protection product were installed.
fn other_product(rows: &KeyRows<'_>) -> Vec<i64> {
    let installed =
        |r: &Row<'_>| r.str(common::ACTION) == "create" && contains(ANTIVIRUS_SERVICES, r.str(persist::NAME));
    rows.table(&persist::TABLE)
        .iter()
        .filter(installed)
        .map(|r| r.ts())
        .collect()
}

impl<'a> Impairment<'a> {
    fn high(row: Row<'a>, what: String, explain: String) -> Self {
        Self {
            row,
            what,
            explain,
            level: Level::High,
            quality: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn posture(sample: &mut Sample, time: &str, kind: &str, new: &str) {
        sample.row(&t::TABLE, "ws01", time, |b| {
            b.text(t::KIND, kind);
            b.text(t::SETTING, "real-time protection");
            b.text(t::NEW, new);
        });
    }

    fn event(kind: &str, new: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        posture(&mut sample, "2026-03-02T09:00:00Z", kind, new);
        sample.hits(&Av01)
    }

    fn command(line: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        sample.row(&process::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            let image = line.split(' ').next().unwrap_or("");
            b.text(process::IMAGE_NAME, &format!("{image}.exe"));
            b.text(process::CMDLINE, line);
        });
        sample.hits(&Av01)
    }

    #[test]
    fn switching_off_counts_unless_it_is_on_again() {
        assert_eq!(event("av_off", "")[0].level, Level::High);
        let mut sample = Sample::default();
        posture(&mut sample, "2026-03-02T09:00:00Z", "av_off", "");
        posture(&mut sample, "2026-03-02T09:02:00Z", "av_on", "");
        assert!(sample.hits(&Av01).is_empty());
    }

    #[test]
    fn exclusions_and_settings_are_read_from_the_event() {
        let key = r"HKLM\SOFTWARE\Microsoft\Windows Defender";
        let hits = event("exclusion", &format!(r"{key}\Exclusions\Paths\C:\Users = 0x0"));
        assert_eq!((hits.len(), hits[0].quality), (1, 1.0));
        let narrow = event(
            "exclusion",
            &format!(r"{key}\Exclusions\Paths\C:\Program Files\Vendor\db = 0x0"),
        );
        assert_eq!(narrow[0].quality, NARROW_QUALITY);
        assert_eq!(event("av_config", &format!(r"{key}\DisableAntiSpyware = 0x1")).len(), 1);
        assert!(event("av_config", &format!(r"{key}\DisableAntiSpyware = 0x0")).is_empty());
        assert!(event("av_config", &format!(r"{key}\Signature Updates\SignatureAge = 0x1")).is_empty());
    }

    #[test]
    fn commands_against_protection_are_told_from_questions() {
        for line in [
            "powershell Set-MpPreference -DisableRealtimeMonitoring $true",
            "powershell Add-MpPreference -ExclusionPath C:\\",
            "sc stop WinDefend",
            "sc config Sense start= disabled",
            "net stop WdNisSvc",
        ] {
            assert_eq!(command(line).len(), 1, "{line}");
        }
        for line in [
            "powershell Get-MpPreference",
            "sc query WinDefend",
            "net stop Spooler",
            "powershell Set-MpPreference -DisableRealtimeMonitoring $false",
            "powershell Set-MpPreference -DisableRealtimeMonitoring 0",
        ] {
            assert!(command(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_migration_is_worth_knowing_only() {
        let mut sample = Sample::default();
        posture(&mut sample, "2026-03-02T09:00:00Z", "av_off", "");
        sample.row(&persist::TABLE, "ws01", "2026-03-02T12:00:00Z", |b| {
            b.text(common::ACTION, "create");
            b.text(persist::NAME, "CSAgent");
        });
        assert_eq!(sample.hits(&Av01)[0].level, Level::Info);
    }

    #[test]
    fn a_refused_attempt_is_medium() {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(t::KIND, "av_config");
            b.text(common::OUTCOME, "blocked");
            b.text(
                t::NEW,
                r"HKLM\SOFTWARE\Microsoft\Windows Defender\Real-Time Protection\DisableRealtimeMonitoring = 0x1",
            );
        });
        assert_eq!(sample.hits(&Av01)[0].level, Level::Medium);
    }

    #[test]
    fn a_migration_that_execution_follows_is_high() {
        let run = |after: i64| {
            let mut hit = event("av_off", "");
            let mut hit = hit.remove(0).level(Level::Info);
            let other = Neighbour {
                meta: super::super::by_id("PROC-01").unwrap().meta(),
                time: hit.time + after,
                host: hit.host,
            };
            Av01.beside(&mut hit, &[other]);
            hit.level
        };
        assert_eq!(run(60_000_000), Level::High);
        assert_eq!(run(-60_000_000), Level::Info);
    }
}
