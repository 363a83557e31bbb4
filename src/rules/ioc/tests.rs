//! What matches what, by tables of cases.

use super::*;
use crate::base::ip;
use crate::entity::ioc::{Indicator, guess};

fn matcher(values: &[&str]) -> Matcher {
    let found = values.iter().flat_map(|v| guess(v).unwrap());
    let all = found.map(|(kind, value)| Indicator {
        kind,
        value,
        note: String::new(),
        source: String::new(),
    });
    Matcher::new(all.collect()).unwrap()
}

fn check(role: Role, indicator: &str, matching: &[&str], other: &[&str]) {
    let m = matcher(&[indicator]);
    let found = |text: &str| {
        let mut out = Vec::new();
        m.test(role, text.as_bytes(), &mut out);
        !out.is_empty()
    };
    for text in matching {
        assert!(found(text), "{indicator} should match {role:?} {text}");
    }
    for text in other {
        assert!(!found(text), "{indicator} should not match {role:?} {text}");
    }
}

#[test]
fn domains() {
    check(
        Role::Name,
        "evil.com",
        &["evil.com", "EVIL.com.", "a.b.evil.com", "*.evil.com", "evil.com:443"],
        &["notevil.com", "evil.com.au", "com", ""],
    );
    check(
        Role::Text,
        "evil.com",
        &["curl http://x.evil.com/a", "IEX(evil.com)"],
        &["curl notevil.com", "evil.comx"],
    );
    check(Role::Mail, "evil.com", &["a@evil.com"], &["a@good.com"]);
}

#[test]
fn addresses_and_networks() {
    for (ioc, yes, no) in [
        ("203.0.113.7", "203.0.113.7", "203.0.113.70"),
        ("203.0.113.0/28", "203.0.113.15", "203.0.113.16"),
    ] {
        let m = matcher(&[ioc]);
        let found = |a: &str| {
            let mut out = Vec::new();
            m.test(Role::Address, &ip::parse(a).unwrap(), &mut out);
            !out.is_empty()
        };
        assert!(found(yes) && !found(no), "{ioc}");
        check(Role::Name, ioc, &[yes], &[no, "host"]);
        check(
            Role::Text,
            ioc,
            &[&format!("ping {yes} -t"), &format!("http://{yes}:80/")],
            &[no],
        );
    }
    check(
        Role::Text,
        "2001:db8::7",
        &["connect [2001:db8::7]:443"],
        &["2001:db8::77"],
    );
}

#[test]
fn files_by_name_path_and_glob() {
    check(
        Role::Path,
        "evil.exe",
        &[r"C:\x\Evil.exe", "evil.exe", "/tmp/evil.exe"],
        &[r"C:\x\notevil.exe", r"C:\evil.exe.bak"],
    );
    check(
        Role::Path,
        r"C:\Users\Public\a.dll",
        &[r"c:\users\public\A.DLL", "C:/Users/Public/a.dll"],
        &[r"d:\users\public\a.dll", r"c:\users\public\a.dll2"],
    );
    check(
        Role::Path,
        r"%APPDATA%\x\y.exe",
        &[r"C:\Users\bob\AppData\Roaming\x\y.exe"],
        &[r"C:\Users\bob\AppData\Local\x\y.exe"],
    );
    check(Role::Path, "*.locky", &[r"C:\a\b.locky"], &[r"C:\a.locky\b"]);
    check(Role::Path, r"C:\Temp\*.dat", &[r"c:\temp\1.dat"], &[r"c:\temp2\1.dat"]);
    check(Role::Path, "/tmp/.x/miner", &["/tmp/.x/miner"], &["/tmp/.x/miner2"]);
    check(
        Role::Text,
        "evil.exe",
        &["\"C:\\evil.exe\" /c", "start evil.exe"],
        &["evil.exes"],
    );
    check(
        Role::Text,
        "invoice_*.js",
        &["wscript C:\\d\\invoice_17.js //B"],
        &["wscript invoice.js"],
    );
}

