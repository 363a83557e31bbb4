//! The rendered message of a Windows event, read back into event data.
//!
//! Used only for what the structured data lack: a collector dropped them, or a name collided with the header. The lines
//! are `Key: value`, grouped under headings; Sysmon's keys are the names of its event data, those of the Security log
//! are translated (`labels`), also from a few other languages. A value can hold line breaks an attacker chose, so the
//! first line with a key counts and structured data always win.

use std::borrow::Cow;

use super::raw::{Raw, Value};
use super::windows::Source;

mod labels;

/// Longest message that is read; what follows is explanation.
const MAX_BYTES: usize = 256 * 1024;

/// Whether event data that every event of this kind has are missing.
pub fn is_needed(raw: &Raw<'_>) -> bool {
    let code = raw.code.unwrap_or_default();
    let lacks = |name: &'static str| !raw.has(name);
    match raw.source() {
        Source::Sysmon => match code {
            8 | 10 => lacks("SourceProcessId") || lacks("UtcTime"),
            12..=14 => lacks("EventType") || lacks("ProcessId") || lacks("UtcTime"),
            4 | 16 | 19..=21 | 255 => lacks("UtcTime"),
            6 => lacks("ImageLoaded"),
            _ => lacks("ProcessId") || lacks("UtcTime") || (code != 25 && lacks("Image")),
        },
        Source::Security => match code {
            4688 => lacks("ProcessId") || lacks("NewProcessName"),
            4689 | 4656 | 4658 | 4663 | 4673 | 4674 | 4690 => lacks("ProcessId"),
            4624 | 4625 | 4648 => lacks("ProcessId") || lacks("TargetUserName"),
            5152 | 5154..=5159 => lacks("ProcessId") && lacks("ProcessID"),
            _ => false,
        },
        Source::PowerShell => code == 4104 && lacks("ScriptBlockText"),
        _ => false,
    }
}

/// Adds the values that the message names and the fields lack.
pub fn fill(raw: &mut Raw<'_>, message: &str) {
    let message = message.get(..MAX_BYTES).unwrap_or(message);
    let source = raw.source();
    if source == Source::PowerShell && raw.code == Some(4104) {
        script_block(raw, message);
        return;
    }
    let mut section = Cow::Borrowed("");
    for line in message.split('\n').take(2_000) {
        let line = line.trim_end_matches('\r');
        let Some((key, value)) = pair(line) else {
            continue;
        };
        let key = labels::english(key);
        if value.is_empty() && !line.starts_with(['\t', ' ']) {
            section = key;
            continue;
        }
        let name = match labels::field(source, raw.code.unwrap_or_default(), &section, &key) {
            Some(name) => name,
            None if is_name(&key) && source != Source::Security => &key,
            None => continue,
        };
        if !value.is_empty() && raw.get(name).is_none() {
            raw.push(name.to_owned(), Value::Str(Cow::Owned(value.to_owned())));
        }
    }
}

/// `Key: value`; a colon of full width and blanks before the colon (French) are no hindrance.
fn pair(line: &str) -> Option<(&str, &str)> {
    let at = line.find([':', '：'])?;
    let (key, value) = line.split_at_checked(at)?;
    let value = value.trim_start_matches([':', '：']);
    let key = key.trim();
    (!key.is_empty() && key.chars().count() <= 64).then_some((key, value.trim()))
}

/// Whether a key is itself a name of event data.
fn is_name(key: &str) -> bool {
    key.len() > 1
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !key.bytes().all(|b| b.is_ascii_digit())
}

/// `Creating Scriptblock text (1 of 3):`, the text, then the id and the path. The words differ by language, the
/// numbers in brackets and the order do not.
fn script_block(raw: &mut Raw<'_>, message: &str) {
    let Some((first, rest)) = message.split_once('\n') else {
        return;
    };
    let inside = first
        .rsplit_once('(')
        .and_then(|(_, t)| t.split_once(')'))
        .map(|(t, _)| t);
    let numbers: Vec<&str> = inside
        .unwrap_or_default()
        .split(|c: char| !c.is_ascii_digit())
        .filter(|t| !t.is_empty())
        .collect();
    let [part, parts] = numbers.as_slice() else {
        return;
    };
    let lines: Vec<&str> = rest.lines().collect();
    // The id is the last GUID that ends a line.
    let Some(at) = lines.iter().rposition(|l| id_of(l).is_some()) else {
        return;
    };
    let text = lines.get(..at).unwrap_or_default().join("\n");
    let id = lines.get(at).and_then(|l| id_of(l)).unwrap_or_default();
    let path = lines.get(at + 1).and_then(|l| pair(l)).map_or("", |(_, v)| v);
    for (name, value) in [
        ("MessageNumber", *part),
        ("MessageTotal", *parts),
        ("ScriptBlockText", text.trim_end()),
        ("ScriptBlockId", id),
        ("Path", path),
    ] {
        if raw.get(name).is_none() {
            raw.push(name, Value::Str(Cow::Owned(value.to_owned())));
        }
    }
}

