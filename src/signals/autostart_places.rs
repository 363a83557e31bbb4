//! The keys of the registry from which Windows starts programs, loads libraries or takes a replacement.
//!
//! Source: the places that Microsoft Autoruns lists, with the ATT&CK technique of each.

/// One place.
pub struct Place {
    /// Name for a sentence.
    pub name: &'static str,
    /// ATT&CK id.
    pub technique: &'static str,
    /// Whether ordinary software never writes here.
    pub sensitive: bool,
    /// Whether a value is what Windows itself has there.
    pub is_default: fn(&str, &str) -> bool,
    /// The part of the data that is a command.
    pub command: fn(&str) -> &str,
    key: &'static str,
    ends: bool,
    values: &'static [&'static str],
}

/// The place that a canonical key and lower-case value name belong to.
pub fn place_of(key: &str, value: &str) -> Option<&'static Place> {
    PLACES.iter().find(|p| {
        let at = if p.ends {
            key.ends_with(p.key)
        } else {
            key.contains(p.key)
        };
        at && (p.values.is_empty() || p.values.contains(&value)) && !is_excepted(p, key)
    })
}

/// Whether a key may hold a place's value; cheaper than asking for every value.
pub fn may_hold(key: &str) -> bool {
    PLACES.iter().any(|p| {
        if p.ends {
            key.ends_with(p.key)
        } else {
            key.contains(p.key)
        }
    })
}

fn is_excepted(place: &Place, key: &str) -> bool {
    // Classes of the machine are written by every installer; those of a user shadow them.
    // At the class itself the default value is only a title.
    place.technique == "T1546.015" && (!key.starts_with("hkcu") || key.ends_with('}'))
}