#[test]
fn registry_keys_in_every_spelling() {
    check(
        Role::Registry,
        r"HKLM\SOFTWARE\Evil",
        &[
            r"HKLM\SOFTWARE\Evil",
            r"\REGISTRY\MACHINE\SOFTWARE\Wow6432Node\Evil\Sub",
        ],
        &[r"HKLM\SOFTWARE\Evil2", r"HKU\S-1-5-21-1\SOFTWARE\Evil"],
    );
    check(
        Role::Registry,
        r"HKCU\Software\Evil",
        &[r"HKU\S-1-5-21-1-2-3-1001\Software\Evil"],
        &[r"HKLM\Software\Evil"],
    );
    check(
        Role::Text,
        r"HKCU\Software\Evil",
        &[r"reg add HKEY_CURRENT_USER\Software\Evil /v x"],
        &[r"hkcu\software\evil2"],
    );
}

#[test]
fn a_value_of_a_key_is_confirmed_by_its_row() {
    let m = matcher(&[r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run\Updater"]);
    let key = r"HKU\S-1-5-21-1-2-3-1001\Software\Microsoft\Windows\CurrentVersion\Run";
    let mut out = Vec::new();
    m.test(Role::Registry, key.as_bytes(), &mut out);
    assert_eq!(out, [CANDIDATE]);
    let row = |value: &'static str| {
        move |name: &str| match name {
            "key" => Some(key.to_owned()),
            "value_name" => Some(value.to_owned()),
            _ => None,
        }
    };
    assert!(m.confirms(out[0], "key", &row("Updater")));
    assert!(!m.confirms(out[0], "key", &row("OneDrive")));
}

#[test]
fn urls_are_host_and_beginning_of_path() {
    let m = matcher(&["http://evil.com/gate.php?id=1"]);
    let mut out = Vec::new();
    m.test(Role::UrlHost, b"evil.com", &mut out);
    assert_eq!(out, [CANDIDATE]);
    let row = |path: &'static str, query: &'static str| {
        move |name: &str| match name {
            "url_path" => Some(path.to_owned()),
            "url_query" => Some(query.to_owned()),
            _ => None,
        }
    };
    assert!(m.confirms(out[0], "url_host", &row("/gate.php", "id=1&x=2")));
    assert!(!m.confirms(out[0], "url_host", &row("/gate.php", "id=2")));
    check(
        Role::Text,
        "http://evil.com/gate",
        &["iwr https://evil.com/gate/x"],
        &["iwr https://a.evil.com/gate", "iwr https://evil.com/"],
    );
    check(Role::UrlPart, "/gate.php", &["/a/gate.php"], &["/gate.asp"]);
}

#[test]
fn accounts_with_and_without_domains() {
    check(
        Role::Account,
        "account:svc_backup",
        &["svc_backup", r"CORP\svc_backup", "svc_backup@corp.example"],
        &["svc_backup2"],
    );
    check(
        Role::Account,
        "S-1-5-21-1-2-3-1104",
        &["S-1-5-21-1-2-3-1104"],
        &["S-1-5-21-1-2-3-110"],
    );
    check(Role::Account, "a.b@evil.com", &["A.B@evil.com"], &["a.b@evil.org"]);
    let m = matcher(&[r"CORP\alice"]);
    let test = |v: &str| {
        let mut out = Vec::new();
        m.test(Role::Account, v.as_bytes(), &mut out);
        out
    };
    assert_eq!(test(r"corp.example\alice"), [0]);
    assert!(test(r"other\alice").is_empty());
    assert_eq!(test("alice"), [CANDIDATE]);
    let domain = |d: &'static str| move |name: &str| (name == "user_domain").then(|| d.to_owned());
    assert!(m.confirms(CANDIDATE, "user", &domain("CORP")) && m.confirms(CANDIDATE, "user", &domain("")));
    assert!(!m.confirms(CANDIDATE, "user", &domain("OTHER")));
}

#[test]
fn hashes_are_asked_as_sorted_values_of_their_width() {
    let m = matcher(&[
        "44d88612fea8a8f36de82e1278abb02f",
        "da39a3ee5e6b4b0d3255bfef95601890afd80700",
    ]);
    let (_, md5) = crate::schema::process::TABLE.find("md5").unwrap();
    let values = m.values(Role::Hash, md5).unwrap();
    assert_eq!(values.len(), 1);
    let mut out = Vec::new();
    m.test(Role::Hash, &values[0], &mut out);
    assert_eq!(out, [0]);
}
