//! One spelling for registry keys: sources write hives, control sets and the 32-bit view in different ways.

use std::borrow::Cow;

const HIVES: &[(&str, &str)] = &[
    ("\\registry\\machine", "hklm"),
    ("\\registry\\user", "hku"),
    ("hkey_local_machine", "hklm"),
    ("hkey_current_user", "hkcu"),
    ("hkey_classes_root", "hkcr"),
    ("hkey_users", "hku"),
    ("hklm:", "hklm"),
    ("hkcu:", "hkcu"),
];

/// The key in lower case with short hives: `hklm\…`, `hkcu\…` (the hive of any one user), never `hkcr`, `hku` with a
/// SID, `ControlSet001` or `Wow6432Node`.
pub fn canonical(key: &str) -> String {
    let lower = key.trim().trim_end_matches('\\').to_lowercase();
    let lower = lower.rsplit_once("registry::").map_or(lower.as_str(), |(_, rest)| rest);
    let hived = HIVES
        .iter()
        .find_map(|(long, short)| {
            let rest = lower.strip_prefix(long)?;
            (rest.is_empty() || rest.starts_with('\\')).then(|| Cow::Owned(format!("{short}{rest}")))
        })
        .unwrap_or(Cow::Borrowed(lower));
    control_set(&without_sid(&hived)).replace("\\wow6432node", "")
}

/// `hku\SID\…` and `hku\SID_Classes\…` are the hives of users, `hkcr` is the machine's classes.
fn without_sid(key: &str) -> Cow<'_, str> {
    if let Some(rest) = key.strip_prefix("hkcr") {
        return Cow::Owned(format!("hklm\\software\\classes{rest}"));
    }
    let Some(rest) = key.strip_prefix("hku\\") else {
        return Cow::Borrowed(key);
    };
    let (sid, rest) = match rest.split_once('\\') {
        Some((sid, rest)) => (sid, format!("\\{rest}")),
        None => (rest, String::new()),
    };
    match sid.ends_with("_classes") {
        true => Cow::Owned(format!("hkcu\\software\\classes{rest}")),
        false => Cow::Owned(format!("hkcu{rest}")),
    }
}

fn control_set(key: &str) -> Cow<'_, str> {
    let Some(rest) = key.strip_prefix("hklm\\system\\controlset") else {
        return Cow::Borrowed(key);
    };
    match rest.split_at_checked(3) {
        Some((digits, rest)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Cow::Owned(format!("hklm\\system\\currentcontrolset{rest}"))
        }
        _ => Cow::Borrowed(key),
    }
}

/// The number in the data of a value as sources write it: `DWORD (0x00000001)`, `0x1`, `1`.
pub fn number(data: &str) -> Option<u64> {
    let text = data.trim();
    let inner = text
        .strip_prefix("DWORD (")
        .or_else(|| text.strip_prefix("QWORD ("))
        .map_or(text, |t| t.trim_end_matches(')'));
    match inner.strip_prefix("0x").or_else(|| inner.strip_prefix("0X")) {
        // A QWORD is written as two halves.
        Some(hex) => u64::from_str_radix(&hex.replace("-0x", ""), 16).ok(),
        None => inner.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_key_are_one() {
        let run = r"hklm\software\microsoft\windows\currentversion\run";
        for key in [
            r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run",
            r"\REGISTRY\MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Run\",
            r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Run",
            r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Run",
            r"Microsoft.PowerShell.Core\Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Run",
        ] {
            assert_eq!(canonical(key), run, "{key}");
        }
        assert_eq!(
            canonical(r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services\x"),
            r"hklm\system\currentcontrolset\services\x"
        );
        assert_eq!(canonical(r"HKU\S-1-5-21-1-2-3-1001\Software\X"), r"hkcu\software\x");
        assert_eq!(
            canonical(r"HKU\S-1-5-21-1-2-3-1001_Classes\ms-settings"),
            r"hkcu\software\classes\ms-settings"
        );
        assert_eq!(canonical(r"HKCR\mscfile"), r"hklm\software\classes\mscfile");
        assert_eq!(canonical(r"HKLMX\a"), r"hklmx\a");
        assert_eq!(canonical("日本"), "日本");
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        for data in ["DWORD (0x00000001)", "0x1", "1", "QWORD (0x00000000-0x00000001)"] {
            assert_eq!(number(data), Some(1), "{data}");
        }
        assert_eq!(number("Binary Data"), None);
        assert_eq!(number("0x"), None);
    }
}
