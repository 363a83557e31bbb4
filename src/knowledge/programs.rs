//! Sets of program and service names, by what the programs are.
//!
//! Entries are base names in lower case without `.exe`; an entry that ends in `*` stands for all names that begin so.
//! Names alone prove nothing: whoever reads a hit looks at path, parent and arguments as well.

/// Whether a set holds a program: its base name with or without `.exe`, in any case.
pub fn contains(set: &[&str], base: &str) -> bool {
    let stem = stem(base).to_ascii_lowercase();
    if stem.is_empty() {
        return false;
    }
    set.binary_search(&stem.as_str()).is_ok()
        || set
            .iter()
            .filter_map(|entry| entry.strip_suffix('*'))
            .any(|prefix| stem.starts_with(prefix))
}

/// The last part of a Windows or Unix path.
pub fn base_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// A base name without its `.exe` or `.com`.
pub fn stem(base: &str) -> &str {
    let base = base.trim();
    let at = base.len().saturating_sub(4);
    match base.split_at_checked(at) {
        Some((stem, suffix)) if suffix.eq_ignore_ascii_case(".exe") || suffix.eq_ignore_ascii_case(".com") => stem,
        _ => base,
    }
}

/// Programs that open documents from outside. Source: the parents of the Sigma rule office_susp_child_processes;
/// the Japanese readers (Ichitaro, Hangul) and PDF readers are our addition.
#[rustfmt::skip]
pub static DOCUMENT_APPLICATIONS: &[&str] = &[
    "acrobat", "acrord32", "eqnedt32", "excel", "foxitpdfeditor", "foxitpdfreader", "foxitreader", "hcell", "hword",
    "hwp", "ichitaro*", "msaccess", "mspub", "onenote", "onenotem", "outlook", "powerpnt", "scalc", "soffice",
    "sumatrapdf", "swriter", "taro*", "visio", "winproj", "winword", "wordpad",
];

/// Programs that run what they are given: shells, script hosts and system tools that start or load code of
/// others. Source: the children of the same Sigma rule and Microsoft's command-line documentation.
#[rustfmt::skip]
pub static INTERPRETERS: &[&str] = &[
    "bash", "bitsadmin", "certutil", "cmd", "cmstp", "control", "cscript", "curl", "forfiles", "hh", "installutil",
    "javaw", "msbuild", "msdt", "mshta", "msiexec", "odbcconf", "pcalua", "powershell", "powershell_ise", "pwsh",
    "regasm", "regsvcs", "regsvr32", "rundll32", "schtasks", "scrcons", "sh", "verclsid", "wmic", "wscript", "wsl",
];

/// Command shells alone.
#[rustfmt::skip]
pub static SHELLS: &[&str] = &[
    "bash", "cmd", "powershell", "powershell_ise", "pwsh", "sh", "wsl",
];

/// Programs that run script files.
#[rustfmt::skip]
pub static SCRIPT_HOSTS: &[&str] = &[
    "autohotkey*", "autoit3*", "bash", "cscript", "java", "javaw", "mshta", "node", "perl*", "php", "powershell",
    "powershell_ise", "pwsh", "python*", "pythonw*", "ruby", "sh", "wscript",
];

/// Web browsers.
#[rustfmt::skip]
pub static BROWSERS: &[&str] = &[
    "brave", "browser", "chrome", "chromium", "firefox", "floorp", "iexplore", "kinza", "msedge", "msedgewebview2",
    "opera", "palemoon", "safari", "sleipnir", "sleipnir6", "tor", "vivaldi", "waterfox", "whale", "yandex",
];

/// Processes that answer the network and normally start no shell: web, application, database and mail servers.
/// Source: Microsoft's and Elastic's descriptions of web shell parents; SQL Server is told apart by
/// [`DATABASE_SERVERS`]; `java` is a server only by its arguments and is left to the caller.
#[rustfmt::skip]
pub static SERVER_PROCESSES: &[&str] = &[
    "beasvc", "caddy", "coldfusion", "httpd", "jbosssvc", "lighttpd", "msexchange*", "nginx", "php-cgi", "php-fpm",
    "sqlagent", "sqlservr", "tomcat*", "umworkerprocess", "w3wp", "weblogic", "ws_tomcatservice",
];

/// Server processes whose shells come from SQL (xp_cmdshell, agent jobs), not from a web shell.
#[rustfmt::skip]
pub static DATABASE_SERVERS: &[&str] = &[
    "mysqld", "oracle", "postgres", "sqlagent", "sqlservr",
];

