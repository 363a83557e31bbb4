//! Entries written for a person to keep: what silences one hit, or what is common here.

use std::fmt::Write;

/// An entry before it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewEntry {
    /// Keys and values, in the order in which they are written.
    pub keys: Vec<(&'static str, String)>,
    /// Why it is harmless.
    pub reason: String,
    /// Who answers for it; empty for nobody.
    pub owner: String,
    /// `YYYY-MM-DD`; empty for ever.
    pub expires: String,
}

impl NewEntry {
    /// The entry as TOML, with a line break at its end.
    pub fn to_toml(&self) -> String {
        let mut out = "[[allow]]\n".to_owned();
        let said = [
            ("reason", &self.reason),
            ("owner", &self.owner),
            ("expires", &self.expires),
        ];
        let keys = self.keys.iter().map(|(k, v)| (*k, v));
        for (key, value) in keys.chain(said).filter(|(_, v)| !v.is_empty()) {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{key} = {}", quoted(value));
        }
        out
    }
}

/// A TOML string. Its escapes are those of JSON, and the character that only TOML wants escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A pattern that matches exactly this path or name.
pub fn exact_glob(text: &str) -> String {
    globset::escape(text)
}

/// An expression that matches exactly this command line.
pub fn exact_command(text: &str) -> String {
    format!("^{}$", regex::escape(text))
}

#[cfg(test)]
mod tests {
    use super::super::Allowlist;
    use super::*;

    #[test]
    fn what_is_written_can_be_read_whatever_it_holds() {
        let entry = NewEntry {
            keys: vec![
                ("signal", "PROC-01".to_owned()),
                ("key", "a\"b\\c\n\u{1b}[31m\u{7f}".to_owned()),
                ("image_path_glob", exact_glob(r"C:\a[1]{x}*.exe")),
                ("cmdline_regex", exact_command(r"x (y) [z] $")),
            ],
            reason: "it's a \"test\"".to_owned(),
            owner: String::new(),
            expires: "2030-01-01".to_owned(),
        };
        let text = entry.to_toml();
        let list = Allowlist::parse(&text, "allow.toml", 0).unwrap();
        assert_eq!(list.entries()[0].reason, "it's a \"test\"");
        assert!(!text.contains('\u{1b}'));
    }
}