const fn at(key: &'static str, values: &'static [&'static str], technique: &'static str, name: &'static str) -> Place {
    Place {
        name,
        technique,
        sensitive: false,
        is_default: never,
        command: whole,
        key,
        ends: true,
        values,
    }
}

const fn sensitive(mut place: Place) -> Place {
    place.sensitive = true;
    place
}

const fn below(mut place: Place) -> Place {
    place.ends = false;
    place
}

const fn default(mut place: Place, is_default: fn(&str, &str) -> bool) -> Place {
    place.is_default = is_default;
    place
}

static PLACES: &[Place] = &[
    at("\\microsoft\\windows\\currentversion\\run", &[], "T1547.001", "Run key"),
    at(
        "\\microsoft\\windows\\currentversion\\runonce",
        &[],
        "T1547.001",
        "RunOnce key",
    ),
    below(at(
        "\\microsoft\\windows\\currentversion\\runonceex",
        &[],
        "T1547.001",
        "RunOnceEx key",
    )),
    at(
        "\\microsoft\\windows\\currentversion\\runservices",
        &[],
        "T1547.001",
        "RunServices key",
    ),
    at(
        "\\microsoft\\windows\\currentversion\\runservicesonce",
        &[],
        "T1547.001",
        "RunServicesOnce key",
    ),
    at(
        "\\microsoft\\windows\\currentversion\\policies\\explorer\\run",
        &[],
        "T1547.001",
        "Run policy",
    ),
    below(at(
        "\\windowsupdate\\orchestrator\\uscheduler\\",
        &["cmdline"],
        "T1068",
        "Command of the update scheduler",
    )),
    sensitive(at(
        "\\microsoft\\ieak\\grouppolicy\\pendinggpos",
        &["path1", "path2", "path3"],
        "T1484.001",
        "Pending group policy",
    )),
    sensitive(at(
        "\\microsoft\\windows nt\\currentversion\\windows",
        &["load", "run"],
        "T1547.001",
        "Load and Run of win.ini",
    )),
    default(
        sensitive(at(
            "\\microsoft\\windows nt\\currentversion\\winlogon",
            &[
                "shell",
                "userinit",
                "notify",
                "taskman",
                "system",
                "vmapplet",
                "gpextensions",
            ],
            "T1547.004",
            "Winlogon",
        )),
        winlogon,
    ),
    sensitive(below(at(
        "\\microsoft\\windows nt\\currentversion\\winlogon\\notify\\",
        &["dllname"],
        "T1547.004",
        "Winlogon notification",
    ))),
    sensitive(below(at(
        "\\image file execution options\\",
        &["debugger"],
        "T1546.012",
        "Image File Execution Options",
    ))),
    default(
        sensitive(below(at(
            "\\silentprocessexit\\",
            &["monitorprocess"],
            "T1546.012",
            "Monitor of a silent process exit",
        ))),
        never,
    ),
    default(
        sensitive(at(
            "\\microsoft\\windows nt\\currentversion\\windows",
            &["appinit_dlls"],
            "T1546.010",
            "AppInit_DLLs",
        )),
        blank,
    ),
    sensitive(at(
        "\\control\\session manager\\appcertdlls",
        &[],
        "T1546.009",
        "AppCertDlls",
    )),
    default(
        sensitive(at(
            "\\control\\session manager",
            &["bootexecute"],
            "T1547.001",
            "BootExecute",
        )),
        autocheck,
    ),
    default(
        sensitive(at(
            "\\control\\lsa",
            &["security packages"],
            "T1547.005",
            "Security support providers",
        )),
        packages,
    ),
    default(
        sensitive(at(
            "\\control\\lsa\\osconfig",
            &["security packages"],
            "T1547.005",
            "Security support providers",
        )),
        packages,
    ),
    default(
        sensitive(at(
            "\\control\\lsa",
            &["authentication packages"],
            "T1547.002",
            "Authentication packages",
        )),
        packages,
    ),
    default(
        sensitive(at(
            "\\control\\lsa",
            &["notification packages"],
            "T1556.002",
            "Password filters",
        )),
        packages,
    ),
    below(at(
        "\\microsoft\\active setup\\installed components\\",
        &["stubpath"],
        "T1547.014",
        "Active Setup",
    )),
    below(at(
        "\\software\\classes\\clsid\\",
        &["", "scriptleturl", "treatas"],
        "T1546.015",
        "COM class of a user",
    )),
    sensitive(at(
        "hkcu\\environment",
        &["userinitmprlogonscript"],
        "T1037.001",
        "Logon script",
    )),
    sensitive(at(
        "hkcu\\environment",
        &["cor_profiler_path", "cor_profiler"],
        "T1574.012",
        "Profiler of .NET",
    )),
    sensitive(at(
        "\\control\\session manager\\environment",
        &["cor_profiler_path", "cor_profiler"],
        "T1574.012",
        "Profiler of .NET",
    )),
    at("\\microsoft\\netsh", &[], "T1546.007", "Helper library of netsh"),
    below(at(
        "\\control\\print\\monitors\\",
        &["driver"],
        "T1547.010",
        "Port monitor",
    )),
    below(at(
        "\\services\\w32time\\timeproviders\\",
        &["dllname"],
        "T1547.003",
        "Time provider",
    )),
    sensitive(below(at(
        "\\appcompatflags\\custom\\",
        &[],
        "T1546.011",
        "Application shim",
    ))),
    sensitive(below(at(
        "\\appcompatflags\\installedsdb\\",
        &["databasepath"],
        "T1546.011",
        "Application shim",
    ))),
    at(
        "\\control panel\\desktop",
        &["scrnsave.exe"],
        "T1546.002",
        "Screen saver",
    ),
    sensitive(below(at(
        "\\microsoft\\office test\\special\\perf",
        &[],
        "T1137.002",
        "Office test library",
    ))),
    sensitive(at(
        "\\microsoft\\command processor",
        &["autorun"],
        "T1546",
        "AutoRun of cmd",
    )),
    sensitive(below(at(
        "\\microsoft\\windows\\currentversion\\group policy\\scripts\\",
        &["script"],
        "T1037.001",
        "Script of a group policy",
    ))),
];

fn never(_: &str, _: &str) -> bool {
    false
}

fn whole(data: &str) -> &str {
    data
}

fn blank(_: &str, data: &str) -> bool {
    data.trim().is_empty() || data == "(Empty)"
}

fn winlogon(value: &str, data: &str) -> bool {
    let lower = data.trim().trim_end_matches(',').to_lowercase();
    match value {
        "shell" => lower == "explorer.exe",
        "userinit" => lower == "userinit.exe" || (lower.ends_with("\\system32\\userinit.exe") && !lower.contains(',')),
        "system" | "taskman" => lower.is_empty(),
        "vmapplet" => lower.starts_with("systempropertiesperformance.exe"),
        _ => lower.is_empty(),
    }
}

fn autocheck(_: &str, data: &str) -> bool {
    data.to_lowercase()
        .lines()
        .all(|l| l.trim().is_empty() || l.trim() == "autocheck autochk *")
}

/// Multi-string values are logged as `Binary Data` by Sysmon: then nothing can be said.
fn packages(_: &str, data: &str) -> bool {
    let known = [
        "kerberos", "msv1_0", "schannel", "wdigest", "tspkg", "pku2u", "cloudap", "livessp", "negoexts", "scecli",
        "rassfm", "\"\"", "binary",
    ];
    let lower = data.to_lowercase();
    lower == "binary data"
        || lower
            .split([' ', '\n', ',', '\0', '\r'])
            .all(|p| p.is_empty() || known.contains(&p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::registry_path;

    fn technique(key: &str, value: &str) -> Option<&'static str> {
        place_of(&registry_path::canonical(key), value).map(|p| p.technique)
    }

    #[test]
    fn places_are_found_in_both_views_and_for_any_user() {
        let run = r"Software\Microsoft\Windows\CurrentVersion\Run";
        assert_eq!(technique(&format!(r"HKU\S-1-5-21-1\{run}"), "x"), Some("T1547.001"));
        assert_eq!(
            technique(r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Run", "x"),
            Some("T1547.001")
        );
        assert_eq!(
            technique(
                r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Control\Lsa",
                "security packages"
            ),
            Some("T1547.005")
        );
        assert_eq!(
            technique(r"HKU\S-1-5-21-1_Classes\CLSID\{0}\InprocServer32", ""),
            Some("T1546.015")
        );
        assert_eq!(technique(r"HKCR\CLSID\{0}\InprocServer32", ""), None);
        assert_eq!(
            technique(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\RunMRU", "x"),
            None
        );
    }

    #[test]
    fn what_windows_ships_is_a_default() {
        assert!(packages("", "kerberos\nmsv1_0"));
        assert!(!packages("", "kerberos\nmimilib"));
        assert!(autocheck("", "autocheck autochk *"));
        assert!(!autocheck("", "autocheck autochk *\nevil"));
    }
}