/// Children that web servers start in ordinary work: the compilers of ASP.NET and error reporting.
#[rustfmt::skip]
pub static SERVER_HELPERS: &[&str] = &[
    "aspnet_compiler", "conhost", "csc", "cvtres", "jsc", "php-cgi", "vbc", "w3wp", "werfault",
];

/// Processes through which everything on a machine is related, so that a chain of events must not pass through
/// them.
#[rustfmt::skip]
pub static HUB_PROCESSES: &[&str] = &[
    "csrss", "dllhost", "explorer", "lsass", "msmpeng", "runtimebroker", "services", "sihost", "smss", "svchost",
    "system", "taskeng", "taskhost", "taskhostex", "taskhostw", "userinit", "wininit", "winlogon", "wmiprvse",
];

/// Services that remote-execution tools install on the target (PsExec and its clones, smbexec, winexe). Source:
/// the tools' own defaults.
#[rustfmt::skip]
pub static REMOTE_EXECUTION_SERVICES: &[&str] = &[
    "bofhservice", "btobto", "csexec", "csexecsvc", "impacket", "krbrelayup*", "paexec*", "pdqdeployrunner*",
    "pdqinventory*", "psexecsvc", "psexesvc", "remcom", "remcomsvc", "smbexec", "winexe", "winexesvc", "xcmdsvc",
];

/// Commands that ask about users, groups, hosts and the network. `net` and `wmic` ask only with some arguments,
/// which the caller looks at.
#[rustfmt::skip]
pub static DISCOVERY_COMMANDS: &[&str] = &[
    "adfind", "adrecon", "arp", "cmdkey", "driverquery", "dsget", "dsquery", "getmac", "gpresult", "hostname",
    "ipconfig", "klist", "nbtscan", "nbtstat", "net", "net1", "netstat", "nltest", "nslookup", "pathping",
    "qprocess", "query", "quser", "qwinsta", "route", "setspn", "sharphound", "systeminfo", "tasklist", "tracert",
    "whoami", "wmic",
];

/// Archive programs that can stage files for removal.
#[rustfmt::skip]
pub static ARCHIVERS: &[&str] = &[
    "7z", "7za", "7zg", "7zr", "arc", "bandizip", "lhaplus", "lhaz", "makecab", "peazip", "pkzip", "rar", "tar",
    "winrar", "winzip", "winzip32", "winzip64", "wzzip", "zip",
];

/// Programs that copy files to servers or cloud storage. Also used in ordinary work: the arguments and the
/// destination decide.
#[rustfmt::skip]
pub static EXFILTRATION_TOOLS: &[&str] = &[
    "aws", "azcopy", "bitsadmin", "curl", "cyberduck", "dropbox", "duck", "filezilla", "freefilesync", "ftp",
    "gclone", "gsutil", "mega-put", "megaclient", "megacmd", "megacmdserver", "megasync", "pscp", "psftp", "rclone",
    "restic", "s3browser*", "scp", "sftp", "wget", "winscp",
];

/// Services of Microsoft Defender whose stop is an impairment.
#[rustfmt::skip]
pub static DEFENDER_SERVICES: &[&str] = &[
    "mdcoresvc", "mssecflt", "securityhealthservice", "sense", "wdboot", "wdfilter", "wdnisdrv", "wdnissvc",
    "windefend", "wscsvc",
];

/// Services of antivirus and endpoint-protection products of other vendors (names as registered with the service
/// manager; `*` ends a prefix). Source: the vendors' documentation.
#[rustfmt::skip]
pub static ANTIVIRUS_SERVICES: &[&str] = &[
    "360rp", "amsp", "antivirservice", "aswbidsagent", "avast*", "avg*", "avira*", "avp*", "bdservicehost",
    "carbonblack", "cbdefense", "cbdefensesensor", "ccsvchst", "cmdagent", "comodo*", "coreserviceshell", "cortex*",
    "csagent", "csfalconservice", "cylancesvc", "cyserver", "cyverak", "cyvrfsflt", "deepinstinct*", "ds_agent",
    "ds_monitor", "ekrn", "elasticendpoint", "epintegrationservice", "epprotectedservice", "epsecurityservice",
    "eraagentsvc", "f-secure*", "fa_scheduler", "ffri*", "fortiedr*", "fortishield", "fshoster", "fsma",
    "fsulprothoster", "hipsdaemon", "hmpalertsvc", "k7*", "kavfs*", "klnagent*", "logprocessorservice", "macmnsvc",
    "masvc", "mbamservice", "mbendpointagent", "mcshield*", "mfefire", "mfemms", "mfevtp", "mfewc",
    "nanoservicemain", "norton*", "ntrtscan", "panda*", "parity", "pavsrv", "psanhost", "qhactivedefense",
    "savadminservice", "savservice", "sentinelagent", "sentinelhelperservice", "sentinelstaticengine",
    "sepmasterservice", "smcservice", "sntpservice", "sophos*", "taniumclient", "tmbmserver", "tmccsf", "tmlisten",
    "traps*", "vsserv", "vsservppl", "wrsvc", "xagt", "yarai*", "zaservice",
];