fn id_of(line: &str) -> Option<&str> {
    let (_, id) = line.rsplit_once([':', '：', ' '])?;
    let id = id.trim();
    (id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &'static str, code: i32) -> Raw<'static> {
        let mut raw = Raw::windows(0);
        raw.kind = kind.into();
        raw.code = Some(code);
        raw
    }

    #[test]
    fn the_process_id_that_nxlog_lost_comes_back_from_the_message() {
        let mut raw = event("Microsoft-Windows-Sysmon", 1);
        raw.push("Image", Value::str("C:\\a.exe"));
        assert!(is_needed(&raw));
        fill(
            &mut raw,
            "Process Create:\r\nUtcTime: 2018-01-29 01:29:05.972\r\nProcessId: 9636\r\nImage: C:\\Users\\b.exe\r\n",
        );
        assert_eq!(raw.get("ProcessId"), Some("9636"));
        assert_eq!(raw.get("Image"), Some("C:\\a.exe"), "structured data win");
        assert_eq!(raw.get("UtcTime"), Some("2018-01-29 01:29:05.972"));
    }

    #[test]
    fn accounts_are_told_apart_by_their_heading_in_several_languages() {
        for message in [
            "An account failed to log on.\r\n\r\nSubject:\r\n\tAccount Name:\t\tWS1$\r\n\r\nLogon Type:\t\t\t3\r\n\r\nAccount For Which Logon Failed:\r\n\tAccount Name:\t\tann\r\n\r\nNetwork Information:\r\n\tSource Network Address:\t10.0.0.5\r\n",
            "Échec d’ouverture de session d’un compte.\r\n\r\nSujet\u{a0}:\r\n\tNom du compte\u{a0}:\t\tWS1$\r\n\r\nType d’ouverture de session\u{a0}:\t\t\t3\r\n\r\nCompte pour lequel l’ouverture de session a échoué\u{a0}:\r\n\tNom du compte\u{a0}:\t\tann\r\n\r\nInformations sur le réseau\u{a0}:\r\n\tAdresse du réseau source\u{a0}:\t10.0.0.5\r\n",
            "アカウントがログオンに失敗しました。\r\n\r\nサブジェクト:\r\n\tアカウント名:\t\tWS1$\r\n\r\nログオン タイプ:\t\t\t3\r\n\r\nログオンを失敗したアカウント:\r\n\tアカウント名:\t\tann\r\n\r\nネットワーク情報:\r\n\tソース ネットワーク アドレス:\t10.0.0.5\r\n",
        ] {
            let mut raw = event("Microsoft-Windows-Security-Auditing", 4625);
            fill(&mut raw, message);
            let got: Vec<_> = raw.fields.iter().map(|f| (&*f.name, f.value.text().unwrap())).collect();
            assert_eq!(
                got,
                [
                    ("SubjectUserName", "WS1$"),
                    ("LogonType", "3"),
                    ("TargetUserName", "ann"),
                    ("IpAddress", "10.0.0.5")
                ]
            );
        }
    }

    #[test]
    fn a_script_block_is_cut_out_of_its_message() {
        let mut raw = event("Microsoft-Windows-PowerShell", 4104);
        fill(
            &mut raw,
            "Creating Scriptblock text (2 of 3):\r\nGet-Date\r\nWrite-Host 1\r\n\r\nScriptBlock ID: f5521cbd-656e-4296-b74d-9ffb4eec23b0\r\nPath: C:\\a.ps1",
        );
        assert_eq!(raw.get("ScriptBlockText"), Some("Get-Date\nWrite-Host 1"));
        assert_eq!(
            (raw.get("MessageNumber"), raw.get("MessageTotal")),
            (Some("2"), Some("3"))
        );
        assert_eq!(raw.get("Path"), Some("C:\\a.ps1"));
        assert_eq!(raw.get("ScriptBlockId"), Some("f5521cbd-656e-4296-b74d-9ffb4eec23b0"));
    }
}