/// Tools whose renaming is worth a finding, by the stem of their OriginalFileName. Source: Sigma's rules on
/// renamed binaries and the tools of published intrusions.
#[rustfmt::skip]
pub static RENAME_WATCHED: &[&str] = &[
    "7z", "7za", "adfind", "advanced_ip_scanner", "advanced_port_scanner", "anydesk", "autoit", "autoit3",
    "bitsadmin", "certutil", "chisel", "cmd", "cmstp", "cscript", "curl", "dsquery", "esentutl", "finger", "ftp",
    "installutil", "megacmd", "megasync", "mimikatz", "msbuild", "mshta", "msiexec", "nbtscan", "net", "net1",
    "netscan", "ngrok", "nircmd", "ntdsutil", "paexec", "plink", "powershell", "procdump", "processhacker",
    "psexec", "psexesvc", "pwsh", "rar", "rclone", "reg", "regsvr32", "rundll32", "sc", "schtasks", "teamviewer",
    "vssadmin", "whoami", "winrar", "wmic", "wscript",
];

/// System programs that malware imitates by a letter or digit. Short or everyday words are not here, their
/// neighbours are ordinary names.
#[rustfmt::skip]
pub static LOOKALIKE_TARGETS: &[&str] = &[
    "audiodg", "conhost", "csrss", "ctfmon", "dllhost", "explorer", "fontdrvhost", "lsaiso", "lsass", "msmpeng",
    "powershell", "regsvr32", "rundll32", "runtimebroker", "searchindexer", "services", "sihost", "smss", "spoolsv",
    "svchost", "taskhost", "taskhostex", "taskhostw", "taskmgr", "userinit", "wininit", "winlogon", "wmiprvse",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sorted_lower_case_and_without_extension() {
        for set in [
            DOCUMENT_APPLICATIONS,
            INTERPRETERS,
            SHELLS,
            SCRIPT_HOSTS,
            BROWSERS,
            SERVER_PROCESSES,
            DATABASE_SERVERS,
            SERVER_HELPERS,
            HUB_PROCESSES,
            REMOTE_EXECUTION_SERVICES,
            DISCOVERY_COMMANDS,
            ARCHIVERS,
            EXFILTRATION_TOOLS,
            DEFENDER_SERVICES,
            ANTIVIRUS_SERVICES,
            RENAME_WATCHED,
            LOOKALIKE_TARGETS,
        ] {
            assert!(set.is_sorted_by(|a, b| a < b), "{set:?}");
            for name in set {
                assert_eq!(*name, name.to_ascii_lowercase());
                assert_eq!(*name, stem(name));
                assert!(contains(set, name.trim_end_matches('*')), "{name}");
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case_with_and_without_extension() {
        assert!(contains(DOCUMENT_APPLICATIONS, "WINWORD.EXE"));
        assert!(contains(DOCUMENT_APPLICATIONS, "taro35.exe"));
        assert!(contains(INTERPRETERS, "powershell"));
        assert!(contains(SERVER_PROCESSES, "tomcat9.exe"));
        assert!(contains(REMOTE_EXECUTION_SERVICES, "PSEXESVC"));
        assert!(!contains(INTERPRETERS, "notepad.exe"));
        assert!(!contains(INTERPRETERS, ""));
        assert!(!contains(INTERPRETERS, ".exe"));
    }

    #[test]
    fn base_names_survive_odd_paths() {
        assert_eq!(base_name(r"C:\Windows\System32\cmd.exe"), "cmd.exe");
        assert_eq!(base_name("/usr/bin/bash"), "bash");
        assert_eq!(base_name("C:\\"), "");
        assert_eq!(stem("日本.exe"), "日本");
        assert_eq!(stem("é"), "é");
    }
}
